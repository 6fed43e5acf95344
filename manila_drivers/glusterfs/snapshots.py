# SPDX-License-Identifier: Apache-2.0

"""Snapshots, shares that start from one, and shares that return to one."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import shares as shares_module
from manila_drivers.glusterfs import site as site_module
from manila_drivers.glusterfs import trouble

Cluster = clusters_module.Cluster
Gluster = commandline.Gluster
Located = clusters_module.Located


class Snapshots:
    """Operations on snapshots of one backend's shares."""

    def __init__(self, site: site_module.Site,
                 shares: shares_module.Shares) -> None:
        self._site = site
        self._shares = shares

    # -- life ------------------------------------------------------------

    def create(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Take a snapshot, or find the one taken before.

        :returns: ``provider_location``, the name of it.
        """
        cluster, volume = self._site.home(snapshot.share_instance_id)
        name = names.snapshot(snapshot.id)
        self._take(cluster, volume, name)
        return {'provider_location': name}

    def _take(self, cluster: Cluster, volume: str, name: str) -> None:
        words = ['snapshot', 'create', name, names.checked(volume)]
        if cluster.modern:
            # Older ones have no such word, and add no time either.
            words.append('no-timestamp')
        answer = cluster.gluster.ask(*words)
        if answer.ok:
            return
        what = 'Snapshot %s of volume %s was not taken' % (name, volume)
        if trouble.number(answer) == trouble.SNAPSHOT_EXISTS:
            found = _info(cluster.gluster, name)
            if found is not None and volume in found.volumes:
                return
            raise exception.Conflict(
                '%s: one of that name is of %s' % (what, ', '.join(
                    found.volumes if found else ()) or '(unknown)'))
        raise trouble.failure(answer, what)

    def delete(self, snapshot: model.Snapshot) -> None:
        """Remove a snapshot; that it is gone already is success."""
        name = _name(snapshot)
        for cluster in self._candidates(snapshot):
            try:
                if _removed(cluster.gluster, name):
                    return
                for stamped in _stamped(cluster.gluster, snapshot):
                    _removed(cluster.gluster, stamped)
            except exception.Unsupported:
                # Servers without LVM refuse all these commands: the delete
                # of a snapshot that could not be taken either.  That there
                # is none can still be seen.
                if any(volume.snapshots != 0
                       for volume in cluster.gluster.volumes()):
                    raise

    def _candidates(self, snapshot: model.Snapshot) -> list[Cluster]:
        """Where a snapshot may be: with its share's volume if that is known.
        """
        record = self._site.diary.read(snapshot.share_instance_id)
        place = self._site.clusters.at(record.volume)
        return [place[0]] if place else list(self._site.clusters)

    # -- shares from snapshots -------------------------------------------

    def create_share(self, share: model.Share, snapshot: model.Snapshot,
                     ) -> dict[str, Any]:
        """Make a share with the content of a snapshot.

        Nobody can reach it before its first rule.  While the clone is made
        the snapshot is active, which whoever had access when it was taken
        could use to read it.

        :returns: ``status`` and ``export_locations``.
        :raises Unsupported: gluster is older than 3.7, or the share is to
            be larger than its parent's volume.
        """
        self._site.check_proto(share)
        cluster, parent = self._site.home(snapshot.share_instance_id)
        if not cluster.modern:
            raise exception.Unsupported(
                'Shares from snapshots need GlusterFS 3.7; cluster %s has an '
                'older one' % cluster)
        self._check_size(share, parent)
        with self._site.locked(share.id):
            located = self._cloned(share, snapshot, cluster)
            self._open(share, snapshot, located)
        return {'status': 'available',
                'export_locations': self._site.locations(located)}

    def _check_size(self, share: model.Share, parent: str) -> None:
        size = self._site.settings.pool.size(parent)
        if size is not None and (share.size or 0) > size:
            raise exception.Unsupported(
                'Share %s cannot have %d GiB: it is a clone in volume %s of '
                '%d GiB' % (share.id, share.size or 0, parent, size))

    def _cloned(self, share: model.Share, snapshot: model.Snapshot,
                cluster: Cluster) -> Located:
        """The clone, which has not been started yet."""
        gluster, volume = cluster.gluster, names.clone(share.id)
        earlier = self._site.diary.read(share.id).snapshot
        with self._site.locked_snapshot(_name(snapshot)):
            name, was_active = self._activate(share, snapshot, cluster)
            try:
                answer = gluster.ask('snapshot', 'clone', volume, name)
            finally:
                # Known from an earlier try, or seen just now.
                if earlier or not was_active:
                    gluster.call('snapshot', 'deactivate', name)
            self._site.diary.deactivated(share.id)
        if not answer.ok and trouble.number(answer) \
                != trouble.VOLUME_EXISTS:
            raise trouble.failure(answer, 'Snapshot %s could not be cloned'
                                  % name)
        found = gluster.volume(volume)
        if found is None:
            raise exception.NotFound('Clone %s of snapshot %s is not there'
                                     % (volume, name))
        return Located(cluster, found)

    def _activate(self, share: model.Share, snapshot: model.Snapshot,
                  cluster: Cluster) -> tuple[str, bool]:
        """Activate a snapshot.

        :returns: the name it really has, and whether it was active.
        """
        name = _name(snapshot)
        qualified = cluster.address.qualified(names.clone(share.id))
        self._site.diary.begin(share.id, qualified, snapshot=name)
        answer, active = _activated(cluster.gluster, name)
        if trouble.number(answer) == trouble.NO_SNAPSHOT:
            stamped = _stamped(cluster.gluster, snapshot)
            if not stamped:
                raise trouble.failure(answer, 'Snapshot %s is not on cluster '
                                      '%s' % (name, cluster))
            name = stamped[-1]
            self._site.diary.begin(share.id, qualified, snapshot=name)
            answer, active = _activated(cluster.gluster, name)
        if not answer.ok and answer.number != trouble.SAME_STATE:
            raise trouble.failure(answer, 'Snapshot %s could not be '
                                  'activated' % name)
        return name, active

    def _open(self, share: model.Share, snapshot: model.Snapshot,
              located: Located) -> None:
        """Give a clone its own options and start it."""
        volume = located.volume
        infra = planning.infrastructure(
            volume, self._site.diary.read(snapshot.share_instance_id),
            self._site.settings.infrastructure)
        parent = snapshot.share.share_id if snapshot.share else ''
        bounded = bool(self._site.settings.quota
                       or volume.on(records.QUOTA))
        self._site.run(located.cluster, planning.clone(
            volume, share.id, parent or snapshot.share_instance_id,
            self._site.claim(share),
            self._site.settings.infrastructure.joined(infra),
            share.size if bounded else None))
        # What is in a brick that does not run would be missing in the share.
        located.cluster.completeness.bricks(volume, 'is no whole clone')
        self._site.diary.complete(share.id, located.qualified, volume.id)
        self._site.sizes.note(share.id, share.size)

    def status(self, share: model.Share) -> dict[str, Any]:
        """Whether a share from a snapshot is there; it is made at once."""
        found = self._site.find(share.id)
        if found is None or not found.volume.started:
            return {'status': 'error'}
        return {'status': 'available', 'progress': '100%',
                'export_locations': self._site.locations(found)}

    # -- back to a snapshot ----------------------------------------------

    def revert(self, snapshot: model.Snapshot,
               rules: Sequence[access.Rule]) -> None:
        """Bring a share back to a snapshot, which stays.

        Gluster itself uses the snapshot up and brings the options back as
        well, so that both are made anew before any tenant is let in.
        """
        ident = snapshot.share_instance_id
        share = snapshot.share or model.Share(ident)
        share = dataclasses.replace(share, id=ident)
        with self._site.locked(ident):
            record = self._site.diary.read(ident)
            name, found = record.reverting, None
            if name in (_name(snapshot), *_own_stamped(snapshot, (name,))):
                # Half way the volume has whatever mark it had at the time
                # of the snapshot.
                found = self._site.recorded(record)
            if found is None:
                found = self._site.get(ident)
                name = self._check_there(found, snapshot)
                self._site.diary.reverting(ident, name)
            self._restore(share, found, name, record)
            self._take(found.cluster, found.volume.name, name)
        self._shares.update_access(share, rules)
        self._site.diary.reverted(ident)

    def _check_there(self, found: Located, snapshot: model.Snapshot) -> str:
        name = _name(snapshot)
        for each in (name, *_stamped(found.cluster.gluster, snapshot)):
            there = _info(found.cluster.gluster, each)
            if there is not None:
                if found.volume.name not in there.volumes:
                    raise exception.Conflict(
                        'Snapshot %s is not of volume %s' % (
                            each, found.qualified))
                return each
        raise exception.NotFound('Snapshot %s is not on cluster %s' % (
            name, found.cluster))

    def _restore(self, share: model.Share, found: Located, name: str,
                 record: diary.Record) -> None:
        gluster, volume = found.cluster.gluster, found.volume
        infra = planning.infrastructure(volume, record,
                                        self._site.settings.infrastructure)
        if _info(gluster, name) is not None:
            self._bring_back(found, name)
        now = gluster.volume(volume.name)
        if now is None:
            raise exception.NotFound('Volume %s has vanished'
                                     % found.qualified)
        options = planning.preparation(
            now, share.id, self._site.claim(share),
            self._site.settings.infrastructure.joined(infra), proven=True)
        self._site.run(found.cluster, planning.changed(now, options))
        # What is in a brick that does not run would be missing in the share.
        found.cluster.completeness.bricks(now, 'is not wholly back')

    def _bring_back(self, found: Located, name: str) -> None:
        """Have gluster restore a snapshot; a volume that it was not restored
        to goes on as it was.
        """
        gluster, volume = found.cluster.gluster, found.volume
        if volume.started:
            found.cluster.completeness.bricks(
                volume, 'is not brought back to snapshot %s' % name)
            gluster.call(*commandline.stop(volume.name))
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
                *commandline.start(volume.name)))
        raise error

    # -- manage ----------------------------------------------------------

    def manage(self, snapshot: model.Snapshot) -> dict[str, Any]:
        """Take over a snapshot by its name, which it keeps.

        :raises NotManageable: it is not there, or of another volume.
        """
        if not snapshot.provider_location:
            raise exception.NotManageable(
                'Snapshot %s is to be managed without provider_location'
                % snapshot.id, check='give its name in gluster')
        cluster, volume = self._site.home(snapshot.share_instance_id)
        name = _name(snapshot)
        found = _info(cluster.gluster, name)
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
    return names.checked(snapshot.provider_location
                         or names.snapshot(snapshot.id))


def _info(gluster: Gluster, name: str) -> records.Snapshot | None:
    answer = gluster.ask('snapshot', 'info', names.checked(name))
    if trouble.number(answer) == trouble.NO_SNAPSHOT:
        return None
    if not answer.ok:
        raise trouble.failure(answer, 'Snapshot %s cannot be read' % name)
    return next((each for each in parsing.snapshots(answer)
                 if each.name == name), None)


def _activated(gluster: Gluster, name: str) -> tuple[parsing.Answer, bool]:
    """Activate a snapshot, and tell whether it certainly was so before.

    Of a command that was given twice, because the first answer was lost, the
    second answer does not tell.
    """
    words = ('snapshot', 'activate', names.checked(name))
    try:
        answer = gluster.ask(*words, again=False)
    except exception.NotTrusted:
        raise
    except exception.TransportError:
        return gluster.ask(*words), False
    return answer, answer.number == trouble.SAME_STATE


def _stamped(gluster: Gluster, snapshot: model.Snapshot) -> list[str]:
    """The snapshots that upstream's driver made of one, with a time behind
    the name."""
    if _name(snapshot) != names.snapshot(snapshot.id):
        return []
    return _own_stamped(snapshot, parsing.snapshot_names(
        gluster.call('snapshot', 'list')))


def _own_stamped(snapshot: model.Snapshot,
                 found: Iterable[str]) -> list[str]:
    """Those among them that are of one snapshot.

    Behind the name of one that was only managed others put times as well.
    """
    name = names.snapshot(snapshot.id)
    return names.stamped(name, found) if _name(snapshot) == name else []


def _removed(gluster: Gluster, name: str) -> bool:
    """Delete a snapshot; False if there is none of that name."""
    try:
        gluster.call('snapshot', 'delete', names.checked(name))
    except exception.NotFound:
        return False
    return True
