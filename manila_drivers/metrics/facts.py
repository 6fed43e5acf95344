# SPDX-License-Identifier: Apache-2.0

"""Tell what a backend is like at the moment, as values.  Pure."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import math
from typing import Any

from manila_drivers.metrics import catalogue

Sample = tuple[catalogue.Metric, tuple[str, ...], float]

_GIB = 2 ** 30
_CAPACITIES = ((catalogue.POOL_TOTAL, 'total_capacity_gb'),
               (catalogue.POOL_FREE, 'free_capacity_gb'),
               (catalogue.POOL_PROVISIONED, 'provisioned_capacity_gb'))


@dataclasses.dataclass(frozen=True)
class BackendFacts:
    """Hold what one backend is like; None is what is not known.

    ``driver``, ``protocol`` and ``version`` say what serves it; ``stats``
    are the last statistics, read at ``stats_time`` in seconds since 1970;
    ``shares`` counts shares by status, ``owed`` by what they are owed, and
    ``pending`` exports by the NFS server that has to be told.
    """

    driver: str = ''
    protocol: str = ''
    version: str = ''
    stats: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stats_time: float | None = None
    shares: Mapping[str, int] | None = None
    owed: Mapping[str, int] | None = None
    pending: Mapping[str, int] | None = None

    def samples(self, backend: str) -> Iterator[Sample]:
        """Yield metrics with their labels and values.

        What is not known is left out: 0 would say that there is none.
        """
        yield catalogue.INFO, (backend, self.driver, self.protocol,
                               self.version), 1.0
        for metric, counts in ((catalogue.SHARES, self.shares),
                               (catalogue.OWED_CHECKS, self.owed),
                               (catalogue.PENDING_CHANGES, self.pending)):
            for label, number in sorted((counts or {}).items()):
                yield metric, (backend, label), float(number)
        if self.stats_time is None:
            # What is told before the first answer is made up.
            return
        yield catalogue.STATISTICS_TIME, (backend,), self.stats_time
        for pool, told in pools(self.stats, backend):
            for metric, key in _CAPACITIES:
                gib = _number(told.get(key))
                if gib is not None:
                    yield metric, (backend, pool), gib * _GIB


def pools(stats: Mapping[str, Any], backend: str,
          ) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Return pools by name; a backend without any is one of its own name."""
    found = stats.get('pools')
    if not found:
        return [(backend, stats)]
    return [(str(pool['pool_name']), pool) for pool in found]


def _number(value: Any) -> float | None:
    """Return a capacity; "unknown" and "infinite" are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
