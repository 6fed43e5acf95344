# SPDX-License-Identifier: Apache-2.0

"""A backend with strangers, a manager, and the shares of one test."""

from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import cast

from manila_drivers import access
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching
from manila_drivers.testing.conformance.manager import Manager
from manila_drivers.testing.conformance.manager import Share

Rule = access.Rule

#: Networks that overlap in every way.
PLACES = ('10.0.0.0/24', '10.0.0.7', '192.168.0.0/16', '192.168.4.0/22',
          '172.16.5.5', '10.0.0.64/26')


class Scene:
    """Hold what an operation finds, made the same way each time.

    Ids are given out in a fixed order, so that strangers can be made that
    look like shares to come, and runs can be compared.
    """

    def __init__(self, make_lab: lab.MakeLab) -> None:
        self.seen = evidence.Observed(make_lab())
        self.lab = cast(lab.Lab, self.seen)
        self.manager = Manager(self.lab)
        self.share = self.manager.new_share(size=2)
        self.other = self.manager.new_share(size=1)
        self.snapshot = self.manager.new_snapshot(self.share)
        self.clone = self.manager.new_clone(self.snapshot, size=3)
        self.lab.plant_strangers([self.share.id, self.clone.id,
                                  self.snapshot.id])
        self.unmanaged: lab.Unmanaged | None = None
        self.location = ''
        self.lab.settle()
        self.baseline = dict(self.lab.records())

    def close(self) -> None:
        self.lab.close()

    # Rules

    def rule(self, number: int, level: str = 'rw') -> Rule:
        """Return the rule of a number, always one, of a type that is there."""
        able = self.lab.features.access
        if level not in able.levels:
            level = sorted(able.levels)[0]
        kind = 'ip' if 'ip' in able.types else sorted(able.types)[0]
        to = (PLACES[number] if kind == 'ip'
              else history.NAMES[number % len(history.NAMES)] + str(number))
        ident = f'00000000-0000-4000-8000-{number:012d}'
        return Rule(ident, kind, to, level)

    def clients(self) -> tuple[str, ...]:
        """Somebody for each of our rules, and strangers."""
        rules = [self.rule(number) for number in range(len(PLACES))]
        able = self.lab.features.access
        if 'ip' not in able.types:
            return meaning.clients(rules, able)
        inside = (rule.to.partition('/')[0] for rule in rules)
        return (*inside, *meaning.clients((), able))

    # Making things, undisturbed

    def with_share(self, *rules: Rule, size: int = 1024 ** 2) -> None:
        """The share of the scene, with rules and some data."""
        self.manager.create(self.share)
        self.lab.write(self.share.export, size)
        if rules:
            self.manager.update(self.share, add=rules)
            verdict.require(not self.share.refused, 'access.refused',
                            str(self.share.refused))

    def with_snapshot(self) -> None:
        self.with_share(self.rule(0))
        self.manager.create_snapshot(self.share, self.snapshot)
        self.lab.settle()

    def with_clone(self, *, finished: bool) -> None:
        self.with_snapshot()
        if not finished:
            self.lab.slow_clones()
        self.manager.create_from_snapshot(self.clone, self.snapshot)
        if finished:
            self.manager.finish_clone(self.clone)

    def with_unmanaged(self) -> None:
        self.unmanaged = self.lab.make_unmanaged('legacy-export')
        self.lab.settle()

    def clean_up(self) -> None:
        """Delete everything, as users do, whatever became of it."""
        self._delete(self.clone)
        self._delete(self.other)
        # A copy under way may keep its snapshot for a while.
        self.lab.settle()
        if self.snapshot.tried:
            self.manager.delete_snapshot(self.snapshot)
        self._delete(self.share)
        self.lab.settle()

    def _delete(self, share: Share) -> None:
        if share.tried:
            self.manager.delete(share)

    # Looking

    def levels(self) -> dict[str, dict[str, lab.Level]]:
        """Who has what, by export of each share that is there."""
        return {share.export: watching.seen(self.lab, share.export,
                                            self.clients())
                for share in (self.share, self.other, self.clone)
                if share.locations}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How an operation ended: with an error, or a result."""

    error: Exception | None = None
    result: Any = None
    killed: bool = False


def described(things: Sequence[object]) -> str:
    return ', '.join(map(str, things))
