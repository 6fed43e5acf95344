# SPDX-License-Identifier: Apache-2.0

"""Snapshots, and shares that start from one."""

from collections.abc import Mapping
import contextlib
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.transport import retry
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import shares

LOG = logging.getLogger(__name__)


class Snapshots:
    """Operations on snapshots of one backend's shares."""

    def __init__(self, found: repository.Repository,
                 steps: executor.Executor, shares: shares.Shares,
                 notes: share_record.ShareRecord) -> None:
        self._found = found
        self._notes = notes
        self._cluster = found.cluster
        self._settings = found.cluster.settings
        self._executor = steps
        self._shares = shares
        # Percent at which clones were seen last, by share.
        self._progress: dict[str, int] = {}

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Take a snapshot, or find the one taken before.

        :returns: ``provider_location``, the id of the snapshot in VMS, and
            ``export_locations``, where it is seen.
        """
        path = self._path(snapshot)
        steps = planning.create_snapshot(snapshot.name, path)
        taken = self._executor.run(steps)['snapshot']
        return self._told(snapshot, taken, path)

    def _told(self, snapshot: model.Snapshot, found: records.VastSnapshot,
              path: str) -> dict[str, Any]:
        return {'provider_location': str(found.id),
                'export_locations': paths.snapshot_locations(
                    self._cluster.addresses(), path, snapshot.name)}

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; that it is gone already is success.

        :raises Busy: a clone is still being filled from it.
        """
        found = self.find(snapshot)
        streams = ([] if found is None or self._notes.fed_none(found.name)
                   else self._found.streams_from(found.id, found.name))
        steps = planning.delete_snapshot(found, streams)
        self._executor.run(steps)

    def find(self, snapshot: model.Snapshot) -> records.VastSnapshot | None:
        """Return the snapshot in VMS.

        By its id, if that is still the same snapshot of the same directory;
        else by name and path, as upstream's driver knows it.
        """
        found = None
        if snapshot.provider_location.isdecimal():
            found = self._found.snapshot_by_id(snapshot.provider_location)
        usual = paths.share_path(self._settings.root,
                                 snapshot.share_instance_id)
        if found is not None and self._is(found, snapshot, usual):
            return found
        try:
            path = self._path(snapshot)
        except exception.NotFound:
            path = ''
        if found is not None and self._is(found, snapshot, path):
            return found
        if found is not None and not found.name \
                and found.path in (usual, path):
            raise exception.BackendError(
                'VMS does not tell the name of snapshot %d of %s'
                % (found.id, found.path),
                check='vast_api_version; nothing was done with it')
        return self._found.snapshot(snapshot.name, path)

    def _is(self, found: records.VastSnapshot, snapshot: model.Snapshot,
            path: str) -> bool:
        """Tell if a record is the snapshot; path '' = wherever it is."""
        return (found.name == snapshot.name and path in ('', found.path)
                and self._cluster.here(found))

    def _path(self, snapshot: model.Snapshot) -> str:
        """Return the directory that a snapshot is of.

        Known without asking where Manila sends the share's export locations,
        which are this driver's own answers.
        """
        ident = snapshot.share_instance_id
        if snapshot.share is not None:
            for export in snapshot.share.export_paths[:1]:
                # One that nobody can read is as good as none.
                with contextlib.suppress(exception.NotManageable):
                    return paths.split_export(export)[1]
        view = self._found.view(ident)
        if view is None:
            raise exception.NotFound(
                'Share %s, which snapshot %s is of, has no view'
                % (ident, snapshot.name))
        return view.path

    # -- shares from snapshots -------------------------------------------

    def clone(self, call: call.Call,
              snapshot: model.Snapshot) -> dict[str, Any]:
        """Start a share with the content of a snapshot.

        Nobody can reach it before its first rule.  The data is copied in the
        background; :meth:`status` tells when that has ended.  A member of a
        group is waited for: Manila calls members available as soon as all are
        made, whatever it is told.

        :returns: ``status`` and ``export_locations``.
        :raises OutcomeUnknown: a member was not filled within
            ``vast_task_timeout``; it may be later.
        """
        planning.check_protocol(call.share)
        if not self._cluster.can_clone():
            raise exception.Unsupported(
                'Shares from snapshots need VMS 4.6, this one is %s'
                % self._cluster.version.get().version_text)
        source = self.find(snapshot)
        if source is None:
            raise exception.NotFound(
                'Snapshot %s is not in VMS' % snapshot.name)
        stream: records.Stream = self._shares.make(call, source)['stream']
        if call.share.source_member_id and not stream.finished:
            return self._filled(call)
        return self._answer(call.share, stream)

    def _filled(self, call: call.Call) -> dict[str, Any]:
        """Wait until a share holds all data of its snapshot.

        :raises BackendError: its clone failed.
        """
        what = 'The clone that fills share %s' % call.share.id

        def look() -> dict[str, Any] | None:
            answer = self.status(call)
            if answer['status'] == 'error':
                raise exception.BackendError(
                    what + ' failed',
                    check='the global snapshot clones in VMS')
            return answer if answer['status'] == 'available' else None

        return self._found.vms.wait_for(what, look,
                                        self._settings.task_timeout)

    def status(self, call: call.Call) -> dict[str, Any]:
        """Return how far a share from a snapshot is.

        :returns: ``status`` is creating_from_snapshot, available or error;
            ``progress`` such as '50%'.
        """
        share = call.share
        # Manila asks for one share after the other, again and again.
        with retry.patience(retry.PERIODIC):
            status, error = exception.caught(lambda: self._status(share))
        if status is not None:
            return status
        # An error would be the end of the share for Manila, and whatever
        # keeps VMS from telling says nothing about the clone.
        LOG.warning('How far share %s is cannot be told: %s', share.id,
                    error)
        return {'status': 'creating_from_snapshot'}

    def _status(self, share: model.Share) -> dict[str, Any]:
        name = paths.stream_name(share.id)
        stream = self._found.stream(name)
        if stream is not None:
            self._progress[share.id] = stream.progress
            return self._answer(share, stream)
        # Its record is gone: complete, or stopped by somebody.  A view and a
        # directory prove nothing, since they are made while data is missing.
        seen = self._progress.pop(share.id, 0)
        view = self._found.view(share.id)
        if seen >= 100 and view is not None \
                and self._found.is_directory(view.path):
            return self._available(view.path)
        LOG.error('The clone %s that fills share %s is no longer in VMS, and '
                  'was at %d %% when it was seen last: data may be missing. '
                  'Check: how it ended, in the activities of VMS, and the '
                  'used capacity of quota %s. If all is there: "openstack '
                  'share set --status available"; if not, delete the share '
                  'and create it from its snapshot again',
                  name, share.id, seen, share.id)
        return {'status': 'error'}

    def _answer(self, share: model.Share,
                stream: records.Stream) -> dict[str, Any]:
        # Where the clone is, wherever vast_root_export points to now.
        path = stream.target or self._exported(share)
        if stream.finished:
            return self._available(path)
        if stream.failed:
            LOG.error('Clone %s, which fills %s, is %s at %d %%. Check: the '
                      'global snapshot clones and activities in VMS; delete '
                      'the share and create it from its snapshot again',
                      stream.name, path, stream.state, stream.progress)
            return {'status': 'error'}
        if stream.strange:
            LOG.warning('Clone %s, which fills %s, is %s at %d %%, and is '
                        'waited for. Check: the global snapshot clones of '
                        'VMS, whether it goes on',
                        stream.name, path, stream.state, stream.progress)
        return {'status': 'creating_from_snapshot',
                'progress': '%d%%' % min(stream.progress, 99),
                'export_locations': self._shares.locations(path)}

    def _exported(self, share: model.Share) -> str:
        """Return the directory of a share's view.

        :raises NotFound: it has none.
        """
        view = self._found.view(share.id)
        if view is None:
            raise exception.NotFound(
                'Where the clone for share %s is VMS does not tell: there is '
                'no view of that name' % share.id)
        return view.path

    def _available(self, path: str) -> dict[str, Any]:
        return {'status': 'available', 'progress': '100%',
                'export_locations': self._shares.locations(path)}

    # -- adoption --------------------------------------------------------

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over a snapshot by its id or name in VMS.

        It gets the name that Manila gives its snapshots.

        :raises NotManageable: it is not there, or of another directory.
        """
        wanted = snapshot.provider_location
        if not wanted:
            raise exception.NotManageable(
                'Snapshot %s is to be managed without provider_location'
                % snapshot.id, check='give its id or name in VMS')
        path = self._path(snapshot)
        size = self._size(snapshot)
        # By Manila's name it is found after a call that was cut off.
        found = self._named(wanted) or self._found.snapshot(snapshot.name,
                                                            path)
        if found is None or found.path != path \
                or not self._cluster.here(found):
            raise exception.NotManageable(
                'VMS has no snapshot %r of %s' % (wanted, path),
                answer='' if found is None else 'it is of %s' % found.path)
        steps = planning.adopt_snapshot(snapshot.name, found)
        self._executor.run(steps)
        return {'size': size, **self._told(snapshot, found, path)}

    def _size(self, snapshot: model.Snapshot) -> int:
        """Return GiB of the share that a snapshot is of, rounded up.

        :raises NotManageable: neither Manila nor VMS tells.
        """
        if snapshot.share is not None and snapshot.share.size:
            return snapshot.share.size
        quota = self._found.quota(snapshot.share_instance_id)
        if quota is None or not quota.hard_limit:
            raise exception.NotManageable(
                'The size of share %s, which snapshot %s is of, is not known'
                % (snapshot.share_instance_id, snapshot.name),
                check='the quota of that name in VMS')
        return -(-quota.hard_limit // model.GiB)

    def _named(self, wanted: str) -> records.VastSnapshot | None:
        if wanted.isdecimal():
            found = self._found.snapshot_by_id(wanted)
            if found is not None:
                return found
        return self._found.snapshot(wanted, '')
