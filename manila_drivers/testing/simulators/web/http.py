# SPDX-License-Identifier: Apache-2.0

"""Just enough of HTTP/1.1 for a server that is fast and strict.

The standard library's handler spends most of a millisecond on parsing mail
headers; a request of an API client has a dozen plain ones.
"""

from email import utils
import http.client
from typing import Protocol
from urllib.parse import unquote

from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

MOST_HEAD = 64 * 1024
MOST_BODY = 64 * 1024 * 1024
SERVER = 'simulator'


class Readable(Protocol):
    """Read from a socket, plain or TLS."""

    def recv(self, size: int, /) -> bytes: ...


class Malformed(Exception):
    """Say that this is no request that the server understands."""


class Reader:
    """Requests from one connection, one after the other."""

    def __init__(self, sock: Readable) -> None:
        self._sock = sock
        self._buffer = b''

    def next(self) -> tuple[Request, bool] | None:
        """A request, and whether the connection stays open after it.

        None when the client has closed the connection.

        :raises Malformed: not HTTP, or beyond the limits.
        """
        head = self._head()
        if head is None:
            return None
        first, _, rest = head.partition('\r\n')
        words = first.split(' ')
        if len(words) != 3 or not words[2].startswith('HTTP/1.'):
            raise Malformed(first)
        headers = _headers(rest)
        body = self._body(headers)
        path, _, query = words[1].partition('?')
        keep = (words[2] == 'HTTP/1.1'
                and headers.get('connection', '').lower() != 'close')
        return Request(words[0], unquote(path), query, headers, body), keep

    def _head(self) -> str | None:
        while b'\r\n\r\n' not in self._buffer:
            if len(self._buffer) > MOST_HEAD:
                raise Malformed('head too large')
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b'\r\n\r\n')
        return head.decode('latin-1')

    def _body(self, headers: dict[str, str]) -> bytes:
        if 'transfer-encoding' in headers:
            raise Malformed('chunked requests are not understood')
        text = headers.get('content-length', '0')
        length = number(text)
        if length is None or length > MOST_BODY:
            raise Malformed(f'content-length {text}')
        parts, missing = [self._buffer[:length]], length - len(self._buffer)
        self._buffer = self._buffer[length:]
        while missing > 0:
            part = self._sock.recv(min(missing, 65536))
            if not part:
                raise Malformed('body cut off')
            parts.append(part)
            missing -= len(part)
        return b''.join(parts)

    def _more(self) -> bool:
        part = self._sock.recv(65536)
        self._buffer += part
        return bool(part)


def _headers(text: str) -> dict[str, str]:
    headers = {}
    for line in text.split('\r\n'):
        name, colon, value = line.partition(':')
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def render(response: Response, *, keep: bool,
           seconds: float | None = None) -> bytes:
    """An answer as it goes over the wire.

    :param seconds: the server's time, since 1970; without it none is told.

    Of one that is to be cut off only the first half of the body, under a
    header that promises all of it.
    """
    reason = http.client.responses.get(response.status, 'Unknown')
    lines = [f'HTTP/1.1 {response.status} {reason}', f'Server: {SERVER}']
    if seconds is not None:
        lines.append('Date: ' + utils.formatdate(seconds, usegmt=True))
    lines += [f'{name}: {value}' for name, value in response.headers.items()]
    if response.status != 204:
        lines.append(f'Content-Length: {len(response.body)}')
    if not keep:
        lines.append('Connection: close')
    body = response.body
    if response.failure == 'cut_off':
        body = body[:len(body) // 2]
    return '\r\n'.join((*lines, '', '')).encode('latin-1') + body
