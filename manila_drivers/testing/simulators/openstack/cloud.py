# SPDX-License-Identifier: Apache-2.0

"""The simulated cloud as it is on the first day."""

from collections.abc import Callable
import dataclasses
import json
import threading
import time
from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute.nova import Nova
from manila_drivers.testing.simulators.openstack.glance import Glance
from manila_drivers.testing.simulators.openstack.hardware import MakeDisk
from manila_drivers.testing.simulators.openstack.hardware import MakeVm
from manila_drivers.testing.simulators.openstack.hardware import PlainDisk
from manila_drivers.testing.simulators.openstack.hardware import PlainMachine
from manila_drivers.testing.simulators.openstack.identity import Identity
from manila_drivers.testing.simulators.openstack.keystone import AppCredential
from manila_drivers.testing.simulators.openstack.keystone import CloudProject
from manila_drivers.testing.simulators.openstack.keystone import CloudUser
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.options import CloudOptions
from manila_drivers.testing.simulators.openstack.routing import Gateway
from manila_drivers.testing.simulators.openstack.volume.cinder import Cinder
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

IMAGE = 'manila-service-image'
FLAVOR = '100'


@dataclasses.dataclass(frozen=True)
class TenantNetwork:
    """Ids of a network with one subnet, and its router if it has one."""

    network_id: str
    subnet_id: str
    router_id: str | None
    project: str


class Cloud:
    """All services, and what an operator does with them.

    Seeded with the projects ``admin``, ``service`` and ``demo``, users of
    these names, and ``manila``, who may do everything in ``service``; with
    the image and the flavor that a driver takes by default; and with a
    network of ``demo``, :attr:`tenant`.

    :param clock: seconds since the epoch; only ever grows.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *,
                 options: CloudOptions | None = None,
                 make_machine: MakeVm = PlainMachine,
                 make_disk: MakeDisk = PlainDisk, seed: int = 0) -> None:
        self.options = options or CloudOptions()
        self.world = World(clock, self.options, seed)
        self.lock = threading.RLock()
        self.keystone = Keystone(self.world)
        self.glance = Glance(self.world, self.keystone)
        self.neutron = Neutron(self.world, self.keystone)
        self.cinder = Cinder(self.world, self.keystone, make_disk)
        self.nova = Nova(self.world, self.keystone, self.glance, self.neutron,
                         self.cinder, make_machine)
        self.gateways: dict[str, Gateway] = {
            service.name: service for service in (
                Identity(self.world, self.keystone), self.glance,
                self.neutron, self.cinder, self.nova)}
        self.username = 'manila'
        self._seed()

    def _seed(self) -> None:
        add = self.keystone.add_project
        projects = {name: add(name) for name in ('admin', 'service', 'demo')}
        user = self.keystone.add_user
        user('admin', projects['admin'], 'admin', 'member', 'reader')
        user('demo', projects['demo'], 'member', 'reader')
        manila = user('manila', projects['service'], 'admin', 'service')
        self.user_id = manila.id
        self.add_image(IMAGE)
        self.add_flavor(FLAVOR, 'manila-service')
        # Every tenant may call a group as the driver does.
        self.ask('POST', '/network/v2.0/security-groups',
                 {'security_group': {'name': 'manila-service'}}, user='demo')
        self.tenant = self.add_tenant_network('demo')

    # Requests

    def settle(self) -> None:
        """Let what has come due by now happen; called with the lock."""
        self.world.timeline.settle()
        self.nova.builder.settle()

    def answered(self, request: Request) -> Response:
        """Answer a request; nobody counts it."""
        first, slash, rest = request.path.lstrip('/').partition('/')
        gateway = self.gateways.get(first)
        if gateway is None:
            return Response(404, wire.page(404, wire.NO_RESOURCE).encode(),
                            {'Content-Type': 'text/html'})
        return gateway.answer(request, f'{slash}{rest}')

    def ask(self, verb: str, path: str, body: Any = None, *,
            user: str = 'admin', project: str | None = None,
            version: str = 'latest') -> tuple[int, Any]:
        """Ask as a user, uncounted, unlogged, never struck by a fault.

        :param path: with the service, ``/compute/v2.1/servers?limit=3``.
        :param project: by default the user's own one.
        :param version: of Nova or Cinder.
        :returns: status and body, JSON or text.
        """
        path, _, query = path.partition('?')
        with self.lock:
            self.settle()
            token = self._token(user, project)
            response = self.answered(Request(
                verb, path, query, {
                    'x-auth-token': token, 'openstack-api-version':
                    f'compute {version},volume {version}'},
                b'' if body is None else json.dumps(body).encode()))
            del self.keystone.tokens[token]
        text = response.body.decode()
        try:
            return response.status, json.loads(text) if text else None
        except ValueError:
            return response.status, text

    def _token(self, name: str, project: str | None) -> str:
        user = self.user(name)
        scope = self.keystone.project(project or user.default_project or '')
        logins = self.keystone.logins
        token = self.keystone.issue(user, scope, 'password', frozenset(
            user.roles.get(scope.id, ())))
        # Nobody has logged in.
        self.keystone.logins = logins
        return token.id

    # People

    def user(self, name: str) -> CloudUser:
        """:raises KeyError: nobody has that name or id."""
        for user in self.keystone.users.values():
            if name in (user.name, user.id):
                return user
        raise KeyError(f'No user is called {name!r}')

    def rename(self, name: str) -> None:
        """Call the driver's user otherwise.

        :raises ValueError: somebody else has that name.
        """
        for user in self.keystone.users.values():
            if user.name == name and user.id != self.user_id:
                raise ValueError(f'There is a user {name!r} already')
        self.keystone.users[self.user_id].name = name
        self.username = name

    @property
    def password(self) -> str:
        return self.user(self.username).password

    @password.setter
    def password(self, password: str) -> None:
        self.user(self.username).password = password

    def has_project(self, name: str) -> bool:
        return any(name in (project.id, project.name)
                   for project in self.keystone.projects.values())

    def add_project(self, name: str) -> CloudProject:
        with self.lock:
            return self.keystone.add_project(name)

    def add_user(self, name: str, project: str, *roles: str,
                 password: str | None = None) -> CloudUser:
        with self.lock:
            return self.keystone.add_user(
                name, self.keystone.project(project), *(roles or ('member',)),
                password=password)

    def add_application_credential(self, user: str, project: str,
                                   name: str = 'manila') -> AppCredential:
        with self.lock:
            return self.keystone.add_credential(
                self.user(user), self.keystone.project(project), name)

    def auth(self, user: str | None = None,
             project: str = 'service') -> dict[str, str]:
        """Options of the groups [nova], [cinder], [neutron], [glance]."""
        found = self.user(user or self.username)
        return {'auth_type': 'password',
                'auth_url': f'{self.world.url}/identity/v3',
                'username': found.name, 'password': found.password,
                'project_name': project, 'user_domain_name': 'Default',
                'project_domain_name': 'Default'}

    def expire_tokens(self, user: str | None = None) -> int:
        """Let all tokens end now, or those of a user; how many."""
        with self.lock:
            return self.keystone.revoke(user)

    # Things

    def add_image(self, name: str, **more: Any) -> Record:
        """Add an image; ``hw_disk_bus='scsi'`` is a property, for example."""
        with self.lock:
            owner = self.keystone.project('admin').id
            return self.glance.put(name, more.pop('owner', owner), **more)

    def add_flavor(self, ident: str, name: str, *, ram: int = 512,
                   vcpus: int = 1, disk: int = 0) -> novastore.CloudFlavor:
        with self.lock:
            flavor = novastore.CloudFlavor(ident, name, ram, vcpus, disk)
            self.nova.store.flavors[ident] = flavor
            return flavor

    def add_volume_type(self, name: str, backend: str = 'ceph', *,
                        encrypted: bool = False) -> None:
        """Add a volume type.

        :param backend: ``ceph``, or ``nfs``, which cannot extend what is
            attached and takes its time with snapshots of it.
        """
        with self.lock:
            self.cinder.store.add_type(name, backend, encrypted=encrypted)

    def add_tenant_network(self, project: str, cidr: str = '10.7.0.0/24', *,
                           name: str = 'tenant',
                           router: bool = True) -> TenantNetwork:
        """Add a network as its owner would.

        :raises ValueError: Neutron has refused it.
        """
        def made(path: str, kind: str, **fields: Any) -> str:
            return str(self._made('POST', path, {kind: fields},
                                  project)[kind]['id'])
        network = made('networks', 'network', name=name)
        subnet = made('subnets', 'subnet', network_id=network, cidr=cidr,
                      ip_version=6 if ':' in cidr else 4)
        ident = None
        if router:
            ident = made('routers', 'router', name=f'{name}-router')
            self._made('PUT', f'routers/{ident}/add_router_interface',
                       {'subnet_id': subnet}, project)
        return TenantNetwork(network, subnet, ident, project)

    def _made(self, verb: str, path: str, body: Record,
              project: str) -> Record:
        scope = self.keystone.project(project)
        for fields in body.values():
            if isinstance(fields, dict):
                fields['project_id'] = scope.id
        status, told = self.ask(verb, f'/network/v2.0/{path}', body)
        if status >= 300:
            raise ValueError(f'{verb} {path}: {status} {told}')
        return dict(told)
