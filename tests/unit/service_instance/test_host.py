# SPDX-License-Identifier: Apache-2.0

"""The Manila host in the networks of instances."""

import ipaddress
import json

import pytest

from manila_drivers import exception
from manila_drivers.service_instance import host_planning as planning
from manila_drivers.testing.simulators import plugged_host
from tests.unit.service_instance.conftest import HOST
from tests.unit.service_instance.conftest import OTHER


def made_by(managed, request):
    made = {}
    managed.create(request, made)
    return made


def tap(site, device='manila-share'):
    port, = site.ports(device_id=device)
    return site.host.nics['tap' + port['id'][:11]]


@pytest.mark.parametrize('kind', ['OVSInterfaceDriver',
                                  'BridgeInterfaceDriver'])
def test_instances_are_reached_through_each_kind_of_interface(site, kind):
    managed = site.manager(
        interface_driver=f'manila.network.linux.interface.{kind}')
    made = made_by(managed, site.request())
    assert managed.alive(made)
    prefix = 'tap' if kind.startswith('OVS') else 'ns-'
    name, = (nic.name for nic in site.host.nics.values()
             if nic.addresses and nic.name != 'eth0')
    assert name.startswith(prefix) and len(name) == 14


def test_a_host_that_is_there_already_needs_no_port(site):
    managed = site.manager(
        interface_driver='manila.network.linux.interface.NoopInterfaceDriver')
    site.host.add('eth1', '10.254.0.14/28')
    site.host._ports = None
    managed.network_helper.setup_connectivity_with_service_instances()
    made = made_by(managed, site.request())
    assert managed.alive(made)
    assert site.ports(device_id='manila-share') == []
    assert site.host.log == []


def test_repetition_changes_nothing(site):
    managed = site.manager()
    made_by(managed, site.request())
    site.host.log.clear()
    mark = site.sim.mark()
    for _ in range(2):
        managed.network_helper.setup_connectivity_with_service_instances()
    assert site.host.log == ['ip -j addr show', 'ip -j -4 route show'] * 2
    assert not any('POST' in each or 'PUT' in each
                   for each in site.sim.asked(mark))


def test_a_host_comes_back_after_a_reboot(site):
    made = made_by(site.manager(), site.request())
    site.host.reboot()
    managed = site.manager()
    managed.network_helper.setup_connectivity_with_service_instances()
    assert managed.alive(made)


def test_a_port_that_was_deleted_is_replaced_with_its_interface(site):
    made = made_by(site.manager(), site.request())
    old = tap(site)
    port, = site.ports(device_id='manila-share')
    assert site.sim.ask('DELETE',
                        f'/network/v2.0/ports/{port["id"]}')[0] == 204
    managed = site.manager()
    managed.network_helper.setup_connectivity_with_service_instances()
    assert old.name not in site.host.nics
    assert managed.alive(made)


def test_another_service_on_the_same_machine_keeps_its_interface(site):
    site.manager().network_helper.setup_connectivity_with_service_instances()
    made = made_by(site.manager(), site.request())
    one = tap(site)
    site.sim.options.known_hosts += ('second',)
    site.hosts.add('second')
    site.manager(service_network_host='second').network_helper \
        .setup_connectivity_with_service_instances()
    assert site.host.nics[one.name].addresses == one.addresses
    assert len(site.ports(device_id='manila-share')) == 2
    assert site.manager().alive(made)


def test_a_rival_way_is_put_behind_ours(site):
    site.host.add('eth1', '10.254.0.200/28')
    site.host.ways.insert(0, plugged_host.HostWay('10.254.0.0/28', 'eth1',
                                                  '10.254.0.200'))
    managed = site.manager()
    made = made_by(managed, site.request())
    assert managed.alive(made)
    ways = [way.dev for way in site.host.ways if way.to == '10.254.0.0/28']
    assert ways == [tap(site).name, 'eth1']


def test_a_missing_bridge_names_its_option(site):
    managed = site.manager(ovs_integration_bridge='br-none')
    with pytest.raises(exception.ConfigurationError,
                       match='ovs_integration_bridge') as caught:
        managed.network_helper.setup_connectivity_with_service_instances()
    assert 'no bridge named br-none' in caught.value.answer


@pytest.mark.parametrize('host', ['elsewhere', None])
def test_a_host_that_neutron_does_not_know_is_told(site, caplog, host):
    """A set-up would only fail after the wait for its instance."""
    more = {'service_network_host': host} if host else {}
    site.manager(**more).network_helper \
        .setup_connectivity_with_service_instances()
    assert ('could not plug in port' in caplog.text) is bool(host)


def test_a_user_without_rights_is_told(site):
    site.sim.add_user('plain', 'service', 'member')
    site.sim.username = 'plain'
    with pytest.raises(exception.AccessDenied) as caught:
        site.manager().network_helper \
            .setup_connectivity_with_service_instances()
    assert '[neutron]' in str(caught.value)


def test_a_full_subnet_keeps_nobody_from_another(site):
    """Another host comes when the subnet of the first users is full."""
    first = site.manager(service_network_division_mask=29)
    one = made_by(first, site.request())
    while site.sim.ask('POST', '/network/v2.0/ports', {'port': {
            'network_id': first.network_helper.service_network_id,
            'fixed_ips': [{'subnet_id': one['subnet_id']}]}},
            user='manila')[0] == 201:
        pass
    site.sim.options.known_hosts += ('second',)
    site.hosts.add('second')
    second = site.manager(service_network_division_mask=29,
                          service_network_host='second')
    net = site.sim.add_tenant_network('demo', '10.8.0.0/24', name='other')
    made = made_by(second, site.request(OTHER, net))
    port = next(each for each in site.ports(device_id='manila-share')
                if each['binding:host_id'] == 'second')
    assert {each['subnet_id'] for each in port['fixed_ips']} == {
        made['subnet_id']}
    with pytest.raises(exception.NoRoom,
                       match='service_network_division_mask'):
        second.create(site.request(
            '2f0e0d0c-1111-4222-8333-444455556666'), {})


def test_two_ports_of_one_host_are_refused(site):
    managed = site.manager()
    managed.network_helper.setup_connectivity_with_service_instances()
    site.sim.ask('POST', '/network/v2.0/ports', {'port': {
        'network_id': managed.network_helper.service_network_id,
        'device_id': 'manila-share', 'binding:host_id': HOST}},
        user='manila')
    with pytest.raises(exception.Conflict, match='2 ports') as caught:
        managed.network_helper.setup_connectivity_with_service_instances()
    assert all(each['id'] in caught.value.answer
               for each in site.ports(device_id='manila-share'))


# Lines for ip, as tables.

NET = '10.254.0.0/28'
IF = ipaddress.IPv4Interface
PORT = planning.HostPort('0123456789abcdef', 'fa:16:3e:00:00:01',
                         (IF('10.254.0.3/28'),))
NAME = 'tap0123456789a'
GOOD = planning.HostDevice(NAME, PORT.mac, True, PORT.addresses)
OURS = planning.HostRoute(NET, NAME, True, '10.254.0.3')
ADD = (f'addr add 10.254.0.3/28 brd 10.254.0.15 scope global dev {NAME}')


@pytest.mark.parametrize(('devices', 'routes', 'lines'), [
    ([GOOD], [OURS], []),
    ([], [], [f'link set dev {NAME} address {PORT.mac}',
              f'link set dev {NAME} up', ADD]),
    ([planning.HostDevice(NAME, 'aa', True, PORT.addresses)], [OURS],
     [f'link set dev {NAME} address {PORT.mac}']),
    ([planning.HostDevice(NAME, PORT.mac, False, PORT.addresses)], [],
     [f'link set dev {NAME} up']),
    ([planning.HostDevice(NAME, PORT.mac, True, (IF('10.9.0.3/28'),))], [],
     [ADD, f'addr del 10.9.0.3/28 dev {NAME}']),
    ([planning.HostDevice(NAME, PORT.mac, True, (IF('10.254.0.3/16'),))], [],
     [ADD, f'addr del 10.254.0.3/16 dev {NAME}']),
    ([GOOD], [planning.HostRoute(NET, 'eth1', True, '10.254.0.9'), OURS],
     [f'route del {NET} dev eth1',
      (f'route append {NET} dev eth1 proto kernel scope link '
       f'src 10.254.0.9')]),
    ([GOOD], [OURS, planning.HostRoute(NET, 'eth1', True, '10.254.0.9')],
     []),
    ([GOOD], [planning.HostRoute(NET, 'eth1'), OURS], []),
    ([GOOD], [planning.HostRoute('10.0.0.0/8', 'eth1', True), OURS], [])])
def test_lines_for_ip(devices, routes, lines):
    assert planning.configure(devices, routes, PORT, 'ovs') == lines


def test_old_ways_into_the_network_of_administrators_go(site):
    port = planning.HostPort(PORT.id, PORT.mac, PORT.addresses, only=True)
    old = planning.HostRoute(NET, 'tapold', True, '10.254.0.7')
    native = planning.HostRoute(NET, 'eth0', True, '10.254.0.8')
    assert planning.configure([GOOD], [old, OURS], port, 'ovs') == [
        f'route del {NET} dev tapold']
    # The host's own interface is not cut off.
    assert 'append' in planning.configure([GOOD], [native, OURS], port,
                                          'ovs')[-1]


@pytest.mark.parametrize('text', ['nonsense', '{"a": 1}x'])
def test_an_answer_that_is_no_json(text):
    with pytest.raises(exception.BackendError, match='not understood'):
        planning.devices(text)


def test_addresses_that_pass_are_not_counted():
    row = {'ifname': 'tap', 'address': 'AA', 'flags': ['UP'], 'addr_info': [
        {'family': 'inet', 'local': '10.0.0.1', 'prefixlen': 24,
         'scope': 'global', 'dynamic': True},
        {'family': 'inet6', 'local': 'fe80::1', 'prefixlen': 64,
         'scope': 'link'}]}
    assert planning.devices(json.dumps([row, {}])) == (
        planning.HostDevice('tap', 'aa', True),)
