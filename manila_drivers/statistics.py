# SPDX-License-Identifier: Apache-2.0

"""Statistics that are complete for every release's scheduler.

Manila's scheduler copies only some keys from a backend into its pools, and a
pool without the three ``reserved_*`` keys makes share creation fail in the
whole cloud.  So every pool gets every key.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

Stats = dict[str, Any]

UNKNOWN = 'unknown'

# Keys that say nothing about a pool, or would say something false about it.
_BACKEND_ONLY = frozenset({
    'pools', 'share_group_stats', 'total_capacity_gb', 'free_capacity_gb',
    'allocated_capacity_gb', 'provisioned_capacity_gb', 'timestamp',
    'server_pools_mapping', 'filter_function', 'goodness_function'})

# What a driver that is silent about a feature does not have.  Keys that the
# base class derives from the driver's methods are not here.
ABSENT: Mapping[str, Any] = {
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
    """The three reserved percentages from the backend's options.

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
    """The same statistics with complete pools.

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
