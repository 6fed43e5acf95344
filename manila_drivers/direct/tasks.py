# SPDX-License-Identifier: Apache-2.0

"""Work that is recorded before it is begun, and after it has ended.

Between the two a record says what was begun.  Whoever finds it so, since a
process was ended or a backend failed, repeats the operation: drivers find
what an earlier call has made.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
from typing import Any
from typing import TYPE_CHECKING
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.registry.registry import Registry

T = TypeVar('T')
R = TypeVar('R', records.ShareEntry, records.SnapshotEntry)

#: Errors after which nothing was changed.
REFUSED = (exception.InvalidRequest, exception.PossibleDataLoss,
           exception.ConfigurationError)


def name_of(task: 'Mapping[str, Any] | None') -> str:
    """Return what was begun, '' for nothing."""
    return str(task['name']) if task else ''


def reachable(record: records.ShareEntry,
              *also: str) -> records.ShareEntry:
    """Return the record of a share that is there to be reached.

    :param also: tasks that do not matter.
    :raises Busy: it is not, or not for long.
    """
    if name_of(record.task) not in ('', 'resize', *also):
        raise exception.Busy(
            f'Share {record.name} is {record.status}',
            check='repeat or await what was begun, then this')
    return record


def need_whole(record: records.ShareEntry) -> None:
    """Raise BackendError of a share that is lost, or whose copy has failed."""
    if record.status == 'error':
        raise exception.BackendError(
            f'Share {record.name} is there in the records alone',
            backend=record.backend, answer=record.failure,
            check='share ensure, if it has come back; else delete it')


def checked_name(name: 'str | None') -> str:
    """Return a name that can be recorded, '' for None.

    :raises InvalidRequest: it cannot; neither can an empty one, which is
        what an unset variable of a shell is.
    """
    text = name or ''
    if name == '' or len(text) > 255 or text != text.strip() \
            or not text.isprintable():
        raise exception.InvalidRequest(
            f'{text[:40]!r} is no name: 1 to 255 printable characters, '
            'without spaces around them')
    return text


class Desk:
    """Begins, ends and gives up work on shares of one registry.

    :param seconds: how long to wait for others who work on the same.
    :param need: raises if work is not to be done; called as soon as others
        are kept out of it.
    """

    def __init__(self, registry: 'Registry', seconds: float,
                 need: Callable[[], None] = lambda: None) -> None:
        self.registry = registry
        self._seconds = seconds
        self._need = need

    @contextlib.contextmanager
    def alone(self, idents: Iterable[str]) -> Iterator[None]:
        """Keep all others out of some shares.

        :raises Busy: others did not leave in time.
        """
        with self.registry.leases.hold(
                ('share ' + ident for ident in idents), self._seconds):
            self._need()
            yield

    def seen(self, record: R) -> R:
        """Return the record of a share or a snapshot as it is now.

        :raises NotFound: it was deleted or released meanwhile.
        """
        is_share = isinstance(record, records.ShareEntry)
        stored: Any = (self.registry.shares if is_share
                       else self.registry.snapshots)
        found: R | None = stored.get(record.id)
        if found is None:
            raise exception.NotFound(
                f'{"Share" if is_share else "Snapshot"} {record.name} '
                f'({record.id}) is gone', backend=record.backend,
                check='who has deleted it')
        return found

    def do(self, record: records.ShareEntry, task: Mapping[str, Any],
           status: str, work: Callable[[records.ShareEntry], T],
           ) -> tuple[records.ShareEntry, T]:
        """Record a task, do it, and return what it returned.

        The record still has the task: whoever calls writes what has come of
        it, with ``ended``.  If it fails the record says why, and keeps the
        task unless nothing can have been done.
        """
        shares = self.registry.shares
        before = record
        if record.task != task or record.status != status or record.failure:
            record = shares.change(record, task=dict(task), status=status,
                                   failure='')
        try:
            return record, work(record)
        except exception.DriverError as exc:
            values: dict[str, Any] = {'failure': str(exc)}
            if isinstance(exc, REFUSED) and before.task != task:
                # Nothing was done: it is as it was before.
                values.update(task=before.task, status=before.status,
                              failure=before.failure)
            exception.caught_any(lambda: shares.change(record, **values))
            raise

    def ended(self, record: records.ShareEntry, **values: Any,
              ) -> records.ShareEntry:
        """Write what has come of a task."""
        return self.registry.shares.change(record, **{
            'task': None, 'status': 'available', 'failure': '', **values})
