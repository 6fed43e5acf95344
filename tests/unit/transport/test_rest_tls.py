# SPDX-License-Identifier: Apache-2.0

"""Certificates of clients, the oldest TLS, and no TLS at all."""

import ssl

import pytest

from manila_drivers import exception
from manila_drivers.testing.simulators import tls
from manila_drivers.transport import rest
from manila_drivers.transport import rest_adapter
from manila_drivers.transport import retry
from tests import listening

GET = rest.Request('GET', '/x', authenticated=False)
ANSWER = (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n'
          b'\r\n{}')


class Nobody:
    def headers(self, send):
        return {}

    def renew(self, refused, answer, send):
        return False


@pytest.fixture(scope='module')
def authority():
    return tls.Authority()


@pytest.fixture
def files(authority, tmp_path):
    """The authority, and a certificate of its own for a client."""
    certificate, key = authority.issue(['manila'])
    made = {}
    for name, text in (('ca', authority.pem), ('cert', certificate),
                       ('key', key), ('both', certificate + key)):
        (tmp_path / name).write_bytes(text)
        made[name] = str(tmp_path / name)
    return made


def asked(context, **endpoint):
    """Send a request; return what the server knows of its client."""
    seen = []

    def serve(client):
        with client:
            wire = (context.wrap_socket(client, server_side=True)
                    if context else client)
            with wire:
                seen.append((getattr(wire, 'getpeercert', dict)(),
                             getattr(wire, 'version', str)()))
                wire.recv(65536)
                wire.sendall(ANSWER)

    with listening.Listener(serve) as listener:
        transport = rest.RestTransport(
            rest.Endpoint('127.0.0.1', listener.port, **endpoint), Nobody(),
            policy=retry.RetryPolicy(retries=0))
        try:
            assert transport.call(GET).ok
        finally:
            transport.close()
    return seen[0]


@pytest.fixture
def server(authority, files, tmp_path):
    context = tls.server_context(authority, ['127.0.0.1'], tmp_path)
    context.load_verify_locations(files['ca'])
    return context


@pytest.mark.parametrize('names', [('cert', 'key'), ('both',)])
def test_a_client_shows_its_certificate(server, files, names):
    server.verify_mode = ssl.CERT_REQUIRED
    shown, _ = asked(server, ca_file=files['ca'], certificate=tuple(
        files[name] for name in names))
    assert 'manila' in str(shown)


def test_a_client_without_one_is_not_let_in(server, files):
    server.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(exception.TransportError):
        asked(server, ca_file=files['ca'])


@pytest.mark.parametrize('verify', [True, False])
def test_the_oldest_tls_is_that_which_is_asked_for(server, files, verify):
    told = {'ca_file': files['ca'], 'verify': verify}
    assert asked(server, **told, least_tls='1.3')[1] == 'TLSv1.3'
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    assert asked(server, **told, least_tls='1.2')[1] == 'TLSv1.2'
    with pytest.raises(exception.TransportError):
        asked(server, **told, least_tls='1.3')


def test_other_tls_does_not_mean_that_any_certificate_will_do(server):
    with pytest.raises(exception.NotTrusted):
        asked(server, least_tls='1.2')


@pytest.mark.parametrize('least', ['', '1.2'])
def test_the_certificate_of_another_server_will_not_do(
        authority, files, tmp_path, least):
    server = tls.server_context(authority, ['vms.example'], tmp_path)
    with pytest.raises(exception.NotTrusted):
        asked(server, ca_file=files['ca'], least_tls=least)


@pytest.mark.parametrize('told', [
    {'least_tls': '1.1'}, {'least_tls': 'x'}, {'ciphers': 'NONESUCH'}])
def test_tls_that_is_none_is_refused(told):
    with pytest.raises(ValueError, match=r'TLS'):
        rest_adapter.made(rest.Endpoint('h', **told))


@pytest.mark.parametrize('verify', [True, False])
def test_without_tls(verify):
    assert asked(None, scheme='http', verify=verify) == ({}, '')


def test_an_endpoint_says_how_it_is_spoken_to():
    assert rest.Endpoint('h', 80, scheme='http').url == 'http://h:80'
    assert rest.Endpoint('::1').url == 'https://[::1]:443'
