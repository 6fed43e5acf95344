# SPDX-License-Identifier: Apache-2.0

"""Whether shares are as they should be, and what repairs them.

One read for each cluster tells all about any number of shares; the decision
per share is pure, and nothing is written that is so already.
"""

from collections.abc import Iterable
import dataclasses
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import site as site_module

LOG = logging.getLogger(__name__)

Located = clusters_module.Located


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What to do about one share.

    ``reapply`` says that the list of names is not what the rules made.
    """

    steps: plan.Plan = dataclasses.field(default_factory=plan.Plan)
    reapply: bool = False


def judge(volume: records.Volume, share_id: str, record: diary.Record,
          kinds: names.Infrastructure, *, dynamic: bool) -> Verdict:
    """Decide about the volume of a share.  Pure.

    Names that are certainly wrong are taken off the list at once; the rules
    are asked for then.
    """
    infra = planning.infrastructure(volume, record, kinds)
    allowed = set(volume.allowed or ())
    kept = {name for name in allowed
            if names.is_safe(name) and not kinds.reserved(name)}
    if record.reverting and volume.coming_back:
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
    return Verdict(planning.changed(volume, changes, restart=restart),
                   reapply=wrong or record.reapply)


class Ensurer:
    """Checks and repairs shares of one backend."""

    def __init__(self, site: site_module.Site) -> None:
        self._site = site

    def ensure(self, shares: Iterable[model.Share],
               ) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        What cannot be told is no reason to call a share broken: it is owed.

        :returns: by instance id, what Manila is to be told.
        """
        known = list(shares)
        for share in known:
            self._site.sizes.heard(share.id, share.size)
        try:
            index = _Index(self._site.clusters.each(
                lambda cluster: cluster.volumes()))
        except exception.DriverError as exc:
            return {share.id: owed.unfinished(exc) for share in known}
        return {share.id: self._answer(share, index) for share in known}

    def _answer(self, share: model.Share, index: '_Index') -> dict[str, Any]:
        answer, error = exception.caught(lambda: self._one(share, index))
        if answer is not None:
            return answer
        LOG.error('Share %s could not be checked or repaired: %s', share.id,
                  error)
        if isinstance(error, exception.Conflict):
            # The list is not what the rules made.
            return owed.unfinished(error, **{owed.RULES: True})
        return owed.unfinished(error)

    def _one(self, share: model.Share, index: '_Index') -> dict[str, Any]:
        record = self._site.diary.read(share.id)
        place = self._site.clusters.at(record.volume)
        found = index.find(share.id, record, place)
        if found is None:
            if not index.tells({place[0]} if place
                               else set(self._site.clusters)):
                return owed.unfinished(
                    'the cluster that may have its volume did not answer')
            LOG.error('Share %s is lost: no volume is recorded or marked as '
                      'its own. Nothing was made in its place. Check: the '
                      'volumes and their option user.manila-share', share.id)
            return {'status': 'error'}
        if found.volume.state == records.WIPING:
            LOG.error('Share %s is half deleted', share.id)
            return {'status': 'error'}
        if record.volume != found.qualified:
            self._site.diary.moved(share.id, found.qualified)
        verdict = self._judged(share, found, record)
        if verdict.steps:
            index.check_answers(found.cluster)
            try:
                verdict = self._repaired(share, found)
            except exception.TransportError as exc:
                index.silent[found.cluster] = exc
                raise
        answer: dict[str, Any] = {
            'export_locations': self._site.locations(found)}
        if verdict.reapply:
            answer['reapply_access_rules'] = True
        return answer

    def _judged(self, share: model.Share, found: Located,
                record: diary.Record) -> Verdict:
        return judge(found.volume, share.id, record,
                     self._site.settings.infrastructure,
                     dynamic=found.cluster.dynamic(found.volume))

    def _repaired(self, share: model.Share, seen: Located) -> Verdict:
        """Repair a share that has been seen to need it.

        It is looked at again, since other calls may have changed it until
        now: what they did is not to be undone.
        """
        with self._site.locked(share.id):
            record = self._site.diary.read(share.id)
            volume = seen.cluster.proven().gluster.volume(seen.volume.name)
            if volume is None or not (
                    planning.ours(volume, share.id, record)
                    or planning.unmarked(volume, record)) \
                    or volume.state == records.WIPING:
                raise exception.Busy(
                    'Share %s is being changed' % share.id,
                    check='that the call about it ends')
            found = seen.with_volume(volume)
            verdict = self._judged(share, found, record)
            if verdict.steps:
                LOG.warning('Share %s is repaired: %s', share.id,
                            verdict.steps)
                if verdict.reapply:
                    self._site.diary.narrowed(share.id)
                self._site.run(found.cluster, verdict.steps)
        return verdict


class _Index:
    """Volumes by what they are looked up by."""

    def __init__(self, answers: Iterable[tuple[
            clusters_module.Cluster, list[records.Volume]]]) -> None:
        known = list(answers)
        volumes = [Located(cluster, volume) for cluster, found in known
                   for volume in found]
        self._answered = {cluster for cluster, _ in known}
        #: Clusters that have stopped to answer since.
        self.silent: dict[clusters_module.Cluster,
                          exception.TransportError] = {}
        self._by_name: dict[tuple[clusters_module.Cluster, str],
                            Located] = {}
        self._by_share: dict[str, Located] = {}
        for each in volumes:
            self._by_name[each.cluster, each.volume.name] = each
            if not names.is_clone(each.volume.name):
                self._by_share.setdefault(each.volume.mark, each)
        for each in volumes:
            if names.is_clone(each.volume.name):
                self._by_share[each.volume.name[len('manila-'):]] = each

    def tells(self, clusters: set[clusters_module.Cluster]) -> bool:
        """Whether what is missing in these clusters is really not there.
        """
        return clusters <= self._answered

    def check_answers(self, cluster: clusters_module.Cluster) -> None:
        """:raises TransportError: that of an earlier share; ask no more."""
        if cluster in self.silent:
            raise self.silent[cluster]

    def find(self, share_id: str, record: diary.Record,
             place: tuple[clusters_module.Cluster, str] | None,
             ) -> Located | None:
        recorded = self._by_name.get(place) if place else None
        if recorded is not None and planning.ours(recorded.volume, share_id,
                                                  record):
            return recorded
        found = self._by_share.get(share_id)
        if found is None and recorded is not None \
                and planning.unmarked(recorded.volume, record):
            return recorded
        return found
