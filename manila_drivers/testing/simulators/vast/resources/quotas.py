# SPDX-License-Identifier: Apache-2.0

"""``quotas``: limits on directories, and how much they hold."""

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.resources import views
from manila_drivers.testing.simulators.vast.state import usage_fields
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

LIMITS = ('hard_limit', 'soft_limit', 'hard_limit_inodes',
          'soft_limit_inodes')


FIELDS = frozenset((
    'name', 'path', *LIMITS, 'grace_period', 'create_dir',
    'create_dir_mode', 'inherit_acl', 'is_user_quota', 'is_physical_quota',
    'tenant_id', 'enable_alarms'))


class Quotas(base.Editable):
    """Names are unique per tenant; one quota per path."""

    name = 'quotas'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'path': 'path',
               'state': 'state', 'hard_limit': 'hard_limit',
               'soft_limit': 'soft_limit', 'cluster__id': 'cluster_id',
               'used_capacity': 'used_capacity',
               'used_effective_capacity': 'used_effective_capacity'}

    def create(self, call: Call) -> Response:
        body = call.body
        self.require_known(body, FIELDS)
        name = fields.name(body, required=True)
        path = fields.path(body)
        limits = self.limits(body)
        tenant_id = self.tenant_of(call)
        self.require_unique(name, tenant_id)
        for _ in self.table.in_tenant('path', path, tenant_id):
            raise self.duplicate(path)
        views.make_or_require(self, body, path, tenant_id)
        used = self.state.trees[tenant_id][path].total
        record = {'name': name, 'title': name, 'path': path,
                  'tenant_id': tenant_id, **dict.fromkeys(LIMITS), **limits,
                  'grace_period': fields.text(body, 'grace_period'),
                  'pretty_grace_period': None, 'used_inodes': 0,
                  'is_user_quota': fields.boolean(body, 'is_user_quota'),
                  'enable_alarms': fields.boolean(body, 'enable_alarms')}
        return answer(201, self.stored({**record,
                                        **usage_fields(record, used)}))

    def change(self, call: Call) -> Response:
        record, body = self.one(call), call.body
        self.require_known(body, FIELDS, record)
        base.fixed(body, record, 'path', 'tenant_id')
        changes: Record = self.limits(body)
        if 'name' in body:
            changes['name'] = fields.name(body, required=True)
            self.require_unique(changes['name'], record['tenant_id'], record)
        if 'grace_period' in body:
            changes['grace_period'] = fields.text(body, 'grace_period')
        self.table.update(record, changes)
        record.update(usage_fields(record, record['used_effective_capacity']))
        return answer(200, record)

    def delete(self, call: Call) -> Response:
        """Removes the limit, never the data."""
        self.table.remove(self.one(call))
        return answer(204, None)

    def limits(self, body: Record) -> Record:
        return {field: fields.integer(body, field) for field in LIMITS
                if field in body}

    def duplicate(self, path: str) -> Exception:
        text = f'A quota on {path} already exists.'
        return detail(self.options.duplicate_quota_status, text)
