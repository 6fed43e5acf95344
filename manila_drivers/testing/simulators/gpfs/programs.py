# SPDX-License-Identifier: Apache-2.0

"""A simulated node as programs: ``mmcrfileset``, ``mmnfs``, ...

::

    with GpfsPrograms(sim, '/some/directory') as programs:
        ...  # programs.directory is the gpfs_command_directory

Behind a real sshd that is a node whose other commands are real: for that the
simulator has to keep real directories (:class:`.tree.Directories`).
"""

import os
from typing import NamedTuple

from manila_drivers.testing.simulators import programs
from manila_drivers.testing.simulators.gpfs import mm
from manila_drivers.testing.simulators.gpfs.sim import GpfsSim


class Reply(NamedTuple):
    """Hold what a program prints and ends with."""

    stdout: str
    stderr: str
    status: int
    failure: str = ''


class _Handler:
    """Answers the programs from the simulator."""

    def __init__(self, sim: GpfsSim) -> None:
        self._sim = sim

    def handle(self, argv: list[str], stdin: str) -> Reply:
        result = self._sim.run(argv, stdin)
        return Reply(result.stdout, result.stderr, result.status)


class GpfsPrograms(programs.Programs):
    """The mm commands of one node.

    :param directory: where they are put; made if it is not there.
    """

    def __init__(self, sim: GpfsSim,
                 directory: str | os.PathLike[str]) -> None:
        super().__init__(_Handler(sim), directory, tuple(mm.COMMANDS))
