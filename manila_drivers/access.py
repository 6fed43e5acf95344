# SPDX-License-Identifier: Apache-2.0

"""Access rules as values, and what follows from a list of them.

Everything here is pure.  A driver reads Manila's rules with :func:`rules_of`
and turns them into grants with :func:`ip_grants` or :func:`name_grants`.
Where a backend wants one list per level, :func:`.networks.separate` splits
them.

Where rules overlap, **the most specific one decides** for the addresses it
names.  Backends differ here (in kernel NFS the first network that matches
decides), so that each driver has to bring this about.  Manila refuses two
rules for one target; should the same network arrive twice under different
spellings and levels, the weaker level (``ro``) stays and the other rule is in
error, so that access is never wider than some rule says.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks

RW = 'rw'
RO = 'ro'
LEVELS = (RW, RO)

Network = networks.Network
#: Says which networks of some levels cannot be served, and why.
Refusal = Callable[[Mapping[Network, str]], Mapping[Network, str]]
Item = TypeVar('Item', bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Rule:
    """One of Manila's access rules.

    ``access_id`` is the id that users see and that results are keyed by.
    Instance rules carry it under that name; share-level rules only as ``id``.
    """

    access_id: str
    type: str
    to: str
    level: str = RW

    @classmethod
    def of(cls, row: 'model.Row | Rule') -> 'Rule':
        if isinstance(row, Rule):
            return row
        # Snapshot rules have no level: they are always read-only.
        return cls(access_id=str(row.get('access_id') or row.get('id')),
                   type=str(row.get('access_type') or '').lower(),
                   to=str(row.get('access_to') or '').strip(),
                   level=str(row.get('access_level') or RO).lower())


def rules_of(rows: 'Iterable[model.Row | Rule] | None') -> tuple[Rule, ...]:
    """Read Manila's rules, in the order given."""
    return tuple(Rule.of(row) for row in rows or ())


@dataclasses.dataclass(frozen=True)
class Grants(Generic[Item]):
    """Who gets what, and which rules cannot be honoured.

    ``levels`` maps a network or a name to ``rw`` or ``ro``; ``source`` maps
    the same keys to the id of the rule they come from; ``errors`` maps the
    id of each refused rule to the reason, in words for the user.
    """

    levels: Mapping[Item, str]
    source: Mapping[Item, str]
    errors: Mapping[str, str]

    def without(self, refused: Mapping[Item, str]) -> 'Grants[Item]':
        """Return these less some items, each refused for its reason."""
        errors = dict(self.errors)
        errors.update((self.source[item], why)
                      for item, why in refused.items())
        return Grants(
            levels={item: level for item, level in self.levels.items()
                    if item not in refused},
            source={item: rule for item, rule in self.source.items()
                    if item not in refused},
            errors=errors)


def ip_grants(rules: Iterable[Rule], *, levels: Collection[str] = LEVELS,
              versions: Collection[int] = (4, 6)) -> Grants[Network]:
    """Networks and their levels from rules of type ``ip``.

    Host bits are cleared, a single address is a network of full length, and
    what is IPv4 under a name of IPv6 is IPv4.
    Rules of another type, level, IP version or form end up in ``errors``.
    """
    def network(rule: Rule) -> Network:
        found = _network(rule)
        if found.version not in versions:
            raise exception.InvalidRule(
                rule.access_id, 'IPv%d rules are not supported by this '
                'backend' % found.version)
        return found

    return _grants(rules, 'ip', levels, network)


def name_grants(rules: Iterable[Rule], kind: str, *,
                levels: Collection[str] = LEVELS,
                pattern: str = r'[^\x00-\x1f\x7f]{1,255}'
                ) -> Grants[str]:
    """Names and their levels from rules of type ``user``, ``cert``, ....

    :param kind: the access type that is accepted.
    :param pattern: regular expression that a whole name must match.
    """
    def name(rule: Rule) -> str:
        if not re.fullmatch(pattern, rule.to):
            raise exception.InvalidRule(
                rule.access_id, '%r is not an acceptable name for an access '
                'rule of type %s' % (rule.to, kind))
        return rule.to

    return _grants(rules, kind, levels, name)


def _network(rule: Rule) -> Network:
    # A scope id ("fe80::1%eth0") means something on one host alone.
    found = None if '%' in rule.to else networks.parse(rule.to)
    if found is None:
        raise exception.InvalidRule(
            rule.access_id, '%r is neither an IP address nor a network'
            % rule.to)
    return networks.plain(found)


def _grants(rules: Iterable[Rule], kind: str, levels: Collection[str],
            parse: Any) -> Grants[Any]:
    found: dict[Any, Rule] = {}
    errors: dict[str, str] = {}
    for rule in rules:
        try:
            item = _checked(rule, kind, levels, parse)
            loser = _weaker_stays(found, item, rule)
        except exception.InvalidRule as exc:
            errors[exc.access_id] = exc.what
            continue
        if loser is not None:
            errors[loser.access_id] = (
                'another rule gives %s a weaker level' % loser.to)
    return Grants(levels={item: rule.level for item, rule in found.items()},
                  source={item: rule.access_id
                          for item, rule in found.items()},
                  errors=errors)


def _checked(rule: Rule, kind: str, levels: Collection[str],
             parse: Any) -> Any:
    if rule.type != kind:
        raise exception.InvalidRule(
            rule.access_id, 'access type %r is not supported, only %r is'
            % (rule.type, kind))
    if rule.level not in levels:
        raise exception.InvalidRule(
            rule.access_id, 'access level %r is not supported, only %s'
            % (rule.level, ' and '.join(sorted(levels))))
    return parse(rule)


def _weaker_stays(found: dict[Any, Rule], item: Any,
                  rule: Rule) -> Rule | None:
    """Enter a rule; return the one that lost to a weaker level, if any."""
    present = found.get(item)
    if present is None:
        found[item] = rule
    elif present.level != rule.level:
        winner, loser = ((rule, present) if rule.level == RO
                         else (present, rule))
        found[item] = winner
        return loser
    return None


class RuleStates(dict[str, dict[str, str]]):
    """The answer of ``update_access``, with the reasons that it cannot hold.

    Manila takes the states; whoever has no log to read takes ``reasons``, by
    access id.
    """

    reasons: Mapping[str, str] = {}


def states(errors: Mapping[str, str]) -> RuleStates:
    """Refused rules in the shape that ``update_access`` returns."""
    made = RuleStates({access_id: {'state': 'error'} for access_id in errors})
    made.reasons = dict(errors)
    return made


def refusals(answer: Mapping[str, Mapping[str, str]] | None,
             ) -> dict[str, str]:
    """Return why rules are in error, of an answer of ``update_access``."""
    reasons = getattr(answer, 'reasons', {})
    return {access_id: reasons.get(access_id, 'the driver does not say why')
            for access_id, told in (answer or {}).items()
            if told.get('state') == 'error'}


# Rules that a backend cannot keep apart

# No client has this address.
_NOBODY = networks.parse('0.0.0.0/32')


@dataclasses.dataclass(frozen=True)
class Servable:
    """Hold what a backend can be told of some levels.

    :param levels: what it is told; nobody has more by it than they shall.
    :param refused: networks that do not get just what they shall, and why.
    """

    levels: Mapping[Network, str]
    refused: Mapping[Network, str]


def servable(wanted: Mapping[Network, str], current: Mapping[Network, str],
             refused: Refusal) -> Servable:
    """Return what can be given, where not everything can be said.

    A backend may not be able to keep readers apart from a network that may
    write.  Nobody comes to write for that: such a network keeps what it has
    now, less what is taken away, and is given nothing.  Where that cannot be
    said either, it may only read.  Taking away depends on none of it.

    :param current: what the backend gives now.
    :param refused: says which networks of some levels it leaves out.
    """
    why = dict(refused(wanted))
    if not readers(wanted, why):
        return Servable(_less(wanted, why), why)
    left = _narrower(wanted, current, why)
    left = readable(left, refused)
    decides = networks.PrefixTable({network: network for network in wanted})
    return Servable(left, {
        network: why.get(network, 'networks that may only read lie within '
                         'it, and cannot be kept apart from it')
        for address in networks.differing(wanted, left)
        if (network := decides.level(address)) is not None})


def _narrower(wanted: Mapping[Network, str], current: Mapping[Network, str],
              why: Collection[Network]) -> Mapping[Network, str]:
    """Return what is left where networks keep what they have at most.

    :param why: networks that cannot be kept apart from these.
    """
    left = _less(wanted, why)
    writing = networks.PrefixTable(dict.fromkeys(_writing(wanted, why), RW))
    left = {
        **{network: level for network, level in left.items()
           if writing.level(network) is None},
        **{network: level
           for network, level in networks.meet(current, left).items()
           if writing.level(network) is not None}}
    _take_writing_away(left, wanted)
    # Readers that nobody lets write any more.
    held = networks.Within(network for network, level in left.items()
                           if level == RW)
    table = networks.PrefixTable(left)
    left.update((network, RO) for network in readers(wanted, why)
                if table.level(network) is None and not held(network))
    return left


def _take_writing_away(levels: dict[Network, str],
                       wanted: Mapping[Network, str]) -> None:
    """Let those only read who shall, where nothing around them writes.

    They had more by what was in force for themselves.
    """
    shall = networks.PrefixTable(wanted)
    around: networks.PrefixTable[str] = networks.PrefixTable()
    for network in sorted(levels, key=lambda one: one.prefixlen):
        if levels[network] == RW and shall.level(network) == RO \
                and around.level(network) != RW:
            levels[network] = RO
        around.add(network, levels[network])


def readable(levels: Mapping[Network, str],
             refused: Refusal) -> Mapping[Network, str]:
    """Return what is left where nobody writes who shall only read.

    A network that readers cannot be kept apart from may only read.
    """
    while readers(levels, why := refused(levels)):
        writing = networks.PrefixTable(dict.fromkeys(
            _writing(levels, why), RW))
        levels = {network: RO if writing.level(network) else level
                  for network, level in levels.items()}
    return _less(levels, why)


def _less(levels: Mapping[Network, str],
          dropped: Collection[Network]) -> dict[Network, str]:
    return {network: level for network, level in levels.items()
            if network not in dropped}


def readers(levels: Mapping[Network, str],
            refused: Collection[Network]) -> list[Network]:
    """Return refused networks that could write by a wider one."""
    if not refused:
        return []
    left = networks.PrefixTable(_less(levels, refused))
    return [network for network in refused
            if levels[network] == RO and left.level(network) == RW
            and network != _NOBODY]


def _writing(levels: Mapping[Network, str],
             refused: Collection[Network]) -> list[Network]:
    """Return the networks that would let them."""
    inside = networks.Within(readers(levels, refused))
    return [network for network, level in levels.items()
            if level == RW and network not in refused and inside(network)]
