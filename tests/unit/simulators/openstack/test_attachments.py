# SPDX-License-Identifier: Apache-2.0

"""Nova and Cinder together: attached, grown, detached, or not."""

import pytest

from tests.unit.simulators.openstack.hand import PUBLIC_KEY


def status(hand, volume):
    return hand.get(f'volume/volumes/{volume}', 'volume.status')


def detach(hand, server, volume):
    told = hand.ask(
        'DELETE', f'compute/servers/{server}/os-volume_attachments/{volume}')
    assert told == (202, None)


def grow(hand, volume, size):
    told = hand.ask('POST', f'volume/volumes/{volume}/action',
                    {'os-extend': {'new_size': size}})
    assert told == (202, None)


def test_the_disk_is_in_the_guest_while_the_volume_is_in_use(hand, sim):
    server, volume = hand.server(), hand.volume()
    assert volume not in sim.machine(server).disks
    assert hand.attach(server, volume) == ['reserved', 'attaching', 'in-use']
    assert sim.machine(server).disks[volume] is sim.disk(volume)
    told = hand.get(f'volume/volumes/{volume}', 'volume.attachments')
    assert [(each['server_id'], each['device']) for each in told] == [
        (server, '/dev/vdb')]
    detach(hand, server, volume)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'available') == ['detaching', 'available']
    assert volume not in sim.machine(server).disks


def test_it_is_listed_before_it_is_attached(hand):
    server, volume = hand.server(), hand.volume()
    base = f'compute/servers/{server}/os-volume_attachments'
    hand.ask('POST', base, {'volumeAttachment': {'volumeId': volume}},
             version='2.79')
    assert hand.get(base, 'volumeAttachments.0.volumeId') == volume
    assert hand.get(f'volume/volumes/{volume}', 'volume.attachments') == []


def test_from_2_101_on_nothing_has_happened_yet(hand):
    server, volume = hand.server(), hand.volume()
    hand.ask('POST', f'compute/servers/{server}/os-volume_attachments',
             {'volumeAttachment': {'volumeId': volume}}, version='2.101')
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['available', 'reserved', 'attaching',
                                     'in-use']


def test_an_attachment_fails_without_a_word(hand, sim):
    server, volume = hand.server(), hand.volume()
    sim.spoil('attach', name=volume)
    assert hand.attach(server, volume) == ['reserved', 'available']
    assert hand.lines(server)[0]['message'] == 'Error'
    assert hand.get(f'compute/servers/{server}/os-volume_attachments',
                    'volumeAttachments') == []
    assert hand.get(f'compute/servers/{server}', 'server.status') == 'ACTIVE'
    # The next one succeeds.
    assert hand.attach(server, volume)[-1] == 'in-use'


def test_two_network_cards_leave_room_for_a_disk_less(hand, sim):
    project = sim.keystone.project('service').id
    hand.ask('PUT', f'volume/os-quota-sets/{project}',
             {'quota_set': {'volumes': 100}})
    network, _ = hand.network()
    ports = [hand.port(network_id=network)['id'] for _ in range(2)]
    server = hand.server(networks=[{'port': port} for port in ports])
    ends = [hand.attach(server, hand.volume())[-1] for _ in range(26)]
    assert ends == ['in-use'] * 25 + ['available']


def test_scsi_has_no_such_limit(hand, sim):
    sim.options.disk_slots = 3
    sim.add_image('scsi', hw_disk_bus='scsi')
    server = hand.server(imageRef=hand.image('scsi'))
    for _ in range(3):
        assert hand.attach(server, hand.volume())[-1] == 'in-use'
    assert hand.get(f'compute/servers/{server}/os-volume_attachments',
                    'volumeAttachments.2.device') == '/dev/sdd'
    assert sim.machine(server).bus == 'scsi'


def test_a_limit_of_the_operator_is_told(hand, sim):
    sim.options.max_disks = 2
    server = hand.server()
    hand.attach(server, hand.volume())
    told, body = hand.ask(
        'POST', f'compute/servers/{server}/os-volume_attachments',
        {'volumeAttachment': {'volumeId': hand.volume()}})
    assert told == 403
    assert body['forbidden']['message'] == (
        'The maximum allowed number of disk devices (2) to attach to a '
        'single instance has been exceeded.')


def test_a_guest_that_hangs_keeps_its_disk_for_a_while(hand, sim, clock):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.machine(server).freeze()
    start = clock()
    detach(hand, server, volume)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['detaching', 'in-use']
    assert clock() - start == pytest.approx(201, abs=0.3)
    line = hand.lines(server)[0]
    assert (line['action'], line['message']) == ('detach_volume', 'Error')
    assert volume in sim.machine(server).disks
    # Now the disk goes, although everybody says that it is there.
    sim.machine(server).unfreeze()
    assert status(hand, volume) == 'in-use'
    assert volume not in sim.machine(server).disks
    assert status(hand, volume) == 'in-use'


def test_a_guest_that_goes_on_in_time_lets_go(hand, sim, clock):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.machine(server).freeze()
    detach(hand, server, volume)
    clock.advance(50)
    assert status(hand, volume) == 'detaching'
    sim.machine(server).unfreeze()
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'available',
                limit=25)
    assert volume not in sim.machine(server).disks


def test_a_guest_started_anew_has_the_disk_that_nova_knows(hand, sim, clock):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.machine(server).freeze()
    detach(hand, server, volume)
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'in-use')
    hand.ask('POST', f'compute/servers/{server}/action',
             {'reboot': {'type': 'HARD'}})
    hand.states(f'compute/servers/{server}', 'server.status', 'ACTIVE')
    assert status(hand, volume) == 'in-use'
    assert volume in sim.machine(server).disks


@pytest.mark.parametrize(('body', 'end', 'seconds'), [
    ({'os-stop': None}, 'SHUTOFF', 60),
    ({'reboot': {'type': 'SOFT'}}, 'ACTIVE', 120),
    ({'reboot': {'type': 'HARD'}}, 'ACTIVE', 2)])
def test_a_guest_that_hangs_is_waited_for(hand, sim, clock, body, end,
                                          seconds):
    server = hand.server()
    sim.machine(server).freeze()
    start = clock()
    hand.ask('POST', f'compute/servers/{server}/action', body)
    hand.states(f'compute/servers/{server}', 'server.status', end)
    hand.states(f'compute/servers/{server}', 'server.OS-EXT-STS:task_state',
                None)
    assert clock() - start == pytest.approx(seconds, abs=0.3)
    assert not sim.machine(server).hung


def test_a_stop_helps_with_a_guest_that_hangs(hand, sim):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.machine(server).freeze()
    hand.ask('POST', f'compute/servers/{server}/action', {'os-stop': None})
    hand.states(f'compute/servers/{server}', 'server.status', 'SHUTOFF')
    detach(hand, server, volume)
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'available',
                limit=1)


def test_a_detachment_that_fails(hand, sim):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.spoil('detach')
    detach(hand, server, volume)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['detaching', 'in-use']


@pytest.mark.parametrize('busy', ['create', 'deleted'])
def test_a_server_that_is_busy_refuses(hand, busy):
    volume = hand.volume()
    server = hand.server(wait=busy == 'deleted')
    if busy == 'deleted':
        hand.ask('DELETE', f'compute/servers/{server}')
    told, body = hand.ask(
        'POST', f'compute/servers/{server}/os-volume_attachments',
        {'volumeAttachment': {'volumeId': volume}})
    assert told == 409
    assert body['conflictingRequest']['message'].startswith(
        f"Cannot 'attach_volume' instance {server} while it is in ")


def test_an_attached_volume_is_refused_wherever_it_is(hand):
    one, other, volume = hand.server(), hand.server(name='b'), hand.volume()
    hand.attach(one, volume)
    for server in (one, other):
        told, body = hand.ask(
            'POST', f'compute/servers/{server}/os-volume_attachments',
            {'volumeAttachment': {'volumeId': volume}})
        assert told == 400
        assert f'already attached to instances: {one}' in (
            body['badRequest']['message'])


# Growing

def test_the_guest_sees_a_new_size_after_cinder_told_it(hand, sim, clock):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    grow(hand, volume, 2)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['extending', 'in-use']
    assert hand.get(f'volume/volumes/{volume}', 'volume.size') == 2
    assert sim.machine(server).seen[volume] == 1
    assert hand.lines(server)[0]['action'] == 'extend_volume'
    clock.advance(sim.options.guest_resize)
    sim.inventory()
    assert sim.machine(server).seen[volume] == 2


def test_nfs_cannot_extend_what_is_attached(hand, sim):
    server, volume = hand.server(), hand.volume(volume_type='nfs1')
    hand.attach(server, volume)
    grow(hand, volume, 2)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'error_extending') == ['extending', 'error_extending']
    assert hand.get(f'volume/volumes/{volume}', 'volume.size') == 1
    told = hand.get(f'volume/messages?resource_uuid={volume}', 'messages')
    assert [each['user_message'] for each in told] == [
        'extend volume:Volume Driver failed to extend volume.']
    # Nothing else can be done with it in that state.
    assert hand.ask('POST', 'volume/snapshots', {'snapshot': {
        'volume_id': volume, 'name': 's'}})[0] == 400
    assert hand.ask('POST', f'volume/volumes/{volume}/action',
                    {'os-reset_status': {'status': 'in-use'}})[0] == 202
    detach(hand, server, volume)
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'available')
    grow(hand, volume, 2)
    hand.states(f'volume/volumes/{volume}', 'volume.size', 2)


def test_no_room_leaves_the_size_and_a_message(hand, sim):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    sim.options.pool_gib = 2
    grow(hand, volume, 3)
    assert hand.states(f'volume/volumes/{volume}', 'volume.status',
                       'in-use') == ['extending', 'in-use']
    assert hand.get(f'volume/volumes/{volume}', 'volume.size') == 1
    assert hand.get(f'volume/messages?resource_uuid={volume}',
                    'messages.0.user_message') == (
        'extend volume:Could not find any available weighted backend.')


def test_volumes_of_a_deleted_server_are_free(hand):
    server = hand.server()
    volumes = [hand.volume() for _ in range(3)]
    for volume in volumes:
        hand.attach(server, volume)
    hand.ask('DELETE', f'compute/servers/{server}')
    hand.states(f'compute/servers/{server}', 'server.status', 'gone')
    assert {status(hand, volume) for volume in volumes} == {'available'}


def test_a_server_deleted_while_it_attaches_frees_the_volume(hand):
    server, volume = hand.server(), hand.volume()
    hand.ask('POST', f'compute/servers/{server}/os-volume_attachments',
             {'volumeAttachment': {'volumeId': volume}}, version='2.79')
    hand.ask('DELETE', f'compute/servers/{server}')
    hand.states(f'compute/servers/{server}', 'server.status', 'gone')
    hand.states(f'volume/volumes/{volume}', 'volume.status', 'available')


def test_keys_of_nobody_reach_no_machine(hand, sim):
    hand.make('compute/os-keypairs', 'keypair', name='k',
              public_key=PUBLIC_KEY)
    assert sim.machine(hand.server()).keys == ()


def test_zones_may_have_to_be_the_same(hand, sim):
    sim.options.zones = ('nova', 'far')
    server, volume = hand.server(), hand.volume(availability_zone='far')
    sim.options.cross_az_attach = False
    told, body = hand.ask(
        'POST', f'compute/servers/{server}/os-volume_attachments',
        {'volumeAttachment': {'volumeId': volume}})
    assert told == 400
    assert body['badRequest']['message'].endswith(
        'Instance is in nova. Volume is in far')
    sim.options.cross_az_attach = True
    assert hand.attach(server, volume)[-1] == 'in-use'
