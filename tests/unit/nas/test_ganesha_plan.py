# SPDX-License-Identifier: Apache-2.0

"""Tables of what Ganesha exports and shall export, and what is between."""

import ipaddress
import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.nas import ganesha
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_legacy
from manila_drivers.transport import command
from tests.unit.nas import world

# A dot means something to sed.
LAYOUT = ganesha.Layout('/etc/g.d', 'VFS')
FILE = LAYOUT.file('share-1')
LINE = (r'\|^[[:space:]]*%%include[[:space:]]*"\{0,1\}/etc/g\.d/%s'
        r'\.conf"\{0,1\}[[:space:]]*$|d')


def export(number, levels, path=world.PATH, **parts):
    return ganesha_exports.GaneshaExport(
        number, path, path, parts.pop('tag', 'share-1'),
        tuple((ipaddress.ip_network(client) if client else None, level)
              for client, level in levels.items()), **parts)


def written(number, levels, **parts):
    """An export as its file says it."""
    found, = ganesha_exports.read(ganesha_exports.write(
        world.export(levels, **parts), number, 'VFS'))
    return found


def facts(**parts):
    """A server that knows how to update, and was asked for details."""
    return ganesha.Facts(**{
        'live': {}, 'shown': {}, 'asked': True, 'files': {},
        'pending': frozenset(), 'index': frozenset(),
        'methods': frozenset({'AddExport', 'UpdateExport'}), **parts})


def served(number=7, levels=None, **parts):
    """A server that exports what its file says, and has said so."""
    found = written(number, levels or {'10.0.0.1': 'rw'}, **parts)
    shown = ganesha_exports.GaneshaExport(number, found.path, found.pseudo,
                                   found.tag, found.clients)
    return {'live': {number: world.PATH}, 'shown': {number: shown},
            'files': {'share-1': (found,)}, 'index': frozenset({FILE})}


def words(commands):
    """Commands as a shell would read them, those of dbus-send shortened."""
    found = []
    for cmd in commands:
        name, *rest = cmd.words()
        if name == 'dbus-send':
            name, *rest = (rest[4].rpartition('.')[2], *rest[5:])
        found.append(' '.join([name, *rest]))
    return found


# Numbers

PATHS = ('/a', '/b', '/c')


@pytest.fixture
def few(monkeypatch):
    """Numbers from 100 to 103 alone; /a prefers 101, /b and /c 103."""
    monkeypatch.setattr(ganesha, 'LAST', 103)
    preferred = {'/a': 101, '/b': 103, '/c': 103}
    monkeypatch.setattr(ganesha, 'preferred', preferred.__getitem__)


def numbers(servers, paths=('/a',), levels=(('10.0.0.1', 'rw'),)):
    return ganesha.numbers(servers, [
        world.export(dict(levels), path=path) for path in paths])


@pytest.mark.parametrize(('live', 'files', 'number'), [
    ([], [], 101),
    ([(102, '/a')], [], 102), ([], [(102, '/a')], 102),
    # The one in most places; the lowest of as many.
    ([(103, '/a'), (102, '/a')], [(102, '/a')], 102),
    ([(103, '/a'), (102, '/a')], [(103, '/a')], 103),
    ([(103, '/a'), (102, '/a')], [], 102),
    # Another path has it as well: on this server, or on none that matters.
    ([(102, '/a')], [(102, '/b')], 101), ([(102, '/a')], [(102, '/a')], 102),
    # What no export may have, or could not be read.
    ([(0, '/a')], [], 101), ([], [(-1, '/a')], 101), ([(104, '/a')], [], 101),
    ([(1, '/a')], [], 1), ([(103, '/a')], [], 103),
    # Taken by others: the next that is free, with the first after the last.
    ([(101, '/b')], [], 102), ([(101, '/b'), (102, '/b')], [], 103),
    ([(101, '/b'), (102, '/b')], [(103, '/b')], 100)])
def test_which_number_a_path_has(live, files, number, few):
    server = facts(live=dict(live), files={
        str(n): (export(one, {}, path),)
        for n, (one, path) in enumerate(files)})
    assert numbers([server]) == {'/a': number}


def test_numbers_of_several_paths_differ(few):
    assert numbers([], PATHS) == {'/a': 101, '/b': 103, '/c': 100}
    # What one of them has already is not given to another.
    assert numbers([facts(live={103: '/c'})], PATHS) == {
        '/a': 101, '/b': 100, '/c': 103}


def test_servers_agree_on_numbers(few):
    assert numbers([facts(live={102: '/a'}), facts(live={100: '/a'}),
                    facts(live={102: '/a'})]) == {'/a': 102}
    assert numbers([facts(live={102: '/a'}),
                    facts(live={102: '/b'})]) == {'/a': 101}


def test_no_number_is_left(few):
    taken = dict.fromkeys(range(100, 104), '/x')
    with pytest.raises(exception.BackendError, match='number'):
        numbers([facts(live=taken)])
    assert numbers([facts(live={**taken, 103: '/a'})]) == {'/a': 103}
    for free in taken:
        left = {number: '/x' for number in taken if number != free}
        assert numbers([facts(live=left)]) == {'/a': free}
    # Nobody is kept in for that.
    assert numbers([facts(live=taken)], levels=()) == {'/a': 101}


def test_a_path_of_any_bytes_has_a_number():
    assert ganesha.preferred('/gpfs0/\udcff') == 36036
    assert ganesha.preferred('/2') == ganesha.preferred('/217')


# What clients get

@pytest.mark.parametrize(('parts', 'levels', 'whole'), [
    ({}, {}, True),
    ({'live': {7: world.PATH}, 'shown': {7: export(7, {'10.0.0.1': 'rw'})}},
     {'10.0.0.1/32': 'rw'}, True),
    # Of another path, or in a file alone.
    ({'live': {7: '/x'}, 'shown': {7: export(7, {'10.0.0.1': 'rw'})}},
     {}, True),
    ({'files': {'x': (export(7, {'10.0.0.1': 'rw'}),)}}, {}, True),
    # Without details the file of that number is believed, and no other.
    ({'live': {7: world.PATH}, 'files': {
        'y': (export(8, {'10.0.0.8': 'rw'}),),
        'x': (export(7, {'10.0.0.1': 'rw'}),)}}, {'10.0.0.1/32': 'rw'}, True),
    ({'live': {7: world.PATH}, 'files': {
        'x': (export(7, {'10.0.0.1': 'rw'}, '/x'),)}}, {}, False),
    ({'live': {7: world.PATH}}, {}, False),
    # Details do not tell what everybody else gets; the file does.
    ({'live': {7: world.PATH}, 'shown': {7: export(7, {'10.0.0.1': 'rw'})},
      'files': {'x': (export(7, {'10.0.0.2': 'rw', '0.0.0.0/0': 'ro'}),)}},
     {'10.0.0.1/32': 'rw', '0.0.0.0/0': 'ro'}, True),
    # Two exports of one path: both, and that is not as it shall be.
    ({'live': {7: world.PATH, 8: world.PATH},
      'shown': {7: export(7, {'10.0.0.1': 'rw'}),
                8: export(8, {'10.0.0.2': 'ro'})}},
     {'10.0.0.1/32': 'rw', '10.0.0.2/32': 'ro'}, False),
    ({'live': {7: world.PATH, 8: world.PATH},
      'files': {'x': (export(7, {'10.0.0.1': 'rw'}),),
                'y': (export(8, {'10.0.0.2': 'ro'}),)}},
     {'10.0.0.1/32': 'rw', '10.0.0.2/32': 'ro'}, False),
    # It may not have been told what the file says.
    ({'live': {7: world.PATH}, 'shown': {7: export(7, {'10.0.0.1': 'rw'})},
      'files': {'x': (export(7, {}),)}, 'pending': frozenset({'x'})},
     {'10.0.0.1/32': 'rw'}, False),
    ({'live': {7: world.PATH}, 'shown': {7: export(7, {'10.0.0.1': 'rw'})},
      'files': {'x': (export(7, {}),)}, 'pending': frozenset({'y'})},
     {'10.0.0.1/32': 'rw'}, True),
    # A name is nobody's address.
    ({'live': {7: world.PATH},
      'shown': {7: export(7, {'10.0.0.1': 'rw', None: 'rw'})}},
     {'10.0.0.1/32': 'rw'}, False)])
def test_what_clients_get(parts, levels, whole):
    found, plain = ganesha.levels(facts(**parts), world.PATH)
    assert {str(network): level for network, level
            in found.items()} == levels
    assert plain is whole


@pytest.mark.parametrize(('path', 'pending', 'levels', 'whole'), [
    (world.PATH, (), {'10.0.0.1/32': 'rw'}, True),
    (world.PATH, ('INDEX.conf',), {'10.0.0.1/32': 'rw'}, False),
    ('/x', (), {}, True)])
def test_what_clients_of_an_old_ganesha_get(path, pending, levels, whole):
    old = ganesha_legacy.changed(
        ganesha_legacy.Config('', ()), world.export({'10.0.0.1': 'rw'}),
        7, 'GPFS')
    found, plain = ganesha.levels(
        facts(old=old, pending=frozenset(pending)), path)
    assert {str(network): level for network, level
            in found.items()} == levels
    assert plain is whole


# Changes

ADD = f'AddExport string:{FILE} string:EXPORT(Export_Id=7)'
UPDATE = ADD.replace('Add', 'Update')
REMOVE = 'RemoveExport uint16:7'
WRITE = ['mkdir -p -- /etc/g.d',
         'tee -- /etc/g.d/share-1.pending /etc/g.d/share-1.new',
         f'mv -f -T -- /etc/g.d/share-1.new {FILE}',
         f'sync -- {FILE} /etc/g.d']
TOLD = ['rm -f -- /etc/g.d/share-1.pending']
INDEXED = ['flock -w 30 /etc/g.d tee -a -- /etc/g.d/INDEX.conf',
           'sync -- /etc/g.d/INDEX.conf /etc/g.d']
ONE = {'10.0.0.1': 'rw'}


def unindexed(*names):
    return ['flock -w 30 /etc/g.d sed -i ' + ' '.join(
        '-e ' + LINE % name for name in names) + ' -- /etc/g.d/INDEX.conf',
        'sync -- /etc/g.d/INDEX.conf /etc/g.d']


def gone(*names):
    return ['rm -f -- ' + ' '.join(
        f'/etc/g.d/{name}.{end}' for name in names
        for end in ('conf', 'pending'))]


@pytest.mark.parametrize(('parts', 'wanted', 'commands'), [
    ({}, ONE, [*WRITE, ADD, *INDEXED, *TOLD]),
    (served(), ONE, []),
    (served(), {'10.0.0.2': 'rw'}, [*WRITE, UPDATE, *TOLD]),
    ({**served(), 'index': frozenset()}, ONE, INDEXED),
    # A call was cut off behind the file, or behind what Ganesha was told.
    ({**served(), 'pending': frozenset({'share-1'})}, ONE,
     [*WRITE, REMOVE, ADD, *TOLD]),
    ({**served(), 'pending': frozenset({'other'})}, ONE, []),
    # It has no such export, or another.
    ({**served(), 'live': {}}, ONE, [ADD]),
    ({**served(), 'shown': {}}, ONE, [UPDATE]),
    ({**served(), 'shown': {}, 'asked': False}, ONE, []),
    ({**served(), 'shown': {7: export(7, {'10.0.0.2': 'rw'})}}, ONE,
     [UPDATE]),
    ({**served(), 'live': {7: world.PATH, 9: world.PATH}}, ONE,
     ['RemoveExport uint16:9', UPDATE]),
    ({**served(), 'live': {9: world.PATH}}, ONE,
     ['RemoveExport uint16:9', ADD]),
    # One that cannot be updated.
    ({**served(), 'methods': frozenset({'AddExport'})}, {'10.0.0.2': 'rw'},
     [*WRITE, REMOVE, ADD, *TOLD]),
    ({**served(), 'shown': {7: export(7, ONE, tag='old')}},
     {'10.0.0.2': 'rw'}, [*WRITE, REMOVE, ADD, *TOLD]),
    ({**served(), 'shown': {7: export(7, ONE), 9: export(9, ONE, tag='x')}},
     {'10.0.0.2': 'rw'}, [*WRITE, UPDATE, *TOLD]),
    ({**served(), 'files': {}}, ONE, [*WRITE, REMOVE, ADD, *TOLD]),
    # The share was renamed: what is of this path alone goes.
    ({**served(), 'files': {**served()['files'],
                            'old': (export(7, ONE),)},
      'index': frozenset({FILE, LAYOUT.file('old')})}, ONE,
     [*unindexed('old'), *gone('old')]),
    ({**served(), 'files': {**served()['files'],
                            'old': (export(7, ONE),)}}, ONE, gone('old')),
    ({**served(), 'files': {**served()['files'], 'two': (
        export(7, ONE), export(9, ONE, '/x'))}}, ONE, []),
    ({**served(), 'files': {**served()['files'], 'x': (
        export(9, ONE, '/x'),)}}, ONE, []),
    # Nobody shall reach it.
    ({}, {}, []),
    (served(), {}, [*unindexed('share-1'), REMOVE, *gone('share-1')]),
    ({**served(), 'index': frozenset()}, {},
     ['sync -f -- /etc/g.d', REMOVE, *gone('share-1')]),
    ({'index': frozenset({FILE})}, {}, unindexed('share-1')),
    ({'files': served()['files']}, {}, gone('share-1')),
    # A file of ours that cannot be read any more; and half of one.
    ({'files': {'share-1': ()}}, {}, gone('share-1')),
    ({'pending': frozenset({'share-1'})}, {}, gone('share-1')),
    ({'pending': frozenset({'other'})}, {}, []),
    ({'files': {'a': (export(7, ONE),), 'b': (export(7, ONE),)},
      'index': frozenset({LAYOUT.file('a'), LAYOUT.file('b')})}, {},
     [*unindexed('a', 'b'), *gone('a', 'b')]),
    ({'live': {7: world.PATH, 9: world.PATH, 8: '/x'}}, {},
     ['sync -f -- /etc/g.d', REMOVE, 'RemoveExport uint16:9'])])
def test_what_is_done(parts, wanted, commands):
    assert words(ganesha.plan(facts(**parts), world.export(wanted), 7,
                              LAYOUT)) == commands


def test_what_is_written():
    wanted = world.export(ONE)
    found = ganesha.plan(facts(), wanted, 7, LAYOUT)
    text = ganesha_exports.write(wanted, 7, 'VFS')
    assert [cmd.stdin for cmd in found if cmd.stdin] == [
        text, f'%include {FILE}\n']


def test_only_the_line_of_the_file_leaves_the_index(tmp_path):
    index = tmp_path / 'INDEX.conf'
    stay = ['%include /etc/gxd/share-1.conf', '%include /etc/g.d/share-1xconf',
            '%include /etc/g.d/share-11.conf', '#%include ' + FILE]
    index.write_text('\n'.join([
        *stay, f'%include {FILE}', f'  %include "{FILE}" ', '']))
    cmd, *_ = ganesha.plan(facts(index=frozenset({FILE})), world.export({}),
                           7, LAYOUT)
    subprocess.run([*cmd.words()[4:-1], str(index)], check=True)
    assert index.read_text().splitlines() == stay


def test_a_directory_in_the_place_of_a_file_is_not_filled(tmp_path):
    """mv would put the file into it, and all would seem well."""
    layout = ganesha.Layout(str(tmp_path))
    (tmp_path / 'share-1.conf').mkdir()
    put, into_place = ganesha.plan(facts(), world.export(ONE), 7, layout)[1:3]
    subprocess.run(put.words(), input=put.input(), text=True, check=True)
    assert subprocess.run(into_place.words(), check=False).returncode
    assert list((tmp_path / 'share-1.conf').iterdir()) == []


# What was not done

def listed(live):
    """Return what ShowExports prints."""
    return 'method return\n   array [\n' + ''.join(
        f'      struct {{\n         uint16 {number}\n'
        f'         string "{path}"\n      }}\n'
        for number, path in live.items()) + '   ]\n'


def detail(number, clients, path=world.PATH):
    """Return what DisplayExport prints."""
    bits = {'rw': 0x1e0, 'ro': 0xa0}
    return (f'method return\n   uint16 {number}\n   string "{path}"\n'
            f'   string "{path}"\n   string "share-1"\n   array [\n'
            + ''.join(
                f'      struct {{\n         string "{client}"\n'
                '         int32 0\n         byte 0\n         uint32 0\n'
                '         uint32 0\n         uint32 0\n'
                f'         uint32 {bits[level]}\n         uint32 0\n'
                '      }\n' for client, level in clients.items())
            + '   ]\n')


def test_what_is_looked_at_afterwards():
    wanted = [world.export(ONE, path='/a'), world.export({}, path='/b')]
    assert words(ganesha.checked(wanted, {'/a': 7, '/b': 8})) == [
        'ShowExports', 'DisplayExport uint16:7']


@pytest.mark.parametrize(('live', 'details', 'left'), [
    ({7: '/a'}, [detail(7, ONE, '/a')], ''),
    ({7: '/a', 9: '/x'}, [detail(7, ONE, '/a')], ''),
    ({}, [''], '/a is not exported as 7'),
    ({}, [detail(7, ONE, '/a')], '/a is not exported as 7'),
    ({7: '/a'}, [''], '/a is not exported as 7'),
    ({9: '/a'}, [detail(7, ONE, '/a')], '/a is not exported as 7'),
    ({7: '/x'}, [detail(7, ONE, '/x')], '/a is not exported as 7'),
    ({7: '/a'}, [detail(7, {'10.0.0.2': 'rw'}, '/a')],
     '/a has other clients'),
    ({7: '/a'}, [detail(7, {'10.0.0.1': 'ro'}, '/a')],
     '/a has other clients'),
    ({7: '/a', 8: '/b'}, [detail(7, {}, '/a')],
     '/a has other clients; /b is exported still'),
    ({7: '/a', 9: '/b'}, [detail(7, ONE, '/a')], '/b is exported still')])
def test_what_ganesha_has_not_done(live, details, left):
    wanted = [world.export(ONE, path='/a'), world.export({}, path='/b')]
    results = [command.Result(text, '', 0)
               for text in (listed(live), *details)]
    assert ganesha.undone(results, wanted, {'/a': 7, '/b': 8}) == left


def test_an_old_ganesha_is_told_what_it_serves():
    old = ganesha_legacy.Config('', ())
    wanted = [world.export(ONE), world.export({}, path='/x', name='x')]
    commands = ganesha.plan_old(facts(old=old), wanted,
                                {world.PATH: 7, '/x': 8}, LAYOUT)
    config = ganesha_legacy.read(commands[0].stdin)
    export_, = config.exports
    assert (export_['export_id'], export_['path'], export_['fsal']) == (
        '7', f'"{world.PATH}"', '"VFS"')
    assert ganesha.plan_old(facts(old=config), wanted,
                            {world.PATH: 7, '/x': 8}, LAYOUT) == []
    assert ganesha.plan_old(
        facts(old=config, pending=frozenset({'INDEX.conf'})), wanted,
        {world.PATH: 7, '/x': 8}, LAYOUT) == commands
