# SPDX-License-Identifier: Apache-2.0

"""The simulator inside a requests session, without sockets."""

from collections.abc import Callable
from collections.abc import Mapping
import http.client
import io
import types
from typing import Any
from urllib.parse import unquote
from urllib.parse import urlsplit

import requests
from requests import adapters
from requests import structures
from urllib3 import exceptions as urllib3

from manila_drivers.testing.simulators.web import recorder
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

Timeout = float | tuple[float | None, float | None] | None


def _nothing(seconds: float) -> None:
    """Nobody wants to know how long a client would have waited."""


class SimulatorAdapter(adapters.BaseAdapter):
    """Mount it: ``session.mount('https://', SimulatorAdapter(sim))``.

    Every host leads to the simulator.  What goes wrong on the way becomes
    the exception that requests raises for it on a real connection; nothing
    ever waits.

    :param waited: told the seconds that a client would have spent waiting
        for an answer, for a clock that a test moves by hand.
    """

    def __init__(self, sim: recorder.Service,
                 waited: Callable[[float], None] = _nothing) -> None:
        super().__init__()
        self.sim = sim
        self.waited = waited

    def send(self, request: requests.PreparedRequest, stream: bool = False,
             timeout: Timeout = None, verify: bool | str = True,
             cert: Any = None,
             proxies: Mapping[str, str] | None = None) -> requests.Response:
        """:raises RuntimeError: the answer never comes and the caller set
            no read timeout, so it would wait for ever.
        """
        parts = urlsplit(request.url or '')
        body = request.body or b''
        response = self.sim.handle(Request(
            request.method or 'GET', unquote(str(parts.path)),
            str(parts.query), request.headers,
            body.encode() if isinstance(body, str) else body))
        self._fail(request, response, _read_timeout(timeout))
        return _translated(request, response, self)

    def close(self) -> None:
        """Nothing is open."""

    def _fail(self, request: requests.PreparedRequest, response: Response,
              timeout: float | None) -> None:
        silent = response.failure == 'silence'
        if silent or timeout is not None and response.delay > timeout:
            if timeout is None:
                raise RuntimeError('No answer will come, and without a read '
                                   'timeout the client would never know')
            self.waited(timeout)
            raise requests.ReadTimeout(
                f'Read timed out. (read timeout={timeout})', request=request)
        self.waited(response.delay)
        if response.failure == 'refused':
            # Nested as requests itself does it, for clients that look inside.
            nobody: Any = None
            raise requests.ConnectionError(urllib3.MaxRetryError(
                nobody, request.url or '', urllib3.NewConnectionError(
                    nobody, '[Errno 111] Connection refused')),
                request=request)
        if response.failure == 'reset':
            cause = urllib3.ProtocolError(
                'Connection aborted.',
                http.client.RemoteDisconnected(
                    'Remote end closed connection without response'))
            raise requests.ConnectionError(cause, request=request)
        if response.failure == 'cut_off' and response.body:
            half = len(response.body) // 2
            raise requests.exceptions.ChunkedEncodingError(
                urllib3.IncompleteRead(half, len(response.body) - half),
                request=request)


def _read_timeout(timeout: Timeout) -> float | None:
    return timeout[1] if isinstance(timeout, tuple) else timeout


def _translated(request: requests.PreparedRequest, response: Response,
                adapter: SimulatorAdapter) -> requests.Response:
    result = requests.Response()
    result.status_code = response.status
    result.reason = http.client.responses.get(response.status, '')
    result.headers = structures.CaseInsensitiveDict(response.headers)
    result.encoding = 'utf-8'
    result.url = request.url or ''
    result.request = request
    result.raw = _raw(response)
    result.connection = adapter  # type: ignore[assignment]
    return result


class _Raw(io.BytesIO):
    """A body that clients which stream can read, and one word more."""

    _original_response: Any = None


def _raw(response: Response) -> Any:
    """As much of urllib3's response as a cookie jar looks at."""
    message = None
    if 'Set-Cookie' in response.headers:
        message = http.client.HTTPMessage()
        message['Set-Cookie'] = response.headers['Set-Cookie']
    original = types.SimpleNamespace(msg=message) if message else None
    raw = _Raw(response.body)
    raw._original_response = original
    return raw
