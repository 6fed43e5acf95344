# SPDX-License-Identifier: Apache-2.0

"""Texts of Ganesha's files and of what it says over DBus, as tables."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_text
from manila_drivers.transport import command

Block = ganesha_text.Block


@pytest.mark.parametrize(('text', 'blocks'), [
    ('', ()), ('# all\n// of\n/* it\nis */ ', ()),
    ('%include "/a/b.conf"\nA {}', (Block('a'),)),
    ('A{B=c;}', (Block('a', {'b': ('c',)}),)),
    ('A { b = c, d ; ; E = "f g" ,\'h i\'; }',
     (Block('a', {'b': ('c', 'd'), 'e': ('f g', 'h i')}),)),
    ('A { b = ; }', (Block('a', {'b': ()}),)),
    ('A { B { c = d; } %include x\n b { e = f; } } G { }',
     (Block('a', {}, (Block('b', {'c': ('d',)}), Block('b', {'e': ('f',)}))),
      Block('g'))),
    # Quotes: what they keep together, and how they say themselves.
    (r'A { b = "c\"d\\e"; }', (Block('a', {'b': ('c"d\\e',)}),)),
    ('A { b = \'c"\\d\'; }', (Block('a', {'b': ('c"\\d',)}),)),
    ('A { b = "a{;}=,#"; }', (Block('a', {'b': ('a{;}=,#',)}),)),
    ('A { b = "\'"; }', (Block('a', {'b': ("'",)}),)),
    ('A { b = ""; }', (Block('a', {'b': ('',)}),)),
    ('A { b = c; # d = e;\n }', (Block('a', {'b': ('c',)}),)),
    # The last of a name counts.
    ('A { b = c; B = d; }', (Block('a', {'b': ('d',)}),))])
def test_blocks(text, blocks):
    assert ganesha_text.read(text) == blocks


@pytest.mark.parametrize(('text', 'near'), [
    ('A', 'the end'), ('A {', 'the end'), ('A { b', 'the end'),
    ('A { b = c', 'the end'), ('A { b = c }', '}'), ('A { b c', 'c'),
    ('}', '}'), ('A }', '}'), ('A { , }', ','), ('A { = }', '='),
    ('A { b = { } }', '{'), ('"A" { }', '"A"'), ('A { "b" = c; }', '"b"'),
    ('A { b = "' + 'c' * 80, '"' + 'c' * 39)])
def test_files_that_are_refused(text, near):
    with pytest.raises(exception.BackendError) as caught:
        ganesha_text.read(text)
    assert caught.value.answer == f'near {near!r}'


def test_values_of_a_block():
    block, = ganesha_text.read('A { b = c, d; e = ; }')
    assert (block.text('B'), block.text('e', 'x'), block.text('f', 'y'),
            block.text('f')) == ('c', 'x', 'y', '')


SHOWN = """\
method return time=1.5 sender=:1.0 -> destination=:1.1 serial=1 reply_serial=2
   struct {
      uint64 1
      uint64 2
   }
   array [
      struct {
         uint16 0
         string "/"
      }
      struct {
         uint16 10
         string "/a "b" {"
      }
      struct {
         uint16 7
         string "/c"
      }
   ]
"""


def test_exports_are_listed_without_the_root_of_all():
    assert ganesha_bus.exports(SHOWN) == {10: '/a "b" {', 7: '/c'}


def displayed(*clients):
    return ('method return\n   uint16 7\n   string "/path"\n'
            '   string "/pseudo"\n   string "tag"\n   array [\n' + ''.join(
                f'      struct {{\n         string "{name}"\n'
                '         int32 -2\n         byte 32\n'
                '         uint32 1\n         uint32 2\n         uint32 3\n'
                f'         uint32 {bits}\n         uint32 5\n      }}\n'
                for name, bits in clients) + '   ]\n')


@pytest.mark.parametrize(('bits', 'level'), [
    (0x20, 'ro'), (0x60, 'rw'), (0x1e0, 'rw'), (0xa0, 'ro'), (0x40, ''),
    (0, ''), (0x180, '')])
def test_an_export_in_detail(bits, level):
    export = ganesha_bus.export(displayed(('10.0.0.0/8', bits),
                                          ('@group', 0x20)))
    assert (export.id, export.path, export.pseudo, export.tag) == (
        7, '/path', '/pseudo', 'tag')
    assert export.clients == (
        (ipaddress.ip_network('10.0.0.0/8'), level), (None, 'ro'))


def test_no_such_export():
    assert ganesha_bus.export('Error org.freedesktop.DBus.Error: none') is None


@pytest.mark.parametrize(('texts', 'complaint'), [
    ([], ''), (['method return\n   string "1 exports added"\n'], ''),
    (['method return\n   string "0 exports added"\n   string ""\n'],
     '0 exports added"\n   string ""'),
    (['', 'method return\n   string "x, 2 Errors found"\n'],
     'x, 2 Errors found"'),
    # What is in a path is no complaint, nor is what no call returned.
    (['method return\n   uint16 7 string "0 exports"\n'], ''),
    (['Error\n   string "0 exports added"\n'], '')])
def test_complaints(texts, complaint):
    assert ganesha_bus.complaint(
        command.Result(text, '', 0) for text in texts) == complaint


@pytest.mark.parametrize(('make', 'method', 'arguments', 'accept'), [
    (lambda: ganesha_bus.add('/f', 7), 'AddExport',
     ['string:/f', 'string:EXPORT(Export_Id=7)'], {0}),
    (lambda: ganesha_bus.update('/f', 7), 'UpdateExport',
     ['string:/f', 'string:EXPORT(Export_Id=7)'], {0}),
    (lambda: ganesha_bus.remove(7), 'RemoveExport', ['uint16:7'], {0}),
    # Questions may be answered with an error.
    (ganesha_bus.show, 'ShowExports', [], {0, 1}),
    (lambda: ganesha_bus.show(accept=(0,)), 'ShowExports', [], {0}),
    (lambda: ganesha_bus.display(7), 'DisplayExport', ['uint16:7'], {0, 1}),
    (ganesha_bus.introspect, 'Introspect', [], {0, 1})])
def test_calls(make, method, arguments, accept):
    interface = ('org.freedesktop.DBus.Introspectable'
                 if method == 'Introspect' else 'org.ganesha.nfsd.exportmgr')
    made = make()
    assert made.words() == [
        'dbus-send', '--print-reply', '--system', '--dest=org.ganesha.nfsd',
        '/org/ganesha/nfsd/ExportMgr', f'{interface}.{method}', *arguments]
    assert made.accept == accept and made.root
