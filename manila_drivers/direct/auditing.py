# SPDX-License-Identifier: Apache-2.0

"""Compare a backend with its registry, and repair what can be.

To look takes three reads of the registry, twice, and the lists of the backend;
nothing is changed, and nobody is kept out.  What somebody works on meanwhile
is not judged.
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import functools
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from manila_drivers.audit import overview
from manila_drivers.direct import checking
from manila_drivers.direct import driving
from manila_drivers.direct import ensuring
from manila_drivers.direct import giving
from manila_drivers.direct import making
from manila_drivers.direct import removing
from manila_drivers.direct import resizing
from manila_drivers.direct import reverting
from manila_drivers.direct import rows
from manila_drivers.direct import share
from manila_drivers.direct import snapshot
from manila_drivers.direct import taking
from manila_drivers.direct import tasks
from manila_drivers.direct import waiting
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

#: Repairs of shares that are not finished.
_WORK = (differences.GO_ON, differences.RULES, differences.SNAPSHOT)


class Auditing:
    """Look at all shares of a backend, and repair them."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    # -- looking ---------------------------------------------------------

    def look(self) -> differences.AuditReport:
        """Return all that differs.

        :raises Unsupported: the driver cannot list what there is, or cannot
            say what it would repair.
        :raises DriverError: the backend, or the registry, could not be read.
        """
        parts = self._parts
        need_plans(parts.driving)
        before = self._known()
        steady = [record for record in before.shares.values()
                  if record.task is None]
        found: inventory.Inventory = parts.driving.call(
            lambda driver: driver.take_inventory(list(before.shares)))
        checked, unseen = checking.start_check(
            parts.driving, [rows.share(record) for record in steady])
        after = self._known()
        told = comparing.compare(_of_both(before, after), found, checked)
        passed = {ident for ident in {*before.shares, *after.shares}
                  if before.of(ident) != after.of(ident)}
        passed |= self._worked_on(told, before)
        judged = differences.judged(told, passed, before.snapshots)
        names = {ident: record.name for known in (before, after)
                 for ident, record in known.shares.items()}
        return differences.AuditReport(
            parts.name, tuple(judged),
            (*found.unread, *unseen),
            tuple(sorted(f'share {names[ident]} is worked on'
                         for ident in passed)),
            len(before.shares), len(found.shares), overview.overview(
                before.shares.values(), before.rules, found,
                before.ids | after.ids, {}, {}))

    def _known(self) -> comparing.Recorded:
        registry, name = self._parts.registry, self._parts.name
        shares, snapshots = registry.shares.all(), registry.snapshots.all()
        rules: dict[str, list[records.RuleEntry]] = {}
        for rule in registry.rules.all():
            rules.setdefault(rule.share_id, []).append(rule)
        return comparing.Recorded(
            {one.id: one for one in shares if one.backend == name},
            {ident: tuple(some) for ident, some in rules.items()},
            {one.id: one for one in snapshots if one.backend == name},
            frozenset(one.id for one in shares),
            frozenset(one.id for one in snapshots))

    def _worked_on(self, told: Iterable[differences.Deviation],
                   known: comparing.Recorded) -> set[str]:
        """Return shares whose unfinished work somebody is at."""
        owners = {known.snapshots[ident].share_id
                  if ident in known.snapshots else ident
                  for ident in {one.ident for one in told
                                if one.repair in _WORK}}
        leases = self._parts.registry.leases
        return {ident for ident in owners
                if leases.holder(f'share {ident}')}

    # -- repairing -------------------------------------------------------

    def plan(self, report: differences.AuditReport,
             remove: Iterable[str] = ()) -> differences.RepairPlan:
        """Return what a repair would do; changes nothing.

        :raises InvalidRequest: an id of ``remove`` is no orphan's.
        """
        gone = self._removing.plan(report, remove)
        steps, unplanned = checking.plan_each({
            one.ident: one for one in report.differences
            if one.repair == differences.ENSURE}.values(), self._ensured)
        lines = [f'{one.kind}: {one.subject}: {one.do}'
                 for one in report.differences
                 if one.repair not in ('', differences.ENSURE)
                 and not (one.kind == differences.NARROWER and one.gives)]
        return differences.RepairPlan(
            (*lines, *steps, *gone), differences.wider(report),
            tuple(unplanned))

    def _ensured(self, wanted: list[differences.Deviation],
                 ) -> tuple[list[str], removing.Failures]:
        """Return what the driver's check would do, and what is not known."""
        shares = self._parts.registry.shares
        found = {one.ident: record for one in wanted
                 if (record := shares.get(one.ident)) is not None}
        if not found:
            return [], []
        told = ensuring.Ensuring(self._parts).preview(list(found.values()))
        named = {state.name: f'{state.state}: {state.why}'
                 for state in told.states}
        return list(map(str, told)), [
            (one, named[found[one.ident].name]) for one in wanted
            if one.ident in found and found[one.ident].name in named]

    def repair(self, report: differences.AuditReport,
               remove: Iterable[str] = (), *, widen: bool = False,
               ) -> list[tuple[differences.Deviation, str]]:
        """Repair what can be; one that cannot be stops no other.

        Nothing that is not recorded is touched.  It can be repeated.

        :param remove: ids of orphans that are removed all the same.
        :param widen: rules are given also to whom the backend does not let
            in.
        :returns: what could not be repaired, with the reason.
        :raises InvalidRequest: one of these ids is no orphan's.
        """
        remove = [one.ident for one in removing.chosen(report, remove)]
        wanted: dict[tuple[str, str], differences.Deviation] = {}
        for one in report.differences:
            if one.repair:
                wanted.setdefault((one.ident, one.repair), one)
        ensured = {ident: one for (ident, how), one in wanted.items()
                   if how == differences.ENSURE}
        failed: list[tuple[differences.Deviation, str]] = []
        give = self._parts.giving(widen=widen)
        if {differences.RULES, differences.ENSURE} & {
                how for _, how in wanted}:
            give.begin()
        # First what was begun, then access, then all the rest.
        order: tuple[tuple[str, Callable[[differences.Deviation], None]],
                     ...] = (
            (differences.SNAPSHOT, self._snapshot),
            (differences.GO_ON, self._go_on),
            (differences.RULES, functools.partial(self._rules, give)),
            (differences.EXTEND, functools.partial(self._size, shrink=False)),
            (differences.SHRINK, functools.partial(self._size, shrink=True)))
        for how, work in order:
            for (_, repair), one in wanted.items():
                if repair == how:
                    _, error = exception.caught(functools.partial(work, one))
                    if error is not None:
                        failed.append((one, str(error)))
        failed += self._ensure(ensured, give)
        return failed + self._removing.run(report, remove)

    @property
    def _removing(self) -> removing.Removing:
        parts = self._parts
        return removing.Removing(
            parts.driving, self._recorded,
            lambda ident: parts.desk.alone([ident]))

    def _recorded(self, one: differences.Deviation) -> bool:
        registry = self._parts.registry
        return registry.shares.get(one.ident) is not None \
            or registry.snapshots.get(one.ident) is not None

    def _ensure(self, wanted: dict[str, differences.Deviation],
                give: giving.Giving,
                ) -> list[tuple[differences.Deviation, str]]:
        shares = self._parts.registry.shares
        found = [record for record in map(shares.get, wanted)
                 if record is not None]
        if not found:
            return []
        states, error = exception.caught(functools.partial(
            ensuring.Ensuring(self._parts, give).ensure, found))
        if states is None:
            return [(wanted[record.id], str(error)) for record in found]
        return [(wanted[record.id], f'{state.state}: {state.why}')
                for record, state in zip(found, states, strict=True)
                if state.state != ensuring.WHOLE]

    def _rules(self, give: giving.Giving,
               one: differences.Deviation) -> None:
        """Give the rules of a share that are in force, and no other."""
        parts = self._parts
        with parts.desk.alone([one.ident]):
            record = parts.registry.shares.get(one.ident)
            if record is not None:
                tasks.reachable(record, reverting.REVERT)
                give.again(parts.rules, record)

    def _size(self, one: differences.Deviation, *, shrink: bool) -> None:
        """Give a share the size once more that is recorded.

        :raises PossibleDataLoss: more is in use; nothing was changed.
        """
        parts = self._parts
        with parts.desk.alone([one.ident]):
            record = parts.registry.shares.get(one.ident)
            if record is not None and record.size and record.task is None:
                resizing.again(parts, record, shrink=shrink)

    def _go_on(self, one: differences.Deviation) -> None:
        parts = self._steady(one)
        record = parts.registry.shares.get(one.ident)
        if record is None or record.task is None:
            return
        chosen, begun = share.Share(parts, record), comparing.task(record)
        if begun in making.STATUS:
            chosen.make()
        elif begun == 'resize':
            chosen.resize(int(record.task['size']))
        elif begun == 'copy':
            waiting.Waiting(parts).look(record)
        elif begun == reverting.REVERT:
            chosen.revert()
        elif begun == 'delete':
            chosen.delete()
        else:
            chosen.release()

    def _snapshot(self, one: differences.Deviation) -> None:
        parts = self._steady(one)
        record = parts.registry.snapshots.get(one.ident)
        if record is None or record.status == taking.AVAILABLE:
            return
        if parts.registry.shares.get(record.share_id) is not None:
            snapshot.Snapshot(parts, record).make()

    def _steady(self, one: differences.Deviation) -> 'Parts':
        """Return parts with which nothing is done to what has changed since.

        That is looked at under the lock of each operation, so that nobody can
        come between.
        """
        registry = self._parts.registry

        def need() -> None:
            record = registry.shares.get(one.ident) \
                or registry.snapshots.get(one.ident)
            if record is not None and one.begun != comparing.begun(record):
                raise exception.Busy(
                    f'{one.subject} has changed since the audit',
                    answer=record.status, check=removing.AGAIN)
        return dataclasses.replace(self._parts, need=need)


def need_plans(backend: driving.Driving) -> None:
    """Raise Unsupported unless the driver can say what it would do."""
    driver = backend.driver
    if not (driver.SHOWS_PLANS or driver.SHOWS_REPAIRS):
        raise exception.Unsupported(
            f'{type(driver).__name__} cannot say what it would do, so that '
            'it cannot be audited')


def _of_both(before: comparing.Recorded,
             after: comparing.Recorded) -> comparing.Recorded:
    """Return what was known, with the ids of what came meanwhile."""
    return dataclasses.replace(
        before, ids=before.ids | after.ids,
        snapshot_ids=before.snapshot_ids | after.snapshot_ids)
