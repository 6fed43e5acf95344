# SPDX-License-Identifier: Apache-2.0

"""Records of the management service (VMS) as values.

Unknown fields are ignored.  A field that is needed and missing is named; what
is null or absent otherwise is None, which is never taken for none, for all or
for zero (``manila_drivers.vastdata.fields``).
Fields and their meaning: the OpenAPI description of VMS 5.3 and 5.5.
"""

from collections.abc import Mapping
import dataclasses
import re

from manila_drivers.vastdata import fields

Json = fields.Json
UNTOLD = fields.UNTOLD
path_of = fields.path_of


@dataclasses.dataclass(frozen=True)
class View:
    """An export of a directory under a policy.

    ``protocols`` is None if not told, and so is ``capacity``, the bytes below
    it.
    """

    id: int
    name: str
    path: str
    policy_id: int | None
    policy: str
    protocols: tuple[str, ...] | None
    tenant_id: int | None
    capacity: int | None = None
    qos_policy_id: int | None = None

    @classmethod
    def of(cls, data: Json) -> 'View':
        return cls(id=fields.ident(data, 'view'),
                   name=fields.name(data, 'view'),
                   path=fields.path(data, 'view'),
                   policy_id=fields.number(data, 'policy_id'),
                   policy=fields.text(data, 'policy') or '',
                   protocols=fields.texts(data, 'protocols'),
                   tenant_id=fields.tenant(data),
                   capacity=fields.size(data, 'logical_capacity'),
                   qos_policy_id=fields.number(data, 'qos_policy_id'))


@dataclasses.dataclass(frozen=True)
class Policy:
    """A view policy: who may reach the views that use it.

    A list that is absent from the record is None, which is never taken for
    an empty one.  ``views`` is how many views use it, None if not told.
    ``pools`` are the VIP pools that its views are bound to, pairs of id and
    level; () means all pools, None that it is not told.
    """

    id: int
    name: str
    read_write: tuple[str, ...] | None
    read_only: tuple[str, ...] | None
    no_squash: tuple[str, ...] | None
    root_squash: tuple[str, ...] | None
    all_squash: tuple[str, ...] | None
    tenant_id: int | None = None
    views: int | None = None
    pools: tuple[tuple[int, str], ...] | None = None

    @classmethod
    def of(cls, data: Json) -> 'Policy':
        return cls(id=fields.ident(data, 'view policy'),
                   name=fields.name(data, 'view policy'),
                   read_write=fields.texts(data, 'nfs_read_write'),
                   read_only=fields.texts(data, 'nfs_read_only'),
                   no_squash=fields.texts(data, 'nfs_no_squash'),
                   root_squash=fields.texts(data, 'nfs_root_squash'),
                   all_squash=fields.texts(data, 'nfs_all_squash'),
                   tenant_id=fields.tenant(data),
                   views=fields.number(data, 'count_views'),
                   pools=_pools(data))


def _pools(data: Json) -> tuple[tuple[int, str], ...] | None:
    """The VIP pools of a policy, from the field that counts.

    Before VMS 5.0 there is none, in 5.0 ``vip_pools``; where the record has
    ``permission_per_vip_pool`` (from 5.1 on) it is that one alone.
    """
    if 'permission_per_vip_pool' in data:
        levels = fields.part(data, 'permission_per_vip_pool')
        return None if levels is None else tuple(sorted(
            (int(pool), str(level).upper())
            for pool, level in levels.items()))
    found = data.get('vip_pools')
    if found is None:
        return None
    if not isinstance(found, list):
        raise ValueError('vip_pools is %.60r, not a list' % (found,))
    return tuple(sorted((int(pool), 'RW') for pool in found))


@dataclasses.dataclass(frozen=True)
class Quota:
    """A limit on a directory, in bytes; 0 means none, None not told.

    ``used`` is what the limit is enforced on, None if not told (yet).  It
    lags behind writes.
    """

    id: int
    name: str
    path: str
    hard_limit: int | None
    used: int | None
    tenant_id: int | None

    @classmethod
    def of(cls, data: Json) -> 'Quota':
        used = fields.size(data, 'used_effective_capacity')
        if used is None:
            used = fields.size(data, 'used_capacity')
        limit = fields.number(data, 'hard_limit')
        if 'hard_limit' in data:
            limit = max(limit or 0, 0)
        return cls(id=fields.ident(data, 'quota'),
                   name=fields.name(data, 'quota'),
                   path=fields.path(data, 'quota'), hard_limit=limit,
                   used=used, tenant_id=fields.tenant(data))


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot of a directory."""

    id: int
    name: str
    path: str
    state: str
    tenant_id: int | None

    PENDING = ('INIT', 'CREATING', 'RETRYING')
    LEAVING = ('DELETING', 'RETRY_DELETE')

    @classmethod
    def of(cls, data: Json) -> 'Snapshot':
        return cls(id=fields.ident(data, 'snapshot'),
                   name=fields.name(data, 'snapshot'),
                   path=fields.path(data, 'snapshot'),
                   # A record without a state is of a version that only shows
                   # snapshots that are ready.
                   state=(fields.text(data, 'state') or 'SUCCEED').upper(),
                   tenant_id=fields.tenant(data))


@dataclasses.dataclass(frozen=True)
class Stream:
    """A clone: data that moves from a snapshot to a new directory.

    ``progress`` is in percent.  ``tenant`` is the name of the one whose
    directory is filled, '' if not told; ``target`` is '' if not told.
    """

    id: int
    name: str
    target: str
    snapshot_id: int | None
    state: str
    inner: str
    progress: int
    tenant: str = ''

    @classmethod
    def of(cls, data: Json) -> 'Stream':
        status = data.get('status')
        inner = status.get('state') if isinstance(status, Mapping) else ''
        target = fields.text(data, 'loanee_root_path')
        tenant = fields.part(data, 'loanee_tenant') or {}
        return cls(id=fields.ident(data, 'stream'),
                   name=fields.text(data, 'name') or '',
                   target=path_of(target) if target else '',
                   snapshot_id=fields.number(data, 'loanee_snapshot_id'),
                   state=(fields.text(data, 'state') or '').lower(),
                   inner=str(inner or '').lower(),
                   progress=fields.number(data, 'sync_progress') or 0,
                   tenant=fields.text(tenant, 'name') or '')

    @property
    def finished(self) -> bool:
        return self.state == 'completed' or self.inner == 'finished'

    @property
    def failed(self) -> bool:
        return not self.finished and self.state in ('suspended', 'failed')

    @property
    def running(self) -> bool:
        return not self.finished and not self.failed


@dataclasses.dataclass(frozen=True)
class Task:
    """Background work."""

    id: int
    state: str
    message: str

    @classmethod
    def of(cls, data: Json) -> 'Task':
        messages = data.get('messages') or ['']
        return cls(id=fields.ident(data, 'task'),
                   state=str(data.get('state') or '').lower(),
                   message=str(messages[-1]))

    @property
    def running(self) -> bool:
        return self.state in ('running', '')

    @classmethod
    def within(cls, data: object) -> 'Task | None':
        """The task in an answer, which may itself be the task."""
        if not isinstance(data, Mapping):
            return None
        inner = data.get('async_task')
        if isinstance(inner, Mapping):
            return cls.of(inner)
        if 'state' in data and 'messages' in data:
            return cls.of(data)
        return None


@dataclasses.dataclass(frozen=True)
class Pool:
    """A pool of virtual addresses; ``ranges`` are inclusive, in order."""

    id: int
    name: str
    enabled: bool
    role: str
    ranges: tuple[tuple[str, str], ...]
    tenant_id: int | None

    @classmethod
    def of(cls, data: Json) -> 'Pool':
        ranges = data.get('ip_ranges') or ()
        if not isinstance(ranges, list | tuple) or not all(
                isinstance(pair, list | tuple) for pair in ranges):
            raise ValueError('ip_ranges is %.60r, not a list of pairs'
                             % (ranges,))
        return cls(id=fields.ident(data, 'VIP pool'),
                   name=fields.name(data, 'VIP pool'),
                   enabled=fields.flag(data, 'enabled') is not False,
                   role=(fields.text(data, 'role') or 'PROTOCOLS').upper(),
                   ranges=tuple((str(pair[0]), str(pair[-1] or pair[0]))
                                for pair in ranges if pair),
                   tenant_id=fields.number(data, 'tenant_id'))


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A tenant; ``hard_limit`` in bytes caps its capacity, 0 = none."""

    id: int
    name: str
    hard_limit: int

    @classmethod
    def of(cls, data: Json) -> 'Tenant':
        rules = fields.part(data, 'capacity_rules') or {}
        return cls(id=fields.ident(data, 'tenant'),
                   name=fields.name(data, 'tenant'),
                   hard_limit=fields.number(rules, 'hard_limit') or 0)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The cluster; capacities in bytes, None where not told."""

    version: tuple[int, ...]
    version_text: str
    trash: bool | None
    reduction: float | None
    total: int | None
    free: int | None

    @classmethod
    def of(cls, data: Json) -> 'Cluster':
        text = (fields.text(data, 'sw_version')
                or fields.text(data, 'sys_version') or '')
        total = fields.size(data, 'logical_space')
        free = fields.size(data, 'free_logical_space')
        used = fields.size(data, 'logical_space_in_use')
        if free is None and total is not None and used is not None:
            free = total - used
        return cls(version=version_of(text), version_text=text,
                   trash=fields.flag(data, 'enable_trash'),
                   reduction=fields.fraction(data, 'drr'),
                   total=total, free=None if free is None else max(free, 0))


def version_of(text: str) -> tuple[int, ...]:
    """Up to three leading numbers of a software version.

    ``5.4.0.20.10960402906660116571`` is (5, 4, 0): what follows is build
    data.  A text that starts with no number is ().
    """
    match = re.match(r'\s*(\d+(?:\.\d+){0,2})', text)
    return tuple(map(int, match.group(1).split('.'))) if match else ()
