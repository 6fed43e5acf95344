# SPDX-License-Identifier: Apache-2.0

"""Exports of Ganesha as their files say them, as tables."""

import ipaddress

import pytest

from manila_drivers.nas import ganesha_exports
from tests.unit.nas import world


def client(name, level):
    return ipaddress.ip_network(name) if name else None, level


def plain(levels):
    return {str(network): level for network, level in levels.items()}


EVERYBODY_READS = (client('0.0.0.0/0', 'ro'), client('::/0', 'ro'))


@pytest.mark.parametrize(('text', 'number', 'path', 'pseudo', 'tag'), [
    ('Export_Id = 7; Path = /a; Pseudo = /b; Tag = c;', 7, '/a', '/b', 'c'),
    ('export_id = 7; PATH = "/a b";', 7, '/a b', '/a b', ''),
    # None, or none that we could say to Ganesha.
    ('Path = /a;', -1, '/a', '/a', ''),
    ('Export_Id = 0x7; Path = /a;', -1, '/a', '/a', ''),
    ('Export_Id = 7;', 7, '', '', '')])
def test_what_an_export_is(text, number, path, pseudo, tag):
    export, = ganesha_exports.read('EXPORT { %s }' % text)
    assert (export.id, export.path, export.pseudo, export.tag) == (
        number, path, pseudo, tag)
    assert export.settings == frozenset()


def test_settings_are_compared_without_their_case():
    """Names and values; those of FSAL are its own, whatever they are."""
    export, other = ganesha_exports.read(
        'EXPORT { Export_Id = 7; Squash = Root; Protocols = 3, 4; '
        'FSAL { Name = VFS; Path = /x; } } NFS_Core_Param { Nb = 1; } '
        'EXPORT { Squash = ROOT; }')
    assert export.settings == {
        ('squash', ('root',)), ('protocols', ('3', '4')),
        ('fsal.name', ('vfs',)), ('fsal.path', ('/x',))}
    assert other.settings == {('squash', ('root',))}


@pytest.mark.parametrize(('text', 'clients'), [
    ('', ()),
    ('CLIENT { Clients = 10.0.0.1, 10.0.0.5/8; Access_Type = RW; }',
     (client('10.0.0.1', 'rw'), client('10.0.0.0/8', 'rw'))),
    ('client { clients = "2001:db8::/64"; access_type = "Ro"; }',
     (client('2001:db8::/64', 'ro'),)),
    # Its own level, or the one that the export has for everybody.
    ('Access_Type = RO; CLIENT { Clients = 10.0.0.1; }',
     (client('10.0.0.1', 'ro'), *EVERYBODY_READS)),
    ('Access_Type = RO; CLIENT { Clients = 10.0.0.1; Access_Type = RW; }',
     (client('10.0.0.1', 'rw'), *EVERYBODY_READS)),
    ('Access_Type = None; CLIENT { Clients = 10.0.0.1; }',
     (client('10.0.0.1', ''),)),
    ('Access_Type = MDONLY; CLIENT { Clients = 10.0.0.1; }',
     (client('10.0.0.1', ''),)),
    ('CLIENT { Clients = 10.0.0.1; }', (client('10.0.0.1', ''),)),
    ('Access_Type = RO;', EVERYBODY_READS),
    # Everybody, and what is no address.
    ('CLIENT { Clients = *; Access_Type = RO; }', EVERYBODY_READS),
    ('CLIENT { Clients = 0.0.0.0; Access_Type = RO; }', EVERYBODY_READS),
    ('CLIENT { Clients = @group, host.example.org; Access_Type = RW; }',
     (client(None, 'rw'), client(None, 'rw'))),
    ('CLIENT { Access_Type = RW; }', ())])
def test_who_reaches_an_export(text, clients):
    export, = ganesha_exports.read('EXPORT { %s }' % text)
    assert export.clients == clients


@pytest.mark.parametrize(('clients', 'levels', 'whole'), [
    ([], {}, True),
    ([('10.0.0.1', 'ro'), ('10.0.0.0/8', 'rw')],
     {'10.0.0.1/32': 'ro', '10.0.0.0/8': 'rw'}, True),
    # The first decides: what is hidden behind it gives nothing of its own.
    ([('10.0.0.0/8', 'ro'), ('10.0.0.1', 'rw')], {'10.0.0.0/8': 'ro'}, False),
    ([('10.0.0.0/8', 'ro'), ('10.0.0.1', 'ro')],
     {'10.0.0.0/8': 'ro', '10.0.0.1/32': 'ro'}, True),
    ([('10.0.0.1', 'ro'), ('10.0.0.1', 'rw')], {'10.0.0.1/32': 'ro'}, True),
    # Names and other levels are not understood; what is, counts.
    ([(None, 'rw'), ('10.0.0.1', 'rw')], {'10.0.0.1/32': 'rw'}, False),
    ([('10.0.0.2', ''), ('10.0.0.1', 'rw')], {'10.0.0.1/32': 'rw'}, False),
    ([('10.0.0.0/8', ''), ('10.0.0.1', 'rw')], {}, False),
    # Everybody is written as two halves.
    ([('0.0.0.0/1', 'ro'), ('128.0.0.0/1', 'ro')], {'0.0.0.0/0': 'ro'}, True),
    ([('::/1', 'rw'), ('8000::/1', 'rw'), ('0.0.0.0/1', 'rw')],
     {'::/0': 'rw', '0.0.0.0/1': 'rw'}, True),
    ([('0.0.0.0/1', 'ro'), ('128.0.0.0/1', 'rw')],
     {'0.0.0.0/1': 'ro', '128.0.0.0/1': 'rw'}, True),
    ([('128.0.0.0/1', 'rw')], {'128.0.0.0/1': 'rw'}, True),
    ([('0.0.0.0/1', 'rw'), ('128.0.0.0/1', 'rw'), ('0.0.0.0/0', 'ro')],
     {'0.0.0.0/0': 'rw'}, True)])
def test_what_networks_get(clients, levels, whole):
    found, said = ganesha_exports.GaneshaExport(7, '/a', '/a', '', tuple(
        client(*each) for each in clients)).levels
    assert plain(found) == levels
    assert said is whole


@pytest.mark.parametrize(('levels', 'blocks'), [
    ({}, []),
    ({'10.0.0.0/8': 'rw', '10.0.0.1': 'rw', '10.0.0.2': 'ro',
      '::/0': 'ro', '10.0.0.3': 'rw'},
     [(['10.0.0.2'], 'ro'), (['10.0.0.1', '10.0.0.3'], 'rw'),
      (['10.0.0.0/8'], 'rw'), (['::/1', '8000::/1'], 'ro')]),
    ({f'10.0.0.{number}': 'rw' for number in range(1, 6)},
     [(['10.0.0.1', '10.0.0.2'], 'rw'), (['10.0.0.3', '10.0.0.4'], 'rw'),
      (['10.0.0.5'], 'rw')]),
    ({'10.0.0.0/24': 'rw', '10.1.0.0/16': 'rw'},
     [(['10.0.0.0/24'], 'rw'), (['10.1.0.0/16'], 'rw')])])
def test_blocks_of_clients(levels, blocks, monkeypatch):
    """Narrower ones first, of one level and length, a few in each."""
    monkeypatch.setattr(ganesha_exports, '_IN_BLOCK', 2)
    assert ganesha_exports.clients_of(world.export(levels).levels) == blocks


@pytest.mark.parametrize(('option', 'name', 'value'), [
    ('squash=none', 'Squash', 'none'), ('PROTOCOLS=3:4', 'Protocols', '3, 4'),
    ('anonymous_uid=-2', 'Anonymous_Uid', '-2')])
def test_options_become_settings(option, name, value):
    assert ganesha_exports.settings([option]) == {
        **ganesha_exports.DEFAULTS, name: value}


def test_networks_that_no_ganesha_serves_alone():
    one, other = map(ipaddress.ip_network, ('0.0.0.0/32', '0.0.0.0/31'))
    assert ganesha_exports.refused([one, other]).keys() == {one}
