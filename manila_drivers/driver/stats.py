# SPDX-License-Identifier: Apache-2.0

"""Statistics that are complete for every release's scheduler.

Manila's scheduler copies only some keys from a backend into its pools, and a
pool without the three ``reserved_*`` keys makes share creation fail in the
whole cloud.  So every pool gets every key.
"""

from collections.abc import Callable
from collections.abc import Mapping
import logging
from typing import Any

from oslo_utils import timeutils

from manila_drivers import exception
from manila_drivers.driver import configured
from manila_drivers.driver import measured
from manila_drivers.driver import observing
from manila_drivers.driver.context import driver_call

LOG = logging.getLogger(__name__)

Stats = dict[str, Any]

UNKNOWN = 'unknown'

# Keys that say nothing about a pool, or would say something false about it.
_BACKEND_ONLY = frozenset({
    'pools', 'share_group_stats', 'total_capacity_gb', 'free_capacity_gb',
    'allocated_capacity_gb', 'provisioned_capacity_gb', 'timestamp',
    'server_pools_mapping', 'filter_function', 'goodness_function'})

# What a driver that is silent about a feature does not have.
ABSENT: Mapping[str, Any] = {
    'snapshot_support': False,
    'create_share_from_snapshot_support': False,
    'total_capacity_gb': UNKNOWN,
    'free_capacity_gb': UNKNOWN,
    'qos': False,
    'dedupe': False,
    'compression': False,
    'thin_provisioning': False,
    'replication_type': None,
    'revert_to_snapshot_support': False,
    'mount_snapshot_support': False,
    'mount_point_name_support': False,
    'snapshot_inherit_share_access_support': False,
    'share_server_multiple_subnet_support': False}


def reserved(option: Callable[[str], Any]) -> Stats:
    """Return the three reserved percentages from the backend's options.

    The two special ones fall back to the general one where they are 0.
    """
    general = option('reserved_share_percentage') or 0
    return {
        'reserved_percentage': general,
        'reserved_snapshot_percentage':
            option('reserved_share_from_snapshot_percentage') or general,
        'reserved_share_extend_percentage':
            option('reserved_share_extend_percentage') or general}


def with_pools(stats: Mapping[str, Any],
               functions: Callable[[str], Stats]) -> Stats:
    """Return statistics with complete pools.

    :param functions: the filter and goodness functions of a pool, by name.

    A list without any pool becomes None, one pool made of the backend:
    an empty list would mean that nothing can ever be placed here.
    """
    common = {key: value for key, value in stats.items()
              if key not in _BACKEND_ONLY}
    pools = [{'total_capacity_gb': UNKNOWN, 'free_capacity_gb': UNKNOWN,
              'allocated_capacity_gb': 0, **common,
              **functions(pool['pool_name']), **pool}
             for pool in stats.get('pools') or ()]
    return {**stats, 'pools': pools or None}


class Statistics(measured.Measured[configured.B]):
    """Report capacities and capabilities, whatever state a backend is in."""

    VENDOR = 'Open Source'
    DRIVER_VERSION = '1.0'
    #: Statistics that hold without asking the backend.
    CAPABILITIES: Mapping[str, Any] = {}

    @driver_call(periodic=True)
    def get_share_stats(self, refresh: bool = False, **kwargs: Any) -> Stats:
        """Return statistics; never raise, which would restart the service.

        While the backend does not answer, the last statistics stand; before
        the first answer its capacity is "unknown".
        """
        if refresh or not self._stats:
            _, error = exception.caught_any(self._update_share_stats)
            if error is not None:
                LOG.warning(
                    'Backend %s: no new statistics: %s', self.backend_name,
                    error, exc_info=LOG.isEnabledFor(logging.DEBUG) and error)
                self._stats = self._stats or self._stats_unasked()
                observing.kept_back(error)
            self._measured(error)
            # That capacities are not told, say, stops nothing else.
            if not isinstance(error, exception.TransportError):
                self._go_on()
        return self._stats

    def _go_on(self) -> None:
        _, error = exception.caught_any(self._catch_up)
        if error is not None:
            LOG.warning('Backend %s: what could not be finished before is '
                        'tried again later: %s', self.backend_name, error)

    def _catch_up(self) -> None:
        """Go on with what could not be finished; called with statistics."""

    def _static_stats(self) -> Stats:
        """Return what holds without asking the backend."""
        return {'vendor_name': self.VENDOR,
                'driver_version': self.DRIVER_VERSION,
                'storage_protocol': self.STORAGE_PROTOCOL,
                **self.CAPABILITIES}

    def _update_share_stats(self, data: Any = None) -> None:
        """Store statistics that are complete for every release.

        :param data: what goes before what is known without asking, with or
            without ``pools``; the backend is asked for it unless given.
        """
        if data is None and self.has_backend():
            data = self._backend.stats.read()
        super()._update_share_stats(self._complete_stats(data or {}))

    @driver_call(periodic=True)
    def update_share_usage_size(self, context: Any, shares: Any,
                                **kwargs: Any) -> list[dict[str, Any]]:
        """Return used GiB of the shares that the backend knows."""
        if not self.has_backend():
            return []
        used, now = self._backend.shares.usage(), timeutils.utcnow()
        # What it does not tell is left out: Manila keeps what it knew.
        told = {share['id']: used.get(share['id'], used.get(share.get('name')))
                for share in shares}
        return [{'id': ident, 'gathered_at': now, 'used_size': round(gib, 3)}
                for ident, gib in told.items() if gib is not None]

    def _complete_stats(self, data: Stats) -> Stats:
        stats = {
            'share_backend_name': self.backend_name,
            'driver_handles_share_servers': self.driver_handles_share_servers,
            **ABSENT,
            **self._common_flags(),
            **reserved(self.option),
            'max_over_subscription_ratio':
                self.option('max_over_subscription_ratio'),
            **self._functions(),
            'pools': self.pools,
            **self._static_stats(),
            **data}
        if self.driver_handles_share_servers:
            stats['max_shares_per_share_server'] = (
                self.max_shares_per_share_server)
            stats['max_share_server_size'] = self.max_share_server_size
        return with_pools(stats, self._functions)

    def _common_flags(self) -> Stats:
        """Return what the base class derives from a driver's attributes."""
        return {
            'replication_domain': self.replication_domain,
            'security_service_update_support':
                self.security_service_update_support,
            'network_allocation_update_support':
                self.network_allocation_update_support,
            'share_replicas_migration_support': getattr(
                self, 'share_replicas_migration_support', False),
            'encryption_support': getattr(self, 'encryption_support', None),
            'qos_type_support': getattr(self, 'qos_type_support', False)}

    def _functions(self, pool: str | None = None) -> Stats:
        """Return filter and goodness function, which pools do not inherit."""
        return {'filter_function': self.get_filter_function(pool=pool),
                'goodness_function': self.get_goodness_function()}

    def _stats_unasked(self) -> Stats:
        """Return statistics of a backend that has not answered yet."""
        versions = self.get_configured_ip_versions()
        return {**self._complete_stats({}),
                'ipv4_support': 4 in versions, 'ipv6_support': 6 in versions,
                'share_group_stats': {'consistent_snapshot_support': None}}
