# SPDX-License-Identifier: Apache-2.0

"""Snapshots, and shares that begin with one."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.generic import client
from manila_drivers.generic import executor
from manila_drivers.generic import hosts
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import shares
from manila_drivers.generic import sight
from manila_drivers.generic import snapshot_planning
from manila_drivers.generic import transitions
from manila_drivers.openstack import polling

LOG = logging.getLogger(__name__)

#: Sets the rules of a share: ``GenericAccess.update``.
SetRules = Callable[[call.Call, Sequence[access.Rule]], Mapping[str, str]]
TURN = shares.TURN


class GenericSnapshots:
    """Operations on snapshots of one backend's shares."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 steps: executor.GenericExecutor, kept: notes.GenericNotes,
                 lock: notes.Lock, parent: shares.GenericShares,
                 set_rules: SetRules, now: Callable[[], float]) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._executor = steps
        self._notes = kept
        self._lock = lock
        self._shares = parent
        self._set_rules = set_rules
        self._now = now

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Take a snapshot, or find the one that an earlier call took.

        Writes are held back for a moment, if the service instance answers.
        A call that has the share away meanwhile is waited for: its file
        system is in the middle of something.

        :returns: ``provider_location``, the id of the volume snapshot.
        """
        with self._lock(paths.share_lock(snapshot.share_instance_id), TURN), \
                self._lock(paths.snapshot_lock(snapshot.id), TURN):
            note = self._notes.share(snapshot.share_instance_id)
            volume = self._volumes.volume_of(snapshot.share_instance_id,
                                             note.volume_id)
            if volume is None:
                raise exception.NotFound(
                    'Share %s, which snapshot %s is to be of, has no volume '
                    'that is known' % (snapshot.share_instance_id,
                                       snapshot.id),
                    check='the volumes of Cinder; a share is managed with '
                          '--driver-options volume_id=<id>')
            present = self._volumes.snapshot_of(
                snapshot.id, self._notes.snapshot(snapshot.id),
                volume_id=volume.id)
            facts = None if present else self._served(snapshot, note, volume)
            steps = snapshot_planning.create_snapshot(
                snapshot.id, self._volumes.snapshot_name(snapshot.id),
                volume, present, facts, int(self._hosts.settings.freeze))
            taken = self._executor.run(steps)['snapshot']
        return {'provider_location': taken.id}

    def _served(self, snapshot: model.Snapshot, note: notes.ShareNote,
                volume: records.Volume) -> planning.ServedFacts | None:
        """Return the share to be frozen; None if it cannot be told."""
        if not self._hosts.settings.freeze:
            return None
        share = snapshot.share or model.Share(
            snapshot.share_instance_id, name=snapshot.share_name)
        host, error = exception.caught(lambda: self._hosts.of_server(
            snapshot.server, 'snapshot %s' % snapshot.id))
        found = None
        if host is not None:
            found, error = self._hosts.glance(host, ())
        if host is None or found is None:
            LOG.warning('Snapshot %s is taken without holding back writes: '
                        '%s', snapshot.id, error)
            return None
        placement = self._hosts.placement(share, note)
        if placement.ident in found.working:
            raise hosts.at_work(host, placement.path)
        return planning.ServedFacts(placement, host, volume, found)

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; that it is gone already is success."""
        with self._lock(paths.snapshot_lock(snapshot.id), TURN):
            found = self._volumes.leaving_snapshots(
                snapshot.id, self._recorded(snapshot),
                volume_id=self._volume_id(snapshot))
            steps = snapshot_planning.delete_snapshot(
                snapshot.id, found, self._recorded(snapshot),
                None if found else self._seen(snapshot))
            self._executor.run(steps)

    def _seen(self, snapshot: model.Snapshot) -> sight.CinderSight | None:
        """Return what the login is shown that finds no snapshot.

        None if it has never been in Cinder, as far as is known.
        """
        if not self._recorded(snapshot):
            return None
        host, _ = exception.caught(lambda: self._hosts.of_server(
            snapshot.server, 'snapshot %s' % snapshot.id))
        server = None if host is None else self._volumes.server(host.id)
        return self._volumes.sight(server, self._volume_id(snapshot))

    def _recorded(self, snapshot: model.Snapshot) -> str:
        return (self._notes.snapshot(snapshot.id)
                or snapshot.provider_location or '')

    def _volume_id(self, snapshot: model.Snapshot) -> str:
        """Return the volume that a snapshot is of, '' if it is not known."""
        return self._notes.share(snapshot.share_instance_id).volume_id

    def find(self, snapshot: model.Snapshot,
             ) -> records.VolumeSnapshot | None:
        """Return the volume snapshot of a snapshot, None if it is gone."""
        return self._volumes.snapshot_of(
            snapshot.id, self._recorded(snapshot),
            volume_id=self._volume_id(snapshot))

    def restore(self, call: call.Call, snapshot: model.Snapshot,
                rules: Sequence[access.Rule]) -> None:
        """Bring a share back to its last snapshot.

        :raises Unsupported: the share has another size since.
        """
        share = call.share
        with self._lock(paths.share_lock(share.id), TURN):
            source = self._source(snapshot)
            facts = self._shares.served(share, self._hosts.of(call))
            steps = snapshot_planning.restore(facts, source)
            self._executor.run(steps)
        self._set_rules(call, rules)

    def _source(self, snapshot: model.Snapshot) -> records.VolumeSnapshot:
        found = self.find(snapshot)
        if found is None:
            raise exception.NotFound('Snapshot %s is not in Cinder'
                                     % snapshot.id)
        if found.status not in ('available', 'backing-up'):
            raise exception.Busy(
                'Snapshot %s is not available' % snapshot.id,
                answer='volume snapshot %s is %s' % (found.id, found.status))
        return found

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over a volume snapshot by its id in Cinder.

        :raises NotManageable: it is not there, or of another volume.
        """
        wanted = snapshot.provider_location
        if not wanted:
            raise exception.NotManageable(
                'Snapshot %s is to be managed without provider_location'
                % snapshot.id, check='give its id in Cinder')
        volume = self._notes.share(snapshot.share_instance_id).volume_id
        if not volume:
            raise exception.NotManageable(
                'The volume of share %s, which snapshot %s is of, is not '
                'known' % (snapshot.share_instance_id, snapshot.id),
                check='manage the share with --driver-options '
                      'volume_id=<id>')
        found = self._volumes.snapshot(wanted)
        steps = snapshot_planning.adopt_snapshot(snapshot.id, found, volume,
                                                 wanted)
        self._executor.run(steps)
        assert found is not None
        return {'size': found.size, 'provider_location': found.id}

    # -- shares from snapshots -------------------------------------------

    def clone(self, call: call.Call,
              snapshot: model.Snapshot) -> dict[str, Any]:
        """Ask for a volume with a snapshot's content.

        Cinder may copy for long; :meth:`status` goes on when it has.

        :returns: ``status``, which is creating_from_snapshot.
        """
        share = call.share
        planning.check_protocol(share, self._hosts.settings.protocols)
        host = self._hosts.of(call)
        with self._lock(paths.share_lock(share.id), TURN):
            note = self._notes.share(share.id)
            volume = self._volumes.volume_of(share.id, note.volume_id)
            source = self._source(snapshot)
            server = self._volumes.server(host.id)
            new = self._shares.new(call, host, note, source)
            steps = snapshot_planning.clone(new, server, volume)
            self._executor.run(steps)
        return {'status': 'creating_from_snapshot', 'export_locations':
                self._hosts.locations(host, new.placement)}

    def status(self, call: call.Call) -> dict[str, Any]:
        """Return how far a share is, and go on with one that is a copy.

        :returns: ``status`` is creating_from_snapshot, available or error;
            ``progress`` such as '50%'.
        """
        answer, error = exception.caught(lambda: self._status(call))
        if answer is not None:
            return answer
        assert error is not None
        # An error would be the end of the share for Manila.
        if not isinstance(error, (exception.TransportError, exception.Busy)) \
                and not polling.is_passing(error):
            raise error
        LOG.warning('How far share %s is cannot be told, or it cannot go on '
                    'now: %s', call.share.id, error)
        return self._waiting(call.share, error)

    def _waiting(self, share: model.Share,
                 error: exception.DriverError) -> dict[str, Any]:
        """Return that a copy waits, for as long as that is of any use.

        :param error: why nothing is told of it, or it cannot go on.
        """
        note = self._notes.share(share.id)
        if not note.waits:
            self._notes.update(share.id, waits=str(int(self._now())))
        elif self._is_over(note.waits):
            LOG.error('Share %s is given up, since it could not go on for '
                      'longer than %d seconds: %s Check: option '
                      'generic_copy_timeout', share.id,
                      self._hosts.settings.copy_timeout, error)
            return {'status': 'error'}
        return {'status': 'creating_from_snapshot'}

    def _is_over(self, since: str) -> bool:
        return self._now() - float(since) > self._hosts.settings.copy_timeout

    def _status(self, call: call.Call) -> dict[str, Any]:
        share = call.share
        host = self._hosts.of(call)
        with self._lock(paths.share_lock(share.id), TURN):
            note = self._notes.share(share.id)
            facts = self._shares.served(share, host, look=not note.cloning)
            if not note.cloning:
                planning.check_served(facts)
                return self._available(facts)
            change = transitions.creating(facts.volume, share.size)
            if change is transitions.ChangeState.FAILED:
                LOG.error('Volume %s of share %s could not be filled: it is '
                          '%s. %s', facts.volume.id, share.id,
                          facts.volume.status,
                          self._volumes.why(facts.volume.id))
                return {'status': 'error'}
            if change is transitions.ChangeState.GOING:
                return self._going(share, note, facts.volume)
            steps = snapshot_planning.finish_clone(
                facts, share.size or facts.volume.size or 1)
            self._executor.run(steps)
        return self._available(facts)

    def _going(self, share: model.Share, note: notes.ShareNote,
               volume: records.Volume) -> dict[str, Any]:
        """Return how far a copy is, which Cinder does not end for ever."""
        if not note.since or note.waits:
            self._notes.update(share.id, waits='', since=note.since or str(
                int(self._now())))
        if note.since and self._is_over(note.since):
            LOG.error('Volume %s of share %s has been %s for longer than %d '
                      'seconds and is given up. %s Check: cinder-volume, and '
                      'option generic_copy_timeout', volume.id, share.id,
                      volume.status or 'in a status that is not told',
                      self._hosts.settings.copy_timeout,
                      self._volumes.why(volume.id))
            return {'status': 'error'}
        return {'status': 'creating_from_snapshot', 'progress': '30%'}

    def _available(self, facts: planning.ServedFacts) -> dict[str, Any]:
        return {'status': 'available', 'progress': '100%',
                'export_locations': self._hosts.locations(
                    facts.host, facts.placement)}
