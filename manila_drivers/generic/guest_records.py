# SPDX-License-Identifier: Apache-2.0

"""Disks, mounts and exports of a service VM as frozen values.  Pure."""

from collections.abc import Mapping
import dataclasses
import re

from manila_drivers import exception
from manila_drivers.generic import guest_turns
from manila_drivers.nas import kernel
from manila_drivers.nas import samba

GIB = 1 << 30

_Nfs = kernel.KernelFacts
_Samba = samba.SambaFacts

#: Bytes by which a disk may be smaller than its volume: encrypted ones lose
#: some MiB to their header.
SHORT = GIB // 8
# Characters of a serial number that virtio-blk passes on.
_CUT = 20


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk that is looked for.

    :param volume_id: Cinder's id, which is the disk's serial number.
    :param gib: size of the volume; a disk that is smaller is not ready.
    """

    volume_id: str
    gib: int

    @property
    def floor(self) -> int:
        """Bytes that the disk has more of.

        Encrypted volumes lose some MiB to their header, and some backends
        round up, so that only a whole GiB too little tells.
        """
        return (self.gib - 1) * GIB


@dataclasses.dataclass(frozen=True)
class Served:
    """A share as it is served by a VM.

    :param name: for files, tags and the section of Samba.
    :param ident: the UUID that its file system is given; one that was made
        by somebody else keeps its own.
    :param path: where it is mounted, absolute.
    :param fstype: ``ext4``, ``ext3`` or ``xfs``.
    :param proto: ``NFS`` or ``CIFS``, '' if it may be either.
    """

    name: str
    ident: str
    path: str
    disk: Disk
    fstype: str = 'ext4'
    proto: str = ''

    @property
    def scratch(self) -> str:
        """Return where it is mounted before it has its own UUID."""
        return f'/run/manila-{self.ident}'


@dataclasses.dataclass(frozen=True)
class FoundDisk:
    """A whole disk as the system knows it now; names change with each boot.

    :param name: such as ``/dev/vdb``.
    :param number: major and minor number, ``252:16``.
    :param serial: as the system has it: virtio-blk cuts it.
    :param link: its name in /dev/disk/by-id, which is the same after each
        boot; '' if it has none that tells its serial number, None if that
        was not told.
    :param looked: whether its content was asked for.
    :param fstype: what is on it, also if it is no file system; '' is
        nothing that is known, and only counts if it was asked for.
    :param uuid: of that; '' is none.
    """

    name: str
    number: str
    size: int
    serial: str
    looked: bool = False
    fstype: str = ''
    uuid: str = ''
    link: str | None = ''

    @property
    def empty(self) -> bool:
        """Return whether it was looked at, and nothing was found."""
        return self.looked and not self.fstype

    def is_volume(self, volume_id: str) -> bool:
        return is_serial(self.serial, volume_id)


def is_serial(serial: str, volume_id: str) -> bool:
    """Return whether a disk's serial number is that of a volume.

    virtio-blk passes on the first 20 characters, virtio-scsi all, which
    older systems tell with maker and model before it.
    """
    return bool(volume_id) and (
        serial in (volume_id, volume_id[:_CUT])
        or serial.endswith((f'_{volume_id}', f' {volume_id}')))


def is_link(name: str, serial: str) -> bool:
    """Return whether a name in /dev/disk/by-id tells a serial number.

    It does without and with the maker and model before it, and may be cut
    where the number is not, or the other way round.
    """
    match = re.fullmatch(r'(?:virtio-|scsi-)(?:\w*_)?([0-9A-Za-z-]+)', name)
    own = re.split(r'[_ ]', serial)[-1]
    return match is not None and len(own) >= _CUT \
        and match[1] in (own, own[:_CUT])


@dataclasses.dataclass(frozen=True)
class Mounted:
    """A mount; the last one on a directory hides those before it.

    :param device: what the kernel says was mounted, such as ``/dev/vdb``:
        by now that may be the name of another disk.
    :param disk: the disk it is on; None if that is gone, or is no whole
        disk.
    :param gone: whether it was on a block device that is gone.
    :param failed: whether the kernel lets nobody write any more, although it
        was mounted for that: it has met an error.
    :param root: directory of the file system that is seen there; another one
        than / is bound, and the rest is elsewhere or nowhere.
    """

    path: str
    number: str
    device: str
    fstype: str
    options: frozenset[str] = frozenset()
    disk: FoundDisk | None = None
    gone: bool = False
    failed: bool = False
    root: str = '/'

    @property
    def uuid(self) -> str | None:
        return self.disk.uuid or None if self.disk else None

    @property
    def serial(self) -> str | None:
        return self.disk.serial if self.disk else None


@dataclasses.dataclass(frozen=True)
class FstabLine:
    """One line of /etc/fstab, with the escapes of its fields undone."""

    spec: str
    path: str
    fstype: str
    options: str = 'defaults'
    dump: str = '0'
    check: str = '0'

    @property
    def blocks(self) -> bool:
        """Return whether a boot waits for it, and fails without it."""
        return not {'nofail', 'noauto'} & set(self.options.split(','))


@dataclasses.dataclass(frozen=True)
class Space:
    """Bytes of a file system that is mounted, as df counts them."""

    total: int
    used: int


@dataclasses.dataclass(frozen=True)
class GuestFacts:
    """All of a VM that matters, as of one look.

    :param server: what it is called in errors.
    :param boot: what changes with every boot; '' if it was not told.
    :param unsynced: a call that was cut off may have written down who has
        access without waiting until that is on disk.
    :param nfsd: threads of the NFS server; None if it does not run.
    :param exported: or why that was not told; so is ``shared``.
    :param serving: what smb.conf comes to, or why that was not told; None if
        it was not asked.
    :param working: how far those are who work on shares, by their ids.  What
        else is told of such a share is the middle of something.
    :param unwritten: exports that let in fewer than is written down of them,
        since that could not be changed.
    """

    server: str
    disks: tuple[FoundDisk, ...]
    mounts: tuple[Mounted, ...]
    lines: tuple[FstabLine, ...]
    spaces: Mapping[str, Space]
    exported: _Nfs | exception.DriverError
    shared: _Samba | exception.DriverError
    boot: str = ''
    nfsd: int | None = None
    unsynced: bool = False
    serving: samba.SambaInForce | exception.DriverError | None = None
    working: Mapping[str, guest_turns.Work] = dataclasses.field(
        default_factory=dict)
    unwritten: frozenset[str] = frozenset()

    @property
    def nfs(self) -> _Nfs:
        """:raises DriverError: it was not told."""
        if isinstance(self.exported, exception.DriverError):
            raise self.exported
        return self.exported

    @property
    def samba(self) -> _Samba:
        """:raises DriverError: it was not told."""
        if isinstance(self.shared, exception.DriverError):
            raise self.shared
        return self.shared

    def nfs_or_none(self) -> _Nfs | None:
        return self.exported if isinstance(self.exported, _Nfs) else None

    def samba_or_none(self) -> _Samba | None:
        return self.shared if isinstance(self.shared, _Samba) else None

    def disk(self, volume_id: str) -> FoundDisk | None:
        """Return the disk of a volume, or None if it is not there.

        :raises Conflict: there are several.
        """
        found = [disk for disk in self.disks if disk.is_volume(volume_id)]
        if len(found) > 1:
            raise exception.Conflict(
                f'{self.server} has several disks of volume {volume_id}',
                answer=', '.join(disk.name for disk in found),
                check='the volumes that are attached to the server')
        return found[0] if found else None

    def mount(self, path: str) -> Mounted | None:
        """Return what is mounted there, alive or not."""
        found = [mount for mount in self.mounts if mount.path == path]
        return found[-1] if found else None

    def serves(self, served: Served) -> bool:
        """Return whether the share's own disk is mounted where it is to be.
        """
        mounted = self.mount(served.path)
        return mounted is not None and mounted.disk is not None \
            and mounted.root == '/' \
            and mounted.disk.is_volume(served.disk.volume_id)

    def elsewhere(self, served: Served) -> tuple[Mounted, ...]:
        """Return where else the share's disk is mounted.

        Below another disk in its own place as well.
        """
        own = self.mount(served.path)
        return tuple(
            mount for mount in self.mounts
            if mount is not own
            and mount.path != served.scratch and mount.disk is not None
            and mount.disk.is_volume(served.disk.volume_id))

    def fstab(self, path: str) -> FstabLine | None:
        """Return the last line for a directory."""
        found = [line for line in self.lines if line.path == path]
        return found[-1] if found else None

    def used(self, path: str) -> int | None:
        """Bytes; None if nothing that is alive is mounted there."""
        space = self.spaces.get(path)
        return space.used if space else None

    def total(self, path: str) -> int | None:
        """Bytes; None if nothing that is alive is mounted there."""
        space = self.spaces.get(path)
        return space.total if space else None
