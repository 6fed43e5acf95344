# SPDX-License-Identifier: Apache-2.0

"""A tenant's network, and hosts that are plugged into it.

Hosts are network namespaces of the cloud's room, on ports of Neutron, so that
their packets go the way that those of a tenant's machines go.
"""

import itertools
import json
import pathlib
import subprocess
import sys
import typing as ty

from tests.functional.nas import wire
from tests.functional.openstack import places
from tests.functional.openstack.api import Api
from tests.functional.openstack.room import Room

ROOT = pathlib.Path(__file__).parents[3]
#: Seconds that a client waits for a server that may be away for a moment.
SECONDS = 120.0

_count = itertools.count(1)


class Network:
    """A network with one subnet, and a router that is its gateway.

    :param router: one that other networks have as well; a new one otherwise
    """

    def __init__(self, api: Api, cidr: str = '10.7.0.0/24',
                 name: str = 'tenant', router: str = '') -> None:
        self._api = api
        self._shared = bool(router)
        self.id = api.post('network', '/networks', {'network': {
            'name': name}})['id']
        subnet = api.post('network', '/subnets', {'subnet': {
            'network_id': self.id, 'cidr': cidr, 'ip_version': 4,
            'name': name}})
        self.subnet, self.gateway = subnet['id'], subnet['gateway_ip']
        self.bits = int(cidr.partition('/')[2])
        self.router = router or api.post('network', '/routers', {'router': {
            'name': name}})['id']
        api.put('network', f'/routers/{self.router}/add_router_interface',
                {'subnet_id': self.subnet})

    def close(self) -> None:
        """Remove it; nobody may be plugged in any more."""
        self._api.put('network', f'/routers/{self.router}/'
                      'remove_router_interface', {'subnet_id': self.subnet})
        if not self._shared:
            self._api.delete('network', f'/routers/{self.router}')
        self._api.delete('network', f'/networks/{self.id}')


class Host:
    """Somebody on a network.

    :param namespaced: with a network of its own; otherwise the room, which is
        the Manila host, is plugged in
    """

    def __init__(self, room: Room, api: Api, network: Network,
                 namespaced: bool = True) -> None:
        self._room = room
        self._api = api
        port = api.post('network', '/ports', {'port': {
            'network_id': network.id, 'device_id': f'host-{next(_count)}',
            'device_owner': 'lab:host',
            'fixed_ips': [{'subnet_id': network.subnet}],
            'binding:host_id': places.HOST, 'port_security_enabled': False}})
        self._port = port['id']
        self.address: str = port['fixed_ips'][0]['ip_address']
        self._device = f'tap{self._port}'[:14]
        self._name = f'h{self._port[:8]}' if namespaced else ''
        room.run(
            'ovs-vsctl', '--', '--may-exist', 'add-port', 'br-int',
            self._device, '--', 'set', 'Interface', self._device,
            'type=internal', f'external-ids:iface-id={self._port}',
            'external-ids:iface-status=active',
            f'external-ids:attached-mac={port["mac_address"]}')
        if namespaced:
            room.run('ip', 'netns', 'add', self._name)
            room.run('ip', 'link', 'set', self._device, 'netns', self._name)
            self.run('ip', 'link', 'set', 'lo', 'up')
        for words in (
                ('link', 'set', self._device, 'address', port['mac_address']),
                ('link', 'set', self._device, 'up'),
                ('address', 'add', f'{self.address}/{network.bits}', 'dev',
                 self._device)):
            self.run('ip', *words)
        if namespaced:
            self.run('ip', 'route', 'add', 'default', 'via', network.gateway)
        api.settled('network', f'/ports/{self._port}', 'ACTIVE')

    def run(self, *words: object, **options: ty.Any) -> ty.Any:
        """Run a command there; see :meth:`room.Room.run`."""
        inside = ('ip', 'netns', 'exec', self._name) if self._name else ()
        return self._room.run(*inside, *words, **options)

    def popen(self, *words: object, **options: ty.Any) -> ty.Any:
        """Start a program there that goes on, with pipes."""
        inside = ('ip', 'netns', 'exec', self._name) if self._name else ()
        return self._room.box.popen(
            [*inside, *map(str, words)], env=self._room.environment(
                PYTHONPATH=ROOT), **options)

    def six(self, subnet: str, address: str) -> None:
        """Come by another address from now on, of IPv6."""
        address_too(self._api, self._port, subnet, address)
        self.run('ip', 'address', 'add', f'{address}/64', 'dev',
                 self._device, 'nodad')
        self.address = address

    def level(self, location: str) -> str | None:
        """Return what this host can do with an NFS export: rw, ro or None.

        A server that cannot be reached is no answer: it raises.
        """
        server, path = split(location)
        done = self.run(
            sys.executable, '-m', 'tests.functional.nas.asker',
            stdin=json.dumps(['gets', server, path, [self.address]]) + '\n',
            seconds=SECONDS, PYTHONPATH=ROOT, **{wire.RESERVED: 1})
        kind, answer = json.loads(done.stdout)
        assert kind == 'ok', f'{location}: {answer}'
        return ty.cast('str | None', answer[0])

    def nfs(self, location: str, *words: object, check: bool = True,
            seconds: float = SECONDS) -> str:
        """Read or write over NFS; see ``nfs_client.py``."""
        server, path = split(location)
        return str(self.run(
            sys.executable, '-m', 'tests.functional.openstack.nfs_client',
            server, path, *words, PYTHONPATH=ROOT, seconds=seconds,
            check=check).stdout)

    def smb(self, location: str, command: str, user: str = '',
            password: str = '', check: bool = True) -> str:
        r"""Do something with a share of ``\\server\name``.

        :returns: what smbclient says, its complaints included
        :raises box.CommandFailed: it complains, and ``check`` is not False
        """
        url = location.replace('\\', '/')
        account = ('-U', f'{user}%{password}') if user else ('-N',)
        done = self.run('timeout', '60', 'smbclient', url, *account, '-t',
                        '30', '-c', command, check=check)
        return str(done.stdout + done.stderr)

    def close(self) -> None:
        self._room.run('ovs-vsctl', '--if-exists', 'del-port', 'br-int',
                       self._device)
        if self._name:
            self._room.run('ip', 'netns', 'delete', self._name)
        self._api.delete('network', f'/ports/{self._port}')


def split(location: str) -> tuple[str, str]:
    """Return server and path of an NFS export."""
    if location.startswith('['):
        server, _, path = location[1:].partition(']:')
    else:
        server, _, path = location.partition(':')
    return server, path


def address_too(api: Api, port: str, subnet: str, address: str) -> None:
    """Give a port another address."""
    now = api.get('network', f'/ports/{port}')['fixed_ips']
    api.put('network', f'/ports/{port}', {'port': {'fixed_ips': [
        *now, {'subnet_id': subnet, 'ip_address': address}]}})


def ssh(host: 'Host | Room', address: str, *words: str,
        user: str = 'manila', check: bool = True, seconds: float = 60
        ) -> ty.Any:
    """Run a command in a service machine as its user, from a host.

    :raises box.CommandFailed: it fails, or lets us not in
    """
    options = ('-oBatchMode=yes', '-oStrictHostKeyChecking=no',
               '-oUserKnownHostsFile=/dev/null', '-oLogLevel=ERROR',
               '-oConnectTimeout=10', '-oServerAliveInterval=5',
               '-oIdentitiesOnly=yes', '-i',
               places.KEYS / 'key')
    return host.run('ssh', '-F', 'none', *options, f'{user}@{address}',
                    *words, check=check, seconds=seconds)


def until_login(host: Host, room: Room, address: str,
                seconds: float = 600) -> None:
    """Wait until a service machine lets us in.

    :raises AssertionError: it does not
    """
    def lets_in() -> bool:
        try:
            return not ssh(host, address, 'true', check=False).returncode
        except subprocess.TimeoutExpired:
            return False

    room.until(f'a login to {address}', lets_in, seconds, pause=1)
