#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What the scenarios have in common."""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import dataclasses
import itertools
from typing import Any

from manila_drivers import access
from manila_drivers.conformance import lab as lab_module
from manila_drivers.conformance import manager as manager_module
from manila_drivers.conformance import meaning
from manila_drivers.conformance import sweep
from manila_drivers.conformance import verdict
from manila_drivers.conformance import watching

Rule = access.Rule
Share = manager_module.Share
Snapshot = manager_module.Snapshot


class Stage:
    """A lab, a manager, and the questions that scenarios ask."""

    def __init__(self, lab: lab_module.Lab, shape: str = '') -> None:
        self.lab = lab
        self.manager = manager_module.Manager(lab, shape=shape)
        self.able = lab.features.access
        self._numbers = itertools.count(1)

    # Rules

    def rule(self, to: str = '', level: str = 'rw') -> Rule:
        """A rule that can be honoured, of a type that there is.

        :param to: an address or network, where rules are of type ``ip``.
        """
        number = next(self._numbers)
        if level not in self.able.levels:
            level = sorted(self.able.levels)[0]
        if 'ip' in self.able.types:
            return self.manager.rule(to or f'10.1.{number // 250}.'
                                     f'{number % 250 + 1}', level)
        kind = sorted(self.able.types)[0]
        return self.manager.rule(f'client{number}', level, kind)

    def impossible_rule(self) -> Rule:
        kind = next(kind for kind in ('cephx', 'user', 'cert')
                    if kind not in self.able.types)
        return self.manager.rule('mallory', kind=kind)

    def client(self, rule: Rule) -> str:
        """Somebody whom a rule admits."""
        return rule.to.partition('/')[0] if rule.type == 'ip' else rule.to

    # Shares

    def shared(self, *rules: Rule, size: int = 1) -> Share:
        """A share with rules, each of which is honoured."""
        share = self.manager.create(size=size)
        if rules:
            self.manager.update(share, add=rules)
            verdict.require(not share.refused, 'access.refused',
                            str(share.refused))
        return share

    def exact(self, share: Share, *others: Rule) -> None:
        """Everybody has what the share's rules say.

        :param others: rules whose clients are asked about as well.
        """
        rules = [*share.rules.values(), *share.refused.values(), *others]
        clients = meaning.clients(rules, self.able)
        for export in share.exports:
            watching.check(self.lab, export,
                           meaning.levels(share.rules.values(), clients))

    def unreachable(self, exports: Iterable[str], *rules: Rule) -> None:
        clients = meaning.clients(rules, self.able)
        for export in exports:
            watching.check(self.lab, export, dict.fromkeys(clients))

    # Questions

    @contextlib.contextmanager
    def changes_nothing(self, check: str) -> Any:
        """Whatever happens inside, the backend is as it was."""
        before = dict(self.lab.records())
        yield
        verdict.same(check, before, self.lab.records())

    def fails(self, check: str, call: Callable[[], Any],
              *kinds: str) -> Exception:
        """A call must raise one of Manila's exceptions.

        :param kinds: names of acceptable classes; all if there are none.
        """
        try:
            result = call()
        except Exception as exc:  # noqa: BLE001 - that is what is examined
            sweep.documented(self.lab, exc)
            known = [base.__name__ for base in type(exc).__mro__]
            verdict.require(not kinds or set(kinds) & set(known), check,
                            f'{type(exc).__name__} instead of '
                            f'{" or ".join(kinds)}: {exc}')
            return exc
        raise verdict.Violation(check, f'no error, but {result!r}')

    def nothing_but(self, before: frozenset[lab_module.Item]) -> None:
        """Only what holds all shares may have come."""
        self.lab.settle()
        left = [item for item in self.lab.inventory() - before
                if not self.lab.keeps(item)]
        verdict.require(not left, 'delete.leftover', str(sorted(left)))

    def strangers(self, *ids: str) -> dict[lab_module.Item, Any]:
        """Plant look-alikes of shares to come; all there is then."""
        self.lab.plant_strangers(ids)
        self.lab.settle()
        return dict(self.lab.records())

    def untouched(self, before: dict[lab_module.Item, Any]) -> None:
        """What was there is there, as it was; no more is, but for what
        holds all shares."""
        self.lab.settle()
        verdict.same('strangers', before, {
            item: content for item, content in self.lab.records().items()
            if item in before or not self.lab.keeps(item)})


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One sentence of the contract and how to try it.

    :param needs: names of features without which it does not apply.
    """

    play: Callable[[Stage], None]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.play.__name__

    def run(self, lab: lab_module.Lab) -> None:
        """Play it in a lab of its own.

        :raises Violation: also for errors that a call must not end with,
            as ``raised``.
        """
        try:
            self.play(Stage(lab))
        except verdict.Violation:
            raise
        except Exception as exc:
            raise verdict.Violation(
                'raised', f'{type(exc).__name__}: {exc}') from exc

    def missing(self, features: lab_module.Features) -> list[str]:
        return [name for name in self.needs if not getattr(features, name)]
