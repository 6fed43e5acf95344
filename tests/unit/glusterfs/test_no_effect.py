# SPDX-License-Identifier: Apache-2.0

"""Commands that answer success and do nothing; answers that tell nothing."""

import re

import pytest

from manila_drivers import compat
from manila_drivers import inventory
from manila_drivers.testing.simulators.gluster import Fault
from manila_drivers.testing.simulators.gluster import wire
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of

Failed = compat.errors.ManilaException
GIB = 1024 ** 3
NAME = 'pool-2G-1'
NOTHING = wire.Reply(wire.document([]))


def answering(world, pattern, change):
    """Have commands that a pattern fits answered in another way.

    :param change: makes an answer of what does the command.
    """
    one = world.one._cli._one

    def other(words, **flags):
        if re.search(pattern, ' '.join(words)):
            return change(lambda: one(words, **flags))
        return one(words, **flags)
    world.one._cli._one = other


def idle(world, pattern, first=1):
    """Have commands answer success, and neither do nor say anything.

    :param first: the one that does so; 1 is all of them.
    """
    seen = []

    def answer(do):
        seen.append(do)
        return NOTHING if len(seen) == first or first == 1 else do()
    answering(world, pattern, answer)


class Life:
    """A share with all that can be done to it."""

    def __init__(self, world):
        self.world = world
        world.one.make_volume(NAME, size=4 * GIB)
        self.driver = world.driver(glusterfs_quota=True)
        self.share = row(size=1)
        self.driver.create_share(None, self.share)
        self.driver.update_access(None, self.share, rules('alice'), [], [])
        self.snapshot = snapshot_of(self.share)
        self.driver.create_snapshot(None, self.snapshot)
        world.one.write(NAME, '/later', 4711)

    @property
    def volume(self):
        return self.world.one.volume(NAME)

    @property
    def snapshots(self):
        return [name for kind, name in self.world.one.inventory()
                if kind == 'snapshot']

    def deny(self):
        self.driver.update_access(None, self.share, [], [], rules('alice'))
        return self.world.one.can_mount('alice', NAME) is None

    def extend(self):
        self.driver.extend_share(self.share, 2)
        return self.volume.limit == 2 * GIB

    def take_snapshot(self):
        self.driver.create_snapshot(None, snapshot_of(self.share))
        return len(self.snapshots) == 2

    def delete_snapshot(self):
        self.driver.delete_snapshot(None, self.snapshot)
        return not self.snapshots

    def restore(self):
        self.driver.revert_to_snapshot(None, self.snapshot,
                                       rules('alice'), [])
        return '/later' not in self.volume.files


    def delete(self):
        self.driver.delete_snapshot(None, self.snapshot)
        self.driver.delete_share(None, self.share)
        return self.volume.options['user.manila-share'] == 'NONE'

    def create(self):
        name = NAME.replace('-1', '-2')
        self.world.one.make_volume(name, size=4 * GIB)
        self.driver.create_share(None, row(size=1))
        return self.world.one.volume(name).limit == GIB


CHANGES = [('deny', 'volume set'), ('extend', 'limit-usage'),
           ('create', 'limit-usage'), ('delete', 'volume set'),
           ('take_snapshot', 'snapshot create'),
           ('delete_snapshot', 'snapshot delete'),
           ('restore', 'snapshot restore'), ('restore', 'snapshot info')]


@pytest.mark.parametrize(('change', 'pattern'), CHANGES)
def test_what_was_not_done_is_not_believed(world, change, pattern):
    life = Life(world)
    # Whether there is such a snapshot is asked before that.
    idle(world, pattern, 2 if pattern == 'snapshot info' else 1)
    with pytest.raises(Failed):
        getattr(life, change)()


@pytest.mark.parametrize(('change', 'pattern'), [
    one for one in CHANGES if 'info' not in one[1]])
def test_what_was_done_without_a_word_is_believed_when_seen(world, change,
                                                            pattern):
    life = Life(world)

    def done(do):
        do()
        return NOTHING
    answering(world, pattern, done)
    assert getattr(life, change)()


def test_a_limit_that_is_not_told_is_set_all_the_same(world):
    life = Life(world)
    world.one.options.quota_blind = True
    assert life.extend()


NO_VOLUMES = wire.Reply(wire.document([wire.element(
    'volInfo', wire.element('volumes', wire.element('count', 0)))]))


def test_a_volume_that_is_not_told_of_is_not_gone(world):
    """Only an answer that says so tells that it is not there."""
    life = Life(world)
    answering(world, 'volume info', lambda do: NO_VOLUMES)
    with pytest.raises(Failed, match='not that there is none'):
        life.driver.delete_share(None, life.share)
    assert life.volume.options['user.manila-share'] == life.share['id']


def test_a_share_on_a_server_that_is_not_configured_is_not_lost(world):
    """Nor do its rules or its deletion take it for that."""
    life = Life(world)
    world.two.make_volume('pool-2G-9')
    driver = world.driver(glusterfs_servers='two')
    assert driver.ensure_shares(None, [life.share]) == {
        life.share['id']: {}}
    with pytest.raises(Failed, match='not configured'):
        driver.update_access(None, life.share, [], [], [])


def test_a_volume_that_is_missing_is_no_snapshot_that_is(world):
    """An answer about a volume says nothing of its snapshots."""
    life = Life(world)
    world.one.arm(Fault('status', match='snapshot delete', code=30806,
                        body='Volume (0a1b2c) does not exist'))
    with pytest.raises(Failed, match='0a1b2c'):
        life.delete_snapshot()
    assert life.delete_snapshot()


def test_an_audit_goes_on_where_snapshots_are_not_told(world):
    life = Life(world)
    read = life.driver._backend.inventory.read
    assert len(read([life.share['id']]).snapshots) == 1
    idle(world, 'snapshot info')
    found = read([life.share['id']])
    assert found.shares.keys() == {life.share['id']}
    assert found.partial == {inventory.SNAPSHOTS}
    assert 'snapshots of cluster one' in str(found.unread)
