# SPDX-License-Identifier: Apache-2.0

"""GPFS drivers that break the contract fail, and fail the right check.

Most of the defects are those of the drivers that this one replaces.
"""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.ibm.gpfs import driver
from manila_drivers.ibm.gpfs import records
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs
from tests.conformance import catching
from tests.conformance import test_gpfs_nfs


class Broken(driver.GPFSShareDriver):
    """Hold what several of them need."""

    def _do(self, name, *words):
        site = self._backend.client
        site.do([site.make.mm(name, *words)])

    def _path(self, share):
        return self._backend.settings.path(share['name'])

    def _replace(self, method, made):
        """Let another function do what one of the helper's does."""
        helper = self._backend.helper
        setattr(helper, method, made(helper, getattr(helper, method)))


class FirstServerOnly(Broken):
    """The other servers are forgotten once exports are to be changed."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._replace('planned', lambda helper, planned: (
            lambda answers, wanted, only=(), **options: planned(
                answers, wanted, helper.servers[:1], **options)))


class BelievesTheServers(Broken):
    """An error of a server is no error."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._replace('run', lambda helper, run: (
            lambda todo: {
                server: exports.Outcome(outcome.before or exports.Seen({}))
                for server, outcome in run(todo).items()}))


class OnlyAdds(Broken):
    """Keep what is denied."""

    def update_access(self, context, share, access_rules, add_rules=(),
                      delete_rules=(), update_rules=(), **kwargs):
        return super().update_access(
            context, share, [*access_rules, *(delete_rules or ())], **kwargs)


class WiderFirst(Broken):
    """Writes clients without regard to which of them decides."""

    def update_access(self, context, share, *args, **kwargs):
        answer = super().update_access(context, share, *args, **kwargs)
        export, = self._backend.helper.survey([self._path(share)]).values()
        levels = export.levels.get(self._path(share), {})
        if len(levels) > 1:
            self._do('mmnfs', 'export', 'remove', self._path(share))
            self._do('mmnfs', 'export', 'add', self._path(share), '--client',
                     ';'.join(f'{network}(access_type={level})'
                              for network, level in sorted(
                                  levels.items(), key=lambda item: (
                                      item[0].version, item[0].prefixlen))))
        return answer


class ClearsThenAdds(Broken):
    """Takes the export away and makes it anew."""

    def update_access(self, context, share, *args, **kwargs):
        found, = self._backend.helper.survey([self._path(share)]).values()
        if found.levels.get(self._path(share)):
            self._do('mmnfs', 'export', 'remove', self._path(share))
        return super().update_access(context, share, *args, **kwargs)


class OpenWhileItChanges(Broken):
    def update_access(self, context, share, *args, **kwargs):
        found, = self._backend.helper.survey([self._path(share)]).values()
        if not found.levels.get(self._path(share)):
            self._do('mmnfs', 'export', 'add', self._path(share),
                     '--client', '*(access_type=rw)')
        return super().update_access(context, share, *args, **kwargs)


class AsksForEachRule(Broken):
    def update_access(self, context, share, access_rules, *args, **kwargs):
        for _ in access_rules:
            self._backend.helper.survey([self._path(share)])
        return super().update_access(context, share, access_rules, *args,
                                     **kwargs)


class AsksForEachShare(Broken):
    def _ensure_shares(self, context, shares):
        for share in shares:
            self._backend.helper.survey([self._path(share)])
        return super()._ensure_shares(context, shares)


class MakesTheLostAnew(Broken):
    """Give an empty share to those who mount it."""

    def _ensure_shares(self, context, shares):
        for share in shares:
            self._backend.shares.create(self._call(share))
        return super()._ensure_shares(context, shares)



class TakesTheFirstAnswer(Broken):
    """Servers that do not answer are taken for healthy ones."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        backend = self._backend
        backend.access._pending.missed = lambda servers, exports: None


class DeletesWhatLooksAlike(Broken):
    """Takes what begins with the right name for its own."""

    def delete_share(self, context, share, **kwargs):
        super().delete_share(context, share, **kwargs)
        site = self._backend.client
        for fileset in site.filesets():
            if fileset.linked and fileset.name.startswith(
                    share['name'][:-1]):
                self._do('mmunlinkfileset', site.cluster.device,
                         fileset.name, '-f')


class LeavesTheCopyRunning(Broken):
    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        make = self._backend.client.make
        make.end_copy = lambda device, share: make.copy_state(share)


class MarksAtTheEnd(Broken):
    """Whose fileset it is is written down when all else is done."""

    def create_share(self, context, share, **kwargs):
        site = self._backend.client
        make = site.make.create_fileset
        site.make.create_fileset = lambda device, name, comment, **parts: (
            make(device, name, comment='being made', **parts))
        answer = super().create_share(context, share, **kwargs)
        self._do('mmchfileset', site.cluster.device, share['name'], '-t',
                 records.mark(share['id']))
        return answer


class DeletesBeforeItWithdraws(Broken):
    """The fileset goes first; the exports, if all goes well."""

    def delete_share(self, context, share, **kwargs):
        access = self._backend.access
        run, access.run = access.run, (lambda steps: None)
        super().delete_share(context, share, **kwargs)
        access.run = run


class ForgetsTheRulesWhenItReverts(Broken):
    def revert_to_snapshot(self, context, snapshot, share_access_rules,
                           *args, **kwargs):
        super().revert_to_snapshot(context, snapshot, [], *args, **kwargs)


class ClaimsTheCopyIsDone(Broken):
    def get_share_status(self, share, *args, **kwargs):
        answer = super().get_share_status(share, *args, **kwargs)
        return {**answer, 'status': 'available'}

    def create_share_from_snapshot(self, *args, **kwargs):
        answer = super().create_share_from_snapshot(*args, **kwargs)
        return {**answer, 'status': 'available'}


class CopiesTwice(Broken):
    """A copy on a host that does not answer is dead, and begun again."""

    def do_setup(self, context, **kwargs):
        super().do_setup(context, **kwargs)
        self._backend.snapshots._clones._judge_from_afar = (
            lambda share, job: dataclasses.replace(job, state='died'))


class LetsErrorsOut(Broken):
    """Errors that Manila does not know."""

    def create_share(self, context, share, **kwargs):
        try:
            return super().create_share(context, share, **kwargs)
        except Exception as exc:
            raise exception.BackendError(str(exc)) from exc


class RoundsUpTwice(Broken):
    """Tells another size than the quota."""

    def manage_existing(self, share, driver_options, **kwargs):
        answer = super().manage_existing(share, driver_options, **kwargs)
        return {**answer, 'size': answer['size'] + 1}


CES = gpfs.GpfsLabs()
TWO_HOSTS = gpfs.GpfsLabs(gpfs_management_hosts='n1,n2')
KNFS = gpfs_nfs.labs('KNFS')
GNFS = gpfs_nfs.labs('GNFS')


BY_SCENARIO = [
    (CES, OnlyAdds, 'one_call_may_add_and_deny', 'access.too-wide'),
    (KNFS, FirstServerOnly, 'a_rule_admits_whom_it_names', 'access'),
    (GNFS, FirstServerOnly, 'a_rule_admits_whom_it_names', 'access'),
    (CES, WiderFirst, 'the_narrower_rule_decides', 'access.'),
    (CES, AsksForEachRule, 'rules_stay_within_their_budget',
     'budget.update_access'),
    (CES, AsksForEachShare,
     'a_start_with_many_shares_stays_within_its_budget', 'budget.ensure'),
    (CES, MakesTheLostAnew, 'each_drift_is_repaired_or_reported', 'ensure.'),
    (CES, DeletesWhatLooksAlike, 'a_delete_leaves_strangers_alone',
     'strangers'),
    (CES, LeavesTheCopyRunning, 'a_clone_under_way_can_be_deleted',
     'delete.leftover'),
    (CES, ClaimsTheCopyIsDone, 'a_clone_is_available_when_it_is_whole',
     'clone.content'),
    (TWO_HOSTS, CopiesTwice, 'what_is_written_into_a_clone_stays',
     'clone.content'),
    (KNFS, DeletesBeforeItWithdraws, 'a_delete_takes_rules_and_data_along',
     'delete'),
    (GNFS, DeletesBeforeItWithdraws, 'a_delete_takes_rules_and_data_along',
     'delete'),
    (CES, ForgetsTheRulesWhenItReverts, 'going_back_keeps_who_has_access',
     'access.missing'),
    (CES, RoundsUpTwice, 'an_export_can_be_managed_and_released',
     'manage.size')]


@pytest.mark.parametrize(
    ('labs', 'driver_class', 'scenario', 'check'), BY_SCENARIO,
    ids=[f'{row[1].__name__}-{row[2]}' for row in BY_SCENARIO])
def test_a_scenario_fails(labs, driver_class, scenario, check):
    found = catching.failed(
        lambda: catching.play(labs.with_driver(driver_class), scenario))
    assert found and found.startswith(check)


def test_an_option_that_does_not_take_effect_is_seen(monkeypatch):
    """A driver that believes Ganesha, which says that it was updated."""
    monkeypatch.setattr(ganesha, '_updatable', lambda facts, export: True)
    lab = GNFS()
    try:
        assert catching.failed(
            lambda: test_gpfs_nfs.OPTIONS.run(lab)).startswith('access')
    finally:
        lab.close()


BY_HISTORIES = [
    (CES, OnlyAdds, 'access.too-wide'),
    (CES, WiderFirst, 'access.'),
    (CES, ClearsThenAdds, 'access.interrupted'),
    (CES, OpenWhileItChanges, 'access.too-wide-meanwhile'),
    (KNFS, FirstServerOnly, 'access'),
    (GNFS, FirstServerOnly, 'access')]


@pytest.mark.parametrize(
    ('labs', 'driver_class', 'check'), BY_HISTORIES,
    ids=[row[1].__name__ for row in BY_HISTORIES])
def test_histories_fail(labs, driver_class, check):
    found = catching.in_histories(labs.with_driver(driver_class), 30)
    assert found and found.startswith(check)


BY_SWEEP = [
    (KNFS, BelievesTheServers, 'access: deny all', 'claimed.'),
    (GNFS, BelievesTheServers, 'access: deny all', 'claimed.'),
    (KNFS, TakesTheFirstAnswer, 'ensure: not exported', 'claimed.'),
    (GNFS, TakesTheFirstAnswer, 'ensure: not exported', 'claimed.'),
    (CES, MarksAtTheEnd, 'create', 'repeat.failed'),
    (CES, LetsErrorsOut, 'create', 'error.undocumented')]


@pytest.mark.turns
@pytest.mark.parametrize(
    ('labs', 'driver_class', 'operation', 'check'), BY_SWEEP,
    ids=[row[1].__name__ for row in BY_SWEEP])
def test_a_sweep_fails(monkeypatch, labs, driver_class, operation, check):
    found = catching.in_sweep(monkeypatch, labs.with_driver(driver_class),
                              operation, scale='1')
    assert found and found.startswith(check)
