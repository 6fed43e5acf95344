# SPDX-License-Identifier: Apache-2.0

"""The cloud with guests that have an inside: simulators.guest."""

import pytest

from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
from tests.unit.simulators.openstack.hand import Hand


@pytest.fixture
def sim(clock):
    return openstack.OpenStackSim(
        clock, make_disk=guest.BlockDevice,
        make_machine=lambda name, keys, bus: guest.Machine(
            name, keys=keys, bus=bus, clock=clock, sleep=clock.advance))


@pytest.fixture
def hand(sim, clock):
    return Hand(sim, clock)


def run(machine, *words):
    result = machine.execute(list(words))
    assert result.status == 0, result
    return result.stdout


def disks(machine, clock):
    """Name of the device by serial number."""
    clock.advance(10)
    lines = run(machine, 'lsblk', '-rbdno', 'NAME,SERIAL').splitlines()
    pairs = [line.split() for line in lines]
    return {pair[1]: f'/dev/{pair[0]}' for pair in pairs if len(pair) == 2}


def serials(machine, clock):
    return set(disks(machine, clock))


@pytest.fixture
def attached(hand, sim):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    return server, volume, sim.machine(server)


def test_a_disk_is_seen_by_its_serial_until_it_is_detached(hand, attached,
                                                           clock):
    server, volume, machine = attached
    assert serials(machine, clock) == {volume[:20]}
    hand.ask('DELETE',
             f'compute/servers/{server}/os-volume_attachments/{volume}')
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'available')
    assert serials(machine, clock) == set()


def test_a_clone_has_the_file_system_of_its_volume(hand, sim, attached,
                                                   clock):
    _, volume, machine = attached
    run(machine, 'mkfs.ext4', '-q', '-U',
        '11111111-2222-4333-8444-555555555555',
        disks(machine, clock)[volume[:20]])
    ident = hand.make('volume/snapshots', 'snapshot', volume_id=volume)['id']
    hand.states(f'volume/snapshots/{ident}', 'snapshot.status', 'available')
    clone = hand.volume(2, snapshot_id=ident)
    assert sim.disk(clone).content.uuid == sim.disk(volume).content.uuid
    assert sim.disk(clone).content is not sim.disk(volume).content
    assert (sim.disk(clone).gib, sim.disk(volume).gib) == (2, 1)


def test_a_disk_grows_in_the_guest_after_cinder_said_so(hand, attached,
                                                        clock):
    _, volume, machine = attached
    device = disks(machine, clock)[volume[:20]]
    hand.ask('POST', f'volume/volumes/{volume}/action',
             {'os-extend': {'new_size': 2}})
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'in-use')

    def size():
        return int(run(machine, 'blockdev', '--getsize64', device))
    assert size() == 2 ** 30
    for _ in range(100):
        clock.advance(0.2)
        hand.ask('GET', f'volume/volumes/{volume}')
        if size() == 2 ** 31:
            return
    raise AssertionError('the guest never saw it')


def test_a_guest_that_hangs_keeps_its_disk_until_it_goes_on(hand, attached,
                                                            clock):
    server, volume, machine = attached
    machine.freeze()
    hand.ask('DELETE',
             f'compute/servers/{server}/os-volume_attachments/{volume}')
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['detaching', 'in-use']
    machine.unfreeze()
    assert hand.get(f'volume/volumes/{volume}', 'volume.status') == 'in-use'
    assert serials(machine, clock) == set()


def test_off_and_on_again_with_a_disk_that_came_meanwhile(hand, attached,
                                                          clock):
    server, volume, machine = attached
    hand.ask('POST', f'compute/servers/{server}/action', {'os-stop': None})
    hand.states(f'compute/servers/{server}', 'server.status', 'SHUTOFF')
    other = hand.volume()
    hand.attach(server, other)
    hand.ask('POST', f'compute/servers/{server}/action', {'os-start': None})
    hand.states(f'compute/servers/{server}', 'server.status', 'ACTIVE')
    assert serials(machine, clock) == {volume[:20], other[:20]}


def test_a_reboot_helps_a_guest_that_hangs(hand, attached, clock):
    server, volume, machine = attached
    machine.freeze()
    hand.ask('POST', f'compute/servers/{server}/action',
             {'reboot': {'type': 'HARD'}})
    hand.states(f'compute/servers/{server}', 'server.status', 'ACTIVE')
    assert serials(machine, clock) == {volume[:20]}
