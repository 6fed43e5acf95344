# SPDX-License-Identifier: Apache-2.0

"""Shares after their creation: access, size and deletion.

Each operation reads facts, lets ``manila_drivers.glusterfs.planning`` decide
and runs the plan.  Each may be repeated after any interruption.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import logging

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import site as site_module

LOG = logging.getLogger(__name__)

Located = clusters_module.Located


class Shares:
    """Operations on existing shares of one backend."""

    def __init__(self, site: site_module.Site) -> None:
        self._site = site
        self._kinds = site.settings.infrastructure

    # -- access ----------------------------------------------------------

    def update_access(self, share: model.Share,
                      rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        Who loses access is cut off.

        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no volume, and there are rules.
        """
        with self._site.locked(share.id):
            record = self._site.diary.read(share.id)
            # Where not all can be asked nobody can be called denied.
            found = self._site.find(share.id, record, all_of_them=True)
            if found is None:
                if not rules:
                    return {}
                raise exception.NotFound(
                    'Share %s has no volume' % share.id)
            if found.volume.state == records.WIPING:
                raise exception.Busy('Share %s is being deleted' % share.id)
            infra, error = exception.caught(lambda: planning.infrastructure(
                found.volume, record, self._kinds))
            if infra is None:
                # Nobody may keep access for it.
                kept = planning.among(rules, found.volume)
                infra = planning.stand_in(found.volume, self._kinds)
            else:
                kept = rules
            decision = planning.access(
                found.volume, kept, infra, self._kinds,
                dynamic=found.cluster.dynamic(found.volume))
            self._site.run(found.cluster, decision.steps)
            if error is not None and len(kept) < len(rules):
                raise error
            if error is not None:
                LOG.warning('Share %s: %s', share.id, error)
            if record.reapply:
                self._site.diary.applied(share.id)
        return decision.errors

    # -- deletion --------------------------------------------------------

    def delete(self, share: model.Share) -> None:
        """Remove a share: its clone, or all that is in its volume.

        :raises Busy: snapshots of it are left.
        """
        with self._site.locked(share.id):
            record = self._site.diary.read(share.id)
            self._deactivate(share, record)
            found = self._to_delete(share, record)
            if found is not None:
                self._delete(share, found, record)
            self._site.diary.forget(share.id)
            self._site.sizes.forget(share.id)

    def _deactivate(self, share: model.Share, record: diary.Record) -> None:
        """Finish what an interrupted creation from a snapshot has left."""
        place = self._site.clusters.at(record.volume)
        if not record.snapshot or place is None:
            return
        _, error = exception.caught(lambda: place[0].gluster.call(
            'snapshot', 'deactivate', record.snapshot))
        if isinstance(error, exception.NotFound):
            LOG.info('Snapshot %s has gone', record.snapshot)
        elif isinstance(error, exception.BackendError):
            # Of another share, and no reason to keep this one.
            LOG.warning('Snapshot %s stays active; whoever had access when '
                        'it was taken can read it. Check: gluster snapshot '
                        'deactivate %s: %s', record.snapshot,
                        record.snapshot, error)
        elif error is not None:
            raise error

    def _to_delete(self, share: model.Share,
                   record: diary.Record) -> Located | None:
        """The volume of a share, if it holds anything of it."""
        recorded = self._site.recorded(record)
        if recorded is not None and not recorded.volume.is_clone:
            mark = recorded.volume.options.get(records.MARK)
            if planning.ours(recorded.volume, share.id, record):
                return recorded
            if mark is not None and not recorded.volume.mark:
                # An earlier call has emptied it and given it back.
                return None
            if mark is not None and not names.is_id(mark):
                raise exception.Conflict(
                    'Volume %s, recorded for share %s, has the mark %r of '
                    'somebody else' % (recorded.qualified, share.id, mark),
                    check='whose it is; then set user.manila-share to NONE, '
                          'or to the id of the share')
            if mark is not None:
                LOG.warning('Share %s has lost volume %s to share %s; it is '
                            'left alone', share.id, recorded.qualified, mark)
        # What cannot be asked may hold it.
        return self._site.find(share.id, record, all_of_them=True)

    def _delete(self, share: model.Share, found: Located,
                record: diary.Record) -> None:
        volume = found.volume
        claim = self._site.claim(share)
        if volume.is_clone and (
                volume.name == names.clone(share.id)
                # Managed under another id than it was made for.
                or (volume.mark == share.id
                    and record.volume == found.qualified)):
            self._site.run(found.cluster, planning.destruction(volume))
            return
        if (record.pending or not record.volume) \
                and self._lost_to(found, share, claim):
            return
        planning.check_snapshots(volume)
        if record.fresh and self._never_used(volume, share):
            found.cluster.gluster.set(volume.name,
                                      planning.release(volume, claim))
            return
        infra = self._kinds.joined(planning.infrastructure(
            volume, record, self._kinds))
        self._site.run(found.cluster, planning.emptying(
            volume, share.id, infra, proven=record.tls,
            dynamic=found.cluster.dynamic(volume)))
        self._site.run(found.cluster, planning.returning(volume, claim))

    def _lost_to(self, found: Located, share: model.Share,
                 claim: str) -> bool:
        """Whether an interrupted creation claimed another's volume.

        The mark is given back to whom it belongs.
        """
        other = planning.rival(found.volume, found.volume, share.id, claim)
        if not other:
            return False
        found.cluster.gluster.set(found.volume.name, planning.stepping_back(
            claim, other))
        return True

    def _never_used(self, volume: records.Volume,
                    share: model.Share) -> bool:
        """Whether a share was never handed out, so that all is empty.

        Not if anybody but servers and this host has ever been let in, nor
        if it was bounded already: the limit has to go, too.
        """
        return volume.state == '' and volume.mark == share.id \
            and not volume.on(records.QUOTA) \
            and set(volume.allowed or ('*',)) <= self._kinds.of(
                volume.allowed or ())

    # -- size ------------------------------------------------------------

    def resize(self, share: model.Share, gib: int, *, shrink: bool) -> None:
        """Change the size to ``gib`` GiB, by the quota of the volume.

        :raises PossibleDataLoss: more than that is in use.
        :raises NoRoom: the volume is not that large.
        :raises Unsupported: it is to be shrunk, and has no quota.
        :raises BackendError: how large it is, or how much of it is used, is
            not told.
        """
        with self._site.locked(share.id):
            found = self._site.get(share.id)
            if not found.volume.on(records.QUOTA):
                self._unbounded(found, share, gib, shrink=shrink)
            else:
                self._bounded(found, share, gib, shrink=shrink)
            self._site.sizes.note(share.id, gib)

    def _bounded(self, found: Located, share: model.Share, gib: int, *,
                 shrink: bool) -> None:
        if not shrink:
            self._check_room(found, share, gib)
        gluster, volume = found.cluster.gluster, found.volume
        quota, bricks = gluster.bounded(volume.name)
        absent = completeness.missing(volume, bricks)
        if shrink and (absent or not bricks):
            # What is in them is not counted.
            raise completeness.offline(volume, absent, 'cannot be shrunk')
        if planning.resize(quota or records.Quota(None, None), share.id, gib,
                           shrink=shrink):
            gluster.call(*commandline.limit(volume.name, gib))

    def _unbounded(self, found: Located, share: model.Share, gib: int, *,
                   shrink: bool) -> None:
        if shrink:
            raise exception.Unsupported(
                'Share %s cannot shrink: volume %s has no quota' % (
                    share.id, found.qualified), check='glusterfs_quota')
        self._check_room(found, share, gib)

    def _check_room(self, found: Located, share: model.Share,
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

    def _capacity(self, found: Located) -> int | None:
        """GiB that a volume has, as its name says or as its bricks are."""
        size = self._site.settings.pool.size(found.volume.name)
        if size is not None or not found.volume.started:
            return size
        bricks = found.cluster.gluster.bricks(found.volume.name)
        total, _ = completeness.capacity(
            found.volume, bricks.get(found.volume.name, ()))
        # Bricks with what file systems take for themselves round up.
        return None if total is None else -(-total // model.GiB)
