# SPDX-License-Identifier: Apache-2.0

"""Private data of drivers in an SQLite file, without Manila.

Behaves as Manila's ``DriverPrivateData``: the same three calls, identifiers
must be UUIDs, values come back as text.
"""

from collections.abc import Iterator
import contextlib
import os
import sqlite3
from typing import Any

from oslo_utils import uuidutils

Keys = str | list[str] | None

KEY_LIMIT = 255
VALUE_LIMIT = 1023

_SCHEMA = """CREATE TABLE IF NOT EXISTS private_data (
    entity_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (entity_id, key)) WITHOUT ROWID"""


class PrivateData:
    """Key-value pairs for each entity.

    :param path: the file; it and its directory are made at the first call,
        readable by their owner only.
    :param timeout: seconds to wait for other writers.

    Every call is a transaction of its own on a connection of its own, so
    any number of threads and processes may share the file.
    """

    def __init__(self, path: str, timeout: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout

    def get(self, entity_id: str, key: Keys = None,
            default: Any = None) -> Any:
        """Return one value, or all or the listed pairs as a dictionary.

        ``default`` is only for a single key that is not there.
        """
        check_entity(entity_id)
        with self._transaction() as db:
            pairs = dict(db.execute(
                'SELECT key, value FROM private_data WHERE entity_id = ?',
                (entity_id,)).fetchall())
        return chosen(pairs, key, default)

    def update(self, entity_id: str, details: dict[str, Any],
               delete_existing: bool = False) -> dict[str, Any]:
        """Write pairs; with ``delete_existing`` they replace all others.

        Values are stored as ``str(value)``; returns ``details``.
        """
        check_entity(entity_id)
        check_details(details)
        with self._transaction() as db:
            if delete_existing:
                db.execute('DELETE FROM private_data WHERE entity_id = ?',
                           (entity_id,))
            db.executemany(
                'INSERT OR REPLACE INTO private_data VALUES (?, ?, ?)',
                [(entity_id, key, str(value))
                 for key, value in details.items()])
        return details

    def delete(self, entity_id: str, key: Keys = None) -> None:
        """Remove one, the listed or all pairs; absent ones are no error."""
        check_entity(entity_id)
        with self._transaction() as db:
            if key is None:
                db.execute('DELETE FROM private_data WHERE entity_id = ?',
                           (entity_id,))
                return
            db.executemany(
                'DELETE FROM private_data WHERE entity_id = ? AND key = ?',
                [(entity_id, name)
                 for name in ([key] if isinstance(key, str) else key)])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._make_file()
        db = sqlite3.connect(self._path, timeout=self._timeout,
                             isolation_level=None)
        try:
            # Taking the write lock at once makes SQLite wait for it; a
            # read that turns into a write is refused without waiting.
            db.execute('BEGIN IMMEDIATE')
            db.execute(_SCHEMA)
            yield db
            db.execute('COMMIT')
        finally:
            # Closing without a commit rolls back.
            db.close()

    def _make_file(self) -> None:
        if os.path.exists(self._path):
            return
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))


def chosen(pairs: dict[str, str], key: Keys, default: Any) -> Any:
    """Return all pairs of an entity, the listed ones, or one value."""
    if key is None:
        return pairs
    if isinstance(key, list):
        return {name: pairs[name] for name in key if name in pairs}
    return pairs.get(key, default)


def check_entity(entity_id: object) -> None:
    """Raise ValueError unless this is a UUID."""
    if not uuidutils.is_uuid_like(entity_id):
        raise ValueError(f'{entity_id!r} is not a UUID')


def check_details(details: object) -> None:
    """Raise ValueError unless these are pairs of no more than the limits."""
    if not isinstance(details, dict):
        raise ValueError(f'{details!r} is not a dictionary')
    for key, value in details.items():
        if len(key) > KEY_LIMIT or len(str(value)) > VALUE_LIMIT:
            raise ValueError(
                f'{key[:40]!r}: keys have up to {KEY_LIMIT} characters, '
                f'values up to {VALUE_LIMIT}')
