# SPDX-License-Identifier: Apache-2.0

"""A plan that is shown is the one that is carried out, and changes nothing."""

import random
import re

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import executor
from manila_drivers.generic import shares
from tests.unit.audit import generic_planted

# A new object has another id each time it is asked for.
_ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
NETWORK, OTHER = generic_planted.NETWORK, '198.51.100.0/24'

#: What is done to one share, and whether nobody may have mounted it.
OPERATIONS = {
    'create': lambda backend, share, dry: backend.shares.create(
        size=1, name='new', proto=share.proto, plan=dry),
    'allow': lambda backend, share, dry: share.allow(
        OTHER, kind='ip', plan=dry),
    'deny': lambda backend, share, dry: share.deny(
        NETWORK, kind='ip', plan=dry),
    'extend': lambda backend, share, dry: share.resize(3, plan=dry),
    'shrink': lambda backend, share, dry: share.resize(1, plan=dry),
    'snapshot': lambda backend, share, dry: share.snapshot('taken', plan=dry),
    'clone': lambda backend, share, dry: share.snapshots[0].clone(
        'copy', plan=dry),
    'revert': lambda backend, share, dry: share.revert(plan=dry),
    'delete snapshot': lambda backend, share, dry: share.snapshots[0].delete(
        plan=dry),
    'release': lambda backend, share, dry: share.release(plan=dry),
    'delete': lambda backend, share, dry: share.delete(plan=dry)}
#: Of those that are done to a share without snapshots.
BARE = frozenset({'delete', 'release'})
#: Those to which it matters what is wrong with a share.
TOUCHED = ('allow', 'extend', 'shrink', 'revert', 'delete')
PLANTS = {'nothing': None, **{
    name: plant for name, plant in generic_planted.PLANTS.items()
    if not name.startswith(('orphan', 'snapshot')) and name not in (
        # What the registry has of it, and not the cloud.
        'smaller', 'larger', 'rule being given', 'resize cut off',
        'deletion cut off', 'copied and not recorded so')}}


@pytest.fixture
def place(tmp_path, monkeypatch):
    return generic_planted.Place(tmp_path, monkeypatch)


class Ran:
    """Keeps the steps that were carried out, or begun."""

    def __init__(self, monkeypatch):
        self.steps = []
        perform = executor.GenericExecutor.perform

        def kept(made, action, target, args):
            self.steps.append((action, target))
            return perform(made, action, target, args)
        monkeypatch.setattr(executor.GenericExecutor, 'perform', kept)


def plain(steps):
    return [(action, _ID.sub('ID', target)) for action, target in steps]


def named(steps):
    return [(step.action, step.target) for step in steps]


def shown(place, work):
    """Return the plan, or the error that is known beforehand."""
    inventory, mark = place.inventory(), place.mark()
    try:
        found = list(work(True))
    except exception.DriverError as caught:
        found = type(caught)
    requests, _ = place.requests(mark)
    assert [line for line in requests if not line.startswith('GET')] == []
    assert place.inventory() == inventory
    return found


def is_what_is_run(place, ran, name, work):
    """Show a plan and carry it out; tell if it came to its end."""
    planned = shown(place, work)
    ran.steps.clear()
    _, error = exception.caught(lambda: work(False))
    if isinstance(planned, type):
        # It is known beforehand, and nothing is done.
        assert isinstance(error, planned), name
        return False
    done, wanted = plain(ran.steps), plain(named(planned))
    if error is not None:
        # One of the steps stops it, and those before it are taken back.
        undos = plain(named(step.undo for step in planned if step.undo))
        while done and done[-1] in undos and done != wanted[:len(done)]:
            done.pop()
        assert done == wanted[:len(done)], (name, error)
        return False
    if name == 'revert' and done[-1:] == [('export share', '/shares/share-ID'
                                           )] != wanted[-1:]:
        # Exports that do not come back with the share are made again.
        done.pop()
    assert done == wanted, name
    return True


@pytest.mark.parametrize('proto', ['NFS', 'CIFS'])
def test_each_operation_does_what_its_plan_says(place, monkeypatch, proto):
    ran = Ran(monkeypatch)
    with place.backend() as backend:
        for name, operation in OPERATIONS.items():
            share = prepared(place, backend, name, proto)
            assert is_what_is_run(
                place, ran, name, lambda dry, operation=operation,
                share=share: operation(backend, share, dry)), name


def prepared(place, backend, name, proto='NFS'):
    share = backend.shares.create(size=2, name=f'for {name}', proto=proto)
    share.allow(NETWORK, kind='ip')
    if name not in BARE:
        share.snapshot(f'first of {name}')
        place.clock.sleep(300)
    return share


@pytest.mark.parametrize('plant', PLANTS)
def test_damage_changes_the_plan_and_the_run_alike(place, monkeypatch, plant):
    ran, ended = Ran(monkeypatch), set()
    with place.backend() as backend:
        for name in OPERATIONS if plant == 'nothing' else TOUCHED:
            operation = OPERATIONS[name]
            share = prepared(place, backend, name)
            if PLANTS[plant] is not None:
                PLANTS[plant].work(place, share)
            if is_what_is_run(place, ran, name, lambda dry,
                              operation=operation, share=share: operation(
                                  backend, share, dry)):
                ended.add(name)
    assert ended == set(OPERATIONS) if plant == 'nothing' else ended


@pytest.mark.turns
@pytest.mark.parametrize('seed', range(40))
def test_several_kinds_of_damage_do_so_too(place, monkeypatch, seed):
    chosen = random.Random(seed)
    plants = chosen.sample(sorted(set(PLANTS) - {'nothing'}),
                           chosen.randint(2, 3))
    name = chosen.choice(sorted(OPERATIONS))
    ran = Ran(monkeypatch)
    with place.backend() as backend:
        share = prepared(place, backend, name, chosen.choice(['NFS', 'CIFS']))
        for plant in plants:
            # What is gone already cannot be damaged.
            exception.caught_any(lambda plant=plant: PLANTS[plant].work(
                place, share))
        is_what_is_run(place, ran, name, lambda dry: OPERATIONS[name](
            backend, share, dry))


def test_a_step_that_no_plan_has_is_noticed(place, monkeypatch):
    """Have a deletion do one thing more than it says."""
    ran, delete = Ran(monkeypatch), shares.GenericShares.delete

    def more(made, call):
        delete(made, call)
        made._executor.run(plan.Plan((plan.Step(
            'forget share', call.share.id),)))
    monkeypatch.setattr(shares.GenericShares, 'delete', more)
    with place.backend() as backend:
        share = prepared(place, backend, 'delete')
        with pytest.raises(AssertionError):
            is_what_is_run(place, ran, 'delete',
                           lambda dry: OPERATIONS['delete'](
                               backend, share, dry))
