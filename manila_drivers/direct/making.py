# SPDX-License-Identifier: Apache-2.0

"""Begin shares: new ones, of snapshots, and of what is there already."""

from collections.abc import Mapping
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.direct import tasks
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

CREATE, CLONE, ADOPT = 'create', 'clone', 'adopt'
AVAILABLE = 'available'
STATUS = {CREATE: 'creating', CLONE: 'creating_from_snapshot',
          ADOPT: 'adopting'}
#: Tasks of shares that are made, if not whole.
DONE = '', 'resize', 'copy', 'revert'
# How often a name is looked up that comes and goes.
_TRIES = 100


class Making:
    """Record a share, and have the driver make it, in this order.

    Whoever wants one of the same name and of the same properties gets the
    one that is there, also if it is not finished.
    """

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def make(self, wanted: records.ShareEntry) -> records.ShareEntry:
        """Make a share, or find it.

        :raises Conflict: there is another one of that name.
        """
        # An error of the options or of the set-up leaves no record.
        self._parts.driving.ready()
        for _ in range(_TRIES):
            record, added = self._recorded(wanted)
            try:
                return self.go_on(record)
            except exception.NotFound:
                # Another process has deleted it just now.
                if added or self._parts.registry.shares.get(record.id):
                    raise
            except exception.InvalidRequest:
                if added:
                    self._parts.registry.shares.remove(record)
                raise
        raise exception.Busy(f'Share {wanted.name} comes and goes',
                             check='what else works on it')

    def preview(self, wanted: records.ShareEntry) -> preview.Preview:
        """Return what would be done."""
        record = self._found(wanted) or wanted
        name = tasks.name_of(record.task)
        if name not in STATUS:
            return preview.Preview('create share', record.name, ())
        return self._parts.driving.preview(
            f'{name} share', record.name,
            lambda driver: self._call(driver, record))

    def go_on(self, record: records.ShareEntry) -> records.ShareEntry:
        """Go on with what was begun, unless it is done."""
        with self._parts.desk.alone(self._idents(record)):
            record = self._parts.desk.seen(record)
            name = tasks.name_of(record.task)
            if name in DONE:
                tasks.need_whole(record)
                return record
            if name not in STATUS or record.task is None:
                raise exception.Conflict(
                    f'Share {record.name} is {record.status}',
                    check='repeat that')
            record, answer = self._parts.desk.do(
                record, record.task, STATUS[name],
                lambda record: self._parts.driving.call(
                    lambda driver: self._call(driver, record)))
            return self._ended(record, name, answer)

    def _idents(self, record: records.ShareEntry) -> list[str]:
        """Return which shares are worked on: that of a snapshot as well."""
        idents = [record.id]
        if record.snapshot_id:
            snapshot = self._parts.registry.snapshots.get(record.snapshot_id)
            if snapshot is not None:
                idents.append(snapshot.share_id)
        return idents

    def _recorded(self, wanted: records.ShareEntry,
                  ) -> tuple[records.ShareEntry, bool]:
        """Return the record of a share, and if it is new."""
        shares = self._parts.registry.shares
        for _ in range(_TRIES):
            found = self._found(wanted)
            if found is not None:
                return found, False
            added, error = exception.caught(lambda: shares.add(wanted))
            if added is not None:
                return added, True
            if not isinstance(error, exception.Conflict):
                raise error or AssertionError
        raise exception.Busy(f'Share {wanted.name} comes and goes',
                             check='what else works on it')

    def _found(self, wanted: records.ShareEntry,
               ) -> records.ShareEntry | None:
        shares = self._parts.registry.shares
        if tasks.name_of(wanted.task) == ADOPT:
            path = wanted.locations[0]['path']
            for record in shares.all(backend=wanted.backend):
                if path in [each['path'] for each in record.locations]:
                    _require_name(record, wanted)
                    return record
        found = shares.all(backend=wanted.backend, name=wanted.name)
        if found:
            _require_same(found[0], wanted)
        return found[0] if found else None

    def _call(self, driver: Any, record: records.ShareEntry) -> Any:
        """Have the driver do what the record says was begun."""
        task: Mapping[str, Any] = record.task or {}
        row = rows.share(record)
        if task['name'] == CREATE:
            return driver.create_share(None, row, share_server=None)
        if task['name'] == ADOPT:
            return driver.manage_existing(row, dict(task['options']))
        snapshot = self._parts.registry.snapshots.get(task['snapshot'])
        owner = (self._parts.registry.shares.get(snapshot.share_id)
                 if snapshot is not None else None)
        if snapshot is None or owner is None:
            raise exception.NotFound(
                f'The snapshot of which share {record.name} is made is gone',
                check='delete the share')
        if snapshot.status != AVAILABLE:
            raise exception.Busy(
                f'Snapshot {snapshot.name} is {snapshot.status}',
                check='repeat that')
        return driver.create_share_from_snapshot(
            None, row, rows.snapshot(snapshot, owner), share_server=None,
            parent_share=rows.share(owner))

    def _ended(self, record: records.ShareEntry, name: str,
               answer: Any) -> records.ShareEntry:
        desk = self._parts.desk
        if name == CREATE:
            return desk.ended(record, locations=rows.locations(answer))
        locations = rows.locations((answer or {}).get('export_locations'))
        if name == ADOPT:
            return desk.ended(record, size=int(answer['size']),
                              locations=locations or record.locations)
        if answer.get('status') == 'available':
            return desk.ended(record, locations=locations)
        return self._parts.registry.shares.change(
            record, task={'name': 'copy'}, locations=locations)


def _require_name(found: records.ShareEntry,
                  wanted: records.ShareEntry) -> None:
    """Raise Conflict if what is to be adopted has another name already."""
    if wanted.name not in (found.name, made_up(wanted.id)):
        raise exception.Conflict(
            f'{wanted.locations[0]["path"]} is share {found.name} already',
            backend=found.backend, check='that share; or release it first, '
            'to record it by another name')


def _require_same(found: records.ShareEntry,
                  wanted: records.ShareEntry) -> None:
    """Raise Conflict unless a share is as another one is wanted."""
    differ = [f'{name} {getattr(found, name)} and not '
              f'{getattr(wanted, name)}'
              for name in ('proto', 'size', 'specs', 'snapshot_id')
              if getattr(found, name) != getattr(wanted, name)]
    if tasks.name_of(wanted.task) == ADOPT:
        differ = ['other export locations']
    if differ:
        raise exception.Conflict(
            f'There is another share {found.name}: it has '
            + ', '.join(differ), check='another name')


def made_up(ident: str) -> str:
    """Return the name of a share that is given none."""
    return 'share-' + ident


def new(**values: Any) -> records.ShareEntry:
    """Return the record of a share that is to be begun."""
    task = values['task']
    return records.ShareEntry(status=STATUS[task['name']], **values)
