# SPDX-License-Identifier: Apache-2.0

"""Ports: addresses, owners, bindings."""

from collections.abc import Collection
import ipaddress
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.network import groups
from manila_drivers.testing.simulators.openstack.network import networks
from manila_drivers.testing.simulators.openstack.network import neutronstore
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

ROUTED = frozenset(('network:router_interface', 'network:router_gateway'))
VIF_DETAILS: Record = {
    'connectivity': 'l2', 'port_filter': True, 'ovs_hybrid_plug': False,
    'datapath_type': 'netdev', 'bridge_name': 'br-int',
    'bound_drivers': {'0': 'openvswitch'}}
#: What a member may not say about a port.
PRIVILEGED = ('binding:host_id', 'binding:profile', 'mac_address')


class PortRows(neutronstore.Rows):
    kind, plural, path = 'port', 'ports', 'ports'
    unknown = ('PortNotFound', 'Port {} could not be found.')
    writable = {**networks.bare_port('', ''), 'fixed_ips': None}
    changeable = ('name', 'admin_state_up', 'device_id', 'device_owner',
                  'fixed_ips', 'security_groups', 'port_security_enabled',
                  'binding:host_id', 'binding:vnic_type', 'binding:profile',
                  'allowed_address_pairs', 'mac_address', 'extra_dhcp_opts')
    shapes: schema.Schema = {
        'name': schema.text, 'network_id': schema.text,
        'device_id': schema.text, 'device_owner': schema.text,
        'admin_state_up': schema.truth, 'mac_address': schema.some,
        'port_security_enabled': schema.truth,
        'fixed_ips': schema.null(schema.fixed),
        'security_groups': schema.null(schema.texts),
        'binding:host_id': schema.null(schema.text),
        'binding:profile': schema.null(schema.table),
        'binding:vnic_type': schema.text,
        'allowed_address_pairs': schema.tables,
        'extra_dhcp_opts': schema.null(schema.tables)}

    def __init__(self, store: neutronstore.NetworkStore,
                 nets: networks.NetworkRows,
                 groups: groups.GroupRows) -> None:
        super().__init__(store)
        self.networks = nets
        self.groups = groups

    # Reading

    def told(self, row: Record, caller: wire.Caller) -> Record:
        told = super().told(row, caller)
        if self.world.options.addresses_withheld and (
                row['created_at'] == self.world.moment('Z')):
            told['fixed_ips'] = []
        return told

    def matches(self, row: Record, key: str,
                values: Collection[str]) -> bool:
        """``fixed_ips`` takes NAME=VALUE, several of them as one or other."""
        if key == 'fixed_ips':
            pairs = [value.partition('=')[::2] for value in values]
            return any(all(
                any(each.get(name) == value for name, value in pairs
                    if name == field)
                for field in {name for name, _ in pairs})
                for each in row['fixed_ips'])
        if key == 'security_groups':
            return bool(set(values) & set(row[key]))
        return super().matches(row, key, values)

    # Making

    def create(self, ask: Ask) -> Response:
        body = ask.inner('port')
        project = self.owner(ask, body)
        given = self.accepted(ask, body, self.writable, 'POST')
        network = self.networks.one(str(given.get('network_id')), ask.caller)
        self._permit(ask, given, network, 'create')
        self.store.reserve('port', project)
        row = networks.bare_port(network['id'],
                                 given.get('mac_address')
                                 or self.store.mac())
        row['port_security_enabled'] = network['port_security_enabled']
        row.update({key: value for key, value in given.items()
                    if key not in ('fixed_ips', 'mac_address',
                                   'security_groups')})
        row['security_groups'] = self._groups(ask, project, given, row)
        row['fixed_ips'] = self.allocate(network, given.get('fixed_ips'))
        stored = self.store.put('port', project, row)
        if stored['binding:host_id']:
            self.bind(stored, stored['binding:host_id'])
        return found(201, {'port': self.told(stored, ask.caller)})

    def _permit(self, ask: Ask, given: Record, network: Record,
                verb: str) -> None:
        """:raises Refusal: 403, an administrator's field."""
        if ask.caller.admin:
            return
        owns = network['project_id'] == ask.caller.project_id
        for field in given:
            if field in PRIVILEGED or (
                    field == 'port_security_enabled' and not owns) or (
                    field == 'device_owner' and not owns
                    and str(given[field]).startswith('network:')):
                raise wire.network(
                    403, 'PolicyNotAuthorized', f'(rule:{verb}_port and '
                    f'rule:{verb}_port:{field}) is disallowed by policy')

    def _groups(self, ask: Ask, project: str, given: Record,
                row: Record) -> list[str]:
        """The security groups of a port, by default the project's own one.

        :raises Refusal: 404 unknown, 400 without port security.
        """
        wanted = given.get('security_groups')
        if not row['port_security_enabled']:
            if wanted:
                raise wire.network(
                    400, 'PortSecurityAndIPRequiredForSecurityGroups',
                    'Port security must be enabled and port must have an IP '
                    'address in order to use security groups.')
            return []
        if wanted is None:
            return [self.groups.default(project)['id']]
        for ident in wanted:
            self.groups.one(ident, ask.caller)
        return list(wanted)

    # Addresses

    def allocate(self, network: Record, wanted: Any,
                 port: Record | None = None) -> list[Record]:
        """The addresses of a port.

        :param wanted: ``fixed_ips`` as asked for; None is one of any subnet.
        :param port: what has some of them already.
        :raises Refusal: 400 or 409.
        """
        if wanted is None:
            return self._any(network)
        kept: list[Record] = list(port['fixed_ips']) if port else []
        result: list[Record] = []
        for each in wanted:
            fixed = self._fixed(network, each, kept, result)
            result.append(fixed)
        return result

    def _any(self, network: Record) -> list[Record]:
        if not network['subnets']:
            return []
        for ident in network['subnets']:
            subnet = self.store.rows['subnet'][ident]
            address = networks.pick(self.store, subnet)
            if address is not None:
                return [{'subnet_id': ident, 'ip_address': address}]
        raise self._full(network)

    def _fixed(self, network: Record, each: Record, kept: list[Record],
               taken: list[Record]) -> Record:
        subnet = self._subnet(network, each)
        address = each.get('ip_address')
        mine = [old for old in kept if old['subnet_id'] == subnet['id']
                and address in (None, old['ip_address'])
                and old not in taken]
        if mine:
            return mine[0]
        chosen = {old['ip_address'] for old in taken}
        if address is None:
            address = networks.pick(self.store, subnet, chosen)
            if address is None:
                raise self._full(network)
            return {'subnet_id': subnet['id'], 'ip_address': address}
        if address in self.store.addresses(subnet['id']) | chosen:
            raise wire.network(
                409, 'IpAddressAlreadyAllocated', f'IP address {address} '
                f'already allocated in subnet {subnet["id"]}')
        return {'subnet_id': subnet['id'], 'ip_address': address}

    def _subnet(self, network: Record, each: Record) -> Record:
        """:raises Refusal: 400, none of the network, or not of the subnet."""
        address, ident = each.get('ip_address'), each.get('subnet_id')
        ip = None
        if address is not None:
            try:
                ip = ipaddress.ip_address(address)
            except ValueError:
                raise wire.network(
                    400, 'HTTPBadRequest', 'Invalid input for fixed_ips. '
                    f"Reason: '{address}' is not a valid IP "
                    'address.') from None
        if ident is None:
            for own in network['subnets']:
                subnet = self.store.rows['subnet'][own]
                if ip in ipaddress.ip_network(subnet['cidr']):
                    return subnet
            raise wire.network(
                400, 'InvalidIpForNetwork', f'IP address {address} is not a '
                'valid IP for any of the subnets on the specified network.')
        if ident not in network['subnets']:
            raise wire.network(
                400, 'InvalidInput', 'Invalid input for operation: Failed to '
                f'create port on network {network["id"]}, because fixed_ips '
                f'included invalid subnet {ident}.')
        subnet = self.store.rows['subnet'][ident]
        if ip is not None and ip not in ipaddress.ip_network(subnet['cidr']):
            raise wire.network(
                400, 'InvalidIpForSubnet', f'IP address {address} is not a '
                'valid IP for the specified subnet.')
        return subnet

    def _full(self, network: Record) -> wire.Refusal:
        return wire.network(
            409, 'IpAddressGenerationFailure', 'No more IP addresses '
            f'available on network {network["id"]}.')

    # Changing

    def update(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        fields = self.accepted(ask, ask.inner('port'), self.changeable, 'PUT')
        network = self.store.rows['network'][row['network_id']]
        self._permit(ask, fields, network, 'update')
        after = {**row, **fields}
        if 'security_groups' in fields or 'port_security_enabled' in fields:
            given = fields if 'security_groups' in fields else {
                'security_groups': row['security_groups']}
            fields['security_groups'] = self._groups(
                ask, row['project_id'], given, after)
        if 'fixed_ips' in fields:
            fields['fixed_ips'] = self.allocate(network, fields['fixed_ips'],
                                                row)
        self.store.changed(row, fields)
        if 'binding:host_id' in fields:
            self.bind(row, fields['binding:host_id'] or '')
        return found(200, {'port': self.told(row, ask.caller)})

    def delete(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'delete')
        if row['device_owner'] in ROUTED:
            raise wire.network(
                409, 'ServicePortInUse', f'Port {ident} cannot be deleted '
                'directly via the port API: has device owner '
                f'{row["device_owner"]}.')
        del self.store.rows['port'][ident]
        return Response(204)

    # What Nova and agents do

    def bind(self, row: Record, host: str) -> None:
        """Put a port onto a host; '' takes it off."""
        options = self.world.options
        known = host in (options.host, *options.known_hosts)
        row['binding:host_id'] = host
        row['binding:vif_type'] = ('unbound' if not host else 'ovs' if known
                                   else 'binding_failed')
        row['binding:vif_details'] = dict(
            VIF_DETAILS) if row['binding:vif_type'] == 'ovs' else {}
        row['status'] = 'DOWN'

        def up() -> None:
            if row['binding:host_id'] == host and row['binding:vif_type'] == (
                    'ovs'):
                row['status'] = 'ACTIVE'
        if known:
            self.world.after(options.bind, up)

    def take(self, row: Record, device_id: str, owner: str,
             host: str) -> None:
        """A server takes a port."""
        self.store.changed(row, {'device_id': device_id,
                                 'device_owner': owner})
        self.bind(row, host)

    def release(self, row: Record) -> None:
        """A server lets go of it: nobody owns it now, not who made it."""
        self.store.changed(row, {'device_id': '', 'device_owner': ''})
        self.bind(row, '')
