# SPDX-License-Identifier: Apache-2.0

"""Make a backend what Manila's API tells, and tell Manila nothing.

Manila works meanwhile.  So each share is asked for once more before it is
touched, and its rules before and after they are given: as long as they differ
they are given again, so that no access stays of a list that is of before.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import functools
import time
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import owed
from manila_drivers.audit import differences
from manila_drivers.audit import manila_view
from manila_drivers.audit import widening
from manila_drivers.direct import checking
from manila_drivers.direct import driving
from manila_drivers.direct import giving
from manila_drivers.direct import resizing
from manila_drivers.direct import rows
from manila_drivers.manila_api import client
from manila_drivers.manila_api import records

#: Seconds that rules have to come to rest, and between two looks at them.
REST, PAUSE = 60.0, 1.0
#: Times that rules are given that change while they are.
ROUNDS = 5
_AGAIN = 'audit again, once Manila has ended that'

Failures = list[tuple[differences.Deviation, str]]
Rules = tuple[records.ApiRule, ...]


@dataclasses.dataclass(frozen=True)
class Repairing:
    """Repair shares of one backend, as far as a driver can.

    :param view: all that Manila has told just now, but for rules.
    :param row: returns the row of an instance, as Manila hands it out.
    :param give: decides which rules are given.
    """

    driving: driving.Driving
    lists: client.ManilaLists
    view: manila_view.ManilaView
    row: Callable[[manila_view.ManilaView, records.ApiInstance],
                  dict[str, Any]]
    give: giving.Giving
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    # -- plan ------------------------------------------------------------

    def plan(self, report: differences.AuditReport,
             ) -> tuple[list[str], Failures]:
        """Return what would be done, a line each; changes nothing.

        :returns: and what could not be planned, with the reason.
        """
        wanted, lines = _wanted(report), list[str]()
        failed: Failures = []
        for how in (differences.RULES, differences.EXTEND,
                    differences.SHRINK):
            for one in wanted.get(how, {}).values():
                steps, error = exception.caught_any(functools.partial(
                    self._steps, how, one))
                lines += steps or ()
                if error is not None:
                    failed.append((one, str(error)))
        steps, left = checking.plan_each(
            wanted.get(differences.ENSURE, {}).values(), self._ensured)
        return lines + steps, failed + left

    def _ensured(self, wanted: list[differences.Deviation],
                 ) -> tuple[list[str], Failures]:
        """Return what the driver's check would do.

        :raises BackendError: Manila has not told all of them.
        """
        chosen = [self.row(self.view, self._told(instance)) for instance in (
            self.view.instances.get(one.ident) for one in wanted)
            if instance is not None]
        return list(map(str, self.driving.preview(
            'check shares', '', lambda driver: driver.check_shares(chosen),
            repairs=True) if chosen else ())), []

    def _steps(self, how: str, one: differences.Deviation) -> list[str]:
        """Return the steps for one share, or words where there are none."""
        instance = self.view.instances.get(one.ident)
        if instance is None:
            return []
        self._told(instance)
        words = f'{one.kind}: {one.subject}: '
        work = self._work(how, instance)
        if work is None:
            return []
        if not self.driving.driver.SHOWS_PLANS:
            return [words + ('its rules are given again'
                             if how == differences.RULES else
                             f'it is given {one.expected} again')]
        return [f'{words}{step}' for step in self.driving.preview(
            'repair share', one.subject, work)]

    def _work(self, how: str, instance: records.ApiInstance,
              ) -> Callable[[Any], Any] | None:
        """Return the call that repairs a share, None if there is none."""
        if how == differences.RULES:
            return self._given(
                instance, self.lists.rules(instance.share_id))[0]
        row = self._row(instance)
        return functools.partial(resizing.call, row=row, size=row['size'],
                                 shrink=how == differences.SHRINK)

    def _row(self, instance: records.ApiInstance) -> dict[str, Any]:
        """Return the row of a share, with the size that it has now."""
        share = self.lists.share(instance.share_id)
        return self.row(dataclasses.replace(
            self.view, shares={**self.view.shares, share.id: share}),
            instance)

    def _given(self, instance: records.ApiInstance, rules: Rules,
               ) -> tuple[Callable[[Any], Any] | None, widening.Widening]:
        """Return the call that makes access what these rules say.

        :returns: None if it must not be made; and whom it does not let in.
        """
        view = dataclasses.replace(
            self.view, rules={instance.share_id: rules})
        wanted = [rule for rule in manila_view.rules(view, instance) or ()
                  if rule.state == 'active']
        decided = self.give.decide(instance.id, wanted)
        if decided.narrow is None:
            return None, decided
        row, chosen = self.row(view, instance), rows.rules(decided.narrow)
        return lambda driver: driver.update_access(
            None, row, chosen, [], [], [],
            share_server=row['share_server']), decided

    # -- run -------------------------------------------------------------

    def run(self, report: differences.AuditReport) -> Failures:
        """Do what :meth:`plan` says; one failure stops no other.

        :returns: what could not be repaired, with the reason.
        """
        wanted, failed = _wanted(report), []
        if differences.RULES in wanted or differences.ENSURE in wanted:
            self.give.begin()
        for how, work in (
                (differences.RULES, self._rules),
                (differences.EXTEND, functools.partial(
                    self._size, differences.EXTEND)),
                (differences.SHRINK, functools.partial(
                    self._size, differences.SHRINK))):
            for ident, one in wanted.get(how, {}).items():
                _, error = exception.caught(functools.partial(
                    self._alone, ident, work))
                if error is not None:
                    failed.append((one, str(error)))
        return failed + self._ensure(wanted.get(differences.ENSURE, {}))

    def _alone(self, ident: str,
               work: Callable[[records.ApiInstance], None]) -> None:
        """Do something to a share unless Manila does.

        :raises DriverError: Manila works on it, or it cannot be done.
        """
        work(self._now(ident))

    def _now(self, ident: str) -> records.ApiInstance:
        """Return an instance that Manila has as it was listed.

        :raises Busy: it has not, or works on it.
        :raises NotFound: Manila has it no more.
        :raises BackendError: Manila does not tell all of it.
        """
        known = next((one for one in self.view.here if one.id == ident), None)
        if known is None:
            raise exception.NotFound(
                f'Manila has share instance {ident} here no more',
                check=_AGAIN)
        now = self.lists.instance(ident)
        if now.status not in manila_view.STEADY or _stamp(now, when=False) \
                != _stamp(known, when=False):
            raise exception.Busy(
                f'Share {self.view.name(known)} has changed since the audit',
                answer=now.status, check=_AGAIN)
        return self._told(now)

    def _told(self, instance: records.ApiInstance) -> records.ApiInstance:
        """Return an instance of which Manila has told all but its rules.

        :raises BackendError: it has not.
        """
        missing = manila_view.untold(self.view, instance)
        if missing:
            raise exception.BackendError(
                f'Manila does not tell {missing} of share '
                f'{self.view.name(instance)}', check='audit again')
        return instance

    def _unchanged(self, before: records.ApiInstance) -> None:
        after = self.lists.instance(before.id)
        if _stamp(after, when=True) != _stamp(before, when=True):
            raise exception.Busy(
                f'Share {self.view.name(before)} was changed while it was '
                'repaired, so that the backend may have what it was before',
                answer=after.status, check=_AGAIN)

    def _rules(self, instance: records.ApiInstance) -> None:
        """Give the rules of a share until Manila has no others.

        :raises Busy: they do not come to rest.
        :raises InvalidRule: the backend cannot honour one.
        :raises InvalidRequest: some would give access to whom the backend
            does not let in; others were given.
        """
        rules = self._at_rest(instance)
        for _ in range(ROUNDS):
            work, decided = self._given(instance, rules)
            answer = None if work is None else self.driving.call(work)
            given, rules = rules, self._at_rest(instance)
            if _as_set(given) == _as_set(rules):
                refused = access.refusals(answer)
                if refused:
                    raise exception.InvalidRule(*next(iter(refused.items())))
                decided.need(self.view.name(instance))
                return
        raise self._restless(instance)

    def _at_rest(self, instance: records.ApiInstance) -> Rules:
        """Return the rules of a share, none of which Manila works on."""
        end = self.clock() + REST
        while True:
            rules = self.lists.rules(instance.share_id)
            if not manila_view.pending(rules):
                return rules
            if self.clock() >= end:
                raise self._restless(instance)
            self.sleep(PAUSE)

    def _restless(self, instance: records.ApiInstance) -> exception.Busy:
        return exception.Busy(
            f'The rules of share {self.view.name(instance)} change all the '
            'time', check=_AGAIN)

    def _size(self, how: str, instance: records.ApiInstance) -> None:
        work = self._work(how, instance)
        if work is not None:
            self.driving.call(work)
        self._unchanged(instance)

    def _ensure(self, wanted: Mapping[str, differences.Deviation],
                ) -> Failures:
        """Have the driver check and mend shares, all at once."""
        failed: Failures = []
        chosen: dict[str, records.ApiInstance] = {}
        for ident, one in wanted.items():
            now, error = exception.caught(functools.partial(self._now, ident))
            if now is not None:
                chosen[ident] = now
            else:
                failed.append((one, str(error)))
        if not chosen:
            return failed
        answers, error = exception.caught(functools.partial(
            self._checked, chosen.values()))
        for ident, instance in chosen.items():
            _, why = (None, error) if answers is None else exception.caught(
                functools.partial(self._ended, instance,
                                  answers.get(ident) or {}))
            if why is not None:
                failed.append((wanted[ident], str(why)))
        return failed

    def _checked(self, chosen: Iterable[records.ApiInstance],
                 ) -> Mapping[str, Mapping[str, Any]]:
        shares = [self._row(instance) for instance in chosen]
        found: Mapping[str, Mapping[str, Any]] = self.driving.call(
            lambda driver: driver.check_shares(shares))
        return found

    def _ended(self, instance: records.ApiInstance,
               answer: Mapping[str, Any]) -> None:
        """Do what Manila would do on a driver's answer, but in Manila.

        :raises DriverError: it was not mended, or not all of it.
        """
        self._unchanged(instance)
        name = self.view.name(instance)
        if answer.get('status') == 'error':
            raise exception.NotFound(
                f'Share {name} is not on the backend any more, or not whole')
        # Of a share without rules Manila asks nothing: one that it has taken
        # over keeps its clients until the first.
        if answer.get(owed.RULES) and self._at_rest(instance):
            self._rules(instance)
            self._unchanged(instance)
        elif answer.get(owed.OWED):
            raise exception.BackendError(
                f'Share {name} was not checked to the end',
                answer=str(answer[owed.OWED]))
        paths = {one['path'] for one in rows.locations(
            answer.get('export_locations'))}
        known = set(self.view.paths.get(instance.id, ()))
        if paths and paths != known:
            raise exception.BackendError(
                f'Share {name} is in order, and has other export locations '
                'than Manila tells', answer=', '.join(sorted(paths)),
                check='openstack share service ensure shares, so that Manila '
                'learns them')


def _wanted(report: differences.AuditReport,
            ) -> dict[str, dict[str, differences.Deviation]]:
    """Return the first difference of each share, by how it is repaired."""
    found: dict[str, dict[str, differences.Deviation]] = {}
    for one in report.differences:
        if one.repair:
            found.setdefault(one.repair, {}).setdefault(one.ident, one)
    return found


def _stamp(instance: records.ApiInstance, *, when: bool) -> tuple[str, ...]:
    """Return what a change of an instance changes.

    :param when: with the time of the last one, which lists do not tell in
        each release.
    """
    return (instance.status, instance.host, instance.share_id,
            instance.server_id, str(instance.read_only),
            instance.updated_at * when)


def _as_set(rules: Rules) -> set[tuple[str, str, str, str, bool]]:
    return {(rule.id, rule.kind, rule.target, rule.level,
             rule.state == 'active') for rule in rules}
