# SPDX-License-Identifier: Apache-2.0

"""The backends of all drivers have the same parts, and get the same."""

import importlib
import inspect

import pytest

from manila_drivers.driver import backend
from tests.unit.driver import made

PARTS = {'shares': backend.SharesPart, 'access': backend.AccessPart,
         'snapshots': backend.SnapshotsPart, 'health': backend.HealthPart,
         'adoption': backend.AdoptionPart, 'stats': backend.StatsPart}
GIVEN = {'lock', 'private_storage', 'clock', 'sleep'}

DRIVERS = {
    'manila_drivers.testing.sample.SampleShareDriver':
        'sample_directory = /nowhere\n',
    'manila_drivers.vastdata.driver.VASTShareDriver':
        'vast_mgmt_host = vms.example\nvast_mgmt_user = u\n'
        'vast_mgmt_password = p\nvast_export_addresses = 192.0.2.7\n',
    'manila_drivers.glusterfs.glusterfs_native.GlusterfsNativeShareDriver':
        'glusterfs_servers = root@gluster.example\n'
        'glusterfs_volume_pattern = manila-#{size}-\\d+$\n'
        'glusterfs_server_password = p\n',
    'manila_drivers.ibm.gpfs.GPFSShareDriver':
        'gpfs_share_export_ip = 192.0.2.7\ngpfs_nfs_server_list = a,b\n'
        'is_gpfs_node = True\n',
    'manila_drivers.generic.GenericShareDriver':
        'service_instance_user = manila\nservice_instance_password = p\n'
        'service_instance_name_or_id = vm\n'
        'service_net_name_or_ip = 192.0.2.7\n'
        'tenant_net_name_or_ip = 192.0.2.8\n'}


def names(protocol):
    """Return the methods that a protocol asks for."""
    return {name for name, value in vars(protocol).items()
            if inspect.isfunction(value) and not name.startswith('_')}


def differences(part, protocol):
    """Return which of its methods cannot be called as the skin does."""
    found = []
    for name in sorted(names(protocol)):
        wanted = inspect.signature(getattr(protocol, name))
        # Less self, which a bound method has no more.
        arguments = list(wanted.parameters.values())[1:]
        by_name = {one.name: True for one in arguments
                   if one.kind is one.KEYWORD_ONLY}
        try:
            inspect.signature(getattr(part, name)).bind(
                *[None] * (len(arguments) - len(by_name)), **by_name)
        except (AttributeError, TypeError) as exc:
            found.append(f'{name}: {exc}')
    return found


def backend_of(tmp_path, path):
    module, _, name = path.rpartition('.')
    cls = getattr(importlib.import_module(module), name)
    one = made.make(tmp_path, cls, 'driver_handles_share_servers = False\n'
                    + DRIVERS[path])
    one.do_setup(None)
    return one._backend


@pytest.mark.parametrize('path', DRIVERS)
def test_every_backend_has_all_parts(tmp_path, path):
    found = backend_of(tmp_path, path)

    for name, protocol in PARTS.items():
        assert differences(getattr(found, name), protocol) == [], name
    assert differences(found, backend.BackendParts) == []


@pytest.mark.parametrize('path', [path for path in DRIVERS
                                  if '.testing.' not in path])
def test_every_backend_is_given_the_same(tmp_path, path):
    found = backend_of(tmp_path, path)

    assert set(inspect.signature(type(found)).parameters) >= GIVEN


def test_a_part_that_differs_is_caught(tmp_path):
    found = backend_of(
        tmp_path, 'manila_drivers.testing.sample.SampleShareDriver')
    found.shares.resize = lambda call, gib: None
    found.snapshots.clone = lambda call: {}
    del found.stats

    assert differences(found.shares, backend.SharesPart) == [
        "resize: got an unexpected keyword argument 'shrink'"]
    assert differences(found.snapshots, backend.SnapshotsPart) == [
        'clone: too many positional arguments']
    assert differences(object(), backend.StatsPart)[0].startswith('read: ')


def test_the_protocols_are_not_empty():
    assert {name: len(names(protocol)) for name, protocol in
            PARTS.items()} == {'shares': 4, 'access': 1, 'snapshots': 5,
                               'health': 1, 'adoption': 2, 'stats': 1}
    assert names(backend.BackendParts) == {'check', 'info', 'close'}
