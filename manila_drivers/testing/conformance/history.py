# SPDX-License-Identifier: Apache-2.0

"""Random histories of a share's access rules, as data.

A history is what Manila could ask of a driver, step by step; it is made
without a driver, so that it can be printed, repeated and shortened.
"""

from collections.abc import Callable
import dataclasses
import itertools
import random
import uuid

from manila_drivers import access
from manila_drivers.testing.conformance.lab import Access
from manila_drivers.testing.conformance.lab import Lab

Rule = access.Rule

# Few places, many overlaps.
NETWORKS = (
    '10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/9', '10.0.0.0/16',
    '10.0.0.0/24', '10.0.0.0/25', '10.0.0.128/25', '10.0.0.64/26',
    '10.0.0.0/31', '10.0.0.0', '10.0.0.0/32', '10.0.0.7', '10.0.0.7/32',
    '10.0.0.8', '10.0.0.127', '10.0.0.128', '10.0.0.255',
    '10.255.255.255', '10.0.1.0/24', '0.0.0.0/0', '0.0.0.0/1',
    '128.0.0.0/1', '192.168.0.0/16', '192.168.7.0/24', '192.168.7.7',
    '0.0.0.0', '255.255.255.255',  # noqa: S104 - nobody binds to it
    '172.16.5.4/30', '172.16.5.5')
NETWORKS_6 = ('2001:db8::/32', '2001:db8::/64', '2001:db8::1',
              '2001:db8::1/128', '2001:db8::8000:0:0:0/65', '::/0', '::1')
NAMES = ('alice', 'bob', 'carol', 'alice.example.org', 'CN-with-dash')
BAD = (('user', 'mallory'), ('cert', 'mallory.example.org'),
       ('cephx', 'mallory'), ('ip', 'not an address'),
       ('ip', '10.0.0.300'))


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of ``update_access``, or something that happens.

    :param kind: ``update``, ``resync`` (no rule in any list), ``reapply``
        (all rules are added), ``repeat`` (the call before once more),
        ``restart`` (a new process), or ``tamper``: somebody changes access
        by hand and Manila resyncs.
    :param number: chooses among the lab's ways to tamper.
    """

    kind: str
    add: tuple[Rule, ...] = ()
    delete: tuple[Rule, ...] = ()
    change: tuple[Rule, ...] = ()
    number: int = 0

    def __str__(self) -> str:
        parts = [f'{name} {_texts(rules)}' for name, rules in (
            ('add', self.add), ('deny', self.delete),
            ('change', self.change)) if rules]
        return ' '.join([self.kind, *parts])


History = tuple[Step, ...]


def _texts(rules: tuple[Rule, ...]) -> str:
    return ', '.join(f'{rule.type} {rule.to} {rule.level}' for rule in rules)


def text(history: History) -> str:
    return '\n'.join(f'  {number}. {step}'
                     for number, step in enumerate(history, 1))


class Maker:
    """Makes histories that fit what a backend can honour.

    :param choice: where chance comes from.
    """

    def __init__(self, choice: random.Random,
                 able: Access, *, tampering: bool) -> None:
        self._choice = choice
        self._able = able
        self._tampering = tampering
        self._rules: dict[str, Rule] = {}
        self._numbers = itertools.count(1)

    def history(self, longest: int = 8) -> History:
        kinds = ['update'] * 12 + ['resync', 'resync', 'reapply', 'repeat',
                                   'restart']
        if self._tampering:
            kinds += ['tamper'] * 2
        steps = [self._update()]
        for _ in range(self._choice.randint(1, longest - 1)):
            kind = self._choice.choice(kinds)
            if kind == 'update':
                steps.append(self._update())
            else:
                steps.append(Step(kind, number=self._choice.randint(0, 99)))
        return tuple(steps)

    def _update(self) -> Step:
        """Any mixture of the three lists, none of them empty by rule."""
        change = tuple(self._changed(rule) for rule in self._some(2))
        changed = {rule.access_id for rule in change}
        delete = [rule for rule in self._some(3)
                  if rule.access_id not in changed]
        for rule in delete:
            del self._rules[rule.access_id]
        if self._choice.random() < 0.05:
            # Manila may deny what the driver has never heard of.
            delete.append(self._rule())
        wanted = 1 if not (change or delete) else 0
        add = tuple(self._added() for _ in range(
            self._choice.randint(wanted, 3)))
        return Step('update', add, tuple(delete), change)

    def _some(self, most: int) -> list[Rule]:
        number = min(len(self._rules), self._choice.randint(0, most))
        return self._choice.sample(sorted(
            self._rules.values(), key=lambda rule: rule.access_id), number)

    def _changed(self, rule: Rule) -> Rule:
        other = 'ro' if rule.level == 'rw' else 'rw'
        changed = dataclasses.replace(rule, level=other)
        self._rules[rule.access_id] = changed
        return changed

    def _added(self) -> Rule:
        rule = self._rule()
        self._rules[rule.access_id] = rule
        return rule

    def _rule(self) -> Rule:
        """A rule whose text no other rule has: Manila sees to that."""
        taken = {(rule.type, rule.to) for rule in self._rules.values()}
        while True:
            kind, to = self._target()
            if (kind, to) not in taken:
                break
        ident = uuid.UUID(int=next(self._numbers), version=4)
        return Rule(str(ident), kind, to,
                    self._choice.choice(('rw', 'ro')))

    def _target(self) -> tuple[str, str]:
        if self._choice.random() < 0.08:
            return self._choice.choice(BAD)
        kind = self._choice.choice(sorted(self._able.types))
        if kind != 'ip':
            return kind, self._choice.choice(NAMES) + str(
                self._choice.randint(0, 3))
        if self._choice.random() < (
                0.3 if 6 in self._able.ip_versions else 0.05):
            return kind, self._choice.choice(NETWORKS_6)
        if self._choice.random() < 0.2:
            bits = self._choice.randint(20, 32)
            host = self._choice.getrandbits(12) >> (32 - bits) << (32 - bits)
            return kind, f'10.0.{host >> 8}.{host & 255}/{bits}'
        return kind, self._choice.choice(NETWORKS)


def make(choice: random.Random, lab: Lab,
         longest: int = 8) -> History:
    return Maker(choice, lab.features.access,
                 tampering=bool(lab.tampers())).history(longest)


def shortened(history: History, fails: Callable[[History], bool]) -> History:
    """Return that failure with fewer steps and rules, dropping all it can."""
    again = True
    while again:
        again = False
        for shorter in _shorter(history):
            if fails(shorter):
                history, again = shorter, True
                break
    return history


def _shorter(history: History) -> 'itertools.chain[History]':
    whole = (history[:n] + history[n + 1:] for n in range(len(history)))
    return itertools.chain(whole, _fewer_rules(history))


def _fewer_rules(history: History) -> list[History]:
    """Without one rule, wherever it occurs."""
    idents = sorted({rule.access_id for step in history for rule in
                     (*step.add, *step.delete, *step.change)})
    return [tuple(_without(step, ident) for step in history)
            for ident in idents]


def _without(step: Step, ident: str) -> Step:
    def less(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(rule for rule in rules if rule.access_id != ident)
    return dataclasses.replace(step, add=less(step.add),
                               delete=less(step.delete),
                               change=less(step.change))
