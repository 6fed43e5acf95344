# SPDX-License-Identifier: Apache-2.0

"""Rights of administrators and owners, in every service."""

import pytest


@pytest.fixture
def plain(sim):
    sim.add_user('plain', 'service', 'member')
    return 'plain'


def refusal(answer):
    status, body = answer
    return status, next(iter(body))


@pytest.mark.parametrize(('verb', 'path', 'body'), [
    ('POST', 'compute/flavors', {'flavor': {'name': 'x', 'ram': 1,
                                            'vcpus': 1, 'disk': 1}}),
    ('PUT', 'compute/os-quota-sets/$demo', {'quota_set': {'cores': 1}}),
    ('GET', 'compute/os-quota-sets/$demo', None),
    ('DELETE', 'compute/os-quota-sets/$demo', None),
    ('GET', 'compute/os-keypairs?user_id=somebody', None),
    ('POST', 'compute/servers/$server/action',
     {'os-resetState': {'state': 'error'}}),
    ('POST', 'volume/types', {'volume_type': {'name': 'x'}}),
    ('PUT', 'volume/os-quota-sets/$mine', {'quota_set': {'volumes': 1}}),
    ('GET', 'volume/os-quota-sets/$demo', None),
    ('POST', 'volume/snapshots/$snapshot/action',
     {'os-reset_status': {'status': 'error'}})])
def test_nova_and_cinder_say_which_rule(hand, sim, plain, verb, path, body):
    volume = hand.volume()
    things = {
        'demo': sim.keystone.project('demo').id,
        'mine': sim.keystone.project('service').id,
        'server': hand.server(networks='none'),
        'snapshot': hand.make('volume/snapshots', 'snapshot',
                              volume_id=volume)['id']}
    for name, ident in things.items():
        path = path.replace(f'${name}', ident)
    status, told = hand.ask(verb, path, body, user=plain)
    assert (status, list(told)) == (403, ['forbidden'])
    assert "Policy doesn't allow" in told['forbidden']['message']
    assert hand.ask(verb, path, body)[0] < 300


@pytest.mark.parametrize(('verb', 'path', 'body', 'status'), [
    ('POST', 'networks', {'network': {'name': 'x', 'shared': True}}, 403),
    ('POST', 'networks', {'network': {
        'name': 'x', 'provider:network_type': 'flat'}}, 403),
    ('POST', 'ports', {'port': {'network_id': '$all', 'device_owner':
                                'network:dhcp'}}, 403),
    ('PUT', 'ports/$port', {'port': {'binding:host_id': 'x'}}, 403),
    ('PUT', 'quotas/$mine', {'quota': {'port': 1}}, 403),
    ('GET', 'quotas/$demo', None, 403),
    ('GET', 'networks/$theirs', None, 404),
    ('DELETE', 'networks/$theirs', None, 404),
    ('DELETE', 'routers/$router', None, 404)])
def test_neutron_says_it_in_its_own_way(hand, sim, plain, verb, path, body,
                                        status):
    network, _ = hand.network()
    shared = hand.make('network/networks', 'network', name='all', shared=True,
                       project_id=sim.keystone.project('demo').id)
    things = {'net': network, 'all': shared['id'],
              'port': hand.port(network_id=network)['id'],
              'mine': sim.keystone.project('service').id,
              'demo': sim.keystone.project('demo').id,
              'theirs': sim.tenant.network_id,
              'router': sim.tenant.router_id}
    for name, ident in things.items():
        path = path.replace(f'${name}', ident)
        if body and 'port' in body:
            body['port'] = {key: ident if value == f'${name}' else value
                            for key, value in body['port'].items()}
    told = hand.ask(verb, f'network/{path}', body, user=plain)
    assert refusal(told) == (status, 'NeutronError')


def test_a_shared_network_is_seen_and_not_deleted(hand, sim, plain):
    network = hand.make('network/networks', 'network', name='all',
                        shared=True, project_id=sim.keystone.project(
                            'demo').id)['id']
    assert hand.get(f'network/networks/{network}', 'network.shared',
                    user=plain) is True
    status, body = hand.ask('DELETE', f'network/networks/{network}',
                            user=plain)
    assert (status, body['NeutronError']['type']) == (
        403, 'PolicyNotAuthorized')
    # Port security is for its owner to give up.
    hand.make('network/subnets', 'subnet', network_id=network,
              cidr='10.5.0.0/24', ip_version=4)
    assert hand.ask('POST', 'network/ports', {'port': {
        'network_id': network, 'port_security_enabled': False}},
        user=plain)[0] == 403


def test_images_are_public_shared_or_somebodys(hand, sim, plain):
    sim.add_image('hidden', visibility='private')
    assert hand.get('image/images?name=hidden', 'images', user=plain) == []
    assert len(hand.get('image/images?name=hidden', 'images')) == 1
    assert hand.ask('POST', 'image/images', {
        'name': 'x', 'visibility': 'public'}, user=plain)[0] == 403
    status, made = hand.ask('POST', 'image/images', {'name': 'x'},
                            user=plain)
    assert (status, made['status']) == (201, 'queued')
    path = f'image/images/{made["id"]}'
    # One that is not there yet is not booted from.
    told = hand.ask('POST', 'compute/servers', {'server': {
        'name': 's', 'flavorRef': '100', 'imageRef': made['id'],
        'networks': 'none'}})
    assert told == (400, {'badRequest': {
        'code': 400, 'message': f'Image {made["id"]} is not active.'}})
    assert hand.ask('PUT', f'{path}/file', {'some': 'bytes'},
                    user=plain)[0] == 204
    assert hand.get(path, 'status', user=plain) == 'active'
    assert hand.ask('PUT', f'{path}/file', {}, user=plain)[0] == 409
    assert hand.ask('DELETE', f'image/images/{hand.image()}',
                    user=plain)[0] == 403
    assert hand.ask('DELETE', path, user=plain)[0] == 204
    assert hand.ask('GET', path, user=plain)[0] == 404


def test_groups_of_a_server_follow_its_ports(hand):
    server = hand.server()
    group = hand.make('network/security-groups', 'security_group',
                      name='late')['id']
    path = f'compute/servers/{server}'
    for _ in range(2):
        assert hand.ask('POST', f'{path}/action', {
            'addSecurityGroup': {'name': 'late'}})[0] == 202
    assert [each['name'] for each in hand.get(
        path, 'server.security_groups')] == ['default', 'late']
    assert {each['id'] for each in hand.get(
        f'{path}/os-security-groups', 'security_groups')} > {group}
    assert hand.ask('POST', f'{path}/action', {
        'removeSecurityGroup': {'name': group}})[0] == 202
    assert hand.ask('POST', f'{path}/action', {
        'removeSecurityGroup': {'name': group}})[0] == 404
    hand.make('network/security-groups', 'security_group', name='late')
    assert hand.ask('POST', f'{path}/action', {
        'addSecurityGroup': {'name': 'late'}})[0] == 409


def test_a_type_is_told_its_backend(hand):
    kind = hand.make('volume/types', 'volume_type', name='files')
    assert hand.ask('POST', 'volume/types',
                    {'volume_type': {'name': 'files'}})[0] == 409
    assert hand.ask('POST', f'volume/types/{kind["id"]}/extra_specs', {
        'extra_specs': {'volume_backend_name': 'nfs1'}})[0] == 200
    assert 'files' in {each['name'] for each in hand.get(
        'volume/types', 'volume_types')}
    server, volume = hand.server(), hand.volume(volume_type=kind['id'])
    hand.attach(server, volume)
    hand.ask('POST', f'volume/volumes/{volume}/action',
             {'os-extend': {'new_size': 2}})
    hand.states(f'volume/volumes/{volume}', 'volume.status',
                'error_extending')


def test_what_can_be_renamed(hand):
    server, volume = hand.server(networks='none'), hand.volume()
    snapshot = hand.make('volume/snapshots', 'snapshot',
                         volume_id=volume)['id']
    group = hand.make('network/security-groups', 'security_group', name='g')
    router = hand.make('network/routers', 'router', name='r')
    network, subnet = hand.network()
    for path, kind in ((f'compute/servers/{server}', 'server'),
                       (f'volume/volumes/{volume}', 'volume'),
                       (f'volume/snapshots/{snapshot}', 'snapshot'),
                       (f'network/networks/{network}', 'network'),
                       (f'network/subnets/{subnet}', 'subnet'),
                       (f'network/routers/{router["id"]}', 'router'),
                       (f'network/security-groups/{group["id"]}',
                        'security_group')):
        status, told = hand.ask('PUT', path, {kind: {'name': 'new'}})
        assert (status, told[kind]['name']) == (200, 'new'), path
        assert hand.get(path, f'{kind}.name') == 'new'
    for path, body in (
            (f'compute/servers/{server}/metadata', {'metadata': {'a': 'b'}}),
            (f'volume/volumes/{volume}/metadata', {'metadata': {'a': 'b'}})):
        assert hand.ask('POST', path, body)[1] == {'metadata': {'a': 'b'}}


def test_what_a_row_is_cannot_be_changed(hand):
    network, subnet = hand.network()
    status, body = hand.ask('PUT', f'network/subnets/{subnet}', {
        'subnet': {'cidr': '10.0.0.0/8'}})
    assert (status, body['NeutronError']['message']) == (
        400, 'Cannot update read-only attribute cidr')
    assert hand.get(f'network/networks/{network}', 'network.subnets') == [
        subnet]


def test_a_volume_of_a_volume(hand):
    source = hand.volume(2)
    clone = hand.volume(3, source_volid=source)
    assert hand.get(f'volume/volumes/{clone}',
                    'volume.source_volid') == source
    assert hand.ask('POST', 'volume/volumes', {'volume': {
        'size': 1, 'source_volid': source}})[0] == 400
    young = hand.make('volume/volumes', 'volume', size=1)['id']
    assert hand.ask('POST', 'volume/volumes', {'volume': {
        'source_volid': young}})[0] == 400
    snapshot = hand.make('volume/snapshots', 'snapshot',
                         volume_id=source)['id']
    assert hand.ask('POST', 'volume/volumes', {'volume': {
        'snapshot_id': snapshot}})[0] == 400
    assert hand.ask('DELETE', f'volume/snapshots/{snapshot}')[0] == 400


def test_flavors_and_quotas_are_told(hand, sim):
    assert [each['id'] for each in hand.get('compute/flavors',
                                            'flavors')] == ['100']
    made = hand.make('compute/flavors', 'flavor', name='big', ram=1024,
                     vcpus=2, disk=10, id='big')
    assert made['ram'] == 1024
    assert hand.ask('POST', 'compute/flavors', {'flavor': {
        'name': 'big', 'ram': 1, 'vcpus': 1, 'disk': 1, 'id': 'big'}}
        )[0] == 409
    assert len(hand.get('compute/flavors/detail', 'flavors')) == 2
    assert hand.ask('GET', 'compute/flavors/nope')[0] == 404
    project = sim.keystone.project('service').id
    for path, key, kind in (('compute/os-quota-sets', 'quota_set', 'cores'),
                            ('volume/os-quota-sets', 'quota_set', 'volumes'),
                            ('network/quotas', 'quota', 'port')):
        assert hand.get(f'{path}/{project}', f'{key}.{kind}') > 0
