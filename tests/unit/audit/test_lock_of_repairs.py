# SPDX-License-Identifier: Apache-2.0

"""Repairs compare with the audit once others are kept out, not before."""

from concurrent import futures
import threading

import pytest

from tests.unit.audit import planted
from tests.unit.audit import test_changed_since
from tests.unit.direct import bench

RESIZE = test_changed_since.RESIZE


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def repaired_behind(backend, report, ident, change):
    """Repair while somebody works on a share, who changes it; the result."""
    leases, waits = backend.registry.leases, threading.Event()
    sleep = leases._sleep

    def waiting(seconds):
        waits.set()
        sleep(seconds)
    leases._sleep = waiting
    with futures.ThreadPoolExecutor(1) as threads:
        with leases.hold([f'share {ident}'], 5):
            found = threads.submit(backend.repair, report)
            assert waits.wait(60)
            change()
        return found.result(60)


@pytest.mark.parametrize(('begun', 'status', 'then'), [
    (RESIZE, 'resizing', {**RESIZE, 'size': 1, 'shrink': True}),
    ({'name': 'delete'}, 'deleting', RESIZE)])
def test_what_changes_while_a_repair_waits_is_not_gone_on_with(
        place, begun, status, then):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        share.allow(planted.NETWORK)
        test_changed_since.begin(backend, share, begun, status)
        report = backend.audit()
        before = place.cluster.inventory()
        [(_, why)] = repaired_behind(
            backend, report, share.id, lambda: test_changed_since.begin(
                backend, share, then, 'resizing'))
        assert 'has changed since the audit' in why
        assert place.cluster.inventory() == before
        assert share.refresh()._record.task == then


def test_a_snapshot_that_is_taken_meanwhile_is_not_deleted(place):
    with place.backend() as backend:
        share = backend.shares.create(size=2, name='one')
        snapshot = share.snapshot('first')
        change = backend.registry.snapshots.change
        record = change(snapshot._record, status='deleting')
        report = backend.audit()
        assert [one.repair for one in report.differences] == ['snapshot']
        before = place.cluster.inventory()
        [(_, why)] = repaired_behind(
            backend, report, share.id,
            lambda: change(record, status='available'))
        assert 'has changed since the audit' in why
        assert place.cluster.inventory() == before
