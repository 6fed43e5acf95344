# SPDX-License-Identifier: Apache-2.0

"""The conformance labs of GPFS with real NFS servers beside a simulated one.

The cluster is simulated.  So is the first NFS server; the others are real,
and the same is asked of all: where a simulator says something else than the
real thing, that is a finding as well.
"""

from collections.abc import Callable
from collections.abc import Sequence
import random
from typing import Any

from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.conformance.labs import gpfs_nfs
from manila_drivers.testing.conformance.seam import Process
from manila_drivers.testing.conformance.seam import Seam
from manila_drivers.transport import command
from tests.functional.nas import real

SIMULATED = 'nfs1'


class _Mirrored:
    """A host of the cluster; what it makes is seen by all NFS servers."""

    def __init__(self, inner: Any, mirror: Callable[[], None]) -> None:
        self._inner, self._mirror = inner, mirror
        self.words, self.judge = inner.words, inner.judge

    def __str__(self) -> str:
        return str(self._inner)

    def run(self, cmd: command.Command) -> command.Result:
        try:
            result: command.Result = self._inner.run(cmd)
            return result
        finally:
            self._mirror()


class _Called:
    """A real host with the seam around each round trip."""

    def __init__(self, inner: Any, process: Process) -> None:
        self._inner, self._process = inner, process
        self.words, self.judge = inner.words, inner.judge

    def __str__(self) -> str:
        return str(self._inner)

    def run(self, cmd: command.Command) -> command.Result:
        return self._process.call(lambda: self._inner.run(cmd))


class _Unwatched(Seam):
    """Nobody looks while a call is under way."""

    def tell(self) -> None:
        """There is nobody to be told."""


class RealLab(gpfs_nfs.NfsLab):
    """One simulated server, and real ones.

    :param servers: the real ones; other labs have had them, and will.
    :param looking: whether access is looked at after each round trip, or
        only after each call of the driver.
    """

    def __init__(self, servers: Sequence[real.Real], looking: bool,
                 **options: object) -> None:
        self.real = {f'nfs{number}': server
                     for number, server in enumerate(servers, 2)}
        self._made: set[str] = set()
        super().__init__(gpfs_nfs_server_list=','.join(
            [SIMULATED, *self.real]), **options)
        if not looking:
            self.seam = _Unwatched()
        simulated = self.sim.servers[SIMULATED]
        self.sim.servers = {SIMULATED: simulated, **self.real}

    def _host(self, process: Process, name: str) -> Any:
        if name in self.real:
            return _Called(self.real[name].runner, process)
        return _Mirrored(super()._host(process, name), self._mirror)

    def _mirror(self) -> None:
        """Real servers see the cluster's file system."""
        with self.sim.lock:
            there = {fileset.path
                     for fileset in self.sim.state.filesets.values()
                     if fileset.path.startswith(gpfs.BASE + '/')}
            come, gone = there - self._made, self._made - there
            self._made = there
        for server in self.real.values():
            for path in sorted(come):
                server.make(path)
            for path in sorted(gone):
                server.remove(path)

    def ambiguous(self, export: str) -> list[str]:
        """Whom any server gives something else than another."""
        path = gpfs.path_of(export)
        clients = dict.fromkeys(client for server in self.real.values()
                                for client in server.asked(path))
        return [f'{client}: {levels}' for client in clients
                if len(set(levels := self._levels(path, client))) > 1]

    def _lose_export(self, export: str, choice: random.Random) -> None:
        self._forget(choice.choice([SIMULATED, *self.real]),
                     gpfs.path_of(export))

    def close(self) -> None:
        for server in self.real.values():
            server.clear()
            for path in self._made:
                server.remove(path)
        super().close()


class KernelLab(RealLab, gpfs_nfs.KernelLab):
    """Kernel NFS in a guest."""

    name = 'gpfs with real kernel NFS'

    def __init__(self, servers: Sequence[real.Real],
                 looking: bool = True) -> None:
        super().__init__(servers, looking, gpfs_nfs_server_type='KNFS')


class GaneshaLab(RealLab, gpfs_nfs.GaneshaLab):
    """NFS-Ganesha in boxes."""

    name = 'gpfs with real Ganesha'

    def __init__(self, servers: Sequence[real.Real]) -> None:
        super().__init__(
            servers, True, gpfs_nfs_server_type='GNFS',
            ganesha_fsal_name='VFS',
            ganesha_nfs_export_options='protocols=4')

    def _forget(self, name: str, path: str) -> None:
        if name in self.real:
            self.real[name].clear()
        else:
            super()._forget(name, path)
