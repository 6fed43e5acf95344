# SPDX-License-Identifier: Apache-2.0

"""The operating system of a service VM: from one boot to the next."""

from collections.abc import Callable
from collections.abc import Sequence
import heapq
import itertools
import random
import re
import uuid

from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.guest import disks
from manila_drivers.testing.simulators.guest import mounts
from manila_drivers.testing.simulators.guest import nfs
from manila_drivers.testing.simulators.guest import smb
from manila_drivers.testing.simulators.guest import tree

_UNLOCK = '/proc/fs/nfsd/unlock_filesystem'
CLIENTS = '/proc/fs/nfsd/clients'
_STATES = re.compile(CLIENTS + r'/(\d+)/states')
_CONTROL = re.compile(CLIENTS + r'/(\d+)/ctl')
#: Seconds of a boot until all disks are there, on a machine whose host is
#: busy; more than half of that was seen with two of them.
DISCOVERY = 60.0
_RESCAN = re.compile(r'/sys/class/block/(\w+)/device/rescan')


class VmSystem:
    """Disks, mounts, files, NFS and Samba of one machine."""

    def __init__(self, name: str, clock: Callable[[], float],
                 sleep: Callable[[float], object], bus: str,
                 seed: int) -> None:
        self.name = name
        self.clock, self.sleep = clock, sleep
        self.chance = random.Random(seed)  # noqa: S311
        #: Whether sudo asks for no password.
        self.sudo = True
        #: Why it does not come up; '' if it does.
        self.stuck = ''
        self.hung = False
        #: Directories that somebody has open, and until when.
        self.open: dict[str, float] = {}
        self.disks = disks.Disks(clock, self.chance, bus)
        self.tree = tree.VmFiles()
        self.mounts = mounts.Mounts(self.disks, self._busy,
                                    self._is_directory)
        self.nfs = nfs.Nfs(name, self._is_mounted)
        self.nfs.files = self.tree
        self.tree.text |= {
            '/var/lib/nfs/etab': '', '/etc/exports': '# see exports(5)\n',
            '/etc/fstab': '# <file system> <mount point> <type>\n'
                          'UUID=0b1c6e8a-5d7c-4b59-9a55-7a8f1c3d2e10 / ext4 '
                          'errors=remount-ro 0 1\n'}
        self.tree.kept()
        self.smb = smb.Samba()
        self.boot_id = str(uuid.UUID(int=self.chance.getrandbits(128)))
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self.mounts.froze_root = self._hang
        self.mounts.fstab = lambda: self.tree.text.get('/etc/fstab', '')
        self.mounts.resolved = self.tree.resolved
        self.tree.mounted = lambda path: self.mounts.at(path) is not None
        self.tree.is_directory = self._is_directory
        self.tree.shown = {
            '/proc/self/mountinfo': self.mounts.mountinfo,
            '/etc/mtab': self.mounts.mtab,
            '/proc/sys/kernel/random/boot_id': lambda: self.boot_id + '\n',
            '/proc/sys/kernel/random/uuid': lambda: f'{uuid.uuid4()}\n',
            '/proc/fs/nfsd/threads': lambda: f'{8 * self.nfs.running}\n'}
        self.tree.told = self._told
        self.tree.made = self._made

    def _made(self, path: str) -> str | None:
        """Return what a client of NFS has open, as the kernel tells it."""
        found = _STATES.fullmatch(path)
        shared = self.nfs.states.get(int(found[1])) if found else None
        mounted = self.mounts.at(shared) if shared else None
        if mounted is None:
            return None
        major, minor = map(int, mounted.slot.number.split(':'))
        return (f'- 0x01: {{ type: open, access: rw, superblock: '
                f'"{major:02x}:{minor:02x}:12", filename: "file" }}\n')

    def _hang(self) -> None:
        self.hung = True

    def _is_directory(self, path: str) -> bool:
        return path in self.tree.directories or path == CLIENTS \
            or path == disks.BY_ID.rstrip('/') and self.disks.names_stay \
            or self.mounts.at(path) is not None

    def _is_mounted(self, path: str) -> bool:
        found = self.mounts.at(path)
        return found is not None

    def _told(self, path: str, text: str) -> bool:
        """The kernel takes what is written to some of its files."""
        rescan = _RESCAN.fullmatch(path)
        if rescan:
            if self.disks.bus != 'scsi':
                return False
            if text:
                self.disks.rescan(rescan[1])
            return True
        control = _CONTROL.fullmatch(path)
        if control:
            if text.strip() == 'expire':
                self.nfs.states.pop(int(control[1]), None)
            return True
        if path == _UNLOCK:
            self.nfs.unlock(text.strip())
            return True
        return False

    def _busy(self, path: str) -> str:
        now = self.clock()
        if self.open.get(path, now) > now:
            return 'manila 1234 ..c.. bash'
        return self.nfs.uses(path) or self.smb.uses(path)

    # Time

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        heapq.heappush(self._timers, (
            self.clock() + seconds, next(self._count), work))

    def settle(self) -> None:
        """Do what is due by now."""
        while self._timers and self._timers[0][0] <= self.clock():
            _, _, work = heapq.heappop(self._timers)
            if not self.hung:
                work()

    # From boot to boot

    def down(self, *, orderly: bool) -> None:
        """End everything; without order, what was not synced is lost."""
        self._timers = []
        self.open = {}
        self.hung = False
        self.mounts.ended(orderly=orderly)
        if orderly:
            self.tree.kept()
        else:
            self.tree.lost()
        self.nfs.reboot()
        self.smb.reboot()

    def up(self, devices: Sequence[disk.BlockDevice]) -> None:
        """Boot with disks in an order."""
        self.disks.renamed(devices)
        self.boot_id = str(uuid.UUID(int=self.chance.getrandbits(128)))
        self.tree.directories -= {
            path for path in self.tree.directories
            if path.startswith('/run/')}
        self.tree.text = {
            path: text for path, text in self.tree.text.items()
            if not path.startswith('/run/')}
        self.tree.text.setdefault('/var/lib/nfs/etab', '')
        self.stuck = self.mounts.boot_mounts(DISCOVERY)
        self.nfs.reboot()
