# SPDX-License-Identifier: Apache-2.0

"""How far the clocks of servers are from this host's.

Whoever wants to know listens; transports tell what servers say in passing.
"""

from collections.abc import Iterator
import contextlib
import contextvars
from email import utils

Differences = dict[str, float]

_open: contextvars.ContextVar[Differences | None] = contextvars.ContextVar(
    'manila_drivers_clocks', default=None)


@contextlib.contextmanager
def listen() -> Iterator[Differences]:
    """Collect, for the length of a block, how far each server's clock is.

    Seconds by the name of the server; more than 0 is ahead of this host.
    It is the least that the answers leave room for: 0 if they may agree.
    """
    found: Differences = {}
    token = _open.set(found)
    try:
        yield found
    finally:
        _open.reset(token)


def told(server: str, date: str, before: float, after: float) -> None:
    """Take in the header Date of an answer; one that cannot be read is none.

    :param before: seconds since 1970 when the request was sent.
    :param after: and when the answer was there.
    """
    if _open.get() is None or not date:
        return
    try:
        stamp = utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return
    seen(server, stamp, before, after)


def seen(server: str, second: float, before: float, after: float) -> None:
    """Take in a server's time, which has whole seconds."""
    found = _open.get()
    if found is None:
        return
    difference = apart(second, before, after)
    least = found.get(server, difference)
    found[server] = min(least, difference, key=abs)


def apart(second: float, before: float, after: float) -> float:
    """Return by how many seconds two clocks differ at least.

    :param second: the full second that one of them showed at some time
        between two of the other's.
    """
    if second > after:
        return second - after
    return min(second + 1 - before, 0.0)
