# SPDX-License-Identifier: Apache-2.0

"""Something else is done after an operation was cut off.

Not its repetition: that is test_cut_off.
"""

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.direct import access_rules
from manila_drivers.direct import resizing
from manila_drivers.direct import unasked
from manila_drivers.registry import leases
from manila_drivers.registry import records
from tests.unit.direct import bench

GIB = 2 ** 30
NETWORK, OTHER, CLIENT = bench.TARGETS['vast']


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def cut_off(place, monkeypatch, at, work):
    """Have an operation end at a place; tell if it did."""
    with monkeypatch.context() as patch:
        death = bench.Death(patch, at)
        try:
            work(place.backend())
        except bench.Killed:
            return True
        return death.died


def allowed_by_accident(place, monkeypatch):
    """Return after which places a rule that was cut off came into force.

    By another change of the same share, which nobody wanted to give it.
    """
    found, at = [], 0
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
    while cut_off(place, monkeypatch, at,
                  lambda backend: backend.shares.get('one').allow(NETWORK)):
        with place.backend() as backend:
            share = backend.shares.get('one')
            share.allow(OTHER)
            if place.level(share, CLIENT) is not None:
                found.append(at)
            assert place.level(share, OTHER) == 'rw'
            states = {rule.to: rule.state for rule in share.rules}
            assert states[OTHER] == 'active'
            # It is told, and can be taken away.
            if states.get(NETWORK) == 'active':
                assert place.level(share, CLIENT) == 'rw'
                found.remove(at)
            for to in states:
                share.deny(to)
            assert share.rules == []
        at += 3
    assert at > 20
    return found


def test_a_rule_that_was_cut_off_comes_into_force_by_nothing_else(
        place, monkeypatch):
    assert allowed_by_accident(place, monkeypatch) == []


def test_a_rule_that_comes_into_force_by_accident_is_noticed(place,
                                                             monkeypatch):
    def in_force(self, share, *, without=''):
        return [rule for rule in self.of(share) if rule.id != without
                and rule.state in ('active', 'applying')]
    monkeypatch.setattr(access_rules.Rules, 'in_force', in_force)
    # It would be refused, as what nobody has asked for.
    monkeypatch.setattr(unasked.Unasked, 'allowing',
                        lambda *args, **more: None)
    with pytest.raises(AssertionError):
        assert allowed_by_accident(place, monkeypatch) == []


def test_who_was_to_lose_access_has_it_no_more_after_any_change(
        place, monkeypatch):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
    at = 0
    while True:
        with place.backend() as backend:
            share = backend.shares.get('one')
            share.allow(NETWORK)
        if not cut_off(place, monkeypatch, at, lambda backend:
                       backend.shares.get('one').deny(NETWORK)):
            break
        with place.backend() as backend:
            share = backend.shares.get('one')
            before = {rule.to: rule.state for rule in share.rules}
            share.allow(OTHER)
            if before.get(NETWORK) != 'active':
                assert place.level(share, CLIENT) is None
            share.deny(OTHER)
        at += 3
    assert at > 20


@pytest.mark.turns
@pytest.mark.parametrize(('begun', 'then'), [
    (8, 6), (8, 4), (8, 12), (8, 2), (1, 4), (2, 3), (1, 8)])
def test_another_size_after_a_resize_that_was_cut_off(place, monkeypatch,
                                                      begun, then):
    at = 0
    while True:
        with place.backend() as backend:
            share = backend.shares.create(size=4)
        if not cut_off(place, monkeypatch, at, lambda backend, share=share:
                       backend.shares.get(share.id).resize(begun)):
            break
        with place.backend() as backend:
            share = backend.shares.get(share.id)
            assert share.resize(then).size == then
            assert place.limit(share) == then * GIB
            assert (share.status, share.failure) == ('available', '')
            share.delete()
        at += 9
    assert at > 20


def test_nothing_is_lost_by_another_size(place, monkeypatch):
    """The share may have the larger size, and be full of data."""
    with place.backend() as backend:
        share = backend.shares.create(size=4, name='one')
    at = 5
    while place.limit(share) != 8 * GIB:
        assert cut_off(place, monkeypatch, at, lambda backend:
                       backend.shares.get('one').resize(8))
        at += 1
    with place.backend() as backend:
        share = backend.shares.get('one')
        assert share.status == 'resizing'
        place.cluster.fill(share.locations[0], 7 * GIB)
        with pytest.raises(exception.PossibleDataLoss):
            share.resize(6)
        assert place.limit(share) >= 7 * GIB
        # What may be 8 GiB large is not extended to 6.
        with pytest.raises(exception.InvalidRequest, match='4 to 8 GiB'):
            share.extend(6)
        assert share.resize(8).size == 8


@pytest.mark.parametrize('kind', ['vast', 'gluster', 'ces'])
def test_what_was_to_be_adopted_is_not_deleted(kind, tmp_path):
    """Its data are somebody's, and whether it is ours yet is not known."""
    with bench.bench(kind, tmp_path) as place, place.backend() as backend:
        released = backend.shares.create(size=2, name='one')
        export = released.locations[0]
        released.release()
        before = place.cluster.inventory()
        failing = exception.Unreachable('cut off')
        with pytest.MonkeyPatch.context() as patch:
            def manage(self, share, options, **more):
                raise failing
            patch.setattr(type(backend.driver), 'manage_existing', manage)
            with pytest.raises(exception.Unreachable):
                backend.shares.adopt(export, 'again')
        share = backend.shares.get('again')
        assert (share.status, share.failure) == ('adopting', str(failing))
        for more in ({}, {'plan': True}):
            with pytest.raises(exception.Unsupported, match='adopting'):
                share.delete(**more)
        share.release()
        assert backend.shares.list() == []
        assert place.cluster.inventory() == before
        assert backend.shares.adopt(export, 'again').status == 'available'
        backend.shares.get('again').delete()
        assert backend.shares.list() == []


@pytest.mark.parametrize(('begun', 'then'), [
    ('delete', 'release'), ('release', 'delete')])
def test_one_way_out_is_not_followed_by_the_other(place, begun, then):
    methods = {'delete': 'delete_share', 'release': 'unmanage'}
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        with pytest.MonkeyPatch.context() as patch:
            def fail(self, *args, **more):
                raise exception.Unreachable('cut off')
            patch.setattr(type(backend.driver), methods[begun], fail)
            with pytest.raises(exception.Unreachable):
                getattr(share, begun)()
        with pytest.raises(exception.Unsupported, match='repeat that'):
            getattr(backend.shares.get('one'), then)()
        getattr(backend.shares.get('one'), begun)()
        assert backend.shares.list() == []


TABLE = [
    # size, task, wanted, shrink -> before, after, shrink, highest
    (4, None, 8, None, (4, 8, False, 8)),
    (4, None, 2, None, (4, 2, True, 4)),
    (4, None, 4, None, None),
    (4, (8, False, 8), 8, None, (4, 8, False, 8)),
    (4, (6, True, 8), 6, None, (8, 6, True, 8)),
    (4, (8, False, 8), 6, None, (8, 6, True, 8)),
    (4, (8, False, 8), 4, None, (8, 4, True, 8)),
    (4, (8, False, 8), 9, None, (8, 9, False, 9)),
    # The second one was cut off as well: it may still have 8.
    (4, (6, True, 8), 7, None, (8, 7, True, 8)),
    (4, (6, True, 8), 8, None, (8, 8, True, 8)),
    (4, (2, True, 4), 3, None, (4, 3, True, 4)),
    (4, (2, True, 4), 4, None, (4, 4, True, 4)),
    (4, (2, True, 4), 5, None, (4, 5, False, 5))]


@pytest.mark.parametrize(('size', 'task', 'wanted', 'shrink', 'told'), TABLE)
def test_a_size_is_decided(size, task, wanted, shrink, told):
    record = records.ShareEntry(
        'i', 'b', 'n', 'NFS', size, 'available', task=task and dict(zip(
            ('name', 'size', 'shrink', 'highest'), ('resize', *task),
            strict=True)))
    found = resizing.decide(record, wanted, shrink)
    assert (found and (found.before, found.after, found.shrink,
                       found.highest)) == told


def test_a_lease_that_keeps_nobody_out_is_noticed(place, monkeypatch):
    with place.backend(patience=0.2) as backend:
        share = backend.shares.create(size=1, name='one')
        with backend.registry.leases.hold([f'share {share.id}'], 1), \
                pytest.raises(exception.Busy, match='held by process'):
            share.extend(2)
        monkeypatch.setattr(leases.Leases, 'take',
                            lambda self, name, holder: holder)
        with backend.registry.leases.hold([f'share {share.id}'], 1):
            # The fence before each change finds that nobody has it.
            with pytest.raises(exception.Busy, match='has ended'):
                share.extend(2)
            monkeypatch.setattr(leases.Leases, 'need',
                                lambda self, held: None)
            share.extend(2)


OPERATIONS = [
    ('create', lambda backend, **more: backend.shares.create(
        size=2, name='new', **more)),
    ('extend', lambda backend, **more: backend.shares.get('one').resize(
        5, **more)),
    ('shrink', lambda backend, **more: backend.shares.get('one').resize(
        1, **more)),
    ('allow', lambda backend, **more: backend.shares.get('one').allow(
        '203.0.113.0/24', 'ro', **more)),
    ('deny', lambda backend, **more: backend.shares.get('one').deny(
        NETWORK, **more)),
    ('snapshot', lambda backend, **more: backend.shares.get(
        'one').snapshot('second', **more)),
    ('clone', lambda backend, **more: backend.snapshots.get('first').clone(
        'clone', **more)),
    ('delete snapshot', lambda backend, **more: backend.snapshots.get(
        'first').delete(**more)),
    ('delete', lambda backend, **more: backend.shares.get('other').delete(
        **more)),
    ('release', lambda backend, **more: backend.shares.get('other').release(
        **more))]


@pytest.mark.parametrize(('name', 'work'), OPERATIONS,
                         ids=[name for name, _ in OPERATIONS])
def test_a_plan_is_what_is_done_then(place, monkeypatch, name, work):
    with place.backend() as backend:
        share = backend.shares.create(size=3, name='one')
        share.allow(NETWORK)
        share.snapshot('first')
        backend.shares.create(size=1, name='other')
        before = place.cluster.inventory()
        told = [step.action for step in work(backend, plan=True)]
        assert place.cluster.inventory() == before
        ran, run = [], plan.run

        def running(steps, perform, **more):
            if not plan.is_dry():
                ran.extend(step.action for step in steps)
            return run(steps, perform, **more)
        monkeypatch.setattr(plan, 'run', running)
        work(backend)
        assert told
        assert ran == told


@pytest.mark.turns
@pytest.mark.parametrize('kind', ['gluster', 'ces', 'knfs', 'gnfs'])
def test_every_driver_shows_what_it_would_do(kind, tmp_path):
    to = bench.TARGETS[kind][1]
    with bench.bench(kind, tmp_path) as place, place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(bench.TARGETS[kind][0])
        share.snapshot('first')

        def get():
            return backend.shares.get('one')
        for name, work in (
                ('create', lambda **more: backend.shares.create(
                    size=1, name='two', **more)),
                ('extend', lambda **more: get().extend(3, **more)),
                ('allow', lambda **more: get().allow(to, **more)),
                ('deny', lambda **more: get().deny(to, **more)),
                ('snapshot', lambda **more: get().snapshot('next', **more)),
                ('clone', lambda **more: backend.snapshots.get(
                    'first').clone('three', **more)),
                ('unsnapshot', lambda **more: backend.snapshots.get(
                    'next').delete(**more)),
                ('delete', lambda **more: backend.shares.get('two').delete(
                    **more))):
            before = place.cluster.inventory()
            limit, level = place.limit(share), place.level(share)
            found = work(plan=True)
            assert found.steps, name
            assert (place.cluster.inventory(), place.limit(share),
                    place.level(share)) == (before, limit, level), name
            work()
        backend.shares.get('three').wait(timeout=60)


def test_a_driver_that_shows_no_plans_is_not_asked_for_one(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        kind = type(backend.driver)
        mark = place.cluster.mark()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, 'SHOWS_PLANS', False)
            with pytest.raises(exception.Unsupported,
                               match='what it would do'):
                share.delete(plan=True)
        assert place.cluster.requests(mark) == []
        assert share.refresh().status == 'available'
