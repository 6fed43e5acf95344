# SPDX-License-Identifier: Apache-2.0

"""An HTTP server for metrics, in a thread of this process.

That of prometheus_client waits for connections in the selector that
socketserver chose when it was imported.  Where that was before eventlet had
patched the process (logging.config imports it, for one) it is poll() itself,
which stops all green threads for ever.  This one waits in accept(), which
belongs to whatever kind of threads there is.
"""

from collections.abc import Callable
import contextlib
import ipaddress
import logging
import socket
import socketserver
import sys
import threading
import time
from typing import Any
from wsgiref import simple_server

from manila_drivers import exception

LOG = logging.getLogger(__name__)

#: Scrapes that are answered at a time; others wait.
MOST = 8
#: Seconds for a request and its answer.
DEADLINE = 30.0
# Seconds of silence within a request.
_SILENCE = 10.0
# Seconds to wait for the thread, and after an accept() that failed.
_GRACE = 5.0
_PAUSE = 0.5


class ScrapeEndpoint:
    """Serve an application of WSGI until :meth:`close`.

    :raises OSError: the port cannot be opened.
    """

    def __init__(self, address: str, port: int,
                 application: Callable[..., Any]) -> None:
        self._server = MetricsServer((address, port), ScrapeHandler)
        self._server.set_app(application)
        self._ended = threading.Event()
        self.place = address, port
        self._thread = threading.Thread(
            target=self._serve, name='metrics', daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        address, port = self.place
        host = f'[{address}]' if ':' in address else address
        return f'http://{host}:{port}/metrics'

    def close(self) -> None:
        """Stop listening; answers that have begun are finished."""
        self._ended.set()
        # Closing alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_GRACE)
        self._server.server_close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            _, exc = exception.caught_any(self._server.take)
            if exc is not None:
                if self._ended.is_set():
                    return
                # Such as too many open files, or threads, which may pass.
                LOG.debug('No connection for metrics: %s', exc)
                time.sleep(_PAUSE)


class MetricsServer(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, place: tuple[str, int], *args: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST)
        if ipaddress.ip_address(place[0]).version == 6:
            self.address_family = socket.AF_INET6
        super().__init__(place, *args)

    def server_bind(self) -> None:
        # Not http.server's, which asks DNS for the name of this host.
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def take(self) -> None:
        """Wait for a connection, and have a thread answer it."""
        self._free.acquire()
        try:
            request, client = self.get_request()
            try:
                self.process_request(request, client)
            except BaseException:
                self.shutdown_request(request)
                raise
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any,
                               ) -> None:
        late = threading.Timer(DEADLINE, _cut, (request,))
        late.daemon = True
        try:
            _, error = exception.caught_any(late.start)
            if error is not None:
                # Nobody would end it.
                self.shutdown_request(request)
                return
            super().process_request_thread(request, client_address)
        finally:
            late.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that go away."""
        LOG.debug('A scrape by %s failed: %r', client_address,
                  sys.exception())


class ScrapeHandler(simple_server.WSGIRequestHandler):
    timeout = _SILENCE

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug('Scrape by %s: %s', self.client_address[0], format % args)

    def get_stderr(self) -> Any:
        return _LoggedErrors()


class _LoggedErrors:
    """Take what wsgiref writes about failures of the application."""

    def write(self, text: str) -> None:
        if text.strip():
            LOG.debug('%s', text.rstrip())

    def flush(self) -> None:
        """There is nothing to be flushed."""


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
