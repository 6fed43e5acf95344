# SPDX-License-Identifier: Apache-2.0

"""Tell somebody what operations do: the metrics, if they are asked for."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import contextvars
import functools
import logging
import time
from typing import Any
from typing import Protocol
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import meter

LOG = logging.getLogger(__name__)


F = TypeVar('F', bound=Callable[..., Any])

#: The name of all operations that are only to be shown.
DRY_RUN = 'dry_run'


class CallObserver(Protocol):
    """Be told of operations and their round trips, by any thread."""

    def begun(self, operation: str, /) -> None: ...

    def ended(self, operation: str, seconds: float,
              error: Exception | None, /) -> None: ...

    def round_trip(self, operation: str, kind: str, seconds: float,
                   error: BaseException | None, /) -> None: ...


class Watched:
    """One operation that is under way.

    ``error`` is what it failed with, also if the caller is not told.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None


_present: contextvars.ContextVar[Watched | None] = contextvars.ContextVar(
    'manila_drivers_watched', default=None)


def kept_back(error: Exception) -> None:
    """Note that the present operation has failed, though it will not say so.

    Statistics, say, never fail for Manila.
    """
    watched = _present.get()
    if watched is not None:
        watched.error = watched.error or error


@contextlib.contextmanager
def watched(observer: CallObserver | None, operation: str,
            ) -> Iterator[tuple[Watched, meter.Meter]]:
    """Tell an observer of an operation, and of each round trip at once.

    A part of another operation is not told as one of its own, and a dry run
    is told as that.
    """
    if observer is None or _present.get() is not None:
        one = Watched()
        try:
            with meter.measure() as trips:
                yield one, trips
        finally:
            one.error = None
        return

    if plan.is_dry():
        operation = DRY_RUN

    def report(kind: str, seconds: float,
               error: BaseException | None) -> None:
        _tell(lambda: observer.round_trip(operation, kind, seconds, error))
    one = Watched()
    token = _present.set(one)
    started = time.monotonic()
    _tell(lambda: observer.begun(operation))
    try:
        with meter.measure(report) as trips:
            yield one, trips
    finally:
        _present.reset(token)
        spent = time.monotonic() - started
        _tell(lambda: observer.ended(operation, spent, one.error))
        # Its traceback has the caller's frame, which has this one.
        one.error = None


def told(function: F) -> F:
    """Decorate a method of a driver that Manila does not call."""
    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with watched(self.observer, function.__name__) as (one, _):
            try:
                return function(self, *args, **kwargs)
            except Exception as exc:
                one.error = exc
                raise

    return call  # type: ignore[return-value]


def _tell(what: Callable[[], Any]) -> None:
    """Tell an observer; no operation fails because that does."""
    _, error = exception.caught_any(what)
    if error is not None:
        LOG.debug('An operation was not counted: %r', error)
