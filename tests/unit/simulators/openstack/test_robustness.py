# SPDX-License-Identifier: Apache-2.0

"""Bodies of all kinds are answered: taken, or refused as a client's fault."""

import collections
import random
import threading

import pytest

from tests.unit.simulators.openstack.hand import PUBLIC_KEY

#: Path -> key of the body, fields; a body without a key has one field.
POSTS = {
    'compute/servers': ('server', (
        'name', 'flavorRef', 'imageRef', 'networks', 'key_name', 'metadata',
        'availability_zone', 'block_device_mapping_v2', 'user_data')),
    'compute/servers/$server/action': (None, (
        'reboot', 'os-stop', 'os-start', 'addSecurityGroup',
        'removeSecurityGroup', 'os-resetState')),
    'compute/servers/$server/os-volume_attachments': ('volumeAttachment', (
        'volumeId', 'tag', 'delete_on_termination')),
    'compute/os-keypairs': ('keypair', ('name', 'public_key', 'type')),
    'compute/flavors': ('flavor', ('name', 'ram', 'vcpus', 'disk', 'id')),
    'volume/volumes': ('volume', (
        'size', 'name', 'description', 'volume_type', 'availability_zone',
        'snapshot_id', 'source_volid', 'metadata')),
    'volume/volumes/$volume/action': (None, (
        'os-extend', 'revert', 'os-reset_status', 'os-set_bootable')),
    'volume/snapshots': ('snapshot', ('volume_id', 'name', 'force')),
    'volume/types': ('volume_type', ('name',)),
    'network/networks': ('network', ('name', 'shared', 'project_id')),
    'network/subnets': ('subnet', (
        'network_id', 'cidr', 'ip_version', 'gateway_ip', 'allocation_pools',
        'enable_dhcp')),
    'network/ports': ('port', (
        'network_id', 'fixed_ips', 'security_groups', 'device_id',
        'device_owner', 'binding:host_id', 'port_security_enabled')),
    'network/security-groups': ('security_group', ('name', 'description')),
    'network/security-group-rules': ('security_group_rule', (
        'security_group_id', 'direction', 'ethertype', 'protocol',
        'port_range_min', 'port_range_max', 'remote_ip_prefix'))}
PUTS = {
    'volume/volumes/$volume': POSTS['volume/volumes'],
    'network/ports/$port': POSTS['network/ports'],
    'network/subnets/$subnet': POSTS['network/subnets'],
    'network/routers/$router/add_router_interface': (None, (
        'subnet_id', 'port_id')),
    'compute/servers/$server': ('server', ('name',))}
LISTS = ('compute/servers/detail', 'volume/volumes/detail', 'network/ports',
         'network/security-groups', 'volume/snapshots/detail')


class Rain:
    """Requests as they come, of one seed."""

    def __init__(self, hand, seed):
        self.hand = hand
        self.random = random.Random(seed)
        network, subnet = hand.network('10.55.0.0/24')
        self.ids = {
            'server': hand.server(), 'volume': hand.volume(),
            'network': network, 'subnet': subnet,
            'port': hand.port(network_id=network)['id'],
            'router': hand.make('network/routers', 'router')['id']}
        self.image = hand.image()
        self.odd = [
            None, True, 0, -1, 3, 1e9, 'x', '', [], {}, [None], [3], ['x'],
            {'a': 1}, [{'port': self.ids['port']}], [{'uuid': network}],
            [{'subnet_id': subnet}], [{'ip_address': '10.55.0.77'}],
            'none', '10.0.0.0/8', {'type': 'HARD'}, *self.ids.values()]

    def good(self, field):
        ids = self.ids
        return {
            'name': 'n', 'flavorRef': '100', 'imageRef': self.image,
            'networks': 'none', 'size': 1, 'network_id': ids['network'],
            'cidr': '10.77.0.0/24', 'ip_version': 4, 'direction': 'ingress',
            'volume_id': ids['volume'], 'volumeId': ids['volume'],
            'public_key': PUBLIC_KEY, 'ram': 1, 'vcpus': 1}.get(field)

    def drop(self):
        verb, table = self.random.choice([('POST', POSTS), ('PUT', PUTS)])
        path = self.random.choice(list(table))
        key, fields = table[path]
        for name, ident in self.ids.items():
            path = path.replace(f'${name}', ident)
        if key is None:
            inner = {name: self.random.choice(self.odd) for name in
                     self.random.sample(['status', 'new_size', 'snapshot_id',
                                         'name', 'type', 'state'], 2)}
            body = {self.random.choice(fields): self.random.choice(
                [*self.odd, inner, inner])}
        else:
            given = {field: self.good(field) for field in fields
                     if self.good(field) is not None
                     and self.random.random() < 0.8}
            for field in self.random.sample(fields, 1):
                given[field] = self.random.choice(self.odd)
            body = {key: given}
        version = self.random.choice(['latest', '2.79' if 'compute' in path
                                      else '3.66'])
        return verb, path, self.hand.ask(verb, path, body,
                                         version=version), body


@pytest.mark.parametrize('seed', range(4))
def test_nothing_breaks_the_services(hand, clock, seed):
    rain = Rain(hand, seed)
    ends = collections.Counter()
    for number in range(300):
        verb, path, (status, told), body = rain.drop()
        ends[status] += 1
        assert status < 500, (verb, path, body, told)
        if number % 20 == 0:
            clock.advance(30)
            for each in LISTS:
                assert hand.ask('GET', each)[0] == 200
    # Some of it has to have been understood.
    assert sum(count for status, count in ends.items() if status < 300) > 20
    assert {400, 404} <= set(ends)


def test_what_fails_in_the_simulator_is_an_error_of_the_service(hand, sim,
                                                                caplog):
    del sim.nova.store.flavors
    status, body = hand.ask('GET', 'compute/flavors')
    assert status == 500
    assert 'AttributeError' in body['computeFault']['message']
    assert 'The simulator of compute failed' in caplog.text


def test_many_at_once(sim, hand):
    """The simulator is thread-safe: each volume is made once."""
    project = sim.keystone.project('service').id
    hand.ask('PUT', f'volume/os-quota-sets/{project}',
             {'quota_set': {'volumes': -1}})
    made = []

    def work():
        made.extend(hand.make('volume/volumes', 'volume', size=1)['id']
                    for _ in range(25))
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(made)) == 100
    assert len(hand.get('volume/volumes', 'volumes')) == 100
