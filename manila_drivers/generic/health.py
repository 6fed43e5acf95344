# SPDX-License-Identifier: Apache-2.0

"""Finds what is wrong with shares, and repairs it.

Each service instance is asked for everything at once: one request to Nova and
one command in it.  What is found to be missing is looked at again, with
everybody else kept out, before anything is done about it.  An instance that
does not answer costs one short time limit for all its shares, which are owed
(``manila_drivers.owed``).
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
import posixpath
from typing import Any

from manila_drivers import exception
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.driver import call
from manila_drivers.generic import assessment
from manila_drivers.generic import client
from manila_drivers.generic import executor
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.generic import paths
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import shares
from manila_drivers.generic import sight

LOG = logging.getLogger(__name__)

Answer = Mapping[str, Any]

#: Seconds that a check waits for another call about a share.
MOMENT = 10.0


@dataclasses.dataclass(frozen=True)
class _Checked:
    """A share that is checked, with what is known of it."""

    call: call.Call
    host: records.ServiceHost
    note: notes.ShareNote
    placement: records.Placement
    helper: str


class GenericHealth:
    """Checks and repairs shares of one backend."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 steps: executor.GenericExecutor, kept: notes.GenericNotes,
                 lock: notes.Lock) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._executor = steps
        self._notes = kept
        self._lock = lock

    def ensure(self, calls: Sequence[call.Call]) -> dict[str, Answer]:
        """Check all shares; one that cannot be repaired stops no other.

        :returns: by instance id, what Manila is to be told; what could not
            be finished says so (:func:`manila_drivers.owed.unfinished`).
        """
        answers: dict[str, Answer] = {}
        unknown: dict[str, Answer] = {}
        groups: dict[str, list[_Checked]] = {}
        for one in calls:
            checked, error = exception.caught(
                lambda one=one: self._known(one))  # type: ignore[misc]
            if checked is None:
                unknown[one.share.id] = owed.unfinished(error)
            else:
                groups.setdefault(checked.host.id, []).append(checked)

        def check(group: list[_Checked]) -> dict[str, Answer]:
            if not group:
                return unknown
            found, error = exception.caught(
                lambda: self._server(group[0].host, group))
            return found or {one.call.share.id: owed.unfinished(error)
                             for one in group}

        for found in plan.for_each(check, [*groups.values(), []]):
            answers.update(found)
        return answers

    def _known(self, one: call.Call) -> _Checked:
        note = self._notes.share(one.share.id)
        host = self._hosts.of(one)
        helper = self._hosts.settings.helpers.get(
            one.share.proto,
            opts.CIFS_IP if one.share.proto == 'CIFS' else opts.NFS)
        return _Checked(one, host, note,
                        self._hosts.placement(one.share, note), helper)

    def _server(self, host: records.ServiceHost,
                group: Sequence[_Checked]) -> dict[str, Answer]:
        """Check the shares of one service instance."""
        found, error = exception.caught(lambda: self._look(host))
        if found is None:
            LOG.error('Service instance %s cannot be asked, so that its %d '
                      'shares are left as they are: %s', host.id, len(group),
                      error)
            return {one.call.share.id: owed.unfinished(error)
                    for one in group}
        kept = found
        group = [self._placed(one, kept) for one in group]
        self._tidy(host, group, kept)
        back = self._remounted(host, [
            one for one in group if one.note.volume_id
            and not self._seems_served(one, kept)
            and one.placement.ident not in kept.working
            and self._has_disk(one, kept)])
        return dict(plan.for_each(lambda one: (
            one.call.share.id, self._one(one, kept, back)), group))

    def _placed(self, one: _Checked,
                found: guest_records.GuestFacts) -> _Checked:
        """Return a share with the place that it has, and note that."""
        placement = planning.stays(one.placement, one.note, found)
        if placement == one.placement:
            return one
        LOG.warning('Share %s stays at %s in server %s, where it was made',
                    one.call.share.id, placement.path, one.host.id)
        path, section = placement.path, placement.section
        note = dataclasses.replace(one.note, path=path, section=section)
        if not plan.is_dry():
            _, error = exception.caught(lambda: self._notes.update(
                one.call.share.id, path=path, section=section))
            if error is not None:
                LOG.warning('That cannot be stored: %s', error)
        return dataclasses.replace(one, placement=placement, note=note)

    def _tidy(self, host: records.ServiceHost, group: Sequence[_Checked],
              found: guest_records.GuestFacts) -> None:
        """Take away what deletions left that could not reach the instance.

        Notes of a share go last: one without any has been deleted.
        """
        if plan.is_dry():
            return
        left = assessment.remains(found, self._hosts.settings.root, {
            one.placement.path for one in group})
        for path, ident in left.items():
            gone, error = exception.caught(
                lambda ident=ident: self._is_deleted(  # type: ignore[misc]
                    host, ident))
            if error is not None or not gone:
                continue
            LOG.warning('Server %s: what is left of a share at %s, which was '
                        'deleted, is cleared away', host.id, path)
            step = plan.Step('clear away', path, {
                'host': host, 'name': posixpath.basename(path),
                'ident': ident})
            _, error = exception.caught(lambda step=step: (  # type: ignore[misc]
                self._executor.run(plan.Plan((step,)))))
            if error is not None:
                LOG.warning('Server %s: %s', host.id, error)

    def _is_deleted(self, host: records.ServiceHost, share_id: str) -> bool:
        """Tell if a share is gone: one that was let go has its volume."""
        return self._notes.share(share_id) == notes.ShareNote() \
            and self._volumes.volume_of(share_id, everywhere=True) is None \
            and self._seen(host).decides

    def _seen(self, host: records.ServiceHost) -> sight.CinderSight:
        return self._volumes.sight(self._volumes.server(host.id))

    def _remounted(self, host: records.ServiceHost,
                   group: Sequence[_Checked]) -> frozenset[str]:
        """Mount shares whose disks are there, all at once.

        So they are found after a boot that did not mount them.  If it fails
        each is tried alone, so that one bad disk stops no other.

        :returns: ids of those that are mounted now.
        """
        if len(group) < 2 or plan.is_dry():
            return frozenset()
        with contextlib.ExitStack() as stack:
            free = [one for one in sorted(
                group, key=lambda one: one.call.share.id)
                if self._taken(stack, one.call.share.id)]
            LOG.warning('Service instance %s: %d shares are mounted again, '
                        'or named better in fstab', host.id, len(free))
            step = plan.Step('serve shares again', '%d shares' % len(free), {
                'host': host, 'served': [one.placement.served(
                    one.note.volume_id, 1) for one in free]})
            _, error = exception.caught(
                lambda: self._executor.run(plan.Plan((step,))))
        if error is not None:
            LOG.warning('Service instance %s: shares are mounted one by one: '
                        '%s', host.id, error)
            return frozenset()
        return frozenset(one.call.share.id for one in free)

    def _look(self, host: records.ServiceHost) -> guest_records.GuestFacts:
        server = self._volumes.server(host.id)
        if server is None:
            raise exception.BackendError(
                'Service instance %s is gone' % host.id,
                check='the servers of Nova; volumes are not lost with it')
        if server.status not in (None, 'ACTIVE'):
            raise exception.Busy(
                'Service instance %s is %s' % (host.id, server.status),
                answer=server.fault or '', check='start it in Nova')
        lost = assessment.lost_addresses(host, server) \
            if self._hosts.settings.handles_servers else ()
        if lost:
            LOG.error('Service instance %s has no address %s any more, so '
                      'that nobody reaches it there. Check: its ports in '
                      'Neutron', host.id, ', '.join(lost))
        found, error = self._hosts.glance(host, ())
        if found is None:
            raise error or AssertionError
        return found

    def _taken(self, stack: contextlib.ExitStack, share_id: str) -> bool:
        """Take the lock of a share, unless a call about it goes on."""
        _, busy = exception.caught(lambda: stack.enter_context(
            self._lock(paths.share_lock(share_id), MOMENT)))
        return busy is None

    def _one(self, one: _Checked, found: guest_records.GuestFacts,
             back: Collection[str]) -> Answer:
        share = one.call.share
        answer, error = exception.caught(
            lambda: self._answer(one, found, back))
        if answer is None:
            LOG.error('Share %s could not be checked or repaired: %s',
                      share.id, error)
            return owed.unfinished(error)
        return answer

    def _answer(self, one: _Checked, found: guest_records.GuestFacts,
                back: Collection[str]) -> Answer:
        """
        :param back: ids of shares that have been mounted since the look.
        """
        healthy = self._assess(one, found)
        if one.placement.ident in found.working and (
                healthy.reapply or not healthy.served):
            # It is the middle of something, and no damage.
            raise hosts.at_work(one.host, one.placement.path)
        if not healthy.served and one.call.share.id not in back:
            mended = self._mended(one)
            if mended is None:
                return {'status': 'error'}
            healthy = mended
        mount = found.mount(one.placement.path)
        if mount is not None and mount.failed:
            raise exception.BackendError(
                'The file system of share %s has become read-only in server '
                '%s after an error' % (one.call.share.id, one.host.id),
                answer='%s at %s' % (mount.device, mount.path),
                check='the log of the kernel there; e2fsck once it is '
                      'unmounted, and ensure shares again')
        answer: dict[str, Any] = {'export_locations': self._hosts.locations(
            one.host, one.placement)}
        if healthy.reapply:
            answer[owed.RULES] = True
        return answer

    def _seems_served(self, one: _Checked,
                      found: guest_records.GuestFacts) -> bool:
        """Tell if a share is served, or cannot be judged here.

        Who has no answer of one of its servers says so for each share.
        """
        healthy, _ = exception.caught(lambda: self._assess(one, found))
        return healthy is None or healthy.served

    @staticmethod
    def _has_disk(one: _Checked, found: guest_records.GuestFacts) -> bool:
        """Tell if the disk of a share is there, once."""
        disk, _ = exception.caught(lambda: found.disk(one.note.volume_id))
        return disk is not None

    @staticmethod
    def _assess(one: _Checked, found: guest_records.GuestFacts,
                ) -> assessment.GuestHealth:
        return assessment.in_guest(found, one.placement, one.note,
                                   one.helper)

    def _make_place(self, one: _Checked,
                       found: guest_records.GuestFacts,
                       volume: records.Volume) -> None:
        """Unmount another disk that is mounted where a share was.

        Of two file systems with one UUID a boot mounts any.  Nobody may
        reach it under the share's name, so that exports are closed first.

        :raises BackendError: the system does not tell which disk it is, so
            that nothing is taken from under it.
        """
        served = one.placement.served(volume.id, volume.size or 1)
        mount = assessment.intruder(found, served)
        if mount is None:
            return
        if mount.disk is not None and not mount.serial:
            raise exception.BackendError(
                'Server %s does not tell the serial number of %s, which is '
                'mounted at %s, so that nobody knows if it is volume %s'
                % (one.host.id, mount.device, served.path, volume.id),
                check='lsblk -o NAME,SERIAL, and udev, in the server')
        LOG.error('Share %s: at %s in server %s another disk is mounted than '
                  'volume %s, and is unmounted: %s %s', one.call.share.id,
                  served.path, one.host.id, volume.id, mount.device,
                  mount.serial or '')
        self._executor.run(plan.Plan((planning.in_guest(
            'evict disk', one.placement, one.host, volume.id, volume.size,
            mount.device),)))

    def _mended(self, one: _Checked) -> assessment.GuestHealth | None:
        """Decide about a share once more, with no other call under way.

        :returns: how it is then, None if it is lost.
        """
        share = one.call.share
        with self._lock(paths.share_lock(share.id), shares.TURN):
            one = dataclasses.replace(one, note=self._notes.share(share.id))
            found = self._hosts.look_free(one.host, [one.placement.served(
                one.note.volume_id, 1)], content=False)
            healthy = self._assess(one, found)
            if healthy.served:
                return healthy
            volume = self._volumes.volume_of(share.id, one.note.volume_id,
                                             everywhere=True)
            if volume is None:
                sight.check_no_volume(share.id, one.host, one.note,
                                      self._seen(one.host))
                LOG.error('Share %s is lost: it has no volume in Cinder. '
                          'Nothing was made in its place. Check: the '
                          'volumes of Cinder', share.id)
                return None
            self._make_place(one, found, volume)
            repair = plan.Plan(tuple(planning.back(planning.ServedFacts(
                one.placement, one.host, volume, found))))
            if not plan.is_dry():
                LOG.warning('Share %s is repaired: %s', share.id, repair)
            self._executor.run(repair)
            self._notes.update(share.id, volume_id=volume.id)
        return dataclasses.replace(healthy, served=True)
