# SPDX-License-Identifier: Apache-2.0

"""Find out whether shares are as they should be, and repair them.

One read for each cluster tells all about any number of shares; the decision
per share is pure, and nothing is written that is so already.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any

from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Repair:
    """Hold what to do about one share.

    ``reapply`` says that the list of names is not what the rules made.
    """

    steps: plan.Plan = dataclasses.field(default_factory=plan.Plan)
    reapply: bool = False


def assess(volume: records.Volume, share_id: str, entry: journal.JournalEntry,
          kinds: paths.ReservedNames, *, dynamic: bool) -> Repair:
    """Decide about the volume of a share.  Pure.

    Names that are certainly wrong are taken off the list at once; the rules
    are asked for then.
    """
    infra = claims.infrastructure(volume, entry, kinds)
    allowed = set(volume.allowed or ())
    kept = {name for name in allowed
            if paths.is_safe(name) and not kinds.reserved(name)}
    if entry.reverting and volume.coming_back:
        # Those of the snapshot's time: some may have been denied since.
        kept = set()
    wanted = kept | infra
    wrong = volume.allowed is None or wanted != allowed
    if volume.mark in volume.claims().values() \
            and share_id in volume.claims().values():
        # Another service was too late, and will put the mark right itself.
        share_id = volume.mark
    changes = volume.changes({
        records.MARK: share_id, records.CLIENT_TLS: 'on',
        records.SERVER_TLS: 'on'})
    restart = not volume.encrypted
    if wrong:
        changes[records.ALLOW] = kinds.joined(wanted)
        restart = restart or volume.allowed is None or not dynamic
    return Repair(planning.changed(volume, changes, restart=restart),
                   reapply=wrong or entry.reapply)


class GlusterHealth:
    """Checks and repairs shares of one backend."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo

    def ensure(self, calls: Sequence[driver.Call],
               ) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        What cannot be told is no reason to call a share broken: it is owed.

        :returns: by instance id, what Manila is to be told.
        """
        known = [call.share for call in calls]
        for share in known:
            self._repo.journal.heard(share.id, share.size)
        try:
            index = _VolumeIndex(self._repo.clusters.each(
                lambda cluster: cluster.volumes()))
        except exception.DriverError as exc:
            return {share.id: owed.unfinished(exc) for share in known}
        return dict(plan.for_each(
            lambda share: (share.id, self._answer(share, index)), known))

    def _answer(self, share: model.Share,
                index: '_VolumeIndex') -> dict[str, Any]:
        answer, error = exception.caught(lambda: self._one(share, index))
        if answer is not None:
            return answer
        LOG.error('Share %s could not be checked or repaired: %s', share.id,
                  error)
        if isinstance(error, exception.Conflict):
            # The list is not what the rules made.
            return owed.unfinished(error, **{owed.RULES: True})
        return owed.unfinished(error)

    def _one(self, share: model.Share,
             index: '_VolumeIndex') -> dict[str, Any]:
        entry = self._repo.journal.read(share.id)
        place = self._repo.clusters.at(entry.volume)
        found = index.find(share.id, entry, place)
        if found is None:
            if not index.tells({place[0]} if place
                               else set(self._repo.clusters)):
                return owed.unfinished(
                    'the cluster that may have its volume did not answer, or '
                    'knows no volume at all')
            if entry.volume and place is None:
                return owed.unfinished(
                    'it is recorded as %s, whose server is not configured'
                    % entry.volume)
            LOG.error('Share %s is lost: no volume is recorded or marked as '
                      'its own. Nothing was made in its place. Check: the '
                      'volumes and their option user.manila-share', share.id)
            return {'status': 'error'}
        if found.volume.state == records.WIPING:
            LOG.error('Share %s is half deleted', share.id)
            return {'status': 'error'}
        if entry.volume != found.qualified:
            self._repo.journal.moved(share.id, found.qualified)
        repair = self._assessed(share, found, entry)
        if repair.steps:
            index.check_answers(found.cluster)
            try:
                repair = self._repaired(share, found)
            except exception.TransportError as exc:
                index.silent[found.cluster] = exc
                raise
        answer: dict[str, Any] = {
            'export_locations': self._repo.locations(found)}
        if repair.reapply:
            answer['reapply_access_rules'] = True
        return answer

    def _assessed(self, share: model.Share, found: clusters.LocatedVolume,
                entry: journal.JournalEntry) -> Repair:
        return assess(found.volume, share.id, entry,
                     self._repo.settings.infrastructure,
                     dynamic=found.cluster.dynamic(found.volume))

    def _repaired(self, share: model.Share,
                  seen: clusters.LocatedVolume) -> Repair:
        """Repair a share that has been seen to need it.

        It is looked at again, since other calls may have changed it until
        now: what they did is not to be undone.
        """
        with self._repo.locked(share.id):
            entry = self._repo.journal.read(share.id)
            volume = seen.cluster.proven().gluster.volume(seen.volume.name)
            if volume is None or not (
                    claims.ours(volume, share.id, entry)
                    or claims.unmarked(volume, entry)) \
                    or volume.state == records.WIPING:
                raise exception.Busy(
                    'Share %s is being changed' % share.id,
                    check='that the call about it ends')
            found = seen.with_volume(volume)
            repair = self._assessed(share, found, entry)
            if repair.steps:
                plan.show(repair.steps)
                LOG.warning('Share %s is repaired: %s', share.id,
                            repair.steps)
                if repair.reapply:
                    self._repo.journal.narrowed(share.id)
                    self._repo.narrow(share.id, found, repair.steps)
                else:
                    self._repo.run(found.cluster, repair.steps)
        return repair


class _VolumeIndex:
    """Volumes by what they are looked up by."""

    def __init__(self, answers: Iterable[tuple[
            clusters.GlusterCluster, list[records.Volume]]]) -> None:
        known = list(answers)
        volumes = [clusters.LocatedVolume(cluster, volume)
                   for cluster, found in known for volume in found]
        # A server that was made anew knows no volume of its cluster.
        self._answered = {cluster for cluster, found in known if found}
        #: Clusters that have stopped to answer since.
        self.silent: dict[clusters.GlusterCluster,
                          exception.TransportError] = {}
        self._by_name: dict[tuple[clusters.GlusterCluster, str],
                            clusters.LocatedVolume] = {}
        self._by_share: dict[str, clusters.LocatedVolume] = {}
        for each in volumes:
            self._by_name[each.cluster, each.volume.name] = each
            if not paths.is_clone(each.volume.name):
                self._by_share.setdefault(each.volume.mark, each)
        for each in volumes:
            if paths.is_clone(each.volume.name):
                self._by_share[each.volume.name[len('manila-'):]] = each

    def tells(self, clusters: set[clusters.GlusterCluster]) -> bool:
        """Tell if what is missing in these clusters is really not there.
        """
        return clusters <= self._answered

    def check_answers(self, cluster: clusters.GlusterCluster) -> None:
        """:raises TransportError: that of an earlier share; ask no more."""
        if cluster in self.silent:
            raise self.silent[cluster]

    def find(self, share_id: str, entry: journal.JournalEntry,
             place: tuple[clusters.GlusterCluster, str] | None,
             ) -> clusters.LocatedVolume | None:
        """:raises BackendError: a volume that could be it was not read."""
        recorded = self._by_name.get(place) if place else None
        if recorded is not None:
            recorded.volume.check_read()
        if recorded is not None and claims.ours(recorded.volume, share_id,
                                                  entry):
            return recorded
        found = self._by_share.get(share_id)
        if found is None and recorded is not None \
                and claims.unmarked(recorded.volume, entry):
            return recorded
        if found is None:
            clusters.check_read(self._by_name.values())
        else:
            found.volume.check_read()
        return found
