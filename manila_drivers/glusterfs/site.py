# SPDX-License-Identifier: Apache-2.0

"""What all operations share: clusters, records, locks and settings."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import logging
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.glusterfs import clusters as clusters_module
from manila_drivers.glusterfs import diary as diary_module
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import performing
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import settings as settings_module

LOG = logging.getLogger(__name__)

Cluster = clusters_module.Cluster
Located = clusters_module.Located
Lock = Callable[..., contextlib.AbstractContextManager[Any]]

# Seconds to wait for others that choose a volume: each takes a few.
_POOL_TIMEOUT = 300.0

# Seconds for which a volume that could not be made a share is tried last.
_SUSPECT = 600.0


class Sizes:
    """How large shares are, which volumes do not tell.

    Each is read once from its record, and remembered.
    """

    def __init__(self, diary: diary_module.Diary) -> None:
        self._diary = diary
        self._known: dict[str, int | None] = {}

    def note(self, share_id: str, gib: int | None) -> None:
        """A share has been given a size; so its record says from now on."""
        if gib is not None and self._known.get(share_id) != gib:
            self._diary.sized(share_id, gib)
            self._known[share_id] = gib

    def heard(self, share_id: str, gib: int | None) -> None:
        """Manila has told how large a share is.

        What it was given here since is newer than what Manila read before.
        """
        if gib is not None and self._known.get(share_id) is None:
            self._known[share_id] = gib

    def read(self, share_id: str) -> int | None:
        """GiB, or None if it is not known."""
        if share_id not in self._known:
            self._known[share_id] = self._diary.size(share_id)
        return self._known[share_id]

    def forget(self, share_id: str) -> None:
        self._known.pop(share_id, None)


class Suspects:
    """Free volumes that have lately turned out not to be usable.

    They are tried last, and told of, until it is time to try them again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}

    def add(self, qualified: str, reason: str) -> None:
        self._known[qualified] = self._clock() + _SUSPECT, reason

    def reason(self, qualified: str) -> str:
        """What was wrong with a volume, or ''."""
        until, reason = self._known.get(qualified, (0.0, ''))
        if reason and self._clock() >= until:
            self._known.pop(qualified, None)
            return ''
        return reason

    def clear(self, qualified: str) -> None:
        self._known.pop(qualified, None)


class Site:
    """One backend: where volumes are found, and changed.

    :param lock: makes a lock by name, for all hosts of the backend.
    :param storage: Manila's private storage.
    """

    def __init__(self, settings: settings_module.Settings,
                 clusters: clusters_module.Clusters, storage: Any,
                 lock: Lock, wiper: mounting.Wiper,
                 sleep: Callable[[float], object] = time.sleep,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.clusters = clusters
        self.diary = diary_module.Diary(storage)
        self.sizes = Sizes(self.diary)
        self.suspects = Suspects(clock)
        #: GiB of volumes whose names tell none, as bricks last told them.
        self.measured: dict[str, int] = {}
        self.clock = clock
        self.wiper = wiper
        self.sleep = sleep
        self._lock = lock

    # -- locks -----------------------------------------------------------

    def locked(self, share_id: str,
               ) -> contextlib.AbstractContextManager[Any]:
        """Keep other calls about a share out, on all hosts of the backend.

        Reading, deciding and writing must not be interleaved.
        """
        return self._lock('glusterfs-' + share_id)

    def locked_snapshot(self, name: str,
                        ) -> contextlib.AbstractContextManager[Any]:
        """Keep other calls about a snapshot out, on all hosts."""
        return self._lock('glusterfs-snapshot-' + name)

    @contextlib.contextmanager
    def locked_pool(self) -> Iterator[None]:
        """Keep all backends on these clusters from choosing a volume.

        On all hosts that name the servers alike; claims keep out the others.
        """
        hosts = sorted(each.address.host.lower() for each in self.clusters)
        with contextlib.ExitStack() as stack:
            for host in hosts:
                stack.enter_context(self._lock(
                    'glusterfs-pool-' + host, _POOL_TIMEOUT))
            yield

    # -- finding ---------------------------------------------------------

    def find(self, share_id: str, record: diary_module.Record | None = None,
             *, all_of_them: bool = False) -> Located | None:
        """The volume of a share: one read where it is recorded.

        Without a record, or with one that is not true any more, by name and
        mark among all volumes.  A volume without any mark is the share's if
        its record says so.

        :param all_of_them: raise if a cluster cannot be asked, or is not
            known any more.
        """
        record = record or self.diary.read(share_id)
        recorded = self.recorded(record)
        if recorded is not None and planning.ours(recorded.volume, share_id,
                                                  record):
            return recorded
        found = clusters_module.owned(share_id, self.clusters.volumes(
            all_of_them=all_of_them))
        if found is None and recorded is not None and not record.pending \
                and planning.unmarked(recorded.volume, record):
            LOG.warning('Volume %s has lost the mark of share %s',
                        recorded.qualified, share_id)
            return recorded
        if found is not None and found.qualified != record.volume \
                and record.volume:
            self.diary.moved(share_id, found.qualified)
        if found is None and all_of_them and record.volume \
                and self.clusters.at(record.volume) is None:
            raise exception.BackendError(
                'Share %s is recorded as %s, whose server is not configured'
                % (share_id, record.volume),
                check='glusterfs_servers (or glusterfs_targets): put a '
                      'server of that cluster back, or unmanage the share')
        return found

    def recorded(self, record: diary_module.Record) -> Located | None:
        """The volume that a record names, if it is there."""
        place = self.clusters.at(record.volume) if record.volume else None
        if place is None:
            return None
        cluster, name = place
        volume = cluster.proven().gluster.volume(name)
        return None if volume is None else Located(cluster, volume)

    def get(self, share_id: str) -> Located:
        """:raises NotFound: the share has no volume."""
        found = self.find(share_id, all_of_them=True)
        if found is None:
            raise exception.NotFound(
                'Share %s has no volume' % share_id,
                check='gluster volume info on all servers, for a volume with '
                      'user.manila-share %s' % share_id)
        return found

    def home(self, share_id: str) -> tuple[Cluster, str]:
        """Cluster and name of a share's volume, as recorded if it is.

        Asks nobody unless there is no record.
        """
        record = self.diary.read(share_id)
        place = self.clusters.at(record.volume) if record.volume else None
        if place is not None and not record.pending:
            return place[0].proven(), place[1]
        found = self.get(share_id)
        return found.cluster, found.volume.name

    def gib(self, located: Located) -> int | None:
        """GiB that a volume has as far as is known; asks nobody."""
        named = self.settings.pool.size(located.volume.name)
        return named if named is not None \
            else self.measured.get(located.qualified)

    # -- changing --------------------------------------------------------

    def run(self, cluster: Cluster, steps: plan.Plan) -> None:
        self.performer(cluster).run(steps)

    def performer(self, cluster: Cluster) -> performing.Performer:
        return performing.Performer(cluster, self.wiper)

    def claim(self, share: model.Share) -> str:
        """The option by which this service claims volumes."""
        return planning.claim_option(share.host.partition('#')[0]
                                     or self.settings.backend)

    def limit(self, share: model.Share) -> int | None:
        """GiB by which a new share is bounded; None for no bound."""
        return share.size if self.settings.quota else None

    def check_proto(self, share: model.Share) -> None:
        """:raises InvalidRequest: it is not ours."""
        if share.proto != 'GLUSTERFS':
            raise exception.InvalidRequest(
                'Share %s asks for protocol %s; this backend serves '
                'GLUSTERFS' % (share.id, share.proto or '(none)'))

    def locations(self, located: Located) -> list[dict[str, Any]]:
        return [model.export_location(located.export, preferred=True)]
