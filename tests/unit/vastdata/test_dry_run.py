# SPDX-License-Identifier: Apache-2.0

"""Dry runs: they change nothing, and show what a run then does.

Whatever has become of shares on the cluster, and whatever is asked for.
"""

import contextlib

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from manila_drivers import compat
from manila_drivers import plan
from manila_drivers.testing.conformance.labs import site
from tests.unit.vastdata import conftest

GiB = 2 ** 30
RULES = [conftest.rule('a', '10.1.0.1'), conftest.rule('b', '10.2.0.0/24',
                                                       'ro')]


class Scene:
    """Two shares, a snapshot, a clone and an export of others."""

    def __init__(self, directory):
        self.bench = conftest.Bench(directory)
        self.bench.storage = site.Memory()
        self.bench.sim.make_directory('/manila')
        self.driver = self.bench.start()
        self.one, self.other = conftest.share(2), conftest.share()
        for share in self.one, self.other:
            share['export_locations'] = self.driver.create_share(None, share)
        self.driver.update_access(None, self.one, RULES[:1])
        self.snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                         'share_instance_id': self.one['id'],
                         'share': self.one}
        self.snapshot.update(self.driver.create_snapshot(None, self.snapshot))
        self.clone = conftest.share(2, snapshot_id='n')
        self.driver.create_share_from_snapshot(None, self.clone,
                                               self.snapshot)
        self.bench.sim.make_share('loose', path='/loose')
        self.loose = conftest.share(
            None, export_locations=[{'path': '10.9.0.1:/loose'}])

    def state(self):
        """Return all that is on the cluster and in Manila's storage."""
        sim = self.bench.sim
        return ({kind: sim.records(kind) for kind in (
            'view', 'policy', 'quota', 'snapshot', 'stream')},
            sim.directories(), repr(self.driver.private_storage.data))

    def steps(self, operation):
        """The steps that an operation carries out, and what it raised.

        They end with the first that fails: others undo it, or go on in
        another way.
        """
        executor = self.driver._backend.executor
        perform, done, failed = executor.perform, [], []

        def performed(action, target, args):
            if not failed:
                done.append((action, target, dict(args)))
            try:
                return perform(action, target, args)
            except Exception:
                failed.append(True)
                raise

        executor.perform = performed
        try:
            raised = attempted(self, operation)
        finally:
            executor.perform = perform
        return done, raised, bool(failed)


def attempted(scene, operation):
    try:
        OPERATIONS[operation](scene.driver, scene)
    except compat.errors.ManilaException as exc:
        return type(exc)
    return None


def by_hand(kind, **fields):
    """Another administrator changes what a share is made of."""
    return lambda scene: scene.bench.sim.change(kind, scene.one['id'],
                                                **fields)


def gone(kind):
    return lambda scene: scene.bench.sim.remove(kind, scene.one['id'])


DAMAGES = {
    'no view': gone('view'), 'no policy': gone('policy'),
    'no quota': gone('quota'),
    'larger': by_hand('quota', hard_limit=7 * GiB),
    'smaller': by_hand('quota', hard_limit=GiB),
    'unlimited': by_hand('quota', hard_limit=0),
    'open': by_hand('policy', nfs_read_write=['*']),
    'closed': by_hand('policy', nfs_read_write=[]),
    'elsewhere': by_hand('view', policy_id=1, policy='default'),
    'unbound': by_hand('policy', permission_per_vip_pool={}, vip_pools=[]),
    'adopted': lambda scene: scene.bench.sim.change(
        'policy', scene.one['id'], name=scene.one['id'] + '-adopted'),
    'full': lambda scene: scene.bench.sim.write(
        '/manila/manila-' + scene.one['id'], 2 * GiB),
    'no snapshot': lambda scene: scene.bench.sim.remove(
        'snapshot', 'share-snapshot-n'),
    'no notes': lambda scene: scene.bench.storage.data.clear(),
    'later': lambda scene: scene.bench.clock.sleep(400),
}

OPERATIONS = {
    'create': lambda driver, scene: driver.create_share(
        None, conftest.share(3, id='5' * 8 + scene.one['id'][8:])),
    'create again': lambda driver, scene: driver.create_share(
        None, scene.one),
    'clone': lambda driver, scene: driver.create_share_from_snapshot(
        None, conftest.share(3, id='6' * 8 + scene.one['id'][8:]),
        scene.snapshot),
    'delete': lambda driver, scene: driver.delete_share(None, scene.other),
    'delete with a snapshot': lambda driver, scene: driver.delete_share(
        None, scene.one),
    'delete the clone': lambda driver, scene: driver.delete_share(
        None, scene.clone),
    'extend': lambda driver, scene: driver.extend_share(scene.one, 5),
    'shrink': lambda driver, scene: driver.shrink_share(scene.one, 1),
    'rules': lambda driver, scene: driver.update_access(
        None, scene.one, RULES),
    'no rules': lambda driver, scene: driver.update_access(
        None, scene.one, []),
    'snapshot': lambda driver, scene: driver.create_snapshot(None, {
        **scene.snapshot, 'id': 'm', 'name': 'share-snapshot-m',
        'provider_location': ''}),
    'delete snapshot': lambda driver, scene: driver.delete_snapshot(
        None, scene.snapshot),
    'adopt snapshot': lambda driver, scene: driver.manage_existing_snapshot(
        {**scene.snapshot, 'id': 'q', 'name': 'share-snapshot-q'}, {}),
    'adopt': lambda driver, scene: driver.manage_existing(
        scene.loose, {'size': 4}),
    'release': lambda driver, scene: driver.unmanage(scene.one),
    'ensure': lambda driver, scene: driver.ensure_shares(
        None, [scene.one, scene.other]),
}


def fixed(args):
    """Arguments without those that an earlier step has to tell."""
    return {name: value for name, value in args.items()
            if not isinstance(value, plan.Ref)}


def disagreement(scene, operation):
    """Tell how a dry run and the run after it differ; empty if they do not."""
    before, raised = scene.state(), None
    try:
        with plan.dry_run() as dry:
            raised = attempted(scene, operation)
    except plan.NotPlanned as exc:
        return f'changes without a plan: {exc}'
    if scene.state() != before:
        return 'the dry run has changed something'
    if raised is None and not dry.plans and operation != 'ensure':
        return 'no plan was shown'
    shown = [step for one in dry.plans for step in one]
    done, failure, cut = scene.steps(operation)
    if raised is not None and (failure is not raised or done):
        return f'the dry run raised {raised}, the run {failure} after {done}'
    if len(done) > len(shown) or len(done) < len(shown) and not cut:
        return f'shown: {shown}, done: {done}'
    for step, (action, target, args) in zip(shown, done, strict=False):
        if (step.action, step.target) != (action, target) or not (
                fixed(step.args).items() <= args.items()):
            return f'shown: {step!r}, done: {action} {target} {args}'
    return ''


@settings(max_examples=120, deadline=None)
@given(operation=st.sampled_from(sorted(OPERATIONS)),
       damages=st.lists(st.sampled_from(sorted(DAMAGES)), max_size=3,
                        unique=True),
       restarted=st.booleans())
def test_what_a_dry_run_shows_is_what_a_run_does(tmp_path_factory, operation,
                                                 damages, restarted):
    scene = Scene(tmp_path_factory.mktemp('dry'))
    for damage in damages:
        # What is gone already cannot be changed.
        with contextlib.suppress(KeyError):
            DAMAGES[damage](scene)
    if restarted:
        scene.driver = scene.bench.start()
    assert disagreement(scene, operation) == ''


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


@pytest.mark.parametrize('operation', sorted(OPERATIONS))
def test_each_operation_without_damage(scene, operation):
    assert disagreement(scene, operation) == ''


def shows_less(scene):
    """The executor shows another plan than it runs."""
    executor = scene.driver._backend.executor
    run = executor.run

    def broken(steps):
        plan.show(plan.Plan(steps.steps[1:]))
        return run(steps)
    executor.run = broken


def runs_less(scene):
    executor = scene.driver._backend.executor
    run = executor.run

    def broken(steps):
        plan.show(steps)
        return run(plan.Plan(steps.steps[:-1]))
    executor.run = broken


def plans_otherwise(scene):
    """The planner looks where it is asked."""
    executor = scene.driver._backend.executor
    run = executor.run

    def broken(steps):
        return run(plan.Plan(steps.steps[::-1])
                   if plan.is_dry() else steps)
    executor.run = broken


def changes_before(scene, quietly=False):
    """The facts are asked for with something that changes them."""
    repository = scene.driver._backend.repository
    view = repository.view

    def broken(name):
        with contextlib.suppress(plan.NotPlanned if quietly else ()):
            repository.vms.update('views', view(name).id, {'name': name})
        return view(name)
    repository.view = broken


def notes_before(scene):
    """Things to do are written down as done."""
    repository = scene.driver._backend.repository
    view = repository.view

    def broken(name):
        scene.bench.storage.update(name, {'seen': 'yes'})
        return view(name)
    repository.view = broken


@pytest.mark.parametrize(('broken', 'told'), [
    (shows_less, 'shown'), (runs_less, 'shown'), (plans_otherwise, 'shown'),
    (changes_before, 'changes without a plan'),
    (lambda scene: changes_before(scene, quietly=True),
     'changes without a plan'),
    (notes_before, 'has changed something')])
def test_a_broken_planner_or_executor_is_caught(scene, broken, told):
    broken(scene)
    assert told in disagreement(scene, 'delete')


def test_a_dry_run_sends_no_changing_request_and_reads_as_words(scene):
    driver, sim = scene.driver, scene.bench.sim
    sim.change('policy', scene.one['id'], nfs_read_write=['*'])
    before = len(sim.log)
    with plan.dry_run() as dry:
        driver.ensure_shares(None, [scene.one, scene.other])
    with plan.dry_run() as resized:
        driver.extend_share(scene.one, 5)
    asked = [entry.verb for entry in list(sim.log)[before:]]
    assert len(asked) > 3 and set(asked) == {'GET'}
    assert str(dry) == (f'update policy {scene.one["id"]} (for nobody; '
                        'no_root_squash)')
    assert str(resized) == (f'extend quota {scene.one["id"]} '
                            '(from 2 GiB to 5 GiB)')
    driver.extend_share(scene.one, 5)
    assert sim.record('quota', scene.one['id'])['hard_limit'] == 5 * GiB
