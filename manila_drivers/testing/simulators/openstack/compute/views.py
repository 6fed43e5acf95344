# SPDX-License-Identifier: Apache-2.0

"""Servers as Nova writes them, by microversion and role."""

import hashlib

from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World


def links(world: World, what: str, ident: str) -> list[Record]:
    base = f'{world.options.link_url or world.url}/compute'
    return [{'rel': 'self', 'href': f'{base}/v2.1/{what}/{ident}'},
            {'rel': 'bookmark', 'href': f'{base}/{what}/{ident}'}]


def flavor(world: World, ask: Ask, of: novastore.CloudFlavor) -> Record:
    """As it stands in a server: without its id from 2.47 on."""
    if since(ask, '2.47'):
        return {'vcpus': of.vcpus, 'ram': of.ram, 'disk': of.disk,
                'ephemeral': 0, 'swap': 0, 'original_name': of.name,
                'extra_specs': {}}
    return {'id': of.id, 'links': links(world, 'flavors', of.id)[1:]}


def addresses(neutron: Neutron, server: novastore.Instance) -> Record:
    """By the name of the network; nothing before there is a network."""
    found: Record = {}
    if not server.wired:
        return found
    for ident in server.ports:
        port = neutron.store.rows['port'].get(ident)
        if port is None:
            continue
        network = neutron.store.rows['network'].get(port['network_id'])
        for fixed in port['fixed_ips']:
            address = fixed['ip_address']
            found.setdefault(network['name'] if network else '', []).append({
                'version': 6 if ':' in address else 4, 'addr': address,
                'OS-EXT-IPS:type': 'fixed',
                'OS-EXT-IPS-MAC:mac_addr': port['mac_address']})
    return found


def groups(neutron: Neutron, server: novastore.Instance) -> list[Record]:
    """Names of the security groups of all ports, each once."""
    names: dict[str, None] = {}
    for ident in server.ports:
        port = neutron.store.rows['port'].get(ident, {})
        for group in port.get('security_groups', ()):
            row = neutron.store.rows['security_group'].get(group)
            names[row['name'] if row else group] = None
    return [{'name': name} for name in names]


def short(world: World, server: novastore.Instance) -> Record:
    return {'id': server.id, 'name': server.name,
            'links': links(world, 'servers', server.id)}


def unknown(world: World, ask: Ask, server: novastore.Instance, *,
            single: bool) -> Record:
    """Show a server whose cell is down: what the API's own database has."""
    view: Record = {'id': server.id, 'tenant_id': server.project_id,
                    'created': world.moment('Z', at=server.born),
                    'status': 'UNKNOWN',
                    'links': links(world, 'servers', server.id)}
    if single:
        view.update({
            'flavor': flavor(world, ask, server.flavor),
            'image': _image(world, server), 'user_id': server.user_id,
            'OS-EXT-AZ:availability_zone': server.zone,
            'OS-EXT-STS:power_state': 0})
    return view


def full(world: World, neutron: Neutron, ask: Ask, server: novastore.Instance,
         *,
         single: bool) -> Record:
    """:param single: it was asked for alone, and not in a list."""
    view: Record = {
        'accessIPv4': '', 'accessIPv6': '',
        'addresses': addresses(neutron, server),
        'created': world.moment('Z', at=server.born),
        'flavor': flavor(world, ask, server.flavor),
        'hostId': _host_id(server), 'id': server.id,
        'image': _image(world, server),
        'links': links(world, 'servers', server.id),
        'metadata': dict(server.metadata), 'name': server.name,
        'status': server.status, 'tenant_id': server.project_id,
        'user_id': server.user_id,
        'updated': world.moment('Z', at=server.updated),
        'OS-DCF:diskConfig': 'MANUAL',
        'OS-EXT-AZ:availability_zone': server.zone if server.host else '',
        'config_drive': '', 'key_name': server.key_name,
        'OS-SRV-USG:launched_at': (
            world.moment('.000000', at=server.launched)
            if server.launched else None),
        'OS-SRV-USG:terminated_at': None,
        'OS-EXT-STS:task_state': server.task_state,
        'OS-EXT-STS:vm_state': server.vm_state,
        'OS-EXT-STS:power_state': novastore.POWER.get(server.vm_state, 0),
        'os-extended-volumes:volumes_attached': [
            {'id': each.volume_id, **({'delete_on_termination': not each.keep}
                                      if since(ask, '2.3') else {})}
            for each in server.mappings]}
    if server.status in ('ACTIVE', 'BUILD', 'REBOOT', 'HARD_REBOOT'):
        view['progress'] = 100 if server.vm_state == 'active' else 0
    named = groups(neutron, server) if server.wired else []
    if named:
        view['security_groups'] = named
    if server.fault is not None:
        view['fault'] = _fault(ask, server.fault)
    view.update(_later(ask, server, single))
    if ask.caller.admin:
        view.update(_inside(ask, server))
    return view


def _image(world: World, server: novastore.Instance) -> Record | str:
    if not server.image_id:
        return ''
    return {'id': server.image_id,
            'links': links(world, 'images', server.image_id)[1:]}


def _host_id(server: novastore.Instance) -> str:
    if not server.host:
        return ''
    told = f'{server.project_id}{server.host}'.encode()
    return hashlib.sha224(told).hexdigest()


def _fault(ask: Ask, fault: Record) -> Record:
    """Details are for administrators, when the code is 500."""
    return {key: value for key, value in fault.items()
            if key != 'details' or ask.caller.admin}


def _later(ask: Ask, server: novastore.Instance, single: bool) -> Record:
    """Fields that microversions have brought."""
    added: Record = {}
    for version, name, value in (
            ('2.9', 'locked', False), ('2.19', 'description', None),
            ('2.26', 'tags', []), ('2.63', 'trusted_image_certificates', None),
            ('2.73', 'locked_reason', None),
            ('2.96', 'pinned_availability_zone', server.zone)):
        if since(ask, version):
            added[name] = value
    if single and since(ask, '2.71'):
        added['server_groups'] = []
    if since(ask, '2.90'):
        added['OS-EXT-SRV-ATTR:hostname'] = hostname(server)
    return added


def _inside(ask: Ask, server: novastore.Instance) -> Record:
    """Fields for administrators."""
    number = int(server.id[:8], 16)
    added: Record = {
        'OS-EXT-SRV-ATTR:host': server.host or None,
        'OS-EXT-SRV-ATTR:instance_name': (
            f'instance-{number:08x}' if server.host else ''),
        'OS-EXT-SRV-ATTR:hypervisor_hostname': server.host or None}
    if since(ask, '2.3'):
        added.update({
            'OS-EXT-SRV-ATTR:hostname': hostname(server),
            'OS-EXT-SRV-ATTR:kernel_id': '',
            'OS-EXT-SRV-ATTR:launch_index': 0,
            'OS-EXT-SRV-ATTR:ramdisk_id': '',
            'OS-EXT-SRV-ATTR:reservation_id': server.reservation,
            'OS-EXT-SRV-ATTR:root_device_name': (
                _device(server) if server.host else None),
            'OS-EXT-SRV-ATTR:user_data': None})
    if since(ask, '2.16'):
        added['host_status'] = 'UP' if server.host else ''
    return added


def _device(server: novastore.Instance) -> str:
    return '/dev/sda' if server.bus == 'scsi' else '/dev/vda'


def hostname(server: novastore.Instance) -> str:
    kept = ''.join(char if char.isalnum() or char == '-' else '-'
                   for char in server.name.lower())
    return kept.strip('-')[:63] or f'server-{server.id}'
