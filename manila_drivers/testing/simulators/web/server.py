# SPDX-License-Identifier: Apache-2.0

"""A simulated service behind real HTTP or HTTPS on loopback."""

import contextlib
import errno
import logging
import pathlib
import select
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
from typing import Self

from manila_drivers.testing.simulators import tls
from manila_drivers.testing.simulators.web import http
from manila_drivers.testing.simulators.web import recorder

LOG = logging.getLogger(__name__)

# Closing a socket with this option resets the connection.
_RESET = struct.pack('ii', 1, 0)
_HANDSHAKE_TIMEOUT = 30.0


class HttpServer:
    """Serves a simulator over HTTPS, one thread per connection.

    The certificate is signed by an authority made for this server; clients
    verify it with :attr:`ca_file`.  ``start`` and ``stop`` may alternate:
    port and authority stay the same, so that a cluster can go down and come
    back.

    :param host: an address of this machine, IPv4 or IPv6.
    :param port: 0 takes a free one.
    :param names: further names that the certificate holds for.
    :param ca_file: where to write the authority's certificate; by default
        into a directory of its own that :meth:`close` removes.
    :param secure: False speaks plain HTTP.
    """

    def __init__(self, sim: recorder.Service, host: str = '127.0.0.1',
                 port: int = 0, *, names: tuple[str, ...] = (),
                 ca_file: str | None = None, secure: bool = True) -> None:
        self.sim = sim
        self.host = host
        self.port = port
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix='simulator-'))
        path = pathlib.Path(ca_file or self._directory / 'ca.pem')
        self.ca_file = str(path)
        self._context: ssl.SSLContext | None = None
        if secure:
            authority = tls.Authority('Simulator CA')
            hosts = dict.fromkeys((host, 'localhost', '127.0.0.1', '::1',
                                   *names))
            self._context = tls.server_context(authority, hosts,
                                               self._directory)
            path.write_bytes(authority.pem)
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()
        #: Seconds that its clock is ahead of this host's.
        self.ahead = 0.0

    @property
    def url(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        scheme = 'http' if self._context is None else 'https'
        return f'{scheme}://{host}:{self.port}'

    def __enter__(self) -> Self:
        try:
            return self.start()
        except OSError:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Listen.  Returns itself.

        :raises OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ':' in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._stopping.clear()
        self._listener = listener
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener,), daemon=True,
            name=f'simulator-{self.port}')
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Refuse connections and end those that are open; repeatable."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        if self._acceptor is not None:
            self._acceptor.join()
            self._acceptor = None

    def close(self) -> None:
        """Stop for good and remove the files."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    # Connections

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    LOG.warning('No more connections: %s', error)
                    self._stopping.wait(0.1)
                    continue
                return
            threading.Thread(target=self._connection, args=(sock,),
                             daemon=True).start()

    def _connection(self, sock: socket.socket) -> None:
        """A thread's whole life: handshake, requests, farewell."""
        with self._lock:
            self._open.add(sock)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                self._converse(sock)
                return
            sock.settimeout(_HANDSHAKE_TIMEOUT)
            with self._context.wrap_socket(
                    sock, server_side=True,
                    suppress_ragged_eofs=True) as secure:
                with self._lock:
                    self._open.discard(sock)
                    self._open.add(secure)
                sock = secure
                secure.settimeout(None)
                self._converse(secure)
        except (OSError, http.Malformed) as error:
            LOG.debug('A connection ended: %s', error)
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _converse(self, sock: socket.socket) -> None:
        reader = http.Reader(sock)
        while not self._stopping.is_set():
            received = reader.next()
            if received is None:
                return
            request, keep = received
            response = self.sim.handle(request)
            if response.failure in ('reset', 'refused'):
                _reset(sock)
                return
            if response.failure == 'silence':
                self._wait(sock, None)
                return
            if response.delay and not self._wait(sock, response.delay):
                return
            keep = keep and not response.failure
            sock.sendall(http.render(
                response, keep=keep, seconds=time.time() + self.ahead))
            if not keep:
                return

    def _wait(self, sock: socket.socket, seconds: float | None) -> bool:
        """Say nothing; whether the client still listens afterwards.

        A client that gives up closes the connection, which makes the socket
        readable; so does the end of the server.
        """
        readable, _, _ = select.select([sock], [], [], seconds)
        return not readable and not self._stopping.is_set()


def _reset(sock: socket.socket) -> None:
    """End a connection the hard way, without TLS's farewell."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()
