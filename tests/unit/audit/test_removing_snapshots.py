# SPDX-License-Identifier: Apache-2.0

"""Orphan shares never take snapshots along that nobody has named."""

import pytest

from manila_drivers import exception
from tests.unit.direct import bench


@pytest.fixture(params=['vast', 'gluster', 'ces', 'generic'])
def place(request, tmp_path):
    more = {'vast_delete_with_snapshots': True} \
        if request.param == 'vast' else {}
    with bench.bench(request.param, tmp_path) as made:
        bench.write(made.conf, {
            made.kind: {'driver_handles_share_servers': False,
                        **made.cluster.options(), **more},
            **made.cluster.sections()}, state_path=tmp_path)
        yield made


def orphans(backend):
    """Return the ids of a share, and of its snapshot, that nobody records."""
    share = backend.shares.create(size=1, name='one')
    snapshot = share.snapshot('first')
    backend.registry.snapshots.remove(snapshot._record)
    backend.registry.shares.remove(share._record)
    return share.id, snapshot.id


def test_a_share_goes_with_its_snapshots_only_if_they_are_named(place):
    with place.backend() as backend:
        share, snapshot = orphans(backend)
        report, before = backend.audit(), place.cluster.inventory()
        for work in (backend.repair_plan, backend.repair):
            with pytest.raises(exception.InvalidRequest, match=snapshot):
                work(report, [share])
        assert place.cluster.inventory() == before
        plan = backend.repair_plan(report, [share, snapshot])
        assert all(any(ident in line for line in plan)
                   for ident in (share, snapshot))
        assert place.cluster.inventory() == before
        assert backend.repair(report, [share, snapshot]) == []
        assert backend.audit().differences == ()


def test_snapshots_that_came_since_the_audit_stay(place):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        other = backend.shares.create(size=1, name='two')
        record = share._record
        backend.registry.shares.remove(record)
        backend.registry.shares.remove(other._record)
        report = backend.audit()
        # Somebody else takes one.
        backend.registry.shares.add(record)
        snapshot = share.snapshot('first')
        backend.registry.snapshots.remove(snapshot._record)
        backend.registry.shares.remove(record)
        before = place.cluster.inventory()
        [(one, why)] = backend.repair(report, [other.id, share.id])
        assert (one.ident, 'which would go with it' in why) == (
            share.id, True)
        left = {one.ident for one in backend.audit().differences}
        assert left == {share.id, snapshot.id}
        assert {one for one in place.cluster.inventory()
                if share.id in str(one)} == {
            one for one in before if share.id in str(one)}
