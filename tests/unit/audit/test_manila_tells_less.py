# SPDX-License-Identifier: Apache-2.0

"""Manila tells less than there is, or something else a moment later."""

import pytest

from manila_drivers.audit import differences
from manila_drivers.driver import base
from tests.unit.audit import planted
from tests.unit.audit import test_manila

site = test_manila.site
kinds = test_manila.kinds
D = differences
ORPHANS = {D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT, D.ORPHAN_CLONE}


def without(ident):
    """Leave a row out, with every sign that the list is whole."""
    def cut(answer, query):
        answer['share_instances'] = [row for row in answer['share_instances']
                                     if row['id'] != ident]
        return answer
    return cut


def test_an_instance_that_a_list_leaves_out_is_no_orphan(site):
    """Let other lists have its share: then this one is not whole."""
    for _ in range(3):
        site.share('kept')
    left = site.share('left out')
    site.manila.faults['/share_instances'] = without(left.id)
    report = site.look()
    assert not ORPHANS & set(kinds(report)), report.differences
    assert any('share instances' in line for line in report.unseen)


def test_an_orphan_is_one_where_lists_agree(site):
    site.share('kept')
    planted.PLANTS['orphan share'].work(site.place, None)
    report = site.look()
    assert (kinds(report), report.unseen) == ([D.ORPHAN_SHARE], ())


def dropped(*fields):
    def cut(answer, query):
        for row in answer['share_instances']:
            for field in fields:
                row.pop(field, None)
        return answer
    return cut


@pytest.mark.parametrize('value', ['missing', None])
def test_instances_without_a_host_are_not_passed_over(site, value):
    share = site.share('one')
    planted.PLANTS['another client'].work(site.place, share)

    def cut(answer, query):
        for row in answer['share_instances']:
            row['host'] = value
            if value == 'missing':
                row.pop('host')
        return answer
    site.manila.faults['/share_instances'] = cut
    report = site.look()
    assert report.unseen
    assert not ORPHANS & set(kinds(report))


def test_one_that_was_never_placed_has_no_host(site):
    site.share('one')
    site.manila.add('11111111-2222-3333-4444-555555555555', host=None,
                    status='error')
    report = site.look()
    assert (report.differences, report.unseen) == ((), ())


def test_rules_that_may_be_cast_are_not_guessed(site):
    """Nobody may write, which is not told: let no repair let them."""
    share = site.share('read only', network='',
                       cast_rules_to_readonly=True)
    ident = site.manila.of(share.id)
    site.manila.allow(ident, planted.NETWORK)
    with site.place.backend() as backend:
        backend.shares.get(share.id).allow(planted.NETWORK, level='ro')
    report = site.look()
    assert (report.differences, report.unseen) == ((), ())
    site.manila.faults['/share_instances'] = dropped(
        'cast_rules_to_readonly')
    report = site.look()
    assert report.unseen
    assert not [one for one in report.differences
                if one.repair or one.kind in (D.WIDER, D.NARROWER)]


def between(monkeypatch, work):
    """Do something once Manila was asked, and before the backend is."""
    take = base.ShareDriver.take_inventory

    def changed(driver, *args, **more):
        # The work itself may look.
        monkeypatch.setattr(base.ShareDriver, 'take_inventory', take)
        work()
        monkeypatch.setattr(base.ShareDriver, 'take_inventory', changed)
        return take(driver, *args, **more)
    monkeypatch.setattr(base.ShareDriver, 'take_inventory', changed)


OTHER = '203.0.113.0/24'


def test_a_rule_that_comes_meanwhile_is_no_damage(site, monkeypatch):
    """Let the list of instances not tell when they were changed."""
    share = site.share('one')
    ident = site.manila.of(share.id)
    site.manila.instances[share.id]['updated_at'] = None

    def allow():
        site.manila.allow(ident, OTHER)
        with site.place.backend() as backend:
            backend.shares.get(share.id).allow(OTHER)
    with monkeypatch.context() as patch:
        between(patch, allow)
        report = site.look()
    assert report.differences == ()
    assert any('was changed meanwhile' in line for line in report.passed)
    report = site.look()
    assert (report.differences, report.passed) == ((), ())


def test_a_size_that_changes_meanwhile_is_no_damage(site, monkeypatch):
    share = site.share('one')
    site.manila.instances[share.id]['updated_at'] = None

    def extend():
        site.manila.shares[site.manila.of(share.id)]['size'] = 5
        with site.place.backend() as backend:
            backend.shares.get(share.id).extend(5)
    with monkeypatch.context() as patch:
        between(patch, extend)
        report = site.look()
    assert report.differences == ()
    assert any('was changed meanwhile' in line for line in report.passed)


@pytest.mark.parametrize('name', ['another client', 'closed', 'smaller'])
def test_damage_that_stays_is_told(site, name):
    share = site.share('one')
    planted.PLANTS[name].work(site.place, share)
    assert kinds(site.look()) == sorted(planted.PLANTS[name].kinds)


@pytest.mark.parametrize('path', ['/share-access-rules', '/shares/'])
def test_damage_of_which_no_more_is_told_is_not_judged(site, path):
    """Let Manila answer the first time, and not the second."""
    share = site.share('one')
    planted.PLANTS['another client' if 'rules' in path else
                   'smaller'].work(site.place, share)
    asked = []

    def once(asked_for):
        if asked_for.startswith(path) and 'detail' not in asked_for:
            asked.append(asked_for)
            if len(asked) > ('rules' in path):
                raise test_manila.api_sim.broken(asked_for)
    site.manila.before = once
    report = site.look()
    assert report.unseen
    assert not [one for one in report.differences if one.repair]


def test_a_share_that_has_rested_is_asked_for_once(site):
    """Leave the requests as many as the lists are, where times tell all."""
    share, other = site.share('one'), site.share('two')
    site.manila.instances[other.id]['updated_at'] = '2026-01-02T00:00:00'
    planted.PLANTS['another client'].work(site.place, share)
    assert kinds(site.look()) == [D.WIDER]
    assert site.manila.asked.count('/share-access-rules') == 2
