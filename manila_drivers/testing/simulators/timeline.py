# SPDX-License-Identifier: Apache-2.0

"""Keep what happens at a later time, without a thread that waits.

A simulator calls :meth:`Timeline.settle` at the start of every request; what
has come due by then happens, in the order of its time.  With an injected
clock a test can thus let an hour pass at once.
"""

from collections.abc import Callable
import heapq
import itertools


class Timeline:
    """Pending events.  Not thread-safe: the owner holds its lock.

    :param clock: seconds; needs only to grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Let an event happen; with 0 seconds, at once."""
        if seconds <= 0:
            event()
            return
        heapq.heappush(self._due, (self.clock() + seconds,
                                   next(self._order), event))

    def settle(self) -> None:
        """Let everything that is due happen."""
        if not self._due:
            return
        now = self.clock()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
