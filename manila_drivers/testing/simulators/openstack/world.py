# SPDX-License-Identifier: Apache-2.0

"""Common to all services of the cloud: time, names, mishaps."""

from collections.abc import Callable
import dataclasses
import datetime
import random
import re
import uuid

from manila_drivers.testing.simulators.openstack.options import CloudOptions
from manila_drivers.testing.simulators.timeline import Timeline

#: Work that goes on after the answer, and how it can end.
WORK = frozenset((
    'build', 'delete_server', 'attach', 'detach', 'reboot',
    'create_volume', 'delete_volume', 'extend', 'create_snapshot',
    'delete_snapshot', 'revert'))


@dataclasses.dataclass
class _Mishap:
    work: str
    nth: int
    times: int | None
    name: str
    how: str
    seen: int = 0

    def strikes(self, work: str, name: str) -> bool:
        if work != self.work or not re.search(self.name, name):
            return False
        self.seen += 1
        return self.seen >= self.nth and (
            self.times is None or self.seen < self.nth + self.times)


class World:
    """Time, identifiers, and what is going to go wrong behind an answer.

    Not thread-safe; the simulator's lock is held around each request.

    :param clock: seconds since the epoch; only ever grows.
    :param seed: of all identifiers.
    """

    def __init__(self, clock: Callable[[], float],
                 options: CloudOptions, seed: int = 0) -> None:
        self.options = options
        self.timeline = Timeline(clock)
        self.url = 'http://cloud.invalid'
        self._random = random.Random(seed)  # noqa: S311 - names, no secrets
        self._mishaps: list[_Mishap] = []

    # Time

    @property
    def now(self) -> float:
        return self.timeline.clock()

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self.timeline.after(seconds, event)

    def moment(self, zone: str = '', *, micro: bool = False,
               at: float | None = None) -> str:
        """The time as services write it, ``2026-11-29T05:18:54`` and more."""
        when = datetime.datetime.fromtimestamp(
            self.now if at is None else at, datetime.UTC)
        return when.strftime('%Y-%m-%dT%H:%M:%S'
                             + ('.%f' if micro else '')) + zone

    # Names

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def hex(self, digits: int = 32) -> str:
        return f'{self._random.getrandbits(4 * digits):0{digits}x}'

    def pick(self, count: int) -> int:
        """Return a number below a count, by chance."""
        return self._random.randrange(count)

    def order(self, ident: str, born: float) -> tuple[str, float]:
        """A key for lists; markers need one that stays."""
        return (ident, 0.0) if self.options.shuffled else ('', -born)

    # Mishaps

    def spoil(self, work: str, *, nth: int = 1, times: int | None = 1,
              name: str = '', how: str = '') -> None:
        """Let work fail that goes on after its answer.

        :param work: one of :data:`WORK`.
        :param nth: the first one that fails, counted from now.
        :param times: how many in a row; None is for ever.
        :param name: which ones: searched in the name or id of the object.
        :param how: which of several ways; see :meth:`OpenStackSim.spoil`.
        """
        if work not in WORK:
            raise ValueError(f'Nothing is called {work!r}; there are '
                             f'{", ".join(sorted(WORK))}')
        self._mishaps.append(_Mishap(work, nth, times, name, how))

    def forgive(self) -> None:
        """Let everything succeed again."""
        self._mishaps.clear()

    def mishap(self, work: str, *names: str) -> str | None:
        """How the work that begins now is going to fail; None if not.

        '' where there is only one way.
        """
        struck = [each.how for each in self._mishaps
                  if each.strikes(work, ' '.join(names))]
        return struck[0] if struck else None
