# SPDX-License-Identifier: Apache-2.0

"""Volumes of shares: found, changed and waited for.

What Cinder and Nova accept is only begun, so that each change here ends with
looking.  An answer that was lost is no reason to ask again blindly: what was
to be made is looked for by its name first.
"""

import logging

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import errors
from manila_drivers.generic import finding
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import snapshot_client
from manila_drivers.generic import transitions

ChangeState = transitions.ChangeState
ADMIN = finding.ADMIN

LOG = logging.getLogger(__name__)

#: Seconds for which Nova itself tries to detach a volume: 8 attempts of 20
#: seconds, and what is around them.
NOVA_DETACHES = 240.0


class VolumeClient(snapshot_client.SnapshotClient):
    """Volumes and volume snapshots of one backend."""

    # -- volumes ---------------------------------------------------------

    def create(self, share_id: str, gib: int, zone: str,
               snapshot_id: str | None = None) -> plan.Done:
        """Ask for a volume, or take the one that is there already."""
        chosen = self._chosen

        def post() -> records.Volume:
            made: records.Volume = self.cloud.volumes.create(
                name=self.volume_name(share_id), size=gib,
                volume_type=chosen.volume_type or None, zone=zone or None,
                snapshot_id=snapshot_id, metadata=self._marks(
                    paths.SHARE_MARK, share_id),
                description='manila share instance %s' % share_id)
            return made

        return self._once(lambda: self.volume_of(share_id), post)

    def created(self, ident: str, gib: int | None = None) -> records.Volume:
        """Wait until a volume has been made.

        :raises BackendError: its making failed.
        """
        def done(found: records.Volume) -> bool:
            change = transitions.creating(found, gib)
            if change is ChangeState.FAILED:
                raise errors.failed(
                    'Volume %s could not be made' % finding.called(found),
                    found.status, self.why(ident))
            return change is ChangeState.DONE

        return self._until(lambda: self._present(ident), done,
                           self._chosen.create_timeout,
                           'Volume %s is being made' % ident)

    def delete(self, ident: str) -> None:
        """Remove a volume and wait until it is gone.

        One that is still at work is waited for: Cinder deletes none of
        these, nor one that is being deleted already.  One that is in use by
        nobody is said to be free: who has asked Nova for it before has it.

        :raises BackendError: it could not be removed.
        """
        rested = self._rested(ident)
        if rested is not None and transitions.is_forgotten(rested):
            LOG.warning('Volume %s, which is to be deleted, is in use by '
                        'nobody, and its status is reset',
                        finding.called(rested))
            self.restore_status(rested)
        if rested is not None and rested.status != 'deleting':
            self._ask_deletion(ident)

        def gone(found: records.Volume | None) -> bool:
            if found is not None and transitions.deleting(
                    found.status) is ChangeState.FAILED:
                raise errors.failed('Volume %s could not be deleted'
                                    % finding.called(found), found.status,
                                    self.why(ident))
            return found is None

        self._until(lambda: self.volume(ident), gone,
                    self._chosen.create_timeout,
                    'Volume %s is being deleted' % ident)

    def _ask_deletion(self, ident: str) -> None:
        try:
            finding.passing(lambda: self.cloud.volumes.delete(ident))
        except exception.BackendError:
            found = self.volume(ident)
            if found is None or found.status != 'error_deleting':
                raise
            # Cinder takes nobody's word for it that the cause is removed.
            self._repeated(
                lambda: self.cloud.volumes.reset_status(ident, 'error'))
            finding.passing(lambda: self.cloud.volumes.delete(ident))

    def _rested(self, ident: str) -> records.Volume | None:
        """Wait until nobody is at work on a volume; None if it is gone.

        What was asked for before goes on, and Cinder and Nova refuse
        everything else meanwhile.
        """
        return self._until(
            lambda: self.volume(ident),
            lambda found: found is None
            or found.status not in transitions.WORKED_ON,
            self._chosen.create_timeout,
            'Volume %s, with which something is to be done, is at work'
            % ident)

    def _at_rest(self, ident: str) -> records.Volume:
        found = self._rested(ident)
        return self._present(ident) if found is None else found

    def rename(self, ident: str, name: str) -> None:
        self.cloud.volumes.rename(ident, name)

    # -- attachments -----------------------------------------------------

    def attach(self, ident: str, server_id: str) -> records.Volume:
        """Attach a volume, or see that it is attached already.

        :raises NoRoom: the server has no place for another disk.
        :raises BackendError: it could not be attached.
        """
        return self._repeated(lambda: self._attach(ident, server_id))

    def _attach(self, ident: str, server_id: str) -> records.Volume:
        request = ''
        refused: exception.DriverError | None = None
        before = self._at_rest(ident)
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
            if change is ChangeState.UNCHANGED:
                if isinstance(refused, exception.BackendError) \
                        or self._clock() - started > transitions.GRACE:
                    change = ChangeState.FAILED
            if change is ChangeState.GOING and isinstance(
                    refused, exception.BackendError) \
                    and transitions.is_forgotten(found) \
                    and self._clock() - started > transitions.GRACE:
                raise errors.stuck(found, refused)
            if change is ChangeState.FAILED:
                raise refused or self._not_attached(found, server_id,
                                                    request)
            return change is ChangeState.DONE

        return self._until(
            lambda: self._present(ident), done, self._chosen.attach_timeout,
            'Volume %s is being attached to server %s' % (ident, server_id))

    def _not_attached(self, volume: records.Volume, server_id: str,
                      request: str) -> exception.DriverError:
        elsewhere = transitions.servers_of(volume)
        if elsewhere and server_id not in elsewhere:
            return exception.Conflict(
                'Volume %s is attached to server %s, not to %s' % (
                    finding.called(volume), ', '.join(elsewhere), server_id))
        server = self.server(server_id)
        there = len(server.volumes or ()) if server is not None else 0
        return exception.NoRoom(
            'Volume %s could not be attached to server %s, which has %d '
            'volumes' % (finding.called(volume), server_id, there),
            answer='action %s of the server' % request if request else '',
            check='the log of nova-compute; how many disks the machine type '
                  'takes, and generic_max_volumes_per_server')

    def detach(self, ident: str, server_id: str, *,
               leaving: bool = False) -> None:
        """Take a volume from a server, which must not use it any more.

        :param leaving: the volume is deleted then: where a status that
            nothing ends any more is in the way, it is reset.
        :raises Busy: the virtual machine does not let go of it.
        :raises AccessDenied: its status is in the way, and only an
            administrator may reset that.
        """
        _, refused = exception.caught(lambda: self._repeated(
            lambda: self._detach(ident, server_id)))
        if refused is None:
            return
        found = self.volume(ident)
        if found is None or not transitions.is_stuck(found.status) \
                or isinstance(refused, exception.AccessDenied):
            raise refused
        if not leaving:
            raise errors.stuck(found, refused)
        LOG.warning('Volume %s is %s, which is in the way of its deletion '
                    'and is reset', finding.called(found), found.status)
        self.restore_status(found)
        self._repeated(lambda: self._detach(ident, server_id))

    def _detach(self, ident: str, server_id: str) -> None:
        started = self._clock()

        def arrived(found: records.Volume | None) -> bool:
            # Nova detaches nothing that is on its way there; a reservation
            # may be left over from something that has ended.
            return found is None or (
                found.status not in (*transitions.WORKED_ON, 'attaching')
                and (found.status != 'reserved'
                     or self._clock() - started > transitions.GRACE))

        before = self._until(
            lambda: self.volume(ident), arrived, self._chosen.create_timeout,
            'Volume %s, which is to be detached, is at work' % ident)
        if transitions.detaching(before, server_id, moved=False) \
                is ChangeState.DONE and not (
                    before is not None and transitions.is_forgotten(before)):
            return
        refused: exception.DriverError | None = None
        if before is not None and before.status == 'error_extending':
            # Nova would refuse, and the volume be stuck for ever.
            self.restore_status(before)
        if before is not None and before.status != 'detaching':
            try:
                self.cloud.compute.detach(server_id, ident)
            except (exception.BackendError,
                    exception.OutcomeUnknown) as exc:
                # Of a server that is gone, or a volume that is not attached,
                # or is being detached: Cinder's state tells.
                refused = exc
        if refused is None or before is None or before.status != 'reserved':
            started = self._clock()
        self._detached(ident, server_id, refused, started)

    def _detached(self, ident: str, server_id: str,
                  refused: exception.DriverError | None,
                  started: float) -> None:
        """
        :param started: when something was asked for, or waited for.
        """
        moved = False

        def done(found: records.Volume | None) -> bool:
            nonlocal moved
            change = transitions.detaching(found, server_id, moved=moved)
            moved = moved or transitions.is_moving(found)
            if change is ChangeState.UNCHANGED \
                    and self._clock() - started > transitions.GRACE:
                change = ChangeState.FAILED
            if change is ChangeState.GOING and found is not None \
                    and found.status != 'detaching' and isinstance(
                        refused, exception.BackendError) \
                    and self._clock() - started > transitions.GRACE:
                # Nobody works on it: what Nova said is all there is to say.
                change = ChangeState.FAILED
            if change is ChangeState.FAILED:
                raise refused or exception.Busy(
                    'Volume %s could not be detached from server %s'
                    % (ident, server_id), check='whether that virtual '
                    'machine runs; a reboot lets it go of the disk')
            return change is ChangeState.DONE

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
        return self._repeated(lambda: self._extend(ident, gib))

    def _extend(self, ident: str, gib: int) -> records.Volume:
        before = self._at_rest(ident)
        if before.size is not None and before.size >= gib \
                and before.status in transitions.AT_REST:
            return before
        request = ''
        refused: exception.DriverError | None = None
        if before.status in transitions.AT_REST:
            try:
                request = self.cloud.volumes.extend(ident, gib)
            except exception.BackendError as exc:
                raise errors.extension(exc, before) from exc
            except exception.OutcomeUnknown as exc:
                refused = exc
        return self._extended(before, gib, request, refused)

    def _extended(self, before: records.Volume, gib: int, request: str,
                  refused: exception.DriverError | None) -> records.Volume:
        """
        :param request: id of the request, by which Cinder tells why it
            failed; '' if that is not known.
        """
        started = self._clock()

        def done(found: records.Volume) -> bool:
            change = transitions.extending(found, gib)
            if change is ChangeState.FAILED:
                raise errors.broken_extension(found, self.why(found.id))
            if change is not ChangeState.UNCHANGED:
                return change is ChangeState.DONE
            told = self.why(found.id, request) if request else ''
            if told or self._clock() - started > transitions.GRACE:
                raise refused or errors.no_room(found, gib, told)
            return False

        return self._until(lambda: self._present(before.id), done,
                           self._chosen.extend_timeout,
                           'Volume %s is being extended'
                           % finding.called(before))

    def restore_status(self, volume: records.Volume) -> None:
        """Take a volume out of a status that is in the way.

        ``error_extending`` has hurt nothing.  Others are for those alone who
        delete it.

        :raises AccessDenied: the login is no administrator's.
        """
        try:
            self._repeated(lambda: self.cloud.volumes.reset_status(
                volume.id, transitions.rest_of(volume)))
        except exception.AccessDenied as exc:
            raise errors.stuck(volume, exc) from exc

    def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume that is not attached back to a snapshot."""
        asked = False

        def ask() -> None:
            nonlocal asked
            # Cinder refuses what it is doing since it was asked before.
            if not asked or self._present(volume_id).status != 'reverting':
                asked = True
                self.cloud.volumes.revert(volume_id, snapshot_id)

        self._repeated(ask)

        def done(found: records.Volume) -> bool:
            change = transitions.reverting(found)
            if change is ChangeState.FAILED:
                raise errors.failed('Volume %s could not be brought back to '
                                    'snapshot %s' % (volume_id, snapshot_id),
                                    found.status, self.why(volume_id))
            return change is ChangeState.DONE

        self._until(lambda: self._present(volume_id), done,
                    self._chosen.create_timeout,
                    'Volume %s is being brought back' % volume_id)
