# SPDX-License-Identifier: Apache-2.0

"""Audits against Manila's lists, and repairs, for each kind of backend.

``test_manila.py`` has VAST, damage by damage.
"""

import collections
import contextlib
import types
import uuid

import pytest

from manila_drivers import owed
from manila_drivers.audit import differences
from manila_drivers.direct import manila_auditing
from manila_drivers.direct import manila_repairing
from tests.unit.audit import api_plants
from tests.unit.audit import api_sim
from tests.unit.audit import generic_planted
from tests.unit.audit import gluster_planted
from tests.unit.audit import gpfs_planted
from tests.unit.direct import bench

D = differences
KINDS = ('vast', 'gluster', 'ces', 'knfs', 'gnfs', 'generic')


class Site:
    """A simulated backend, and the Manila that its shares belong to."""

    def __init__(self, kind, place):
        self.kind, self.place = kind, place
        self.plants = api_plants.of(kind)
        self.host = f'ctl@{kind}'
        self.manila = api_sim.ManilaSim(hosts=[self.host])
        self.proto = bench.PROTOCOLS[kind]

    def share(self, name):
        kind, to = api_plants.rule(self.kind)
        with self.place.backend() as backend:
            made = backend.shares.create(size=2, name=name, proto=self.proto)
            made.allow(to, kind=kind)
            found = types.SimpleNamespace(
                id=made.id, locations=list(made.locations))
        ident = self.manila.add(
            found.id, name=name, host=f'{self.host}#{self.kind}',
            paths=found.locations)
        self.manila.shares[ident]['share_proto'] = self.proto
        self.manila.allow(ident, to, kind=kind)
        return found

    def hurt(self, name, share):
        """Plant one damage; what is of the registry is of Manila here."""
        sizes = api_plants.SIZES.get(self.kind, {})
        if name in sizes:
            self.manila.shares[self.manila.of(share.id)]['size'] = sizes[name]
        else:
            self.plants[name].work(self.place, share)

    @contextlib.contextmanager
    def audit(self):
        """Open an audit as a process of its own does."""
        with contextlib.closing(manila_auditing.ManilaAudit.of(
                self.place.conf, self.kind, self.manila, self.host)) as found:
            yield found

    def inventory(self):
        return getattr(self.place, 'cluster', self.place).inventory()

    def without_notes(self):
        """Have nobody know what drivers have noted."""
        for file in self.place.conf.parent.glob('registry.sqlite3*'):
            file.unlink()


@pytest.fixture
def at(tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        def opened(kind):
            if kind == 'generic':
                return Site(kind, generic_planted.Place(
                    tmp_path, monkeypatch))
            if kind in gpfs_planted.PLANTS:
                return Site(kind, gpfs_planted.opened(
                    stack, kind, tmp_path, monkeypatch))
            if kind == 'gluster':
                return Site(kind, stack.enter_context(bench.bench(
                    kind, tmp_path, gluster_planted.cluster)))
            return Site(kind, stack.enter_context(bench.bench(
                kind, tmp_path)))
        yield opened


def kinds(report):
    return collections.Counter(one.kind for one in report.differences)


def told(report):
    return '\n'.join(map(str, report.differences))


@pytest.mark.turns
@pytest.mark.parametrize('kind', KINDS)
def test_damage_is_found_and_mended_without_a_word_to_manila(at, kind):
    site = at(kind)
    for name in ('plain', 'another'):
        site.share(name)
    victims = {name: site.share(f'victim of {name}') for name in site.plants}
    site.without_notes()
    with site.audit() as audit:
        report = audit.audit()
        assert (report.differences, report.unseen) == ((), ()), told(report)
    assert len(victims) >= 12
    for name in api_plants.ordered(victims):
        site.hurt(name, victims[name])
    before, rows = site.inventory(), site.manila.told()
    with site.audit() as audit:
        report = audit.audit()
        assert kinds(report) == collections.Counter(
            kind for plant in site.plants.values()
            for kind in plant.kinds), told(report)
        plan = audit.repair_plan(report)
        mended = [one for plant in site.plants.values() if plant.mended
                  for one in plant.kinds]
        assert plan
        assert site.inventory() == before
        assert audit.repair(report, widen=True) == []
    with site.audit() as audit:
        report = audit.audit()
        assert kinds(report) == collections.Counter(
            kind for plant in site.plants.values() if not plant.mended
            for kind in plant.kinds), told(report)
        assert len(mended) >= 4
    assert site.manila.told() == rows


def test_names_of_servers_that_nobody_knows_are_asked_for(at):
    """Tell all clients that get in, where the driver cannot turn them out."""
    site = at('gluster')
    share = site.share('victim')
    site.without_notes()
    gluster_planted.PLANTS['open to all'].work(site.place, share)
    with site.audit() as audit:
        report = audit.audit()
        assert set(kinds(report)) == {D.WIDER, D.NOT_SEEN}
        before = site.inventory()
        [(one, why)] = audit.repair(report)
        assert (one.kind, 'names of the servers' in why) == (D.WIDER, True)
        assert site.inventory() == before


@pytest.fixture
def site(at):
    return at('ces')


WIDE = 'another client'


def hurt(site, name=WIDE):
    share = site.share(f'victim of {name}')
    site.hurt(name, share)
    return share


def test_a_rule_that_goes_while_rules_are_given_admits_nobody(site):
    """Let Manila take a rule after its list was read, and before the call."""
    share = hurt(site)
    ident = site.manila.of(share.id)
    site.manila.allow(ident, '198.51.100.7')
    with site.audit() as audit:
        report = audit.audit()
        assert D.WIDER in kinds(report)
        asked = []

        def change(path):
            if path == '/share-access-rules':
                asked.append(path)
                if len(asked) == 2:
                    site.manila.rules[ident].pop()
        site.manila.before = change
        assert audit.repair(report, widen=True) == []
        assert len(asked) >= 3
        site.manila.before = lambda path: None
        assert audit.audit().differences == ()


def test_rules_that_manila_works_on_are_waited_for(site, monkeypatch):
    share = hurt(site)
    rule = site.manila.rules[site.manila.of(share.id)][0]
    with site.audit() as audit:
        report = audit.audit()
        rule['state'] = 'denying'
        waited = []

        def end(self):
            waited.append(self)
            rule['state'] = 'active'
        monkeypatch.setattr(
            manila_repairing.Repairing, 'sleep', end, raising=True)
        found = audit._repairing()
        object.__setattr__(found, 'sleep', end)
        assert found.run(report) == []
        assert len(waited) == 1
        assert audit.audit().differences == ()


def test_rules_that_never_rest_are_given_up(site, monkeypatch):
    share = hurt(site)
    rule = site.manila.rules[site.manila.of(share.id)][0]
    monkeypatch.setattr(manila_repairing, 'REST', 0.0)
    with site.audit() as audit:
        report = audit.audit()
        rule['state'] = 'applying'
        [(one, why)] = audit.repair(report)
        assert (one.ident, 'change all the time' in why) == (share.id, True)


@pytest.mark.parametrize('change', [
    lambda site, row: row.update(status='extending'),
    lambda site, row: row.update(status='error'),
    lambda site, row: row.update(host='ctl@other#other'),
    lambda site, row: site.manila.instances.pop(row['id'])])
def test_what_has_changed_since_is_not_touched(site, change):
    share = hurt(site)
    lost = hurt(site, 'junction lost')
    with site.audit() as audit:
        report = audit.audit()
        for one in (share, lost):
            change(site, site.manila.instances[one.id])
        before = site.inventory()
        assert len(audit.repair(report)) == 2
        assert site.inventory() == before


def test_a_size_that_changes_meanwhile_is_told(site):
    share = hurt(site, 'smaller')
    row = site.manila.instances[share.id]
    with site.audit() as audit:
        report = audit.audit()

        def change(path):
            if path.startswith('/shares/') and path != '/shares/detail':
                row['updated_at'] = 'later'
        site.manila.before = change
        [(_, why)] = audit.repair(report)
        assert 'was changed while it was repaired' in why


def test_without_rules_nothing_is_given(site):
    share = hurt(site)
    with site.audit() as audit:
        report = audit.audit()
        site.manila.faults['/share-access-rules'] = api_sim.denied('/rules')
        before = site.inventory()
        plan = audit.repair_plan(report)
        assert plan.lines == ()
        [(one, why)] = plan.unplanned
        assert (one.ident, 'HTTP 403' in why) == (share.id, True)
        assert [one.ident for one, _ in audit.repair(report)] == [share.id]
        assert site.inventory() == before


def test_an_orphan_is_never_touched(site):
    site.share('plain')
    site.hurt('orphan share', types.SimpleNamespace(id=str(uuid.uuid4())))
    with site.audit() as audit:
        report = audit.audit()
        assert kinds(report) == {D.ORPHAN_SHARE: 1}
        before = site.inventory()
        assert not audit.repair_plan(report)
        assert audit.repair(report, widen=True) == []
        assert site.inventory() == before


def test_a_share_without_rules_keeps_its_clients(site):
    """Manila asks nothing for it, and it may have been taken over."""
    share = site.share('adopted')
    site.manila.rules[site.manila.of(share.id)].clear()
    with site.audit() as audit:
        assert kinds(audit.audit()) == {D.WIDER: 1}
        repairing = audit._repairing()
        repairing._ended(repairing.view.instances[share.id],
                         {owed.RULES: True})
        assert kinds(audit.audit()) == {D.WIDER: 1}
