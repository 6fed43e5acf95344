# SPDX-License-Identifier: Apache-2.0

"""Tell how fast the machine was while a run went on.

Much the same tests took 1,431 s one day and 4,293 s another, with two and a
half times the CPU seconds: a virtual machine shares its cores with others, and
nothing inside it says so.  A piece of work that is always the same does.
"""

import pathlib
import statistics
import time
import typing as ty

STAT = pathlib.Path('/proc/stat')
# Index of "steal" in the numbers of the first line, proc_stat(5).
STEAL = 7


class Pace:
    """Do the same work now and then, and remember what it has cost.

    work: returns the milliseconds of CPU that it took; stat: the first line
    of /proc/stat, '' where there is none.
    """

    def __init__(self, work: ty.Callable[[], float],
                 stat: ty.Callable[[], str]) -> None:
        self._work = work
        self._stat = stat
        self._before = ticks(stat())
        self._costs = [work()]

    def look(self) -> None:
        self._costs.append(self._work())

    def __str__(self) -> str:
        first, *later = self._costs
        words = [f'{first:.0f} ms of CPU at the start']
        if later:
            words.append(f'{statistics.median(later):.0f} in the median, '
                         f'{max(later):.0f} at worst')
        return (f'machine: a piece of work took {", ".join(words)}; '
                f'{self._stolen()}')

    def _stolen(self) -> str:
        passed = [now - before for before, now in zip(
            self._before, ticks(self._stat()), strict=False)]
        if len(passed) <= STEAL or not sum(passed):
            return 'the kernel does not tell what other machines took'
        return ('other machines took '
                f'{100 * passed[STEAL] / sum(passed):.0f} %')


def ticks(line: str) -> list[int]:
    """Return the numbers of the first line of /proc/stat."""
    return [int(word) for word in line.split()[1:] if word.isdigit()]


def work() -> float:
    """Count for a while; return the milliseconds of CPU that it took."""
    begin = time.thread_time()
    total = 0
    for number in range(300_000):
        total += number * number % 7
    return (time.thread_time() - begin) * 1000


def stat() -> str:
    try:
        return STAT.read_text().partition('\n')[0]
    except OSError:
        return ''
