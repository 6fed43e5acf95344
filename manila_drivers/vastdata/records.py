# SPDX-License-Identifier: Apache-2.0

"""Records of the management service (VMS) as values, read strictly.  Pure.

Unknown fields are ignored.  A field that is null or absent is None, which
means: not told, and is never taken for none, for all or for zero; one that is
needed and missing is named.  A field of another type than described is an
error, never converted into something that looks right: a word is not a list of
its letters.
Fields and their meaning: the OpenAPI description of VMS 5.3 and 5.5.
"""

from collections.abc import Mapping
import dataclasses
import math
import re
from typing import Any
from typing import TypeVar

from manila_drivers import exception

Json = Mapping[str, Any]
T = TypeVar('T')

_NUMBER = re.compile(r'-?[0-9]+([.][0-9]+)?([eE][+]?[0-9]{1,2})?')

#: Tenant of a record that does not tell it; no tenant has this id.
UNTOLD = -1


def need(data: Json, field: str, kind: str) -> Any:
    """A field without which a record means nothing.

    :raises BackendError: it is null, empty or absent.
    """
    value = data.get(field)
    if value is None or value == '':
        raise exception.BackendError(
            'VMS returned a %s without the field %r' % (kind, field),
            answer=repr(sorted(data)), check='vast_api_version')
    return value


def ident(data: Json, kind: str) -> int:
    need(data, 'id', kind)
    found = number(data, 'id')
    assert found is not None
    return found


def number(data: Json, field: str) -> int | None:
    """A whole number, which may come as digits, as 5.0 or as '5.0'.

    :raises ValueError: it is something else.
    """
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        # Digits stay digits: a float holds 53 bits of them.
        value = value.strip()
        value = int(value) if value.lstrip('-').isdigit() else float(value)
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(field, value, 'a number')
    return value


def size(data: Json, field: str) -> int | None:
    """Bytes; less than none is a way of not telling."""
    found = number(data, field)
    return None if found is None or found < 0 else found


def fraction(data: Json, field: str) -> float | None:
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str) \
            or not math.isfinite(float(value)):
        raise _wrong(field, value, 'a number')
    return float(value)


def text(data: Json, field: str) -> str | None:
    return _typed(data, field, str, 'text')


def texts(data: Json, field: str) -> tuple[str, ...] | None:
    value = _typed(data, field, list, 'a list of texts')
    if value is None:
        return None
    if not all(isinstance(item, str) for item in value):
        raise _wrong(field, value, 'a list of texts')
    return tuple(value)


def flag(data: Json, field: str) -> bool | None:
    return _typed(data, field, bool, 'true or false')


def part(data: Json, field: str) -> Json | None:
    """A record within a record."""
    return _typed(data, field, dict, 'a record')


def _typed(data: Json, field: str, kind: type[T], wanted: str) -> T | None:
    value = data.get(field)
    if value is not None and not isinstance(value, kind):
        raise _wrong(field, value, wanted)
    return value


def name(data: Json, kind: str) -> str:
    """The name; '' for what has none.

    :raises BackendError: the record does not tell whether it has one.
    """
    if 'name' not in data:
        need(data, 'name', kind)
    return text(data, 'name') or ''


def identity(data: Json, kind: str) -> dict[str, Any]:
    """Id, name and the id of the tenant: None for all, UNTOLD if not told."""
    tenant = number(data, 'tenant_id') if 'tenant_id' in data else UNTOLD
    return {'id': ident(data, kind), 'name': name(data, kind),
            'tenant_id': tenant}


def path_of(value: object) -> str:
    """A path as it is compared: without a slash at the end, or two in a row.

    Views and quotas carry none, snapshots and streams usually do.
    """
    return re.sub('/+', '/', str(value or '')).rstrip('/') or '/'


def path(data: Json, kind: str, field: str = 'path') -> str:
    value = need(data, field, kind)
    if not isinstance(value, str) or not value.startswith('/'):
        raise _wrong(field, value, 'an absolute path')
    return path_of(value)


def _wrong(field: str, value: object, wanted: str) -> ValueError:
    return ValueError('%s is %.60r, not %s' % (field, value, wanted))


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

    @classmethod
    def of(cls, data: Json) -> 'View':
        return cls(**identity(data, 'view'), path=path(data, 'view'),
                   policy_id=number(data, 'policy_id'),
                   policy=text(data, 'policy') or '',
                   protocols=texts(data, 'protocols'),
                   capacity=size(data, 'logical_capacity'))


@dataclasses.dataclass(frozen=True)
class ViewPolicy:
    """A view policy: who may reach the views that use it.

    A list that is absent from the record is None, which is never taken for
    an empty one.  ``pools`` are the VIP pools that its views are bound to,
    pairs of id and level; () means all pools, None that it is not told.
    """

    id: int
    name: str
    read_write: tuple[str, ...] | None
    read_only: tuple[str, ...] | None
    no_squash: tuple[str, ...] | None
    root_squash: tuple[str, ...] | None
    all_squash: tuple[str, ...] | None
    tenant_id: int | None = None
    pools: tuple[tuple[int, str], ...] | None = None

    @classmethod
    def of(cls, data: Json) -> 'ViewPolicy':
        return cls(**identity(data, 'view policy'),
                   read_write=texts(data, 'nfs_read_write'),
                   read_only=texts(data, 'nfs_read_only'),
                   no_squash=texts(data, 'nfs_no_squash'),
                   root_squash=texts(data, 'nfs_root_squash'),
                   all_squash=texts(data, 'nfs_all_squash'),
                   pools=_pools(data))


def _pools(data: Json) -> tuple[tuple[int, str], ...] | None:
    """The VIP pools of a policy, from the field that counts.

    Before VMS 5.0 there is none, in 5.0 ``vip_pools``; where the record has
    ``permission_per_vip_pool`` (from 5.1 on) it is that one alone.
    """
    if 'permission_per_vip_pool' in data:
        levels = part(data, 'permission_per_vip_pool')
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
        used = size(data, 'used_effective_capacity')
        if used is None:
            used = size(data, 'used_capacity')
        limit = number(data, 'hard_limit')
        if 'hard_limit' in data:
            limit = max(limit or 0, 0)
        return cls(**identity(data, 'quota'), path=path(data, 'quota'),
                   hard_limit=limit, used=used)


@dataclasses.dataclass(frozen=True)
class VastSnapshot:
    """A snapshot of a directory."""

    id: int
    name: str
    path: str
    state: str
    tenant_id: int | None

    PENDING = ('INIT', 'CREATING', 'RETRYING')
    LEAVING = ('DELETING', 'RETRY_DELETE')

    @classmethod
    def of(cls, data: Json) -> 'VastSnapshot':
        # A record without a state is of a version that only shows snapshots
        # that are ready.
        return cls(**identity(data, 'snapshot'), path=path(data, 'snapshot'),
                   state=(text(data, 'state') or 'SUCCEED').upper())


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
        target = text(data, 'loanee_root_path')
        tenant = part(data, 'loanee_tenant') or {}
        return cls(id=ident(data, 'stream'), name=text(data, 'name') or '',
                   target=path_of(target) if target else '',
                   snapshot_id=number(data, 'loanee_snapshot_id'),
                   state=(text(data, 'state') or '').lower(),
                   inner=str(inner or '').lower(),
                   progress=number(data, 'sync_progress') or 0,
                   tenant=text(tenant, 'name') or '')

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
class VipPool:
    """A pool of virtual addresses; ``ranges`` are inclusive, in order."""

    id: int
    name: str
    enabled: bool
    role: str
    ranges: tuple[tuple[str, str], ...]
    tenant_id: int | None

    @classmethod
    def of(cls, data: Json) -> 'VipPool':
        ranges = data.get('ip_ranges') or ()
        if not isinstance(ranges, list | tuple) or not all(
                isinstance(pair, list | tuple) for pair in ranges):
            raise ValueError('ip_ranges is %.60r, not a list of pairs'
                             % (ranges,))
        return cls(id=ident(data, 'VIP pool'), name=name(data, 'VIP pool'),
                   enabled=flag(data, 'enabled') is not False,
                   role=(text(data, 'role') or 'PROTOCOLS').upper(),
                   ranges=tuple((str(pair[0]), str(pair[-1] or pair[0]))
                                for pair in ranges if pair),
                   tenant_id=number(data, 'tenant_id'))


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A tenant; ``hard_limit`` in bytes caps its capacity, 0 = none."""

    id: int
    name: str
    hard_limit: int

    @classmethod
    def of(cls, data: Json) -> 'Tenant':
        rules = part(data, 'capacity_rules') or {}
        return cls(id=ident(data, 'tenant'), name=name(data, 'tenant'),
                   hard_limit=number(rules, 'hard_limit') or 0)


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
        told = text(data, 'sw_version') or text(data, 'sys_version') or ''
        total = size(data, 'logical_space')
        free = size(data, 'free_logical_space')
        used = size(data, 'logical_space_in_use')
        if free is None and total is not None and used is not None:
            free = total - used
        return cls(version=version_of(told), version_text=told,
                   trash=flag(data, 'enable_trash'),
                   reduction=fraction(data, 'drr'),
                   total=total, free=None if free is None else max(free, 0))


def version_of(text: str) -> tuple[int, ...]:
    """Up to three leading numbers of a software version.

    ``5.4.0.20.10960402906660116571`` is (5, 4, 0): what follows is build
    data.  A text that starts with no number is ().
    """
    match = re.match(r'\s*(\d+(?:\.\d+){0,2})', text)
    return tuple(map(int, match.group(1).split('.'))) if match else ()
