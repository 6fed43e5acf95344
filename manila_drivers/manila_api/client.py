# SPDX-License-Identifier: Apache-2.0

"""Lists of Manila's API, read whole or said not to be.

Instances of shares and of snapshots come in one answer each, however many
there are.  Shares come in pages by limit and offset; a marker means nothing to
Manila.  Rules are told by share alone.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import functools
from typing import Any
from typing import Generic
from typing import Protocol
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.manila_api import records

T = TypeVar('T')

#: Rows of one page; Manila gives no more unless its operator says so.
PAGE = 1000
#: The oldest microversion that has all that is read; 2025.1 has 2.87.
MICROVERSION = '2.71'
#: The last one in which lists of instances tell export locations.
WITH_LOCATIONS = '2.8'


class ApiConnection(Protocol):
    def get(self, path: str, version: str, **query: str) -> Any:
        """Return the record in an answer."""


@dataclasses.dataclass(frozen=True)
class ApiList(Generic[T]):
    """Values of one list; ``unread`` says what is missing, a line each."""

    found: tuple[T, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.unread


class ManilaLists:
    """All lists that an audit needs.

    What a login may not see, or what cannot be read, is said by the list; it
    is an error only where nothing can be said without it.
    """

    def __init__(self, connection: ApiConnection, page: int = PAGE) -> None:
        self._get = connection.get
        self._page = page

    def hosts(self) -> list[str]:
        """Return names of share services, such as ``ctl@vast1``.

        :raises DriverError: they are not told.
        """
        return sorted({str(row.get('host')) for row in self._rows(
            '/services', 'services', binary='manila-share')
            if isinstance(row, Mapping)})

    def instances(self) -> ApiList[records.ApiInstance]:
        """Return share instances of all hosts.

        :raises DriverError: they are not told.
        """
        return _parsed('share instances', self._rows(
            '/share_instances', 'share_instances'), functools.partial(
                records.ApiInstance.of, removed=False))

    def instance(self, ident: str) -> records.ApiInstance:
        """Return one share instance.

        :raises NotFound: there is none of this id.
        :raises DriverError: it is not told.
        """
        return records.ApiInstance.of(self._row(
            f'/share_instances/{ident}', 'share_instance'), removed=False)

    def share(self, ident: str) -> records.ApiShare:
        """Return one share.

        :raises NotFound: there is none of this id.
        :raises DriverError: it is not told.
        """
        return records.ApiShare.of(self._row(f'/shares/{ident}', 'share'))

    def removed(self) -> ApiList[records.ApiInstance]:
        """Return those whose shares are in the recycle bin."""
        return self._told('share instances in the recycle bin', lambda: (
            _parsed('share instances', self._rows(
                '/share_instances', 'share_instances',
                is_soft_deleted='true'), functools.partial(
                    records.ApiInstance.of, removed=True))))

    def locations(self) -> ApiList[records.ApiPaths]:
        return self._told('export locations', lambda: _parsed(
            'share instances', self._rows(
                '/share_instances', 'share_instances', WITH_LOCATIONS),
            records.ApiPaths.of))

    def snapshots(self) -> ApiList[records.ApiSnapshot]:
        """Return snapshot instances of all hosts."""
        return self._told('snapshots', lambda: _parsed(
            'snapshot instances', self._rows(
                '/snapshot-instances/detail', 'snapshot_instances'),
            records.ApiSnapshot.of))

    def servers(self) -> tuple[records.ApiServer, ...]:
        """Return share servers of all hosts.

        :raises DriverError: they are not told, or not all.
        """
        return tuple(records.ApiServer.of(row) for row in self._rows(
            '/share-servers', 'share_servers'))

    def server(self, ident: str) -> records.ApiServer:
        """Return one share server with its details.

        :raises NotFound: there is none of this id.
        :raises DriverError: it is not told, or its details are not.
        """
        path = f'/share-servers/{ident}'
        found = records.ApiServer.of(self._row(path, 'share_server'))
        if found.details is None:
            raise exception.BackendError(
                f'The answer of Manila to GET {path} has no details of how '
                'the share server is reached',
                check='whether the login is an administrator')
        return found

    def types(self) -> ApiList[records.ApiType]:
        return self._told('share types', lambda: _parsed(
            'share types', self._rows('/types', 'share_types',
                                      is_public='all'), records.ApiType.of))

    def shares(self, pool: str, *,
               removed: bool = False) -> ApiList[records.ApiShare]:
        """Return the shares of one pool, page by page.

        :param pool: host@backend#pool.
        :param removed: those in the recycle bin instead of the others.
        """
        more = {'is_soft_deleted': 'true'} if removed else {}
        return self._told(f'shares of {pool}', lambda: self._paged(
            '/shares/detail', 'shares', records.ApiShare.of,
            all_tenants='1', host=pool, **more))

    def rules(self, share_id: str) -> tuple[records.ApiRule, ...]:
        """Return all access rules of a share.

        :raises DriverError: they are not told, or not all.
        """
        return tuple(records.ApiRule.of(row) for row in self._rows(
            '/share-access-rules', 'access_list', share_id=share_id))

    def _told(self, what: str, ask: Callable[[], ApiList[T]]) -> ApiList[T]:
        found, error = exception.caught(ask)
        if found is not None:
            return found
        return ApiList(unread=(f'{what}: {error}',))

    def _rows(self, path: str, key: str, version: str = MICROVERSION,
              **query: str) -> list[Any]:
        return _list(self._get(path, version, **query), path, key)

    def _row(self, path: str, key: str) -> Any:
        answer = self._get(path, MICROVERSION)
        return answer.get(key) if isinstance(answer, Mapping) else None

    def _paged(self, path: str, key: str, parse: Callable[[Any], T],
               **query: str) -> ApiList[T]:
        """Read pages until there are as many rows as Manila counts.

        A page may have fewer rows than were asked for and not be the last
        one: a service gives no more than its own limit.
        """
        rows: dict[str, Any] = {}
        offset, count = 0, None
        while True:
            answer = self._get(
                path, MICROVERSION, limit=str(self._page),
                offset=str(offset), with_count='true', sort_key='id',
                sort_dir='asc', **query)
            page = _list(answer, path, key)
            told = answer.get('count')
            count = told if isinstance(told, int) else count
            before = len(rows)
            rows.update((_ident(row, number), row)
                        for number, row in enumerate(page, offset))
            if count is not None and len(rows) >= count or not page:
                break
            if len(rows) == before:
                why = (f'{key}: the page from {offset} on brings the same '
                       f'rows once more; {before} of {_number(count)} were '
                       'told')
                return _parsed(key, rows.values(), parse, (why,))
            offset += len(page)
        short = () if count is None or len(rows) >= count else (
            f'{key}: Manila counts {count}, and tells {len(rows)}',)
        return _parsed(key, rows.values(), parse, short)


def _list(answer: Any, path: str, key: str) -> list[Any]:
    found = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise exception.BackendError(
            f'The answer of Manila to GET {path} has no list {key!r}',
            answer=repr(answer)[:200],
            check='whether a proxy or another service answers in its place')
    return found


def _parsed(what: str, rows: Any, parse: Callable[[Any], T],
            unread: tuple[str, ...] = ()) -> ApiList[T]:
    found, odd = [], list(unread)
    for row in rows:
        value, error = exception.caught(functools.partial(parse, row))
        if value is None:
            odd.append(f'a record of {what}: {error}')
        else:
            found.append(value)
    return ApiList(tuple(found), tuple(odd))


def _ident(row: Any, number: int) -> str:
    """Return what tells a row from others; a broken one is on its own."""
    found = row.get('id') if isinstance(row, Mapping) else None
    return found if isinstance(found, str) else f'row {number}'


def _number(count: int | None) -> str:
    return 'an unknown number' if count is None else str(count)
