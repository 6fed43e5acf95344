# SPDX-License-Identifier: Apache-2.0

"""Every field of what is read about share servers, and what is not told."""

import pytest

from manila_drivers import model

ALLOCATION = ({
    'ip_address': '192.0.2.7', 'cidr': '192.0.2.0/24', 'mtu': 9000,
    'gateway': '192.0.2.1', 'network_type': 'vlan', 'segmentation_id': 7,
    'mac_address': '02:00:00:00:00:01'}, model.Allocation(
    '192.0.2.7', '192.0.2.0/24', '192.0.2.1', 'vlan', 7, 9000,
    '02:00:00:00:00:01'))
NETWORK = ({
    'neutron_net_id': 'n', 'neutron_subnet_id': 's',
    'network_allocations': [ALLOCATION[0]],
    'admin_network_allocations': [{'ip_address': '198.51.100.7'}],
    'subnet_metadata': {'k': 'v'}}, model.Network(
    'n', 's', (ALLOCATION[1],), (model.Allocation('198.51.100.7'),),
    {'k': 'v'}))
SERVICE = ({
    'type': 'active_directory', 'dns_ip': 'd', 'server': 's', 'domain': 'o',
    'ou': 'u', 'user': 'm', 'password': 'p', 'default_ad_site': 'a',
    'id': 'unused'}, model.SecurityService(
    'active_directory', 'd', 's', 'o', 'u', 'm', 'p', 'a'))
SERVER = ({
    'id': 'i', 'identifier': 'n', 'status': 'active', 'host': 'h@b',
    'backend_details': {'k': 'v'}}, model.ShareServer(
    'i', 'n', 'active', 'h@b', {'k': 'v'}))


@pytest.mark.parametrize(('row', 'value'), [
    ALLOCATION, NETWORK, SERVICE, SERVER,
    ({}, model.Allocation('', '', '', '', None, None, '')),
    ({}, model.Network('', '', (), (), {})),
    ({}, model.SecurityService('', '', '', '', '', '', '', '')),
    ({}, model.ShareServer('', '', '', '', {}))])
def test_every_field_is_read(row, value):
    assert type(value).of(row) == value


def test_a_request_has_all_subnets_and_the_services_of_the_first():
    second = {**NETWORK[0], 'neutron_subnet_id': 'another',
              'security_services': ['unread']}
    first = {**NETWORK[0], 'server_id': 'i', 'security_services': [SERVICE[0]]}

    assert model.ServerRequest.of([first, second], {'request_host': 'h'}) == (
        model.ServerRequest(
            'i', (NETWORK[1], model.Network.of(second)), (SERVICE[1],),
            {'request_host': 'h'}))
    assert model.ServerRequest.of([{}]) == model.ServerRequest(
        '', (model.Network('', '', (), ()),), (), {})


def test_a_snapshot_brings_its_share_and_server():
    row = {'id': 'x', 'share_instance_id': 'i'}
    parent = {'id': 'i', 'name': 'share-i'}
    read = model.Snapshot.of(row, parent, SERVER[0])

    assert (read.share, read.share_name, read.server) == (
        model.Share.of(parent), 'share-i', SERVER[1])
    assert model.Snapshot.of({**row, 'share_name': 'own'},
                             parent).share_name == 'own'
    alone = model.Snapshot.of(row)
    assert (alone.share, alone.share_name, alone.server) == (None, '', None)
