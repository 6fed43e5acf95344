# SPDX-License-Identifier: Apache-2.0

"""Networks and subnets."""

from collections.abc import Collection
from collections.abc import Iterator
import ipaddress
import itertools
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.network import neutronstore
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
#: How many of the lowest free addresses one is chosen of.
WINDOW = 253
#: Ports that the services make by themselves, and take away.
AUTOMATIC = frozenset(('network:dhcp',))


class NetworkRows(neutronstore.Rows):
    kind, plural, path = 'network', 'networks', 'networks'
    unknown = ('NetworkNotFound', 'Network {} could not be found.')
    writable = {'name': '', 'admin_state_up': True, 'shared': False,
                'port_security_enabled': True, 'router:external': False,
                'mtu': 1500, 'provider:network_type': 'local',
                'provider:physical_network': None,
                'provider:segmentation_id': None}
    changeable = ('name', 'admin_state_up', 'shared',
                  'port_security_enabled')
    shapes: schema.Schema = {
        'name': schema.text, 'admin_state_up': schema.truth,
        'shared': schema.truth, 'port_security_enabled': schema.truth,
        'router:external': schema.truth, 'mtu': schema.whole}

    def create(self, ask: Ask) -> Response:
        body = ask.inner('network')
        project = self.owner(ask, body)
        given = self.accepted(ask, body, self.writable, 'POST')
        for field in given:
            if not ask.caller.admin and (
                    field.startswith('provider:')
                    or field in ('shared', 'router:external')
                    and given[field]):
                raise wire.network(
                    403, 'PolicyNotAuthorized', '(rule:create_network and '
                    f'rule:create_network:{field}) is disallowed by policy')
        self.store.reserve('network', project)
        row = self.store.put('network', project, {
            **self.writable, **given, 'status': 'ACTIVE', 'subnets': [],
            'is_default': False, 'availability_zone_hints': [],
            'availability_zones': [], 'ipv4_address_scope': None,
            'ipv6_address_scope': None})
        return found(201, {'network': self.told(row, ask.caller)})

    def update(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        self.store.changed(row, self.accepted(ask, ask.inner('network'),
                                              self.changeable, 'PUT'))
        return found(200, {'network': self.told(row, ask.caller)})

    def delete(self, ask: Ask, ident: str) -> Response:
        """:raises Refusal: 409, somebody else's ports are on it."""
        row = self.own(ident, ask.caller, 'delete')
        ports = self.store.of('port', network_id=ident)
        held = [port['id'] for port in ports
                if port['device_owner'] not in AUTOMATIC]
        if held:
            raise wire.network(
                409, 'NetworkInUse', 'Unable to complete operation on '
                f'network {ident}. There are one or more ports still in use '
                'on the network, id for these ports is: '
                f'{",".join(held)}.')
        for port in ports:
            del self.store.rows['port'][port['id']]
        for subnet in row['subnets']:
            self.store.rows['subnet'].pop(subnet, None)
        del self.store.rows['network'][ident]
        return Response(204)


class SubnetRows(neutronstore.Rows):
    kind, plural, path = 'subnet', 'subnets', 'subnets'
    unknown = ('SubnetNotFound', 'Subnet {} could not be found.')
    writable = {'name': '', 'network_id': None, 'cidr': None,
                'ip_version': 4, 'gateway_ip': None, 'enable_dhcp': True,
                'allocation_pools': None, 'host_routes': [],
                'dns_nameservers': [], 'subnetpool_id': None,
                'ipv6_ra_mode': None, 'ipv6_address_mode': None}
    changeable = ('name', 'gateway_ip', 'enable_dhcp', 'host_routes',
                  'dns_nameservers')
    shapes: schema.Schema = {
        'name': schema.text, 'network_id': schema.text, 'cidr': schema.text,
        'ip_version': schema.whole, 'enable_dhcp': schema.truth,
        'gateway_ip': schema.null(schema.address),
        'allocation_pools': schema.null(schema.pools),
        'host_routes': schema.tables, 'dns_nameservers': schema.texts}

    def __init__(self, store: neutronstore.NetworkStore,
                 networks: NetworkRows) -> None:
        super().__init__(store)
        self.networks = networks

    def create(self, ask: Ask) -> Response:
        body = ask.inner('subnet')
        project = self.owner(ask, body)
        given = self.accepted(ask, body, self.writable, 'POST')
        network = self.networks.own(str(given.get('network_id')),
                                    ask.caller, 'create_subnet')
        cidr = self._cidr(given, network)
        self.store.reserve('subnet', project)
        row = self.store.put('subnet', project, {
            **self.writable, **given, **self._shape(cidr, given),
            'ip_version': cidr.version, 'router:external': False,
            'service_types': []})
        network['subnets'].append(row['id'])
        if row['enable_dhcp']:
            self.world.after(self.world.options.dhcp,
                             lambda: self._serve(row))
        return found(201, {'subnet': self.told(row, ask.caller)})

    def _cidr(self, given: Record, network: Record) -> Any:
        """:raises Refusal: 400, no network, or one that overlaps."""
        try:
            cidr = ipaddress.ip_network(str(given.get('cidr')), strict=False)
        except ValueError:
            raise _input(
                f'{given.get("cidr")} is not in a CIDR format.') from None
        if cidr.version != given.get('ip_version', 4):
            raise _input(f"cidr '{cidr}' does not match the ip_version "
                         f"'{given.get('ip_version')}'.")
        for ident in network['subnets']:
            other = self.store.rows['subnet'][ident]
            if cidr.overlaps(ipaddress.ip_network(other['cidr'])):
                raise _input(
                    f'Requested subnet with cidr: {cidr} for network: '
                    f'{network["id"]} overlaps with another subnet.')
        return cidr

    def _shape(self, cidr: Any, given: Record) -> Record:
        """Gateway and pools of a new subnet."""
        first, last = int(cidr.network_address) + 1, int(
            cidr.broadcast_address) - (cidr.version == 4)
        kind = type(cidr.network_address)
        gateway: str | None = str(kind(first))
        if 'gateway_ip' in given:
            gateway = given['gateway_ip']
        pools = given.get('allocation_pools')
        if pools is None:
            cut = int(kind(gateway)) if gateway else first - 1
            pools = [{'start': str(kind(start)), 'end': str(kind(end))}
                     for start, end in ((first, cut - 1), (cut + 1, last))
                     if first <= start <= end <= last]
        return {'cidr': str(cidr), 'gateway_ip': gateway,
                'allocation_pools': pools}

    def _serve(self, subnet: Record) -> None:
        """The DHCP agent takes an address, on one port per network."""
        if subnet['id'] not in self.store.rows['subnet']:
            return
        address = pick(self.store, subnet)
        network = subnet['network_id']
        if address is None:
            return
        fixed = {'subnet_id': subnet['id'], 'ip_address': address}
        for port in self.store.of('port', network_id=network,
                                  device_owner='network:dhcp'):
            port['fixed_ips'].append(fixed)
            return
        agent = f'dhcp{self.world.uuid()}-{network}'
        self.store.put('port', subnet['project_id'], {
            **bare_port(network, self.store.mac()), 'device_id': agent,
            'device_owner': 'network:dhcp', 'fixed_ips': [fixed],
            'status': 'ACTIVE', 'binding:host_id': self.world.options.host,
            'binding:vif_type': 'ovs', 'port_security_enabled': False})

    def update(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        fields = self.accepted(ask, ask.inner('subnet'), self.changeable,
                               'PUT')
        gateway = fields.get('gateway_ip')
        for pool in row['allocation_pools']:
            if gateway and _between(gateway, pool):
                raise wire.network(
                    409, 'GatewayConflictWithAllocationPools', 'Gateway ip '
                    f'{gateway} conflicts with allocation pool '
                    f'{pool["start"]}-{pool["end"]}.')
        self.store.changed(row, fields)
        return found(200, {'subnet': self.told(row, ask.caller)})

    def delete(self, ask: Ask, ident: str) -> Response:
        """:raises Refusal: 409, somebody else's ports are on it."""
        row = self.own(ident, ask.caller, 'delete')
        ports = self.store.on(ident)
        if any(port['device_owner'] not in AUTOMATIC for port in ports):
            raise wire.network(
                409, 'SubnetInUse', 'Unable to complete operation on subnet '
                f'{ident}: One or more ports have an IP allocation from this '
                'subnet.')
        for port in ports:
            port['fixed_ips'] = [each for each in port['fixed_ips']
                                 if each['subnet_id'] != ident]
        self.store.rows['network'][row['network_id']]['subnets'].remove(ident)
        del self.store.rows['subnet'][ident]
        return Response(204)


def bare_port(network_id: str, mac: str) -> Record:
    """The fields of a port that nobody has asked anything of."""
    return {'name': '', 'network_id': network_id, 'mac_address': mac,
            'admin_state_up': True, 'status': 'DOWN', 'device_id': '',
            'device_owner': '', 'fixed_ips': [],
            'port_security_enabled': True, 'security_groups': [],
            'binding:vnic_type': 'normal', 'binding:profile': {},
            'binding:host_id': '', 'binding:vif_type': 'unbound',
            'binding:vif_details': {}, 'allowed_address_pairs': [],
            'extra_dhcp_opts': []}


def pick(store: neutronstore.NetworkStore, subnet: Record,
         but: Collection[str] = ()) -> str | None:
    """Return a free address of a subnet; None if it is full."""
    world = store.world
    found = (str(address) for address in free(store, subnet)
             if str(address) not in but)
    if not world.options.random_addresses:
        return next(found, None)
    # As Neutron does: any of those that come first.
    window = list(itertools.islice(found, WINDOW))
    return window[world.pick(len(window))] if window else None


def free(store: neutronstore.NetworkStore, subnet: Record) -> Iterator[Ip]:
    """Addresses of the pools that nobody has, the lowest first."""
    taken = store.addresses(subnet['id'])
    for pool in subnet['allocation_pools']:
        start = ipaddress.ip_address(pool['start'])
        for offset in range(int(ipaddress.ip_address(pool['end']))
                            - int(start) + 1):
            if str(start + offset) not in taken:
                yield start + offset


def _between(address: str, pool: Record) -> bool:
    ip = ipaddress.ip_address(address)
    return bool(int(ipaddress.ip_address(pool['start'])) <= int(ip)
                <= int(ipaddress.ip_address(pool['end'])))


def _input(text: str) -> Exception:
    return wire.network(400, 'InvalidInput',
                        f'Invalid input for operation: {text}')
