# SPDX-License-Identifier: Apache-2.0

"""The way to one service: login, endpoint, version, and then its requests.

All of it is found out with the first request, and kept.  A failure is not
kept: the next request tries again.
"""

from collections.abc import Callable
import dataclasses
import logging
import threading
import time
from typing import Any

from oslo_config import cfg
from requests import adapters

from manila_drivers import exception
from manila_drivers.openstack import catalogue
from manila_drivers.openstack import errors
from manila_drivers.openstack import keystone
from manila_drivers.openstack import versions
from manila_drivers.transport import rest
from manila_drivers.transport import rest_values

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ServiceKind:
    """How one of the services is found and spoken to.

    :param types: names in the catalogue.
    :param suffix: of an endpoint's path that has no version.
    :param wanted: microversion; None: the service has none.
    :param headers: those that carry it, with the words before it.
    """

    service: str
    group: str
    types: tuple[str, ...]
    suffix: str
    wanted: versions.Version | None = None
    headers: tuple[tuple[str, str], ...] = ()


COMPUTE = ServiceKind(
    'compute', 'nova', ('compute',), '/v2.1', (2, 79),
    # The second one is all that is read before 2.27.
    (('OpenStack-API-Version', 'compute '),
     ('X-OpenStack-Nova-API-Version', '')))
VOLUME = ServiceKind(
    'volume', 'cinder', ('volumev3', 'block-storage', 'block-store'),
    '/v3/%(project)s', (3, 66), (('OpenStack-API-Version', 'volume '),))
NETWORK = ServiceKind('network', 'neutron', ('network',), '/v2.0')
IMAGE = ServiceKind('image', 'glance', ('image',), '/v2')


@dataclasses.dataclass(frozen=True)
class _Way:
    """The way to the service, as it was found."""

    transport: rest.RestTransport
    base: str
    version: versions.Version | None


class Link:
    """Requests to one service.  Safe for use by many threads."""

    def __init__(self, conf: cfg.ConfigOpts, kind: ServiceKind, *,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self.service = kind.service
        self._conf = conf
        self._kind = kind
        self._parts: dict[str, Any] = {
            'adapter': adapter, 'clock': clock, 'sleep': sleep}
        self._lock = threading.Lock()
        self._login: keystone.KeystoneLogin | None = None
        self._found: _Way | None = None

    def send(self, request: rest_values.Request) -> rest_values.Response:
        """Return any answer, after renewals and repetitions.

        :param request: its path is below the endpoint.
        :raises TransportError: there is none.
        :raises OutcomeUnknown: it may have been carried out, and must not be
            sent again.
        :raises ConfigurationError: no login, or no endpoint.
        :raises NotPlanned: a dry run is to change nothing.
        """
        way = self._way()
        return way.transport.call(dataclasses.replace(
            request, path=way.base + request.path))

    def version(self) -> versions.Version | None:
        """Return the microversion that is spoken; None if none is."""
        return self._way().version

    def project_id(self) -> str:
        """Return the id of the project that the login is for."""
        return self._logged_in().project_id()

    def roles(self) -> frozenset[str] | None:
        """Return the roles of the login, None if they are not told."""
        return self._logged_in().roles()

    def regions(self) -> frozenset[str]:
        """Return the regions of the service, none if that is not told."""
        login = self._logged_in()
        return catalogue.regions(login.catalogue() or (), self._wanted_way(),
                                 self._url(login))

    def close(self) -> None:
        with self._lock:
            found, self._found = self._found, None
            login, self._login = self._login, None
        if found is not None:
            found.transport.close()
        if login is not None:
            login.close()

    def _logged_in(self) -> keystone.KeystoneLogin:
        with self._lock:
            if self._login is None:
                self._login = keystone.KeystoneLogin(
                    self._conf, self._kind.group, **self._parts)
            return self._login

    def _way(self) -> _Way:
        """Return the way; the first to find it is who is believed."""
        known = self._found
        if known is None:
            known = self._keep(self._look(self._logged_in()))
        return known

    def _keep(self, found: _Way) -> _Way:
        with self._lock:
            kept = self._found = self._found or found
        if kept is not found:
            found.transport.close()
        return kept

    def _look(self, login: keystone.KeystoneLogin) -> _Way:
        where = catalogue.address(self._url(login), self._option())
        base = catalogue.versioned(where.base, self._suffix(login))
        endpoint = dataclasses.replace(
            login.endpoint, scheme=where.scheme, host=where.host,
            port=where.port)
        if self._kind.wanted is None:
            return _Way(self._transport(endpoint, login, None), base, None)
        bare = self._transport(endpoint, login, None)
        try:
            version = self._negotiated(bare, base)
        finally:
            bare.close()
        LOG.debug('The %s service at %s%s is spoken to in version %s',
                  self.service, endpoint.url, base, version)
        return _Way(self._transport(endpoint, login, version), base, version)

    def _suffix(self, login: keystone.KeystoneLogin) -> str:
        if '%(project)s' not in self._kind.suffix:
            return self._kind.suffix
        return self._kind.suffix % {'project': login.project_id()}

    def _transport(self, endpoint: rest_values.Endpoint,
                   login: keystone.KeystoneLogin,
                   version: versions.Version | None) -> rest.RestTransport:
        return rest.RestTransport(
            endpoint, login, headers={
                'User-Agent': 'manila_drivers', **({} if version is None else {
                    name: before + '%d.%d' % version
                    for name, before in self._kind.headers})},
            **self._parts)

    # Where

    def _option(self) -> str:
        return '[%s] %s' % (self._kind.group, 'url' if self._override()
                            else 'endpoint_type')

    def _override(self) -> str:
        return str(getattr(self._conf[self._kind.group], 'url', None) or '')

    def _url(self, login: keystone.KeystoneLogin) -> str:
        if self._override():
            return self._override()
        found = login.catalogue()
        if found is None:
            return login.fixed_endpoint()
        return catalogue.find(found, self._wanted_way())

    def _wanted_way(self) -> catalogue.Wanted:
        section = self._conf[self._kind.group]
        return catalogue.Wanted(
            self.service, self._kind.group, self._kind.types,
            interface=section.endpoint_type.removesuffix('URL'),
            region=section.region_name or None,
            region_told=self._told('region_name'))

    def _told(self, option: str) -> bool:
        """Tell if the operator has set an option, or a program for him."""
        where = self._conf.get_location(option, self._kind.group)
        return where is None or where.location not in (
            cfg.Locations.opt_default, cfg.Locations.set_default)

    # Which version

    def _wanted(self) -> versions.Version:
        """Return the version to speak, if the service has it."""
        assert self._kind.wanted is not None
        section = self._conf[self._kind.group]
        asked = getattr(section, 'api_microversion', None)
        if not asked or not self._told('api_microversion'):
            return self._kind.wanted
        found = versions.parsed(asked)
        if found is None:
            raise exception.ConfigurationError(
                '[%s] api_microversion' % self._kind.group,
                'is no version such as 2.79: %s' % asked)
        return found

    def _negotiated(self, bare: rest.RestTransport,
                    base: str) -> versions.Version | None:
        wanted = self._wanted()
        told = self._document(bare, base)
        if told is None:
            # A version that is not there is answered with 406.
            LOG.warning('The %s service at %s does not tell its versions; '
                        '%d.%d is tried', self.service, bare.endpoint.url,
                        *wanted)
            return wanted
        found = versions.chosen(wanted, told)
        if found != wanted:
            LOG.warning('The %s service at %s has no version %d.%d; %s is '
                        'spoken', self.service, bare.endpoint.url, *wanted,
                        found and '%d.%d' % found)
        return found

    def _document(self, bare: rest.RestTransport,
                  base: str) -> versions.VersionRange | None:
        """Return the versions of the service, None if it does not tell them.

        :raises ServiceError: it cannot answer now, or refuses the login.
        """
        for path in catalogue.documents(base):
            answer = bare.call(rest_values.Request('GET', path))
            if answer.status in (401, 403) or answer.status >= 500 \
                    or answer.status == 429:
                raise errors.refused(
                    self.service, 'The question for versions of the %s '
                    'service (GET %s)' % (self.service, path), answer)
            told = versions.document(answer.text, catalogue.major(base))
            if told is not None:
                return told
        return None
