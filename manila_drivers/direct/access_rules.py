# SPDX-License-Identifier: Apache-2.0

"""Access rules of one share: what is recorded, and what is in force."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Any
from typing import TYPE_CHECKING
import uuid

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import networks
from manila_drivers.direct import rows
from manila_drivers.direct import unasked
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.driving import Driving
    from manila_drivers.registry.registry import Registry

#: Types of rules by protocol, where none is given.
KINDS = {'NFS': 'ip', 'GLUSTERFS': 'cert', 'CIFS': 'user'}

ACTIVE, APPLYING, DENYING, ERROR = 'active', 'applying', 'denying', 'error'


@dataclasses.dataclass(frozen=True)
class AccessRule:
    """Who may do what with a share.

    ``kind`` is ``ip``, ``cert`` or ``user``; ``level`` is ``rw`` or ``ro``.
    It is in force if ``state`` is ``active``; else ``reason`` says why not.
    """

    id: str
    kind: str
    to: str
    level: str
    state: str
    reason: str = ''

    @classmethod
    def of(cls, record: records.RuleEntry) -> 'AccessRule':
        return cls(record.id, record.kind, record.target, record.level,
                   record.state, record.reason)


def target(kind: str, text: str) -> str:
    """Return whom a rule is for in the one form that is recorded.

    Two spellings of one network are one target.
    """
    text = text.strip()
    found = networks.parse(text) if kind == 'ip' and '%' not in text else None
    if found is None:
        return text
    plain = networks.plain(found)
    return (str(plain.network_address)
            if plain.prefixlen == plain.max_prefixlen else str(plain))


class Rules:
    """Change the access of shares.

    Who calls keeps all others out of the share.  A rule whose call was cut
    off is in force for nobody any more after the next change, unless it is
    allowed again: access is never wider than what somebody was told.
    """

    def __init__(self, registry: 'Registry', driving: 'Driving',
                 look: Callable[[str], inventory.Inventory]) -> None:
        self._rules = registry.rules
        self._driving = driving
        self._unasked = unasked.Unasked(driving, self.call, look)

    def of(self, share: records.ShareEntry) -> list[records.RuleEntry]:
        return self._rules.all(share_id=share.id)

    def find(self, share: records.ShareEntry, kind: str,
             wanted: str) -> records.RuleEntry | None:
        """Return the rule for a target, or of an id."""
        there = self.of(share)
        to = target(kind, wanted)
        return next((rule for rule in there if (
            rule.kind, rule.target) == (kind, to)), None) or next(
                (rule for rule in there if rule.id == wanted), None)

    def taken(self, share: records.ShareEntry, kind: str,
              wanted: str) -> records.RuleEntry | None:
        """Return the rule that is to be taken, None if it was already.

        :raises NotFound: it never was: others let in what is meant.
        """
        rule = self.find(share, kind, wanted)
        others = [other.target for other in self.in_force(share)
                  if rule is None and _overlap(other, kind, wanted)]
        if others:
            raise exception.NotFound(
                f'Share {share.name} has no rule for {wanted}, which gets in '
                'by others', backend=share.backend,
                answer='rules for ' + ', '.join(others),
                check='deny one of these')
        return rule

    @staticmethod
    def new(share: records.ShareEntry, kind: str, to: str,
            level: str) -> records.RuleEntry:
        return records.RuleEntry(
            id=str(uuid.uuid4()), share_id=share.id, kind=kind,
            target=target(kind, to), level=level, state=APPLYING)

    def asked(self, share: records.ShareEntry, kind: str, to: str,
              level: str) -> records.RuleEntry:
        """Return the rule for a target with a level, new or as it is."""
        rule = self.find(share, kind, to)
        return self.new(share, kind, to, level) if rule is None \
            else dataclasses.replace(rule, level=level)

    def call(self, driver: Any, share: records.ShareEntry,
             wanted: Sequence[records.RuleEntry]) -> Any:
        """Have a driver make access what the rules say; return its answer."""
        return driver.update_access(None, rows.share(share),
                                    rows.rules(wanted), [], [], [],
                                    share_server=None)

    def in_force(self, share: records.ShareEntry, *,
                 without: str = '') -> list[records.RuleEntry]:
        """Return the rules that are to be in force."""
        return [rule for rule in self.of(share)
                if rule.state == ACTIVE and rule.id != without]

    def need_same(self, share: records.ShareEntry) -> None:
        """Raise InvalidRequest if the rules would let in anybody new."""
        self._unasked.keeping(share, self.of(share), self.in_force(share))

    def with_one(self, share: records.ShareEntry, rule: records.RuleEntry, *,
                 widen: bool) -> list[records.RuleEntry]:
        """Return the rules that are given if one is allowed.

        :raises InvalidRequest: others would let in whom nobody asked for.
        """
        known = self.of(share)
        wanted = [*self.in_force(share, without=rule.id), rule]
        if not widen:
            self._unasked.allowing(share, known, wanted, rule)
        return wanted

    def without_some(self, share: records.ShareEntry,
                     denied: Sequence[records.RuleEntry],
                     ) -> list[records.RuleEntry]:
        """Return the rules that are given if some are denied."""
        known, gone = self.of(share), {rule.id for rule in denied}
        left = [rule for rule in self.in_force(share) if rule.id not in gone]
        return list(self._unasked.denying(share, known, left, denied))

    def allow(self, share: records.ShareEntry, rule: records.RuleEntry, *,
              widen: bool = False) -> records.RuleEntry:
        """Put a rule into force; others stay as they are.

        :param rule: a new one, or one of the share with its new level.
        :param widen: whom the backend does not let in by others gets in.
        :raises InvalidRule: the backend cannot honour it; nothing is left
            of it.
        """
        others = self.with_one(share, rule, widen=widen)[:-1]
        rule = self._begun(share, rule)
        try:
            answer = self._driving.call(lambda driver: self.call(
                driver, share, [*others, rule]))
        except exception.DriverError as exc:
            # Not wanted from now on: what the backend has of it goes with
            # the next change.
            why = str(exc)
            exception.caught_any(lambda: self._rules.change(
                rule, state=ERROR, reason=why))
            raise
        refused = access.refusals(answer)
        self._settle(share, refused, rule.id)
        if rule.id in refused:
            self._rules.remove(rule)
            raise exception.InvalidRule(
                rule.id, f'{rule.level} for {rule.kind} {rule.target} cannot '
                f'be honoured: {refused[rule.id]}')
        return (rule if rule.state == ACTIVE else
                self._rules.change(rule, state=ACTIVE, reason=''))

    def _begun(self, share: records.ShareEntry,
               rule: records.RuleEntry) -> records.RuleEntry:
        """Record that a rule is being given, unless it is in force."""
        there = next((one for one in self.of(share) if one.id == rule.id),
                     None)
        if there is None:
            return self._rules.add(rule)
        if (there.state, there.level) == (ACTIVE, rule.level):
            return there
        return self._rules.change(there, level=rule.level, state=APPLYING,
                                  reason='')

    def deny(self, share: records.ShareEntry, kind: str,
             wanted: Iterable[str]) -> dict[str, exception.DriverError]:
        """Take rules out of force, all in one call of the driver.

        It can be repeated: what was to be denied once is in no list any
        more.  One by one the later ones would be given once more, if the
        records are older than the backend.

        :returns: the errors of :meth:`taken`, by target.
        """
        found = {each: exception.caught(functools.partial(
            self.taken, share, kind, each)) for each in wanted}
        errors = {each: error for each, (_, error) in found.items()
                  if error is not None}
        if len(errors) < len(found):
            denied = {rule.id: rule for rule, _ in found.values()
                      if rule is not None}.values()
            given = self.without_some(share, list(denied))
            for rule in denied:
                self._rules.change(rule, state=DENYING, reason='')
            self.again(share, given)
        return errors

    def again(self, share: records.ShareEntry,
              others: Sequence[records.RuleEntry]) -> None:
        """Let in whom some rules let in that are in force, and nobody else.
        """
        answer = self._driving.call(lambda driver: self.call(
            driver, share, others))
        self._settle(share, access.refusals(answer))

    def _settle(self, share: records.ShareEntry,
                refused: Mapping[str, str], given: str = '') -> None:
        """Record what a call has done to the rules that it was not for.

        :param given: the id of the rule that it was for.
        """
        for rule in self.of(share):
            if rule.state == DENYING:
                self._rules.remove(rule)
            elif rule.id in refused and rule.id != given:
                self._rules.change(rule, state=ERROR,
                                   reason=refused[rule.id])
            elif rule.state == APPLYING and rule.id != given:
                self._rules.change(rule, state=ERROR, reason='the command '
                                   'that gave it was cut off; allow it again')


def _overlap(rule: records.RuleEntry, kind: str, text: str) -> bool:
    """Tell if a rule lets in some of an address or network."""
    if rule.kind != kind or kind != 'ip' or '%' in text:
        return False
    mine, other = networks.parse(text.strip()), networks.parse(rule.target)
    return (mine is not None and other is not None
            and networks.plain(mine).version == networks.plain(other).version
            and networks.plain(mine).overlaps(networks.plain(other)))
