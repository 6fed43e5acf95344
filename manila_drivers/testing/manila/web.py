# SPDX-License-Identifier: Apache-2.0

"""An HTTP server for a WSGI application, good enough for one machine.

Manila's own needs eventlet, and from 23.0 on there is none at all.  A thread
serves each connection, a green one where threading is patched.
"""

import socketserver
import typing as ty
from wsgiref import simple_server

#: Seconds to wait for who is about to be accepted: a connection may be gone
#: between being announced and being accepted, and others are to be served.
_ACCEPT = 1.0


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        super().server_bind()
        self.socket.settimeout(_ACCEPT)


class Handler(simple_server.WSGIRequestHandler):
    disable_nagle_algorithm = True

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: ty.Any) -> None:
        """Manila logs its requests itself."""


def serve(application: ty.Any, port: int) -> Server:
    """A server bound to the loopback address; port 0 takes any free one."""
    return simple_server.make_server(
        '127.0.0.1', port, application, server_class=Server,
        handler_class=Handler)
