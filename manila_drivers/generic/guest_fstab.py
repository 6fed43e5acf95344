# SPDX-License-Identifier: Apache-2.0

"""/etc/fstab of a service VM: lines are found by their directory.  Pure."""

from collections.abc import Iterator
import re

from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.nas import directory
from manila_drivers.transport import command

Commands = list[command.Command]
FstabLine = guest_records.FstabLine

_OPTIONS = 'defaults,nofail,x-systemd.device-timeout=30s'
_FIELDS = 6


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


def line_of(uuid: str, path: str, fstype: str) -> FstabLine:
    """Return the line that lets a boot pass if the disk is not there."""
    return FstabLine(f'UUID={uuid}', path, fstype, _OPTIONS, '0',
                     '0' if fstype == 'xfs' else '2')


def written(line: FstabLine) -> str:
    return ' '.join((*map(escaped, (line.spec, line.path, line.fstype)),
                     line.options, line.dump, line.check))


def wanted(facts: guest_records.GuestFacts, served: guest_records.Served,
           uuid: str, fstype: str) -> Commands:
    """Have one line for a share, whatever there was."""
    line = line_of(uuid, served.path, fstype)
    present = [one for one in facts.lines if one.path == served.path]
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
