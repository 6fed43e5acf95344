# SPDX-License-Identifier: Apache-2.0

"""IP networks and the levels they give: the most specific one decides.

Pure.  Everything that compares, nests or cuts networks is here; what a rule
or a server's list is, is said by whoever reads it.

A level is any value but None: ``rw`` and ``ro`` of rules, ``''`` of a client
that a server names and gives nothing.  None stands for no network at all.
Networks are either nested or apart, so that a look-up by each length of a
prefix finds all that hold another: a share may have thousands of rules.
"""

import bisect
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import functools
import ipaddress
from typing import Generic
from typing import TypeVar

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Level = TypeVar('Level')

EVERYBODY: tuple[Network, ...] = (ipaddress.ip_network('0.0.0.0/0'),
                                  ipaddress.ip_network('::/0'))


# Reading and writing

# Manila sends all rules of a share with each change of one, and servers say
# the same clients again and again.
@functools.lru_cache(maxsize=65536)
def parse(text: str) -> Network | None:
    """Return the network that a text names, None if it is no address.

    Host bits are cleared; a single address is a network of full length.
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@functools.lru_cache(maxsize=65536)
def plain(network: Network) -> Network:
    """Return an IPv4 network that is written as one of IPv6 as what it is.

    Servers know clients of IPv4 by their IPv4 address, so that a rule for
    ``::ffff:192.0.2.1`` would let nobody in.
    """
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


@functools.lru_cache(maxsize=65536)
def canonical(network: Network) -> str:
    """Return the text of a network; an address is written without length."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def order(network: Network) -> tuple[int, int, int]:
    """Return a sort key: IPv4 first, then by address, wider ones first."""
    return (network.version, int(network.network_address),
            network.prefixlen)


def halves(network: Network) -> list[Network]:
    """Return two networks for everybody, else the network itself.

    Kernel NFS and Ganesha let nobody in for a network of length 0.
    """
    return [network] if network.prefixlen else list(network.subnets())


# Looking up

def level_for(levels: Mapping[Network, Level],
              address: Address | str) -> Level | None:
    """Return what the most specific network gives: the reference model.

    This is the meaning that every backend's lists are tested against, and so
    looks at each network.
    """
    host = ipaddress.ip_address(address) if isinstance(address, str) \
        else address
    # Of networks that hold the same address the narrowest is the greatest.
    best = max((network for network in levels if host in network),
               default=None)
    return None if best is None else levels[best]


class PrefixTable(Generic[Level]):
    """Levels by network, for look-ups of the longest prefix that matches.

    Of the same network the first level stays.  A look-up costs as many steps
    as there are lengths of prefixes.
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
        """Yield (length, level) of the networks that hold ``network``.

        The most specific one comes first; ``network`` holds itself.
        """
        tables = self._tables[network.version]
        for length in sorted(tables, reverse=True):
            if length <= network.prefixlen:
                level = tables[length].get(_bits(network, length))
                if level is not None:
                    yield length, level

    def level(self, network: Network) -> Level | None:
        """Return what the most specific one gives the whole network."""
        return next((level for _, level in self.holding(network)), None)

    def at(self, version: int, address: int) -> Level | None:
        """Return what the most specific one gives an address."""
        tables, most = self._tables[version], _LENGTHS[version]
        for length in sorted(tables, reverse=True):
            level = tables[length].get(address >> most - length)
            if level is not None:
                return level
        return None


def _bits(network: Network, length: int) -> int:
    return int(network.network_address) >> (network.max_prefixlen - length)


class Within:
    """Networks by what they lie in."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._sorted = sorted({(one.version, int(one.network_address),
                                int(one.broadcast_address))
                               for one in networks})

    def __call__(self, network: Network) -> bool:
        """Return whether one of them lies within ``network``."""
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


def first_decides(pairs: Iterable[tuple[Network, Level]],
                  ) -> tuple[dict[Network, Level], bool]:
    """Return the levels that a list gives whose first match decides.

    A network behind a wider one of another level gives nothing of its own
    and is left out.

    :returns: the levels, of which the most specific decides, and whether
        none was left out.
    """
    found: dict[Network, Level] = {}
    table = PrefixTable[Level]()
    whole = True
    for network, level in pairs:
        if network in found:
            continue
        if table.level(network) in (None, level):
            found[network] = level
            table.add(network, level)
        else:
            whole = False
    return found, whole


# Comparing two sets of levels

_RANK = {None: 0, '': 0, 'ro': 1, 'rw': 2}
_SINGLE: Mapping[int, type[Network]] = {4: ipaddress.IPv4Network,
                                        6: ipaddress.IPv6Network}
_LENGTHS = {4: 32, 6: 128}


def meet(one: Mapping[Network, str],
         other: Mapping[Network, str]) -> dict[Network, str]:
    """Return levels that give everybody the less of what two give them."""
    here, there = PrefixTable(one), PrefixTable(other)
    found = {}
    for network in {**one, **other}:
        level = min(here.level(network), there.level(network),
                    key=_RANK.__getitem__)
        if level is not None:
            found[network] = level
    return found


def takes_away(before: Mapping[Network, str],
               after: Mapping[Network, str]) -> bool:
    """Return whether somebody has less after than before."""
    return any(_RANK[has] < _RANK[had]
               for _, had, has in _compared(before, after))


def differing(one: Mapping[Network, str],
              other: Mapping[Network, str]) -> list[Network]:
    """Return an address of each range that two levels do not give alike."""
    return [_SINGLE[version](address) for (version, address), here, there
            in _compared(one, other) if _RANK[here] != _RANK[there]]


def _compared(one: Mapping[Network, str], other: Mapping[Network, str],
              ) -> Iterator[tuple[tuple[int, int], str | None, str | None]]:
    """Yield an address of each range, with what both give there.

    What somebody gets changes nowhere but where a network begins or ends, so
    that a network and its two halves are the same.
    """
    here, there = PrefixTable(one), PrefixTable(other)
    for edge in _edges((*one, *other)):
        yield edge, here.at(*edge), there.at(*edge)


def _edges(networks: Iterable[Network]) -> set[tuple[int, int]]:
    """Return the first address of each network, and the one behind it."""
    found: set[tuple[int, int]] = set()
    for network in networks:
        first = int(network.network_address)
        found.add((network.version, first))
        behind = first + (1 << network.max_prefixlen - network.prefixlen)
        if behind >> network.max_prefixlen == 0:
            found.add((network.version, behind))
    return found


# Cutting, for backends that keep one list for each level

@dataclasses.dataclass(frozen=True)
class Disjoint:
    """Networks of which no two of different levels overlap.

    :param levels: in the order of :func:`order`.
    :param refused: networks that are left out, with the reason.
    """

    levels: Mapping[Network, str]
    refused: Mapping[Network, str]

    def of(self, level: str) -> tuple[Network, ...]:
        """Return the networks of one level, in order."""
        return tuple(network for network, given in self.levels.items()
                     if given == level)


def separate(levels: Mapping[Network, str], limit: int) -> Disjoint:
    """Write levels without an address in networks of two levels.

    Some backends do not say what an address gets that is in two lists.  So
    where a network lies inside one of another level, the wider one is
    written as what remains when the narrower one is cut out.  The result
    means what "the most specific one decides" means.

    :param limit: how many entries cutting may add over all.  Where it would
        add more, the narrower networks are refused instead, and the wider
        one stays as it is.  0 never cuts.
    """
    refused: dict[Network, str] = {}
    if len({*levels.values()}) < 2:
        return Disjoint({network: levels[network]
                         for network in sorted(levels, key=order)}, refused)
    while True:
        left = {network: level for network, level in levels.items()
                if network not in refused}
        holes = _holes(left)
        more = _over(holes, left, limit)
        if not more:
            break
        refused.update(more)
    pieces = {piece: level for network, level in left.items()
              for piece in _cut(network, holes.get(network, ()))}
    return Disjoint({network: pieces[network]
                     for network in sorted(pieces, key=order)}, refused)


def _over(holes: Mapping[Network, list[Network]],
          levels: Mapping[Network, str],
          limit: int) -> dict[Network, str]:
    """Return the narrower ones of the first network beyond the limit."""
    spare = limit
    for network in sorted(holes, key=order):
        spare -= max(1, len(_cut(network, holes[network])) - 1)
        if spare < 0:
            why = ('it lies inside the %s rule for %s, and this backend '
                   'keeps at most %d extra entries for such overlaps'
                   % (levels[network], network, limit))
            return dict.fromkeys(holes[network], why)
    return {}


def _holes(levels: Mapping[Network, str]) -> dict[Network, list[Network]]:
    """Return for each network the widest ones of another level inside it.

    One pass in order of address, with the enclosing ones on a stack, finds
    them all.
    """
    found: dict[Network, list[Network]] = {}
    stack: list[Network] = []
    for network in sorted(levels, key=order):
        while stack and not _inside(network, stack[-1]):
            stack.pop()
        for outer in reversed(stack):
            if levels[outer] == levels[network]:
                break
            found.setdefault(outer, []).append(network)
        stack.append(network)
    return found


def _inside(inner: Network, outer: Network) -> bool:
    return (inner.prefixlen >= outer.prefixlen
            and inner.network_address in outer)


def _cut(network: Network, holes: Iterable[Network]) -> list[Network]:
    """Return the fewest networks that cover ``network`` without ``holes``."""
    inside = [hole for hole in holes if _inside(hole, network)]
    if not inside:
        return [network]
    if network in inside:
        return []
    return [piece for half in network.subnets()
            for piece in _cut(half, inside)]


def outside(network: Network, hole: Network) -> list[Network]:
    """Return what of a network is not in another one, as networks."""
    if _inside(network, hole):
        return []
    return _cut(network, [hole]) if _inside(hole, network) else [network]
