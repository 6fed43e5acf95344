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

"""The GPFS driver: the class that Manila loads.

It speaks Manila's rows, dictionaries and method names, and leaves all else
to ``manila_drivers.ibm.gpfs.backend``.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
import logging
import time
from typing import Any

from manila_drivers import access
from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import model
from manila_drivers import version
from manila_drivers.ibm.gpfs import backend as backend_module
from manila_drivers.ibm.gpfs import execute as execute_module
from manila_drivers.ibm.gpfs import opts
from manila_drivers.ibm.gpfs import settings
from manila_drivers.ibm.gpfs import snapshots

LOG = logging.getLogger(__name__)

# Seconds to wait for another call about the same share.
_PATIENCE = 600.0


class GPFSShareDriver(driver.ExecuteMixin, driver.GaneshaMixin,
                      driver.ShareDriver):
    """NFS shares in an IBM Storage Scale (GPFS) file system.

    A share is a fileset of the share's name with a quota, linked below
    ``gpfs_mount_point_base``; a snapshot is one of the fileset.  What
    exports them is a helper that ``gpfs_nfs_server_type`` chooses.

    :param make_runner: makes what runs commands on a host; a simulator may
        be put here.
    :param clock: monotonic seconds.
    """

    VENDOR = 'IBM'

    def __init__(self, *args: Any,
                 make_runner: execute_module.MakeRunner | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 **kwargs: Any) -> None:
        super().__init__(False, *args, config_opts=[opts.GPFS_OPTS],
                         **kwargs)
        # Manila would otherwise drop IPv6 rules before they get here and
        # show them as active.
        self.ipv6_implemented = True
        self._make_runner = make_runner
        self._clock = clock
        self._made: backend_module.Backend | None = None

    @property
    def _backend(self) -> backend_module.Backend:
        return driver.set_up(self._made)

    def _alone(self, share: model.Share) -> AbstractContextManager[None]:
        """Keep everybody else from changing who may reach a share."""
        return self.lock(_lock_name(share.id), timeout=_PATIENCE)

    def _alone_at_once(self, ident: str) -> AbstractContextManager[None]:
        return self.lock(_lock_name(ident), timeout=0.0)

    # -- start -----------------------------------------------------------

    @driver.operation
    def do_setup(self, context: Any, **kwargs: Any) -> None:
        """Read the options; may be called again after a failure."""
        before, self._made = self._made, None
        if before is not None:
            before.close()
        self._made = backend_module.Backend(
            settings.read(self.configuration, self.backend_name),
            self.configuration,
            self.option('root_helper') or compat.root_helper(),
            make_runner=self._make_runner, clock=self._clock,
            alone=self._alone_at_once, private_storage=self.private_storage)

    @driver.operation
    def check_for_setup_error(self, **kwargs: Any) -> None:
        """Look at everything the driver depends on.

        Raises one clear error for each misconfiguration, naming the option.
        """
        self._backend.check()

    def _ensure_shares(self, context: Any,
                       shares: Any) -> dict[str, dict[str, Any]]:
        rows = {share['id']: share for share in shares}
        return self._backend.ensuring.ensure(
            map(model.Share.of, shares),
            lambda share: self.extra_specs(rows[share.id]))

    @driver.operation
    def get_backend_info(self, context: Any, **kwargs: Any) -> dict[str, str]:
        return self._backend.info()

    def get_network_allocations_number(self) -> int:
        return 0

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
            'ipv4_support': True, 'ipv6_support': True,
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

    @driver.operation
    def create_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> list[dict[str, Any]]:
        """Make a share that nobody can reach yet.

        A repeated call finds what an earlier one made.
        """
        return self._backend.shares.create(model.Share.of(share),
                                           self.extra_specs(share))

    @driver.operation
    def create_share_from_snapshot(self, context: Any, share: Any,
                                   snapshot: Any, share_server: Any = None,
                                   parent_share: Any = None,
                                   **kwargs: Any) -> dict[str, Any]:
        """Begin a share with a snapshot's content; copied meanwhile."""
        return self._backend.copying.create(
            model.Share.of(share), _place(snapshot, parent_share),
            self.extra_specs(share))

    @driver.operation
    def get_share_status(self, share: Any, share_server: Any = None,
                         **kwargs: Any) -> dict[str, Any]:
        return self._backend.copying.status(model.Share.of(share))

    @driver.operation
    def delete_share(self, context: Any, share: Any, share_server: Any = None,
                     **kwargs: Any) -> None:
        """Remove a share; what is gone already is passed over."""
        value = model.Share.of(share)
        with self._alone(value):
            self._backend.shares.delete(value)

    @driver.operation
    def extend_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._backend.shares.resize(model.Share.of(share), int(new_size),
                                    shrink=False)

    @driver.operation
    def shrink_share(self, share: Any, new_size: int,
                     share_server: Any = None, **kwargs: Any) -> None:
        self._backend.shares.resize(model.Share.of(share), int(new_size),
                                    shrink=True)

    # -- access ----------------------------------------------------------

    @driver.operation
    def update_access(self, context: Any, share: Any, access_rules: Any,
                      add_rules: Any = None, delete_rules: Any = None,
                      update_rules: Any = None, share_server: Any = None,
                      **kwargs: Any) -> dict[str, dict[str, str]]:
        """Make access exactly what ``access_rules`` says.

        The other lists say what has changed, which is not needed to know:
        a rule that is in none of them may still be missing on a server.
        """
        value = model.Share.of(share)
        backend = self._backend
        specs = self.extra_specs(share)
        with self._alone(value):
            errors = backend.exports.update(
                value, backend.settings.path(value.name),
                access.rules_of(access_rules), specs)
        return self._rule_states(context, share, errors)

    @driver.operation
    def allow_access(self, context: Any, share: Any, access: Any,
                     share_server: Any = None, **kwargs: Any) -> None:
        """Add one rule, and leave the others as servers have them.

        Manila says what all rules are instead, which :meth:`update_access`
        takes.
        """
        value, backend = model.Share.of(share), self._backend
        with self._alone(value):
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

    @driver.operation
    def create_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None,
                        **kwargs: Any) -> dict[str, Any]:
        return self._backend.snapshots.create(_place(snapshot))

    @driver.operation
    def delete_snapshot(self, context: Any, snapshot: Any,
                        share_server: Any = None, **kwargs: Any) -> None:
        self._backend.snapshots.delete(_place(snapshot))

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
                share, _place(snapshot), size,
                access.rules_of(share_access_rules), specs)

    # -- manage ----------------------------------------------------------

    @driver.operation
    def manage_existing(self, share: Any, driver_options: Any,
                        **kwargs: Any) -> dict[str, Any]:
        """Take over a fileset that nobody can reach at the moment."""
        return self._backend.managing.manage(model.Share.of(share),
                                             driver_options or {})

    @driver.operation
    def unmanage(self, share: Any, **kwargs: Any) -> None:
        self._backend.managing.unmanage(model.Share.of(share))

    @driver.operation
    def manage_existing_snapshot(self, snapshot: Any, driver_options: Any,
                                 **kwargs: Any) -> dict[str, Any]:
        row = snapshot.get('share_instance') or snapshot.get('share') or {}
        place = _place(snapshot)
        return {**self._backend.snapshots.manage(
                    place, str(snapshot.get('share_name') or place.fileset)),
                'size': model.Share.of(row).size or 1}

    @driver.operation
    def unmanage_snapshot(self, snapshot: Any, **kwargs: Any) -> None:
        """Leave everything as it is: snapshots have no mark of ours."""


def _lock_name(ident: str) -> str:
    return f'gpfs-{ident}'


def _place(row: Any, parent: Any = None) -> snapshots.Place:
    """Which snapshot of which fileset a row is about.

    :param parent: the share it is of, which may come separately.
    """
    name = row.get('share_name')
    if not name and parent is not None:
        name = parent.get('name')
    return snapshots.Place.of(model.Snapshot.of(row), str(name or ''))
