# SPDX-License-Identifier: Apache-2.0

"""How chapters ended, with Manila's own driver and with ours.  Pure."""

from collections.abc import Iterable
import typing as ty

#: As they are called by tests: as people read it.
DRIVERS = {'control': "Manila's driver", 'ours': 'ours'}

_LONGEST = 300


class Outcome(ty.NamedTuple):
    """How a chapter ended; ``wrong`` is empty if nothing was."""

    driver: str
    backend: str
    chapter: str
    seconds: float
    wrong: str = ''

    def told(self) -> str:
        """Return one line: passed or not, after how long, and why not."""
        took = f'{self.seconds:.0f} s'
        if not self.wrong:
            return f'passed, {took}'
        return f'fails, {took}: ' + ' '.join(self.wrong.split())[:_LONGEST]


def side_by_side(outcomes: Iterable[Outcome]) -> str:
    """Return a table, a line for each chapter of each backend.

    What was played several times shows all of its ends.
    """
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for each in outcomes:
        rows.setdefault((each.backend, each.chapter), {}).setdefault(
            each.driver, []).append(each.told())
    lines = []
    for (backend, chapter), ends in rows.items():
        lines.append(f'{backend}: {chapter}')
        lines += [f'    {name}: ' + '; '.join(
            ends.get(driver, ['not played']))
            for driver, name in DRIVERS.items()]
    return '\n'.join(lines)
