# SPDX-License-Identifier: Apache-2.0

"""Test that what tests listen with is gone when it says so."""

import socket
import threading
import time

import pytest

from tests import listening
from tests.functional.ssh import proxy
from tests.unit.transport.ssh import server


def nothing(connection):
    connection.close()


@pytest.fixture(params=['listener', 'proxy', 'SSH server'])
def made(request):
    return {'listener': lambda: listening.Listener(nothing),
            'proxy': lambda: proxy.Proxy(9),
            'SSH server': server.Server}[request.param]()


def test_nobody_is_accepted_after_the_end(made):
    """The thread that waits would take one more, maybe another test's."""
    with socket.create_connection(('127.0.0.1', made.port), timeout=5):
        pass
    before = threading.active_count()
    made.close()
    # The one of the connection may have begun meanwhile, and ends as well.
    end = time.monotonic() + 10
    while threading.active_count() >= before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() < before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', made.port), timeout=5)
    made.close()


def test_a_proxy_leaves_no_thread_that_carries():
    def hold(connection):
        kept.append(connection)

    kept, before = [], set(threading.enumerate())
    with listening.Listener(hold) as end, proxy.Proxy(end.port) as between:
        client = socket.create_connection(('127.0.0.1', between.port),
                                          timeout=5)
        client.sendall(b'x')
        between.freeze()
    assert set(threading.enumerate()) <= before
    for each in (client, *kept):
        each.close()


def test_one_connection_that_fails_is_not_the_last():
    served = []

    def serve(connection):
        with connection:
            served.append(connection)
            raise OSError('it hung up')

    with listening.Listener(serve) as made:
        for _ in range(2):
            with socket.create_connection(('127.0.0.1', made.port),
                                          timeout=5) as one:
                assert one.recv(1) == b''
    assert len(served) == 2


def test_a_thread_that_stays_is_named():
    over = threading.Event()
    stays = threading.Thread(target=over.wait, name='lazy', daemon=True)
    stays.start()
    with pytest.raises(AssertionError, match='lazy'):
        listening.join(stays, seconds=0.01)
    over.set()
    listening.join(stays)
