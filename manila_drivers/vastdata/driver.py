# SPDX-License-Identifier: Apache-2.0

"""The VAST driver: the class that Manila loads.

It states what is its own, and leaves all else to
``manila_drivers.vastdata.backend``.
"""

from typing import Any

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import backend
from manila_drivers.vastdata import opts
from manila_drivers.vastdata import settings


class VASTShareDriver(driver.ShareDriver[backend.VastBackend]):
    """NFS shares on a VAST cluster, through its management service (VMS).

    A share is a view, a view policy and a quota, all named by the share
    instance's id, and the directory ``<vast_root_export>/manila-<id>``.  The
    policy is the share's own: it admits exactly whom the rules admit, and
    nobody before the first one.

    :param adapter: how requests travel; a simulator may be put here.
    :param clock: monotonic seconds, and ``sleep`` waits for that many.
    """

    OPTS = opts.VAST_OPTS
    INJECTED = ('adapter', 'clock', 'sleep')
    VENDOR = 'VAST STORAGE'
    DRIVER_VERSION = backend.DRIVER_VERSION
    STORAGE_PROTOCOL = 'NFS'
    IPV6 = True
    SHOWS_PLANS = True
    trusting = {'vast_ssl_cert_verify': (
        False, ('the certificate of VMS is not verified, so that whoever '
        'answers in its place gets the password. Check: vast_ssl_cert_path'))}

    def build_backend(self) -> backend.VastBackend:
        return backend.VastBackend(
            settings.read(self.configuration, self.backend_name),
            lock=self.lock, private_storage=self.private_storage,
            **self.injected)

    def get_configured_ip_versions(self) -> list[int]:
        return [4, 6] if self.option('vast_ipv6_access_rules') else [4]

    def _static_stats(self) -> dict[str, Any]:
        inherits = compat.supports('snapshot_inherit_share_access')
        return {
            **super()._static_stats(),
            'thin_provisioning': True,
            'snapshot_support': True,
            'create_share_from_snapshot_support': True,
            # Whoever mounts a share sees its snapshots, so that they cannot
            # have rules of their own: true only where Manila knows of that.
            'mount_snapshot_support': inherits,
            'snapshot_inherit_share_access_support': inherits}

    def _update_share_stats(self, data: Any = None) -> None:
        try:
            super()._update_share_stats(data)
        finally:
            # This is called every so often, also while nothing else happens.
            self._backend.unseen.look()

    @driver.driver_call
    def snapshot_update_access(self, context: Any, snapshot: Any,
                               access_rules: Any, add_rules: Any = None,
                               delete_rules: Any = None,
                               share_server: Any = None,
                               **kwargs: Any) -> None:
        """Accept what is so anyway: snapshots follow their share's rules."""
        if access_rules and not self._inherits(snapshot):
            raise exception.Unsupported(
                'Snapshot %s cannot have access rules of its own'
                % snapshot.get('id'),
                check='snapshot_inherit_share_access_support in the extra '
                      'specs of the share type')

    def _inherits(self, snapshot: Any) -> bool:
        share = snapshot.get('share') or snapshot.get('share_instance')
        if share is None:
            return False
        return bool(model.as_bool(self.extra_specs(share).get(
            'snapshot_inherit_share_access_support')))
