# SPDX-License-Identifier: Apache-2.0

"""Snapshots of the volumes of shares: taken, waited for and removed."""

import logging

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import errors
from manila_drivers.generic import finding
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import transitions

LOG = logging.getLogger(__name__)
ChangeState = transitions.ChangeState


class SnapshotClient(finding.VolumeFinder):
    """Volume snapshots of one backend."""

    def create_snapshot(self, volume_id: str, snapshot_id: str) -> plan.Done:
        """Ask for a snapshot of a volume, or take the one that is there."""
        def post() -> records.VolumeSnapshot:
            made: records.VolumeSnapshot = self.cloud.volumes.create_snapshot(
                volume_id, name=self.snapshot_name(snapshot_id),
                metadata=self._marks(paths.SNAPSHOT_MARK, snapshot_id))
            return made

        return self._once(lambda: self.snapshot_of(
            snapshot_id, volume_id=volume_id), post)

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

    def delete_snapshot(self, ident: str,
                        status: str | None = None) -> None:
        """Remove a volume snapshot and wait until it is gone.

        One that is still at work, or is being deleted, is waited for, and one
        whose deletion has failed is deleted again: Cinder does none of it.

        :param status: its own, as it was listed just now; it is asked for
            unless given.
        :raises BackendError: it could not be removed.
        """
        if not status or status in transitions.SNAPSHOT_WORKED_ON:
            found = self._until(
                lambda: self.snapshot(ident),
                lambda found: found is None
                or found.status not in transitions.SNAPSHOT_WORKED_ON,
                self._chosen.create_timeout, 'Volume snapshot %s, which is to '
                'be deleted, is at work' % ident)
            if found is None:
                return
            status = found.status
        if status == 'error_deleting':
            self._repeated(
                lambda: self.cloud.volumes.reset_snapshot(ident, 'error'))
        if status != 'deleting':
            finding.passing(
                lambda: self.cloud.volumes.delete_snapshot(ident))

        def gone(found: records.VolumeSnapshot | None) -> bool:
            if found is not None and transitions.deleting(
                    found.status) is ChangeState.FAILED:
                raise errors.failed('Volume snapshot %s could not be deleted'
                                    % ident, found.status, self.why(ident))
            return found is None

        self._until(lambda: self.snapshot(ident), gone,
                    self._chosen.create_timeout,
                    'Volume snapshot %s is being deleted' % ident)
