# SPDX-License-Identifier: Apache-2.0

"""/etc/fstab of a service VM: lines are found by their directory.  Pure.

They name disks by their serial numbers.  Of a clone and its parent, which
have one UUID until the clone gets its own, a boot would mount either.
"""

from collections.abc import Iterator
import re

from manila_drivers import exception
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.nas import directory
from manila_drivers.transport import command

Commands = list[command.Command]
FoundDisk = guest_records.FoundDisk
FstabLine = guest_records.FstabLine

# A boot waits for none of these lines; but what systemd has given up it does
# not mount when the disk is there after all, as on a busy host.
_OPTIONS = 'defaults,nofail,x-systemd.device-timeout=300s'
_FIELDS = 6
_BY_ID = '/dev/disk/by-id/'


def read(text: str) -> tuple[FstabLine, ...]:
    """Return the lines that name something to mount."""
    return tuple(_lines(text))


def _lines(text: str) -> Iterator[FstabLine]:
    for line in text.split('\n'):
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith('#'):
            yield FstabLine(*map(unescaped, fields[:_FIELDS]))


def unescaped(field: str) -> str:
    r"""Return a field of fstab or mountinfo: blanks are ``\040`` there."""
    return re.sub(r'\\([0-3][0-7][0-7])',
                  lambda match: chr(int(match[1], 8)), field)


def escaped(field: str) -> str:
    return re.sub(r'[\s\\#]', lambda match: f'\\{ord(match[0]):03o}', field)


def line_of(spec: str, path: str, fstype: str) -> FstabLine:
    """Return the line that lets a boot pass if the disk is not there."""
    return FstabLine(spec, path, fstype, _OPTIONS, '0',
                     '0' if fstype == 'xfs' else '2')


def by_serial(disk: FoundDisk | None) -> str | None:
    """Return how a line names a disk by its serial number.

    :returns: '' if the system has no such name for it, None if it did not
        tell.
    """
    if disk is None or disk.link == '':
        return ''
    return None if disk.link is None else _BY_ID + disk.link


def names(line: FstabLine, disk: FoundDisk) -> bool:
    """Tell if a line names a disk by its serial number."""
    return line.spec.startswith(_BY_ID) and guest_records.is_link(
        line.spec.removeprefix(_BY_ID), disk.serial)


def lasts(facts: guest_records.GuestFacts, path: str) -> bool:
    """Tell if the next boot mounts what is mounted there now, and no other.

    A line by UUID, as drivers before this one left them, does so only where
    there is no better name.  Where names were not told, nobody knows that.
    """
    line, mounted = facts.fstab(path), facts.mount(path)
    disk = mounted.disk if mounted is not None else None
    better = by_serial(disk)
    if line is None or disk is None or better is None:
        return line is not None and (disk is None or names(line, disk))
    return not better or line.spec == better


def written(line: FstabLine) -> str:
    return ' '.join((*map(escaped, (line.spec, line.path, line.fstype)),
                     line.options, line.dump, line.check))


def wanted(facts: guest_records.GuestFacts, served: guest_records.Served,
           uuid: str, fstype: str) -> Commands:
    """Have one line for a share, whatever there was.

    :param uuid: by which it is mounted if its number gives it no name.
    :raises BackendError: it was not told what name it has, and the line
        that is there may not be the right one.
    """
    disk = facts.disk(served.disk.volume_id)
    present = [one for one in facts.lines if one.path == served.path]
    spec = by_serial(disk)
    if spec is None and disk is not None:
        if len(present) != 1 or not names(present[0], disk):
            raise exception.BackendError(
                f'{facts.server} does not say what names {disk.name}, the '
                f'disk of {served.name}, has', check=f'find {_BY_ID} in the '
                'service VM')
        spec = present[0].spec
    line = line_of(spec or f'UUID={uuid}', served.path, fstype)
    return [] if present == [line] else _changed(served.path, written(line))


def removed(facts: guest_records.GuestFacts,
            served: guest_records.Served) -> Commands:
    """Have no line for a share."""
    if facts.fstab(served.path) is None:
        return []
    return _changed(served.path, '')


def _changed(path: str, line: str) -> Commands:
    return [
        guest_scripts.run('fstab', guest_scripts.FSTAB, escaped(path), line),
        # systemd would unmount what an old line of its says is not there.
        directory.run('systemctl', 'daemon-reload',
                      accept=frozenset(range(256)))]
