# SPDX-License-Identifier: Apache-2.0

"""Round trips are counted here, whichever transport makes them.

A driver call opens a meter; every transport reports each round trip to the
meter that is open in its context.  Meters nest: an inner one adds to the
outer one.  Work handed to other threads is counted when the callable is
started through :func:`carried`.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import contextvars
import dataclasses
import threading
import time
from typing import TypeVar

from manila_drivers import exception

T = TypeVar('T')

#: Told of each round trip, whichever thread makes it: its kind, its seconds,
#: and the error if there was no usable answer.
Report = Callable[[str, float, BaseException | None], None]

_open: contextvars.ContextVar['Meter | None'] = contextvars.ContextVar(
    'manila_drivers_meter', default=None)


@dataclasses.dataclass
class Meter:
    """Round trips by transport kind, and the seconds spent in them."""

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    waited: float = 0.0
    started: float = dataclasses.field(default_factory=time.monotonic)
    report: Report | None = None
    _parent: 'Meter | None' = None
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    @property
    def calls(self) -> int:
        return sum(self.counts.values())

    @property
    def elapsed(self) -> float:
        """Seconds since the meter was opened."""
        return time.monotonic() - self.started

    def add(self, kind: str, seconds: float,
            error: BaseException | None = None) -> None:
        with self._lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.waited += seconds
        if self.report is not None:
            self.report(kind, seconds, error)
        if self._parent is not None:
            self._parent.add(kind, seconds, error)

    def __str__(self) -> str:
        kinds = ', '.join('%d %s' % (n, kind)
                          for kind, n in sorted(self.counts.items()))
        return '%s in %.3f s of %.3f s' % (
            kinds or 'no round trip', self.waited, self.elapsed)


@contextlib.contextmanager
def measure(report: Report | None = None) -> Iterator[Meter]:
    """Open a meter for the current context.

    :param report: is told at once, and also of what threads do that go on
        when the meter is closed.
    """
    meter = Meter(report=report, _parent=_open.get())
    token = _open.set(meter)
    try:
        yield meter
    finally:
        _open.reset(token)


def count(kind: str, seconds: float,
          error: BaseException | None = None) -> None:
    """Report one round trip; called by the transports alone.

    :param error: why there is no usable answer.
    """
    meter = _open.get()
    if meter is not None:
        meter.add(kind, seconds, error)


@contextlib.contextmanager
def trip(kind: str) -> Iterator[None]:
    """Report the block as one round trip, with the error that it ends in."""
    started = time.monotonic()
    failed: exception.TransportError | None = None
    try:
        yield
    except exception.TransportError as exc:
        failed = exc
        raise
    finally:
        count(kind, time.monotonic() - started, failed)
        failed = None


def carried(function: Callable[..., T]) -> Callable[..., T]:
    """Bind the current context, for a callable run by another thread.

    Each carried callable may be called once at a time only, since a context
    cannot be entered twice; make one for each submission.
    """
    context = contextvars.copy_context()

    def run(*args: object, **kwargs: object) -> T:
        return context.run(function, *args, **kwargs)

    return run
