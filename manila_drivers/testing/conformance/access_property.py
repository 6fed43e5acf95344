# SPDX-License-Identifier: Apache-2.0

"""Effective access equals the rules after every step of any history.

And while a step is under way nobody has more than before or after it, and
nobody is cut off whose access does not change.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import random
from typing import cast

from manila_drivers import access
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import manager
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching
from manila_drivers.testing.conformance.history import History
from manila_drivers.testing.conformance.history import make
from manila_drivers.testing.conformance.history import shortened
from manila_drivers.testing.conformance.history import Step
from manila_drivers.testing.conformance.history import text
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import Level
from manila_drivers.testing.conformance.lab import MakeLab

Rule = access.Rule


@dataclasses.dataclass(frozen=True)
class Tally:
    """Hold what there was to look at in one history.

    :param looks: after external calls, while a step was under way.
    :param unseen: kinds of evidence that the lab did not show; see
        :mod:`manila_drivers.testing.conformance.evidence`.
    """

    steps: int
    looks: int
    unseen: tuple[str, ...] = ()


def run(lab: Lab, history: History) -> Tally:
    """Play one history on a new share, then delete it.

    :raises Violation: at the first step that breaks the contract.
    """
    return Player(lab, history).play()


def run_seed(make_lab: MakeLab, seed: int) -> Tally:
    """Make a history from a number and play it.

    :raises Violation: with the shortest history that fails likewise.
    """
    lab = make_lab()
    try:
        history = make(
            random.Random(seed), lab)  # noqa: S311 - to be repeated
        return run(lab, history)
    except verdict.Violation as found:
        raise _explained(make_lab, seed, history, found) from found
    finally:
        lab.close()


def _explained(make_lab: MakeLab, seed: int,
               history: History,
               found: verdict.Violation) -> verdict.Violation:
    def fails(shorter: History) -> bool:
        lab = make_lab()
        try:
            run(lab, shorter)
        except verdict.Violation as exc:
            return exc.check == found.check
        except Exception:  # noqa: BLE001 - another failure than this one
            return False
        finally:
            lab.close()
        return False

    short = shortened(history, fails)
    return verdict.Violation(found.check, (
        f'{found.text}\nseed {seed}; in short:\n'
        f'{text(short)}'))


class Player:
    """Plays a history and compares after each step."""

    def __init__(self, lab: Lab,
                 history: History) -> None:
        self._seen = evidence.Observed(lab)
        self._lab = lab = cast(Lab, self._seen)
        self._looks = 0
        self._history = history
        self._able = lab.features.access
        self._clients = meaning.clients(
            [rule for step in history for rule in (*step.add, *step.change)],
            self._able)
        self._before_step: tuple[tuple[Rule, ...], ...] = ((), (), ())
        self._choice = random.Random(len(history))  # noqa: S311 - repeated
        self._baseline = lab.records()
        self._manager = manager.Manager(lab)
        self._share = self._manager.new_share()

    def play(self) -> Tally:
        self._create()
        for step in self._history:
            self._play(step)
        self._delete()
        return Tally(len(self._history), self._looks, tuple(
            self._seen.unseen((evidence.OBJECTS, evidence.ACCESS))))

    def _create(self) -> None:
        """Nobody reaches a share before its first rule.

        That nobody does while it is being made is for the fault sweep to
        see, which knows in advance where it will be.
        """
        self._manager.create(self._share)
        # For the lab to show that it lists what the driver makes.
        self._lab.records()
        nobody: dict[str, Level] = dict.fromkeys(self._clients)
        self._check(nobody)

    def _play(self, step: Step) -> None:
        if step.kind == 'restart':
            self._manager.restart()
            return
        if step.kind == 'tamper':
            ways = self._lab.tampers()
            ways[step.number % len(ways)](self._share.export, self._choice)
        add, delete, change = self._lists(step)
        self._update(add, delete, change, repeat=step.kind == 'repeat')
        self._before_step = add, delete, change

    def _lists(self, step: Step) -> tuple[tuple[Rule, ...], ...]:
        if step.kind == 'reapply':
            return tuple(self._share.rules.values()), (), ()
        if step.kind == 'repeat':
            # Manila would not add a rule that is in error again.
            refused, known = self._share.refused, self._share.rules
            add, delete, change = self._before_step
            return (tuple(rule for rule in add
                          if rule.access_id not in refused
                          and known.get(rule.access_id) == rule),
                    delete,
                    tuple(rule for rule in change
                          if known.get(rule.access_id) == rule))
        # A shortened history may change a rule that was never added.
        return (step.add, step.delete, tuple(
            rule for rule in step.change
            if rule.access_id in self._share.rules))

    def _update(self, add: Sequence[Rule], delete: Sequence[Rule],
                change: Sequence[Rule], *, repeat: bool) -> None:
        share = self._share
        wanted = wanted_rules(share.rules, add, delete, change)
        # Who was kept out by a rule that is not sent again comes back.
        repeat = repeat and not (self._able.keeps_out and share.kept_out)
        stored = self._lab.records() if repeat else {}
        watch = watching.Watch(self._lab, share.export, self._clients)
        with watch.watching():
            states = self._manager.update(share, add, delete, change)
        self._looks += watch.looks
        check_refusals(self._lab, wanted, states)
        expected = meaning.expected(share.rules.values(), share.kept_out,
                                    self._clients, self._able)
        watch.straight_to(expected)
        self._check(expected)
        if repeat and not states:
            verdict.same('access.repeated', stored, self._lab.records())

    def _check(self, expected: Mapping[str, Level]) -> None:
        exports = self._share.exports
        for export in dict.fromkeys((exports[0], exports[-1])):
            watching.check(self._lab, export, expected)

    def _delete(self) -> None:
        exports = self._share.exports
        self._manager.delete(self._share)
        for export in exports:
            watching.check(self._lab, export, dict.fromkeys(self._clients),
                           'deleted')
        self._lab.settle()
        watching.nothing_left(self._lab, self._baseline)


def wanted_rules(rules: Mapping[str, Rule], add: Sequence[Rule],
                 delete: Sequence[Rule],
                 change: Sequence[Rule]) -> dict[str, Rule]:
    wanted = dict(rules)
    wanted.update((rule.access_id, rule) for rule in (*add, *change))
    for rule in delete:
        wanted.pop(rule.access_id, None)
    return wanted


def check_refusals(lab: Lab, wanted: Mapping[str, Rule],
                   states: Mapping[str, Mapping[str, str]]) -> None:
    """Refused is what cannot be honoured, and nothing else.

    :raises Violation: ``access.not-refused`` or ``access.refused``.
    """
    able = lab.features.access
    refused = {access_id for access_id, state in states.items()
               if state.get('state') == 'error'}
    possible = [rule for rule in wanted.values()
                if not meaning.impossible(rule, able)]
    for access_id, rule in wanted.items():
        why = meaning.impossible(rule, able)
        if why:
            verdict.require(access_id in refused, 'access.not-refused',
                            f'{rule} has an impossible {why}')
        elif access_id in refused:
            verdict.require(
                meaning.rivals(rule, possible)
                or lab.may_conflict(rule, possible), 'access.refused',
                f'{rule} could be honoured')
