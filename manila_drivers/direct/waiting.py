# SPDX-License-Identifier: Apache-2.0

"""Wait for copies that go on beside us."""

from collections.abc import Callable
import re
import time
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import rows
from manila_drivers.direct import tasks
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

#: Called with the percentage that is done, None if that is not told.
Progress = Callable[[int | None], object]

COPY = 'copy'
# Seconds between two questions: from, to.
_PAUSES = 0.2, 10.0


class Waiting:
    """Ask how far a copy is, until it is done.

    :param clock: monotonic seconds; ``sleep`` waits for that many.
    """

    def __init__(self, parts: 'Parts',
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._parts = parts
        self._clock = clock
        self._sleep = sleep

    def until_there(self, record: records.ShareEntry, seconds: float,
                    progress: Progress | None) -> records.ShareEntry:
        """Return the record of a share whose content is whole.

        :raises Busy: it was not in time.
        :raises BackendError: it has failed.
        """
        ends = self._clock() + seconds
        pause, longest = _PAUSES
        while True:
            record, percent = self.look(record)
            begun = tasks.name_of(record.task)
            if begun in ('', 'resize'):
                tasks.need_whole(record)
                return record
            if begun != COPY:
                raise exception.Busy(
                    f'Share {record.name} is {record.status}, and nobody '
                    'works on it', answer=record.failure,
                    check='repeat what was begun')
            if progress is not None:
                progress(percent)
            if self._clock() + pause > ends:
                raise exception.Busy(
                    f'Share {record.name} is still being copied after '
                    f'{seconds:g} s', backend=record.backend,
                    answer='' if percent is None else f'{percent} %',
                    check='wait again: the copy goes on')
            self._sleep(pause)
            pause = min(1.5 * pause, longest)

    def look(self, record: records.ShareEntry,
             ) -> tuple[records.ShareEntry, int | None]:
        """Ask once; return the record as it is now, and the percentage."""
        parts = self._parts
        with parts.desk.alone([record.id]):
            record = parts.desk.seen(record)
            if tasks.name_of(record.task) != COPY:
                return record, 100
            row = rows.share(record)
            answer: Any = parts.driving.call(
                lambda driver: driver.get_share_status(row,
                                                       share_server=None))
            status = answer.get('status')
            if status == 'available':
                locations = rows.locations(answer.get('export_locations'))
                return parts.desk.ended(
                    record, locations=locations or record.locations), 100
            if status == 'error':
                error = exception.BackendError(
                    f'The copy for share {record.name} has failed',
                    backend=record.backend, check='the log of the backend; '
                    'delete the share, and make it again')
                parts.registry.shares.change(record, status='error',
                                             failure=str(error))
                raise error
        return record, _percent(answer.get('progress'))


def _percent(text: Any) -> int | None:
    found = re.match(r'\d+', str(text or ''))
    return min(int(found[0]), 100) if found else None
