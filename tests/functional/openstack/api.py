# SPDX-License-Identifier: Apache-2.0

"""The services' REST APIs as they are, for whoever has an account.

Nothing is understood here and nothing is repeated: the answers are what the
tests look at.
"""

from collections.abc import Callable
from collections.abc import Iterator
import time
import typing as ty

import requests

from tests import patience
from tests.functional.openstack import places

#: Seconds for one request; a server's creation was seen to take 24.
SECONDS = 120.0

#: Type of a service: (its name in the header of versions, what we ask for).
VERSIONS = {'compute': ('compute', '2.79'), 'volumev3': ('volume', '3.66'),
            'sharev2': ('shared-file-system', '2.88')}
_PREFIX = {'network': '/v2.0', 'image': '/v2'}

Body = dict[str, ty.Any]


class Unexpected(AssertionError):
    """An answer that the caller did not want."""


class Answer(ty.NamedTuple):
    """The answer of a service.

    ``body`` is its JSON, or its text where it is none.
    """

    status: int
    body: ty.Any
    headers: ty.Mapping[str, str]
    seconds: float

    @property
    def reason(self) -> str:
        """Return the text of an error, '' if it is none."""
        if self.status < 400:
            return ''
        inner = next(iter(self.body.values()), {}) \
            if isinstance(self.body, dict) else {}
        return str(inner.get('message', self.body)
                   if isinstance(inner, dict) else inner)


class Api:
    """All services, for one user of one project."""

    def __init__(self, user: str = 'admin', project: str = 'admin',
                 password: str = places.PASSWORD) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        domain = {'name': 'Default'}
        answer = self._session.post(
            f'{places.IDENTITY}/auth/tokens', timeout=SECONDS,
            json={'auth': {
                'identity': {'methods': ['password'], 'password': {'user': {
                    'name': user, 'domain': domain, 'password': password}}},
                'scope': {'project': {'name': project, 'domain': domain}}}})
        if answer.status_code != 201:
            raise Unexpected(f'no token: {answer.status_code} {answer.text}')
        token = answer.json()['token']
        self.token: str = answer.headers['X-Subject-Token']
        self.project: str = token['project']['id']
        self.catalog = {
            service['type']: endpoint['url']
            for service in token['catalog']
            for endpoint in service['endpoints']
            if endpoint['interface'] == 'public'}

    def ask(self, service: str, method: str, path: str,
            body: Body | None = None, version: str | None = None,
            **options: ty.Any) -> Answer:
        """Send one request.

        :param version: of the API, instead of the usual one
        """
        headers = {'X-Auth-Token': self.token}
        if service in VERSIONS:
            name, usual = VERSIONS[service]
            headers['OpenStack-API-Version'] = f'{name} {version or usual}'
            if service == 'sharev2':
                headers['X-OpenStack-Manila-API-Version'] = version or usual
        url = self.catalog[service] + _PREFIX.get(service, '') + path
        begin = time.monotonic()
        answer = self._session.request(
            method, url, json=body, headers=headers | options.pop(
                'headers', {}), timeout=SECONDS, **options)
        try:
            said = answer.json()
        except ValueError:
            said = answer.text
        return Answer(answer.status_code, said, answer.headers,
                      time.monotonic() - begin)

    def do(self, service: str, method: str, path: str,
           body: Body | None = None, **options: ty.Any) -> ty.Any:
        """Send a request that has to succeed; return what is in the answer.

        :raises Unexpected: it does not
        """
        answer = self.ask(service, method, path, body, **options)
        if answer.status >= 400:
            raise Unexpected(f'{service} {method} {path} {body}: '
                             f'{answer.status} {answer.reason}')
        said = answer.body
        # Most bodies have one key, which says what the rest is.
        if isinstance(said, dict) and len(said) == 1:
            return next(iter(said.values()))
        return said

    def get(self, service: str, path: str) -> ty.Any:
        return self.do(service, 'GET', path)

    def post(self, service: str, path: str, body: Body) -> ty.Any:
        return self.do(service, 'POST', path, body)

    def put(self, service: str, path: str, body: Body) -> ty.Any:
        return self.do(service, 'PUT', path, body)

    def listed(self, service: str, path: str, key: str) -> list[Body]:
        """Return all of a list, of which there may be pages."""
        answer = self.ask(service, 'GET', path)
        if answer.status >= 400:
            raise Unexpected(f'{service} GET {path}: {answer.status} '
                             f'{answer.reason}')
        found: list[Body] = answer.body[key]
        return found

    def delete(self, service: str, path: str) -> None:
        """Delete something that may be gone already."""
        answer = self.ask(service, 'DELETE', path)
        if answer.status >= 400 and answer.status != 404:
            raise Unexpected(f'{service} DELETE {path}: {answer.status} '
                             f'{answer.reason}')

    def states(self, service: str, path: str, *fields: str,
               seconds: float = 300, pause: float = 0.3
               ) -> Iterator[tuple[ty.Any, ...]]:
        """Yield what these fields are, whenever that changes.

        The last is ('404',) when it is gone.

        :raises Unexpected: nobody has stopped listening after that time
        """
        last, end = None, time.monotonic() + patience.seconds(seconds)
        while True:
            if time.monotonic() > end:
                raise Unexpected(f'{path} stays {last}')
            answer = self.ask(service, 'GET', path)
            if answer.status == 404:
                yield ('404',)
                return
            inner = next(iter(answer.body.values()))
            now = tuple(inner.get(field) for field in fields)
            if now != last:
                yield now
            last = now
            time.sleep(pause)

    def settled(self, service: str, path: str, *wanted: str,
                seconds: float = 300, field: str = 'status',
                pause: float = 0.5) -> str:
        """Wait for a state; return it.

        :param wanted: states, and '404' for one that is to be gone
        :raises Unexpected: it is in error, or in another state for too long
        """
        end = time.monotonic() + patience.seconds(seconds)
        while True:
            answer = self.ask(service, 'GET', path)
            body = answer.body
            now = '404' if answer.status == 404 else str(
                next(iter(body.values())).get(field)
                if isinstance(body, dict) else body)
            if now in wanted:
                return now
            if 'error' in now.lower() or time.monotonic() > end:
                raise Unexpected(f'{path} is {now} and not {wanted} after '
                                 f'{seconds:g} s at most: {body}')
            time.sleep(pause)


def eventually(question: Callable[[], object], what: str,
               seconds: float = 120, pause: float = 0.5) -> ty.Any:
    """Wait until something is true; return it.

    :raises Unexpected: it does not become so in time
    """
    end = time.monotonic() + patience.seconds(seconds)
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Unexpected(f'{what}: not within {seconds:g} s, but '
                             f'{answer!r}')
        time.sleep(pause)
