# SPDX-License-Identifier: Apache-2.0

"""Tables of what a service VM has, and the commands that follow, whole."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from tests.unit.generic import test_assessment as guests

GIB = 1 << 30
but, guest = dataclasses.replace, guests.guest
ID, VOLUME, PATH, SERVED = guests.ID, guests.VOLUME, guests.PATH, \
    guests.SERVED
NAME, SCRATCH = SERVED.name, f'/run/manila-{ID}'
LINK = guests.DISK.link
#: As it was found, with its own file system, another one, and none.
OWN = but(guests.DISK, looked=True, fstype='ext4', uuid=ID)
ANOTHER = but(OWN, uuid='parent')
EMPTY = but(OWN, fstype='', uuid='')
LINE = guest_fstab.line_of(f'/dev/disk/by-id/{LINK}', PATH, 'ext4')
MOUNT = but(guests.MOUNT, disk=OWN)
WRONG, DEAD, ALIEN = guests.WRONG, guests.DEAD, guests.ALIEN
BELOW = but(MOUNT, path='/srv/b')
XFS = but(SERVED, fstype='xfs')
LONG = 306.0


def script(name, text, *arguments, timeout=directory.USUAL, stdin=None):
    return guest_turns.long(ID, name, text, *arguments, timeout=timeout,
                            stdin=stdin)


def mounting(fstype='ext4', mode='', point=PATH):
    return script('mount', guest_scripts.MOUNT, '/dev/vdb', VOLUME[:20],
                  PATH, point, fstype, mode, timeout=LONG)


def fstab(line=LINE):
    return [guest_scripts.run('fstab', guest_scripts.FSTAB, PATH,
                   guest_fstab.written(line) if line else ''),
            directory.run('systemctl', 'daemon-reload',
                          accept=frozenset(range(256)))]


def formatting(*words, ident=ID):
    return script('format', guest_scripts.FORMAT, '/dev/vdb', VOLUME[:20],
                  ID, *words, ident, timeout=LONG)


def unmounting(mount, path=PATH):
    return script('unmount', guest_scripts.UNMOUNT, path, path, mount.number,
                  30, 'dead' if mount.gone else '', timeout=150)


SERVING = guest(MOUNT, lines=[LINE], disks=[OWN])
FOUR = ('mkfs.ext4', '-q', '-F', '-m', '0', '-U')


@pytest.mark.parametrize(('found', 'served', 'parts', 'commands'), [
    # What is there.
    (SERVING, SERVED, {}, []),
    (guest(MOUNT, lines=[], disks=[OWN]), SERVED, {}, fstab()),
    (guest(lines=[LINE], disks=[OWN]), SERVED, {}, [mounting()]),
    (guest(lines=[], disks=[OWN]), SERVED, {}, [mounting(), *fstab()]),
    (guest(lines=[LINE, LINE], disks=[OWN]), SERVED, {},
     [mounting(), *fstab()]),
    (guest(lines=[but(LINE, path='/x')], disks=[OWN]), SERVED, {},
     [mounting(), *fstab()]),
    *((guest(lines=[], disks=[but(OWN, fstype=kind)]), SERVED, {}, [
        mounting(kind), *fstab(guest_fstab.line_of(LINE.spec, PATH, kind))])
      for kind in ('ext4', 'ext3', 'ext2', 'xfs')),
    # What somebody else has made keeps its UUID.
    (guest(lines=[], disks=[ANOTHER]), SERVED, {}, [mounting(), *fstab()]),
    (guest(lines=[], disks=[but(ANOTHER, link='')]), SERVED, {}, [
        mounting(), *fstab(but(LINE, spec='UUID=parent'))]),
    # A disk that is gone is cleared away.
    (guest(DEAD, lines=[LINE], disks=[OWN]), SERVED, {},
     [unmounting(DEAD), mounting()]),
    # New ones.
    (guest(lines=[], disks=[EMPTY]), SERVED, {'fresh': True}, [
        formatting(*FOUR), mounting(mode='0777'), *fstab()]),
    (guest(lines=[], disks=[EMPTY]), SERVED, {'fresh': True,
                                              'reserve': True}, [
        formatting('mkfs.ext4', '-q', '-F', '-U'), mounting(mode='0777'),
        *fstab()]),
    (guest(lines=[], disks=[EMPTY]), but(SERVED, fstype='ext3'),
     {'fresh': True}, [
        formatting('mkfs.ext3', *FOUR[1:]), mounting('ext3', '0777'),
        *fstab(but(LINE, fstype='ext3'))]),
    *((guest(lines=[], disks=[EMPTY]), XFS, {'fresh': True, **parts}, [
        formatting('mkfs.xfs', '-q', '-m', ident=f'uuid={ID}'),
        mounting('xfs', '0777'), *fstab(guest_fstab.line_of(
            LINE.spec, PATH, 'xfs'))]) for parts in ({}, {'reserve': True})),
    # Repetition formats nothing, and lets everybody write once more.
    (guest(lines=[LINE], disks=[OWN]), SERVED, {'fresh': True},
     [mounting(mode='0777')]),
    (SERVING, SERVED, {'fresh': True}, [mounting(mode='0777')])])
def test_serving(found, served, parts, commands):
    assert guest_planning.serve(found, served, **parts) == commands


@pytest.mark.parametrize(('found', 'served', 'parts', 'kind', 'says'), [
    (guest(disks=[]), SERVED, {}, exception.NotFound, 'does not see'),
    (guest(disks=[ALIEN]), SERVED, {}, exception.NotFound, 'does not see'),
    # Its volume has a whole GiB more.
    (guest(disks=[but(OWN, size=GIB)]), SERVED, {}, exception.NotFound,
     'is smaller than'),
    (guest(disks=[OWN, but(OWN, name='/dev/vdz')]), SERVED, {},
     exception.Conflict, 'several disks'),
    *((guest(disks=[but(disk, looked=False)]), SERVED, {'fresh': fresh},
       exception.BackendError, 'does not say what')
      for disk in (OWN, EMPTY) for fresh in (True, False)),
    (guest(disks=[EMPTY]), SERVED, {}, exception.NotFound, 'data is lost'),
    *((guest(disks=[disk]), served, {'fresh': True}, exception.Conflict,
       'is not empty') for disk, served in (
        (ANOTHER, SERVED), (but(OWN, fstype='xfs'), SERVED), (OWN, XFS),
        (but(OWN, fstype='dos', uuid=''), SERVED),
        (but(OWN, fstype='several', uuid=''), SERVED),
        (but(OWN, fstype='unknown', uuid=ID), SERVED))),
    *((guest(disks=[but(OWN, fstype=kind)]), SERVED, {}, exception.Conflict,
       'no file system of a share') for kind in (
        'dos', 'several', 'unknown', 'LVM2_member', 'btrfs')),
    (guest(disks=[but(OWN, uuid='')]), SERVED, {}, exception.Conflict,
     'no UUID'),
    (guest(disks=[EMPTY]), but(SERVED, fstype='btrfs'), {'fresh': True},
     exception.Conflict, 'no file system of a share'),
    # Another disk is mounted there, and alive.
    *((guest(WRONG, disks=[disk, ALIEN]), SERVED, {'fresh': fresh},
       exception.Conflict, 'another disk mounted')
      for disk, fresh in ((OWN, False), (OWN, True), (EMPTY, True))),
    (guest(but(MOUNT, root='/part'), disks=[OWN]), SERVED, {},
     exception.Conflict, 'another disk mounted'),
    (guest(guests.MEMORY, disks=[OWN]), SERVED, {}, exception.Conflict,
     'another disk mounted')])
def test_what_is_not_served(found, served, parts, kind, says):
    with pytest.raises(kind, match=says):
        guest_planning.serve(found, served, **parts)


@pytest.mark.parametrize('size', [GIB + 1, 2 * GIB, 3 * GIB])
def test_a_disk_may_be_a_little_smaller_than_its_volume(size):
    assert guest_planning.serve(guest(
        MOUNT, lines=[LINE], disks=[but(OWN, size=size)]), SERVED) == []


# -- copies ------------------------------------------------------------------

def renaming(kind='ext4', most=0):
    return [script('reidentify', guest_scripts.REIDENTIFY, '/dev/vdb',
                   VOLUME[:20], kind, ID, PATH, most, timeout=2 * LONG)]


@pytest.mark.parametrize(('found', 'gib', 'commands'), [
    (guest(disks=[ANOTHER]), 0, renaming()),
    (guest(disks=[ANOTHER]), 2, renaming()),
    (guest(disks=[ANOTHER]), 3, renaming()),
    (guest(disks=[ANOTHER]), 1, renaming(most=GIB)),
    (guest(disks=[but(ANOTHER, fstype='xfs')]), 1, renaming('xfs', GIB)),
    (guest(disks=[but(ANOTHER, uuid='')]), 2, renaming()),
    (guest(disks=[OWN]), 1, []), (SERVING, 1, []),
    # A call that was cut off had it there.
    (guest(but(MOUNT, path=SCRATCH), disks=[ANOTHER]), 2, renaming())])
def test_a_copy_gets_a_name_of_its_own(found, gib, commands):
    if gib == 0:
        found_ = guest_planning.reidentify(found, SERVED)
        # Its volume is as large as it shall be, if nothing else is said.
        assert [one.words()[-1] for one in found_] == ['0']
        return
    assert guest_planning.reidentify(found, SERVED, gib) == commands


@pytest.mark.parametrize(('found', 'kind', 'says'), [
    (guest(disks=[]), exception.NotFound, 'does not see'),
    (guest(disks=[EMPTY]), exception.NotFound, 'Nothing is seen'),
    (guest(disks=[but(ANOTHER, looked=False)]), exception.NotFound,
     'Nothing is seen'),
    (guest(disks=[but(ANOTHER, fstype='dos')]), exception.Conflict,
     'no file system'),
    (guest(but(MOUNT, disk=ANOTHER), disks=[ANOTHER]), exception.Busy,
     'UUID of another, parent'),
    (guest(but(BELOW, disk=ANOTHER), disks=[ANOTHER]), exception.Busy,
     'UUID of another')])
def test_a_copy_that_is_not_renamed(found, kind, says):
    with pytest.raises(kind, match=says):
        guest_planning.reidentify(found, SERVED, 2)


# -- sizes -------------------------------------------------------------------

def test_growing():
    assert guest_planning.grow(SERVING, SERVED, 2) == [script(
        'grow', guest_scripts.GROW, '/dev/vdb', VOLUME[:20], PATH, '252:16',
        'ext4', 2 * GIB, 2 * GIB - GIB // 8, 90, PATH, timeout=90 + LONG)]


SMALL = but(SERVING, spaces={PATH: guest_records.Space(2 * GIB, GIB - 1)})


def test_shrinking():
    assert guest_planning.shrink(SMALL, SERVED, 1) == [script(
        'shrink', guest_turns.TURN + guest_scripts.SHRINK, '/dev/vdb',
        VOLUME[:20], PATH, '252:16', 'ext4', GIB, 30, PATH,
        *guest_access.turns(SERVED), timeout=690 + 3 * LONG,
        stdin=guest_access.closing(SMALL, SERVED))]


@pytest.mark.parametrize(('used', 'kind', 'error'), [
    (GIB, 'ext4', exception.PossibleDataLoss),
    (GIB + 1, 'ext4', exception.PossibleDataLoss),
    (None, 'ext4', exception.BackendError),
    (0, 'xfs', exception.Unsupported), (0, 'btrfs', exception.Unsupported),
    *((GIB - 1, kind, None) for kind in ('ext4', 'ext3', 'ext2'))])
def test_what_can_be_shrunk(used, kind, error):
    spaces = {} if used is None else {
        PATH: guest_records.Space(2 * GIB, used)}
    found = but(guest(but(MOUNT, fstype=kind), disks=[OWN]), spaces=spaces)
    if error is None:
        assert guest_planning.shrink(found, SERVED, 1)
        return
    with pytest.raises(error) as caught:
        guest_planning.shrink(found, SERVED, 1)
    assert type(caught.value) is error


OPERATIONS = {
    'grow': lambda found: guest_planning.grow(found, SERVED, 2),
    'shrink': lambda found: guest_planning.shrink(found, SERVED, 1),
    'resume': lambda found: guest_planning.resume(found, SERVED),
    'freeze': lambda found: guest_planning.freeze(found, SERVED, 9)}


@pytest.mark.parametrize('name', OPERATIONS)
@pytest.mark.parametrize('found', [
    guest(disks=[OWN]), guest(WRONG, disks=[OWN, ALIEN]),
    guest(DEAD, disks=[OWN]), guest(BELOW, disks=[OWN]),
    guest(but(MOUNT, root='/part'), disks=[OWN]),
    guest(guests.MEMORY, disks=[OWN])])
def test_nothing_is_done_to_what_is_not_the_shares(name, found):
    found = but(found, spaces=SMALL.spaces)
    with pytest.raises(exception.NotFound, match='from its own disk'):
        OPERATIONS[name](found)


# -- the end, and pauses -----------------------------------------------------

UNTOLD = exception.BackendError('not told')
SHARED = {NAME: {'path': PATH, 'guest ok': 'yes', 'read only': 'no',
                 'hosts deny': 'ALL', 'hosts allow': '10.0.0.1'}}


def scripts(commands):
    """Return the names of scripts, and the words of all else."""
    every = map(guest_turns.words, commands)
    return [words[3].removeprefix('manila-') if words[:2] == ['sh', '-c']
            else ' '.join(words[:3]) for words in every]


def test_evicting():
    for found in (guest(disks=[OWN]), SERVING):
        assert guest_planning.evict(found, SERVED) == []
    for mount in (WRONG, DEAD, guests.MEMORY):
        assert guest_planning.evict(guest(mount), SERVED) == [
            unmounting(mount)]
    found = guest(WRONG, live=[guests.entry(PATH)], sections=SHARED)
    commands = guest_planning.evict(found, SERVED)
    assert commands == [*guest_access.closed(found, SERVED),
                        unmounting(WRONG)]
    assert len(commands) > 2


def test_suspending():
    assert guest_planning.suspend(SERVING, SERVED) == [script(
        'suspend', guest_turns.TURN + guest_scripts.SUSPEND, PATH, PATH,
        '252:16', 30, *guest_access.turns(SERVED), timeout=810,
        stdin=guest_access.closing(SERVING, SERVED))]
    assert guest_planning.suspend(guest(), SERVED) == []
    found = guest(live=[guests.entry(PATH)], sections=SHARED)
    assert guest_planning.suspend(found, SERVED) == guest_access.closed(
        found, SERVED) != []
    assert guest_planning.suspend(guest(DEAD), SERVED) == [unmounting(DEAD)]
    with pytest.raises(exception.Conflict, match='another disk mounted'):
        guest_planning.suspend(guest(WRONG), SERVED)
    with pytest.raises(exception.Busy, match='elsewhere'):
        guest_planning.suspend(guest(BELOW, MOUNT), SERVED)


RMDIR = directory.run('rmdir', '--', PATH, accept=frozenset({0, 1}))
NO_SECTION = ['smb-close']


@pytest.mark.parametrize(('found', 'first', 'last'), [
    (SERVING, fstab(None), [unmounting(MOUNT), RMDIR]),
    (guest(MOUNT, lines=[]), [], [unmounting(MOUNT), RMDIR]),
    (guest(DEAD, lines=[LINE]), fstab(None), [unmounting(DEAD), RMDIR]),
    (guest(lines=[]), [], [RMDIR]), (guest(lines=[LINE]), fstab(None),
                                     [RMDIR]),
    # What is there is somebody else's.
    *((guest(mount, lines=[LINE]), [], [])
      for mount in (WRONG, guests.MEMORY, guests.PARTITION,
                    but(MOUNT, root='/part'))),
    # Where a copy was left.
    (guest(but(MOUNT, path=SCRATCH), lines=[]), [], [
        unmounting(MOUNT, SCRATCH), RMDIR]),
    (guest(but(MOUNT, path=SCRATCH), MOUNT, lines=[]), [], [
        unmounting(MOUNT, SCRATCH), unmounting(MOUNT), RMDIR])])
def test_releasing(found, first, last):
    """Access goes in between."""
    commands = guest_planning.release(found, SERVED)
    access = guest_access.removed(found, SERVED)
    assert commands == [*first, *access, *last, guest_turns.forgotten(
        ID, SERVED.name)]
    assert 'smb-close' in scripts(access)


@pytest.mark.parametrize('mounts', [[BELOW], [MOUNT, BELOW], [BELOW, WRONG]])
def test_a_disk_that_is_used_elsewhere_stays(mounts):
    with pytest.raises(exception.Busy, match='elsewhere'):
        guest_planning.release(guest(*mounts), SERVED)


def test_freezing():
    note = f'/run/manila-frozen-{NAME}'
    assert guest_planning.freeze(SERVING, SERVED, 9) == [script(
        'freeze', guest_scripts.FREEZE, PATH, PATH, '252:16', 9, note)]
    for found in (SERVING, guest()):
        assert guest_planning.thaw(found, SERVED) == [script(
            'thaw', guest_scripts.THAW, PATH, note)]


@pytest.mark.parametrize('path', ['/shares/a b', '/shares/a\\b'])
def test_the_kernel_has_another_name_for_some_paths(path):
    served, mount = but(SERVED, path=path), but(MOUNT, path=path)
    point = path.replace('\\', r'\134').replace(' ', r'\040')
    found = but(guest(mount, disks=[OWN]), spaces={
        path: guest_records.Space(2 * GIB, 0)})
    for commands in (
            guest_planning.serve(guest(disks=[OWN]), served),
            guest_planning.grow(found, served, 2),
            guest_planning.shrink(found, served, 1),
            guest_planning.suspend(found, served),
            guest_planning.freeze(found, served, 9),
            guest_planning.release(found, served)):
        assert any(path in one.words()[4:] and point in one.words()
                   for one in commands if guest_turns.is_long(one))


BAD = [but(SERVED, name='a b'), but(SERVED, name='../x'),
       but(SERVED, path='relative'), but(SERVED, path='/a\nb'),
       but(SERVED, path='/a/')]


@pytest.mark.parametrize('served', BAD)
def test_what_cannot_be_written_down_is_planned_nowhere(served):
    found = guest(but(MOUNT, path=served.path), disks=[EMPTY])
    for operation in (
            guest_planning.serve, guest_planning.reidentify,
            guest_planning.evict, guest_planning.suspend,
            guest_planning.resume, guest_planning.release,
            guest_planning.thaw):
        with pytest.raises(exception.InvalidRequest):
            operation(found, served)
    for operation in (guest_planning.grow, guest_planning.shrink,
                      guest_planning.freeze):
        with pytest.raises(exception.InvalidRequest):
            operation(found, served, 1)


# -- who is let in -----------------------------------------------------------

LIVE = guests.entry(PATH)
LET_IN = guest(MOUNT, live=[LIVE], kept=[PATH], sections=SHARED)


def words(commands):
    return [' '.join(one.words()) for one in commands]


def test_closing_takes_nothing_that_is_written_down():
    assert guest_access.closed(guest(MOUNT), SERVED) == []
    commands = words(guest_access.closed(LET_IN, SERVED))
    assert any('exportfs' in one for one in commands)
    assert any(f'setparm {NAME} available no' in one for one in commands)
    assert not any('delshare' in one or 'exports.d' in one
                   for one in commands)
    for found, word in ((but(LET_IN, exported=UNTOLD), 'exportfs'),
                        (but(LET_IN, shared=UNTOLD), 'setparm')):
        left = words(guest_access.closed(found, SERVED))
        assert left and not any(word in one for one in left)


def test_opening_again():
    opened = guest_access.reopened(LET_IN, SERVED)
    # It is not closed.
    assert opened == []
    again = words(guest_access.reopened(LET_IN, SERVED, always=True))
    assert any('exportfs' in one for one in again)
    assert any(f'setparm {NAME} available yes' in one for one in again)
    shut = guest(MOUNT, kept=[PATH], sections={
        NAME: {**SHARED[NAME], 'available': 'no'}})
    assert words(guest_access.reopened(shut, SERVED)) == again
    assert guest_planning.resume(shut, SERVED) == guest_access.reopened(
        shut, SERVED)
    for found, word in ((but(shut, exported=UNTOLD), 'exportfs'),
                        (but(shut, shared=UNTOLD), 'setparm')):
        left = words(guest_access.reopened(found, SERVED))
        assert left and not any(word in one for one in left)
    assert guest_access.reopened(guest(), SERVED, always=True) == []


@pytest.mark.parametrize(('kept', 'others', 'live', 'client'), [
    (['10.0.0.1'], [], [], '10.0.0.1'),
    (['10.0.0.1'], ['10.0.0.2'], ['10.0.0.3'], '10.0.0.1'),
    # Of lines that are not ours, and of nothing but the moment.
    ([], ['10.0.0.2'], ['10.0.0.3'], '10.0.0.2'),
    ([], [], ['10.0.0.3'], '10.0.0.3')])
def test_who_comes_back(kept, others, live, client):
    found = guest(MOUNT, live=[guests.entry(PATH, one) for one in live],
                  others=[guests.entry(path, one) for one in others
                          for path in (PATH, '/x')])
    found = but(found, exported=but(found.nfs, files={
        'f.exports': ''.join(f'{PATH} {one}(rw)\n' for one in kept)}))
    told = ' '.join(words(guest_access.reopened(found, SERVED,
                                                always=True)))
    assert [one for one in ('10.0.0.1', '10.0.0.2', '10.0.0.3')
            if one in told] == [client]
    assert '/x' not in told


@pytest.mark.parametrize(('proto', 'nfs', 'cifs', 'raises'), [
    ('', UNTOLD, None, True), ('', None, UNTOLD, True),
    ('NFS', UNTOLD, None, True), ('NFS', None, UNTOLD, False),
    ('CIFS', UNTOLD, None, False), ('CIFS', None, UNTOLD, True),
    # Where there is no server nobody is let in.
    ('', kernel.NoKernelNfs('none'), samba.NoSamba('none'), False),
    ('NFS', kernel.NoKernelNfs('none'), None, False),
    ('CIFS', None, samba.NoSamba('none'), False)])
def test_the_end_has_to_know_who_is_let_in(proto, nfs, cifs, raises):
    found = but(LET_IN, **({'exported': nfs} if nfs else {}),
                **({'shared': cifs} if cifs else {}))
    served = but(SERVED, proto=proto)
    if raises:
        for call in guest_access.removed, guest_access.closing:
            with pytest.raises(exception.BackendError, match='not told'):
                call(found, served)
        return
    commands = words(guest_access.removed(found, served))
    # What of the other one can be done all the same.
    file = f'/etc/exports.d/manila-{NAME}.exports'
    assert any(file in one for one in commands)
    assert any(f'net conf delshare {NAME}' in one for one in commands)
    guest_access.closing(found, served)


def test_a_server_that_tells_nothing_has_its_files_taken_away():
    found = but(LET_IN, exported=kernel.NoKernelNfs('none'),
                shared=samba.NoSamba('none'))
    assert guest_access.removed(found, SERVED) == [
        directory.removed(f'/etc/exports.d/manila-{NAME}.exports'),
        directory.run('net', 'conf', 'delshare', NAME,
                      accept=frozenset(range(256)))]
