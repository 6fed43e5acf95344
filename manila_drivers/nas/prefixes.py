# SPDX-License-Identifier: Apache-2.0

"""Networks and what they give, found without looking at each.  Pure.

A share may have thousands of rules, and cutting one network out of another
makes more of them.  Comparing each with each other took minutes.
"""

import bisect
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Generic
from typing import TypeVar

from manila_drivers import access

Network = access.Network
Level = TypeVar('Level')


class Prefixes(Generic[Level]):
    """Levels, or what else there is, by network.

    Of the same network the first one stays.  There is one table for each
    length of a prefix, so that a look-up costs as many steps as there are
    lengths.
    """

    def __init__(self, levels: Mapping[Network, Level] | None = None,
                 ) -> None:
        self._tables: dict[int, dict[int, dict[int, Level]]] = {4: {}, 6: {}}
        for network, level in (levels or {}).items():
            self.add(network, level)

    def add(self, network: Network, level: Level) -> None:
        table = self._tables[network.version].setdefault(
            network.prefixlen, {})
        table.setdefault(_bits(network, network.prefixlen), level)

    def holding(self, network: Network) -> Iterator[tuple[int, Level]]:
        """(length, level) of the networks that ``network`` lies within.

        The most specific one first; ``network`` is within itself.
        """
        tables = self._tables[network.version]
        for length in sorted(tables, reverse=True):
            if length <= network.prefixlen:
                level = tables[length].get(_bits(network, length))
                if level is not None:
                    yield length, level

    def level(self, network: Network) -> Level | None:
        """What the most specific one gives the whole of ``network``."""
        return next((level for _, level in self.holding(network)), None)

    def hides(self, network: Network, level: Level) -> bool:
        """Whether a wider one gives this network another level.

        It decides, where the first entry that matches a client does.
        """
        return any(given != level and length < network.prefixlen
                   for length, given in self.holding(network))


def _bits(network: Network, length: int) -> int:
    return int(network.network_address) >> (network.max_prefixlen - length)


class Within:
    """Networks by what they lie in."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._sorted = sorted({(one.version, int(one.network_address),
                                int(one.broadcast_address))
                               for one in networks})

    def __call__(self, network: Network) -> bool:
        """Whether one of them lies within ``network``."""
        version, last = network.version, int(network.broadcast_address)
        at = bisect.bisect_left(self._sorted, (
            version, int(network.network_address), 0))
        # Wider ones that begin where it begins come among the first.
        for found, begin, end in self._sorted[at:at + network.max_prefixlen]:
            if found != version or begin > last:
                return False
            if end <= last:
                return True
        return False
