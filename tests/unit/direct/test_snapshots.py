# SPDX-License-Identifier: Apache-2.0

"""Snapshots that are adopted, released and gone back to, by each driver."""

import types

import pytest

from manila_drivers import exception
from manila_drivers.direct import taking
from manila_drivers.registry import store
from tests.unit.direct import bench

GIB = 2 ** 30
#: Drivers that go back to snapshots.
REVERTING = ['gluster', 'ces', 'generic']


@pytest.fixture(params=['vast', *REVERTING])
def place(request, tmp_path):
    with bench.bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=REVERTING)
def back(request, tmp_path):
    with bench.bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def vast(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


@pytest.fixture
def ces(tmp_path):
    with bench.bench('ces', tmp_path) as made:
        yield made


def planned(backend, work, *args):
    """Return a plan; Generic cannot show one as long as it says so."""
    if backend.driver.SHOWS_PLANS:
        return work(*args, plan=True)
    with pytest.raises(exception.Unsupported, match='cannot say'):
        work(*args, plan=True)
    return types.SimpleNamespace(
        steps=('one',) if 'revert' in work.__name__ else (),
        operation='revert to snapshot before' if 'revert' in work.__name__
        else 'adopt snapshot')


# -- release and adopt ----------------------------------------------------

def test_a_released_snapshot_is_adopted_and_can_be_used(place):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        first = share.snapshot('first')
        location = first._record.location
        there = place.cluster.inventory()
        assert planned(backend, first.release).steps == ()
        first.release()
        assert backend.snapshots.list() == []
        assert place.cluster.inventory() == there
        # That can be repeated.
        first.release()
        assert planned(backend, share.adopt_snapshot, location, 'again'
                       ).operation == 'adopt snapshot'
        assert backend.snapshots.list() == []
        again = share.adopt_snapshot(location, 'again')
        assert (again.size, again.status, again.share.name) == (
            2, 'available', 'one')
        clone = again.clone('two').wait(timeout=60)
        assert clone.size == 2
        clone.delete()
        again.delete()
        share.delete()
    assert place.cluster.inventory() == place.empty


def test_a_share_is_released_with_its_snapshots_one_by_one(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        snapshot = share.snapshot('first')
        with pytest.raises(exception.Unsupported, match='release them'):
            share.release()
        snapshot.release()
        there = place.cluster.inventory()
        share.release()
        assert backend.shares.list() == []
        assert {one for one in place.cluster.inventory()
                if 'snap' in ' '.join(map(str, one))} == {
            one for one in there if 'snap' in ' '.join(map(str, one))}


@pytest.mark.parametrize('kind', ['vast', 'gluster', 'ces'])
def test_an_audit_knows_what_was_adopted(kind, tmp_path):
    """It may have kept the name of another one, or of its maker."""
    with bench.bench(kind, tmp_path) as place, place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        first = share.snapshot('first')
        location = first._record.location
        first.release()
        assert [one.kind for one in backend.audit().differences] == [
            'orphan snapshot']
        again = share.adopt_snapshot(location, 'again')
        assert backend.audit().differences == ()
        if kind == 'gluster':
            volume = share.locations[0].rpartition('/')[2]
            for name in ('nightly', 'weekly'):
                place.cluster.sim.gluster('snapshot', 'create', name, volume,
                                          'no-timestamp')
            share.adopt_snapshot('nightly')
            # What nobody has adopted is somebody else's.
            assert backend.audit().differences == ()
            place.cluster.sim.gluster('snapshot', 'delete', 'nightly')
            assert [one.kind for one in backend.audit().differences] == [
                'lost snapshot']
        assert again.status == 'available'


@pytest.mark.parametrize('spelling', ['name', 'id', 'location'])
def test_what_is_recorded_is_adopted_once(vast, spelling):
    """Two records of one snapshot would delete it below each other."""
    with vast.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        first = share.snapshot('first')
        known = {'name': 'share-snapshot-' + first.id, 'id': first.id,
                 'location': first._record.location}
        mark = vast.cluster.mark()
        assert share.adopt_snapshot(known[spelling], 'other').id == first.id
        assert vast.cluster.asked(mark) == []
        assert [one.name for one in backend.snapshots] == ['first']


def test_another_spelling_is_found_by_what_the_driver_answers(ces):
    with ces.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        first = share.snapshot('first')
        fileset, _, name = first._record.location.partition(':')
        assert fileset and name
        assert share.adopt_snapshot(name, 'other').id == first.id
        assert [one.name for one in backend.snapshots] == ['first']


def test_an_adoption_is_repeated_by_what_it_was_called(vast):
    """VAST gives it another name, so that it is not found by the old one."""
    with vast.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        first = share.snapshot('first')
        first.release()
        # By whoever took it over once more.
        old = 'share-snapshot-' + first.id
        again = share.adopt_snapshot(old, 'again')
        assert again.id != first.id
        assert share.adopt_snapshot(old, 'again').id == again.id
        with pytest.raises(exception.Conflict, match='another name'):
            share.adopt_snapshot('nightly', 'again')
        again.delete()
        share.delete()
    assert vast.cluster.inventory() == vast.empty


def test_what_is_not_there_is_not_adopted(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        with pytest.raises(exception.DriverError):
            share.adopt_snapshot('nothing-of-that-name', 'x')
        assert backend.snapshots.list() == []
        with pytest.raises(exception.InvalidRequest):
            share.adopt_snapshot(' ')


def test_a_snapshot_of_another_share_is_not_adopted(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        other = backend.shares.create(size=1, name='two')
        first = share.snapshot('first')
        location = first._record.location
        first.release()
        with pytest.raises(exception.NotManageable):
            other.adopt_snapshot(location, 'x')
        assert backend.snapshots.list() == []


def test_what_is_half_adopted_is_never_deleted(vast, monkeypatch):
    halves = set()
    for at in range(3, 39, 7):
        with vast.backend() as backend:
            share = backend.shares.create(size=1)
            first = share.snapshot()
            location = first._record.location
            first.release()
        with monkeypatch.context() as patch:
            bench.Death(patch, at)
            try:
                vast.backend().shares.get(share.id).adopt_snapshot(location)
            except bench.Killed:
                pass
        with vast.backend() as backend:
            share = backend.shares.get(share.id)
            for half in share.snapshots:
                halves.add(half.status)
                if half.status == taking.ADOPTING:
                    with pytest.raises(exception.Unsupported,
                                       match='release it'):
                        half.delete()
                    half.make()
                assert half.status == 'available'
            again = share.adopt_snapshot(location)
            assert len(share.snapshots) == 1
            again.delete()
            share.delete()
        assert vast.cluster.inventory() == vast.empty
    assert halves == {taking.ADOPTING, taking.AVAILABLE}


# -- going back -----------------------------------------------------------

@pytest.mark.turns
def test_a_share_goes_back_to_its_last_snapshot(back):
    first, _, client = bench.TARGETS[back.kind]
    with back.backend() as backend:
        share = backend.shares.create(size=3, name='one')
        export = share.locations[0]
        share.allow(first)
        back.cluster.fill(export, GIB)
        snapshot = share.snapshot('before')
        back.cluster.fill(export, 2 * GIB)
        found = planned(backend, snapshot.revert)
        assert found.operation == 'revert to snapshot before'
        assert found.steps
        assert back.cluster.used(export) == 2 * GIB
        assert back.level(share, client) == 'rw'
        reverted = share.revert()
        assert (reverted.size, reverted.status, reverted.failure) == (
            3, 'available', '')
        assert back.cluster.used(share.locations[0]) == GIB
        assert back.level(share, client) == 'rw'
        # It stays, and can be gone back to again.
        back.cluster.fill(export, 2 * GIB)
        assert snapshot.revert().status == 'available'
        assert back.cluster.used(share.locations[0]) == GIB
        snapshot.delete()
        share.delete()
    assert back.cluster.inventory() == back.empty


@pytest.mark.parametrize('kind', ['gluster', 'ces'])
def test_it_gets_the_size_that_it_had(kind, tmp_path):
    with bench.bench(kind, tmp_path) as back, back.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.snapshot('before')
        share.extend(4)
        assert share.revert('before').size == 2
        assert back.limit(share) == 2 * GIB


def test_what_cannot_be_is_told_and_nothing_is_begun(tmp_path):
    with bench.bench('generic', tmp_path) as back, \
            back.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        with pytest.raises(exception.NotFound, match='no snapshot'):
            share.revert()
        share.snapshot('before')
        share.extend(2)
        with pytest.raises(exception.Unsupported, match='GiB by now'):
            share.revert()
        assert share.refresh().status == 'available'
        assert share.failure == ''


@pytest.mark.parametrize('end', ['delete', 'release', 'revert'])
def test_what_was_to_be_gone_back_to_vanished(back, end):
    """Nobody can end that; so the share may leave, or go back further."""
    with back.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        if end == 'revert':
            share.snapshot('first')
        second = share.snapshot('second')
        driver, seen = backend._parts.driving.driver, []
        revert = type(driver).revert_to_snapshot

        def vanishes(self, context, snapshot, *args, **parts):
            if not seen:
                seen.append(driver.delete_snapshot(None, snapshot, None))
            return revert(self, context, snapshot, *args, **parts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(driver), 'revert_to_snapshot', vanishes)
            with pytest.raises(exception.DriverError):
                share.revert()
        assert seen
        assert share.refresh().status == 'reverting'
        second.delete()
        if end == 'revert':
            assert share.revert().status == 'available'
            for one in share.snapshots:
                one.delete()
            share.delete()
        else:
            getattr(share, end)()
        assert not list(backend.shares)


def test_only_the_last_one_can_be_gone_back_to(ces):
    with ces.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        first, second = share.snapshot('first'), share.snapshot('second')
        for work in (first.revert, lambda **more: share.revert(
                'first', **more)):
            for plan in (True, False):
                with pytest.raises(exception.InvalidRequest,
                                   match='second alone'):
                    work(plan=plan)
        with pytest.raises(exception.NotFound):
            share.revert('third')
        second.delete()
        assert first.revert().status == 'available'


def test_a_driver_that_cannot_says_so(vast):
    with vast.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        share.snapshot('first')
        for plan in (True, False):
            with pytest.raises(exception.Unsupported):
                share.revert(plan=plan)
        assert share.refresh().status == 'available'
        assert share.allow('192.0.2.0/24').state == 'active'


@pytest.mark.parametrize('kind', ['gluster', 'ces'])
def test_the_last_one_is_the_last_by_the_clocks_of_all_hosts(
        kind, tmp_path, monkeypatch):
    """Let the host that takes the second one have a clock that is behind."""
    with bench.bench(kind, tmp_path) as back, back.backend() as backend:
        share = backend.shares.create(size=3, name='one')
        export = share.locations[0]
        back.cluster.fill(export, GIB)
        share.snapshot('first')
        back.cluster.fill(export, 2 * GIB)
        with monkeypatch.context() as patch:
            patch.setattr(store, '_now',
                          lambda: '2001-01-01T00:00:00.000000+00:00')
            share.snapshot('second')
            assert [one.name for one in share.snapshots] == [
                'first', 'second']
        with pytest.raises(exception.InvalidRequest, match='second alone'):
            share.revert('first')
        share.revert()
        assert back.cluster.used(share.locations[0]) == 2 * GIB
        share.snapshot('third')
        assert [one.name for one in share.snapshots] == [
            'first', 'second', 'third']
