# SPDX-License-Identifier: Apache-2.0

"""Plans: what is to be done, as data, and the one loop that does it.

A planner looks at facts and returns a :class:`Plan`; it does no I/O.  Whoever
owns the I/O supplies ``perform``, which carries out one step.  That split
gives a dry run (print the plan), a crash table (stop after step k, for every
k) and tests that compare plans as values.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import logging
from typing import Any

from manila_drivers import exception

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Ref:
    """Stands in a step's arguments for the result of an earlier step.

    ``Ref('policy', 'id')`` is attribute or key ``id`` of what the step with
    key ``policy`` returned.
    """

    step: str
    field: str = ''

    def resolve(self, results: Mapping[str, Any]) -> Any:
        value = results[self.step]
        if not self.field:
            return value
        if isinstance(value, Mapping):
            return value[self.field]
        return getattr(value, self.field)


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to do.

    :param action: what, as a name that ``perform`` knows.
    :param target: on which object; for people.
    :param args: arguments, values or :class:`Ref`.
    :param key: name under which later steps refer to the result.
    :param undo: the step that takes this one back.
    """

    action: str
    target: str
    args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    key: str = ''
    undo: 'Step | None' = None

    def __str__(self) -> str:
        return '%s %s' % (self.action, self.target)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Steps in order.  The empty plan is false."""

    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __add__(self, other: 'Plan') -> 'Plan':
        return Plan(self.steps + other.steps)

    def __str__(self) -> str:
        return '; '.join(map(str, self.steps)) or 'nothing to do'


@dataclasses.dataclass(frozen=True)
class Done:
    """What a step returned.

    ``created`` says that this very call made the object.  Only then is the
    step undone when a later one fails: an object that was found already
    there, or that may have been, is not ours to take away.
    """

    value: Any = None
    created: bool = True


Perform = Callable[[str, str, Mapping[str, Any]], Done]


def run(plan: Plan, perform: Perform, *,
        stop_after: int | None = None) -> dict[str, Any]:
    """Carry out a plan; on failure undo, in reverse, what it created.

    :param perform: called with action, target and resolved arguments.
    :param stop_after: stop in silence after that many steps, as a process
        that is killed does: nothing is undone.
    :returns: results by step key.
    :raises: what ``perform`` raised, after the undo.  A failure to undo is
        logged and noted on that exception, and the other undos still run.
    """
    results: dict[str, Any] = {}
    undos: list[Step] = []
    for number, step in enumerate(plan):
        if stop_after is not None and number >= stop_after:
            break
        try:
            done = perform(step.action, step.target, _args(step, results))
        except Exception as exc:
            _undo(undos, perform, results, exc)
            raise
        if step.key:
            results[step.key] = done.value
        if done.created and step.undo is not None:
            undos.append(step.undo)
    return results


def _args(step: Step, results: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.resolve(results) if isinstance(value, Ref) else value
            for name, value in step.args.items()}


def _undo(undos: list[Step], perform: Perform, results: Mapping[str, Any],
          cause: Exception) -> None:
    for step in reversed(undos):
        def undone(step: Step = step) -> None:
            perform(step.action, step.target, _args(step, results))
        _, error = exception.caught_any(undone)
        if error is not None:
            # The first failure is what the caller has to hear about; a
            # repeated call or a delete finds what is left here by name.
            LOG.warning('Could not undo: %s: %s', step, error)
            cause.add_note('Left behind, since %s failed: %s' % (step, error))
