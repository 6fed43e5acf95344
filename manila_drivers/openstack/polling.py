# SPDX-License-Identifier: Apache-2.0

"""Waiting until work in the background is done, with a deadline."""

from collections.abc import Callable
import dataclasses
import time
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.transport import retry

T = TypeVar('T')

#: Pauses grow from half a second to five.
PAUSES = dataclasses.replace(retry.POLLING, first=0.5, longest=5.0,
                             growth=1.3)


def until(look: Callable[[], T], done: Callable[[T], bool], *, limit: float,
          what: str, clock: Callable[[], float] = time.monotonic,
          sleep: Callable[[float], object] = time.sleep,
          describe: Callable[[T], object] = repr) -> T:
    """Look again and again until something is as it should be.

    It is looked at least twice, if need be, and once more when the time is
    over.  An error of ``look`` or ``done`` ends the wait: it is raised as it
    is, so that ``done`` may raise for a state out of which nothing leads.

    :param limit: seconds in which it has to be done.
    :param what: what is waited for, for people.
    :param describe: what a message says of the value that was seen last.
    :returns: the value that ``done`` has accepted.
    :raises Busy: the time is over; names what was seen last.
    """
    attempts = retry.Attempts(dataclasses.replace(PAUSES, total=limit),
                              clock, sleep)
    while True:
        seen = look()
        if done(seen):
            return seen
        if not attempts.again():
            raise exception.Busy(
                '%s was not done after %s s' % (what, limit),
                answer='last seen: %s' % describe(seen))
