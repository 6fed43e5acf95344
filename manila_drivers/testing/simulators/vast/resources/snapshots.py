# SPDX-License-Identifier: Apache-2.0

"""``snapshots`` and the clone call on them."""

import re

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.resources import streams
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

FIELDS = frozenset(('name', 'path', 'tenant_id', 'expiration_time',
                    'indestructible'))
CLONE_FIELDS = frozenset(('name', 'loanee_root_path', 'loanee_tenant_id',
                          'enabled'))


class Snapshots(base.Editable):
    """Names are unique per tenant; paths carry a trailing slash."""

    name = 'snapshots'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'path': 'path',
               'state': 'state', 'indestructible': 'indestructible',
               'expiration_time': 'expiration_time', 'type': 'type',
               'cluster__id': 'cluster_id'}

    def routes(self) -> base.Routes:
        return {**super().routes(),
                ('POST', True, 'clone'): self.clone}

    def create(self, call: Call) -> Response:
        body = call.body
        self.require_known(body, FIELDS)
        name = fields.name(body, required=True)
        if name is not None and re.search('[/:]', name):
            raise field_error('name', 'Invalid characters.')
        path = fields.path(body, slash=True)
        tenant_id = self.tenant_of(call)
        self.require_unique(name, tenant_id)
        if path not in self.state.trees[tenant_id]:
            raise detail(400, f'no such directory: {path}')
        delay = self.options.snapshot_delay
        record = self.stored({
            'name': name, 'path': path.rstrip('/') + '/',
            'tenant_id': tenant_id, 'state': 'CREATING',
            'expiration_time': fields.text(body, 'expiration_time'),
            'indestructible': fields.boolean(body, 'indestructible'),
            'locked': False, 'type': 'USER', 'policy': None,
            'protection_policy_id': None, 'aggr_phys_estimation': 0,
            'unique_phys_estimation': 0, 'eta_sec': delay})
        self.state.snapshot_bytes[record['id']] = (
            self.state.trees[tenant_id][path].total)
        self.state.timeline.after(delay, lambda: self.finish(record))
        return answer(201, record)

    def finish(self, record: Record) -> None:
        record['state'] = ('FAILED' if self.options.snapshot_fails
                           else 'SUCCEED')
        record['eta_sec'] = 0

    def change(self, call: Call) -> Response:
        record, body = self.one(call), call.body
        self.require_known(body, FIELDS, record)
        base.fixed(body, record, 'tenant_id')
        changes: Record = {}
        if 'name' in body:
            changes['name'] = fields.name(body, required=True)
            self.require_unique(changes['name'], record['tenant_id'], record)
        if 'expiration_time' in body:
            changes['expiration_time'] = fields.text(body, 'expiration_time')
        changes['indestructible'] = fields.boolean(
            body, 'indestructible', record['indestructible'])
        return answer(200, self.table.update(record, changes))

    def delete(self, call: Call) -> Response:
        record = self.one(call)
        if record['indestructible'] or record['locked']:
            raise detail(400, 'Snapshot is indestructible.')
        for stream in self.state.tables['globalsnapstreams']:
            if (self.options.clone_keeps_snapshot
                    and stream['loanee_snapshot_id'] == record['id']
                    and stream['id'] in self.state.running):
                raise detail(self.options.in_use_status,
                             'Cannot delete snapshot: it is the source '
                             f'of global snapshot {stream["name"]}.')
        self.table.remove(record)
        self.state.snapshot_bytes.pop(record['id'], None)
        return answer(204, None)

    def clone(self, call: Call) -> Response:
        snapshot, body = self.one(call), call.body
        self.require_known(body, CLONE_FIELDS)
        name = fields.name(body, required=True)
        target = fields.path(body, 'loanee_root_path', slash=True)
        tenant_id = self.tenant_of(call, 'loanee_tenant_id')
        enabled = fields.boolean(body, 'enabled', True)
        if snapshot['state'] != 'SUCCEED':
            raise detail(400, f'Snapshot is {snapshot["state"]}.')
        return answer(200, streams.start_stream(
            self.state, snapshot, name or '', target, tenant_id, enabled))
