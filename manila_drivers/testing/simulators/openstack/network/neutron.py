# SPDX-License-Identifier: Apache-2.0

"""The front of Neutron: versions, extensions, quotas, and all its routes."""

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.network import groups
from manila_drivers.testing.simulators.openstack.network import networks
from manila_drivers.testing.simulators.openstack.network import neutronstore
from manila_drivers.testing.simulators.openstack.network import routers
from manila_drivers.testing.simulators.openstack.network.ports import PortRows
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Gateway
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

#: alias -> name.
EXTENSIONS = {
    'binding': 'Port Binding', 'port-security': 'Port Security',
    'security-group': 'security-group', 'router': 'Neutron L3 Router',
    'quotas': 'Quota management support', 'standard-attr-tag': 'Tag support '
    'for resources with standard attribute', 'pagination':
    'Pagination support', 'filter-validation': 'Filter parameters validation',
    'project-id': 'project_id field enabled', 'provider': 'Provider Network'}


class Neutron(Gateway):
    """Networks.  Its endpoint in the catalogue has no version."""

    name = 'network'

    def __init__(self, world: World, keystone: Keystone) -> None:
        super().__init__(world, keystone)
        self.store = neutronstore.NetworkStore(world)
        self.networks = networks.NetworkRows(self.store)
        self.subnets = networks.SubnetRows(self.store, self.networks)
        self.groups = groups.GroupRows(self.store)
        self.ports = PortRows(self.store, self.networks, self.groups)
        self.routers = routers.RouterRows(self.ports)
        rules = groups.RuleRows(self.groups)
        for rows in (self.networks, self.subnets, self.ports, self.routers,
                     self.groups, rules):
            self._connect(rows)
        self.add({
            'PUT /routers/{ident}/add_router_interface':
                self.routers.add_interface,
            'PUT /routers/{ident}/remove_router_interface':
                self.routers.remove_interface,
            'GET /extensions': self.extensions,
            'GET /extensions/{alias}': self.extension,
            'GET /quotas/{project_id}': self.quota,
            'PUT /quotas/{project_id}': self.set_quota,
            'DELETE /quotas/{project_id}': self.reset_quota})

    def _connect(self, rows: neutronstore.Rows) -> None:
        path = f'/{rows.path}'
        self.add({f'GET {path}': rows.index,
                  f'GET {path}/{{ident}}': rows.show,
                  f'PUT {path}/{{ident}}/tags': rows.tags,
                  f'PUT {path}/{{ident}}/tags/{{tag}}': rows.tag})
        for verb, name, below in (('POST', 'create', ''),
                                  ('PUT', 'update', '/{ident}'),
                                  ('DELETE', 'delete', '/{ident}')):
            method = getattr(rows, name, None)
            if method is not None:
                self.add({f'{verb} {path}{below}': method})

    def nowhere(self) -> wire.Refusal:
        return wire.refused('network', 404, wire.NO_RESOURCE)

    def discover(self, request: Request, path: str) -> Response | None:
        if request.verb != 'GET' or path not in ('', '/'):
            return None
        return found(200, {'versions': [{
            'id': 'v2.0', 'status': 'CURRENT',
            'links': [{'rel': 'self', 'href': f'{self.url}/v2.0/'}]}]})

    def place(self, path: str, caller: Caller) -> str:
        if not path.startswith('/v2.0/'):
            raise self.nowhere()
        return path.removeprefix('/v2.0').removesuffix('.json')

    # Extensions

    def extensions(self, ask: Ask) -> Response:
        return found(200, {'extensions': [
            {'alias': alias, 'name': name, 'description': name, 'links': [],
             'updated': '2014-02-03T10:00:00-00:00'}
            for alias, name in EXTENSIONS.items()]})

    def extension(self, ask: Ask, alias: str) -> Response:
        if alias not in EXTENSIONS:
            text = (f'{wire.NO_RESOURCE}<br /><br />\nExtension with alias '
                    f'{alias} does not exist')
            raise wire.Refusal(404, wire.page(404, wire.NO_RESOURCE).replace(
                f'{wire.NO_RESOURCE}<br /><br />', text))
        return found(200, {'extension': {'alias': alias,
                                         'name': EXTENSIONS[alias]}})

    # Quotas

    def _permit(self, ask: Ask, project_id: str, verb: str) -> None:
        if not ask.caller.admin and (
                verb != 'get' or project_id != ask.caller.project_id):
            raise wire.network(403, 'PolicyNotAuthorized',
                               f'rule:{verb}_quota is disallowed by policy')

    def quota(self, ask: Ask, project_id: str) -> Response:
        self._permit(ask, project_id, 'get')
        return found(200, {'quota': self.store.quota(project_id)})

    def set_quota(self, ask: Ask, project_id: str) -> Response:
        self._permit(ask, project_id, 'update')
        wanted = ask.inner('quota')
        for limit in wanted.values():
            if not schema.whole(limit):
                raise wire.network(
                    400, 'InvalidInput', 'Invalid input for operation: '
                    f"'{limit}' is not an integer.")
        for name, limit in wanted.items():
            used = (self.store.used(name, project_id)
                    if name in self.store.rows else 0)
            if 0 <= limit < used:
                raise wire.network(
                    400, 'HTTPBadRequest', f'Quota limit {limit} for {name} '
                    f'must be greater than or equal to already used {used}')
        self.store.limits.setdefault(project_id, {}).update(wanted)
        return found(200, {'quota': self.store.quota(project_id)})

    def reset_quota(self, ask: Ask, project_id: str) -> Response:
        self._permit(ask, project_id, 'delete')
        if self.store.limits.pop(project_id, None) is None:
            raise wire.network(404, 'TenantQuotaNotFound', 'Quota for project '
                                    f'{project_id} could not be found.')
        return Response(204)
