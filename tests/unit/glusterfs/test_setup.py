# SPDX-License-Identifier: Apache-2.0

"""Options that cannot work, servers that do not, and what is said then."""

import logging

from oslo_log import versionutils
import pytest

from manila_drivers import compat
from manila_drivers.glusterfs import opts
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row

Wrong = compat.errors.BadConfigurationException

OPTIONS = [
    ({'glusterfs_servers': None}, 'glusterfs_servers: is not set'),
    ({'glusterfs_volume_pattern': None},
     'glusterfs_volume_pattern: is not set'),
    ({'glusterfs_volume_pattern': 'v-#{x}'}, 'unknown placeholder'),
    ({'glusterfs_volume_pattern': 'v-('}, 'not a regular expression'),
    ({'glusterfs_servers': 'one:/v'}, 'glusterfs_servers'),
    ({'glusterfs_servers': 'a@b@c'}, 'glusterfs_servers'),
    ({'glusterfs_servers': 'one,root@one'}, 'names the server one twice'),
    ({'glusterfs_targets': 'one:/v'}, 'cannot go together'),
    ({'glusterfs_servers': None, 'glusterfs_targets': 'one'},
     'glusterfs_targets'),
    ({'glusterfs_servers': None, 'glusterfs_targets': 'one:/v,one:/v'},
     'names a volume twice'),
    ({'driver_handles_share_servers': True}, 'driver_handles_share_servers'),
    ({'glusterfs_servers': 'root@one', 'glusterfs_server_password': None},
     'glusterfs_path_to_private_key'),
    ({'glusterfs_path_to_private_key': '/not/there'},
     'glusterfs_path_to_private_key: there is no file'),
    ({'glusterfs_mount_point_base': 'relative'},
     'glusterfs_mount_point_base'),
    ({'glusterfs_server_names': ''}, 'glusterfs_server_names'),
    ({'glusterfs_manila_names': 'a*'}, 'glusterfs_manila_names')]


@pytest.mark.parametrize(('options', 'text'), OPTIONS,
                         ids=[text for _, text in OPTIONS])
def test_each_wrong_option_is_named(world, monkeypatch, options, text):
    monkeypatch.delenv('SSH_AUTH_SOCK', raising=False)
    world.one.make_volume('pool-2G-1')
    with pytest.raises(compat.errors.ManilaException, match=text):
        world.driver(**options)


def test_another_layout_is_no_choice(world):
    with pytest.raises(ValueError, match='glusterfs_share_layout'):
        world.driver(glusterfs_share_layout='layout_directory.X')


@pytest.mark.parametrize('options', [
    {'glusterfs_share_layout': 'layout_volume.GlusterfsVolumeMappedLayout'},
    {'glusterfs_servers': 'root@one'},
    {'glusterfs_server_password': None,
     'glusterfs_native_server_password': 'secret'}])
def test_what_operators_have_written_goes_on_working(world, options):
    world.one.make_volume('pool-2G-1')
    world.driver(**options)


def test_no_volume_of_the_pool(world):
    world.one.make_volume('another')
    with pytest.raises(Wrong, match='glusterfs_volume_pattern'):
        world.driver()


@pytest.mark.parametrize(('version', 'works'), [
    ('3.5.9', False), ('3.6.0', True), ('3.6.2beta3', True), ('10.3', True),
    ('11.1', True)])
def test_versions(world, version, works):
    world.one.options.version = version
    world.one.make_volume('pool-2G-1')
    if works:
        world.driver()
        return
    with pytest.raises(Wrong, match=r'3\.5\.9.*3\.6 is the oldest'):
        world.driver()


def test_a_version_that_cannot_be_read(world):
    world.one.make_volume('pool-2G-1')
    world.one.arm(Fault('empty', match='--version'))
    with pytest.raises(compat.errors.ManilaException, match='version'):
        world.driver()


def test_a_missing_mount_helper(world):
    world.one.make_volume('pool-2G-1')
    world.host.has_helper = False
    with pytest.raises(compat.errors.ManilaException,
                       match=r'mount\.glusterfs is missing'):
        world.driver()


@pytest.mark.parametrize('kind', ['refused', 'timeout_before'])
def test_one_dead_cluster_does_not_stop_the_backend(world, caplog, kind):
    world.two.make_volume('pool-2G-1')
    world.one.arm(Fault(kind, times=None))
    with caplog.at_level(logging.WARNING):
        driver = world.driver(glusterfs_servers='one,two')
    assert 'Cluster one is left out' in caplog.text
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 2.0


def test_an_old_cluster_does_not_stop_the_backend(world):
    world.one.options.version = '3.5.1'
    world.two.make_volume('pool-2G-1')
    world.driver(glusterfs_servers='one,two')


def test_all_clusters_dead(world):
    world.one.arm(Fault('refused', times=None))
    with pytest.raises(compat.errors.ManilaException, match='connection'):
        world.driver()


def test_unusable_volumes_are_named(world, caplog):
    world.one.make_volume('pool-2G-1')
    world.one.make_volume('pool-2G-2', allow=None)
    world.one.make_volume('pool-2G-3', allow='*')
    with caplog.at_level(logging.WARNING):
        world.driver()
    assert 'pool-2G-2 is not used: auth.ssl-allow is not set' in caplog.text
    assert 'pool-2G-3 is not used' in caplog.text
    assert 'pool-2G-1 is not' not in caplog.text


def test_statistics_are_numbers(world):
    for number, size in enumerate((2, 3, 5)):
        world.one.make_volume(f'pool-{size}G-{number}')
    world.one.make_volume('pool-9G-9', allow='*')
    stats = world.driver().get_share_stats(refresh=True)
    assert stats['total_capacity_gb'] == 10.0
    assert stats['free_capacity_gb'] == 10.0
    assert stats['gluster_largest_free_volume_gb'] == 5.0
    assert stats['gluster_unusable_volumes'] == 1
    assert stats['share_backend_name'] == 'GlusterFS-Native'
    assert stats['storage_protocol'] == 'glusterfs'


def test_sizes_that_no_name_tells_come_from_the_bricks(world):
    world.one.make_volume('v1', size=4 * 1024 ** 3)
    driver = world.driver(glusterfs_servers=None,
                          glusterfs_volume_pattern=None,
                          glusterfs_targets='one:/v1')
    world.calls()
    for _ in range(3):
        assert driver.get_share_stats(refresh=True)[
            'free_capacity_gb'] == 4.0
    assert sum('detail' in each for each in world.calls()) == 1


def test_ipv6_servers(world):
    world.host.sims['2001:db8::7'] = world.one
    world.one.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='root@[2001:db8::7]')
    assert driver.get_configured_ip_versions() == [6]
    driver.create_share(None, row())
    assert world.one.volume('pool-2G-1').options['user.manila-share']


@pytest.mark.parametrize(('options', 'versions'), [
    ({'glusterfs_servers': 'one'}, [4]),
    ({'glusterfs_servers': 'one,root@[2001:db8::7]'}, [4, 6]),
    ({'glusterfs_servers': None, 'glusterfs_targets': '[::1]:/v'}, [6]),
    ({'glusterfs_servers': None, 'glusterfs_targets': '10.0.0.1:/v'}, [4])],
    ids=str)
def test_versions_of_ip_are_those_of_the_addresses(world, options, versions):
    for host in ('2001:db8::7', '::1', '10.0.0.1'):
        world.host.sims[host] = world.one
    driver = world.driver(checked=False, **options)
    assert driver.get_configured_ip_versions() == versions


def test_a_fixed_list_of_volumes_is_deprecated(world, caplog, monkeypatch):
    [option] = [each for each in opts.GLUSTER_OPTS
                if each.name == 'glusterfs_targets']
    # It is said once in a process.
    monkeypatch.setattr(option, '_logged_deprecation', False)
    monkeypatch.setattr(versionutils, '_deprecated_messages_sent', {})
    world.one.make_volume('v1')
    with caplog.at_level(logging.WARNING):
        world.driver(glusterfs_servers=None, glusterfs_volume_pattern=None,
                     glusterfs_targets='one:/v1')
    assert 'Option "glusterfs_targets" from group "g" is deprecated' \
        in caplog.text
