# SPDX-License-Identifier: Apache-2.0

"""Plans: what is to be done, as data, and the one loop that does it.

A planner looks at facts and returns a :class:`Plan`; it does no I/O.  Whoever
owns the I/O supplies ``perform``, which carries out one step.  That split
gives a dry run, a crash table (stop after step k, for every k) and tests that
compare plans as values.

A dry run shows the plan of an operation and changes nothing::

    with plan.dry_run() as dry:
        driver.delete_share(None, share)
    print(dry)

The operation reads its facts, plans, and ends where :func:`run` would begin.
For that an operation has one plan: all facts are read before it is run, and
nothing is written down, not even in memory, before it has been run.  What is
done for many objects goes through :func:`for_each`.  Transports call
:func:`before_change`.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import contextvars
import dataclasses
import logging
from typing import Any
from typing import TypeVar

from manila_drivers import exception

LOG = logging.getLogger(__name__)

T = TypeVar('T')
U = TypeVar('U')


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

    :param action: what, as a name that ``perform`` knows and people read.
    :param target: on which object; for people.
    :param args: arguments, values or :class:`Ref`.
    :param key: name under which later steps refer to the result.
    :param undo: the step that takes this one back.
    :param detail: what else people want to know, such as sizes.
    """

    action: str
    target: str
    args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    key: str = ''
    undo: 'Step | None' = None
    detail: str = dataclasses.field(default='', compare=False)

    def __str__(self) -> str:
        detail = self.detail and ' (%s)' % self.detail
        return '%s %s%s' % (self.action, self.target, detail)


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
    """Hold what a step returned.

    ``created`` says that this very call made the object.  Only then is the
    step undone when a later one fails: an object that was found already
    there, or that may have been, is not ours to take away.
    """

    value: Any = None
    created: bool = True


class Shown(BaseException):
    """Ends an operation whose plan a dry run has shown.

    No Exception: whoever handles failures must not take it for one.
    """


class NotPlanned(RuntimeError):
    """A dry run held back a change that no plan had shown."""


@dataclasses.dataclass
class DryRun:
    """The plans that were shown, and the changes that were held back.

    ``results`` are what :func:`for_each` got for what needs no plan.
    """

    plans: list[Plan] = dataclasses.field(default_factory=list)
    results: list[Any] = dataclasses.field(default_factory=list)
    refused: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        return '\n'.join(map(str, self.plans))


_dry_run: contextvars.ContextVar[DryRun | None] = contextvars.ContextVar(
    'manila_drivers_dry_run', default=None)


@contextlib.contextmanager
def dry_run() -> Iterator[DryRun]:
    """Show the plan of the operation in this block, and change nothing.

    Threads take part that are started through
    :func:`manila_drivers.transport.meter.carried`.

    :raises NotPlanned: the operation would change what no plan says.
    """
    dry = DryRun()
    token = _dry_run.set(dry)
    try:
        with contextlib.suppress(Shown):
            yield dry
    finally:
        _dry_run.reset(token)
    if dry.refused:
        raise NotPlanned('No plan says: ' + ', '.join(dry.refused))


def is_dry() -> bool:
    """Tell if this is a dry run."""
    return _dry_run.get() is not None


def show(plan: Plan) -> None:
    """End the operation here in a dry run; for whoever does not use run()."""
    dry = _dry_run.get()
    if dry is not None:
        dry.plans.append(plan)
        raise Shown


def before_change(what: object) -> None:
    """Hold a request or command back in a dry run; called by transports.

    :param what: the request or command, for people, without secrets.
    :raises NotPlanned: this is a dry run, which raises it at its end as well:
        it does not get lost when the operation passes over failures.
    :raises DriverError: what guards the operation does not allow it any more.
    """
    dry = _dry_run.get()
    if dry is not None:
        dry.refused.append(str(what))
        raise NotPlanned('No plan says: %s' % what)
    for guard, _ in _guards.get():
        guard()


def still_allowed() -> None:
    """Ask what guards a change once more, unless it was asked just now.

    Called by transports as a change is sent, which may have waited since
    :func:`before_change`: for a turn, for a login, for another host.

    :raises DriverError: it is not allowed any more.
    """
    for _, again in _guards.get():
        again()


Guard = Callable[[], object]
_guards: contextvars.ContextVar[tuple[tuple[Guard, Guard], ...]] = \
    contextvars.ContextVar('manila_drivers_guards', default=())


@contextlib.contextmanager
def guarded(guard: Guard, again: Guard) -> Iterator[None]:
    """Call a function before each change that is made in this block.

    Threads take part as in a dry run.

    :param guard: raises DriverError if nothing may be changed any more.
    :param again: the same, if it was asked a while ago.
    """
    token = _guards.set((*_guards.get(), (guard, again)))
    try:
        yield
    finally:
        _guards.reset(token)


def for_each(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """Return what a function returns for each item.

    A dry run shows the plans of all of them and ends the operation then.
    """
    results = []
    for item in items:
        with contextlib.suppress(Shown):
            results.append(function(item))
    dry = _dry_run.get()
    if dry is not None:
        dry.results.extend(results)
        raise Shown
    return results


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
    show(plan)
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
