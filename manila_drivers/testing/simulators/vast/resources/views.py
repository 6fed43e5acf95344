# SPDX-License-Identifier: Apache-2.0

"""``views``: which directories are exported, and under which policy."""

from typing import Any

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

PROTOCOLS = ('NFS', 'NFS4', 'SMB', 'S3', 'ENDPOINT', 'DATABASE', 'KAFKA',
             'BLOCK')


# What the API description knows beyond what is looked at here.
FIELDS = frozenset((
    'path', 'policy_id', 'name', 'protocols', 'create_dir',
    'create_dir_mode', 'tenant_id', 'qos_policy_id', 'alias', 'share',
    'owner', 'owner_type', 'owning_group', 'owning_group_type',
    'inherit_acl', 'locking', 'abe_protocols', 'user', 'group'))


class Views(base.Editable):
    """Names are unique per tenant, and so are paths unless switched."""

    name = 'views'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'path': 'path',
               'alias': 'alias', 'share': 'share', 'policy': 'policy',
               'policy_id': 'policy_id', 'policy__id': 'policy_id',
               'policy__name': 'policy', 'cluster__id': 'cluster_id',
               'qos_policy_id': 'qos_policy_id', 'internal': 'internal'}

    def create(self, call: Call) -> Response:
        body = call.body
        self.require_known(body, FIELDS)
        path = fields.path(body)
        name = fields.name(body)
        tenant_id = self.tenant_of(call)
        if fields.integer(body, 'policy_id', required=True) is None:
            raise AssertionError('required')
        record = {'name': name, 'path': path, 'tenant_id': tenant_id,
                  **self.checked(body, {}, tenant_id)}
        self.require_unique(name, tenant_id)
        self.require_free_path(path, tenant_id)
        self.require_directory(body, path, tenant_id)
        stored = self.stored({
            **record, 'create_dir': bool(body.get('create_dir')),
            'logical_capacity': 0, 'physical_capacity': 0, 'internal': False,
            'title': name})
        self.count(stored['policy_id'], +1)
        self.state.recount_later(tenant_id, path)
        return answer(201, stored)

    def change(self, call: Call) -> Response:
        record, body = self.one(call), call.body
        self.require_known(body, FIELDS, record)
        base.fixed(body, record, 'path', 'tenant_id')
        changes = self.checked(body, record, record['tenant_id'])
        if 'name' in body:
            changes['name'] = changes['title'] = fields.name(body)
            self.require_unique(changes['name'], record['tenant_id'], record)
        self.count(record['policy_id'], -1)
        self.table.update(record, changes)
        self.count(record['policy_id'], +1)
        return answer(200, record)

    def delete(self, call: Call) -> Response:
        """Removes the export, never the data."""
        record = self.one(call)

        def gone() -> None:
            if record['id'] in self.table.rows:
                self.table.remove(record)
                self.count(record['policy_id'], -1)
        if self.options.view_delay:
            self.state.timeline.after(self.options.view_delay, gone)
        else:
            gone()
        return answer(204, None)

    # Rules

    def checked(self, body: Record, present: Record,
                tenant_id: int) -> Record:
        """The fields that may change, as sent or else as present."""
        merged = {**present, **body}
        policy = self.policy(merged, tenant_id)
        protocols = self.protocols(merged)
        share = fields.text(merged, 'share')
        if 'SMB' in protocols and not share:
            raise field_error('share', 'This field is required with SMB.')
        alias = fields.text(merged, 'alias')
        if alias and not (alias.startswith('/') and alias.isascii()):
            raise field_error('alias', 'Invalid alias.')
        qos = self.qos_policy(merged)
        return {'policy_id': policy['id'], 'policy': policy['name'],
                'protocols': protocols, 'share': share, 'alias': alias,
                'qos_policy_id': qos['id'] if qos else None,
                'qos_policy': qos['name'] if qos else None}

    def policy(self, body: Record, tenant_id: int) -> Record:
        ident = fields.integer(body, 'policy_id', required=True)
        policy = self.state.tables['viewpolicies'].get(ident)
        if policy is None:
            raise base.unknown_pk('policy_id', ident)
        if policy['tenant_id'] not in (None, tenant_id):
            raise field_error('policy_id', 'The view policy belongs to '
                                           'another tenant.')
        return policy

    def protocols(self, body: Record) -> list[str]:
        protocols = fields.strings(body, 'protocols')
        if protocols is None:
            return ['NFS']
        for protocol in protocols:
            if protocol not in PROTOCOLS:
                raise field_error('protocols',
                                  f'"{protocol}" is not a valid choice.')
        if not protocols:
            raise field_error('protocols', 'This list may not be empty.')
        return protocols

    def qos_policy(self, body: Record) -> Record | None:
        ident: Any = fields.integer(body, 'qos_policy_id')
        if ident is None:
            return None
        policy = self.state.tables['qospolicies'].get(ident)
        if policy is None:
            raise base.unknown_pk('qos_policy_id', ident)
        if policy['policy_type'] != 'VIEW':
            raise field_error('qos_policy_id', 'Not a policy for views.')
        return policy

    def require_free_path(self, path: str, tenant_id: int) -> None:
        if self.options.allow_views_on_same_path:
            return
        for _ in self.table.in_tenant('path', path, tenant_id):
            raise field_error(
                'non_field_errors',
                'The fields path, tenant_id must make a unique set.')

    def require_directory(self, body: Record, path: str,
                          tenant_id: int) -> None:
        """Make it when asked to, else it has to be there."""
        make_or_require(self, body, path, tenant_id)

    def count(self, policy_id: int, by: int) -> None:
        policy = self.state.tables['viewpolicies'].get(policy_id)
        if policy is not None:
            policy['count_views'] += by


def make_or_require(resource: base.Resource, body: Record, path: str,
                    tenant_id: int) -> None:
    """``create_dir``: make a directory, or insist that it exists.

    :raises ApiError: 400, it is missing and was not to be made.
    """
    tree = resource.state.trees[tenant_id]
    mode = fields.mode(body)
    if fields.boolean(body, 'create_dir'):
        tree.make(path, resource.state.now(), mode)
    elif path not in tree:
        raise detail(400, f'no such directory: {path}')
