# SPDX-License-Identifier: Apache-2.0

"""Dry runs in whatever state volumes are: a run does what they show."""

import contextlib

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from manila_drivers import compat
from manila_drivers import plan
from manila_drivers.driver import storage
from manila_drivers.glusterfs import executor
from manila_drivers.glusterfs import planning
from tests.unit.glusterfs import conftest
from tests.unit.glusterfs import test_dry_run
from tests.unit.glusterfs import test_patience

GIB = 2 ** 30


class Scene(test_patience.Scene):
    """A share with a snapshot, one without, and one to be managed."""

    def __init__(self, world):
        super().__init__(world)
        self.other = conftest.row(1)
        self.driver.create_share(None, self.other)
        self.driver.update_access(None, self.other, conftest.rules('alice'))
        world.one.make_volume('pool-2G-9')
        self.new, self.copy = conftest.row(2), conftest.row(1)

    @property
    def volume(self):
        name = conftest.volume_of([{
            'path': self.world.storage.get(self.share['id'])['volume']}])
        return self.world.one.state.volumes[name]

    def restart(self):
        self.driver = self.world.driver(
            glusterfs_quota=True,
            glusterfs_volume_pattern=r'(pool-#{size}G-\d+|managed-2G)$')


def options(**changed):
    def plant(scene):
        scene.volume.options.update({
            name.replace('__', '.').replace('_', '-'): value
            for name, value in changed.items()})
    return plant


def stopped(scene):
    scene.world.one.change(scene.volume.name, running=False)


def bounded(limit):
    def plant(scene):
        scene.volume.limit = limit
    return plant


DAMAGES = {
    'no TLS': options(client__ssl='off'),
    'open to all': options(auth__ssl_allow='*'),
    'of others': options(user__manila_share='another'),
    'given back': options(user__manila_share='NONE'),
    'of nobody': lambda scene: scene.volume.options.pop(
        'user.manila-share', None),
    'larger': bounded(7 * GIB), 'unlimited': bounded(None),
    'smaller': bounded(GIB // 2),
    'full': lambda scene: scene.world.one.write(
        scene.volume.name, '/data', GIB - 1),
    'no snapshot': lambda scene: scene.world.one.state.snapshots.clear(),
    'no notes': lambda scene: scene.world.storage.data.clear(),
    'later': lambda scene: scene.world.clock.sleep(400),
    'restarted': Scene.restart}

OPERATIONS = {
    'create': lambda scene: scene.driver.create_share(None, scene.new),
    'create again': lambda scene: scene.driver.create_share(
        None, scene.share),
    'rules': lambda scene: scene.access('alice', 'carol'),
    'the rules it has': lambda scene: scene.access('alice', 'bob'),
    'no rules': lambda scene: scene.access(),
    'extend': lambda scene: scene.driver.extend_share(scene.share, 2),
    'shrink': lambda scene: scene.driver.shrink_share(scene.share, 1),
    'snapshot': lambda scene: scene.driver.create_snapshot(
        None, {**scene.snapshot, 'id': scene.new['id']}),
    'snapshot again': lambda scene: scene.driver.create_snapshot(
        None, scene.snapshot),
    'clone': lambda scene: scene.driver.create_share_from_snapshot(
        None, scene.copy, scene.snapshot),
    'revert': Scene.revert,
    'manage': lambda scene: scene.driver.manage_existing(scene.managed, {}),
    'release': lambda scene: scene.driver.unmanage(scene.share),
    'delete snapshot': lambda scene: scene.driver.delete_snapshot(
        None, scene.snapshot),
    'delete': lambda scene: scene.driver.delete_share(None, scene.other),
    'delete with a snapshot': lambda scene: scene.driver.delete_share(
        None, scene.share),
    'ensure': lambda scene: scene.driver.ensure_shares(
        None, [scene.share, scene.other])}


@contextlib.contextmanager
def kept():
    """Keep the steps that are carried out, until the first that fails."""
    perform, done, failed = executor.VolumeExecutor._perform, [], []

    def performed(made, action, target, args):
        if not failed:
            done.append((action, target, dict(args)))
        try:
            return perform(made, action, target, args)
        except Exception:
            failed.append(True)
            raise

    executor.VolumeExecutor._perform = performed
    try:
        yield done, failed
    finally:
        executor.VolumeExecutor._perform = perform


def attempted(scene, operation):
    try:
        OPERATIONS[operation](scene)
    except compat.errors.ManilaException as caught:
        return type(caught)
    return None


#: Steps that the driver takes without its executor, and by what command.
ALONE = {'clone snapshot': 'snapshot clone ',
         'restore snapshot': 'snapshot restore ', 'stop': 'volume stop '}


def fixed(action, args):
    """Arguments without those that are new each time."""
    return {} if action == 'claim' else args


def is_done(step, done):
    """Tell if the next step that was carried out is one that was shown.

    Which options a volume lacks that is not there yet nobody knows.
    """
    if not done:
        return False
    action, target, args = done[0]
    return (step.action, step.target) == (action, target) and (
        step.args == {} or fixed(action, step.args) == fixed(action, args))


def difference(shown, done, sent, *, cut):
    """Tell what was shown and not done, or done and not shown."""
    done = list(done)
    for step in shown:
        if is_done(step, done):
            done.pop(0)
        elif step.action in ALONE and any(
                one.startswith(ALONE[step.action]) for one in sent):
            continue
        elif step.action == 'set' and step.args == {}:
            continue
        else:
            return '' if cut and not done else (
                f'shown: {step!r} of {shown}, done: {done}')
    return f'done besides: {done}' if done else ''


def disagreement(scene, operation):
    """Tell how a dry run and the run after it differ; empty if they do not."""
    before, raised = test_dry_run.state(scene.world), None
    try:
        with plan.dry_run() as dry:
            raised = attempted(scene, operation)
    except plan.NotPlanned as caught:
        return f'changes without a plan: {caught}'
    if test_dry_run.state(scene.world) != before:
        return 'the dry run has changed something'
    shown = [step for one in dry.plans for step in one]
    scene.world.calls()
    with kept() as (done, cut):
        failure = attempted(scene, operation)
    if raised is not None:
        return '' if failure is raised and not done else (
            f'the dry run raised {raised}, the run {failure} after {done}')
    sent = scene.world.calls()
    unshown = [one for one in sent if one.startswith(tuple(ALONE.values()))
               and not any(one.startswith(ALONE.get(step.action, 'nothing'))
                           for step in shown)]
    if unshown:
        return f'sent: {unshown}, shown: {shown}'
    return difference(shown, done, sent, cut=bool(cut or failure))


@settings(max_examples=120, deadline=None)
@given(operation=st.sampled_from(sorted(OPERATIONS)),
       damages=st.lists(st.sampled_from(sorted(DAMAGES)), max_size=3,
                        unique=True))
def test_what_a_dry_run_shows_is_what_a_run_does(tmp_path_factory, operation,
                                                 damages):
    scene = Scene(conftest.World(tmp_path_factory.mktemp('dry')))
    for damage in damages:
        # What is gone already cannot be changed.
        with contextlib.suppress(KeyError, TypeError):
            DAMAGES[damage](scene)
    assert disagreement(scene, operation) == ''


@pytest.fixture
def scene(world):
    return Scene(world)


@pytest.mark.parametrize('operation', sorted(OPERATIONS))
def test_each_operation_without_damage(scene, operation):
    assert disagreement(scene, operation) == ''


def limits_unsaid(patch):
    cloning = planning.cloning
    patch.setattr(planning, 'cloning', lambda name, volume, parent, gib:
                  cloning(name, volume, parent, None))


def opens_unsaid(patch):
    patch.setattr(planning, 'opening', lambda *_: plan.Plan())


def runs_less(patch):
    run = executor.VolumeExecutor.run

    def broken(made, steps):
        plan.show(steps)
        return run(made, plan.Plan(steps.steps[:-1]))
    patch.setattr(executor.VolumeExecutor, 'run', broken)


def notes_all(patch):
    patch.setattr(storage.plan, 'is_dry', lambda: False)


@pytest.mark.parametrize(('broken', 'operation', 'damages', 'told'), [
    (limits_unsaid, 'clone', (), 'shown'),
    (opens_unsaid, 'revert', (), 'done besides'),
    (runs_less, 'release', (), 'shown'),
    (notes_all, 'release', ('given back',), 'has changed something')])
def test_a_broken_planner_or_executor_is_caught(scene, monkeypatch, broken,
                                                operation, damages, told):
    for damage in damages:
        DAMAGES[damage](scene)
    broken(monkeypatch)
    assert told in disagreement(scene, operation)
