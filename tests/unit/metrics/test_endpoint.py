# SPDX-License-Identifier: Apache-2.0

"""The server waits for nobody, and ends when it is told to."""

import contextlib
import logging
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from manila_drivers.metrics import endpoint
from tests import patience


def answer(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'well']


@pytest.fixture
def serve():
    made = []

    def serve(application=answer, address='127.0.0.1'):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        with socket.create_server((address, 0), family=family) as taken:
            port = taken.getsockname()[1]
        made.append(endpoint.ScrapeEndpoint(address, port, application))
        return made[-1]

    yield serve
    for one in made:
        one.close()


def body(url):
    with urllib.request.urlopen(url, timeout=patience.seconds(20)) as got:  # noqa: S310
        return got.read()


@pytest.mark.parametrize('address', ['127.0.0.1', '::1'])
def test_it_answers_at_an_address(serve, address):
    try:
        made = serve(address=address)
    except OSError:
        pytest.skip(f'this host has no {address}')

    assert body(made.url) == b'well'


def test_silent_clients_stop_nobody_for_longer_than_they_may(
        serve, monkeypatch):
    monkeypatch.setattr(endpoint, 'MOST', 2)
    monkeypatch.setattr(endpoint.ScrapeHandler, 'timeout', 0.5)
    made = serve()
    silent = [socket.create_connection(made.place, 10) for _ in range(3)]

    assert body(made.url) == b'well'
    for one in silent:
        one.close()


def test_a_client_that_drips_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(endpoint, 'DEADLINE', 0.5)
    made = serve()
    started = time.monotonic()
    with socket.create_connection(made.place, 20) as client:
        cut = False
        while not cut and time.monotonic() - started < 60:
            time.sleep(0.05)
            try:
                client.sendall(b'G')
            except OSError:
                cut = True

    assert cut
    assert body(made.url) == b'well'


def test_places_are_given_back(serve, monkeypatch):
    monkeypatch.setattr(endpoint, 'MOST', 2)
    made = serve()

    for _ in range(6):
        assert body(made.url) == b'well'
        socket.create_connection(made.place, 10).close()


def test_an_application_that_fails_ends_its_answer_alone(
        serve, caplog, capfd):
    def fails(environ, start_response):
        raise KeyError('nothing')
    caplog.set_level(logging.DEBUG)
    made = serve(fails)

    with pytest.raises(urllib.error.HTTPError):
        body(made.url)
    with pytest.raises(urllib.error.HTTPError):
        body(made.url)

    assert capfd.readouterr() == ('', '')
    assert 'nothing' in caplog.text


def test_no_scrape_is_written_to_the_output(serve, capfd):
    assert body(serve().url) == b'well'

    assert capfd.readouterr() == ('', '')


def test_its_thread_ends_with_it(serve):
    made = serve()
    names = [one for one in threading.enumerate() if one.name == 'metrics']
    assert len(names) == 1

    made.close()

    assert not names[0].is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(made.place, 5).close()


def test_a_port_that_is_taken_is_refused(serve):
    made = serve()

    with pytest.raises(OSError, match='in use'):
        endpoint.ScrapeEndpoint(*made.place, answer)


def cut_off(made):
    """Tell if a client is sent away at once, and not left to wait."""
    with socket.create_connection(
            made.place, patience.seconds(10)) as client, \
            contextlib.suppress(ConnectionResetError):
        client.settimeout(patience.seconds(10))
        return client.recv(1) == b''
    return True


@pytest.mark.parametrize('name', ['process_request', 'deadline'])
def test_threads_that_are_short_for_a_while_end_nothing(
        serve, monkeypatch, name):
    """Refuse as many as there are places, and answer again afterwards."""
    made, start, refused = serve(), threading.Thread.start, []
    monkeypatch.setattr(endpoint, '_PAUSE', 0.01)

    def few(thread):
        wanted = isinstance(thread, threading.Timer) == (name == 'deadline')
        if wanted and len(refused) <= endpoint.MOST \
                and thread is not made._thread:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, 'start', few)
        for _ in range(endpoint.MOST + 1):
            assert cut_off(made)
        assert body(made.url) == b'well'
    assert len(refused) == endpoint.MOST + 1
    assert body(made.url) == b'well'
