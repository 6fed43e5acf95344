# SPDX-License-Identifier: Apache-2.0

"""A TCP proxy that can lose, delay and swallow what it carries."""

import contextlib
import socket
import threading

from tests import listening

UP = 'to the server'
DOWN = 'to the client'


class Proxy:
    """Forwards to a server until told otherwise.

    :param times: on how many connections something happens; None for all.
    """

    def __init__(self, port, address='127.0.0.1'):
        self._server = (address, port)
        self.connections = 0
        self.carried = {UP: 0, DOWN: 0}
        self._limits = {}
        self._times = None
        self._stall = False
        self._sockets = []
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._pumps = []
        # Little room, so that who sends soon notices that nobody reads.
        self._listener = listening.Listener(
            self._accept, (socket.SOL_SOCKET, socket.SO_RCVBUF, 8192))
        self.port = self._listener.port

    def cut_after(self, count, direction=DOWN, *, times=None, stall=False):
        """Reset connections to come after so many bytes of them.

        With ``stall`` they stay open, and nothing moves any more.
        """
        self._limits = {direction: count}
        self._times = times
        self._stall = stall

    def freeze(self):
        """Nothing moves on any connection until thaw()."""
        self._open.clear()

    def thaw(self):
        self._open.set()

    def cut_all(self):
        """Reset all connections that stand."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _reset(one)

    def _accept(self, client):
        self.connections += 1
        self.carried = {UP: 0, DOWN: 0}
        limits = {}
        if self._times is None or self._times > 0:
            limits = self._limits
            if self._times is not None:
                self._times -= 1
        self._connect(client, limits)

    def _connect(self, client, limits):
        try:
            server = socket.create_connection(self._server,
                                              listening.SECONDS)
        except OSError:
            client.close()
            return
        for one in (client, server):
            one.settimeout(None)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets += [client, server]
        for source, sink, direction in ((client, server, UP),
                                        (server, client, DOWN)):
            pump = threading.Thread(
                target=self._pump, daemon=True,
                args=(source, sink, direction, limits.get(direction)))
            self._pumps = [one for one in self._pumps if one.is_alive()]
            self._pumps.append(pump)
            pump.start()

    def _pump(self, source, sink, direction, limit):
        left = limit
        with contextlib.suppress(OSError):
            while True:
                # A connection may be cut before its first byte.
                if left == 0:
                    if self._stall:
                        return
                    break
                data = source.recv(65536 if left is None else min(
                    left, 65536))
                self._open.wait()
                if not data:
                    break
                sink.sendall(data)
                self.carried[direction] += len(data)
                if left is not None:
                    left -= len(data)
        if limit is not None and left == 0:
            _reset(source)
            _reset(sink)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        """End everything; returns when no thread is left."""
        self._listener.close()
        self.thaw()
        self.cut_all()
        listening.join(*self._pumps)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _reset(one):
    """End a connection the hard way; nothing in flight arrives."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       b'\1\0\0\0\0\0\0\0')
        one.shutdown(socket.SHUT_RDWR)
    one.close()
