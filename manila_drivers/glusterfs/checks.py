# SPDX-License-Identifier: Apache-2.0

"""Checks of everything a backend depends on, at the start."""

import logging

from manila_drivers import exception
from manila_drivers.glusterfs import clusters
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository

LOG = logging.getLogger(__name__)


def check(repo: repository.VolumeRepository) -> None:
    """Look at this host and at all clusters.

    :raises DriverError: this host cannot mount volumes, no cluster answers,
        or no volume belongs to the pool.
    """
    repo.wiper.check()
    for cluster in repo.clusters:
        cluster.unproven = True
    found = repo.clusters.each(lambda cluster: _inspect(repo, cluster))
    whole = clusters.distinct(found)
    for cluster, volumes in found:
        if volumes and not any(each.cluster is cluster for each in whole):
            LOG.warning('Server %s shows the volumes of another one of '
                        'glusterfs_servers: name one server of each cluster',
                        cluster)
    if not any(volumes for _, volumes in found):
        option = ('glusterfs_volume_pattern' if repo.settings.pattern
                  else 'glusterfs_targets')
        raise exception.ConfigurationError(
            option, 'there is no such volume on %s' % ', '.join(
                str(cluster) for cluster, _ in found))


def _inspect(repo: repository.VolumeRepository,
             cluster: clusters.GlusterCluster) -> list[records.Volume]:
    """Return the volumes of a cluster that are of the pool."""
    cluster.prove()
    pool = repo.settings.pool
    volumes = [volume for volume in cluster.gluster.volumes()
               if pool.has(cluster.address.host, volume.name)]
    free = [volume for volume in volumes if volume.free]
    unusable = {volume.name: pool.unfit(volume) for volume in free
                if pool.unfit(volume)}
    wiping = [volume.name for volume in volumes
              if volume.state == records.WIPING]
    LOG.info('Cluster %s has GlusterFS %s and %d volumes of the pool, %d of '
             'them free', cluster, clusters.dotted(cluster.version or ()),
             len(volumes), len(free) - len(unusable))
    unusable |= {volume.name: volume.unread for volume in volumes
                 if volume.unread}
    for name, why in unusable.items():
        LOG.warning('Cluster %s: volume %s is not used: %s', cluster, name,
                    why)
    if wiping:
        LOG.warning('Cluster %s: volumes %s are half emptied; repeat the '
                    'deletion of their shares', cluster, ', '.join(wiping))
    return volumes
