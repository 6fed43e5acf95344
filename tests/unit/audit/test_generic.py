# SPDX-License-Identifier: Apache-2.0

"""An audit of the Generic driver finds each damage once, and no other."""

import collections

import pytest

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.generic import inventory as listing
from manila_drivers.generic import inventory_guest
from manila_drivers.generic import inventory_share
from manila_drivers.openstack import volumes
from tests.unit.audit import generic_planted

PLANTS, SAMBA = generic_planted.PLANTS, generic_planted.SAMBA


@pytest.fixture
def place(tmp_path, monkeypatch):
    return generic_planted.Place(tmp_path, monkeypatch)


def healthy(place, backend):
    """Make shares in every state that is as it should be."""
    one = backend.shares.create(size=2, name='plain', proto='NFS')
    one.allow('198.51.100.0/24')
    one.allow('198.51.100.7', level='ro')
    clone = one.snapshot('kept').clone('clone')
    # Time passes only when somebody lets it.
    place.clock.sleep(600)
    clone.wait()
    backend.shares.create(size=2, name='no rule', proto='NFS')
    two = backend.shares.create(size=2, name='by Samba', proto='CIFS')
    two.allow('198.51.100.0/24', kind='ip')


def victim(backend, name='victim', proto='NFS'):
    share = backend.shares.create(size=2, name=name, proto=proto)
    share.allow(generic_planted.NETWORK, kind='ip')
    return share


def kinds(report):
    return sorted(one.kind for one in report.differences)


def changing(place, mark):
    requests, _ = place.requests(mark)
    return [line for line in requests if not line.startswith('GET')]


def found_and_mended(place, plant, proto='NFS'):
    with place.backend() as backend:
        healthy(place, backend)
        share = victim(backend, proto=proto)
        report = backend.audit()
        assert (report.differences, report.unseen) == ((), ())
        plant.work(place, share)
    # Another process looks.
    with place.backend() as backend:
        before, mark = place.inventory(), place.mark()
        report = backend.audit()
        assert (kinds(report), report.unseen) == (
            sorted(plant.kinds), ()), report.differences
        assert bool(backend.repair_plan(report)) == plant.mended
        assert changing(place, mark) == []
        assert place.inventory() == before
        assert backend.repair(report, widen=True) == []
        after = backend.audit()
        assert kinds(after) == ([] if plant.mended
                                else sorted(plant.kinds)), after.differences
        assert place.inventory() == before or plant.mended


@pytest.mark.turns
@pytest.mark.parametrize('name', PLANTS)
def test_each_damage_is_found_once_and_mended(place, name):
    found_and_mended(place, PLANTS[name])


@pytest.mark.turns
@pytest.mark.parametrize('name', SAMBA)
def test_each_damage_of_samba_is_found_once_and_mended(place, name):
    found_and_mended(place, SAMBA[name], 'CIFS')


@pytest.mark.turns('all damages at once')
def test_all_at_once_are_found_and_mended(place):
    names = [name for name in PLANTS if name not in (
        'all shares', 'a line in /etc/exports', 'export of nothing',
        # The driver's own check clears it away when it repairs others.
        'line of fstab left')]
    plants = {('NFS', name): PLANTS[name] for name in names}
    plants |= {('CIFS', name): plant for name, plant in SAMBA.items()}
    with place.backend() as backend:
        healthy(place, backend)
        victims = {key: victim(backend, f'victim of {key[1]} {key[0]}',
                               key[0]) for key in plants}
        for key, plant in plants.items():
            plant.work(place, victims[key])
    with place.backend() as backend:
        report = backend.audit()
        assert collections.Counter(kinds(report)) == collections.Counter(
            kind for plant in plants.values() for kind in plant.kinds), [
                str(one) for one in report.differences]
        assert not {one.subject for one in report.differences} & {
            f'share {name}' for name in ('plain', 'no rule', 'clone',
                                         'by Samba')}
        assert backend.repair(report, widen=True) == []
        assert collections.Counter(kinds(
            backend.audit())) == collections.Counter(
                kind for plant in plants.values() if not plant.mended
                for kind in plant.kinds)


@pytest.mark.turns('cost of an audit')
def test_requests_do_not_grow_with_shares(place):
    counts = {}
    with place.backend() as backend:
        victim(backend)
        for many in (3, 60):
            while len(backend.shares.list()) < many:
                backend.shares.create(
                    size=1, name=f'more {len(backend.shares.list())}',
                    proto='NFS')
            backend.audit()
            mark = place.mark()
            assert backend.audit().differences == ()
            requests, ran = place.requests(mark)
            counts[many] = len(requests), len(ran)
    assert counts[3] == counts[60], counts
    assert counts[3][0] <= 6, counts


BLIND = {
    'orphan volume': (listing.GenericInventory, '_owner',
                      lambda self, volume, known: ''),
    'orphan snapshot': (listing.GenericInventory, '_snapshots',
                        lambda self, listed, homes: ()),
    'another client': (inventory_share, 'by_exports',
                       lambda facts, path: ()),
    'smaller': (inventory_share, 'slack', lambda total: 1 << 60),
    'all shares': (inventory_guest, 'objects',
                   lambda found, root, places: ()),
    'second volume': (inventory_share, '_odd',
                      lambda volumes, host, server: ())}


@pytest.mark.turns
@pytest.mark.parametrize('name', BLIND)
def test_a_blind_audit_is_caught(place, monkeypatch, name):
    monkeypatch.setattr(*BLIND[name])
    with pytest.raises(AssertionError):
        found_and_mended(place, PLANTS[name])


# -- what could not be seen --------------------------------------------------

def test_an_instance_that_is_away_loses_nothing(place):
    with place.backend() as backend:
        healthy(place, backend)
        share = victim(backend)
        generic_planted.orphan(place, share)
        place.machine.freeze()
        report = backend.audit()
        assert set(kinds(report)) == {differences.NOT_SEEN,
                                      differences.ORPHAN_SHARE}
        assert kinds(report).count(differences.NOT_SEEN) == 5
        assert any('service instance' in text for text in report.unseen)


def test_exports_that_are_not_told_lose_nothing(place):
    with place.backend() as backend:
        share = victim(backend)
        place.run('rm', '-f', '--', '/var/lib/nfs/etab')
        report = backend.audit()
        assert differences.NOT_SEEN in kinds(report), report
        assert not {differences.LOST_SHARE, differences.NARROWER} & {
            one.kind for one in report.differences}
        assert any('exports' in text for text in report.unseen), share


def test_snapshots_that_are_not_listed_are_not_lost(place, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise exception.BackendError('The list of snapshots', answer='no')
    with place.backend() as backend:
        healthy(place, backend)
        monkeypatch.setattr(volumes.Volumes, 'snapshots', refuse)
        report = backend.audit()
        assert kinds(report) == [differences.NOT_SEEN]
        assert any('snapshots' in text for text in report.unseen)


def test_volumes_of_others_are_nobodys_orphans(place):
    with place.backend() as backend:
        healthy(place, backend)
        generic_planted.make_volume(place, '', 'somebody-elses')
        assert backend.audit().differences == ()
