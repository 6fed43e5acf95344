# SPDX-License-Identifier: Apache-2.0

"""NFS servers, all at once."""

from collections.abc import Callable
from collections.abc import Sequence
from concurrent import futures
import logging
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# How many servers are talked to at a time.
_AT_ONCE = 32

_BOOT = '/proc/sys/kernel/random/boot_id'


def boot(runner: script.Runner, server: str, limit: float) -> str:
    """Return what changes with every boot of a server; '' if it is down.

    :param limit: seconds that it is given to answer.
    """
    result, error = exception.caught(lambda: runner.run(command.Command.of(
        'cat', _BOOT, timeout=limit)))
    if result is None:
        LOG.error('NFS server %s does not answer: %s', server, error)
        return ''
    return result.stdout.strip()


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
