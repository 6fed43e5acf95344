# SPDX-License-Identifier: Apache-2.0

"""The line for a share where names of disks are late, or not told."""

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_facts
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_scripts
from manila_drivers.testing.simulators import faults
from tests.unit.generic import guest_world


@pytest.fixture
def house():
    return guest_world.House()


def untold(house):
    house.vm.faults.arm(faults.Fault('status', code=1, times=None,
                                     match='^command find '))


def rewritten(house, served, spec):
    """Name the disk of a share in another way, in fstab."""
    tree = house.vm.system.tree
    line = house.look().fstab(served.path)
    tree.text['/etc/fstab'] = tree.text['/etc/fstab'].replace(
        line.spec, spec)
    return house.look()


def no_line_without_a_name(house):
    house.volume(1)
    untold(house)
    with pytest.raises(exception.BackendError, match='does not say what nam'):
        house.made(1)
    house.vm.faults.disarm()
    served = house.made(1)
    assert house.look().fstab(served.path).spec == (
        f'/dev/disk/by-id/virtio-{served.disk.volume_id[:20]}')


@pytest.mark.parametrize('broken', [
    ("|| printf 'untold\\n'", '|| :'),
    ('if [ -d /dev/disk/by-id ]', 'if false')])
def test_names_that_are_not_told_are_not_none(house, monkeypatch, broken):
    no_line_without_a_name(house)
    assert broken[0] in guest_scripts.DISKS
    monkeypatch.setattr(guest_scripts, 'DISKS',
                        guest_scripts.DISKS.replace(*broken))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        no_line_without_a_name(guest_world.House())


def test_a_line_that_has_the_number_needs_no_names(house):
    served = house.made(1)
    before = house.look().fstab(served.path)
    untold(house)
    facts = house.look(served)
    assert facts.disk(served.disk.volume_id).link is None
    assert guest_fstab.lasts(facts, served.path)
    house.do(guest_planning.serve, served)
    assert house.look().fstab(served.path) == before


@pytest.mark.parametrize('spec', ['UUID=' + guest_world.ident('share 1'),
                                  '/dev/disk/by-id/virtio-of-another-disk-1',
                                  '/dev/vdb'])
def test_any_other_line_may_be_wrong_then(house, spec):
    served = house.made(1)
    untold(house)
    facts = rewritten(house, served, spec)
    assert not guest_fstab.lasts(facts, served.path)
    with pytest.raises(exception.BackendError, match='does not say what nam'):
        house.do(guest_planning.serve, served)
    assert house.look().fstab(served.path).spec == spec
    house.vm.faults.disarm()
    house.do(guest_planning.serve, served)
    assert guest_fstab.lasts(house.look(), served.path)


def named_in_time(seed):
    """Return whether a line has the name of a disk that came just now."""
    house = guest_world.House(seed=seed)
    return house.look(house.made(1)).lines[-1].spec.startswith('/dev/disk/')


def test_a_disk_that_has_just_come_gets_its_name(monkeypatch):
    """udev takes a moment for it; a boot is to mount it by that name."""
    assert all(map(named_in_time, range(12)))
    monkeypatch.setattr(guest_scripts, 'DISKS', guest_scripts.DISKS.replace(
        'udevadm settle', 'true'))
    assert not all(map(named_in_time, range(12)))


def test_names_that_are_told_are_not_untold():
    told = 'link virtio-untold ../../vda\ndisk /dev/vdb 252:16 1 \n'
    assert [disk.link for disk in guest_facts.read_disks(told)[0]] == ['']
    assert [disk.link for disk in guest_facts.read_disks(
        'untold\n' + told)[0]] == [None]
