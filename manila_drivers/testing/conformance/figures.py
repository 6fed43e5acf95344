# SPDX-License-Identifier: Apache-2.0

"""Statistics that the scheduler can work with."""

from collections.abc import Iterator
from collections.abc import Mapping
import math
from typing import Any

from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import verdict

# Without one of these at pool level Manila's scheduler raises KeyError.
POOL_KEYS = ('pool_name', 'total_capacity_gb', 'free_capacity_gb',
             'reserved_percentage', 'reserved_snapshot_percentage',
             'reserved_share_extend_percentage')
BACKEND_KEYS = ('share_backend_name', 'driver_handles_share_servers',
                'vendor_name', 'driver_version', 'storage_protocol')
#: What the scheduler takes instead of a number.
WORDS = ('unknown', 'infinite')
CAPACITIES = ('total_capacity_gb', 'free_capacity_gb')
SHARES_OF_IT = ('reserved_percentage', 'reserved_snapshot_percentage',
                'reserved_share_extend_percentage')
COUNTS = ('allocated_capacity_gb', 'provisioned_capacity_gb')


def pools(stats: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the pools; without any the whole backend is one."""
    return list(stats.get('pools') or [{'pool_name': 'implied', **stats}])


def require_complete(stats: Mapping[str, Any],
                     features: lab.Features) -> None:
    """:raises Violation: something is missing, or cannot be worked with."""
    verdict.require(stats.get('pools') != [], 'stats.pools',
                    'no pool: nothing can be scheduled')
    missing = [key for key in BACKEND_KEYS if stats.get(key) is None]
    for pool in pools(stats):
        missing += [key for key in POOL_KEYS if pool.get(key) is None]
    verdict.require(not missing, 'stats.keys', ', '.join(missing))
    wrong = [*_wrong(stats, features)]
    verdict.require(not wrong, 'stats.values', '; '.join(wrong))


def _wrong(stats: Mapping[str, Any],
           features: lab.Features) -> Iterator[str]:
    servers = stats['driver_handles_share_servers']
    if not isinstance(servers, bool):
        yield f'driver_handles_share_servers is {servers!r}, not a boolean'
    told = str(stats['storage_protocol']).upper().split('_')
    if features.proto.upper() not in told:
        yield (f'storage_protocol is {stats["storage_protocol"]!r}, the lab '
               f'says {features.proto}')
    names = [pool['pool_name'] for pool in pools(stats)]
    if len(set(names)) < len(names):
        yield f'two pools have one name: {names}'
    for pool in pools(stats):
        for text in _wrong_numbers(pool):
            yield f'pool {pool["pool_name"]}: {text}'


def _wrong_numbers(pool: Mapping[str, Any]) -> Iterator[str]:
    for key in CAPACITIES:
        if pool[key] not in WORDS and not _is_amount(pool[key]):
            yield f'{key} is {pool[key]!r}'
    for key in COUNTS:
        if pool.get(key) is not None and not _is_amount(pool[key]):
            yield f'{key} is {pool[key]!r}'
    for key in SHARES_OF_IT:
        if not _is_amount(pool[key]) or pool[key] > 100:
            yield f'{key} is {pool[key]!r}'
    total, free = (pool[key] for key in CAPACITIES)
    if _is_amount(total) and _is_amount(free) and free > total:
        yield f'{free} GiB of {total} are free'


def _is_amount(value: Any) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)
            and math.isfinite(value) and value >= 0)
