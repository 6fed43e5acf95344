# SPDX-License-Identifier: Apache-2.0

"""Tell a run's end: the outcome of each stage, and totals.

Nothing here asks anybody or starts anything.
"""

from collections.abc import Iterable
import dataclasses
import re

from tools.ci import stages
from tools.ci import warden

COLOURS = re.compile(r'\x1b\[[0-9;]*m')
# pytest's last line, with rulers or without, and check_install's.
TOTALS = re.compile(
    r'^(?:=+ )?(?P<counts>\d+ [a-z]+(?:, \d+ [a-z]+)*)'
    r'(?: in [\d.]+s(?: \([\d:]+\))?(?: =+)?)?$')
PLAYED = re.compile(r'^played: (.*)$', re.MULTILINE)
# pytest's short summary; "-" comes before the reason.
BAD = re.compile(r'^(?:FAILED|ERROR) (\S+::.*)$', re.MULTILINE)
# So much of each, and so many of a stage, are told again at the end.
WIDTH, MANY = 240, 30

OK, FAILED, TIMEOUT, EMPTY, NOT_RUN = (
    'ok', 'FAILED', 'TOO LONG', 'NO TESTS', 'NOT RUN')

PREPARE = 'prepare'

WORDS = {'passed': 'passed', 'xfailed': 'passed', 'failed': 'failed',
         'error': 'failed', 'errors': 'failed', 'skipped': 'skipped'}


@dataclasses.dataclass
class Counts:
    """Tests of a stage; one that is expected to fail has passed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return (f'{self.passed} passed, {self.failed} failed, '
                f'{self.skipped} skipped')

    def add(self, other: 'Counts') -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


@dataclasses.dataclass
class Report:
    """Hold what became of one stage."""

    name: str
    outcome: str
    seconds: float = 0.0
    cpu: float = 0.0
    counts: Counts | None = None
    played: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    bad: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        counts = '' if self.counts is None else str(self.counts)
        return '; '.join(filter(None, (
            f'{self.name:<12} {self.outcome:<8} {self.seconds:5.0f} s '
            f'{self.cpu:5.0f} CPU s   {counts}'.rstrip(), *self.notes)))


def counted(output: str) -> Counts:
    """Return the totals that test runners have written, added up."""
    found = Counts()
    for line in output.splitlines():
        match = TOTALS.match(line.strip())
        if match:
            for number, word in re.findall(r'(\d+) ([a-z]+)',
                                           match['counts']):
                field = WORDS.get(word)
                if field:
                    setattr(found, field, getattr(found, field) + int(number))
    return found


def judge(stage: stages.Stage, output: str,
          result: warden.Result | None) -> Report:
    """Return the report of a stage from its output and its end.

    :param result: None if its warden has not said anything.
    """
    output = COLOURS.sub('', output)
    report = Report(stage.name, FAILED, played=PLAYED.findall(output),
                    bad=[line[:WIDTH] for line in BAD.findall(output)])
    if stage.counts:
        report.counts = counted(output)
    if result is None:
        report.notes.append('its warden is gone')
        return report
    report.seconds, report.cpu = result.seconds, result.cpu
    report.outcome = _outcome(stage, output, result, report)
    if result.ended:
        report.notes.append(f'ended {result.ended}')
    elif result.code:
        report.notes.append(f'exit code {result.code}')
    for what, names in (('left behind', result.left),
                        ('could not be ended', result.immortal)):
        if names:
            report.notes.append(f'{what}: {", ".join(names)}')
    return report


def _outcome(stage: stages.Stage, output: str, result: warden.Result,
             report: Report) -> str:
    if result.ended:
        return TIMEOUT if result.ended.startswith('after') else FAILED
    if result.code != 0 or (report.counts and report.counts.failed):
        return FAILED
    if report.counts and not report.counts.passed:
        return EMPTY
    missing = stage.missing(output)
    if missing:
        report.notes.append(f'its output has no {missing!r}')
        return EMPTY
    return OK


def text(reports: Iterable[Report], turn: stages.Turn,
         seconds: float, machine: str) -> tuple[str, bool]:
    """Return the last lines of a run, and whether all is well.

    Which tests failed comes after all else: of a long output often only the
    end is kept. The very last line counts tests.  A stage that did not do
    what it should, although none of its tests failed, counts as one failure.
    """
    reports = list(reports)
    total = Counts()
    cpu = sum(one.cpu for one in reports)
    lines = [f'=== summary, {seconds:.0f} s in all, {cpu:.0f} CPU s',
             str(turn), machine, *map(str, reports)]
    for one in reports:
        lines += [f'    {one.name}: {played}' for played in one.played]
        if one.counts is not None:
            total.add(one.counts)
        elif one.outcome == OK and one.name != PREPARE:
            # A demo that went through all its steps.
            total.passed += 1
        if one.outcome != OK and not (one.counts and one.counts.failed):
            total.failed += 1
    for one in reports:
        lines += [f'failed in {one.name}: {name}' for name in one.bad[:MANY]]
        if len(one.bad) > MANY:
            lines.append(f'failed in {one.name}: {len(one.bad) - MANY} more')
    bad = [one.name for one in reports if one.outcome != OK]
    lines.append('not ok: ' + ', '.join(bad) if bad
                 else f'all {len(reports)} stages are ok')
    nothing = not total.passed and {one.name for one in reports} != {PREPARE}
    lines.append(str(total))
    return '\n'.join(lines), not bad and not nothing
