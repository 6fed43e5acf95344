# SPDX-License-Identifier: Apache-2.0

"""Compare who is let in with who should be.  Pure.

Addresses are compared, not lists: a backend writes the rules of a share in
other networks than they have.
"""

from collections.abc import Iterable
import dataclasses
import ipaddress

from manila_drivers import access
from manila_drivers import inventory
from manila_drivers import networks

Networks = frozenset[networks.Network]
Clients = Networks | frozenset[str]
#: In the place of a name: whoever comes.
EVERYBODY = '*'
# How many clients a finding names.
_NAMED = 5
# Entries by which rules may be cut where they overlap; more than any backend.
_CUTS = 4096


@dataclasses.dataclass(frozen=True)
class Admitted:
    """Clients that may write, and clients that may read, writers included.

    Of networks none lies in another one, and none of the same length make up
    a wider one, so that one is covered if it lies in one of them.
    """

    writers: Clients
    readers: Clients

    def joined(self, other: 'Admitted') -> 'Admitted':
        """Return whom either lets in."""
        return Admitted(_joined(self.writers, other.writers),
                     _joined(self.readers, other.readers))


NOBODY = Admitted(frozenset(), frozenset())


def wanted(rules: Iterable[access.Rule], kind: str) -> Admitted:
    """Return whom rules let in; those that cannot be honoured let in none."""
    if kind != 'ip':
        names = access.name_grants(rules, kind).levels
        return Admitted(frozenset(name for name, level in names.items()
                               if level == access.RW), frozenset(names))
    lists = networks.separate(access.ip_grants(rules).levels, _CUTS)
    return Admitted(_merged(lists.of(access.RW)), _merged(lists.levels))


def seen(clients: inventory.SeenClients) -> tuple[Admitted, tuple[str, ...]]:
    """Return whom a backend lets in.

    :returns: and clients in words that no rule has, such as netgroups.
    """
    either = clients.read_write | clients.read_only
    if clients.kind != 'ip':
        return Admitted(clients.read_write, either), ()
    strange = tuple(sorted(text for text in either if not _read(text)))
    return Admitted(*(_merged(network for text in texts
                           for network in _read(text))
                   for texts in (clients.read_write, either))), strange


def beyond(one: Admitted, other: Admitted) -> list[str]:
    """Return what some clients get by one, and not by the other."""
    writing = _outside(one.writers, other.writers)
    return [*(f'rw {client}' for client in writing),
            *(f'ro {client}' for client in _outside(
                one.readers, other.readers) if client not in writing)]


def common(one: Admitted, other: Admitted) -> dict[str, str]:
    """Return as rules what clients get by both: a level by each client."""
    found = {**dict.fromkeys(_both(one.readers, other.readers), access.RO),
             **dict.fromkeys(_both(one.writers, other.writers), access.RW)}
    return {client if isinstance(client, str) else networks.canonical(client):
            level for client, level in found.items()}


def overlap(one: Admitted, other: Admitted) -> bool:
    """Tell if both let in somebody."""
    return any(mine == theirs or EVERYBODY in (mine, theirs)
               if isinstance(mine, str) or isinstance(theirs, str) else
               mine.version == theirs.version and mine.overlaps(
                   theirs)
               for mine in one.readers for theirs in other.readers)


def several(told: list[str]) -> str:
    """Return a few of them, and how many there are more."""
    more = len(told) - _NAMED
    return ', '.join(told[:_NAMED]) + (f' and {more} more' if more > 0
                                       else '')


def _read(text: str) -> tuple[networks.Network, ...]:
    if text == EVERYBODY:
        return networks.EVERYBODY
    found = networks.parse(text)
    return () if found is None else (networks.plain(found),)


def _merged(found: Iterable[networks.Network]) -> Networks:
    by_version: dict[int, list[networks.Network]] = {4: [], 6: []}
    for network in found:
        by_version[network.version].append(network)
    return frozenset(network for some in by_version.values()
                     for network in ipaddress.collapse_addresses(
                         some))  # type: ignore[type-var]


def _joined(one: Clients, other: Clients) -> Clients:
    either = one | other
    names = frozenset(each for each in either if isinstance(each, str))
    return names or _merged(each for each in either
                            if not isinstance(each, str))


def _both(one: Clients, other: Clients) -> Clients:
    """Return clients that are in both."""
    for mine, others in ((one, other), (other, one)):
        if EVERYBODY in mine:
            return others
    names = frozenset(each for each in one & other if isinstance(each, str))
    return names or _merged(
        max(mine, theirs, key=lambda network: network.prefixlen)
        for mine in one for theirs in other
        if not isinstance(mine, str) and not isinstance(theirs, str)
        and mine.version == theirs.version and mine.overlaps(theirs))


def _outside(some: Clients,
             others: Clients) -> list[str]:
    """Return those that are in none of the others, as text."""
    if EVERYBODY in others:
        return []
    names = sorted(one for one in some
                   if isinstance(one, str) and one not in others)
    table = networks.PrefixTable({other: '' for other in others
                                  if not isinstance(other, str)})
    return names + [networks.canonical(one) for one in sorted(
        (one for one in some if not isinstance(one, str)
         and table.level(one) is None), key=networks.order)]
