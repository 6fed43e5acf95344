# SPDX-License-Identifier: Apache-2.0

"""Every operation shows its plan without changing anything."""

import copy

import pytest

from manila_drivers import plan
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of
from tests.unit.glusterfs.test_patience import Scene

SHOWN = {
    'create': (lambda scene: scene.driver.create_share(None, row(2)),
               ['claim', 'run', 'look']),
    'access': (lambda scene: scene.access('alice', 'carol'), ['set']),
    'extend': (lambda scene: scene.driver.extend_share(scene.share, 2),
               ['run']),
    'snapshot': (lambda scene: scene.driver.create_snapshot(
        None, snapshot_of(scene.share)), ['take snapshot']),
    'clone': (lambda scene: scene.driver.create_share_from_snapshot(
        None, row(1), scene.snapshot), ['clone snapshot', 'set', 'run']),
    'revert': (Scene.revert, ['stop', 'restore snapshot', 'set', 'run',
                              'take snapshot', 'set']),
    'manage': (lambda scene: scene.driver.manage_existing(scene.managed, {}),
               ['set', 'run']),
    'unmanage': (lambda scene: scene.driver.unmanage(scene.share), ['set']),
    'remove snapshot': (lambda scene: scene.driver.delete_snapshot(
        None, scene.snapshot), ['remove snapshot']),
    'delete': (lambda scene: scene.driver.delete_share(None, scene.deleted),
               ['set', 'wipe', 'run', 'set'])}


def state(world):
    return (copy.deepcopy(world.one.state.volumes),
            copy.deepcopy(world.one.state.snapshots),
            copy.deepcopy(world.storage.data), world.host.mounted,
            set(world.host.directories))


@pytest.fixture
def scene(world):
    made = Scene(world)
    made.deleted = row(1)
    made.driver.create_share(None, made.deleted)
    made.driver.update_access(None, made.deleted, rules('alice'))
    world.one.make_volume('pool-2G-9')
    return made


@pytest.mark.parametrize('name', SHOWN)
def test_a_plan_is_shown_and_nothing_changes(world, scene, name):
    operation, actions = SHOWN[name]
    before = state(world)
    with plan.dry_run() as dry:
        operation(scene)
    assert state(world) == before
    (shown,) = dry.plans
    assert [step.action for step in shown] == actions
    assert all(step.target for step in shown)
    operation(scene)
    assert state(world) != before


def test_repairs_of_all_shares_are_shown(world, scene):
    for volume in world.one.state.volumes.values():
        volume.options['client.ssl'] = 'off'
    before = state(world)
    with plan.dry_run() as dry:
        scene.driver.ensure_shares(None, [scene.share, scene.deleted])
    assert state(world) == before
    assert len([shown for shown in dry.plans if shown]) == 2


def test_what_no_plan_says_is_not_done(world, scene):
    """A planner that forgets to plan is found out."""
    found = scene.driver._backend.repository.facts(scene.share['id'])
    before = state(world)

    def stop():
        with plan.dry_run():
            found.cluster.gluster.call('volume', 'stop', found.volume.name)
    with pytest.raises(plan.NotPlanned, match='volume stop'):
        stop()
    assert state(world) == before
