# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver: the class that Manila loads.

It speaks Manila's rows, dictionaries and method names, and leaves all else
to ``manila_drivers.ibm.gpfs.backend``.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
import time
from typing import Any

from manila_drivers import access
from manila_drivers import backed
from manila_drivers import driver
from manila_drivers import model
from manila_drivers import version
from manila_drivers.ibm.gpfs import backend as backend_module
from manila_drivers.ibm.gpfs import execute as execute_module
from manila_drivers.ibm.gpfs import opts
from manila_drivers.ibm.gpfs import settings
from manila_drivers.ibm.gpfs import snapshots

# Seconds to wait for another call about the same share.
_PATIENCE = 600.0


class GPFSShareDriver(driver.ExecuteMixin, driver.GaneshaMixin,
                      backed.BackedShareDriver[backend_module.Backend]):
    """NFS shares in an IBM Storage Scale (GPFS) file system.

    A share is a fileset of the share's name with a quota, linked below
    ``gpfs_mount_point_base``; a snapshot is one of the fileset.  What
    exports them is a helper that ``gpfs_nfs_server_type`` chooses.

    :param make_runner: makes what runs commands on a host; a simulator may
        be put here.
    :param clock: monotonic seconds.
    :param sleep: waits for some of them.
    """

    VENDOR = 'IBM'
    trusting = {'gpfs_ssh_host_key_policy': (
        'learn', ('the key of a host that is seen for the first time is '
        'trusted, whoever shows it. Check: reject, once the keys are known'))}

    def __init__(self, *args: Any,
                 make_runner: execute_module.MakeRunner | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep,
                 **kwargs: Any) -> None:
        super().__init__(False, *args, config_opts=[opts.GPFS_OPTS],
                         **kwargs)
        # Manila would otherwise drop IPv6 rules before they get here and
        # show them as active.
        self.ipv6_implemented = True
        self._make_runner = make_runner
        self._clock = clock
        self._sleep = sleep

    def _alone(self, share: model.Share) -> AbstractContextManager[None]:
        """Keep all hosts of the backend from changing who reaches a share."""
        return self.lock(_lock_name(share.id), timeout=_PATIENCE)

    def _alone_at_once(self, ident: str) -> AbstractContextManager[None]:
        return self.lock(_lock_name(ident), timeout=0.0)

    # -- start -----------------------------------------------------------

    def _make_backend(self) -> backend_module.Backend:
        return backend_module.Backend(
            settings.read(self.configuration, self.backend_name),
            self.configuration, self.root_helper,
            make_runner=self._make_runner, clock=self._clock,
            alone=self._alone_at_once, private_storage=self.private_storage,
            sleep=self._sleep)

    def _ensure_shares(self, context: Any,
                       shares: Any) -> dict[str, dict[str, Any]]:
        rows = {share['id']: share for share in shares}
        return self._backend.health.ensure(
            map(model.Share.of, shares),
            lambda share: self.extra_specs(rows[share.id]))

    def get_configured_ip_versions(self) -> list[int]:
        """Of what clients mount, which a rule of the other cannot help."""
        if self._made is None:
            return [4, 6]
        return sorted(self._made.site.ip_versions)

    # -- statistics ------------------------------------------------------

    def _static_stats(self) -> dict[str, Any]:
        independent = self.option('gpfs_fileset_type') != 'dependent'
        return {
            'share_backend_name': self.option('share_backend_name')
            or 'IBM Storage System',
            'vendor_name': self.VENDOR,
            'driver_version': version.version_string(),
            'storage_protocol': 'NFS',
            'thin_provisioning': True,
            'snapshot_support': independent,
            'create_share_from_snapshot_support': independent and (
                self._made is None or self._made.site.copies),
            'revert_to_snapshot_support': independent,
            # Whoever mounts a share sees its snapshots, so that they cannot
            # have rules of their own.
            'mount_snapshot_support': False}

    def _update_share_stats(self, data: Any = None) -> None:
        try:
            super()._update_share_stats(self._backend.capacity.read())
        finally:
            # This is called every so often, also while nothing else happens.
            self._backend.exports.catch_up()

    @driver.operation(periodic=True)
    def update_share_usage_size(self, context: Any, shares: Any,
                                **kwargs: Any) -> list[dict[str, Any]]:
        """Used GiB of the shares that GPFS knows."""
        return self._usage(shares, self._backend.shares.usage(), 'name')

    # -- shares ----------------------------------------------------------

    def _create(self, share: model.Share, row: Any) -> list[dict[str, Any]]:
        return self._backend.shares.create(share, self.extra_specs(row))

    def _clone(self, share: model.Share, snapshot: snapshots.Place,
               row: Any) -> dict[str, Any]:
        return self._backend.copying.create(share, snapshot,
                                            self.extra_specs(row))

    @driver.operation
    def get_share_status(self, share: Any, share_server: Any = None,
                         **kwargs: Any) -> dict[str, Any]:
        value = model.Share.of(share)
        with self._alone(value):
            return self._backend.copying.status(value,
                                                self.extra_specs(share))

    @driver.operation
    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> None:
        """Remove a share; what is gone already is passed over."""
        value = model.Share.of(share)
        with self._owed.leaving(value.id), self._alone(value):
            self._backend.shares.delete(value)

    # -- access ----------------------------------------------------------

    def _set_rules(self, share: model.Share, rules: Sequence[access.Rule],
                   row: Any) -> Mapping[str, str]:
        backend, specs = self._backend, self.extra_specs(row)
        with self._alone(share):
            return backend.exports.update(
                share, backend.settings.path(share.name), rules, specs)

    @driver.operation
    def allow_access(self, context: Any, share: Any, access: Any,
                     share_server: Any = None, **kwargs: Any) -> None:
        """Add one rule, and leave the others as servers have them.

        Manila says what all rules are instead, which :meth:`update_access`
        takes.
        """
        value, backend = model.Share.of(share), self._backend
        with self._alone(value):
            backend.exports.opening(value)
            backend.helper.allow_access(backend.settings.path(value.name),
                                        share, access)

    @driver.operation
    def deny_access(self, context: Any, share: Any, access: Any,
                    share_server: Any = None, **kwargs: Any) -> None:
        """Take one rule away; one that never was is passed over."""
        value, backend = model.Share.of(share), self._backend
        with self._alone(value):
            backend.helper.deny_access(backend.settings.path(value.name),
                                       share, access)

    # -- snapshots -------------------------------------------------------

    def _snapshot(self, row: Any, parent: Any = None) -> snapshots.Place:
        """Which snapshot of which fileset a row is about."""
        name = row.get('share_name')
        if not name and parent is not None:
            name = parent.get('name')
        return snapshots.Place.of(model.Snapshot.of(row), str(name or ''))

    @driver.operation
    def revert_to_snapshot(self, context: Any, snapshot: Any,
                           share_access_rules: Any,
                           snapshot_access_rules: Any = None,
                           share_server: Any = None, **kwargs: Any) -> None:
        """Bring a share back to what it was, with the snapshot's size."""
        row = snapshot.get('share') or snapshot.get('share_instance')
        share = model.Share.of(row)
        size = model.Snapshot.of(snapshot).size or share.size or 1
        specs = self.extra_specs(row)
        with self._alone(share):
            self._backend.snapshots.revert(
                share, self._snapshot(snapshot), size,
                access.rules_of(share_access_rules), specs)
        self._owed.resized(share.id, size)

    # -- manage ----------------------------------------------------------

    @driver.operation
    def manage_existing(self, share: Any, driver_options: Any,
                        **kwargs: Any) -> dict[str, Any]:
        """Take over a fileset that nobody can reach at the moment."""
        return self._backend.managing.manage(
            model.Share.of(share), driver_options or {},
            self.extra_specs(share))

    @driver.operation
    def unmanage(self, share: Any, **kwargs: Any) -> None:
        value = model.Share.of(share)
        with self._owed.leaving(value.id):
            self._backend.managing.unmanage(value)

    @driver.operation
    def manage_existing_snapshot(self, snapshot: Any, driver_options: Any,
                                 **kwargs: Any) -> dict[str, Any]:
        row = snapshot.get('share_instance') or snapshot.get('share') or {}
        place = self._snapshot(snapshot)
        return {**self._backend.snapshots.manage(
                    place, str(snapshot.get('share_name') or place.fileset)),
                'size': model.Share.of(row).size or 1}


def _lock_name(ident: str) -> str:
    return f'gpfs-{ident}'
