#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Records of the management service (VMS) as values.

Unknown fields are ignored.  A field that is needed and missing is named.
Fields and their meaning: the OpenAPI description of VMS 5.3 and 5.5.
"""

from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from manila_drivers import exception

Json = Mapping[str, Any]


def _need(data: Json, field: str, kind: str) -> Any:
    value = data.get(field)
    if value is None:
        raise exception.BackendError(
            'VMS returned a %s without the field %r' % (kind, field),
            answer=repr(sorted(data)), check='vast_api_version')
    return value


def _ident(data: Json, kind: str) -> int:
    return int(_need(data, 'id', kind))


def _optional(data: Json, field: str) -> int | None:
    value = data.get(field)
    return None if value is None else int(value)


def path_of(text: object) -> str:
    """A path as it is compared: without a slash at the end.

    Views and quotas carry none, snapshots and streams usually do.
    """
    return str(text or '').rstrip('/') or '/'


@dataclasses.dataclass(frozen=True)
class View:
    """An export of a directory under a policy.

    ``capacity`` is the bytes below it, None if not told.
    """

    id: int
    name: str
    path: str
    policy_id: int | None
    policy: str
    protocols: tuple[str, ...]
    tenant_id: int | None
    capacity: int | None = None

    @classmethod
    def of(cls, data: Json) -> 'View':
        return cls(id=_ident(data, 'view'), name=str(data.get('name') or ''),
                   path=path_of(_need(data, 'path', 'view')),
                   policy_id=_optional(data, 'policy_id'),
                   policy=str(data.get('policy') or ''),
                   protocols=tuple(data.get('protocols') or ()),
                   tenant_id=_optional(data, 'tenant_id'),
                   capacity=_optional(data, 'logical_capacity'))


@dataclasses.dataclass(frozen=True)
class Policy:
    """A view policy: who may reach the views that use it.

    A list that is absent from the record is None, which is never taken for
    an empty one.  ``views`` is how many views use it, None if not told.
    ``pools`` are the ids of the VIP pools that its views are bound to, none
    for all of them.
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
    pools: tuple[int, ...] | None = None

    @classmethod
    def of(cls, data: Json) -> 'Policy':
        def hosts(field: str) -> tuple[str, ...] | None:
            value = data.get(field)
            return None if value is None else tuple(map(str, value))

        # From 5.3 on each pool may have a level, in a field of its own.
        levels = data.get('permission_per_vip_pool') or {}
        pools = data.get('vip_pools') or levels or data.get('vip_pools')
        return cls(id=_ident(data, 'view policy'),
                   name=str(data.get('name') or ''),
                   read_write=hosts('nfs_read_write'),
                   read_only=hosts('nfs_read_only'),
                   no_squash=hosts('nfs_no_squash'),
                   root_squash=hosts('nfs_root_squash'),
                   all_squash=hosts('nfs_all_squash'),
                   tenant_id=_optional(data, 'tenant_id'),
                   views=_optional(data, 'count_views'),
                   pools=None if pools is None
                   else tuple(sorted(map(int, pools))))


@dataclasses.dataclass(frozen=True)
class Quota:
    """A limit on a directory, in bytes; 0 means none.

    ``used`` is what the limit is enforced on.  It lags behind writes.
    """

    id: int
    name: str
    path: str
    hard_limit: int
    used: int
    tenant_id: int | None

    @classmethod
    def of(cls, data: Json) -> 'Quota':
        used = data.get('used_effective_capacity')
        if used is None:
            used = data.get('used_capacity')
        return cls(id=_ident(data, 'quota'),
                   name=str(data.get('name') or ''),
                   path=path_of(_need(data, 'path', 'quota')),
                   hard_limit=int(data.get('hard_limit') or 0),
                   used=int(used or 0),
                   tenant_id=_optional(data, 'tenant_id'))


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
        return cls(id=_ident(data, 'snapshot'),
                   name=str(data.get('name') or ''),
                   path=path_of(_need(data, 'path', 'snapshot')),
                   # A record without a state is of a version that only shows
                   # snapshots that are ready.
                   state=str(data.get('state') or 'SUCCEED').upper(),
                   tenant_id=_optional(data, 'tenant_id'))


@dataclasses.dataclass(frozen=True)
class Stream:
    """A clone: data that moves from a snapshot to a new directory.

    ``progress`` is in percent.
    """

    id: int
    name: str
    target: str
    snapshot_id: int | None
    state: str
    inner: str
    progress: int

    @classmethod
    def of(cls, data: Json) -> 'Stream':
        status = data.get('status')
        inner = status.get('state') if isinstance(status, Mapping) else ''
        return cls(id=_ident(data, 'stream'),
                   name=str(data.get('name') or ''),
                   target=path_of(data.get('loanee_root_path')),
                   snapshot_id=_optional(data, 'loanee_snapshot_id'),
                   state=str(data.get('state') or '').lower(),
                   inner=str(inner or '').lower(),
                   progress=int(data.get('sync_progress') or 0))

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
        return cls(id=_ident(data, 'task'),
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
        ranges = tuple((str(pair[0]), str(pair[-1]))
                       for pair in data.get('ip_ranges') or () if pair)
        return cls(id=_ident(data, 'VIP pool'),
                   name=str(data.get('name') or ''),
                   enabled=data.get('enabled') is not False,
                   role=str(data.get('role') or 'PROTOCOLS').upper(),
                   ranges=ranges, tenant_id=_optional(data, 'tenant_id'))


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A tenant; ``hard_limit`` in bytes caps its capacity, 0 = none."""

    id: int
    name: str
    hard_limit: int

    @classmethod
    def of(cls, data: Json) -> 'Tenant':
        rules = data.get('capacity_rules')
        limit = rules.get('hard_limit') if isinstance(rules, Mapping) else 0
        return cls(id=_ident(data, 'tenant'),
                   name=str(data.get('name') or ''),
                   hard_limit=int(limit or 0))


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
        text = str(data.get('sw_version') or data.get('sys_version') or '')
        total = _optional(data, 'logical_space')
        free = _optional(data, 'free_logical_space')
        used = _optional(data, 'logical_space_in_use')
        if free is None and total is not None and used is not None:
            free = total - used
        trash = data.get('enable_trash')
        reduction = data.get('drr')
        return cls(version=version_of(text), version_text=text,
                   trash=None if trash is None else bool(trash),
                   reduction=None if reduction is None else float(reduction),
                   total=total, free=None if free is None else max(free, 0))


def version_of(text: str) -> tuple[int, ...]:
    """Up to three leading numbers of a software version.

    ``5.4.0.20.10960402906660116571`` is (5, 4, 0): what follows is build
    data.  A text that starts with no number is ().
    """
    match = re.match(r'\s*(\d+(?:\.\d+){0,2})', text)
    return tuple(map(int, match.group(1).split('.'))) if match else ()
