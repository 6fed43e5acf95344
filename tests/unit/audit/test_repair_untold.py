# SPDX-License-Identifier: Apache-2.0

"""Repairs touch no share of which Manila does not tell all, just then."""

import pytest

from tests.unit.audit import api_sim
from tests.unit.audit import test_manila_repair

at = test_manila_repair.at
WIDE = test_manila_repair.WIDE
SQUASHED = 'rw,root_squash'


@pytest.fixture
def site(at):
    return at('knfs')


def squashed(site, *names):
    """Return shares whose type keeps root of clients out, damaged."""
    site.manila.types['plain']['extra_specs'].update(
        {'knfs:export_options': SQUASHED})
    shares = []
    for name in names:
        share = site.share(f'victim of {name}')
        site.hurt(name, share)
        shares.append(share)
    return shares


def cut_types(answer, query):
    answer['share_types'] = [
        {'id': 'plain', 'name': 'plain', 'extra_specs': {}}]
    return answer


def cut_paths(answer, query):
    for row in answer['share_instances']:
        row.pop('export_locations', None)
    return answer


UNTOLD = {
    'types': ('/types', api_sim.broken('/types')),
    'specs': ('/types', cut_types),
    'paths': ('/share_instances', cut_paths),
    'shares': ('/shares/detail', api_sim.broken('/shares/detail'))}


@pytest.mark.parametrize('name', UNTOLD)
def test_what_is_not_told_any_more_is_not_repaired(site, name):
    shares = squashed(site, WIDE, 'junction lost')
    path, fault = UNTOLD[name]
    with site.audit() as audit:
        report = audit.audit()
        assert {one.ident for one in report.differences if one.repair} == {
            share.id for share in shares}
        before, site.manila.faults[path] = site.inventory(), fault
        plan = audit.repair_plan(report)
        assert plan.lines == ()
        assert {one.ident for one, why in plan.unplanned
                if 'does not tell' in why} == {share.id for share in shares}
        failed = audit.repair(report)
        assert {one.ident for one, _ in failed} == {
            share.id for share in shares}
        assert all('does not tell' in why for _, why in failed)
        assert site.inventory() == before
        site.manila.faults.clear()
        assert audit.repair(report, widen=True) == []
        assert audit.audit().differences == ()


def test_one_that_is_not_told_stops_no_other(site):
    _wide, other = squashed(site, WIDE, WIDE)
    site.manila.add_type('gone')
    site.manila.instances[other.id]['share_type_id'] = 'gone'
    with site.audit() as audit:
        report = audit.audit()
        del site.manila.types['gone']
        [(one, why)] = audit.repair(report)
        assert (one.ident, 'does not tell' in why) == (other.id, True)
        assert {one.ident for one in audit.audit().differences} == {other.id}
