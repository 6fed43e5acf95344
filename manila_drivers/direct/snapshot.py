# SPDX-License-Identifier: Apache-2.0

"""One snapshot, as somebody has it in hands."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Literal
from typing import overload
import uuid

from manila_drivers import exception
from manila_drivers.direct import making
from manila_drivers.direct import preview
from manila_drivers.direct import recorded
from manila_drivers.direct import reverting
from manila_drivers.direct import rows
from manila_drivers.direct import taking
from manila_drivers.direct import tasks
from manila_drivers.direct.share import Share
from manila_drivers.registry import records

#: Has a driver let a snapshot go.
Leave = Callable[[Any, records.SnapshotEntry, records.ShareEntry], object]


class Snapshot(recorded.Recorded[records.SnapshotEntry]):
    """A snapshot of a share, as it was recorded when it was last looked at.

    As for :class:`~manila_drivers.Share`, operations can be repeated, and
    return what they would do with ``plan=True``.
    """

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
        record = self._parts.desk.seen(self._record)
        if record.status != taking.AVAILABLE:
            raise exception.Busy(f'Snapshot {record.name} is {record.status}',
                                 check='repeat that')
        gib = record.size if size is None else size
        if gib is None or gib < (record.size or 1):
            raise exception.InvalidRequest(
                f'A share of snapshot {record.name} has at least '
                f'{record.size} GiB')
        owner, ident = self._owner(), str(uuid.uuid4())
        wanted = making.new(
            id=ident, backend=record.backend,
            name=tasks.checked_name(name) or 'share-' + ident,
            proto=owner.proto, size=gib, snapshot_id=record.id,
            specs=owner.specs if specs is None else dict(specs),
            task={'name': making.CLONE, 'snapshot': record.id})
        part = making.Making(self._parts)
        if plan:
            return part.preview(wanted)
        return Share(self._parts, part.make(wanted))

    @overload
    def revert(self, *, plan: Literal[False] = False) -> Share: ...

    @overload
    def revert(self, *, plan: Literal[True]) -> preview.Preview: ...

    def revert(self, *, plan: bool = False) -> Share | preview.Preview:
        """Bring its share back to this snapshot, which stays.

        What was written since is lost.  The share gets the size that it had.

        :raises Unsupported: the backend cannot do that.
        :raises InvalidRequest: it is not the last one of its share.
        """
        share = self.share
        return (share.revert(self.id, plan=True) if plan
                else share.revert(self.id))

    def make(self) -> 'Snapshot':
        """Go on with what was begun: taking, adopting or leaving it.

        Does nothing if the snapshot is there.
        """
        record = self.refresh()._record
        if record.status == taking.DELETING:
            self.delete()
        elif record.status == taking.RELEASING:
            self.release()
        elif record.status != taking.AVAILABLE:
            self._record = taking.Taking(self._parts).make(record)
        return self

    @overload
    def delete(self, *, plan: Literal[False] = False) -> None: ...

    @overload
    def delete(self, *, plan: Literal[True]) -> preview.Preview: ...

    def delete(self, *, plan: bool = False) -> preview.Preview | None:
        """Remove it; repeatable also when it is gone.

        :raises Busy: a share of it is still being copied, say.
        """
        def work(driver: Any, record: records.SnapshotEntry,
                 owner: records.ShareEntry) -> None:
            driver.delete_snapshot(None, rows.snapshot(record, owner),
                                   share_server=None)
        return self._leave('delete', taking.DELETING, work, plan)

    @overload
    def release(self, *, plan: Literal[False] = False) -> None: ...

    @overload
    def release(self, *, plan: Literal[True]) -> preview.Preview: ...

    def release(self, *, plan: bool = False) -> preview.Preview | None:
        """Record it no more; it stays where it is, and can be adopted."""
        def work(driver: Any, record: records.SnapshotEntry,
                 owner: records.ShareEntry) -> None:
            driver.unmanage_snapshot(rows.snapshot(record, owner))
        return self._leave('release', taking.RELEASING, work, plan)

    def _leave(self, name: str, status: str, work: Leave,
               plan: bool) -> preview.Preview | None:
        parts = self._parts
        if plan:
            record, owner = parts.desk.seen(self._record), self._owner()
            _need_other(record, owner, status)
            return parts.driving.preview(
                f'{name} snapshot', self.name,
                lambda driver: work(driver, record, owner))
        parts.driving.ready()
        with parts.desk.alone([self.share_id]):
            found = parts.registry.snapshots.get(self.id)
            if found is None:
                return None
            owner = self._owner()
            _need_other(found, owner, status)
            begun = parts.registry.snapshots.change(
                found, status=status, failure='')
            taking.noting(parts, begun, lambda: parts.driving.call(
                lambda driver: work(driver, begun, owner)))
            taking.forget(parts, begun)
        return None


#: What cannot follow something that was begun.  What is adopted, or half so,
#: is somebody's: it is released, and never deleted.
_BEFORE = {taking.DELETING: (taking.ADOPTING, taking.RELEASING),
           taking.RELEASING: (taking.DELETING,)}


def _need_other(record: records.SnapshotEntry, owner: records.ShareEntry,
                status: str) -> None:
    """Raise if a snapshot cannot leave in this way, or not now."""
    if record.status in _BEFORE[status]:
        raise exception.Unsupported(
            f'Snapshot {record.name} is {record.status}, and cannot be '
            + ('deleted' if status == taking.DELETING else 'released'),
            check='release it, or repeat the adoption'
            if record.status == taking.ADOPTING else 'repeat that')
    if reverting.is_under_way(owner):
        raise exception.Busy(
            f'Share {owner.name} is {owner.status}, and needs snapshot '
            f'{record.name} until then', check='repeat the revert')
