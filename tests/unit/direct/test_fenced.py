# SPDX-License-Identifier: Apache-2.0

"""Each driver changes nothing more once the lease of a share is another's."""

import threading

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.registry import leases
from manila_drivers.registry import schema
from tests.unit.direct import bench

ELSEWHERE = 'far/boot-1/77/1234/abcd'


def steal(backend):
    with backend.registry.database.begin() as connection:
        connection.execute(schema.LEASES.update().values(owner=ELSEWHERE))


def stolen(backend, place, monkeypatch):
    """Give all leases away after the first change.

    :returns: changes that were made, and the backend at each that was not.
    """
    real, allowed, left = plan.before_change, [], []
    one_by_one = threading.Lock()

    def watched(what):
        # Servers are changed at once.
        with one_by_one:
            try:
                real(what)
            except exception.Busy:
                left.append(place.cluster.inventory())
                raise
            allowed.append(what)
            steal(backend)
    monkeypatch.setattr(plan, 'before_change', watched)
    return allowed, left


#: Kinds whose servers are changed at once: one of them while another is
#: refused.
SEVERAL = ('knfs', 'gnfs')
OPERATIONS = {
    'create': lambda backend, share: backend.shares.create(
        size=2, name='new', proto=share.proto),
    'allow': lambda backend, share: share.allow(
        bench.TARGETS[backend.name][1]),
    'delete': lambda backend, share: share.delete()}


@pytest.mark.turns('fences')
@pytest.mark.parametrize('operation', OPERATIONS)
@pytest.mark.parametrize('kind', bench.CLUSTERS)
def test_nothing_more_is_changed(kind, operation, tmp_path, monkeypatch):
    with bench.bench(kind, tmp_path) as place, place.backend() as backend:
        share = backend.shares.create(size=2, name='one', proto=place.proto)
        share.allow(bench.TARGETS[kind][0])
        with monkeypatch.context() as patch:
            allowed, left = stolen(backend, place, patch)
            _, error = exception.caught(
                lambda: OPERATIONS[operation](backend, share))
        after = place.cluster.inventory()
    assert len(allowed) == 1, allowed
    if error is None or not left:
        # One change is all that this takes.
        assert not left
        return
    if kind not in SEVERAL:
        assert set(map(repr, left)) == {repr(after)}
    assert 'has ended while it was held' in str(error)


def test_no_file_is_removed_by_a_mount_that_took_too_long(tmp_path,
                                                          monkeypatch):
    """Keep the content of a volume that is another's since it was mounted."""
    monkeypatch.setattr(leases, 'FRESH', 0.0)
    with bench.bench('gluster', tmp_path) as place, \
            place.backend() as backend:
        share = backend.shares.create(size=2, name='one', proto=place.proto)
        place.cluster.fill(share.locations[0], 5)
        with monkeypatch.context() as patch:
            real, mounted = plan.before_change, []

            def watched(what):
                real(what)
                if str(what).startswith('mount '):
                    mounted.append(what)
                    steal(backend)
            patch.setattr(plan, 'before_change', watched)
            _, error = exception.caught(share.delete)
        assert mounted
        assert 'has ended while it was held' in str(error)
        assert place.cluster.used(share.locations[0]) == 5
