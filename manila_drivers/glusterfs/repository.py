# SPDX-License-Identifier: Apache-2.0

"""Where volumes are found and changed: clusters, journal, locks."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import logging
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import executor
from manila_drivers.glusterfs import journal
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import settings

LOG = logging.getLogger(__name__)

Lock = Callable[..., contextlib.AbstractContextManager[Any]]

# Seconds to wait for others that choose a volume: each takes a few.
_POOL_TIMEOUT = 300.0


@dataclasses.dataclass(frozen=True)
class VolumeFacts:
    """A share's volume, and its entry in the journal."""

    located: clusters.LocatedVolume
    entry: journal.JournalEntry

    @property
    def cluster(self) -> clusters.GlusterCluster:
        return self.located.cluster

    @property
    def volume(self) -> records.Volume:
        return self.located.volume

    @property
    def dynamic(self) -> bool:
        """Tell if clients are cut off as soon as the list has changed."""
        return self.cluster.dynamic(self.volume)


def options_of(steps: plan.Plan) -> dict[str, str]:
    """Return all options that a plan sets."""
    return {option: value for each in steps
            for option, value in each.args.get('options', {}).items()}


class VolumeRepository:
    """One backend: where volumes are found, and changed.

    :param lock: makes a lock by name, for all hosts of the backend.
    :param storage: Manila's private storage.
    """

    def __init__(self, settings: settings.GlusterSettings,
                 clusters: clusters.ClusterSet, storage: Any,
                 lock: Lock, wiper: mounting.Wiper,
                 sleep: Callable[[float], object] = time.sleep,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.clusters = clusters
        self.journal = journal.ShareJournal(storage)
        self.suspects = journal.Suspects(clock)
        #: Changes that the next statistics look at.
        self.unseen = unseen.Unseen(settings.backend, clock)
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
        hosts = sorted(each.address.key for each in self.clusters)
        with contextlib.ExitStack() as stack:
            for host in hosts:
                stack.enter_context(self._lock(
                    'glusterfs-pool-' + host, _POOL_TIMEOUT))
            yield

    # -- finding ---------------------------------------------------------

    def facts(self, share_id: str, *, all_of_them: bool = False,
              entry: journal.JournalEntry | None = None,
              ) -> VolumeFacts | None:
        """Return what is known of a share, None if it has no volume.

        Takes one read where the volume is recorded; otherwise it is looked
        for by name and mark among all volumes.  A volume without any mark is
        the share's if its entry says so.

        :param all_of_them: raise if a cluster cannot be asked, or is not
            known any more.
        :param entry: what is recorded, if it has been read.
        """
        if entry is None:
            entry = self.journal.read(share_id)
        recorded = self.recorded(entry)
        if recorded is not None and claims.ours(recorded.volume, share_id,
                                                entry):
            return VolumeFacts(recorded, entry)
        volumes = self.clusters.volumes(all_of_them=all_of_them)
        found = clusters.owned(share_id, volumes)
        if found is None and recorded is not None and not entry.pending \
                and claims.unmarked(recorded.volume, entry):
            LOG.warning('Volume %s has lost the mark of share %s',
                        recorded.qualified, share_id)
            return VolumeFacts(recorded, entry)
        if found is not None:
            found.volume.check_read()
            if entry.volume not in ('', found.qualified):
                self.journal.moved(share_id, found.qualified)
            return VolumeFacts(found, entry)
        if all_of_them:
            clusters.check_read(volumes)
            if entry.volume:
                self._check_gone(share_id, entry.volume)
        return None

    def _check_gone(self, share_id: str, recorded: str) -> None:
        """Raise BackendError if a recorded volume may be there.

        A server that was made anew knows no volume of its cluster.
        """
        place = self.clusters.at(recorded)
        if place is None:
            raise exception.BackendError(
                'Share %s is recorded as %s, whose server is not configured'
                % (share_id, recorded),
                check='glusterfs_servers (or glusterfs_targets): put a '
                      'server of that cluster back, or unmanage the share')
        if not place[0].gluster.volumes():
            raise exception.BackendError(
                'Share %s is recorded as %s, whose server knows no volume at '
                'all' % (share_id, recorded),
                check='gluster volume info and gluster pool list there: was '
                      'glusterd made anew? If the volume is really gone, '
                      '"openstack share delete --force" lets go of it')

    def recorded(self, entry: journal.JournalEntry,
                 ) -> clusters.LocatedVolume | None:
        """Return the volume that an entry names, if it is there."""
        place = self.clusters.at(entry.volume) if entry.volume else None
        if place is None:
            return None
        volume = place[0].proven().gluster.volume(place[1])
        return None if volume is None else clusters.LocatedVolume(
            place[0], volume)

    def get(self, share_id: str) -> VolumeFacts:
        """:raises NotFound: the share has no volume."""
        found = self.facts(share_id, all_of_them=True)
        if found is None:
            raise exception.NotFound(
                'Share %s has no volume' % share_id,
                check='gluster volume info on all servers, for a volume with '
                      'user.manila-share %s' % share_id)
        return found

    def home(self, share_id: str) -> tuple[clusters.GlusterCluster, str]:
        """Cluster and name of a share's volume, as recorded if it is.

        Asks nobody unless there is no entry.
        """
        entry = self.journal.read(share_id)
        place = self.clusters.at(entry.volume) if entry.volume else None
        if place is not None and not entry.pending:
            return place[0].proven(), place[1]
        found = self.get(share_id)
        return found.cluster, found.volume.name

    def gib(self, located: clusters.LocatedVolume) -> int | None:
        """GiB that a volume has as far as is known; asks nobody."""
        named = self.settings.pool.size(located.volume.name)
        return named if named is not None \
            else self.measured.get(located.qualified)

    # -- changing --------------------------------------------------------

    def run(self, cluster: clusters.GlusterCluster, steps: plan.Plan,
            ) -> dict[str, Any]:
        return executor.VolumeExecutor(
            cluster, self.wiper, self.unseen).run(steps)

    def narrow(self, share_id: str, located: clusters.LocatedVolume,
               steps: plan.Plan) -> None:
        """Carry out a plan that takes access away.

        Until every server goes by it the journal says so: who repeats a call
        that has failed finds the list changed already.

        :raises Busy: a server does not, and may let in who was turned out.
        """
        plan.show(steps)
        self.journal.closing(share_id)
        self.run(located.cluster, steps)
        located.cluster.completeness.check_heard(
            located.volume, options_of(steps))
        self.unseen.forget((located.cluster, located.volume.name))
        self.journal.closed(share_id)

    def claim(self, share: model.Share) -> str:
        """The option by which this service claims volumes."""
        return claims.claim_option(share.host.partition('#')[0]
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

    def locations(self,
                  located: clusters.LocatedVolume) -> list[dict[str, Any]]:
        return [model.export_location(located.export, preferred=True)]
