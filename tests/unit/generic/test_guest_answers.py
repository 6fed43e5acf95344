# SPDX-License-Identifier: Apache-2.0

"""Tables of questions to service VMs, and of what their answers mean."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_facts
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_shell
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from manila_drivers.transport import command
from tests.unit.generic import test_assessment as guests

but, guest = dataclasses.replace, guests.guest
VOLUME, PATH, DISK, LINE = (guests.VOLUME, guests.PATH, guests.DISK,
                            guests.LINE)
GIB = 1 << 30
ANY = frozenset(range(256))


# -- questions ---------------------------------------------------------------

def test_questions():
    disks = [guest_records.Disk(VOLUME, 3), guest_records.Disk('x', 1)]
    asked = guest_facts.questions(disks, 7.9)
    assert asked[:6] == [
        guest_scripts.run('disks', guest_scripts.DISKS, 7, VOLUME,
                          VOLUME[:20], 2 * GIB, 'x', 'x', 0, timeout=67.9),
        directory.run('cat', '/proc/self/mountinfo'),
        directory.run('cat', '--', '/etc/fstab', accept=frozenset({0, 1})),
        directory.run('df', '-a', '-B1', '--output=size,used,target', '-t',
                      'ext2', '-t', 'ext3', '-t', 'ext4', '-t', 'xfs',
                      accept=frozenset({0, 1})),
        directory.run('cat', '--', '/proc/sys/kernel/random/boot_id',
                      '/run/manila-unsynced', accept=ANY),
        directory.run('cat', '--', '/proc/fs/nfsd/threads', accept=ANY)]
    assert asked[6:] == [*kernel.questions(), *samba.questions(),
                         guest_turns.question()]
    assert guest_facts.questions()[0] == guest_scripts.run(
        'disks', guest_scripts.DISKS, 0, timeout=60.0)
    assert guest_facts.questions(disks, 7.9, serving=True) == [
        *asked, *samba.in_force_questions()]


# -- all answers together ----------------------------------------------------

def said(text='', status=0, stderr=''):
    return command.Result(text, stderr, status)


TOLD = {
    'disks': said(f'disk /dev/vdb 252:16 {2 * GIB} {VOLUME[:20]}\n'
                  'other 252:17\n'),
    'mounts': said(f'1 0 252:16 / {PATH} rw - ext4 /dev/vdb rw\n'
                   '2 0 252:17 / /p rw - ext4 /dev/vdb1 rw\n'),
    'fstab': said(f'UUID=x {PATH} ext4\n'),
    'df': said(f' size used on\n 100 50 {PATH}\n'), 'boot': said(' b \n'),
    'threads': said('8\n'), 'etab': said('', 1), 'files': said('', 1),
    'others': said(), 'samba': said('[one]\n\tpath = /x\n'),
    'working': said('one open\ntwo closing\nthree closed\n')}
SERVING = said('[global]\n\tregistry shares = yes\n')


def understood(*more, partly=False, **changed):
    return guest_facts.understand(
        'vm', [*{**TOLD, **changed}.values(), *more], partly=partly)


def test_answers():
    found = understood()
    disk, = found.disks
    one, part = found.mounts
    assert (disk.name, one.disk, part.disk, part.gone) == (
        '/dev/vdb', disk, None, False)
    assert [line.path for line in found.lines] == [PATH]
    assert found.server == 'vm'
    assert (found.used(PATH), found.total(PATH)) == (50, 100)
    assert (found.used('/p'), found.total('/p')) == (None, None)
    assert (found.boot, found.nfsd, found.serving) == ('b', 8, None)
    assert found.nfs == kernel.KernelFacts((), {})
    assert not found.unsynced
    assert understood(boot=said('b\nunsynced\n')).unsynced
    assert understood(boot=said('b\n', 1)).boot == 'b'
    assert found.samba == samba.SambaFacts({'one': {'path': '/x'}})
    assert found.working == {
        'one': guest_turns.Work.OPEN, 'two': guest_turns.Work.CLOSING,
        'three': guest_turns.Work.CLOSED}
    assert understood(working=said()).working == {}
    told = understood(working=said('manila-unwritten-a b\none open\n'))
    assert told.unwritten == {'a b'}
    assert set(told.working) == {'one'}
    assert understood(SERVING).serving == samba.SambaInForce(True, {})


@pytest.mark.parametrize(('text', 'status', 'threads'), [
    ('8', 0, 8), ('0', 0, None), ('8', 1, None), ('x', 0, None),
    ('', 0, None), ('', 1, None)])
def test_threads_of_the_server(text, status, threads):
    assert understood(threads=said(text, status)).nfsd == threads


@pytest.mark.parametrize('partly', [False, True])
def test_who_is_at_work_has_to_be_told(partly):
    """Nobody is turned out for good who is let in again later."""
    with pytest.raises(exception.BackendError, match='is at work'):
        understood(working=REFUSED, partly=partly)


REFUSED = said('', 1, 'sudo: no')
UNSAID = said('x', 255)


@pytest.mark.parametrize(('changed', 'raises'), [
    ({'disks': REFUSED}, 'does not say what disks'),
    ({'mounts': REFUSED}, 'does not say what mounts'),
    ({'fstab': REFUSED}, 'mounts at boot'),
    ({'fstab': said('', 1, 'cat: /etc/fstab: No such file or directory')},
     None), ({'df': REFUSED}, None), ({'boot': REFUSED}, None)])
def test_what_has_to_be_told(changed, raises):
    if raises:
        with pytest.raises(exception.BackendError, match=raises) as caught:
            understood(**changed)
        assert caught.value.status == 1
        assert caught.value.answer == 'sudo: no'
    else:
        understood(**changed)
    found = understood(partly=True, **changed)
    assert found.samba_or_none() and found.nfs_or_none()
    assert found.disks or 'disks' in changed
    assert found.lines or 'fstab' in changed
    assert not (found.spaces and 'df' in changed)
    assert found.boot == ('' if 'boot' in changed else 'b')


def test_what_failed_has_told_no_disks():
    """Whatever it printed before it failed."""
    found = understood(partly=True, disks=but(TOLD['disks'], status=3))
    assert found.disks == ()
    assert [mount.disk for mount in found.mounts] == [None, None]


@pytest.mark.parametrize(('changed', 'more', 'lost'), [
    ({'etab': REFUSED}, (), 'nfs'), ({'files': REFUSED}, (), 'nfs'),
    ({'others': REFUSED}, (), 'nfs'), ({'samba': UNSAID}, (), 'samba'),
    ({}, (UNSAID,), 'serving'), ({}, (), '')])
def test_access_that_is_not_told_is_not_none(changed, more, lost):
    found = understood(*(more or (SERVING,)), **changed)
    for name, value in (('nfs', found.exported), ('samba', found.shared),
                        ('serving', found.serving)):
        assert isinstance(value, exception.DriverError) is (name == lost)
    assert (found.nfs_or_none() is None) is (lost == 'nfs')
    assert (found.samba_or_none() is None) is (lost == 'samba')
    if lost in ('nfs', 'samba'):
        with pytest.raises(exception.BackendError, match='vm does not say'):
            getattr(found, lost)


# -- disks -------------------------------------------------------------------

def read(text):
    return guest_facts.read_disks(text)[0]


@pytest.mark.parametrize(('lines', 'found'), [
    ('looked 2', (True, '', '')),
    ('TYPE=ext4\nUUID=u\nlooked 0', (True, 'ext4', 'u')),
    ('PTTYPE=dos\nlooked 0', (True, 'dos', '')),
    ('PTTYPE=dos\nTYPE=xfs\nlooked 0', (True, 'xfs', '')),
    ('UUID=u\nlooked 0', (True, 'unknown', 'u')),
    ('looked 0', (True, 'unknown', '')),
    ('TYPE=ext4\nUUID=u\nlooked 8', (True, 'several', 'u')),
    # What could not be read is not known to be nothing.
    ('TYPE=ext4\nlooked 4', (False, '', '')), ('looked 24', (False, '', '')),
    ('TYPE=ext4', (False, '', '')), ('', (False, '', '')),
    ('TYPE=a=b\nlooked 0', (True, 'a=b', ''))])
def test_what_is_on_a_disk(lines, found):
    text = f'disk /dev/vdb 252:16 7 serial no\n{lines}\ndisk /dev/vdc 1:2 8'
    one, other = read(text)
    assert (one.name, one.number, one.size, one.serial) == (
        '/dev/vdb', '252:16', 7, 'serial no')
    assert (one.looked, one.fstype, one.uuid) == found
    assert one.empty is (found[:2] == (True, ''))
    assert other == guest_records.FoundDisk('/dev/vdc', '1:2', 8, '')


def test_what_is_said_of_one_disk_is_not_said_of_the_next():
    one, other = read('disk a 1:1 1 x\nTYPE=ext4\nUUID=u\nlooked 0\n'
                      'disk b 1:2 1 y\nlooked 0\nlooked 2\nUUID=z\n')
    assert (one.fstype, other.fstype, other.uuid) == ('ext4', 'unknown', '')
    assert read('looked 2\nUUID=x\n') == ()


S20 = VOLUME[:20]


@pytest.mark.parametrize(('lines', 'link'), [
    ([], ''), (['untold'], None),
    ([f'link virtio-{S20} ../../vdb'], f'virtio-{S20}'),
    ([f'link virtio-{S20} ../../vdb', 'untold'], None),
    ([f'link virtio-{S20} ../../vdc'], ''),
    ([f'link virtio-{S20} ../../vdb1'], ''),
    ([f'link virtio-{S20} vdb'], ''), ([f'link virtio-{S20}'], ''),
    ([f'link virtio-{S20} ../../vdb more'], ''),
    ([f'link wwn-{S20} ../../vdb'], ''),
    # The one that tells most of the number; of those the first.
    ([f'link virtio-{S20} ../../vdb', f'link scsi-{S20} ../../vdb'],
     f'virtio-{S20}'),
    ([f'link scsi-{S20} ../../vdb', f'link scsi-b_{S20} ../../vdb',
      f'link scsi-a_{S20} ../../vdb'], f'scsi-a_{S20}')])
def test_names_of_disks(lines, link):
    text = '\n'.join([*lines, f'disk /dev/vdb 252:16 1 {S20}'])
    disk, = read(text)
    assert disk.link == link
    assert guest_facts.read_disks('other  1:2 \nother 3:4\n' + text)[1] \
        == {'1:2', '3:4'}


# -- mounts and space --------------------------------------------------------

@pytest.mark.parametrize(('line', 'found'), [
    (f'1 0 252:16 / {PATH} rw,noatime x:1 y - ext4 /dev/vdb rw,err=ro', {}),
    (f'1 0 252:16 /a\\040b {PATH} rw,noatime - ext4 /dev/vdb rw',
     {'root': '/a b'}),
    ('1 0 252:16 / /a\\040b rw,noatime - ext4 /dev/vdb rw', {'path': '/a b'}),
    (f'1 0 252:16 / {PATH} rw,noatime - ext4 /dev/a\\040b rw',
     {'device': '/dev/a b'}),
    (f'1 0 252:17 / {PATH} rw,noatime - ext4 /dev/vdb rw',
     {'number': '252:17', 'disk': None}),
    (f'1 0 252:99 / {PATH} rw,noatime - ext4 /dev/vdb rw',
     {'number': '252:99', 'disk': None, 'gone': True}),
    (f'1 0 0:99 / {PATH} rw,noatime - tmpfs /dev/vdb rw',
     {'number': '0:99', 'disk': None, 'fstype': 'tmpfs'}),
    # Once it has met an error nobody writes, whatever it was mounted for.
    (f'1 0 252:16 / {PATH} rw,noatime - ext4 /dev/vdb ro,x',
     {'failed': True}),
    (f'1 0 252:16 / {PATH} ro,noatime - ext4 /dev/vdb ro',
     {'options': frozenset({'ro', 'noatime'})}),
    (f'1 0 252:16 / {PATH} rw,noatime ext4 /dev/vdb rw', None),
    (f'1 0 252:16 / {PATH} - ext4 /dev/vdb rw', None),
    (f'1 0 252:16 / {PATH} rw,noatime - ext4', None), ('', None)])
def test_lines_of_mountinfo(line, found):
    told = guest_facts.read_mounts(f'\n{line}\n', [DISK],
                                   frozenset({'252:17'}))
    if found is None:
        assert told == ()
        return
    usual = guest_records.Mounted(PATH, '252:16', '/dev/vdb', 'ext4',
                                  frozenset({'rw', 'noatime'}), DISK)
    assert told == (but(usual, **found),)


def test_without_others_a_partition_is_gone():
    mount, = guest_facts.read_mounts(
        '1 0 252:17 / /x rw - ext4 /dev/vdb1 rw', [])
    assert mount.gone and mount.uuid is None and mount.serial is None


@pytest.mark.parametrize(('line', 'space'), [
    ('7 5 /a b', ('/a b', 7, 5)), ('  7   5  /a', ('/a', 7, 5)),
    ('- 5 /a', None), ('7 - /a', None), ('7 5', None), ('', None)])
def test_space(line, space):
    found = guest_facts.read_spaces(f'size used on\n{line}\n')
    assert found == ({} if space is None else {
        space[0]: guest_records.Space(*space[1:])})
    assert guest_facts.read_spaces(line) == {}


# -- facts -------------------------------------------------------------------

def test_what_is_there():
    below = but(guests.MOUNT, path='/srv/b')
    scratch = but(guests.MOUNT, path=guests.SERVED.scratch)
    other = but(guests.WRONG, path='/srv/c')
    two = but(guests.MOUNT, device='second')
    found = guest(guests.MOUNT, below, scratch, other, two,
                  lines=(guests.BY_UUID, LINE, but(LINE, path='/x')))
    assert found.mount(PATH) is two and found.mount('/none') is None
    assert found.elsewhere(guests.SERVED) == (guests.MOUNT, below)
    assert found.fstab(PATH) is LINE and found.fstab('/none') is None
    assert found.disk(VOLUME) is DISK and found.disk('none') is None
    assert found.disk('') is None
    with pytest.raises(exception.Conflict, match='vm has several') as caught:
        guest(disks=(DISK, but(DISK, name='b'))).disk(VOLUME)
    assert caught.value.answer == '/dev/vdb, b'
    assert guests.MOUNT.serial == VOLUME[:20] and guests.MOUNT.uuid is None
    assert but(guests.MOUNT, disk=but(DISK, uuid='u')).uuid == 'u'


@pytest.mark.parametrize(('mounts', 'serves'), [
    ([guests.MOUNT], True), ([], False), ([guests.WRONG], False),
    ([guests.DEAD], False), ([guests.PART], False),
    ([guests.MOUNT, guests.WRONG], False),
    ([guests.WRONG, guests.MOUNT], True),
    ([but(guests.MOUNT, path='/x')], False)])
def test_what_serves_a_share(mounts, serves):
    assert guest(*mounts).serves(guests.SERVED) is serves


@pytest.mark.parametrize(('options', 'blocks'), [
    ('defaults', True), ('rw,nofail', False), ('noauto', False),
    ('nofailing', True), ('x-nofail', True), ('', True)])
def test_what_a_boot_waits_for(options, blocks):
    assert but(LINE, options=options).blocks is blocks


def test_sizes():
    assert guest_records.Disk('x', 3).floor == 2 * GIB
    assert guest_records.SHORT == 128 << 20
    assert guests.SERVED.scratch == f'/run/manila-{guests.ID}'


# -- fstab -------------------------------------------------------------------

@pytest.mark.parametrize(('mounts', 'lines', 'disk', 'lasts'), [
    ([guests.MOUNT], [LINE], DISK, True),
    ([guests.MOUNT], [], DISK, False), ([], [LINE], DISK, True),
    ([], [], DISK, False), ([guests.MOUNT], [guests.BY_UUID], DISK, False),
    # It has no better name.
    ([guests.MOUNT], [guests.BY_UUID], but(DISK, link=''), True),
    # It is not told if it has one.
    ([guests.MOUNT], [guests.BY_UUID], but(DISK, link=None), False),
    ([guests.MOUNT], [LINE], but(DISK, link=None), True),
    ([guests.MOUNT], [], but(DISK, link=None), False),
    ([guests.MOUNT], [LINE, guests.BY_UUID], DISK, False),
    ([guests.MOUNT], [but(LINE, spec=LINE.spec.replace('virtio', 'scsi'))],
     DISK, False),
    ([guests.DEAD], [LINE], DISK, True),
    ([guests.PARTITION], [guests.BY_UUID], DISK, True)])
def test_what_the_next_boot_mounts(mounts, lines, disk, lasts):
    found = guest(*(but(one, disk=disk) if one.disk else one
                    for one in mounts), lines=lines, disks=[disk])
    assert guest_fstab.lasts(found, PATH) is lasts


SPEC = LINE.spec
WANTED = guest_fstab.line_of(SPEC, PATH, 'ext4')


@pytest.mark.parametrize(('link', 'lines', 'spec'), [
    (DISK.link, [WANTED], None), (DISK.link, [], SPEC),
    (DISK.link, [WANTED, WANTED], SPEC), (DISK.link, [LINE], SPEC),
    (DISK.link, [but(WANTED, path='/x')], SPEC), ('', [], 'UUID=u'),
    ('', [but(WANTED, spec='UUID=u')], None),
    # The name that is there tells the number; nothing tells another one.
    (None, [WANTED], None), (None, [LINE], SPEC),
    (None, [but(WANTED, path='/x'), WANTED], None)])
def test_one_line_for_a_share(link, lines, spec):
    found = guest(lines=lines, disks=[but(DISK, link=link)])
    commands = guest_fstab.wanted(found, guests.SERVED, 'u', 'ext4')
    if spec is None:
        assert commands == []
        return
    write, reload = commands
    assert write == guest_scripts.run(
        'fstab', guest_scripts.FSTAB, PATH, f'{spec} {PATH} ext4 defaults,'
        'nofail,x-systemd.device-timeout=300s 0 2')
    assert reload == directory.run('systemctl', 'daemon-reload', accept=ANY)


@pytest.mark.parametrize('lines', [
    [], [WANTED, WANTED], [but(WANTED, spec='UUID=u')],
    [but(WANTED, path='/x')],
    [but(WANTED, spec='/dev/disk/by-id/virtio-another-number-000')]])
def test_a_name_that_was_not_told_is_not_guessed(lines):
    found = guest(lines=lines, disks=[but(DISK, link=None)])
    with pytest.raises(exception.BackendError, match='does not say what nam'):
        guest_fstab.wanted(found, guests.SERVED, 'u', 'ext4')


def test_texts():
    assert guest_fstab.line_of('s', 'p', 'xfs').check == '0'
    assert guest_fstab.line_of('s', 'p', 'ext3').check == '2'
    line = guest_records.FstabLine('a b', '/p\\#\t', 'ext4', 'o,p', '1', '2')
    assert guest_fstab.written(line) == (
        'a\\040b /p\\134\\043\\011 ext4 o,p 1 2')
    assert guest_fstab.read('# x y z\na b\n' + guest_fstab.written(line)
                            + ' 7\n\n') == (line,)
    assert guest_fstab.unescaped('\\400\\09\\1') == '\\400\\09\\1'
    assert guest_shell.point('/a b\t\n\\#') == '/a\\040b\\011\\012\\134#'
    assert guest_fstab.removed(guest(lines=[]), guests.SERVED) == []
    assert [one.words()[-2:] for one in guest_fstab.removed(
        guest(lines=[LINE, LINE]), guests.SERVED)] == [
        [PATH, ''], ['systemctl', 'daemon-reload']]
    assert guest_fstab.names(LINE, DISK)
    assert not guest_fstab.names(but(LINE, spec=DISK.link), DISK)
    assert guest_fstab.by_serial(None) == ''
    assert guest_fstab.by_serial(DISK) == SPEC


# -- who is let in -----------------------------------------------------------

def test_lines_that_manilas_own_driver_left_are_taken_over():
    export = guest_export()
    others = [guests.entry(PATH), guests.entry('/x')]
    found = guest(guests.MOUNT, others=others)
    assert taken(found, export) == ['/etc/exports']
    foreign = {'b.exports': f'{PATH} *(rw)\n', 'a.exports': f'{PATH} *(ro)\n',
               'c.exports': '/x *(rw)\n'}
    found = but(found, exported=but(found.nfs, foreign=foreign))
    directory_ = '/etc/exports.d'
    assert taken(found, export) == ['/etc/exports', f'{directory_}/a.exports',
                                    f'{directory_}/b.exports']
    assert taken(guest(guests.MOUNT, others=[guests.entry('/x')]),
                 export) == []


def guest_export():
    return exports.Export(PATH, guests.PLACE.section, guests.ID, {},
                          ('no_root_squash',))


def taken(found, export):
    """Return the files that lines are taken out of."""
    return [one.words()[-1] for one in guest_access.nfs(found, export)
            if one.words()[:1] == ['sh'] and 'exports' in one.words()[3]]
