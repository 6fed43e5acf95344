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
import contextlib
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
    """A number for people; what cannot be read is not told."""
    value = data.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    with contextlib.suppress(ValueError):
        found = float(value)
        return found if math.isfinite(found) else None
    return None


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
    it.  ``alias`` is what clients of NFSv3 mount in place of the path, '' for
    none.
    """

    id: int
    name: str
    path: str
    policy_id: int | None
    policy: str
    protocols: tuple[str, ...] | None
    tenant_id: int | None
    capacity: int | None = None
    qos_id: int | None = None
    alias: str = ''

    @classmethod
    def of(cls, data: Json) -> 'View':
        return cls(**identity(data, 'view'), path=path(data, 'view'),
                   qos_id=number(data, 'qos_policy_id'),
                   alias=text(data, 'alias') or '',
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
        # Old versions have the other one alone.  Where both are there, and
        # this one is null, nobody has counted yet.
        used = size(data, 'used_effective_capacity'
                    if 'used_effective_capacity' in data else 'used_capacity')
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
    directory is filled, ``target`` that directory and ``snapshot`` the name of
    the snapshot; each is '' if not told.
    """

    id: int
    name: str
    target: str
    snapshot_id: int | None
    state: str
    inner: str
    progress: int
    tenant: str = ''
    snapshot: str = ''

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
                   tenant=text(tenant, 'name') or '',
                   snapshot=text(data, 'loanee_snapshot') or '')

    def is_called(self, name: str) -> bool:
        """Tell if it has a name, or hides its own and fills what has it."""
        return self.name == name or not self.name and self.target.endswith(
            '/' + name)

    def is_fed_by(self, snapshot_id: int, snapshot: str) -> bool:
        """Tell if it may be fed by this snapshot; one that hides it may."""
        if self.snapshot_id is not None:
            return self.snapshot_id == snapshot_id
        return self.snapshot in ('', snapshot)

    def fills(self, path: str) -> bool:
        """Tell if it fills a directory, or is called as if it did."""
        return self.target == path or not self.target and bool(
            self.name) and path.endswith('/' + self.name)

    @property
    def finished(self) -> bool:
        return self.state == 'completed' or self.inner == 'finished'

    @property
    def failed(self) -> bool:
        return not self.finished and self.state in ('suspended', 'failed')

    @property
    def running(self) -> bool:
        return not self.finished and not self.failed

    @property
    def strange(self) -> bool:
        """Tell if nobody knows whether its state comes to an end."""
        return self.running and self.state not in (
            '', 'initializing', 'syncing', 'finalizing', 'active')
