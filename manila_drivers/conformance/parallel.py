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
    """What drivers say about thousands of failures is of no use."""
    logging.disable(logging.CRITICAL)
