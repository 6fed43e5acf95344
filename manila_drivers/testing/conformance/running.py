# SPDX-License-Identifier: Apache-2.0

"""Runs the large suites on all cores and says how much was tried."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import os
import re
import time
from typing import Any
from typing import TypeVar

from manila_drivers.testing.conformance import access_property
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import operations
from manila_drivers.testing.conformance import packing
from manila_drivers.testing.conformance import parallel
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import MakeLab

#: Histories and storms of a whole run.
HISTORIES = 10_000
STORMS = 500

Item = TypeVar('Item')


def scale() -> float:
    """The part of a whole run that is wanted: 1, or less for a laptop.

    :raises ValueError: ``MANILA_DRIVERS_SCALE`` is no number above 0.
    """
    wanted = float(os.environ.get('MANILA_DRIVERS_SCALE', '') or 1)
    if not 0 < wanted <= 1:
        raise ValueError('MANILA_DRIVERS_SCALE is above 0 and at most 1')
    return wanted


def slice_of() -> tuple[int, int] | None:
    """Return the slice that is wanted as (number, of how many), if one is.

    ``MANILA_DRIVERS_SLICE=2/5`` is the second of five, which together are a
    whole run.

    :raises ValueError: it is anything but two such numbers.
    """
    wanted = os.environ.get('MANILA_DRIVERS_SLICE', '')
    if not wanted:
        return None
    found = re.fullmatch(r'(\d{1,4})/(\d{1,4})', wanted)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError(
            f'MANILA_DRIVERS_SLICE={wanted} is not a slice such as 2/5')
    return int(found[1]), int(found[2])


def choice() -> str:
    """Return what of a whole run is played, in words for a report."""
    wanted = slice_of()
    if wanted:
        return '%d/%d' % wanted
    return 'all' if scale() == 1 else f'{scale():g}'


def chosen(items: Sequence[Item]) -> Sequence[Item]:
    """Return the items of this run, evenly spread over all of them.

    A slice is exact: each item is in one of them, whatever the scale.
    Without a slice the scale decides how many there are, at least one.
    """
    wanted = slice_of()
    if wanted:
        number, slices = wanted
        return items[number - 1::slices]
    return items[::max(1, round(1 / scale()))]


@dataclasses.dataclass(frozen=True)
class Report:
    """Hold what a suite did.

    :param cases: how many were played.
    :param whole: of how many.
    :param steps: how many steps or external calls they had in all.
    :param violations: what went wrong, at most a few per process.
    :param blind: why the suite could not see what it is about; it has shown
        nothing then.
    :param between: why nobody could look while something was under way.
    :param omitted: what was not played, and why.
    """

    name: str
    cases: int
    whole: int
    steps: int
    seconds: float
    violations: tuple[verdict.Violation, ...]
    blind: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = (f'{self.name}, {choice()} of {self.whole}: '
                f'{self.cases} cases, {self.steps} steps, '
                f'{self.seconds:.0f} s, '
                f'{len(self.violations) or "no"} violations')
        reasons = (*self.blind, *self.between, *self.omitted)
        return '; not tried: '.join((told, *reasons))

    def verify(self) -> None:
        """Require that all was seen, and that nothing was wrong.

        :raises Violation: the first one, with how many others; or
            ``nothing.played``: a run of no cases proves nothing.
        :raises NotTried: the lab gave too little to look at.
        """
        self.verify_ends()
        self.verify_between()

    def verify_ends(self) -> None:
        """Require that all was right whenever something had ended.

        :raises Violation: as ``verify`` does.
        :raises NotTried: the suite could not see what it is about.
        """
        self._no_violations(lambda check: not _meanwhile(check))
        self._not_blind(self.blind)
        verdict.require(self.cases > 0, 'nothing.played', str(self))

    def verify_between(self) -> None:
        """Require that all was right while something was under way.

        :raises Violation: as ``verify`` does.
        :raises NotTried: nobody could look meanwhile.
        """
        self._no_violations(_meanwhile)
        self._not_blind((*self.blind, *self.between))

    def _no_violations(self, wanted: Callable[[str], bool]) -> None:
        found = [one for one in self.violations if wanted(one.check)]
        if found:
            others = '\n'.join(str(other)[:400] for other in found[1:8])
            raise verdict.Violation(found[0].check, (
                f'{found[0].text}\n{self}\n{others}'))

    @staticmethod
    def _not_blind(reasons: Sequence[str]) -> None:
        if reasons:
            raise verdict.NotTried('; '.join(reasons))


def _meanwhile(check: str) -> bool:
    return check in ('access.too-wide-meanwhile', 'access.interrupted')


#: A process stops here: one defect makes thousands of cases fail.
ENOUGH = 20



@dataclasses.dataclass(frozen=True)
class _Part:
    """Hold what one process did of a suite.

    :param looks: how often somebody looked while something was under way.
    :param unseen: kinds of evidence that were missing in every case; None
        if no case was played to its end.
    :param felt: names of faults that made a difference.
    """

    cases: int
    steps: int
    violations: list[verdict.Violation]
    looks: int = 0
    unseen: frozenset[str] | None = None
    felt: frozenset[str] = frozenset()


def seeds(number: int = 0, first: int = 0) -> Sequence[int]:
    """Return the seeds of the histories that this run plays.

    :param number: how many there are in a whole run; 0 for the usual number.
    """
    return chosen(range(first, first + (number or HISTORIES)))


def histories(make_lab: MakeLab, number: int = 0,
              first: int = 0) -> Report:
    """Play random histories of access rules, or this run's part of them.

    :param number: how many in a whole run; 0 for the usual number.
    :param first: the first seed.
    """
    started = time.monotonic()
    parts = parallel.spread(functools.partial(_play_seeds, make_lab),
                            seeds(number, first))
    unseen = [part.unseen for part in parts if part.unseen is not None]
    blind = sorted(frozenset.intersection(*unseen)) if unseen else []
    between = () if any(part.looks for part in parts) else (
        'nobody could look between the changes of a step: '
        + evidence.UNSEEN[evidence.CALLS],)
    name, omitted = _asked(make_lab, lambda lab: (
        lab.name, () if lab.tampers() else (evidence.NOT_GIVEN['tampers'],)))
    return dataclasses.replace(
        _report(f'access histories of {name}', parts, number or HISTORIES,
                started),
        blind=tuple(evidence.UNSEEN[kind] for kind in blind),
        between=between, omitted=omitted)


def _asked(make_lab: MakeLab,
           question: Callable[[Lab], Item]) -> Item:
    """Make a lab only to ask it something."""
    lab = make_lab()
    try:
        return question(lab)
    finally:
        lab.close()


def _play_seeds(make_lab: MakeLab,
                seeds: Sequence[int]) -> _Part:
    steps, looks, played, found = 0, 0, 0, []
    unseen: frozenset[str] | None = None
    for seed in seeds:
        played += 1
        try:
            tally = access_property.run_seed(make_lab, seed)
            steps, looks = steps + tally.steps, looks + tally.looks
            missing = frozenset(tally.unseen)
            unseen = missing if unseen is None else unseen & missing
        except verdict.Violation as violation:
            found.append(violation)
            # The history has been shortened, which takes its time.
            if len(found) >= 3:
                break
    return _Part(played, steps, found, looks, unseen)


def sweep_cases(make_lab: MakeLab,
                known: Mapping[str, sweep.Reference],
                only: Sequence[str] = ()) -> list[sweep.Case]:
    """Return every case of the fault sweep, then the storms."""
    def cases(lab: Lab) -> list[sweep.Case]:
        found = list(sweep.cases(lab, known))
        # Storms meet calls, and there may be none.
        return [*found, *_storms(lab, known, only)] if found else []
    return _asked(make_lab, cases)


def _storms(lab: Lab, known: Mapping[str, sweep.Reference],
            only: Sequence[str]) -> Iterator[sweep.Case]:
    if evidence.given(lab, 'faults'):
        for seed in range(20 * len(only) or STORMS):
            yield sweep.storm(lab, known, seed)


def faults(make_lab: MakeLab, only: Sequence[str] = (),
           part: float = 1.0) -> Report:
    """Disturb every call of every operation in every way.

    :param only: names of operations; all if there are none.
    :param part: of the cases, evenly chosen, for a driver whose whole run
        takes too long; of these, this run's part is played.
    """
    started = time.monotonic()
    known = sweep.references(make_lab, only)
    whole = sweep_cases(make_lab, known, only)[::max(1, round(1 / part))]
    parts = parallel.spread(functools.partial(
        _play_cases, make_lab, packing.packed(known)), chosen(whole)
    ) if whole else []
    name, able, omitted = _asked(make_lab, lambda lab: (
        lab.name, evidence.given(lab, 'faults'),
        [] if only else operations.untried(lab)))
    omitted += [f'{operation}: it made no external call that could fail'
                for operation, reached in known.items() if not reached.calls]
    return dataclasses.replace(
        _report(f'fault sweep of {name}', parts, len(whole), started),
        blind=tuple(sweep.unseen(known)), between=_no_faults(able, parts),
        omitted=tuple(omitted))


def _no_faults(able: bool, parts: Sequence[_Part]) -> tuple[str, ...]:
    """Why no call has failed without the process ending."""
    if not able:
        return (evidence.NOT_GIVEN['faults'],)
    if not any(part.felt for part in parts):
        return ('no fault made any difference to a call, whatever arm() did',)
    return ()


def _play_cases(make_lab: MakeLab, packed: Mapping[str, Any],
                cases: Sequence[sweep.Case]) -> _Part:
    known = packing.unpacked(make_lab, packed)
    calls, played = 0, 0
    found: list[verdict.Violation] = []
    felt: set[str] = set()
    for case, outcome in sweep.run_all(make_lab, known, cases):
        played += 1
        calls += known[case.operation].calls
        if isinstance(outcome, verdict.Violation):
            found.append(outcome)
            if len(found) >= ENOUGH:
                break
        elif outcome:
            felt.update(strike.fault.name for strike in case.strikes
                        if not strike.fault.kills)
    return _Part(played, calls, found, felt=frozenset(felt))


def _report(name: str, parts: Sequence[_Part], whole: int,
            started: float) -> Report:
    return Report(
        name, sum(part.cases for part in parts), whole,
        sum(part.steps for part in parts), time.monotonic() - started,
        tuple(violation for part in parts for violation in part.violations))
