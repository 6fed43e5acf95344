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

"""A simulated node as programs: ``mmcrfileset``, ``mmnfs``, ...

::

    with GpfsPrograms(sim, '/some/directory') as programs:
        ...  # programs.directory is the gpfs_command_directory

Behind a real sshd that is a node whose other commands are real: for that the
simulator has to keep real directories (:class:`.tree.Directories`).
"""

import os
from typing import Any
from typing import NamedTuple

from manila_drivers.simulators.gluster import server
from manila_drivers.simulators.gpfs import mm
from manila_drivers.simulators.gpfs import sim as sim_module


class Reply(NamedTuple):
    """What a program prints and ends with."""

    stdout: str
    stderr: str
    status: int
    failure: str = ''


class _Handler:
    """Answers the programs from the simulator."""

    def __init__(self, sim: sim_module.GpfsSim) -> None:
        self._sim = sim

    def handle(self, argv: list[str], stdin: str) -> Reply:
        result = self._sim.run(argv, stdin)
        return Reply(result.stdout, result.stderr, result.status)


class GpfsPrograms(server.GlusterPrograms):
    """The mm commands of one node.

    :param directory: where they are put; made if it is not there.
    """

    def __init__(self, sim: sim_module.GpfsSim,
                 directory: str | os.PathLike[str]) -> None:
        handler: Any = _Handler(sim)
        super().__init__(handler, directory, tuple(mm.COMMANDS))
