# SPDX-License-Identifier: Apache-2.0

"""The one server of a backend without share servers."""

import pytest

from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.transport import command


@pytest.fixture
def server(site):
    """A server of an operator, in a network of the service's project."""
    net = site.sim.add_tenant_network('service', '10.5.0.0/24',
                                      name='manila_service_network')
    site.net = net
    ident = build(site, 'shares', [{'uuid': net.network_id}])
    site.host.add('eth1', '10.5.0.200/24')
    site.host._ports = None
    return ident


def build(site, name, networks, user='manila'):
    image = next(iter(site.sim.glance.images))
    key = f'k-{name}-{user}'
    assert site.sim.ask('POST', '/compute/v2.1/os-keypairs', {'keypair': {
        'name': key, 'type': 'ssh', 'public_key': site.public_key}},
        user=user)[0] in (200, 201, 409)
    status, told = site.sim.ask('POST', '/compute/v2.1/servers', {'server': {
        'name': name, 'flavorRef': '100', 'imageRef': image,
        'key_name': key, 'networks': networks}}, user=user)
    assert status == 202, told
    ident = told['server']['id']
    for _ in range(30):
        site.clock.sleep(2)
        site.sim.server(ident)
    for port in site.ports(device_id=ident):
        assert site.sim.ask('PUT', f'/network/v2.0/ports/{port["id"]}', {
            'port': {'security_groups': [], 'port_security_enabled': False}},
            user=user)[0] == 200
    return ident


def managed(site, **options):
    return site.manager(**{
        'driver_handles_share_servers': False,
        'service_instance_name_or_id': 'shares',
        'service_net_name_or_ip': 'manila_service_network',
        'tenant_net_name_or_ip': '203.0.113.9', **options})


@pytest.mark.parametrize('by', ['name', 'id'])
def test_it_is_found(site, server, by):
    managed_ = managed(site, service_instance_name_or_id=(
        server if by == 'id' else 'shares'))
    address = site.ports(device_id=server)[0]['fixed_ips'][0]['ip_address']
    assert managed_.get_common_server() == {'backend_details': {
        names.INSTANCE_ID: server, names.IP: address,
        names.PUBLIC_ADDRESS: '203.0.113.9', names.USERNAME: 'manila',
        names.PK_PATH: str(site.key)}}
    assert managed_.alive(managed_.common())
    managed_.check()


def test_it_is_asked_for_once(site, server):
    managed_ = managed(site)
    details = managed_.common()
    mark = site.sim.mark()
    for _ in range(5):
        assert managed_.alive(managed_.common())
        assert managed_.common() == details
    assert site.sim.asked(mark) == []


def test_its_new_addresses_are_found_after_it_was_built_anew(site, server):
    managed_ = managed(site)
    assert managed_.alive(managed_.common())
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    new = build(site, 'shares', [{'uuid': site.net.network_id}])
    with pytest.raises(exception.NotFound, match=server):
        managed_.require(managed_.common())
    assert managed_.common()[names.INSTANCE_ID] == new
    assert managed_.alive(managed_.common())


def test_it_is_found_in_another_project(site, server, caplog):
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    net = site.sim.add_tenant_network('demo', '10.6.0.0/24', name='shared')
    other = build(site, 'elsewhere', [{'uuid': net.network_id}], user='demo')
    managed_ = managed(site, service_instance_name_or_id='elsewhere',
                       service_net_name_or_ip='shared')
    for _ in range(2):
        found = managed_.common(refresh=True)
        assert found[names.INSTANCE_ID] == other
    assert 'by now' not in caplog.text


@pytest.mark.parametrize('again', ['same process', 'after a restart'])
def test_nobody_else_takes_the_place_of_a_server_by_its_name(
        site, server, again):
    """All disks of all shares would be attached to it."""
    managed_ = managed(site)
    managed_.common()
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    net = site.sim.add_tenant_network('demo', '10.6.0.0/24',
                                      name='manila_service_network')
    build(site, 'shares', [{'uuid': net.network_id}], user='demo')
    if again == 'after a restart':
        managed_ = managed(site)
    with pytest.raises(exception.ConfigurationError,
                       match='service_instance_name_or_id'):
        managed_.common(refresh=True)


def test_nobody_else_calls_a_server_by_the_id_of_one_that_is_gone(
        site, server):
    """Operators are told to name it by its id, which anybody may learn."""
    managed_ = managed(site, service_instance_name_or_id=server)
    managed_.common()
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    net = site.sim.add_tenant_network('demo', '10.6.0.0/24',
                                      name='manila_service_network')
    build(site, server, [{'uuid': net.network_id}], user='demo')
    for each in managed_, managed(site, service_instance_name_or_id=server):
        with pytest.raises(exception.NotFound, match=server):
            each.common(refresh=True)


@pytest.mark.parametrize('again', ['same process', 'after a restart'])
def test_a_server_that_was_renamed_is_the_same(site, server, again, caplog):
    """Also where somebody else takes its name meanwhile."""
    managed_ = managed(site)
    managed_.common()
    assert site.sim.ask('PUT', f'/compute/v2.1/servers/{server}', {
        'server': {'name': 'another'}}, user='manila')[0] == 200
    net = site.sim.add_tenant_network('demo', '10.6.0.0/24',
                                      name='manila_service_network')
    build(site, 'shares', [{'uuid': net.network_id}], user='demo')
    if again == 'after a restart':
        managed_ = managed(site)
    assert managed_.common(refresh=True)[names.INSTANCE_ID] == server
    assert 'is called another by now' in caplog.text
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    new = build(site, 'shares', [{'uuid': site.net.network_id}])
    assert managed_.common(refresh=True)[names.INSTANCE_ID] == new


def test_an_operators_server_in_another_project_may_be_built_anew(
        site, server):
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    net = site.sim.add_tenant_network('demo', '10.6.0.0/24', name='shared')
    options = {'service_instance_name_or_id': 'elsewhere',
               'service_net_name_or_ip': 'shared'}
    for _ in range(2):
        other = build(site, 'elsewhere', [{'uuid': net.network_id}],
                      user='demo')
        found = managed(site, **options).common()
        assert found[names.INSTANCE_ID] == other
        site.sim.ask('DELETE', f'/compute/v2.1/servers/{other}')
        site.clock.sleep(10)


def test_a_name_that_is_a_pattern_means_itself(site, server):
    with pytest.raises(exception.NotFound, match=r'share\.'):
        managed(site, service_instance_name_or_id='share.').common()


def test_two_of_a_name_are_refused(site, server):
    other = build(site, 'shares', [{'uuid': site.net.network_id}],
                  user='admin')
    site.sim.nova.store.servers[other].project_id = (
        site.sim.keystone.project('service').id)
    with pytest.raises(exception.ConfigurationError,
                       match='service_instance_name_or_id') as caught:
        managed(site).common()
    assert server in caught.value.answer and other in caught.value.answer


def test_an_address_that_is_missing_names_its_option(site, server):
    with pytest.raises(exception.ConfigurationError,
                       match=r'tenant_net_name_or_ip: is public') as caught:
        managed(site, tenant_net_name_or_ip='public').common()
    assert 'manila_service_network' in caught.value.answer


def test_a_server_that_is_gone(site, server):
    managed_ = managed(site)
    managed_.common()
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    with pytest.raises(exception.NotFound, match=server):
        managed_.require(managed_.common())
    with pytest.raises(exception.NotFound,
                       match='service_instance_name_or_id'):
        managed_.common()


def test_calls_for_the_other_mode_are_refused(site, server):
    with pytest.raises(exception.InvalidRequest,
                       match='driver_handles_share_servers'):
        managed(site).create(site.request(), {})
    with pytest.raises(exception.InvalidRequest,
                       match='driver_handles_share_servers'):
        site.manager().common()


def test_it_is_looked_for_again_after_commands_did_not_reach_it(site, server):
    managed_ = managed(site)
    old = managed_.common()
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{server}')
    site.clock.sleep(10)
    with pytest.raises(exception.Unreachable):
        managed_.runner(old).run(command.Command.of('mount'))
    new = build(site, 'shares', [{'uuid': site.net.network_id}])
    assert managed_.common()[names.INSTANCE_ID] == new
    mark = site.sim.mark()
    managed_.runner(managed_.common()).run(command.Command.of('mount'))
    assert site.sim.asked(mark) == []


def test_what_is_known_is_good_enough_while_nova_is_away(site, server):
    managed_ = managed(site)
    old = managed_.common()
    site.host.nics['eth1'].up = False
    assert not managed_.alive(old)
    site.sim.arm(site.fault('status', code=500, times=None))
    assert managed_.common() == old
    site.sim.faults.disarm()
