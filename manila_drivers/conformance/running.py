#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Runs the large suites on all cores and says how much was tried."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import os
import re
import time
from typing import TypeVar

from manila_drivers.conformance import access_property
from manila_drivers.conformance import lab as lab_module
from manila_drivers.conformance import parallel
from manila_drivers.conformance import sweep
from manila_drivers.conformance import verdict

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
    """What a suite did.

    :param cases: how many were played.
    :param whole: of how many.
    :param steps: how many steps or external calls they had in all.
    :param violations: what went wrong, at most a few per process.
    """

    name: str
    cases: int
    whole: int
    steps: int
    seconds: float
    violations: tuple[verdict.Violation, ...]

    def __str__(self) -> str:
        return (f'{self.name}, {choice()} of {self.whole}: '
                f'{self.cases} cases, {self.steps} steps, '
                f'{self.seconds:.0f} s, '
                f'{len(self.violations) or "no"} violations')

    def verify(self) -> None:
        """Raise the first violation, with how many others there were.

        :raises Violation: that one, or ``nothing.played``: a run of no cases
            proves nothing.
        """
        verdict.require(self.cases > 0, 'nothing.played', str(self))
        if not self.violations:
            return
        first = self.violations[0]
        others = '\n'.join(
            str(other)[:400] for other in self.violations[1:8])
        raise verdict.Violation(first.check, f'{first.text}\n{self}\n'
                                             f'{others}')


#: A process stops here: one defect makes thousands of cases fail.
ENOUGH = 20

_Part = tuple[int, int, list[verdict.Violation]]


def seeds(number: int = 0, first: int = 0) -> Sequence[int]:
    """Return the seeds of the histories that this run plays.

    :param number: how many there are in a whole run; 0 for the usual number.
    """
    return chosen(range(first, first + (number or HISTORIES)))


def histories(make_lab: lab_module.MakeLab, number: int = 0,
              first: int = 0) -> Report:
    """Play random histories of access rules, or this run's part of them.

    :param number: how many in a whole run; 0 for the usual number.
    :param first: the first seed.
    """
    started = time.monotonic()
    parts = parallel.spread(functools.partial(_play_seeds, make_lab),
                            seeds(number, first))
    return _report(f'access histories of {_name(make_lab)}', parts,
                   number or HISTORIES, started)


def _name(make_lab: lab_module.MakeLab) -> str:
    lab = make_lab()
    try:
        return lab.name
    finally:
        lab.close()


def _play_seeds(make_lab: lab_module.MakeLab,
                seeds: Sequence[int]) -> _Part:
    steps, played, found = 0, 0, []
    for seed in seeds:
        played += 1
        try:
            steps += access_property.run_seed(make_lab, seed)
        except verdict.Violation as violation:
            found.append(violation)
            # The history has been shortened, which takes its time.
            if len(found) >= 3:
                break
    return played, steps, found


def sweep_cases(make_lab: lab_module.MakeLab,
                known: Mapping[str, sweep.Reference],
                only: Sequence[str] = ()) -> list[sweep.Case]:
    """Return every case of the fault sweep, then the storms."""
    lab = make_lab()
    try:
        return [*sweep.cases(lab, known), *_storms(lab, known, only)]
    finally:
        lab.close()


def _storms(lab: lab_module.Lab, known: Mapping[str, sweep.Reference],
            only: Sequence[str]) -> Iterator[sweep.Case]:
    if lab.faults:
        for seed in range(20 * len(only) or STORMS):
            yield sweep.storm(lab, known, seed)


def faults(make_lab: lab_module.MakeLab, only: Sequence[str] = (),
           part: float = 1.0) -> Report:
    """Disturb every call of every operation in every way.

    :param only: names of operations; all if there are none.
    :param part: of the cases, evenly chosen, for a driver whose whole run
        takes too long; of these, this run's part is played.
    """
    started = time.monotonic()
    known = sweep.references(make_lab, only)
    whole = sweep_cases(make_lab, known, only)[::max(1, round(1 / part))]
    parts = parallel.spread(
        functools.partial(_play_cases, make_lab, tuple(known)),
        chosen(whole))
    return _report(f'fault sweep of {_name(make_lab)}', parts, len(whole),
                   started)


def _play_cases(make_lab: lab_module.MakeLab, names: Sequence[str],
                cases: Sequence[sweep.Case]) -> _Part:
    known = sweep.references(make_lab, names)
    calls, played = 0, 0
    found: list[verdict.Violation] = []
    for case in cases:
        played += 1
        calls += known[case.operation].calls
        try:
            sweep.run(make_lab, known, case)
        except verdict.Violation as violation:
            found.append(violation)
            if len(found) >= ENOUGH:
                break
    return played, calls, found


def _report(name: str, parts: Sequence[_Part], whole: int,
            started: float) -> Report:
    return Report(
        name, sum(part[0] for part in parts), whole,
        sum(part[1] for part in parts), time.monotonic() - started,
        tuple(violation for part in parts for violation in part[2]))
