# SPDX-License-Identifier: Apache-2.0

"""How much there is, how much is left, and how much shares use."""

from collections.abc import Callable
from collections.abc import Iterable
import functools
import logging
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository

LOG = logging.getLogger(__name__)


# Seconds for which the sizes of bricks are believed, and after which those
# that are not known are asked for again: asking takes locks.
_KEPT = 3600.0
_LACKING = 300.0


class GlusterStats:
    """Hold what the scheduler and the usage reports are told."""

    def __init__(self, repo: repository.VolumeRepository, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._repo = repo
        self._pool = repo.settings.pool
        self._clock = clock
        self._gib = repo.gib
        self._asked: dict[clusters.GlusterCluster, float] = {}

    def read(self) -> dict[str, Any]:
        """Capacities, in one read for each cluster.

        Free is all that new shares and the growth of others can use up: the
        scheduler takes off what it has placed since.  The largest share
        that can be made is a bound for one, and told beside it.
        """
        volumes = [each for each in self._repo.clusters.volumes()
                   if self._pool.has(each.cluster.address.host,
                                     each.volume.name)]
        self._learn(volumes)
        free = [each for each in volumes if each.volume.free
                and not self._pool.unfit(each.volume)
                and not self._repo.suspects.reason(each.qualified)]
        used = [each for each in volumes if not each.volume.free]
        sizes = [self._gib(each) for each in free + used]
        known = [size for size in sizes if size is not None]
        offered = [self._gib(each) for each in free]
        told: list[float] = [size for size in offered if size is not None]
        unknown = len(told) < len(offered)
        return {
            'total_capacity_gb': 'unknown' if len(known) < len(sizes)
            and (unknown or not known) else float(sum(known)),
            'free_capacity_gb': 'unknown' if unknown
            else float(sum(told) + sum(map(self._growth, used))),
            'gluster_largest_free_volume_gb': 'unknown' if unknown
            else float(max(told, default=0)),
            'gluster_free_volumes': len(free),
            'gluster_used_volumes': len(used),
            'gluster_unusable_volumes':
                len(volumes) - len(free) - len(used)}

    def _growth(self, located: clusters.LocatedVolume) -> int:
        """GiB by which a share may be extended in its volume.

        0 where its size is not known: nothing is promised then.
        """
        volume = located.volume
        if volume.state:
            return 0
        size = self._gib(located)
        share = self._repo.journal.size(volume.mark) if volume.mark else None
        return max(0, size - share) if size and share else 0

    def _learn(self, volumes: Iterable[clusters.LocatedVolume]) -> None:
        """Ask for the bricks of volumes whose names tell no size.

        Again and again, since operators make volumes larger.
        """
        unnamed = [each for each in volumes if each.volume.started
                   and self._pool.size(each.volume.name) is None]
        for cluster in {each.cluster for each in unnamed}:
            mine = [each for each in unnamed if each.cluster is cluster]
            patience = _KEPT if all(map(self._gib, mine)) else _LACKING
            asked = self._asked.get(cluster)
            if asked is not None and self._clock() - asked < patience:
                continue
            self._asked[cluster] = self._clock()
            bricks, error = exception.caught(cluster.gluster.bricks)
            if bricks is None:
                LOG.warning('Sizes of volumes are not known: %s', error)
                continue
            for each in mine:
                total, _ = completeness.capacity(
                    each.volume, bricks.get(each.volume.name, ()))
                if total:
                    # As shares are told it, see Shares.resize.
                    self._repo.measured[each.qualified] = -(
                        -total // model.GiB)


# -- usage -----------------------------------------------------------------

def usage(repo: repository.VolumeRepository) -> dict[str, float]:
    """Return GiB in use by share, as far as they are known.

    From the quota where there is one, which counts exactly; else from the
    file systems of the bricks.  Not known while a brick is offline.
    """
    shares = [each for each in repo.clusters.volumes()
              if each.volume.started and _share_of(each.volume)]
    bricks = _bricks(shares)
    used = {}
    for each in shares:
        size, error = exception.caught(functools.partial(
            _used, each, bricks.get(each.cluster, {}).get(
                each.volume.name, [])))
        if error is not None:
            LOG.warning('What share %s uses is not known: %s',
                        _share_of(each.volume), error)
        if size is not None:
            used[_share_of(each.volume)] = size / model.GiB
    return used


def _share_of(volume: records.Volume) -> str:
    """Return the share that a volume is, '' if it is none.

    A clone has its parent's mark until it has been prepared.
    """
    return volume.name.removeprefix(paths.PREFIX) \
        if paths.is_clone(volume.name) else volume.mark


def _bricks(volumes: Iterable[clusters.LocatedVolume],
        ) -> dict[clusters.GlusterCluster,
                      dict[str, list[records.Brick]]]:
    found = {}
    for cluster in {each.cluster for each in volumes}:
        bricks, error = exception.caught(cluster.gluster.bricks)
        if bricks is None:
            LOG.warning('What shares use is not known: %s', error)
        else:
            found[cluster] = bricks
    return found


def _used(located: clusters.LocatedVolume,
          bricks: list[records.Brick]) -> int | None:
    volume = located.volume
    if not bricks or completeness.missing(volume, bricks):
        return None
    if volume.on(records.QUOTA):
        quota = located.cluster.gluster.quota(volume.name)
        return None if quota is None else quota.used
    total, free = completeness.capacity(volume, bricks)
    return None if total is None or free is None else total - free
