# SPDX-License-Identifier: Apache-2.0

"""Neutron: addresses, owners, rules, and who sees what."""

import pytest


def error(answer):
    status, body = answer
    return status, body['NeutronError']['type']


def test_a_subnet_has_so_many_addresses(hand, clock, sim):
    """A /29: less network, broadcast, gateway and DHCP, that is four."""
    network, subnet = hand.network('10.254.0.0/29')
    clock.advance(sim.options.dhcp)
    taken = [hand.port(network_id=network)['fixed_ips'][0]['ip_address']
             for _ in range(4)]
    served = hand.get('network/ports?device_owner=network:dhcp'
                      f'&network_id={network}',
                      'ports.0.fixed_ips.0.ip_address')
    assert {served, *taken} == {f'10.254.0.{last}' for last in range(2, 7)}
    assert taken != sorted(taken)
    assert error(hand.ask('POST', 'network/ports', {
        'port': {'network_id': network}})) == (
        409, 'IpAddressGenerationFailure')
    owners = {port['device_owner'] for port in hand.get(
        f'network/ports?fixed_ips=subnet_id%3D{subnet}', 'ports')}
    assert owners == {'manila', 'network:dhcp'}


def test_one_port_serves_dhcp_in_all_subnets_of_a_network(hand, clock, sim):
    network, _ = hand.network()
    hand.make('network/subnets', 'subnet', network_id=network,
              cidr='10.254.0.16/28', ip_version=4)
    clock.advance(sim.options.dhcp)
    ports = hand.get(f'network/ports?network_id={network}', 'ports')
    assert [len(port['fixed_ips']) for port in ports] == [2]


def test_an_address_is_added_to_a_port_and_the_others_stay(hand, sim):
    network, first = hand.network()
    second = hand.make('network/subnets', 'subnet', network_id=network,
                       cidr='10.254.0.16/28', ip_version=4)['id']
    sim.options.random_addresses = False
    port = hand.port(network_id=network, fixed_ips=[{'subnet_id': first}])
    status, body = hand.ask('PUT', f'network/ports/{port["id"]}', {'port': {
        'fixed_ips': [{'subnet_id': first}, {'subnet_id': second}]}})
    assert status == 200
    assert body['port']['fixed_ips'] == [
        *port['fixed_ips'],
        {'subnet_id': second, 'ip_address': '10.254.0.18'}]


def test_a_gateway_is_nobody_elses(hand):
    network, subnet = hand.network()
    told = hand.get(f'network/subnets/{subnet}', 'subnet')
    assert told['gateway_ip'] == '10.254.0.1'
    assert told['allocation_pools'] == [{'start': '10.254.0.2',
                                         'end': '10.254.0.14'}]
    taken = {hand.port(network_id=network)['fixed_ips'][0]['ip_address']
             for _ in range(12)}
    assert '10.254.0.1' not in taken and len(taken) == 12


def test_without_a_gateway_there_is_one_address_more(hand):
    _, subnet = hand.network(gateway_ip=None)
    told = hand.get(f'network/subnets/{subnet}', 'subnet')
    assert told['gateway_ip'] is None
    assert told['allocation_pools'] == [{'start': '10.254.0.1',
                                         'end': '10.254.0.14'}]


@pytest.mark.parametrize(('host', 'kind', 'status'), [
    ('controller', 'ovs', 'ACTIVE'), ('compute-1', 'ovs', 'ACTIVE'),
    ('elsewhere', 'binding_failed', 'DOWN'), ('', 'unbound', 'DOWN')])
def test_a_port_is_bound_where_there_is_an_agent(hand, clock, host, kind,
                                                 status):
    port = hand.port(**({'binding:host_id': host} if host else {}))
    clock.advance(60)
    told = hand.get(f'network/ports/{port["id"]}', 'port')
    assert (told['binding:vif_type'], told['status']) == (kind, status)


def test_a_member_does_not_see_where(hand, sim):
    sim.add_user('plain', 'service', 'member')
    port = hand.port()
    told = hand.get(f'network/ports/{port["id"]}', 'port', user='plain')
    assert not [field for field in told if field in (
        'binding:host_id', 'binding:vif_type', 'binding:profile')]
    assert 'binding:vnic_type' in told


def test_groups_of_all_projects_are_in_an_administrators_list(hand, sim):
    hand.make('network/security-groups', 'security_group',
              name='manila-service')
    mine = sim.keystone.project('service').id
    found = hand.get('network/security-groups?name=manila-service',
                     'security_groups')
    assert len(found) == 2
    assert [group['project_id'] for group in hand.get(
        f'network/security-groups?name=manila-service&project_id={mine}',
        'security_groups')] == [mine]


def test_who_is_let_in(hand, sim):
    group = hand.make('network/security-groups', 'security_group',
                      name='g')['id']
    for low, high, prefix in ((22, 22, '10.254.0.0/28'),
                              (2049, 2049, '0.0.0.0/0')):
        hand.make('network/security-group-rules', 'security_group_rule',
                  security_group_id=group, direction='ingress',
                  protocol='tcp', port_range_min=low, port_range_max=high,
                  remote_ip_prefix=prefix)
    address = hand.port(security_groups=[group])['fixed_ips'][0]['ip_address']
    assert sim.lets_in(address, 'tcp', 22, '10.254.0.14')
    assert not sim.lets_in(address, 'tcp', 22, '10.7.0.9')
    assert sim.lets_in(address, 'tcp', 2049, '10.7.0.9')
    assert not sim.lets_in(address, 'udp', 2049, '10.7.0.9')
    assert not sim.lets_in(address, 'icmp', None, '10.7.0.9')
    assert not sim.lets_in('10.254.9.9', 'tcp', 22, '10.254.0.14')


def test_the_default_group_lets_in_its_own_alone(hand, sim):
    network, _ = hand.network()
    one, two = (hand.port(network_id=network)['fixed_ips'][0]['ip_address']
                for _ in range(2))
    assert sim.lets_in(one, 'tcp', 22, two)
    assert not sim.lets_in(one, 'tcp', 22, '192.0.2.1')
    free = hand.port(network_id=network, port_security_enabled=False)
    assert free['security_groups'] == []
    assert sim.lets_in(free['fixed_ips'][0]['ip_address'], 'tcp', 22,
                       '192.0.2.1')


def test_a_group_in_use_stays(hand):
    group = hand.make('network/security-groups', 'security_group',
                      name='g')['id']
    port = hand.port(security_groups=[group])
    path = f'network/security-groups/{group}'
    assert error(hand.ask('DELETE', path)) == (409, 'SecurityGroupInUse')
    hand.ask('DELETE', f'network/ports/{port["id"]}')
    assert hand.ask('DELETE', path) == (204, None)
    assert error(hand.ask('DELETE', path)) == (404, 'SecurityGroupNotFound')


@pytest.mark.parametrize(('fields', 'kind'), [
    ({'direction': 'sideways'}, 'HTTPBadRequest'),
    ({'remote_ip_prefix': 'x'}, 'InvalidCIDR'),
    ({'remote_ip_prefix': '::/0'}, 'SecurityGroupRuleParameterConflict'),
    ({'protocol': None, 'port_range_min': 1, 'port_range_max': 2},
     'SecurityGroupProtocolRequiredWithPorts'),
    ({'port_range_min': 3, 'port_range_max': 2},
     'SecurityGroupInvalidPortRange')])
def test_rules_that_say_nothing(hand, fields, kind):
    group = hand.make('network/security-groups', 'security_group', name='g')
    rule = {'security_group_id': group['id'], 'direction': 'ingress',
            'protocol': 'tcp', **fields}
    assert error(hand.ask('POST', 'network/security-group-rules', {
        'security_group_rule': rule})) == (400, kind)


@pytest.mark.parametrize(('kind', 'path', 'fields'), [
    ('network', 'networks', {'name': 'x'}),
    ('security_group', 'security-groups', {'name': 'x'}),
    ('router', 'routers', {'name': 'x'}),
    ('port', 'ports', {}), ('subnet', 'subnets', {
        'cidr': '10.254.1.0/28', 'ip_version': 4}),
    ('security_group_rule', 'security-group-rules', {
        'direction': 'ingress', 'protocol': 'tcp'})])
def test_quotas_are_told_in_one_way(hand, sim, kind, path, fields):
    network, _ = hand.network()
    group = hand.make('network/security-groups', 'security_group', name='g')
    project = sim.keystone.project('service').id
    used = sim.neutron.store.used(kind, project)
    assert hand.ask('PUT', f'network/quotas/{project}',
                    {'quota': {kind: used}})[0] == 200
    if kind in ('port', 'subnet'):
        fields = {**fields, 'network_id': network}
    if kind == 'security_group_rule':
        fields = {**fields, 'security_group_id': group['id']}
    status, body = hand.ask('POST', f'network/{path}', {kind: fields})
    assert (status, body['NeutronError']['type'],
            body['NeutronError']['message']) == (
        409, 'OverQuota', f"Quota exceeded for resources: ['{kind}'].")
    assert hand.ask('DELETE', f'network/quotas/{project}')[0] == 204
    assert hand.ask('POST', f'network/{path}', {kind: fields})[0] == 201


def test_filters_that_there_are_not_are_refused(hand):
    status, body = hand.ask('GET', 'network/ports?colour=red')
    assert (status, 'invalid attribute' in body['NeutronError']['message']
            ) == (400, True)


def test_tags_are_a_filter(hand):
    network, _ = hand.network()
    port = hand.port(network_id=network)
    hand.port(network_id=network)
    path = f'network/ports/{port["id"]}'
    assert hand.ask('PUT', f'{path}/tags/manila')[0] == 201
    assert [each['id'] for each in hand.get('network/ports?tags=manila',
                                            'ports')] == [port['id']]
    assert hand.ask('PUT', f'{path}/tags', {'tags': ['a', 'b']})[1] == {
        'tags': ['a', 'b']}
    assert hand.get('network/ports?tags=manila', 'ports') == []


@pytest.mark.parametrize(('path', 'body'), [
    ('ports', {'port': {'network_id': 'N', 'colour': 'red'}}),
    ('subnets', {'subnet': {'network_id': 'N', 'cidr': 'x',
                            'ip_version': 4}}),
    ('ports', {'port': {'network_id': 'N', 'fixed_ips': [
        {'ip_address': 'x'}]}}),
    ('ports', {'port': {'network_id': 'N', 'port_security_enabled': False,
                        'security_groups': ['G']}}),
    ('ports', {'port': None}), ('networks', {})])
def test_what_is_not_understood_is_refused(hand, path, body):
    network, _ = hand.network()
    for fields in body.values():
        if fields:
            fields['network_id'] = network
    assert hand.ask('POST', f'network/{path}', body)[0] == 400


def test_a_router_of_another_tenant_is_the_administrators_too(hand, sim):
    """The driver puts its subnets at the tenant's router."""
    _, subnet = hand.network()
    path = f'network/routers/{sim.tenant.router_id}/add_router_interface'
    status, body = hand.ask('PUT', path, {'subnet_id': subnet})
    assert status == 200
    port = hand.get(f'network/ports/{body["port_id"]}', 'port')
    assert (port['fixed_ips'][0]['ip_address'], port['device_owner']) == (
        '10.254.0.1', 'network:router_interface')
    assert hand.ask('DELETE', f'network/ports/{port["id"]}')[0] == 409
    sim.add_user('plain', 'service', 'member')
    assert hand.ask('PUT', path, {'subnet_id': subnet},
                    user='plain')[0] == 404


def test_addresses_may_be_told_late(hand, sim, clock):
    sim.options.addresses_withheld = True
    port = hand.port()
    assert port['fixed_ips'] == []
    clock.advance(1)
    assert len(hand.get(f'network/ports/{port["id"]}',
                        'port.fixed_ips')) == 1
