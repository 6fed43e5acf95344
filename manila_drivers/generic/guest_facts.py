# SPDX-License-Identifier: Apache-2.0

"""Questions to a service VM, and what the answers mean.  Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_room
from manila_drivers.nas import samba
from manila_drivers.transport import command

Disk = guest_records.Disk
FoundDisk = guest_records.FoundDisk
GuestFacts = guest_records.GuestFacts
Mounted = guest_records.Mounted
Result = command.Result

T = TypeVar('T')

_BOOT = '/proc/sys/kernel/random/boot_id'
_THREADS = '/proc/fs/nfsd/threads'
# Characters of a serial number that virtio-blk passes on.
_CUT = 20
_ANY = frozenset(range(256))
# What blkid -p exits with: found something, nothing, several things.  That
# nothing was found because nothing could be read has a code of its own.
_FOUND, _NOTHING, _SEVERAL = 0, 2, 8


def questions(disks: Sequence[Disk] = (), wait: float = 0.0, *,
              serving: bool = False) -> list[command.Command]:
    """One round trip.

    :param wait: seconds for the disks to appear.
    :param serving: ask for :attr:`GuestFacts.serving`.
    """
    triples = [word for disk in disks for word in (
        disk.volume_id, disk.volume_id[:_CUT], disk.floor)]
    return [
        guest_scripts.run('disks', guest_scripts.DISKS, int(wait), *triples,
                          timeout=60.0 + wait),
        directory.run('cat', '/proc/self/mountinfo'),
        directory.run('cat', '--', '/etc/fstab', accept=frozenset({0, 1})),
        directory.run('df', '-a', '-B1', '--output=size,used,target', '-t',
                      'ext2', '-t', 'ext3', '-t', 'ext4', '-t', 'xfs',
                      accept=frozenset({0, 1})),
        directory.run('cat', '--', _BOOT, kernel_room.UNSYNCED,
                      accept=_ANY),
        directory.run('cat', '--', _THREADS, accept=_ANY),
        *kernel.questions(), *samba.questions(), guest_turns.question(),
        *(samba.in_force_questions() if serving else ())]


def understand(server: str, results: Sequence[Result], *,
               partly: bool = False) -> GuestFacts:
    """Return all that a service VM told.

    :param partly: what of disks, mounts and fstab is not told is as if there
        were none, for whoever takes access away and needs nothing else.
    :raises DriverError: it does not say what disks and mounts it has.
    """
    found, mounts, fstab, spaces, boot, threads, *access = results
    working = access.pop(4)
    if working.status:
        raise exception.BackendError(
            f'{server} does not say what is at work on its shares',
            answer=working.stderr, status=working.status,
            check='/run and flock in the service VM')
    if not partly:
        _check_told(server, found, mounts, fstab)
    disks, others = read_disks('' if found.status else found.stdout)
    exported, nfs_error = exception.caught(
        lambda: kernel.understand(server, access[:3]))
    shared, samba_error = exception.caught(
        lambda: samba.understand(server, access[3:4]))
    told = boot.stdout.split()
    serving, untold = exception.caught(
        lambda: samba.in_force(server, access[4:])) if access[4:] \
        else (None, None)
    return GuestFacts(
        server, disks, read_mounts(mounts.stdout, disks, others),
        guest_fstab.read(fstab.stdout), read_spaces(spaces.stdout),
        _either(exported, nfs_error), _either(shared, samba_error),
        next((word for word in told if word != kernel_room.MARK), ''),
        _number(threads), kernel_room.MARK in told, serving or untold,
        guest_turns.understand(working.stdout),
        guest_turns.understand_unwritten(working.stdout))


def _check_told(server: str, found: Result, mounts: Result,
                fstab: Result) -> None:
    for result, what in ((found, 'disks'), (mounts, 'mounts')):
        if result.status:
            raise exception.BackendError(
                f'{server} does not say what {what} it has',
                answer=directory.objection(result), status=result.status,
                check='that util-linux is installed there and this user may '
                'run commands as root')
    refused = directory.objection(fstab)
    if refused:
        raise exception.BackendError(
            f'{server} does not say what it mounts at boot', answer=refused,
            status=fstab.status)


def _either(value: T | None, error: exception.DriverError | None,
            ) -> T | exception.DriverError:
    if value is not None:
        return value
    assert error is not None
    return error


def _number(result: Result) -> int | None:
    text = result.stdout.strip()
    return int(text) if not result.status and text.isdecimal() and int(
        text) else None


def read_disks(text: str) -> tuple[tuple[FoundDisk, ...], frozenset[str]]:
    """Return disks, and numbers of other block devices.

    :param text: what :data:`guest_scripts.DISKS` prints.
    """
    lines = text.split('\n')
    links: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith('link '):
            name, *target = line.split(' ')[1:]
            links.setdefault(' '.join(target), []).append(name)
    told = 'untold' not in lines
    return tuple(
        _linked(disk, links) if told else dataclasses.replace(disk, link=None)
        for disk in _disks(text)), frozenset(
            line.removeprefix('other ').strip() for line in lines
            if line.startswith('other '))


def _linked(disk: FoundDisk, links: Mapping[str, Sequence[str]]) -> FoundDisk:
    """Return a disk with the name that tells most of its number.

    :param links: names by what they point to, such as ``../../vdb``.
    """
    short = disk.name.rpartition('/')[2]
    names = sorted((name for name in links.get('../../' + short, ())
                    if guest_records.is_link(name, disk.serial)),
                   key=lambda name: (-len(name), name))
    return dataclasses.replace(disk, link=names[0]) if names else disk


def _disks(text: str) -> Iterator[FoundDisk]:
    disk: FoundDisk | None = None
    values: dict[str, str] = {}
    for line in text.split('\n'):
        kind, _, rest = line.partition(' ')
        if kind == 'disk':
            if disk is not None:
                yield disk
            name, number, size, *serial = rest.split(' ', 3)
            disk = FoundDisk(name, number, int(size),
                             ' '.join(serial).strip())
            values = {}
        elif kind == 'looked' and disk is not None:
            yield _looked(disk, int(rest), values)
            disk = None
        elif '=' in line:
            key, _, value = line.partition('=')
            values[key] = value
    if disk is not None:
        yield disk


def _looked(disk: FoundDisk, status: int,
            values: Mapping[str, str]) -> FoundDisk:
    """Return a disk with what blkid said of it."""
    if status == _NOTHING:
        fstype = ''
    elif status == _SEVERAL:
        fstype = 'several'
    elif status == _FOUND:
        fstype = values.get('TYPE') or values.get('PTTYPE') or 'unknown'
    else:
        return disk
    return FoundDisk(disk.name, disk.number, disk.size, disk.serial, True,
                     fstype, values.get('UUID', ''))


def read_mounts(text: str, disks: Sequence[FoundDisk],
                others: frozenset[str] = frozenset(),
                ) -> tuple[Mounted, ...]:
    """Return the lines of mountinfo, see proc(5).

    :param others: numbers of block devices that are no whole disks.
    """
    known = {disk.number: disk for disk in disks}
    found = []
    for line in text.split('\n'):
        before, separator, after = line.partition(' - ')
        fields, kind = before.split(' '), after.split(' ')
        if not separator or len(fields) < 6 or len(kind) < 2:
            continue
        found.append(Mounted(
            guest_fstab.unescaped(fields[4]), fields[2],
            guest_fstab.unescaped(kind[1]), kind[0],
            frozenset(fields[5].split(',')), known.get(fields[2]),
            # What is on no block device has major number 0.
            gone=not fields[2].startswith('0:')
            and fields[2] not in {*known, *others},
            failed='ro' in kind[-1].split(',')
            and 'ro' not in fields[5].split(','),
            root=guest_fstab.unescaped(fields[3])))
    return tuple(found)


def read_spaces(text: str) -> dict[str, guest_records.Space]:
    """Return what df says of each directory that something is mounted on."""
    found = {}
    for line in text.split('\n')[1:]:
        fields = line.split(None, 2)
        if len(fields) == 3 and fields[0].isdecimal() \
                and fields[1].isdecimal():
            found[fields[2]] = guest_records.Space(int(fields[0]),
                                                   int(fields[1]))
    return found
