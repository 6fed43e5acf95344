# SPDX-License-Identifier: Apache-2.0

"""Answers of service VMs, and answers that say nothing."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_facts
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.transport import command
from tests.unit.generic import guest_world
from tests.unit.generic import test_assessment

VOLUME = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'
# As lsblk and blkid of Debian 12 have printed it.
DISKS = f"""\
disk /dev/vda 254:0 10737418240\x20
other 254:1
disk /dev/vdb 254:16 1073741824 {VOLUME[:20]}
DEVNAME=/dev/vdb
UUID=11111111-2222-3333-4444-555555555555
VERSION=1.0
BLOCK_SIZE=4096
TYPE=ext4
USAGE=filesystem
looked 0
disk /dev/vdc 254:32 2147483648 x
looked 2
disk /dev/vdd 254:48 2147483648 y
DEVNAME=/dev/vdd
PTUUID=1234
PTTYPE=dos
looked 0
disk /dev/vde 254:64 2147483648 z
looked 8
disk /dev/vdf 254:80 2147483648 w
looked 4
"""
MOUNTS = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
24 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw
90 22 254:16 / /shares/a\040b rw,relatime shared:50 - ext4 /dev/vdb rw
91 22 254:99 / /shares/gone rw shared:51 - ext4 /dev/vdb rw
92 22 0:44 / /shares/tmp rw shared:52 - tmpfs tmpfs rw
93 22 254:16 / /one rw - ext4 /dev/vdb rw
94 22 254:99 / /one rw - ext4 /dev/vdb rw
"""


@pytest.mark.parametrize(('serial', 'found'), [
    (VOLUME, True), (VOLUME[:20], True),
    (f'0QEMU_QEMU_HARDDISK_{VOLUME}', True), (f'QEMU {VOLUME}', True),
    ('', False), (VOLUME[:19], False), (VOLUME[:21], False),
    (VOLUME.upper(), False), (f'x{VOLUME}', False),
    (VOLUME[:-1] + '2', False)])
def test_serials(serial, found):
    assert guest_records.is_serial(serial, VOLUME) is found


_LONG = f'0QEMU_QEMU_HARDDISK_{VOLUME}'


@pytest.mark.parametrize(('name', 'serial', 'found'), [
    (f'virtio-{VOLUME[:20]}', VOLUME[:20], True),
    (f'scsi-{_LONG}', VOLUME, True), (f'scsi-{_LONG}', _LONG, True),
    (f'scsi-{_LONG[:-16]}', VOLUME, True),
    (f'scsi-SQEMU_QEMU_HARDDISK_{VOLUME}', f'QEMU {VOLUME}', True),
    (f'virtio-{VOLUME[:20]}-part1', VOLUME[:20], False),
    (f'virtio-{VOLUME[:19]}', VOLUME[:20], False),
    (f'scsi-{_LONG[:-1]}2', VOLUME, False),
    ('scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0-1', VOLUME, False),
    (f'wwn-{VOLUME}', VOLUME, False), ('virtio-', '', False),
    ('virtio-x', 'x', False), (f'virtio-{VOLUME[:20]} x', VOLUME, False)])
def test_names_that_stay(name, serial, found):
    assert guest_records.is_link(name, serial) is found


def test_a_disk_has_the_name_that_points_to_it():
    links = (f'link virtio-{VOLUME[:20]}-part1 ../../vdb1\n'
             f'link scsi-{VOLUME} ../../vdz\n'
             f'link virtio-{VOLUME[:20]} ../../vdb\nlink broken\n')
    disks, _ = guest_facts.read_disks(links + DISKS)
    assert [disk.link for disk in disks] == [
        '', f'virtio-{VOLUME[:20]}', '', '', '', '']
    assert disks[1].fstype == 'ext4'


def test_no_volume_is_no_disk():
    assert not guest_records.is_serial('', '')


def test_disks():
    disks, others = guest_facts.read_disks(DISKS)
    assert [(disk.name, disk.looked, disk.fstype, disk.empty)
            for disk in disks] == [
        ('/dev/vda', False, '', False), ('/dev/vdb', True, 'ext4', False),
        ('/dev/vdc', True, '', True), ('/dev/vdd', True, 'dos', False),
        ('/dev/vde', True, 'several', False),
        # blkid failed: not told is not empty.
        ('/dev/vdf', False, '', False)]
    assert disks[1].uuid == '11111111-2222-3333-4444-555555555555'
    assert disks[1].is_volume(VOLUME)
    assert others == {'254:1'}


def test_mounts():
    disks, others = guest_facts.read_disks(DISKS)
    found = {mount.path: mount for mount in guest_facts.read_mounts(
        MOUNTS, disks, others)}
    assert found['/shares/a b'].serial == VOLUME[:20]
    assert not found['/'].gone
    assert found['/shares/gone'].gone
    assert found['/shares/gone'].serial is None
    assert not found['/shares/tmp'].gone
    # The last one hides those before it.
    assert found['/one'].gone


def test_spaces():
    text = ('    1B-blocks         Used Mounted on\n'
            '           -            - /hidden\n'
            '  1041526784        24576 /shares/a b\n')
    assert guest_facts.read_spaces(text) == {
        '/shares/a b': guest_records.Space(1041526784, 24576)}


@pytest.mark.parametrize(('text', 'line', 'blocks'), [
    ('UUID=a /shares/x ext4 defaults 0 2',
     guest_records.FstabLine('UUID=a', '/shares/x', 'ext4', 'defaults', '0',
                             '2'), True),
    ('UUID=a\t/shares/a\\040b  xfs rw,nofail',
     guest_records.FstabLine('UUID=a', '/shares/a b', 'xfs', 'rw,nofail'),
     False),
    ('/dev/vdb /x ext4 noauto 0 0',
     guest_records.FstabLine('/dev/vdb', '/x', 'ext4', 'noauto'), False)])
def test_lines(text, line, blocks):
    found, = guest_fstab.read(f'# remark\n\n{text}\nshort line\n')
    assert found == line
    assert found.blocks is blocks
    assert guest_fstab.read(guest_fstab.written(line)) == (line,)


def _results(house, **changed):
    """Answers of a VM, some of them changed, by their number."""
    commands = guest_facts.questions()
    results = []
    for number, one in enumerate(commands):
        results.append(changed.get(f'n{number}') or house.vm.execute(
            one.words()))
    return results


def _refused(status=1, text='sudo: a password is required\n'):
    return command.Result('', text, status)


@pytest.mark.parametrize('number', [0, 1, 2])
def test_without_disks_mounts_or_lines_nothing_is_known(number):
    house = guest_world.House()
    results = _results(house, **{f'n{number}': _refused()})
    with pytest.raises(exception.BackendError, match='does not say'):
        guest_facts.understand('vm', results)


@pytest.mark.parametrize('number', [6, 7])
def test_exports_that_are_not_told_are_not_none(number):
    house = guest_world.House()
    served = house.made(1)
    facts = guest_facts.understand('vm', _results(
        house, **{f'n{number}': _refused()}))
    with pytest.raises(exception.BackendError, match='does not say'):
        _ = facts.nfs
    assert facts.nfs_or_none() is None
    # Mounts are not in doubt for that.
    assert facts.serves(served)


@pytest.mark.parametrize('result', ['n6', 'n7', 'n8', 'n9'])
def test_the_end_needs_to_know_who_is_let_in(result):
    """Exports that could not be read may outlive the share."""
    house = guest_world.House()
    served = house.made(1)
    facts = guest_facts.understand('vm', _results(
        house, **{result: _refused(255 if result == 'n9' else 1)}))
    for operation in guest_planning.release, guest_planning.suspend:
        with pytest.raises(exception.BackendError, match='does not say'):
            operation(facts, served)
    # It is not served by that protocol, so that nothing depends on it.
    other = dataclasses.replace(
        served, proto='NFS' if result == 'n9' else 'CIFS')
    house.guest.run(guest_planning.release(facts, other))
    assert not house.vm.system.mounts.all


def test_the_end_needs_no_server_of_a_protocol():
    """And it leaves no file that a boot would export from."""
    house = guest_world.House()
    before = house.vm.inventory()
    served = house.made(1)
    house.export(served, guest_world.nets('10.0.0.1'))
    house.share(served, networks=guest_world.nets('10.0.0.1'))
    house.vm.execute(('exportfs', '-ua'))
    facts = guest_facts.understand('vm', _results(
        house, n6=command.Result('', 'cat: /var/lib/nfs/etab: No such file or '
                                 'directory\n', 1),
        n9=command.Result('', 'sh: 1: net: not found\n', 127)))
    house.guest.run(guest_planning.release(facts, served))
    assert house.vm.inventory() == before


def test_sections_that_are_not_told_are_not_none():
    house = guest_world.House()
    facts = guest_facts.understand('vm', _results(house, n9=_refused(255)))
    with pytest.raises(exception.BackendError, match='does not say'):
        _ = facts.samba


def test_space_that_is_not_told_shrinks_nothing():
    house = guest_world.House()
    served = house.made(1, 4)
    facts = guest_facts.understand('vm', _results(house, n3=_refused()))
    assert facts.used(served.path) is None
    with pytest.raises(exception.BackendError, match='how much'):
        guest_planning.shrink(facts, served, 2)


def test_content_that_is_not_told_is_not_formatted():
    house = guest_world.House()
    house.volume(1)
    served = house.served(1)
    house.clock.sleep(10)
    facts = house.guest.look()
    assert not facts.disk(served.disk.volume_id).looked
    with pytest.raises(exception.BackendError, match='does not say what'):
        guest_planning.serve(facts, served, fresh=True)
    with pytest.raises(exception.BackendError, match='does not say what'):
        guest_planning.serve(facts, served)


class Counted(tuple):
    """Mounts that tell how many of them were looked at."""

    looked = 0

    def __iter__(self):
        for each in super().__iter__():
            Counted.looked += 1
            yield each


def test_the_mounts_of_many_shares_are_gone_through_twice_at_most():
    """One share of 500 is none of 500 times 500 comparisons."""
    mounts = Counted(
        dataclasses.replace(test_assessment.MOUNT, path=f'/shares/{number}')
        for number in range(500))
    found = dataclasses.replace(test_assessment.guest(), mounts=mounts)
    Counted.looked = 0
    assert len(found.elsewhere(test_assessment.SERVED)) == 500
    assert 500 <= Counted.looked <= 1000


def test_names_of_disks_are_found_where_they_point_to():
    short = f'virtio-{VOLUME[:20]}'
    disks = (f'disk /dev/vdb 254:16 1 {VOLUME[:20]}\nlooked 2\n'
             f'disk /dev/vdc 254:32 1 {VOLUME[:20]}\nlooked 2\n')
    links = (f'link {short} ../../vdc\nlink virtio-other ../../vdb\n'
             f'link {short} ../../vdbx\nlink {short} ../vdb\n'
             f'link {short} ../../vdb more\n')
    found, _ = guest_facts.read_disks(disks + links)
    assert [disk.link for disk in found] == ['', short]
