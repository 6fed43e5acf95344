# SPDX-License-Identifier: Apache-2.0

"""Volumes of shares: found, changed and waited for.

What Cinder and Nova accept is only begun, so that each change here ends with
looking.  An answer that was lost is no reason to ask again blindly: what was
to be made is looked for by its name first.
"""

from collections.abc import Callable
from collections.abc import Mapping
import logging
import time
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import errors
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.generic import transitions
from manila_drivers.openstack import polling
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

T = TypeVar('T')
Change = transitions.Change

#: Seconds for which Nova itself tries to detach a volume: 8 attempts of 20
#: seconds, and what is around them.
NOVA_DETACHES = 240.0


class VolumeClient:
    """Volumes and volume snapshots of one backend.

    :param cloud: the services, see ``manila_drivers.openstack.cloud``.
    """

    def __init__(self, cloud: Any, chosen: settings.GenericSettings, *,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.cloud = cloud
        self._chosen = chosen
        self._clock = clock
        self._sleep = sleep

    # -- finding ---------------------------------------------------------

    def server(self, server_id: str) -> records.Server | None:
        """Return a server, None if it is gone."""
        return _or_none(lambda: self.cloud.compute.server(server_id))

    def volume(self, ident: str) -> records.Volume | None:
        return _or_none(lambda: self.cloud.volumes.volume(ident))

    def snapshot(self, ident: str) -> records.VolumeSnapshot | None:
        return _or_none(lambda: self.cloud.volumes.snapshot(ident))

    def volume_of(self, share_id: str, recorded: str = '', *,
                  everywhere: bool = False) -> records.Volume | None:
        """Return the volume of a share.

        :param recorded: its id, if that is known.
        :param everywhere: look for our mark also, if there is none of that
            name: somebody may have renamed it.
        :raises Conflict: there are several.
        """
        if recorded:
            found = self.volume(recorded)
            if found is not None:
                self._check_owner(found, share_id)
            return found
        volumes, name = self.cloud.volumes, self.volume_name(share_id)
        named = self._ours(volumes.list(name=name), name, share_id)
        if named is None and everywhere:
            marked = volumes.list(metadata={paths.SHARE_MARK: share_id})
            named = self._ours(marked, None, share_id)
        return named

    def _ours(self, found: list[records.Volume], name: str | None,
              share_id: str) -> records.Volume | None:
        """Return the one volume that nothing says is another share's."""
        kept = [one for one in found if name in (None, one.name)
                and records.is_marked(one.metadata, paths.SHARE_MARK,
                                      share_id) is not False]
        marked = [one for one in kept if records.is_marked(
            one.metadata, paths.SHARE_MARK, share_id)]
        kept = marked or kept
        if len(kept) > 1:
            raise exception.Conflict(
                'Share %s has %d volumes: %s' % (
                    share_id, len(kept), ', '.join(one.id for one in kept)),
                check='which of them has its data; rename the others')
        return kept[0] if kept else None

    def _check_owner(self, volume: records.Volume, share_id: str) -> None:
        """:raises Conflict: a volume is another share's, by all it says.

        One that was taken over has our name, and may say whose it was.
        """
        if volume.name != self.volume_name(share_id) and records.is_marked(
                volume.metadata, paths.SHARE_MARK, share_id) is False:
            raise exception.Conflict(
                'Volume %s, recorded for share %s, says that it is of share '
                '%s' % (_called(volume), share_id,
                        (volume.metadata or {}).get(paths.SHARE_MARK)),
                check='the metadata of the volume; nothing was done')

    def snapshot_of(self, snapshot_id: str, recorded: str = '',
                    ) -> records.VolumeSnapshot | None:
        """Return the volume snapshot of a snapshot.

        :param recorded: its id, if that is known.
        :raises Conflict: there are several.
        """
        if recorded:
            return self.snapshot(recorded)
        name = self.snapshot_name(snapshot_id)
        found = [one for one in self.cloud.volumes.snapshots(name=name)
                 if one.name == name and records.is_marked(
                     one.metadata, paths.SNAPSHOT_MARK, snapshot_id)
                 is not False]
        if len(found) > 1:
            raise exception.Conflict(
                'Snapshot %s has %d volume snapshots: %s' % (
                    snapshot_id, len(found),
                    ', '.join(one.id for one in found)))
        return found[0] if found else None

    def volume_name(self, share_id: str) -> str:
        return self._chosen.volume_name % share_id

    def snapshot_name(self, snapshot_id: str) -> str:
        return self._chosen.snapshot_name % snapshot_id

    # -- volumes ---------------------------------------------------------

    def create(self, share_id: str, gib: int, zone: str,
               snapshot_id: str | None = None) -> plan.Done:
        """Ask for a volume, or take the one that is there already."""
        chosen = self._chosen

        def post() -> records.Volume:
            return self.cloud.volumes.create(
                name=self.volume_name(share_id), size=gib,
                volume_type=chosen.volume_type or None, zone=zone or None,
                snapshot_id=snapshot_id, metadata=self._marks(
                    paths.SHARE_MARK, share_id),
                description='manila share instance %s' % share_id)

        return self._once(lambda: self.volume_of(share_id), post)

    def _marks(self, mark: str, ident: str) -> Mapping[str, str]:
        host = self._chosen.host
        return {mark: ident, **({paths.HOST_MARK: host} if host else {})}

    def created(self, ident: str, gib: int | None = None) -> records.Volume:
        """Wait until a volume has been made.

        :raises BackendError: its making failed.
        """
        def done(found: records.Volume) -> bool:
            change = transitions.creating(found, gib)
            if change is Change.FAILED:
                raise errors.failed(
                    'Volume %s could not be made' % _called(found),
                    found.status, self.why(ident))
            return change is Change.DONE

        return self._until(lambda: self._present(ident), done,
                           self._chosen.create_timeout,
                           'Volume %s is being made' % ident)

    def delete(self, ident: str) -> None:
        """Remove a volume and wait until it is gone.

        :raises BackendError: it could not be removed.
        """
        _passing(lambda: self.cloud.volumes.delete(ident))

        def gone(found: records.Volume | None) -> bool:
            if found is not None and transitions.deleting(
                    found.status) is Change.FAILED:
                raise errors.failed('Volume %s could not be deleted'
                                    % _called(found), found.status,
                                    self.why(ident))
            return found is None

        self._until(lambda: self.volume(ident), gone,
                    self._chosen.create_timeout,
                    'Volume %s is being deleted' % ident)

    def rename(self, ident: str, name: str) -> None:
        self.cloud.volumes.rename(ident, name)

    def why(self, ident: str) -> str:
        """Return the last reason that Cinder tells, '' if it tells none."""
        found, error = exception.caught(
            lambda: self.cloud.volumes.messages(ident))
        if error is not None:
            LOG.debug('Messages about %s cannot be read: %s', ident, error)
        told = sorted(found or (), key=lambda one: one.created or '')
        return str(told[-1].text or '') if told else ''

    # -- attachments -----------------------------------------------------

    def attach(self, ident: str, server_id: str) -> records.Volume:
        """Attach a volume, or see that it is attached already.

        :raises NoRoom: the server has no place for another disk.
        :raises BackendError: it could not be attached.
        """
        request, refused = '', None
        before = self._present(ident)
        if before.status == 'error_extending':
            self.restore_status(before)
        if not transitions.on_server(before, server_id) \
                and not transitions.is_moving(before):
            try:
                request = self.cloud.compute.attach(server_id, ident)
            except (exception.BackendError,
                    exception.OutcomeUnknown) as exc:
                refused = exc
        return self._attached(ident, server_id, request, refused)

    def _attached(self, ident: str, server_id: str, request: str,
                  refused: exception.DriverError | None) -> records.Volume:
        moved, started = False, self._clock()

        def done(found: records.Volume) -> bool:
            nonlocal moved
            change = transitions.attaching(found, server_id, moved=moved)
            moved = moved or transitions.is_moving(found)
            if change is Change.UNCHANGED:
                if isinstance(refused, exception.BackendError) \
                        or self._clock() - started > transitions.GRACE:
                    change = Change.FAILED
            if change is Change.FAILED:
                raise refused or self._not_attached(found, server_id,
                                                    request)
            return change is Change.DONE

        return self._until(
            lambda: self._present(ident), done, self._chosen.attach_timeout,
            'Volume %s is being attached to server %s' % (ident, server_id))

    def _not_attached(self, volume: records.Volume, server_id: str,
                      request: str) -> exception.DriverError:
        elsewhere = transitions.servers_of(volume)
        if elsewhere and server_id not in elsewhere:
            return exception.Conflict(
                'Volume %s is attached to server %s, not to %s' % (
                    _called(volume), ', '.join(elsewhere), server_id))
        server = self.server(server_id)
        there = len(server.volumes or ()) if server is not None else 0
        return exception.NoRoom(
            'Volume %s could not be attached to server %s, which has %d '
            'volumes' % (_called(volume), server_id, there),
            answer='action %s of the server' % request if request else '',
            check='the log of nova-compute; how many disks the machine type '
                  'takes, and generic_max_volumes_per_server')

    def detach(self, ident: str, server_id: str) -> None:
        """Take a volume from a server, which must not use it any more.

        :raises Busy: the virtual machine does not let go of it.
        """
        before = self.volume(ident)
        if transitions.detaching(before, server_id,
                                 moved=False) is Change.DONE:
            return
        refused: exception.DriverError | None = None
        if before is not None and before.status != 'detaching':
            try:
                self.cloud.compute.detach(server_id, ident)
            except (exception.BackendError,
                    exception.OutcomeUnknown) as exc:
                # Of a server that is gone, or a volume that is not attached,
                # or is being detached: Cinder's state tells.
                refused = exc
        self._detached(ident, server_id, refused)

    def _detached(self, ident: str, server_id: str,
                  refused: exception.DriverError | None) -> None:
        moved, started = False, self._clock()

        def done(found: records.Volume | None) -> bool:
            nonlocal moved
            change = transitions.detaching(found, server_id, moved=moved)
            moved = moved or transitions.is_moving(found)
            if change is Change.UNCHANGED \
                    and self._clock() - started > transitions.GRACE:
                change = Change.FAILED
            if change is Change.FAILED:
                raise refused or exception.Busy(
                    'Volume %s could not be detached from server %s'
                    % (ident, server_id), check='whether that virtual '
                    'machine runs; a reboot lets it go of the disk')
            return change is Change.DONE

        self._until(lambda: self.volume(ident), done,
                    max(self._chosen.attach_timeout, NOVA_DETACHES),
                    'Volume %s is being detached from server %s'
                    % (ident, server_id))

    # -- sizes -----------------------------------------------------------

    def extend(self, ident: str, gib: int) -> records.Volume:
        """Extend a volume, attached or not.

        :raises errors.NotWhileAttached: it may work while it is detached.
        :raises NoRoom: there is no room for it; it is as it was.
        """
        before = self._present(ident)
        if before.size is not None and before.size >= gib \
                and before.status in transitions.AT_REST:
            return before
        refused: exception.DriverError | None = None
        if before.status in transitions.AT_REST:
            try:
                self.cloud.volumes.extend(ident, gib)
            except exception.BackendError as exc:
                raise errors.extension(exc, before) from exc
            except exception.OutcomeUnknown as exc:
                refused = exc
        return self._extended(before, gib, refused)

    def _extended(self, before: records.Volume, gib: int,
                  refused: exception.DriverError | None) -> records.Volume:
        started, told = self._clock(), ''

        def done(found: records.Volume) -> bool:
            nonlocal told
            change = transitions.extending(found, gib)
            if change is Change.FAILED:
                raise errors.broken_extension(found, self.why(found.id))
            if change is Change.UNCHANGED \
                    and self._clock() - started > transitions.GRACE:
                told = self.why(found.id)
                raise refused or errors.no_room(found, gib, told)
            return change is Change.DONE

        return self._until(lambda: self._present(before.id), done,
                           self._chosen.extend_timeout,
                           'Volume %s is being extended' % _called(before))

    def restore_status(self, volume: records.Volume) -> None:
        """Take a volume out of ``error_extending``, which nothing hurt."""
        wanted = 'in-use' if volume.attachments else 'available'
        self.cloud.volumes.reset_status(volume.id, wanted)

    # -- snapshots -------------------------------------------------------

    def create_snapshot(self, volume_id: str, snapshot_id: str) -> plan.Done:
        """Ask for a snapshot of a volume, or take the one that is there."""
        def post() -> records.VolumeSnapshot:
            return self.cloud.volumes.create_snapshot(
                volume_id, name=self.snapshot_name(snapshot_id),
                metadata=self._marks(paths.SNAPSHOT_MARK, snapshot_id))

        return self._once(lambda: self.snapshot_of(snapshot_id), post)

    def snapshot_begun(self, ident: str, seconds: float) -> None:
        """Wait until a snapshot is no longer being made, or the time is over.
        """
        def done(found: records.VolumeSnapshot | None) -> bool:
            return found is None or found.status != 'creating'

        _, error = exception.caught(lambda: self._until(
            lambda: self.snapshot(ident), done, seconds,
            'Snapshot %s is being made' % ident))
        if error is not None:
            LOG.info('Snapshot %s goes on while the share is written to: %s',
                     ident, error)

    def snapshot_created(self, ident: str) -> records.VolumeSnapshot:
        """Wait until a snapshot has been made.

        :raises BackendError: its making failed.
        """
        def done(found: records.VolumeSnapshot) -> bool:
            if transitions.is_error(found.status):
                raise errors.failed('Volume snapshot %s could not be made'
                                    % ident, found.status, self.why(ident))
            return found.status in ('available', 'backing-up')

        return self._until(lambda: self._present_snapshot(ident), done,
                           self._chosen.create_timeout,
                           'Volume snapshot %s is being made' % ident)

    def delete_snapshot(self, ident: str) -> None:
        """Remove a volume snapshot and wait until it is gone."""
        _passing(lambda: self.cloud.volumes.delete_snapshot(ident))

        def gone(found: records.VolumeSnapshot | None) -> bool:
            if found is not None and transitions.deleting(
                    found.status) is Change.FAILED:
                raise errors.failed('Volume snapshot %s could not be deleted'
                                    % ident, found.status, self.why(ident))
            return found is None

        self._until(lambda: self.snapshot(ident), gone,
                    self._chosen.create_timeout,
                    'Volume snapshot %s is being deleted' % ident)

    def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume that is not attached back to a snapshot."""
        self.cloud.volumes.revert(volume_id, snapshot_id)

        def done(found: records.Volume) -> bool:
            change = transitions.reverting(found)
            if change is Change.FAILED:
                raise errors.failed('Volume %s could not be brought back to '
                                    'snapshot %s' % (volume_id, snapshot_id),
                                    found.status, self.why(volume_id))
            return change is Change.DONE

        self._until(lambda: self._present(volume_id), done,
                    self._chosen.create_timeout,
                    'Volume %s is being brought back' % volume_id)

    # -- below -----------------------------------------------------------

    def _present(self, ident: str) -> records.Volume:
        found = self.cloud.volumes.volume(ident)
        assert isinstance(found, records.Volume)
        return found

    def _present_snapshot(self, ident: str) -> records.VolumeSnapshot:
        found = self.cloud.volumes.snapshot(ident)
        assert isinstance(found, records.VolumeSnapshot)
        return found

    def _until(self, look: Callable[[], T], done: Callable[[T], bool],
               limit: float, what: str) -> T:
        return polling.until(look, done, limit=limit, what=what,
                             clock=self._clock, sleep=self._sleep)

    def _once(self, look: Callable[[], T | None],
              post: Callable[[], T]) -> plan.Done:
        """Make something once, whatever becomes of the answers."""
        attempts = retry.Attempts(retry.REST, self._clock, self._sleep)
        while True:
            try:
                return plan.Done(post())
            except exception.OutcomeUnknown:
                found = look()
                if found is not None:
                    return plan.Done(found, created=False)
                if not attempts.again():
                    raise


def _or_none(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except exception.NotFound:
        return None


def _passing(call: Callable[[], object]) -> None:
    """Ask for a deletion; what is gone, or on its way, is passed over."""
    try:
        call()
    except (exception.NotFound, exception.OutcomeUnknown) as exc:
        # Whether it goes is waited for next.
        LOG.debug('A deletion was answered with: %s', exc)


def _called(volume: records.Volume) -> str:
    return '%s (%s)' % (volume.name, volume.id) if volume.name \
        else volume.id

