# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver: the class that Manila loads."""

from typing import Any

from manila_drivers import driver
from manila_drivers import version
from manila_drivers.ibm.gpfs import backend
from manila_drivers.ibm.gpfs import opts
from manila_drivers.ibm.gpfs import settings


class GPFSShareDriver(driver.ExecuteMixin, driver.GaneshaMixin,
                      driver.ShareDriver[backend.GpfsBackend]):
    """NFS shares in an IBM Storage Scale (GPFS) file system.

    A share is a fileset of the share's name with a quota, linked below
    ``gpfs_mount_point_base``; a snapshot is one of the fileset.  What
    exports them is a helper that ``gpfs_nfs_server_type`` chooses.

    :param make_runner: makes what runs commands on a host; a simulator may
        be put here.
    :param clock: monotonic seconds.
    :param sleep: waits for some of them.
    """

    OPTS = opts.GPFS_OPTS
    INJECTED = ('make_runner', 'clock', 'sleep')
    IPV6 = True
    SHOWS_PLANS = True
    VENDOR = 'IBM'
    DRIVER_VERSION = version.version_string()
    STORAGE_PROTOCOL = 'NFS'
    trusting = {'gpfs_ssh_host_key_policy': (
        'learn', ('the key of a host that is seen for the first time is '
        'trusted, whoever shows it. Check: reject, once the keys are known'))}

    def build_backend(self) -> backend.GpfsBackend:
        return backend.GpfsBackend(
            settings.read(self.configuration, self.backend_name),
            self.configuration, self.root_helper, lock=self.lock,
            private_storage=self.private_storage, **self.injected)

    def get_configured_ip_versions(self) -> list[int]:
        """Return those of what clients mount, which no rule can change."""
        if self._made is None:
            return [4, 6]
        return sorted(self._made.cluster.ip_versions)

    def _static_stats(self) -> dict[str, Any]:
        independent = self.option('gpfs_fileset_type') != 'dependent'
        return {
            **super()._static_stats(),
            'share_backend_name': self.option('share_backend_name')
            or 'IBM Storage System',
            'thin_provisioning': True,
            'snapshot_support': independent,
            'create_share_from_snapshot_support': independent and (
                self._made is None or self._made.cluster.copies),
            'revert_to_snapshot_support': independent,
            # Whoever mounts a share sees its snapshots, so that they cannot
            # have rules of their own.
            'mount_snapshot_support': False}

    def _update_share_stats(self, data: Any = None) -> None:
        try:
            super()._update_share_stats(data)
        finally:
            # This is called every so often, also while nothing else happens.
            self._backend.access.catch_up()
            self._backend.unseen.look()

    @driver.driver_call
    def allow_access(self, context: Any, share: Any, access: Any,
                     share_server: Any = None, **kwargs: Any) -> None:
        """Add one rule, and leave the others as servers have them.

        Manila says what all rules are instead, which :meth:`update_access`
        takes.
        """
        self._backend.access.allow(share, access)

    @driver.driver_call
    def deny_access(self, context: Any, share: Any, access: Any,
                    share_server: Any = None, **kwargs: Any) -> None:
        """Take one rule away; one that never was is passed over."""
        self._backend.access.deny(share, access)
