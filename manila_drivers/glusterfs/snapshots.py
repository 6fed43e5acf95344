# SPDX-License-Identifier: Apache-2.0

"""Snapshots, shares that start from one, and shares that return to one."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Any

from manila_drivers import access
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import errors
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository
from manila_drivers.glusterfs import snapshot_steps

#: Makes access to a share what rules say.
Apply = Callable[[driver.Call, Sequence[access.Rule]], object]


class GlusterSnapshots:
    """Operations on snapshots of one backend's shares."""

    def __init__(self, repo: repository.VolumeRepository,
                 apply: Apply) -> None:
        self._repo = repo
        self._apply = apply

    # -- life ------------------------------------------------------------

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Take a snapshot, or find the one taken before.

        :returns: ``provider_location``, the name of it.
        """
        cluster, volume = self._repo.home(snapshot.share_instance_id)
        name = paths.snapshot(snapshot.id)
        self._repo.run(cluster, planning.snapshot_taking(volume, name))
        return {'provider_location': name}

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; that it is gone already is success."""
        name = _name(snapshot)
        for cluster in self._candidates(snapshot):
            steps = planning.snapshot_removal(
                name, stamped=name == paths.snapshot(snapshot.id))
            if self._repo.run(cluster, steps)['removed']:
                return

    def _candidates(self, snapshot: model.Snapshot,
                    ) -> list[clusters.GlusterCluster]:
        """Where a snapshot may be: with its share's volume if that is known.
        """
        entry = self._repo.journal.read(snapshot.share_instance_id)
        place = self._repo.clusters.at(entry.volume)
        return [place[0]] if place else list(self._repo.clusters)

    # -- shares from snapshots -------------------------------------------

    def clone(self, call: driver.Call,
              snapshot: model.Snapshot) -> dict[str, Any]:
        """Make a share with the content of a snapshot.

        Nobody can reach it before its first rule.  While the clone is made
        the snapshot is active, which whoever had access when it was taken
        could use to read it.

        :returns: ``status`` and ``export_locations``.
        :raises Unsupported: gluster is older than 3.7, or the share is to
            be larger than its parent's volume.
        """
        share = call.share
        self._repo.check_proto(share)
        cluster, parent = self._repo.home(snapshot.share_instance_id)
        if not cluster.modern:
            raise exception.Unsupported(
                'Shares from snapshots need GlusterFS 3.7; cluster %s has an '
                'older one' % cluster)
        self._check_size(share, parent)
        with self._repo.locked(share.id):
            if plan.is_dry():
                plan.show(self._cloning(share, snapshot, cluster, parent))
            located = self._cloned(share, snapshot, cluster)
            self._open(share, snapshot, located)
        return {'status': 'available',
                'export_locations': self._repo.locations(located)}

    def _cloning(self, share: model.Share, snapshot: model.Snapshot,
                 cluster: clusters.GlusterCluster,
                 parent: str) -> plan.Plan:
        there = cluster.gluster.volume(parent) or records.Volume(parent)
        return planning.cloning(
            _name(snapshot), paths.clone(share.id), there,
            share.size if self._bounded(there) else None)

    def _bounded(self, volume: records.Volume) -> bool:
        return bool(self._repo.settings.quota or volume.on(records.QUOTA))

    def _check_size(self, share: model.Share, parent: str) -> None:
        size = self._repo.settings.pool.size(parent)
        if size is not None and (share.size or 0) > size:
            raise exception.Unsupported(
                'Share %s cannot have %d GiB: it is a clone in volume %s of '
                '%d GiB' % (share.id, share.size or 0, parent, size))

    def _cloned(self, share: model.Share, snapshot: model.Snapshot,
                cluster: clusters.GlusterCluster) -> clusters.LocatedVolume:
        """The clone, which has not been started yet."""
        gluster, volume = cluster.gluster, paths.clone(share.id)
        earlier = self._repo.journal.read(share.id).snapshot
        with self._repo.locked_snapshot(_name(snapshot)):
            name, was_active = self._activate(share, snapshot, cluster)
            try:
                answer = gluster.ask('snapshot', 'clone', volume, name)
            finally:
                # Known from an earlier try, or seen just now.
                if earlier or not was_active:
                    gluster.call('snapshot', 'deactivate', name)
                    self._repo.unseen.expect(
                        (cluster, 'snapshot', name), functools.partial(
                            snapshot_steps.still_active, gluster, name))
            self._repo.journal.deactivated(share.id)
        if not answer.ok and errors.number(answer) \
                != errors.VOLUME_EXISTS:
            raise errors.failure(answer, 'Snapshot %s could not be cloned'
                                  % name)
        found = gluster.volume(volume)
        if found is None:
            raise exception.NotFound('Clone %s of snapshot %s is not there'
                                     % (volume, name))
        return clusters.LocatedVolume(cluster, found)

    def _activate(self, share: model.Share, snapshot: model.Snapshot,
                  cluster: clusters.GlusterCluster) -> tuple[str, bool]:
        """Activate a snapshot.

        :returns: the name it really has, and whether it was active.
        """
        name = _name(snapshot)
        qualified = cluster.address.qualified(paths.clone(share.id))
        self._repo.journal.begin(share.id, qualified, snapshot=name)
        answer, active = snapshot_steps.activated(cluster.gluster, name)
        if errors.number(answer) == errors.NO_SNAPSHOT:
            stamped = _stamped(cluster.gluster, snapshot)
            if not stamped:
                raise errors.failure(answer, 'Snapshot %s is not on cluster '
                                      '%s' % (name, cluster))
            name = stamped[-1]
            self._repo.journal.begin(share.id, qualified, snapshot=name)
            answer, active = snapshot_steps.activated(cluster.gluster, name)
        if not answer.ok and answer.number != errors.SAME_STATE:
            raise errors.failure(answer, 'Snapshot %s could not be '
                                  'activated' % name)
        return name, active

    def _open(self, share: model.Share, snapshot: model.Snapshot,
              located: clusters.LocatedVolume) -> None:
        """Give a clone its own options and start it."""
        volume = located.volume
        infra = claims.infrastructure(
            volume, self._repo.journal.read(snapshot.share_instance_id),
            self._repo.settings.infrastructure)
        parent = snapshot.share.share_id if snapshot.share else ''
        self._repo.run(located.cluster, planning.clone(
            volume, share.id, parent or snapshot.share_instance_id,
            self._repo.claim(share),
            self._repo.settings.infrastructure.joined(infra),
            share.size if self._bounded(volume) else None))
        # What is in a brick that does not run would be missing in the share.
        located.cluster.completeness.bricks(volume, 'is no whole clone')
        self._repo.journal.complete(share.id, located.qualified, volume.id)
        self._repo.journal.sized(share.id, share.size)

    def status(self, call: driver.Call) -> dict[str, Any]:
        """Return the status of a share from a snapshot: it is made at once."""
        found = self._repo.facts(call.share.id)
        if found is None or not found.volume.started:
            return {'status': 'error'}
        return {'status': 'available', 'progress': '100%',
                'export_locations': self._repo.locations(found.located)}

    # -- back to a snapshot ----------------------------------------------

    def restore(self, call: driver.Call, snapshot: model.Snapshot,
                rules: Sequence[access.Rule]) -> None:
        """Bring a share back to a snapshot, which stays.

        Gluster itself uses the snapshot up and brings the options back as
        well, so that both are made anew before any tenant is let in.
        """
        ident = snapshot.share_instance_id
        share = dataclasses.replace(call.share, id=ident)
        with self._repo.locked(ident):
            entry = self._repo.journal.read(ident)
            name, found = entry.reverting, None
            if name in (_name(snapshot), *_own_stamped(snapshot, (name,))):
                # Half way the volume has whatever mark it had at the time
                # of the snapshot.
                found = self._repo.recorded(entry)
            if found is None:
                found = self._repo.get(ident).located
                name = self._check_there(found, snapshot)
            if plan.is_dry():
                plan.show(self._restoring(found, name, entry, rules))
            self._repo.journal.reverting(ident, name)
            self._restore(share, found, name, entry)
            self._repo.run(found.cluster, planning.snapshot_taking(
                found.volume.name, name))
        self._apply(dataclasses.replace(call, share=share), rules)
        self._repo.journal.reverted(ident)

    def _restoring(self, found: clusters.LocatedVolume, name: str,
                   entry: journal.JournalEntry,
                   rules: Sequence[access.Rule]) -> plan.Plan:
        kinds = self._repo.settings.infrastructure
        infra = claims.infrastructure(found.volume, entry, kinds)
        return planning.restoring(
            found.volume, name, planning.opening(
                found.volume, rules, infra, kinds),
            there=snapshot_steps.info(
                found.cluster.gluster, name) is not None)

    def _check_there(self, found: clusters.LocatedVolume,
                     snapshot: model.Snapshot) -> str:
        name = _name(snapshot)
        for each in (name, *_stamped(found.cluster.gluster, snapshot)):
            there = snapshot_steps.info(found.cluster.gluster, each)
            if there is not None:
                if found.volume.name not in there.volumes:
                    raise exception.Conflict(
                        'Snapshot %s is not of volume %s' % (
                            each, found.qualified))
                return each
        raise exception.NotFound('Snapshot %s is not on cluster %s' % (
            name, found.cluster))

    def _restore(self, share: model.Share, found: clusters.LocatedVolume,
                 name: str, entry: journal.JournalEntry) -> None:
        gluster, volume = found.cluster.gluster, found.volume
        infra = claims.infrastructure(volume, entry,
                                        self._repo.settings.infrastructure)
        there = snapshot_steps.info(gluster, name) is not None
        if there:
            self._bring_back(found, name)
        now = gluster.volume(volume.name)
        if now is None:
            raise exception.NotFound('Volume %s has vanished'
                                     % found.qualified)
        if there and now.bricks == volume.bricks:
            raise exception.BackendError(
                'Volume %s has not been brought back to snapshot %s'
                % (found.qualified, name), answer='its bricks are the same',
                check='gluster snapshot info %s' % name)
        options = claims.preparation(
            now, share.id, self._repo.claim(share),
            self._repo.settings.infrastructure.joined(infra), proven=True)
        self._repo.run(found.cluster, planning.changed(now, options))
        # What is in a brick that does not run would be missing in the share.
        found.cluster.completeness.bricks(now, 'is not wholly back')

    def _bring_back(self, found: clusters.LocatedVolume, name: str) -> None:
        """Have gluster restore a snapshot; a volume that it was not restored
        to goes on as it was.
        """
        gluster, volume = found.cluster.gluster, found.volume
        if volume.started:
            found.cluster.completeness.bricks(
                volume, 'is not brought back to snapshot %s' % name)
            gluster.call(*client.stop(volume.name))
        _, error = exception.caught(
            lambda: gluster.call('snapshot', 'restore', name))
        if error is None:
            return
        now, _ = exception.caught(lambda: gluster.volume(volume.name))
        if now is not None and now.coming_back \
                and now.bricks != volume.bricks:
            # It was done, and the answer lost.
            return
        if now is not None and volume.started:
            exception.caught(lambda: gluster.call(
                *client.start(volume.name)))
        raise error

    # -- manage ----------------------------------------------------------

    def adopt(self, snapshot: model.Snapshot,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over a snapshot by its name, which it keeps.

        :raises NotManageable: it is not there, or of another volume.
        """
        if not snapshot.provider_location:
            raise exception.NotManageable(
                'Snapshot %s is to be managed without provider_location'
                % snapshot.id, check='give its name in gluster')
        cluster, volume = self._repo.home(snapshot.share_instance_id)
        name = _name(snapshot)
        found = snapshot_steps.info(cluster.gluster, name)
        if found is None or volume not in found.volumes:
            raise exception.NotManageable(
                'Volume %s on %s has no snapshot %s' % (volume, cluster,
                                                        name))
        # It has the content of the whole share.
        size = (snapshot.share and snapshot.share.size) or snapshot.size
        return {'provider_location': name,
                **({'size': size} if size else {})}


def _name(snapshot: model.Snapshot) -> str:
    """The exact name: managed snapshots keep their own."""
    return paths.checked(snapshot.provider_location
                         or paths.snapshot(snapshot.id))


def _stamped(gluster: client.GlusterClient,
             snapshot: model.Snapshot) -> list[str]:
    """The snapshots that upstream's driver made of one, with a time behind
    the name."""
    if _name(snapshot) != paths.snapshot(snapshot.id):
        return []
    return _own_stamped(snapshot, parsing.snapshot_names(
        gluster.call('snapshot', 'list')))


def _own_stamped(snapshot: model.Snapshot,
                 found: Iterable[str]) -> list[str]:
    """Those among them that are of one snapshot.

    Behind the name of one that was only managed others put times as well.
    """
    name = paths.snapshot(snapshot.id)
    return paths.stamped(name, found) if _name(snapshot) == name else []
