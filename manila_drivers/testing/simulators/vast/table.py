# SPDX-License-Identifier: Apache-2.0

"""Objects of one kind, with the two look-ups that every client makes."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
import itertools
from typing import Any

from manila_drivers.testing.simulators.vast.wire import Record

INDEXED = ('name', 'path')


class Table:
    """Records by id, indexed by name and path.

    Ids rise and are never used again.  Records must be changed through
    :meth:`update` as far as the indexed fields are concerned.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Record] = {}
        self._ids = itertools.count(1)
        self._index: dict[str, dict[Any, dict[int, Record]]] = {
            field: defaultdict(dict) for field in INDEXED}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Record]:
        """In the order of their ids."""
        return iter(self.rows.values())

    def add(self, record: Record) -> Record:
        """Store a record under the next id, which becomes its first field."""
        ident = next(self._ids)
        stored = {'id': ident, **record}
        self.rows[ident] = stored
        self._enter(stored)
        return stored

    def get(self, ident: int | None) -> Record | None:
        return None if ident is None else self.rows.get(ident)

    def update(self, record: Record, changes: Record) -> Record:
        self._leave(record)
        record.update(changes)
        self._enter(record)
        return record

    def remove(self, record: Record) -> None:
        del self.rows[record['id']]
        self._leave(record)

    def by(self, field: str, value: Any) -> Iterable[Record]:
        """Records whose indexed field has exactly this value."""
        found = self._index[field].get(value)
        return tuple(found.values()) if found else ()

    def in_tenant(self, field: str, value: Any,
                  tenant_id: int | None) -> Iterator[Record]:
        """Find records of one tenant."""
        return (record for record in self.by(field, value)
                if record.get('tenant_id') == tenant_id)

    def _enter(self, record: Record) -> None:
        for field in INDEXED:
            if field in record:
                self._index[field][record[field]][record['id']] = record

    def _leave(self, record: Record) -> None:
        for field in INDEXED:
            if field in record:
                rows = self._index[field][record[field]]
                rows.pop(record['id'], None)
                if not rows:
                    del self._index[field][record[field]]
