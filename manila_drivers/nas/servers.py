# SPDX-License-Identifier: Apache-2.0

"""Several servers that are asked at once, and their answers."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent import futures
import dataclasses
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.transport import meter

T = TypeVar('T')
Facts = TypeVar('Facts')

# How many servers are talked to at a time.
_AT_ONCE = 32


def everywhere(names: Sequence[str],
               work: Callable[[str], T]) -> dict[str, T]:
    """Do the same with every server; the first in this thread."""
    if len(names) < 2:
        return {server: work(server) for server in names}
    first, *others = names
    with futures.ThreadPoolExecutor(
            min(_AT_ONCE, len(others)),
            thread_name_prefix='nfs-servers') as pool:
        running = {server: pool.submit(meter.carried(work), server)
                   for server in others}
        found = {first: work(first)}
        found.update((server, task.result())
                     for server, task in running.items())
        return found


@dataclasses.dataclass(frozen=True)
class ServerFacts(Generic[Facts]):
    """Answer of one server.

    :param stale: files that a call which was cut off has left half written.
    :param lacking: paths that are no directory there, as far as is told, and
        why not; nobody is let in to them.
    """

    told: Facts
    stale: tuple[str, ...] = ()
    lacking: Mapping[str, exception.BackendError] = dataclasses.field(
        default_factory=dict)


Answers = Mapping[str, ServerFacts[Facts] | exception.DriverError]


def told(answers: Answers[Facts]) -> dict[str, ServerFacts[Facts]]:
    """Return the facts of servers that answered."""
    return {server: found for server, found in answers.items()
            if isinstance(found, ServerFacts)}
