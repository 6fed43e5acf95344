# SPDX-License-Identifier: Apache-2.0

"""The REST transport against a server that misbehaves.

The table of ``manila_drivers.transport.retry`` is checked row by row, on real
HTTPS connections and, for speed, inside the process.
"""

import contextlib
import dataclasses
from email import utils
import logging
import socket
import socketserver
import threading
import time

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsAdapter
from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim
from manila_drivers.transport import rest
from manila_drivers.transport import retry
from tests import listening

GET = rest.Request('GET', '/api/v1/views/', query=(('page_size', '10'),))
POST = rest.Request('POST', '/api/v1/viewpolicies/', body={'name': 'p'})
PATCH = rest.Request('PATCH', '/api/v1/viewpolicies/1/',
                     body={'nfs_read_only': []})


class Token:
    """The simulator's API token; never renewed."""

    def __init__(self, sim):
        self._headers = {'Authorization': 'Api-Token ' + sim.api_token}

    def headers(self, send):
        return self._headers

    def renew(self, refused, answer, send):
        return False


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def sim():
    return VmsSim()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def inside(sim, clock):
    """A transport that reaches the simulator without a socket."""
    return rest.RestTransport(
        rest.Endpoint('vms.example'), Token(sim), adapter=VmsAdapter(sim),
        policy=retry.RetryPolicy(retries=2, jitter=lambda: 1.0), clock=clock,
        sleep=clock.sleep)


@pytest.mark.parametrize('method', ['POST', 'PATCH', 'PUT', 'DELETE'])
def test_a_dry_run_holds_back_whatever_changes_something(method, sim, inside):
    before = sim.calls
    with pytest.raises(plan.NotPlanned, match=method), plan.dry_run():
        inside.call(rest.Request(method, '/api/v1/viewpolicies/1/', body={}))
    assert sim.calls == before
    with plan.dry_run():
        assert inside.call(GET).ok
        # A question that happens to be a POST, such as a login.
        inside.call(dataclasses.replace(POST, repeatable=True))
    assert sim.calls == before + 2


@pytest.fixture(scope='module')
def server():
    with VmsServer(VmsSim()) as running:
        yield running


def connect(server, **changes):
    endpoint = rest.Endpoint(server.host, server.port,
                             ca_file=str(server.ca_file),
                             connect_timeout=5, read_timeout=5)
    return rest.RestTransport(
        dataclasses.replace(endpoint, **changes), Token(server.sim),
        policy=retry.RetryPolicy(retries=1), sleep=lambda seconds: None)


def status(code, **parts):
    return Fault('status', code=code, **parts)


AGAIN = 'again'
ANSWER = 'answer'
UNKNOWN = exception.OutcomeUnknown

TABLE = [
    (Fault('refused'), AGAIN, AGAIN),
    (status(429), AGAIN, AGAIN),
    (Fault('reset_before'), AGAIN, UNKNOWN),
    (Fault('reset_after'), AGAIN, UNKNOWN),
    (Fault('timeout_before'), AGAIN, UNKNOWN),
    (Fault('timeout_after'), AGAIN, UNKNOWN),
    (Fault('truncated'), AGAIN, UNKNOWN),
    (Fault('cut_off'), AGAIN, UNKNOWN),
    (Fault('html', code=200), AGAIN, UNKNOWN),
    (status(500), ANSWER, UNKNOWN),
    (status(502), AGAIN, UNKNOWN),
    (status(503), AGAIN, UNKNOWN),
    (status(504), AGAIN, UNKNOWN),
    (status(400), ANSWER, ANSWER),
    (status(404), ANSWER, ANSWER),
    (status(409), ANSWER, ANSWER),
]


@pytest.mark.parametrize(
    ('request_', 'fault', 'expected'),
    [(request, fault, row[number]) for number, request
     in enumerate((GET, PATCH, POST)) for fault, *rest_ in TABLE
     for row in [[rest_[0], rest_[0], rest_[1]]]],
    ids=lambda value: str(getattr(value, 'method', None)
                          or getattr(value, 'kind', value)))
def test_the_retry_table(sim, inside, clock, request_, fault, expected):
    sim.arm(fault)
    if isinstance(expected, type):
        with pytest.raises(expected):
            inside.call(request_)
        assert sim.calls == 1
    elif expected is AGAIN:
        assert inside.call(request_).ok
        assert sim.calls == 2
        assert len(clock.pauses) == 1
    else:
        assert inside.call(request_).status == fault.code
        assert sim.calls == 1


@pytest.mark.parametrize(('kind', 'error'), [
    ('refused', exception.Unreachable),
    ('reset_before', exception.OutcomeUnknown),
    ('timeout_after', exception.OutcomeUnknown)])
def test_repetition_ends(sim, inside, clock, kind, error):
    sim.arm(Fault(kind, times=None))
    with pytest.raises(error) as caught:
        inside.call(GET)
    assert sim.calls == 3
    assert clock.pauses == [0.5, 1.0]
    # refused requests are known not to have been sent, others are not
    assert isinstance(caught.value, exception.Unreachable) == (
        kind == 'refused')


def test_repetition_ends_with_the_total_time(sim, clock):
    transport = rest.RestTransport(
        rest.Endpoint('vms.example'), Token(sim), adapter=VmsAdapter(sim),
        policy=retry.RetryPolicy(retries=1000, total=60), clock=clock,
        sleep=clock.sleep)
    sim.arm(status(503, times=None))
    assert transport.call(GET).status == 503
    assert 60 <= clock.now <= 70


def test_the_server_may_ask_for_a_pause_within_bounds(sim, inside, clock):
    sim.arm(status(429, headers={'Retry-After': '3'}))
    sim.arm(status(503, nth=2, headers={'Retry-After': '86400'}))
    assert inside.call(GET).ok
    # Not longer than anything is repeated, which is 120 s.
    assert clock.pauses == [3.0, 117.0]


def test_a_server_may_name_the_time_to_come_back(sim, inside, clock):
    until = utils.formatdate(time.time() + 30, usegmt=True)
    sim.arm(status(503, headers={'Retry-After': until}))
    assert inside.call(GET).ok
    assert 25 <= clock.pauses[0] <= 30


@pytest.mark.parametrize('fault', [
    Fault('refused', lasts=100), Fault('reset_before', lasts=100),
    status(503, lasts=100), status(429, lasts=100)])
def test_patience_is_a_time(sim, clock, fault):
    """A management service on its way to another node is back by then."""
    transport = rest.RestTransport(
        rest.Endpoint('vms.example'), Token(sim), adapter=VmsAdapter(sim),
        clock=clock, sleep=clock.sleep)
    sim.faults = faults.FaultPlan(clock)
    sim.arm(fault)
    assert transport.call(GET).ok
    assert 100 <= clock.now <= 111


def test_a_server_that_asks_for_no_pause_is_not_hammered(sim, clock):
    transport = rest.RestTransport(
        rest.Endpoint('vms.example'), Token(sim), adapter=VmsAdapter(sim),
        clock=clock, sleep=clock.sleep)
    sim.arm(status(429, times=None, headers={'Retry-After': '0'}))
    assert transport.call(GET).status == 429
    assert sim.calls < 40


def test_calls_that_come_again_by_themselves_are_less_patient(sim, clock):
    transport = rest.RestTransport(
        rest.Endpoint('vms.example'), Token(sim), adapter=VmsAdapter(sim),
        clock=clock, sleep=clock.sleep)
    sim.arm(status(503, times=None))
    with retry.patience(15), retry.patience(60):
        assert transport.call(GET).status == 503
    assert clock.now == pytest.approx(15)
    assert transport.call(GET).status == 503
    assert clock.now == pytest.approx(15 + 120)


def test_pauses_are_spread_and_never_nothing():
    low = retry.RetryPolicy(jitter=lambda: 0.0)
    high = retry.RetryPolicy(jitter=lambda: 1.0)
    for attempt in range(1, 10):
        assert 0 < low.pause(attempt) < high.pause(attempt) <= 10.0
    assert low.pause(1, 'Wed, 21 Oct 2026 07:28:00 GMT') == low.pause(1)


def test_an_empty_answer_is_no_empty_list(sim, inside):
    sim.arm(Fault('empty', times=None))
    with pytest.raises(exception.OutcomeUnknown):
        inside.call(GET)
    sim.disarm()
    sim.arm(Fault('empty'))
    assert inside.call(PATCH).data is None


def test_an_ipv6_address_is_bracketed():
    assert rest.Endpoint('2001:db8::1', 8443).url == \
        'https://[2001:db8::1]:8443'


# -- real connections ----------------------------------------------------


def test_a_trusted_server_is_talked_to(server):
    answer = connect(server).call(GET)
    assert (answer.status, answer.data['count']) == (200, 1)


def test_a_server_on_ipv6_is_talked_to():
    with VmsServer(VmsSim(), host='::1') as running:
        assert connect(running).call(GET).ok


def test_an_untrusted_server_gets_nothing(server):
    before = server.sim.calls
    with pytest.raises(exception.NotTrusted, match='certificate'):
        connect(server, ca_file='').call(GET)
    assert server.sim.calls == before


def test_a_certificate_for_another_name_is_not_accepted(server):
    with forwarded('127.0.0.2', server) as port:
        transport = connect(server, host='127.0.0.2', port=port)
        with pytest.raises(exception.NotTrusted, match=r'127\.0\.0\.2'):
            transport.call(GET)
        # What stands in between does forward: it is the name that fails.
        assert connect(server, host='127.0.0.2', port=port,
                       verify=False).call(GET).ok


@contextlib.contextmanager
def forwarded(address, server):
    """Let another address lead to a server; yields the port."""
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    class Both(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection((server.host,
                                           server.port)) as inner:
                back = threading.Thread(target=copy,
                                        args=(inner, self.request))
                back.start()
                copy(self.request, inner)
                listening.join(back)

    with socketserver.ThreadingTCPServer((address, 0), Both) as running:
        running.daemon_threads = True
        running.block_on_close = False
        running.socket.settimeout(1)
        serving = threading.Thread(target=running.serve_forever)
        serving.start()
        yield running.server_address[1]
        running.shutdown()
        listening.join(serving)


def test_without_verification_it_works_and_warns_nobody_else(
        server, recwarn):
    assert connect(server, verify=False, ca_file='').call(GET).ok
    assert not [warning for warning in recwarn
                if 'InsecureRequest' in str(warning.category)]


def test_nobody_listening_is_unreachable():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    transport = rest.RestTransport(
        rest.Endpoint('127.0.0.1', port), Token(VmsSim()),
        policy=retry.RetryPolicy(retries=1), sleep=lambda seconds: None)
    with pytest.raises(exception.Unreachable, match='no connection'):
        transport.call(GET)


def test_a_name_that_does_not_resolve_is_unreachable():
    transport = rest.RestTransport(
        rest.Endpoint('vms.invalid'), Token(VmsSim()),
        policy=retry.RetryPolicy(retries=0))
    with pytest.raises(exception.Unreachable):
        transport.call(GET)


def test_a_server_without_tls_is_an_error_and_not_a_hang():
    with socket.socket() as plain:
        plain.bind(('127.0.0.1', 0))
        plain.listen()
        thread = threading.Thread(target=_answer_in_clear, args=(plain,))
        thread.start()
        transport = rest.RestTransport(
            rest.Endpoint('127.0.0.1', plain.getsockname()[1],
                          connect_timeout=5, read_timeout=5),
            Token(VmsSim()), policy=retry.RetryPolicy(retries=0))
        with pytest.raises(exception.TransportError):
            transport.call(GET)
        listening.join(thread)


def _answer_in_clear(listener):
    listener.settimeout(listening.SECONDS)
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')


@pytest.mark.parametrize('kind', ['timeout_before', 'timeout_after'])
def test_silence_ends_with_the_read_timeout(server, kind):
    transport = connect(server, read_timeout=0.2)
    server.sim.arm(Fault(kind, times=None))
    try:
        with pytest.raises(exception.OutcomeUnknown):
            transport.call(GET)
    finally:
        server.sim.disarm()


def test_an_answer_that_drips_ends_with_the_total_time():
    listener = socket.create_server(('127.0.0.1', 0))
    stop = threading.Event()
    thread = threading.Thread(target=_drip, args=(listener, stop))
    thread.start()
    transport = rest.RestTransport(
        rest.Endpoint('127.0.0.1', listener.getsockname()[1], verify=False,
                      connect_timeout=5, read_timeout=0.6),
        Token(VmsSim()), policy=retry.RetryPolicy(retries=0),
        adapter=_PlainAdapter())
    try:
        with pytest.raises(exception.OutcomeUnknown, match='not complete'):
            transport.call(GET)
    finally:
        stop.set()
        listening.join(thread)
        listener.close()


class _PlainAdapter(rest.adapters.HTTPAdapter):
    """Speaks without TLS, so that the test can send byte by byte."""

    def send(self, request, **kwargs):
        request.url = request.url.replace('https://', 'http://')
        return super().send(request, **kwargs)


def _drip(listener, stop):
    listener.settimeout(listening.SECONDS)
    connection, _ = listener.accept()
    with connection:
        connection.recv(10000)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n')
        while not stop.wait(0.05):
            try:
                connection.sendall(b' ')
            except OSError:
                return


def test_cookies_are_not_kept(server):
    transport = connect(server)
    for _ in range(2):
        # The simulator refuses writes that carry its session cookie.
        assert transport.call(PATCH).ok


def test_connections_are_kept_and_shared_by_threads(server):
    transport = connect(server)
    failures = []

    def work():
        for _ in range(20):
            try:
                assert transport.call(GET).ok
            except Exception as exc:
                failures.append(exc)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    listening.join(*threads)
    assert not failures


def test_neither_token_nor_body_is_logged(sim, inside, caplog):
    with caplog.at_level(logging.DEBUG):
        inside.call(rest.Request('POST', '/api/v1/token/', body={
            'username': sim.username, 'password': sim.password}))
        inside.call(GET)
    assert 'GET /api/v1/views/?page_size=10' in caplog.text
    assert sim.password not in caplog.text
    assert sim.api_token not in caplog.text


@pytest.mark.parametrize('kind', ['truncated', 'html'])
def test_half_a_token_is_not_quoted(sim, inside, kind):
    """Its first characters are worth as much as a hint to the rest."""
    login = {'body': {'username': sim.username, 'password': sim.password},
             'authenticated': False}
    texts = []
    for confidential in (True, False):
        sim.arm(Fault(kind, before=False))
        with pytest.raises(exception.OutcomeUnknown) as caught:
            inside.call(rest.Request('POST', '/api/v1/token/', **login,
                                     confidential=confidential))
        sim.disarm()
        texts.append(str(caught.value))
    assert 'HTTP 200, ' in texts[0]
    assert 'eyJ' not in texts[0]
    # Else the test would prove nothing.
    assert kind == 'html' or 'eyJ' in texts[1]
