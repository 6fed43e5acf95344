# SPDX-License-Identifier: Apache-2.0

"""One VAST cluster as the driver uses it: everything wired together."""

from collections.abc import Callable
import dataclasses
import time
from typing import Any

from requests import adapters

from manila_drivers import unseen
from manila_drivers import version
from manila_drivers.transport import rest
from manila_drivers.vastdata import access
from manila_drivers.vastdata import adoption
from manila_drivers.vastdata import auth
from manila_drivers.vastdata import checks
from manila_drivers.vastdata import client
from manila_drivers.vastdata import cluster
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import health
from manila_drivers.vastdata import inventory
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import settings
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import shares
from manila_drivers.vastdata import snapshots
from manila_drivers.vastdata import stats

DRIVER_VERSION = '1.0'


class VastBackend:
    """The parts of the driver below the class that Manila sees.

    Making one does no I/O.

    :param lock: makes a lock by its name, as far as the backend is shared.
    :param private_storage: keeps what the host lists of shares should be.
    :param adapter: how bytes travel, for a simulator inside this process.
    """

    def __init__(self, chosen: settings.Settings, *, lock: share_record.Lock,
                 private_storage: Any = None,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._adapter, self._clock, self._sleep = adapter, clock, sleep
        self.settings = chosen
        self.vms = self._client(chosen)
        self.cluster = cluster.ClusterFacts(self.vms, chosen, clock=clock)
        self.unseen = unseen.Unseen(chosen.backend, clock)
        self.repository = repository.Repository(self.vms, self.cluster,
                                                self.unseen)
        notes = share_record.ShareRecord(private_storage)
        self.executor = executor.Executor(self.repository, notes)
        parts = self.repository, self.executor
        self.shares = shares.Shares(*parts, notes, lock)
        self.access = access.Access(*parts, notes, lock)
        self.snapshots = snapshots.Snapshots(*parts, self.shares, notes)
        self.health = health.Health(*parts, notes, lock)
        self.adoption = adoption.Adoption(*parts, notes)
        self.inventory = inventory.VastInventory(self.repository)
        self.stats = stats.Stats(self.repository, clock=clock)

    def _client(self, chosen: settings.Settings) -> client.Vms:
        prefix = '/api/%s/' % chosen.api_version
        transport = rest.RestTransport(
            chosen.endpoint, _auth(chosen, prefix), policy=chosen.policy,
            headers=_headers(chosen), adapter=self._adapter,
            clock=self._clock, sleep=self._sleep)
        return client.Vms(transport, prefix, page_size=chosen.page_size,
                          login=_login(chosen), policy=chosen.policy,
                          clock=self._clock, sleep=self._sleep)

    def close(self) -> None:
        self.vms.close()

    def check(self) -> None:
        """See :func:`manila_drivers.vastdata.checks.check`."""
        checks.check(self.repository, self._unscoped)

    def probes(self) -> tuple[checks.Probe, list[checks.Probe]]:
        """Return the looks of a check, and more of what a start leaves.

        See :func:`manila_drivers.vastdata.checks.probes`.
        """
        first, others = checks.probes(self.repository, self._unscoped)
        return first, [*others, *checks.rights(self.repository)]

    def _unscoped(self) -> client.Vms:
        """Return a client that does not name the tenant."""
        return self._client(dataclasses.replace(self.settings, tenant=''))

    def info(self) -> dict[str, str]:
        """Return what export locations and policies depend on, as text.

        Manila checks all shares when this differs from what it was.
        """
        chosen = self.settings
        return {
            'driver_version': DRIVER_VERSION,
            'library_version': version.version_string(),
            'host': chosen.endpoint.url,
            'tenant': chosen.tenant,
            'pool': chosen.pool,
            'bound_pools': str(list(self.cluster.binding().pools or ())),
            'addresses': ','.join(self.cluster.addresses()),
            'root': chosen.root,
            'protocols': ','.join(chosen.protocols),
            'squash': chosen.squash}


def _auth(chosen: settings.Settings, prefix: str) -> rest.Auth:
    if chosen.token:
        return auth.TokenAuth(chosen.token)
    return auth.PasswordAuth(chosen.user, chosen.password, prefix)


def _login(chosen: settings.Settings) -> str:
    """Say whom requests are made for, and where that is configured."""
    if chosen.token:
        return ('the user of vast_api_token, and whether that token is still '
                'valid')
    return 'VMS user %r (vast_mgmt_user)' % chosen.user


def _headers(chosen: settings.Settings) -> dict[str, Any]:
    headers = {'User-Agent': 'manila_drivers/' + version.version_string()}
    if chosen.tenant:
        # Sent with the login as well, which a tenant administrator's needs.
        headers['X-Tenant-Name'] = chosen.tenant
    return headers
