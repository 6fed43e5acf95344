# SPDX-License-Identifier: Apache-2.0

"""JSON over HTTPS: one place that sends requests, with one retry table.

Certificates are verified unless the operator says otherwise, every wait has
a deadline, redirects and cookies are not followed or kept, and the
environment (proxies, .netrc) has no say.  Which failures are repeated is
written in ``manila_drivers.transport.retry``.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
from http import cookiejar
import json
import logging
import time
from typing import Any
from urllib import parse

import requests
from requests import adapters
from urllib3 import exceptions as urllib3_exceptions

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import clocks
from manila_drivers.transport import meter
from manila_drivers.transport import rest_adapter
from manila_drivers.transport import rest_errors
from manila_drivers.transport import rest_values
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

Auth = rest_values.Auth
Endpoint = rest_values.Endpoint
Request = rest_values.Request
Response = rest_values.Response

#: The largest answer that is read, in bytes.  A page of 1000 records of the
#: chattiest API known takes about 5 MB.
MAX_BODY = 64 * 1024 * 1024


class NoCookies(cookiejar.DefaultCookiePolicy):
    """Keeps nothing: a kept session could switch on other checks."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


class RestTransport:
    """Sends requests to one endpoint.  Safe for use by many threads.

    :param adapter: how bytes travel; a simulator may be put here.
    :param clock: monotonic seconds; ``sleep`` waits for that many.
    """

    def __init__(self, endpoint: Endpoint, auth: Auth, *,
                 policy: retry.RetryPolicy | None = None,
                 headers: Mapping[str, str] | None = None,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.endpoint = endpoint
        self._auth = auth
        self._policy = policy or retry.REST
        self._clock = clock
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(NoCookies())
        self._session.mount(endpoint.scheme + '://',
                            adapter or rest_adapter.made(endpoint))
        self._session.cert = certificate(endpoint)
        self._session.headers.clear()
        self._session.headers.update(
            {'Accept': 'application/json', 'Accept-Encoding': 'identity',
             'Connection': 'keep-alive', **(headers or {})})
        self._verify: bool | str = endpoint.verify
        if endpoint.verify and endpoint.ca_file:
            self._verify = endpoint.ca_file

    def close(self) -> None:
        self._session.close()

    def call(self, request: Request) -> Response:
        """Send a request until there is an answer or patience ends.

        :returns: the answer, whatever its status, except those that leave
            open whether a request that may not be repeated took effect.
        :raises Unreachable: no connection could be made; nothing was done.
        :raises NotTrusted: the certificate was not accepted.
        :raises OutcomeUnknown: it was sent and there is no usable answer.
        :raises NotPlanned: a dry run is to change nothing.
        """
        attempts = retry.Attempts(self._policy, self._clock, self._sleep)
        renewed = False
        while True:
            headers = self._authority(request)
            # Before each try, and after the login that it may take: they
            # may be far apart.
            if request.changes:
                plan.before_change(request)
            got = self._try(request, headers)
            if isinstance(got, Response):
                if not renewed and self._renew(request, headers, got):
                    renewed = True
                    continue
                if not self._repeats(request, got):
                    return got
            if not attempts.again(_asked(got)):
                if isinstance(got, Response):
                    return got
                raise got

    def _try(self, request: Request, headers: Mapping[str, str],
             ) -> Response | exception.TransportError:
        """Send a request once; an error is returned if it may be repeated."""
        try:
            return self._send(request, headers)
        except exception.NotTrusted:
            raise
        except exception.OutcomeUnknown as exc:
            if not request.may_repeat:
                raise
            return exc
        except exception.Unreachable as exc:
            return exc

    def _authority(self, request: Request) -> Mapping[str, str]:
        """Headers that authorise a request; may log in first."""
        if not request.authenticated:
            return {}
        with _not_sent(request):
            return self._auth.headers(self.call)

    def _renew(self, request: Request, headers: Mapping[str, str],
               answer: Response) -> bool:
        """Return whether a refused request makes sense once more."""
        if not request.authenticated or answer.status not in (401, 403):
            return False
        with _not_sent(request):
            return self._auth.renew(headers, answer, self.call)

    def _repeats(self, request: Request, answer: Response) -> bool:
        """Tell if a request may be sent again after an answer.

        :raises OutcomeUnknown: it may not, and may have taken effect.
        """
        if not request.may_repeat and answer.status in retry.UNKNOWN:
            raise exception.OutcomeUnknown(
                '%s at %s was answered by a failure that leaves open whether '
                'it took effect' % (request, self.endpoint.url),
                answer=answer.brief())
        return answer.status in retry.UNABLE

    def _send(self, request: Request,
              headers: Mapping[str, str]) -> Response:
        prepared = self._session.prepare_request(requests.Request(
            request.method, self.endpoint.url + request.path,
            # A text: requests looks long at everything else.
            params=parse.urlencode(request.query), headers=dict(headers),
            json=request.body))
        started, sent = time.monotonic(), time.time()
        status = 'no answer'
        try:
            with meter.trip('REST'):
                answer = self._exchange(request, prepared)
            status = str(answer.status)
            clocks.told(self.endpoint.url, answer.headers.get('Date', ''),
                        sent, time.time())
            return answer
        finally:
            LOG.debug('%s -> %s in %.3f s', request, status,
                      time.monotonic() - started)

    def _exchange(self, request: Request,
                  prepared: requests.PreparedRequest) -> Response:
        try:
            raw = self._session.send(
                prepared, stream=True, allow_redirects=False,
                verify=self._verify,
                timeout=(self.endpoint.connect_timeout,
                         self.endpoint.read_timeout))
            with raw:
                body = read_body(raw, self.endpoint.whole_timeout)
        except (requests.RequestException, urllib3_exceptions.HTTPError,
                OSError) as exc:
            raise rest_errors.translate(exc, request, self.endpoint) from exc
        text = body.decode('utf-8', 'replace')
        return Response(status=raw.status_code, text=text,
                        headers=raw.headers,
                        data=self._decode(request, raw.status_code, text))

    def _decode(self, request: Request, status: int, text: str) -> Any:
        """JSON of a success.

        An empty body is fine, except for GET: taken as "nothing there" it
        would make us recreate or forget things.
        """
        if not 200 <= status < 300:
            return None
        if not text.strip() and request.method != 'GET':
            return None
        try:
            return json.loads(text)
        except ValueError as exc:
            quoted = Response(status, text).brief()
            if request.confidential:
                quoted = 'HTTP %d, %d characters' % (status, len(text))
            raise exception.OutcomeUnknown(
                '%s at %s was answered with something that is not complete '
                'JSON' % (request, self.endpoint.url),
                answer=quoted) from exc


def certificate(endpoint: Endpoint) -> str | tuple[str, str] | None:
    """Return the client's certificate in the shape that requests wants."""
    if not endpoint.certificate:
        return None
    if len(endpoint.certificate) == 1:
        return endpoint.certificate[0]
    return endpoint.certificate[0], endpoint.certificate[1]


def _asked(got: Response | exception.TransportError) -> str:
    """Return the pause that a server asks for, as it says it."""
    return got.headers.get('Retry-After', '') if isinstance(
        got, Response) else ''


@contextlib.contextmanager
def _not_sent(request: Request) -> Iterator[None]:
    """While logging in for a request.

    A login has had its own repetitions, and when there is no answer to it
    the request itself has certainly had no effect.
    """
    try:
        yield
    except exception.OutcomeUnknown as exc:
        raise exception.Unreachable(
            '%s was not carried out: no answer to the login' % request,
            answer=exc.answer, check=exc.check) from exc


def read_body(raw: requests.Response, seconds: float) -> bytes:
    """Read an answer, with a deadline for the whole of it."""
    deadline = time.monotonic() + seconds
    # read() alone waits until it has all that it was asked for, however slowly
    # that comes.  urllib3 has read1() from 2.2 on, what is below it always.
    below = (raw.raw if hasattr(raw.raw, 'read1')
             else getattr(raw.raw, '_fp', None))
    read = getattr(below, 'read1', raw.raw.read)
    pieces: list[bytes] = []
    size = 0
    while piece := read(65536):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            raise requests.exceptions.ContentDecodingError(
                'answer larger than %d bytes' % MAX_BODY)
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout(
                'answer not complete after %s s' % seconds)
    return b''.join(pieces)
