# SPDX-License-Identifier: Apache-2.0

"""Shares: creation, deletion, size and use.

Each operation reads facts, lets ``planning`` decide and runs the plan.  Each
may be repeated after any interruption.
"""

import logging
from typing import Any

from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.glusterfs import allocation
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository
from manila_drivers.glusterfs import stats

LOG = logging.getLogger(__name__)


class GlusterShares:
    """Operations on the shares of one backend."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo
        self._kinds = repo.settings.infrastructure
        self._allocator = allocation.VolumeAllocator(repo)

    def create(self, call: driver.Call) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds the volume that an earlier one has claimed.

        :returns: its export locations.
        :raises NoRoom: no volume is free, large enough and usable.
        """
        self._repo.check_proto(call.share)
        with self._repo.locked(call.share.id):
            made = self._allocator.allocate(call.share)
            self._repo.journal.sized(call.share.id, call.share.size)
        return self._repo.locations(made)

    def usage(self) -> dict[str, float]:
        """Return used GiB by share id, as far as they are known."""
        return stats.usage(self._repo)

    # -- deletion --------------------------------------------------------

    def delete(self, call: driver.Call) -> None:
        """Remove a share: its clone, or all that is in its volume.

        :raises Busy: snapshots of it are left.
        """
        share = call.share
        with self._repo.locked(share.id):
            entry = self._repo.journal.read(share.id)
            place = self._repo.clusters.at(entry.volume)
            found = self._to_delete(share, entry)
            steps = plan.Plan()
            if place is not None and entry.snapshot:
                steps += planning.deactivation(entry.snapshot)
            if found is not None:
                steps += self._removal(share, found, entry)
            cluster = found.cluster if found else place and place[0]
            if cluster is not None:
                self._repo.run(cluster, steps)
            if found is not None:
                self._check_left(share, found)
            self._repo.journal.forget(share.id)

    @staticmethod
    def _check_left(share: model.Share,
                    found: clusters.LocatedVolume) -> None:
        """See that a volume is the share no more.

        :raises BackendError: it is, so that options were not set.
        """
        now = found.cluster.gluster.volume(found.volume.name)
        if now is not None and now.mark == share.id:
            raise exception.BackendError(
                'Volume %s was emptied, and is still share %s' % (
                    found.qualified, share.id),
                check='its options: gluster volume info %s' % now.name)

    def _to_delete(self, share: model.Share,
                   entry: journal.JournalEntry,
                   ) -> clusters.LocatedVolume | None:
        """The volume of a share, if it holds anything of it."""
        recorded = self._repo.recorded(entry)
        if recorded is not None and not recorded.volume.is_clone:
            mark = recorded.volume.options.get(records.MARK)
            if claims.ours(recorded.volume, share.id, entry):
                return recorded
            if mark is not None and not recorded.volume.mark:
                # An earlier call has emptied it and given it back.
                return None
            if mark is not None and not paths.is_id(mark):
                raise exception.Conflict(
                    'Volume %s, recorded for share %s, has the mark %r of '
                    'somebody else' % (recorded.qualified, share.id, mark),
                    check='whose it is; then set user.manila-share to NONE, '
                          'or to the id of the share')
            if mark is not None:
                LOG.warning('Share %s has lost volume %s to share %s; it is '
                            'left alone', share.id, recorded.qualified, mark)
        # What cannot be asked may hold it.
        facts = self._repo.facts(share.id, all_of_them=True)
        return None if facts is None else facts.located

    def _removal(self, share: model.Share, found: clusters.LocatedVolume,
                 entry: journal.JournalEntry) -> plan.Plan:
        """Plan what ends a share that is this volume."""
        volume, claim = found.volume, self._repo.claim(share)
        if volume.is_clone and (
                volume.name == paths.clone(share.id)
                # Managed under another id than it was made for.
                or (volume.mark == share.id
                    and entry.volume == found.qualified)):
            return planning.destruction(volume)
        other = claims.rival(volume, volume, share.id, claim)
        if other and (entry.pending or not entry.volume):
            # An interrupted creation claimed it: back to whom it belongs.
            return planning.setting(volume, claims.stepping_back(claim,
                                                                 other))
        planning.check_snapshots(volume)
        if entry.fresh and planning.never_used(volume, share.id,
                                               self._kinds):
            return planning.setting(volume, claims.release(volume, claim))
        return planning.emptying(
            volume, share.id, self._kinds.joined(claims.infrastructure(
                volume, entry, self._kinds)), claim, proven=entry.tls,
            dynamic=found.cluster.dynamic(volume))

    # -- size ------------------------------------------------------------

    def resize(self, call: driver.Call, gib: int, *, shrink: bool) -> None:
        """Change the size to ``gib`` GiB, by the quota of the volume.

        :raises PossibleDataLoss: more than that is in use.
        :raises NoRoom: the volume is not that large.
        :raises Unsupported: it is to be shrunk, and has no quota.
        :raises BackendError: how large it is, or how much of it is used, is
            not told.
        """
        share = call.share
        with self._repo.locked(share.id):
            found = self._repo.get(share.id).located
            bounded = found.volume.on(records.QUOTA)
            if shrink and not bounded:
                raise exception.Unsupported(
                    'Share %s cannot shrink: volume %s has no quota' % (
                        share.id, found.qualified), check='glusterfs_quota')
            if not shrink:
                self._check_room(found, share, gib)
            quota = self._quota(found, shrink=shrink) if bounded else None
            self._repo.run(found.cluster, planning.resizing(
                found.volume, quota, share.id, gib, shrink=shrink))
            self._repo.journal.sized(share.id, gib)

    @staticmethod
    def _quota(found: clusters.LocatedVolume, *,
               shrink: bool) -> records.VolumeQuota:
        """Return the quota of a volume; what is used as far as it is known.

        :raises Busy: a brick is away, what is in it is not counted, and the
            share is to be shrunk.
        """
        quota, bricks = found.cluster.gluster.bounded(found.volume.name)
        absent = completeness.missing(found.volume, bricks)
        if shrink and (absent or not bricks):
            raise completeness.offline(found.volume, absent,
                                       'cannot be shrunk')
        return quota or records.VolumeQuota(None, None)

    def _check_room(self, found: clusters.LocatedVolume, share: model.Share,
                    gib: int) -> None:
        capacity = self._capacity(found)
        if capacity is None:
            raise exception.BackendError(
                'Share %s cannot be extended to %d GiB: how large volume %s '
                'is, is not known' % (share.id, gib, found.qualified),
                check='gluster volume status %s detail: whether all of its '
                      'bricks run' % found.volume.name)
        if capacity < gib:
            raise exception.NoRoom(
                'Share %s cannot be extended to %d GiB: volume %s has %d'
                % (share.id, gib, found.qualified, capacity),
                check='grow the volume first')

    def _capacity(self, found: clusters.LocatedVolume) -> int | None:
        """GiB that a volume has, as its name says or as its bricks are."""
        size = self._repo.settings.pool.size(found.volume.name)
        if size is not None or not found.volume.started:
            return size
        bricks = found.cluster.gluster.bricks(found.volume.name)
        total, _ = completeness.capacity(
            found.volume, bricks.get(found.volume.name, ()))
        # Bricks with what file systems take for themselves round up.
        return None if total is None else -(-total // model.GiB)
