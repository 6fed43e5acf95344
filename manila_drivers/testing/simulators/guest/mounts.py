# SPDX-License-Identifier: Apache-2.0

"""The mounts of a running system, and commands that deal with them."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import re

from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.guest import disks
from manila_drivers.testing.simulators.guest import unmodelled
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

Result = command.Result
FileSystem = disk.FileSystem

_ROOT_NUMBER = '252:1'
#: Seconds that systemd waits for a disk of whose line nothing else is said.
_DEVICE_TIMEOUT = 90.0
_DF_UNITS = {'-PBM': 1 << 20, '-PBG': 1 << 30}


@dataclasses.dataclass
class VmMount:
    """A file system that is mounted.

    :param slot: the disk, as it was when it was mounted.
    :param gone: whether the disk was taken away since.
    :param failed: whether it became read-only by an error.
    :param root: the directory of it that is seen, bound by an operator.
    """

    path: str
    slot: disks.Slot
    content: FileSystem
    options: str = 'rw,relatime'
    gone: bool = False
    failed: bool = False
    root: str = '/'


class Mounts:
    """All mounts; later ones hide earlier ones on the same directory.

    :param busy: says of a directory why it cannot be unmounted, '' if it can.
    :param directory: says whether a path is a directory.
    """

    def __init__(self, bus: disks.Disks, busy: Callable[[str], str],
                 directory: Callable[[str], bool]) -> None:
        self._disks, self._busy, self._directory = bus, busy, directory
        self.all: list[VmMount] = []
        #: Called with what would be frozen if it is the system itself.
        self.froze_root: Callable[[], None] = lambda: None
        self.fstab: Callable[[], str] = str
        #: Follows symbolic links.
        self.resolved: Callable[[str], str] = str

    def at(self, path: str) -> VmMount | None:
        return next((each for each in reversed(self.all)
                     if each.path == path), None)

    def of(self, device: disk.BlockDevice) -> list[VmMount]:
        return [each for each in self.all
                if each.slot.device is device and not each.gone]

    def unplugged(self, device: disk.BlockDevice) -> None:
        """Its mounts stay, and are good for nothing."""
        for each in self.of(device):
            each.gone = True
            each.content.clean = False
            each.content.checked = False
        device.mounted, device.frozen = 0, False

    def ended(self, *, orderly: bool) -> None:
        """The system ends with all its mounts."""
        for each in self.all:
            if not each.gone:
                each.slot.device.mounted = 0
                each.slot.device.frozen = False
                each.content.clean = orderly
        self.all = []

    def commands(self) -> dict[str, Callable[..., Result]]:
        return {'mount': self._mount, 'umount': self._umount,
                'mountpoint': self._mountpoint, 'df': self._df,
                'findmnt': self._findmnt, 'fsfreeze': self._fsfreeze,
                'fuser': self._fuser}

    # Mounting

    def _mount(self, words: Sequence[str]) -> Result:
        kind, options, rest = '', '', []
        words = list(words)
        while words:
            word = words.pop(0)
            if word == '-t':
                kind = words.pop(0)
            elif word == '-o':
                options = words.pop(0)
            elif word == '-a':
                self.boot_mounts()
                return files.done()
            elif word != '--':
                rest.append(word)
        if not rest:
            return files.done(''.join(
                f'{each.slot.path} on {each.path} type '
                f'{each.content.kind} ({each.options})\n'
                for each in self.all))
        if len(rest) == 1:
            found = [fields for fields in self._lines()
                     if fields[1] == rest[0]]
            if not found:
                return files.failed(f"mount: {rest[0]}: can't find in "
                                    f"/etc/fstab.", 1)
            slot = self._by_spec(found[-1][0])
            where = rest[0]
        else:
            slot, where = self._by_spec(rest[0]), rest[1]
        return self.mount(slot, where, kind, options)

    def mount(self, slot: disks.Slot | None, path: str, kind: str = '',
              options: str = '') -> Result:
        if not self._directory(path):
            return _mount_failed(path, 'mount point does not exist.')
        path = self.resolved(path)
        if slot is None:
            return _mount_failed(path, 'special device does not exist.')
        content = slot.device.content
        if not isinstance(content, FileSystem) or content.broken \
                or kind not in ('', content.kind):
            return _mount_failed(path, f'wrong fs type, bad option, bad '
                                 f'superblock on {slot.path}, missing '
                                 f'codepage or helper program, or other '
                                 f'error.')
        if any(each.path == path for each in self.of(slot.device)):
            return _mount_failed(path, f'{slot.path} already mounted on '
                                 f'{path}.')
        if content.kind == 'xfs' and 'nouuid' not in options and any(
                each.content.uuid == content.uuid
                and each.content is not content and not each.gone
                for each in self.all):
            return _mount_failed(path, f'wrong fs type, bad option, bad '
                                 f'superblock on {slot.path}, missing '
                                 f'codepage or helper program, or other '
                                 f'error.')
        content.clean = content.checked = False
        slot.device.mounted += 1
        self.all.append(VmMount(path, slot, content))
        return files.done()

    def _by_spec(self, spec: str) -> disks.Slot | None:
        name, _, value = spec.partition('=')
        if name == 'UUID':
            # Of several with one UUID nobody knows which comes first: the
            # one that was seen last, to be unkind.
            return next((slot for slot in reversed(list(
                self._disks.visible())) if isinstance(
                    slot.device.content, FileSystem)
                and slot.device.content.uuid == value), None)
        return self._disks.named(spec)

    def _lines(self) -> list[list[str]]:
        return [[_plain(field) for field in line.split()]
                for line in self.fstab().splitlines()
                if len(line.split()) > 2 and not line.lstrip().startswith('#')]

    def boot_mounts(self, seconds: float = 0.0) -> str:
        """VmMount what fstab says; return what a boot has to wait for.

        :param seconds: until the disks are there; what a line says of the
            time that it waits for its disk counts.
        """
        for spec, path, _, *rest in self._lines():
            options = (rest[0] if rest else 'defaults').split(',')
            if 'noauto' in options or path == '/' or self.at(path):
                continue
            slot = self._by_spec(spec)
            if seconds > _patience(options):
                slot = None
            if slot is not None and len(rest) > 2 and rest[2] != '0' \
                    and isinstance(slot.device.content, FileSystem):
                slot.device.content.clean = not slot.device.content.broken
            failed = self.mount(slot, path)
            if failed.status and 'nofail' not in options:
                return f'{spec} on {path}: {failed.stderr}'
        return ''

    def _umount(self, words: Sequence[str]) -> Result:
        lazy = '-l' in words
        path = words[-1]
        found = self.at(path)
        if found is None:
            return files.failed(f'umount: {path}: not mounted.', 32)
        why = self._busy(path)
        if found.slot.device.frozen and not found.gone:
            why = 'frozen'
        if why and not lazy:
            return files.failed(f'umount: {path}: target is busy.', 32)
        self.all.remove(found)
        if not found.gone:
            found.slot.device.mounted -= 1
            # Whoever still uses it after that goes on writing.
            found.content.clean = not (why or found.slot.device.mounted)
        return files.done()

    # Looking

    def _mountpoint(self, words: Sequence[str]) -> Result:
        path = words[-1]
        found = self.at(path)
        if path == '/':
            number: str | None = _ROOT_NUMBER
        else:
            number = found.slot.number if found else None
        if number is None:
            if '-q' in words:
                return Result('', '', 32)
            return files.failed(
                f'mountpoint: {path}: not a mountpoint' if self._directory(
                    path) else f'mountpoint: {path}: No such file or '
                f'directory', 32)
        if '-q' in words:
            return files.done()
        return files.done(f'{number}\n' if '-d' in words
                          else f'{path} is a mountpoint\n')

    def _findmnt(self, words: Sequence[str]) -> Result:
        raise unmodelled.NotModelledError(words)

    def mountinfo(self) -> str:
        lines = ['21 1 0:19 / /proc rw,nosuid - proc proc rw',
                 f'26 1 {_ROOT_NUMBER} / / rw shared:1 - ext4 /dev/vda1 rw',
                 '27 26 0:24 / /run rw,nosuid shared:5 - tmpfs tmpfs rw']
        lines += [
            f'{40 + number} 26 {each.slot.number} {_octal(each.root)} '
            f'{_octal(each.path)} '
            f'{each.options} shared:{50 + number} - {each.content.kind} '
            f'{each.slot.path} {"ro" if each.failed else "rw"}'
            for number, each in enumerate(self.all)]
        return '\n'.join(lines) + '\n'

    def mtab(self) -> str:
        return '/dev/vda1 / ext4 rw,relatime 0 0\n' + ''.join(
            f'{each.slot.path} {_octal(each.path)} {each.content.kind} '
            f'{each.options} 0 0\n' for each in self.all)

    def _df(self, words: Sequence[str]) -> Result:
        if words[0] in _DF_UNITS:
            return self._df_of(words[0], words[-1])
        text = '    1B-blocks         Used Mounted on\n'
        text += f'{10 << 30} {2 << 30} /\n'
        hidden = [each for each in self.all if self.at(each.path) is not each]
        for each in self.all:
            numbers = (f'{each.content.total} {each.content.used}'
                       if each not in hidden else '- -')
            text += f'{numbers} {each.path}\n'
        return files.done(text)

    def _df_of(self, flag: str, path: str) -> Result:
        """``df -PBM PATH``: every number is rounded up."""
        unit, letter = _DF_UNITS[flag], flag[-1]
        found = self.at(path)
        if found is None and not self._directory(path):
            return files.failed(f'df: {path}: No such file or directory')
        content = found.content if found else None
        total = content.total if content else 10 << 30
        used = content.used if content else 2 << 30
        free = max(0, total - used)
        numbers = ' '.join(f'{-(-each // unit)}{letter}'
                           for each in (total, used, free))
        return files.done(
            f'Filesystem     {unit}-blocks  Used Available Capacity Mounted '
            f'on\n{found.slot.path if found else "/dev/vda1"} {numbers} '
            f'{used * 100 // total}% {path if found else "/"}\n')

    def space(self, path: str) -> tuple[int, int, int] | None:
        """Block size, blocks and free blocks of what is mounted there."""
        found = self.at(path)
        if found is None:
            return None
        free = found.content.total - found.content.used
        return 4096, found.content.total // 4096, max(0, free // 4096)

    def _fuser(self, words: Sequence[str]) -> Result:
        why = self._busy(words[-1])
        return Result('', f'                     USER        PID ACCESS '
                      f'COMMAND\n{words[-1]}:  {why}\n', 0 if why else 1)

    def _fsfreeze(self, words: Sequence[str]) -> Result:
        flag, path = words[0], words[-1]
        found = self.at(path)
        if found is None:
            if not self._directory(path):
                return files.failed(f'fsfreeze: {path}: No such file or '
                                    f'directory')
            # The file system that the directory is on: the system itself.
            if flag == '-f':
                self.froze_root()
            return files.done()
        device = found.slot.device
        if flag == '-f' and device.frozen:
            return files.failed(f'fsfreeze: {path}: freeze failed: Device '
                                f'or resource busy')
        if flag == '-u' and not device.frozen:
            return files.failed(f'fsfreeze: {path}: unfreeze failed: '
                                f'Invalid argument')
        device.frozen = flag == '-f'
        return files.done()


def _mount_failed(path: str, why: str) -> Result:
    return files.failed(f'mount: {path}: {why}', 32)


def _plain(field: str) -> str:
    return re.sub(r'\\([0-7]{3})', lambda match: chr(int(match[1], 8)),
                  field)


def _octal(path: str) -> str:
    return re.sub(r'[ \t\n\\]', lambda match: f'\\{ord(match[0]):03o}',
                  path)


def _patience(options: Sequence[str]) -> float:
    """Return the seconds that systemd waits for the disk of a line."""
    for option in options:
        name, _, value = option.partition('=')
        if name == 'x-systemd.device-timeout':
            return float(value.rstrip('s'))
    return _DEVICE_TIMEOUT
