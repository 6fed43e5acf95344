# SPDX-License-Identifier: Apache-2.0

"""A server of a simulated cluster, for an SSH server to offer."""

from collections.abc import Callable
import time

from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gluster.sim import GlusterSim


def host(sim: GlusterSim) -> ssh.Host:
    """Runs ``gluster`` and ``date``; nothing else is found there."""
    def run(words: list[str], read: Callable[[], str]) -> ssh.Done:
        if words == ['date', '+%s']:
            return ssh.Done(f'{int(time.time() + sim.ahead)}\n', '', 0)
        # Only a gluster without a command reads its input, and not to tell
        # its version: the caller may keep the input open.
        reads = ('--version' not in words and all(
            word.startswith('--') for word in words[1:]))
        done = sim.handle(words, read() if reads else '')
        return ssh.Done(done.stdout, done.stderr,
                        None if done.failure else done.status)
    return run
