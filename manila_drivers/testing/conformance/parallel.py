# SPDX-License-Identifier: Apache-2.0

"""Many independent cases on all cores that there are."""

from collections.abc import Callable
from collections.abc import Sequence
import concurrent.futures
import logging
import multiprocessing
import os
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


def cores() -> int:
    """How many processes make sense; ``MANILA_DRIVERS_WORKERS`` says."""
    wanted = os.environ.get('MANILA_DRIVERS_WORKERS', '')
    return int(wanted) if wanted else len(os.sched_getaffinity(0))


def spread(work: Callable[[Sequence[Item]], Result],
           items: Sequence[Item]) -> list[Result]:
    """Divide items among processes; one result for each part.

    :param work: a function of a module, or a partial of one.
    """
    number = min(cores(), len(items))
    if number < 2:
        return [work(items)]
    # Dealt like cards: neighbours tend to take equally long.
    parts = [items[start::number] for start in range(number)]
    # Not forked: a copy of a process with threads may hold their locks.
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(
            number, context, initializer=_quiet) as pool:
        return list(pool.map(work, parts))


def _quiet() -> None:
    """Silence drivers: thousands of failures on purpose tell nothing."""
    logging.disable(logging.CRITICAL)
