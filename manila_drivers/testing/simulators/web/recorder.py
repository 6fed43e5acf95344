# SPDX-License-Identifier: Apache-2.0

"""The core of a simulated service: requests in, responses out.

It counts and remembers them, and has faults strike them.
"""

import abc
from collections.abc import Callable
import json
import threading
from typing import Any
from typing import NamedTuple
from typing import Protocol

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.logged import Logged
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import JSON
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response

PAGE = b'<html><body><h1>The page of a proxy</h1></body></html>'


class Entry(NamedTuple):
    """A line of the request log.

    :param status: what was, or would have been, answered; None if a fault
        kept the request from being carried out and nothing was answered.
    :param at: the simulator's clock.
    :param fault: kind of the fault that struck, or ''.
    :param scheme: of the Authorization header; its value is not kept.
    :param raw: the body; empty for calls that carry a secret.
    """

    verb: str
    path: str
    query: str
    raw: bytes
    status: int | None
    at: float
    fault: str = ''
    scheme: str = ''

    @property
    def body(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.raw) if self.raw else None
        except ValueError:
            return None

    @property
    def label(self) -> str:
        """``POST /api/v1/views/?page=1``, as a fault's match sees it."""
        query = f'?{self.query}' if self.query else ''
        return f'{self.verb} {self.path}{query}'


class Service(Protocol):
    """Serve requests."""

    def handle(self, request: Request) -> Response:
        """Answer a request.  Never raises, never waits."""


class Recorder(Logged[Entry], abc.ABC):
    """A service in memory, with a log of requests.  Thread-safe.

    :param clock: seconds since the epoch; only ever grows.
    :param lock: held while a request is answered.
    :param limit: of the log, which forgets the oldest requests.
    """

    #: Part of paths whose bodies are not kept.
    unlogged = '/token/'

    def __init__(self, clock: Callable[[], float], lock: threading.RLock,
                 limit: int) -> None:
        super().__init__(clock, lock, limit)
        self._clock = clock

    @abc.abstractmethod
    def respond(self, request: Request) -> Response:
        """Answer a request that no fault keeps away; called with the lock."""

    @abc.abstractmethod
    def settle(self) -> None:
        """Let what has come due by now happen; called with the lock."""

    # Requests

    def handle(self, request: Request) -> Response:
        """Answer a request.  Never raises, never waits.

        The fronts carry out what ``failure`` and ``delay`` of the response
        say.
        """
        with self.lock:
            self.settle()
            self._calls += 1
            label = f'{request.verb} {request.path}'
            if request.query:
                label = f'{label}?{request.query}'
            fault = self.faults.strike(label)
            done = (None if fault is not None and fault.prevents
                    else self.respond(request))
            response = (done if fault is None
                        else self.disturb(fault, done, request))
            self._remember(request, fault, done, response)
        assert response is not None
        return response

    def disturb(self, fault: Fault, done: Response | None,
                request: Request) -> Response:
        """Make of an answer what a fault does; see :func:`disturbed`.

        Services whose errors have a shape of their own override it.
        """
        return disturbed(fault, done)

    def _remember(self, request: Request, fault: Fault | None,
                  done: Response | None, response: Response | None) -> None:
        answered = done if done is not None else (
            response if response is not None and not response.failure
            else None)
        secret = self.unlogged in request.path
        self._log.append(Entry(
            request.verb, request.path, request.query,
            b'' if secret else request.body,
            answered.status if answered is not None else None,
            self._clock(), fault.kind if fault else '',
            (request.headers.get('authorization') or '').partition(' ')[0]))


def disturbed(fault: Fault, done: Response | None) -> Response:
    """Return what a fault makes of an answer.

    :param done: the proper answer; None if the effect was prevented.
    """
    lost = {'refused': 'refused', 'reset_before': 'reset',
            'reset_after': 'reset', 'timeout_before': 'silence',
            'timeout_after': 'silence'}.get(fault.kind)
    if lost is not None:
        return Response(0, failure=lost)
    headers = dict(fault.headers)
    if fault.kind == 'status':
        return _error(fault)._replace(delay=fault.seconds)
    if fault.kind == 'html':
        return Response(fault.code or 200, PAGE,
                        {'Content-Type': 'text/html', **headers})
    if fault.kind == 'empty' or done is None:
        return Response(200, b'', headers)
    if fault.kind == 'delay':
        return done._replace(delay=fault.seconds)
    if fault.kind == 'truncated':
        return done._replace(body=done.body[:len(done.body) // 2])
    return done._replace(failure='cut_off')


def _error(fault: Fault) -> Response:
    code = fault.code or 500
    if isinstance(fault.body, str):
        return Response(code, fault.body.encode(),
                        {'Content-Type': 'text/plain', **fault.headers})
    body = fault.body
    if body is None:
        body = {'detail': f'Simulated error {code}.'}
    return answer(code, body, {'Content-Type': JSON, **fault.headers})
