# SPDX-License-Identifier: Apache-2.0

"""An audit of GlusterFS finds each damage once, and no other."""

import collections
import uuid

import pytest

from manila_drivers.audit import differences
from manila_drivers.glusterfs import inventory as listing
from manila_drivers.testing.simulators.gluster import sim as simulated
from tests.unit.audit import gluster_planted
from tests.unit.direct import bench

D = differences
PLANTS = gluster_planted.PLANTS


@pytest.fixture
def place(tmp_path):
    with bench.bench('gluster', tmp_path, gluster_planted.cluster) as made:
        yield made


def healthy(backend):
    one = backend.shares.create(size=2, name='plain')
    one.allow('bob')
    one.snapshot('kept').clone('clone')
    backend.shares.create(size=2, name='no rule')


def victim(backend, name='victim'):
    share = backend.shares.create(size=2, name=name)
    share.allow('alice')
    return share


def kinds(report):
    return sorted(one.kind for one in report.differences)


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not any(word in line for word in (' info', ' list',
                                                 '--version', ' status',
                                                 '--xml 0'))]


@pytest.mark.turns
@pytest.mark.parametrize('name', PLANTS)
def test_each_damage_is_found_once_and_mended(place, name):
    plant = PLANTS[name]
    with place.backend() as backend:
        healthy(backend)
        share = victim(backend)
        assert backend.audit().differences == ()
        plant.work(place, share)
        before, mark = place.cluster.inventory(), place.cluster.mark()
        report = backend.audit()
        assert (kinds(report), report.unseen) == (
            sorted(plant.kinds), ()), report.differences
        assert bool(backend.repair_plan(report)) == plant.mended
        assert changing(place, mark) == []
        assert place.cluster.inventory() == before
        assert backend.repair(report, widen=True) == []
        after = backend.audit()
        assert kinds(after) == ([] if plant.mended
                                else sorted(plant.kinds)), after.differences


@pytest.mark.turns('all damages at once')
def test_all_at_once_are_found_and_mended(place):
    with place.backend() as backend:
        healthy(backend)
        victims = {name: victim(backend, name) for name in PLANTS}
        for name, plant in PLANTS.items():
            plant.work(place, victims[name])
        report = backend.audit()
        assert collections.Counter(kinds(report)) == collections.Counter(
            kind for plant in PLANTS.values() for kind in plant.kinds), [
                str(one) for one in report.differences]
        assert backend.repair(report, widen=True) == []
        assert collections.Counter(kinds(
            backend.audit())) == collections.Counter(
                kind for plant in PLANTS.values() if not plant.mended
                for kind in plant.kinds)


@pytest.mark.turns
@pytest.mark.parametrize(('name', 'what', 'instead'), [
    ('orphan snapshot', '_snapshots', lambda self, volumes, found: iter(())),
    ('larger', '_limits', lambda self, found, unread: {}),
    ('orphan share', '_has', lambda self, each: False)])
def test_a_blind_audit_is_caught(place, monkeypatch, name, what, instead):
    monkeypatch.setattr(listing.GlusterInventory, what, instead)
    with pytest.raises(AssertionError):
        test_each_damage_is_found_once_and_mended(place, name)


@pytest.mark.turns('cost of an audit')
def test_commands_do_not_grow_with_shares(place):
    counts = {}
    with place.backend() as backend:
        for many in (2, 12):
            while len(backend.shares.list()) < many:
                victim(backend, f'share {len(backend.shares.list())}')
            backend.audit()
            mark = place.cluster.mark()
            assert backend.audit().differences == ()
            counts[many] = len(place.cluster.requests(mark))
    assert counts[2] == counts[12] <= 4, counts


def test_other_volumes_are_nobodys_orphans(place):
    sim: simulated.GlusterSim = place.cluster.sim
    sim.make_volume('of-another-backend',
                    user__manila_share=str(uuid.uuid4()))
    with place.backend() as backend:
        share = victim(backend)
        share.release()
        assert backend.audit().differences == ()
