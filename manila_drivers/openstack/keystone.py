# SPDX-License-Identifier: Apache-2.0

"""Logging in with keystoneauth1, as a group of the configuration says.

The plug-in keeps the token, and gets another one when it is about to expire
or was refused.  All threads use one of each.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import logging
import threading
import time
from typing import Any
from typing import TypeVar

from keystoneauth1 import exceptions
from keystoneauth1 import loading
from keystoneauth1 import session
from oslo_config import cfg
import requests
from requests import adapters
from urllib3 import exceptions as urllib3_exceptions

from manila_drivers import exception
from manila_drivers import flight
from manila_drivers.openstack import errors
from manila_drivers.transport import meter
from manila_drivers.transport import rest
from manila_drivers.transport import rest_adapter
from manila_drivers.transport import rest_values
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

T = TypeVar('T')

Send = Callable[[rest_values.Request], rest_values.Response]

#: Seconds.  Services ask each other before they answer; requests that took 24
#: s on a busy cloud have succeeded.
READ_TIMEOUT = 60.0

# Of an answer that is no token, keystoneauth1 complains with any of these.
_NONSENSE = (exceptions.InvalidResponse, AttributeError, KeyError, TypeError,
             ValueError)
_FAILURES = (exceptions.ClientException, *_NONSENSE)


class KeystoneLogin:
    """One login: a plug-in, its session, and the TLS of its group.

    Making it does no I/O.

    :raises ConfigurationError: the plug-in, or an option of it, is missing.
    """

    def __init__(self, conf: cfg.ConfigOpts, group: str, *,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.group = group
        self._clock = clock
        self._sleep = sleep
        #: Of any server of this group; host and port are to be filled in.
        self.endpoint = _endpoint(conf[group])
        self._plugin: Any = _plugin(conf, group)
        self._requests = requests.Session()
        self._requests.trust_env = False
        self._requests.cookies.set_policy(rest.NoCookies())
        # The carrier does not unpack anything.
        self._requests.headers['Accept-Encoding'] = 'identity'
        carrier = Carrier(adapter or _adapter(self.endpoint, group),
                          self.endpoint)
        for scheme in ('http://', 'https://'):
            self._requests.mount(scheme, carrier)
        # It has no plug-in: if Keystone refuses to tell its versions, it would
        # ask the plug-in for a token, which waits for these versions, and
        # holds a lock meanwhile.
        self._session = session.Session(
            session=self._requests, redirect=False,
            verify=self.endpoint.verify and (self.endpoint.ca_file or True),
            cert=rest.certificate(self.endpoint),
            timeout=self.endpoint.read_timeout,
            user_agent='manila_drivers',
            collect_timing=bool(conf[group].collect_timing),
            split_loggers=bool(conf[group].split_loggers))
        self._flight: flight.SingleFlight[Mapping[str, str]] = \
            flight.SingleFlight()
        self._renewing = threading.Lock()
        self._forgotten: Mapping[str, str] = {}

    def close(self) -> None:
        self._requests.close()

    # As a transport wants to be authorised

    def headers(self, send: Send) -> Mapping[str, str]:
        """Return what authorises a request; may log in first."""
        return self._flight.do(lambda: self._asked(self._headers))

    def renew(self, refused: Mapping[str, str], answer: rest_values.Response,
              send: Send) -> bool:
        """Forget a token that a service has refused.

        Another thread may have renewed it meanwhile.
        """
        if answer.status != 401:
            return False
        with self._renewing:
            if self._forgotten == refused or self.headers(send) != refused:
                return True
            self._forgotten = refused
            return bool(self._plugin.invalidate())

    def _headers(self) -> Mapping[str, str]:
        found = self._plugin.get_headers(self._session)
        if found is None:
            raise exceptions.AuthorizationFailure('no token was told')
        return dict(found)

    # Of the token

    def project_id(self) -> str:
        """Return the id of the project that the login is for.

        :raises ConfigurationError: it is for none.
        """
        found = self._asked(
            lambda: self._plugin.get_project_id(self._session))
        if not found:
            raise exception.ConfigurationError(
                '[%s] project_name' % self.group,
                'the login is for no project')
        return str(found)

    def roles(self) -> frozenset[str] | None:
        """Return the names of the roles; None: this kind of login has none.
        """
        if not hasattr(self._plugin, 'get_access'):
            return None
        access = self._asked(lambda: self._plugin.get_access(self._session))
        return frozenset(access.role_names)

    def catalogue(self) -> list[Mapping[str, Any]] | None:
        """Return the catalogue; None: this kind of login has none."""
        if not hasattr(self._plugin, 'get_access'):
            return None
        return self._asked(self._catalogue)

    def _catalogue(self) -> list[Mapping[str, Any]]:
        access = self._plugin.get_access(self._session)
        if not access.has_service_catalog():
            return []
        return list(access.service_catalog.normalize_catalog())

    def fixed_endpoint(self) -> str:
        """Return the endpoint of a login that has no catalogue."""
        found = self._asked(
            lambda: self._plugin.get_endpoint(self._session))
        if not found:
            raise exception.ConfigurationError(
                '[%s] endpoint' % self.group,
                'the login has neither a catalogue nor an endpoint')
        return str(found)

    def _asked(self, question: Callable[[], T]) -> T:
        """Have the plug-in answer; it may log in, again and again.

        :raises AccessDenied: the login is refused.
        :raises TransportError: Keystone cannot be reached, or does not work.
        """
        attempts = retry.Attempts(retry.REST, self._clock, self._sleep)
        while True:
            try:
                return question()
            except _FAILURES as exc:
                cause = exc
            error = failure(self.group, cause)
            passing = (isinstance(error, exception.Unreachable)
                       and not isinstance(error, exception.NotTrusted))
            if not passing or not attempts.again(_pause(cause)):
                raise error from cause


class Carrier(adapters.BaseAdapter):
    """Requests of keystoneauth1: counted, each with a deadline for the whole.

    keystoneauth1 reads an answer however slowly it comes, and of any size.
    """

    def __init__(self, inner: adapters.BaseAdapter,
                 endpoint: rest_values.Endpoint) -> None:
        super().__init__()
        self._inner = inner
        self._endpoint = endpoint

    def send(self, request: requests.PreparedRequest, stream: bool = False,
             timeout: Any = None, verify: bool | str = True, cert: Any = None,
             proxies: Any = None) -> requests.Response:
        started, unanswered = time.monotonic(), True
        try:
            answer = self._inner.send(
                request, stream=True, verify=verify, cert=cert,
                proxies=proxies, timeout=(self._endpoint.connect_timeout,
                                          self._endpoint.read_timeout))
            with contextlib.closing(answer):
                body = rest.read_body(answer, self._endpoint.whole_timeout)
            unanswered = False
        except (urllib3_exceptions.HTTPError, OSError) as exc:
            if isinstance(exc, requests.RequestException):
                raise
            # keystoneauth1 knows those of requests alone.
            raise requests.ConnectionError(exc, request=request) from exc
        finally:
            # A login has no effect, whether or not it got there.
            meter.count('REST', time.monotonic() - started,
                        exception.Unreachable('No answer to a login')
                        if unanswered else None)
        answer._content = body
        answer._content_consumed = True  # type: ignore[attr-defined]
        return answer

    def close(self) -> None:
        self._inner.close()


def failure(group: str, exc: Exception) -> exception.DriverError:
    """Return an error of keystoneauth1 as one of ours.

    Nothing was done: it is about the login alone.
    """
    what = 'The login of [%s]' % group
    if isinstance(exc, exceptions.MissingAuthPlugin) and isinstance(
            exc.__context__, exceptions.HttpError):
        exc = exc.__context__
    if _within(exc, exceptions.SSLError):
        return exception.NotTrusted(
            what + ' was not sent: the certificate is not accepted',
            answer=errors.plain(str(exc)), check='cafile in [%s]' % group)
    # One that could not be read brings no status, and is a redirect if it has
    # one of those: where to log in is the operator's to say.
    read = getattr(getattr(exc, 'response', None), 'status_code', 0)
    status = read if 300 <= read < 400 else getattr(exc, 'http_status', None)
    if isinstance(status, int) and status not in retry.UNABLE:
        kind = (errors.ServiceDenied if status in (401, 403)
                else errors.ServiceError)
        return kind(
            what + ' was refused', service='identity', status=status,
            request_id=str(getattr(exc, 'request_id', None) or ''),
            answer='HTTP %d %s' % (status, errors.plain(str(exc))),
            check='auth_url, user, password, project and domains in [%s]'
            % group)
    if status is not None or isinstance(exc, (
            exceptions.ConnectionError, exceptions.DiscoveryFailure,
            *_NONSENSE)):
        return exception.Unreachable(
            what + ' was not answered', answer=errors.plain(str(exc)),
            check='auth_url in [%s], and whether Keystone works' % group)
    return errors.ServiceDenied(
        what + ' failed', service='identity',
        answer=errors.plain('%s: %s' % (type(exc).__name__, exc)),
        check='the options of the login in [%s]' % group)


def _within(exc: BaseException | None, kind: type[Exception]) -> bool:
    """Tell if an error is of a kind, or comes of one that is."""
    for _ in range(20):
        if exc is None or isinstance(exc, kind):
            break
        exc = exc.__cause__ or exc.__context__
    return isinstance(exc, kind)


def _pause(exc: Exception) -> str:
    """Return the pause that Keystone asks for, as it says it."""
    headers = getattr(getattr(exc, 'response', None), 'headers', None) or {}
    return str(headers.get('Retry-After', ''))


def _plugin(conf: cfg.ConfigOpts, group: str) -> Any:
    """Return the plug-in that a group names.

    :raises ConfigurationError: there is none, or it lacks an option.
    """
    try:
        found = loading.load_auth_from_conf_options(conf, group)
    except exceptions.NoMatchingPlugin as exc:
        raise exception.ConfigurationError(
            '[%s] auth_type' % group, 'no such plug-in is installed',
            answer=str(exc)) from exc
    except exceptions.MissingRequiredOptions as exc:
        raise exception.ConfigurationError(
            ', '.join('[%s] %s' % (group, each.dest) for each in exc.options),
            'the login needs it') from exc
    except (exceptions.AuthPluginException, ValueError) as exc:
        raise exception.ConfigurationError(
            '[%s] auth_type' % group, 'the login cannot be made of these '
            'options', answer=str(exc)) from exc
    if found is None:
        raise exception.ConfigurationError(
            '[%s] auth_type' % group, 'is not set, so that nobody logs in')
    return found


def _endpoint(section: Any) -> rest_values.Endpoint:
    """Return the TLS and the time limits of a group."""
    asked = float(section.timeout or 0)
    if 0 < asked < READ_TIMEOUT:
        LOG.info('timeout is %s s; answers are waited for %s s all the same',
                 asked, READ_TIMEOUT)
    return rest_values.Endpoint(
        host='', verify=not section.insecure, ca_file=section.cafile or '',
        read_timeout=max(asked, READ_TIMEOUT),
        certificate=tuple(filter(None, (section.certfile, section.keyfile))),
        # Not known to every keystoneauth1.
        ciphers=getattr(section, 'tls_ciphers', None) or '',
        least_tls=getattr(section, 'tls_min_version', None) or '')


def _adapter(endpoint: rest_values.Endpoint,
             group: str) -> adapters.BaseAdapter:
    try:
        return rest_adapter.made(endpoint)
    except ValueError as exc:
        raise exception.ConfigurationError(
            '[%s] tls_ciphers, tls_min_version' % group,
            'is not understood', answer=str(exc)) from exc
