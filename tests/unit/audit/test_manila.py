# SPDX-License-Identifier: Apache-2.0

"""An audit against Manila's lists finds damage, and nothing that is none."""

import collections
import contextlib
import types
import uuid

import pytest

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.audit import manila_view
from manila_drivers.direct import manila_auditing
from manila_drivers.direct import manila_rules
from manila_drivers.manila_api import client
from manila_drivers.manila_api import records
from manila_drivers.vastdata import inventory as listing
from tests.unit.audit import api_sim
from tests.unit.audit import planted
from tests.unit.direct import bench

D = differences
#: Damage of the registry, which Manila has not.
OF_REGISTRY = ('snapshot lost', 'resize cut off', 'creation cut off',
               'deletion cut off', 'rule being given', 'rule being taken',
               'snapshot being taken', 'snapshot being removed')
PLANTS = {name: plant for name, plant in planted.PLANTS.items()
          if name not in OF_REGISTRY}


class Site:
    """A simulated cluster, and the Manila that its shares belong to."""

    def __init__(self, place):
        self.place, self.sim = place, place.cluster.sim
        self.manila = api_sim.ManilaSim()

    def share(self, name='', network=planted.NETWORK, **more):
        """Make a share as Manila's driver does, and note it in Manila."""
        with self.place.backend() as backend:
            made = backend.shares.create(
                size=2, name=name or f'share {uuid.uuid4()}')
            if network:
                made.allow(network)
            found = types.SimpleNamespace(
                id=made.id, locations=list(made.locations))
        ident = self.manila.add(found.id, name=name,
                                paths=found.locations, **more)
        if network:
            self.manila.allow(ident, network)
        return found

    def snapshot(self, share):
        with self.place.backend() as backend:
            taken = backend.shares.get(share.id).snapshot(str(uuid.uuid4()))
        self.manila.snapshot(taken.id, share.id)
        return taken.id

    @contextlib.contextmanager
    def audit(self, host='ctl@vast'):
        """Open an audit as a process of its own does."""
        audit = manila_auditing.ManilaAudit.of(
            self.place.conf, 'vast', self.manila, host)
        with contextlib.closing(audit):
            yield audit

    def look(self, host='ctl@vast'):
        with self.audit(host) as audit:
            return audit.audit()


@pytest.fixture
def site(tmp_path):
    with bench.bench('vast', tmp_path) as place:
        yield Site(place)


def kinds(report):
    return sorted(one.kind for one in report.differences)


def healthy(site):
    """Make shares in every state that is as it should be."""
    site.share('plain')
    site.share('no rule', network='')
    site.share('no name, and another pool')
    kept = site.share('with a snapshot')
    site.snapshot(kept)
    bin_ = site.share('in the recycle bin')
    site.manila.shares[site.manila.of(bin_.id)]['removed'] = True
    # Not of this backend, and not on it.
    site.manila.add(str(uuid.uuid4()), host='ctl@other#vast')


def test_healthy_shares_have_no_finding(site):
    healthy(site)
    mark = site.place.cluster.mark()
    report = site.look()
    assert report.differences == report.unseen == report.passed == ()
    assert (report.shares, report.listed) == (5, 5)
    assert [line for line in site.place.cluster.requests(mark)
            if not line.startswith('GET') and 'token' not in line
            and 'stat_path' not in line] == []


@pytest.mark.turns
@pytest.mark.parametrize('name', PLANTS)
def test_each_damage_is_found_once(site, name):
    plant = PLANTS[name]
    site.snapshot(site.share('neighbour', network='198.51.100.0/24'))
    share = site.share('victim')
    plant.work(site.place, share)
    before = site.place.cluster.inventory()
    with site.audit() as audit:
        report = audit.audit()
        assert kinds(report) == sorted(plant.kinds), report.differences
        assert (report.unseen, report.passed) == ((), ())
        assert all(one.do for one in report.differences)
        assert site.place.cluster.inventory() == before
        assert bool(audit.repair_plan(report)) == plant.mended
        assert site.place.cluster.inventory() == before
        told = site.manila.told()
        assert audit.repair(report, widen=True) == []
        assert kinds(audit.audit()) == (
            [] if plant.mended else sorted(plant.kinds))
    assert site.manila.told() == told


def test_all_at_once_are_found(site):
    healthy(site)
    for name, plant in PLANTS.items():
        plant.work(site.place, site.share(f'victim of {name}'))
    report = site.look()
    assert collections.Counter(kinds(report)) == collections.Counter(
        kind for plant in PLANTS.values() for kind in plant.kinds), [
            str(one) for one in report.differences]
    assert report.unseen == ()


def test_a_lost_snapshot_is_found(site):
    share = site.share('victim')
    site.sim.remove('snapshot', f'share-snapshot-{site.snapshot(share)}')
    site.snapshot(share)
    assert kinds(site.look()) == [D.LOST_SNAPSHOT]


def test_what_failed_in_manila_is_told(site):
    share, gone = site.share('broken'), str(uuid.uuid4())
    site.manila.instances[share.id]['status'] = 'extending_error'
    # Nothing was made of it, and nothing is lost.
    site.manila.add(gone, status='error')
    site.manila.snapshot(str(uuid.uuid4()), share.id, 'error')
    assert kinds(site.look()) == [
        D.UNFINISHED_SHARE, D.UNFINISHED_SHARE, D.UNFINISHED_SNAPSHOT]
    # Who gets in is told of it all the same.
    planted.PLANTS['open to all'].work(site.place, share)
    assert D.WIDER in kinds(site.look())


# -- in work -----------------------------------------------------------------

@pytest.mark.turns
@pytest.mark.parametrize('status', [
    'creating', 'creating_from_snapshot', 'deleting', 'deferred_deleting',
    'extending', 'shrinking', 'reverting', 'manage_starting', 'ensuring',
    'migrating_to', 'something of a release to come'])
def test_what_manila_works_on_is_no_damage(site, status):
    damage = ('share lost', 'larger', 'open to all')
    for name in damage:
        share = site.share(name)
        site.manila.instances[share.id]['status'] = status
        planted.PLANTS[name].work(site.place, share)
    report = site.look()
    assert (report.differences, report.unseen) == ((), ())
    assert [line.partition(' (')[0] for line in report.passed] == [
        f'share {name}' for name in sorted(damage)]
    assert all(line.endswith(f'is in work: {status}')
               for line in report.passed)


def test_rules_in_work_admit_and_miss_nobody(site):
    share = site.share('victim')
    ident = site.manila.of(share.id)
    site.manila.allow(ident, '203.0.113.7', state='queued_to_apply')
    site.manila.allow(ident, '203.0.113.8', state='denying')
    for names in ([planted.NETWORK, '203.0.113.8'],
                  [planted.NETWORK, '203.0.113.7'], []):
        planted.access(*names)(site.place, share)
        report = site.look()
        assert report.differences == ()
        assert report.passed == (
            f'rules of share victim ({ident}) are in work',)
    planted.access('*')(site.place, share)
    assert kinds(site.look()) == [D.WIDER]


def test_a_rule_in_error_admits_nobody(site):
    share = site.share('victim')
    site.manila.allow(site.manila.of(share.id), '203.0.113.7',
                      state='error')
    assert site.look().differences == ()
    planted.access(planted.NETWORK, '203.0.113.7')(site.place, share)
    assert kinds(site.look()) == [D.WIDER]


def test_rules_that_are_cast_let_nobody_write(site):
    share = site.share('victim')
    site.manila.instances[share.id]['cast_rules_to_readonly'] = True
    assert kinds(site.look()) == [D.WIDER]
    planted.access(read=[planted.NETWORK])(site.place, share)
    assert site.look().differences == ()


def test_what_changes_meanwhile_is_not_judged(site):
    share = site.share('victim')
    planted.PLANTS['larger'].work(site.place, share)
    new = str(uuid.uuid4())
    site.sim.make_share(new)

    def before(path):
        if path == '/services':
            site.manila.instances[share.id]['updated_at'] = 'later'
            site.manila.add(new, name='new')
    site.manila.before = before
    report = site.look()
    assert report.differences == ()
    assert len(report.passed) == 2
    assert all(line.endswith('is in work: it was changed meanwhile')
               for line in report.passed)
    site.manila.before = lambda path: None
    assert D.SIZE in kinds(site.look())


# -- not told ----------------------------------------------------------------

def all_damage(site):
    """Plant what would be told of anything that is not seen."""
    share = site.share('victim')
    site.sim.remove('snapshot', f'share-snapshot-{site.snapshot(share)}')
    for name in ('orphan share', 'orphan snapshot'):
        planted.PLANTS[name].work(site.place, share)
    planted.PLANTS['open to all'].work(site.place, share)
    planted.PLANTS['larger'].work(site.place, share)
    planted.PLANTS['quota lost'].work(site.place, site.share('other'))
    return share


EVERYTHING = sorted([D.LOST_SNAPSHOT, D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT,
                     D.WIDER, D.SIZE, D.LOST_PART])
#: What is not said any more, by the list that was not told.
NOT_SAID = {
    '/snapshot-instances/detail': {D.LOST_SNAPSHOT, D.ORPHAN_SNAPSHOT},
    '/share-access-rules': {D.WIDER},
    '/shares/detail': {D.SIZE, D.LOST_PART},
    '/types': {D.LOST_PART},
    '/services': set()}


@pytest.mark.turns
@pytest.mark.parametrize('path', NOT_SAID)
@pytest.mark.parametrize('fault', [api_sim.denied, api_sim.missing,
                                   api_sim.broken])
def test_what_is_not_told_is_not_seen(site, path, fault):
    all_damage(site)
    assert kinds(site.look()) == EVERYTHING
    site.manila.faults[path] = fault(path)
    report = site.look()
    assert kinds(report) == [kind for kind in EVERYTHING
                             if kind not in NOT_SAID[path]]
    assert any(path in line for line in report.unseen), report.unseen


@pytest.mark.parametrize('fault', [api_sim.denied, api_sim.missing,
                                   api_sim.broken])
def test_without_instances_nothing_is_said(site, fault):
    all_damage(site)
    site.manila.faults['/share_instances'] = fault('/share_instances')
    with pytest.raises(exception.BackendError):
        site.look()


def only(key, value, change):
    """Fail the requests for one list with this in the query alone."""
    def fault(answer, query):
        if query.get(key) == value:
            change(answer)
        return answer
    return fault


def test_a_recycle_bin_that_is_not_told_hides_orphans(site):
    all_damage(site)
    site.manila.faults['/share_instances'] = only(
        'is_soft_deleted', 'true', lambda answer: answer.clear())
    report = site.look()
    assert kinds(report) == [kind for kind in EVERYTHING
                             if kind != D.ORPHAN_SHARE]
    assert any('recycle bin' in line for line in report.unseen)


def test_a_row_that_cannot_be_read_hides_orphans(site):
    all_damage(site)
    site.manila.faults['/share_instances'] = only(
        'is_soft_deleted', None,
        lambda answer: answer['share_instances'].append({'id': 'x'}))
    report = site.look()
    assert kinds(report) == [kind for kind in EVERYTHING
                             if kind != D.ORPHAN_SHARE]


def test_a_rule_that_is_hidden_is_not_seen(site):
    share = site.share('victim', network='')
    planted.access('203.0.113.7')(site.place, share)
    site.manila.allow(site.manila.of(share.id), records.HIDDEN)
    report = site.look()
    assert report.differences == ()
    assert 'access rules of 1 shares' in report.unseen[0]


def test_rules_are_not_asked_for_in_vain(site):
    for _ in range(12):
        site.share()
    site.manila.faults['/share-access-rules'] = api_sim.denied('/rules')
    report = site.look()
    assert site.manila.asked.count('/share-access-rules') <= \
        manila_rules.AT_ONCE
    assert report.differences == ()
    assert [line[:28] for line in report.unseen] == [
        'access rules of 12 shares: G']


def test_types_without_all_specs_are_not_used(site):
    share = site.share('victim')
    planted.PLANTS['quota lost'].work(site.place, share)
    site.manila.types['plain']['extra_specs'] = {'snapshot_support': 'True'}
    report = site.look()
    assert report.differences == ()
    assert len(report.unseen) == 2


def test_another_manila_is_refused(site):
    site.share('victim')
    with pytest.raises(exception.ConfigurationError, match='ctl@elsewhere'):
        site.look('ctl@elsewhere')
    site.manila.faults['/services'] = api_sim.denied('/services')
    with pytest.raises(exception.AccessDenied):
        site.look('ctl@elsewhere')


def test_a_hostile_name_stays_in_its_line(site):
    share = site.share('victim')
    site.manila.shares[site.manila.of(share.id)]['name'] = \
        'red \x1b[31m\nnews'
    planted.PLANTS['larger'].work(site.place, share)
    [one] = site.look().differences
    assert one.subject.isprintable()


# -- pages -------------------------------------------------------------------

def pages(manila, size, **more):
    return client.ManilaLists(manila, size).shares(api_sim.POOL, **more)


def many(count, twice=()):
    manila = api_sim.ManilaSim()
    for number in range(count):
        ident = manila.add(str(uuid.uuid4()), name=str(number))
        if number in twice:
            # Another instance on the same host, as while it migrates.
            other = str(uuid.uuid4())
            manila.instances[other] = {**next(
                row for row in manila.instances.values()
                if row['share_id'] == ident), 'id': other}
    return manila


@pytest.mark.parametrize(('count', 'size', 'most', 'requests'), [
    (0, 10, 1000, 1), (9, 10, 1000, 1), (10, 10, 1000, 1),
    (11, 10, 1000, 2), (45, 1000, 10, 5), (200, 1000, 1000, 1)])
def test_pages_are_read_to_their_end(count, size, most, requests):
    manila = many(count)
    manila.most = most
    found = pages(manila, size)
    assert (len(found.found), found.unread) == (count, ())
    assert len(manila.asked) == requests


@pytest.mark.parametrize('twice', [range(20), range(0, 20, 3), (0, 1, 2)])
def test_shares_with_two_instances_shorten_pages(twice):
    found = pages(many(20, twice), 4)
    assert (len(found.found), found.unread) == (20, ())


def test_pages_that_repeat_are_told():
    manila = many(30)
    manila.most = 10
    first = {}

    def repeats(answer, query):
        return first.setdefault('answer', answer)
    manila.faults['/shares/detail'] = repeats
    found = pages(manila, 10)
    assert len(found.found) == 10
    assert 'once more; 10 of 30' in found.unread[0]
    assert len(manila.asked) == 2


def test_pages_that_end_too_early_are_told():
    manila = many(30)

    def cut(answer, query):
        if int(query['offset']) >= 10:
            answer['shares'] = []
        return answer
    manila.faults['/shares/detail'] = cut
    found = pages(manila, 10)
    assert len(found.found) == 10
    assert 'counts 30, and tells 10' in found.unread[0]


def test_shares_of_a_page_that_was_cut_are_not_lost(site):
    for number in range(4):
        share = site.share(f'share {number}')
        planted.PLANTS['larger'].work(site.place, share)

    def cut(answer, query):
        answer['shares'] = answer['shares'][:1] \
            if query['offset'] == '0' else []
        return answer
    site.manila.faults['/shares/detail'] = cut
    report = site.look()
    assert kinds(report) == [D.SIZE]
    assert any('size and name of 3 shares' in line
               for line in report.unseen)


# -- negative controls -------------------------------------------------------

BLIND = {
    'recycle bin': (client.ManilaLists, 'removed',
                    lambda self: client.ApiList()),
    'empty': (listing.VastInventory, 'read',
              lambda self, known: manila_auditing.inventory.Inventory({})),
    'work': (manila_view, 'work', lambda instance: ''),
    'untold': (manila_view, '_known', lambda *each: True),
    'cast': (manila_view, '_rule', lambda instance, rule:
             manila_view.records.RuleEntry(
                 rule.id, instance.id, rule.kind, rule.target, rule.level,
                 rule.state))}
CATCHES = {
    'recycle bin': test_healthy_shares_have_no_finding,
    'empty': test_healthy_shares_have_no_finding,
    'work': lambda site: test_what_manila_works_on_is_no_damage(
        site, 'creating'),
    'untold': test_a_rule_that_is_hidden_is_not_seen,
    'cast': test_rules_that_are_cast_let_nobody_write}


@pytest.mark.parametrize('name', BLIND)
def test_an_audit_that_forgets_something_is_caught(site, monkeypatch, name):
    monkeypatch.setattr(*BLIND[name])
    with pytest.raises(AssertionError):
        CATCHES[name](site)
