# SPDX-License-Identifier: Apache-2.0

"""Flavors, limits and quotas of Nova."""

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute import views
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response


class ComputeLimits:
    def __init__(self, store: novastore.ComputeStore) -> None:
        self.store = store
        self.world = store.world

    def routes(self) -> Routes:
        return {'GET /flavors': self.names, 'GET /flavors/detail': self.index,
                'GET /flavors/{ident}': self.show,
                'POST /flavors': self.add, 'GET /limits': self.limits,
                'GET /os-availability-zone': self.zones,
                'GET /os-quota-sets/{project_id}': self.quota,
                'PUT /os-quota-sets/{project_id}': self.set_quota,
                'DELETE /os-quota-sets/{project_id}': self.reset_quota}

    def zones(self, ask: Ask) -> Response:
        """Hosts are for administrators, who ask for the details."""
        return found(200, {'availabilityZoneInfo': [
            {'zoneName': zone, 'zoneState': {'available': True},
             'hosts': None} for zone in self.world.options.zones]})

    # Flavors

    def told(self, ask: Ask, flavor: novastore.CloudFlavor) -> Record:
        told: Record = {
            'id': flavor.id, 'name': flavor.name, 'ram': flavor.ram,
            'disk': flavor.disk, 'swap': 0 if since(ask, '2.75') else '',
            'OS-FLV-EXT-DATA:ephemeral': 0, 'OS-FLV-DISABLED:disabled': False,
            'vcpus': flavor.vcpus, 'os-flavor-access:is_public': True,
            'rxtx_factor': 1.0,
            'links': views.links(self.world, 'flavors', flavor.id)}
        if since(ask, '2.55'):
            told['description'] = None
        if since(ask, '2.61'):
            told['extra_specs'] = {}
        return told

    def names(self, ask: Ask) -> Response:
        return self._list(ask, [
            {'id': flavor.id, 'name': flavor.name,
             'links': views.links(self.world, 'flavors', flavor.id),
             **({'description': None} if since(ask, '2.55') else {})}
            for flavor in self.store.flavors.values()])

    def index(self, ask: Ask) -> Response:
        return self._list(ask, [self.told(ask, flavor)
                                for flavor in self.store.flavors.values()])

    def _list(self, ask: Ask, records: list[Record]) -> Response:
        options = self.world.options
        return found(200, wire.paged(ask, records, 'flavors',
                                     most=options.page_limit,
                                     below=options.link_url))

    def show(self, ask: Ask, ident: str) -> Response:
        if ident not in self.store.flavors:
            raise wire.compute(404, f'Flavor {ident} could not be found.')
        return found(200, {'flavor': self.told(ask,
                                               self.store.flavors[ident])})

    def add(self, ask: Ask) -> Response:
        if not ask.caller.admin:
            raise wire.compute(403, "Policy doesn't allow os_compute_api:"
                                    'os-flavor-manage:create to be performed.')
        body = ask.inner('flavor')
        for field in ('name', 'ram', 'vcpus', 'disk'):
            novastore.required(body, field, 'flavor')
        schema.check(ask, body, {
            'name': schema.some, 'ram': schema.counted,
            'vcpus': schema.counted, 'disk': schema.counted,
            'id': schema.null(schema.some)})
        flavor = novastore.CloudFlavor(
            str(body.get('id') or self.world.uuid()), str(body['name']),
            int(body['ram']), int(body['vcpus']), int(body.get('disk', 0)))
        if flavor.id in self.store.flavors:
            raise wire.compute(409, f'Flavor with ID {flavor.id} already '
                                    'exists.')
        self.store.flavors[flavor.id] = flavor
        return found(200, {'flavor': self.told(ask, flavor)})

    # Limits

    def limits(self, ask: Ask) -> Response:
        quota = self.store.quota(ask.caller.project_id)
        usage = self.store.usage(ask.caller.project_id)
        return found(200, {'limits': {'rate': [], 'absolute': {
            'maxTotalCores': quota['cores'],
            'maxTotalInstances': quota['instances'],
            'maxTotalKeypairs': quota['key_pairs'],
            'maxServerMeta': quota['metadata_items'],
            'maxTotalRAMSize': quota['ram'],
            'maxServerGroups': quota['server_groups'],
            'maxServerGroupMembers': quota['server_group_members'],
            'totalRAMUsed': usage['ram'], 'totalCoresUsed': usage['cores'],
            'totalInstancesUsed': usage['instances'],
            'totalServerGroupsUsed': 0}}})

    def _permit(self, ask: Ask, verb: str) -> None:
        if not ask.caller.admin:
            raise wire.compute(403, "Policy doesn't allow os_compute_api:"
                                    f'os-quota-sets:{verb} to be performed.')

    def quota(self, ask: Ask, project_id: str) -> Response:
        if project_id != ask.caller.project_id:
            self._permit(ask, 'show')
        return found(200, {'quota_set': {**self.store.quota(project_id),
                                         'id': project_id}})

    def set_quota(self, ask: Ask, project_id: str) -> Response:
        self._permit(ask, 'update')
        wanted = ask.inner('quota_set')
        schema.check(ask, wanted, dict.fromkeys(
            wanted, schema.limit))
        usage = self.store.usage(project_id)
        for name, limit in wanted.items():
            if 0 <= int(limit) < usage.get(name, 0):
                raise wire.compute(
                    400, f'Quota limit {limit} for {name} must be greater '
                    'than or equal to already used and reserved '
                    f'{usage[name]}.')
        self.store.limits.setdefault(project_id, {}).update(
            {name: int(limit) for name, limit in wanted.items()})
        return found(200, {'quota_set': self.store.quota(project_id)})

    def reset_quota(self, ask: Ask, project_id: str) -> Response:
        self._permit(ask, 'delete')
        self.store.limits.pop(project_id, None)
        return Response(202)
