# SPDX-License-Identifier: Apache-2.0

"""Not told, told of something else, another thing under the same name."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.testing.simulators.gluster import Fault
from manila_drivers.testing.simulators.gluster import wire
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of

Failed = compat.errors.ManilaException
NAME = 'pool-2G-1'
GIB = 1024 ** 3


@pytest.fixture
def share(world):
    world.one.make_volume(NAME)
    made = row()
    world.driver().create_share(None, made)
    return made


# What another server says of its own copy of the configuration

PEER = ('Staging failed on 192.0.2.9. Error: %s',
        'Pre Validation failed on node-2. %s')


def peer(world, match, text, prefix):
    world.one.arm(Fault('status', code=30800, match=match, times=None,
                        body=prefix % text))


@pytest.mark.parametrize('prefix', PEER)
def test_a_clone_is_not_gone_because_a_peer_does_not_know_it(
        world, share, prefix):
    driver, child = world.driver(), row()
    snapshot = snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    driver.create_share_from_snapshot(None, child, snapshot)
    clone = 'manila-' + child['id']
    peer(world, 'volume delete', f'Volume {clone} does not exist', prefix)
    with pytest.raises(Failed):
        driver.delete_share(None, child)
    world.one.disarm()
    assert world.one.volume(clone)
    driver.delete_share(None, child)
    assert not world.one.volume(clone)


@pytest.mark.parametrize('prefix', PEER)
def test_a_snapshot_is_not_gone_because_a_peer_does_not_know_it(
        world, share, prefix):
    driver, snapshot = world.driver(), snapshot_of(share)
    driver.create_snapshot(None, snapshot)
    name = 'manila-' + snapshot['id']
    peer(world, 'snapshot delete', f'Snapshot ({name}) does not exist',
         prefix)
    with pytest.raises(Failed):
        driver.delete_snapshot(None, snapshot)
    assert ('snapshot', name) in world.one.inventory()


@pytest.mark.parametrize('prefix', PEER)
def test_a_volume_is_not_stopped_because_it_is_on_a_peer(world, share,
                                                         prefix):
    """Who loses access where only a restart cuts off would keep it."""
    world.driver().update_access(None, share, rules('alice'))
    world.one.change(NAME, server__dynamic_auth='off')
    held = world.one.mount('alice', NAME)
    peer(world, 'volume stop', f'Volume {NAME} is not in the started state',
         prefix)
    with pytest.raises(Failed):
        world.driver().update_access(None, share, [])
    world.one.disarm()
    world.driver().update_access(None, share, [])
    assert world.one.held(held) is None


# Not told

def info(world, drop):
    """Read ``volume info`` without an element."""
    text = world.one.gluster('volume', 'info').stdout
    lines = [line for line in text.splitlines() if f'<{drop}>' not in line]
    assert len(lines) < len(text.splitlines())
    return parsing.volumes(parsing.answers('\n'.join(lines))[0])[0]


def test_how_many_copies_there_are_is_not_told(world):
    world.one.make_volume(NAME, replica=2, bricks=4)
    text = world.one.gluster('volume', 'status', NAME, 'detail').stdout
    bricks = parsing.bricks(parsing.answers(text)[0])[NAME]
    assert completeness.capacity(info(world, 'snapshotCount'),
                                 bricks)[0] == 10 * GIB
    assert completeness.capacity(info(world, 'replicaCount'),
                                 bricks) == (None, None)


def test_how_many_bricks_a_dispersed_volume_can_lose_is_not_told():
    volume = records.Volume('v', bricks=('a:/1', 'a:/2', 'a:/3'), width=3,
                            dispersed=True, redundancy=None)
    bricks = [records.Brick(f'a:/{number}', GIB, GIB)
              for number in (1, 2, 3)]
    assert completeness.capacity(volume, bricks) == (None, None)


@pytest.mark.parametrize(('limit', 'used', 'gib', 'changed'), [
    (5, 4, 2, False), (5, None, 2, False), (5, 1, 2, True),
    (1, None, 2, True), (None, None, 2, True), (2, 4, 2, False)])
def test_an_extension_takes_no_room_away(limit, used, gib, changed):
    quota = records.VolumeQuota(limit and limit * GIB, used and used * GIB)
    assert planning.limit_changes(quota, 'x', gib, shrink=False) is changed


def test_a_limit_that_is_not_told_is_not_none(world):
    world.one.make_volume(NAME)
    world.one.gluster('volume', 'quota', NAME, 'enable')
    world.one.gluster('volume', 'quota', NAME, 'limit-usage', '/', '1GB')
    run = world.one._run

    def vague(argv, stdin):
        reply = run(argv, stdin)
        return reply._replace(stdout=reply.stdout.replace(
            f'<hard_limit>{GIB}<', '<hard_limit>N/A<'))
    world.one._run = vague
    with pytest.raises(Failed, match='its limit cannot be seen'):
        world.driver().manage_existing(row(export_locations=[
            'one:/' + NAME]), {})


def test_a_cluster_that_was_away_at_the_start_is_looked_at_first(world):
    """An old one cuts nobody off without a restart."""
    world.one.options.version = '3.6.2'
    world.one.make_volume(NAME)
    world.two.make_volume('pool-2G-2')
    both = {'glusterfs_servers': 'one,two'}
    driver, made = world.driver(**both), row()
    for _ in range(2):
        made = row()
        if driver.create_share(None, made)[0]['path'].startswith('one'):
            break
    driver.update_access(None, made, rules('alice'))
    world.one.options.daemon_up = False
    late = world.driver(**both)
    world.one.options.daemon_up = True
    held = world.one.mount('alice', NAME)
    assert world.one.held(held)
    late.update_access(None, made, [])
    assert world.one.held(held) is None


# The same name

def test_a_volume_that_was_made_anew_is_not_the_shares(world, share):
    """An operator replaced it, and keeps something else in it now."""
    del world.one.state.volumes[NAME]
    world.one.make_volume(NAME, files={'/precious': 7})
    driver = world.driver()
    driver.delete_share(None, share)
    assert world.one.volume(NAME).files == {'/precious': 7}


def test_a_volume_that_lost_its_mark_is_still_the_shares(world, share):
    del world.one.state.volumes[NAME].options['user.manila-share']
    world.one.write(NAME, '/file', 7)
    world.driver().delete_share(None, share)
    assert world.one.volume(NAME).files == {}


# Letting go

def test_a_share_is_not_let_go_while_nobody_answers(world, share):
    driver = world.driver()
    world.one.options.daemon_up = False
    with pytest.raises(compat.errors.UnmanageInvalidShare):
        driver.unmanage(share)
    world.one.options.daemon_up = True
    driver.unmanage(share)
    again = row(export_locations=['one:/' + NAME])
    assert driver.manage_existing(again, {})['size'] == 2


def test_nor_while_another_cluster_may_have_it(world, share):
    driver = world.driver(glusterfs_servers='one,two')
    world.storage.delete(share['id'])
    world.one.options.daemon_up = False
    with pytest.raises(compat.errors.UnmanageInvalidShare):
        driver.unmanage(share)


def test_a_share_of_a_cluster_that_was_taken_out_is_let_go(world, share):
    world.two.make_volume('pool-2G-2')
    driver = world.driver(glusterfs_servers='two')
    driver.unmanage(share)
    assert not world.storage.get(share['id'])


def test_remarks_are_no_answers():
    """The text of a peer does not decide what is so here."""
    document = wire.document([], ret=-1, number=30806, text=(
        'Commit failed on 192.0.2.9. Error: Volume v does not exist'))
    from manila_drivers.glusterfs import errors
    error = errors.failure(parsing.answers(document)[0], 'x')
    assert type(error) is exception.BackendError


# One that cannot be read

@pytest.fixture
def odd(world):
    """Makes what is told of one volume less than what is needed."""
    def make(name, drop=('<statusStr>', '<status>')):
        run = world.one._run

        def vague(argv, stdin):
            reply = run(argv, stdin)
            if 'info' not in argv:
                return reply
            parts = reply.stdout.split('<volume>')
            kept = [part if f'<name>{name}</name>' not in part else '\n'.join(
                line for line in part.splitlines()
                if not line.strip().startswith(drop)) for part in parts]
            return reply._replace(stdout='<volume>'.join(kept))
        world.one._run = vague
        return lambda: setattr(world.one, '_run', run)
    return make


def test_an_odd_volume_hides_no_other(world, share, odd, caplog):
    world.one.make_volume('pool-2G-0')
    world.one.make_volume('of-others')
    odd('pool-2G-0')
    odd('of-others')
    driver = world.driver()
    assert 'pool-2G-0 is not used' in caplog.text
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, row())
    world.one.make_volume('pool-2G-3')
    made = row()
    assert driver.create_share(None, made)[0]['path'] == 'one:/pool-2G-3'
    answers = driver.ensure_shares(None, [share, made])
    assert all(answer['export_locations'] for answer in answers.values())
    assert driver.get_share_stats(refresh=True)['gluster_free_volumes'] == 0
    driver.delete_share(None, share)


def test_what_an_odd_volume_is_stays_open(world, share, odd):
    """It may be the share: not gone, not lost, not made a second time."""
    world.one.make_volume('pool-2G-2')
    world.one.write(NAME, '/file', 7)
    driver = world.driver()
    right = odd(NAME)
    for forgotten in False, True:
        if forgotten:
            world.storage.delete(share['id'], ['volume'])
        with pytest.raises(Failed, match='did not tell whether'):
            driver.delete_share(None, share)
        with pytest.raises(Failed, match='did not tell whether'):
            driver.update_access(None, share, rules('alice'))
        answer = driver.ensure_shares(None, [share])[share['id']]
        assert 'status' not in answer
    right()
    driver.delete_share(None, share)
    assert world.one.volume(NAME).files == {}


# One server under two names

@pytest.mark.parametrize(('one', 'other', 'same'), [
    ('[2001:db8::7]', '[2001:0DB8:0:0::7]', True), ('One', 'one', True),
    ('one.example.org', 'one.example.org.', True), ('one', 'two', False),
    ('192.0.2.1', '192.0.2.10', False)])
def test_a_server_has_one_key(one, other, same):
    keys = {paths.server(each).key for each in (one, 'root@' + other)}
    assert (len(keys) == 1) is same
