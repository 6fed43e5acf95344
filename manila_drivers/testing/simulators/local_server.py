# SPDX-License-Identifier: Apache-2.0

"""A server at a path of this machine, for programs that pass things on."""

from collections.abc import Callable
import contextlib
import io
import pathlib
import socketserver
import threading

#: Gets what a program says line by line, and where to answer.
#: Seconds to wait for who is about to be accepted, and for the thread to end.
#: A connection may be gone between being announced and being accepted.
_ACCEPT, _END = 1.0, 30.0

Talk = Callable[[io.BufferedIOBase, io.BufferedIOBase], None]


class LocalServer:
    """Talks with each program in a thread of its own, from the start on.

    :param path: of the socket, which is removed at the end.
    """

    def __init__(self, path: str, talk: Talk) -> None:
        self._path = path
        self._server = _Server(path, talk)
        self._thread = threading.Thread(
            target=self._server.serve_forever, daemon=True,
            kwargs={'poll_interval': 0.05})
        self._thread.start()

    def close(self) -> None:
        """Take no more; who is being talked with is left to finish."""
        self._server.shutdown()
        self._thread.join(_END)
        self._server.server_close()
        pathlib.Path(self._path).unlink(missing_ok=True)


class _Handler(socketserver.StreamRequestHandler):
    server: '_Server'

    def handle(self) -> None:
        # Whoever asked may have gone.
        with contextlib.suppress(OSError):
            self.server.talk(self.rfile, self.wfile)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, talk: Talk) -> None:
        self.talk = talk
        super().__init__(path, _Handler)
        self.socket.settimeout(_ACCEPT)
