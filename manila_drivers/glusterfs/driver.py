# SPDX-License-Identifier: Apache-2.0

"""The GlusterFS driver: the class that Manila loads."""

from typing import Any

from manila_drivers import driver
from manila_drivers.glusterfs import backend
from manila_drivers.glusterfs import opts
from manila_drivers.glusterfs import settings


class GlusterfsNativeShareDriver(driver.ExecuteMixin,
                                 driver.ShareDriver[backend.GlusterBackend]):
    """Whole GlusterFS volumes, mounted with the native protocol.

    A share is a volume that an operator has made, or a clone.  Its option
    ``auth.ssl-allow`` has the common names of the TLS certificates whose
    holders may mount it: those of the rules, and always those of the
    servers and of the Manila host.

    The constructor also takes ``transport``, see ``backend.Transport``,
    ``clock`` (monotonic seconds) and ``sleep``.
    """

    OPTS = opts.GLUSTER_OPTS
    IPV6 = True
    SHOWS_PLANS = True
    VENDOR = 'Red Hat'
    DRIVER_VERSION = backend.DRIVER_VERSION
    STORAGE_PROTOCOL = 'glusterfs'
    CAPABILITIES = {
        'snapshot_support': True,
        'create_share_from_snapshot_support': True,
        'revert_to_snapshot_support': True}
    trusting = {'glusterfs_host_keys': (
        'accept-new', ('the key of a server seen for the first time is '
        'trusted, whoever shows it. Check: reject, once the keys are known'))}

    @property
    def backend_name(self) -> str:
        return str(self.option('share_backend_name') or 'GlusterFS-Native')

    def get_configured_ip_versions(self) -> list[int]:
        """Of the servers' addresses; a name counts as one of IPv4."""
        hosts = [*(self.option('glusterfs_servers') or ()),
                 *(self.option('glusterfs_targets') or ())]
        return sorted({6 if '[' in host else 4 for host in hosts}) or [4]

    def build_backend(self) -> backend.GlusterBackend:
        return backend.GlusterBackend(
            settings.read(self.configuration, self.backend_name),
            lock=self.lock, private_storage=self.private_storage,
            root_helper=self.root_helper, **self.injected)

    def _update_share_stats(self, data: Any = None) -> None:
        try:
            super()._update_share_stats(data)
        finally:
            # This is called every so often, also while nothing else happens.
            self._backend.unseen.look()
