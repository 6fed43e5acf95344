# SPDX-License-Identifier: Apache-2.0

"""When a request is sent again, how often and for how long: one table.

==========================  ==========================  =====================
what happened               request may be repeated     it may not
==========================  ==========================  =====================
connection never made       again                       again
429                         again, after Retry-After    again, likewise
sent, no usable answer      again                       outcome unknown
500                         answer as it is             outcome unknown
502, 503, 504               again                       outcome unknown
any other answer            answer as it is             answer as it is
certificate not accepted    never again                 never again
==========================  ==========================  =====================

"No usable answer" is a lost connection, a timeout, or a success whose body is
cut short or is not what was asked for.

How long a failing request is repeated is counted in seconds, not in tries: a
server that refuses at once would otherwise be given up within moments, and one
that is silent be waited for minutes.  Pauses grow, are spread by chance, and
are as long as the server asks for with Retry-After.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import contextvars
import dataclasses
from email import utils
import math
import random
import sys
import time

TRANSIENT = frozenset((502, 503, 504))
UNKNOWN = TRANSIENT | {500}
REFUSED = 429
#: Answers that say nothing about the request: the server cannot work now.
UNABLE = TRANSIENT | {REFUSED}

#: Repetitions of a policy that only counts time.
UNCOUNTED = sys.maxsize

#: Seconds of :func:`patience` for calls that come again by themselves: the
#: next one is a minute away, and others wait in the same thread.
PERIODIC = 15.0
#: And for the checks of a start, which the service repeats as long as they
#: fail: a wrong option should be told at once.
START = 3.0

_PATIENCE: contextvars.ContextVar[float] = contextvars.ContextVar(
    'patience', default=math.inf)


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Repeat each request of the block for that many seconds at the most."""
    token = _PATIENCE.set(min(seconds, _PATIENCE.get()))
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def present_patience() -> float:
    """Return for how many seconds requests are repeated at the most here."""
    return _PATIENCE.get()


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How persistent a transport is.

    :param retries: how often a request is sent again at the most.
    :param first: seconds before the first repetition.
    :param longest: seconds that one pause lasts at the most, unless the
        server asks for a longer one.
    :param total: seconds after which nothing is repeated any more.
    :param growth: by how much each pause is longer than the one before.
    :param jitter: returns a number from 0 to 1; spreads the pauses.
    """

    retries: int = UNCOUNTED
    first: float = 0.5
    longest: float = 10.0
    total: float = 120.0
    growth: float = 2.0
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: str = '') -> float:
        """Return the seconds before repetition number ``attempt`` (from 1).

        :param asked: a Retry-After header, in seconds or as a date.
        """
        ceiling = min(self.first * self.growth ** min(attempt - 1, 64),
                      self.longest)
        # Half fixed, half random: apart from each other, yet never at once.
        own = ceiling * (0.5 + self.jitter() / 2)
        # Never sooner than asked; a server that asks for 0 s is not hammered.
        return max(own, _seconds(asked))

    def again(self, attempt: int, spent: float) -> bool:
        """Tell if repetition number ``attempt`` is still within bounds."""
        return attempt <= self.retries and spent < self._patience

    def wait(self, attempt: int, spent: float,
             asked: str = '') -> float | None:
        """Return the pause before a repetition, None if there is none.

        The last repetition comes when the time is over.

        :param spent: seconds since the first attempt began.
        """
        if not self.again(attempt, spent):
            return None
        return min(self.pause(attempt, asked), self._patience - spent)

    @property
    def _patience(self) -> float:
        return min(self.total, _PATIENCE.get())


class Attempts:
    """The attempts at one thing, under a policy.

    :param clock: monotonic seconds; ``sleep`` waits for that many, which
        count as spent also where the clock does not see them.
    """

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float],
                 sleep: Callable[[float], object]) -> None:
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self._number = 0
        self._slept = 0.0

    def again(self, asked: str = '') -> bool:
        """Wait before the next attempt; tell if there is one.

        :param asked: a Retry-After header.
        """
        self._number += 1
        spent = max(self._clock() - self._started, self._slept)
        pause = self._policy.wait(self._number, spent, asked)
        if pause is None:
            return False
        self._slept += pause
        self._sleep(pause)
        return True


#: For requests to a REST server.  A management service that moves to another
#: node is away for one or two minutes.
REST = RetryPolicy()
#: For a host that nothing could be sent to: its sshd may be restarted, or its
#: address be on its way to another node.
HOSTS = RetryPolicy(first=0.5, longest=2.0, total=15.0)
#: For questions about work in the background.  Its time is the caller's.
POLLING = RetryPolicy(first=0.5, longest=10.0, growth=1.25, jitter=lambda: 1.0)


def _seconds(asked: str) -> float:
    """Return how long a Retry-After header asks to wait."""
    asked = asked.strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        until = utils.parsedate_to_datetime(asked).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return until - time.time()
