# SPDX-License-Identifier: Apache-2.0

"""Nova: how servers come, go and fail."""

import base64

import pytest

from tests.unit.simulators.openstack.hand import PUBLIC_KEY


def path(server):
    return f'compute/servers/{server}'


def test_a_server_is_built_step_by_step(hand):
    server = hand.server(wait=False, key_name=None)
    tasks = hand.states(path(server), 'server.OS-EXT-STS:task_state',
                        'spawning')
    assert tasks == ['scheduling', None, 'networking', 'spawning']
    assert hand.states(path(server), 'server.status', 'ACTIVE') == [
        'BUILD', 'ACTIVE']
    assert [line['action'] for line in hand.lines(server)] == ['create']


def test_what_is_not_known_while_it_is_built_is_absent(hand):
    server = hand.server(wait=False)
    told = hand.get(path(server), 'server')
    assert told['addresses'] == {}
    assert 'security_groups' not in told and 'fault' not in told
    hand.states(path(server), 'server.status', 'ACTIVE')
    told = hand.get(path(server), 'server')
    assert [each['addr'] for each in told['addresses']['service']] == [
        hand.get('network/ports?device_owner=compute:nova',
                 'ports.0.fixed_ips.0.ip_address')]
    assert told['security_groups'] == [{'name': 'default'}]


def test_its_ports_are_taken_and_left_without_an_owner(hand):
    port = hand.port()
    server = hand.server(networks=[{'port': port['id']}])
    told = hand.get(f'network/ports/{port["id"]}', 'port')
    assert (told['device_id'], told['device_owner'],
            told['binding:host_id']) == (server, 'compute:nova', 'compute-1')
    assert hand.ask('DELETE', path(server)) == (204, None)
    assert hand.states(path(server), 'server.status', 'gone') == [
        'ACTIVE', 'gone']
    told = hand.get(f'network/ports/{port["id"]}', 'port')
    assert (told['device_id'], told['device_owner'],
            told['binding:host_id']) == ('', '', '')


def test_ports_that_nova_made_go_with_the_server(hand, sim):
    network, _ = hand.network()
    before = sim.inventory()
    server = hand.server(networks=[{'uuid': network}])
    assert len(sim.left(before)) == 2
    hand.ask('DELETE', path(server))
    hand.states(path(server), 'server.status', 'gone')
    assert sim.left(before) == []


def test_a_failed_build_says_nothing_and_costs_the_owner(hand, sim):
    sim.spoil('build')
    port = hand.port()
    server = hand.server(wait=False, networks=[{'port': port['id']}])
    assert hand.states(path(server), 'server.status', 'ERROR') == [
        'BUILD', 'ERROR']
    told = hand.get(path(server), 'server')
    assert told['fault']['message'].startswith(
        'Exceeded maximum number of retries. Exhausted all hosts')
    assert hand.get(f'network/ports/{port["id"]}', 'port.device_owner') == ''
    assert hand.lines(server)[0]['message'] == 'Error'
    assert hand.ask('DELETE', path(server))[0] == 204
    hand.states(path(server), 'server.status', 'gone')
    # The next one is built.
    hand.server(networks=[{'port': port['id']}])


def test_details_of_a_fault_are_for_administrators(hand, sim):
    sim.spoil('build')
    sim.add_user('plain', 'service', 'member')
    server = hand.server(wait=False)
    hand.states(path(server), 'server.status', 'ERROR')
    assert 'details' in hand.get(path(server), 'server.fault')
    assert 'details' not in hand.get(path(server), 'server.fault',
                                     user='plain')
    assert 'OS-EXT-SRV-ATTR:host' not in hand.get(path(server), 'server',
                                                  user='plain')


def test_a_port_of_another_project_fails_the_build(hand, sim):
    project = sim.keystone.project('demo').id
    network, _ = hand.network()
    port = hand.port(network_id=network, project_id=project)
    server = hand.server(wait=False, networks=[{'port': port['id']}])
    hand.states(path(server), 'server.status', 'ERROR')


def test_a_port_in_use_is_refused_at_once(hand):
    port = hand.port()
    hand.server(networks=[{'port': port['id']}])
    status, body = hand.ask('POST', 'compute/servers', {'server': {
        'name': 'x', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': [{'port': port['id']}]}})
    assert (status, body['conflictingRequest']['message']) == (
        409, f'Port {port["id"]} is still in use.')


def test_a_server_in_error_while_it_is_deleted(hand, sim):
    sim.spoil('delete_server')
    server = hand.server()
    hand.ask('DELETE', path(server))
    assert hand.states(path(server), 'server.status', 'ERROR') == [
        'ACTIVE', 'ERROR']
    hand.ask('DELETE', path(server))
    hand.states(path(server), 'server.status', 'gone')


def test_deleted_softly_it_stays(hand, sim):
    sim.options.soft_delete = True
    server = hand.server()
    hand.ask('DELETE', path(server))
    hand.states(path(server), 'server.status', 'SOFT_DELETED')
    hand.ask('POST', path(server) + '/action', {'forceDelete': None})
    hand.states(path(server), 'server.status', 'gone')


# Names, lists

def test_the_filter_of_names_is_a_pattern(hand):
    for name in ('generic1_a', 'generic1_a2', 'other'):
        hand.server(name=name, wait=False, networks='none')
    for pattern, names in (('generic1_a', {'generic1_a', 'generic1_a2'}),
                           ('^generic1_a%24', {'generic1_a'}),
                           ('g.n', {'generic1_a', 'generic1_a2'}),
                           ('nothing', set())):
        told = hand.get(f'compute/servers?name={pattern}', 'servers')
        assert {each['name'] for each in told} == names
    assert hand.ask('GET', 'compute/servers?name=(')[0] == 400


def test_other_projects_are_seen_when_asked_for(hand, sim):
    sim.ask('POST', '/compute/v2.1/servers', {'server': {
        'name': 'theirs', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': 'none'}}, user='demo')
    assert hand.get('compute/servers?name=theirs', 'servers') == []
    assert len(hand.get('compute/servers?name=theirs&all_tenants=1',
                        'servers')) == 1


# Power

def action(hand, server, **body):
    return hand.ask('POST', path(server) + '/action', body)[0]


def test_reboots(hand):
    server = hand.server()
    assert action(hand, server, reboot={'type': 'SOFT'}) == 202
    assert action(hand, server, reboot={'type': 'HARD'}) == 409
    assert hand.states(path(server), 'server.status', 'ACTIVE') == [
        'REBOOT', 'ACTIVE']
    assert action(hand, server, reboot={'type': 'HARD'}) == 202
    assert hand.states(path(server), 'server.status', 'ACTIVE') == [
        'HARD_REBOOT', 'ACTIVE']


def test_a_reboot_that_fails(hand, sim):
    server = hand.server()
    sim.spoil('reboot')
    action(hand, server, reboot={'type': 'HARD'})
    hand.states(path(server), 'server.status', 'ERROR')
    assert action(hand, server, reboot={'type': 'SOFT'}) == 409
    assert action(hand, server, reboot={'type': 'HARD'}) == 202
    hand.states(path(server), 'server.status', 'ACTIVE')


def test_nova_sees_late_that_a_guest_was_killed(hand, sim, clock):
    server = hand.server()
    clock.advance(60)
    assert sim.machine_at(hand.address(server)) is sim.machine(server)
    sim.kill(server)
    assert sim.machine_at(hand.address(server)) is None
    start = clock()
    assert hand.states(path(server), 'server.status', 'SHUTOFF') == [
        'ACTIVE', 'SHUTOFF']
    assert clock() - start == pytest.approx(15.5, abs=0.2)


def test_a_guest_answers_only_after_it_has_booted(hand, sim, clock):
    server = hand.server()
    address = hand.address(server)
    assert sim.machine_at(address) is None
    clock.advance(sim.options.boot)
    assert sim.machine_at(address) is sim.machine(server)
    action(hand, server, **{'os-stop': None})
    hand.states(path(server), 'server.status', 'SHUTOFF')
    assert sim.machine_at(address) is None


# Boot from volume

def test_boot_from_a_new_volume(hand, sim):
    before = sim.inventory()
    network, _ = hand.network()
    device = {'boot_index': 0, 'uuid': hand.image(), 'source_type': 'image',
              'destination_type': 'volume', 'volume_size': 10,
              'delete_on_termination': True}
    server = hand.server(imageRef='', block_device_mapping_v2=[device],
                         networks=[{'uuid': network}])
    told = hand.get(path(server), 'server')
    assert told['image'] == ''
    root = told['os-extended-volumes:volumes_attached'][0]['id']
    assert hand.get(f'volume/volumes/{root}', 'volume.size') == 10
    assert hand.ask('DELETE', f'{path(server)}/os-volume_attachments/{root}'
                    )[0] == 403
    hand.ask('DELETE', path(server))
    hand.states(path(server), 'server.status', 'gone')
    hand.states(f'volume/volumes/{root}', 'volume.status', 'gone')
    assert {thing[1] for thing in sim.left(before)} == {'network', 'subnet'}


def test_boot_from_a_volume_that_stays(hand):
    volume = hand.volume()
    device = {'boot_index': 0, 'uuid': volume, 'source_type': 'volume',
              'destination_type': 'volume', 'delete_on_termination': False}
    fields = {'name': 'x', 'flavorRef': '100', 'imageRef': '',
              'networks': 'none', 'block_device_mapping_v2': [device]}
    status, body = hand.ask('POST', 'compute/servers', {'server': fields})
    assert (status, body['badRequest']['message']) == (
        400, f'Block Device {volume} is not bootable.')
    hand.ask('POST', f'volume/volumes/{volume}/action',
             {'os-set_bootable': {'bootable': True}})
    server = hand.server(imageRef='', networks='none',
                         block_device_mapping_v2=[device])
    assert hand.get(f'volume/volumes/{volume}', 'volume.status') == 'in-use'
    hand.ask('DELETE', path(server))
    hand.states(path(server), 'server.status', 'gone')
    assert hand.get(f'volume/volumes/{volume}',
                    'volume.status') == 'available'


def test_no_room_for_the_boot_volume_is_a_failed_build(hand):
    device = {'boot_index': 0, 'uuid': hand.image(), 'source_type': 'image',
              'destination_type': 'volume', 'volume_size': 5000,
              'delete_on_termination': True}
    server = hand.server(imageRef='', wait=False, networks='none',
                         block_device_mapping_v2=[device])
    hand.states(path(server), 'server.status', 'ERROR')


# Keys, quotas, requests

def test_keys_belong_to_a_user(hand, sim):
    hand.make('compute/os-keypairs', 'keypair', name='k', type='ssh',
              public_key=PUBLIC_KEY)
    sim.add_user('other', 'service', 'admin')
    assert hand.ask('GET', 'compute/os-keypairs/k', user='other')[0] == 404
    assert hand.get('compute/os-keypairs', 'keypairs', user='other') == []
    mine = hand.get('compute/os-keypairs/k', 'keypair')
    assert mine['public_key'] == PUBLIC_KEY
    assert hand.get(f'compute/os-keypairs/k?user_id={sim.user_id}',
                    'keypair.name', user='other') == 'k'
    server = hand.server(key_name='k')
    assert sim.machine(server).keys == (PUBLIC_KEY,)
    assert hand.ask('DELETE', 'compute/os-keypairs/k')[0] == 204


def test_quotas(hand, sim):
    project = sim.keystone.project('service').id
    hand.ask('PUT', f'compute/os-quota-sets/{project}',
             {'quota_set': {'cores': 1}})
    hand.server(networks='none', wait=False)
    status, body = hand.ask('POST', 'compute/servers', {'server': {
        'name': 'x', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': 'none'}})
    assert (status, body['forbidden']['message']) == (
        403, ('Quota exceeded for cores: Requested 1, but already used 1 of '
              '1 cores'))
    assert hand.get('compute/limits', 'limits.absolute.totalCoresUsed') == 1


@pytest.mark.parametrize(('version', 'fields', 'text'), [
    ('2.73', {'host': 'compute-1'}, "('host' was unexpected)"),
    ('2.79', {'colour': 'red'}, "('colour' was unexpected)"),
    ('2.79', {'user_data': 'abc'}, 'user_data'),
    ('2.79', {'name': ' '}, 'name'),
    ('2.79', {'host': 'elsewhere'}, 'elsewhere could not be found'),
    ('2.66', {'block_device_mapping_v2': [{
        'boot_index': 0, 'uuid': 'x', 'source_type': 'image',
        'destination_type': 'volume', 'volume_size': 1,
        'volume_type': 'ceph1'}]}, "('volume_type' was unexpected)")])
def test_what_nova_does_not_take(hand, version, fields, text):
    status, body = hand.ask('POST', 'compute/servers', {'server': {
        'name': 'x', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': 'none', **fields}}, version=version)
    assert status == 400
    assert text in body['badRequest']['message']


def test_user_data_in_base64_is_taken(hand):
    hand.server(networks='none', wait=False,
                user_data=base64.b64encode(b'#cloud-config').decode())


@pytest.mark.parametrize(('version', 'there', 'absent'), [
    ('2.1', ['name'], ['description', 'locked', 'tags', 'server_groups']),
    ('2.79', ['locked_reason', 'server_groups'], ['scheduler_hints']),
    ('latest', ['pinned_availability_zone'], [])])
def test_fields_come_with_versions(hand, version, there, absent):
    server = hand.server(networks='none')
    told = hand.get(path(server), 'server', version=version)
    assert set(there) <= set(told) and not set(absent) & set(told)
    assert ('id' in told['flavor']) == (version == '2.1')


def test_a_cell_that_is_down_knows_no_names(hand, sim):
    server = hand.server(name='vm', networks='none')
    sim.options.cell_down = True
    told = hand.get(path(server), 'server')
    assert told['status'] == 'UNKNOWN' and 'flavor' in told
    assert not {'name', 'addresses', 'OS-EXT-STS:task_state'} & set(told)
    for each in ('compute/servers', 'compute/servers/detail'):
        assert [set(one) for one in hand.get(each, 'servers')] == [
            {'id', 'tenant_id', 'created', 'status', 'links'}]
        assert hand.get(each, 'servers', version='2.68') == []
    assert hand.ask('GET', path(server), version='2.68')[0] == 500


def test_the_list_of_actions_has_pages_as_well(hand):
    server = hand.server(networks='none')
    action(hand, server, **{'os-stop': None})
    where = f'{path(server)}/os-instance-actions'
    body = hand.get(f'{where}?limit=1')
    assert [line['action'] for line in body['instanceActions']] == ['stop']
    query = body['links'][0]['href'].partition('?')[2]
    body = hand.get(f'{where}?{query}')
    assert [line['action'] for line in body['instanceActions']] == ['create']
    assert 'links' not in body
    assert 'updated_at' not in hand.get(
        where, 'instanceActions.0', version='2.57')


def test_a_quota_is_not_set_below_what_is_used(hand, sim):
    project = sim.keystone.project('service').id
    hand.server(networks='none', wait=False)
    status, body = hand.ask('PUT', f'compute/os-quota-sets/{project}',
                            {'quota_set': {'instances': 0}})
    assert (status, body['badRequest']['message']) == (
        400, ('Quota limit 0 for instances must be greater than or equal to '
              'already used and reserved 1.'))


def test_without_networks_there_must_be_one(hand, sim):
    status, body = hand.ask('POST', 'compute/servers', {'server': {
        'name': 'x', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': []}})
    # There is none at all, so it has none.
    assert status == 202
    network, _ = hand.network()
    server = hand.server(networks=[])
    assert hand.get(f'network/ports?device_id={server}',
                    'ports.0.network_id') == network
    hand.network('10.253.0.0/28')
    status, body = hand.ask('POST', 'compute/servers', {'server': {
        'name': 'x', 'flavorRef': '100', 'imageRef': hand.image(),
        'networks': []}})
    assert (status, body['conflictingRequest']['message']) == (
        409, ('Multiple possible networks found, use a Network ID to be more '
              'specific.'))
