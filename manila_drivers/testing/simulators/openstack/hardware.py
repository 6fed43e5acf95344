# SPDX-License-Identifier: Apache-2.0

"""Disks and machines: what the cloud needs of them, and plain ones.

Plain ones have no inside; who wants guests that run commands gives the
simulator other makers, such as those of ``simulators.guest``.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

#: Something with ``id``, ``copy(id, gib=None)`` and ``resize(gib)``: what a
#: Cinder volume consists of.
Disk = Any
#: Something with ``plug(disk)``, ``unplug(volume_id)``, which is False if the
#: guest does not let go, ``resized(volume_id)``, ``reboot()``, ``stop()``,
#: ``start()`` and ``hung``: what a Nova server consists of.
Vm = Any
#: id and GiB -> an empty disk.
MakeDisk = Callable[[str, int], Disk]
#: name, public keys and 'virtio' or 'scsi' -> a machine that runs.
MakeVm = Callable[[str, Sequence[str], str], Vm]


class PlainDisk:
    """A disk without contents."""

    def __init__(self, ident: str, gib: int) -> None:
        self.id = ident
        self.gib = gib

    def copy(self, id: str, gib: int | None = None) -> 'PlainDisk':
        return PlainDisk(id, gib or self.gib)

    def resize(self, gib: int) -> None:
        self.gib = gib


class PlainMachine:
    """A machine that knows its disks and whether it is on."""

    def __init__(self, name: str, keys: Sequence[str] = (),
                 bus: str = 'virtio') -> None:
        self.name = name
        self.keys = tuple(keys)
        self.bus = bus
        #: Size that the guest sees, by volume.
        self.seen: dict[str, int] = {}
        self.disks: dict[str, Disk] = {}
        self.running = True
        self.hung = False

    def plug(self, disk: Disk) -> None:
        self.disks[disk.id] = disk
        self.seen[disk.id] = disk.gib

    def unplug(self, volume_id: str) -> bool:
        if self.hung:
            return False
        self.disks.pop(volume_id, None)
        self.seen.pop(volume_id, None)
        return True

    def resized(self, volume_id: str) -> None:
        if volume_id in self.disks:
            self.seen[volume_id] = self.disks[volume_id].gib

    def reboot(self) -> None:
        self.stop()
        self.running = True

    def stop(self) -> None:
        self.hung = False
        self.running = False

    def start(self) -> None:
        self.running = True

    def freeze(self) -> None:
        self.hung = True

    def unfreeze(self) -> None:
        self.hung = False
