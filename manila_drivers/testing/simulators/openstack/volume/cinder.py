# SPDX-License-Identifier: Apache-2.0

"""The front of Cinder: versions, project in the URL, and all its routes."""

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.hardware import MakeDisk
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Microversioned
from manila_drivers.testing.simulators.openstack.volume import actions
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume import limits
from manila_drivers.testing.simulators.openstack.volume import snapshots
from manila_drivers.testing.simulators.openstack.volume import volumes
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response


class Cinder(Microversioned):
    """Volumes.  ``/v3`` lists versions only for those with a token."""

    name = 'volume'
    word = 'volume'

    def __init__(self, world: World, keystone: Keystone,
                 make_disk: MakeDisk) -> None:
        super().__init__(world, keystone)
        self.store = cinderstore.VolumeStore(world, make_disk)
        self.requests = volumes.VolumeRequests(self.store)
        for part in (self.requests, actions.VolumeActions(self.store),
                     snapshots.SnapshotRequests(self.store),
                     limits.VolumeLimits(self.store)):
            self.add(part.routes())

    @property
    def window(self) -> tuple[str, str]:
        return self.options.volume_min, self.options.volume_max

    def discover(self, request: Request, path: str) -> Response | None:
        if request.verb != 'GET' or path not in ('', '/', '/v3', '/v3/'):
            return None
        if path.startswith('/v3'):
            self.caller(request)
        return found(200 if path.startswith('/v3') else 300, {'versions': [{
            'id': 'v3.0', 'status': 'CURRENT',
            'version': self.options.volume_max,
            'min_version': self.options.volume_min,
            'updated': '2023-08-31T00:00:00Z',
            'links': [{'rel': 'describedby', 'type': 'text/html',
                       'href': 'https://docs.openstack.org/'},
                      {'rel': 'self', 'href': f'{self.url}/v3/'}],
            'media-types': [{
                'base': 'application/json',
                'type': 'application/vnd.openstack.volume+json;version=3'}]}
        ]})

    def place(self, path: str, caller: Caller) -> str:
        """The project may stand in the URL; it is the token's then."""
        version, _, rest = path.lstrip('/').partition('/')
        if version != 'v3':
            raise self.nowhere()
        first, _, below = rest.partition('/')
        if first in self.keystone.projects or len(first) == 32:
            if first != caller.project_id:
                raise wire.volume(400, 'Malformed request url')
            return f'/{below}'
        return f'/{rest}'

    def traces(self, request_id: str) -> dict[str, str]:
        return {'X-Openstack-Request-Id': request_id,
                'X-Compute-Request-Id': request_id}
