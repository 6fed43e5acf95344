# SPDX-License-Identifier: Apache-2.0

"""Change the size of shares, also of those whose size is not known.

A resize that was cut off leaves a share with the size of before or with the
one that was wanted.  Another one then goes down from the larger of the two,
so that it looks at what is in use, rather than up from the smaller.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.direct import tasks
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

RESIZE = 'resize'


@dataclasses.dataclass(frozen=True)
class SizeChange:
    """One call of a driver: the size of before, of after, and the way.

    ``highest`` is the largest size that the share may have meanwhile.
    """

    before: int
    after: int
    shrink: bool
    highest: int

    @property
    def task(self) -> Mapping[str, Any]:
        return {'name': RESIZE, 'size': self.after, 'shrink': self.shrink,
                'highest': self.highest}


def decide(record: records.ShareEntry, size: int,
           shrink: bool | None) -> SizeChange | None:
    """Return the change that a size takes, None if there is none.

    :param shrink: the way that the caller expects, None for any.
    :raises InvalidRequest: it is the other way, or no size.
    """
    if record.size is None or size < 1:
        raise exception.InvalidRequest(
            f'Share {record.name} cannot have {size} GiB')
    begun = record.task if tasks.name_of(record.task) == RESIZE else None
    if begun is not None and begun['size'] == size and shrink in (
            None, begun['shrink']):
        # What was cut off, once more.
        highest = int(begun['highest'])
        return SizeChange(highest if begun['shrink'] else record.size, size,
                          bool(begun['shrink']), highest)
    highest = max(record.size, int(begun['highest']) if begun else 0)
    if begun is None and size == record.size:
        return None
    down = size < highest or size == highest and begun is not None
    if shrink is not None and shrink != down:
        raise exception.InvalidRequest(
            f'Share {record.name} has '
            + (f'{record.size} GiB' if begun is None else
               f'{record.size} to {highest} GiB, since a resize was cut off')
            + f', which {size} would not {"shrink" if shrink else "extend"}')
    return SizeChange(highest, size, down, max(highest, size))


class Resizing:
    """Have the driver change the size of a share."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def preview(self, record: records.ShareEntry, size: int,
                shrink: bool | None) -> preview.Preview:
        change = decide(record, size, shrink)
        if change is None:
            return preview.Preview('resize share', record.name, ())
        wanted = change
        return self._parts.driving.preview(
            'resize share', record.name,
            lambda driver: _call(driver, record, wanted))

    def resize(self, record: records.ShareEntry, size: int,
               shrink: bool | None) -> records.ShareEntry:
        parts = self._parts
        parts.driving.ready()
        with parts.desk.alone([record.id]):
            record = parts.desk.seen(record)
            if tasks.name_of(record.task) not in ('', RESIZE):
                raise exception.Busy(
                    f'Share {record.name} is {record.status}',
                    check='repeat or await what was begun, then this')
            change = decide(record, size, shrink)
            if change is None:
                return record
            wanted = change
            record, _ = parts.desk.do(
                record, wanted.task, 'resizing',
                lambda record: parts.driving.call(
                    lambda driver: _call(driver, record, wanted)))
            return parts.desk.ended(record, size=size)


def _call(driver: Any, record: records.ShareEntry,
          change: SizeChange) -> None:
    call(driver, rows.share(dataclasses.replace(record, size=change.before)),
         change.after, shrink=change.shrink)


def call(driver: Any, row: Mapping[str, Any], size: int, *,
         shrink: bool) -> None:
    """Have a driver give a share another size.

    :param row: with the size of before.
    """
    method = driver.shrink_share if shrink else driver.extend_share
    method(row, size, share_server=row.get('share_server'))


def again(parts: 'Parts', record: records.ShareEntry, *,
          shrink: bool) -> None:
    """Have the driver give a share the size that is recorded.

    :param shrink: the backend has more, so that use is looked at.
    :raises PossibleDataLoss: more is in use; nothing was changed.
    """
    size = record.size or 0
    parts.driving.call(lambda driver: _call(
        driver, record, SizeChange(size, size, shrink, size)))
