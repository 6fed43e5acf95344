# SPDX-License-Identifier: Apache-2.0

"""One service of the cloud: requests, pages and answers about the right thing.

Which version is spoken, and where, is found out with the first request.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol
from typing import TypeVar
from urllib import parse

from manila_drivers import exception
from manila_drivers.openstack import errors
from manila_drivers.openstack import fields
from manila_drivers.transport import rest_values

T = TypeVar('T')

Query = Sequence[tuple[str, str]]

#: How many records are asked for at a time, and for how many pages.
PAGE = 1000
MOST_PAGES = 1000


class ServiceConnection(Protocol):
    """How a service is reached; see :mod:`~manila_drivers.openstack.link`."""

    service: str

    def send(self, request: rest_values.Request) -> rest_values.Response:
        """Return any answer, after renewals and repetitions."""

    def version(self) -> tuple[int, int] | None:
        """Return the microversion that is spoken; None if none is."""

    def project_id(self) -> str:
        """Return the project of the login."""

    def roles(self) -> frozenset[str] | None:
        """Return the roles of the login, None if they are not told."""

    def regions(self) -> frozenset[str]:
        """Return the regions of the service, none if that is not told."""

    def close(self) -> None:
        """Let go of the connections."""


class CloudService:
    """Base of the clients of all services."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection
        self.service = connection.service

    def project_id(self) -> str:
        """Return the id of the project that the service's user works in."""
        return self._connection.project_id()

    def roles(self) -> frozenset[str] | None:
        """Return the roles of the service's user in that project.

        :returns: None: this kind of login does not tell.
        """
        return self._connection.roles()

    def regions(self) -> frozenset[str]:
        """Return the regions that have this service.

        :returns: none of them: it is not told.
        """
        return self._connection.regions()

    def close(self) -> None:
        self._connection.close()

    def _get(self, path: str, what: str, query: Query = ()) -> Any:
        return self._ask('GET', path, what, query=query).data

    def _post(self, path: str, body: Any, what: str, *,
             confidential: bool = False) -> rest_values.Response:
        """Send something that must not be sent twice.

        :raises OutcomeUnknown: it may have been carried out.
        """
        return self._ask('POST', path, what, body=body,
                         confidential=confidential)

    def _put(self, path: str, body: Any, what: str) -> Any:
        return self._ask('PUT', path, what, body=body).data

    def _remove(self, path: str, what: str, query: Query = ()) -> bool:
        """Delete, and return whether it was there; if not, it is deleted."""
        try:
            self._ask('DELETE', path, what, query=query)
        except exception.NotFound:
            return False
        return True

    def _ask(self, method: str, path: str, what: str, *,
             query: Query = (), body: Any = None,
             confidential: bool = False) -> rest_values.Response:
        request = rest_values.Request(method, path, query=tuple(query),
                                      body=body, confidential=confidential)
        answer = self._connection.send(request)
        if answer.ok:
            return answer
        raise errors.refused(self.service, '%s (%s %s)' % (
            what, method, path), answer)

    def _rows(self, path: str, key: str, what: str,
             query: Query = ()) -> list[Any]:
        """Return the records of a list, of all its pages."""
        return list(self._pages(path, key, what, query))

    def _pages(self, path: str, key: str, what: str,
               query: Query) -> Iterator[Any]:
        first = [*query, ('limit', str(PAGE))]
        asked: set[str] = set()
        told: set[str] = set()
        marker = ''
        for _ in range(MOST_PAGES):
            more = [('marker', marker)] if marker else []
            data = self._get(path, what, [*first, *more])
            rows, ident, before = listed(data, key, what), None, len(told)
            for row in rows:
                ident = row.get('id') if isinstance(row, Mapping) else None
                if ident is None or ident not in told:
                    yield row
                told.add(str(ident))
            asked.add(marker)
            marker = following(data, key)
            if not marker and ident and len(rows) == PAGE \
                    and len(told) > before:
                # Links may be lost on the way: as many as were asked for at
                # the most need not be all.
                marker = str(ident)
            if not marker:
                return
            if marker in asked:
                break
        raise exception.BackendError(
            '%s: the list does not end' % what, answer='marker %s' % marker,
            check=fields.CHECK)


def listed(data: Any, key: str, what: str) -> list[Any]:
    """Return the list in an answer.

    :raises BackendError: there is none; it is not taken for an empty one.
    """
    found = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(found, list):
        raise exception.BackendError(
            '%s: the answer has no list %r' % (what, key),
            answer=repr(data)[:200], check=fields.CHECK)
    return found


def following(data: Any, key: str) -> str:
    """Return the marker of the next page; '' is: this was the last one.

    Links may name a host that only a proxy knows: nothing but the marker is
    taken from them.
    """
    links = [data.get('next')]
    for name in (key + '_links', 'links'):
        links += [each.get('href') for each in data.get(name) or ()
                  if isinstance(each, Mapping) and each.get('rel') == 'next']
    for link in filter(None, links):
        marker = dict(parse.parse_qsl(parse.urlsplit(str(link)).query)
                      ).get('marker')
        if not marker:
            raise exception.BackendError(
                'A list of %s has another page, and does not tell which'
                % key, answer=str(link)[:200], check=fields.CHECK)
        return marker
    return ''


def within(data: Any, key: str, what: str) -> Any:
    """Return the record in an answer."""
    found = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping):
        raise exception.BackendError(
            '%s: the answer has no record %r' % (what, key),
            answer=repr(data)[:200], check=fields.CHECK)
    return found


class Named(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


N = TypeVar('N', bound=Named)


def same(asked: str, found: N, what: str) -> N:
    """Return what was found, if it is what was asked for.

    :raises BackendError: it has another id.
    """
    if found.id.lower() != asked.lower():
        raise exception.BackendError(
            '%s: asked for %s, and was told of another one' % (what, asked),
            answer=found.id, check=fields.CHECK)
    return found


def made(what: str, *pairs: tuple[str | None, str]) -> None:
    """Compare what was made with what was asked for.

    :param pairs: told and wanted; what is not told is not compared.
    :raises OutcomeUnknown: it is something else.
    """
    for told, wanted in pairs:
        if told is not None and told.lower() != wanted.lower():
            raise exception.OutcomeUnknown(
                '%s: something else was told' % what,
                answer='%s in place of %s' % (told, wanted),
                check=fields.CHECK)


def part(ident: str, kind: str) -> str:
    """Return an id as part of a path.

    :raises InvalidRequest: it is empty, which would mean all of them.
    """
    if not isinstance(ident, str) or not ident.strip('./ '):
        raise exception.InvalidRequest('No id of a %s: %r' % (kind, ident))
    return parse.quote(ident, safe='')


def matching(found: list[T], test: Callable[[T], bool]) -> list[T]:
    """Return what a filter asked for: services may ignore one."""
    return [each for each in found if test(each)]
