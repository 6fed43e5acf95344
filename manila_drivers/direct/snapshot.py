# SPDX-License-Identifier: Apache-2.0

"""One snapshot, as somebody has it in hands."""

from collections.abc import Mapping
from typing import Any
from typing import Literal
from typing import overload
from typing import Self
from typing import TYPE_CHECKING
import uuid

from manila_drivers import exception
from manila_drivers.direct import making
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.direct import tasks
from manila_drivers.direct.share import Share
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

AVAILABLE, CREATING, DELETING = 'available', 'creating', 'deleting'


class Snapshot:
    """A snapshot of a share, as it was recorded when it was last looked at.

    As for :class:`~manila_drivers.Share`, operations can be repeated, and
    return what they would do with ``plan=True``.
    """

    def __init__(self, parts: 'Parts', record: records.SnapshotEntry,
                 ) -> None:
        self._parts = parts
        self._record = record

    @property
    def id(self) -> str:
        return self._record.id

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def size(self) -> int | None:
        """GiB that the share had."""
        return self._record.size

    @property
    def status(self) -> str:
        """``available``, or what was begun and has not been seen to end."""
        return self._record.status

    @property
    def failure(self) -> str:
        """Why the last operation did not end well; '' if it did."""
        return self._record.failure

    @property
    def created_at(self) -> str:
        """When it was recorded first, in UTC."""
        return self._record.created_at

    @property
    def share_id(self) -> str:
        return self._record.share_id

    @property
    def share(self) -> Share:
        """The share that it was taken of."""
        return Share(self._parts, self._owner())

    def __repr__(self) -> str:
        return (f'<Snapshot {self.name} {self.id} of share {self.share_id}, '
                f'{self.status}>')

    def refresh(self) -> Self:
        """Read what is recorded now.

        :raises NotFound: nothing is; it was deleted.
        """
        self._record = _seen(self._parts, self._record)
        return self

    def _owner(self) -> records.ShareEntry:
        found = self._parts.registry.shares.get(self.share_id)
        if found is None:
            raise exception.NotFound(
                f'The share of snapshot {self.name} is gone',
                backend=self._record.backend)
        return found

    @overload
    def clone(self, name: str | None = None, size: int | None = None, *,
              specs: Mapping[str, str] | None = None,
              plan: Literal[False] = False) -> Share: ...

    @overload
    def clone(self, name: str | None = None, size: int | None = None, *,
              specs: Mapping[str, str] | None = None,
              plan: Literal[True]) -> preview.Preview: ...

    def clone(self, name: str | None = None, size: int | None = None, *,
              specs: Mapping[str, str] | None = None, plan: bool = False,
              ) -> Share | preview.Preview:
        """Begin a share with this snapshot's content, or find it.

        It may still be copied; ``wait`` of the share waits for that.

        :param size: GiB, no fewer than the snapshot has, which is the
            default.
        """
        record = _seen(self._parts, self._record)
        if record.status != AVAILABLE:
            raise exception.Busy(f'Snapshot {record.name} is {record.status}',
                                 check='repeat that')
        gib = record.size if size is None else size
        if gib is None or gib < (record.size or 1):
            raise exception.InvalidRequest(
                f'A share of snapshot {record.name} has at least '
                f'{record.size} GiB')
        owner, ident = self._owner(), str(uuid.uuid4())
        wanted = making.new(
            id=ident, backend=record.backend, name=name or 'share-' + ident,
            proto=owner.proto, size=gib, snapshot_id=record.id,
            specs=owner.specs if specs is None else dict(specs),
            task={'name': making.CLONE, 'snapshot': record.id})
        part = making.Making(self._parts)
        if plan:
            return part.preview(wanted)
        return Share(self._parts, part.make(wanted))

    @overload
    def delete(self, *, plan: Literal[False] = False) -> None: ...

    @overload
    def delete(self, *, plan: Literal[True]) -> preview.Preview: ...

    def delete(self, *, plan: bool = False) -> preview.Preview | None:
        """Remove it; repeatable also when it is gone.

        :raises Busy: a share of it is still being copied, say.
        """
        parts = self._parts

        def work(driver: Any, record: records.SnapshotEntry,
                 owner: records.ShareEntry) -> None:
            driver.delete_snapshot(None, rows.snapshot(record, owner),
                                   share_server=None)
        if plan:
            record, owner = _seen(parts, self._record), self._owner()
            return parts.driving.preview(
                'delete snapshot', self.name,
                lambda driver: work(driver, record, owner))
        parts.driving.ready()
        snapshots = parts.registry.snapshots
        with parts.desk.alone([self.share_id]):
            found = snapshots.get(self.id)
            if found is None:
                return None
            owner = self._owner()
            begun = snapshots.change(found, status=DELETING, failure='')
            _noting(parts, begun, lambda: parts.driving.call(
                lambda driver: work(driver, begun, owner)))
            snapshots.remove(begun)
        return None


def take(parts: 'Parts', owner: records.ShareEntry, name: str | None,
         plan: bool) -> Snapshot | preview.Preview:
    """Take a snapshot of a share, or find the one of that name."""
    ident = str(uuid.uuid4())
    wanted = records.SnapshotEntry(
        id=ident, backend=owner.backend, name=name or 'snapshot-' + ident,
        share_id=owner.id, size=owner.size, status=CREATING)
    if plan:
        owner = _steady(parts.desk.seen(owner))
        record = _found(parts, wanted) or wanted
        if record.status == AVAILABLE:
            return preview.Preview('create snapshot', record.name, ())
        return parts.driving.preview(
            'create snapshot', record.name,
            lambda driver: _create(driver, record, owner))
    parts.driving.ready()
    with parts.desk.alone([owner.id]):
        owner = _steady(parts.desk.seen(owner))
        there = _found(parts, wanted)
        if there is not None and there.status == AVAILABLE:
            return Snapshot(parts, there)
        record = there or parts.registry.snapshots.add(wanted)
        answer = _noting(parts, record, lambda: parts.driving.call(
            lambda driver: _create(driver, record, owner)),
            new=there is None)
        return Snapshot(parts, parts.registry.snapshots.change(
            record, status=AVAILABLE, failure='', size=owner.size,
            location=str((answer or {}).get('provider_location') or '')))


def _create(driver: Any, record: records.SnapshotEntry,
            owner: records.ShareEntry) -> Any:
    return driver.create_snapshot(None, rows.snapshot(record, owner),
                                  share_server=None)


def _steady(owner: records.ShareEntry) -> records.ShareEntry:
    """Return the record of a share with which nothing goes on."""
    if tasks.name_of(owner.task):
        raise exception.Busy(
            f'Share {owner.name} is {owner.status}',
            check='repeat or await what was begun, then this')
    return owner


def _found(parts: 'Parts', wanted: records.SnapshotEntry,
           ) -> records.SnapshotEntry | None:
    found = parts.registry.snapshots.all(backend=wanted.backend,
                                         name=wanted.name)
    if not found:
        return None
    if found[0].share_id != wanted.share_id \
            or found[0].status not in (AVAILABLE, CREATING):
        raise exception.Conflict(
            f'There is another snapshot {wanted.name}, of share '
            f'{found[0].share_id}, which is {found[0].status}',
            check='another name')
    return found[0]


def _seen(parts: 'Parts', record: records.SnapshotEntry,
          ) -> records.SnapshotEntry:
    found = parts.registry.snapshots.get(record.id)
    if found is None:
        raise exception.NotFound(
            f'Snapshot {record.name} ({record.id}) is gone',
            backend=record.backend, check='who has deleted it')
    return found


def _noting(parts: 'Parts', record: records.SnapshotEntry, work: Any, *,
            new: bool = False) -> Any:
    """Do something, and record why it failed.

    :param new: nothing is left of the record if nothing can have been done.
    """
    try:
        return work()
    except exception.DriverError as exc:
        snapshots, why = parts.registry.snapshots, str(exc)
        if new and isinstance(exc, exception.InvalidRequest):
            exception.caught_any(lambda: snapshots.remove(record))
        else:
            exception.caught_any(lambda: snapshots.change(record,
                                                          failure=why))
        raise
