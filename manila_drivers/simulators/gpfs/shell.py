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

"""A host of a simulated cluster, for an SSH server to offer."""

from collections.abc import Callable

from manila_drivers import exception
from manila_drivers.simulators import ssh
from manila_drivers.simulators.gpfs import host as host_module
from manila_drivers.transport import command

_ALL = frozenset(range(256))


def host(sim_host: host_module.SimHost) -> ssh.Host:
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
