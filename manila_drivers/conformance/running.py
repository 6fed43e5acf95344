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

from collections.abc import Sequence
import dataclasses
import functools
import os
import time

from manila_drivers.conformance import access_property
from manila_drivers.conformance import lab as lab_module
from manila_drivers.conformance import parallel
from manila_drivers.conformance import sweep
from manila_drivers.conformance import verdict

#: Histories and storms of a whole run.
HISTORIES = 10_000
STORMS = 500


def scale() -> float:
    """The part of a whole run that is wanted: 1, or less for a laptop.

    :raises ValueError: ``MANILA_DRIVERS_SCALE`` is no number above 0.
    """
    wanted = float(os.environ.get('MANILA_DRIVERS_SCALE', '') or 1)
    if not 0 < wanted <= 1:
        raise ValueError('MANILA_DRIVERS_SCALE is above 0 and at most 1')
    return wanted


@dataclasses.dataclass(frozen=True)
class Report:
    """What a suite did.

    :param cases: how many were played.
    :param steps: how many steps or external calls they had in all.
    :param violations: what went wrong, at most a few per process.
    """

    name: str
    cases: int
    steps: int
    seconds: float
    violations: tuple[verdict.Violation, ...]

    def __str__(self) -> str:
        return (f'{self.name}: {self.cases} cases, {self.steps} steps, '
                f'{self.seconds:.0f} s, '
                f'{len(self.violations) or "no"} violations')

    def verify(self) -> None:
        """:raises Violation: the first one, with how many others."""
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


def histories(make_lab: lab_module.MakeLab, number: int = 0,
              first: int = 0) -> Report:
    """Play random histories of access rules.

    :param number: how many; 0 for a whole run, scaled.
    :param first: the first seed.
    """
    seeds = range(first, first + (number or int(HISTORIES * scale())))
    started = time.monotonic()
    parts = parallel.spread(
        functools.partial(_play_seeds, make_lab), seeds)
    return _report(f'access histories {seeds[0]} to {seeds[-1]}', parts,
                   started)


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


def faults(make_lab: lab_module.MakeLab, only: Sequence[str] = (),
           part: float = 1.0) -> Report:
    """Disturb every call of every operation in every way.

    :param only: names of operations; all if there are none.
    :param part: of the cases, evenly chosen; scaled as well.
    """
    started = time.monotonic()
    known = sweep.references(make_lab, only)
    lab = make_lab()
    chosen = list(sweep.cases(lab, known))
    if lab.faults:
        chosen += [sweep.storm(lab, known, seed) for seed in range(
            STORMS if not only else 20 * len(only))]
    lab.close()
    chosen = chosen[::max(1, round(1 / (part * scale())))]
    parts = parallel.spread(
        functools.partial(_play_cases, make_lab, tuple(known)), chosen)
    return _report('fault sweep', parts, started)


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


def _report(name: str, parts: Sequence[_Part], started: float) -> Report:
    return Report(
        name, sum(part[0] for part in parts), sum(part[1] for part in parts),
        time.monotonic() - started,
        tuple(violation for part in parts for violation in part[2]))
