# SPDX-License-Identifier: Apache-2.0

"""Tell what rules that are given once more give to whom gets nothing now.

Records may be older than the backend: a registry, or a database of Manila,
that was brought back from a backup has rules that were denied since.  So who
gives rules again that nobody has just asked for turns out whom no rule lets
in, and lets in nobody more unless that was asked for.  Pure.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import functools
import uuid

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import reach
from manila_drivers.registry import records

Rules = Sequence[records.RuleEntry]


@dataclasses.dataclass(frozen=True)
class Widening:
    """One share whose rules would be given.

    ``gives`` says who gets in by them who does not now, on any server.
    ``narrow`` are those of the rules that can be given with nobody getting
    more, nor anybody whom a rule lets in getting less; None if there are no
    such.  ``blind`` is True where it is not known who gets in now.
    """

    gives: tuple[str, ...]
    narrow: Rules | None
    blind: bool = False

    def need(self, name: str, how: str = 'widen') -> None:
        """Raise InvalidRequest if somebody would get more, or may.

        :param how: what gives it all the same.
        """
        if self.blind:
            raise exception.InvalidRequest(
                f'It is not known who gets into share {name} now, so that its '
                'rules were not given', check='audit again, which says what '
                f'could not be read; or {how}, whoever gets in')
        if self.gives:
            raise exception.InvalidRequest(
                f'Share {name} would let in {reach.several(list(self.gives))}'
                ', whom its backend does not let in now, so that they were '
                'not given access', check=f'if they shall have it, {how}; '
                'else share deny, for all of them at once')


def decide(rules: Rules, seen: inventory.SeenShare | None,
           asked: Rules = ()) -> Widening:
    """Return what it means to give the rules that are in force.

    :param seen: the share as the backend has it, None if that is not known.
    :param asked: whom these let in may get as much, since it was asked for.
    """
    there = _may(rules, seen, asked)
    kinds = there.keys()
    gives = tuple(text for kind in sorted(kinds)
                  for text in reach.beyond(_due(rules, kind), there[kind]))
    if not gives:
        return Widening((), rules)
    narrow = [rule for rule in rules if not any(reach.beyond(
        _due([rule], kind), there[kind]) for kind in kinds)]
    left = [rule for rule in rules if rule not in narrow]
    if seen is None or seen.unseen:
        return Widening(gives, None, blind=True)
    if any(reach.overlap(_due(left, kind), there[kind])
           or reach.beyond(_due(narrow, kind), there[kind])
           for kind in kinds):
        return Widening(gives, None)
    return Widening(gives, narrow)


def clipped(rules: Rules, seen: inventory.SeenShare | None,
            asked: Rules = ()) -> list[records.RuleEntry]:
    """Return what of the rules can be given with nobody getting more.

    They are nobody's records: a network of which half gets in is that half.
    """
    return [records.RuleEntry(
        str(uuid.uuid4()), rules[0].share_id, kind, client, level, 'active')
        for kind, there in _may(rules, seen, asked).items()
        for client, level in reach.common(_due(rules, kind), there).items()
        ] if rules else []


def unknown(rules: Rules, seen: inventory.SeenShare | None,
            asked: Rules = ()) -> list[str]:
    """Return who gets in whom no rule lets in."""
    clients = seen.clients if seen is not None else ()
    return [text for kind in sorted({each.kind for each in clients})
            for text in (*reach.beyond(_present(seen, kind),
                                       _due(rules, kind).joined(
                                           _due(asked, kind))),
                         *(text for each in clients if each.kind == kind
                           for text in reach.seen(each)[1]))]


def _may(rules: Rules, seen: inventory.SeenShare | None,
         asked: Rules) -> dict[str, reach.Admitted]:
    """Return who may get in by each kind of rule: who does, and who shall."""
    # What a backend never lets in by is refused when it is given.
    kinds = {clients.kind for clients in seen.clients} \
        if seen is not None and seen.clients else {rule.kind for rule in rules}
    return {kind: _present(seen, kind).joined(_due(asked, kind))
            for kind in kinds}


def _due(rules: Iterable[records.RuleEntry], kind: str) -> reach.Admitted:
    return reach.wanted([access.Rule(rule.id, rule.kind, rule.target,
                                     rule.level) for rule in rules], kind)


def _present(seen: inventory.SeenShare | None, kind: str) -> reach.Admitted:
    """Return whom any server lets in."""
    return functools.reduce(reach.Admitted.joined, (
        reach.seen(clients)[0] for clients in (seen.clients if seen else ())
        if clients.kind == kind), reach.NOBODY)
