# SPDX-License-Identifier: Apache-2.0

"""Kernel NFS of a service VM: as on any server, and what mounts have to do
with it."""

from collections.abc import Callable
import itertools

from manila_drivers.testing.simulators.nfs import kernel
from manila_drivers.testing.simulators.nfs import server


class Nfs(kernel.KernelNfs):
    """exportfs, etab and mountd.

    :param mounted: says whether something is mounted on a directory.
    """

    def __init__(self, name: str, mounted: Callable[[str], bool]) -> None:
        super().__init__(name)
        self._mounted = mounted
        self.running = True
        # Who has looked into a directory, which keeps it in use.
        self._cached: set[str] = set()
        self._locked: set[str] = set()
        #: Files that clients have open, by the client's number: directory.
        self.states: dict[int, str] = {}
        self._count = itertools.count(3)

    def access(self, client: str, path: str) -> str | None:
        """Give nothing of what has to be mounted and is not."""
        level = super().access(client, path)
        if level is None or not self.running:
            return None
        host = server.address(client)
        for entry in self._matching(path):
            network = entry.network
            if entry.is_everybody or (
                    network is not None and network.prefixlen
                    and network.version == host.version and host in network):
                point = [option for option in entry.options
                         if option.startswith('mountpoint')]
                if point and not self._mounted(
                        point[0].partition('=')[2] or entry.path):
                    return None
                return level
        return level

    def _matching(self, path: str) -> list[kernel.Entry]:
        entries = self.entries
        return [entry for each in kernel.above(path)
                for entry in entries if entry.path == each]

    def touch(self, client: str, path: str, *, lock: bool = False) -> bool:
        """Have a client look into a directory, or lock a file there."""
        if self.access(client, path) is None:
            return False
        self._cached.add(path)
        if lock:
            self._locked.add(path)
            # It may go away without a word, and is waited for then.
            self.states[next(self._count)] = path
        return True

    def unlock(self, path: str) -> None:
        """Forget locks, as writing to unlock_filesystem does."""
        self._locked.discard(path)

    def uses(self, path: str) -> str:
        """Return why a directory is in use; '' if it is not.

        What the kernel remembers of an export goes with its last client.
        """
        exported = {entry.path for entry in self.entries}
        self._cached &= exported
        if path in self._locked:
            return 'kernel: locks of clients'
        if path in self.states.values():
            return 'kernel mount'
        return 'kernel: exported' if path in self._cached else ''

    def reboot(self) -> None:
        self._cached.clear()
        self._locked.clear()
        self.states.clear()
        super().reboot()
