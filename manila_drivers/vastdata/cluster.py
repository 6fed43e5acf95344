# SPDX-License-Identifier: Apache-2.0

"""Facts of the whole cluster, read seldom: pool, tenant, version.

Values live for five minutes, the version for an hour, as in the vendor's own
clients.  All of it is read at start, so that calls find it in the cache.
"""

from collections.abc import Callable
import functools
import logging
import time
from typing import Any
from typing import cast
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import flight
from manila_drivers import model
from manila_drivers.vastdata import client
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import settings
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

T = TypeVar('T')

DEFAULT_TENANT = 'default'
CLONE_VERSION = (4, 6)
OLDEST_VERSION = (4, 7)
TOKEN_VERSION = (5, 3)


class Cached(Generic[T]):
    """A value that is fetched again when it is older than ``ttl`` seconds.

    Of many threads that find it old one fetches, and the others share what
    comes of that.  A failure is not kept.

    :param keep: whether an old value is better than a failure.
    """

    def __init__(self, fetch: Callable[[], T], ttl: float,
                 clock: Callable[[], float], *, keep: bool = False) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._clock = clock
        self._keep = keep
        self._flight: flight.SingleFlight[T] = flight.SingleFlight()
        self._held: tuple[float, T] | None = None
        self._forgotten = 0

    def get(self) -> T:
        held = self._fresh()
        return held[1] if held else self._flight.do(self._renewed)

    def _fetched(self, held: tuple[float, T] | None) -> T:
        if held is None or not self._keep:
            return self._fetch()
        fetched, error = exception.caught(self._fetch)
        if error is None:
            return cast('T', fetched)
        LOG.warning('What was known before stands: %s', error)
        return held[1]

    def known(self) -> T | None:
        """The value however old it is, without asking; None if never had."""
        held = self._held
        return None if held is None else held[1]

    def forget(self) -> None:
        self._forgotten += 1
        self._held = None

    def _fresh(self) -> tuple[float, T] | None:
        held = self._held
        if held is not None and self._clock() - held[0] < self._ttl:
            return held
        return None

    def _renewed(self) -> T:
        # Another thread may have landed in between.
        held = self._fresh()
        if held is not None:
            return held[1]
        before = self._forgotten
        now, value = self._clock(), self._fetched(self._held)
        if before == self._forgotten:
            self._held = now, value
        return value


class ClusterFacts:
    """Facts about the cluster that serve every share.

    :param clock: monotonic seconds.
    """

    def __init__(self, vms: client.Vms, chosen: settings.Settings, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._vms = vms
        self.settings = chosen
        cached = functools.partial(Cached, ttl=300.0, clock=clock)
        self.pool: Cached[cluster_records.VipPool | None] = cached(
            self._read_pool)
        # A tenant never gets another id, so that one failure to read it must
        # not stop the work.
        self.tenant: Cached[cluster_records.Tenant] = cached(self._read_tenant,
                                                     keep=True)
        self.version: Cached[cluster_records.Cluster] = Cached(
            self.read_cluster, 3600.0, clock, keep=True)
        self._clock = clock
        self._qos: dict[str, Cached[int]] = {}

    # -- cluster ---------------------------------------------------------

    def read_cluster(self) -> cluster_records.Cluster:
        """The cluster's record, or what is left of it for this login.

        A tenant administrator may be refused the record; the list of
        installed versions then tells the version at least.
        """
        try:
            found = list(self._vms.list('clusters',
                                        cluster_records.Cluster.of))
        except exception.BackendError as exc:
            if not errors.for_good(exc):
                raise
            found = []
        if found and found[0].version:
            return found[0]
        # Also upgrades that failed, where the filter is not known.
        versions = [
            version for version in self._vms.list(
                'versions', cluster_records.Installed.of, status='success')
            if version.status in ('', 'success')]
        if not versions:
            raise exception.BackendError(
                'VMS tells neither its clusters nor its versions',
                check='the role of the VMS user')
        return max(versions, key=lambda version: version.id).cluster

    def can_clone(self) -> bool:
        return self.version.get().version >= CLONE_VERSION

    # -- tenant ----------------------------------------------------------

    def tenant_id(self) -> int:
        """Id of the tenant that shares live in.

        :raises ConfigurationError: it cannot be told.  Without it objects of
            one tenant would be taken for those of another.
        """
        return self.tenant.get().id

    def here(self, record: Any) -> bool:
        """Return whether a record is of our tenant.

        :raises BackendError: it does not tell.
        """
        if record.tenant_id in (None, records.UNTOLD):
            raise exception.BackendError(
                'VMS does not tell which tenant %s is of' % _described(record),
                check='vast_api_version; nothing was done with it')
        return bool(record.tenant_id == self.tenant_id())

    def listed_here(self, record: Any) -> bool:
        """Like :meth:`here`, for lists of everything there is."""
        here, error = exception.caught(lambda: self.here(record))
        if error is not None:
            if not isinstance(error, exception.BackendError):
                raise error
            LOG.warning('Passed over in a list of VMS: %s', error)
        return bool(here)

    def serves_here(self, policy: records.ViewPolicy) -> bool:
        """Return whether a view policy is of our tenant, or of all of them."""
        return policy.tenant_id is None or self.here(policy)

    def fills_here(self, stream: records.Stream) -> bool:
        """Return whether a clone fills a directory of our tenant.

        :raises BackendError: it does not tell.
        """
        if not stream.tenant:
            raise exception.BackendError(
                'VMS does not tell which tenant %s is of' % _described(stream),
                check='vast_api_version; nothing was done with it')
        return stream.tenant == self.tenant.get().name

    def scope(self) -> dict[str, int]:
        """The tenant as a field to send, or as a filter."""
        return {'tenant_id': self.tenant_id()}

    def _read_tenant(self) -> cluster_records.Tenant:
        wanted = self.settings.tenant
        name = wanted or DEFAULT_TENANT
        unread: list[exception.DriverError] = []
        try:
            found = list(self._vms.readable(
                'tenants', cluster_records.Tenant.of, unread.append))
        except exception.BackendError as exc:
            if not errors.for_good(exc):
                raise
            return self._named_by_records(name, exc)
        named = [tenant for tenant in found if tenant.name == name]
        if not named and not wanted and len(found) == 1 and not unread:
            # All that this login can see is in the one tenant that it can
            # see.
            named = found
        if len(named) != 1:
            raise exception.ConfigurationError(
                'vast_tenant_name', 'VMS has no tenant %r' % name,
                answer='the tenants are ' + (', '.join(
                    sorted(tenant.name for tenant in found)) or 'not listed'))
        return named[0]

    def _named_by_records(self, name: str, refusal: exception.BackendError,
                          ) -> cluster_records.Tenant:
        """Learn the tenant from objects, for logins that may not list it."""
        for resource in ('viewpolicies', 'views'):
            for ident, told in self._vms.readable(resource, _tenant_of,
                                                  tenant_name=name):
                if told == name and ident is not None:
                    return cluster_records.Tenant(ident, name, 0)
        raise exception.ConfigurationError(
            'vast_tenant_name', 'tenant %r cannot be told apart from others: '
            'tenants cannot be read, and no object names it' % name,
            answer=refusal.answer,
            check='the right of the VMS user to view tenants')

    # -- pool ------------------------------------------------------------

    def _read_pool(self) -> cluster_records.VipPool | None:
        name = self.settings.pool
        if not name:
            return None
        hint = ('a tenant administrator cannot see pools: set '
                'vast_export_addresses and unset this then')
        try:
            pool = self._vms.find('vippools', cluster_records.VipPool.of,
                                  lambda pool: pool.name == name, name=name)
        except exception.AccessDenied as exc:
            raise exception.ConfigurationError(
                'vast_vippool_name', 'the VMS user may not read VIP pools',
                answer=exc.answer, check=hint) from exc
        if pool is None:
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VMS has no VIP pool %r' % name,
                check=hint)
        return pool

    def addresses(self) -> tuple[str, ...]:
        """Return what clients mount, in a stable order."""
        if self.settings.addresses:
            return self.settings.addresses
        pool = self.pool.get()
        ranges = pool.ranges if pool else ()
        found = paths.first_addresses(ranges, self.settings.max_locations)
        if not found:
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VIP pool %r has no address'
                % self.settings.pool)
        return found

    def binding(self) -> view_policy.Binding:
        """The VIP pools that views are to be reached through.

        With ``vast_export_addresses`` alone nothing says which ones these
        are, so that policies keep what they have.  So they do where VMS
        cannot bind and nobody demands it: Manila's driver never bound any,
        and its shares go on there.
        """
        return self._binding(self.pool.get, self.version.get)

    def known_binding(self) -> view_policy.Binding:
        """Return the binding without asking VMS, as far as it is known."""
        return self._binding(self.pool.known, self.version.known)

    def _binding(self, pool: Callable[[], cluster_records.VipPool | None],
                 cluster: Callable[[], cluster_records.Cluster | None],
                 ) -> view_policy.Binding:
        chosen = self.settings.bind_pool
        if chosen is not False and not self.settings.pool:
            return view_policy.AS_IT_IS
        known = cluster()
        if known is None or (chosen is None and known.version
                             < view_policy.LIST_VERSION):
            return view_policy.AS_IT_IS
        if chosen is False:
            return view_policy.Binding((), known.version)
        found = pool()
        return view_policy.AS_IT_IS if found is None \
            else view_policy.Binding((found.id,), known.version)

    # -- QoS -------------------------------------------------------------

    def qos_of(self, specs: model.Specs) -> int | None:
        """Return the id of the QoS policy of a share type, None for none."""
        name = specs.get('vast:qos_policy', self.settings.qos_policy)
        return self.qos_id(name) if name else None

    def qos_id(self, name: str) -> int:
        """Id of a QoS policy by its name.

        :raises ConfigurationError: there is none.
        """
        cache = self._qos.setdefault(name, Cached(
            functools.partial(self._read_qos, name), 300.0, self._clock))
        return cache.get()

    def _read_qos(self, name: str) -> int:
        found = self._vms.find(
            'qospolicies', _named, lambda policy: policy[1] == name,
            name=name)
        if found is None:
            raise exception.ConfigurationError(
                'vast_qos_policy', 'VMS has no QoS policy %r' % name,
                check='also the extra spec vast:qos_policy of share types')
        return found[0]


def _named(data: records.Json) -> tuple[int, str]:
    """Id and name of a record."""
    return records.ident(data, 'record'), records.name(data, 'record')


def _tenant_of(data: records.Json) -> tuple[int | None, str | None]:
    """Id and name of the tenant that a record is of."""
    return records.number(data, 'tenant_id'), records.text(data, 'tenant_name')


def _described(record: Any) -> str:
    return '%s %s (id %d)' % (type(record).__name__.lower(), record.name,
                              record.id)
