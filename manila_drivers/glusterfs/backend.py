# SPDX-License-Identifier: Apache-2.0

"""One share, one volume: everything that this takes, wired together."""

from collections.abc import Callable
import time
from typing import Any

from manila_drivers import version
from manila_drivers.glusterfs import access
from manila_drivers.glusterfs import adoption
from manila_drivers.glusterfs import checks
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import health
from manila_drivers.glusterfs import inventory
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import repository
from manila_drivers.glusterfs import settings
from manila_drivers.glusterfs import shares
from manila_drivers.glusterfs import snapshots
from manila_drivers.glusterfs import stats
from manila_drivers.transport import local
from manila_drivers.transport import ssh

DRIVER_VERSION = '2.0'

#: Makes what runs commands on a server; None is the Manila host.
Transport = Callable[[paths.ServerAddress | None], client.CommandRunner]


class GlusterBackend:
    """The parts of the driver below the class that Manila sees.

    Making one does no I/O.

    :param lock: makes a lock by name, for all hosts of the backend.
    :param private_storage: Manila's.
    :param root_helper: what goes before commands as root on this host.
    :param transport: how commands get to servers; a simulator may be put
        here.
    """

    def __init__(self, settings: settings.GlusterSettings, *,
                 lock: repository.Lock, private_storage: Any,
                 root_helper: str, transport: Transport | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.settings = settings
        self._hosts = ssh.Hosts()
        self._local = local.Local(root_helper)
        chosen = transport or self._transport
        self.repository = repository.VolumeRepository(
            settings, clusters.ClusterSet([
                clusters.GlusterCluster(address, client.GlusterClient(
                    chosen(address), str(address), settings.patience,
                    clock=clock, sleep=sleep))
                for address in settings.addresses], clock=clock),
            private_storage, lock, mounting.Wiper(
                chosen(None), settings.mounts, settings.wipe_timeout,
                sleep=sleep, clock=clock), sleep, clock)
        self.unseen = self.repository.unseen
        self.stats = stats.GlusterStats(self.repository, clock=clock)
        self.shares = shares.GlusterShares(self.repository)
        self.access = access.GlusterAccess(self.repository)
        self.snapshots = snapshots.GlusterSnapshots(self.repository,
                                                    self.access.update)
        self.health = health.GlusterHealth(self.repository)
        self.inventory = inventory.GlusterInventory(self.repository)
        self.adoption = adoption.GlusterAdoption(self.repository)

    def _transport(self, address: paths.ServerAddress | None,
                   ) -> client.CommandRunner:
        if address is None or not address.user:
            return self._local
        return self._hosts.host(self.settings.credentials.target(address))

    def close(self) -> None:
        self._hosts.close()

    def check(self) -> None:
        """See :func:`manila_drivers.glusterfs.checks.check`."""
        checks.check(self.repository)

    def server_times(self) -> dict[str, Callable[[], str]]:
        """Return what asks each server for its seconds since 1970."""
        return {str(cluster): cluster.gluster.server_time
                for cluster in self.repository.clusters}

    def info(self) -> dict[str, str]:
        """Return what shares and their export locations depend on, as text.

        Manila checks all shares when this differs from what it was.
        """
        chosen = self.settings
        return {'driver_version': DRIVER_VERSION,
                'library_version': version.version_string(),
                'servers': ','.join(map(str, chosen.addresses)),
                'pattern': chosen.pattern,
                'server_names': ','.join(chosen.infrastructure.servers),
                'manila_names': ','.join(chosen.infrastructure.hosts)}
