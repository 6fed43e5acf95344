# SPDX-License-Identifier: Apache-2.0

"""The clusters of a backend: who answers, and which holds a volume."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import concurrent.futures
import dataclasses
import logging
import time
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import completeness
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records
from manila_drivers.transport import meter

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# Seconds for which a cluster that does not answer is not asked for the sake
# of others' shares.
_PAUSE = 60.0

OLDEST = (3, 6)
#: Has clones, exact snapshot names and server.dynamic-auth.
MODERN = (3, 7)


def dotted(version: tuple[int, ...]) -> str:
    return '.'.join(map(str, version))


class GlusterCluster:
    """One cluster, by the server that manages it.

    ``version`` is None until it has been read.
    """

    def __init__(self, address: paths.ServerAddress,
                 gluster: client.GlusterClient) -> None:
        self.address = address
        self.gluster = gluster
        self.completeness = completeness.Completeness(gluster)
        self.version: tuple[int, ...] | None = None
        #: Whether it is used only after a look at its version.
        self.unproven = False
        self.down_until: float | None = None

    @property
    def modern(self) -> bool:
        """False only for what is known to be older than 3.7."""
        return self.version is None or self.version >= MODERN

    def prove(self) -> None:
        """Read its version.

        :raises ConfigurationError: it is too old.
        """
        self.version = self.gluster.version()
        if self.version < OLDEST:
            raise exception.ConfigurationError(
                'glusterfs_servers', 'server %s has GlusterFS %s; %s is the '
                'oldest that works' % (self, dotted(self.version),
                                       dotted(OLDEST)))
        self.unproven = False

    def proven(self) -> 'GlusterCluster':
        """Look at it now if that was not possible when the service started.
        """
        if self.unproven:
            self.prove()
        return self

    def volumes(self) -> list[records.Volume]:
        """All volumes; of a cluster that is known to do, in one read."""
        return self.proven().gluster.volumes()

    def dynamic(self, volume: records.Volume) -> bool:
        """Tell if clients are cut off as soon as the list has changed."""
        return volume.on(records.DYNAMIC) is not False and self.modern

    def __str__(self) -> str:
        return str(self.address)


@dataclasses.dataclass(frozen=True)
class LocatedVolume:
    """A volume and where it is."""

    cluster: GlusterCluster
    volume: records.Volume

    @property
    def export(self) -> str:
        return self.cluster.address.export(self.volume.name)

    @property
    def qualified(self) -> str:
        return self.cluster.address.qualified(self.volume.name)

    def with_volume(self, volume: records.Volume) -> 'LocatedVolume':
        return dataclasses.replace(self, volume=volume)


class ClusterSet:
    """All clusters of a backend."""

    def __init__(self, clusters: Sequence[GlusterCluster], *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._clusters = tuple(clusters)
        self._clock = clock

    def __iter__(self) -> Iterator[GlusterCluster]:
        return iter(self._clusters)

    def at(self, text: str) -> tuple[GlusterCluster, str] | None:
        """The cluster and volume that a record or export names.

        The user does not count, who may have changed since.
        """
        target = paths.recorded(text)
        if target is None:
            return None
        for cluster in self._clusters:
            if cluster.address.key == target.address.key:
                return cluster, target.volume
        return None

    def each(self, ask: Callable[[GlusterCluster], T], *,
             all_of_them: bool = False) -> list[tuple[GlusterCluster, T]]:
        """Ask all clusters at once; those that do not answer are left out.

        :param all_of_them: raise if one does not answer.
        :raises DriverError: nobody answered.
        """
        up = [cluster for cluster in self._clusters
              if not self._is_down(cluster)]
        asked = self._clusters if all_of_them or not up else tuple(up)
        answers: list[tuple[GlusterCluster, T]] = []
        first: exception.DriverError | None = None
        for cluster, answer in zip(asked, self._ask(asked, ask),
                                   strict=True):
            if not isinstance(answer, exception.DriverError):
                cluster.down_until = None
                answers.append((cluster, answer))
                continue
            cluster.down_until = self._clock() + _PAUSE
            first = first or answer
            if len(asked) > 1:
                LOG.warning('Cluster %s is left out: %s', cluster, answer)
        if first is not None and (all_of_them or not answers):
            raise first
        return answers

    def _is_down(self, cluster: GlusterCluster) -> bool:
        return cluster.down_until is not None \
            and self._clock() < cluster.down_until

    def _ask(self, asked: Sequence[GlusterCluster],
             ask: Callable[[GlusterCluster], T],
             ) -> list[T | exception.DriverError]:
        def one(cluster: GlusterCluster) -> T | exception.DriverError:
            try:
                return ask(cluster)
            except exception.DriverError as exc:
                return exc

        if len(asked) == 1:
            return [one(asked[0])]
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as threads:
            started = [threads.submit(meter.carried(one), cluster)
                       for cluster in asked]
            return [each.result() for each in started]

    def volumes(self, *, all_of_them: bool = False) -> list[LocatedVolume]:
        """Every volume of every cluster: one read each.

        Of servers that turn out to be of one cluster the first one counts.
        """
        return distinct(self.each(lambda cluster: cluster.volumes(),
                                  all_of_them=all_of_them))


def distinct(answers: Iterable[tuple[GlusterCluster,
                                     Iterable[records.Volume]]],
             ) -> list[LocatedVolume]:
    """The volumes of several servers, each once.

    Two names of one cluster, or two servers of it, show the same ones.
    """
    found: list[LocatedVolume] = []
    owners: dict[str, GlusterCluster] = {}
    for cluster, volumes in answers:
        for volume in volumes:
            if volume.id and owners.setdefault(volume.id,
                                               cluster) is not cluster:
                continue
            found.append(LocatedVolume(cluster, volume))
    return found


def check_read(volumes: Iterable[LocatedVolume]) -> None:
    """See that what was not found is not there.

    :raises BackendError: a volume could not be read, and may be it.
    """
    for each in volumes:
        each.volume.check_read()


def owned(share_id: str,
          volumes: Iterable[LocatedVolume]) -> LocatedVolume | None:
    """Return the volume that is a share, by its name or by its mark."""
    found, clone = None, paths.clone(share_id)
    for each in volumes:
        if each.volume.name == clone:
            return each
        if each.volume.mark == share_id \
                and not paths.is_clone(each.volume.name):
            # A clone has its parent's mark until it has been prepared.
            found = found or each
    return found
