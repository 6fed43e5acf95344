# SPDX-License-Identifier: Apache-2.0

"""Plays recorded requests to a cloud, and lists where it answers otherwise.

Any cloud will do: the simulator in this process, behind a port, or a real
one.  A transcript is a mapping, from a file of ``tests/data/answers/
openstack_transcripts``:

``steps``
    In order; ``cleanup`` likewise, at the end, whatever came before.
``ask``
    ``SERVICE VERB PATH``, the path below version and project; with a service
    ``url:compute`` it is below the address of the catalogue.
``send``, ``version``, ``as``
    The body; a microversion; a user other than the usual one: ``nobody``,
    ``forged``, or one of those the caller has given.
``status``, ``body``, ``like``
    What was answered: the status, the whole body, or a pattern of its text.
``has``, ``exactly``
    Keys that were seen at a place of the body (``volume``, or nothing for the
    top), at the least, or these alone.  Recorded answers were cut.
``keep``
    Names for values of the answer, by their place: ``volume.id``.  A name in
    after a ``$`` stands for the value from then on.
``watch``
    ``SERVICE PATH PLACE``: ask again and again, until the value there is
    ``until``; the values seen in turn are ``states``.  ``gone`` is a 404.
    ``optional`` ones may be missed between two looks.
``pause``
    Let so many seconds pass: what is made within one second has one age.
``repeat``
    So many times the ``steps`` below it.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import json
import re
import time
from typing import Any

import requests

WORDS = {'compute': 'compute', 'volume': 'volume'}
TYPES = {'compute': 'compute', 'volume': 'volumev3', 'network': 'network',
         'image': 'image', 'identity': 'identity'}
BELOW = {'network': '/v2.0', 'image': '/v2'}
PATIENCE = 300.0
TIMEOUT = 90.0


@dataclasses.dataclass(frozen=True)
class Login:
    """Who asks.

    :param auth_url: of Keystone, with /v3.
    :param verify: a file of authorities, or whether to verify at all.
    """

    auth_url: str
    username: str
    password: str
    project: str
    domain: str = 'Default'
    region: str = 'RegionOne'
    verify: str | bool = True


class Session:
    """A user with a token, and where the services are."""

    def __init__(self, login: Login,
                 session: requests.Session | None = None) -> None:
        self.login = login
        self.http = session or requests.Session()
        self.http.trust_env = False
        domain = {'name': login.domain}
        answer = self.http.post(f'{login.auth_url}/auth/tokens', json={
            'auth': {'identity': {'methods': ['password'], 'password': {
                'user': {'name': login.username, 'domain': domain,
                         'password': login.password}}},
                'scope': {'project': {'name': login.project,
                                      'domain': domain}}}},
            verify=login.verify, timeout=TIMEOUT)
        answer.raise_for_status()
        token = answer.json()['token']
        self.token = answer.headers['X-Subject-Token']
        self.user_id = token['user']['id']
        self.project_id = token['project']['id']
        self.urls = {
            service['type']: point['url'].rstrip('/')
            for service in token['catalog'] for point in service['endpoints']
            if point['interface'] == 'public'
            and point['region'] == login.region}

    def ask(self, service: str, verb: str, path: str, *, send: Any = None,
            version: str | None = None, token: str | None = '',
            ) -> requests.Response:
        """Ask once; an empty token is the session's, None sends none."""
        raw, _, name = service.rpartition(':')
        url = self.urls[TYPES[name]]
        if raw == 'root':
            url = re.match(r'https?://[^/]+', url)[0] + _prefix(url)
        elif not raw and not url.endswith(BELOW.get(name, '')):
            url += BELOW[name]
        headers = {}
        if token is not None:
            headers['X-Auth-Token'] = token or self.token
        if version and name in WORDS:
            headers['OpenStack-API-Version'] = f'{WORDS[name]} {version}'
        return self.http.request(verb, url + path, json=send, headers=headers,
                                 timeout=TIMEOUT, verify=self.login.verify)


def _prefix(url: str) -> str:
    """Return the path before the version: none, or a name of the service."""
    path = re.sub(r'^https?://[^/]+', '', url)
    return re.sub(r'/v\d.*$', '', path)


class Performance:
    """One transcript being played."""

    def __init__(self, script: Mapping[str, Any],
                 users: Mapping[str, Session], usual: Session, *,
                 sleep: Callable[[float], object],
                 clock: Callable[[], float]) -> None:
        self.script = script
        self.users = users
        self.usual = usual
        self.sleep = sleep
        self.clock = clock
        self.names: dict[str, str] = {
            'zero': '00000000-0000-0000-0000-000000000001',
            'project': usual.project_id, 'user': usual.user_id,
            'auth_url': usual.login.auth_url}
        self.differences: list[str] = []
        self.played = 0

    def play(self) -> list[str]:
        try:
            for number, step in enumerate(unrolled(self.script['steps']), 1):
                self.step(f'{number}. ', step)
        finally:
            for step in unrolled(self.script.get('cleanup', ())):
                self.tidy(step)
        return self.differences

    def step(self, where: str, step: Mapping[str, Any]) -> None:
        if 'pause' in step:
            self.sleep(step['pause'])
            return
        self.played += 1
        step = self.filled(step)
        if 'watch' in step:
            self.watch(where, step)
            return
        about = f'{where}{step["ask"]}'
        service, verb, path = step['ask'].split(' ', 2)
        who, token = self.usual, ''
        if step.get('as') == 'nobody':
            token = None
        elif step.get('as') == 'forged':
            token = 'bad'
        elif 'as' in step:
            who = self.users[step['as']]
        answer = who.ask(service, verb, path, send=step.get('send'),
                         version=step.get('version', self.script.get(
                             'versions', {}).get(service)), token=token)
        body = _body(answer)
        self.differences += [f'{about}: {text}'
                             for text in differences(step, answer, body)]
        for name, place in step.get('keep', {}).items():
            found = at(body, place)
            if found is None:
                self.differences.append(f'{about}: nothing at {place}')
            self.names[name] = str(found)

    def watch(self, where: str, step: Mapping[str, Any]) -> None:
        service, path, place = step['watch'].split(' ')
        seen: list[Any] = []
        start = self.clock()
        version = self.script.get('versions', {}).get(service)
        while True:
            answer = self.usual.ask(service, 'GET', path, version=version)
            value = ('gone' if answer.status_code == 404
                     else at(_body(answer), place))
            if not seen or seen[-1] != value:
                seen.append(value)
            if value == step['until']:
                break
            if self.clock() - start > step.get('patience', PATIENCE):
                break
            self.sleep(step.get('every', 0.2))
        optional = step.get('optional', ())
        told = [value for value in seen if value not in optional]
        wanted = [value for value in step['states'] if value not in optional]
        if told != wanted or seen[-1] != step['until']:
            self.differences.append(f'{where}{step["watch"]}: {seen}, '
                                    f'recorded {step["states"]} until '
                                    f'{step["until"]}')

    def tidy(self, step: Mapping[str, Any]) -> None:
        """Leave nothing; what is not there need not go."""
        try:
            step = self.filled(step)
        except KeyError:
            return
        if 'watch' in step:
            self.watch('cleanup ', step)
            return
        service, verb, path = step['ask'].split(' ', 2)
        answer = self.usual.ask(service, verb, path, send=step.get('send'),
                                version=step.get('version'))
        for name, place in step.get('keep', {}).items():
            found = at(_body(answer), place)
            if found is not None:
                self.names[name] = str(found)

    def filled(self, value: Any) -> Any:
        """Put what names stand for in their places.

        :raises KeyError: a name that stands for nothing yet.
        """
        if isinstance(value, str):
            return re.sub(r'\$(\w+)', lambda found: self.names[found[1]],
                          value)
        if isinstance(value, Mapping):
            return {key: self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return value


def unrolled(steps: Iterable[Mapping[str, Any]]
             ) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        if 'repeat' in step:
            for _ in range(step['repeat']):
                yield from step['steps']
        else:
            yield step


def differences(step: Mapping[str, Any], answer: requests.Response,
                body: Any) -> Iterator[str]:
    if 'status' in step and answer.status_code != step['status']:
        yield (f'{answer.status_code} {answer.text[:300]!r}, recorded '
               f'{step["status"]}')
    if 'body' in step and body != step['body']:
        yield f'{body}, recorded {step["body"]}'
    if 'like' in step and not re.search(step['like'], answer.text, re.DOTALL):
        yield f'{answer.text[:300]!r}, recorded {step["like"]!r}'
    for name, exact in (('has', False), ('exactly', True)):
        for place, keys in step.get(name, {}).items():
            found = at(body, place)
            told = set(found) if isinstance(found, dict) else set()
            missing = sorted(set(keys) - told)
            more = sorted(told - set(keys)) if exact else []
            if missing or more:
                yield f'{place or "the body"} lacks {missing}, has {more}'


def at(body: Any, place: str) -> Any:
    """The value at a place, such as ``volumes.0.id``; None if none is."""
    for part in filter(None, str(place).split('.')):
        if isinstance(body, list) and part.lstrip('-').isdecimal():
            body = body[int(part)] if -len(body) <= int(part) < len(
                body) else None
        else:
            body = body.get(part) if isinstance(body, dict) else None
    return body


def _body(answer: requests.Response) -> Any:
    try:
        return json.loads(answer.text) if answer.text else None
    except ValueError:
        return answer.text


def play(script: Mapping[str, Any], login: Login, *,
         others: Mapping[str, Login] | None = None,
         session: requests.Session | None = None,
         sleep: Callable[[float], object] = time.sleep,
         clock: Callable[[], float] = time.monotonic) -> list[str]:
    """Play a transcript to a cloud; what differs from what was recorded.

    :param login: of an administrator of the project.
    :param others: users that steps name in ``as``.
    :param session: for a cloud without a port.
    :raises ValueError: the transcript has no steps.
    """
    if not script.get('steps'):
        raise ValueError('There is nothing to play')
    usual = Session(login, session)
    users = {name: Session(other, session)
             for name, other in (others or {}).items()}
    return Performance(script, users, usual, sleep=sleep, clock=clock).play()
