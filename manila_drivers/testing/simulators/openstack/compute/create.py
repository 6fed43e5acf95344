# SPDX-License-Identifier: Apache-2.0

"""``POST /servers``: what is checked before anything is built."""

import base64
import binascii
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute import views
from manila_drivers.testing.simulators.openstack.compute.build import Builder
from manila_drivers.testing.simulators.openstack.glance import Glance
from manila_drivers.testing.simulators.openstack.network import networks
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.web.messages import Response

FIELDS = frozenset((
    'name', 'flavorRef', 'imageRef', 'networks', 'key_name', 'metadata',
    'availability_zone', 'block_device_mapping_v2', 'user_data', 'adminPass',
    'security_groups', 'min_count', 'max_count', 'config_drive',
    'OS-DCF:diskConfig', 'return_reservation_id', 'personality',
    'accessIPv4', 'accessIPv6'))
SCHEMA: schema.Schema = {
    'flavorRef': lambda value: schema.text(value) or schema.whole(value),
    'imageRef': schema.text, 'networks': schema.attached,
    'key_name': schema.null(schema.text), 'metadata': schema.labels,
    'availability_zone': schema.null(schema.text),
    'block_device_mapping_v2': schema.tables,
    'user_data': schema.null(schema.text)}
#: Fields that a microversion has brought.
NEWER = {'description': '2.19', 'tags': '2.52',
         'trusted_image_certificates': '2.63', 'host': '2.74',
         'hypervisor_hostname': '2.74', 'hostname': '2.90'}


class ServerCreation:
    def __init__(self, store: novastore.ComputeStore, glance: Glance,
                 neutron: Neutron,
                 builder: Builder) -> None:
        self.store = store
        self.world = store.world
        self.glance = glance
        self.neutron = neutron
        self.builder = builder

    def routes(self) -> Routes:
        return {'POST /servers': self.create}

    def create(self, ask: Ask) -> Response:
        """:raises Refusal: 400 for all that is referred to and not there."""
        body = ask.inner('server')
        self._schema(ask, body)
        self._permit(ask, body)
        flavor = self._flavor(str(body['flavorRef']))
        zone = self._zone(body.get('availability_zone'))
        root = self._root(ask, body)
        bus = self._bus(ask, body, root)
        key = self._key(ask, body.get('key_name'))
        wanted = self._networks(ask, body)
        self.store.reserve(ask.caller.project_id, flavor)
        server = novastore.Instance(
            self.world.uuid(), body['name'].strip(), ask.caller.project_id,
            ask.caller.user_id, flavor,
            '' if root else str(body['imageRef']), key, zone, self.world.now,
            metadata=dict(body.get('metadata', {})), bus=bus,
            updated=self.world.now, reservation=f'r-{self.world.hex(8)}')
        self._wire(ask, server, wanted)
        self.store.servers[server.id] = server
        if root and root['source_type'] == 'volume':
            self._claim(server, root)
        line = self.store.begin(server, 'create', ask.request_id, ask.caller,
                                'compute__do_build_and_run_instance')
        self.builder.build(server, line, root)
        return self._answered(ask, server)

    def _answered(self, ask: Ask, server: novastore.Instance) -> Response:
        href = views.links(self.world, 'servers', server.id)
        told = {'id': server.id, 'links': href, 'OS-DCF:diskConfig': 'MANUAL',
                'security_groups': [{'name': 'default'}],
                'adminPass': self.world.hex(12)}
        return found(202, {'server': told}, Location=href[0]['href'])._replace(
            delay=self.world.options.create_server_takes)

    # Checks, in Nova's order

    def _schema(self, ask: Ask, body: Record) -> None:
        for field in ('name', 'flavorRef'):
            novastore.required(body, field, 'server')
        if since(ask, '2.37'):
            novastore.required(body, 'networks', 'server')
        name = body['name']
        schema.check(ask, body, {'name': lambda value: schema.text(
            value) and len(value) < 256 and schema.filled(value)})
        if name != name.strip():
            raise wire.compute(
                400, "An invalid 'name' value was provided. The name must "
                'be: printable characters. Can not start or end with '
                'whitespace.')
        schema.check(ask, body, SCHEMA)
        known = FIELDS | {field for field, version in NEWER.items()
                          if since(ask, version)}
        unknown = sorted(set(body) - known)
        if unknown:
            raise wire.compute(
                400, f'Invalid input for field/attribute server. Value: '
                f'{body}. Additional properties are not allowed '
                f"('{unknown[0]}' was unexpected)")
        try:
            base64.b64decode(body.get('user_data') or '')
        except (binascii.Error, TypeError):
            raise wire.compute(
                400, 'Invalid input for field/attribute user_data. Value: '
                f"{body['user_data']}. is not a 'base64'") from None

    def _permit(self, ask: Ask, body: Record) -> None:
        if ('host' in body or 'hypervisor_hostname' in body) and (
                not ask.caller.admin):
            raise wire.compute(403, "Policy doesn't allow compute:servers:"
                               'create:requested_destination to be '
                               'performed.')
        host = body.get('host')
        if host is not None and host != self.world.options.host:
            raise wire.compute(400, f'Compute host {host} could not be '
                                    'found.')

    def _flavor(self, ident: str) -> novastore.CloudFlavor:
        if ident not in self.store.flavors:
            raise wire.compute(400, f'Flavor {ident} could not be found.')
        return self.store.flavors[ident]

    def _zone(self, wanted: Any) -> str:
        zones = self.world.options.zones
        if wanted is None:
            return zones[0]
        zone = str(wanted).partition(':')[0]
        if zone not in zones:
            raise wire.compute(400, 'The requested availability zone is not '
                                    'available')
        return zone

    def _bus(self, ask: Ask, body: Record, root: Record | None) -> str:
        """How disks are attached, as the image says."""
        ident = body.get('imageRef') or ''
        if root and root['source_type'] == 'image':
            ident = root['uuid']
        elif root:
            return 'virtio'
        if not ident:
            raise wire.compute(400, 'Missing imageRef attribute')
        try:
            image = self.glance.one(str(ident), ask.caller)
        except Refusal:
            image = {'status': 'gone'}
        if image['status'] == 'gone':
            raise wire.compute(400, 'Can not find requested image')
        if image['status'] != 'active':
            raise wire.compute(400, f'Image {ident} is not active.')
        return str(image.get('hw_disk_bus', 'virtio'))

    def _root(self, ask: Ask, body: Record) -> Record | None:
        """The block device to boot from; None is the image.

        :raises Refusal: 400, a volume that cannot be.
        """
        for each in body.get('block_device_mapping_v2') or ():
            if each.get('boot_index') != 0 or (
                    each.get('destination_type') != 'volume'):
                continue
            if 'volume_type' in each and not since(ask, '2.67'):
                raise wire.compute(
                    400, 'Invalid input for field/attribute 0. Value: '
                    f'{each}. Additional properties are not allowed '
                    "('volume_type' was unexpected)")
            if each.get('source_type') == 'volume':
                self._bootable(ask, each)
            elif not each.get('volume_size'):
                raise wire.compute(
                    400, "Images with destination_type 'volume' need to have "
                    'a non-zero size specified')
            return dict(each)
        return None

    def _bootable(self, ask: Ask, device: Record) -> None:
        volumes = self.builder.volumes
        volume = volumes.volumes.get(str(device.get('uuid')))
        if volume is None or not volumes.visible(volume, ask.caller):
            raise wire.compute(400, 'Block Device Mapping is Invalid: failed '
                                    f'to get volume {device.get("uuid")}.')
        if volume.status != 'available':
            raise wire.compute(
                400, f"Invalid volume: volume '{volume.id}' status must be "
                f"'available'. Currently in '{volume.status}'")
        if not volume.bootable:
            raise wire.compute(400, f'Block Device {volume.id} is not '
                                    'bootable.')

    def _claim(self, server: novastore.Instance, root: Record) -> None:
        volumes = self.builder.volumes
        volumes.touch(volumes.volumes[root['uuid']], 'reserved')
        server.mappings.append(novastore.BlockMapping(
            root['uuid'], self.builder.device(server, root=True),
            self.world.uuid(), self.world.uuid(), root=True,
            keep=not root.get('delete_on_termination')))

    def _key(self, ask: Ask, name: Any) -> str | None:
        if name is None:
            return None
        if (ask.caller.user_id, name) not in self.store.keys:
            raise wire.compute(400, 'Invalid key_name provided.')
        return str(name)

    # Networks

    def _networks(self, ask: Ask, body: Record) -> list[Record]:
        """Return the networks and ports that a server is to have.

        :raises Refusal: 400 not there, 409 in use.
        """
        wanted = body.get('networks')
        if wanted in ('none', 'auto'):
            return []
        if not wanted:
            return self._only_network(ask)
        for each in wanted:
            if 'port' in each:
                self._check_port(ask, str(each['port']))
                continue
            row = self.neutron.store.rows['network'].get(
                str(each.get('uuid')))
            if row is None or not self.neutron.networks.visible(row,
                                                                ask.caller):
                raise wire.compute(400, f'Network {each.get("uuid")} could '
                                        'not be found.')
            if not row['subnets']:
                raise wire.compute(400, f'Network {row["id"]} requires a '
                                   'subnet in order to boot instances on.')
        return list(wanted)

    def _only_network(self, ask: Ask) -> list[Record]:
        """Choose the network for who has not said one.

        :raises Refusal: 409, there are several.
        """
        rows = [row for row in self.neutron.store.rows['network'].values()
                if row['shared']
                or row['project_id'] == ask.caller.project_id]
        if len(rows) > 1:
            raise wire.compute(409, 'Multiple possible networks found, use a '
                                    'Network ID to be more specific.')
        return [{'uuid': row['id']} for row in rows if row['subnets']]

    def _check_port(self, ask: Ask, ident: str) -> None:
        port = self.neutron.store.rows['port'].get(ident)
        if port is None or not self.neutron.ports.visible(port, ask.caller):
            raise wire.compute(400, f'Port id {ident} could not be found.')
        if port['device_id']:
            raise wire.compute(409, f'Port {ident} is still in use.')
        if not port['fixed_ips']:
            raise wire.compute(400, f'Port {ident} requires a FixedIP in '
                                    'order to be used.')

    def _wire(self, ask: Ask, server: novastore.Instance,
              wanted: list[Record]) -> None:
        """Take the ports, or make them."""
        ports = self.neutron.ports
        for each in wanted:
            if 'port' in each:
                server.ports.append(str(each['port']))
                continue
            network = self.neutron.store.rows['network'][each['uuid']]
            groups = [self.neutron.groups.default(server.project_id)['id']]
            row = self.neutron.store.put('port', server.project_id, {
                **networks.bare_port(network['id'], self.neutron.store.mac()),
                'fixed_ips': ports.allocate(network, None),
                'security_groups': groups, 'device_id': server.id})
            server.ports.append(row['id'])
            server.made_ports.add(row['id'])
