# SPDX-License-Identifier: Apache-2.0

"""Limits, quotas, volume types and messages of Cinder."""

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume import views
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response


class VolumeLimits:
    def __init__(self, kept: cinderstore.VolumeStore) -> None:
        self.store = kept
        self.world = kept.world

    def routes(self) -> Routes:
        return {'GET /limits': self.limits,
                'GET /messages': self.messages,
                'GET /os-quota-sets/{project_id}': self.quota,
                'PUT /os-quota-sets/{project_id}': self.set_quota,
                'GET /types': self.types, 'POST /types': self.add_type,
                'POST /types/{ident}/extra_specs': self.specify}

    def limits(self, ask: Ask) -> Response:
        quota = self.store.quota(ask.caller.project_id)
        usage = self.store.usage(ask.caller.project_id)
        return found(200, {'limits': {'rate': [], 'absolute': {
            'totalSnapshotsUsed': usage['snapshots'],
            'maxTotalBackups': quota['backups'],
            'maxTotalVolumeGigabytes': quota['gigabytes'],
            'maxTotalSnapshots': quota['snapshots'],
            'maxTotalBackupGigabytes': quota['backup_gigabytes'],
            'totalBackupGigabytesUsed': 0,
            'maxTotalVolumes': quota['volumes'],
            'totalVolumesUsed': usage['volumes'], 'totalBackupsUsed': 0,
            'totalGigabytesUsed': usage['gigabytes']}}})

    # Messages

    def messages(self, ask: Ask) -> Response:
        """Filters work from 3.5 on; before, they do nothing."""
        if not since(ask, '3.3'):
            raise wire.volume(404, wire.NO_RESOURCE)
        wanted = ask.param('resource_uuid') if since(ask, '3.5') else None
        records = [self._message(ask, each) for each in self.store.messages
                   if each['project_id'] == ask.caller.project_id
                   and wanted in (None, each['resource_uuid'])]
        records.sort(key=lambda each: self.world.order(each['id'], 0.0))
        options = self.world.options
        return found(200, wire.paged(ask, records, 'messages',
                                     most=options.page_limit,
                                     below=options.link_url))

    def _message(self, ask: Ask, message: Record) -> Record:
        told = {key: value for key, value in message.items()
                if key != 'project_id'}
        told['links'] = views.links(self.world, ask, 'messages',
                                    message['id'])
        return told

    # Quotas

    def _own(self, ask: Ask, project_id: str, rule: str) -> None:
        """:raises Refusal: 403, another project's, and no administrator."""
        if not ask.caller.admin and (
                rule == 'update' or project_id != ask.caller.project_id):
            raise wire.volume(403, "Policy doesn't allow volume_extension:"
                                   f'quotas:{rule} to be performed.')

    def told(self, project_id: str) -> Record:
        quota: Record = dict(self.store.quota(project_id))
        for name in self.store.types:
            quota.update({f'volumes_{name}': -1, f'gigabytes_{name}': -1,
                          f'snapshots_{name}': -1})
        return {**quota, 'groups': 10}

    def quota(self, ask: Ask, project_id: str) -> Response:
        self._own(ask, project_id, 'show')
        return found(200, {'quota_set': {**self.told(project_id),
                                         'id': project_id}})

    def set_quota(self, ask: Ask, project_id: str) -> Response:
        self._own(ask, project_id, 'update')
        wanted = ask.inner('quota_set')
        schema.check(ask, wanted, dict.fromkeys(wanted, schema.whole))
        usage = self.store.usage(project_id)
        for name, limit in wanted.items():
            if 0 <= limit < usage.get(name, 0):
                raise wire.volume(
                    400, f'Quota {name} limit must be equal or greater than '
                    f'existing resources. Current usage is {usage[name]} and '
                    f'the requested limit is {limit}.')
        self.store.limits.setdefault(project_id, {}).update(wanted)
        return found(200, {'quota_set': self.told(project_id)})

    # Types

    def _type(self, kind: cinderstore.VolumeType) -> Record:
        return {'id': kind.id, 'name': kind.name, 'is_public': True,
                'description': None, 'extra_specs': dict(kind.specs),
                'qos_specs_id': None,
                'os-volume-type-access:is_public': True}

    def types(self, ask: Ask) -> Response:
        return found(200, {'volume_types': [
            self._type(kind) for kind in self.store.types.values()]})

    def add_type(self, ask: Ask) -> Response:
        if not ask.caller.admin:
            raise wire.volume(403, "Policy doesn't allow volume_extension:"
                                   'type_create to be performed.')
        body = ask.inner('volume_type')
        schema.check(ask, {'name': body.get('name')}, {'name': schema.some})
        name = str(body['name'])
        if name in self.store.types:
            raise wire.volume(409, f'Volume Type {name} already exists.')
        kind = self.store.add_type(name)
        return found(200, {'volume_type': self._type(kind)})

    def specify(self, ask: Ask, ident: str) -> Response:
        for kind in self.store.types.values():
            if kind.id == ident and ask.caller.admin:
                specs = ask.inner('extra_specs')
                kind.specs.update(specs)
                if 'nfs' in specs.get('volume_backend_name', ''):
                    kind.backend = 'nfs'
                return found(200, {'extra_specs': specs})
        raise wire.volume(404, f'Volume type {ident} could not be found.')
