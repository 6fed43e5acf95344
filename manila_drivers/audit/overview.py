# SPDX-License-Identifier: Apache-2.0

"""Who can reach which share, by what, as an auditor asks.  Pure."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from manila_drivers import access
from manila_drivers import inventory
from manila_drivers import networks
from manila_drivers.audit import reach
from manila_drivers.registry import records

ALLOWED, FORBIDDEN, MISSING, UNSEEN, PENDING, REFUSED = (
    'by a rule', 'NOT ALLOWED', 'missing', 'not seen', 'in work',
    'rule in error')


@dataclasses.dataclass(frozen=True)
class ClientReach:
    """One client of a share: the level it has, and why.

    ``mark`` is one of the constants of this module.  Of ``missing`` and
    ``not seen`` the level is that of the rules.
    """

    client: str
    level: str
    mark: str
    why: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class AuditedShare:
    """A share with all that was found of who gets in.

    ``rules`` is None where they were not told, ``clients`` where the backend
    says nothing of them.  ``state`` is in words, '' for one that is whole.
    """

    id: str
    name: str
    project: str = ''
    proto: str = ''
    size: int | None = None
    locations: tuple[str, ...] = ()
    state: str = ''
    rules: tuple[records.RuleEntry, ...] | None = ()
    clients: tuple[inventory.SeenClients, ...] | None = None

    def reached(self) -> list[ClientReach]:
        """Return its clients, those first that should not be there."""
        order = (FORBIDDEN, MISSING, UNSEEN, PENDING, REFUSED, ALLOWED)
        return sorted(self._reached(), key=lambda one: order.index(one.mark))

    def _reached(self) -> Iterator[ClientReach]:
        rules = self.rules or ()
        for rule in rules:
            if rule.state != 'active':
                yield ClientReach(rule.target, rule.level, REFUSED
                                  if rule.state == 'error' else PENDING,
                                  (_told(rule),))
        active = [rule for rule in rules if rule.state == 'active']
        if self.clients is None:
            yield from (ClientReach(rule.target, rule.level, UNSEEN,
                                    (_told(rule),)) for rule in active)
            return
        for clients in self.clients:
            yield from self._compared(active, clients)

    def _compared(self, active: list[records.RuleEntry],
                  clients: inventory.SeenClients) -> Iterator[ClientReach]:
        kind = clients.kind
        due = reach.wanted([access.Rule(
            rule.id, rule.kind, rule.target, rule.level)
            for rule in active], kind)
        present, strange = reach.seen(clients)
        nobody = reach.Admitted(frozenset(), frozenset())
        wide = set(reach.beyond(present, due))
        for text in reach.beyond(present, nobody):
            level, _, client = text.partition(' ')
            mark = UNSEEN if self.rules is None else \
                FORBIDDEN if text in wide else ALLOWED
            yield ClientReach(client, level, mark, _why(active, client))
        for client in strange:
            yield ClientReach(client, 'any', FORBIDDEN)
        for text in reach.beyond(due, present):
            level, _, client = text.partition(' ')
            yield ClientReach(client, level, MISSING, _why(active, client))


def overview(entries: Iterable[records.ShareEntry],
             rules: Mapping[str, tuple[records.RuleEntry, ...] | None],
             found: inventory.Inventory, ids: frozenset[str],
             states: Mapping[str, str], projects: Mapping[str, str],
             ) -> tuple[AuditedShare, ...]:
    """Return all shares that are known, and then those that are not.

    :param rules: by share; None where they were not told.
    :param ids: of all shares that are known, of this backend or not.
    """
    told = []
    for entry in entries:
        seen = found.shares.get(entry.id)
        told.append(AuditedShare(
            entry.id, entry.name, projects.get(entry.id, ''), entry.proto,
            entry.size, tuple(str(one['path']) for one in entry.locations),
            states.get(entry.id, '') or (
                '' if entry.status == 'available' else entry.status),
            rules.get(entry.id, ()),
            seen.clients if seen and seen.served else None))
    strangers = [AuditedShare(
        ident, ident, state='not recorded: an orphan', rules=(),
        clients=share.clients if share.served else None)
        for ident, share in found.shares.items() if ident not in ids]
    return (*told, *strangers)


def order(client: str) -> tuple[int, tuple[int, ...], str]:
    """Return what sorts addresses as numbers, and names behind them."""
    network = networks.parse(client)
    if network is None:
        return 9, (), client
    return (network.version, (int(network.network_address),
                              network.prefixlen), client)


def _told(rule: records.RuleEntry) -> str:
    return f'{rule.level} {rule.kind} {rule.target} (rule {rule.id})'


def _why(active: Iterable[records.RuleEntry], client: str,
         ) -> tuple[str, ...]:
    """Return the rules that concern a client."""
    mine = networks.parse(client)
    found = []
    for rule in active:
        other = networks.parse(rule.target)
        if rule.target == client or (
                mine is not None and other is not None
                and mine.version == other.version
                and networks.plain(mine).overlaps(
                    networks.plain(other))):
            found.append(_told(rule))
    return tuple(found)
