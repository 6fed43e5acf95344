# SPDX-License-Identifier: Apache-2.0

"""From a request to the method that answers it: what every service does."""

import abc
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import json
import logging
import re
from typing import Any
from typing import ClassVar
from typing import NamedTuple
from urllib.parse import parse_qsl

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.keystone import Keystone
from manila_drivers.testing.simulators.openstack.options import microversion
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Microversion
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.wire import Refusal
from manila_drivers.testing.simulators.openstack.world import World
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

LOG = logging.getLogger(__name__)

Method = Callable[..., Response]
#: 'GET /servers/{server_id}' -> method; names in braces become arguments.
Routes = Mapping[str, Method]


class _Route(NamedTuple):
    verb: str
    pattern: re.Pattern[str]
    method: Method


def _compiled(routes: Routes) -> Iterable[_Route]:
    for line, method in routes.items():
        verb, template = line.split(' ')
        pattern = re.sub(r'\{(\w+)\}', r'(?P<\1>[^/]+)', template)
        yield _Route(verb, re.compile(pattern), method)


class Gateway(abc.ABC):
    """The front of a service: versions, tokens, microversions, routes."""

    #: How the service is called here, and in the first part of its URLs.
    name: ClassVar[str]

    def __init__(self, world: World, keystone: Keystone) -> None:
        self.world = world
        self.options = world.options
        self.keystone = keystone
        self._routes: list[_Route] = []

    def add(self, routes: Routes) -> None:
        self._routes.extend(_compiled(routes))

    @property
    def url(self) -> str:
        """Where the service is."""
        return f'{self.world.url}/{self.name}'

    # Each request

    def answer(self, request: Request, path: str) -> Response:
        """Answer a request; refusals are answers too.

        :param path: below the service's own part.
        """
        request_id = f'req-{self.world.uuid()}'
        headers = self.traces(request_id)
        try:
            found = self.discover(request, path)
            if found is None:
                found = self._routed(request, path, request_id)
        except Refusal as refusal:
            return refusal.response(headers)
        except Exception as error:
            LOG.exception('The simulator of %s failed', self.name)
            text = f'Unexpected API Error. {type(error)} {error}'
            return wire.refused(self.name, 500, text).response(headers)
        return found._replace(headers={**found.headers, **headers})

    def traces(self, request_id: str) -> Record:
        return {'X-Openstack-Request-Id': request_id}

    @abc.abstractmethod
    def discover(self, request: Request, path: str) -> Response | None:
        """Answer a question about versions; None for anything else."""

    @abc.abstractmethod
    def place(self, path: str, caller: Caller) -> str:
        """The path below version and project.

        :raises Refusal: there is nothing.
        """

    def version(self, request: Request) -> Microversion:
        """The microversion that a request asks for.

        :raises Refusal: 400 or 406.
        """
        return (0, 0)

    def caller(self, request: Request) -> Caller:
        """:raises Refusal: 401, no token that holds."""
        found = self.keystone.caller(request.headers.get('x-auth-token'))
        if found is None:
            raise self.unauthenticated()
        return found

    def unauthenticated(self) -> Refusal:
        body = wire.shape(self.name, 401, wire.NOT_AUTHENTICATED)
        uri = f'{self.world.url}/identity/v3'
        return Refusal(401, body, {
            'WWW-Authenticate': f'Keystone uri="{uri}"'})

    def _routed(self, request: Request, path: str,
                request_id: str) -> Response:
        caller = self.caller(request)
        version = self.version(request)
        below = self.place(path, caller)
        if caller.looks and request.verb != 'GET':
            raise wire.refused(self.name, 403, "Policy doesn't allow "
                               f'{request.verb} {below} to be performed.')
        method, arguments = self._method(request.verb, below)
        ask = Ask(self.name, request.verb, below, f'/{self.name}{path}',
                  parse_qsl(request.query, keep_blank_values=True),
                  self.body(request), caller, version, request_id)
        done = method(ask, **arguments)
        return done._replace(headers={**done.headers,
                                      **self.versions_told(version)})

    def versions_told(self, version: Microversion) -> Record:
        return {}

    def _method(self, verb: str, path: str) -> tuple[Method, dict[str, str]]:
        """:raises Refusal: 404, also if the path knows other verbs."""
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match is not None and route.verb == verb:
                return route.method, match.groupdict()
        raise self.nowhere()

    def nowhere(self) -> Refusal:
        """No such URL."""
        return Refusal(404, wire.page(404, wire.NO_RESOURCE))

    def body(self, request: Request) -> Record:
        """:raises Refusal: 400, neither nothing nor a JSON object."""
        if not request.body:
            return {}
        try:
            body: Any = json.loads(request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise wire.refused(self.name, 400, 'Malformed request body')
        return body


class Microversioned(Gateway):
    """One with ``OpenStack-API-Version``: Nova and Cinder."""

    #: What stands before the version in the header.
    word: ClassVar[str]
    #: Another header of the same meaning.
    old_header: ClassVar[str] = ''

    @property
    @abc.abstractmethod
    def window(self) -> tuple[str, str]:
        """The oldest and the newest."""

    def version(self, request: Request) -> Microversion:
        oldest, newest = self.window
        wanted = self._wanted(request)
        if wanted is None:
            return microversion(oldest)
        if wanted == 'latest':
            return microversion(newest)
        if not re.fullmatch(r'[1-9]\d*\.(0|[1-9]\d*)', wanted):
            raise wire.refused(
                self.name, 400, f'API Version String {wanted} is of invalid '
                'format. Must be of format MajorNum.MinorNum.')
        found = microversion(wanted)
        if not microversion(oldest) <= found <= microversion(newest):
            refusal = wire.refused(
                self.name, 406, f'Version {wanted} is not supported by the '
                f'API. Minimum is {oldest} and maximum is {newest}.')
            refusal.headers.update(self._header(wanted))
            raise refusal
        return found

    def _wanted(self, request: Request) -> str | None:
        told: str = request.headers.get('openstack-api-version') or ''
        for part in told.split(','):
            word, _, version = part.strip().partition(' ')
            if word == self.word and version:
                return version.strip()
        if self.old_header:
            return request.headers.get(self.old_header.lower())
        return None

    def _header(self, version: str) -> Record:
        headers = {'OpenStack-API-Version': f'{self.word} {version}',
                   'Vary': 'OpenStack-API-Version'}
        if self.old_header:
            headers[self.old_header] = version
        return headers

    def versions_told(self, version: Microversion) -> Record:
        return self._header('%d.%d' % version)


def since(ask: Ask, version: str) -> bool:
    """The request speaks that microversion or a newer one."""
    return ask.version >= microversion(version)


def found(status: int, content: Any, **headers: str) -> Response:
    """An answer; the headers' underscores stand for hyphens."""
    return answer(status, content, {
        name.replace('_', '-'): value for name, value in headers.items()})
