# SPDX-License-Identifier: Apache-2.0

"""Names that others use as well, and what has moved under the driver."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.faults import Fault
from tests.unit.glusterfs import conftest

Failed = compat.errors.ShareBackendException


def made(world, driver, sim='one', **options):
    """A share of the only volume that there is on a cluster."""
    share = conftest.row()
    locations = driver.create_share(None, share)
    return share, conftest.volume_of(locations)


class Meanwhile:
    """Something happens just before a command of the Manila host runs.

    :param word: one of its words.
    """

    def __init__(self, host, word, action):
        self._run = host._run
        self._word = word
        self._action = action
        host._run = self

    def __call__(self, argv, stdin):
        if self._action and self._word in argv:
            action, self._action = self._action, None
            action()
        return self._run(argv, stdin)


# Emptying

def test_volumes_of_one_name_on_two_clusters_are_emptied_apart(world):
    """Their mounts are not mixed up, although both are there at once."""
    for sim in (world.one, world.two):
        sim.make_volume('pool-2G-1')
    driver = world.driver(glusterfs_servers='one,two')
    shares = [conftest.row(), conftest.row()]
    for share in shares:
        driver.create_share(None, share)
    for sim in (world.one, world.two):
        sim.write('pool-2G-1', '/secret', b'of a tenant')
    Meanwhile(world.host, '-delete',
              lambda: driver.delete_share(None, shares[1]))
    driver.delete_share(None, shares[0])
    for sim in (world.one, world.two):
        assert sim.volume('pool-2G-1').files == {}
    assert not world.host.mounted and not world.host.directories


def test_a_mount_that_went_away_is_not_an_empty_volume(world):
    """A client that is refused unmounts itself, whatever it was doing."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share, name = made(world, driver)
    world.one.write(name, '/secret', b'of a tenant')

    def unmount():
        for place in world.host.mounted:
            world.host.handle(['umount', place])
    Meanwhile(world.host, '-delete', unmount)
    with pytest.raises(Failed, match='mounted'):
        driver.delete_share(None, share)
    with pytest.raises(Failed, match='No free volume'):
        driver.create_share(None, conftest.row())
    driver.delete_share(None, share)
    assert world.one.volume(name).files == {}


# Snapshots

def test_a_managed_snapshot_stands_for_no_other(world):
    """Gluster's scheduler and operators add times to names as well."""
    world.one.make_volume('pool-2G-1')
    world.one.make_volume('of-others')
    driver = world.driver()
    share, _ = made(world, driver)
    world.one.gluster('snapshot', 'create', 'nightly', 'of-others')
    [(_, theirs)] = [each for each in world.one.inventory()
                     if each[0] == 'snapshot']
    snapshot = conftest.snapshot_of(share, provider_location='nightly')
    driver.delete_snapshot(None, snapshot)
    assert ('snapshot', theirs) in world.one.inventory()
    with pytest.raises(compat.errors.ManilaException):
        driver.create_share_from_snapshot(None, conftest.row(), snapshot,
                                          parent_share=share)
    with pytest.raises(compat.errors.SnapshotResourceNotFound):
        driver.revert_to_snapshot(None, snapshot, [], [])


@pytest.mark.parametrize('nth', range(1, 14))
@pytest.mark.parametrize('before', [True, False])
def test_a_way_back_to_a_snapshot_of_upstream_goes_on(world, nth, before):
    """It has a time in its name, and gluster uses it up half way."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    share, name = made(world, driver)
    snapshot = conftest.snapshot_of(share)
    world.one.write(name, '/file', b'before')
    world.one.gluster('snapshot', 'create', f'manila-{snapshot["id"]}', name)
    world.one.write(name, '/file', b'after')
    world.one.arm(Fault('status', nth=nth, before=before, code=30800))
    for _ in range(2):
        try:
            driver.revert_to_snapshot(None, snapshot, [], [])
            break
        except Failed:
            world.one.disarm()
    world.one.disarm()
    assert world.one.volume(name).files == {'/file': b'before'}
    driver.delete_snapshot(None, snapshot)
    assert not [each for each in world.one.inventory()
                if each[0] == 'snapshot']


@pytest.mark.parametrize('nth', range(1, 14))
def test_a_way_back_goes_on_where_the_snapshot_has_another_mark(world, nth):
    """It was taken when the volume was a share under another id."""
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    old, name = made(world, driver)
    world.one.write(name, '/file', b'before')
    world.one.gluster('snapshot', 'create', 'kept', name, 'no-timestamp')
    driver.unmanage(old)
    share = conftest.row(export_locations=[{'path': f'one:/{name}'}])
    driver.manage_existing(share, {})
    world.one.write(name, '/file', b'after')
    snapshot = conftest.snapshot_of(share, provider_location='kept')
    world.one.arm(Fault('status', nth=nth, before=False, code=30800))
    for _ in range(2):
        try:
            driver.revert_to_snapshot(None, snapshot, conftest.rules('new'),
                                      [])
            break
        except Failed:
            world.one.disarm()
    found = world.one.volume(name)
    assert found.files == {'/file': b'before'}
    assert found.options['user.manila-share'] == share['id']
    assert world.one.can_mount('new', name) == 'rw'


# Clones

def test_a_clone_is_removed_under_whichever_id_it_is_managed(world):
    world.one.make_volume('pool-2G-1')
    driver = world.driver()
    parent, _ = made(world, driver)
    snapshot = conftest.snapshot_of(parent)
    driver.create_snapshot(None, snapshot)
    clone = conftest.row()
    answer = driver.create_share_from_snapshot(None, clone, snapshot,
                                               parent_share=parent)
    path = answer['export_locations'][0]['path']
    driver.unmanage(clone)
    again = conftest.row(export_locations=[{'path': path}])
    driver.manage_existing(again, {'size': '2'})
    driver.delete_share(None, again)
    assert ('volume', f'manila-{clone["id"]}') not in world.one.inventory()
    assert ('volume', 'pool-2G-1') in world.one.inventory()
