# SPDX-License-Identifier: Apache-2.0

"""One share, as somebody has it in hands."""

from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import Literal
from typing import overload
from typing import Self
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import access_rules
from manila_drivers.direct import making
from manila_drivers.direct import preview
from manila_drivers.direct import recorded
from manila_drivers.direct import resizing
from manila_drivers.direct import reverting
from manila_drivers.direct import rows
from manila_drivers.direct import taking
from manila_drivers.direct import tasks
from manila_drivers.direct import waiting
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.snapshot import Snapshot


class Share(recorded.Recorded[records.ShareEntry]):
    """A share of a backend, as it was recorded when it was last looked at.

    Operations look again, keep all other processes out while they work, and
    can be repeated after any interruption.  With ``plan=True`` they change
    nothing and return what they would do.

    Got from ``backend.shares``, not made.
    """

    @property
    def proto(self) -> str:
        return self._record.proto

    @property
    def snapshot_id(self) -> str | None:
        """The snapshot that it was made of, if any."""
        return self._record.snapshot_id

    @property
    def locations(self) -> list[str]:
        """Paths that clients mount, the preferred one first."""
        return [str(each['path']) for each in sorted(
            self._record.locations,
            key=lambda each: not each.get('preferred'))]

    @property
    def rules(self) -> list[access_rules.AccessRule]:
        """The access rules, as they are recorded now."""
        return [access_rules.AccessRule.of(rule)
                for rule in self._parts.rules.of(self._record)]

    @property
    def snapshots(self) -> 'list[Snapshot]':
        """The snapshots, as they are recorded now."""
        from manila_drivers.direct import snapshot
        return [snapshot.Snapshot(self._parts, record) for record
                in self._parts.registry.snapshots.all(share_id=self.id)]

    def __repr__(self) -> str:
        return (f'<Share {self.name} {self.id} of {self._record.backend}, '
                f'{self.size} GiB, {self.status}>')

    # -- its life --------------------------------------------------------

    def make(self) -> Self:
        """Go on with a creation, a copy or an adoption that was begun.

        Does nothing if the share is there.
        """
        self._record = making.Making(self._parts).go_on(self._record)
        return self

    def wait(self, timeout: float = 86400.0,
             progress: waiting.Progress | None = None) -> Self:
        """Wait until the content of a snapshot is copied.

        :param timeout: seconds.
        :param progress: called with the percentage, None if it is not told,
            each time that has been asked for.
        :raises Busy: it was not by then; it goes on.
        :raises BackendError: the copy has failed.
        """
        self._record = waiting.Waiting(self._parts).until_there(
            self._record, timeout, progress)
        return self

    @overload
    def delete(self, *, plan: Literal[False] = False) -> None: ...

    @overload
    def delete(self, *, plan: Literal[True]) -> preview.Preview: ...

    def delete(self, *, plan: bool = False) -> preview.Preview | None:
        """Remove it with its data; repeatable also when it is gone.

        :raises Unsupported: it has snapshots.
        """
        def work(driver: Any, record: records.ShareEntry) -> None:
            driver.delete_share(None, rows.share(record), share_server=None)
        return self._leave('delete', 'deleting', work, plan)

    @overload
    def release(self, *, plan: Literal[False] = False) -> None: ...

    @overload
    def release(self, *, plan: Literal[True]) -> preview.Preview: ...

    def release(self, *, plan: bool = False) -> preview.Preview | None:
        """Record it no more; its data, and who has access, stay."""
        def work(driver: Any, record: records.ShareEntry) -> None:
            driver.unmanage(rows.share(record))
        return self._leave('release', 'releasing', work, plan)

    def _leave(self, name: str, status: str, work: Any,
               plan: bool) -> preview.Preview | None:
        parts = self._parts
        if plan:
            record = self.refresh()._record
            _need_other(record, name)
            self._need_no_snapshots()
            return parts.driving.preview(
                f'{name} share', self.name, lambda driver: work(
                    driver, record))
        parts.driving.ready()
        with parts.desk.alone([self.id]):
            found = parts.registry.shares.get(self.id)
            if found is None:
                return None
            _need_other(found, name)
            self._need_no_snapshots()
            record, _ = parts.desk.do(
                found, {'name': name}, status,
                lambda record: parts.driving.call(
                    lambda driver: work(driver, record)))
            parts.registry.shares.remove(record)
            self._record = dataclasses.replace(
                record, status=name + 'd', task=None)
        return None

    def _need_no_snapshots(self) -> None:
        names = [one.name for one in self.snapshots]
        if names:
            raise exception.Unsupported(
                f'Share {self.name} has snapshots: {", ".join(names)}',
                check='delete or release them first')

    # -- size ------------------------------------------------------------

    @overload
    def extend(self, size: int, *, plan: Literal[False] = False) -> Self: ...

    @overload
    def extend(self, size: int, *, plan: Literal[True],
               ) -> preview.Preview: ...

    def extend(self, size: int, *, plan: bool = False,
               ) -> Self | preview.Preview:
        """Let it grow to so many GiB."""
        return self._resize(size, False, plan)

    @overload
    def shrink(self, size: int, *, plan: Literal[False] = False) -> Self: ...

    @overload
    def shrink(self, size: int, *, plan: Literal[True],
               ) -> preview.Preview: ...

    def shrink(self, size: int, *, plan: bool = False,
               ) -> Self | preview.Preview:
        """Let it shrink to so many GiB.

        :raises PossibleDataLoss: more is in use; nothing was changed.
        """
        return self._resize(size, True, plan)

    @overload
    def resize(self, size: int, *, plan: Literal[False] = False) -> Self: ...

    @overload
    def resize(self, size: int, *, plan: Literal[True],
               ) -> preview.Preview: ...

    def resize(self, size: int, *, plan: bool = False,
               ) -> Self | preview.Preview:
        """Extend or shrink it, whichever that takes."""
        return self._resize(size, None, plan)

    def _resize(self, size: int, shrink: bool | None,
                plan: bool) -> Self | preview.Preview:
        part = resizing.Resizing(self._parts)
        if plan:
            return part.preview(self.refresh()._record, size, shrink)
        self._record = part.resize(self._record, size, shrink)
        return self

    # -- access ----------------------------------------------------------

    @overload
    def allow(self, to: str, level: str = 'rw', kind: str | None = None, *,
              widen: bool = False, plan: Literal[False] = False,
              ) -> access_rules.AccessRule: ...

    @overload
    def allow(self, to: str, level: str = 'rw', kind: str | None = None, *,
              widen: bool = False,
              plan: Literal[True]) -> preview.Preview: ...

    def allow(self, to: str, level: str = 'rw', kind: str | None = None, *,
              widen: bool = False, plan: bool = False,
              ) -> access_rules.AccessRule | preview.Preview:
        """Give access to a network, a certificate's name or a user.

        One that has access gets the new level.  Who gets in by no rule that
        is recorded loses that, which is logged.

        :param level: ``rw`` or ``ro``.
        :param kind: ``ip``, ``cert``, ``user``; by default the protocol's.
        :param widen: others that are recorded, and do not get in, do then.
        :raises InvalidRule: the backend cannot honour it.
        :raises InvalidRequest: others would get in, and ``widen`` is False.
        """
        if level not in ('rw', 'ro'):
            raise exception.InvalidRequest(
                f'{level!r} is no access level: rw or ro')
        parts, rules = self._parts, self._parts.rules
        wanted = self._kind(kind), to, level
        if plan:
            record = self._reachable()
            return self._preview(f'allow {to} {level}', rules.with_one(
                record, rules.asked(record, *wanted), widen=widen))
        parts.driving.ready()
        with parts.desk.alone([self.id]):
            record = self._reachable()
            return access_rules.AccessRule.of(rules.allow(
                record, rules.asked(record, *wanted), widen=widen))

    @overload
    def deny(self, to: str, kind: str | None = None, *,
             plan: Literal[False] = False) -> None: ...

    @overload
    def deny(self, to: str, kind: str | None = None, *,
             plan: Literal[True]) -> preview.Preview: ...

    def deny(self, to: str, kind: str | None = None, *, plan: bool = False,
             ) -> preview.Preview | None:
        """Take access from whom it was given to; repeatable.

        :param to: as for :meth:`allow`, or the id of a rule.
        :raises NotFound: there is no rule for it, and another one lets it,
            or some of it, in.
        """
        if plan:
            record = self._reachable(*_DENIED_IN)
            rules = self._parts.rules
            found = rules.taken(record, self._kind(kind), to)
            return self._preview(f'deny {to}', rules.without_some(
                record, [found] if found else []))
        for error in self.deny_all([to], kind).values():
            raise error
        return None

    def deny_all(self, to: Sequence[str], kind: str | None = None,
                 ) -> dict[str, exception.DriverError]:
        """Take access from several at once; return why some keep theirs."""
        parts = self._parts
        parts.driving.ready()
        with parts.desk.alone([self.id]):
            return parts.rules.deny(self._reachable(*_DENIED_IN),
                                    self._kind(kind), to)

    def _kind(self, kind: str | None) -> str:
        return kind or access_rules.KINDS.get(self.proto, 'ip')

    def _preview(self, name: str, wanted: 'Sequence[records.RuleEntry]',
                 ) -> preview.Preview:
        return self._parts.driving.preview(
            f'{name} on share', self.name, lambda driver:
            self._parts.rules.call(driver, self._record, wanted))

    def _reachable(self, *also: str) -> records.ShareEntry:
        """Return the record of a share that is there to be reached.

        :param also: tasks that do not matter.
        :raises Busy: it is not, or not for long.
        """
        return tasks.reachable(self.refresh()._record, *also)

    # -- snapshots -------------------------------------------------------

    @overload
    def snapshot(self, name: str | None = None, *,
                 plan: Literal[False] = False) -> 'Snapshot': ...

    @overload
    def snapshot(self, name: str | None = None, *,
                 plan: Literal[True]) -> preview.Preview: ...

    def snapshot(self, name: str | None = None, *, plan: bool = False,
                 ) -> 'Snapshot | preview.Preview':
        """Take a snapshot, or find the one of that name.

        :param name: unique in the backend; by default one is made up.
        """
        return self._taken(taking.new(self._record, name, taking.CREATING),
                           plan)

    @overload
    def adopt_snapshot(self, location: str, name: str | None = None, *,
                       plan: Literal[False] = False) -> 'Snapshot': ...

    @overload
    def adopt_snapshot(self, location: str, name: str | None = None, *,
                       plan: Literal[True]) -> preview.Preview: ...

    def adopt_snapshot(self, location: str, name: str | None = None, *,
                       plan: bool = False) -> 'Snapshot | preview.Preview':
        """Take over a snapshot of this share that the backend has already.

        :param location: what the backend calls it.
        :raises NotManageable: it has none of that name of this share.
        """
        if not location.strip():
            raise exception.InvalidRequest(
                'A snapshot is adopted by what the backend calls it')
        return self._taken(taking.new(self._record, name, taking.ADOPTING,
                                      location.strip()), plan)

    def _taken(self, wanted: records.SnapshotEntry,
               plan: bool) -> 'Snapshot | preview.Preview':
        from manila_drivers.direct import snapshot
        part = taking.Taking(self._parts)
        if plan:
            return part.preview(wanted)
        return snapshot.Snapshot(self._parts, part.make(wanted))

    @overload
    def revert(self, snapshot: str | None = None, *,
               plan: Literal[False] = False) -> Self: ...

    @overload
    def revert(self, snapshot: str | None = None, *,
               plan: Literal[True]) -> preview.Preview: ...

    def revert(self, snapshot: str | None = None, *, plan: bool = False,
               ) -> Self | preview.Preview:
        """Bring it back to its last snapshot; what was written since is lost.

        It gets the size that it had, and keeps its rules and the snapshot.

        :param snapshot: its name or id, by default the last one.
        :raises Unsupported: the backend cannot do that.
        :raises InvalidRequest: that is not the last one, or its rules, which
            are older than the backend, would let in somebody.
        """
        part = reverting.Reverting(self._parts)
        record = self.refresh()._record
        wanted = self._snapshot_id(snapshot) if snapshot is not None \
            else part.last(record).id
        if plan:
            return part.preview(record, wanted)
        self._record = part.revert(record, wanted)
        return self

    def _snapshot_id(self, wanted: str) -> str:
        there = self.snapshots
        found = next((one.id for one in there if one.name == wanted), None) \
            or next((one.id for one in there if one.id == wanted), None)
        if found is None:
            raise exception.NotFound(
                f'No snapshot {wanted} of share {self.name} is recorded')
        return found


#: Tasks during which access can be taken, which waits for none of them.
_DENIED_IN = reverting.REVERT, 'delete', 'release'
#: Tasks that cannot be followed by an operation but their own.  What is
#: adopted, or half so, is somebody's: it is released, and never deleted.
_BEFORE = {'delete': ('adopt', 'release', reverting.REVERT),
           'release': ('delete', reverting.REVERT)}


def _need_other(record: records.ShareEntry, name: str) -> None:
    """Raise Unsupported if a share cannot leave in this way."""
    begun = tasks.name_of(record.task)
    if begun in _BEFORE[name] and not reverting.is_stranded(record):
        raise exception.Unsupported(
            f'Share {record.name} is {record.status}, and cannot be '
            f'{name}d', check='release it, or repeat the adoption'
            if begun == 'adopt' else 'repeat that')
