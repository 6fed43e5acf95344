# SPDX-License-Identifier: Apache-2.0

"""Taking existing volumes under management, and letting them go."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository


class GlusterAdoption:
    """Take volumes under management, and let them go."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo
        self._pool = repo.settings.pool
        self._kinds = repo.settings.infrastructure

    def adopt(self, call: driver.Call,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Make a share of a volume with the data that is in it.

        Tenants whose names are in its list lose access until the rules
        come.

        :returns: ``size`` in GiB and ``export_locations``.
        :raises NotManageable: with nothing changed.
        """
        share = call.share
        if share.proto != 'GLUSTERFS':
            raise exception.NotManageable(
                'Share %s asks for protocol %s; this backend serves '
                'GLUSTERFS' % (share.id, share.proto or '(none)'))
        cluster, name = self._place(share)
        with self._repo.locked(share.id), self._repo.locked_pool():
            volume = cluster.proven().gluster.volume(paths.checked(name))
            if volume is None:
                raise exception.NotManageable(
                    'Cluster %s has no volume %s' % (cluster, name))
            located = clusters.LocatedVolume(cluster, volume)
            self._check(share, located)
            size = self._size(located, options)
            entry = self._repo.journal.read(share.id)
            # What has been done may have got its rules by now.
            if volume.mark != share.id or volume.state or entry.pending \
                    or entry.volume != located.qualified:
                steps = planning.adoption(
                    volume, share.id, self._repo.claim(share), self._kinds,
                    size)
                self._repo.run(cluster, steps)
                # Names that were taken off may be those of clients.
                cluster.completeness.check_heard(
                    volume, repository.options_of(steps))
                self._repo.journal.complete(share.id, located.qualified,
                                            volume.id)
            self._repo.journal.sized(share.id, size)
        return {'size': size,
                'export_locations': self._repo.locations(located)}

    def _place(self, share: model.Share,
               ) -> tuple[clusters.GlusterCluster, str]:
        if not share.export_paths:
            raise exception.NotManageable(
                'Share %s comes without an export path' % share.id)
        place = self._repo.clusters.at(share.export_paths[0])
        if place is None:
            raise exception.NotManageable(
                'Export path %s is not host:/volume of a server of this '
                'backend' % share.export_paths[0],
                check='glusterfs_servers: %s' % ', '.join(
                    map(str, self._repo.settings.addresses)))
        return place

    def _check(self, share: model.Share,
               located: clusters.LocatedVolume) -> None:
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

    def _size(self, located: clusters.LocatedVolume,
              options: Mapping[str, Any]) -> int:
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
    def _measured(located: clusters.LocatedVolume) -> int:
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
    def _limit(located: clusters.LocatedVolume,
               given: int | None) -> int | None:
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

    def release(self, call: driver.Call) -> None:
        """Let a volume go with all its data.

        It keeps its mark, so that no service hands it out.

        :raises TransportError: its cluster does not answer.  Without a mark
            that it was let go nobody could manage the volume again.
        """
        ident = call.share.id
        with self._repo.locked(ident):
            entry = self._repo.journal.read(ident)
            gone = entry.volume and not self._repo.clusters.at(entry.volume)
            # What cannot be asked may have it, but for a cluster that is
            # not of this backend any more.
            facts = self._repo.facts(ident, all_of_them=not gone)
            if facts is not None:
                self._repo.run(facts.cluster, planning.letting_go(
                    facts.volume, ident))
            self._repo.journal.forget(ident)
