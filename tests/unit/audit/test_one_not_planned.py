# SPDX-License-Identifier: Apache-2.0

"""One object whose repair cannot be planned stops no other."""

import json

import pytest

from manila_drivers import exception
from manila_drivers.cli import main
from manila_drivers.direct import auditing
from manila_drivers.driver import base
from tests.unit.audit import api_sim
from tests.unit.audit import planted
from tests.unit.audit import test_manila_repair
from tests.unit.direct import bench

at = test_manila_repair.at
GIB = planted.GIB


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def poisoned(monkeypatch, ident, error):
    """Have no check come to its end that one share takes part in."""
    check = base.ShareDriver.check_shares

    def fails(driver, shares):
        if any(row['id'] == ident for row in shares):
            raise error
        return check(driver, shares)
    monkeypatch.setattr(base.ShareDriver, 'check_shares', fails)


@pytest.mark.parametrize('error', [
    exception.BackendError('its record is odd'), KeyError('odd')])
def test_one_bad_share_stops_no_other(place, monkeypatch, error):
    with place.backend() as backend:
        shares = [backend.shares.create(size=2, name=name)
                  for name in ('bad', 'one', 'two')]
        for share in shares:
            planted.PLANTS['larger'].work(place, share)
        orphan = backend.shares.create(size=2, name='three')
        backend.registry.shares.remove(orphan._record)
        report = backend.audit()
        before = place.cluster.inventory()
        with monkeypatch.context() as patch:
            poisoned(patch, shares[0].id, error)
            plan = backend.repair_plan(report, [orphan.id])
        assert place.cluster.inventory() == before
        [(one, why)] = plan.unplanned
        assert (one.ident, 'odd' in why) == (shares[0].id, True)
        for share in (shares[1], shares[2], orphan):
            assert any(share.id in line for line in plan.lines)
        assert backend.repair(plan.agreed(report), [orphan.id]) == []
        assert [place.limit(share) // GIB for share in shares] == [7, 2, 2]
        [left] = backend.audit().differences
        assert left.ident == shares[0].id


def test_the_command_says_which_and_why(place, monkeypatch, capsys):
    with place.backend() as backend:
        for name in ('bad', 'one'):
            share = backend.shares.create(size=2, name=name)
            planted.PLANTS['larger'].work(place, share)
        bad = backend.shares.get('bad').id
    look = auditing.Auditing._ensured

    def planned(self, wanted):
        # The audit itself asks for all shares, and is not poisoned.
        with monkeypatch.context() as patch:
            poisoned(patch, bad, exception.BackendError('its record is odd'))
            return look(self, wanted)
    monkeypatch.setattr(auditing.Auditing, '_ensured', planned)
    code = main.main(['--config-file', str(place.conf), 'audit',
                      '--repair', '--yes', '-f', 'json'])
    out, err = capsys.readouterr()
    assert code == 2
    assert 'share bad is left alone' in err
    assert 'its record is odd' in err
    assert [one['Object'] for one in json.loads(out)] == ['share bad']


def test_one_that_manila_hides_stops_no_other(at):
    site = at('ces')
    bad, good, size = (test_manila_repair.hurt(site, name) for name in (
        test_manila_repair.WIDE, 'junction lost', 'smaller'))
    hidden = site.manila.of(bad.id)
    with site.audit() as audit:
        report = audit.audit()

        def refused(answer, query):
            if query.get('share_id') == hidden:
                raise api_sim.broken('/share-access-rules')
            return answer
        site.manila.faults['/share-access-rules'] = refused
        plan = audit.repair_plan(report)
        assert [one.ident for one, _ in plan.unplanned] == [bad.id]
        for share in (good, size):
            assert any(share.id in line for line in plan.lines), plan
        assert audit.repair(plan.agreed(report)) == []
        site.manila.faults.clear()
        assert {one.ident for one in audit.audit().differences} == {bad.id}


def test_types_that_are_not_told_stop_no_other_check(at):
    site = at('knfs')
    site.manila.add_type('gone')
    bad, good = (site.share(name) for name in ('bad', 'good'))
    site.manila.instances[bad.id]['share_type_id'] = 'gone'
    for share in (bad, good):
        site.hurt('junction lost', share)
    with site.audit() as audit:
        report = audit.audit()
        del site.manila.types['gone']
        plan = audit.repair_plan(report)
        assert [(one.ident, 'does not tell' in why)
                for one, why in plan.unplanned] == [(bad.id, True)]
        assert plan.lines
        assert audit.repair(plan.agreed(report), widen=True) == []
        left = audit.audit()
        assert left.differences == ()
        assert any('1 shares' in line and bad.id not in line
                   for line in left.unseen)


def test_a_backend_that_does_not_answer_is_asked_once(place):
    with place.backend() as backend:
        for name in ('one', 'two', 'three'):
            planted.PLANTS['larger'].work(
                place, backend.shares.create(size=2, name=name))
        report = backend.audit()
        place.cluster.stop()
        plan = backend.repair_plan(report)
        place.cluster.start()
        assert (plan.lines, len(plan.unplanned)) == ((), 3)
