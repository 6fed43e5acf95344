# SPDX-License-Identifier: Apache-2.0

"""Waiting until work in the background is done, with a deadline."""

from collections.abc import Callable
import dataclasses
import time
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.openstack import errors
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
    over.  An error of ``done`` ends the wait: it is raised as it is, so that
    ``done`` may raise for a state out of which nothing leads.  So does one of
    ``look``, unless it says nothing about what is waited for: a service that
    is away meanwhile has not failed, nor has what it works on.

    :param limit: seconds in which it has to be done.
    :param what: what is waited for, for people.
    :param describe: what a message says of the value that was seen last.
    :returns: the value that ``done`` has accepted.
    :raises Busy: the time is over; names what was seen last.
    :raises DriverError: the time is over, and the last look has failed so.
    """
    attempts = retry.Attempts(dataclasses.replace(PAUSES, total=limit),
                              clock, sleep)
    while True:
        seen, error = _looked(look)
        if seen and done(seen[0]):
            return seen[0]
        if not attempts.again():
            raise error or exception.Busy(
                '%s was not done after %s s' % (what, limit),
                answer='last seen: %s' % describe(*seen))


def _looked(look: Callable[[], T],
            ) -> tuple[tuple[T] | tuple[()], exception.DriverError | None]:
    """Return what was seen, or why nothing was; raise what is final."""
    found, error = exception.caught(lambda: (look(),))
    if error is not None and not is_passing(error):
        raise error
    return found or (), error


def is_passing(error: exception.DriverError) -> bool:
    """Tell if a question may be answered when it is asked later.

    It says that a service is away, or has failed, and nothing about objects.
    """
    if isinstance(error, exception.NotTrusted):
        return False
    return isinstance(error, (exception.TransportError, errors.ServiceBusy)) \
        or isinstance(error, errors.ServiceError) \
        and (error.status or 0) >= 500
