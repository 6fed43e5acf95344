# SPDX-License-Identifier: Apache-2.0

"""One attempt at a time, whose outcome all share who waited for it.

Threads that find a token expired or a cache old all need the same answer.  If
each asked in turn, a server that does not answer would hold the last one for
as many time limits as there are threads.
"""

from collections.abc import Callable
from concurrent import futures
import threading
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.transport import retry

T = TypeVar('T')


class SingleFlight(Generic[T]):
    """Calls of which at most one runs at any time.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: futures.Future[T] | None = None
        self._patience = 0.0

    def do(self, call: Callable[[], T]) -> T:
        """Return the result of ``call``, or of the one that runs already.

        The failure of a call that gave up sooner than this one would have is
        none for this one, which asks again.

        :raises: what that one raised, as an error of its own for each thread.
        """
        patience = retry.present_patience()
        while True:
            with self._lock:
                flying, given_up = self._flying, self._patience
                if flying is None:
                    mine = self._flying = futures.Future()
                    self._patience = patience
            if flying is None:
                return self._fly(mine, call)
            failure = flying.exception()
            if failure is None:
                return flying.result()
            if given_up >= patience:
                raise _copy(failure) from failure

    def _fly(self, mine: 'futures.Future[T]', call: Callable[[], T]) -> T:
        try:
            result = call()
        except BaseException as exc:
            self._land()
            # What ends this thread is nothing to the others.
            mine.set_exception(exc if isinstance(exc, Exception) else
                               exception.Unreachable(
                                   'The thread that asked for all was ended'))
            raise
        self._land()
        mine.set_result(result)
        return result

    def _land(self) -> None:
        with self._lock:
            self._flying = None


def _copy(failure: BaseException) -> BaseException:
    """Make the same error once more: each thread adds to its own."""
    made = type(failure).__new__(type(failure))
    made.args = failure.args
    made.__dict__.update(failure.__dict__)
    return made
