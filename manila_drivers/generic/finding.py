# SPDX-License-Identifier: Apache-2.0

"""Volumes and snapshots of shares in Cinder: found, whatever they are called.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
import logging
import time
from typing import Any
from typing import TypeVar

from oslo_utils import uuidutils

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.generic import sight
from manila_drivers.generic import transitions
from manila_drivers.openstack import polling
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: Seconds for which something is looked for that a request may have made.
APPEARS = 45.0
#: Seconds between two volumes that one call may have made.
TOGETHER = 3600.0
# Who works on volumes, and may have given up.
_LOGS = ('the logs of cinder-volume and nova-compute; once nothing works on '
         'it any more, an administrator sets its status')
#: The role by which Cinder shows what all projects have.
ADMIN = 'admin'


class VolumeFinder:
    """Look for volumes, snapshots and servers of one backend.

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
                  everywhere: bool = False, leaving: bool = False,
                  ) -> records.Volume | None:
        """Return the volume of a share.

        :param recorded: its id, if that is known.
        :param everywhere: look for our mark also, if there is none of that
            name: somebody may have renamed it.
        :param leaving: the share goes with all that was made for it: of
            several with our mark the one in use is it, or any if none is.
        :raises Conflict: there are several.
        """
        if recorded:
            found = self.volume(recorded)
            if found is not None:
                self._check_owner(found, share_id)
            return found
        volumes, name = self.cloud.volumes, self.volume_name(share_id)
        named = self._ours(volumes.list(name=name), name, share_id,
                           leaving=leaving)
        if named is None and everywhere:
            marked = volumes.list(metadata={paths.SHARE_MARK: share_id})
            named = self._ours(marked, None, share_id)
        return named

    def twins(self, share_id: str,
              volume: records.Volume | None) -> list[records.Volume]:
        """Return other volumes that were made for a share.

        A request whose answer was lost may have made one after it had been
        looked for.  They have its name and its mark, nobody uses them, and
        they were made when its own was.  Cinder gives name and marks to what
        it restores of a backup as well: that is somebody's copy.

        :param volume: its own, None if it has none.
        """
        name = self.volume_name(share_id)
        found = [one for one in self.cloud.volumes.list(name=name)
                 if volume is not None and one.id != volume.id
                 and _is_idle(one) and records.is_marked(
                     one.metadata, paths.SHARE_MARK, share_id)]
        for one in found:
            if not _made_together(one, volume):
                LOG.warning('Volume %s is called and marked as that of share '
                            '%s, and was made at another time: it stays',
                            one.id, share_id)
        return [one for one in found if _made_together(one, volume)]

    def _ours(self, found: list[records.Volume], name: str | None,
              share_id: str, *, leaving: bool = False,
              ) -> records.Volume | None:
        """Return the one volume that nothing says is another share's."""
        kept = [one for one in found if name in (None, one.name)
                and records.is_marked(one.metadata, paths.SHARE_MARK,
                                      share_id) is not False]
        marked = [one for one in kept if records.is_marked(
            one.metadata, paths.SHARE_MARK, share_id)]
        if leaving and len(marked) > 1:
            marked = [one for one in marked if not _is_idle(one)] or [
                min(marked, key=lambda one: one.created or '')]
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
                '%s' % (called(volume), share_id,
                        (volume.metadata or {}).get(paths.SHARE_MARK)),
                check='the metadata of the volume; nothing was done')

    def snapshot_of(self, snapshot_id: str, recorded: str = '', *,
                    volume_id: str = '') -> records.VolumeSnapshot | None:
        """Return the volume snapshot of a snapshot.

        :param recorded: its id, if that is known.
        :param volume_id: that it is of, '' if that is not known: what is
            called so and is of another volume is somebody else's.
        :raises Conflict: there are several.
        """
        if recorded:
            return self.snapshot(recorded)
        name = self.snapshot_name(snapshot_id)
        found = [one for one in self.cloud.volumes.snapshots(name=name)
                 if one.name == name and records.is_marked(
                     one.metadata, paths.SNAPSHOT_MARK, snapshot_id)
                 is not False and (not volume_id
                                   or one.volume_id == volume_id)]
        if len(found) > 1:
            raise exception.Conflict(
                'Snapshot %s has %d volume snapshots: %s' % (
                    snapshot_id, len(found),
                    ', '.join(one.id for one in found)))
        return found[0] if found else None

    def leaving_snapshots(self, snapshot_id: str, recorded: str = '', *,
                          volume_id: str = '',
                          ) -> list[records.VolumeSnapshot]:
        """Return all volume snapshots that go with a snapshot.

        Those that have its name and its mark: a request whose answer was
        lost may have made one beside the one that is recorded.

        :param volume_id: as of :meth:`snapshot_of`.
        :raises Conflict: there are several, and nothing tells whose they are.
        """
        name = self.snapshot_name(snapshot_id)
        named = [one for one in self.cloud.volumes.snapshots(name=name)
                 if one.name == name and records.is_marked(
                     one.metadata, paths.SNAPSHOT_MARK, snapshot_id)]
        if recorded and recorded not in {one.id for one in named} \
                or not named:
            other = self.snapshot_of(snapshot_id, recorded,
                                     volume_id=volume_id)
            named += [] if other is None else [other]
        return named

    def owners(self, volume: records.Volume) -> set[str]:
        """Return ids of shares that a volume is called after or marked for.
        """
        before, _, after = self.volume_name('\0').partition('\0')
        name, marked = volume.name or '', (volume.metadata or {}).get(
            paths.SHARE_MARK)
        named = name.removeprefix(before).removesuffix(after) \
            if name.startswith(before) and name.endswith(after) else ''
        return {one for one in (marked, named)
                if one and uuidutils.is_uuid_like(one)}

    def sight(self, server: records.Server | None = None,
              volume_id: str = '') -> sight.CinderSight:
        """Return what the login is shown, once it was told "not there".

        No request, unless its roles, projects and regions do not tell.

        :param server: the service instance that Nova shows, None if it shows
            none.
        :param volume_id: of a share whose snapshot it was told that of.
        :raises AccessDenied: it may not list volumes.
        """
        volumes, host = self.cloud.volumes, self._chosen.host
        project = volumes.project_id()
        known = sight.CinderSight(
            project, ADMIN in (volumes.roles() or ()),
            server is not None and server.project_id == project != '',
            server is not None and self.one_region())
        if known.decides:
            return known
        if volume_id and self.volume(volume_id) is not None:
            return dataclasses.replace(known, ours=True)
        # Manila's own driver marks nothing: that may be another backend's.
        return dataclasses.replace(known, ours=any(
            paths.SHARE_MARK in marks and marks.get(paths.HOST_MARK, '')
            == host for one in volumes.list(all_projects=known.admin)
            for marks in [one.metadata or {}]))

    def one_region(self) -> bool:
        """Tell if Nova and Cinder are known to be of one region."""
        return not self.cloud.compute.regions().isdisjoint(
            self.cloud.volumes.regions())

    def volume_name(self, share_id: str) -> str:
        return self._chosen.volume_name % share_id

    def snapshot_name(self, snapshot_id: str) -> str:
        return self._chosen.snapshot_name % snapshot_id

    def why(self, ident: str, request: str = '') -> str:
        """Return the last reason that Cinder tells, '' if it tells none.

        :param request: id of the request it has to be about.
        """
        found, error = exception.caught(
            lambda: self.cloud.volumes.messages(ident))
        if error is not None:
            LOG.debug('Messages about %s cannot be read: %s', ident, error)
        told = [one.text or '' for one in found or ()
                if request in ('', one.request_id)]
        return str(told[0]) if told else ''

    def _marks(self, mark: str, ident: str) -> Mapping[str, str]:
        host = self._chosen.host
        return {mark: ident, **({paths.HOST_MARK: host} if host else {})}

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
        try:
            return polling.until(look, done, limit=limit, what=what,
                                 clock=self._clock, sleep=self._sleep)
        except exception.Busy as exc:
            exc.check = exc.check or _LOGS
            raise

    def _repeated(self, call: Callable[[], T]) -> T:
        """Do something again whose end is not known.

        :param call: looks first, or leads to the same end if it is repeated.
        """
        attempts = retry.Attempts(retry.REST, self._clock, self._sleep)
        while True:
            try:
                return call()
            except exception.OutcomeUnknown:
                if not attempts.again():
                    raise

    def _once(self, look: Callable[[], T | None],
              post: Callable[[], T]) -> plan.Done:
        """Make something once, whatever becomes of the answers."""
        attempts = retry.Attempts(retry.REST, self._clock, self._sleep)
        while True:
            try:
                return plan.Done(post())
            except exception.OutcomeUnknown:
                found = self._appears(look)
                if found is not None:
                    return plan.Done(found, created=False)
                if not attempts.again():
                    raise

    def _appears(self, look: Callable[[], T | None]) -> T | None:
        """Return what a request whose answer was lost has made, if anything.

        A service may take its time before it writes anything down.
        """
        attempts = retry.Attempts(
            dataclasses.replace(polling.PAUSES, total=APPEARS), self._clock,
            self._sleep)
        while True:
            found, error = exception.caught(look)
            if error is not None and not polling.is_passing(error):
                raise error
            if found is not None:
                return found
            if not attempts.again():
                if error is not None:
                    raise error
                return None


def _or_none(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except exception.NotFound:
        return None


def _is_idle(volume: records.Volume) -> bool:
    """Tell if a volume is attached to nothing, by all that is told."""
    return volume.attachments == () and volume.status != 'in-use' \
        and not transitions.is_moving(volume)


def _made_together(one: records.Volume,
                   other: records.Volume | None) -> bool:
    """Tell if two volumes were made by one call; not told is not."""
    times = [each and each.created for each in (one, other)]
    try:
        first, second = (datetime.datetime.fromisoformat(str(each))
                         for each in times)
        return abs((first - second).total_seconds()) <= TOGETHER
    except (TypeError, ValueError):
        return False


def passing(call: Callable[[], object]) -> None:
    """Ask for a deletion; what is gone, or on its way, is passed over."""
    try:
        call()
    except (exception.NotFound, exception.OutcomeUnknown) as exc:
        # Whether it goes is waited for next.
        LOG.debug('A deletion was answered with: %s', exc)


def called(volume: records.Volume) -> str:
    return '%s (%s)' % (volume.name, volume.id) if volume.name \
        else volume.id
