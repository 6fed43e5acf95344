# SPDX-License-Identifier: Apache-2.0

"""``/volumes``: made, listed, shown, renamed and deleted."""

import ast
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume import views
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

#: Nothing else is deleted.
DELETABLE = ('available', 'error', 'error_restoring', 'error_extending',
             'error_managing')
NOT_DELETABLE = (
    'Invalid volume: Volume status must be available or error or '
    'error_restoring or error_extending or error_managing and must not be '
    'migrating, attached, belong to a group, have snapshots, awaiting a '
    'transfer, or be disassociated from snapshots after volume transfer.')
NO_BACKEND = 'Could not find any available weighted backend.'
SCHEMA: schema.Schema = {
    field: schema.null(schema.text) for field in (
        'volume_type', 'availability_zone', 'snapshot_id', 'source_volid')}
FILTERS = frozenset((
    'name', 'status', 'metadata', 'bootable', 'migration_status',
    'availability_zone', 'group_id', 'size', 'created_at', 'updated_at',
    'encryption_key_id', 'consumes_quota', 'project_id', 'volume_id'))
PAGING = frozenset(('limit', 'marker', 'offset', 'sort', 'sort_key',
                    'sort_dir', 'all_tenants', 'with_count'))


class VolumeRequests:
    def __init__(self, kept: cinderstore.VolumeStore) -> None:
        self.store = kept
        self.world = kept.world

    def routes(self) -> Routes:
        return {'GET /volumes': self.names, 'GET /volumes/detail': self.index,
                'POST /volumes': self.create,
                'GET /volumes/{ident}': self.show,
                'PUT /volumes/{ident}': self.rename,
                'POST /volumes/{ident}/metadata': self.label,
                'DELETE /volumes/{ident}': self.delete}

    def told(self, ask: Ask, volume: cinderstore.CinderVolume, *,
             new: bool = False) -> Record:
        return views.full(self.world, ask, volume, new=new,
                          kind=self.store.types[volume.kind])

    # Reading

    def names(self, ask: Ask) -> Response:
        return self._list(ask, [views.short(self.world, ask, each)
                                for each in self.select(ask)])

    def index(self, ask: Ask) -> Response:
        return self._list(ask, [self.told(ask, each)
                                for each in self.select(ask)])

    def _list(self, ask: Ask, records: list[Record]) -> Response:
        options = self.world.options
        return found(200, wire.paged(ask, records, 'volumes',
                                     most=options.page_limit,
                                     below=options.link_url))

    def select(self, ask: Ask) -> list[cinderstore.CinderVolume]:
        """Return the volumes of a list."""
        wanted = filters(ask)
        chosen = [volume for volume in self.store.volumes.values()
                  if seen(ask, volume, wanted) and matches(
                      volume, {'availability_zone': volume.zone,
                               'bootable': str(volume.bootable).lower()},
                      wanted)]
        return sorted(chosen, key=lambda each: self.world.order(each.id,
                                                                each.born))

    def show(self, ask: Ask, ident: str) -> Response:
        volume = self.store.volume(ident, ask.caller)
        return found(200, {'volume': self.told(ask, volume)})

    # Making

    def create(self, ask: Ask) -> Response:
        body = ask.inner('volume')
        schema.check(ask, body, SCHEMA)
        size = self._size(body)
        zone = body.get('availability_zone')
        if zone is not None and zone not in self.world.options.zones:
            raise wire.volume(400, f"Availability zone '{zone}' is invalid.")
        snapshot, source = self._origin(ask, body)
        kind = self._kind(body, snapshot, source)
        size = self._checked(size, snapshot, source)
        self.store.reserve(ask.caller.project_id, more=1, gigabytes=size,
                           size=size)
        volume = cinderstore.CinderVolume(
            self.world.uuid(), cinderstore.text(ask, body, 'name'),
            ask.caller.project_id, ask.caller.user_id, size, kind,
            zone or self.world.options.zones[0], self.world.now,
            description=cinderstore.text(ask, body, 'description'),
            metadata=cinderstore.labels(body),
            snapshot_id=snapshot.id if snapshot else None,
            source_id=source.id if source else None,
            bootable=bool(source and source.bootable))
        fits = self.store.room(self.store.types[kind].backend) >= size
        self.store.volumes[volume.id] = volume
        self.begin(volume, snapshot or source, fits, ask.request_id)
        return found(202, {'volume': self.told(ask, volume, new=True)})

    def begin(self, volume: cinderstore.CinderVolume,
              origin: cinderstore.Origin | None, fits: bool,
              request_id: str) -> None:
        options = self.world.options
        mishap = self.world.mishap('create_volume', volume.name or '',
                                   volume.id)

        def no_room() -> None:
            self.store.touch(volume, 'error')
            self.store.tell(volume, 'VOLUME_VOLUME_001_003',
                            f'schedule allocate volume:{NO_BACKEND}',
                            request_id)

        def failed() -> None:
            self.store.touch(volume, 'error')

        def done() -> None:
            volume.disk = (
                origin.disk.copy(volume.id, volume.size)
                if origin is not None and origin.disk is not None
                else self.store.make_disk(volume.id, volume.size))
            if isinstance(origin, cinderstore.CinderSnapshot):
                origin.clones.add(volume.id)
            self.store.touch(volume, 'available')
        if not fits:
            self.world.after(0.1, self.unless_gone(volume, no_room))
            return
        seconds = (options.clone_volume if origin is not None
                   else options.create_volume)
        self.world.after(seconds, self.unless_gone(
            volume, done if mishap is None else failed))

    def unless_gone(self, volume: cinderstore.CinderVolume, event: Any) -> Any:
        def happen() -> None:
            if self.store.volumes.get(volume.id) is volume:
                event()
        return happen

    def _size(self, body: Record) -> int | None:
        """:raises Refusal: 400, no number of GiB from 1."""
        size: Any = body.get('size')
        if isinstance(size, str) and size.isdecimal():
            size = int(size)
        if size is None:
            return None
        if isinstance(size, bool) or not isinstance(size, int):
            raise wire.volume(
                400, 'Invalid input for field/attribute size. Value: '
                f"{size}. {size!r} does not match '^[0-9]+$'")
        if size < 1:
            raise wire.volume(
                400, 'Invalid input for field/attribute size. Value: '
                f'{size}. {size} is less than the minimum of 1')
        return size

    def _kind(self, body: Record, snapshot: cinderstore.CinderSnapshot | None,
              source: cinderstore.CinderVolume | None) -> str:
        """The volume type, by default that of the origin.

        :raises Refusal: 404, unknown.
        """
        wanted = body.get('volume_type')
        for kind in self.store.types.values():
            if wanted in (kind.name, kind.id):
                return kind.name
        if wanted:
            raise wire.volume(404, f'Volume type with name {wanted} could '
                                   'not be found.')
        if snapshot is not None:
            source = self.store.volumes.get(snapshot.volume_id)
        return source.kind if source is not None else cinderstore.DEFAULT_TYPE

    def _origin(self, ask: Ask, body: Record
                ) -> tuple[cinderstore.CinderSnapshot | None,
                           cinderstore.CinderVolume | None]:
        """:raises Refusal: 404 unknown, 400 not ready."""
        if body.get('snapshot_id') is not None:
            snapshot = self.store.snapshot(body['snapshot_id'], ask.caller)
            if snapshot.status != 'available':
                raise wire.volume(
                    400, 'Invalid snapshot: Originating snapshot status '
                    "must be one of 'available' values")
            return snapshot, None
        if body.get('source_volid') is not None:
            source = self.store.volume(body['source_volid'], ask.caller)
            if source.status not in ('available', 'in-use'):
                raise wire.volume(
                    400, "Invalid volume: Volume status must be 'available' "
                    "or 'in-use'.")
            return None, source
        return None, None

    def _checked(self, size: int | None,
                 snapshot: cinderstore.CinderSnapshot | None,
                 source: cinderstore.CinderVolume | None) -> int:
        """:raises Refusal: 400, smaller than where it comes from."""
        origin = snapshot or source
        if size is None:
            if origin is None:
                raise wire.volume(400, 'The server could not comply with the '
                                  'request since it is either malformed or '
                                  'otherwise incorrect.')
            return origin.size
        if origin is not None and size < origin.size:
            # Two blanks, as the real one has it.
            than, word = (('the snapshot size', 'snapshot') if snapshot else
                          ('original volume size ', 'volume'))
            raise wire.volume(
                400, f"Invalid input received: Volume size '{size}'GB cannot "
                f'be smaller than {than} {origin.size}GB. They must be >= '
                f'original {word} size.')
        return size

    # Changing

    def rename(self, ask: Ask, ident: str) -> Response:
        volume = self.store.volume(ident, ask.caller)
        body = ask.inner('volume')
        for field in ('name', 'description'):
            if field in body:
                setattr(volume, field, cinderstore.text(ask, body, field))
        if 'metadata' in body:
            volume.metadata = cinderstore.labels(body)
        volume.updated = self.world.now
        return found(200, {'volume': self.told(ask, volume, new=True)})

    def label(self, ask: Ask, ident: str) -> Response:
        volume = self.store.volume(ident, ask.caller)
        volume.metadata.update(cinderstore.labels(ask.body))
        return found(200, {'metadata': dict(volume.metadata)})

    def delete(self, ask: Ask, ident: str) -> Response:
        volume = self.store.volume(ident, ask.caller)
        cascade = ask.flag('cascade')
        snapshots = self.store.snapshots_of(volume)
        if volume.status not in DELETABLE or volume.attached or (
                snapshots and not cascade):
            raise wire.volume(400, NOT_DELETABLE)
        self.remove(volume, snapshots)
        return Response(202)

    def remove(self, volume: cinderstore.CinderVolume,
               snapshots: list[cinderstore.CinderSnapshot]) -> None:
        """Let a volume be gone in a while."""
        options = self.world.options
        doomed: list[cinderstore.Origin] = [volume, *snapshots]
        for each in doomed:
            self.store.touch(each, 'deleting')
        mishap = self.world.mishap('delete_volume', volume.name or '',
                                   volume.id)

        def gone() -> None:
            if mishap is not None:
                for each in doomed:
                    self.store.touch(each, 'error_deleting')
                return
            del self.store.volumes[volume.id]
            for snapshot in snapshots:
                self.store.snapshots.pop(snapshot.id, None)
        self.world.after(options.delete_volume
                         + len(snapshots) * options.delete_snapshot, gone)


def filters(ask: Ask) -> dict[str, str]:
    """Return the filters of a list, without its pages.

    Nothing passes one that is unknown to an administrator.

    :raises Refusal: 400, others have asked with one, from 3.31 on.
    """
    wanted = {key: value for key, value in ask.params if key not in PAGING}
    if ask.caller.admin:
        return wanted
    unknown = sorted(set(wanted) - FILTERS)
    if unknown and since(ask, '3.31'):
        raise wire.volume(400, f'Invalid filters {", ".join(unknown)} are '
                               'found in query options.')
    return {key: value for key, value in wanted.items() if key in FILTERS}


def seen(ask: Ask,
         thing: cinderstore.Origin,
         wanted: dict[str, str]) -> bool:
    """A plain member that asks for all projects gets its own, silently."""
    if ask.caller.admin and ask.flag('all_tenants'):
        return wanted.get('project_id') in (None, thing.project_id)
    return thing.project_id == ask.caller.project_id


def matches(thing: cinderstore.Origin,
            more: Record,
            wanted: dict[str, str]) -> bool:
    for key, value in wanted.items():
        if key == 'project_id':
            continue
        if key == 'metadata':
            try:
                pairs = ast.literal_eval(value)
                same = set(pairs.items()) <= set(thing.metadata.items())
            except (ValueError, SyntaxError, AttributeError, TypeError):
                same = False
        else:
            told = more[key] if key in more else getattr(thing, key, None)
            same = key in FILTERS and told is not None and (
                str(told) == value)
        if not same:
            return False
    return True
