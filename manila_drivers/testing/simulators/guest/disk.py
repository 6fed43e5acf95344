# SPDX-License-Identifier: Apache-2.0

"""Block devices and what is on them; they outlive what they are plugged to.
"""

import copy
import dataclasses
import math

GIB = 1 << 30
_BLOCK, _SECTOR = 4096, 512
# Of a file system that is empty: tables, a journal.
_OVERHEAD = 0.03


@dataclasses.dataclass
class FileSystem:
    """A file system, with what clients put there.

    :param kind: ``ext4``, ``ext3`` or ``xfs``.
    :param size: bytes.
    :param files: name to content, of the root directory.
    :param ballast: bytes that are used besides.
    :param clean: whether it was unmounted in order; else it has to be
        checked, which finds something to mend.
    :param checked: whether it was checked in full since it was used.
    :param broken: whether a check cannot mend it without being told to.
    :param flawed: whether a check finds something small to mend.
    :param optimism: blocks that resize2fs needs more than it estimates.
    """

    kind: str
    uuid: str
    size: int
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    ballast: int = 0
    label: str = ''
    mode: str = '755'
    reserved: int = 5
    clean: bool = True
    checked: bool = False
    broken: bool = False
    flawed: bool = False
    optimism: int = 0

    @property
    def offset(self) -> int:
        """Where its superblock is."""
        return 0 if self.kind == 'xfs' else 1024

    @property
    def used(self) -> int:
        """Bytes, as df counts them."""
        return self.ballast + sum(
            math.ceil(len(data) / _BLOCK) * _BLOCK
            for data in self.files.values()) + 24 * 1024

    @property
    def total(self) -> int:
        """Bytes that df says there are, which is less than the size."""
        return int(self.size * (1 - _OVERHEAD)) // _BLOCK * _BLOCK

    @property
    def minimum(self) -> int:
        """Blocks that resize2fs thinks it needs at the least."""
        return math.ceil((self.used * 1.02 + 8 * 1024 * 1024) / _BLOCK)


@dataclasses.dataclass
class Signature:
    """Something that blkid finds and nobody of ours has made.

    :param kind: such as ``crypto_LUKS``, ``LVM2_member``, ``dos``.
    :param offset: bytes from the begin of the disk, or, if that is negative,
        from its end.
    """

    kind: str
    uuid: str = ''
    offset: int = 0


class BlockDevice:
    """A volume.

    :param id: of the volume; it is the serial number of the disk.
    :param gib: size in GiB.
    :param content: what is on it; None if it was never written to.
    """

    def __init__(self, id: str, gib: int,
                 content: FileSystem | Signature | None = None) -> None:
        self.id = id
        self.gib = gib
        self.content = content
        #: Bytes that it has more, where the storage rounds up; of one that
        #: is encrypted less than none, for its header.
        self.extra = 0
        #: The machine that has it, as a name; '' if none has.
        self.plugged = ''
        #: How many use it as a mounted file system just now.
        self.mounted = 0
        #: Whether nobody may write to that.
        self.frozen = False
        #: Bytes that cannot be read: where they begin and where they end.
        #: Whatever is written there is taken.
        self.unreadable: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        """Bytes."""
        return self.gib * GIB + self.extra

    def reads(self, begin: int, end: int) -> bool:
        """Tell if all of these bytes can be read."""
        return not any(first < end and begin < last
                       for first, last in self.unreadable)

    def found(self) -> FileSystem | Signature | None:
        """Return what is on it, as far as that can be read."""
        if self.content is None:
            return None
        offset = self.content.offset % self.size
        return self.content if self.reads(offset, offset + _SECTOR) else None

    def copy(self, id: str, gib: int | None = None) -> 'BlockDevice':
        """Return what a snapshot of this moment becomes as a volume.

        Of a file system in use that is what a power failure leaves.
        """
        content = copy.deepcopy(self.content)
        if isinstance(content, FileSystem) and self.mounted \
                and not self.frozen:
            content.clean = False
            content.checked = False
        made = BlockDevice(id, self.gib if gib is None else gib, content)
        made.extra = self.extra
        return made

    def resize(self, gib: int) -> None:
        """Make it as large as that; the content is as it was.

        A machine that it is plugged to has to be told
        (``Machine.resized``).
        """
        self.gib = gib

    def __repr__(self) -> str:
        return f'BlockDevice({self.id!r}, {self.gib})'
