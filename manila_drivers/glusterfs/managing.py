# SPDX-License-Identifier: Apache-2.0

"""Taking existing volumes under management, and letting them go."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import diary
from manila_drivers.glusterfs import names
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import site as site_module

Located = clusters_module.Located


class Manager:
    """Manage and unmanage of one backend."""

    def __init__(self, site: site_module.Site) -> None:
        self._site = site
        self._pool = site.settings.pool
        self._kinds = site.settings.infrastructure

    def manage(self, share: model.Share,
               options: Mapping[str, Any]) -> dict[str, Any]:
        """Make a share of a volume with the data that is in it.

        Tenants whose names are in its list lose access until the rules
        come.

        :returns: ``size`` in GiB and ``export_locations``.
        :raises NotManageable: with nothing changed.
        """
        if share.proto != 'GLUSTERFS':
            raise exception.NotManageable(
                'Share %s asks for protocol %s; this backend serves '
                'GLUSTERFS' % (share.id, share.proto or '(none)'))
        cluster, name = self._place(share)
        with self._site.locked(share.id), self._site.locked_pool():
            volume = cluster.proven().gluster.volume(names.checked(name))
            if volume is None:
                raise exception.NotManageable(
                    'Cluster %s has no volume %s' % (cluster, name))
            located = Located(cluster, volume)
            self._check(share, located)
            size = self._size(located, options)
            self._take(share, located, size)
            self._site.sizes.note(share.id, size)
        return {'size': size,
                'export_locations': self._site.locations(located)}

    def _place(self, share: model.Share,
               ) -> tuple[clusters_module.Cluster, str]:
        if not share.export_paths:
            raise exception.NotManageable(
                'Share %s comes without an export path' % share.id)
        place = self._site.clusters.at(share.export_paths[0])
        if place is None:
            raise exception.NotManageable(
                'Export path %s is not host:/volume of a server of this '
                'backend' % share.export_paths[0],
                check='glusterfs_servers: %s' % ', '.join(
                    map(str, self._site.settings.addresses)))
        return place

    def _check(self, share: model.Share, located: Located) -> None:
        volume = located.volume
        if volume.state == records.WIPING:
            raise exception.NotManageable(
                'Volume %s is being emptied' % located.qualified)
        if volume.mark and volume.mark != share.id \
                and volume.state != records.UNMANAGED:
            raise exception.NotManageable(
                'Volume %s is share %s already' % (
                    located.qualified, volume.mark))
        # Snapshots do not matter here: they come along with the share.
        why = self._pool.unusable(dataclasses.replace(volume, snapshots=0))
        if why:
            raise exception.NotManageable(
                'Volume %s cannot be a share: %s' % (located.qualified, why))

    def _size(self, located: Located, options: Mapping[str, Any]) -> int:
        """GiB: its limit, or what the name says, was given, bricks have."""
        given = self._given(options)
        if located.volume.on(records.QUOTA):
            size = self._limit(located, given)
        else:
            size = None
        return (size or self._pool.size(located.volume.name) or given
                or self._measured(located))

    @staticmethod
    def _given(options: Mapping[str, Any]) -> int | None:
        given = options.get('size')
        if given is None:
            return None
        text = str(given).strip()
        if not text.isdecimal() or not int(text):
            raise exception.NotManageable(
                'Driver option size is %r, not a number of GiB' % given)
        return int(text)

    @staticmethod
    def _measured(located: Located) -> int:
        """GiB that its bricks have."""
        if not located.volume.started:
            raise exception.NotManageable(
                'How large volume %s is cannot be seen: it is not started'
                % located.qualified,
                check='start it, or give the driver option size')
        found = located.cluster.gluster.bricks(located.volume.name)
        bricks = found.get(located.volume.name, ())
        total, _ = completeness.capacity(located.volume, bricks)
        if not total:
            absent = completeness.missing(located.volume, bricks)
            raise exception.NotManageable(
                'How large volume %s is cannot be seen%s' % (
                    located.qualified, ': brick %s is offline' % ', '.join(
                        absent) if absent else ''),
                check='that all bricks run, or give the driver option size')
        return -(-total // model.GiB)

    @staticmethod
    def _limit(located: Located, given: int | None) -> int | None:
        """GiB that a quota bounds the volume to, which users know.

        :returns: ``given`` where it cannot be seen; None without a limit.
        """
        quota = located.cluster.gluster.quota(located.volume.name) \
            if located.volume.started else None
        if quota is None or quota.limit is None:
            if given is None:
                raise exception.NotManageable(
                    'Volume %s has a quota, and its limit cannot be seen'
                    % located.qualified, check='that the volume is started '
                    'and gluster volume quota %s list / tells it, or give '
                    'the driver option size' % located.volume.name)
            return given
        return -(-quota.limit // model.GiB) or None

    def _take(self, share: model.Share, located: Located,
              size: int) -> None:
        volume = located.volume
        if volume.mark == share.id and not volume.state:
            # Has been done; its rules may have been made by now.
            again = self._site.diary.read(share.id)
            if again.volume == located.qualified and not again.pending:
                return
        infra = planning.infrastructure(volume, diary.Record(), self._kinds)
        claim = self._site.claim(share)
        changes = planning.unclaimed(volume, claim) | planning.preparation(
            volume, share.id, claim, self._kinds.joined(infra))
        restart = not planning.tls_runs(volume)
        if changes:
            located.cluster.gluster.set(volume.name, changes)
        self._site.run(located.cluster, planning.activation(
            volume, restart=restart,
            gib=size if volume.on(records.QUOTA) else None))
        self._site.diary.complete(share.id, located.qualified, volume.id)

    def unmanage(self, share: model.Share) -> None:
        """Let a volume go with all its data.

        It keeps its mark, so that no service hands it out.

        :raises TransportError: its cluster does not answer.  Without a mark
            that it was let go nobody could manage the volume again.
        """
        with self._site.locked(share.id):
            record = self._site.diary.read(share.id)
            gone = record.volume and not self._site.clusters.at(record.volume)
            # What cannot be asked may have it, but for a cluster that is
            # not of this backend any more.
            found = self._site.find(share.id, record, all_of_them=not gone)
            if found is not None:
                changes = found.volume.changes({
                    records.MARK: share.id,
                    records.STATE: records.UNMANAGED,
                    **planning.unclaimed(found.volume)})
                if changes:
                    found.cluster.gluster.set(found.volume.name, changes)
            self._site.diary.forget(share.id)
