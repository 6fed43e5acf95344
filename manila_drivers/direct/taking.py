# SPDX-License-Identifier: Apache-2.0

"""Begin snapshots: new ones, and those that a share has already."""

from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING
from typing import TypeVar
import uuid

from manila_drivers import exception
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.direct import tasks
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

T = TypeVar('T')

AVAILABLE, CREATING, ADOPTING, DELETING, RELEASING = (
    'available', 'creating', 'adopting', 'deleting', 'releasing')
#: Of what is begun and can be gone on with.
BEGUN = {CREATING: 'create', ADOPTING: 'adopt'}
# What a snapshot was called when it was taken over, in private data.
_ASKED = 'adopted_from'


def new(owner: records.ShareEntry, name: str | None, status: str,
        location: str = '') -> records.SnapshotEntry:
    """Return the record of a snapshot that is to be begun."""
    ident = str(uuid.uuid4())
    return records.SnapshotEntry(
        id=ident, backend=owner.backend,
        name=tasks.checked_name(name) or 'snapshot-' + ident,
        share_id=owner.id, size=owner.size, status=status, location=location)


class Taking:
    """Record a snapshot, and have the driver take it, in this order.

    Whoever wants one of the same name of the same share gets the one that is
    there, also if it is not finished.
    """

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def preview(self, wanted: records.SnapshotEntry) -> preview.Preview:
        """Return what would be done."""
        owner = steady(self._owner(wanted))
        record = self._found(wanted) or wanted
        operation = f'{BEGUN[wanted.status]} snapshot'
        if record.status == AVAILABLE:
            return preview.Preview(operation, record.name, ())
        return self._parts.driving.preview(
            operation, record.name,
            lambda driver: _call(driver, record, owner))

    def make(self, wanted: records.SnapshotEntry) -> records.SnapshotEntry:
        """Take or adopt a snapshot, or find it.

        :raises Conflict: there is another one of that name.
        """
        parts = self._parts
        parts.driving.ready()
        with parts.desk.alone([wanted.share_id]):
            owner = steady(self._owner(wanted))
            there = self._found(wanted)
            if there is not None and there.status == AVAILABLE:
                return there
            record = there or parts.registry.snapshots.add(wanted)
            if record.status == ADOPTING:
                parts.registry.private_data.update(
                    record.id, {_ASKED: record.location})
            answer = noting(parts, record, lambda: parts.driving.call(
                lambda driver: _call(driver, record, owner)),
                new=there is None)
            return self._ended(record, owner, answer or {})

    def _ended(self, record: records.SnapshotEntry,
               owner: records.ShareEntry, answer: Any,
               ) -> records.SnapshotEntry:
        location = str(answer.get('provider_location') or record.location)
        same = next((one for one in self._siblings(record)
                     if location and one.location == location), None)
        if same is not None:
            # Asked for by another spelling: it is recorded once.
            forget(self._parts, record)
            return same
        return self._parts.registry.snapshots.change(
            record, status=AVAILABLE, failure='', location=location,
            size=int(answer.get('size') or owner.size or 1))

    def _owner(self, wanted: records.SnapshotEntry) -> records.ShareEntry:
        found = self._parts.registry.shares.get(wanted.share_id)
        if found is None:
            raise exception.NotFound(
                f'The share of snapshot {wanted.name} is gone',
                backend=wanted.backend, check='who has deleted it')
        return found

    def _siblings(self, record: records.SnapshotEntry,
                  ) -> list[records.SnapshotEntry]:
        return [one for one in self._parts.registry.snapshots.all(
            share_id=record.share_id) if one.id != record.id]

    def _found(self, wanted: records.SnapshotEntry,
               ) -> records.SnapshotEntry | None:
        if wanted.status == ADOPTING:
            for record in self._siblings(wanted):
                if wanted.location in self._names(record):
                    return _usable(record, wanted)
        found = self._parts.registry.snapshots.all(
            backend=wanted.backend, name=wanted.name)
        if found and wanted.status == ADOPTING and found[0].id != wanted.id:
            raise exception.Conflict(
                f'There is another snapshot {wanted.name}, which is not '
                f'{wanted.location} of this share', check='another name')
        return _usable(found[0], wanted) if found else None

    def _names(self, record: records.SnapshotEntry) -> set[str]:
        """Return everything that a backend may call a snapshot."""
        asked = self._parts.registry.private_data.get(record.id, _ASKED)
        return {record.id, rows.snapshot_name(record), record.location,
                str(asked or '')}


def steady(owner: records.ShareEntry) -> records.ShareEntry:
    """Return the record of a share with which nothing goes on.

    :raises Busy: something was begun, and has not been seen to end.
    """
    if tasks.name_of(owner.task):
        raise exception.Busy(
            f'Share {owner.name} is {owner.status}',
            check='repeat or await what was begun, then this')
    return owner


def forget(parts: 'Parts', record: records.SnapshotEntry) -> None:
    """Remove the record of a snapshot, with what belongs to it."""
    parts.registry.private_data.delete(record.id)
    parts.registry.snapshots.remove(record)


def noting(parts: 'Parts', record: records.SnapshotEntry,
           work: Callable[[], T], *, new: bool = False) -> T:
    """Do something, and record why it failed.

    :param new: nothing is left of the record if nothing can have been done.
    """
    try:
        return work()
    except exception.DriverError as exc:
        why = str(exc)
        if new and isinstance(exc, exception.InvalidRequest):
            exception.caught_any(lambda: forget(parts, record))
        else:
            exception.caught_any(lambda: parts.registry.snapshots.change(
                record, failure=why))
        raise


def _usable(found: records.SnapshotEntry,
            wanted: records.SnapshotEntry) -> records.SnapshotEntry:
    """Return a snapshot that is, or is to become, the one that is wanted.

    :raises Conflict: it is another one, or goes away.
    """
    if found.share_id != wanted.share_id \
            or found.status not in (AVAILABLE, wanted.status):
        raise exception.Conflict(
            f'There is another snapshot {found.name}, of share '
            f'{found.share_id}, which is {found.status}',
            check='another name')
    return found


def _call(driver: Any, record: records.SnapshotEntry,
          owner: records.ShareEntry) -> Any:
    row = rows.snapshot(record, owner)
    if record.status == ADOPTING:
        return driver.manage_existing_snapshot(row, {})
    return driver.create_snapshot(None, row, share_server=None)
