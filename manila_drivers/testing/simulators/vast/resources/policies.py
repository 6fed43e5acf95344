# SPDX-License-Identifier: Apache-2.0

"""``viewpolicies``: who may reach what, as lists of host strings."""

from collections.abc import Mapping
import math
from typing import Any

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast import hosts
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import not_unique
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Response

WRITE, READ = 'nfs_read_write', 'nfs_read_only'
SQUASH = ('nfs_no_squash', 'nfs_root_squash', 'nfs_all_squash')
LISTS = (WRITE, READ, *SQUASH)

# What a policy gets that is created with a name only: the whole world may
# read and write, root is squashed.
WORLD: Mapping[str, list[str]] = {
    WRITE: ['*'], READ: [], 'nfs_no_squash': [], 'nfs_root_squash': ['*'],
    'nfs_all_squash': []}

CHOICES = {
    'flavor': ('NFS', 'SMB', 'MIXED_LAST_WINS', 'S3_NATIVE'),
    'access_flavor': ('NFS4', 'SMB', 'ALL'),
    'auth_source': ('RPC', 'PROVIDERS', 'RPC_AND_PROVIDERS'),
    'path_length': ('LCD', 'NPL'),
    'allowed_characters': ('LCD', 'NPL'),
    'nfs_minimal_protection_level': ('NONE', 'SYSTEM', 'KRB_AUTH_ONLY'),
    'atime_frequency': None,
    'gid_inheritance': ('LINUX', 'BSD'),
}
SETTINGS: Mapping[str, Any] = {
    'flavor': 'NFS', 'access_flavor': None, 'auth_source': 'RPC',
    'path_length': 'LCD', 'allowed_characters': 'LCD',
    'nfs_minimal_protection_level': 'SYSTEM', 'atime_frequency': None,
    'gid_inheritance': 'LINUX'}
FLAGS = ('nfs_enforce_tls', 'nfs_enforce_tls_relaxed', 'nfs_posix_acl',
         'nfs_return_open_permissions', 'use_32bit_fileid',
         'nfs_case_insensitive', 'expose_id_in_fsid',
         'enable_access_to_snapshot_dir_in_subdirs',
         'enable_visibility_of_snapshot_dir')


POOL_FIELDS = ('vip_pools', 'permission_per_vip_pool')

FIELDS = frozenset((
    'name', 'tenant_id', *LISTS, *CHOICES, *FLAGS, 'trash_access',
    *POOL_FIELDS, 'nfs_enforce_mtls',
    'protocols_audit', 'remote_mapping'))


class Policies(base.Editable):
    """Names are unique across all tenants."""

    name = 'viewpolicies'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'flavor': 'flavor',
               'count_views': 'count_views', 'internal': 'internal'}

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.taken: dict[int, tuple[int, int]] = {}   # tables, by policy id
        self.total = (0, 0)

    def routes(self) -> base.Routes:
        return {**super().routes(),
                ('PATCH', True, 'refresh_netgroups'): self.refresh}

    def visible(self, call: Call, record: Record) -> bool:
        serves = call.param('serves_tenant')
        if serves and not self.options.ignore_filters and str(
                record['tenant_id']) not in ('None', serves):
            return False
        return super().visible(call, record)

    def create(self, call: Call) -> Response:
        body = call.body
        self.require_known(relevant(body), FIELDS)
        name = fields.name(body, required=True)
        tenant_id = (None if 'tenant_id' in body and body['tenant_id'] is None
                     and call.scope is None else self.tenant_of(call))
        self.require_unique_anywhere(name, tenant_id)
        if len(self.table) >= self.options.max_policies:
            raise detail(400, 'Maximum number of view policies reached.')
        lists = self.host_lists(
            body, WORLD, empty_is_default=(
                self.options.empty_list_means_default))
        record = {'name': name, 'tenant_id': tenant_id, **lists,
                  **self.settings(call, dict(SETTINGS)),
                  'count_views': 0, 'internal': False, 'sync': 'SYNCED'}
        needed = self.take_room(record)
        stored = self.stored(mirrored(record))
        self.account(stored['id'], needed)
        return answer(201, stored)

    def change(self, call: Call) -> Response:
        record, body = self.one(call), call.body
        self.require_known(relevant(body), FIELDS, record)
        base.fixed(body, record, 'tenant_id')
        changes: Record = {}
        if 'name' in body:
            changes['name'] = fields.name(body, required=True)
            self.require_unique_anywhere(
                changes['name'], record['tenant_id'], record)
        changes.update(self.host_lists(
            body, record, empty_is_default=(
                self.options.empty_list_means_default_on_patch)))
        changes.update(self.settings(call, record))
        self.account(record['id'], self.take_room({**record, **changes},
                                                  record['id']))
        self.table.update(record, mirrored(changes))
        if 'name' in changes:
            self.rename_in_views(record)
        return answer(200, record)

    def delete(self, call: Call) -> Response:
        record = self.one(call)
        if record['count_views']:
            raise detail(self.options.in_use_status,
                         'Cannot delete view policy: it is used by '
                         f'{record["count_views"]} views.')
        self.table.remove(record)
        self.account(record['id'], (0, 0))
        return answer(204, None)

    def refresh(self, call: Call) -> Response:
        self.one(call)
        return answer(204, None)

    # Rules

    def require_unique_anywhere(self, name: str | None,
                                tenant_id: int | None,
                                but: Record | None = None) -> None:
        apart = self.options.policy_names_per_tenant
        for other in self.table.by('name', name):
            if other is not but and not (
                    apart and other['tenant_id'] != tenant_id):
                raise not_unique()

    def host_lists(self, body: Record, present: Mapping[str, Any], *,
                   empty_is_default: bool) -> Record:
        """The five lists after this body; those not sent stay as present."""
        result: Record = {}
        for field in LISTS:
            sent = fields.strings(body, field)
            if sent is None:
                sent = list(present[field])
            elif not sent and empty_is_default:
                sent = list(WORLD[field])
            else:
                self.check_hosts(field, sent)
            result[field] = sent
        if 'trash_access' in body:
            result['trash_access'] = fields.strings(body, 'trash_access') or []
            self.check_hosts('trash_access', result['trash_access'])
        return result

    def check_hosts(self, field: str, texts: list[str]) -> None:
        for text in texts:
            try:
                entry = hosts.parse(text)
            except ValueError:
                raise field_error(
                    field, f'"{text}" is not a valid host.') from None
            if (entry.version == 6 and not self.options.ipv6_host_lists
                    or entry.deny and (field != WRITE
                                       or not self.options.deny_entries)
                    or entry.netgroup and field == 'trash_access'):
                raise field_error(field, f'"{text}" is not supported here.')

    def settings(self, call: Call, present: Mapping[str, Any]) -> Record:
        """The other fields, as sent or else as present."""
        body = call.body
        result: Record = {}
        for field, choices in CHOICES.items():
            sent = (fields.text(body, field) if choices is None
                    else fields.choice(body, field, choices))
            result[field] = present.get(field) if sent is None else sent
        for field in FLAGS:
            result[field] = fields.boolean(body, field,
                                           present.get(field, False))
        result.update(self.pool_binding(body, present))
        return result

    def pool_binding(self, body: Record,
                     present: Mapping[str, Any]) -> Record:
        pools = body.get('vip_pools', present.get('vip_pools', []))
        levels = body.get('permission_per_vip_pool',
                          present.get('permission_per_vip_pool', {}))
        if not isinstance(pools, list) or not isinstance(levels, dict):
            raise field_error('vip_pools', 'Expected a list of pool ids.')
        if binding_of(self.state) == 'none':
            return {field: present.get(field, kind())
                    for field, kind in zip(POOL_FIELDS, (list, dict),
                                           strict=True)}
        known = self.state.tables['vippools'].rows
        sent = (*(pools if 'vip_pools' in body else ()),
                *(map(number, levels) if 'permission_per_vip_pool' in body
                  else ()))
        for pool in sent:
            if type(pool) is not int or pool not in known:
                raise base.unknown_pk('vip_pools', pool)
        for level in levels.values():
            if level not in ('RW', 'RO'):
                raise field_error('permission_per_vip_pool',
                                  f'"{level}" is not a valid choice.')
        return {'vip_pools': list(pools),
                'permission_per_vip_pool': dict(levels)}

    # Room on the cluster

    def take_room(self, record: Record, but: int = 0) -> tuple[int, int]:
        """Tables that the record takes up beside all others.

        :param but: id of the policy that is being changed, which gives up
            the tables it has.
        :raises ApiError: 400, the cluster's tables of hosts are full.
        """
        needed = tables_of(record, self.options.table_size)
        given_up = self.taken.get(but, (0, 0))
        total = [sum(parts) for parts in zip(
            self.total, needed, map(int.__neg__, given_up), strict=True)]
        if max(total) > self.options.max_tables:
            raise detail(400, 'Maximum number of host constraints reached.')
        return needed

    def account(self, ident: int, needed: tuple[int, int]) -> None:
        """Book a policy's tables; (0, 0) when it is gone."""
        before = self.taken.pop(ident, (0, 0))
        self.total = (self.total[0] + needed[0] - before[0],
                      self.total[1] + needed[1] - before[1])
        if any(needed):
            self.taken[ident] = needed

    def rename_in_views(self, policy: Record) -> None:
        for view in self.state.tables['views']:
            if view['policy_id'] == policy['id']:
                view['policy'] = policy['name']


def binding_of(state: State) -> str:
    """Say what binds a policy to pools; see ``Options.pool_binding``."""
    chosen = state.options.pool_binding
    if chosen:
        return chosen
    if state.version < (5, 0):
        return 'none'
    return POOL_FIELDS[state.version >= (5, 1)]


def unknown_pool_fields(state: State) -> frozenset[str]:
    """Fields about pools that records of this version do not have."""
    known = {'none': 0, 'vip_pools': 1}.get(binding_of(state), 2)
    return frozenset(POOL_FIELDS[known:])


def pool_levels(state: State, policy: Record) -> dict[int, str]:
    """Pools that a policy is bound to, with their levels; {} = all."""
    binding = binding_of(state)
    if binding == 'vip_pools':
        return dict.fromkeys(policy['vip_pools'], 'RW')
    if binding == 'none':
        return {}
    return {int(pool): level for pool, level in
            policy['permission_per_vip_pool'].items()}


def relevant(body: Record) -> Record:
    """Without what concerns other protocols."""
    return {field: value for field, value in body.items()
            if not field.startswith(('s3_', 'smb_'))}


def tables_of(policy: Record, size: int) -> tuple[int, int]:
    """Tables of addresses and of netgroups that a policy takes up."""
    elements = [text for field in LISTS for text in policy[field]]
    netgroups = sum(text.startswith('@') for text in elements)
    return (max(1, math.ceil((len(elements) - netgroups) / size)),
            max(1, math.ceil(netgroups / size)))


def mirrored(record: Record) -> Record:
    """Older names of two lists exist beside the newer ones."""
    if WRITE in record:
        record['read_write'] = list(record[WRITE])
        record['read_only'] = list(record[READ])
    return record
