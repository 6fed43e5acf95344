# SPDX-License-Identifier: Apache-2.0

"""Rows of Manila's lists as values.  Pure."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers.openstack import fields

#: In the place of what a rule is for, where a lock keeps others from seeing
#: it.
HIDDEN = '******'
# Every type that an administrator sees has it; from others it is hidden.
_REQUIRED = 'driver_handles_share_servers'


@dataclasses.dataclass(frozen=True)
class ApiInstance:
    """A share instance, which is what drivers know as a share.

    ``read_only`` says that its rules give no more than reading, whatever
    they say; ``removed`` that its share is in the recycle bin.
    """

    id: str
    share_id: str
    host: str
    status: str
    rules_status: str = ''
    read_only: bool = False
    type_id: str = ''
    updated_at: str = ''
    removed: bool = False
    server_id: str = ''

    @classmethod
    def of(cls, row: Any, *, removed: bool) -> 'ApiInstance':
        found = fields.Fields(row, 'share instance')
        status, host = found.ident('status'), found.text('host')
        cast = found.flag('cast_rules_to_readonly')
        if host is None and status == 'available':
            # One that was never placed has none, and nothing to be judged.
            raise fields.untold(found, 'host')
        if cast is None:
            raise fields.untold(found, 'cast_rules_to_readonly')
        return cls(found.ident(), found.ident('share_id'),
                   host or '', status,
                   found.text('access_rules_status') or '', cast,
                   found.text('share_type_id') or '',
                   found.text('updated_at') or '', removed,
                   found.text('share_server_id') or '')


@dataclasses.dataclass(frozen=True)
class ApiShare:
    """A share, as its users know it; ``size`` is in GiB."""

    id: str
    name: str
    proto: str
    size: int
    project: str

    @classmethod
    def of(cls, row: Any) -> 'ApiShare':
        found = fields.Fields(row, 'share')
        size = found.number('size')
        if size is None:
            raise fields.untold(found, 'size')
        return cls(found.ident(), found.text('name') or '',
                   found.text('share_proto') or '', size,
                   found.text('project_id') or '')


@dataclasses.dataclass(frozen=True)
class ApiRule:
    """An access rule of a share."""

    id: str
    kind: str
    target: str
    level: str
    state: str

    @classmethod
    def of(cls, row: Any) -> 'ApiRule':
        found = fields.Fields(row, 'access rule')
        if found.text('access_to') == HIDDEN:
            raise exception.BackendError(
                f'Access rule {found.ident()} does not tell whom it is for',
                answer=HIDDEN, check='its lock: openstack share lock list')
        return cls(found.ident(), found.ident('access_type'),
                   found.ident('access_to'), found.ident('access_level'),
                   found.ident('state'))


@dataclasses.dataclass(frozen=True)
class ApiSnapshot:
    """A snapshot instance, which is what drivers know as a snapshot."""

    id: str
    snapshot_id: str
    instance_id: str
    status: str
    location: str = ''
    updated_at: str = ''

    @classmethod
    def of(cls, row: Any) -> 'ApiSnapshot':
        found = fields.Fields(row, 'snapshot instance')
        return cls(found.ident(), found.ident('snapshot_id'),
                   found.ident('share_instance_id'), found.ident('status'),
                   found.text('provider_location') or '',
                   found.text('updated_at') or '')


@dataclasses.dataclass(frozen=True)
class ApiServer:
    """A share server; ``host`` is host@backend.

    ``details`` are what its driver returned when it was made, among which may
    be a password; None where they were not told, as by lists.
    """

    id: str
    host: str
    status: str
    details: Mapping[str, str] | None = dataclasses.field(
        default=None, repr=False)

    @classmethod
    def of(cls, row: Any) -> 'ApiServer':
        found = fields.Fields(row, 'share server')
        return cls(found.ident(), found.ident('host'), found.ident('status'),
                   _details(found.data.get('backend_details')))


def _details(told: Any) -> Mapping[str, str] | None:
    """Return details as far as they are texts; no error may show them."""
    return {str(key): value for key, value in told.items()
            if isinstance(value, str)} if isinstance(told, Mapping) else None


@dataclasses.dataclass(frozen=True)
class ApiType:
    """A share type with all of its extra specs."""

    id: str
    specs: Mapping[str, str]

    @classmethod
    def of(cls, row: Any) -> 'ApiType':
        found = fields.Fields(row, 'share type')
        specs = found.pairs('extra_specs') or {}
        if _REQUIRED not in specs:
            raise exception.BackendError(
                f'Share type {found.ident()} does not tell all of its extra '
                'specs', answer=', '.join(sorted(specs)) or '(none)',
                check='whether the login is an administrator')
        return cls(found.ident(), specs)


@dataclasses.dataclass(frozen=True)
class ApiPaths:
    """Export locations of a share instance."""

    id: str
    paths: tuple[str, ...]

    @classmethod
    def of(cls, row: Any) -> 'ApiPaths':
        found = fields.Fields(row, 'share instance')
        paths = found.texts('export_locations')
        if paths is None:
            raise fields.untold(found, 'export_locations')
        return cls(found.ident(), paths)
