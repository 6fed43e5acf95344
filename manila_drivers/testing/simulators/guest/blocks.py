# SPDX-License-Identifier: Apache-2.0

"""Commands that deal with disks and with file systems that are not mounted.

Texts and exit codes are those of e2fsprogs 1.47, util-linux 2.38 and xfsprogs
6.1.
"""

from collections.abc import Callable
from collections.abc import Sequence
import re
import uuid

from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.guest import disks
from manila_drivers.testing.simulators.guest import mounts
from manila_drivers.testing.simulators.guest import unmodelled
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

Result = command.Result
FileSystem = disk.FileSystem

_BLOCK = 4096
_UNITS = {'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 's': 512}


class Blocks:
    """Programs for the disks of one machine."""

    def __init__(self, bus: disks.Disks, mounted: mounts.Mounts) -> None:
        self._disks, self._mounts = bus, mounted

    def commands(self) -> dict[str, Callable[..., Result]]:
        return {
            'lsblk': self._lsblk, 'blkid': self._blkid,
            'blockdev': self._blockdev, 'dd': self._dd, 'find': self._find,
            'mkfs.ext4': self._mkfs('ext4'),
            'mkfs.ext3': self._mkfs('ext3'), 'mkfs.xfs': self._mkfs('xfs'),
            'e2fsck': self._e2fsck, 'fsck': self._e2fsck,
            'tune2fs': self._tune2fs, 'resize2fs': self._resize2fs,
            'dumpe2fs': self._dumpe2fs, 'xfs_growfs': self._xfs_growfs,
            'xfs_admin': self._xfs_admin}

    # Looking

    def _lsblk(self, words: Sequence[str]) -> Result:
        flags, columns, rest = set[str](), [], []
        words = list(words)
        while words:
            word = words.pop(0)
            if word.startswith('-'):
                flags |= set(word[1:])
                if word.endswith('o'):
                    columns = words.pop(0).split(',')
            else:
                rest.append(word)
        columns = [column.upper() for column in columns]
        if flags - set('bdnrpo') or 'r' not in flags and len(columns) != 1:
            raise unmodelled.NotModelledError(f'lsblk {flags}')
        rows = self._rows()
        if rest:
            rows = [row for row in rows if '/dev/' + row['NAME'] in rest]
            if not rows:
                return files.failed(f'lsblk: {rest[0]}: not a block device',
                                    32)
        if 'd' in flags:
            rows = [row for row in rows if row['TYPE'] == 'disk']
        if 'p' in flags:
            rows = [{**row, 'NAME': '/dev/' + row['NAME']} for row in rows]
        return files.done(''.join(
            ' '.join(row.get(column, '') for column in columns) + '\n'
            for row in rows))

    def _rows(self) -> list[dict[str, str]]:
        prefix = self._disks.slots[0].name[:2] if self._disks.slots else 'vd'
        rows = [{'NAME': f'{prefix}a', 'MAJ:MIN': '252:0', 'TYPE': 'disk',
                 'SIZE': str(10 << 30), 'SERIAL': '', 'MOUNTPOINT': ''},
                {'NAME': f'{prefix}a1', 'MAJ:MIN': '252:1', 'TYPE': 'part',
                 'SIZE': str(9 << 30), 'SERIAL': '', 'MOUNTPOINT': '/'},
                {'NAME': 'sr0', 'MAJ:MIN': '11:0', 'TYPE': 'rom',
                 'SIZE': '507904', 'SERIAL': 'QM00001', 'MOUNTPOINT': ''}]
        for slot in self._disks.visible():
            where = [each.path for each in self._mounts.of(slot.device)]
            content = slot.device.content
            rows.append({
                'NAME': slot.name, 'MAJ:MIN': slot.number, 'TYPE': 'disk',
                'UUID': content.uuid if content is not None else '',
                'SIZE': str(slot.size), 'SERIAL': slot.serial,
                'MOUNTPOINT': where[0] if where else ''})
        return rows

    def _blkid(self, words: Sequence[str]) -> Result:
        """``blkid -p -o export DEVICE`` and ``-o value -s UUID DEVICE``."""
        slot = self._disks.named(words[-1])
        if slot is None or '-p' not in words:
            return Result('', '', 2)
        # What it cannot read it takes for empty.
        content = slot.device.found()
        if content is None:
            return Result('', '', 2)
        if '-s' in words:
            return files.done(f'{content.uuid}\n' if content.uuid else '')
        text = f'DEVNAME={slot.path}\n'
        if content.kind in ('dos', 'gpt'):
            return files.done(text + f'PTUUID={content.uuid}\n'
                              f'PTTYPE={content.kind}\n')
        if isinstance(content, FileSystem) and content.label:
            text += f'LABEL={content.label}\n'
        if content.uuid:
            text += f'UUID={content.uuid}\n'
        return files.done(text + f'BLOCK_SIZE=4096\nTYPE={content.kind}\n'
                          f'USAGE=filesystem\n')

    def _find(self, words: Sequence[str]) -> Result:
        """Return names that stay, as ``link %f %l`` prints them."""
        if list(words) != [disks.BY_ID.rstrip('/'), '-ignore_readdir_race',
                           '-type', 'l', '-printf', 'link %f %l\\n']:
            raise unmodelled.NotModelledError(words)
        if not self._disks.names_stay:
            return files.failed(f"find: '{words[0]}': No such file or "
                                f"directory")
        return files.done('link ata-QEMU_DVD-ROM_QM00001 ../../sr0\n'
                          + ''.join(f'link {name} ../../{slot.name}\n'
                                    for name, slot
                                    in self._disks.links().items()))

    def _blockdev(self, words: Sequence[str]) -> Result:
        slot = self._disks.named(words[-1])
        if slot is None:
            return files.failed(f'blockdev: cannot open {words[-1]}: No such '
                                f'file or directory')
        return files.done(f'{slot.size}\n')

    def _dd(self, words: Sequence[str]) -> Result:
        """``dd if=DEVICE of=/dev/null bs= count= skip= status=none``"""
        values = dict(word.split('=', 1) for word in words)
        if values.pop('of') != '/dev/null' \
                or values.pop('status') != 'none' \
                or values.keys() != {'if', 'bs', 'count', 'skip'}:
            raise unmodelled.NotModelledError(words)
        slot = self._disks.named(values['if'])
        if slot is None:
            return files.failed(f"dd: failed to open '{values['if']}': No "
                                f"such file or directory")
        block = int(values['bs'])
        begin = int(values['skip']) * block
        if not slot.device.reads(begin, begin + int(values['count']) * block):
            return files.failed(f"dd: error reading '{slot.path}': "
                                f"Input/output error")
        return files.done()

    # Making

    def _mkfs(self, kind: str) -> Callable[[Sequence[str]], Result]:
        def mkfs(words: Sequence[str]) -> Result:
            slot = self._disks.named(words[-1])
            force = '-f' if kind == 'xfs' else '-F'
            if slot is None:
                return files.failed(f'The file {words[-1]} does not exist '
                                    f'and no size was specified.')
            if self._mounts.of(slot.device):
                return files.failed(f'{slot.path} is mounted; will not make '
                                    f'a filesystem here!')
            if slot.device.content is not None and force not in words:
                return files.failed(
                    f'{slot.path} contains a {slot.device.content.kind} '
                    f'file system\nProceed anyway? (y,N) ')
            ident = _after(words, '-U') or _after(
                words, '-m').removeprefix('uuid=')
            if kind == 'xfs' and not ident:
                ident = str(uuid.uuid4())
            slot.device.content = FileSystem(
                kind, ident or str(uuid.uuid4()), slot.size,
                reserved=int(_after(words, '-m') or 5)
                if kind != 'xfs' else 0)
            return files.done()
        return mkfs

    def _ext(self, path: str, tool: str,
             ) -> tuple[disks.Slot, FileSystem] | Result:
        slot = self._disks.named(path)
        if slot is None:
            return files.failed(f'{tool}: No such file or directory while '
                                f'trying to open {path}\nPossibly '
                                f'non-existent device?', 8)
        content = slot.device.content
        if not isinstance(content, FileSystem) or content.kind == 'xfs':
            return files.failed(f'{tool}: Bad magic number in super-block '
                                f'while trying to open {path}', 8)
        return slot, content

    def _e2fsck(self, words: Sequence[str]) -> Result:
        found = self._ext(words[-1], 'e2fsck')
        if isinstance(found, Result):
            return found
        slot, content = found
        flags = ''.join(word for word in words[:-1] if word[0] == '-')
        if self._mounts.of(slot.device):
            return files.failed(f'{slot.path} is mounted.\ne2fsck: Cannot '
                                f'continue, aborting.\n', 8)
        if content.broken:
            if 'y' not in flags:
                return files.failed(
                    f'{slot.path}: UNEXPECTED INCONSISTENCY; RUN fsck '
                    f'MANUALLY.\n\t(i.e., without -a or -p options)', 4)
            content.broken = False
            content.clean = content.checked = True
            return Result('', '', 1)
        mended = content.flawed or not content.clean
        content.clean, content.flawed = True, False
        content.checked = content.checked or 'f' in flags
        if mended:
            return Result(f'{slot.path}: recovering journal\n', '', 1)
        return files.done(f'{slot.path}: clean\n')

    def _tune2fs(self, words: Sequence[str]) -> Result:
        found = self._ext(words[-1], 'tune2fs')
        if isinstance(found, Result):
            return found
        slot, content = found
        ident = _after(words, '-U')
        if ident:
            if self._mounts.of(slot.device) or not content.checked:
                return files.failed(
                    f'tune2fs 1.47.0 (5-Feb-2023)\n\nThis operation '
                    f'requires a freshly checked filesystem.\n\nPlease run '
                    f'e2fsck -f {slot.path}\n')
            content.uuid = (str(uuid.uuid4()) if ident == 'random'
                            else ident)
        if _after(words, '-m'):
            content.reserved = int(_after(words, '-m'))
        return files.done('tune2fs 1.47.0 (5-Feb-2023)\n')

    # Sizes

    def _dumpe2fs(self, words: Sequence[str]) -> Result:
        found = self._ext(words[-1], 'dumpe2fs')
        if isinstance(found, Result):
            return found
        _, content = found
        return Result(
            f'Filesystem volume name:   <none>\nLast mounted on:          '
            f'<not available>\nFilesystem UUID:          {content.uuid}\n'
            f'Block count:              {content.size // _BLOCK}\n'
            f'Reserved block count:     0\nBlock size:               '
            f'{_BLOCK}\n', 'dumpe2fs 1.47.0 (5-Feb-2023)\n', 0)

    def _resize2fs(self, words: Sequence[str]) -> Result:
        operands = [word for word in words if word[0] != '-']
        found = self._ext(operands[0], 'resize2fs')
        if isinstance(found, Result):
            return found
        slot, content = found
        say = 'resize2fs 1.47.0 (5-Feb-2023)\n'
        mounted = bool(self._mounts.of(slot.device))
        if '-P' in words:
            return Result(f'Estimated minimum size of the filesystem: '
                          f'{content.minimum - content.optimism}\n', say, 0)
        size = _bytes(operands[1]) if len(operands) > 1 else slot.size
        if size > slot.size:
            return Result('', f'{say}The containing partition (or device) '
                          f'is only {slot.size // _BLOCK} (4k) blocks.\n'
                          f'You requested a new size of {size // _BLOCK} '
                          f'blocks.\n\n', 1)
        if not mounted and not content.checked:
            return Result('', f"{say}Please run 'e2fsck -f {slot.path}' "
                          f"first.\n\n", 1)
        if size == content.size:
            return Result('', f'{say}The filesystem is already '
                          f'{size // _BLOCK} (4k) blocks long.  Nothing to '
                          f'do!\n\n', 0)
        if size < content.size and mounted:
            return Result('', f'{say}resize2fs: On-line shrinking not '
                          f'supported\n', 1)
        if size // _BLOCK < content.minimum:
            return Result('', f'{say}resize2fs: New size smaller than '
                          f'minimum ({content.minimum})\n\n', 1)
        content.size = size
        return Result(f'The filesystem on {slot.path} is now '
                      f'{size // _BLOCK} (4k) blocks long.\n\n', say, 0)

    def _xfs_growfs(self, words: Sequence[str]) -> Result:
        mounted = self._mounts.at(words[-1])
        if mounted is None or mounted.content.kind != 'xfs' or mounted.gone:
            return files.failed(f'xfs_growfs: {words[-1]} is not a mounted '
                                f'XFS filesystem')
        content, slot = mounted.content, mounted.slot
        text = (
            f'meta-data={slot.path}               isize=512    agcount=4, '
            f'agsize=65536 blks\n'
            f'data     =                       bsize={_BLOCK}   blocks='
            f'{content.size // _BLOCK}, imaxpct=25\n'
            f'log      =internal log           bsize={_BLOCK}   '
            f'blocks=16384, version=2\n'
            f'realtime =none                   extsz={_BLOCK}   blocks=0, '
            f'rtextents=0\n')
        if '-n' in words:
            return files.done(text)
        size = int(_after(words, '-D') or slot.size // _BLOCK) * _BLOCK
        if size > slot.size:
            return files.failed(
                f'data size {size // _BLOCK} too large, maximum is '
                f'{slot.size // _BLOCK}')
        if size < content.size:
            return files.failed(
                'xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: Invalid '
                'argument')
        before, content.size = content.size, size
        return files.done(text + (
            f'data blocks changed from {before // _BLOCK} to '
            f'{size // _BLOCK}\n' if size > before else
            'data size unchanged, skipping\n'))

    def _xfs_admin(self, words: Sequence[str]) -> Result:
        slot = self._disks.named(words[-1])
        content = slot.device.content if slot is not None else None
        if slot is None or not isinstance(content, FileSystem) \
                or content.kind != 'xfs':
            return files.failed('xfs_admin: invalid device')
        if not content.clean:
            return files.failed(
                'ERROR: The filesystem has valuable metadata changes in a '
                'log which needs to\nbe replayed.', 2)
        if self._mounts.of(slot.device):
            return files.failed(f'xfs_admin: {slot.path} contains a mounted '
                                f'filesystem')
        content.uuid = _after(words, '-U')
        return files.done()


def _after(words: Sequence[str], flag: str) -> str:
    """Return the value of an option, '' if it is not there."""
    return words[list(words).index(flag) + 1] if flag in words else ''


def _bytes(text: str) -> int:
    match = re.fullmatch(r'(\d+)([KMGs]?)', text)
    if match is None:
        raise unmodelled.NotModelledError(text)
    return int(match[1]) * _UNITS.get(match[2], _BLOCK) // _BLOCK * _BLOCK
