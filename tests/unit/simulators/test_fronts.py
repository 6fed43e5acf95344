# SPDX-License-Identifier: Apache-2.0

"""The HTTPS server, and that both fronts say the same."""

import contextlib
import pathlib
import socket
import ssl
import stat
import threading

import pytest
import requests

from manila_drivers.testing.simulators import tls
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api
from tests.unit.simulators.client import Clock

# A day in the life of a client: what it asks, in order.
RECORDED = (
    ('GET', 'versions/?status=success', None),
    ('GET', 'clusters/', None),
    ('GET', 'vippools/?name=vippool-1&page_size=10', None),
    ('POST', 'viewpolicies/', {'name': 'a', 'nfs_read_write': [],
                               'nfs_read_only': []}),
    ('POST', 'quotas/', {'name': 'a', 'path': '/manila/manila-a',
                         'hard_limit': 2 ** 30, 'create_dir': True}),
    ('POST', 'views/', {'name': 'a', 'path': '/manila/manila-a',
                        'policy_id': 2, 'protocols': ['NFS']}),
    ('POST', 'views/', {'name': 'a', 'path': '/manila/manila-a',
                        'policy_id': 2}),
    ('POST', 'viewpolicies/', None),
    ('PATCH', 'viewpolicies/2/', {'nfs_read_write': ['10.0.0.0/24']}),
    ('PATCH', 'viewpolicies/2/', {'nfs_read_write': ['not a host']}),
    ('GET', 'views/?name__contains=\u00e4+b&page_size=1&page=1', None),
    ('GET', 'views', None),
    ('POST', 'views', {'name': 'x'}),
    ('PUT', 'views/', {}),
    ('GET', 'nothing/', None),
    ('POST', 'snapshots/', {'name': 's', 'path': '/manila/manila-a/'}),
    ('POST', 'snapshots/1/clone/', {'name': 'c', 'enabled': True,
                                    'loanee_root_path': '/manila/c'}),
    ('GET', 'globalsnapstreams/1/', None),
    ('GET', 'vtasks/1/', None),
    ('PATCH', 'globalsnapstreams/1/stop/', {}),
    ('DELETE', 'globalsnapstreams/1/', {'remove_dir': True}),
    ('DELETE', 'snapshots/1/', None),
    ('POST', 'folders/stat_path/', {'path': '/manila/manila-a'}),
    ('DELETE', 'folders/delete_folder/', {'path': '/manila/manila-a'}),
    ('DELETE', 'folders/delete_folder/', {'path': '/manila/manila-a'}),
    ('DELETE', 'viewpolicies/2/', None),
    ('DELETE', 'views/1/?force=true', None),
    ('DELETE', 'viewpolicies/2/', None),
    ('DELETE', 'quotas/1/', None),
    ('GET', ('monitors/ad_hoc_query/?object_type=cluster&time_frame=1m'
            '&prop_list=Capacity,drr'), None),
)


def played(api):
    """Status, headers that matter and content of every answer."""
    answers = []
    for verb, path, body in RECORDED:
        response = api.send(verb, path, body, allow_redirects=False)
        content = response.json() if 'json' in response.headers.get(
            'Content-Type', '') else response.text
        answers.append((
            response.status_code, response.reason,
            response.headers.get('Content-Type'),
            response.headers.get('Location'), anonymous(content)))
    return answers


def anonymous(content):
    """Without what is random."""
    if isinstance(content, dict):
        return {key: anonymous(value) for key, value in content.items()
                if key != 'guid'}
    if isinstance(content, list):
        return [anonymous(item) for item in content]
    return content


def test_both_fronts_answer_a_recorded_day_alike():
    one, other = (VmsSim(Clock(), open_root=False) for _ in range(2))
    adapted = Api(one)
    with VmsServer(other) as server:
        served = Api(other, server.url, ca_file=server.ca_file)
        for mine, theirs, request in zip(played(adapted), played(served),
                                         RECORDED, strict=True):
            assert mine == theirs, request
        served.close()
    adapted.close()
    assert one.inventory() == other.inventory()
    assert [entry._replace(at=0) for entry in one.log] == [
        entry._replace(at=0) for entry in other.log]


# TLS

@pytest.fixture(params=['127.0.0.1', '::1'])
def server(request, sim):
    with VmsServer(sim, request.param) as running:
        yield running


def test_with_the_authority_it_is_trusted(server):
    api = Api(server.sim, server.url, ca_file=server.ca_file)
    assert api.get('views/') == []
    api.close()


def test_without_the_authority_it_is_not(server):
    api = Api(server.sim, server.url, ca_file=requests.certs.where())
    with pytest.raises(requests.exceptions.SSLError):
        api.get('views/')
    api.close()
    assert server.sim.calls == 0


def test_another_servers_authority_does_not_do(server):
    with VmsServer(VmsSim()) as other:
        api = Api(server.sim, server.url, ca_file=other.ca_file)
        with pytest.raises(requests.exceptions.SSLError):
            api.get('views/')
        api.close()


def test_the_name_is_checked(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection((server.host, server.port)) as plain, \
            pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname='vms.example.org')


def test_a_further_name_can_be_given(sim):
    with VmsServer(sim, names=('vms.example.org',)) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        with socket.create_connection((server.host, server.port)) as plain:
            context.wrap_socket(plain,
                                server_hostname='vms.example.org').close()


def test_certificates_pass_the_strict_checks(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection((server.host, server.port)) as plain:
        context.wrap_socket(plain, server_hostname=server.host).close()


def test_an_authority_without_usage_fails_the_strict_checks(
        sim, monkeypatch):
    monkeypatch.setattr(tls, '_usage', lambda *, signs: tls.x509.KeyUsage(
        *(index == 0 for index in range(9))))
    with VmsServer(sim) as server:
        context = ssl.create_default_context(cafile=server.ca_file)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with socket.create_connection((server.host, server.port)) as plain, \
                pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname=server.host)


def test_files_are_private_and_removed(sim, tmp_path):
    own = tmp_path / 'ca.pem'
    with VmsServer(sim) as server, VmsServer(sim, ca_file=str(own)):
        directory = pathlib.Path(server.ca_file).parent
        key = directory / 'server.key'
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert b'BEGIN CERTIFICATE' in own.read_bytes()
    assert not directory.exists()
    assert own.exists()


# Connections

@contextlib.contextmanager
def connected(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection((server.host, server.port)) as plain, \
            context.wrap_socket(plain,
                                server_hostname=server.host) as secure:
        secure.settimeout(5)
        yield secure


def received(secure):
    parts = []
    while part := secure.recv(65536):
        parts.append(part)
    return b''.join(parts)


def asked(server, *, version='1.1', more='', body=b''):
    token = server.sim.api_token
    return (f'GET /api/v1/views/ HTTP/{version}\r\nHost: x\r\n'
            f'Authorization: Api-Token {token}\r\n{more}\r\n'
            ).encode() + body


def test_one_connection_serves_many_requests(sim):
    with VmsServer(sim) as server, connected(server) as secure:
        secure.sendall(asked(server) * 3)
        secure.sendall(asked(server, more='Connection: close\r\n'))
        assert received(secure).count(b'HTTP/1.1 200 OK') == 4


def test_an_old_client_gets_one_answer(sim):
    with VmsServer(sim) as server, connected(server) as secure:
        secure.sendall(asked(server, version='1.0'))
        assert received(secure).count(b'HTTP/1.1 200 OK') == 1


def test_a_request_may_come_in_pieces(sim):
    with VmsServer(sim) as server, connected(server) as secure:
        text = asked(server, more='Connection: close\r\n'
                                  'Content-Length: 4\r\n', body=b'{}  ')
        for start in range(0, len(text), 7):
            secure.sendall(text[start:start + 7])
        assert b'415' in received(secure)


@pytest.mark.parametrize('text', [
    b'nonsense\r\n\r\n', b'GET / FTP/1.1\r\n\r\n',
    b'GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n',
    b'GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n',
    b'GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
    b'x' * 70000])
def test_what_is_not_http_ends_the_connection(sim, text):
    with VmsServer(sim) as server, connected(server) as secure:
        secure.sendall(text)
        with contextlib.suppress(ConnectionError):
            assert received(secure) == b''
        assert sim.calls == 0


def test_a_client_that_never_shakes_hands_blocks_nobody(sim):
    with VmsServer(sim) as server, socket.create_connection(
            (server.host, server.port)):
        api = Api(sim, server.url, ca_file=server.ca_file)
        assert api.get('views/') == []
        api.close()


def test_stopping_ends_what_hangs(sim):
    sim.arm(Fault('timeout_before'))
    failures = []

    def ask():
        api = Api(sim, server.url, ca_file=server.ca_file)
        try:
            api.send('GET', 'views/', timeout=30)
        except requests.ConnectionError as error:
            failures.append(error)
        api.close()
    with VmsServer(sim) as server:
        thread = threading.Thread(target=ask)
        thread.start()
        while not sim.calls:
            thread.join(0.01)
        server.stop()
        thread.join(10)
    assert len(failures) == 1


def test_a_server_goes_down_and_comes_back(sim):
    with VmsServer(sim) as server:
        api = Api(sim, server.url, ca_file=server.ca_file)
        port = server.port
        assert api.get('views/') == []
        server.stop()
        server.stop()
        with pytest.raises(requests.ConnectionError):
            api.get('views/')
        server.start()
        assert server.port == port
        assert api.get('views/') == []
        api.close()


def test_a_port_that_is_taken(sim):
    with VmsServer(sim) as server:
        other = VmsServer(sim, port=server.port)
        with pytest.raises(OSError, match='in use'):
            other.__enter__()
        assert not pathlib.Path(other.ca_file).exists()


def test_twenty_threads_at_once(sim):
    with VmsServer(sim) as server:
        def work(number):
            api = Api(sim, server.url, ca_file=server.ca_file)
            for turn in range(5):
                api.post('viewpolicies/', name=f'{number}-{turn}')
            api.close()
        threads = [threading.Thread(target=work, args=(number,))
                   for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ids = [policy['id'] for policy in sim.records('policy')]
    assert ids == list(range(1, 102))
    assert sim.calls == 100


def test_a_service_without_tls_says_the_same_in_the_clear():
    sim = VmsSim()
    with VmsServer(sim, secure=False) as server:
        assert server.url == f'http://127.0.0.1:{server.port}'
        told = requests.get(server.url + '/api/latest/clusters/', timeout=20,
                            auth=(sim.username, sim.password))
        sim.arm(Fault('reset_before'))
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url, timeout=20)
    assert told.status_code == 200
    assert sim.calls == 2
    assert not pathlib.Path(server.ca_file).exists()
