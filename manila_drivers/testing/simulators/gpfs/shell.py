# SPDX-License-Identifier: Apache-2.0

"""A host of a simulated cluster, for an SSH server to offer."""

from collections.abc import Callable

from manila_drivers import exception
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gpfs.host import SimHost
from manila_drivers.transport import command

_ALL = frozenset(range(256))


def host(sim_host: SimHost) -> ssh.Host:
    """Runs commands, and scripts of the driver's kind."""
    def run(words: list[str], read: Callable[[], str]) -> ssh.Done:
        # Whatever has an input is part of a script.
        stdin = read() if words[:2] == ['sh', '-s'] else None
        try:
            done = sim_host.run(command.Command.of(
                *words, stdin=stdin, accept=_ALL))
        except exception.TransportError:
            return ssh.Done(status=None)
        return ssh.Done(done.stdout, done.stderr, done.status)
    return run
