# SPDX-License-Identifier: Apache-2.0

"""Manila's rows and dictionaries as values.

Manila hands drivers ORM rows in some calls and plain dictionaries in others,
with keys that vary by release.  Everything below the driver class sees only
these values, read once at the boundary through ``get``.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import Protocol

GiB = 1024 ** 3


class Row(Protocol):
    """Have what rows and dictionaries have in common."""

    def get(self, key: str, default: Any = None, /) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Share:
    """A share instance.

    ``id`` is the instance id, by which backend objects are named; ``share_id``
    is the id that users see.  ``size`` is in GiB, or None where Manila does
    not know it yet (manage).
    """

    id: str
    share_id: str = ''
    name: str = ''
    size: int | None = None
    proto: str = ''
    host: str = ''
    project_id: str = ''
    share_type_id: str = ''
    snapshot_id: str = ''
    source_member_id: str = ''
    status: str = ''
    availability_zone: str = ''
    export_paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: 'Row | Share') -> 'Share':
        if isinstance(row, Share):
            return row
        ident = str(row.get('id') or '')
        size = row.get('size')
        return cls(
            id=ident,
            share_id=str(row.get('share_id') or ident),
            name=str(row.get('name') or ''),
            size=None if size is None else int(size),
            proto=str(row.get('share_proto') or '').upper(),
            host=str(row.get('host') or ''),
            project_id=str(row.get('project_id') or ''),
            share_type_id=str(row.get('share_type_id') or ''),
            snapshot_id=str(row.get('snapshot_id') or ''),
            source_member_id=str(
                row.get('source_share_group_snapshot_member_id') or ''),
            status=str(row.get('status') or ''),
            availability_zone=str(row.get('availability_zone') or ''),
            export_paths=_paths(row))

    def row(self) -> dict[str, Any]:
        """Return what Manila says of it, but for where it is exported."""
        return {'id': self.id, 'share_id': self.share_id, 'name': self.name,
                'size': self.size, 'share_proto': self.proto,
                'host': self.host, 'project_id': self.project_id,
                'share_type_id': self.share_type_id,
                'snapshot_id': self.snapshot_id, 'status': self.status,
                'source_share_group_snapshot_member_id':
                    self.source_member_id,
                'availability_zone': self.availability_zone}

    @property
    def size_bytes(self) -> int:
        return (self.size or 0) * GiB

    @property
    def cloned(self) -> bool:
        """Return whether it began as a snapshot, its own or its group's."""
        return bool(self.snapshot_id or self.source_member_id)

    @property
    def pool(self) -> str:
        """Name of the pool, the part of the host after ``#``."""
        return self.host.partition('#')[2]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot instance.

    ``share_instance_id`` names the share instance it was taken of and
    ``provider_location`` is what the driver returned for it, or ''.  ``size``
    is in GiB or None.  ``share`` is there when Manila sent it along, and
    ``server`` when the share is on a share server.  ``share_name`` is the
    name of the share instance, or ''.
    """

    id: str
    name: str
    share_instance_id: str
    provider_location: str = ''
    size: int | None = None
    share: Share | None = None
    share_name: str = ''
    server: 'ShareServer | None' = None

    @classmethod
    def of(cls, row: 'Row | Snapshot', parent: Row | None = None,
           server: 'Row | None' = None) -> 'Snapshot':
        """Read a row of Manila's.

        :param parent: the share it is of, for calls that send it separately.
        :param server: the share server of that share.
        """
        if isinstance(row, Snapshot):
            return row
        ident = str(row.get('id') or '')
        size = row.get('size')
        parent = row.get('share') or row.get('share_instance') or parent
        owner = row.get('share_instance_id') or row.get('share_id')
        return cls(
            id=ident,
            name=str(row.get('name') or 'share-snapshot-' + ident),
            share_instance_id=str(owner or ''),
            provider_location=str(row.get('provider_location') or ''),
            size=None if size is None else int(size),
            share=Share.of(parent) if parent is not None else None,
            share_name=str(row.get('share_name') or (
                parent.get('name') if parent is not None else '') or ''),
            server=ShareServer.of(server) if server is not None else None)


@dataclasses.dataclass(frozen=True)
class ShareServer:
    """A share server, for driver_handles_share_servers = True.

    ``details`` are what the driver returned when it was made, as text; and
    Manila's own notes of its security services, with their passwords.
    """

    id: str
    identifier: str = ''
    status: str = ''
    host: str = ''
    details: Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, row: Row) -> 'ShareServer':
        return cls(id=str(row.get('id') or ''),
                   identifier=str(row.get('identifier') or ''),
                   status=str(row.get('status') or ''),
                   host=str(row.get('host') or ''),
                   details=dict(row.get('backend_details') or {}))


@dataclasses.dataclass(frozen=True)
class Allocation:
    """One address that Manila's network plug-in gave to a share server."""

    ip_address: str
    cidr: str = ''
    gateway: str = ''
    network_type: str = ''
    segmentation_id: int | None = None
    mtu: int | None = None
    mac_address: str = ''

    @classmethod
    def of(cls, row: Row) -> 'Allocation':
        return cls(ip_address=str(row.get('ip_address') or ''),
                   cidr=str(row.get('cidr') or ''),
                   gateway=str(row.get('gateway') or ''),
                   network_type=str(row.get('network_type') or ''),
                   segmentation_id=row.get('segmentation_id'),
                   mtu=row.get('mtu'),
                   mac_address=str(row.get('mac_address') or ''))


@dataclasses.dataclass(frozen=True)
class Network:
    """One subnet that a share server is in.

    ``admin_allocations`` are the same for every subnet of a server.
    """

    neutron_net_id: str
    neutron_subnet_id: str
    allocations: tuple[Allocation, ...]
    admin_allocations: tuple[Allocation, ...]
    metadata: Mapping[str, str] = dataclasses.field(
        default_factory=dict, hash=False)

    @classmethod
    def of(cls, row: Row) -> 'Network':
        return cls(
            neutron_net_id=str(row.get('neutron_net_id') or ''),
            neutron_subnet_id=str(row.get('neutron_subnet_id') or ''),
            allocations=tuple(map(
                Allocation.of, row.get('network_allocations') or ())),
            admin_allocations=tuple(map(
                Allocation.of, row.get('admin_network_allocations') or ())),
            metadata=dict(row.get('subnet_metadata') or {}))


@dataclasses.dataclass(frozen=True)
class SecurityService:
    """A directory service of a share network.

    ``type`` is ``active_directory``, ``ldap`` or ``kerberos``.
    """

    type: str
    dns_ip: str = ''
    server: str = ''
    domain: str = ''
    ou: str = ''
    user: str = ''
    password: str = dataclasses.field(default='', repr=False)
    default_ad_site: str = ''

    @classmethod
    def of(cls, row: Row) -> 'SecurityService':
        return cls(**{field.name: str(row.get(field.name) or '')
                      for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class ServerRequest:
    """A share server that Manila wants made.

    ``metadata`` has ``request_host`` and ``share_type_id``, and maybe
    credentials.
    """

    server_id: str
    networks: tuple[Network, ...]
    security_services: tuple[SecurityService, ...] = ()
    metadata: Mapping[str, Any] = dataclasses.field(
        default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, rows: Sequence[Row], metadata: Mapping[str, Any] | None = None,
           ) -> 'ServerRequest':
        """Read Manila's network information, a row for each subnet."""
        first = rows[0]
        return cls(
            server_id=str(first.get('server_id') or ''),
            networks=tuple(map(Network.of, rows)),
            security_services=tuple(map(
                SecurityService.of, first.get('security_services') or ())),
            metadata=dict(metadata or {}))


def _paths(row: Row) -> tuple[str, ...]:
    """Export paths of a share, in Manila's order.

    ``export_locations`` holds rows or dictionaries, or, when an operator
    asks for a share to be managed, may hold plain strings.
    """
    found = []
    for location in row.get('export_locations') or ():
        if isinstance(location, str):
            found.append(location)
        else:
            found.append(str(location.get('path') or ''))
    if not found and row.get('export_location'):
        found.append(str(row.get('export_location')))
    return tuple(path for path in found if path)


def export_location(path: str, *, preferred: bool = False,
                    admin_only: bool = False) -> dict[str, Any]:
    """One export location in the shape that Manila stores."""
    return {'path': path, 'is_admin_only': admin_only,
            'metadata': {'preferred': preferred}}


def as_bool(value: object) -> bool | None:
    """Read an extra spec such as ``<is> True``; None if it is no boolean."""
    text = str(value).strip().lower()
    if text.startswith('<is>'):
        text = text[4:].strip()
    return {'true': True, '1': True, 'yes': True, 'on': True,
            'false': False, '0': False, 'no': False,
            'off': False}.get(text)


Specs = Mapping[str, str]
