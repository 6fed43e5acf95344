# SPDX-License-Identifier: Apache-2.0

"""All of ours that is in GlusterFS: volumes, their limits, snapshots.

Gluster lists all volumes with their options at once, and all snapshots; but
limits of one volume alone, so that these are asked for many in one command.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import functools
import itertools

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import plan
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository

# Limits that one command asks for.
BATCH = 64
_VOLUME = 'volume'
_ACCESS = frozenset({records.ALLOW, records.DYNAMIC, records.READ_ONLY})


class GlusterInventory:
    """Reads what there is of our shares."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo

    def read(self, known: Collection[str]) -> inventory.Inventory:
        """Return what the clusters have of these shares, and of ours beside.

        :raises DriverError: a cluster does not answer.
        """
        unread: list[str] = []
        volumes = clusters.distinct(self._repo.clusters.each(
            lambda cluster: cluster.volumes(), all_of_them=True))
        unread += [each.volume.unread for each in volumes
                   if each.volume.unread]
        found = dict(self._shares(known, volumes))
        limits = self._limits(found.values(), unread)
        shares = {ident: seen(ident, each, limits.get(each.qualified),
                              self._repo.settings.infrastructure)
                  for ident, each in found.items()}
        partial = {inventory.SHARES} if any(
            each.volume.unread for each in volumes) else set()
        snapshots: list[inventory.SeenSnapshot] = []
        for cluster in {each.cluster for each in volumes
                        if each.volume.snapshots != 0}:
            some, error = exception.caught(functools.partial(
                self._snapshots, cluster, found))
            snapshots += some or ()
            if error is not None:
                # One cluster hides no other.
                partial.add(inventory.SNAPSHOTS)
                unread.append(f'snapshots of cluster {cluster}: {error}')
        return inventory.Inventory(
            shares, tuple(snapshots), unread=tuple(unread), topic=topic,
            partial=frozenset(partial))

    def _shares(self, known: Collection[str],
                volumes: Collection[clusters.LocatedVolume],
                ) -> Iterator[tuple[str, clusters.LocatedVolume]]:
        """Yield shares with their volumes, known ones and others of ours."""
        taken = set()
        by_place = {(each.cluster, each.volume.name): each
                    for each in volumes}
        for ident in known:
            entry = self._repo.journal.read(ident)
            place = self._repo.clusters.at(entry.volume)
            recorded = by_place.get(place) if place else None
            found = clusters.owned(ident, volumes)
            if recorded is not None and (
                    claims.ours(recorded.volume, ident, entry)
                    or found is None
                    and claims.unmarked(recorded.volume, entry)):
                found = recorded
            if found is not None:
                taken.add(found.qualified)
                yield ident, found
        for each in volumes:
            ident = share_of(each.volume)
            if paths.is_id(ident) and ident not in known \
                    and each.qualified not in taken \
                    and each.volume.state != records.UNMANAGED \
                    and self._has(each):
                yield ident, each

    def _has(self, each: clusters.LocatedVolume) -> bool:
        """Tell if a volume is one of this backend's."""
        return each.volume.is_clone or self._repo.settings.pool.has(
            each.cluster.address.host, each.volume.name)

    def _limits(self, found: Collection[clusters.LocatedVolume],
                unread: list[str]) -> dict[str, int]:
        """Return limits in bytes, 0 where there should be one and is none."""
        limits: dict[str, int] = {}
        if self._repo.settings.quota:
            limits = {each.qualified: 0 for each in found
                      if not each.volume.on(records.QUOTA)}
        bounded = [each for each in found if each.volume.started
                   and each.volume.on(records.QUOTA)]
        for cluster in {each.cluster for each in bounded}:
            mine = iter([each for each in bounded
                         if each.cluster is cluster])
            while some := list(itertools.islice(mine, BATCH)):
                answers, error = exception.caught(_asking(cluster, some))
                if answers is None:
                    unread.append(f'limits of volumes: {error}')
                    continue
                for each, answer in zip(some, answers, strict=True):
                    quota = parsing.quota(answer)
                    if quota is None or quota.limit is None:
                        unread.append('the limit of volume '
                                      + each.volume.name)
                    else:
                        limits[each.qualified] = quota.limit
        return limits

    @staticmethod
    def _snapshots(cluster: clusters.GlusterCluster,
                   found: dict[str, clusters.LocatedVolume],
                   ) -> list[inventory.SeenSnapshot]:
        """Return snapshots of shares; those of other names have no id."""
        owners = {each.volume.name: ident for ident, each in found.items()
                  if each.cluster is cluster}
        seen = []
        for snapshot in parsing.snapshots(cluster.gluster.call(
                'snapshot', 'info')):
            ident = snapshot.name.removeprefix(paths.PREFIX).partition(
                '_GMT-')[0]
            owner = next((owners[name] for name in snapshot.volumes
                          if name in owners), '')
            ours = snapshot.name.startswith(paths.PREFIX) \
                and paths.is_id(ident)
            if owner:
                seen.append(inventory.SeenSnapshot(
                    ident if ours else '', owner, snapshot.name))
        return seen


def _asking(cluster: clusters.GlusterCluster,
            some: Iterable[clusters.LocatedVolume],
            ) -> Callable[[], list[parsing.GlusterAnswer]]:
    """Return what asks for the limits of some volumes."""
    lines = [('volume', 'quota', paths.checked(each.volume.name), 'list',
              '/') for each in some]
    return lambda: cluster.gluster.batch(lines)


def share_of(volume: records.Volume) -> str:
    """Return the share that a volume is, '' if it is none."""
    return volume.name.removeprefix(paths.PREFIX) \
        if paths.is_clone(volume.name) else volume.mark


def seen(ident: str, each: clusters.LocatedVolume, limit: int | None,
         kinds: paths.ReservedNames) -> inventory.SeenShare:
    """Return what there is of a share.  Pure."""
    volume = each.volume
    names = frozenset(('*',) if volume.allowed is None else (
        name for name in volume.allowed if not kinds.reserved(name)))
    clients = inventory.SeenClients('cert', read_write=names)
    if volume.on(records.READ_ONLY):
        clients = inventory.SeenClients('cert', read_only=names)
    odd = []
    if volume.exposed():
        odd.append(f'volume {volume.name} has {volume.exposed()}, by which '
                   'others get in as well')
    if volume.hindrance() not in ('', records.READ_ONLY):
        odd.append(f'volume {volume.name} has {volume.hindrance()}, with '
                   'which it cannot serve')
    parts = (_VOLUME,) if volume.state != records.WIPING else (
        f'{_VOLUME} that is being emptied',)
    return inventory.SeenShare(
        ident, frozenset((ident, volume.name)), parts, limit=limit,
        clients=(clients,), odd=tuple(odd))


def topic(step: plan.Step) -> str:
    """Return what a step of the check of shares is about."""
    if step.action != 'set':
        return inventory.ALONG
    options = step.args.get('options') or {}
    return inventory.ACCESS if options and options.keys() <= _ACCESS \
        else inventory.SETTING
