# SPDX-License-Identifier: Apache-2.0

"""One VAST cluster as the driver uses it: everything wired together."""

from collections.abc import Callable
import dataclasses
import time
from typing import Any

from requests import adapters

from manila_drivers import version
from manila_drivers.transport import rest
from manila_drivers.vastdata import adoption
from manila_drivers.vastdata import auth
from manila_drivers.vastdata import checks
from manila_drivers.vastdata import client
from manila_drivers.vastdata import health
from manila_drivers.vastdata import objects
from manila_drivers.vastdata import settings as settings_module
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import shares
from manila_drivers.vastdata import site
from manila_drivers.vastdata import snapshots
from manila_drivers.vastdata import stats

DRIVER_VERSION = '1.0'


class Backend:
    """The parts of the driver below the class that Manila sees.

    Making one does no I/O.

    :param private_storage: keeps what the host lists of shares should be.
    :param adapter: how bytes travel, for a simulator inside this process.
    """

    def __init__(self, settings: settings_module.Settings,
                 lock: shares.Lock, *,
                 private_storage: Any = None,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._wiring: dict[str, Any] = {
            'adapter': adapter, 'clock': clock, 'sleep': sleep}
        self._vms = self._client(settings)
        self.settings = settings
        self.site = site.Site(self._vms, settings, clock=clock)
        self.objects = objects.Objects(self._vms, self.site)
        self.shares = shares.Shares(
            self.objects, lock, share_record.ShareRecord(private_storage))
        self.snapshots = snapshots.Snapshots(self.objects, self.shares)
        self.health = health.Health(self.objects, self.shares)
        self.adoption = adoption.Adoption(
            self.objects, self.shares.granted)
        self.stats = stats.Stats(self.objects, clock=clock)

    def _client(self, settings: settings_module.Settings) -> client.Vms:
        prefix = '/api/%s/' % settings.api_version
        wiring = dict(self._wiring)
        transport = rest.RestTransport(
            settings.endpoint, _auth(settings, prefix),
            policy=settings.policy, headers=_headers(settings), **wiring)
        del wiring['adapter']
        return client.Vms(transport, prefix, page_size=settings.page_size,
                       login=_login(settings), policy=settings.policy,
                       **wiring)

    def close(self) -> None:
        self._vms.close()

    def check(self) -> None:
        """See :func:`manila_drivers.vastdata.checks.check`."""
        checks.check(self.objects, lambda: self._client(
            dataclasses.replace(self.settings, tenant='')))

    def info(self) -> dict[str, str]:
        """What export locations and policies depend on, as text.

        Manila checks all shares when this differs from what it was.
        """
        chosen = self.settings
        return {
            'driver_version': DRIVER_VERSION,
            'library_version': version.version_string(),
            'host': chosen.endpoint.url,
            'tenant': chosen.tenant,
            'pool': chosen.pool,
            'bound_pools': str(list(self.site.binding().pools or ())),
            'addresses': ','.join(self.site.addresses()),
            'root': chosen.root,
            'protocols': ','.join(chosen.protocols),
            'squash': chosen.squash}


def _auth(settings: settings_module.Settings, prefix: str) -> rest.Auth:
    if settings.token:
        return auth.TokenAuth(settings.token)
    return auth.PasswordAuth(settings.user, settings.password, prefix)


def _login(settings: settings_module.Settings) -> str:
    """Whom requests are made for, and where that is configured."""
    if settings.token:
        return ('the user of vast_api_token, and whether that token is still '
                'valid')
    return 'VMS user %r (vast_mgmt_user)' % settings.user


def _headers(settings: settings_module.Settings) -> dict[str, Any]:
    headers = {'User-Agent': 'manila_drivers/' + version.version_string()}
    if settings.tenant:
        # Sent with the login as well, which a tenant administrator's needs.
        headers['X-Tenant-Name'] = settings.tenant
    return headers
