# SPDX-License-Identifier: Apache-2.0

"""Calls of any simulator: counted, remembered, struck by faults."""

from collections import deque
from collections.abc import Callable
import threading
from typing import Generic
from typing import TypeVar

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.faults import FaultPlan

E = TypeVar('E')


class Logged(Generic[E]):
    """Counts calls and keeps the latest, as entries.  Thread-safe.

    :param clock: seconds, for faults that last for a time.
    :param lock: held while a call is answered.
    :param limit: of the log, which forgets the oldest calls.
    """

    def __init__(self, clock: Callable[[], float], lock: threading.RLock,
                 limit: int) -> None:
        self.lock = lock
        self.faults = FaultPlan(clock)
        self._log: deque[E] = deque(maxlen=limit)
        self._calls = 0

    @property
    def calls(self) -> int:
        """Calls so far, also those that a fault struck."""
        return self._calls

    @property
    def log(self) -> list[E]:
        """The latest calls, oldest first."""
        with self.lock:
            return list(self._log)

    def clear_log(self) -> None:
        """Forget the log; the counters go on."""
        with self.lock:
            self._log.clear()

    def arm(self, fault: Fault) -> None:
        """Let calls fail, counted from now; see :class:`Fault`."""
        self.faults.arm(fault)

    def disarm(self) -> None:
        self.faults.disarm()

    @property
    def fired(self) -> int:
        """Calls struck since the last :meth:`disarm`."""
        return self.faults.fired
