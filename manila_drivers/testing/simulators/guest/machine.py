# SPDX-License-Identifier: Apache-2.0

"""A service VM: its operator, Nova, clients and the driver at work on it."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import errno
import re
import threading
import time

from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.guest import programs
from manila_drivers.testing.simulators.guest import records
from manila_drivers.testing.simulators.guest import runner
from manila_drivers.testing.simulators.guest import system
from manila_drivers.transport import command
from manila_drivers.transport import ssh_target

# Seconds of a real clock after which nobody comes to end a pause any more.
_GIVEN_UP = 120.0


@dataclasses.dataclass
class Pause:
    """A program that takes its time, while others run theirs.

    It does what it does at the end.

    :param match: a regular expression that its words begin with.
    :param reached: set once somebody is there.
    :param over: what ends it.
    :param lost: what ends the connection of whoever runs it; their script
        goes on.
    """

    match: str
    reached: threading.Event = dataclasses.field(
        default_factory=threading.Event)
    over: threading.Event = dataclasses.field(
        default_factory=threading.Event)
    lost: threading.Event = dataclasses.field(
        default_factory=threading.Event)
    by: threading.Thread | None = None


class Machine:
    """A virtual machine with sshd, kernel NFS and Samba.

    Faults strike round trips, whose label is ``exec``, and single programs,
    whose label is ``command`` with their words.

    :param keys: public keys that may log in, ``ssh-ed25519 AAAA...``.
    :param password: of the user that may log in; None takes keys alone.
        With neither, whoever asks is let in.
    :param clock: seconds; ``sleep`` lets them pass.
    :param bus: ``virtio`` or ``scsi``, which decides what disks are called.
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
        self.running = True
        self.faults = faults.FaultPlan(clock)
        #: Round trips, and the programs that they ran.
        self.execs = 0
        self.ran: list[tuple[str, ...]] = []
        #: Seconds of this process's processor that those took, over SSH.
        self.computed = 0.0
        #: A host key of its own; a machine that is built anew has another.
        self.host_key = runner.host_key(name, seed)
        self.sleep = sleep
        self.system = system.VmSystem(name, clock, self._rest, bus, seed)
        self.programs = programs.VmPrograms(self.system, self._told)
        self.lock = threading.RLock()
        #: Held by whoever runs something over SSH: one after the other.
        self.turn = threading.Lock()
        self._rests = threading.Condition(self.lock)
        self.programs.waited = self._waited
        #: Programs that take their time.
        self.pauses: list[Pause] = []
        # Attached while it was off or hung.
        self._devices: list[disk.BlockDevice] = []

    @property
    def hung(self) -> bool:
        """Return whether it stands still."""
        return self.system.hung

    @property
    def stuck(self) -> str:
        """Return what its boot waits for; '' if it has come up."""
        return self.system.stuck

    @property
    def answers(self) -> bool:
        """Return whether somebody could log in."""
        return self.running and not self.hung and not self.stuck

    def _rest(self, seconds: float) -> None:
        """Sleep as a program does: Nova and clients do not wait for it."""
        if self.sleep is time.sleep:
            # Nobody wakes it: this lets go of the lock for so long.
            self._rests.wait(seconds)
        else:
            self.sleep(seconds)

    def _told(self, words: Sequence[str]) -> faults.Fault | None:
        """Count a program, have it take its time, and strike it."""
        self.ran.append(tuple(words))
        said = ' '.join(words)
        for pause in list(self.pauses):
            if re.match(pause.match, said) and not pause.reached.is_set():
                self._pause(pause)
        return self.faults.strike('command ' + ' '.join(words))

    @contextlib.contextmanager
    def _others_run(self) -> Iterator[None]:
        """Let others run scripts, in the middle of one.

        :raises StruckError: the system has ended meanwhile, with all that ran.
        """
        script, boot = self.programs.put_aside(), self.system.boot_id
        self.lock.release()
        self.turn.release()
        try:
            yield
        finally:
            self.turn.acquire()
            self.lock.acquire()
            self.programs.go_on(script)
        if not self.running or boot != self.system.boot_id:
            raise programs.StruckError

    def _pause(self, pause: Pause) -> None:
        with self._others_run():
            pause.by = threading.current_thread()
            pause.reached.set()
            assert pause.over.wait(_GIVEN_UP)

    def _waited(self) -> None:
        """Let a second pass for whoever waits for another's script."""
        with self._others_run():
            if self.sleep is time.sleep:
                time.sleep(0.05)
            else:
                time.sleep(0.001)
                self.sleep(1.0)

    def pause(self, match: str) -> Pause:
        """Have the next program of a name take its time."""
        made = Pause(match)
        self.pauses.append(made)
        return made

    # What Nova does

    def plug(self, device: disk.BlockDevice) -> None:
        """Attach a disk; the system sees it within some seconds."""
        with self.lock:
            if device in self._devices:
                return
            self._devices.append(device)
            device.plugged = self.name
            if self.running:
                self.system.disks.add(device)

    def unplug(self, volume_id: str) -> bool:
        """Detach a disk, whether it is in use or not.

        :returns: False if the system does not let go of it: it hangs.
        """
        with self.lock:
            device = next((each for each in self._devices
                           if each.id == volume_id), None)
            if device is None:
                return True
            if self.running and self.hung:
                return False
            self._devices.remove(device)
            device.plugged = ''
            self.system.mounts.unplugged(device)
            self.system.disks.slots = [
                slot for slot in self.system.disks.slots
                if slot.device is not device]
            return True

    def resized(self, volume_id: str) -> None:
        """Say that a disk has another size; seen within some seconds."""
        with self.lock:
            self.system.disks.resized(volume_id)

    def reboot(self, order: Sequence[str] | None = None, *,
               orderly: bool = True) -> None:
        """Start again, with disks named in the order of volume ids given.

        :param order: None is any order.
        :param orderly: whether the system had the time to end.
        """
        with self.lock:
            if self.running:
                self._down(orderly=orderly and self.answers)
            self.running = True
            devices = list(self._devices)
            if order is None:
                self.system.chance.shuffle(devices)
            else:
                devices.sort(key=lambda each: list(order).index(each.id)
                             if each.id in order else len(order))
            self.system.up(devices)

    def stop(self) -> None:
        """Switch off, as a power failure does."""
        with self.lock:
            if self.running:
                self.running = False
                self._down(orderly=False)

    def _down(self, *, orderly: bool) -> None:
        self.system.down(orderly=orderly)
        self.programs.unlocked()

    def start(self) -> None:
        """Switch on."""
        if not self.running:
            self.reboot()

    def freeze(self) -> None:
        """Hang: nothing answers, and disks are not let go of."""
        self.system.hung = True

    def unfreeze(self) -> None:
        """Go on as if nothing had been."""
        self.system.hung = False
        self.system.settle()

    # What the driver does

    def runner(self, target: ssh_target.Target | None = None,
               ) -> 'runner.GuestRunner':
        """Return what runs commands here, as ``ssh.Host`` does.

        :param target: whose login and trust are looked at with the first
            command; None is let in.
        """
        return runner.GuestRunner(self, target)

    # What clients do

    def reaches(self, proto: str, where: str, address: str,
                user: str | None = None) -> str | None:
        """Return what a client gets: ``rw``, ``ro`` or None.

        :param proto: ``NFS`` or ``CIFS``.
        :param where: the path of an export, or the name of a section.
        """
        if not self.answers:
            return None
        with self.lock:
            self.system.settle()
            if proto.upper() == 'NFS':
                return self.system.nfs.access(address, where)
            return self.system.smb.reaches(where, address, user)

    def connect(self, proto: str, where: str, address: str,
                user: str | None = None) -> str | None:
        """Have a client use a share, and go on with it."""
        if not self.answers:
            return None
        with self.lock:
            if proto.upper() == 'NFS':
                self.system.nfs.touch(address, where, lock=True)
                return self.system.nfs.access(address, where)
            return self.system.smb.connect(where, address, user)

    def write(self, path: str, name: str, data: bytes) -> None:
        """Write a file of what is mounted at a path.

        :raises OSError: nothing is mounted there, or its disk is gone.
        """
        content = self._content(path, writes=True)
        free = content.total - content.used
        if len(data) > free:
            raise OSError(errno.ENOSPC, 'No space left on device', path)
        content.files[name] = data

    def read(self, path: str, name: str) -> bytes:
        """Return a file of what is mounted at a path.

        :raises OSError: as write(), or there is no such file.
        """
        content = self._content(path, writes=False)
        if name not in content.files:
            raise OSError(errno.ENOENT, 'No such file or directory', name)
        return content.files[name]

    def _content(self, path: str, *, writes: bool) -> disk.FileSystem:
        with self.lock:
            self.system.settle()
            found = self.system.mounts.at(path)
            if found is None or not self.answers:
                raise OSError(errno.ENOENT, 'Nothing is mounted there', path)
            if found.gone:
                raise OSError(errno.EIO, 'Input/output error', path)
            if writes and found.failed:
                raise OSError(errno.EROFS, 'Read-only file system', path)
            if writes and found.slot.device.frozen:
                raise OSError(errno.EAGAIN, 'The file system is frozen',
                              path)
            return found.content

    # What an operator does, and sees

    def execute(self, words: Sequence[str], stdin: str = '',
                ) -> command.Result:
        """Run a program as root, with no fault and uncounted."""
        with self.lock:
            return self.programs.aside(words, stdin)

    def unmount(self, path: str) -> bool:
        """Return whether it could be unmounted."""
        return not self.execute(('umount', path)).status

    def mode(self, path: str) -> str:
        """Return who may write to the root directory of a share."""
        return self.system.tree.modes.get(path, '755')

    def records(self) -> dict[tuple[str, ...], object]:
        """Return what is the same in two machines of one history."""
        return records.of(self.system)

    def inventory(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of all that shares leave in it, for audits."""
        return frozenset((key[0], ' '.join(key[1:]))
                         for key in self.records())
