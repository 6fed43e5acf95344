# SPDX-License-Identifier: Apache-2.0

"""Logging in over a real connection, and what its failures mean."""

import json
import time

from keystoneauth1 import exceptions
import pytest

from manila_drivers import exception
from manila_drivers.openstack import cloud
from manila_drivers.openstack import errors
from manila_drivers.openstack import keystone
from manila_drivers.testing.conformance import clock
from manila_drivers.transport import retry
from tests import listening
from tests.unit.openstack import conftest

VERSION = {'version': {'id': 'v3.14', 'status': 'stable', 'links': [
    {'rel': 'self', 'href': 'http://127.0.0.1:%d/v3/'}]}}


def http(status, body, *headers, length=None):
    """Return an answer as it is on the wire."""
    return '\r\n'.join((
        'HTTP/1.1 %s' % status, 'Connection: close',
        'Content-Type: application/json', *headers,
        'Content-Length: %d' % (len(body) if length is None else length),
        '', body)).encode()


def request(client):
    """Read a request, with its body; return its first line."""
    text = b''
    while b'\r\n\r\n' not in text:
        text += client.recv(65536)
    head, _, body = text.partition(b'\r\n\r\n')
    for line in head.decode().splitlines():
        name, _, value = line.partition(':')
        if name.lower() == 'content-length':
            while len(body) < int(value):
                body += client.recv(65536)
    return head.decode().splitlines()[0]


def logging_in(tmp_path, answers, seconds=5, **options):
    """Log in at a Keystone that answers so; return the error and requests.

    :param answers: of requests for tokens: bytes, or a function that gets
        the connection.
    """
    seen = []
    time_of = clock.Clock(time.time())

    def serve(client):
        with client:
            line = request(client)
            seen.append(line)
            if line.startswith('GET'):
                client.sendall(http('200 OK', json.dumps(VERSION)
                                    % listener.port))
                return
            answer = answers[min(len(seen), len(answers) + 1) - 2]
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)

    with listening.Listener(serve) as listener:
        conf = conftest.configured(tmp_path, {'nova': {
            'auth_type': 'password', 'password': 'p4ssw0rd', 'username': 'u',
            'auth_url': 'http://127.0.0.1:%d/v3' % listener.port,
            'project_name': 'p', 'user_domain_id': 'd',
            'project_domain_id': 'd', **options}})
        clients = cloud.Cloud(conf, clock=time_of, sleep=time_of.sleep)
        with retry.patience(seconds):
            with pytest.raises(exception.DriverError) as info:
                clients.compute.check()
        clients.close()
    return info.value, seen


@pytest.mark.parametrize('answer', [
    http('201 Created', '{"token": {"expires', length=400),
    http('201 Created', '{"token": {"expires'), b'', b'nonsense\r\n\r\n',
    http('502 Bad Gateway', '<html>no</html>'),
    http('503 Service Unavailable', '', 'Retry-After: 3'),
    http('429 Too Many Requests', '{}')])
def test_an_answer_that_is_none_is_asked_for_again(tmp_path, answer):
    error, seen = logging_in(tmp_path, [answer])
    assert isinstance(error, exception.Unreachable)
    assert sum(line.startswith('POST') for line in seen) > 1
    assert 'p4ssw0rd' not in str(error)


@pytest.mark.parametrize(('answer', 'kind'), [
    (http('401 Unauthorized', json.dumps({'error': {
        'code': 401, 'message': 'The request you have made requires '
        'authentication.', 'title': 'Unauthorized'}})),
     errors.ServiceDenied),
    (http('403 Forbidden', '{}'), errors.ServiceDenied),
    (http('404 Not Found', '<html>'), errors.ServiceError),
    (http('500 Internal Server Error', '{}'), errors.ServiceError),
    (http('302 Found', '', 'Location: http://127.0.0.1:9/v3/auth/tokens'),
     exception.DriverError)])
def test_a_refusal_is_not_asked_for_again(tmp_path, answer, kind):
    error, seen = logging_in(tmp_path, [answer])
    assert isinstance(error, kind)
    assert sum(line.startswith('POST') for line in seen) == 1
    assert '[nova]' in str(error) and 'p4ssw0rd' not in str(error)


def test_an_answer_that_drips_has_a_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(keystone, 'READ_TIMEOUT', 0.2)

    def drip(client):
        client.sendall(http('201 Created', ' ', length=10**6))
        for _ in range(1000):
            client.sendall(b' ')
            time.sleep(0.02)

    begin = time.monotonic()
    error, _ = logging_in(tmp_path, [drip], seconds=0)
    assert isinstance(error, exception.Unreachable)
    assert time.monotonic() - begin < 15


def test_the_environment_has_no_say_in_where_a_password_goes(
        tmp_path, monkeypatch):
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy'):
        monkeypatch.setenv(name, 'http://127.0.0.1:9')
    _, seen = logging_in(tmp_path, [http('401 Unauthorized', '{}')])
    assert seen[-1].startswith('POST /v3/auth/tokens')


@pytest.mark.parametrize(('raised', 'kind'), [
    (exceptions.ConnectFailure('no'), exception.Unreachable),
    (exceptions.ConnectTimeout('no'), exception.Unreachable),
    (exceptions.SSLError('no'), exception.NotTrusted),
    (exceptions.ServiceUnavailable('no'), exception.Unreachable),
    (exceptions.Unauthorized('no'), errors.ServiceDenied),
    (exceptions.NotFound('no'), errors.ServiceError),
    (exceptions.DiscoveryFailure('no'), exception.Unreachable),
    (exceptions.InvalidResponse('no'), exception.Unreachable),
    (exceptions.AuthorizationFailure('no'), errors.ServiceDenied),
    (KeyError('token'), exception.Unreachable)])
def test_errors_of_the_library_are_ours(raised, kind):
    error = keystone.failure('cinder', raised)
    assert type(error) is kind
    assert '[cinder]' in str(error) and error.check


def test_a_certificate_behind_another_failure_is_found():
    outer = exceptions.DiscoveryFailure('no')
    outer.__context__ = exceptions.SSLError('no')
    assert isinstance(keystone.failure('nova', outer), exception.NotTrusted)
