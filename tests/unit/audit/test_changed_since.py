# SPDX-License-Identifier: Apache-2.0

"""Repairs do what the audit has told, and nothing that came later."""

import pytest

from manila_drivers import exception
from manila_drivers.driver import base
from tests.unit.audit import planted
from tests.unit.direct import bench


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def begin(backend, share, task, status):
    share.refresh()
    return backend.registry.shares.change(
        share._record, task=task, status=status)


RESIZE = {'name': 'resize', 'size': 3, 'shrink': False, 'highest': 3}


@pytest.mark.parametrize(('then', 'status'), [
    ({'name': 'delete'}, 'deleting'), ({'name': 'release'}, 'releasing'),
    ({**RESIZE, 'size': 1, 'shrink': True}, 'resizing')])
def test_another_task_is_not_gone_on_with(place, then, status):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(planted.NETWORK)
        begin(backend, share, RESIZE, 'resizing')
        report = backend.audit()
        assert [one.repair for one in report.differences] == ['go on']
        begin(backend, share, then, status)
        before = place.cluster.inventory()
        [(_, why)] = backend.repair(report)
        assert 'has changed since the audit' in why
        assert place.cluster.inventory() == before
        assert share.refresh().status == status
        # A new audit tells it.
        assert backend.repair(backend.audit()) == []
        assert not [one for one in backend.audit().differences if one.repair]


def test_a_snapshot_that_is_taken_is_not_deleted(place):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        snapshot = share.snapshot('first')
        record = backend.registry.snapshots.change(
            snapshot._record, status='creating')
        report = backend.audit()
        assert [one.repair for one in report.differences] == ['snapshot']
        backend.registry.snapshots.change(record, status='deleting')
        before = place.cluster.inventory()
        [(_, why)] = backend.repair(report)
        assert 'has changed since the audit' in why
        assert place.cluster.inventory() == before


def test_rules_of_what_leaves_are_not_given(place):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(planted.NETWORK)
        planted.PLANTS['closed'].work(place, share)
        report = backend.audit()
        assert [one.repair for one in report.differences] == ['rules']
        begin(backend, share, {'name': 'delete'}, 'deleting')
        [(_, why)] = backend.repair(report)
        assert 'is deleting' in why
        assert place.level(share) is None


def test_a_check_that_fails_stops_no_other_repair(place, monkeypatch):
    def fails(*args, **more):
        raise exception.Unreachable('no answer')
    with place.backend() as backend:
        share, other = (backend.shares.create(size=2, name=name)
                        for name in ('one', 'two'))
        orphan = backend.shares.create(size=2, name='three')
        backend.registry.shares.remove(orphan._record)
        planted.PLANTS['smaller'].work(place, share)
        planted.PLANTS['another client'].work(place, other)
        report = backend.audit()
        assert {one.repair for one in report.differences} >= {'ensure', ''}
        monkeypatch.setattr(base.ShareDriver, 'ensure_shares', fails)
        failed = backend.repair(report, [orphan.id])
        assert {one.ident for one, _ in failed} <= {share.id, other.id}
        assert all('no answer' in why for _, why in failed)
        monkeypatch.undo()
        assert orphan.id not in {
            one.ident for one in backend.audit().differences}
