# SPDX-License-Identifier: Apache-2.0

"""One share, one volume: everything that this takes, wired together.

Operators may name this class in ``glusterfs_share_layout``, as they do for
upstream's driver.
"""

from collections.abc import Callable
import logging
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import version
from manila_drivers.glusterfs import address as address_module
from manila_drivers.glusterfs import capacity
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import commandline
from manila_drivers.glusterfs import creating
from manila_drivers.glusterfs import ensuring
from manila_drivers.glusterfs import managing
from manila_drivers.glusterfs import mounting
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import settings as settings_module
from manila_drivers.glusterfs import shares
from manila_drivers.glusterfs import site
from manila_drivers.glusterfs import snapshots
from manila_drivers.transport import local
from manila_drivers.transport import ssh

LOG = logging.getLogger(__name__)

DRIVER_VERSION = '2.0'

#: Makes what runs commands on a server; None is the Manila host.
Transport = Callable[[address_module.Address | None], commandline.Runner]


class GlusterfsVolumeMappedLayout:
    """The parts of the driver below the class that Manila sees.

    Making one does no I/O.

    :param root_helper: what goes before commands as root on this host.
    :param transport: how commands get to servers; a simulator may be put
        here.
    """

    def __init__(self, settings: settings_module.Settings, lock: site.Lock,
                 storage: Any, *, root_helper: str,
                 transport: Transport | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.settings = settings
        self._hosts = ssh.Hosts()
        self._local = local.Local(root_helper)
        chosen = transport or self._transport
        self._clusters = clusters.Clusters([
            clusters.Cluster(address, commandline.Gluster(
                chosen(address), str(address), settings.patience,
                clock=clock, sleep=sleep))
            for address in settings.addresses], clock=clock)
        self.site = site.Site(
            settings, self._clusters, storage, lock, mounting.Wiper(
                chosen(None), settings.mounts, settings.wipe_timeout,
                sleep=sleep, clock=clock), sleep, clock)
        self.creator = creating.Creator(self.site)
        self.shares = shares.Shares(self.site)
        self.snapshots = snapshots.Snapshots(self.site, self.shares)
        self.ensurer = ensuring.Ensurer(self.site)
        self.manager = managing.Manager(self.site)
        self.statistics = capacity.Statistics(self.site, clock=clock)

    def _transport(self, address: address_module.Address | None,
                   ) -> commandline.Runner:
        if address is None or not address.user:
            return self._local
        return self._hosts.host(self.settings.access.target(address))

    def close(self) -> None:
        self._hosts.close()

    # -- start -----------------------------------------------------------

    def check(self) -> None:
        """Look at everything once.

        :raises DriverError: this host cannot mount volumes, no cluster
            answers, or no volume belongs to the pool.
        """
        self.site.wiper.check()
        for cluster in self._clusters:
            cluster.unproven = True
        found = self._clusters.each(self._inspect)
        whole = clusters.distinct(found)
        for cluster, volumes in found:
            if volumes and not any(each.cluster is cluster for each in whole):
                LOG.warning('Server %s shows the volumes of another one of '
                            'glusterfs_servers: name one server of each '
                            'cluster', cluster)
        pool = [volume for _, volumes in found for volume in volumes]
        if not pool:
            option = ('glusterfs_volume_pattern' if self.settings.pattern
                      else 'glusterfs_targets')
            raise exception.ConfigurationError(
                option, 'there is no such volume on %s' % ', '.join(
                    str(cluster) for cluster, _ in found))

    def _inspect(self, cluster: clusters.Cluster) -> list[records.Volume]:
        """The volumes of a cluster that are of the pool."""
        cluster.prove()
        text = clusters.dotted(cluster.version or ())
        pool = self.settings.pool
        volumes = [volume for volume in cluster.gluster.volumes()
                   if pool.has(cluster.address.host, volume.name)]
        free = [volume for volume in volumes if volume.free]
        unusable = {volume.name: pool.unfit(volume) for volume in free
                    if pool.unfit(volume)}
        wiping = [volume.name for volume in volumes
                  if volume.state == records.WIPING]
        LOG.info('Cluster %s has GlusterFS %s and %d volumes of the pool, '
                 '%d of them free', cluster, text, len(volumes),
                 len(free) - len(unusable))
        for name, why in unusable.items():
            LOG.warning('Cluster %s: volume %s is not used: %s', cluster,
                        name, why)
        if wiping:
            LOG.warning('Cluster %s: volumes %s are half emptied; repeat the '
                        'deletion of their shares', cluster,
                        ', '.join(wiping))
        return volumes

    def info(self) -> dict[str, str]:
        """What shares and their export locations depend on, as text.

        Manila checks all shares when this differs from what it was.
        """
        chosen = self.settings
        return {'driver_version': DRIVER_VERSION,
                'library_version': version.version_string(),
                'servers': ','.join(map(str, chosen.addresses)),
                'pattern': chosen.pattern,
                'server_names': ','.join(chosen.infrastructure.servers),
                'manila_names': ','.join(chosen.infrastructure.hosts)}
