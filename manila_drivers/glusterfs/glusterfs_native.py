# SPDX-License-Identifier: Apache-2.0

"""The GlusterFS driver: the class that Manila loads.

It speaks Manila's rows, dictionaries and method names, and leaves all else
to ``manila_drivers.glusterfs.layout_volume``.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import time
from typing import Any

from manila_drivers import access
from manila_drivers import backed
from manila_drivers import driver
from manila_drivers import model
from manila_drivers.glusterfs import layout_volume
from manila_drivers.glusterfs import opts
from manila_drivers.glusterfs import settings

Layout = layout_volume.GlusterfsVolumeMappedLayout


class GlusterfsNativeShareDriver(driver.ExecuteMixin,
                                 backed.BackedShareDriver[Layout]):
    """Whole GlusterFS volumes, mounted with the native protocol.

    A share is a volume that an operator has made, or a clone.  Its option
    ``auth.ssl-allow`` has the common names of the TLS certificates whose
    holders may mount it: those of the rules, and always those of the
    servers and of the Manila host.

    :param transport: how commands get to servers, see
        ``layout_volume.Transport``; a simulator may be put here.
    :param clock: monotonic seconds, and ``sleep`` waits for that many.
    """

    trusting = {'glusterfs_host_keys': (
        'accept-new', ('the key of a server seen for the first time is '
        'trusted, whoever shows it. Check: reject, once the keys are known'))}

    VENDOR = 'Red Hat'
    DRIVER_VERSION = layout_volume.DRIVER_VERSION

    def __init__(self, *args: Any,
                 transport: layout_volume.Transport | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 **kwargs: Any) -> None:
        super().__init__(False, *args, config_opts=[opts.GLUSTER_OPTS],
                         **kwargs)
        self.ipv6_implemented = True
        self._wiring: dict[str, Any] = {
            'transport': transport, 'clock': clock, 'sleep': sleep}

    @property
    def backend_name(self) -> str:
        return str(self.option('share_backend_name') or 'GlusterFS-Native')

    def get_configured_ip_versions(self) -> list[int]:
        """Of the servers' addresses; a name counts as one of IPv4."""
        hosts = [*(self.option('glusterfs_servers') or ()),
                 *(self.option('glusterfs_targets') or ())]
        return sorted({6 if '[' in host else 4 for host in hosts}) or [4]

    # -- start -----------------------------------------------------------

    def _make_backend(self) -> Layout:
        return Layout(
            settings.read(self.configuration, self.backend_name), self.lock,
            self.private_storage,
            root_helper=self.root_helper, **self._wiring)

    def _ensure_shares(self, context: Any,
                       shares: Any) -> dict[str, dict[str, Any]]:
        return self._backend.ensurer.ensure(map(model.Share.of, shares))

    # -- statistics ------------------------------------------------------

    def _static_stats(self) -> dict[str, Any]:
        return {
            'vendor_name': self.VENDOR,
            'driver_version': self.DRIVER_VERSION,
            'storage_protocol': 'glusterfs',
            'snapshot_support': True,
            'create_share_from_snapshot_support': True,
            'revert_to_snapshot_support': True,
            'mount_snapshot_support': False}

    def _update_share_stats(self, data: Any = None) -> None:
        super()._update_share_stats(self._backend.statistics.read())

    @driver.operation(periodic=True)
    def update_share_usage_size(self, context: Any, shares: Any,
                                **kwargs: Any) -> list[dict[str, Any]]:
        """Used GiB of the shares that can be looked at."""
        used = self._backend.statistics.usage(
            [share['id'] for share in shares])
        return self._usage(shares, {
            ident: size / model.GiB for ident, size in used.items()})

    # -- shares ----------------------------------------------------------

    def _create(self, share: model.Share, row: Any) -> list[dict[str, Any]]:
        return self._backend.creator.create(share)

    def _clone(self, share: model.Share, snapshot: model.Snapshot,
               row: Any) -> dict[str, Any]:
        return self._backend.snapshots.create_share(share, snapshot)

    def _set_rules(self, share: model.Share, rules: Sequence[access.Rule],
                   row: Any) -> Mapping[str, str]:
        return self._backend.shares.update_access(share, rules)

    @driver.operation
    def revert_to_snapshot(self, context: Any, snapshot: Any,
                           share_access_rules: Any,
                           snapshot_access_rules: Any = None,
                           share_server: Any = None, **kwargs: Any) -> None:
        """Bring a share back to a snapshot, which stays."""
        self._backend.snapshots.revert(
            model.Snapshot.of(snapshot), access.rules_of(share_access_rules))

    # -- manage ----------------------------------------------------------

    @driver.operation
    def manage_existing(self, share: Any, driver_options: Any,
                        **kwargs: Any) -> dict[str, Any]:
        """Take over a volume with its data; it is closed to tenants."""
        return self._backend.manager.manage(model.Share.of(share),
                                            driver_options or {})

    @driver.operation
    def unmanage(self, share: Any, **kwargs: Any) -> None:
        """Let a volume go; no service will hand it out."""
        value = model.Share.of(share)
        with self._owed.leaving(value.id):
            self._backend.manager.unmanage(value)
