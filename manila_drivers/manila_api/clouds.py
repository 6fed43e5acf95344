# SPDX-License-Identifier: Apache-2.0

"""The way to Manila's API, as ``clouds.yaml`` describes it."""

import functools
import logging
import threading
import time
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions
from keystoneauth1 import session
import requests
from requests import adapters

from manila_drivers import exception
from manila_drivers import extras
from manila_drivers.openstack import errors
from manila_drivers.openstack import keystone
from manila_drivers.transport import rest_values
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

#: Official type of the service; openstacksdk knows ``sharev2`` as well.
SERVICE = 'shared-file-system'
_VERSION = 'X-OpenStack-Manila-API-Version'
_CHECK = ('the cloud in clouds.yaml: its region and interface, and whether a '
          'proxy answers in the place of Manila')


class ApiDenied(exception.AccessDenied):
    """The roles of the login do not suffice for this request."""


class CloudConnection:
    """GET requests to Manila of one cloud.  Safe for use by many threads.

    Each request has a deadline as a whole, is counted, and is repeated as
    :mod:`manila_drivers.transport.retry` says.

    :param cloud: its name in ``clouds.yaml``; ``envvars`` for the variables
        ``OS_*``.
    :raises ConfigurationError: there is none of that name, or what it says
        does not make a login.
    """

    def __init__(self, cloud: str,
                 policy: retry.RetryPolicy = retry.REST) -> None:
        self.cloud = cloud
        self._policy = policy
        self._lock = threading.Lock()
        self._found = ''
        self._requests = requests.Session()
        carrier = keystone.Carrier(adapters.HTTPAdapter(),
                                   rest_values.Endpoint(host=''))
        for scheme in ('http://', 'https://'):
            self._requests.mount(scheme, carrier)
        self._requests.headers['Accept-Encoding'] = 'identity'
        self._adapter: Any = _adapter(cloud, self._requests)

    def close(self) -> None:
        self._requests.close()

    def get(self, path: str, version: str, **query: str) -> Any:
        """Return the record in an answer.

        :param version: microversion.
        :raises ApiDenied: the login may not ask for that.
        :raises NotFound: there is no such path.
        :raises BackendError: any other answer that is no success, or is not
            as Manila's are.
        :raises TransportError: there is no answer.
        """
        attempts = retry.Attempts(self._policy, time.monotonic, time.sleep)
        endpoint = self._endpoint()
        what = f'GET {path} of Manila in cloud {self.cloud}'
        while True:
            answer, error = self._try(endpoint + path, version, query, what)
            if answer is not None and answer.status_code not in retry.UNABLE:
                return _read(answer, what)
            asked = '' if answer is None else answer.headers.get(
                'Retry-After', '')
            if not attempts.again(asked):
                raise error or _refused(answer, what)

    def _try(self, url: str, version: str, query: dict[str, str], what: str,
             ) -> tuple[Any, exception.DriverError | None]:
        try:
            return self._adapter.get(
                url, params=query, raise_exc=False,
                headers={_VERSION: version, 'Accept': 'application/json'},
                endpoint_filter={}), None
        except exceptions.SSLError as exc:
            raise exception.NotTrusted(
                what + ' was not sent: the certificate is not accepted',
                answer=errors.plain(str(exc)), check='cacert') from exc
        except exceptions.ConnectFailure as exc:
            return None, exception.Unreachable(
                what + ' was not answered', answer=errors.plain(str(exc)),
                check=_CHECK)
        except exceptions.ClientException as exc:
            # The token is renewed within a request.
            raise keystone.failure(self.cloud, exc) from exc

    def _endpoint(self) -> str:
        """Return where Manila is; logs in first.

        :raises ConfigurationError: the cloud has no such service.
        """
        with self._lock:
            if not self._found:
                self._found = self._looked_up().rstrip('/')
            return self._found

    def _looked_up(self) -> str:
        try:
            found = self._adapter.get_endpoint()
        except (exceptions.ClientException, AttributeError, KeyError,
                TypeError, ValueError) as exc:
            raise keystone.failure(self.cloud, exc) from exc
        if not found:
            raise exception.ConfigurationError(
                'os-cloud', f'cloud {self.cloud} has no service of type '
                f'{SERVICE} or sharev2', check=_CHECK)
        return str(found)


def _adapter(cloud: str, carried: requests.Session) -> Any:
    with extras.needed('openstack', 'openstack', 'os-cloud', 'openstacksdk '
                       'is not installed, which reads clouds.yaml'):
        from openstack import exceptions as sdk_exceptions
        from openstack.config import loader
    make: Any = functools.partial(session.Session, session=carried)
    try:
        region = loader.OpenStackConfig(
            app_name='manila_drivers', session_constructor=make).get_one(cloud)
        return adapter.Adapter(
            region.get_session(), service_type=SERVICE,
            service_name=region.get_service_name(SERVICE),
            interface=region.get_interface(SERVICE),
            region_name=region.get_region_name(SERVICE),
            endpoint_override=region.get_endpoint(SERVICE))
    except (sdk_exceptions.SDKException, exceptions.ClientException) as exc:
        raise exception.ConfigurationError(
            'os-cloud', f'cloud {cloud} cannot be used',
            answer=errors.plain(str(exc)),
            check='clouds.yaml, or the variables OS_*') from exc


def _read(answer: Any, what: str) -> Any:
    if answer.status_code != 200:
        raise _refused(answer, what)
    try:
        return answer.json()
    except ValueError as exc:
        raise exception.BackendError(
            what + ' was answered by something that is no JSON',
            answer=errors.plain(answer.text), check=_CHECK) from exc


def _refused(answer: Any, what: str) -> exception.BackendError:
    said, status = errors.told(answer.text), int(answer.status_code)
    kind: type[exception.BackendError] = exception.BackendError
    check = _CHECK
    if status in (401, 403):
        kind, check = ApiDenied, ("the roles of the login, and Manila's "
                                  'policy for it')
    elif status == 404:
        kind = exception.NotFound
    elif status == 406:
        check = 'whether this Manila is 2025.1 or later'
    elif status >= 500:
        check = 'the log of manila-api'
    found = errors.request_id(answer.headers)
    return kind(what + (' failed' if status >= 500 else ' was refused'),
                status=status, answer=f'HTTP {status} {said.message}'
                + (f' ({found})' if found else ''), check=check)
