# SPDX-License-Identifier: Apache-2.0

"""A server at a path, and a server of web pages: they can be ended."""

import selectors
import socket
import socketserver
import threading

import pytest

from manila_drivers.testing.manila import web
from manila_drivers.testing.simulators import local_server
from tests import listening


class Hasty(selectors.DefaultSelector):
    """Says once that somebody has come who has gone since."""

    told = threading.Event()

    def select(self, timeout=None):
        if not self.told.is_set():
            self.told.set()
            return [(key, key.events) for key in self.get_map().values()]
        return super().select(timeout)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(Hasty, 'told', threading.Event())
    monkeypatch.setattr(socketserver, '_ServerSelector', Hasty)


def ended(close):
    """Return whether this ends; if it does not, the test does not hang."""
    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_who_is_gone_before_being_accepted_stops_nothing(hasty, tmp_path):
    path = str(tmp_path / 'socket')
    made = local_server.LocalServer(
        path, lambda said, answers: answers.write(said.readline()))
    assert Hasty.told.wait(10)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)
        client.sendall(b'hello\n')
        assert client.makefile('rb').readline() == b'hello\n'
    assert ended(made.close)


def test_it_can_be_ended_although_nobody_comes(hasty, tmp_path):
    made = local_server.LocalServer(str(tmp_path / 'socket'), print)
    assert Hasty.told.wait(10)
    before = threading.active_count()
    assert ended(made.close)
    assert threading.active_count() < before


def test_the_server_of_manila_can_be_ended_as_well(hasty):
    made = web.serve(lambda environment, start: [], 0)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,),
                              daemon=True)
    thread.start()
    assert Hasty.told.wait(10)
    assert ended(made.shutdown)
    listening.join(thread)
    made.server_close()
