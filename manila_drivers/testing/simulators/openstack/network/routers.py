# SPDX-License-Identifier: Apache-2.0

"""Routers and their interfaces."""

import ipaddress

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.network import networks
from manila_drivers.testing.simulators.openstack.network import neutronstore
from manila_drivers.testing.simulators.openstack.network.ports import PortRows
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

INTERFACE = 'network:router_interface'


class RouterRows(neutronstore.Rows):
    kind, plural, path = 'router', 'routers', 'routers'
    unknown = ('RouterNotFound', 'Router {} could not be found')
    writable = {'name': '', 'admin_state_up': True,
                'external_gateway_info': None, 'distributed': False,
                'ha': False}
    changeable = ('name', 'admin_state_up', 'external_gateway_info')
    shapes: schema.Schema = {
        'name': schema.text, 'admin_state_up': schema.truth,
        'external_gateway_info': schema.null(schema.table)}

    def __init__(self, ports: PortRows) -> None:
        super().__init__(ports.store)
        self.ports = ports

    def create(self, ask: Ask) -> Response:
        body = ask.inner('router')
        project = self.owner(ask, body)
        given = self.accepted(ask, body, self.writable, 'POST')
        self.store.reserve('router', project)
        row = self.store.put('router', project, {
            **self.writable, **given, 'status': 'ACTIVE', 'routes': [],
            'flavor_id': None, 'availability_zones': [],
            'availability_zone_hints': []})
        return found(201, {'router': self.told(row, ask.caller)})

    def update(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        self.store.changed(row, self.accepted(ask, ask.inner('router'),
                                              self.changeable, 'PUT'))
        return found(200, {'router': self.told(row, ask.caller)})

    def delete(self, ask: Ask, ident: str) -> Response:
        self.own(ident, ask.caller, 'delete')
        ports = self.interfaces(ident)
        if ports:
            attached = ', '.join(port['id'] for port in ports)
            raise wire.network(409, 'RouterInUse', f'Router {ident} has '
                                    f'ports still attached: {attached}')
        del self.store.rows['router'][ident]
        return Response(204)

    def interfaces(self, ident: str) -> list[Record]:
        return self.store.of('port', device_id=ident, device_owner=INTERFACE)

    # Interfaces

    def add_interface(self, ask: Ask, ident: str) -> Response:
        """:raises Refusal: 404, or 400 in three ways, all BadRequest."""
        row = self.own(ident, ask.caller, 'add_router_interface')
        if not {'port_id', 'subnet_id'} & set(ask.body):
            raise _bad('Either subnet_id or port_id must be specified.')
        if 'port_id' in ask.body:
            port = self.ports.one(str(ask.body['port_id']), ask.caller)
            subnet = self.store.rows['subnet'][
                port['fixed_ips'][0]['subnet_id']]
            self._check(row, subnet)
        else:
            subnet = self._subnet(ask)
            if subnet['gateway_ip'] is None:
                raise _bad('Subnet for router interface must have a gateway '
                           'IP.')
            self._check(row, subnet)
            port = self._port(row, subnet)
        self.ports.take(port, ident, INTERFACE, self.world.options.host)
        return found(200, self._told(row, port, subnet))

    def _subnet(self, ask: Ask) -> Record:
        ident = str(ask.body.get('subnet_id'))
        subnet = self.store.rows['subnet'].get(ident)
        if subnet is None or not (
                ask.caller.admin
                or subnet['project_id'] == ask.caller.project_id):
            raise wire.network(404, 'SubnetNotFound',
                               f'Subnet {ident} could not be found.')
        return subnet

    def _check(self, row: Record, subnet: Record) -> None:
        """:raises Refusal: 400, it is there already, or one like it."""
        cidr = ipaddress.ip_network(subnet['cidr'])
        for port in self.interfaces(row['id']):
            for fixed in port['fixed_ips']:
                if fixed['subnet_id'] == subnet['id']:
                    raise _bad('Router already has a port on subnet '
                               f'{subnet["id"]}.')
                other = self.store.rows['subnet'][fixed['subnet_id']]
                if cidr.overlaps(ipaddress.ip_network(other['cidr'])):
                    raise _bad(
                        f'Cidr {subnet["cidr"]} of subnet {subnet["id"]} '
                        f'overlaps with cidr {other["cidr"]} of subnet '
                        f'{other["id"]}.')

    def _port(self, row: Record, subnet: Record) -> Record:
        network = self.store.rows['network'][subnet['network_id']]
        fixed = self.ports.allocate(network, [{
            'subnet_id': subnet['id'], 'ip_address': subnet['gateway_ip']}])
        return self.store.put('port', row['project_id'], {
            **networks.bare_port(network['id'], self.store.mac()),
            'fixed_ips': fixed, 'port_security_enabled': False})

    def remove_interface(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'remove_router_interface')
        wanted = ask.body.get('subnet_id')
        for port in self.interfaces(ident):
            for fixed in port['fixed_ips']:
                if wanted in (None, fixed['subnet_id']) and (
                        ask.body.get('port_id') in (None, port['id'])):
                    del self.store.rows['port'][port['id']]
                    subnet = self.store.rows['subnet'][fixed['subnet_id']]
                    return found(200, self._told(row, port, subnet))
        if wanted is not None:
            self._subnet(ask)
            raise wire.network(
                404, 'RouterInterfaceNotFoundForSubnet', f'Router {ident} '
                f'has no interface on subnet {wanted}')
        raise wire.network(
            404, 'RouterInterfaceNotFound', f'Router {ident} does not have '
            f'an interface with id {ask.body.get("port_id")}')

    def _told(self, row: Record, port: Record, subnet: Record) -> Record:
        return {'id': row['id'], 'project_id': row['project_id'],
                'port_id': port['id'], 'network_id': port['network_id'],
                'subnet_id': subnet['id'], 'subnet_ids': [subnet['id']]}


def _bad(text: str) -> wire.Refusal:
    return wire.network(400, 'BadRequest', f'Bad router request: {text}')
