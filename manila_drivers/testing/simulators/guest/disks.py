# SPDX-License-Identifier: Apache-2.0

"""Disks as a running system sees them: late, and under any name."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import itertools
import random
import string

from manila_drivers.testing.simulators.guest import disk

#: Seconds until a disk is seen that was attached, or resized.
_LATE = (0.2, 3.0)
#: Seconds that udev takes then until it has a name that stays.
_LAG = (0.0, 0.8)
_ROOT = 10
#: Where names are that stay.
BY_ID = '/dev/disk/by-id/'


@dataclasses.dataclass
class Slot:
    """One disk of a running system.

    :param size: bytes that the system believes it has.
    :param seen: when it appears.
    :param named: when udev has given it its name that stays.
    :param grows: when the system learns of another size, or None.
    """

    device: disk.BlockDevice
    name: str
    number: str
    serial: str
    size: int
    seen: float = 0.0
    named: float = 0.0
    grows: float | None = None

    @property
    def path(self) -> str:
        return f'/dev/{self.name}'


class Disks:
    """The bus of a machine.

    :param bus: ``virtio``, which cuts serial numbers, or ``scsi``.
    """

    def __init__(self, clock: Callable[[], float], chance: random.Random,
                 bus: str) -> None:
        self._clock, self._chance, self.bus = clock, chance, bus
        self._prefix = 'vd' if bus == 'virtio' else 'sd'
        self._minors = 16
        #: Whether sizes are only looked at when somebody says so.
        self.needs_rescan = False
        #: Whether udev gives them names that stay.
        self.names_stay = True
        #: Whether a disk gets the first free name, as most often it does.
        self.orderly = False
        #: Seconds until one is seen, between two.
        self.late = _LATE
        self.root = disk.BlockDevice('root', _ROOT)
        self.slots: list[Slot] = []

    def add(self, device: disk.BlockDevice, *, late: bool = True,
            name: str | None = None) -> Slot:
        taken = self._names()
        free = [self._prefix + letter for letter in string.ascii_lowercase[1:]
                if self._prefix + letter not in taken]
        for length in 2, 3:
            # Behind vdz comes vdaa.
            free = free or [one for letters in itertools.product(
                string.ascii_lowercase, repeat=length)
                if (one := self._prefix + ''.join(letters)) not in taken]
        self._minors += 16
        chosen = free[0] if self.orderly else self._chance.choice(free)
        slot = Slot(device, name or chosen,
                    f'252:{self._minors}', self._serial(device), device.size)
        if late:
            slot.seen = self._clock() + self._late()
            slot.named = slot.seen + self._chance.uniform(*_LAG)
        self.slots.append(slot)
        return slot

    def _late(self) -> float:
        return self._chance.uniform(*self.late)

    def _names(self) -> set[str]:
        return {slot.name for slot in self.slots}

    def _serial(self, device: disk.BlockDevice) -> str:
        if self.bus == 'virtio':
            return device.id[:20]
        # Older systems put maker and model before it.
        return self._chance.choice(
            (device.id, f'0QEMU_QEMU_HARDDISK_{device.id}'))

    def links(self) -> dict[str, Slot]:
        """Return names in /dev/disk/by-id that disks have.

        Of two disks with one name the last one has it.
        """
        if not self.names_stay:
            return {}
        now = self._clock()
        return {'virtio-' + slot.serial if self.bus == 'virtio'
                else 'scsi-0QEMU_QEMU_HARDDISK_' + slot.device.id: slot
                for slot in self.visible()
                if slot.serial and slot.named <= now}

    def unsettled(self) -> float:
        """Return for how many seconds udev is still at work."""
        return max((slot.named - self._clock() for slot in self.visible()),
                   default=0.0)

    def renamed(self, devices: Sequence[disk.BlockDevice]) -> None:
        """Have only these, with names in this order, as after a boot."""
        self.slots = []
        for number, device in enumerate(devices):
            self.add(device, late=False, name=self._prefix
                     + string.ascii_lowercase[number + 1])

    def of(self, volume_id: str) -> Slot | None:
        return next((slot for slot in self.slots
                     if slot.device.id == volume_id), None)

    def resized(self, volume_id: str) -> None:
        slot = self.of(volume_id)
        if slot is not None and not self.needs_rescan:
            slot.grows = self._clock() + self._late()

    def rescan(self, name: str) -> None:
        for slot in self.visible():
            if slot.name == name:
                slot.size = slot.device.size

    def visible(self) -> Iterator[Slot]:
        """Yield those that the system knows by now."""
        now = self._clock()
        for slot in self.slots:
            if slot.grows is not None and slot.grows <= now:
                slot.size, slot.grows = slot.device.size, None
            if slot.seen <= now:
                yield slot

    def named(self, path: str) -> Slot | None:
        if path.startswith(BY_ID):
            return self.links().get(path.removeprefix(BY_ID))
        return next((slot for slot in self.visible()
                     if slot.path == path), None)
