# SPDX-License-Identifier: Apache-2.0

"""Dry runs: they change nothing, and show what a run then does.

Whatever has become of shares, snapshots and exports, and whatever is asked
for.  What is done is looked at where commands leave for a host.
"""

import collections
import contextlib
import copy
import random

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from manila_drivers import compat
from manila_drivers import plan
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import manager
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs
from manila_drivers.testing.simulators.gpfs import state
from manila_drivers.transport import command
from manila_drivers.transport import script

ALICE, BOB, NET = '10.0.0.1', '10.0.0.2', '10.0.0.0/24'
KIB = 1024 ** 2
LABS = {'CES': gpfs.GpfsLabs(), 'KNFS': gpfs_nfs.labs('KNFS'),
        'GNFS': gpfs_nfs.labs('GNFS')}
# Stands for whatever comes from here on.
ANYTHING = object()


class Scene:
    """Two shares, a snapshot, a copy of it under way, and a fileset of
    others."""

    def __init__(self, kind, *, started=True):
        self.lab = LABS[kind]()
        self.sim = self.lab.sim
        self.manager = made = manager.Manager(self.lab)
        if started:
            made.driver.check_for_setup_error()
        self.one, self.other = made.create(size=2), made.create()
        made.update(self.one, add=[made.rule(ALICE)])
        self.snapshot = made.create_snapshot(self.one)
        self.sim.options.copy_seconds = 1000.0
        self.clone = made.create_from_snapshot(
            made.new_clone(self.snapshot), self.snapshot)
        self.loose = made.new_share()
        self.loose.locations = [{'path': self.lab.make_unmanaged(
            'loose').export}]
        self.new, self.copy = made.new_share(3), made.new_clone(
            self.snapshot)
        self.another = made.new_snapshot(self.one)

    @property
    def driver(self):
        return self.manager.driver

    def row(self, share):
        return self.manager.row(share, rows.DICT)

    def rules(self, *to):
        return self.manager.rule_rows(self.one, [
            self.manager.rule(*each) for each in to])

    def fileset(self, share=None):
        return self.sim.state.filesets[f'share-{(share or self.one).id}']

    def state(self):
        """Return all that is anywhere."""
        return copy.deepcopy((
            self.lab.records(), self.lab.storage.data, self.sim.restores,
            {name: [vars(one) for one in jobs.attempts]
             for name, jobs in self.sim.state.jobs.items()}))


class Sent:
    """Commands that change something, by host, up to the first failure."""

    def __init__(self):
        self.commands = collections.defaultdict(list)
        self.failed = False
        self._attempt = script.attempt

    def __enter__(self):
        script.attempt = self._recorded
        return self

    def __exit__(self, *exc_info):
        script.attempt = self._attempt

    def _recorded(self, runner, commands, **parts):
        changes = [one for one in commands if not one.reads]
        if changes and not self.failed:
            self.commands[host_of(str(runner))] += changes
        try:
            answer = self._attempt(runner, commands, **parts)
        except Exception:
            self.failed |= bool(changes)
            raise
        self.failed |= bool(changes) and (
            answer.error is not None or len(answer.results) < len(commands)
            or any(self._refused(one, result) for one, result
                   in zip(commands, answer.results, strict=True)))
        return answer

    @staticmethod
    def _refused(one, result):
        return result.status and not one.reads


def host_of(name):
    return name if name in gpfs_nfs.SERVERS else 'management'


def shown(driver, plans):
    """Return by host which commands plans stand for."""
    found = collections.defaultdict(list)
    for step in (step for one in plans for step in one):
        if step.action == 'export':
            # Some end with a look at what they have done.
            found[host_of(step.args['server'])] += [
                one for one in step.args['commands'] if not one.reads]
        elif step.action == 'set rules':
            # On what is there then; servers are told in the same way.
            for host in (*gpfs_nfs.SERVERS, 'management'):
                found[host].append(ANYTHING)
        else:
            make = driver._backend.client.make
            found['management'].append(getattr(
                make, step.action.replace(' ', '_'))(
                    'gpfs0', step.target, **step.args))
    return found


def agree(said, done, *, failed):
    """Tell if what was shown is what was done, as far as that came."""
    if ANYTHING in said:
        said = said[:said.index(ANYTHING)]
        done = done[:len(said)]
    return done == said[:len(done)] if failed else done == said


def attempted(scene, operation):
    try:
        OPERATIONS[operation](scene.driver, scene)
    except compat.errors.ManilaException as exc:
        return type(exc)
    return None


def disagreement(scene, operation):
    """Tell how a dry run and the run after it differ; empty if they do not."""
    before, raised = scene.state(), None
    with Sent() as sent:
        try:
            with plan.dry_run() as dry:
                raised = attempted(scene, operation)
        except plan.NotPlanned as exc:
            return f'changes without a plan: {exc}'
    if sent.commands:
        return f'the dry run has sent {dict(sent.commands)}'
    if scene.state() != before:
        return 'the dry run has changed something'
    if raised is None and not dry.plans and operation != 'ensure':
        return 'no plan was shown'
    said = shown(scene.driver, dry.plans)
    with Sent() as sent:
        failure = attempted(scene, operation)
    if raised is not None and (failure is not raised or sent.commands):
        return (f'the dry run raised {raised}, the run {failure} after '
                f'{dict(sent.commands)}')
    for host in said.keys() | sent.commands.keys():
        if not agree(said[host], sent.commands[host],
                     failed=sent.failed or failure is not None):
            return (f'shown for {host}: {[*map(str, said[host])]}, done: '
                    f'{[*map(str, sent.commands[host])]}')
    return ''


def by_hand(**fields):
    """Another administrator changes a fileset."""
    def change(scene):
        for name, value in fields.items():
            setattr(scene.fileset(), name, value)
    return change


def of_export(method):
    """Somebody changes who reaches a share."""
    def change(scene):
        found = getattr(scene.lab, method, None)
        if found is not None:
            found(scene.one.export, random.Random(1))
    return change


def half_written(scene):
    for server in scene.sim.servers.values():
        for share in scene.one, scene.other:
            for name in (f'/etc/exports.d/manila-share-{share.id}.exports',
                         f'/etc/ganesha/export.d/share-{share.id}'):
                server.files.text[name + '.new'] = 'half of it'


def occupied(scene):
    for share in scene.new, scene.copy:
        scene.sim.state.directories.add(f'{gpfs.BASE}/share-{share.id}')


def away(*hosts):
    return lambda scene: scene.lab.dead.update(hosts)


def begun(scene):
    """An earlier call has made a fileset, and no more."""
    scene.sim.make_fileset(f'share-{scene.new.id}',
                           comment=f'manila:{scene.new.id}')


def missed(scene):
    """A server was down when a rule was added, and is back."""
    scene.lab.dead.add('nfs2')
    scene.manager.update(scene.one, add=[scene.manager.rule(NET)])
    scene.lab.dead.discard('nfs2')


def restored(scene):
    """It is not known that a restore has ended."""
    scene.lab.storage.update(scene.one.id, {'gpfs_restore_underway': 'x:y'})


def gone(scene):
    scene.fileset().snapshots.clear()


def unknown(scene):
    for share in scene.one, scene.other:
        scene.fileset(share).snapshots['nightly'] = state.Snapshot(
            'nightly', 99, 7)


DAMAGES = {
    'not linked': by_hand(path=''), 'elsewhere': by_hand(path='/gpfs0/else'),
    'larger': by_hand(limit_kib=7 * KIB), 'smaller': by_hand(limit_kib=KIB),
    'no limit': by_hand(limit_kib=0), 'no mark': by_hand(comment=''),
    'of others': by_hand(comment='manila:others'),
    'full': by_hand(used=2 * GiB), 'dependent': by_hand(independent=False),
    'lost': lambda scene: scene.sim.state.filesets.pop(
        f'share-{scene.one.id}'),
    'no snapshot': gone, 'unknown snapshots': unknown,
    'not exported': of_export('_lose_export'),
    'open to all': of_export('_open_to_all'),
    'half written': half_written, 'occupied': occupied, 'begun': begun,
    'a change was missed': missed, 'restored': restored,
    'a server is down': away('nfs2'), 'all servers are': away('nfs1', 'nfs2'),
    'nobody answers': away(gpfs.ADDRESS),
    'no notes': lambda scene: scene.lab.storage.data.clear(),
    'copied': lambda scene: scene.lab.advance(1001),
    'later': lambda scene: scene.lab.advance(400),
    'restarted': lambda scene: scene.manager.restart()}

OPERATIONS = {
    'create': lambda driver, scene: driver.create_share(
        None, scene.row(scene.new)),
    'create again': lambda driver, scene: driver.create_share(
        None, scene.row(scene.one)),
    'clone': lambda driver, scene: driver.create_share_from_snapshot(
        None, scene.row(scene.copy),
        scene.manager.snapshot_row(scene.snapshot)),
    'delete': lambda driver, scene: driver.delete_share(
        None, scene.row(scene.other)),
    'delete with a snapshot': lambda driver, scene: driver.delete_share(
        None, scene.row(scene.one)),
    'delete the clone': lambda driver, scene: driver.delete_share(
        None, scene.row(scene.clone)),
    'extend': lambda driver, scene: driver.extend_share(
        scene.row(scene.one), 5),
    'shrink': lambda driver, scene: driver.shrink_share(
        scene.row(scene.one), 1),
    'rules': lambda driver, scene: driver.update_access(
        None, scene.row(scene.one), scene.rules((BOB,), (NET, 'ro'))),
    'same rules': lambda driver, scene: driver.update_access(
        None, scene.row(scene.one), scene.rules((ALICE,))),
    'no rules': lambda driver, scene: driver.update_access(
        None, scene.row(scene.one), []),
    'first rules': lambda driver, scene: driver.update_access(
        None, scene.row(scene.other), scene.rules((ALICE,))),
    'one rule': lambda driver, scene: driver.allow_access(
        None, scene.row(scene.one), scene.rules((BOB, 'ro'))[0]),
    'a first one': lambda driver, scene: driver.allow_access(
        None, scene.row(scene.other), scene.rules((BOB,))[0]),
    'one less': lambda driver, scene: driver.deny_access(
        None, scene.row(scene.one), scene.rules((ALICE,))[0]),
    'snapshot': lambda driver, scene: driver.create_snapshot(
        None, scene.manager.snapshot_row(scene.another)),
    'delete snapshot': lambda driver, scene: driver.delete_snapshot(
        None, scene.manager.snapshot_row(scene.snapshot)),
    'adopt snapshot': lambda driver, scene: driver.manage_existing_snapshot(
        scene.manager.snapshot_row(scene.snapshot), {}),
    'revert': lambda driver, scene: driver.revert_to_snapshot(
        None, scene.manager.snapshot_row(scene.snapshot),
        scene.rules((ALICE,)), []),
    'adopt': lambda driver, scene: driver.manage_existing(
        scene.row(scene.loose), {'size': 4, 'chmod': 'true'}),
    'adopt again': lambda driver, scene: driver.manage_existing(
        {**scene.row(scene.one), 'size': None}, {}),
    'release': lambda driver, scene: driver.unmanage(scene.row(scene.one)),
    'ensure': lambda driver, scene: driver.ensure_shares(
        None, [scene.row(scene.one), scene.row(scene.other)])}


@pytest.mark.parametrize('kind', LABS)
@settings(max_examples=60, deadline=None)
@given(operation=st.sampled_from(sorted(OPERATIONS)),
       damages=st.lists(st.sampled_from(sorted(DAMAGES)), max_size=3,
                        unique=True),
       started=st.booleans())
def test_what_a_dry_run_shows_is_what_a_run_does(kind, operation, damages,
                                                 started):
    scene = Scene(kind, started=started)
    try:
        for damage in damages:
            # What is gone already cannot be changed.
            with contextlib.suppress(KeyError, compat.errors.ManilaException):
                DAMAGES[damage](scene)
        assert disagreement(scene, operation) == ''
    finally:
        scene.lab.close()


@pytest.fixture
def make_scene():
    with contextlib.ExitStack() as stack:
        def make(kind='KNFS'):
            scene = Scene(kind)
            stack.callback(scene.lab.close)
            return scene
        yield make


@pytest.mark.parametrize('kind', LABS)
@pytest.mark.parametrize('operation', sorted(OPERATIONS))
def test_each_operation_without_damage(make_scene, kind, operation):
    scene = make_scene(kind)
    assert disagreement(scene, operation) == ''


def shows_less(part):
    """Another plan is shown than is run."""
    run = part.run

    def broken(todo, *more, **parts):
        plan.show(plan.Plan(todo.steps[1:]))
        return run(todo, *more, **parts)
    part.run = broken


def of_executor(breaks):
    def broken(scene):
        # All parts have the same one.
        breaks(scene.driver._backend.shares._executor)
    return broken


def runs_less(executor):
    """The last step is forgotten."""
    run = executor.run

    def broken(todo, *more, **parts):
        plan.show(todo)
        return run(plan.Plan(todo.steps[:-1]), *more, **parts)
    executor.run = broken


def plans_otherwise(scene):
    """The planner looks whether it is asked in earnest."""
    helper = scene.driver._backend.helper
    planned = helper.plan

    def broken(*facts):
        return [] if plan.is_dry() else planned(*facts)
    helper.plan = broken


def changes_before(quietly):
    """The facts are asked for with something that changes them."""
    def broken(scene):
        helper = scene.driver._backend.helper
        questions = helper.questions

        def asked(paths):
            with contextlib.suppress(plan.NotPlanned if quietly else ()):
                helper.done('nfs1', [command.Command.of(
                    'rm', '-f', '/etc/exports.d/x', root=True)])
            return questions(paths)
        helper.questions = asked
    return broken


def notes_before(scene):
    """Things to do are written down as done."""
    helper = scene.driver._backend.helper
    questions = helper.questions

    def noting(paths):
        scene.lab.storage.update(scene.one.id, {'seen': 'yes'})
        return questions(paths)
    helper.questions = noting


@pytest.mark.parametrize(('broken', 'operation', 'told'), [
    (of_executor(shows_less), 'extend', 'shown'),
    (of_executor(runs_less), 'delete', 'shown'),
    (of_executor(runs_less), 'create', 'shown'),
    (plans_otherwise, 'rules', 'shown'),
    (plans_otherwise, 'delete with a snapshot', 'shown'),
    (changes_before(False), 'rules', 'changes without a plan'),
    (changes_before(True), 'rules', 'changes without a plan'),
    (notes_before, 'no rules', 'has changed something')])
def test_a_broken_planner_or_executor_is_caught(make_scene, broken,
                                                operation, told):
    scene = make_scene()
    broken(scene)
    assert told in disagreement(scene, operation)


def test_plans_read_as_words(make_scene):
    scene = make_scene()
    name, path = f'share-{scene.one.id}', f'{gpfs.BASE}/share-{scene.one.id}'
    scene.fileset().limit_kib = 5 * KIB
    told = []
    for operation in 'rules', 'extend', 'ensure', 'delete':
        with plan.dry_run() as dry:
            OPERATIONS[operation](scene.driver, scene)
        told.append(str(dry))
    rules, extend, ensure, delete = told
    assert rules == '; '.join(
        f'export on nfs{number} ({path} to 10.0.0.2/32 rw, 10.0.0.0/24 ro)'
        for number in (1, 2))
    assert extend == f'extend fileset {name} (to 5 GiB)'
    assert ensure == f'limit fileset {name} (to 2 GiB)'
    other = f'share-{scene.other.id}'
    assert delete == f'unlink fileset {other}; delete fileset {other}'
