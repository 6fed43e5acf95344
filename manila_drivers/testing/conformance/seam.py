# SPDX-License-Identifier: Apache-2.0

"""The seam between a driver and its transport.

Every lab puts a :class:`Process` around each external call of the drivers it
makes.  So calls are counted, watchers look after each of them, and the
process can be killed before or after one, whatever the transport is.  Where
what a driver talks to is one object, :class:`External` does it for all of
its methods.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time
from typing import Any
from typing import TypeVar

T = TypeVar('T')
Watcher = Callable[[], None]


class Killed(BaseException):
    """Stands for the end of the process: not an error anybody handles."""


class Seam:
    """Counts calls, tells watchers and ends processes.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: list[Watcher] = []
        self._calls = 0
        self._seconds = 0.0
        self._deadline: tuple[int, bool] | None = None

    @property
    def calls(self) -> int:
        """External calls begun so far."""
        return self._calls

    @property
    def seconds(self) -> float:
        """Time that external calls took so far; those at once add up."""
        return self._seconds

    def took(self, seconds: float) -> None:
        """Note how long a call, and the looks after it, took."""
        with self._lock:
            self._seconds += seconds

    def kill(self, nth: int, *, after: bool) -> None:
        """End the process at its nth call from now, 1-based.

        :param after: when the call has had its effect, else before.
        """
        with self._lock:
            self._deadline = self._calls + nth, after

    def spare(self) -> None:
        """Forget what :meth:`kill` asked for."""
        with self._lock:
            self._deadline = None

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Let a watcher look after every call, answered or not.

        Watchers must not raise: they would raise inside the driver.
        """
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    def begin(self) -> bool | None:
        """Count a call.

        :returns: None to go on; else the process ends here, and whether
            that is after the call.
        """
        with self._lock:
            self._calls += 1
            if self._deadline is None or self._calls < self._deadline[0]:
                return None
            return self._deadline[1]

    def tell(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()


class Process:
    """One run of the service: what a driver object lives in."""

    def __init__(self, seam: Seam) -> None:
        self._seam = seam
        self._dead = False

    def call(self, action: Callable[[], T]) -> T:
        """Carry out one external call.

        :raises Killed: the process has ended; a dead one calls nobody.
        """
        if self._dead:
            raise Killed()
        ends = self._seam.begin()
        if ends is None:
            started = time.perf_counter()
            try:
                return action()
            finally:
                self._seam.tell()
                self._seam.took(time.perf_counter() - started)
        self._dead = True
        if ends:
            try:
                with contextlib.suppress(Exception):
                    action()
            finally:
                self._seam.tell()
        raise Killed()


class External:
    """An object each method of which is an external call of one process.

    :param inner: what a driver talks to: a client, a store.
    """

    def __init__(self, inner: Any, process: Process) -> None:
        self._inner = inner
        self._process = process

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._process.call(lambda: found(*args, **kwargs))
        return call
