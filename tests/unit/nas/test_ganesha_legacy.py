# SPDX-License-Identifier: Apache-2.0

import contextlib
import ipaddress
import types

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks
from manila_drivers.ibm.gpfs.access import AccessService
from manila_drivers.ibm.gpfs.helpers import gnfs
from manila_drivers.nas import ganesha_legacy as legacy
from manila_drivers.nas import pending
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators.nfs import ganesha
from tests.unit.nas import world

# Of the first GPFS driver, as its documentation shows it.
SEED = """\
# Anything may stand here.
NFS_Core_Param
{
Nb_Worker = 36 ;
}
EXPORT
{
export_id = 100 ;
path = "/gpfs0/share-0" ;
fsal = "GPFS" ;
root_access = "*" ;
rw_access = "172.24.4.4,172.24.4.5" ;
pseudo = "/gpfs0/share-0" ;
maxread = 65536 ;
filesystem_id = 192.168 ;
tag = "fs100" ;
}
"""


def test_file_of_the_seed_stays_as_it_is():
    assert legacy.write(legacy.read(SEED)) == SEED


def test_exports_are_added_changed_and_removed():
    config = legacy.read(SEED)
    wanted = world.export({'10.0.0.1': 'rw', '10.0.0.0/30': 'ro'})
    after = legacy.changed(config, wanted, 101, 'GPFS')
    assert legacy.changed(legacy.read(legacy.write(after)), wanted,
                          7, 'GPFS') == after
    export = after.of(world.PATH)
    assert export['export_id'] == '101'
    assert export['rw_access'] == '"10.0.0.1"'
    assert export['r_access'] == '"10.0.0.0,10.0.0.2/31"'
    assert 'root_access' not in export
    assert legacy.changed(after, world.export({}), 7, 'GPFS') == config


def test_adopted_export_keeps_its_number_and_loses_root_access():
    config = legacy.read(SEED)
    assert ipaddress.ip_network('0.0.0.0/0') in legacy.levels(
        config.of('/gpfs0/share-0'))
    after = legacy.changed(config, world.export(
        {'10.0.0.1': 'rw'}, path='/gpfs0/share-0'), 7, 'GPFS')
    export = after.of('/gpfs0/share-0')
    assert (export['export_id'], export['filesystem_id']) == (
        '100', '192.168')
    assert legacy.levels(export) == {ipaddress.ip_network('10.0.0.1'): 'rw'}


@hypothesis.given(world.LEVELS)
def test_no_address_is_in_both_lists(levels):
    found = legacy.lists(levels)
    given = legacy.levels(found.settings)
    meant = {network: level for network, level in levels.items()
             if network not in found.refused}
    for client in world.CLIENTS:
        matching = {level for network, level in given.items()
                    if ipaddress.ip_address(client) in network}
        assert matching == ({networks.level_for(meant, client)} - {None})


def test_settings_are_read_however_they_are_written():
    config = legacy.read(
        '# all\nEXPORT \t\n\n  {\n Export_ID=7;\n\nPATH = "/a b"\t;\n'
        ' rw_access = "10.0.0.1, 10.0.0.5/8, @group, *" ; \n }\n'
        'EXPORT\n{\nexport_id = 8 ;\nr_access = 10.0.0.1;\n'
        'root_access = "10.0.0.1,2001:db8::1" ;\n}\n')
    assert config.before == '# all\n'
    first, second = config.exports
    assert first == {'export_id': '7', 'path': '"/a b"', 'rw_access':
                     '"10.0.0.1, 10.0.0.5/8, @group, *"'}
    assert legacy.plain('"X"') == 'X'
    assert config.of('/a b') is first and config.of('/nowhere') is None
    # One that says no path is nobody's.
    assert config.of('/x') is None and config.of('') is second
    assert levels(first) == {'10.0.0.1/32': 'rw', '10.0.0.0/8': 'rw',
                             '0.0.0.0/0': 'rw', '::/0': 'rw'}
    assert levels(second) == {'10.0.0.1/32': 'ro', '2001:db8::1/128': 'ro'}


def levels(export):
    return {str(network): level
            for network, level in legacy.levels(export).items()}


def test_a_new_export_says_all_that_it_needs():
    after = legacy.changed(legacy.Config('', ()), world.export(
        {'10.0.0.1': 'rw'}), 7, 'GPFS')
    assert after.exports == ({
        'export_id': '7', 'path': f'"{world.PATH}"', 'fsal': '"GPFS"',
        'pseudo': f'"{world.PATH}"', **legacy.DEFAULTS, 'tag': '"fs7"',
        'rw_access': '"10.0.0.1"'},)


def test_what_an_old_ganesha_is_not_known_to_serve():
    found = legacy.lists({ipaddress.ip_network(network): 'rw' for network in (
        '0.0.0.0/0', '0.0.0.0/8', '0.0.0.1', '2001:db8::1', '10.0.0.0/8')})
    assert {str(network) for network in found.refused} == {
        '0.0.0.0/0', '0.0.0.0/8', '2001:db8::1/128'}
    assert found.settings == {'rw_access': '"0.0.0.1,10.0.0.0/8"'}


@pytest.mark.parametrize('text', [
    'EXPORT\n{\nexport_id = 1 ;\n] \n', 'EXPORT\n[\nexport_id = 1 ;\n}\n',
    'EXPORT\n', 'EXPORT\n{\nexport_id = x ;\n}\n',
    'EXPORT\n{\npath = "/a" ;\n}\n', SEED + SEED[SEED.index('EXPORT'):],
    'EXPORT\n{\nexport_id = 1 ;\n', 'EXPORT\n{\nexport_id 1\n}\n',
    'EXPORT\nexport_id = 1 ;\n'])
def test_files_that_are_refused(text):
    with pytest.raises(exception.BackendError):
        legacy.read(text)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(st.lists(world.LEVELS, min_size=1, max_size=3))
def test_helper_serves_an_old_ganesha(steps):
    server = nfs.Ganesha(version=(2, 0))
    server.files.text[ganesha.CONFIG] = SEED
    server.reboot()
    helper = gnfs.GNFSHelper(
        world.execute(lambda name: server),
        types.SimpleNamespace(gpfs_nfs_server_list=['one'],
                              ganesha_export_dir='/etc/ganesha/export.d'))
    for levels in [*steps, {}]:
        before, watch = world.given(server), world.Watch(server)
        wanted = world.export(levels)
        refused = legacy.lists(levels).refused
        meant = {network: level for network, level in levels.items()
                 if network not in refused}
        for _ in range(2):
            outcome = helper.reconcile([wanted])['one']
            assert outcome.error is None
        assert not outcome.changed
        assert world.given(server) == world.meant(meant)
        assert watch.too_much(before, world.meant(meant)) == {}
    assert server.files.text[ganesha.CONFIG] == SEED


@pytest.fixture
def mixed():
    """Servers before and after 2.1, and what makes them export."""
    servers = {'old': nfs.Ganesha(version=(2, 0)), 'new': nfs.Ganesha()}
    helper = gnfs.GNFSHelper(
        world.execute(servers.__getitem__),
        types.SimpleNamespace(gpfs_nfs_server_list=list(servers),
                              ganesha_export_dir='/etc/ganesha/export.d'))
    service = AccessService(
        helper, lambda name: world.PATH,
        pending.PendingChanges(None, 'gpfs', 'some'),
        lambda name, patience: contextlib.nullcontext())

    def update(*rules):
        return service.set_rules(
            model.Share('1', name='share-1'),
            [access.Rule(to, 'ip', to, level) for to, level in rules], dict)

    return servers, update


def test_what_one_server_cannot_serve_is_served_by_none(mixed):
    servers, update = mixed
    errors = update(('10.0.0.1', 'rw'), ('2001:db8::1', 'rw'))
    assert errors.keys() == {'2001:db8::1'}
    for server in servers.values():
        assert server.access('10.0.0.1', world.PATH) == 'rw'
        assert server.access('2001:db8::1', world.PATH) is None


def test_readers_do_not_write_for_want_of_entries(mixed):
    servers, update = mixed
    assert update(('10.0.0.1', 'ro')) == {}
    readers = [(f'{128 + n}.{n}.0.0/24', 'ro') for n in range(120)]
    assert update(('128.0.0.0/1', 'rw'), *readers).keys() == {'128.0.0.0/1'}
    assert given(servers, '10.0.0.1', '131.3.0.1', '200.0.0.1') == [
        None, 'ro', None]


def test_a_reader_too_many_keeps_nobody_in(mixed):
    servers, update = mixed
    wide, readers = ('128.0.0.0/1', 'rw'), [
        (f'{128 + n}.{n}.0.0/24', 'ro') for n in range(120)]
    assert not update(wide, ('10.0.0.1', 'rw'), *readers[:20])
    assert update(wide, *readers).keys() == {to for to, _ in readers[20:]}
    assert given(servers, '10.0.0.1', '131.3.0.1', '200.0.0.1') == [
        None, 'ro', 'rw']


def given(servers, *clients):
    return [one for client in clients for one in {
        server.access(client, world.PATH) for server in servers.values()}]


def test_restart_that_was_cut_off_is_made_up_for():
    server = nfs.Ganesha(version=(2, 0))
    helper = gnfs.GNFSHelper(
        world.execute(lambda name: server),
        types.SimpleNamespace(gpfs_nfs_server_list=['one'],
                              ganesha_export_dir='/etc/ganesha/export.d'))
    server.faults.arm(faults.Fault('status', match='^command service'))
    wanted = world.export({'10.0.0.1': 'rw'})
    assert helper.reconcile([wanted])['one'].error is not None
    assert server.access('10.0.0.1', world.PATH) is None
    assert helper.reconcile([wanted])['one'].error is None
    assert server.access('10.0.0.1', world.PATH) == 'rw'


def test_file_comes_before_the_restart():
    config = legacy.read(SEED)
    commands = legacy.commands('/etc/g/g.conf', config, 'ganesha.nfsd')
    assert list(map(str, commands)) == [
        'tee -- /etc/g/g.conf.pending /etc/g/g.conf.new',
        'mv -f -T -- /etc/g/g.conf.new /etc/g/g.conf',
        'sync -- /etc/g/g.conf /etc/g', 'service ganesha.nfsd restart',
        'rm -f -- /etc/g/g.conf.pending']
    assert commands[0].stdin == SEED
    # A restart waits for what the service has open.
    assert [cmd.timeout for cmd in commands] == [60, 60, 60, 120, 60]
    assert str(legacy.commands('/g', config, 'x')[2]) == 'sync -- /g /'
    with pytest.raises(exception.ConfigurationError,
                       match='ganesha_service_name'):
        legacy.commands('/etc/ganesha/ganesha.conf', config, 'a; reboot')


@pytest.mark.parametrize(('settings', 'whole'), [
    ({'rw_access': '"10.0.0.1,10.0.0.0/24"', 'r_access': '"*"'}, True),
    ({'rw_access': '""'}, True), ({}, True),
    ({'rw_access': '"@trusted"'}, False),
    ({'r_access': '"10.0.0.1,build.example.org"'}, False),
    ({'access': '"10.0.0.1"'}, False),
    ({'mdonly_access': '"10.0.0.1"'}, False)])
def test_whether_addresses_are_all_that_get_something(settings, whole):
    """Else a directory is taken over that a host may write to."""
    assert legacy.is_plain(settings) is whole
