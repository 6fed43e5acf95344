# SPDX-License-Identifier: Apache-2.0

"""The Manila host as a node of the cluster."""

import os
import pathlib
import re

import pytest

from manila_drivers import exception
from manila_drivers.ibm.gpfs.driver import GPFSShareDriver
from manila_drivers.standalone import configuration
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators.gpfs import programs
from manila_drivers.testing.simulators.gpfs import tree

FILTERS = pathlib.Path(__file__).parents[3].joinpath(
    'etc/manila/rootwrap.d/manila_drivers.filters').read_text()
LOCAL = {'is_gpfs_node': True, 'gpfs_ssh_login': None,
         'gpfs_ssh_password': None}
ROOTWRAP = 'sudo manila-rootwrap /etc/manila/rootwrap.conf'


def a_life(place):
    place.driver.check_for_setup_error()
    manager = place.manager
    share = manager.create(size=2)
    rule = manager.rule('10.0.0.1')
    manager.update(share, add=[rule])
    manager.resize(share, 3)
    snapshot = manager.create_snapshot(share)
    clone = manager.create_from_snapshot(
        manager.new_clone(snapshot, size=3), snapshot)
    manager.finish_clone(clone)
    manager.driver.revert_to_snapshot(
        None, manager.snapshot_row(snapshot),
        manager.rule_rows(share, [rule]), [])
    manager.stats()
    manager.ensure()
    manager.unmanage(manager.manage(place.lab.make_unmanaged('by-hand')))
    manager.delete(clone)
    manager.delete_snapshot(snapshot)
    manager.delete(share)


@pytest.mark.parametrize(('helper', 'user', 'prefix'), [
    (ROOTWRAP, 1000, ''), (ROOTWRAP, 0, '/usr/lpp/mmfs/bin/'),
    ('sudo -n', 1000, '/usr/lpp/mmfs/bin/')])
def test_commands_are_run_here(make_place, monkeypatch, helper, user, prefix):
    """As the root helper that there is wants them."""
    monkeypatch.setattr(configuration.Configuration, 'root_helper', helper)
    monkeypatch.setattr(os, 'geteuid', lambda: user)
    place = make_place(**LOCAL)
    a_life(place)
    assert {entry.host for entry in place.sim.log} == {''}
    words = {entry.words[0] for entry in place.sim.log}
    mm = {word for word in words if word.rpartition('/')[2].startswith('mm')}
    assert len(mm) > 15
    assert {word.rpartition('/')[0] for word in mm} == {
        prefix.rstrip('/')}
    for word in words - {'rsync', 'cat', 'readlink'}:
        name = word.rpartition('/')[2]
        assert re.search(rf': CommandFilter, {name}, root', FILTERS), name


def test_only_other_servers_are_reached_over_ssh(make_place):
    """And this host is one whatever the list calls it."""
    place = make_place('KNFS', is_gpfs_node=True,
                       gpfs_nfs_server_list='localhost,nfs2')
    place.sim.servers[''] = place.sim.servers.pop('nfs1')
    a_life(place)
    assert {entry.host for entry in place.sim.log} == {'', 'nfs2'}
    assert {entry.host for entry in place.sim.log
            if entry.name.startswith('mm')} == {''}


def test_other_servers_need_a_login(make_place):
    """Which is said when they are needed, with the option's name."""
    place = make_place('KNFS', **LOCAL)
    real = GPFSShareDriver(
        configuration=place.lab.site.configuration)
    real.do_setup(None)
    with pytest.raises(exception.ConfigurationError,
                       match='gpfs_ssh_login'):
        real._backend.helper.check()


@pytest.fixture
def node(tmp_path):
    """Programs and directories on this machine."""
    mount = tmp_path / 'gpfs0'
    (mount / 'shares').mkdir(parents=True)
    sim = gpfs.GpfsSim(base=str(mount / 'shares'), mount=str(mount),
                       tree=tree.Directories(tmp_path / 'hidden'))
    with programs.GpfsPrograms(sim, tmp_path / 'bin') as made:
        file = tmp_path / 'manila.conf'
        file.write_text('\n'.join([
            '[DEFAULT]', f'state_path = {tmp_path}', '[gpfs]',
            'driver_handles_share_servers = False',
            'gpfs_share_export_ip = 192.0.2.10', 'is_gpfs_node = True',
            f'gpfs_mount_point_base = {sim.base}',
            f'gpfs_filesystem = {sim.state.device}',
            f'gpfs_command_directory = {made.directory}']))
        driver = GPFSShareDriver(
            configuration=configuration.Configuration.from_file(
                file, 'gpfs'))
        driver.do_setup(None)
        yield sim, driver


@pytest.mark.skipif(os.geteuid() != 0, reason='root needs no root helper')
def test_processes_of_this_machine(node):
    sim, driver = node
    driver.check_for_setup_error()
    share = {'id': '1', 'name': 'share-1', 'size': 2, 'share_proto': 'NFS'}
    location, = driver.create_share(None, share)
    path = pathlib.Path(sim.base, 'share-1')
    assert location['path'] == f'192.0.2.10:{path}'
    assert path.stat().st_mode & 0o777 == 0o777
    rule = {'access_id': 'r', 'access_type': 'ip', 'access_level': 'ro',
            'access_to': '10.0.0.1'}
    assert not driver.update_access(None, share, [rule], [rule], [])
    assert sim.can_mount('10.0.0.1', str(path)) == 'ro'
    driver.delete_share(None, share)
    assert not path.exists()
    assert set(sim.state.filesets) == {'root'}
