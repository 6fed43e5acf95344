# SPDX-License-Identifier: Apache-2.0

"""Fields of JSON records, read strictly.  Pure.

A field that is null or absent is None: not told.  One of another type than
the API describes is an error, never converted into something that looks right.
"""

from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from manila_drivers import exception

T = TypeVar('T')

CHECK = 'whether a proxy or another service answers in its place'


class Fields:
    """One record.

    :param kind: word for the record, for messages.
    :raises BackendError: from here or from any method: the record is not as
        the API describes it.
    """

    def __init__(self, data: Any, kind: str) -> None:
        self.kind = kind
        if not isinstance(data, Mapping):
            raise self._wrong('it', data, 'a record')
        self.data: Mapping[str, Any] = data

    def ident(self, field: str = 'id') -> str:
        """Return an id, without which a record means nothing."""
        found = self.text(field)
        if not found:
            raise untold(self, field)
        return found

    def text(self, field: str) -> str | None:
        return self._typed(field, str, 'text')

    def number(self, field: str) -> int | None:
        found = self._typed(field, int, 'a whole number')
        if isinstance(found, bool):
            raise self._wrong(field, found, 'a whole number')
        return found

    def flag(self, field: str) -> bool | None:
        """Return a truth; Cinder tells some of them as words."""
        found = self.data.get(field)
        if isinstance(found, str) and found.lower() in ('true', 'false'):
            return found.lower() == 'true'
        return self._typed(field, bool, 'true or false')

    def texts(self, field: str) -> tuple[str, ...] | None:
        found = self._typed(field, list, 'a list of texts')
        if found is None:
            return None
        if not all(isinstance(each, str) for each in found):
            raise self._wrong(field, found, 'a list of texts')
        return tuple(found)

    def pairs(self, field: str) -> Mapping[str, str] | None:
        """Return metadata: texts by name."""
        found = self._typed(field, dict, 'texts by name')
        if found is None:
            return None
        if not all(isinstance(each, str) for each in found.values()):
            raise self._wrong(field, found, 'texts by name')
        return dict(found)

    def part(self, field: str, kind: str = '') -> 'Fields | None':
        """Return a record within the record."""
        found = self._typed(field, dict, 'a record')
        return None if found is None else Fields(found, kind or field)

    def rows(self, field: str, kind: str = '') -> 'tuple[Fields, ...] | None':
        """Return the records of a list."""
        found = self._typed(field, list, 'a list of records')
        if found is None:
            return None
        return tuple(Fields(each, kind or field) for each in found)

    def _typed(self, field: str, kind: type[T], wanted: str) -> T | None:
        found = self.data.get(field)
        if found is not None and not isinstance(found, kind):
            raise self._wrong(field, found, wanted)
        return found

    def _wrong(self, field: str, found: object,
               wanted: str) -> exception.BackendError:
        return exception.BackendError(
            'A %s came in which %s is not %s' % (self.kind, field, wanted),
            answer=repr(found)[:200], check=CHECK)


def untold(record: Fields, field: str) -> exception.BackendError:
    """Return the error for a record that lacks a field it has to have."""
    return exception.BackendError(
        'A %s came without the field %r' % (record.kind, field),
        answer=repr(sorted(record.data))[:300], check=CHECK)
