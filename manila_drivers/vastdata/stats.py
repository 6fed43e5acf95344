# SPDX-License-Identifier: Apache-2.0

"""How much there is, how much is left and how much is promised."""

from collections.abc import Callable
from collections.abc import Iterable
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import cluster
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository

UNKNOWN = 'unknown'


def outermost(quotas: Iterable[records.Quota]) -> list[records.Quota]:
    """Quotas that lie below no other one.

    What counts for a directory counts for those above it as well.
    """
    limited = {quota.path for quota in quotas}
    return [quota for quota in quotas
            if quota.path == '/'
            or limited.isdisjoint(paths.parents(quota.path))]


def promised(quotas: Iterable[records.Quota], root: str) -> int:
    """Bytes promised to shares of this backend: their limits.

    Ours are quotas under the root directory, and quotas elsewhere that
    Manila named, which are managed shares.
    """
    return sum(quota.hard_limit or 0 for quota in outermost(
        [quota for quota in quotas
         if quota.path.startswith(root + '/manila-')
         or paths.is_instance_id(quota.name)]))


def in_use(quotas: Iterable[records.Quota]) -> int | None:
    """Bytes below all quotas of a tenant; None if that is not told.

    One that does not tell beside others that do is new, and may be full: a
    scheduler takes what is not known for enough.
    """
    found = outermost(quotas)
    if found and all(quota.used is None for quota in found):
        return None
    used = [(quota.hard_limit or None) if quota.used is None else quota.used
            for quota in found]
    return None if None in used else sum(size or 0 for size in used)


def bounded(cluster: cluster_records.Cluster, tenant_limit: int,
            tenant_used: int | None) -> tuple[float | str, float | str]:
    """Total and free capacity in GiB, within what the tenant may have."""
    total, free = cluster.total, cluster.free
    if total is None or free is None:
        return UNKNOWN, UNKNOWN
    if tenant_limit:
        total = min(total, tenant_limit)
        if tenant_used is None:
            return _gib(total), UNKNOWN
        free = min(free, max(0, tenant_limit - tenant_used))
    return _gib(total), _gib(free)


def _gib(size: int) -> float:
    return round(size / model.GiB, 3)


class Stats:
    """Hold what the scheduler is told."""

    def __init__(self, found: repository.Repository, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._found = found
        self._cluster = found.cluster
        # Limits change through Manila mostly, and with many thousands of
        # quotas a list takes several requests.
        self._quotas = cluster.Cached(found.quotas, 60.0, clock)

    def read(self) -> dict[str, Any]:
        """Capacities and capabilities, in two requests."""
        now = self._cluster.read_cluster()
        tenant = self._cluster.tenant.get()
        quotas = self._quotas.get()
        total, free = bounded(
            now if now.total is not None else self._sampled(now),
            tenant.hard_limit, in_use(quotas))
        return {
            'total_capacity_gb': total,
            'free_capacity_gb': free,
            'provisioned_capacity_gb': _gib(promised(
                quotas, self._cluster.settings.root)),
            'data_reduction': now.reduction,
            'create_share_from_snapshot_support':
                now.version >= cluster.CLONE_VERSION}

    def _sampled(self, cluster: cluster_records.Cluster,
                 ) -> cluster_records.Cluster:
        """Return the cluster with capacities from its monitor, if it can."""
        try:
            data = self._found.vms.call(
                'GET', 'monitors/ad_hoc_query/', query=(
                    ('object_type', 'cluster'), ('time_frame', '1m'),
                    ('prop_list', 'Capacity,drr'),
                    ('prop_list', 'Capacity,logical_space'),
                    ('prop_list', 'Capacity,logical_space_in_use')))
        except exception.BackendError:
            return cluster
        row = newest(data)
        return cluster_records.Cluster.of({
            'sw_version': cluster.version_text,
            'logical_space': row.get('Capacity,logical_space'),
            'logical_space_in_use': row.get('Capacity,logical_space_in_use'),
            'drr': row.get('Capacity,drr')})


def newest(data: Any) -> dict[str, Any]:
    """The latest row of a monitor's answer by column; {} if it has none.

    Columns come in the order that the answer names, and rows newest first,
    which is not relied on.
    """
    if not isinstance(data, dict) or not data.get('data'):
        return {}
    columns = data.get('prop_list') or []
    rows = [dict(zip(columns, row, strict=False)) for row in data['data']]
    return max(rows, key=lambda row: str(row.get('timestamp') or ''))
