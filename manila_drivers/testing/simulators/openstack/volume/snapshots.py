# SPDX-License-Identifier: Apache-2.0

"""``/snapshots``."""

from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume import views
from manila_drivers.testing.simulators.openstack.volume import volumes
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

TRUE = (True, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes',
        'yes', 'y', 't')
FALSE = (False, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO',
         'No', 'no', 'n', 'f')
DELETABLE = ('available', 'error')


class SnapshotRequests:
    def __init__(self, kept: cinderstore.VolumeStore) -> None:
        self.store = kept
        self.world = kept.world

    def routes(self) -> Routes:
        return {'GET /snapshots': self.names,
                'GET /snapshots/detail': self.index,
                'POST /snapshots': self.create,
                'GET /snapshots/{ident}': self.show,
                'PUT /snapshots/{ident}': self.rename,
                'POST /snapshots/{ident}/action': self.action,
                'DELETE /snapshots/{ident}': self.delete}

    def names(self, ask: Ask) -> Response:
        return self._list(ask, detailed=False)

    def index(self, ask: Ask) -> Response:
        return self._list(ask, detailed=True)

    def _list(self, ask: Ask, *, detailed: bool) -> Response:
        wanted = volumes.filters(ask)
        chosen = [each for each in self.store.snapshots.values()
                  if volumes.seen(ask, each, wanted)
                  and volumes.matches(each, {}, wanted)]
        chosen.sort(key=lambda each: self.world.order(each.id, each.born))
        options = self.world.options
        records = [views.snapshot(self.world, ask, each, detailed=detailed)
                   for each in chosen]
        return found(200, wire.paged(ask, records, 'snapshots',
                                     most=options.page_limit,
                                     below=options.link_url))

    def show(self, ask: Ask, ident: str) -> Response:
        return self.told(ask, self.store.snapshot(ident, ask.caller))

    def told(self, ask: Ask, snapshot: cinderstore.CinderSnapshot) -> Response:
        return found(200, {'snapshot': views.snapshot(self.world, ask,
                                                      snapshot)})

    def rename(self, ask: Ask, ident: str) -> Response:
        snapshot = self.store.snapshot(ident, ask.caller)
        body = ask.inner('snapshot')
        for field in ('name', 'description'):
            if field in body:
                setattr(snapshot, field, cinderstore.text(ask, body, field))
        return self.told(ask, snapshot)

    def action(self, ask: Ask, ident: str) -> Response:
        """Reset the status, which administrators may."""
        snapshot = self.store.snapshot(ident, ask.caller)
        if 'os-reset_status' not in ask.body:
            raise wire.volume(400, 'There is no such action: '
                                   f'{", ".join(ask.body)}')
        if not ask.caller.admin:
            raise wire.volume(
                403, "Policy doesn't allow volume_extension:"
                'snapshot_admin_actions:reset_status to be performed.')
        self.store.touch(snapshot,
                         str(ask.inner('os-reset_status').get('status')))
        return Response(202)

    # Making

    def create(self, ask: Ask) -> Response:
        body = ask.inner('snapshot')
        force = self._force(body)
        volume = self.store.volume(str(body.get('volume_id')), ask.caller)
        if since(ask, '3.66'):
            if force is False:
                raise wire.volume(
                    400, "Since microversion 3.66 the 'force' flag is "
                    'invalid for this request.  For backward compatability, '
                    "however, when the 'force' flag is passed with a value "
                    'evaluating to True, it is silently ignored.')
            force = True
        self._check_status(volume, bool(force))
        self.store.reserve(ask.caller.project_id, more=1,
                           gigabytes=volume.size, kind='snapshots')
        snapshot = cinderstore.CinderSnapshot(
            self.world.uuid(), cinderstore.text(ask, body, 'name'),
            ask.caller.project_id, ask.caller.user_id, volume.id,
            volume.size, self.world.now,
            description=cinderstore.text(ask, body, 'description'),
            metadata=cinderstore.labels(body))
        self.store.snapshots[snapshot.id] = snapshot
        self.begin(volume, snapshot)
        view = views.snapshot(self.world, ask, snapshot, new=True)
        return found(202, {'snapshot': view})

    def begin(self, volume: cinderstore.CinderVolume,
              snapshot: cinderstore.CinderSnapshot) -> None:
        options = self.world.options
        assisted = (volume.status == 'in-use'
                    and self.store.backend(volume) == 'nfs')
        seconds = options.snapshot_assisted if assisted else options.snapshot
        mishap = self.world.mishap('create_snapshot', snapshot.name or '',
                                   snapshot.id, volume.id)

        def almost() -> None:
            snapshot.progress = '90%'

        def done() -> None:
            if mishap is not None or volume.disk is None:
                self.store.touch(snapshot, 'error')
                return
            snapshot.disk = volume.disk.copy(snapshot.id)
            snapshot.progress = '100%'
            self.store.touch(snapshot, 'available')
        if assisted:
            self.world.after(seconds / 2, self._unless_gone(snapshot, almost))
        self.world.after(seconds, self._unless_gone(snapshot, done))

    def _unless_gone(self, snapshot: cinderstore.CinderSnapshot,
                     event: Any) -> Any:
        def happen() -> None:
            if self.store.snapshots.get(snapshot.id) is snapshot:
                event()
        return happen

    def _force(self, body: Record) -> bool | None:
        """:raises Refusal: 400, no truth value."""
        value = body.get('force')
        if value is None or value in TRUE:
            return value is not None or None
        if value in FALSE:
            return False
        raise wire.volume(
            400, f'Invalid input for field/attribute force. Value: {value}. '
            f'{value!r} is not one of {[*TRUE, *FALSE]}')

    def _check_status(self, volume: cinderstore.CinderVolume,
                      force: bool) -> None:
        """:raises Refusal: 400, the volume is in no state for it."""
        fit = ('available', 'in-use') if force else ('available',)
        if volume.status not in fit:
            raise wire.volume(
                400, f'Invalid volume: Volume {volume.id} status must be '
                f'{", ".join(fit)}, but current status is: {volume.status}.')

    # Deleting

    def delete(self, ask: Ask, ident: str) -> Response:
        snapshot = self.store.snapshot(ident, ask.caller)
        if snapshot.status not in DELETABLE:
            raise wire.volume(
                400, 'Invalid snapshot: Snapshot status must be available or '
                'error and must not be part of a group.')
        volume = self.store.volumes.get(snapshot.volume_id)
        options = self.world.options
        clones = snapshot.clones & set(self.store.volumes)
        seconds = (options.delete_parent_snapshot if clones
                   else options.delete_snapshot)
        if volume is not None and volume.status == 'in-use' and (
                self.store.backend(volume) == 'nfs'):
            seconds = options.snapshot_assisted
        mishap = self.world.mishap('delete_snapshot', snapshot.name or '',
                                   snapshot.id)
        self.store.touch(snapshot, 'deleting')

        def gone() -> None:
            if mishap is not None:
                self.store.touch(snapshot, 'error_deleting')
            else:
                self.store.snapshots.pop(snapshot.id, None)
        self.world.after(seconds, gone)
        return Response(202)
