# SPDX-License-Identifier: Apache-2.0

"""Bricks and servers that are away while something is done to a volume."""

import re

import pytest

from manila_drivers import compat
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import records
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import volume_of

Failed = compat.errors.ManilaException
GIB = 1024 ** 3
NAME = 'pool-2G-1'
Heal = records.BrickHeal
FILES = [f'/file-{number}' for number in range(20)]

LAYOUTS = [
    {'bricks': 2}, {'replica': 2}, {'bricks': 4, 'replica': 2},
    {'replica': 3, 'arbiter': True}]


@pytest.fixture
def used(world):
    """Makes a share of a volume with two servers and writes to it."""
    def make(**layout):
        world.one.make_volume(NAME, servers=('one', 'two'), **layout)
        driver, share = world.driver(), row()
        driver.create_share(None, share)
        for path in FILES:
            world.one.write(NAME, path, b'secret of the first tenant')
        return driver, share
    return make


def free(world):
    options = world.one.volume(NAME).options
    return options.get('user.manila-share', 'NONE') == 'NONE' \
        and options.get('user.manila-state', 'NONE') == 'NONE'


def seen_by_the_next(world, driver):
    """Return what is in the volume that the next share gets, for ever."""
    share = row()
    assert volume_of(driver.create_share(None, share)) == NAME
    return world.one.volume(NAME).files


# Deletion

@pytest.mark.parametrize('layout', LAYOUTS, ids=str)
@pytest.mark.parametrize('last', [False, True])
def test_no_volume_is_given_back_without_one_of_its_bricks(world, used,
                                                           layout, last):
    driver, share = used(**layout)
    brick = world.one.volume(NAME).bricks[-1 if last else 0]
    world.one.brick_down(brick)
    with pytest.raises(Failed, match=re.escape(brick) + ' is offline'):
        driver.delete_share(None, share)
    assert not free(world)
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    world.one.brick_up(brick)
    driver.delete_share(None, share)
    assert free(world)
    assert seen_by_the_next(world, driver) == {}


@pytest.mark.parametrize('layout', LAYOUTS, ids=str)
def test_no_volume_is_given_back_without_one_of_its_servers(world, used,
                                                            layout):
    driver, share = used(**layout)
    world.one.peer_down('two')
    with pytest.raises(Failed, match='two:/bricks/pool-2G-1-1'):
        driver.delete_share(None, share)
    assert not free(world)
    world.one.peer_up('two')
    driver.delete_share(None, share)
    assert seen_by_the_next(world, driver) == {}


def test_tenants_lose_access_though_a_brick_is_away(world, used):
    driver, share = used(bricks=2)
    driver.update_access(None, share, rules('alice'), [], [])
    world.one.brick_down('two:/bricks/pool-2G-1-1')
    with pytest.raises(Failed):
        driver.delete_share(None, share)
    assert world.one.can_mount('alice', NAME) is None


def during(world, pattern, do):
    """Do something as soon as the Manila host runs a certain command."""
    run, done = world.host._run, []

    def watched(argv, stdin):
        if not done and re.search(pattern, ' '.join(argv)):
            done.append(True)
            do()
        return run(argv, stdin)
    world.host._run = watched


def test_a_brick_that_goes_away_while_its_volume_is_emptied(world, used):
    driver, share = used(bricks=2)
    brick = 'two:/bricks/pool-2G-1-1'
    during(world, '-delete$', lambda: world.one.brick_down(brick))
    with pytest.raises(Failed):
        driver.delete_share(None, share)
    assert not free(world)
    world.one.brick_up(brick)
    driver.delete_share(None, share)
    assert seen_by_the_next(world, driver) == {}


def test_a_brick_that_is_away_for_just_the_look(world, used):
    driver, share = used(bricks=2)
    brick = 'two:/bricks/pool-2G-1-1'
    during(world, '-delete$', lambda: world.one.brick_down(brick))
    run = world.host._run

    def back(argv, stdin):
        reply = run(argv, stdin)
        if '-quit' in argv:
            world.one.brick_up(brick)
        return reply
    world.host._run = back
    with pytest.raises(Failed, match='started anew'):
        driver.delete_share(None, share)
    assert not free(world)
    driver.delete_share(None, share)
    assert seen_by_the_next(world, driver) == {}


@pytest.mark.parametrize('layout', LAYOUTS[:2], ids=str)
def test_a_brick_that_this_host_alone_does_not_reach(world, used, layout):
    driver, share = used(**layout)
    world.host.unreached.add('two:/bricks/pool-2G-1-1')
    with pytest.raises(Failed, match='reaches 1 of 2 bricks'):
        driver.delete_share(None, share)
    assert not free(world)
    world.host.unreached.clear()
    driver.delete_share(None, share)
    assert seen_by_the_next(world, driver) == {}


def test_copies_that_are_yet_to_be_healed(world, used):
    """The brick came back, and still has what was deleted without it."""
    driver, share = used(replica=2)
    world.one.options.self_heal = False
    away, other = world.one.volume(NAME).bricks[::-1]
    world.one.brick_down(away)
    world.one.state.volumes[NAME].files.clear()
    world.one.brick_up(away)
    with pytest.raises(Failed, match='yet to be healed'):
        driver.delete_share(None, share)
    assert not free(world)
    world.one.options.self_heal = True
    driver.delete_share(None, share)
    world.one.brick_down(other)
    assert seen_by_the_next_is_refused(world, driver)
    assert world.one.volume(NAME).files == {}


def seen_by_the_next_is_refused(world, driver):
    with pytest.raises(Failed, match='is offline'):
        driver.create_share(None, row())
    return True


@pytest.mark.parametrize('fault', [
    Fault('status', code=30800, times=None, match='volume status'),
    Fault('status', code=1, times=None, match='heal .* info')])
def test_nothing_is_given_back_where_nothing_can_be_told(world, used, fault):
    driver, share = used(replica=2)
    world.one.arm(fault)
    with pytest.raises(Failed):
        driver.delete_share(None, share)
    world.one.disarm()
    assert not free(world)
    driver.delete_share(None, share)
    assert free(world)


# Creation

def test_a_volume_of_the_pool_that_is_not_empty_is_left_alone(world):
    world.one.make_volume('pool-2G-0', files={'/precious': 7})
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    made = driver.create_share(None, row())
    assert volume_of(made) == 'pool-2G-1'
    left = world.one.volume('pool-2G-0')
    assert left.files == {'/precious': 7}
    assert left.options['user.manila-share'] == 'NONE'
    with pytest.raises(Failed, match='/precious is in it'):
        driver.create_share(None, row())


def test_an_empty_lost_and_found_is_nothing(world):
    """Every ext4 file system has one, in every brick that is its root."""
    world.one.make_volume(NAME, lost_found=True)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.write(NAME, '/lost+found/#12', 7)
    driver.delete_share(None, share)
    assert seen_by_the_next(world, driver) == {}


def test_what_lies_in_lost_and_found_is_somebodys(world):
    world.one.make_volume(NAME, lost_found=True,
                          files={'/lost+found/#12': 7})
    with pytest.raises(Failed, match=r'/lost\+found/#12 is in it'):
        world.driver().create_share(None, row())


def test_a_host_that_cannot_look_at_its_connections_hands_out_nothing(world):
    world.one.make_volume(NAME)
    driver = world.driver()
    world.host.arm(Fault('status', times=None, match='find .*meta'))
    with pytest.raises(Failed, match='could not be read'):
        driver.create_share(None, row())
    world.host.disarm()
    driver.create_share(None, row())


def test_bricks_that_connect_slowly_are_waited_for(world):
    world.one.make_volume(NAME, bricks=2)
    driver = world.driver()
    world.host.unreached = {'one:/bricks/pool-2G-1-1'}

    began = world.clock()

    def sleep(seconds):
        world.clock.sleep(seconds)
        if world.clock() - began > 20:
            world.host.unreached = set()
    driver._backend.repository.wiper._sleep = sleep
    driver.create_share(None, row())


def test_an_incomplete_volume_of_the_pool_is_not_handed_out(world):
    world.one.make_volume('pool-2G-0', bricks=2, servers=('one', 'two'))
    world.one.make_volume('pool-2G-1', bricks=2)
    world.one.peer_down('two')
    driver = world.driver()
    assert volume_of(driver.create_share(None, row())) == 'pool-2G-1'
    with pytest.raises(Failed, match='pool-2G-0-1 is offline'):
        driver.create_share(None, row())


def test_what_another_driver_left_reaches_nobody(world):
    """It had the volume after us, and set the options that it found."""
    world.one.make_volume(NAME)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    driver.delete_share(None, share)
    world.one.write(NAME, '/of another tenant', 5)
    with pytest.raises(Failed, match='of another tenant'):
        driver.create_share(None, row())


# Sizes

def test_no_shrink_while_something_may_not_be_counted(world):
    world.one.make_volume('pool-10G-1', bricks=2)
    driver = world.driver(glusterfs_quota=True)
    share = row(size=3)
    driver.create_share(None, share)
    world.one.write('pool-10G-1', '/file-0', GIB)
    world.one.write('pool-10G-1', '/file-1', GIB)
    for brick in world.one.volume('pool-10G-1').bricks:
        world.one.brick_down(brick)
        with pytest.raises(Failed, match='is offline'):
            driver.shrink_share(share, 1)
        world.one.brick_up(brick)
    with pytest.raises(compat.errors.ShareShrinkingPossibleDataLoss):
        driver.shrink_share(share, 1)
    assert world.one.volume('pool-10G-1').limit == 3 * GIB


def test_use_is_not_told_while_a_brick_is_away(world):
    world.one.make_volume(NAME, bricks=2, size=2 * GIB)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    assert driver.update_share_usage_size(None, [share])
    world.one.brick_down('one:/bricks/pool-2G-1-0')
    assert not driver.update_share_usage_size(None, [share])


# The facts

def volume(**more):
    return records.Volume('v', **{'bricks': ('a:/1', 'b:/2'), **more})


UP = [records.Brick('a:/1', 10, 5, pid='7', peer='A'),
      records.Brick('b:/2', 20, 8, pid='8', peer='B')]


@pytest.mark.parametrize(('bricks', 'missing'), [
    (UP, ()), (UP[:1], ('b:/2',)), ([], ('a:/1', 'b:/2')),
    ([UP[0], records.Brick('b:/2', 20, 8, online=False)], ('b:/2',)),
    ([UP[0], records.Brick('other-name:/2', 20, 8, peer='B')], ()),
    ([UP[0], records.Brick('other-name:/2', 20, 8, peer='C')], ('b:/2',)),
    ([UP[0], records.Brick('other-name:/2', 20, 8)], ('b:/2',))])
def test_missing_bricks(bricks, missing):
    assert completeness.missing(
        volume(peers=('A', 'B')), bricks) == missing


def test_bricks_that_were_not_there_all_the_time():
    again = [UP[0], records.Brick('b:/2', 20, 8, pid='9', peer='B')]
    assert completeness.restarted(volume(), UP, UP) == ()
    assert completeness.restarted(volume(), UP, again) == ('b:/2',)
    assert completeness.restarted(volume(), UP, UP[:1]) == ('b:/2',)
    # Two that do not tell which run it is need not be the same one.
    unsaid = [UP[0], records.Brick('b:/2', 20, 8, peer='B')]
    assert completeness.restarted(volume(), unsaid, unsaid) == ('b:/2',)


@pytest.mark.parametrize(('heals', 'reasons'), [
    (None, 0), ([], 2),
    ([Heal('a:/1', True, 0), Heal('b:/2', True, 0)], 0),
    ([Heal('c:/1', True, 0), Heal('d:/2', True, 0)], 0),
    ([Heal('a:/1', True, 0)], 1),
    ([Heal('a:/1', True, 3), Heal('b:/2', True, 0)], 1),
    ([Heal('a:/1', True, None), Heal('b:/2', True, 0)], 1),
    ([Heal('a:/1', True, 1), Heal('b:/2', False, None)], 2)])
def test_unhealed_copies(heals, reasons):
    assert len(completeness.unhealed(volume(), heals)) == reasons


def test_copies_in_the_same_directory_of_servers_with_other_names():
    """Answers of one server are not taken for another's."""
    of = records.Volume('v', bricks=('a:/b', 'b:/b', 'c:/b'))
    heals = [Heal('x:/b', True, 0), Heal('y:/b', False, None),
             Heal('z:/b', True, 3)]
    assert completeness.unhealed(of, heals) == (
        'b:/b is not connected', 'c:/b: 3 entries')
    assert len(completeness.unhealed(of, [
        Heal('b:/b', True, 0), heals[1], heals[2]])) == 2


SIZES = [
    # width, redundancy, dispersed, (total, free) of bricks, volume
    (1, 0, False, [(10, 5), (20, 8)], (30, 13)),
    (2, 0, False, [(10, 5), (20, 8)], (10, 5)),
    (3, 1, True, [(10, 5), (10, 6), (12, 5)], (20, 10)),
    (2, 0, False, [(10, 5), (None, None)], (None, None)),
    (1, 0, False, [(10, 5), (None, None)], (None, None)),
    (1, 0, False, [], (None, None))]


@pytest.mark.parametrize(
    ('width', 'redundancy', 'dispersed', 'sizes', 'found'), SIZES)
def test_capacity(width, redundancy, dispersed, sizes, found):
    bricks = [records.Brick(f'h:/{number}', *each)
              for number, each in enumerate(sizes)]
    of = volume(bricks=tuple(brick.name for brick in bricks), width=width,
                redundancy=redundancy, dispersed=dispersed)
    assert completeness.capacity(of, bricks) == found


def test_no_size_is_believed_of_a_brick_that_does_not_run():
    """Its file system may not be mounted: it is that of the root then."""
    down = records.Brick('b:/2', 500, 400, online=False)
    assert completeness.capacity(volume(), [UP[0], down]) == (None, None)


def test_what_is_free_is_not_none_because_a_brick_does_not_tell():
    assert completeness.capacity(volume(), [
        UP[0], records.Brick('b:/2', 20, None)])[1] is None


def test_arbiters_hold_no_data():
    of = volume(bricks=('a:/1', 'b:/2', 'c:/3'), width=3,
                arbiters=frozenset({'c:/3'}))
    small = records.Brick('c:/3', 1, 1)
    assert completeness.capacity(of, [*UP, small]) == (10, 5)


def test_an_arbiter_in_a_volume_that_is_managed(world):
    world.one.make_volume('legacy', size=3 * GIB, replica=3, arbiter=True,
                          files={'/file': 800 * 1024 ** 2})
    driver = world.driver(glusterfs_volume_pattern='legacy$')
    share = row(size=None, export_locations=[{'path': 'one:/legacy'}])
    assert driver.manage_existing(share, {})['size'] == 3
    (used,) = driver.update_share_usage_size(None, [share])
    assert used['used_size'] == pytest.approx(800 / 1024, abs=0.01)


# What no client sees

def pieces(world):
    return {path for path in world.one.volume(NAME).files
            if path.startswith('/.shard')}


def test_pieces_of_deleted_files_go_with_them(world):
    """Gluster removes them later; a client of a tenant's own making could
    read them until then."""
    world.one.make_volume(NAME, features__shard='on')
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    options = world.one.volume(NAME).options
    assert options['features.shard'] == 'on'
    world.one.write(NAME, '/image', b'of the first tenant')
    world.one.write(NAME, '/.shard/1234.1', b'of the first tenant')
    driver.delete_share(None, share)
    assert not pieces(world)
    options = world.one.volume(NAME).options
    assert options['features.shard'] == 'on'
    assert options['user.manila-shard'] == 'NONE'
    assert seen_by_the_next(world, driver) == {}
    assert world.one.volume(NAME).options['features.shard'] == 'on'


@pytest.mark.parametrize('shard', ['on', 'off'])
def test_pieces_that_another_driver_left_reach_nobody(world, shard):
    world.one.make_volume(NAME, features__shard='on',
                          files={'/.shard/1234.1': 7})
    world.one.change(NAME, features__shard=shard)
    with pytest.raises(Failed, match=r'/\.shard/1234\.1 is in it'):
        world.driver().create_share(None, row())
    options = world.one.volume(NAME).options
    assert options['features.shard'] == shard
    assert free(world)


def test_the_empty_places_of_pieces_are_nothing(world):
    """They stay behind where a volume was sharded once."""
    world.one.make_volume(NAME, features__shard='on')
    world.one.change(NAME, features__shard='off')
    driver = world.driver()
    assert seen_by_the_next(world, driver) == {}
    assert world.one.volume(NAME).options['features.shard'] == 'off'


@pytest.mark.parametrize('where', ['create', 'delete'])
def test_a_sharded_volume_is_sharded_again_after_any_interruption(world,
                                                                  where):
    """It would be no use for the images that it was made for."""
    for nth in range(1, 60):
        world.one.state.volumes.clear()
        world.one.make_volume(NAME, features__shard='on')
        driver, share = world.driver(), row()
        if where == 'delete':
            driver.create_share(None, share)
        world.one.arm(Fault('status', code=30800, nth=nth, times=None))
        try:
            getattr(driver, where + '_share')(None, share)
            break
        except Failed:
            pass
        finally:
            world.one.disarm()
        getattr(driver, where + '_share')(None, share)
        assert world.one.volume(NAME).options['features.shard'] == 'on', nth
        if where == 'create':
            driver.delete_share(None, share)
            assert world.one.volume(NAME).options['features.shard'] == 'on'
    assert nth > 5


# Access

@pytest.mark.parametrize('dynamic', ['on', 'off'])
def test_nobody_counts_as_turned_out_before_every_server_knows(world, used,
                                                               dynamic):
    """Bricks go on whose daemon is down, with the list that they have."""
    driver, share = used(bricks=2, server__dynamic_auth=dynamic)
    driver.update_access(None, share, rules('alice', 'bob'), [], [])
    held = world.one.mount('alice', NAME)
    world.one.daemon_down('two')
    for _ in range(2):
        with pytest.raises(Failed, match='not on two'):
            driver.update_access(None, share, rules('bob', 'carol'),
                                 rules('carol'), rules('alice'))
        assert world.one.held(held) == 'rw'
        assert world.one.can_mount('carol', NAME) is None
    assert 'alice' not in world.one.volume(NAME).options['auth.ssl-allow']
    world.one.daemon_up('two')
    driver.update_access(None, share, rules('bob'), [],
                         rules('alice', 'carol'))
    assert world.one.held(held) is None
    assert [world.one.can_mount(name, NAME) for name in (
        'alice', 'bob', 'carol')] == [None, 'rw', None]
    # Who is let in and nothing else can be, and is where bricks are told.
    world.one.daemon_down('two')
    world.calls()
    driver.update_access(None, share, rules('bob', 'dave'), rules('dave'), [])
    assert world.one.can_mount('dave', NAME) == 'rw'
    assert len(world.calls()) == 2


def test_a_volume_is_not_taken_over_while_a_server_does_not_know(world):
    world.one.make_volume(NAME, bricks=2, servers=('one', 'two'),
                          allow='glusterfs-server-1,alice')
    driver, share = world.driver(), row()
    world.one.daemon_down('two')
    share['export_locations'] = [{'path': f'one:/{NAME}'}]
    with pytest.raises(Failed, match='not on two'):
        driver.manage_existing(share, {'size': 2})
    world.one.daemon_up('two')
    driver.manage_existing(share, {'size': 2})
    assert world.one.can_mount('alice', NAME) is None


def test_a_list_that_was_changed_is_owed_until_every_server_knows(world,
                                                                  used):
    driver, share = used(bricks=2)
    world.one.change(NAME, auth__ssl_allow='glusterfs-server-1,a*')
    world.one.daemon_down('two')
    assert driver.ensure_shares(None, [share])[share['id']] == {}
    assert list(driver._owed.waiting()) == [share['id']]


@pytest.mark.parametrize(('ids', 'peers', 'away'), [
    (('a', 'b'), (('a', True), ('b', True)), ()),
    (('a', 'b'), (('a', True), ('b', False)), ('two',)),
    (('a', 'b'), (('a', True), ('b', True), ('c', False)), ()),
    # What is not told is not known.
    (('a', 'b'), (('a', True),), ('two',)), (('a', 'b'), (), ('one', 'two')),
    (('', ''), (('a', True), ('b', True)), ()),
    (('', ''), (('a', True), ('b', False)), ('peer-b',)),
    ((), (('a', True),), ()), ((), (), ('(all)',))])
def test_servers_that_have_not_heard(ids, peers, away):
    volume = records.Volume(NAME, bricks=('one:/1', 'two:/1'), peers=ids)
    assert completeness.unheard(volume, [
        records.Peer(ident, 'peer-' + ident, there)
        for ident, there in peers]) == away
