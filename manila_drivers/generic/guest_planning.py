# SPDX-License-Identifier: Apache-2.0

"""From what a service VM has to what it shall have.  Pure.

Each function returns the commands of one script, in order, which ``Guest.run``
runs as root: what changes tables alone, and what may take long (see
``guest_turns``) as the only one at work on the share; none if nothing has to
be done.  Names of disks are of
the moment of the look, so that each command which touches a disk looks at its
serial number again.
"""

from manila_drivers import exception
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_shell
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.transport import command

Commands = list[command.Command]
Facts = guest_records.GuestFacts
FoundDisk = guest_records.FoundDisk
Mounted = guest_records.Mounted
Served = guest_records.Served

nfs = guest_access.nfs
cifs = guest_access.cifs

#: Seconds that a file system in use is waited for, and a disk that grows.
PATIENCE = 30
_GROWS = 90

_EXT = ('ext4', 'ext3', 'ext2')
# What goes before the name of the disk.
_MKFS = {'ext4': ('mkfs.ext4', '-q', '-F', '-m', '0', '-U'),
         'ext3': ('mkfs.ext3', '-q', '-F', '-m', '0', '-U'),
         'xfs': ('mkfs.xfs', '-q', '-m')}


def serve(facts: Facts, served: Served, *, fresh: bool = False,
          reserve: bool = False) -> Commands:
    """Mount a share's disk, now and after each boot.

    :param fresh: the volume was made for this share just now and holds
        nothing: format it, if that is what is seen, and let everybody write.
        Repetition finds its own file system and formats nothing.
    :param reserve: leave root the blocks that mkfs reserves by itself.
    :raises NotFound: the disk is not there, or has nothing on it although
        it should.
    :raises Conflict: the disk, or the directory, holds something else.
    """
    _check(served)
    disk = _disk(facts, served)
    commands: Commands = []
    fstype, uuid = disk.fstype, disk.uuid
    if not disk.looked:
        raise exception.BackendError(
            f'{facts.server} does not say what is on {disk.name}, the disk '
            f'of {served.name}', check='blkid in the service VM, and errors '
            'of that disk in the log of its kernel')
    if fresh:
        commands += _formatted(served, disk, reserve=reserve)
        fstype, uuid = served.fstype, served.ident
    elif disk.empty:
        raise exception.NotFound(
            f'Nothing is on {disk.name}, the disk of {served.name}: its '
            f'data is lost, or it is another volume',
            check=f'volume {served.disk.volume_id}')
    _known_kind(served, fstype)
    if not uuid:
        raise exception.Conflict(
            f'The file system of {served.name} has no UUID',
            answer=f'{fstype} on {disk.name}', check='tune2fs -U')
    commands += _cleared(facts, served)
    if fresh or not facts.serves(served):
        commands.append(guest_turns.long(
            served.ident, 'mount', guest_scripts.MOUNT, disk.name, disk.serial,
            served.path, _point(served), fstype, '0777' if fresh else '',
            timeout=_long(served)))
    return commands + guest_fstab.wanted(facts, served, uuid, fstype)


def _formatted(served: Served, disk: FoundDisk, *,
               reserve: bool) -> Commands:
    """
    :raises Conflict: something is on the disk that is not this share's.
    """
    if not disk.empty and (disk.fstype, disk.uuid) != (
            served.fstype, served.ident):
        raise exception.Conflict(
            f'The new disk of {served.name}, {disk.name}, is not empty',
            answer=f'{disk.fstype or "unknown"} {disk.uuid}'.strip(),
            check=f'volume {served.disk.volume_id}')
    _known_kind(served, served.fstype)
    if not disk.empty:
        return []
    words = [word for word in _MKFS[served.fstype]
             if not (reserve and word in ('-m', '0')
                     and served.fstype != 'xfs')]
    ident = (f'uuid={served.ident}' if served.fstype == 'xfs'
             else served.ident)
    return [guest_turns.long(
        served.ident, 'format', guest_scripts.FORMAT, disk.name, disk.serial,
        served.ident, *words, ident, timeout=_long(served))]


def _cleared(facts: Facts, served: Served) -> Commands:
    """Unmount what is left of a disk that is gone.

    :raises Conflict: a disk that is there is mounted, and not this one.
    """
    mounted = facts.mount(served.path)
    if mounted is None or facts.serves(served):
        return []
    if not mounted.gone:
        raise exception.Conflict(
            f'{served.path} has another disk mounted than that of '
            f'{served.name}', answer=f'{mounted.device} {mounted.serial}',
            check='what is mounted in the service VM')
    return guest_access.closed(facts, served) + [_unmounted(served, mounted)]


def reidentify(facts: Facts, served: Served, gib: int = 0) -> Commands:
    """Give the file system of a clone its own UUID, before it is mounted.

    :param gib: size of the share. If the volume has more, the file system is
        made as small as that before.
    :raises Busy: it is mounted under its parent's UUID.
    """
    _check(served)
    disk = _disk(facts, served)
    if not disk.looked or disk.empty:
        raise exception.NotFound(
            f'Nothing is seen on {disk.name}, the disk of {served.name}',
            check=f'volume {served.disk.volume_id}')
    _known_kind(served, disk.fstype)
    if disk.uuid == served.ident:
        return []
    if facts.serves(served) or facts.elsewhere(served):
        raise exception.Busy(
            f'The disk of {served.name} is mounted with the UUID of '
            f'another, {disk.uuid}')
    return [guest_turns.long(
        served.ident, 'reidentify', guest_scripts.REIDENTIFY, disk.name,
        disk.serial, disk.fstype, served.ident, served.path,
        gib * guest_records.GIB if gib < served.disk.gib else 0,
        timeout=2 * _long(served))]


def grow(facts: Facts, served: Served, gib: int) -> Commands:
    """Wait until the disk has grown, and then grow what is mounted.

    What is as large as that already stays so.  That the disk is larger than
    before tells nothing: some backends round up.

    :raises NotFound: the share is not mounted from its own disk.
    """
    disk, mounted = _in_use(facts, served)
    return [guest_turns.long(
        served.ident, 'grow', guest_scripts.GROW, disk.name, disk.serial,
        served.path,
        mounted.number, mounted.fstype, gib * guest_records.GIB,
        gib * guest_records.GIB - guest_records.SHORT, _GROWS, _point(served),
        timeout=_GROWS + _long(served))]


def shrink(facts: Facts, served: Served, gib: int) -> Commands:
    """Take the share offline, make its file system smaller, bring it back.

    Whatever fails, mount and exports are brought back in the same script.

    :raises PossibleDataLoss: more is used than that.
    :raises Unsupported: of this kind of file system.
    """
    disk, mounted = _in_use(facts, served)
    if mounted.fstype not in _EXT:
        raise exception.Unsupported(
            f'{served.name} cannot be shrunk: {mounted.fstype} cannot')
    used = facts.used(served.path)
    if used is None:
        raise exception.BackendError(
            f'{facts.server} does not say how much {served.name} uses',
            check='df in the service VM')
    if used >= gib * guest_records.GIB:
        raise exception.PossibleDataLoss(
            f'{served.name} uses {used} bytes, which do not fit into '
            f'{gib} GiB')
    return [guest_turns.long(
        served.ident, 'shrink', guest_turns.TURN + guest_scripts.SHRINK,
        disk.name, disk.serial, served.path,
        mounted.number, mounted.fstype, gib * guest_records.GIB, PATIENCE,
        _point(served), *guest_access.turns(served),
        timeout=PATIENCE + guest_turns.TURNS + 3 * _long(served),
        stdin=guest_access.closing(facts, served))]


def evict(facts: Facts, served: Served) -> Commands:
    """Unmount another disk that is in the place of a share.

    Exports are closed first; who had access stays written down.
    """
    _check(served)
    mounted = facts.mount(served.path)
    if mounted is None or facts.serves(served):
        return []
    return guest_access.closed(facts, served) + [_unmounted(served, mounted)]


def suspend(facts: Facts, served: Served) -> Commands:
    """Close exports and unmount, so that the disk can be detached.

    Who had access stays written down: :func:`resume` brings it back.

    :raises Busy: the disk is mounted elsewhere as well.
    :raises BackendError: others than now have access by what is written down.
    """
    _check(served)
    mounted = facts.mount(served.path)
    if mounted is None:
        return guest_access.closed(facts, served)
    if not facts.serves(served):
        return _cleared(facts, served)
    _nowhere_else(facts, served)
    if served.name in facts.unwritten:
        raise exception.BackendError(
            f'{served.name} cannot be taken away for a while: who was shut '
            f'out of it gets in by what is written down',
            check='room in the root file system of the service VM; then set '
                  'the rules of the share again')
    return [guest_turns.long(
        served.ident, 'suspend', guest_turns.TURN + guest_scripts.SUSPEND,
        served.path, _point(served), mounted.number, PATIENCE,
        *guest_access.turns(served),
        timeout=PATIENCE + guest_turns.TURNS + 120,
        stdin=guest_access.closing(facts, served))]


def resume(facts: Facts, served: Served) -> Commands:
    """Export again what :func:`suspend` or a lost :func:`shrink` closed.

    The share has to be mounted: see :func:`serve`.

    :raises NotFound: it is not mounted from its own disk.
    """
    _in_use(facts, served)
    return guest_access.reopened(facts, served)


def release(facts: Facts, served: Served) -> Commands:
    """Take the share out of the VM for good; its disk may be detached then.

    The line that a boot would look at goes first, and the mount last.

    :raises Busy: the disk is mounted elsewhere as well.
    """
    _check(served)
    _nowhere_else(facts, served)
    mounted = facts.mount(served.path)
    # Another disk in its place is not ours to take away.
    foreign = (mounted is not None and not mounted.gone
               and not facts.serves(served))
    commands = [] if foreign else guest_fstab.removed(facts, served)
    commands += guest_access.removed(facts, served)
    commands += [_unmounted(served, one) for one in facts.mounts
                 if one.path == served.scratch]
    if mounted is not None and not foreign:
        commands.append(_unmounted(served, mounted))
    if not foreign:
        commands.append(directory.run('rmdir', '--', served.path,
                                      accept=frozenset({0, 1})))
    return [*commands, guest_turns.forgotten(
        served.ident, served.name)]


def freeze(facts: Facts, served: Served, seconds: int) -> Commands:
    """Hold writes back; the VM itself goes on after that time.

    :raises NotFound: it is not mounted from its own disk.
    """
    _, mounted = _in_use(facts, served)
    return [guest_turns.long(
        served.ident, 'freeze', guest_scripts.FREEZE, served.path,
        _point(served), mounted.number, seconds, _note(served),
        timeout=directory.USUAL)]


def thaw(facts: Facts, served: Served) -> Commands:
    """Let writes go on; prints ``late`` if they went on before."""
    _check(served)
    return [guest_turns.long(
        served.ident, 'thaw', guest_scripts.THAW, served.path, _note(served),
        timeout=directory.USUAL)]


# What they have in common

def _check(served: Served) -> None:
    directory.check(exports.Export(served.path, served.name, '', {}))


def _point(served: Served) -> str:
    return guest_shell.point(served.path)


def _note(served: Served) -> str:
    return f'/run/manila-frozen-{served.name}'


def _disk(facts: Facts, served: Served) -> FoundDisk:
    """
    :raises NotFound: it is not there, or is not what it shall be.
    """
    found = facts.disk(served.disk.volume_id)
    if found is None:
        raise exception.NotFound(
            f'{facts.server} does not see the disk of {served.name}',
            check=f'whether volume {served.disk.volume_id} is attached')
    if found.size <= served.disk.floor:
        raise exception.NotFound(
            f'{found.name}, the disk of {served.name}, is smaller than its '
            f'volume', answer=f'{found.size} bytes, not '
            f'{served.disk.gib} GiB', check='whether it is that volume')
    return found


def _in_use(facts: Facts, served: Served) -> tuple[FoundDisk, Mounted]:
    _check(served)
    mounted = facts.mount(served.path)
    if mounted is None or mounted.disk is None or not facts.serves(served):
        raise exception.NotFound(
            f'{served.name} is not mounted from its own disk at '
            f'{served.path}', answer=str(mounted and mounted.device),
            check='what is mounted in the service VM')
    return mounted.disk, mounted


def _nowhere_else(facts: Facts, served: Served) -> None:
    others = facts.elsewhere(served)
    if others:
        raise exception.Busy(
            f'The disk of {served.name} is mounted elsewhere as well',
            answer=', '.join(mount.path for mount in others),
            check='what is mounted in the service VM')


def _known_kind(served: Served, fstype: str) -> None:
    if fstype not in (*_EXT, 'xfs'):
        raise exception.Conflict(
            f'The disk of {served.name} holds no file system of a share',
            answer=fstype, check=f'volume {served.disk.volume_id}')


def _unmounted(served: Served, mounted: Mounted) -> command.Command:
    return guest_turns.long(
        served.ident, 'unmount', guest_scripts.UNMOUNT, mounted.path,
        guest_shell.point(mounted.path), mounted.number, PATIENCE,
        'dead' if mounted.gone else '', timeout=PATIENCE + 120)


def _long(served: Served) -> float:
    """Seconds for what grows with the disk: checking and formatting."""
    return 300.0 + 3.0 * served.disk.gib
