# SPDX-License-Identifier: Apache-2.0

"""Every external call of every operation fails in every way.

For each case: the situation is made, the call is disturbed, the backend is
healed, a fresh process or the same repeats the call, everything is deleted.
The repeated call must end where an undisturbed one does, nothing may be left
that was not there before, no stranger's object may differ, and nobody may
have had access that the rules do not give, at any time.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import itertools
import random
from typing import Any

from manila_drivers import compat
from manila_drivers.testing.conformance import copies
from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import operations
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance import watching
from manila_drivers.testing.conformance.lab import Fault
from manila_drivers.testing.conformance.lab import Item
from manila_drivers.testing.conformance.lab import KILLS
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import Level
from manila_drivers.testing.conformance.lab import MakeLab
from manila_drivers.testing.conformance.scene import described
from manila_drivers.testing.conformance.scene import Outcome
from manila_drivers.testing.conformance.scene import Scene

Operation = operations.Operation
Levels = Mapping[str, Mapping[str, Level]]


@dataclasses.dataclass(frozen=True)
class Strike:
    """One disturbance: the nth call from the start of the operation."""

    nth: int
    fault: Fault
    lasting: bool = False

    def __str__(self) -> str:
        return (f'call {self.nth}{" and all after it" * self.lasting}: '
                f'{self.fault.name}')


@dataclasses.dataclass(frozen=True)
class Case:
    """An operation and what disturbs it.

    :param abandoned: instead of repeating the call, all is deleted.
    :param same: the process goes on with what it remembers of the failure,
        where it has not ended; else a new one repeats the call.
    """

    operation: str
    strikes: tuple[Strike, ...]
    abandoned: bool = False
    same: bool = False

    def __str__(self) -> str:
        return (f'{self.operation}; {described(self.strikes)}'
                + '; then deleted' * self.abandoned
                + '; in the same process' * self.same)


@dataclasses.dataclass(frozen=True)
class Reference:
    """An undisturbed run of an operation.

    :param calls: how many external calls it took.
    :param commands: names of the commands of each, as far as they are known.
    :param unseen: kinds of evidence that the lab did not show; see
        :mod:`manila_drivers.testing.conformance.evidence`.
    :param records: what there was in the end.
    :param levels: who had what in the end, by export.
    """

    operation: Operation
    calls: int
    records: Mapping[Item, Any]
    levels: Levels
    result: Any
    commands: Sequence[Sequence[str]] = ()
    unseen: tuple[str, ...] = ()

    def strikes(self, nth: int, fault: Fault) -> bool:
        """Return whether the nth call can fail in that way.

        Servers that are called at once have their turns in any order, so
        the calls before and after it count as well.
        """
        near = self.commands[max(0, nth - 2):nth + 1]
        return not near or any(map(fault.strikes, near))


@contextlib.contextmanager
def _prepared(make_lab: MakeLab,
              operation: Operation) -> Iterator[Scene]:
    """The situation, in front of a process that has just started."""
    scene = Scene(make_lab)
    try:
        operation.prepare(scene)
        scene.manager.restart()
        yield scene
    finally:
        scene.close()


def reference(make_lab: MakeLab,
              operation: Operation) -> Reference:
    """Run an operation undisturbed, repeat it, and delete everything.

    :raises Violation: it cannot even do that.
    """
    try:
        with _prepared(make_lab, operation) as scene:
            return _undisturbed(scene, operation)
    except verdict.Violation as found:
        raise verdict.Violation(
            found.check, f'[{operation.name}] {found.text}') from found
    except Exception as exc:
        raise verdict.Violation('raised', (
            f'[{operation.name}] {type(exc).__name__}: {exc}')) from exc


def _undisturbed(scene: Scene, operation: Operation) -> Reference:
    before, known = scene.lab.seam.calls, len(scene.lab.calls)
    result = operation.act(scene)
    calls = scene.lab.seam.calls - before
    commands = scene.lab.calls[known:]
    scene.lab.settle()
    found = Reference(operation, calls, scene.lab.records(),
                      scene.levels(), result,
                      commands if len(commands) == calls else ())
    scene.manager.restart()
    _repeat(scene, found)
    _cleaned(scene)
    _nothing_left(scene)
    return dataclasses.replace(found, unseen=tuple(scene.seen.unseen(
        (evidence.OBJECTS, evidence.ACCESS, evidence.CALLS))))


def references(make_lab: MakeLab,
               only: Collection[str] = ()) -> dict[str, Reference]:
    """Undisturbed runs by name of the operation, of all or of some.

    :raises Violation: an operation does not work at all.
    """
    lab = make_lab()
    try:
        chosen = [operation for operation in operations.tried(lab)
                  if not only or operation.name in only]
    finally:
        lab.close()
    return {operation.name: reference(make_lab, operation)
            for operation in chosen}


def unseen(known: Mapping[str, Reference]) -> list[str]:
    """Say what the lab has shown in none of the undisturbed runs."""
    runs = [set(reached.unseen) for reached in known.values()]
    return [evidence.UNSEEN[kind] for kind in sorted(
        set.intersection(*runs) if runs else set(evidence.UNSEEN))]


def cases(lab: Lab,
          known: Mapping[str, Reference]) -> Iterator[Case]:
    """Every call times every fault once, and half of them from then on.

    Which half changes from call to call, so that each fault goes on from
    every other call.
    """
    for name, reached in known.items():
        for nth in range(1, reached.calls + 1):
            faults = [fault for fault in (*lab.faults, *KILLS)
                      if reached.strikes(nth, fault)]
            for number, fault in enumerate(faults):
                goes_on = fault.lasting and (nth + number) // 2 % 2 == 0
                for lasting in (False, True)[:1 + goes_on]:
                    strikes = (Strike(nth, fault, lasting),)
                    # Each call meets half of the faults in either way.
                    same = (nth + number + lasting) % 2 == 0
                    yield Case(name, strikes,
                               same=same and not fault.kills)
                    if reached.operation.abandoned:
                        yield Case(name, strikes, abandoned=True)


def storm(lab: Lab, known: Mapping[str, Reference],
          seed: int) -> Case:
    """A case with several faults at once, from a number."""
    choice = random.Random(seed)  # noqa: S311 - to be repeated
    reached = known[choice.choice(sorted(known))]
    numbers = choice.sample(range(1, 2 * reached.calls + 3),
                            min(3, reached.calls + 1))
    strikes = tuple(Strike(nth, choice.choice(list(lab.faults)))
                    for nth in sorted(numbers))
    return Case(reached.operation.name, strikes, abandoned=(
        reached.operation.abandoned and choice.random() < 0.5))


def run(make_lab: MakeLab, known: Mapping[str, Reference],
        case: Case) -> bool:
    """Play one case; tell whether the disturbance made any difference.

    :raises Violation: the contract is broken; the text names the case.
    """
    return _named(_play, make_lab, known[case.operation], case)


def run_all(make_lab: MakeLab, known: Mapping[str, Reference],
            cases: Sequence[Case],
            ) -> Iterator[tuple[Case, bool | verdict.Violation]]:
    """Play cases, and tell of each what :func:`run` does.

    Those of one operation that follow each other begin with copies of one
    situation, where the lab can be copied.
    """
    lab = make_lab()
    copied = lab.copied and copies.possible()
    lab.close()
    for name, group in itertools.groupby(
            cases, lambda case: case.operation):
        some, goal = list(group), known[name]
        if copied and len(some) > 1:
            with _prepared(make_lab, goal.operation) as scene:
                for case in some:
                    yield case, _outcome(functools.partial(
                        copies.apart, functools.partial(
                            _named, _in_scene, scene, goal, case)))
        else:
            for case in some:
                yield case, _outcome(functools.partial(
                    run, make_lab, known, case))


def _outcome(play: Callable[[], bool]) -> bool | verdict.Violation:
    try:
        return play()
    except verdict.Violation as found:
        return found


def _named(play: Callable[..., bool], where: Any, goal: Reference,
           case: Case) -> bool:
    try:
        return play(where, goal, case)
    except verdict.Violation as found:
        raise verdict.Violation(found.check,
                                f'[{case}] {found.text}') from found


def _play(make_lab: MakeLab, goal: Reference, case: Case) -> bool:
    with _prepared(make_lab, goal.operation) as scene:
        return _in_scene(scene, goal, case)


def _in_scene(scene: Scene, goal: Reference, case: Case) -> bool:
    watches = [watching.Watch(scene.lab, export, scene.clients())
               for export in goal.levels]
    with contextlib.ExitStack() as stack:
        for watch in watches:
            stack.enter_context(watch.watching())
        before = scene.lab.seam.calls
        outcome = _disturbed(scene, goal.operation, case)
        felt = (outcome.killed or outcome.error is not None
                or (goal.operation.answers
                    and outcome.result != goal.result)
                or scene.lab.seam.calls - before != goal.calls)
        _judge(scene, goal, outcome)
        if case.same:
            scene.lab.pause()
        else:
            scene.manager.restart()
        if not case.abandoned:
            _repeat(scene, goal)
        _cleaned(scene)
    for watch, levels in zip(watches, goal.levels.values(), strict=True):
        watch.never_beyond(watch.before, levels)
    _nothing_left(scene)
    return felt


def _disturbed(scene: Scene, operation: Operation, case: Case) -> Outcome:
    lab = scene.lab
    for strike in case.strikes:
        if strike.fault.kills:
            lab.seam.kill(strike.nth, after=strike.fault.kills == 'after')
        else:
            lab.arm(strike.fault, strike.nth, lasting=strike.lasting)
    try:
        return Outcome(result=operation.act(scene))
    except seam.Killed:
        return Outcome(killed=True)
    except verdict.Violation:
        raise
    except Exception as exc:  # noqa: BLE001 - that is what is examined
        return Outcome(error=exc)
    finally:
        lab.seam.spare()
        lab.heal()


def _judge(scene: Scene, goal: Reference, outcome: Outcome) -> None:
    """Errors are documented ones; success is not claimed without being."""
    if outcome.killed:
        return
    if outcome.error is not None:
        documented(scene.lab, outcome.error)
        return
    if goal.operation.claims(outcome.result):
        scene.lab.settle()
        _same_end(scene, goal, 'claimed')


def documented(lab: Lab, error: BaseException) -> None:
    """An error is one that Manila knows, and keeps secrets.

    :raises Violation: ``error.undocumented`` or ``error.secret``.
    """
    verdict.require(
        isinstance(error, compat.errors.ManilaException),
        'error.undocumented', f'{type(error).__name__}: {error}')
    seen: BaseException | None = error
    while seen is not None:
        for secret in lab.secrets:
            verdict.require(secret not in f'{seen} {seen!r}',
                            'error.secret', f'{type(seen).__name__} tells')
        seen = seen.__cause__ or seen.__context__


def _repeat(scene: Scene, goal: Reference) -> None:
    try:
        result = goal.operation.act(scene)
    except verdict.Violation:
        raise
    except Exception as exc:
        raise verdict.Violation(
            'repeat.failed', f'{type(exc).__name__}: {exc}') from exc
    scene.lab.settle()
    _same_end(scene, goal, 'repeat')
    if goal.operation.answers:
        verdict.require(result == goal.result, 'repeat.answer',
                        f'{result!r} instead of {goal.result!r}')


def _same_end(scene: Scene, goal: Reference, check: str) -> None:
    verdict.same(f'{check}.state', goal.records, scene.lab.records())
    for export, levels in goal.levels.items():
        watching.check(scene.lab, export, levels, f'{check}.access')


def _cleaned(scene: Scene) -> None:
    try:
        scene.clean_up()
    except verdict.Violation:
        raise
    except Exception as exc:
        raise verdict.Violation(
            'delete.failed', f'{type(exc).__name__}: {exc}') from exc


def _nothing_left(scene: Scene) -> None:
    found = scene.lab.records()
    changed = {item for item in scene.baseline
               if found.get(item) != scene.baseline[item]}
    if changed:
        verdict.same('strangers', scene.baseline, {
            item: found[item] for item in scene.baseline if item in found})
    verdict.same('delete.leftover', scene.baseline, found)
