# SPDX-License-Identifier: Apache-2.0

"""Volumes and snapshots of Cinder as values, read strictly.  Pure.

None is: not told.  Fields: the API reference of Cinder v3 (3.0 to 3.71).
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers.openstack import fields

_PROGRESS = 'os-extended-snapshot-attributes:progress'


@dataclasses.dataclass(frozen=True)
class VolumeAttachment:
    """An attachment as Cinder knows it."""

    server_id: str | None
    attachment_id: str | None = None
    device: str | None = None
    host: str | None = None

    @classmethod
    def of(cls, found: fields.Fields) -> 'VolumeAttachment':
        return cls(server_id=found.text('server_id'),
                   attachment_id=found.text('attachment_id'),
                   device=found.text('device'),
                   host=found.text('host_name'))


@dataclasses.dataclass(frozen=True)
class BlockVolume:
    """A volume.

    :param status: such as creating, available, reserved, attaching, in-use,
        detaching, extending, reverting, deleting, error, error_extending.
    :param size: GiB.
    :param attachments: () is: none.
    :param type: ``__DEFAULT__`` where none was asked for.
    :param created: UTC, such as 2026-11-29T05:22:58.000000.
    """

    id: str
    name: str | None = None
    status: str | None = None
    size: int | None = None
    attachments: tuple[VolumeAttachment, ...] | None = None
    metadata: Mapping[str, str] | None = None
    snapshot_id: str | None = None
    source_id: str | None = None
    type: str | None = None
    zone: str | None = None
    encrypted: bool | None = None
    multiattach: bool | None = None
    bootable: bool | None = None
    created: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'BlockVolume':
        found = fields.Fields(data, 'volume')
        attached = found.rows('attachments', 'attachment of a volume')
        status = found.text('status')
        return cls(
            id=found.ident(), name=found.text('name'),
            status=status and status.lower(), size=found.number('size'),
            attachments=None if attached is None else tuple(
                VolumeAttachment.of(each) for each in attached),
            metadata=found.pairs('metadata'),
            snapshot_id=found.text('snapshot_id'),
            source_id=found.text('source_volid'),
            type=found.text('volume_type'),
            zone=found.text('availability_zone'),
            encrypted=found.flag('encrypted'),
            multiattach=found.flag('multiattach'),
            bootable=found.flag('bootable'),
            created=found.text('created_at'))


@dataclasses.dataclass(frozen=True)
class BlockSnapshot:
    """A snapshot of a volume.

    :param size: GiB of the volume when it was taken.
    :param progress: such as ``90%``.
    """

    id: str
    name: str | None = None
    status: str | None = None
    size: int | None = None
    volume_id: str | None = None
    progress: str | None = None
    metadata: Mapping[str, str] | None = None

    @classmethod
    def of(cls, data: Any) -> 'BlockSnapshot':
        found = fields.Fields(data, 'snapshot of a volume')
        status = found.text('status')
        return cls(id=found.ident(), name=found.text('name'),
                   status=status and status.lower(),
                   size=found.number('size'),
                   volume_id=found.text('volume_id'),
                   progress=found.text(_PROGRESS),
                   metadata=found.pairs('metadata'))


@dataclasses.dataclass(frozen=True)
class VolumeLimits:
    """Quota of the project: the most, -1 for no limit, and the used.
    """

    gigabytes: int | None = None
    gigabytes_used: int | None = None
    volumes: int | None = None
    volumes_used: int | None = None
    snapshots: int | None = None
    snapshots_used: int | None = None

    @classmethod
    def of(cls, data: Any) -> 'VolumeLimits':
        found = fields.Fields(data, 'set of limits')
        return cls(gigabytes=found.number('maxTotalVolumeGigabytes'),
                   gigabytes_used=found.number('totalGigabytesUsed'),
                   volumes=found.number('maxTotalVolumes'),
                   volumes_used=found.number('totalVolumesUsed'),
                   snapshots=found.number('maxTotalSnapshots'),
                   snapshots_used=found.number('totalSnapshotsUsed'))


@dataclasses.dataclass(frozen=True)
class VolumeType:
    """A kind of volume, which may be asked for by its id or its name."""

    id: str
    name: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'VolumeType':
        found = fields.Fields(data, 'volume type')
        return cls(id=found.ident(), name=found.text('name'))


@dataclasses.dataclass(frozen=True)
class Message:
    """The cause that Cinder tells of a failure in the background.

    :param text: such as "extend volume:Could not find any available weighted
        backend."
    :param event: such as VOLUME_VOLUME_007_003.
    :param created: UTC, such as 2026-11-29T05:40:22.000000.
    """

    id: str
    text: str | None = None
    event: str | None = None
    created: str | None = None
    request_id: str | None = None
    resource_id: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Message':
        found = fields.Fields(data, 'message')
        return cls(id=found.ident(), text=found.text('user_message'),
                   event=found.text('event_id'),
                   created=found.text('created_at'),
                   request_id=found.text('request_id'),
                   resource_id=found.text('resource_uuid'))
