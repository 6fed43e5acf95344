# SPDX-License-Identifier: Apache-2.0

"""The driver on the simulator, where the common suites do not look."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of
from tests.unit.glusterfs.conftest import volume_of

Failed = compat.errors.ManilaException
INFRA = 'glusterfs-server-1,glusterfs-server-2,manila-host-1'


def update(driver, share, wanted):
    return driver.update_access(None, share, wanted, [], [])


# Creation

@pytest.mark.parametrize('number', [1, 10, 200])
@pytest.mark.parametrize(('state', 'budget'), [
    ({'started': True, 'user__manila_tls': 'on'}, 5),
    ({'started': True, 'tls': False}, 6), ({'started': False}, 6)])
def test_creation_costs_the_same_however_many_volumes(world, number, state,
                                                      budget):
    for each in range(number):
        world.one.make_volume(f'pool-2G-{each}', **state)
    driver = world.driver()
    world.calls()
    driver.create_share(None, row())
    calls = world.calls()
    assert len(calls) <= budget
    assert sum(each.startswith('volume set') for each in calls) == 1


def test_creation_on_three_clusters_asks_each_once(world):
    world.one.make_volume('pool-2G-1')
    world.two.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='one,two')
    world.calls()
    driver.create_share(None, row())
    assert len(world.calls()) <= 2 + 5


def test_the_second_share_of_a_volume_needs_no_restart(world):
    world.one.make_volume('pool-2G-1', tls=False)
    driver = world.driver()
    first = row()
    driver.create_share(None, first)
    driver.delete_share(None, first)
    world.calls()
    driver.create_share(None, row())
    assert [each.split()[1] for each in world.calls()] == [
        'info', 'set', 'info', 'status', 'status']
    assert world.one.can_mount(None, 'pool-2G-1') is None


@pytest.mark.parametrize('state', [
    {'started': False}, {'started': True}, {'tls': False}])
def test_a_new_share_is_closed_whatever_the_volume_was(world, state):
    world.one.make_volume('pool-2G-1', allow=INFRA + ',earlier-tenant',
                          **state)
    assert volume_of(world.driver().create_share(None, row())) == 'pool-2G-1'
    for name in (None, 'earlier-tenant', 'anybody'):
        assert world.one.can_mount(name, 'pool-2G-1') is None
    assert world.one.can_mount('manila-host-1', 'pool-2G-1') == 'rw'
    assert world.one.volume('pool-2G-1').options['auth.ssl-allow'] == INFRA


@pytest.mark.parametrize('options', [
    {'allow': None}, {'allow': '*'}, {'allow': INFRA + ',t*'},
    {'allow': 'manila-host-1'}, {'user__manila_share': 'somebody'},
    {'user__manila_state': 'unmanaged'}, {'user__manila_state': 'wiping'},
    {'user__manila_share': '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'}])
def test_volumes_that_are_never_handed_out(world, options):
    world.one.make_volume('pool-2G-1', **options)
    before = world.one.volume('pool-2G-1')
    with pytest.raises(Failed, match='No free volume'):
        world.driver().create_share(None, row())
    assert world.one.volume('pool-2G-1') == before


def test_options_that_a_build_lacks_are_left_out(world):
    world.one.options.missing = frozenset({
        'server.dynamic-auth', 'nfs.export-volumes', 'features.trash'})
    world.one.make_volume('pool-2G-1')
    world.driver().create_share(None, row())
    world.one.options.missing = frozenset({'auth.ssl-allow'})
    world.one.make_volume('pool-2G-2', allow=INFRA + ',t')
    with pytest.raises(Failed, match='does not exist'):
        world.driver().create_share(None, row())


def test_a_failed_creation_gives_the_volume_back(world):
    world.one.make_volume('pool-2G-1', tls=False)
    driver = world.driver()
    world.one.arm(Fault('status', code=30800, times=None,
                        match='xml$'))
    share = row()
    with pytest.raises(Failed):
        driver.create_share(None, share)
    world.one.disarm()
    assert world.one.volume('pool-2G-1').options[
        'user.manila-share'] == 'NONE'
    assert driver.create_share(None, row())
    driver.delete_share(None, share)


@pytest.mark.parametrize('kind', [
    {'kind': 'status', 'before': False, 'times': 99},
    {'kind': 'reset_after', 'times': 99}])
def test_no_limit_is_left_of_a_creation_that_failed(world, kind):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(glusterfs_quota=True), row()
    world.one.arm(Fault(match='xml$', **kind))
    with pytest.raises(Failed):
        driver.create_share(None, share)
    world.one.disarm()
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').limit is None


def test_fixed_targets(world):
    world.one.make_volume('v1')
    world.one.make_volume('v2')
    driver = world.driver(glusterfs_servers=None,
                          glusterfs_volume_pattern=None,
                          glusterfs_targets='root@one:/v2')
    share = row()
    assert driver.create_share(None, share)[0]['path'] == 'one:/v2'
    assert world.storage.get(share['id'], 'volume') == 'root@one:/v2'
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())


# Locks of gluster and lost answers

def test_a_lock_is_waited_for_and_not_long(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    world.one.arm(Fault('status', code=30802, times=5, match='volume set'))
    before = world.clock()
    driver.create_share(None, row())
    assert world.clock() - before < 15


def test_a_lock_that_stays_is_an_error_after_its_time(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_lock_timeout=10)
    world.one.arm(Fault('status', code=30802, times=None,
                        match='volume set'))
    before = world.clock()
    with pytest.raises(Failed, match='30802'):
        driver.create_share(None, row())
    assert world.clock() - before < 25


@pytest.mark.parametrize('code', [30800, 30804])
def test_another_error_is_told_at_once(world, code):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    world.one.arm(Fault('status', code=code, match='volume set'))
    before = world.clock()
    with pytest.raises(Failed, match=str(code)):
        driver.create_share(None, row())
    assert world.clock() == before
    assert world.one.fired == 1


# Access

def test_a_held_mount_is_cut_off(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    update(driver, share, rules('alice', 'bob'))
    alice, bob = (world.one.mount(name, 'pool-2G-1')
                  for name in ('alice', 'bob'))
    update(driver, share, rules('bob'))
    assert world.one.held(alice) is None
    assert world.one.held(bob) == 'rw'


def test_a_held_mount_is_cut_off_without_dynamic_authentication(world):
    world.one.options.version = '3.6.2'
    world.one.options.missing = frozenset({'server.dynamic-auth'})
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    update(driver, share, rules('alice', 'bob'))
    alice = world.one.mount('alice', 'pool-2G-1')
    update(driver, share, rules('bob'))
    assert world.one.held(alice) is None
    assert world.one.can_mount('bob', 'pool-2G-1') == 'rw'


def test_hostile_names_and_65_long_ones(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    hostile = ('*', 'a*', 'a`b', 'glusterfs-server-1', 'manila-host-x')
    states = update(driver, share, rules('good', *hostile))
    assert states == {'id-' + name: {'state': 'error'} for name in hostile}
    long = [f'{number:02}' + 'x' * 62 for number in range(65)]
    states = update(driver, share, rules(*long))
    allowed = world.one.volume('pool-2G-1').options['auth.ssl-allow']
    assert allowed.startswith(INFRA) and len(allowed) <= 4000
    assert 0 < len(states) < 10
    assert world.one.options.daemon_up


def test_access_costs_one_read_and_one_write(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.calls()
    update(driver, share, rules('alice'))
    assert [each.split()[1] for each in world.calls()] == ['info', 'set']
    update(driver, share, rules('alice'))
    assert [each.split()[1] for each in world.calls()] == ['info']


# Deletion

@pytest.mark.parametrize('trash', ['off', 'on'])
def test_the_next_tenant_finds_nothing(world, trash):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.change('pool-2G-1', features__trash=trash)
    world.one.write('pool-2G-1', '/a/b/secret', b'of the first tenant')
    driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {}
    assert not world.host.mounted and not world.host.directories


@pytest.mark.parametrize('spoil', [
    lambda world: setattr(world.host, 'silent', 99),
    lambda world: world.host.arm(Fault('status', times=None, match='find')),
    lambda world: world.host.arm(Fault('status', times=None,
                                       match='-delete')),
    lambda world: setattr(world.host, 'name', 'not-allowed')])
def test_what_is_not_known_to_be_empty_is_not_given_back(world, spoil):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    update(driver, share, rules('alice'))
    world.one.write('pool-2G-1', '/secret', b'x')
    spoil(world)
    with pytest.raises(Failed):
        driver.delete_share(None, share)
    assert world.one.can_mount('alice', 'pool-2G-1') is None
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())


@pytest.mark.parametrize('mark', [
    'somebody', '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'])
def test_a_volume_of_somebody_else_is_never_wiped(world, mark):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.change('pool-2G-1', user__manila_share=mark)
    world.one.write('pool-2G-1', '/precious', b'x')
    if mark == 'somebody':
        with pytest.raises(Failed, match='somebody'):
            driver.delete_share(None, share)
    else:
        driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files == {'/precious': b'x'}


def test_a_share_with_snapshots_is_not_emptied(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.write('pool-2G-1', '/precious', b'x')
    driver.create_snapshot(None, snapshot_of(share))
    with pytest.raises(Failed, match='has 1 snapshots'):
        driver.delete_share(None, share)
    assert world.one.volume('pool-2G-1').files


# Snapshots and clones

def test_budgets_of_snapshots(world):
    world.one.make_volume('pool-2G-1')
    driver, share, clone = world.driver(), row(), row()
    driver.create_share(None, share)
    snapshot = snapshot_of(share)
    world.calls()
    driver.create_snapshot(None, snapshot)
    assert len(world.calls()) == 1
    driver.create_share_from_snapshot(None, clone, snapshot)
    assert len(world.calls()) <= 7
    driver.delete_snapshot(None, snapshot)
    assert len(world.calls()) == 1


def test_snapshots_that_upstream_named(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    snapshot = snapshot_of(share)
    world.one.gluster('snapshot', 'create', 'manila-' + snapshot['id'],
                      'pool-2G-1')
    ((_, name),) = [item for item in world.one.inventory()
                    if item[0] == 'snapshot']
    assert '_GMT-' in name
    driver.create_share_from_snapshot(None, row(), snapshot)
    assert not world.one.can_mount_snapshot('glusterfs-server-1', name)
    driver.delete_snapshot(None, snapshot)
    assert ('snapshot', name) not in world.one.inventory()


@pytest.mark.parametrize('active', [True, False])
def test_a_snapshot_is_left_as_active_as_it_was(world, active):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    snapshot = snapshot_of(share)
    name = driver.create_snapshot(None, snapshot)['provider_location']
    if active:
        world.one.gluster('snapshot', 'activate', name)
    driver.create_share_from_snapshot(None, row(), snapshot)
    assert world.one.can_mount_snapshot('manila-host-1', name) is active


def test_nobody_reaches_a_clone_at_any_moment(world):
    world.one.make_volume('pool-2G-1')
    driver, share, clone = world.driver(), row(), row()
    driver.create_share(None, share)
    update(driver, share, rules('alice'))
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    seen = []
    handle = world.one.handle

    def watched(*args):
        reply = handle(*args)
        seen.append(world.one.can_mount('alice', 'manila-' + clone['id']))
        return reply
    world.one.handle = watched
    driver.create_share_from_snapshot(None, clone, snapshot)
    assert len(seen) == 7 and not any(seen)


def test_clones_that_cannot_be(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    with pytest.raises(compat.errors.InvalidShare, match='2 GiB'):
        driver.create_share_from_snapshot(None, row(3), snapshot)
    world.one.options.version = '3.6.9'
    with pytest.raises(compat.errors.InvalidShare, match=r'3\.7'):
        world.driver().create_share_from_snapshot(None, row(), snapshot)


def test_volumes_that_are_not_thin(world):
    world.one.make_volume('pool-2G-1', thin=False)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    with pytest.raises(compat.errors.ShareSnapshotNotSupported,
                       match='thin'):
        driver.create_snapshot(None, snapshot_of(share))


def _reverted(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    update(driver, share, rules('old'))
    world.one.write('pool-2G-1', '/file', b'before')
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    update(driver, share, rules('new'))
    world.one.write('pool-2G-1', '/file', b'after')
    return driver, share, snapshot


def _is_reverted(world, share, snapshot):
    found = world.one.volume('pool-2G-1')
    assert found.files == {'/file': b'before'}
    assert found.options['user.manila-share'] == share['id']
    assert world.one.can_mount('new', 'pool-2G-1') == 'rw'
    assert world.one.can_mount('old', 'pool-2G-1') is None
    assert ('snapshot', 'manila-' + snapshot['id']) in world.one.inventory()


def test_revert(world):
    driver, share, snapshot = _reverted(world)
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    _is_reverted(world, share, snapshot)


@pytest.mark.parametrize('nth', range(1, 12))
@pytest.mark.parametrize('before', [True, False])
def test_revert_may_be_interrupted_anywhere(world, nth, before):
    driver, share, snapshot = _reverted(world)
    # One answer that is lost is no interruption any more.
    world.one.arm(Fault('status', nth=nth, before=before, code=30800,
                        times=None))
    with pytest.raises(Failed):
        driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    assert world.one.can_mount('old', 'pool-2G-1') is None
    world.one.disarm()
    driver.revert_to_snapshot(None, snapshot, rules('new'), [])
    _is_reverted(world, share, snapshot)


def test_revert_to_what_is_not_there_changes_nothing(world):
    driver, share, _ = _reverted(world)
    before = world.one.volume('pool-2G-1')
    with pytest.raises(compat.errors.SnapshotResourceNotFound):
        driver.revert_to_snapshot(None, snapshot_of(share), [], [])
    assert world.one.volume('pool-2G-1') == before


# Size

def test_extension_without_quota(world):
    world.one.make_volume('pool-5G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    driver.extend_share(share, 5)
    with pytest.raises(Failed, match='has 5'):
        driver.extend_share(share, 6)
    with pytest.raises(NotImplementedError, match='no quota'):
        driver.shrink_share(share, 1)


# What upstream's driver has left

def test_a_share_of_upstream_is_taken_over(world):
    share = row()
    world.one.make_volume('pool-2G-1', allow=INFRA + ',alice',
                          user__manila_share=share['id'],
                          server__dynamic_auth='ON', client__ssl='ON',
                          nfs__export_volumes='OFF')
    world.storage.update(share['id'], {'volume': 'root@one:/pool-2G-1'})
    driver = world.driver()
    before = world.one.volume('pool-2G-1')
    world.calls()
    answers = driver.ensure_shares(None, [share])
    assert answers[share['id']]['export_locations'][0]['path'] \
        == 'one:/pool-2G-1'
    assert world.calls() == ['volume info']
    assert world.one.volume('pool-2G-1') == before
    update(driver, share, rules('bob'))
    assert world.one.can_mount('alice', 'pool-2G-1') is None
    driver.delete_share(None, share)
    assert world.driver().create_share(None, row())


def test_an_unmanaged_volume_keeps_its_data(world):
    world.one.make_volume('pool-2G-1')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.write('pool-2G-1', '/precious', b'x')
    driver.unmanage(share)
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    again = row(size=None, export_locations=['one:/pool-2G-1'])
    assert driver.manage_existing(again, {})['size'] == 2
    assert world.one.volume('pool-2G-1').files == {'/precious': b'x'}


def test_a_limit_is_the_size_of_what_is_managed(world):
    world.one.make_volume('pool-9G-1')
    driver, share = world.driver(glusterfs_quota=True), row(3)
    driver.create_share(None, share)
    driver.unmanage(share)
    again = row(size=None, export_locations=['one:/pool-9G-1'])
    assert driver.manage_existing(again, {})['size'] == 3
    assert world.one.volume('pool-9G-1').limit == 3 * 1024 ** 3


@pytest.mark.parametrize(('path', 'options', 'why'), [
    ('three:/pool-2G-1', {}, 'not host:/volume of a server'),
    ('nonsense', {}, 'not host:/volume'), ('one:/nothing', {}, 'no volume'),
    # All of a volume is more than a directory of it.
    ('one:/plain/dir', {}, 'not host:/volume'),
    ('one:/plain//dir/', {}, 'not host:/volume'),
    ('one:/open', {}, 'cannot be a share'),
    ('one:/kept', {}, 'cannot be a share'),
    ('one:/taken', {}, 'is share'), ('one:/off', {}, 'not started'),
    ('one:/plain', {'size': 'big'}, "'big'")])
def test_what_cannot_be_managed(world, path, options, why):
    sim = world.one
    sim.make_volume('pool-2G-1')
    sim.make_volume('open', allow='*')
    sim.make_volume('kept', allow='*')
    sim.gluster('snapshot', 'create', 'before', 'kept', 'no-timestamp')
    sim.make_volume('taken', user__manila_share=(
        '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'))
    sim.make_volume('off', started=False)
    sim.make_volume('plain')
    with pytest.raises(compat.errors.ManageInvalidShare, match=why):
        world.driver().manage_existing(
            row(size=None, export_locations=[path]), options)
