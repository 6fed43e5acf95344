# SPDX-License-Identifier: Apache-2.0

"""Requests to OpenStack's services, and how each of them says no."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import html
import json
from typing import Any
from urllib.parse import urlencode

from manila_drivers.testing.simulators.web.messages import JSON
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Response

Record = dict[str, Any]
Params = list[tuple[str, str]]
Microversion = tuple[int, int]

#: What Nova and Cinder call an error.
NAMES: Mapping[int, str] = {
    400: 'badRequest', 401: 'unauthorized', 403: 'forbidden',
    404: 'itemNotFound', 405: 'badMethod', 406: 'computeFault',
    409: 'conflictingRequest', 413: 'overLimit', 500: 'computeFault',
    503: 'serviceUnavailable'}
TITLES: Mapping[int, str] = {
    400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden',
    404: 'Not Found', 405: 'Method Not Allowed', 409: 'Conflict',
    500: 'Internal Server Error', 503: 'Service Unavailable'}
#: The type of a Neutron error that has no better one.
TYPES: Mapping[int, str] = {
    400: 'HTTPBadRequest', 401: 'HTTPUnauthorized', 403: 'HTTPForbidden',
    404: 'HTTPNotFound', 409: 'HTTPConflict',
    500: 'HTTPInternalServerError', 503: 'HTTPServiceUnavailable'}
NOT_AUTHENTICATED = 'The request you have made requires authentication.'
NO_RESOURCE = 'The resource could not be found.'


class Refusal(Exception):
    """An answer other than success; text is HTML, anything else JSON."""

    def __init__(self, status: int, body: Any,
                 headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self, headers: Mapping[str, str]) -> Response:
        text = isinstance(self.body, str)
        kind = 'text/html; charset=UTF-8' if text else JSON
        body = self.body if text else json.dumps(self.body)
        return Response(self.status, body.encode(), {
            'Content-Type': kind, **headers, **self.headers})


def page(status: int, text: str) -> str:
    """An error as WebOb writes it for those who accept anything."""
    title = f'{status} {TITLES.get(status, "Error")}'
    return (f'<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n'
            f'  <h1>{title}</h1>\n  {html.escape(text, quote=False)}'
            '<br /><br />\n\n\n\n </body>\n</html>')


def shape(service: str, status: int, text: str, kind: str = '') -> Any:
    """The body of an error of that service.

    :param service: identity, compute, volume, network or image.
    :param kind: Neutron's type.
    """
    if service == 'identity':
        return {'error': {'code': status, 'message': text,
                          'title': TITLES.get(status, 'Error')}}
    if status == 401 and service != 'image':
        # The middleware in front of each service says so, not the service.
        return {'error': {'code': 401, 'title': 'Unauthorized',
                          'message': text}}
    if service == 'network':
        return {'NeutronError': {'type': kind or TYPES.get(status, 'Error'),
                                 'message': text, 'detail': ''}}
    if service == 'image':
        return page(status, text)
    body = {'code': status, 'message': text}
    if status == 413:
        body['retryAfter'] = '0'
    return {NAMES.get(status, 'computeFault'): body}


def refused(service: str, status: int, text: str, kind: str = '') -> Refusal:
    return Refusal(status, shape(service, status, text, kind))


def compute(status: int, text: str) -> Refusal:
    return refused('compute', status, text)


def volume(status: int, text: str) -> Refusal:
    refusal = refused('volume', status, text)
    if status == 413:
        refusal.headers['Retry-After'] = '0'
    return refusal


def network(status: int, kind: str, text: str) -> Refusal:
    return refused('network', status, text, kind)


def image(status: int, text: str) -> Refusal:
    return refused('image', status, text)


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks, as the token says.

    :param roles: in the project of the token.
    """

    user_id: str
    project_id: str
    roles: frozenset[str] = frozenset()

    @property
    def admin(self) -> bool:
        return 'admin' in self.roles

    @property
    def looks(self) -> bool:
        """Tell if the default policies let them do nothing but look."""
        return self.roles == {'reader'}


@dataclasses.dataclass
class Ask:
    """One request to a service, authenticated and routed.

    :param path: below the version of the service, ``/servers/ID``.
    :param url: the same with all that stands before it, without the query.
    :param version: the microversion; (0, 0) where there is none.
    """

    service: str
    verb: str
    path: str
    url: str
    params: Params
    body: Record
    caller: Caller
    version: Microversion
    request_id: str

    def param(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return dict(self.params).get(name)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.params if key == name]

    def flag(self, name: str) -> bool:
        return (self.param(name) or '').lower() in ('1', 'true', 't', 'yes',
                                                    'on')

    def inner(self, name: str) -> Record:
        """The object below the only key of the body.

        :raises Refusal: 400, it is not there.
        """
        if name not in self.body and self.service == 'compute':
            raise compute(400, f"'{name}' is a required property")
        found = self.body.get(name)
        if not isinstance(found, dict):
            raise refused(
                self.service, 400, f'Invalid input for field/attribute '
                f'{name}. Value: {found}. {found!r} is not of type '
                "'object'")
        return found


def paged(ask: Ask, records: list[Record], key: str, *, most: int,
          below: str) -> Record:
    """A list as Nova and Cinder send it: cut, with a link to what follows.

    :param key: the plural under which the list goes.
    :param most: entries of one answer at the most.
    :param below: the address before the path, in the link.
    :raises Refusal: 400, a limit that is no number, or an unknown marker.
    """
    size = most
    asked = ask.param('limit')
    if asked is not None:
        wanted = number(asked)
        if wanted is None and ask.service == 'volume':
            raise volume(400, 'limit param must be an integer')
        if wanted is None:
            raise refused(ask.service, 400, 'Invalid input for query '
                          f"parameters limit. Value: {asked}. '{asked}' does "
                          "not match '^[0-9]*$'")
        size = min(wanted, most)
    start = after(ask, records, key)
    cut = records[start:start + size]
    body: Record = {key: cut}
    if size and start + size < len(records):
        body[f'{key}_links'] = [{
            'rel': 'next', 'href': following(ask, cut[-1]['id'], below)}]
    return body


def after(ask: Ask, records: list[Record], key: str = '') -> int:
    """Where a page begins.

    :raises Refusal: the marker is none of them.
    """
    marker = ask.param('marker')
    if marker is None:
        return 0
    for place, record in enumerate(records):
        if record['id'] == marker:
            return place + 1
    if ask.service == 'volume':
        raise volume(404, f'Volume {marker} could not be found.')
    if key == 'keypairs':
        raise compute(400, f'Marker {marker} could not be found.')
    raise refused(ask.service, 400, f'marker [{marker}] not found')


def following(ask: Ask, marker: str, below: str) -> str:
    """The address of the next page."""
    kept = [pair for pair in ask.params if pair[0] != 'marker']
    return f'{below}{ask.url}?{urlencode([*kept, ("marker", marker)])}'


def chosen(records: Iterable[Record], fields: list[str]) -> list[Record]:
    """Records with the fields that were asked for alone."""
    if not fields:
        return list(records)
    return [{name: record[name] for name in fields if name in record}
            for record in records]
