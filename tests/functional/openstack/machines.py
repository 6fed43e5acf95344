# SPDX-License-Identifier: Apache-2.0

"""Service machines as a driver makes them, made by hand."""

import re
import typing as ty
import uuid

from tests.functional.openstack import places
from tests.functional.openstack import tenancy
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import eventually
from tests.functional.openstack.room import Room

#: What clients and the Manila host come by.
PORTS = (22, 445, 2049)


class Machine:
    """A server that boots from the service image, on a network.

    :param manager: from where it is logged in to
    """

    def __init__(self, room: Room, api: Api, network: tenancy.Network,
                 manager: tenancy.Host, name: str = 'machine') -> None:
        self._room = room
        self._api = api
        self._manager = manager
        self._key = f'{name}-{uuid.uuid4().hex[:8]}'
        public = room.outside(places.KEYS / 'key.pub').read_text()
        api.post('compute', '/os-keypairs', {'keypair': {
            'name': self._key, 'public_key': public}})
        self._group = api.post('network', '/security-groups', {
            'security_group': {'name': self._key}})['id']
        for port in PORTS:
            api.post('network', '/security-group-rules', {
                'security_group_rule': {
                    'security_group_id': self._group, 'ethertype': 'IPv4',
                    'direction': 'ingress', 'protocol': 'tcp',
                    'port_range_min': port, 'port_range_max': port}})
        made = api.post('network', '/ports', {'port': {
            'network_id': network.id, 'security_groups': [self._group],
            'fixed_ips': [{'subnet_id': network.subnet}]}})
        self._port = made['id']
        self.address: str = made['fixed_ips'][0]['ip_address']
        [image] = api.listed('image', f'/images?name={places.IMAGE}',
                             'images')
        server = api.post('compute', '/servers', {'server': {
            'name': name, 'flavorRef': places.FLAVOR,
            'imageRef': image['id'], 'key_name': self._key,
            'networks': [{'port': self._port}]}})
        self.id: str = server['id']

    def wait(self, seconds: float = 600) -> None:
        """Wait until it lets its user in by the key of the cloud."""
        self._api.settled('compute', f'/servers/{self.id}', 'ACTIVE',
                          seconds=seconds)
        tenancy.until_login(self._manager, self._room, self.address, seconds)

    def run(self, *words: str, **options: ty.Any) -> str:
        """Run a command in it, as a user who may do everything by sudo."""
        return str(tenancy.ssh(self._manager, self.address,
                               *words, **options).stdout)

    def six(self, subnet: str, address: str) -> None:
        """Have another address, of IPv6; clients come by it as well."""
        tenancy.address_too(self._api, self._port, subnet, address)
        self._api.post('network', '/security-group-rules', {
            'security_group_rule': {
                'security_group_id': self._group, 'ethertype': 'IPv6',
                'direction': 'ingress', 'protocol': 'tcp',
                'port_range_min': 2049, 'port_range_max': 2049}})
        self.run('sudo', 'ip', 'address', 'add', f'{address}/64', 'dev',
                 'eth0', 'nodad')

    def console(self) -> str:
        """Return what it has said, as the operator reads it."""
        return str(self._api.post(
            'compute', f'/servers/{self.id}/action',
            {'os-getConsoleOutput': {}}))

    def attach(self, volume: str) -> str:
        """Attach a volume and return the path of its disk in there."""
        self._api.post(
            'compute', f'/servers/{self.id}/os-volume_attachments',
            {'volumeAttachment': {'volumeId': volume}})
        self._api.settled('volumev3', f'/volumes/{volume}', 'in-use')
        path = f'/dev/disk/by-id/virtio-{volume[:20]}'
        eventually(lambda: self._there(path), f'{path} is there')
        return path

    def detach(self, volume: str) -> None:
        self._api.delete('compute', f'/servers/{self.id}/'
                         f'os-volume_attachments/{volume}')
        self._api.settled('volumev3', f'/volumes/{volume}', 'available')

    def disks(self) -> dict[str, str]:
        """Return serial: name of the disks that have a serial."""
        lines = self.run('lsblk', '-dno', 'NAME,SERIAL').splitlines()
        return {serial: name for name, serial in (
            line.split() for line in lines if len(line.split()) == 2)}

    def booted(self) -> dict[str, float]:
        """Return after how many seconds of its own which unit was there."""
        found = {}
        for unit in ('ssh', 'nfs-server', 'smbd', 'service-metadata'):
            said = self.run(
                'sudo', 'systemctl', 'show', '-p',
                'ActiveEnterTimestampMonotonic',
                '-p', 'ExecMainExitTimestampMonotonic', f'{unit}.service')
            numbers = [int(each) for each in re.findall(r'=(\d+)', said)]
            found[unit] = round(max(numbers, default=0) / 1e6, 1)
        return found

    def _there(self, path: str) -> bool:
        return not tenancy.ssh(self._manager, self.address,
                               'test', '-b', path, check=False).returncode

    def close(self) -> None:
        self._api.delete('compute', f'/servers/{self.id}')
        self._api.settled('compute', f'/servers/{self.id}', '404')
        self._api.delete('network', f'/ports/{self._port}')
        self._api.delete('network', f'/security-groups/{self._group}')
        self._api.delete('compute', f'/os-keypairs/{self._key}')


def volume(api: Api, size: int = 1, kind: str = places.BACKENDS[0]) -> str:
    """Create a volume and return its id."""
    made = api.post('volumev3', '/volumes', {'volume': {
        'size': size, 'name': 'lab', 'volume_type': kind}})
    api.settled('volumev3', f'/volumes/{made["id"]}', 'available')
    return str(made['id'])


def without(api: Api, ident: str) -> None:
    """Delete a volume and wait until it is gone."""
    api.delete('volumev3', f'/volumes/{ident}')
    api.settled('volumev3', f'/volumes/{ident}', '404')
