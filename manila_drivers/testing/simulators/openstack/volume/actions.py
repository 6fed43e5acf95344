# SPDX-License-Identifier: Apache-2.0

"""``/volumes/{id}/action``: extend, revert, reset the status."""

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.routing import since
from manila_drivers.testing.simulators.openstack.volume import cinderstore
from manila_drivers.testing.simulators.openstack.volume import volumes
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.web.messages import Response

STATUSES = (
    'creating', 'available', 'deleting', 'error', 'error_deleting',
    'error_managing', 'managing', 'attaching', 'in-use', 'detaching',
    'maintenance', 'restoring-backup', 'error_restoring', 'reserved',
    'awaiting-transfer', 'backing-up', 'error_backing-up', 'error_extending',
    'downloading', 'uploading', 'retyping', 'extending')


class VolumeActions:
    def __init__(self, kept: cinderstore.VolumeStore) -> None:
        self.store = kept
        self.world = kept.world

    def routes(self) -> Routes:
        return {'POST /volumes/{ident}/action': self.action}

    def action(self, ask: Ask, ident: str) -> Response:
        known = {'os-extend': self.extend, 'revert': self.revert,
                 'os-reset_status': self.reset,
                 'os-set_bootable': self.set_bootable}
        names = [name for name in ask.body if name in known]
        if len(ask.body) != 1 or not names:
            raise wire.volume(
                400, f'There is no such action: {", ".join(ask.body)}. '
                'Verify the request body and Content-Type header and try '
                'again.')
        # Some rules come before the volume is looked for.
        if names[0] == 'revert' and not since(ask, '3.40'):
            raise wire.volume(404, wire.NO_RESOURCE)
        volume = self.store.volume(ident, ask.caller)
        known[names[0]](ask, volume)
        return Response(202 if names[0] != 'os-set_bootable' else 200)

    def set_bootable(self, ask: Ask, volume: cinderstore.CinderVolume) -> None:
        volume.bootable = bool(ask.inner('os-set_bootable').get('bootable'))

    def reset(self, ask: Ask, volume: cinderstore.CinderVolume) -> None:
        if not ask.caller.admin:
            raise wire.volume(
                403, "Policy doesn't allow volume_extension:"
                'volume_admin_actions:reset_status to be performed.')
        status = ask.inner('os-reset_status').get('status')
        if status not in STATUSES:
            raise wire.volume(400, f'Volume status: {status} is invalid, '
                                   f'valid statuses are: {STATUSES}.')
        if status == 'in-use' and not volume.attached:
            raise wire.volume(400, 'Cannot reset-state to in-use because '
                                   'volume does not have any attachments.')
        self.store.touch(volume, str(status))

    # Growing

    def extend(self, ask: Ask, volume: cinderstore.CinderVolume) -> None:
        body = ask.inner('os-extend')
        if 'new_size' not in body:
            raise wire.volume(
                400, 'Invalid input for field/attribute os-extend. Value: '
                f"{body}. 'new_size' is a required property")
        size = body['new_size']
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise wire.volume(
                400, 'Invalid input for field/attribute new_size. Value: '
                f"{size}. {size!r} does not match '^[0-9]+$'")
        fit = (('available', 'in-use') if since(ask, '3.42')
               else ('available',))
        if volume.status not in fit:
            raise wire.volume(
                400, f'Invalid volume: Volume {volume.id} status must be '
                "'{'status': 'available'}' to extend, currently "
                f'{volume.status}.')
        if size <= volume.size:
            raise wire.volume(
                400, 'Invalid input received: New size for extend must be '
                f'greater than current size. (current: {volume.size}, '
                f'extended: {size}).')
        self.store.reserve(volume.project_id, more=0,
                           gigabytes=size - volume.size, size=size)
        self._begin(volume, size, ask.request_id)

    def _begin(self, volume: cinderstore.CinderVolume, size: int,
               request_id: str) -> None:
        """Let a volume grow, or one of two things happen instead."""
        before = volume.status
        backend = self.store.backend(volume)
        mishap = self.world.mishap('extend', volume.name or '', volume.id)
        if self.store.room(backend) < size - volume.size:
            mishap = 'no room'
        elif mishap is None and before == 'in-use' and backend == 'nfs':
            mishap = 'error'
        lag = self.world.options.extend_lag

        def begun() -> None:
            if volume.status == before:
                self.store.touch(volume, 'extending')
        self.world.after(lag, begun)

        def no_room() -> None:
            self.store.touch(volume, before)
            self.store.tell(volume, 'VOLUME_VOLUME_007_003',
                            f'extend volume:{volumes.NO_BACKEND}', request_id)

        def failed() -> None:
            self.store.touch(volume, 'error_extending')
            self.store.tell(
                volume, 'VOLUME_VOLUME_007_016', 'extend volume:Volume '
                'Driver failed to extend volume.', request_id)

        def done() -> None:
            volume.size = size
            if volume.disk is not None:
                volume.disk.resize(size)
            self.store.touch(volume, before)
            if before == 'in-use':
                self.store.grown(volume)
        outcome = (done if mishap is None else
                   no_room if mishap == 'no room' else failed)
        seconds = self.world.options.extend if mishap is None else 0.1
        self.world.after(lag + seconds, outcome)

    # Going back

    def revert(self, ask: Ask, volume: cinderstore.CinderVolume) -> None:
        wanted = ask.inner('revert').get('snapshot_id')
        snapshots = self.store.snapshots_of(volume)
        if not snapshots:
            raise wire.volume(400, f"Volume {volume.id} doesn't have any "
                                   'snapshots.')
        latest = snapshots[-1]
        if latest.id != wanted:
            raise wire.volume(
                400, f'Specified snapshot {wanted} is None or not the latest '
                f'one of volume {volume.id}.')
        self._check_revert(volume, latest)
        mishap = self.world.mishap('revert', volume.name or '', volume.id)
        self.store.touch(volume, 'reverting')

        def done() -> None:
            if mishap is not None:
                self.store.touch(volume, 'error')
                return
            if latest.disk is not None:
                volume.disk = latest.disk.copy(volume.id)
            self.store.touch(volume, 'available')
        self.world.after(self.world.options.revert, done)

    def _check_revert(self, volume: cinderstore.CinderVolume,
                      latest: cinderstore.CinderSnapshot) -> None:
        """:raises Refusal: 400, size or state do not allow it."""
        about = (f"Can't revert volume {volume.id} to its latest snapshot "
                 f'{latest.id}.')
        if latest.size != volume.size:
            raise wire.volume(400, f'{about} The volume size must be equal '
                                   'to the snapshot size.')
        if volume.status != 'available' or latest.status != 'available':
            raise wire.volume(
                400, f'Invalid volume: {about} The status of the volume and '
                "of the snapshot must be 'available'.")
