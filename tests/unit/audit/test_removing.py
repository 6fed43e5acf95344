# SPDX-License-Identifier: Apache-2.0

"""Orphans that were named are removed, and nothing else is."""

import contextlib
import dataclasses
import types
import uuid

import pytest

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import differences
from manila_drivers.ibm.gpfs import GPFSShareDriver
from manila_drivers.registry import records
from tests.unit.audit import generic_planted
from tests.unit.audit import gluster_planted
from tests.unit.audit import gpfs_planted
from tests.unit.audit import planted
from tests.unit.audit import test_manila_repair

D = differences
KINDS = test_manila_repair.KINDS
at = test_manila_repair.at
PLANTED = {'vast': planted, 'gluster': gluster_planted,
           'generic': generic_planted, **dict.fromkeys(
               gpfs_planted.PLANTS, gpfs_planted)}


def orphans(site, share):
    """Plant two orphan shares and a snapshot of a healthy one."""
    plants = PLANTED[site.kind]
    for work in (plants.orphan, plants.orphan_snapshot):
        work(site.place, share)


@pytest.mark.turns
@pytest.mark.parametrize('kind', KINDS)
def test_what_was_named_goes_and_nothing_else(at, kind):
    site = at(kind)
    share = site.share('plain')
    before = site.inventory()
    orphans(site, share)
    with site.audit() as audit:
        report = audit.audit()
        idents = {one.kind: one.ident for one in report.differences}
        assert set(idents) == {D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT}
        planted_there, told = site.inventory(), site.manila.told()
        for ident in idents.values():
            plan = audit.repair_plan(report, [ident])
            assert plan
            assert all(ident in line or 'snapshot' in line for line in plan)
        assert not audit.repair_plan(report)
        assert audit.repair(report, widen=True) == []
        assert site.inventory() == planted_there
        assert audit.repair(report, [idents[D.ORPHAN_SNAPSHOT]]) == []
        assert [one.ident for one in audit.audit().differences] == [
            idents[D.ORPHAN_SHARE]]
        assert audit.repair(audit.audit(), [idents[D.ORPHAN_SHARE]]) == []
        # It is done, and there is nothing to be named any more.
        left = audit.audit()
        assert left.differences == ()
        with pytest.raises(exception.InvalidRequest):
            audit.repair(left, [idents[D.ORPHAN_SHARE]])
    assert site.manila.told() == told
    # Pools of volumes are used again.
    assert kind == 'gluster' or site.inventory() == before


@pytest.fixture
def site(at):
    return at('ces')


def named(site, report):
    return [one.ident for one in report.differences
            if one.kind == D.ORPHAN_SHARE]


def test_what_is_called_otherwise_does_not_pass_for_removed(site):
    """The driver deletes by name; the mark alone tells whose it is."""
    share = site.share('plain')
    gpfs_planted.given_away(site.place, share)
    with site.audit() as audit:
        report = audit.audit()
        ident, = named(site, report)
        (one, why), = audit.repair(report, [ident])
        assert (one.ident, 'is there after' in why) == (ident, True)
        assert named(site, audit.audit()) == [ident]


@pytest.mark.parametrize(('partial', 'unread', 'seen'), [
    (frozenset(), (), {D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT}),
    ({inventory.SHARES}, ('a page is missing',), {D.ORPHAN_SNAPSHOT}),
    # A share stays of which it is not known if it has snapshots.
    ({inventory.SNAPSHOTS}, (), set()),
    (frozenset(), ('exports of a server',), {D.ORPHAN_SNAPSHOT})])
def test_what_was_not_read_is_not_seen_gone(site, monkeypatch, partial,
                                            unread, seen):
    share = site.share('plain')
    orphans(site, share)
    with site.audit() as audit:
        report = audit.audit()
        idents = [one.ident for one in report.differences]
        whole = GPFSShareDriver.take_inventory
        monkeypatch.setattr(
            GPFSShareDriver, 'take_inventory',
            lambda self, known, serving=None: dataclasses.replace(
                whole(self, known, serving), partial=frozenset(partial),
                unread=unread))
        failed = audit.repair(report, idents)
        assert {one.kind for one, _ in failed} == {
            D.ORPHAN_SHARE, D.ORPHAN_SNAPSHOT} - seen
        for one, why in failed:
            if one.kind == D.ORPHAN_SHARE and inventory.SNAPSHOTS in partial:
                assert 'not known if' in why
                continue
            assert why.startswith('nobody has seen it gone: ' + (
                unread[0] if unread else 'a list was not read whole'))


@pytest.mark.parametrize('name', ['', 'nothing', str(uuid.uuid4())],
                         ids=['none', 'no id', 'unknown id'])
def test_only_orphans_are_removed(site, name):
    share = site.share('plain')
    gpfs_planted.size(7)(site.place, share)
    orphans(site, share)
    with site.audit() as audit:
        report = audit.audit()
        before = site.inventory()
        for wrong in (name, share.id):
            for work in (audit.repair_plan, audit.repair):
                with pytest.raises(exception.InvalidRequest,
                                   match='cannot be removed'):
                    work(report, [*named(site, report), wrong])
        assert site.inventory() == before
        assert gpfs_planted.fileset(site.place, share).limit_kib \
            == 7 * 1024 ** 2


def test_what_manila_has_by_now_stays(site):
    share = site.share('plain')
    orphans(site, share)
    with site.audit() as audit:
        report = audit.audit()
        [ident] = named(site, report)
        site.manila.add(ident, host='ctl@another#one')
        before = site.inventory()
        [(one, why)] = audit.repair(report, [ident])
        assert (one.ident, 'has been recorded since' in why) == (ident, True)
        assert site.inventory() == before


def test_without_a_whole_list_of_manila_nothing_is_removed(site):
    orphans(site, site.share('plain'))
    with site.audit() as audit:
        report = audit.audit()
        [ident] = named(site, report)

        def cut(answer, query):
            if query.get('is_soft_deleted') == 'true':
                answer.clear()
            return answer
        site.manila.faults['/share_instances'] = cut
        before = site.inventory()
        [(one, why)] = audit.repair(report, [ident])
        assert (one.ident, 'not known if Manila has' in why) == (ident, True)
        assert site.inventory() == before


def test_an_orphan_of_a_registry_is_removed(tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        place = gpfs_planted.opened(stack, 'ces', tmp_path, monkeypatch)
        with place.backend() as backend:
            made = backend.shares.create(size=2, name='kept')
            share = types.SimpleNamespace(id=made.id, locations=made.locations)
            gpfs_planted.orphan(place, share)
            gpfs_planted.orphan_snapshot(place, share)
            report = backend.audit()
            idents = [one.ident for one in report.differences]
            assert len(list(backend.repair_plan(report, idents))) >= 2
            [ident] = named(None, report)
            # Another host records one meanwhile.
            entry = backend.registry.shares.add(records.ShareEntry(
                ident, 'ces', 'taken over', 'NFS', 1, 'available'))
            [(one, why)] = backend.repair(report, idents)
            assert (one.ident, 'has been recorded since' in why) == (
                ident, True)
            backend.registry.shares.remove(entry)
            report = backend.audit()
            assert [one.ident for one in report.differences] == [ident]
            assert backend.repair(report, [ident]) == []
            assert backend.audit().differences == ()
            assert [one.name for one in backend.shares.list()] == ['kept']
