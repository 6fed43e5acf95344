# SPDX-License-Identifier: Apache-2.0

"""Overlapping rules for backends that keep one list per level.

Some backends take a read/write list and a read-only list and do not say what
an address gets that is in both.  So no address may ever be: where a rule of
one level lies inside a network of the other, the wider network is written as
the networks that remain when the narrower one is cut out.  The result means
exactly what "the most specific rule decides" means.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

from manila_drivers import access

Network = access.Network


@dataclasses.dataclass(frozen=True)
class Lists:
    """Networks by level, no address in both; and the rules left out."""

    rw: tuple[Network, ...]
    ro: tuple[Network, ...]
    errors: Mapping[str, str]


def separate(grants: access.Grants[Network], limit: int) -> Lists:
    """Write grants as two lists that have no address in common.

    :param limit: how many entries cutting may add over all.  Where it would
        add more, the narrower rules are refused instead, and the wider one
        stays as it is.  0 never cuts.
    """
    while True:
        holes = _holes(grants.levels)
        refused = _over(holes, grants.levels, limit)
        if not refused:
            return _lists(grants, holes)
        grants = grants.without(refused)


def _over(holes: Mapping[Network, list[Network]],
          levels: Mapping[Network, str],
          limit: int) -> dict[Network, str]:
    """The narrower rules of the first network that exceeds the limit."""
    spare = limit
    for network in sorted(holes, key=access.order):
        spare -= max(1, len(_cut(network, holes[network])) - 1)
        if spare < 0:
            why = ('it lies inside the %s rule for %s, and this backend '
                   'keeps at most %d extra entries for such overlaps'
                   % (levels[network], network, limit))
            return dict.fromkeys(holes[network], why)
    return {}


def _lists(grants: access.Grants[Network],
           holes: Mapping[Network, list[Network]]) -> Lists:
    entries: dict[str, set[Network]] = {access.RW: set(), access.RO: set()}
    for network, level in grants.levels.items():
        entries[level].update(_cut(network, holes.get(network, [])))
    return Lists(rw=tuple(sorted(entries[access.RW], key=access.order)),
                 ro=tuple(sorted(entries[access.RO], key=access.order)),
                 errors=grants.errors)


def _holes(levels: Mapping[Network, str]) -> dict[Network, list[Network]]:
    """For each network, the widest ones of the other level inside it.

    Networks are either nested or apart, so that one pass in order of address
    with the enclosing ones on a stack finds them all.
    """
    found: dict[Network, list[Network]] = {}
    stack: list[Network] = []
    for network in sorted(levels, key=access.order):
        while stack and not _inside(network, stack[-1]):
            stack.pop()
        for outer in reversed(stack):
            if levels[outer] == levels[network]:
                break
            found.setdefault(outer, []).append(network)
        stack.append(network)
    return found


def _inside(inner: Network, outer: Network) -> bool:
    return (inner.version == outer.version
            and inner.prefixlen >= outer.prefixlen
            and inner.network_address in outer)


def _cut(network: Network, holes: Iterable[Network]) -> list[Network]:
    """The fewest networks that cover ``network`` without ``holes``."""
    inside = [hole for hole in holes if _inside(hole, network)]
    if not inside:
        return [network]
    if network in inside:
        return []
    return [piece for half in network.subnets()
            for piece in _cut(half, inside)]
