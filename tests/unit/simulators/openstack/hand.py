# SPDX-License-Identifier: Apache-2.0

"""A hand for the tests: asks, lets time pass, and makes things."""

from typing import Any

from manila_drivers.testing.simulators import openstack
from tests.transcripts.player import at
from tests.unit.simulators.client import Clock

PUBLIC_KEY = ('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1ZsYoLue+oe3Ti4yV5OwHCB'
              'Rz9XL4lFphLzaVRgZqP somebody')


class Hand:
    """Asks the simulator without a network.

    :ivar user: who asks, unless told otherwise.
    """

    def __init__(self, sim: openstack.OpenStackSim, clock: Clock,
                 user: str = 'manila') -> None:
        self.sim = sim
        self.clock = clock
        self.user = user
        self.version = 'latest'

    def ask(self, verb: str, path: str, body: Any = None, **more: Any
            ) -> tuple[int, Any]:
        """``compute/servers``; the version of the API is put in."""
        service, _, rest = path.partition('/')
        version = {'compute': 'v2.1', 'volume': 'v3', 'network': 'v2.0',
                   'image': 'v2'}[service]
        more.setdefault('user', self.user)
        more.setdefault('version', self.version)
        return self.sim.ask(verb, f'/{service}/{version}/{rest}', body,
                            **more)

    def get(self, path: str, place: str = '', **more: Any) -> Any:
        status, body = self.ask('GET', path, **more)
        assert status == 200, (status, body)
        return at(body, place)

    def make(self, path: str, kind: str, **fields: Any) -> Any:
        status, body = self.ask('POST', path, {kind: fields})
        assert status in (200, 201, 202), (status, body)
        return body[kind]

    def states(self, path: str, place: str, *until: Any,
               limit: float = 400.0, step: float = 0.1) -> list[Any]:
        """Values seen in turn; ``gone`` is a 404."""
        seen: list[Any] = []
        for _ in range(int(limit / step)):
            status, body = self.ask('GET', path)
            value = 'gone' if status == 404 else at(body, place)
            if not seen or seen[-1] != value:
                seen.append(value)
            if value in until:
                return seen
            self.clock.advance(step)
        raise AssertionError(f'{path} {place}: {seen} and never {until}')

    # Things

    def volume(self, size: int = 1, **fields: Any) -> str:
        ident = self.make('volume/volumes', 'volume', size=size,
                          **fields)['id']
        self.states(f'volume/volumes/{ident}', 'volume.status', 'available')
        return str(ident)

    def network(self, cidr: str = '10.254.0.0/28', **fields: Any
                ) -> tuple[str, str]:
        network = self.make('network/networks', 'network', name='service')
        subnet = self.make('network/subnets', 'subnet', cidr=cidr,
                           network_id=network['id'], ip_version=4, **fields)
        return network['id'], subnet['id']

    def port(self, **fields: Any) -> Any:
        if 'network_id' not in fields:
            fields['network_id'], _ = self.network()
        return self.make('network/ports', 'port', device_owner='manila',
                         **fields)

    def image(self, name: str = 'manila-service-image') -> str:
        return str(self.get(f'image/images?name={name}', 'images.0.id'))

    def server(self, *, wait: bool = True, name: str = 'vm', **fields: Any
               ) -> str:
        if 'networks' not in fields:
            fields['networks'] = [{'port': self.port()['id']}]
        fields.setdefault('imageRef', self.image())
        ident = self.make('compute/servers', 'server', name=name,
                          flavorRef='100', **fields)['id']
        if wait:
            self.states(f'compute/servers/{ident}', 'server.status', 'ACTIVE')
        return str(ident)

    def attach(self, server: str, volume: str, version: str = '2.79'
               ) -> list[str]:
        """Attach, and wait until that has an end, good or bad."""
        status, body = self.ask(
            'POST', f'compute/servers/{server}/os-volume_attachments',
            {'volumeAttachment': {'volumeId': volume}}, version=version)
        assert status in (200, 202), (status, body)
        place = f'volume/volumes/{volume}'
        seen = self.states(place, 'volume.status', 'reserved')
        return seen + self.states(place, 'volume.status', 'in-use',
                                  'available')[1:]

    def address(self, server: str) -> str:
        found = self.get(f'compute/servers/{server}', 'server.addresses')
        return str(found['service'][0]['addr'])

    def lines(self, server: str) -> Any:
        return self.get(f'compute/servers/{server}/os-instance-actions',
                        'instanceActions')
