# SPDX-License-Identifier: Apache-2.0

"""An audit finds each damage once, and nothing on healthy shares."""

import collections
import json

import pytest

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from manila_drivers.cli import main
from manila_drivers.vastdata import health
from manila_drivers.vastdata import inventory as listing
from tests.unit.audit import planted
from tests.unit.direct import bench

PLANTS = planted.PLANTS


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def healthy(backend):
    """Make shares in every state that is as it should be."""
    plain = backend.shares.create(size=2, name='plain')
    two = backend.shares.create(size=2, name='two rules')
    two.allow('198.51.100.0/24')
    two.allow('198.51.100.7', level='ro')
    backend.shares.create(size=2, name='no rule').snapshot('kept')
    plain.allow('192.0.2.128/25')
    plain.allow('192.0.2.0/25')
    backend.snapshots.get('kept').clone('clone').wait()


def neighbour(backend):
    share = backend.shares.create(size=2, name='neighbour')
    share.allow('198.51.100.0/24')
    share.snapshot('kept')


def victim(backend, name='victim'):
    share = backend.shares.create(size=2, name=name)
    share.allow(planted.NETWORK)
    return share


def kinds(report):
    return sorted(one.kind for one in report.differences)


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not line.startswith('GET') and 'token' not in line
            and 'stat_path' not in line]


def test_healthy_shares_have_no_finding(place):
    with place.backend() as backend:
        healthy(backend)
        mark = place.cluster.mark()
        report = backend.audit()
        assert report.differences == report.unseen == report.passed == ()
        assert (report.shares, report.listed) == (4, 4)
        assert changing(place, mark) == []


@pytest.mark.turns
@pytest.mark.parametrize('name', PLANTS)
def test_each_damage_is_found_once_and_mended(place, name):
    plant = PLANTS[name]
    with place.backend() as backend:
        neighbour(backend)
        share = victim(backend)
        plant.work(place, share)
        before, mark = place.cluster.inventory(), place.cluster.mark()
        report = backend.audit()
        assert kinds(report) == sorted(plant.kinds), report.differences
        assert changing(place, mark) == []
        assert place.cluster.inventory() == before
        lines = backend.repair_plan(report)
        assert changing(place, mark) == []
        assert bool(lines) == plant.mended
        assert backend.repair(report, widen=True) == []
        after = backend.audit()
        assert kinds(after) == ([] if plant.mended
                                else sorted(plant.kinds)), after.differences
        if plant.kinds[0].startswith('orphan'):
            assert place.cluster.inventory() == before


@pytest.mark.turns('all damages at once')
def test_all_at_once_are_found_and_mended(place):
    # What is there once in a cluster is planted once.
    names = [name for name in PLANTS if name not in (
        'snapshot being taken', 'snapshot being removed')]
    with place.backend() as backend:
        healthy(backend)
        victims = {name: victim(backend, f'victim of {name}')
                   for name in names}
        for name in names:
            PLANTS[name].work(place, victims[name])
        report = backend.audit()
        expected = collections.Counter(
            kind for name in names for kind in PLANTS[name].kinds)
        assert collections.Counter(kinds(report)) == expected, [
            str(one) for one in report.differences]
        assert report.unseen == ()
        assert not {one.subject for one in report.differences} & {
            f'share {name}' for name in ('plain', 'two rules', 'no rule',
                                         'clone')}
        assert backend.repair(report, widen=True) == []
        left = collections.Counter(
            kind for name in names if not PLANTS[name].mended
            for kind in PLANTS[name].kinds)
        assert collections.Counter(kinds(backend.audit())) == left


def test_access_is_what_the_rules_say_after_a_repair(place):
    with place.backend() as backend:
        share = victim(backend)
        PLANTS['open to all'].work(place, share)
        assert place.level(share, '203.0.113.9') == 'rw'
        backend.repair(backend.audit())
        assert place.level(share, '203.0.113.9') is None
        assert place.level(share) == 'rw'


def test_no_limit_goes_below_what_is_in_use(place):
    with place.backend() as backend:
        share = victim(backend)
        PLANTS['larger'].work(place, share)
        place.cluster.fill(share.locations[0], 5 * planted.GIB)
        [(one, why)] = backend.repair(backend.audit())
        assert (one.kind, 'in use' in why) == ('size', True)
        assert place.limit(share) == 7 * planted.GIB
        assert kinds(backend.audit()) == ['size']


@pytest.mark.turns('cost of an audit')
def test_requests_do_not_grow_with_shares(place):
    counts = {}
    with place.backend() as backend:
        victim(backend)
        for many in (3, 60):
            while len(backend.shares.list()) < many:
                backend.shares.create(
                    size=1, name=f'more {len(backend.shares.list())}')
            backend.audit()
            mark = place.cluster.mark()
            assert backend.audit().differences == ()
            counts[many] = len(place.cluster.requests(mark))
    # Three lists of the check, and five of the audit.
    assert counts == {3: 8, 60: 8}


BLIND = {
    'open to all': (listing, '_clients', lambda policy: ()),
    'closed': (listing, '_clients', lambda policy: ()),
    'larger': (comparing._ShareAudit, 'size', lambda self: iter(())),
    'orphan quota': (comparing, '_orphans', lambda known, found: iter(())),
    'snapshot lost': (comparing, '_snapshots',
                      lambda known, found: iter(())),
    'copy still going on': (comparing._ShareAudit, 'copying',
                            lambda self: iter(())),
    'resize cut off': (comparing._ShareAudit, 'unfinished',
                       lambda self: iter(())),
    'a second view': (listing, '_mark_second_views',
                      lambda shares, all_views, named: None),
    'bound to another pool': (comparing._ShareAudit, 'others',
                              lambda self: iter(())),
}


@pytest.mark.turns
@pytest.mark.parametrize('name', BLIND)
def test_a_blind_audit_is_caught(place, monkeypatch, name):
    monkeypatch.setattr(*BLIND[name])
    with pytest.raises(AssertionError):
        test_each_damage_is_found_once_and_mended(place, name)


def test_lists_that_are_empty_are_no_clean_audit(place, monkeypatch):
    with place.backend() as backend:
        healthy(backend)
        monkeypatch.setattr(
            listing.VastInventory, 'read',
            lambda self, known: inventory.Inventory({}))
        assert kinds(backend.audit()).count(differences.LOST_SHARE) == 4


def test_a_driver_that_says_nothing_is_told(place, monkeypatch):
    with place.backend() as backend:
        healthy(backend)
        monkeypatch.setattr(health.Health, 'ensure', lambda self, calls: {})
        assert backend.audit().unseen == (
            '4 shares, of which the driver says nothing',)


def test_a_record_that_cannot_be_read_is_told(place):
    with place.backend() as backend:
        share = victim(backend)
        place.cluster.sim.change('quota', share.id, hard_limit='plenty')
        assert any('quotas' in text for text in backend.audit().unseen)


def test_what_somebody_works_on_is_not_judged(place):
    with place.backend() as backend:
        share = victim(backend)
        PLANTS['resize cut off'].work(place, share)
        with backend.registry.leases.hold([f'share {share.id}'], 1):
            report = backend.audit()
        assert report.differences == ()
        assert report.passed == ('share victim is worked on',)
        assert kinds(backend.audit()) == [differences.UNFINISHED_SHARE]


def test_what_changes_meanwhile_is_not_judged(place, monkeypatch):
    read = listing.VastInventory.read
    with place.backend() as backend:
        share = victim(backend)

        def late(self, known):
            found = read(self, known)
            backend.shares.get('victim').extend(5)
            backend.shares.create(size=1, name='new')
            return found
        monkeypatch.setattr(listing.VastInventory, 'read', late)
        report = backend.audit()
        assert report.differences == ()
        assert len(report.passed) == 2
        assert share.refresh().size == 5


def test_shares_of_other_backends_are_nobodys_orphans(place):
    sim = place.cluster.sim
    sim.make_directory('/others')
    sim.make_share('1c3e0a52-6a4e-4b62-8e1f-0d9c7d0f9a11', root='others')
    sim.make_share('not-an-id')
    sim.add_tenant('other')
    sim.make_share('1c3e0a52-6a4e-4b62-8e1f-0d9c7d0f9a12', tenant='other')
    with place.backend() as backend:
        assert backend.audit().differences == ()


def test_clients_of_an_adopted_share_are_its_own(place):
    with place.backend() as backend:
        share = victim(backend)
        export = share.locations[0]
        share.release()
        adopted = backend.shares.adopt(export, 'again')
        assert backend.audit().differences == ()
        adopted.allow('203.0.113.0/24')
        assert backend.audit().differences == ()


def test_a_clone_that_is_adopted_is_no_orphan(place):
    with place.backend() as backend:
        snapshot = victim(backend).snapshot('zero')
        clone = snapshot.clone('copy').wait()
        export = clone.locations[0]
        clone.release()
        adopted = backend.shares.adopt(export, 'again')
        assert backend.audit().differences == ()
        adopted.delete()
        assert backend.audit().differences == ()


# -- the command -------------------------------------------------------------

@pytest.fixture
def run(place, capsys):
    def call(*words):
        code = main.main(['--config-file', str(place.conf), 'audit', *words])
        told = capsys.readouterr()
        return code, told.out, told.err
    return call


def test_the_command_tells_by_its_exit_code(place, run):
    with place.backend() as backend:
        share = victim(backend)
    code, out, err = run('-f', 'json')
    assert (code, json.loads(out)) == (0, [])
    assert '1 shares recorded, 1 on the backend' in err
    PLANTS['larger'].work(place, share)
    PLANTS['orphan share'].work(place, share)
    code, out, _ = run('-f', 'json')
    found = json.loads(out)
    assert code == 1
    assert [one['Kind'] for one in found] == ['size', 'orphan share']
    assert (found[0]['Expected'], found[0]['Found']) == ('2 GiB', '7 GiB')
    assert all(all(one.values()) for one in found)
    place.cluster.stop()
    assert run('-f', 'json')[0] == 2


def test_a_repair_is_shown_and_asked_for(place, run, monkeypatch):
    with place.backend() as backend:
        share = victim(backend)
    PLANTS['larger'].work(place, share)
    PLANTS['orphan share'].work(place, share)
    before = place.cluster.inventory()

    class Answer:
        def __init__(self, text):
            self.readline = lambda: text
    for text in ('', 'n\n'):
        monkeypatch.setattr('sys.stdin', Answer(text))
        code, _, err = run('--repair')
        assert code == 1
        assert 'would do: shrink quota' in err
        assert place.limit(share) == 7 * planted.GIB
    code, out, _ = run('--repair', '--yes', '-f', 'json')
    assert code == 1
    assert [one['Kind'] for one in json.loads(out)] == ['orphan share']
    assert place.limit(share) == 2 * planted.GIB
    assert place.cluster.inventory() == before


def test_a_driver_without_lists_cannot_be_audited(place):
    with place.backend() as backend:
        backend.audit()
        del backend._parts.driving.driver._backend.inventory
        with pytest.raises(exception.Unsupported):
            backend.audit()
