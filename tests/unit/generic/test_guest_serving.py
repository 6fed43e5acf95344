# SPDX-License-Identifier: Apache-2.0

"""Shares come, grow, shrink, move and go in a service VM."""

import dataclasses
import ipaddress
import random

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_planning
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.guest import disk
from tests.unit.generic import guest_world

GIB = disk.GIB
ALL = guest_world.nets('0.0.0.0/0', '::/0')


@pytest.fixture
def house():
    return guest_world.House()


@pytest.mark.parametrize('fstype', ['ext4', 'ext3', 'xfs'])
@pytest.mark.parametrize('bus', ['virtio', 'scsi'])
def test_a_share_is_made_once(bus, fstype):
    house = guest_world.House(bus=bus)
    served = house.made(1, fstype=fstype)
    content = house.devices[1].content
    assert (content.kind, content.uuid) == (fstype, served.ident)
    assert content.reserved == 0
    assert house.vm.mode(served.path) == '0777'
    house.vm.write(served.path, 'file', b'data')
    execs = house.vm.execs
    house.made(1, fstype=fstype)
    assert house.vm.execs == execs + 2
    assert house.vm.read(served.path, 'file') == b'data'
    facts = house.look(served)
    assert guest_planning.serve(facts, served) == []
    assert facts.total(served.path) < GIB
    assert facts.used(served.path) > 0


def test_one_exec_to_look_and_one_to_make(house):
    house.volume(1)
    house.made(1)
    assert house.vm.execs == 2


def test_a_boot_serves_it_again(house):
    served = house.made(1)
    house.vm.write(served.path, 'file', b'data')
    house.export(served, ALL)
    house.reboot()
    assert house.vm.read(served.path, 'file') == b'data'
    assert house.vm.reaches('NFS', served.path, '10.0.0.1') == 'rw'


def test_a_boot_without_the_disk_comes_up_and_exports_nothing(house):
    served = house.made(1)
    house.export(served, ALL)
    house.vm.unplug(served.disk.volume_id)
    house.reboot()
    assert set(house.nfs(served).values()) == {None}


def test_a_boot_that_waits_for_a_disk_is_stuck(house):
    """So what is said about boots here is said by somebody who looks."""
    house.vm.system.tree.text['/etc/fstab'] += (
        f'UUID={guest_world.ident(9)} /shares/share-9 ext4 defaults 0 0\n')
    house.vm.reboot()
    assert house.vm.stuck
    with pytest.raises(exception.Unreachable):
        house.look()


def test_power_that_fails_takes_no_line_away(house):
    served = house.made(1)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    house.reboot(orderly=False)
    assert house.vm.reaches('NFS', served.path, '10.0.0.1') == 'rw'
    assert house.vm.reaches('CIFS', served.name, '10.0.0.1') == 'rw'
    house.export(served, {})
    house.reboot(orderly=False)
    assert set(house.nfs(served).values()) == {None}


@pytest.mark.parametrize('content', [
    disk.FileSystem('ext4', guest_world.ident('other'), GIB),
    disk.FileSystem('xfs', guest_world.ident('share 1'), GIB),
    disk.Signature('crypto_LUKS', guest_world.ident('luks')),
    disk.Signature('LVM2_member'), disk.Signature('dos', '1234')])
def test_what_holds_something_is_not_formatted(house, content):
    house.volume(1, content=content)
    with pytest.raises(exception.Conflict, match='not empty'):
        house.made(1)
    assert house.devices[1].content is content


def test_what_came_to_hold_something_is_not_formatted(house):
    """The look is a moment ago when the disk is formatted."""
    house.volume(1)
    served = house.served(1)
    facts = house.look(served)
    other = disk.FileSystem('ext4', guest_world.ident('other'), GIB)
    house.devices[1].content = other
    with pytest.raises(exception.Conflict, match='something else'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))
    assert house.devices[1].content is other


_END = disk.Signature('linux_raid_member', guest_world.ident('raid'), -4096)


@pytest.mark.parametrize('content', [
    disk.FileSystem('ext4', guest_world.ident('other'), GIB), _END])
@pytest.mark.parametrize('unreadable', [
    (0, GIB), (1024, 1536), (GIB - 8192, GIB)])
def test_what_cannot_be_read_is_not_formatted(house, content, unreadable):
    """blkid says that such a disk is empty."""
    house.volume(1, content=content)
    house.devices[1].unreadable = [unreadable]
    with pytest.raises(exception.DriverError, match=r'not (say what|empty)'):
        house.made(1)
    assert house.devices[1].content is content


@pytest.mark.parametrize('unreadable', [(0, GIB), (1024, 1536)])
def test_what_cannot_be_read_any_more_is_not_formatted(house, unreadable):
    """Between the look and the making something came, and an error."""
    house.volume(1)
    served = house.served(1)
    facts = house.look(served)
    other = disk.FileSystem('ext4', guest_world.ident('other'), GIB)
    house.devices[1].content = other
    house.devices[1].unreadable = [unreadable]
    with pytest.raises(exception.BackendError, match='cannot be read'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))
    assert house.devices[1].content is other


def test_an_error_in_the_middle_of_an_empty_disk_hides_nothing(house):
    house.volume(1)
    house.devices[1].unreadable = [(GIB // 2, GIB // 2 + 512)]
    assert house.look(house.made(1)).mount('/shares/share-1')


def test_a_name_that_became_another_disks_is_not_touched(house):
    """Between look and run the disk goes, and another gets its name."""
    house.volume(1)
    served = house.served(1)
    facts = house.look(served)
    name = house.vm.system.disks.of(served.disk.volume_id).name
    house.vm.unplug(served.disk.volume_id)
    other = disk.BlockDevice(guest_world.ident('other'), 1)
    house.vm.system.disks.add(other, late=False, name=name)
    with pytest.raises(exception.NotFound, match='not there any more'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))
    assert other.content is None


def test_nothing_on_a_disk_that_had_something_is_no_new_share(house):
    house.volume(1)
    with pytest.raises(exception.NotFound, match='data is lost'):
        house.do(guest_planning.serve, house.served(1))
    assert house.devices[1].content is None


def test_a_disk_that_is_not_there(house):
    house.volume(1)
    served = house.served(1)
    house.vm.unplug(served.disk.volume_id)
    with pytest.raises(exception.NotFound, match='does not see'):
        house.made(1)


def test_a_disk_that_is_too_small(house):
    house.volume(1, 2)
    served = house.served(1)
    small = guest_planning.Served(
        served.name, served.ident, served.path,
        type(served.disk)(served.disk.volume_id, 4))
    with pytest.raises(exception.NotFound, match='smaller'):
        house.do(guest_planning.serve, small, fresh=True)


def test_two_disks_of_one_volume_are_not_chosen_among(house):
    house.volume(1)
    served = house.served(1)
    twin = disk.BlockDevice(served.disk.volume_id[:20] + '-and-more', 1)
    house.vm.plug(twin)
    house.clock.sleep(10)
    with pytest.raises(exception.Conflict, match='several disks'):
        house.made(1)
    assert house.devices[1].content is twin.content is None


@pytest.mark.turns
@pytest.mark.parametrize('seed', range(100))
def test_every_order_of_disks_finds_the_right_one(seed):
    """Disks come in any order, under any name, and move with each boot."""
    chance = random.Random(seed)
    house = guest_world.House(seed=seed, bus=chance.choice(
        ['virtio', 'scsi']))
    numbers = list(range(5))
    chance.shuffle(numbers)
    for number in numbers:
        house.volume(number)
    shares = [house.made(number) for number in sorted(numbers)]
    for served in shares:
        house.vm.write(served.path, 'name', served.name.encode())
    away = chance.choice(shares)
    house.do(guest_planning.suspend, away)
    house.vm.unplug(away.disk.volume_id)
    house.reboot()
    house.vm.plug(house.devices[shares.index(away)])
    house.do(guest_planning.serve, away)
    for number, served in enumerate(shares):
        assert house.vm.read(served.path, 'name') == served.name.encode()
        assert house.devices[number].content.uuid == served.ident
        assert house.devices[number].content.files.keys() == {'name'}


# Growing and shrinking

@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
def test_a_share_grows_while_it_is_used(house, fstype):
    served = house.made(1, fstype=fstype)
    house.export(served, ALL)
    house.vm.connect('NFS', served.path, '10.0.0.1')
    house.devices[1].resize(3)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.uuid == served.ident


def test_a_volume_that_is_larger_already(house):
    served = house.made(1, 5)
    house.do(guest_planning.shrink, served, 2)
    assert house.devices[1].content.size == 2 * GIB
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB


def test_a_disk_that_does_not_grow_fails_in_time(house):
    served = house.made(1)
    begun = house.clock()
    with pytest.raises(exception.Busy, match='not grown'):
        house.do(guest_planning.grow, served, 3)
    assert 60 < house.clock() - begun < 120
    assert house.devices[1].content.size == GIB


def test_a_disk_that_has_to_be_looked_at_again():
    house = guest_world.House(bus='scsi')
    house.vm.system.disks.needs_rescan = True
    served = house.made(1)
    house.devices[1].resize(2)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 2)
    assert house.devices[1].content.size == 2 * GIB


def _closed_and_back(house, served, operation, *arguments):
    """Run something offline; return who reached it at any moment."""
    seen = set()
    house.vm.programs.observer = lambda: seen.add((
        house.vm.reaches('NFS', served.path, '10.0.0.1'),
        house.vm.reaches('CIFS', served.name, '10.0.0.1'),
        served.path in [each.path for each in house.vm.system.mounts.all]))
    try:
        return house.do(operation, served, *arguments), seen
    finally:
        house.vm.programs.observer = lambda: None


def test_a_share_shrinks_and_comes_back(house):
    served = house.made(1, 4)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    house.vm.connect('NFS', served.path, '10.0.0.1')
    house.vm.connect('CIFS', served.name, '10.0.0.1')
    house.vm.write(served.path, 'file', b'data')
    _, seen = _closed_and_back(house, served, guest_planning.shrink, 2)
    assert house.devices[1].content.size == 2 * GIB
    assert house.vm.read(served.path, 'file') == b'data'
    # Nobody reaches what is below the mount.
    assert not [each for each in seen if each[:2] != (None, None)
                and not each[2]]
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    assert house.cifs(served)['10.0.0.1', None] == 'rw'


@pytest.mark.parametrize('operation', ['shrink', 'suspend'])
def test_a_share_of_thousands_of_clients_is_closed_and_opened(operation):
    """No word that a program gets is longer than Linux takes."""
    house = guest_world.House()
    served = house.made(1, 4)
    first = int(ipaddress.ip_address('10.0.0.0'))
    some = {ipaddress.ip_network(first + 2 * number): 'rw'
            for number in range(3000)}
    house.export(served, some)
    before = len(house.look().nfs.of(served.path))
    if operation == 'shrink':
        house.do(guest_planning.shrink, served, 2)
        assert house.devices[1].content.size == 2 * GIB
    else:
        house.do(guest_planning.suspend, served)
        assert house.look().mount(served.path) is None
        house.do(guest_planning.serve, served)
        house.do(guest_planning.resume, served)
    assert len(house.look().nfs.of(served.path)) == before == 3000


@pytest.mark.parametrize('left', ['10.0.0.1', None])
@pytest.mark.parametrize('full', [False, True])
@pytest.mark.parametrize('operation', ['shrink', 'suspend'])
def test_a_script_that_comes_late_lets_nobody_in(house, left, full,
                                                 operation):
    """It would open again what has been closed since it was sent."""
    served = house.made(1, 4)
    house.export(served, guest_world.nets('10.0.0.1', '10.0.0.10'))
    facts = house.look(served)
    late = guest_planning.suspend(facts, served) if operation == 'suspend' \
        else guest_planning.shrink(facts, served, 2)
    house.vm.system.tree.full = full
    exception.caught(lambda: house.export(
        served, guest_world.nets(*filter(None, [left]))))
    now = house.nfs(served)
    assert now['10.0.0.10'] is None
    with pytest.raises(exception.Busy, match='something else is at work'):
        house.guest.run(late)
    assert house.nfs(served) == now
    assert house.devices[1].content.size == 4 * GIB
    house.do(guest_planning.shrink, served, 2)
    assert house.nfs(served) == now


@pytest.mark.parametrize('full', [False, True])
def test_who_was_shut_out_on_a_full_disk_is_not_let_in_again(house, full):
    """It is written down that they get in; there may be room again."""
    served = house.made(1, 4)
    house.export(served, guest_world.nets('10.0.0.1', '10.0.0.10'))
    house.vm.system.tree.full = True
    with pytest.raises(exception.NoRoom):
        house.export(served, guest_world.nets('10.0.0.1'))
    house.vm.system.tree.full = full
    house.do(guest_planning.shrink, served, 2)
    house.do(guest_planning.resume, served)
    clients = house.nfs(served)
    assert (clients['10.0.0.1'], clients['10.0.0.10']) == ('rw', None)
    with pytest.raises(exception.BackendError, match='set the rules'):
        house.do(guest_planning.suspend, served)
    house.vm.system.tree.full = False
    house.export(served, guest_world.nets('10.0.0.1'))
    house.do(guest_planning.suspend, served)
    house.do(guest_planning.serve, served)
    house.do(guest_planning.resume, served)
    assert house.nfs(served) == clients
    house.do(guest_planning.release, served)
    assert not [name for name in house.vm.system.tree.inside('/run')
                if served.name in name or served.ident in name]


def test_another_disk_of_its_name_is_not_brought_back(house):
    """Somebody has taken the share's disk away while it was checked."""
    served = house.made(1, 4)
    house.export(served, ALL)
    system, told = house.vm.system, house.vm.programs._told
    name = system.disks.of(served.disk.volume_id).name

    def taken(words):
        if words[0] == 'e2fsck':
            house.vm.unplug(served.disk.volume_id)
            other = house.volume(2, 4, dataclasses.replace(
                house.devices[1].content))
            house.clock.sleep(20)
            system.settle()
            system.disks.of(other.id).name = name
        return told(words)
    house.vm.programs._told = taken
    with pytest.raises(exception.DriverError):
        house.do(guest_planning.shrink, served, 2)
    assert house.look().mount(served.path) is None
    assert set(house.nfs(served).values()) == {None}


@pytest.mark.parametrize('ballast', [2 * GIB, 3 * GIB])
def test_a_share_that_is_too_full_is_left_alone(house, ballast):
    served = house.made(1, 4)
    house.export(served, ALL)
    house.devices[1].content.ballast = ballast
    with pytest.raises(exception.PossibleDataLoss):
        house.do(guest_planning.shrink, served, 2)
    assert house.devices[1].content.size == 4 * GIB
    assert house.nfs(served)['10.0.0.1'] == 'rw'


@pytest.mark.parametrize('ballast', [2 * GIB - (1 << 25), 3 * GIB])
def test_what_was_written_since_the_look_is_kept(house, ballast):
    """Also where only resize2fs knows that it does not fit."""
    served = house.made(1, 4)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    plan = guest_planning.shrink(house.look(served), served, 2)
    house.devices[1].content.ballast = ballast
    with pytest.raises(exception.PossibleDataLoss):
        house.guest.run(plan)
    assert house.devices[1].content.size == 4 * GIB
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    assert house.cifs(served)['10.0.0.1', None] == 'rw'


def test_a_share_that_is_in_use_comes_back(house):
    served = house.made(1, 4)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    house.vm.system.open[served.path] = house.clock() + 1000
    with pytest.raises(exception.Busy, match='in use'):
        house.do(guest_planning.shrink, served, 2)
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    assert house.cifs(served)['10.0.0.1', None] == 'rw'


def test_somebody_who_leaves_in_time_is_waited_for(house):
    served = house.made(1, 4)
    house.vm.system.open[served.path] = house.clock() + 10
    house.do(guest_planning.shrink, served, 2)
    assert house.devices[1].content.size == 2 * GIB


def test_a_check_that_mends_is_no_failure(house):
    served = house.made(1, 4)
    house.devices[1].content.flawed = True
    house.do(guest_planning.shrink, served, 2)
    assert house.devices[1].content.size == 2 * GIB


def test_what_only_resize2fs_knows(house):
    """It needs more than it has estimated."""
    served = house.made(1, 4)
    content = house.devices[1].content
    content.ballast = 2 * GIB - (100 << 20)
    assert content.minimum * 4096 < 2 * GIB
    content.ballast += 70 << 20
    content.optimism = content.minimum - (2 * GIB) // 4096 + 1
    assert content.optimism > 0
    with pytest.raises(exception.PossibleDataLoss):
        house.do(guest_planning.shrink, served, 2)
    assert house.devices[1].content.size == 4 * GIB
    assert house.look(served).serves(served)


def test_a_share_that_is_estimated_to_be_too_full(house):
    served = house.made(1, 4)
    house.devices[1].content.ballast = 2 * GIB - (10 << 20)
    with pytest.raises(exception.PossibleDataLoss):
        house.do(guest_planning.shrink, served, 2)
    assert ('resize2fs', '-P') in [words[:2] for words in house.vm.ran]
    assert not [words for words in house.vm.ran if words[0] == 'resize2fs'
                and words[1] != '-P']


def test_what_a_check_cannot_mend_is_left_alone(house):
    served = house.made(1, 4)
    house.vm.execute(('umount', served.path))
    house.devices[1].content.broken = True
    with pytest.raises(exception.BackendError, match='cannot be mended'):
        house.do(guest_planning.serve, served)
    assert house.devices[1].content.broken


def test_xfs_does_not_shrink(house):
    served = house.made(1, 4, fstype='xfs')
    with pytest.raises(exception.Unsupported):
        house.do(guest_planning.shrink, served, 2)


def test_only_the_own_disk_is_resized(house):
    """Another disk is mounted where the share should be."""
    served = house.made(1, 4)
    other = house.made(2, 4)
    house.vm.execute(('umount', served.path))
    house.vm.execute(('umount', other.path))
    house.vm.execute(('mount', house.look().disk(
        other.disk.volume_id).name, served.path))
    for operation in guest_planning.grow, guest_planning.shrink:
        with pytest.raises(exception.NotFound, match='own disk'):
            house.do(operation, served, 2)
    assert house.devices[2].content.size == 4 * GIB


# Clones

@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
def test_a_clone_gets_a_name_of_its_own(house, fstype):
    parent = house.made(1, fstype=fstype)
    house.vm.write(parent.path, 'file', b'old')
    clone = house.devices[1].copy(guest_world.ident('volume 2'), 2)
    house.devices[2] = clone
    house.vm.plug(clone)
    house.vm.write(parent.path, 'file', b'new')
    served = house.served(2, fstype=fstype)
    for _ in range(2):
        house.do(guest_planning.reidentify, served)
        house.do(guest_planning.serve, served)
        house.do(guest_planning.grow, served, 2)
    assert clone.content.uuid == served.ident
    assert house.devices[1].content.uuid == parent.ident
    assert clone.content.size == 2 * GIB
    house.reboot()
    assert house.vm.read(served.path, 'file') == b'old'
    assert house.vm.read(parent.path, 'file') == b'new'


@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
@pytest.mark.parametrize('bus', ['virtio', 'scsi'])
@pytest.mark.parametrize('seed', range(4))
def test_a_boot_never_serves_a_clone_as_its_parent(bus, fstype, seed):
    """Until it has got a UUID of its own it has that of its parent."""
    house = guest_world.House(bus=bus, seed=seed)
    parent = house.made(1, fstype=fstype)
    house.export(parent, ALL)
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    for order in (1, 2), (2, 1):
        house.reboot(order=[house.devices[each].id for each in order])
        house.vm.write(parent.path, 'file', str(order).encode())
        assert house.look().serves(parent)
        assert house.devices[2].content.files == {}
        assert house.devices[1].content.files['file'] == str(order).encode()


@pytest.mark.parametrize('bus', ['virtio', 'scsi'])
@pytest.mark.parametrize('options', [
    'rw,relatime 0 0', 'defaults,nofail,x-systemd.device-timeout=300s 0 2'])
def test_a_line_by_uuid_is_rewritten_without_unmounting(bus, options):
    house = guest_world.House(bus=bus)
    served = house.made(1)
    tree, mount = house.vm.system.tree, house.vm.system.mounts.at(served.path)
    before = tree.text['/etc/fstab']
    tree.text['/etc/fstab'] = '\n'.join(
        [*before.splitlines()[:-1],
         f'UUID={served.ident} {served.path} ext4 {options}', ''])
    assert not guest_fstab.lasts(house.look(), served.path)
    ran = len(house.vm.ran)
    house.do(guest_planning.serve, served)
    assert tree.text['/etc/fstab'] == before
    assert guest_fstab.lasts(house.look(), served.path)
    assert house.vm.system.mounts.at(served.path) is mount
    assert not [each for each in house.vm.ran[ran:]
                if each[0] in ('mount', 'umount', 'mkfs.ext4')]


def test_without_a_name_that_stays_a_line_has_the_uuid(house):
    house.vm.system.disks.names_stay = False
    served = house.made(1)
    facts = house.look()
    assert facts.fstab(served.path).spec == f'UUID={served.ident}'
    assert guest_fstab.lasts(facts, served.path)
    house.reboot()
    assert house.look().serves(served)
    # udev was late: with the name there is a better line.
    house.vm.system.disks.names_stay = True
    assert not guest_fstab.lasts(house.look(), served.path)
    house.do(guest_planning.serve, served)
    house.reboot()
    assert house.look().serves(served)


def test_a_clone_is_not_renamed_once_it_is_mounted(house):
    parent = house.made(1)
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    served = house.served(2)
    house.do(guest_planning.serve, served)
    with pytest.raises(exception.Busy, match='mounted'):
        house.do(guest_planning.reidentify, served)
    assert house.devices[2].content.uuid == parent.ident


def test_what_upstream_has_made_keeps_its_name(house):
    """File handles of clients have it."""
    house.volume(1, content=disk.FileSystem(
        'ext4', guest_world.ident('random'), GIB, files={'file': b'data'}))
    served = house.served(1)
    house.vm.system.tree.text['/etc/fstab'] += (
        f'UUID={guest_world.ident("random")} {served.path} ext4 '
        f'rw,relatime 0 0\n')
    house.do(guest_planning.serve, served)
    assert house.devices[1].content.uuid == guest_world.ident('random')
    line = house.look(served).fstab(served.path)
    assert line.spec == f'/dev/disk/by-id/virtio-{served.disk.volume_id[:20]}'
    assert not line.blocks
    house.vm.unplug(served.disk.volume_id)
    house.reboot()


# Detached behind one's back, and the end

def test_a_mount_whose_disk_is_gone_is_not_believed(house):
    served = house.made(1)
    house.export(served, ALL)
    house.vm.write(served.path, 'file', b'data')
    house.vm.unplug(served.disk.volume_id)
    facts = house.look()
    assert facts.mount(served.path).gone
    assert not facts.serves(served)
    assert facts.mount(served.path).serial is None
    with pytest.raises(exception.NotFound):
        house.do(guest_planning.grow, served, 2)
    house.vm.plug(house.devices[1])
    house.do(guest_planning.serve, served)
    house.do(guest_planning.resume, served)
    assert house.vm.read(served.path, 'file') == b'data'
    assert house.nfs(served)['10.0.0.1'] == 'rw'


def test_offline_and_back(house):
    served = house.made(1)
    house.export(served, ALL)
    house.share(served, users={'alice': 'rw'})
    house.vm.connect('CIFS', served.name, '10.0.0.1', 'alice')
    house.vm.connect('NFS', served.path, '10.0.0.1')
    house.do(guest_planning.suspend, served)
    assert set(house.nfs(served).values()) == {None}
    assert set(house.cifs(served, 'alice').values()) == {None}
    assert house.look().mount(served.path) is None
    house.vm.unplug(served.disk.volume_id)
    house.devices[1].resize(2)
    house.vm.plug(house.devices[1])
    house.do(guest_planning.serve, served)
    house.do(guest_planning.grow, served, 2)
    house.do(guest_planning.resume, served)
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    assert house.cifs(served, 'alice')['10.0.0.1', 'alice'] == 'rw'
    assert house.cifs(served, 'alice')['10.0.0.1', None] is None


def test_the_end_leaves_nothing(house):
    before = house.vm.inventory()
    served = house.made(1)
    other = house.made(2)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    house.export(other, ALL)
    house.vm.connect('NFS', served.path, '10.0.0.1')
    house.vm.connect('CIFS', served.name, '10.0.0.1')
    for _ in range(2):
        house.do(guest_planning.release, served)
    assert house.devices[1].content.clean
    assert house.nfs(other)['10.0.0.1'] == 'rw'
    house.do(guest_planning.release, other)
    assert house.vm.inventory() == before


def test_the_end_on_a_full_disk(house):
    """The line becomes a remark, which takes no room, and lasts."""
    tree = house.vm.system.tree
    tree.text['/etc/fstab'] += '# caf\u00e9\n'
    served, other = house.made(1), house.made(2)
    tree.text['/etc/fstab'] += f' \t/dev/x {served.path} ext4 ro 0 0'
    tree.kept()
    tree.full = True
    for _ in range(2):
        house.do(guest_planning.release, served)
    house.reboot(orderly=False)
    assert house.vm.system.mounts.at(served.path) is None
    assert house.vm.system.mounts.at(other.path)
    with pytest.raises(exception.DriverError):
        house.do(guest_planning.serve, served)
    assert not house.look(served).fstab(served.path)


def test_a_client_that_went_away_with_a_file_open(house):
    """The kernel waits for it; those of other shares are left alone."""
    served, other = house.made(1), house.made(2)
    for each in served, other:
        house.export(each, ALL)
        house.vm.connect('NFS', each.path, '10.0.0.1')
    assert len(house.vm.system.nfs.states) == 2
    house.do(guest_planning.release, served)
    assert house.look().mount(served.path) is None
    assert list(house.vm.system.nfs.states.values()) == [other.path]


def test_the_end_of_what_is_gone_already(house):
    before = house.vm.inventory()
    served = house.made(1)
    house.vm.unplug(served.disk.volume_id)
    house.vm.system.open[served.path] = house.clock() + 10000
    house.do(guest_planning.release, served)
    assert house.vm.inventory() == before


def test_the_end_spares_what_is_not_ours(house):
    served = house.made(1)
    other = house.made(2)
    house.vm.execute(('umount', served.path))
    house.vm.execute(('umount', other.path))
    house.vm.execute(('mount', house.look().disk(
        other.disk.volume_id).name, served.path))
    house.do(guest_planning.release, served)
    assert house.look().mount(served.path).disk.is_volume(
        other.disk.volume_id)


def test_a_disk_that_is_used_elsewhere_is_not_let_go_of(house):
    served = house.made(1)
    house.vm.system.tree.directories.add('/srv')
    name = house.look().disk(served.disk.volume_id).name
    house.vm.execute(('mount', name, '/srv'))
    for operation in guest_planning.release, guest_planning.suspend:
        with pytest.raises(exception.Busy, match='elsewhere'):
            house.do(operation, served)


def test_a_share_in_use_is_not_let_go_of(house):
    served = house.made(1)
    house.vm.system.open[served.path] = house.clock() + 1000
    with pytest.raises(exception.Busy, match='in use') as caught:
        house.do(guest_planning.release, served)
    assert 'bash' in str(caught.value)
    # No boot waits for it, whatever comes next.
    assert house.look().fstab(served.path) is None
    house.clock.sleep(1000)
    house.do(guest_planning.release, served)
    assert house.look().mount(served.path) is None


# Freezing

def test_a_frozen_share_goes_on_by_itself(house):
    served = house.made(1)
    house.do(guest_planning.freeze, served, 60)
    with pytest.raises(OSError, match='frozen'):
        house.vm.write(served.path, 'file', b'data')
    house.clock.sleep(61)
    house.vm.write(served.path, 'file', b'data')
    result, = house.do(guest_planning.thaw, served)
    assert result.stdout == 'late\n'


def test_an_earlier_watchdog_does_not_thaw_a_later_freeze(house):
    served = house.made(1)
    house.do(guest_planning.freeze, served, 60)
    result, = house.do(guest_planning.thaw, served)
    assert result.stdout == 'thawed\n'
    house.clock.sleep(50)
    house.do(guest_planning.freeze, served, 60)
    house.clock.sleep(20)
    with pytest.raises(OSError, match='frozen'):
        house.vm.write(served.path, 'file', b'data')
    result, = house.do(guest_planning.thaw, served)
    assert result.stdout == 'thawed\n'


def test_the_vm_itself_is_never_frozen(house):
    """A directory without a mount is on the VM's own disk."""
    served = house.made(1)
    plan = guest_planning.freeze(house.look(served), served, 60)
    house.vm.execute(('umount', served.path))
    with pytest.raises(exception.Conflict):
        house.guest.run(plan)
    assert not house.vm.hung
    house.vm.execute(('fsfreeze', '-f', served.path))
    assert house.vm.hung


def test_a_snapshot_of_a_frozen_share_is_clean(house):
    served = house.made(1)
    house.do(guest_planning.freeze, served, 60)
    assert not house.devices[1].copy('x').content.checked
    house.do(guest_planning.thaw, served)


# Interruptions

OPERATIONS = {
    'serve': lambda house, served: house.made(1),
    'release': lambda house, served: house.do(guest_planning.release,
                                              served),
    'shrink': lambda house, served: _again(house, served,
                                           guest_planning.shrink, 2),
    'offline': lambda house, served: _again(house, served,
                                            guest_planning.suspend),
    'grow': lambda house, served: _grown(house, served)}


def _grown(house, served):
    house.devices[1].resize(6)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 6)


def _again(house, served, operation, *arguments):
    """Do as a driver does after an interruption: serve, then repeat."""
    house.do(guest_planning.serve, served)
    house.do(operation, served, *arguments)
    house.do(guest_planning.serve, served)
    house.do(guest_planning.resume, served)


@pytest.mark.turns
@pytest.mark.parametrize('boot', [False, True])
@pytest.mark.parametrize('name', OPERATIONS)
def test_repetition_after_every_program_converges(name, boot):
    """The connection, or the power, ends behind program k, for every k."""
    def done(k=None):
        house = guest_world.House(seed=7)
        if name == 'serve':
            house.volume(1, 4)
            served = house.served(1)
        else:
            served = house.made(1, 4)
            house.export(served, ALL)
            house.share(served, networks=ALL)
            house.vm.write(served.path, 'file', b'data')
        if k is not None:
            house.cut(k)
            try:
                OPERATIONS[name](house, served)
            except exception.OutcomeUnknown:
                pass
            fired = house.vm.faults.fired
            house.vm.faults.disarm()
            if boot:
                house.reboot(orderly=False)
            if not fired:
                return None
        OPERATIONS[name](house, served)
        return house.vm.records(), house.devices[1].content.size, \
            house.devices[1].content.files

    wanted = done()
    count = 0
    while (found := done(count + 1)) is not None:
        count += 1
        assert found == wanted, f'after {count} programs'
    assert count > (0 if name == 'grow' else 4)


@pytest.mark.parametrize('nth', [1, 2])
def test_each_exec_can_be_lost(house, nth):
    house.volume(1)
    for kind in 'reset_before', 'reset_after', 'refused':
        house.vm.faults.arm(faults.Fault(kind, nth=nth, match='^exec'))
        with pytest.raises(exception.TransportError):
            house.made(1)
        house.vm.faults.disarm()
    house.made(1)


def test_another_operation_is_waited_for_and_then_given_up(house):
    house.volume(1)
    house.vm.programs.locked['/run/manila-share.lock'] = house.clock() + 30
    served = house.made(1)
    house.vm.programs.locked['/run/manila-share.lock'] = house.clock() + 200
    ran = len(house.vm.ran)
    with pytest.raises(exception.Busy, match='busy with something else'):
        house.look()
    assert len(house.vm.ran) == ran
    # Disks are looked at while others are waited for.
    with pytest.raises(exception.Busy, match='busy with something else'):
        house.look(served)


def test_without_root_nothing_is_known(house):
    house.vm.system.sudo = False
    with pytest.raises(exception.AccessDenied):
        house.look()


# Names

HOSTILE = ("/shares/a b'c", '/shares/$(touch pwned)', '/shares/x;touch y',
           '/shares/`touch x`', '/shares/a"b', '/shares/*', '/shares/\\040',
           '/shares/#x', '/shares/-rf')


@pytest.mark.parametrize('path', HOSTILE)
def test_hostile_paths_are_paths_and_nothing_else(house, path):
    before = house.vm.inventory()
    house.volume(1)
    served = house.served(1, path=path)
    house.made(1, path=path)
    house.export(served, ALL)
    facts = house.look(served)
    assert facts.serves(served)
    assert facts.fstab(path) is not None
    assert guest_planning.serve(facts, served) == []
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    house.do(guest_planning.suspend, served)
    house.do(guest_planning.serve, served)
    house.do(guest_planning.resume, served)
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    house.reboot()
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    house.do(guest_planning.release, served)
    assert house.vm.inventory() == before
    assert not [words for words in house.vm.ran if words[0] == 'touch']


@hypothesis.given(st.text(max_size=30))
def test_any_name_is_refused_or_only_a_name(name):
    house = guest_world.House()
    house.volume(1)
    served = house.served(1)
    served = type(served)(name, served.ident, served.path, served.disk)
    facts = house.look(served)
    try:
        plan = guest_planning.serve(facts, served, fresh=True)
    except exception.InvalidRequest:
        return
    house.guest.run(plan)
    assert house.look(served).serves(served)
