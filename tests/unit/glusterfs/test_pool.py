# SPDX-License-Identifier: Apache-2.0
"""Which volumes are handed out, and what the scheduler is told of them."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import snapshot_of
from tests.unit.glusterfs.conftest import volume_of

Failed = compat.errors.ManilaException
GIB = 1024 ** 3

HINDRANCES = [
    {'auth__allow': '10.0.0.0/8'}, {'auth__reject': '10.0.0.1'},
    {'features__read_only': 'on'}, {'features__worm': 'enable'},
    {'features__worm_file_level': 'on'}, {'server__root_squash': 'on'},
    {'server__all_squash': 'on'}, {'storage__owner_uid': '36'},
    {'storage__owner_gid': '36'}, {'ganesha__enable': 'on'},
    {'user__smb': 'enable'}, {'user__cifs': 'on'}]
HARMLESS = [
    {'auth__allow': '*'}, {'features__read_only': 'off'},
    {'storage__owner_uid': '0'}, {'ganesha__enable': 'off'},
    {'user__cifs': 'disable'}, {'server__root_squash': 'off'}]


@pytest.mark.parametrize('options', HINDRANCES, ids=str)
def test_volumes_that_are_no_share_for_everybody(world, options):
    world.one.make_volume('pool-2G-0', **options)
    world.one.make_volume('pool-2G-1')
    before = world.one.volume('pool-2G-0')
    driver = world.driver()
    assert driver.get_share_stats(refresh=True)[
        'gluster_unusable_volumes'] == 1
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-1'
    option = next(iter(options)).replace('__', '.').replace('_', '-')
    with pytest.raises(Failed, match=option):
        driver.create_share(None, row())
    assert world.one.volume('pool-2G-0') == before


@pytest.mark.parametrize('options', HARMLESS, ids=str)
def test_volumes_with_options_that_do_no_harm(world, options):
    world.one.make_volume('pool-2G-0', **options)
    assert world.driver().create_share(None, row())


def test_a_volume_that_cannot_be_started_stops_no_other(world, caplog):
    broken = world.one.make_volume('pool-2G-0', started=False)
    broken.broken = 'Commit failed on localhost. Please check log file.'
    for number in (1, 2):
        world.one.make_volume(f'pool-2G-{number}', started=False)
    driver = world.driver()
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-1'
    assert 'one:/pool-2G-0 could not be made share' in caplog.text
    assert 'Commit failed' in caplog.text
    assert world.one.volume('pool-2G-0').options[
        'user.manila-share'] == 'NONE'
    # It is known now, told of, and tried last.
    stats = driver.get_share_stats(refresh=True)
    assert stats['gluster_unusable_volumes'] == 1
    assert stats['free_capacity_gb'] == 2.0
    world.calls()
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-2'
    assert not any('pool-2G-0' in each for each in world.calls())
    with pytest.raises(Failed, match='Commit failed'):
        driver.create_share(None, row())
    world.one.state.volumes['pool-2G-0'].broken = ''
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-0'


@pytest.mark.parametrize('quota', [True, False])
def test_one_that_cannot_be_marked_stops_no_other(world, quota):
    for number in (0, 1):
        world.one.make_volume(f'pool-2G-{number}')
    driver = world.driver(glusterfs_quota=quota)
    world.one.arm(Fault('status', code=30800, times=1,
                        match='volume set pool-2G-0'))
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-1'


# The scheduler

class Scheduler:
    """Take off what is placed, as Manila's does with statistics."""

    def __init__(self, driver):
        self._stats = driver.get_share_stats(refresh=True)
        self._left = self._stats['free_capacity_gb']

    def places(self, gib):
        if self._left == 'unknown':
            return True
        if self._left < gib:
            return False
        self._left -= gib
        return True


def test_shares_that_are_placed_between_two_statistics(world):
    for number in range(8):
        world.one.make_volume(f'pool-10G-{number}')
    driver = world.driver()
    scheduler = Scheduler(driver)
    for _ in range(8):
        assert scheduler.places(6)
        driver.create_share(None, row(size=6))
    stats = driver.get_share_stats(refresh=True)
    assert stats['gluster_free_volumes'] == 0
    assert stats['free_capacity_gb'] == 8 * 4


@pytest.mark.parametrize('quota', [True, False])
def test_shares_that_grow_in_their_volumes(world, quota):
    world.one.make_volume('pool-10G-0')
    driver = world.driver(glusterfs_quota=quota)
    share = row(size=1)
    driver.create_share(None, share)
    assert Scheduler(driver).places(1)
    driver.extend_share(share, 2)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 8.0
    # Another process, which has read it from its records.
    again = world.driver(glusterfs_quota=quota)
    assert again.get_share_stats(refresh=True)['free_capacity_gb'] == 8.0
    driver.extend_share(share, 10)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 0.0
    assert not Scheduler(driver).places(1)
    with pytest.raises(Failed, match='has 10'):
        driver.extend_share(share, 11)


def test_sizes_that_manila_tells_at_a_start(world):
    """Shares of earlier releases have none in their records."""
    share = row(size=4)
    world.one.make_volume('pool-10G-0', user__manila_share=share['id'])
    driver = world.driver()
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 0.0
    driver.ensure_shares(None, [share])
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 6.0


def test_sizes_that_manila_read_before_an_extension(world):
    """An ensure goes on while shares are extended."""
    share = row(size=4)
    world.one.make_volume('pool-10G-0')
    driver = world.driver()
    driver.create_share(None, share)
    driver.extend_share(share, 7)
    driver.ensure_shares(None, [share])
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 3.0


GIB = 1024 ** 3
UNNAMED = {'glusterfs_volume_pattern': 'pool-'}


def test_a_volume_that_was_made_larger_can_be_used_up(world):
    world.one.make_volume('pool-a', size=10 * GIB)
    driver = world.driver(**UNNAMED)
    share = row(size=10)
    driver.create_share(None, share)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 0.0
    world.one.state.volumes['pool-a'].size = 20 * GIB
    world.clock.sleep(3700)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 10.0
    driver.extend_share(share, 20)


def test_a_size_that_was_not_told_is_asked_for_again_soon(world):
    world.one.make_volume('pool-a', size=10 * GIB)
    world.one.make_volume('pool-b', size=10 * GIB)
    world.one.brick_down('one:/bricks/pool-b-0')
    driver = world.driver(**UNNAMED)
    read = driver.get_share_stats
    assert read(refresh=True)['free_capacity_gb'] == 'unknown'
    world.one.brick_up('one:/bricks/pool-b-0')
    world.calls()
    assert read(refresh=True)['free_capacity_gb'] == 'unknown'
    assert world.calls() == ['volume info']
    world.clock.sleep(310)
    assert read(refresh=True)['free_capacity_gb'] == 20.0


def test_one_size_for_statistics_shares_and_extensions(world):
    """File systems take something of the 10 GiB below them."""
    world.one.make_volume('pool-a', size=10 * GIB - 30 * 1024 ** 2)
    driver = world.driver(**UNNAMED)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 10.0
    share = row(size=9)
    driver.create_share(None, share)
    assert driver.get_share_stats(refresh=True)['free_capacity_gb'] == 1.0
    driver.extend_share(share, 10)


def test_a_volume_known_to_be_too_small_is_not_taken(world):
    world.one.make_volume('pool-a', size=10 * GIB)
    world.one.make_volume('pool-b', size=50 * GIB)
    driver = world.driver(**UNNAMED)
    driver.get_share_stats(refresh=True)
    assert volume_of(driver.create_share(None, row(size=30))) == 'pool-b'
    with pytest.raises(Failed, match='the largest of 10 GiB'):
        driver.create_share(None, row(size=30))


def test_a_share_too_large_for_any_volume_is_told_so(world):
    for number in range(3):
        world.one.make_volume(f'pool-10G-{number}')
    driver = world.driver()
    assert driver.get_share_stats(refresh=True)[
        'gluster_largest_free_volume_gb'] == 10.0
    with pytest.raises(Failed, match='11 GiB: of 3 volumes in the pool 3 are '
                       'free and 3 usable, the largest of 10 GiB'):
        driver.create_share(None, row(size=11))


# What is not told

def test_a_shrink_while_quota_tells_nothing(world):
    world.one.make_volume('pool-10G-0')
    driver = world.driver(glusterfs_quota=True)
    share = row(size=3)
    driver.create_share(None, share)
    world.one.write('pool-10G-0', '/file', GIB + GIB // 6)
    world.one.options.quota_blind = True
    with pytest.raises(Failed, match='does not tell'):
        driver.shrink_share(share, 1)
    assert world.one.volume('pool-10G-0').limit == 3 * GIB
    driver.extend_share(share, 4)
    assert world.one.volume('pool-10G-0').limit == 4 * GIB


def test_a_limit_that_is_not_told_is_asked_for(world):
    world.one.make_volume('pool-10G-0', features__quota='on')
    driver = world.driver()
    world.one.options.quota_blind = True
    share = row(size=None, export_locations=[{'path': 'one:/pool-10G-0'}])
    with pytest.raises(Failed, match='limit cannot be seen'):
        driver.manage_existing(share, {})
    assert driver.manage_existing(share, {'size': 4})['size'] == 4


def test_the_size_of_a_managed_snapshot(world):
    world.one.make_volume('pool-2G-0')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.gluster('snapshot', 'create', 'nightly', 'pool-2G-0',
                      'no-timestamp')
    found = driver.manage_existing_snapshot(
        snapshot_of(share, provider_location='nightly'), {})
    assert found == {'provider_location': 'nightly', 'size': 2}


# Locks

@pytest.mark.parametrize(('number', 'text'), [
    (30802, ('Another transaction is in progress for pool-2G-0. Please try '
     'again after some time.')),
    (30800, ('Another transaction is in progress. Please try again after '
     'some time.')),
    (30800, ('Another transaction could be in progress. Please try again '
     'after some time.')),
    (30800, ('Locking failed on 192.0.2.3. Please check log file for '
     'details.')),
    (30800, ('Locking failed on two.example.org. Another transaction is in '
     'progress for pool-2G-0. Please try again after some time.')),
    (30800, 'locking failed for one of the peers.'),
    (30800, 'Failed to acquire cluster lock.'),
    (30800, 'Unable to acquire lock on localhost'),
    (0, 'Cluster lock held by 9d587085-f714-4094-8a50-b2d9b14dd5b1')])
def test_others_locks_are_waited_for(world, number, text):
    world.one.make_volume('pool-2G-0')
    driver = world.driver(glusterfs_lock_timeout=30)
    started = world.clock()
    world.one.arm(Fault('status', code=number or 30800, body=text, times=8,
                        match='volume set'))
    driver.create_share(None, row())
    assert 3 < world.clock() - started < 30


@pytest.mark.parametrize('text', [
    'Unlocking failed on 192.0.2.3. Please check log file for details.',
    'Commit failed on 192.0.2.3. Please check log file for details.'])
def test_what_is_no_lock_is_not_waited_for(world, text):
    world.one.make_volume('pool-2G-0')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.arm(Fault('status', code=30800, body=text, times=None,
                        match='volume set'))
    started = world.clock()
    with pytest.raises(Failed):
        driver.update_access(None, share, [{
            'access_id': 'a', 'access_type': 'cert', 'access_to': 'alice',
            'access_level': 'rw'}], [], [])
    assert world.clock() - started < 1


# Mounts

@pytest.mark.parametrize('how', ['link', 'double', 'dots', 'blank', 'glob'])
def test_a_mount_point_base_with_a_second_name(world, how, tmp_path):
    real = tmp_path / ('a [*] b' if how == 'glob' else 'a\\b c')
    real.mkdir()
    (tmp_path / 'link').symlink_to(real)
    base = {'link': tmp_path / 'link', 'double': f'{tmp_path}//{real.name}',
            'dots': f'{real}/../{real.name}', 'blank': real,
            'glob': real}[how]
    world.one.make_volume('pool-2G-0')
    driver = world.driver(glusterfs_mount_point_base=base)
    share = row()
    driver.create_share(None, share)
    world.one.write('pool-2G-0', '/file', b'x')
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-0').files == {}
    assert not world.host.mounted


# Starts

def test_what_a_start_could_not_check_is_owed(world):
    world.one.make_volume('pool-2G-0')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.gluster('volume', 'stop', 'pool-2G-0')
    told = driver.get_backend_info(None)
    world.one.options.daemon_up = False
    assert driver.ensure_shares(None, [share]) == {share['id']: {}}
    assert driver.get_backend_info(None) != told
    world.one.options.daemon_up = True
    world.clock.sleep(61)
    driver.get_share_stats(refresh=True)
    assert world.one.can_mount('manila-host-1', 'pool-2G-0') == 'rw'


def test_two_names_of_one_cluster(world, caplog):
    world.host.sims['one-by-address'] = world.one
    world.one.make_volume('pool-2G-0')
    world.one.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='one,one-by-address')
    assert 'one-by-address shows the volumes of another one' in caplog.text
    stats = driver.get_share_stats(refresh=True)
    assert stats['gluster_free_volumes'] == 2
    assert stats['free_capacity_gb'] == 4.0
    shares = [row(), row()]
    found = {volume_of(driver.create_share(None, each)) for each in shares}
    assert found == {'pool-2G-0', 'pool-2G-1'}
    for each in shares:
        driver.delete_share(None, each)
    assert driver.get_share_stats(refresh=True)['gluster_free_volumes'] == 2


def test_a_clone_that_is_not_whole_is_no_share(world):
    world.one.make_volume('pool-2G-0')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    world.one.arm(Fault('status', code=30800, times=None,
                        match='volume status manila-'))
    with pytest.raises(Failed):
        driver.create_share_from_snapshot(None, row(), snapshot)


def test_the_older_dotted_path():
    from manila_drivers import glusterfs_native as older
    from manila_drivers.glusterfs import glusterfs_native
    assert older.GlusterfsNativeShareDriver \
        is glusterfs_native.GlusterfsNativeShareDriver
