# SPDX-License-Identifier: Apache-2.0

"""Everything that Cinder remembers, and its quotas."""

from collections.abc import Callable
import dataclasses
from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.hardware import Disk
from manila_drivers.testing.simulators.openstack.hardware import MakeDisk
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World

DEFAULT_TYPE = '__DEFAULT__'
#: Of a new project.
QUOTAS = {'volumes': 10, 'per_volume_gigabytes': -1, 'snapshots': 10,
          'gigabytes': 1000, 'backups': 10, 'backup_gigabytes': 1000}
MONTH = 30 * 86400.0


@dataclasses.dataclass
class Attached:
    """Where a volume is attached.

    :param device: Nova's idea of a name, not the guest's.
    """

    server_id: str
    attachment_id: str
    device: str
    host: str
    since: float


@dataclasses.dataclass
class CinderVolume:
    """:param kind: name of the volume type."""

    id: str
    name: str | None
    project_id: str
    user_id: str
    size: int
    kind: str
    zone: str
    born: float
    status: str = 'creating'
    description: str | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    snapshot_id: str | None = None
    source_id: str | None = None
    updated: float | None = None
    disk: Disk = None
    attached: list[Attached] = dataclasses.field(default_factory=list)
    bootable: bool = False


@dataclasses.dataclass
class CinderSnapshot:
    """:param clones: volumes that were made of it."""

    id: str
    name: str | None
    project_id: str
    user_id: str
    volume_id: str
    size: int
    born: float
    status: str = 'creating'
    progress: str = '0%'
    description: str | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    updated: float | None = None
    disk: Disk = None
    clones: set[str] = dataclasses.field(default_factory=set)


#: Both of which volumes are made.
Origin = CinderVolume | CinderSnapshot


@dataclasses.dataclass
class VolumeType:
    """:param backend: 'ceph', or 'nfs', which cannot do all of it."""

    id: str
    name: str
    backend: str = 'ceph'
    encrypted: bool = False
    specs: dict[str, str] = dataclasses.field(default_factory=dict)


class VolumeStore:
    """Volumes, snapshots, types, messages and quotas.

    :param make_disk: for each new volume.
    """

    def __init__(self, world: World, make_disk: MakeDisk) -> None:
        self.world = world
        self.make_disk = make_disk
        self.volumes: dict[str, CinderVolume] = {}
        self.snapshots: dict[str, CinderSnapshot] = {}
        self.messages: list[Record] = []
        self.types: dict[str, VolumeType] = {}
        self.limits: dict[str, dict[str, int]] = {}
        #: Told when an attached volume has grown: Nova.
        self.grown: Callable[[CinderVolume], None] = lambda volume: None
        for name, backend in ((DEFAULT_TYPE, 'ceph'), ('ceph1', 'ceph'),
                              ('nfs1', 'nfs')):
            self.add_type(name, backend)

    def add_type(self, name: str, backend: str = 'ceph', *,
                 encrypted: bool = False) -> VolumeType:
        kind = VolumeType(self.world.uuid(), name, backend, encrypted)
        self.types[name] = kind
        return kind

    # Look-ups

    def volume(self, ident: str, caller: Caller) -> CinderVolume:
        """:raises Refusal: 404, none of that id that the caller may see."""
        volume = self.volumes.get(ident)
        if volume is None or not self.visible(volume, caller):
            raise wire.volume(404, f'Volume {ident} could not be found.')
        return volume

    def snapshot(self, ident: str, caller: Caller) -> CinderSnapshot:
        """:raises Refusal: 404, likewise."""
        snapshot = self.snapshots.get(ident)
        if snapshot is None or not self.visible(snapshot, caller):
            raise wire.volume(404, f'Snapshot {ident} could not be found.')
        return snapshot

    def visible(self, thing: Origin,
                caller: Caller) -> bool:
        return caller.admin or thing.project_id == caller.project_id

    def snapshots_of(self, volume: CinderVolume) -> list[CinderSnapshot]:
        """The oldest first."""
        return sorted((each for each in self.snapshots.values()
                       if each.volume_id == volume.id),
                      key=lambda each: each.born)

    def backend(self, volume: CinderVolume) -> str:
        return self.types[volume.kind].backend

    def touch(self, thing: Origin,
              status: str) -> None:
        thing.status = status
        thing.updated = self.world.now

    def room(self, backend: str) -> int:
        """GiB that a storage backend has left."""
        used = sum(volume.size for volume in self.volumes.values()
                   if volume.status != 'error'
                   and self.backend(volume) == backend)
        return self.world.options.pool_gib - used

    # Quotas

    def quota(self, project_id: str) -> dict[str, int]:
        return {**QUOTAS, **self.limits.get(project_id, {})}

    def usage(self, project_id: str) -> dict[str, int]:
        """Also what is in error counts, until it is deleted."""
        volumes = [each for each in self.volumes.values()
                   if each.project_id == project_id]
        snapshots = [each for each in self.snapshots.values()
                     if each.project_id == project_id]
        return {'volumes': len(volumes), 'snapshots': len(snapshots),
                'gigabytes': sum(each.size for each in volumes)
                + sum(each.size for each in snapshots)}

    def reserve(self, project_id: str, *, more: int, gigabytes: int,
                size: int = 0, kind: str = 'volumes') -> None:
        """Check that a project may have so much more.

        :param more: objects of that kind.
        :param gigabytes: of all objects together.
        :param size: what a single volume becomes.
        :raises Refusal: 413, with one of several texts.
        """
        quota, usage = self.quota(project_id), self.usage(project_id)
        most = quota['per_volume_gigabytes']
        if most >= 0 and size > most:
            raise wire.volume(413, 'VolumeSizeExceedsLimit: Requested volume '
                              f'size {size}G is larger than maximum allowed '
                              f'limit {most}G.')
        if _over(quota['gigabytes'], usage['gigabytes'], gigabytes):
            raise wire.volume(
                413, 'VolumeSizeExceedsAvailableQuota: Requested volume or '
                'snapshot exceeds allowed gigabytes quota. Requested '
                f'{gigabytes}G, quota is {quota["gigabytes"]}G and '
                f'{usage["gigabytes"]}G has been consumed.')
        if more and _over(quota[kind], usage[kind], more):
            if kind == 'snapshots':
                text = ('SnapshotLimitExceeded: Maximum number of snapshots '
                        f'allowed ({quota[kind]}) exceeded')
            else:
                text = ('VolumeLimitExceeded: Maximum number of volumes '
                        f"allowed ({quota[kind]}) exceeded for quota "
                        "'volumes'.")
            raise wire.volume(413, text)

    # Messages

    def tell(self, volume: CinderVolume, event: str, text: str,
             request_id: str) -> None:
        """Leave a message about what happened behind the answer."""
        now = self.world.now
        self.messages.append({
            'id': self.world.uuid(), 'event_id': event, 'user_message': text,
            'message_level': 'ERROR',
            'created_at': self.world.moment('.000000'),
            'guaranteed_until': self.world.moment('.000000', at=now + MONTH),
            'request_id': request_id, 'resource_type': 'VOLUME',
            'resource_uuid': volume.id, 'project_id': volume.project_id})


def _over(limit: int, used: int, more: int) -> bool:
    return limit >= 0 and used + more > limit


def text(ask: wire.Ask, record: Record, field: str,
         most: int = 255) -> str | None:
    """A field that is text, null or not there.

    :raises Refusal: 400, it is something else, or too long.
    """
    value: Any = record.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise wire.volume(
            400, f'Invalid input for field/attribute {field}. Value: '
            f"{value}. {value!r} is not of type 'string', 'null'")
    if len(value) > most:
        raise wire.volume(
            400, f'Invalid input for field/attribute {field}. Value: '
            f'{value}. {value!r} is too long')
    return value


def labels(record: Record) -> dict[str, str]:
    """The metadata of a new object.

    :raises Refusal: 400, a value that is not text.
    """
    value = record.get('metadata') or {}
    if not isinstance(value, dict):
        raise wire.volume(400, 'Invalid input for field/attribute metadata. '
                          f"Value: {value}. {value!r} is not of type "
                          "'object'")
    for key, each in value.items():
        if not isinstance(each, str) or len(each) > 255:
            raise wire.volume(
                400, f'Invalid input for field/attribute {key}. Value: '
                f"{each}. {each!r} is not of type 'string'")
    return dict(value)
