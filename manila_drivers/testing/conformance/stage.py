# SPDX-License-Identifier: Apache-2.0

"""Tell what the scenarios have in common."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import dataclasses
import itertools
from typing import Any
from typing import cast

from manila_drivers import access
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching
from manila_drivers.testing.conformance.lab import Features
from manila_drivers.testing.conformance.lab import Item
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.manager import Manager
from manila_drivers.testing.conformance.manager import Share

Rule = access.Rule


class Stage:
    """A lab, a manager, and the questions that scenarios ask."""

    def __init__(self, lab: Lab, shape: str = '') -> None:
        self.seen = evidence.Observed(lab)
        self.lab = cast(Lab, self.seen)
        self.manager = Manager(self.lab, shape=shape)
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

    # What the lab has to show

    def control(self) -> None:
        """Make a share, let somebody in, and look at what the lab shows.

        Gives a lab the occasion to show what a check had no occasion for.

        :raises NotTried: not even that works.
        """
        try:
            self.manager.restart()
            self.lab.records()
            share = self.manager.create()
            rule = self.rule()
            before = self.lab.records()
            watching.seen(self.lab, share.export, [self.client(rule)])
            self.manager.update(share, add=[rule])
            if self.lab.records() != before:
                self.seen.shows(evidence.RULES)
            watching.seen(self.lab, share.export, [self.client(rule)])
            self.manager.delete(share)
        except Exception as exc:
            raise verdict.NotTried(
                'whether the lab sees anything cannot be told: '
                f'{type(exc).__name__}: {exc}') from exc

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
            watching.check(self.lab, export, meaning.expected(
                share.rules.values(), share.kept_out, clients, self.able))

    def unreachable(self, exports: Iterable[str], *rules: Rule) -> None:
        clients = meaning.clients(rules, self.able)
        for export in exports:
            watching.check(self.lab, export, dict.fromkeys(clients))

    def write(self, share: Share, size: int) -> None:
        """Let a share hold so many bytes.

        :raises NotTried: the lab shows nothing of them afterwards.
        """
        before = self.lab.records()
        self.lab.write(share.export, size)
        self.lab.settle()
        if self.lab.records() != before:
            return
        used = [row['used_size'] for row in (
            self.manager.usage() if self.lab.features.usage else ())
            if row['id'] == share.id]
        if not any(used):
            raise verdict.NotTried(
                'neither records() nor the usage show what write() wrote')

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

    def nothing_but(self, before: Mapping[Item, Any]) -> None:
        """Check that all is as it was, and only what holds all shares came."""
        self.lab.settle()
        watching.nothing_left(self.lab, before)

    def strangers(self, *ids: str) -> dict[Item, Any]:
        """Plant look-alikes of shares to come; all there is then.

        :raises NotTried: nothing was planted, in a lab that says it can.
        """
        before = self.lab.records()
        self.lab.plant_strangers(ids)
        self.lab.settle()
        found = dict(self.lab.records())
        if found == before and evidence.given(self.lab, 'plant_strangers'):
            raise verdict.NotTried(
                'records() show nothing of what plant_strangers() planted')
        return found

    def untouched(self, before: dict[Item, Any]) -> None:
        """Check that all is there as it was, and no more, but for what
        holds all shares."""
        self.lab.settle()
        verdict.same('strangers', before, {
            item: content for item, content in self.lab.records().items()
            if item in before or not self.lab.keeps(item)})


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One sentence of the contract and how to try it.

    :param needs: names of features without which it does not apply.
    :param gives: names of what a lab has to give beyond its four methods.
    :param looks: what the lab must have shown for the check to pass; see
        :mod:`manila_drivers.testing.conformance.evidence`.
    """

    play: Callable[[Stage], None]
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    looks: tuple[str, ...] = (evidence.OBJECTS,)

    @property
    def name(self) -> str:
        return self.play.__name__

    def run(self, lab: Lab) -> None:
        """Play it in a lab of its own.

        :raises Violation: also for errors that a call must not end with,
            as ``raised``.
        :raises NotTried: nothing was wrong, and the lab does not give or did
            not show what the check has to look at.
        """
        evidence.require_given(lab, self.gives)
        try:
            stage = Stage(lab)
            self.play(stage)
            self._look(stage)
        except (verdict.Violation, verdict.NotTried):
            raise
        except Exception as exc:
            raise verdict.Violation(
                'raised', f'{type(exc).__name__}: {exc}') from exc

    def _look(self, stage: Stage) -> None:
        if stage.seen.unseen(self.looks):
            stage.control()
        missing = stage.seen.unseen(self.looks)
        if missing:
            raise verdict.NotTried('; '.join(
                evidence.UNSEEN[kind] for kind in missing))

    def missing(self, features: Features) -> list[str]:
        return [name for name in self.needs if not getattr(features, name)]
