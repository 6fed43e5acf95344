# SPDX-License-Identifier: Apache-2.0

"""Test what goes over the wire, and what is made of the answers."""

from email import utils
import json
import logging
import re
import time

import pytest
import requests

from manila_drivers import exception
from manila_drivers.transport import clocks
from manila_drivers.transport import meter
from manila_drivers.transport import rest
from manila_drivers.transport import rest_adapter
from manila_drivers.transport import retry
from tests import listening

GET = rest.Request('GET', '/x')
OPEN = rest.Request('GET', '/x', authenticated=False)


class Clear(rest.adapters.HTTPAdapter):
    """Speaks without TLS, so that a test can say each byte."""

    def send(self, request, **kwargs):
        request.url = request.url.replace('https://', 'http://')
        return super().send(request, **kwargs)


def answer(status=200, body=b'{}', **headers):
    lines = [f'HTTP/1.1 {status} Told', f'Content-Length: {len(body)}',
             'Connection: close',
             *(f'{name.replace("_", "-")}: {value}'
               for name, value in headers.items())]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


class Wire:
    """Answers one request after the other; notes what they were."""

    def __init__(self):
        self.answers, self.heads = [], []
        self._listener = listening.Listener(self._serve)
        self.port = self._listener.port
        self.close = self._listener.close

    def _serve(self, client):
        with client:
            said = client.recv(65536)
            # A body is sent on its own.
            length = re.search(rb'Content-Length: ([1-9]\d*)', said)
            while length and len(said.partition(b'\r\n\r\n')[2]) < int(
                    length[1]):
                said += client.recv(65536)
            self.heads.append(said.decode().split('\r\n'))
            client.sendall(self.answers.pop(0) if self.answers
                           else answer())

    def transport(self, auth=None, **parts):
        return rest.RestTransport(
            rest.Endpoint('127.0.0.1', self.port, connect_timeout=5,
                          read_timeout=5),
            auth or Token(), adapter=Clear(), sleep=lambda seconds: None,
            policy=retry.RetryPolicy(retries=0), **parts)


class Token:
    """Renewed by a login, as often as it is asked to be."""

    def __init__(self, renews=True, path='/login'):
        self._renews, self._path = renews, path
        self.token = 'old'
        self.refused = []
        self.first = True

    def headers(self, send):
        if self.first and self._path == '/first':
            send(rest.Request('POST', self._path, authenticated=False))
        self.first = False
        return {'Authorization': self.token}

    def renew(self, refused, answer, send):
        self.refused.append((refused['Authorization'], answer.status))
        if self._renews:
            self.token = send(rest.Request(
                'POST', self._path, authenticated=False)).data
        return self._renews


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.close()


def paths(wire):
    return [head[0] for head in wire.heads]


def test_what_a_request_says(wire):
    wire.transport(headers={'X-Of': 'ours'}).call(rest.Request(
        'PATCH', '/x', (('a', '1'), ('a', 'b c')), {'name': 'é'}))
    (head,) = wire.heads
    assert head[0] == 'PATCH /x?a=1&a=b+c HTTP/1.1'
    said = {line.lower() for line in head[1:]}
    assert {'accept: application/json', 'accept-encoding: identity',
            'connection: keep-alive', 'x-of: ours', 'authorization: old',
            'content-type: application/json'} <= said
    assert json.loads(head[-1]) == {'name': 'é'}


def test_the_environment_has_no_say(wire, monkeypatch, tmp_path):
    (tmp_path / 'netrc').write_text(
        'machine 127.0.0.1 login somebody password secret\n')
    monkeypatch.setenv('NETRC', str(tmp_path / 'netrc'))
    for name in 'HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY':
        monkeypatch.setenv(name, 'http://127.0.0.1:1')
    monkeypatch.delenv('NO_PROXY', raising=False)
    monkeypatch.delenv('no_proxy', raising=False)
    # Else the test would prove nothing.
    assert requests.utils.get_netrc_auth('https://127.0.0.1/')
    assert wire.transport().call(GET).ok
    assert 'Authorization: old' in wire.heads[0]


def test_cookies_are_neither_kept_nor_sent(wire):
    transport = wire.transport()
    wire.answers.append(answer(Set_Cookie='session=1; Path=/'))
    for _ in range(2):
        assert transport.call(GET).ok
    assert not [line for head in wire.heads for line in head
                if line.lower().startswith('cookie')]


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_redirects_are_answers(wire, status):
    wire.answers.append(answer(status, b'', Location='/elsewhere'))
    assert wire.transport().call(GET).status == status
    assert paths(wire) == ['GET /x HTTP/1.1']


# Authorisation

@pytest.mark.parametrize('status', [401, 403])
def test_a_refused_request_is_sent_once_more_after_a_login(wire, status):
    wire.answers += [answer(status), answer(body=b'"new"'),
                     answer(body=b'[1]')]
    auth = Token()
    assert wire.transport(auth).call(GET).data == [1]
    assert auth.refused == [('old', status)]
    assert paths(wire) == ['GET /x HTTP/1.1', 'POST /login HTTP/1.1',
                           'GET /x HTTP/1.1']
    assert not [line for line in wire.heads[1]
                if line.startswith('Authorization')]
    assert 'Authorization: new' in wire.heads[2]


def test_who_is_refused_again_is_told_so(wire):
    wire.answers += [answer(401), answer(body=b'"new"'), answer(401)]
    auth = Token()
    assert wire.transport(auth).call(GET).status == 401
    assert len(wire.heads) == 3
    assert len(auth.refused) == 1


@pytest.mark.parametrize(('status', 'request_', 'asked'), [
    (401, GET, 1), (404, GET, 0), (402, GET, 0), (401, OPEN, 0),
    (403, OPEN, 0), (404, OPEN, 0)])
def test_who_is_asked_for_another_authorisation(wire, status, request_,
                                                asked):
    wire.answers.append(answer(status))
    auth = Token(renews=False)
    assert wire.transport(auth).call(request_).status == status
    assert len(auth.refused) == asked
    assert len(wire.heads) == 1


@pytest.mark.parametrize(('path', 'answers'), [
    ('/first', [b'']), ('/login', [answer(401), b''])])
def test_without_an_answer_to_the_login_nothing_was_done(wire, path,
                                                         answers):
    wire.answers += answers
    with pytest.raises(exception.Unreachable) as caught:
        wire.transport(Token(path=path)).call(rest.Request('POST', '/x'))
    assert caught.value.what == (
        'POST /x was not carried out: no answer to the login')
    assert caught.value.check


# Answers

def test_an_answer_comes_as_it_is(wire):
    wire.answers.append(answer(404, b'no \xff', X_Of='theirs'))
    got = wire.transport().call(GET)
    assert (got.status, got.text, got.data) == (404, 'no \ufffd', None)
    assert got.headers['x-of'] == 'theirs'
    wire.answers.append(answer(200, b'{"a": [1]}'))
    got = wire.transport().call(GET)
    assert (got.text, got.data) == ('{"a": [1]}', {'a': [1]})


def test_what_is_no_success_need_not_be_json(wire):
    wire.answers.append(answer(300, b'<html>'))
    assert wire.transport().call(GET).data is None


def test_every_exchange_is_counted_and_logged(wire, caplog):
    caplog.set_level(logging.DEBUG)
    with meter.measure() as trips:
        wire.transport().call(GET)
        wire.answers.append(b'')
        with pytest.raises(exception.OutcomeUnknown) as caught:
            wire.transport().call(GET)
    assert trips.counts == {'REST': 2}
    assert 0 < trips.waited < listening.SECONDS
    assert 'GET /x -> 200 in ' in caplog.text
    assert 'GET /x -> no answer in ' in caplog.text
    assert 'GET /x at https://127.0.0.1:' in caught.value.what


@pytest.mark.parametrize(('size', 'fits'), [
    (65536, True), (100_000, True), (100_001, False), (131_072, False)])
def test_an_answer_has_its_limit(wire, monkeypatch, size, fits):
    monkeypatch.setattr(rest, 'MAX_BODY', 100_000)
    wire.answers.append(answer(body=b'"%s"' % (b'x' * (size - 2))))
    if fits:
        assert wire.transport().call(GET).data == 'x' * (size - 2)
    else:
        with pytest.raises(exception.OutcomeUnknown,
                           match='larger than 100000 bytes'):
            wire.transport().call(GET)


# Clocks and certificates

@pytest.mark.parametrize(('ahead', 'seconds'), [
    (500.0, pytest.approx(500, abs=1.5)),
    (-500.0, pytest.approx(-499, abs=1.5)), (0.0, 0.0)])
def test_the_clock_of_a_server_is_heard(wire, ahead, seconds):
    wire.answers.append(answer(Date=utils.formatdate(
        time.time() + ahead, usegmt=True)))
    transport = wire.transport()
    with clocks.listen() as heard:
        transport.call(GET)
        transport.call(GET)
    assert heard == {transport.endpoint.url: seconds}


@pytest.mark.parametrize(('files', 'told'), [
    ((), None), (('both',), 'both'), (('cert', 'key'), ('cert', 'key'))])
def test_a_certificate_is_given_as_requests_wants_it(files, told):
    endpoint = rest.Endpoint('vms', certificate=files)
    assert rest.certificate(endpoint) == told


# Connections

@pytest.mark.parametrize('verify', [True, False])
def test_nobody_else_repeats_anything(verify):
    """One table says what is repeated, and repetitions are counted."""
    seen = []

    def hang_up(client):
        with client:
            seen.append(client.recv(65536)[:1])

    with listening.Listener(hang_up) as listener:
        transport = rest.RestTransport(
            rest.Endpoint('127.0.0.1', listener.port, verify=verify),
            Token(), policy=retry.RetryPolicy(retries=0))
        with pytest.raises(exception.TransportError):
            transport.call(GET)
    # The first byte of TLS, once.
    assert seen == [b'\x16']


@pytest.mark.parametrize('least', ['', '1.2'])
@pytest.mark.parametrize('verify', [True, False])
def test_as_many_connections_are_kept_as_there_are_threads(verify, least):
    endpoint = rest.Endpoint('vms', verify=verify, least_tls=least)
    pools = rest_adapter.made(endpoint).poolmanager
    assert pools.connection_from_url('https://vms').pool.maxsize == 64
