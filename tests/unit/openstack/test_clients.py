# SPDX-License-Identifier: Apache-2.0

"""The calls of the four clients, on a simulated cloud."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.openstack import compute as compute_client
from manila_drivers.openstack import errors
from manila_drivers.openstack import polling
from manila_drivers.openstack import records
from manila_drivers.testing.simulators import openstack

KEY = ('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCBRz9XL4lF'
       'phLzaVRgZqP root@vm')
NOBODY = '00000000-0000-0000-0000-000000000001'
Fault = openstack.Fault


def made_server(bench, clients, name='srv', **more):
    """Make a server with one port, and wait until it runs."""
    image = clients.images.images('manila-service-image')[0]
    network = clients.networks.create_network('net-' + name)
    subnet = clients.networks.create_subnet(
        network.id, cidr='10.9.0.0/24', name='sub-' + name)
    port = clients.networks.create_port(
        network.id, name='port-' + name,
        fixed_ips=[{'subnet_id': subnet.id}])
    made = clients.compute.create_server(
        name=name, flavor='100', image=image.id, ports=[port.id], **more)
    return polling.until(
        lambda: clients.compute.server(made.id),
        lambda each: each.status == 'ACTIVE', limit=300, what='The server',
        clock=bench.clock, sleep=bench.clock.sleep)


def made_volume(bench, clients, name='vol', status='available', **more):
    made = clients.volumes.create(name=name, **{'size': 1, **more})
    return reached(bench, clients, made.id, status)


def reached(bench, clients, ident, status):
    """Wait until a volume is in a status."""
    return polling.until(
        lambda: clients.volumes.volume(ident),
        lambda each: each.status == status, limit=300, what='The volume',
        clock=bench.clock, sleep=bench.clock.sleep)


# Nova

def test_a_server_from_its_beginning_to_its_end(bench, clients):
    clients.compute.create_keypair('k', KEY)
    server = made_server(bench, clients, key_name='k',
                         metadata={'manila_host': 'h'})
    [address] = server.addresses
    [port] = clients.networks.ports(device_id=server.id)
    assert (address.network, address.version, address.kind) == (
        'net-srv', 4, 'fixed')
    assert address.ip == port.fixed_ips[0].ip_address
    assert address.mac == port.mac_address
    assert server.volumes == () and server.key_name == 'k'
    assert server.metadata == {'manila_host': 'h'}
    clients.compute.delete_server(server.id)
    clients.compute.delete_server(server.id)
    bench.clock.sleep(60)
    with pytest.raises(exception.NotFound):
        clients.compute.server(server.id)
    clients.compute.delete_server(server.id)
    assert clients.networks.port(port.id).device_owner == ''


def test_servers_are_found_by_their_very_names_and_metadata(bench, clients):
    for name in ('a.b', 'axb', 'a.bc'):
        made_server(bench, clients, name, metadata={'n': name})
    named = clients.compute.servers
    assert [each.name for each in named('a.b')] == ['a.b']
    assert [each.name for each in named(metadata={'n': 'axb'})] == ['axb']
    assert named('a.b', {'n': 'axb'}) == []
    assert len(named()) == 3
    assert len(named(all_projects=True)) == 3


def test_all_projects_are_for_administrators(bench, clients):
    clients.volumes.create(name='a', size=1)
    auth = bench.sim.auth('demo', 'demo')
    member = bench.cloud(nova=auth, cinder=auth)
    with pytest.raises(exception.AccessDenied):
        member.compute.servers(all_projects=True)
    # Cinder leaves the others out without a word.
    assert member.volumes.list(all_projects=True) == []
    with pytest.raises(exception.AccessDenied):
        member.volumes.reset_status(
            member.volumes.create(name='b', size=1).id, 'error')


@pytest.mark.parametrize(('changes', 'words'), [
    ({'flavor': 'nope'}, 'Flavor nope could not be found'),
    ({'image': NOBODY}, 'image'), ({'ports': [NOBODY]}, 'Port'),
    ({'key_name': 'nope'}, 'key_name'), ({'zone': 'nope'}, 'zone')])
def test_what_a_server_refers_to_is_no_missing_server(
        bench, clients, changes, words):
    image = clients.images.images('manila-service-image')[0]
    network = clients.networks.create_network('n')
    clients.networks.create_subnet(network.id, cidr='10.9.0.0/24')
    port = clients.networks.create_port(network.id)
    with pytest.raises(errors.ServiceError, match=words) as info:
        clients.compute.create_server(**{
            'name': 'a', 'flavor': '100', 'image': image.id,
            'ports': [port.id], **changes})
    assert info.value.status == 400
    assert not isinstance(info.value, exception.NotFound)
    assert info.value.request_id.startswith('req-')


def test_a_server_boots_from_a_volume(bench, clients):
    image = clients.images.images('manila-service-image')[0]
    network = clients.networks.create_network('n')
    clients.networks.create_subnet(network.id, cidr='10.9.0.0/24')
    ports = [clients.networks.create_port(network.id).id]
    made = clients.compute.create_server(
        name='a', flavor='100', image=None, ports=ports,
        boot=records.BootVolume(image=image.id, size=3))
    bench.clock.sleep(60)
    server = clients.compute.server(made.id)
    assert server.status == 'ACTIVE'
    assert [clients.volumes.volume(each).size
            for each in server.volumes] == [3]


@pytest.mark.parametrize('boot', [
    records.BootVolume(), records.BootVolume(image='a', volume='b')])
def test_a_root_disk_has_one_source(clients, boot):
    with pytest.raises(exception.InvalidRequest):
        clients.compute.create_server(name='a', flavor='100', image=None,
                                      ports=(), boot=boot)


def test_a_volume_is_attached_and_detached(bench, clients):
    server = made_server(bench, clients)
    volume = made_volume(bench, clients)
    request = clients.compute.attach(server.id, volume.id)
    volume = reached(bench, clients, volume.id, 'in-use')
    assert [(each.volume_id, each.server_id)
            for each in clients.compute.attachments(server.id)] == [
                (volume.id, server.id)]
    assert [each.server_id for each in volume.attachments] == [server.id]
    with pytest.raises(errors.AlreadyAttached):
        clients.compute.attach(server.id, volume.id)
    action = clients.compute.actions(server.id)[0]
    assert (action.action, action.request_id, action.failed) == (
        'attach_volume', request, False)
    assert clients.compute.detach(server.id, volume.id)
    with pytest.raises(exception.Busy):
        clients.compute.detach(server.id, volume.id)
    reached(bench, clients, volume.id, 'available')
    with pytest.raises(errors.NotAttached) as info:
        clients.compute.detach(server.id, volume.id)
    assert not isinstance(info.value, exception.NotFound)


def test_from_2_101_on_an_attachment_is_answered_without_a_word(bench):
    clients = bench.cloud(nova={'api_microversion': '2.101'})
    server = made_server(bench, clients)
    volume = made_volume(bench, clients)
    assert clients.compute.attach(server.id, volume.id).startswith('req-')
    reached(bench, clients, volume.id, 'in-use')


def test_the_oldest_version_serves_too(bench):
    clients = bench.cloud(nova={'api_microversion': '2.1'})
    server = made_server(bench, clients)
    volume = made_volume(bench, clients)
    clients.compute.attach(server.id, volume.id)
    reached(bench, clients, volume.id, 'in-use')
    assert clients.compute.server(server.id).volumes == (volume.id,)
    assert clients.compute.actions(server.id)[0].action == 'attach_volume'
    assert clients.compute.keypairs() == []


def test_an_attachment_that_fails_is_told_by_the_actions(bench, clients):
    server = made_server(bench, clients)
    volume = made_volume(bench, clients)
    bench.sim.spoil('attach')
    request = clients.compute.attach(server.id, volume.id)
    bench.clock.sleep(60)
    assert clients.volumes.volume(volume.id).status == 'available'
    action = clients.compute.actions(server.id)[0]
    assert (action.request_id, action.failed) == (request, True)


@pytest.mark.parametrize('call', [
    lambda nova: nova.server(NOBODY), lambda nova: nova.attachments(NOBODY),
    lambda nova: nova.attach(NOBODY, NOBODY),
    lambda nova: nova.detach(NOBODY, NOBODY),
    lambda nova: nova.reboot(NOBODY), lambda nova: nova.start(NOBODY),
    lambda nova: nova.actions(NOBODY), lambda nova: nova.flavor('nope')])
def test_what_is_not_there_is_not_found(clients, call):
    with pytest.raises(exception.NotFound) as info:
        call(clients.compute)
    assert info.value.status == 404


def test_a_server_is_stopped_started_and_rebooted(bench, clients):
    server = made_server(bench, clients)
    clients.compute.reboot(server.id)
    bench.clock.sleep(60)
    clients.compute.stop(server.id)
    bench.clock.sleep(60)
    assert clients.compute.server(server.id).status == 'SHUTOFF'
    for refused in (clients.compute.reboot, clients.compute.stop):
        with pytest.raises(exception.Busy):
            refused(server.id)
    clients.compute.reboot(server.id, hard=True)
    bench.clock.sleep(60)
    assert clients.compute.server(server.id).status == 'ACTIVE'


def test_a_server_that_fails_says_as_much_as_nova_does(bench, clients):
    bench.sim.spoil('build')
    image = clients.images.images('manila-service-image')[0]
    network = clients.networks.create_network('n')
    clients.networks.create_subnet(network.id, cidr='10.9.0.0/24')
    made = clients.compute.create_server(
        name='a', flavor='100', image=image.id,
        ports=[clients.networks.create_port(network.id).id])
    assert made.status is None
    bench.clock.sleep(200)
    server = clients.compute.server(made.id)
    assert server.status == 'ERROR' and 'Exceeded' in server.fault


def test_key_pairs(clients):
    made = clients.compute.create_keypair('k', KEY)
    assert made.public_key.split()[:2] == KEY.split()[:2]
    with pytest.raises(exception.Conflict):
        clients.compute.create_keypair('k', KEY)
    assert clients.compute.keypair('k') == made
    assert [each.name for each in clients.compute.keypairs()] == ['k']
    clients.compute.delete_keypair('k')
    clients.compute.delete_keypair('k')
    assert clients.compute.keypair('k') is None


@pytest.mark.parametrize(('name', 'found'), [
    ('generic1_a-b', '^generic1_a-b$'), ('a.b (c)', '^a.b..c.$'),
    ('', '^$'), ('ä', '^.$')])
def test_the_pattern_of_a_name(name, found):
    assert compute_client.pattern(name) == found


# Cinder

def test_a_volume_from_its_beginning_to_its_end(bench, clients):
    volume = made_volume(bench, clients, metadata={'share': 's'},
                         description='d', zone='nova')
    assert (volume.size, volume.metadata, volume.zone, volume.bootable) == (
        1, {'share': 's'}, 'nova', False)
    assert clients.volumes.rename(volume.id, 'other').name == 'other'
    assert clients.volumes.extend(volume.id, 2).startswith('req-')
    bench.clock.sleep(60)
    snapshot = clients.volumes.create_snapshot(
        volume.id, name='snap', metadata={'k': 'v'}, description='d')
    bench.clock.sleep(60)
    snapshot = clients.volumes.snapshot(snapshot.id)
    assert (snapshot.size, snapshot.volume_id, snapshot.metadata) == (
        2, volume.id, {'k': 'v'})
    clone = made_volume(bench, clients, 'clone', size=3,
                        snapshot_id=snapshot.id)
    assert clone.snapshot_id == snapshot.id
    clients.volumes.revert(volume.id, snapshot.id)
    reached(bench, clients, volume.id, 'available')
    with pytest.raises(errors.ServiceError) as info:
        clients.volumes.delete(volume.id)
    assert info.value.status == 400
    for ident in (clone.id, volume.id):
        clients.volumes.delete(ident, cascade=True)
        bench.clock.sleep(60)
        clients.volumes.delete(ident)
        with pytest.raises(exception.NotFound):
            clients.volumes.volume(ident)
    clients.volumes.delete_snapshot(snapshot.id)


def test_volumes_are_found_by_their_very_names_and_metadata(bench, clients):
    for name in ('a', 'ab'):
        clients.volumes.create(name=name, size=1, metadata={'n': name})
    found = clients.volumes.list
    assert [each.name for each in found('a')] == ['a']
    assert [each.name for each in found(metadata={'n': 'ab'})] == ['ab']
    assert found('a', {'n': 'ab'}) == []
    assert len(found(all_projects=True)) == 2


@pytest.mark.parametrize(('changes', 'words'), [
    ({'volume_type': 'nope'}, 'type with name nope'),
    ({'snapshot_id': NOBODY}, 'Snapshot'), ({'source': NOBODY}, 'olume')])
def test_what_a_volume_refers_to_says_what_it_is(clients, changes, words):
    with pytest.raises(exception.NotFound, match=words):
        clients.volumes.create(name='a', size=1, **changes)


def test_a_quota_is_a_lack_of_room_and_is_not_asked_again(bench, clients):
    clients.volumes.check()
    mark = bench.sim.mark()
    with pytest.raises(exception.NoRoom, match='quota') as info:
        clients.volumes.create(name='a', size=50000)
    assert (info.value.status, info.value.kind) == (413, 'overLimit')
    assert len(bench.asked(mark)) == 1


def test_an_extension_that_fails_later_has_a_message(bench, clients):
    volume = made_volume(bench, clients)
    bench.sim.spoil('extend')
    request = clients.volumes.extend(volume.id, 2)
    bench.clock.sleep(60)
    assert clients.volumes.volume(volume.id).status == 'error_extending'
    [message] = clients.volumes.messages(volume.id)
    assert message.request_id == request
    assert message.resource_id == volume.id and 'extend' in message.text
    clients.volumes.reset_status(volume.id, 'available')
    assert clients.volumes.volume(volume.id).status == 'available'
    assert clients.volumes.messages(NOBODY) == []


@pytest.mark.parametrize('most', ['3.0', '3.50', '3.71'])
def test_a_volume_in_use_has_its_snapshot_in_every_version(
        make_bench, most):
    bench = make_bench(volume_max=most)
    clients = bench.cloud()
    server = made_server(bench, clients)
    volume = made_volume(bench, clients)
    clients.compute.attach(server.id, volume.id)
    reached(bench, clients, volume.id, 'in-use')
    made = clients.volumes.create_snapshot(volume.id, name='s')
    bench.clock.sleep(60)
    assert [each.id for each in clients.volumes.snapshots(
        's', volume.id)] == [made.id]
    assert clients.volumes.snapshots('s', NOBODY) == []
    assert clients.volumes.snapshots('no') == []
    clients.volumes.messages(volume.id)


def test_limits_are_those_of_the_project(clients):
    clients.volumes.create(name='a', size=7)
    found = clients.volumes.limits()
    assert (found.gigabytes_used, found.volumes_used) == (7, 1)
    assert found.gigabytes > 7
    assert clients.compute.limits().instances_used == 0


# Neutron

def test_networks_and_subnets(bench, clients):
    networks = clients.networks
    made = networks.create_network('n')
    assert made.project_id == networks.project_id()
    subnet = networks.create_subnet(made.id, cidr='10.9.0.0/28', name='s')
    bare = networks.create_subnet(made.id, cidr='10.9.1.0/28',
                                  gateway_ip='')
    own = networks.create_subnet(made.id, cidr='10.9.2.0/28',
                                 gateway_ip='10.9.2.14')
    assert (subnet.gateway_ip, bare.gateway_ip, own.gateway_ip) == (
        '10.9.0.1', '', '10.9.2.14')
    assert set(networks.network(made.id).subnets) == {
        subnet.id, bare.id, own.id}
    assert [each.id for each in networks.subnets(made.id, name='')
            ] and {each.id for each in networks.subnets(
                made.id, name='')} == {bare.id, own.id}
    assert networks.update_subnet(subnet.id, name='').name == ''
    assert [each.id for each in networks.networks(
        'n', networks.project_id())] == [made.id]
    assert networks.networks('n', NOBODY) == []
    with pytest.raises(errors.ServiceError) as info:
        networks.create_subnet(made.id, cidr='10.9.0.0/29')
    assert info.value.kind == 'InvalidInput'
    networks.delete_subnet(subnet.id)
    networks.delete_subnet(subnet.id)
    with pytest.raises(exception.NotFound):
        networks.subnet(subnet.id)


def test_ports(bench, clients):
    networks = clients.networks
    net = networks.create_network('n')
    subnet = networks.create_subnet(net.id, cidr='10.9.0.0/29')
    group = networks.create_security_group('g', 'd')
    made = networks.create_port(
        net.id, name='p', security_groups=[group.id], device_id='manila-share',
        device_owner='manila:share', binding_host='compute-1',
        fixed_ips=[{'subnet_id': subnet.id, 'ip_address': '10.9.0.3'}])
    assert made.fixed_ips == (records.FixedIp(subnet.id, '10.9.0.3'),)
    assert made.security_groups == (group.id,)
    assert networks.port(made.id).binding_host == 'compute-1'
    for fits in ({'name': 'p'}, {'name': ['p', 'q']},
                 {'network_id': net.id}, {'device_id': 'manila-share'},
                 {'subnet_id': subnet.id, 'ip_address': '10.9.0.3'},
                 {'device_owner': 'manila:share',
                  'binding_host': 'compute-1'}):
        assert made.id in {each.id for each in networks.ports(**fits)}
    for fits_not in ({'name': ['q']}, {'name': []}, {'name': ''},
                     {'network_id': net.id, 'device_id': 'other'},
                     {'subnet_id': subnet.id, 'ip_address': '10.9.0.4'},
                     {'binding_host': 'compute-2'}):
        assert made.id not in {each.id for each in networks.ports(**fits_not)}
    with pytest.raises(exception.Conflict) as info:
        networks.create_port(net.id, fixed_ips=[
            {'subnet_id': subnet.id, 'ip_address': '10.9.0.3'}])
    assert info.value.kind == 'IpAddressAlreadyAllocated'
    changed = networks.update_port(made.id, name='q', security_groups=())
    assert (changed.name, changed.security_groups) == ('q', ())
    assert changed.fixed_ips == made.fixed_ips
    with pytest.raises(exception.Busy):
        networks.delete_subnet(subnet.id)
    networks.delete_port(made.id)
    networks.delete_port(made.id)


def test_a_subnet_without_addresses_is_a_lack_of_room(bench, clients):
    networks = clients.networks
    net = networks.create_network('n')
    subnet = networks.create_subnet(net.id, cidr='10.9.0.0/29')
    wanted = [{'subnet_id': subnet.id}]
    while len(networks.ports(subnet_id=subnet.id)) < 5:
        networks.create_port(net.id, fixed_ips=wanted)
    with pytest.raises(exception.NoRoom) as info:
        networks.create_port(net.id, fixed_ips=wanted)
    assert info.value.kind == 'IpAddressGenerationFailure'


def test_a_router_has_an_interface_or_has_not(bench, clients):
    networks = clients.networks
    router = bench.sim.tenant.router_id
    net = networks.create_network('n')
    subnet = networks.create_subnet(net.id, cidr='10.9.0.0/28')
    rival = networks.create_subnet(
        networks.create_network('m').id, cidr='10.9.0.0/24')
    bare = networks.create_subnet(net.id, cidr='10.8.0.0/28', gateway_ip='')
    for _ in range(2):
        networks.add_router_interface(router, subnet.id)
    assert len(networks.ports(device_id=router, subnet_id=subnet.id)) == 1
    for refused, words in ((rival, 'overlaps'), (bare, 'gateway')):
        with pytest.raises(errors.ServiceError, match=words) as info:
            networks.add_router_interface(router, refused.id)
        assert info.value.status == 400
    for _ in range(2):
        networks.remove_router_interface(router, subnet.id)
    assert networks.ports(device_id=router, subnet_id=subnet.id) == []
    assert networks.router(router).id == router
    with pytest.raises(exception.NotFound):
        networks.add_router_interface(NOBODY, subnet.id)


def test_security_groups_are_those_of_our_project(bench, clients):
    networks = clients.networks
    # Each project may have one of that name, and an administrator sees all.
    assert networks.security_groups('manila-service') == []
    made = networks.create_security_group('manila-service', 'd')
    rule = records.SecurityRule('ingress', 'IPv4', 'tcp', 22, 22,
                                '10.0.0.0/8')
    ping = records.SecurityRule('ingress', 'IPv4', 'icmp')
    for each in (rule, rule, ping):
        networks.add_rule(made.id, each)
    [found] = networks.security_groups('manila-service')
    assert found.id == made.id
    # Rules are equal whatever their ids are.
    assert set(found.rules) - set(made.rules) == {rule, ping}
    share = records.SecurityRule('ingress', 'IPv4', 'tcp', 2049, 2049)
    before = len(bench.sim.requests(0))
    networks.add_rules(made.id, (share, dataclasses.replace(
        share, protocol='udp')))
    assert len(bench.sim.requests(0)) == before + 1
    # Neutron refuses all of them if one is there.
    networks.add_rules(made.id, (share, dataclasses.replace(
        share, port_min=445, port_max=445)))
    [found] = networks.security_groups('manila-service')
    assert len(set(found.rules) - set(made.rules)) == 5
    port = networks.create_port(
        networks.create_network('n').id, security_groups=[made.id])
    with pytest.raises(exception.Busy):
        networks.delete_security_group(made.id)
    networks.delete_port(port.id)
    networks.delete_security_group(made.id)
    networks.delete_security_group(made.id)


def test_extensions_are_told_by_their_aliases(clients):
    assert 'binding' in clients.networks.extensions()


# Glance

def test_images_are_active_and_have_that_very_name(bench, clients):
    bench.sim.add_image('other')
    assert [each.name for each in clients.images.images('other')] == ['other']
    assert len(clients.images.images()) == 2
    assert clients.images.images('nope') == []


# All of them

@pytest.mark.parametrize('ident', ['', ' ', '.', '..', '/'])
@pytest.mark.parametrize('call', [
    lambda cloud, ident: cloud.compute.server(ident),
    lambda cloud, ident: cloud.compute.delete_server(ident),
    lambda cloud, ident: cloud.compute.detach('a', ident),
    lambda cloud, ident: cloud.volumes.delete(ident),
    lambda cloud, ident: cloud.volumes.extend(ident, 1),
    lambda cloud, ident: cloud.networks.delete_port(ident),
    lambda cloud, ident: cloud.networks.router(ident)])
def test_no_id_is_not_all_of_them(bench, clients, call, ident):
    with pytest.raises(exception.InvalidRequest):
        call(clients, ident)
    assert bench.sim.asked(0) == []


def test_ids_are_quoted_in_paths(bench, clients):
    for call in (clients.compute.server, clients.networks.port):
        with pytest.raises(errors.ServiceError) as info:
            call('../x?all_tenants=1#')
        assert info.value.status == 404
    assert len(bench.asked()) == 3


def test_records_are_values():
    for each in (records.Server('a'), records.Port('a'),
                 records.Volume('a')):
        with pytest.raises(dataclasses.FrozenInstanceError):
            each.id = 'b'
        assert all(value is None for value
                   in list(dataclasses.asdict(each).values())[1:])
