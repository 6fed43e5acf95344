# SPDX-License-Identifier: Apache-2.0

"""Every operation ended at every place, by kill -9, and then repeated.

A place is before and after each transaction of the registry and each request
to the backend.
"""

import collections
import os

import pytest

from manila_drivers import exception
from tests.unit.direct import bench

#: All places are played where the random suites are played whole.
STEP = 1 if os.environ.get('MANILA_DRIVERS_SCALE') == '1' else 4
NETWORK, OTHER, CLIENT = bench.TARGETS['vast']


def create(backend):
    backend.shares.create(size=2, name='one')


def clone(backend):
    backend.snapshots.get('first').clone('two').wait(timeout=60)


def extend(backend):
    backend.shares.get('one').resize(4)


def shrink(backend):
    backend.shares.get('one').resize(1)


def allow(backend):
    backend.shares.get('one').allow(NETWORK, 'ro')


def narrow(backend):
    backend.shares.get('one').allow(OTHER, 'ro')


def deny(backend):
    backend.shares.get('one').deny(OTHER)


def snapshot(backend):
    backend.shares.get('one').snapshot('second')


def unsnapshot(backend):
    try:
        backend.snapshots.get('first').delete()
    except exception.NotFound:
        pass


def delete(backend):
    try:
        backend.shares.get('other').delete()
    except exception.NotFound:
        pass


def release(backend):
    try:
        backend.shares.get('other').release()
    except exception.NotFound:
        pass


def adopt(backend, export=''):
    backend.shares.adopt(export, 'old')


def adopt_snapshot(backend, location=''):
    backend.shares.get('one').adopt_snapshot(location, 'old')


def release_snapshot(backend):
    try:
        backend.snapshots.get('first').release()
    except exception.NotFound:
        pass


OPERATIONS = [create, clone, extend, shrink, allow, narrow, deny, snapshot,
              unsnapshot, delete, release, adopt, adopt_snapshot,
              release_snapshot]


def told(backend):
    """Everything that is recorded, but for ids and times."""
    return sorted(
        (share.name, share.size, share.status, share.failure,
         tuple(sorted((rule.to, rule.level, rule.state)
                      for rule in share.rules)),
         tuple(sorted((one.name, one.status) for one in share.snapshots)))
        for share in backend.shares)


def prepared(backend, operation):
    """Lead a fresh registry to where an operation makes sense."""
    if operation is not create:
        one = backend.shares.create(size=2, name='one')
        one.allow(OTHER)
        one.snapshot('first')
        backend.shares.create(size=1, name='other')
    if operation is adopt:
        released = backend.shares.create(size=3, name='old')
        released.release()
        return lambda backend: adopt(backend, released.locations[0])
    if operation is adopt_snapshot:
        taken = one.snapshot('released')
        location = taken._record.location
        taken.release()
        return lambda backend: adopt_snapshot(backend, location)
    return operation


def emptied(backend, exports, snapshots=()):
    """Remove everything, also what was released."""
    for location in snapshots:
        if backend.snapshots.list() == []:
            backend.shares.get('one').adopt_snapshot(location)
    recorded = {share.locations[0] for share in backend.shares}
    for export in exports:
        if export not in recorded:
            backend.shares.adopt(export)
    for share in backend.shares:
        for taken in share.snapshots:
            taken.delete()
    for share in backend.shares:
        share.delete()


def played(operation, place, monkeypatch, at):
    """Play an operation, ended at a place; return what is there then.

    :returns: what is recorded, who has access, kinds of what is on the
        cluster with how many there are; whether it was ended; and how many
        places there were.
    """
    url = f'sqlite:///{place.conf.parent}/{at}.sqlite3'
    with place.backend(registry=url) as backend:
        work = prepared(backend, operation)
        exports = ([backend.shares.get('other').locations[0]]
                   if operation is release else [])
        snapshots = ([backend.snapshots.get('first')._record.location]
                     if operation is release_snapshot else [])
    died = False
    with monkeypatch.context() as patch:
        death = bench.Death(patch, at)
        try:
            work(place.backend(registry=url))
        except bench.Killed:
            died = True
        places = death.places
    with place.backend(registry=url) as backend:
        if died:
            work(backend)
        seen = told(backend)
        levels = {(share.name, client): place.level(share, client)
                  for share in backend.shares for client in (CLIENT, OTHER)}
        kinds = collections.Counter(
            item[0] for item in place.cluster.inventory())
        emptied(backend, exports, snapshots)
    return (seen, levels, kinds), died, places


@pytest.mark.turns
@pytest.mark.timeout(500)
@pytest.mark.parametrize('operation', OPERATIONS,
                         ids=[one.__name__ for one in OPERATIONS])
def test_a_repeated_operation_converges(operation, tmp_path, monkeypatch):
    with bench.bench('vast', tmp_path) as place:
        wanted, died, places = played(operation, place, monkeypatch, None)
        assert not died
        assert places > 10
        left = place.cluster.inventory()
        for at in range(0, places, STEP):
            found, died, _ = played(operation, place, monkeypatch, at)
            assert died
            assert found == wanted, f'ended at {at} of {places}'
            assert place.cluster.inventory() == left
        assert left == place.empty
