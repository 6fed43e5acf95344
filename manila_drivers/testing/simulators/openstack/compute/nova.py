# SPDX-License-Identifier: Apache-2.0

"""The front of Nova: versions, and all its routes."""

from manila_drivers.testing.simulators.openstack.compute import actions
from manila_drivers.testing.simulators.openstack.compute import attachments
from manila_drivers.testing.simulators.openstack.compute import create
from manila_drivers.testing.simulators.openstack.compute import keypairs
from manila_drivers.testing.simulators.openstack.compute import limits
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute import servers
from manila_drivers.testing.simulators.openstack.compute.build import Builder
from manila_drivers.testing.simulators.openstack.glance import Glance
from manila_drivers.testing.simulators.openstack.hardware import MakeVm
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Microversioned
from manila_drivers.testing.simulators.openstack.volume.cinder import Cinder
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response


class Nova(Microversioned):
    """Servers.  Anybody may ask for its versions."""

    name = 'compute'
    word = 'compute'
    old_header = 'X-OpenStack-Nova-API-Version'

    def __init__(self, world: World, keystone: Keystone, glance: Glance,
                 neutron: Neutron, cinder: Cinder,
                 make_machine: MakeVm) -> None:
        super().__init__(world, keystone)
        self.store = store = novastore.ComputeStore(world)
        self.builder = Builder(store, neutron, cinder, make_machine)
        for part in (servers.ServerRequests(store, neutron, self.builder),
                     create.ServerCreation(store, glance, neutron,
                                           self.builder),
                     actions.ServerActions(store, neutron, self.builder),
                     attachments.Attachments(store, cinder.store,
                                             self.builder),
                     keypairs.KeyRequests(store), limits.ComputeLimits(store)):
            self.add(part.routes())

    @property
    def window(self) -> tuple[str, str]:
        return self.options.compute_min, self.options.compute_max

    def discover(self, request: Request, path: str) -> Response | None:
        if request.verb != 'GET':
            return None
        if path in ('', '/'):
            old = {'id': 'v2.0', 'status': 'DEPRECATED', 'version': '',
                   'min_version': '', 'updated': '2025-07-04T12:00:00Z',
                   'links': [{'rel': 'self', 'href': f'{self.url}/v2/'}]}
            return found(200, {'versions': [old, self._about()]})
        if path in ('/v2.1', '/v2.1/'):
            about = self._about()
            about['links'].append({
                'rel': 'describedby', 'type': 'text/html',
                'href': 'http://docs.openstack.org/'})
            about['media-types'] = [{
                'base': 'application/json',
                'type': 'application/vnd.openstack.compute+json;'
                        'version=2.1'}]
            return found(200, {'version': about})
        return None

    def _about(self) -> Record:
        return {'id': 'v2.1', 'status': 'CURRENT',
                'version': self.options.compute_max,
                'min_version': self.options.compute_min,
                'updated': '2013-07-23T11:33:21Z',
                'links': [{'rel': 'self', 'href': f'{self.url}/v2.1/'}]}

    def place(self, path: str, caller: Caller) -> str:
        """:raises Refusal: 404."""
        for version in ('/v2.1/', '/v2/'):
            if path.startswith(version):
                return path[len(version) - 1:]
        raise self.nowhere()

    def traces(self, request_id: str) -> Record:
        return {'X-Openstack-Request-Id': request_id,
                'X-Compute-Request-Id': request_id}
