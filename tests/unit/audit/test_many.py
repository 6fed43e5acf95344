# SPDX-License-Identifier: Apache-2.0

"""Audits against Manila's lists with 14 and with 200 shares.

One share is the driver's, the others are copies of it on the backend.  Copies
are healthy with each driver.
"""

import collections
import itertools
import time
import types

import pytest

from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from tests.unit.audit import api_plants
from tests.unit.audit import copies
from tests.unit.audit import test_manila_repair

D = differences
KINDS = ('gluster', 'knfs', 'gnfs', 'ces', 'generic')
COPIED = ('knfs', 'gnfs', 'ces', 'gluster', 'generic')
FEW, MANY = 14, 200
RULES = '/share-access-rules'

at = test_manila_repair.at


class Company:
    """A site with as many shares as one likes."""

    def __init__(self, site, monkeypatch):
        self.site = site
        self.cluster = getattr(site.place, 'cluster', site.place)
        if site.kind == 'generic':
            # Time passes there only when somebody lets it.
            monkeypatch.setattr(copies, 'time', types.SimpleNamespace(
                monotonic=time.monotonic,
                sleep=lambda seconds: site.place.clock.sleep(30)))
        if site.kind == 'gluster':
            for number in range(100, 100 + MANY):
                self.cluster.sim.make_volume(f'manila-volume-{number}')
        self.shares = [site.share('made by the driver')]
        site.without_notes()

    def grow(self, count):
        """Have so many shares, and enter all into Manila."""
        like, site = self.shares[0], self.site
        kind, to = api_plants.rule(site.kind)
        for ident, paths in copies.of(self.cluster, like.id, like.locations,
                                      count - len(self.shares)):
            share = site.manila.add(ident, host=f'{site.host}#{site.kind}',
                                    paths=paths)
            site.manila.shares[share]['share_proto'] = site.proto
            site.manila.allow(share, to, kind=kind)
            self.shares.append(types.SimpleNamespace(
                id=ident, locations=paths))

    def healthy(self):
        """Audit, and return what Manila and the backend were asked."""
        manila, place = self.site.manila, self.site.place
        marked = place if self.cluster is place else self.cluster
        with self.site.audit() as audit:
            audit.audit()
            mark = marked.mark()
            manila.asked.clear()
            report = audit.audit()
        assert (report.differences, report.unseen) == ((), ()), \
            test_manila_repair.told(report)
        assert report.listed == report.shares == len(self.shares)
        assert manila.asked.count(RULES) == len(self.shares)
        requests = marked.requests(mark)
        if self.cluster is place:
            requests = [*itertools.chain(*requests)]
        assert requests
        return len(manila.asked) - len(self.shares), len(requests)


def found_and_mended(company):
    """Plant all at once, and expect it, and what a repair leaves."""
    site, victims = company.site, company.shares[3:]
    hurt = dict(zip(site.plants, victims, strict=False))
    assert len(hurt) == len(site.plants) >= 12
    for name in api_plants.ordered(hurt):
        site.hurt(name, hurt[name])
    well = {share.id for share in company.shares} - {
        share.id for share in hurt.values()}
    rows = site.manila.told()

    def expect(report, wanted):
        assert test_manila_repair.kinds(report) == collections.Counter(
            wanted), test_manila_repair.told(report)
        assert {one.ident for one in report.differences} & well == set()
    with site.audit() as audit:
        report = audit.audit()
        expect(report, [kind for plant in site.plants.values()
                        for kind in plant.kinds])
        assert audit.repair_plan(report)
        # Of the orphans one is named: it goes, and the others stay.  A driver
        # that deletes by name removes none that is called otherwise.
        orphans = [one for one in report.differences
                   if one.kind == D.ORPHAN_SHARE]
        named = next((one.ident for one in orphans
                      if one.ident in one.found), orphans[0].ident)
        assert audit.repair(report, [named], widen=True) == []
        left = [kind for plant in site.plants.values() if not plant.mended
                for kind in plant.kinds]
        left.remove(D.ORPHAN_SHARE)
        report = audit.audit()
        expect(report, left)
        assert named not in {one.ident for one in report.differences}
    assert site.manila.told() == rows


@pytest.mark.turns('audits of many shares')
@pytest.mark.parametrize('kind', KINDS)
def test_damage_among_many_is_found_at_the_cost_of_few(at, monkeypatch,
                                                       kind):
    company = Company(at(kind), monkeypatch)
    company.grow(FEW)
    few = company.healthy()
    company.grow(MANY)
    assert company.healthy() == (
        few[0], few[1] + api_plants.pages(kind, MANY))
    found_and_mended(company)


@pytest.mark.turns('blind audits of many shares')
@pytest.mark.parametrize('kind', KINDS)
def test_an_audit_that_does_not_look_at_access_is_caught(at, monkeypatch,
                                                         kind):
    company = Company(at(kind), monkeypatch)
    company.grow(30)
    monkeypatch.setattr(comparing._ShareAudit, 'access',
                        lambda self: iter(()))
    with pytest.raises(AssertionError):
        found_and_mended(company)


@pytest.mark.turns('audits of copies')
@pytest.mark.parametrize('kind', COPIED)
def test_copies_are_as_the_driver_makes_shares(at, monkeypatch, kind):
    company = Company(at(kind), monkeypatch)
    company.grow(11)
    with company.site.audit() as audit:
        report = audit.audit()
    assert (report.differences, report.unseen) == ((), ()), \
        test_manila_repair.told(report)
    assert report.listed == 11
