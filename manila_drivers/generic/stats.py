# SPDX-License-Identifier: Apache-2.0

"""How much there is and how much is left, as Cinder's quotas say."""

from typing import Any

from manila_drivers.generic import settings
from manila_drivers.openstack import records

UNKNOWN = 'unknown'


def capacities(limits: records.VolumeLimits) -> tuple[Any, Any]:
    """Return total and free GiB of the project that has the volumes.

    Without a quota for them nothing is known: how much the storage behind
    Cinder has, only its scheduler knows.
    """
    total, used = limits.gigabytes, limits.gigabytes_used
    if total is None or total < 0 or used is None:
        return UNKNOWN, UNKNOWN
    free = max(0, total - used)
    count, there = limits.volumes, limits.volumes_used
    if count is not None and there is not None and 0 <= count <= there:
        # There is room, and no volume may be made of it.
        free = 0
    return float(total), float(free)


class GenericStats:
    """Hold what the scheduler is told."""

    def __init__(self, cloud: Any,
                 chosen: settings.GenericSettings) -> None:
        self._cloud = cloud
        self._chosen = chosen

    def read(self) -> dict[str, Any]:
        """Return capacities and capabilities, in one request."""
        total, free = capacities(self._cloud.volumes.limits())
        return {
            'total_capacity_gb': total,
            'free_capacity_gb': free,
            'storage_protocol': '_'.join(
                proto for proto in ('NFS', 'CIFS')
                if proto in self._chosen.protocols)}
