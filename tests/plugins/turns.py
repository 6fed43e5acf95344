# SPDX-License-Identifier: Apache-2.0

"""Lets cases that are much alike take turns, commit by commit.

A table of fifty kinds of damage, each of which takes a second, says nearly as
much when ten of them are played.  Where ``MANILA_DRIVERS_SLICE=2/5`` chooses
a slice, as ``.ci/run`` does, tests that are marked with ``turns`` play the
second of five of their cases, and at least one; five commits in a row play
all.  Without that all are played.

Cases of one test take turns with each other; those of several tests do, in
whatever file, that name the same table: ``turns('snapshots')``.

With ``--slow-turns`` the slow tests of each file (``tests/plugins/order.py``)
take turns as well, for a run that repeats what another one has played whole.
"""

from collections.abc import Hashable
from collections.abc import Iterable
import os
import typing as ty
import zlib

import pytest

from tests.plugins import played

MARK = 'turns'
SLOW = 'slow'
#: What libraries of other ages are there for is played whole with them.
WHOLE = 'tests/unit/transport/'
SAID = pytest.StashKey[str]()

Case = ty.TypeVar('Case')


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup('general').addoption(
        '--slow-turns', action='store_true',
        help='with MANILA_DRIVERS_SLICE, play a slice of the slow tests')


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        'markers', f'{MARK}(table): cases take turns with the commits; see '
        'tests/plugins/turns.py')


# Before any other choice is made: which cases a slice has must not depend on
# "-k", or on the releases of Manila whose turn it is.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config,
                                  items: list[pytest.Item]) -> None:
    wanted = slice_of(os.environ.get('MANILA_DRIVERS_SLICE', ''))
    slow = config.getoption('slow_turns')
    marked = [(item, table(item)) for item in items
              if item.get_closest_marker(MARK)
              or slow and item.get_closest_marker(SLOW)
              and not item.nodeid.startswith(WHOLE)]
    if wanted is None or not marked:
        return
    out = set(left_out(marked, *wanted))
    config.stash[SAID] = ('%d of %d cases that take turns, slice %d/%d' % (
        len(marked) - len(out), len(marked), *wanted))
    config.hook.pytest_deselected(items=[one for one in items if one in out])
    items[:] = [item for item in items if item not in out]


def slice_of(text: str) -> tuple[int, int] | None:
    """Return the number of a slice, and of how many.

    The conformance suite has its own, whose import brings Manila along where
    there is one; that must not happen before warnings are told apart.

    :raises ValueError: it is no slice
    """
    if not text:
        return None
    number, slices = map(int, text.split('/'))
    if not 1 <= number <= slices:
        raise ValueError(f'MANILA_DRIVERS_SLICE={text} is not like 2/5')
    return number, slices


def table(item: pytest.Item) -> str:
    """Return what the cases of a test are numbered in."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return item.nodeid.partition('::')[0]
    named = mark.args[0] if mark.args else ''
    return str(named) or item.nodeid.partition('[')[0]


def left_out(cases: Iterable[tuple[Case, Hashable]], number: int,
             slices: int) -> list[Case]:
    """Return the cases that another slice plays.

    A table that has fewer cases than there are slices plays one of them each
    time, so that no slice is without any.  Tables begin at different places,
    so that what is alike in several of them is not played in one run.

    :param cases: each with its table, in an order that is always the same
    """
    tables: dict[Hashable, list[Case]] = {}
    for case, name in cases:
        tables.setdefault(name, []).append(case)
    found = []
    for name, several in tables.items():
        rounds = min(slices, len(several))
        chosen = (number - 1 + zlib.crc32(str(name).encode())) % rounds
        found += [case for place, case in enumerate(several)
                  if place % rounds != chosen]
    return found


def pytest_terminal_summary(
        terminalreporter: pytest.TerminalReporter) -> None:
    said = terminalreporter.config.stash.get(SAID, '')
    if said:
        terminalreporter.write_line(f'{played.PLAYED}: {said}')
