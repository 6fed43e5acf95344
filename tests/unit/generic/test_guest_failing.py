# SPDX-License-Identifier: Apache-2.0

"""A program that fails in a service VM has not answered "no"."""

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_codes
from manila_drivers.generic import guest_planning
from manila_drivers.testing.simulators import faults
from tests.unit.generic import guest_world

ALL = guest_world.nets('10.0.0.0/8')


@pytest.fixture
def house():
    return guest_world.House()


def _released(house, served):
    house.do(guest_planning.release, served)
    assert not [mount for mount in house.vm.system.mounts.all
                if mount.slot.device.id == served.disk.volume_id]


def _grown(house, served):
    house.devices[1].resize(6)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 6)


def _reidentified(house, served):
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    house.clock.sleep(20)
    house.vm.system.settle()
    copy = house.served(2)
    house.do(guest_planning.reidentify, copy, 2)
    house.do(guest_planning.serve, copy)


OPERATIONS = {
    'serve': lambda house, served: house.made(2),
    'release': _released,
    'suspend': lambda house, served: house.do(
        guest_planning.suspend, served),
    'shrink': lambda house, served: house.do(
        guest_planning.shrink, served, 2),
    'grow': _grown,
    'reidentify': _reidentified}
#: What fails in silence, and whose failure changes nothing that matters now.
BY_THE_WAY = ('sync', 'udevadm', 'fuser', 'systemctl', 'rmdir')


def _end(name, fault=None):
    """Return what there is in the end, and how many programs were run.

    None if it failed and said so.
    """
    house = guest_world.House(seed=7)
    served = house.made(1, 4)
    house.export(served, ALL)
    house.share(served, networks=ALL)
    if name == 'serve':
        house.volume(2)
    before = len(house.vm.ran)
    if fault is not None:
        house.vm.faults.arm(fault)
    try:
        OPERATIONS[name](house, served)
    except exception.DriverError:
        return None, 0
    finally:
        fired = house.vm.faults.fired
        house.vm.faults.disarm()
    ran = house.vm.ran[before:]
    return ('no such program' if fault is not None and not fired else (
        house.vm.records(), house.devices[1].content.size)), ran


@pytest.mark.turns
@pytest.mark.parametrize('name', OPERATIONS)
def test_whichever_program_fails(name):
    """A success is one, although a program failed once, or each time."""
    wanted, ran = _end(name)
    single = [faults.Fault('status', nth=number, code=code,
                           match='^command')
              for number in range(1, len(ran) + 1) for code in (1, 32)]
    lasting = [faults.Fault('status', times=None, code=code,
                            match=f'^command {word} ')
               for word in sorted({words[0] for words in ran})
               for code in (1, 32)]
    told = 0
    for fault in single + lasting:
        found, _ = _end(name, fault)
        told += found is None
        assert found in (None, wanted, 'no such program'), fault
    assert told > len(single) / 4


def test_a_mount_is_not_lost_sight_of(house):
    """Whatever fails, a disk is let go of only if it is not mounted."""
    served = house.made(1)
    house.vm.system.mounts._busy = lambda path: 'somebody'
    for word in 'mountpoint', 'cat', 'umount', 'fuser', 'sleep', 'date':
        house.vm.faults.arm(faults.Fault(
            'status', nth=1 if word != 'cat' else 6, times=None, code=1,
            match=f'^command {word} '))
        with pytest.raises(exception.DriverError):
            house.do(guest_planning.suspend, served)
        house.vm.faults.disarm()
        assert house.vm.system.mounts.at(served.path) is not None


def test_another_disk_is_seen_or_nothing_is_done(house):
    """Nothing is mounted over what is there because nobody saw it."""
    house.made(1)
    house.volume(2)
    served = house.served(2)
    house.do(guest_planning.serve, served, fresh=True)
    house.vm.unmount(served.path)
    facts = house.look(served)
    house.vm.execute(['mount', '/dev/' + house.vm.system.disks.of(
        house.devices[1].id).name, served.path])
    house.vm.faults.arm(faults.Fault(
        'status', code=1, match=r'^command (cat /proc/self|mountpoint)'))
    with pytest.raises(exception.DriverError):
        house.guest.run(guest_planning.serve(facts, served))
    assert len([one for one in house.vm.system.mounts.all
                if one.path == served.path]) == 1


def test_a_disk_below_another_is_still_mounted(house):
    """It is not let go of because something hides it."""
    served = house.made(1)
    house.made(2)
    facts = house.look(served)
    house.vm.execute(['mount', '/dev/' + house.vm.system.disks.of(
        house.devices[2].id).name, served.path])
    with pytest.raises(exception.Conflict, match='something else'):
        house.guest.run(guest_planning.suspend(facts, served))
    for operation in guest_planning.release, guest_planning.suspend:
        with pytest.raises((exception.Busy, exception.Conflict)):
            house.do(operation, served)
    assert len(house.vm.system.mounts.all) == 3


@pytest.mark.parametrize('word', ['fsfreeze', 'cat'])
def test_writes_go_on_whatever_fails(house, word):
    served = house.made(1)
    house.do(guest_planning.freeze, served, 20)
    house.vm.faults.arm(faults.Fault(
        'status', code=1, match=f'^command {word} (-u|/run)'))
    if word == 'fsfreeze':
        house.do(guest_planning.thaw, served)
        assert house.devices[1].frozen
    house.clock.sleep(60)
    house.vm.system.settle()
    assert house.vm.faults.fired
    assert not house.devices[1].frozen


@pytest.mark.parametrize('code', [2, 127])
def test_who_is_connected_is_not_forgotten(house, code):
    """Without pidof nobody knows that Samba does not run."""
    served = house.made(1)
    house.share(served, networks=ALL)
    for word, status in ('smbcontrol', 1), ('pidof', code):
        house.vm.faults.arm(faults.Fault(
            'status', times=None, code=status, match=f'^command {word} '))
    with pytest.raises(exception.DriverError):
        house.share(served, networks={})


@pytest.mark.parametrize('path', ['/shares/a b', '/shares/a\\b', '/shares/#'])
def test_a_path_that_the_kernel_escapes_is_unmounted(house, path):
    house.volume(1)
    served = house.made(1, path=path)
    house.do(guest_planning.release, served)
    assert not house.vm.system.mounts.all


@pytest.mark.parametrize('end', ['again', 'deleted'])
def test_a_copy_that_was_left_half_renamed(end):
    """xfs is mounted for a moment before it is given a name of its own."""
    number, left = 0, 0
    while True:
        number += 1
        house = guest_world.House(seed=7)
        house.made(1, fstype='xfs')
        house.devices[2] = house.devices[1].copy(
            guest_world.ident('volume 2'))
        house.vm.plug(house.devices[2])
        copy = house.served(2, fstype='xfs')
        before = house.vm.records()
        house.vm.faults.arm(faults.Fault(
            'reset_after', nth=number, match=guest_world.CHANGES))
        try:
            house.do(guest_planning.reidentify, copy)
        except exception.OutcomeUnknown:
            pass
        fired = house.vm.faults.fired
        house.vm.faults.disarm()
        left += len(house.vm.system.mounts.all) > 1
        if end == 'deleted':
            house.do(guest_planning.release, copy)
            assert house.vm.records() == before
        else:
            house.do(guest_planning.reidentify, copy)
            house.do(guest_planning.serve, copy)
            assert house.look(copy).mount(copy.path).uuid == copy.ident
            assert len(house.vm.system.mounts.all) == 2
        if not fired:
            break
    assert number > 4
    assert left


def _missed(house, served):
    house.guest.look([guest_world.guest_records.Disk(
        guest_world.ident('nowhere'), 1)], wait=60)


def _not_grown(house, served):
    with pytest.raises(guest_codes.NotGrown):
        house.do(guest_planning.grow, served, 6)


def _kept(house, served):
    house.vm.system.open[served.path] = house.clock() + 100_000
    with pytest.raises(exception.Busy):
        house.do(guest_planning.release, served)


@pytest.mark.parametrize('wait', [_missed, _not_grown, _kept])
def test_a_clock_that_is_set_back_makes_no_wait_longer(house, wait):
    """Others are kept from the machine until a script has come to its end."""
    served = house.made(1)
    read, start = house.vm.system.clock, house.clock()

    def clock():
        assert read() < start + 300
        return read() - 86_400 * (read() > start + 3)
    house.vm.system.clock = clock
    wait(house, served)
