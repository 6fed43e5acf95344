# SPDX-License-Identifier: Apache-2.0

"""Carries out steps about snapshots and clones, and about what is noted."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import record_steps
from manila_drivers.vastdata import records


class SnapshotSteps(record_steps.RecordSteps):
    """Steps that wait for what VMS does in the background."""

    # -- notes -----------------------------------------------------------

    def note_share(self, share_id: str) -> None:
        self._notes.adopt(share_id)

    def forget_share(self, share_id: str) -> None:
        self._notes.forget(share_id)

    # -- snapshots -------------------------------------------------------

    def take_snapshot(self, name: str, path: str) -> plan.Done:
        """Take a snapshot, or find the one taken before, and wait for it.

        :raises BackendError: it failed, or vanished.
        :raises NotFound: there is no such directory.
        """
        def look() -> records.VastSnapshot | None:
            found = self._found.snapshot(name, '')
            if found is not None and found.path != path:
                raise exception.Conflict(
                    'Snapshot %s of %s cannot be taken: one of that name '
                    'exists of %s' % (name, path, found.path))
            return found

        try:
            done = self._vms.create(
                'snapshots', {'name': name, 'path': path + '/',
                              **self._cluster.scope()},
                records.VastSnapshot.of, look)
        except exception.BackendError as exc:
            if exc.status != 400 \
                    or errors.NO_DIRECTORY not in exc.answer.lower():
                raise
            raise exception.NotFound(
                'Snapshot %s cannot be taken: there is no directory %s'
                % (name, path), answer=exc.answer) from exc
        ended: records.VastSnapshot = done.value
        if ended.state in ended.PENDING:
            ended = self._vms.wait_for(
                'Snapshot %s' % name, lambda: self._ended_snapshot(ended),
                self._settings.task_timeout)
        if ended.state != 'SUCCEED':
            raise exception.BackendError(
                'Snapshot %s ended as %s' % (name, ended.state),
                check='the activities in VMS')
        self._expect_made('snapshots', done)
        if done.created:
            self._notes.snapshot_taken(name)
        return plan.Done(ended, done.created)

    def _ended_snapshot(self, begun: records.VastSnapshot,
                        ) -> records.VastSnapshot | None:
        now = self._found.snapshot_by_id(begun.id)
        if now is None:
            raise exception.NotFound(
                'Snapshot %s vanished while it was taken' % begun.name)
        return None if now.state in now.PENDING else now

    def rename_snapshot(self, name: str, ident: int) -> None:
        self.rename(name, 'snapshots', ident)

    def delete_snapshot(self, name: str, ident: int) -> None:
        """Remove a snapshot.

        :raises Busy: VMS refuses, and it feeds a clone.
        """
        _, error = exception.caught(
            lambda: self._delete('snapshots', ident))
        if error is not None:
            if getattr(error, 'status', None) in errors.REFUSED:
                planning.check_feeds_nothing(
                    name, self._found.streams_from(ident, name))
            raise error
        self._notes.snapshot_gone(name)
        self._expect_gone_snapshot(name, ident)

    def _expect_gone_snapshot(self, name: str, ident: int) -> None:
        """Have the next statistics see that a snapshot is gone."""
        def look() -> str:
            # No snapshot gets the id of another one.
            found = self._found.snapshot_by_id(ident)
            return '' if found is None or found.name != name \
                or found.state in found.LEAVING else unseen.Certain(
                    'the deleted snapshot %s is still there, with its data, '
                    'as %s. Check: the activities in VMS; delete it by hand'
                    % (name, found.state))
        self._found.unseen.expect(('snapshots', ident), look)

    # -- clones ----------------------------------------------------------

    def start_clone(self, name: str, snapshot_id: int, snapshot: str,
                    target: str) -> plan.Done:
        self._notes.clone_begun(snapshot)
        body: dict[str, Any] = {
            'name': name, 'loanee_root_path': target, 'enabled': True,
            'loanee_tenant_id': self._cluster.tenant_id()}

        def look() -> records.Stream | None:
            found = self._found.stream(name)
            if found is not None and not (
                    found.fills(target)
                    and found.is_fed_by(snapshot_id, snapshot)):
                raise exception.Conflict(
                    'Clone %s of snapshot %d to %s cannot be made: one of '
                    'that name exists, of snapshot %s to %s'
                    % (name, snapshot_id, target, found.snapshot_id,
                       found.target))
            return found

        return self._vms.create('snapshots/%d/clone' % snapshot_id, body,
                                _stream_or_none, look)

    def end_clone(self, name: str, ident: int, finished: bool) -> None:
        """Stop a clone if it runs, and remove its record."""
        if not finished:
            try:
                answer = self._vms.call(
                    'PATCH', 'globalsnapstreams/%d/stop/' % ident)
            except exception.BackendError as exc:
                # No such clone, or no such call?
                if exc.status != 404 or self._stream(ident) is not None:
                    raise
                return
            self._ended('Stopping clone %s' % name, answer, ident,
                        lambda stream: stream is None or not stream.running)
        # Stopping may have removed it already, which delete() takes well.
        answer = self._vms.delete('globalsnapstreams', ident,
                                  {'remove_dir': False})
        self._ended('Removing clone %s' % name, answer, ident,
                    lambda stream: stream is None)

    def _stream(self, ident: int) -> records.Stream | None:
        return self._vms.get('globalsnapstreams', ident, records.Stream.of)

    def _ended(self, what: str, answer: Any, ident: int,
               good: Callable[[records.Stream | None], bool]) -> None:
        """Wait for what an answer says has been started with a clone.

        Without a task in the answer the clone itself tells.
        """
        seconds = self._settings.task_timeout
        if not self._vms.finish(what, answer, seconds):
            self._vms.wait_for(
                what, lambda: good(self._stream(ident)) or None, seconds)


def _stream_or_none(data: Any) -> records.Stream | None:
    """Return the stream in an answer, if it is more than the bare task."""
    if isinstance(data, Mapping) and 'loanee_root_path' in data:
        return records.Stream.of(data)
    return None
