# SPDX-License-Identifier: Apache-2.0

"""Parse output of GPFS commands with -Y: ``command:section:HEADER:...``.

Columns are found by name, never by place: they grow from release to release.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import re
from urllib import parse

from manila_drivers import exception

Row = Mapping[str, str]

#: The key of what is wrong with a row.
WRONG = ''

# Before the names and values: command, section, HEADER or 0, version and two
# reserved ones.
_FIXED = 6


class Unreadable(exception.BackendError):
    """There is no header, or a row does not fit it."""


def rows(text: str, command: str, section: str = '', *,
         long_column: str = '', needed: Collection[str] = (),
         ragged: bool = False) -> list[Row]:
    """The rows of one section, with lower-case names.

    :param section: '' for the one that has no name, or that newer releases
        name after what was asked for.
    :param long_column: the column that may contain unescaped colons.
    :param needed: columns, in lower case, that must not be missing: what is
        not told is not known.
    :param ragged: accept rows with more values than there are columns, which
        must not hide the others: what is wrong with one is under
        :data:`WRONG`, and only its first values can be relied on.
    :raises Unreadable: no header was printed, so that nothing is known, or
        it lacks a column; a header without any row is an empty answer.
    """
    found = list(_rows(text, command, section, long_column, ragged=ragged))
    if not _has_header(text, command, section):
        raise Unreadable(
            f'{command} printed no list', answer=' '.join(text.split())[:500])
    missing = sorted(set(needed) - columns(text, command, section))
    if missing:
        raise Unreadable(
            f'{command} printed a list without {", ".join(missing)}',
            answer=' '.join(text.split())[:500])
    return found


def columns(text: str, command: str, section: str = '') -> frozenset[str]:
    """The names in all headers, in lower case."""
    return frozenset(
        name.lower() for fields in _records(text, command, section)
        if fields[2] == 'HEADER' for name in fields[_FIXED:])


def first_column(text: str) -> list[str]:
    """Return the first field of each row of a list that holds addresses.

    Neither the command's name nor the columns' matter; an address of IPv6
    may have colons of its own.

    :raises Unreadable: no header was printed.
    """
    width, found = 0, []
    for line in text.splitlines():
        fields = line.split(':')
        if len(fields) <= _FIXED:
            continue
        if fields[2] == 'HEADER':
            width = len(fields)
        elif width and fields[2].isdecimal():
            more = max(0, len(fields) - width)
            found.append(decoded(':'.join(
                fields[_FIXED:_FIXED + 1 + more])))
    if not width:
        raise Unreadable('No list was printed',
                         answer=' '.join(text.split())[:500])
    return found


def _has_header(text: str, command: str, section: str) -> bool:
    return any(len(fields) >= _FIXED and fields[2] == 'HEADER'
               for fields in _records(text, command, section))


def _records(text: str, command: str,
             section: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.split(':')
        if fields[0] == command and len(fields) >= _FIXED and (
                not section or fields[1] == section):
            yield fields


def _rows(text: str, command: str, section: str, long_column: str, *,
          ragged: bool) -> Iterator[Row]:
    headers: dict[str, list[str]] = {}
    for fields in _records(text, command, section):
        if fields[2] == 'HEADER':
            headers[fields[1]] = [name.lower() for name in fields[_FIXED:]]
        elif fields[1] not in headers:
            raise Unreadable(f'{command} printed a row without a header',
                             answer=':'.join(fields))
        else:
            yield _row(headers[fields[1]], fields[_FIXED:],
                       long_column.lower(), ':'.join(fields), ragged=ragged)


def _row(names: Sequence[str], values: list[str], long_column: str,
         line: str, *, ragged: bool) -> Row:
    wrong = {}
    if names and not names[-1]:
        # A colon ends both lines: else a value would pass for that end.
        names = names[:-1]
        values = values[:-1] if values[-1:] == [''] else values
    extra = len(values) - len(names)
    if extra > 0 and not any(values[len(names):]) and not long_column:
        values, extra = values[:len(names)], 0
    if extra > 0:
        if long_column and long_column in names:
            place = names.index(long_column)
            values = [*values[:place],
                      ':'.join(values[place:place + extra + 1]),
                      *values[place + extra + 1:]]
        elif ragged:
            wrong = {WRONG: 'its row has more columns than the header'}
            values = values[:len(names)]
        else:
            raise Unreadable('A row has more columns than its header',
                             answer=line)
    values = values + [''] * (len(names) - len(values))
    return {**{name: decoded(value)
               for name, value in zip(names, values, strict=True)
               if name not in ('', 'reserved')}, **wrong}


def decoded(text: str) -> str:
    """Percent escapes undone; what is no escape stays as it is."""
    return parse.unquote(text, errors='surrogateescape')


def number(text: str | None) -> int | None:
    """A number, or None for what GPFS does not know."""
    return int(text) if text and re.fullmatch(r'-?\d+', text) else None


def size(text: str | None) -> int:
    """A number, 0 for what GPFS does not know."""
    return number(text) or 0
