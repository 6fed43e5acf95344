# SPDX-License-Identifier: Apache-2.0

"""Records of one kind, each written only by who has seen its last version."""

from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import Generic
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from manila_drivers import exception
from manila_drivers.registry import engine
from manila_drivers.registry import records
from manila_drivers.registry import schema

R = TypeVar('R', bound=(records.ShareEntry | records.SnapshotEntry
                        | records.RuleEntry))


class Records(Generic[R]):
    """The records of one table.

    :param kind: what one is called, for people.
    :param made: the class of a record; its fields are the columns.
    """

    def __init__(self, database: engine.Database, table: Any, made: type[R],
                 kind: str) -> None:
        self._database = database
        self._table = table
        self._made = made
        self._kind = kind
        self._fields = [field.name for field in dataclasses.fields(made)]

    def get(self, ident: str) -> R | None:
        """Return a record by its id, None if there is none."""
        return next(iter(self.all(id=ident)), None)

    def all(self, **wanted: Any) -> list[R]:
        """Return the records with these values, the oldest first."""
        question = sa.select(self._table).where(*(
            self._table.c[name] == value for name, value in wanted.items()
        )).order_by(self._table.c.created_at, self._table.c.id)
        return self._database.transact(lambda connection: [
            self._read(row) for row in connection.execute(
                question).mappings()])

    def add(self, record: R) -> R:
        """Write a new record.

        :raises Conflict: there is one of that name already.
        """
        try:
            with self._database.begin() as connection:
                record = dataclasses.replace(
                    record, created_at=self._when(connection, record))
                connection.execute(self._table.insert().values({
                    name: getattr(record, name) for name in self._fields}))
        except exc.IntegrityError as error:
            raise exception.Conflict(
                f'There is another {self._kind} of that name, or the share '
                'that it belongs to is gone') from error
        return record

    def _when(self, connection: Any, record: R) -> str:
        """Return a time after that of all others of the same share.

        Hosts differ in their clocks, and which snapshot of a share is its
        last one decides what is lost by going back to it.
        """
        now = _now()
        if isinstance(record, records.ShareEntry):
            return now
        last = connection.execute(sa.select(sa.func.max(
            self._table.c.created_at)).where(
                self._table.c.share_id == record.share_id)).scalar()
        return now if last is None or last < now else _written(
            datetime.datetime.fromisoformat(last)
            + datetime.timedelta(microseconds=1))

    def change(self, record: R, **values: Any) -> R:
        """Write a record's new values.

        :raises Conflict: somebody else has changed or removed it since it
            was read, whom a lease should have kept out.
        """
        values['version'] = record.version + 1
        done = self._database.transact(lambda connection: connection.execute(
            self._table.update().where(
                self._table.c.id == record.id,
                self._table.c.version == record.version,
            ).values(values)).rowcount)
        if done != 1:
            raise exception.Conflict(
                f'The record of {self._kind} {record.id} was changed by '
                'another process meanwhile', check='registry_lease, and '
                'whether this host was suspended; repeat the command')
        return dataclasses.replace(record, **values)

    def remove(self, record: R) -> None:
        """Take a record out, with what belongs to it; repeatable."""
        def work(connection: Any) -> None:
            if self._table is schema.SHARES:
                connection.execute(schema.RULES.delete().where(
                    schema.RULES.c.share_id == record.id))
            connection.execute(self._table.delete().where(
                self._table.c.id == record.id))
        self._database.transact(work)

    def _read(self, row: Mapping[str, Any]) -> R:
        values = {name: row[name] for name in self._fields}
        if values.get('locations') is not None:
            values['locations'] = tuple(values['locations'])
        return self._made(**values)


def _now() -> str:
    return _written(datetime.datetime.now(datetime.UTC))


def _written(when: datetime.datetime) -> str:
    """Return a time in UTC as a text that sorts by it."""
    return when.isoformat(timespec='microseconds')

