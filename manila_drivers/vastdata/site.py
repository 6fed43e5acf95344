#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What is true of the whole cluster, read seldom: pool, tenant, version.

Values live for five minutes, the version for an hour, as in the vendor's own
clients.  All of it is read at start, so that calls find it in the cache.
"""

from collections.abc import Callable
import functools
import time
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import flight
from manila_drivers.vastdata import api
from manila_drivers.vastdata import auth
from manila_drivers.vastdata import layout
from manila_drivers.vastdata import records
from manila_drivers.vastdata import settings as settings_module

T = TypeVar('T')

DEFAULT_TENANT = 'default'
CLONE_VERSION = (4, 6)
OLDEST_VERSION = (4, 7)
TOKEN_VERSION = (5, 3)


class Cached(Generic[T]):
    """A value that is fetched again when it is older than ``ttl`` seconds.

    Of many threads that find it old one fetches, and the others share what
    comes of that.  A failure is not kept.
    """

    def __init__(self, fetch: Callable[[], T], ttl: float,
                 clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._clock = clock
        self._flight: flight.SingleFlight[T] = flight.SingleFlight()
        self._held: tuple[float, T] | None = None
        self._forgotten = 0

    def get(self) -> T:
        held = self._fresh()
        return held[1] if held else self._flight.do(self._renewed)

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
        now, value = self._clock(), self._fetch()
        if before == self._forgotten:
            self._held = now, value
        return value


class Site:
    """Facts about the cluster that serve every share.

    :param clock: monotonic seconds.
    """

    def __init__(self, vms: api.Vms, settings: settings_module.Settings, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._vms = vms
        self.settings = settings
        cached = functools.partial(Cached, ttl=300.0, clock=clock)
        self.pool: Cached[records.Pool | None] = cached(self._read_pool)
        self.tenant: Cached[records.Tenant | None] = cached(
            self._read_tenant)
        self.version: Cached[records.Cluster] = Cached(
            self.read_cluster, 3600.0, clock)
        self._clock = clock
        self._qos: dict[str, Cached[int]] = {}

    # -- cluster ---------------------------------------------------------

    def read_cluster(self) -> records.Cluster:
        """The cluster's record, or what is left of it for this login.

        A tenant administrator may be refused the record; the list of
        installed versions then tells the version at least.
        """
        try:
            found = list(self._vms.list('clusters', records.Cluster.of))
        except (exception.AccessDenied, exception.NotFound) as exc:
            if not _for_good(exc):
                raise
            found = []
        if found and found[0].version:
            return found[0]
        versions = list(self._vms.list('versions', records.Cluster.of,
                                       status='success'))
        if not versions:
            raise exception.BackendError(
                'VMS tells neither its clusters nor its versions',
                check='the role of the VMS user')
        return versions[0]

    def can_clone(self) -> bool:
        return self.version.get().version >= CLONE_VERSION

    # -- tenant ----------------------------------------------------------

    def tenant_id(self) -> int | None:
        """Id of the tenant shares live in; None if it cannot be told."""
        tenant = self.tenant.get()
        return None if tenant is None else tenant.id

    def here(self, record: Any) -> bool:
        """Whether a record is of our tenant, as far as that is known."""
        ours = self.tenant_id()
        return ours is None or record.tenant_id in (None, ours)

    def scope(self) -> dict[str, int]:
        """The tenant as a field to send, or as a filter."""
        ident = self.tenant_id()
        return {} if ident is None else {'tenant_id': ident}

    def _read_tenant(self) -> records.Tenant | None:
        wanted = self.settings.tenant
        name = wanted or DEFAULT_TENANT
        try:
            found = self._vms.find('tenants', records.Tenant.of,
                                   lambda tenant: tenant.name == name,
                                   name=name)
        except (exception.AccessDenied, exception.NotFound) as exc:
            # The default tenant goes without saying; a named one does not.
            if wanted or not _for_good(exc):
                raise
            return None
        if found is None and wanted:
            raise exception.ConfigurationError(
                'vast_tenant_name', 'VMS has no tenant %r' % wanted)
        return found

    # -- pool ------------------------------------------------------------

    def _read_pool(self) -> records.Pool | None:
        name = self.settings.pool
        if not name:
            return None
        hint = ('a tenant administrator cannot see pools: set '
                'vast_export_addresses and unset this then')
        try:
            pool = self._vms.find('vippools', records.Pool.of,
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
        """What clients mount, in a stable order."""
        if self.settings.addresses:
            return self.settings.addresses
        pool = self.pool.get()
        ranges = pool.ranges if pool else ()
        found = layout.first_addresses(ranges, self.settings.max_locations)
        if not found:
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VIP pool %r has no address'
                % self.settings.pool)
        return found

    def bound_pools(self) -> list[int]:
        """Ids of the pools that views are reachable through; [] = all."""
        pool = self.pool.get() if self.settings.bind_pool else None
        return [pool.id] if pool else []

    # -- QoS -------------------------------------------------------------

    def qos_id(self, name: str) -> int:
        """Id of a QoS policy by its name.

        :raises ConfigurationError: there is none.
        """
        cache = self._qos.setdefault(name, Cached(
            functools.partial(self._read_qos, name), 300.0, self._clock))
        return cache.get()

    def _read_qos(self, name: str) -> int:
        found = self._vms.find('qospolicies', dict,
                               lambda policy: policy.get('name') == name,
                               name=name)
        if found is None:
            raise exception.ConfigurationError(
                'vast_qos_policy', 'VMS has no QoS policy %r' % name,
                check='also the extra spec vast:qos_policy of share types')
        return int(found['id'])


def _for_good(exc: exception.BackendError) -> bool:
    """Whether a refusal says that this login can never read a resource.

    A login that failed says nothing about it: without its tenant the driver
    would take objects of other tenants for its own.
    """
    return (isinstance(exc, exception.NotFound)
            or auth.PERMISSION_DENIED in exc.answer.lower())
