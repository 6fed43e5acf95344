# SPDX-License-Identifier: Apache-2.0

"""Programs that root has to run here, and what rootwrap says of them."""

import pytest

from manila_drivers.generic import driver as generic
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.ibm import gpfs
from manila_drivers.preflight import programs
from manila_drivers.vastdata import driver as vast
from tests.unit.packaging import test_privileges as privileges

BLOCKS = privileges.filters(privileges.FILTERS.read_text())


def needs(kind, **values):
    return programs.needs(kind, values.get)


def test_what_is_looked_for_is_what_the_filters_have():
    """And those are what the drivers run, by another test."""
    assert {*programs.MOUNTS, 'gluster'} == BLOCKS['glusterfs']
    assert {*programs.PLUGGING['OVSInterfaceDriver']} == BLOCKS['generic']
    # A host that exports as well needs more of its block.
    assert {*programs.GPFS, *programs.CES} <= BLOCKS['ibm.gpfs']
    left = BLOCKS['ibm.gpfs'] - {*programs.GPFS, *programs.CES}
    assert not {name for name in left if name.startswith('mm')}


@pytest.mark.parametrize(('kind', 'values', 'option', 'some'), [
    (glusterfs_native.GlusterfsNativeShareDriver,
     {'glusterfs_servers': ['root@one']}, 'glusterfs_mount_point_base',
     {'mount'}),
    (glusterfs_native.GlusterfsNativeShareDriver,
     {'glusterfs_servers': ['here']}, 'glusterfs_mount_point_base',
     {'mount', 'gluster'}),
    (gpfs.GPFSShareDriver, {'is_gpfs_node': True, 'gpfs_nfs_server_type':
                            'CES'}, 'is_gpfs_node', {'mmces', 'mmlsfs'}),
    (generic.GenericShareDriver, {
        'driver_handles_share_servers': True,
        'interface_driver': 'x.OVSInterfaceDriver'}, 'interface_driver',
     {'ip', 'ovs-vsctl'})])
def test_drivers_that_run_programs_here(kind, values, option, some):
    found = needs(kind, **values)
    assert found.option == option
    assert some <= set(found.programs)
    assert 'gluster' in some or 'gluster' not in found.programs


@pytest.mark.parametrize(('kind', 'values'), [
    (vast.VASTShareDriver, {}), (gpfs.GPFSShareDriver, {}),
    (generic.GenericShareDriver, {'driver_handles_share_servers': False}),
    (generic.GenericShareDriver, {
        'driver_handles_share_servers': True,
        'interface_driver': 'x.NoopInterfaceDriver'})])
def test_drivers_that_run_none(kind, values):
    assert needs(kind, **values) is None


def wrapped(tmp_path, filters, places='/bin'):
    directory = tmp_path / 'filters'
    directory.mkdir()
    (directory / 'x.filters').write_text(filters)
    (directory / 'x.ignored').write_text(
        '[Filters]\nrmdir: CommandFilter, rmdir, root\n')
    file = tmp_path / 'rootwrap.conf'
    file.write_text(f'[DEFAULT]\nfilters_path = /nowhere, {directory}\n'
                    f'exec_dirs = {places}\n')
    return programs.rootwrap(['sudo', '/usr/bin/manila-rootwrap', str(file)])


NEEDS = programs.Needs('an_option', ('mount', 'rmdir'))


def test_a_filter_that_is_not_there_is_told(tmp_path):
    wrap, findings = wrapped(
        tmp_path, '[Filters]\nmount: CommandFilter, /bin/mount, root\n'
        'rmdir: CommandFilter, rmdir, nobody\n')
    assert findings == []
    found, = programs.not_allowed(wrap, NEEDS)
    assert found.option == 'root_helper'
    assert 'rmdir' in found.tried
    assert 'mount' not in found.tried
    assert 'x.filters' not in found.answered


def test_the_filters_that_are_shipped_allow_everything(tmp_path):
    wrap, _ = wrapped(tmp_path, privileges.FILTERS.read_text())
    every = (*programs.MOUNTS, 'gluster', *programs.GPFS, *programs.CES,
             'ip', 'ovs-vsctl')
    assert programs.not_allowed(wrap, programs.Needs('x', every)) == []
    # One line less would be told.
    (tmp_path / 'filters' / 'x.filters').write_text(
        privileges.FILTERS.read_text().replace(
            'rmdir: CommandFilter, rmdir, root\n', ''))
    wrap, _ = programs.rootwrap(['rootwrap', wrap.file])
    assert len(programs.not_allowed(wrap, programs.Needs('x', every))) == 1


def test_filters_that_cannot_be_read_allow_nothing(tmp_path):
    wrap, _ = wrapped(tmp_path, 'no section')
    assert wrap.allowed == frozenset()


@pytest.mark.parametrize('text', [None, 'no section', 'x = \0'])
def test_a_configuration_that_cannot_be_read_is_told(tmp_path, text):
    file = tmp_path / 'rootwrap.conf'
    if text is not None:
        file.write_text(text)
    wrap, findings = programs.rootwrap(['sudo', 'rootwrap', str(file)])
    assert wrap is None
    assert [one.option for one in findings] == ['root_helper']


def test_without_rootwrap_nothing_is_said_of_it():
    assert programs.rootwrap(['sudo', '-n']) == (None, [])
    assert programs.rootwrap([]) == (None, [])


def test_programs_that_are_missing_are_told_one_by_one(tmp_path, monkeypatch):
    for name in ('one', 'two'):
        (tmp_path / name).write_text('')
        (tmp_path / name).chmod(0o755)
    (tmp_path / 'three').write_text('not to be run')
    monkeypatch.setenv('PATH', str(tmp_path))
    found = programs.missing(programs.Needs('x', (
        'one', 'two', 'three', 'four-that-nobody-has')), None)
    assert [one.tried.split()[0] for one in found] == [
        'three', 'four-that-nobody-has']
    assert str(tmp_path) in found[0].answered


def test_rootwrap_looks_for_programs_where_it_is_told(tmp_path):
    wrap, _ = wrapped(tmp_path, '', places=tmp_path / 'nothing')
    found = programs.missing(programs.Needs('x', ('ls',)), wrap)
    assert [(one.option, 'exec_dirs' in one.do) for one in found] == [
        ('x', True)]
    assert programs.missing(programs.Needs('x', ('ls',)), None) == []
