# SPDX-License-Identifier: Apache-2.0

"""How large file systems become on disks that are not quite what was asked.
"""

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_planning
from manila_drivers.testing.simulators.guest import disk
from tests.unit.generic import guest_world

GIB, MIB = disk.GIB, 1 << 20


@pytest.fixture
def house():
    return guest_world.House()


def made(house, gib, extra, fstype='ext4'):
    """Return a share on a disk that has more, or less, than its volume."""
    device = disk.BlockDevice(guest_world.ident('volume 1'), gib)
    device.extra = extra
    house.devices[1] = device
    house.vm.plug(device)
    return house.made(1, fstype=fstype)


@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
def test_a_disk_that_was_rounded_up_is_waited_for(house, fstype):
    """It has more than the two GiB of before, and not yet three."""
    served = made(house, 2, 100 * MIB, fstype)
    with pytest.raises(exception.Busy, match='not grown'):
        house.do(guest_planning.grow, served, 3)
    house.devices[1].resize(3)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB


@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
def test_an_encrypted_disk_is_a_little_smaller(house, fstype):
    served = made(house, 2, -16 * MIB, fstype)
    house.devices[1].resize(3)
    house.vm.resized(served.disk.volume_id)
    for _ in range(2):
        house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB - 16 * MIB


@pytest.mark.parametrize('fstype', ['ext4', 'xfs'])
def test_a_file_system_grows_to_the_size_of_its_share(house, fstype):
    """Not to that of its volume, which may be larger."""
    served = made(house, 2, 0, fstype)
    house.devices[1].resize(5)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB


@pytest.mark.parametrize(('fstype', 'name'), [
    ('ext4', 'resize2fs'), ('xfs', 'xfs_growfs')])
@pytest.mark.parametrize('grown', [0, MIB, GIB // 2])
def test_growth_that_falls_short_is_told(house, fstype, name, grown):
    """The program says that all went well."""
    served = made(house, 2, 0, fstype)
    house.devices[1].resize(3)
    house.vm.resized(served.disk.volume_id)
    commands = house.vm.programs._commands
    kept = commands[name]

    def short(words):
        before = house.devices[1].content.size
        done = kept(words)
        if house.devices[1].content.size > before:
            house.devices[1].content.size = before + grown
        return done
    commands[name] = short
    with pytest.raises(exception.BackendError, match='not grown'):
        house.do(guest_planning.grow, served, 3)
    commands[name] = kept
    house.do(guest_planning.grow, served, 3)
    assert house.devices[1].content.size == 3 * GIB


def copied(house, gib, most, fstype='ext4', used=0):
    """Make a copy of a share with ``gib`` a share of ``most`` GiB."""
    parent = house.made(1, gib, fstype=fstype)
    house.devices[1].content.ballast = used
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    clone = house.served(2, fstype=fstype)
    house.do(guest_planning.reidentify, clone, most)
    house.do(guest_planning.serve, clone)
    house.do(guest_planning.grow, clone, most)
    assert house.look().serves(parent)
    return house.devices[2].content


@pytest.mark.parametrize(('most', 'size'), [(1, 1), (2, 2), (3, 3)])
def test_a_copy_is_no_larger_than_its_share(house, most, size):
    assert copied(house, 3, most).size == size * GIB


def test_a_copy_that_holds_too_much_is_not_mounted(house):
    with pytest.raises(exception.PossibleDataLoss, match='share-2'):
        copied(house, 3, 1, used=3 * GIB // 2)
    assert house.look().mount(house.served(2).path) is None
    assert house.devices[2].content.size == 3 * GIB
    assert house.devices[2].content.uuid != house.served(2).ident


def test_a_copy_that_cannot_shrink_is_not_mounted(house):
    with pytest.raises(exception.Unsupported, match='larger than the share'):
        copied(house, 3, 1, 'xfs')
    assert [one.path for one in house.look().mounts
            if one.fstype == 'xfs'] == [house.served(1).path]
    assert house.devices[2].content.uuid != house.served(2).ident


def test_a_disk_that_is_rounded_up_is_no_larger_share(house):
    """The storage gives each volume more; nothing is moved for that."""
    made(house, 2, GIB)
    assert copied(house, 2, 2, used=5 * GIB // 2).size == 3 * GIB


@pytest.mark.parametrize('number', range(1, 6))
def test_a_copy_that_was_cut_off_goes_on(house, number):
    house.made(1, 3)
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    clone = house.served(2)
    house.cut(number)
    _, error = exception.caught(
        lambda: house.do(guest_planning.reidentify, clone, 1))
    house.vm.faults.disarm()
    for _ in range(2):
        house.do(guest_planning.reidentify, clone, 1)
    house.do(guest_planning.serve, clone)
    content = house.devices[2].content
    assert (content.uuid, content.size) == (clone.ident, GIB)
    if number == 1:
        assert isinstance(error, exception.OutcomeUnknown)
