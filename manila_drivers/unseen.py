# SPDX-License-Identifier: Apache-2.0

"""Changes that were answered with success, and that nobody has seen yet.

What was changed is looked at by the operation itself, with answers that come
anyway or with one more question in the same round trip.  Where that would
cost more requests than Manila's own driver needs, the look is left to the
next statistics, which Manila asks for every minute: a few at a time, those
that have waited longest first.

Nothing of this outlives the process: it is about backends that say what is not
so, and a start has its own checks.

Until then somebody else may have changed it again: another host that serves
the same backend, whose calls are not seen here, or an administrator.  Where
something is written down for all hosts a look compares with that.  Elsewhere
what it finds has two causes, and both are told.
"""

from collections.abc import Callable
from collections.abc import Hashable
import dataclasses
import logging
import math
import re
import threading
import time

from manila_drivers import exception
from manila_drivers import plan

LOG = logging.getLogger(__name__)

#: Returns what is not as it was answered to be, '' if all is.
Look = Callable[[], str]

#: What a look cannot know.
EITHER = ('Either it has answered success to a change that it has not made, '
          'or somebody else has changed this since, such as another host')

_OF_MANILA = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')

#: Looks that one call of the statistics takes, seconds after which it begins
#: no more, and looks that can wait.
BATCH = 20
LONGEST = 20.0
_MOST = 1000

#: Seconds for which a backend may refuse to tell: longer than a server is
#: away for its maintenance.
PATIENCE = 3600.0


class Certain(str):
    """A finding of a look which nobody can have caused since."""

    __slots__ = ()


def left(name: str, text: str) -> str:
    """Return what is told of something that is there after its deletion.

    Nobody makes anew what has an id of Manila's for a name.
    """
    return Certain(text) if _OF_MANILA.search(name) else text


@dataclasses.dataclass(eq=False)
class _DueLook:
    """A look that is still to be taken.

    :param since: when the backend refused first to tell.
    """

    look: Look
    since: float = math.inf


class Unseen:
    """Looks that are still to be taken, by what they are about.  Thread-safe.

    :param backend: its name in the log.
    :param clock: monotonic seconds.
    """

    def __init__(self, backend: str,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[Hashable, _DueLook] = {}

    def expect(self, what: Hashable, look: Look) -> None:
        """Have something looked at, in place of an earlier look at it.

        :param look: raises a DriverError if it cannot be told.
        """
        if plan.is_dry():
            return
        with self._lock:
            self._looks.pop(what, None)
            self._looks[what] = _DueLook(look)
            while len(self._looks) > _MOST:
                del self._looks[next(iter(self._looks))]

    def forget(self, what: Hashable) -> None:
        """It is about to become another: what was expected is void."""
        with self._lock:
            self._looks.pop(what, None)

    def look(self) -> None:
        """Take some looks; never raises.

        What cannot be asked now is asked the next time, behind the others;
        and for a while what the backend refuses to tell.
        """
        with self._lock:
            chosen = list(self._looks.items())[:BATCH]
        end = self._clock() + LONGEST
        for what, due in chosen:
            if self._clock() >= end:
                return
            found, error = exception.caught_any(due.look)
            waits = isinstance(error, (exception.TransportError,
                                       exception.Busy))
            refuses = not waits and isinstance(error, exception.BackendError)
            again = refuses and due.since != math.inf
            if refuses:
                due.since = min(due.since, self._clock())
                waits = self._clock() < due.since + PATIENCE
            with self._lock:
                # A call that is about it now looks itself.
                if self._looks.get(what) is not due:
                    continue
                del self._looks[what]
                if waits:
                    # Behind all others, which it is not to keep waiting.
                    self._looks[what] = due
            if waits and (again or not refuses):
                LOG.info('Backend %s: to be looked at the next time, for %s',
                         self._backend, error)
                if isinstance(error, exception.TransportError):
                    # The others would not be answered either, each of them
                    # after as long.
                    return
            else:
                self._tell(found, error)

    def _tell(self, found: str | None, error: Exception | None) -> None:
        if found and not isinstance(found, Certain):
            LOG.warning('Backend %s: %s. %s', self._backend, found, EITHER)
        elif found:
            LOG.error('Backend %s answered success to a change that it has '
                      'not made: %s', self._backend, found)
        elif error is not None:
            LOG.warning('Backend %s: it could not be seen if a change was '
                        'made: %s', self._backend, error)
