# SPDX-License-Identifier: Apache-2.0

"""Tell what our drivers say of themselves in the log: a line per call."""

from collections.abc import Iterator
import dataclasses
import re

# 'VASTShareDriver.create_share done: backend b, id i, 3 REST in 0.003 s of
# 0.006 s', with ': why' behind it when it failed.
_LINE = re.compile(
    r' (?P<driver>\w+)\.(?P<method>\w+) (?P<outcome>done|failed): '
    r'backend (?P<backend>\S+), id (?P<subject>[^,]+), '
    r'(?P<trips>.+?)(?: in [\d.]+ s)? of (?P<seconds>[\d.]+) s(?::|\s|$)')
_COUNT = re.compile(r'(\d+) \w+')


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of a driver: round trips by kind, and seconds in all."""

    method: str
    outcome: str
    backend: str
    trips: str
    seconds: float

    @property
    def requests(self) -> int:
        return sum(int(count) for count in _COUNT.findall(self.trips))


def calls_in(log: str, backend: str) -> Iterator[Call]:
    """The calls of one backend that a piece of the log tells of."""
    for line in log.splitlines():
        found = _LINE.search(line)
        if found and found['backend'] == backend:
            yield Call(found['method'], found['outcome'], found['backend'],
                       found['trips'], float(found['seconds']))
