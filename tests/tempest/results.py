# SPDX-License-Identifier: Apache-2.0

"""Tell what a run of tempest said, and whether it is what was expected.

``lists/skipped.txt`` has every test that may be skipped with the reason, and
``lists/excluded.txt`` the tests that are not run at all, whatever the backend;
``skipped-without-SOMETHING.txt`` and ``excluded-without-SOMETHING.txt`` those
of backends that lack it.  A skip that is not listed fails the run: a
capability could have been lost without a word.  So does a test that was
selected and of which nothing was heard.
"""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import pathlib
import re
import xml.etree.ElementTree as ET  # noqa: S405 - written by ourselves

LISTS = pathlib.Path(__file__).parent / 'lists'


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One test, or one class whose set-up said so for all its tests."""

    test: str
    result: str
    reason: str = ''


def listed(kind: str, lacks: Iterable[str]) -> dict[str, str]:
    """Patterns and reasons for all backends, and for one that lacks these.

    :param kind: ``skipped`` or ``excluded``.
    """
    found: dict[str, str] = {}
    for name in (kind, *(f'{kind}-without-{each}' for each in lacks)):
        file = LISTS / f'{name}.txt'
        if file.exists():
            found.update(patterns(file.read_text()))
    return found


def patterns(text: str) -> dict[str, str]:
    """Patterns and reasons of a list: a comment line goes before its tests.

    Each line that is no comment is a regular expression for whole names.
    """
    found: dict[str, str] = {}
    reason = ''
    for line in text.splitlines():
        if line.startswith('#'):
            reason = line.lstrip('# ')
        elif line.strip():
            found[line.strip()] = reason
    return found


def read(junit: str) -> list[Outcome]:
    """The outcomes in a JUnit file."""
    outcomes = []
    for case in ET.fromstring(junit).iter('testcase'):  # noqa: S314
        name = '%s.%s' % (case.get('classname') or '', case.get('name'))
        result, reason = 'passed', ''
        for kind in ('failure', 'error', 'skipped'):
            child = case.find(kind)
            if child is not None:
                result = 'skipped' if kind == 'skipped' else 'failed'
                reason = child.get('message') or (child.text or '').strip()
        outcomes.append(Outcome(_plain(name), result, reason))
    return outcomes


def _plain(name: str) -> str:
    """A test's name without its attributes: ``a.B.test_c``."""
    name = re.sub(r'^\.?setUpClass \((.*)\)$', r'\1', name.strip('.'))
    return re.sub(r'\[[^\]]*\]', '', name).strip('.')


def selected(text: str) -> list[str]:
    """The plain names in what ``tempest run --list-tests`` prints."""
    return [_plain(line) for line in text.splitlines()
            if re.fullmatch(r'[\w.]+\[.*\]', line.strip())]


def missing(tests: Iterable[str],
            outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Tests that were selected and of which nothing was heard.

    A worker that died, or a run that was cut off, leaves such.  What a class
    said counts for all its tests.
    """
    heard = {outcome.test for outcome in outcomes}
    return [Outcome(test, 'missing', 'no outcome') for test in tests
            if test not in heard and test.rpartition('.')[0] not in heard]


def count(outcomes: Iterable[Outcome]) -> Mapping[str, int]:
    return collections.Counter(outcome.result for outcome in outcomes)


def unexpected(outcomes: Iterable[Outcome],
               allowed: Mapping[str, str]) -> list[Outcome]:
    """Failures, and skips that no pattern allows."""
    patterns = [re.compile(pattern) for pattern in allowed]
    return [outcome for outcome in outcomes
            if outcome.result == 'failed'
            or (outcome.result == 'skipped' and not any(
                pattern.fullmatch(outcome.test) for pattern in patterns))]


def refused_by_keystone(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Failures that say nothing of the driver: a token was not accepted.

    When classes clean up with the users of others that are gone by then, and
    now and then under load, Keystone answers 401.
    """
    return [outcome for outcome in outcomes if outcome.result == 'failed'
            and 'tempest.lib.exceptions.Unauthorized' in outcome.reason]


def corrected(outcomes: Iterable[Outcome],
              again: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes with those of a second run in their places."""
    second = {outcome.test: outcome for outcome in again}
    return [second.get(outcome.test, outcome) for outcome in outcomes]
