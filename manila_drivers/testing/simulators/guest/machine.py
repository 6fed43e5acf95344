# SPDX-License-Identifier: Apache-2.0

"""A service VM: what an operator, Nova and clients do to it."""

from collections.abc import Callable
from collections.abc import Sequence
import time

from manila_drivers.testing.simulators.guest import disk
from manila_drivers.transport import script
from manila_drivers.transport import ssh_target


class Machine:
    """A virtual machine with sshd, kernel NFS and Samba.

    :param keys: public keys that may log in, ``ssh-ed25519 AAAA...``.
    :param password: of the user that may log in; None takes keys alone.
        With neither, whoever asks is let in.
    :param clock: seconds; ``sleep`` lets them pass.
    :param seed: of everything that may happen in one order or another, such
        as which name a disk gets.
    """

    def __init__(self, name: str, *, keys: Sequence[str] = (),
                 password: str | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 user: str = 'manila', bus: str = 'virtio',
                 seed: int = 0) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.password = password
        self.user = user

    # What Nova does

    def plug(self, device: disk.BlockDevice) -> None:
        """Attach a disk; the system sees it within some seconds."""
        raise NotImplementedError

    def unplug(self, volume_id: str) -> bool:
        """Detach a disk, whether it is in use or not.

        :returns: False if the system does not let go of it: it hangs.
        """
        raise NotImplementedError

    def resized(self, volume_id: str) -> None:
        """Say that a disk has another size; seen within some seconds."""
        raise NotImplementedError

    def reboot(self, order: Sequence[str] | None = None) -> None:
        """Start again, with disks named in the order of volume ids given.

        :param order: None is any order.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Switch off, as a power failure does."""
        raise NotImplementedError

    def start(self) -> None:
        """Switch on."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Hang: nothing answers, and disks are not let go of."""
        raise NotImplementedError

    def unfreeze(self) -> None:
        """Go on as if nothing had been."""
        raise NotImplementedError

    # What the driver does

    def runner(self, target: ssh_target.Target | None = None,
               ) -> script.Runner:
        """Return what runs commands here, as ``ssh.Host`` does.

        :param target: whose login and trust are looked at with the first
            command; None is let in.
        """
        raise NotImplementedError

    # What clients do

    def reaches(self, proto: str, where: str, address: str,
                user: str | None = None) -> str | None:
        """Return what a client gets: ``rw``, ``ro`` or None.

        :param proto: ``NFS`` or ``CIFS``.
        :param where: the path of an export, or the name of a section.
        """
        raise NotImplementedError

    def write(self, path: str, name: str, data: bytes) -> None:
        """Write a file of what is mounted at a path.

        :raises OSError: nothing is mounted there, or its disk is gone.
        """
        raise NotImplementedError

    def read(self, path: str, name: str) -> bytes:
        """Return a file of what is mounted at a path.

        :raises OSError: as write(), or there is no such file.
        """
        raise NotImplementedError
