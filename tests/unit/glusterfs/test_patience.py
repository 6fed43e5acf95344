# SPDX-License-Identifier: Apache-2.0

"""Patience is a time, and the operator's; not a number of attempts."""

import re

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of
from tests.unit.glusterfs.conftest import volume_of

Failed = compat.errors.ManilaException
NAME = 'pool-2G-1'

AWAY = {'glusterd': Fault('status', code=1, lasts=8.0, match='gluster'),
        'sshd': Fault('refused', lasts=8.0, match='gluster --')}


class Scene:
    """A share with a tenant, a snapshot and a driver for both."""

    def __init__(self, world):
        self.world = world
        for number in range(3):
            world.one.make_volume(f'pool-2G-{number}', tls=not number)
        world.one.make_volume('managed-2G')
        self.driver = world.driver(
            glusterfs_quota=True,
            glusterfs_volume_pattern=r'(pool-#{size}G-\d+|managed-2G)$')
        self.share = row(1)
        self.driver.create_share(None, self.share)
        self.access('alice', 'bob')
        self.snapshot = snapshot_of(self.share)
        self.driver.create_snapshot(None, self.snapshot)
        self.managed = row(export_locations=['one:/managed-2G'])

    def access(self, *names):
        self.driver.update_access(None, self.share, rules(*names))

    def revert(self):
        self.driver.revert_to_snapshot(None, self.snapshot, rules('alice'))

    def delete(self):
        self.driver.delete_snapshot(None, self.snapshot)
        self.driver.delete_share(None, self.share)

    def ensure(self):
        self.world.one.change(volume_of([{
            'path': self.world.storage.get(self.share['id'])['volume']}]),
            client__ssl='off')
        answer = self.driver.ensure_shares(None, [self.share])
        assert answer[self.share['id']]['export_locations']


OPERATIONS = {
    'create': lambda scene: scene.driver.create_share(None, row()),
    'access': lambda scene: scene.access('alice', 'carol'),
    'extend': lambda scene: scene.driver.extend_share(scene.share, 2),
    'shrink': lambda scene: scene.driver.shrink_share(scene.share, 1),
    'snapshot': lambda scene: scene.driver.create_snapshot(
        None, snapshot_of(scene.share)),
    'clone': lambda scene: scene.driver.create_share_from_snapshot(
        None, row(1), scene.snapshot),
    'revert': Scene.revert,
    'ensure': Scene.ensure,
    'manage': lambda scene: scene.driver.manage_existing(scene.managed, {}),
    'unmanage': lambda scene: scene.driver.unmanage(scene.share),
    'delete': Scene.delete}


def test_nothing_fails_for_who_is_away_for_seconds(tmp_path):
    """Whichever command it is that finds nobody."""
    from tests.unit.glusterfs.conftest import World
    struck = 0
    for name, operation in OPERATIONS.items():
        for who, fault in AWAY.items():
            for nth in range(1, 99):
                world = World(tmp_path)
                scene = Scene(world)
                # Where glusterd is away, nothing can be mounted either.
                world.host.faults = world.one.faults
                world.one.arm(Fault(
                    fault.kind, nth=nth, code=fault.code, lasts=fault.lasts,
                    match=fault.match))
                operation(scene)
                if not world.one.fired:
                    break
                struck += 1
            assert nth > 1, (name, who)
    assert struck > 100


@pytest.mark.parametrize(('seconds', 'longest'), [(0, 1), (5, 6), (60, 64)])
@pytest.mark.parametrize('who', AWAY)
def test_how_long_is_waited_is_the_operators(world, who, seconds, longest):
    world.one.make_volume(NAME)
    driver = world.driver(glusterfs_lock_timeout=seconds)
    share = row()
    driver.create_share(None, share)
    world.one.arm(Fault(AWAY[who].kind, code=AWAY[who].code, times=None))
    began = world.clock()
    with pytest.raises(Failed):
        driver.update_access(None, share, rules('alice'))
    assert seconds - 0.1 <= world.clock() - began <= longest


def test_a_silent_server_is_not_asked_again(world):
    """One attempt has taken all the time that there is."""
    world.one.make_volume(NAME)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.one.arm(Fault('timeout_before', times=None))
    world.calls()
    began = world.clock()
    with pytest.raises(Failed):
        driver.update_access(None, share, rules('alice'))
    assert world.clock() - began == pytest.approx(150, abs=1)
    assert len(world.calls()) == 1


# Choosing

def test_more_volumes_than_a_few_may_be_bad(world):
    for number in range(12):
        made = world.one.make_volume(f'pool-2G-{number:02d}', started=False)
        if number < 11:
            made.broken = 'Commit failed on localhost.'
    assert volume_of(world.driver().create_share(None, row())) \
        == 'pool-2G-11'


def test_bad_volumes_that_take_long_are_few(world):
    for number in range(12):
        world.one.make_volume(f'pool-2G-{number:02d}', started=False).broken \
            = 'Commit failed on localhost.'
    driver, run = world.driver(), world.one._run
    starts = []

    def slow(argv, stdin):
        if 'start' in argv:
            starts.append(argv)
            world.clock.sleep(50)
        return run(argv, stdin)
    world.one._run = slow
    with pytest.raises(Failed, match='Commit failed'):
        driver.create_share(None, row())
    assert len(starts) == 3


@pytest.mark.parametrize(('takes', 'least', 'most'), [(0, 20, 60),
                                                      (20, 2, 2)])
def test_a_pool_that_others_are_faster_in(world, takes, least, most):
    world.one.make_volume(NAME)
    driver, run = world.driver(), world.one._run
    claims = []

    def stolen(argv, stdin):
        reply = run(argv, stdin)
        if 'set' in argv and 'NONE' not in argv:
            claims.append(argv)
            world.clock.sleep(takes)
            other = row()['id']
            world.one.gluster('volume', 'set', NAME, 'user.manila-share',
                              other, 'user.manila-claim-00000000', other)
        elif 'set' in argv:
            world.one.gluster('volume', 'set', NAME, 'user.manila-share',
                              'NONE', 'user.manila-claim-00000000', 'NONE')
        return reply
    world.one._run = stolen
    with pytest.raises(Failed, match='always faster'):
        driver.create_share(None, row())
    assert least <= len(claims) <= most


# Mounts

class Busy:
    """Somebody holds what is mounted for a while."""

    def __init__(self, world, seconds, takes=0):
        self._world, self._run = world, world.host._run
        self._until = None
        self._seconds, self._takes = seconds, takes
        self.umounts = []
        world.host._run = self

    def __call__(self, argv, stdin):
        if argv[0] != 'umount':
            return self._run(argv, stdin)
        self.umounts.append(argv)
        now = self._world.clock()
        self._until = self._until or now + self._seconds
        self._world.clock.sleep(self._takes)
        if '-l' in argv or now >= self._until:
            return self._run(argv, stdin)
        return self._run(['false'], '')._replace(
            stderr='umount: target is busy.\n', status=32)


@pytest.mark.parametrize(('busy', 'takes', 'most', 'detached'), [
    (8, 0, 12, False), (1000, 0, 16, True), (1000, 20, 2, True)])
def test_a_busy_mount(world, busy, takes, most, detached):
    world.one.make_volume(NAME)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    held = Busy(world, busy, takes)
    driver.delete_share(None, share)
    assert not world.host.mounted
    assert 1 < len(held.umounts) <= most
    assert any('-l' in argv for argv in held.umounts) is detached


def test_a_mount_that_works_a_little_later(world):
    world.one.make_volume(NAME)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    world.host.silent = 2
    driver.delete_share(None, share)
    world.host.arm(Fault('status', lasts=5.0, match='^mount'))
    driver.create_share(None, share)


def test_what_was_left_mounted_is_mounted_anew(world):
    """The volume may have other options by now than that mount knows."""
    world.one.make_volume(NAME)
    driver, share = world.driver(), row()
    driver.create_share(None, share)
    place = next(entry.label.split()[-1] for entry in world.host.log
                 if re.match('mount -t', entry.label))
    world.host._mount(['one:/' + NAME, place])
    world.host.clear_log()
    driver.delete_share(None, share)
    labels = [entry.label for entry in world.host.log]
    assert [label for label in labels if label.startswith('mount')]
    assert not world.host.mounted
