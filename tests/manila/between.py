# SPDX-License-Identifier: Apache-2.0

"""Stand between a client and Manila's API, to count and to break."""

import collections
from collections.abc import Callable
from http import server
import json
import threading
import typing as ty
from urllib import parse

import requests

#: Returns the status and the record to answer with, of a request's path and
#: query and of what Manila has answered.
Fault = Callable[[str, dict[str, str], int, ty.Any], tuple[int, ty.Any]]


class Between(server.ThreadingHTTPServer):
    """A server on loopback in front of an endpoint such as .../v2.

    ``asked`` counts requests by path, and has any that is no GET as well.
    """

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.behind = endpoint
        self.asked: collections.Counter[str] = collections.Counter()
        self.fault: Fault | None = None
        self._thread = threading.Thread(target=self.serve_forever,
                                        args=(0.05,), daemon=True)

    def __enter__(self) -> ty.Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join(10)
        self.server_close()

    @property
    def endpoint(self) -> str:
        return 'http://127.0.0.1:%d/v2' % self.server_port


class _Handler(server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 60

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        between = ty.cast(Between, self.server)
        url = parse.urlsplit(self.path)
        path = url.path.removeprefix('/v2')
        between.asked[path] += 1
        answer = requests.get(
            between.behind + path, params=parse.parse_qsl(url.query),
            headers={name: value for name, value in self.headers.items()
                     if name.lower() not in ('host', 'connection')},
            timeout=60)
        status, record = answer.status_code, answer.json()
        if between.fault is not None:
            status, record = between.fault(
                path, dict(parse.parse_qsl(url.query)), status, record)
        body = record if isinstance(record, bytes) else \
            json.dumps(record).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _changes(self) -> None:
        """An audit has no business here."""
        ty.cast(Between, self.server).asked[self.command] += 1
        self.send_error(405)

    do_POST = do_PUT = do_DELETE = do_PATCH = _changes  # noqa: N815

    def log_message(self, format: str, *args: ty.Any) -> None:
        """Requests are counted, and Manila logs them."""
