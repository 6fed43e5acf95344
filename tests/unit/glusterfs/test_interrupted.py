# SPDX-License-Identifier: Apache-2.0

"""Test what others do meanwhile, and what an interrupted call has left."""

import pytest

from manila_drivers import compat
from manila_drivers.glusterfs import claims
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of
from tests.unit.glusterfs.conftest import volume_of

Failed = compat.errors.ManilaException


def update(driver, share, wanted):
    return driver.update_access(None, share, wanted, [], [])


def made(world, driver, *names):
    """A share of volume pool-2G-1 with these tenants and a file."""
    share = row()
    assert volume_of(driver.create_share(None, share)) == 'pool-2G-1'
    update(driver, share, rules(*names))
    world.one.write('pool-2G-1', '/file', b'before')
    return share


# Checks while shares are in use

def test_a_check_repairs_what_there_is_then(world):
    """Its facts are old by the time that it has the lock of the share."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'alice', 'bob')
    allow = world.one.volume('pool-2G-1').options['auth.ssl-allow']
    world.one.change('pool-2G-1', auth__ssl_allow=allow + ',c*')
    lock = driver._backend.repository._lock

    def late(name, *arguments):
        if name == 'glusterfs-' + share['id']:
            # Another call had it until now, and has denied bob.
            world.one.change('pool-2G-1', auth__ssl_allow=allow.replace(
                ',bob', '') + ',c*')
        return lock(name, *arguments)

    driver._backend.repository._lock = late
    answers = driver.ensure_shares(None, [share])
    assert answers[share['id']]['reapply_access_rules']
    assert world.one.can_mount('carol', 'pool-2G-1') is None
    assert world.one.can_mount('alice', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('bob', 'pool-2G-1') is None


# Ways back to a snapshot

def interrupted(world, driver, share, snapshot):
    """A revert that ended when gluster had brought the volume back."""
    world.one.arm(Fault('status', match='snapshot restore', before=False,
                        code=30800))
    world.one.arm(Fault('status', match='volume info', nth=2, times=None,
                        code=30800))
    with pytest.raises(Failed):
        driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    world.one.disarm()


def test_a_way_back_whose_answer_was_lost_is_gone_on_with(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'old')
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    world.one.write('pool-2G-1', '/file', b'after')
    world.one.arm(Fault('reset_after', match='snapshot restore'))
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    assert world.one.volume('pool-2G-1').files == {'/file': b'before'}
    assert world.one.can_mount('new', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('old', 'pool-2G-1') is None


def test_a_snapshot_that_is_not_restored_leaves_the_share_in_use(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'alice')
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    world.one.arm(Fault('status', match='snapshot restore', code=30800))
    with pytest.raises(Failed, match='snapshot restore'):
        driver.revert_to_snapshot(None, snapshot, rules('alice'), [])
    assert world.one.can_mount('alice', 'pool-2G-1') == 'rw'


@pytest.mark.parametrize('match', ['snapshot info', 'volume start'])
def test_nobody_is_let_into_a_share_that_is_back_in_part(world, match):
    """A brick that goes away before it is begun with, or while it starts."""
    world.one.make_volume('pool-2G-1', bricks=2)
    driver = world.driver()
    share = made(world, driver, 'alice')
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    run, done = world.one._run, []

    def watched(argv, stdin):
        reply = run(argv, stdin)
        if match in ' '.join(argv) and not done:
            done.append(world.one.volume('pool-2G-1').bricks[-1])
            world.one.brick_down(done[0])
        return reply
    world.one._run = watched
    with pytest.raises(Failed, match='is offline'):
        driver.revert_to_snapshot(None, snapshot, rules('alice', 'bob'), [])
    before = match == 'snapshot info'
    assert world.one.can_mount('alice', 'pool-2G-1') == (
        'rw' if before else None)
    assert ('snapshot', 'manila-' + snapshot['id']) in (
        world.one.inventory()) or not before
    world.one.brick_up(done[0])
    driver.revert_to_snapshot(None, snapshot, rules('alice', 'bob'), [])
    assert world.one.can_mount('bob', 'pool-2G-1') == 'rw'
    assert world.one.volume('pool-2G-1').files == {'/file': b'before'}


def test_a_check_lets_nobody_in_who_was_denied_since_a_snapshot(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'old')
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    update(driver, share, rules('new'))
    interrupted(world, driver, share, snapshot)
    answers = driver.ensure_shares(None, [share])
    assert world.one.can_mount('old', 'pool-2G-1') is None
    assert answers[share['id']]['reapply_access_rules']
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    assert world.one.can_mount('new', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('old', 'pool-2G-1') is None


@pytest.fixture(params=[{}, {'user__manila_share': 'NONE'}], ids=str)
def before_it_was_managed(world, request):
    """A share with a snapshot of the time when its volume was free."""
    world.one.make_volume('pool-2G-1', files={'/file': b'before'},
                          **request.param)
    driver = world.driver()
    world.one.gluster('snapshot', 'create', 'early', 'pool-2G-1',
                      'no-timestamp')
    share = row(export_locations=['one:/pool-2G-1'])
    driver.manage_existing(share, {})
    update(driver, share, rules('new'))
    snapshot = snapshot_of(share, provider_location='early')
    assert driver.manage_existing_snapshot(snapshot, {})
    interrupted(world, driver, share, snapshot)
    return driver, share, snapshot


def test_a_volume_on_its_way_back_is_given_to_nobody(
        world, before_it_was_managed):
    driver, share, snapshot = before_it_was_managed
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    found = world.one.volume('pool-2G-1')
    assert found.options['user.manila-share'] == share['id']
    assert found.files == {'/file': b'before'}
    assert world.one.can_mount('new', 'pool-2G-1') == 'rw'


def test_a_volume_on_its_way_back_is_emptied_with_its_share(
        world, before_it_was_managed):
    driver, share, _ = before_it_was_managed
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}
    driver.create_share(None, row())


def test_a_way_back_goes_on_where_another_share_had_the_volume_then(world):
    """The snapshot is older than the present share's mark."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    first = made(world, driver, 'old')
    driver.create_snapshot(None, snapshot_of(first, id='early'))
    driver.unmanage(first)
    share = row(export_locations=['one:/pool-2G-1'])
    driver.manage_existing(share, {})
    snapshot = snapshot_of(share, provider_location='manila-early')
    interrupted(world, driver, share, snapshot)
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    assert world.one.can_mount('new', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('old', 'pool-2G-1') is None
    driver.delete_snapshot(None, snapshot)
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}


# Claims of services that were too late and could not step back

@pytest.fixture
def contested(world):
    """A share whose volume another host has claimed, and then died."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'alice')
    late = row(host='late@g#pool')
    world.one.gluster('volume', 'set', 'pool-2G-1', 'user.manila-share',
                      late['id'], claims.claim_option('late@g'),
                      late['id'])
    return driver, share, late


def test_a_late_claim_takes_no_share_away(world, contested):
    driver, share, late = contested
    assert 'status' not in driver.ensure_shares(None, [share])[share['id']]
    update(driver, share, rules('bob'))
    assert world.one.can_mount('bob', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('alice', 'pool-2G-1') is None
    driver.delete_share(None, late)
    found = world.one.volume('pool-2G-1')
    assert found.files == {'/file': b'before'}
    assert found.options['user.manila-share'] in (share['id'], late['id'])
    update(driver, share, rules('alice'))
    assert world.one.can_mount('alice', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('bob', 'pool-2G-1') is None


def test_a_share_is_emptied_though_somebody_claimed_it_late(
        world, contested):
    driver, share, _ = contested
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}
    driver.create_share(None, row())



def test_no_claim_is_left_of_a_share_that_was_let_go(world):
    """It would look as if the volume were still wanted by two."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    driver.unmanage(made(world, driver, 'alice'))
    share = row(host='another@g#pool', export_locations=['one:/pool-2G-1'])
    driver.manage_existing(share, {})
    world.storage.delete(share['id'])
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}
    driver.create_share(None, row())


# Volumes are given back only if nobody has had them

@pytest.mark.parametrize('known', [True, False])
def test_a_repeated_creation_that_fails_gives_no_data_away(world, known):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share = made(world, driver, 'alice')
    if not known:
        world.storage.delete(share['id'])
    world.one.gluster('volume', 'stop', 'pool-2G-1')
    world.one.arm(Fault('status', times=None, match='volume start',
                        code=30800))
    with pytest.raises(Failed):
        driver.create_share(None, share)
    world.one.disarm()
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    assert world.one.volume('pool-2G-1').files == {'/file': b'before'}


# Clusters that do not answer

def test_nobody_is_called_denied_while_the_cluster_cannot_be_asked(world):
    """Not even if nothing is known of the share but its mark."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='one,two')
    share = made(world, driver, 'alice')
    world.storage.delete(share['id'])
    world.one.arm(Fault('refused', times=None))
    for _ in range(2):
        with pytest.raises(Failed):
            update(driver, share, [])
    world.one.disarm()
    update(driver, share, [])
    assert world.one.can_mount('alice', 'pool-2G-1') is None


def test_a_share_of_a_server_that_was_taken_out_is_not_called_gone(world):
    world.one.make_volume('pool-2G-1')
    world.two.make_volume('pool-2G-2')
    share = made(world, world.driver(), 'alice')
    driver = world.driver(glusterfs_servers='two')
    with pytest.raises(Failed, match=r'one:/pool-2G-1.*glusterfs_servers'):
        driver.delete_share(None, share)
    with pytest.raises(Failed, match=r'one:/pool-2G-1.*glusterfs_servers'):
        update(driver, share, [])
    assert world.one.can_mount('alice', 'pool-2G-1') == 'rw'
    # Another server of the same cluster does: the mark tells.
    world.host.sims['two'] = world.one
    world.driver(glusterfs_servers='two').delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}


def test_a_cluster_that_is_too_old_stays_out(world):
    world.one.options.version = '3.5.1'
    world.one.make_volume('pool-2G-1')
    world.two.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='one,two')
    world.clock.sleep(3600)
    assert driver.create_share(None, row())[0]['path'] == 'two:/pool-2G-1'
    world.clock.sleep(3600)
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    assert driver.get_share_stats(refresh=True)['total_capacity_gb'] == 2.0
    # It is looked at again after it was brought up to date.
    world.one.options.version = '10.3'
    world.clock.sleep(3600)
    assert driver.create_share(None, row())[0]['path'] == 'one:/pool-2G-1'


def test_a_share_that_cannot_be_measured_hides_no_other(world):
    for number in (1, 2):
        world.one.make_volume(f'pool-2G-{number}')
    driver = world.driver(glusterfs_quota=True)
    shares = [row(), row()]
    for share in shares:
        driver.create_share(None, share)
    world.one.arm(Fault('status', match='pool-2G-1 list', times=None,
                        code=30800))
    [usage] = driver.update_share_usage_size(None, shares)
    assert usage['id'] == shares[1]['id']
