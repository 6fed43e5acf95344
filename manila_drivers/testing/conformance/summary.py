# SPDX-License-Identifier: Apache-2.0

"""Tell what a pytest run of the suites has shown, in its last lines.

::

    TestSome: 31 of 64 promises shown, 33 not tried
      the lab names no secrets
        secrets_stay_secret, secrets_stay_secret_in_failures

The suites bring it along.  A run on several workers of pytest-xdist needs it
named, since the lines are printed where no suite is loaded::

    pytest -n 2 -p manila_drivers.testing.conformance.summary
"""

import collections
import dataclasses
from typing import Any

import pytest

NAME = 'manila_drivers.testing.conformance.promises'
#: Properties of a test report: the suite and its promise, that it was shown,
#: and what was left out beside it.
PROMISE = 'promise'
SHOWN = 'promise shown'
OMITTED = 'promise not tried'


@dataclasses.dataclass
class Promises:
    """Hold what became of the promises of one test class."""

    shown: list[str] = dataclasses.field(default_factory=list)
    broken: list[str] = dataclasses.field(default_factory=list)
    untried: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def lines(self, name: str) -> list[str]:
        """Return what there is to say, the count first."""
        number = len(self.shown) + len(self.broken) + len(self.untried)
        told = f'{name}: {len(self.shown)} of {number} promises shown'
        if self.broken:
            told += f', {len(self.broken)} broken'
        reasons: dict[str, list[str]] = collections.defaultdict(list)
        for promise, reason in self.untried:
            reasons[reason].append(promise)
        lines = [f'{told}, {len(self.untried)} not tried']
        for reason, promises in reasons.items():
            lines += [f'  {reason}', f'    {", ".join(promises)}']
        return lines


class Summary:
    """Collects the reports of all tests and prints at the end."""

    def __init__(self) -> None:
        self.classes: dict[str, Promises] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        found = collections.defaultdict(list)
        for key, value in report.user_properties:
            found[key].append(value)
        if not found[PROMISE] or (
                report.when != 'call' and report.passed):
            return
        owner, promise = found[PROMISE][0]
        kept = self.classes.setdefault(owner, Promises())
        if report.failed:
            kept.broken.append(promise)
        elif report.skipped:
            kept.untried.append((promise, _reason(report)))
        elif found[SHOWN]:
            kept.shown.append(promise)
        else:
            kept.untried.append((promise, 'its test was overridden'))
        for what, reason in found[OMITTED]:
            kept.untried.append((what, reason))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.classes:
            terminalreporter.section('promises')
        for name, promises in sorted(self.classes.items()):
            for line in promises.lines(name):
                terminalreporter.line(line)


def _reason(report: Any) -> str:
    text = report.longrepr
    text = text[2] if isinstance(text, (tuple, list)) else str(text)
    return str(text).removeprefix('Skipped: ')


def ensure(config: pytest.Config) -> None:
    """Have the run end with what it has shown."""
    if not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Summary(), NAME)


def pytest_configure(config: pytest.Config) -> None:
    """As a plugin that was named."""
    ensure(config)
