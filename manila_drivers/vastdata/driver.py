# SPDX-License-Identifier: Apache-2.0

"""The VAST driver: the class that Manila loads.

It speaks Manila's rows, dictionaries and method names, and leaves all else
to ``manila_drivers.vastdata.backend``.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
import time
from typing import Any

from manila_drivers import access
from manila_drivers import backed
from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import backend as backend_module
from manila_drivers.vastdata import opts
from manila_drivers.vastdata import settings

LOG = logging.getLogger(__name__)


class VASTShareDriver(backed.BackedShareDriver[backend_module.Backend]):
    """NFS shares on a VAST cluster, through its management service (VMS).

    A share is a view, a view policy and a quota, all named by the share
    instance's id, and the directory ``<vast_root_export>/manila-<id>``.  The
    policy is the share's own: it admits exactly whom the rules admit, and
    nobody before the first one.

    :param adapter: how requests travel; a simulator may be put here.
    :param clock: monotonic seconds, and ``sleep`` waits for that many.
    """

    VENDOR = 'VAST STORAGE'
    trusting = {'vast_ssl_cert_verify': (
        False, ('the certificate of VMS is not verified, so that whoever '
        'answers in its place gets the password. Check: vast_ssl_cert_path'))}
    DRIVER_VERSION = backend_module.DRIVER_VERSION

    def __init__(self, *args: Any, adapter: Any = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 **kwargs: Any) -> None:
        super().__init__(False, *args, config_opts=[opts.VAST_OPTS],
                         **kwargs)
        # Manila would otherwise drop IPv6 rules before they get here and
        # show them as active.  Refusing them is update_access's business.
        self.ipv6_implemented = True
        self._wiring = {'adapter': adapter, 'clock': clock, 'sleep': sleep}

    def get_configured_ip_versions(self) -> list[int]:
        return [4, 6] if self.option('vast_ipv6_access_rules') else [4]

    # -- start -----------------------------------------------------------

    def _make_backend(self) -> backend_module.Backend:
        return backend_module.Backend(
            settings.read(self.configuration, self.backend_name), self.lock,
            private_storage=self.private_storage, **self._wiring)

    def _ensure_shares(self, context: Any,
                       shares: Any) -> dict[str, dict[str, Any]]:
        specs: dict[str, dict[str, str] | None] = {}
        wanted = []
        for row in shares:
            share = model.Share.of(row)
            kind = share.share_type_id
            if kind not in specs:
                specs[kind] = self._readable_specs(row)
            wanted.append((share, specs[kind]))
        return self._backend.health.ensure(wanted)

    # -- statistics ------------------------------------------------------

    def _static_stats(self) -> dict[str, Any]:
        inherits = compat.supports('snapshot_inherit_share_access')
        return {
            'vendor_name': self.VENDOR,
            'driver_version': self.DRIVER_VERSION,
            'storage_protocol': 'NFS',
            'thin_provisioning': True,
            'snapshot_support': True,
            'create_share_from_snapshot_support': True,
            'revert_to_snapshot_support': False,
            # Whoever mounts a share sees its snapshots, so that they cannot
            # have rules of their own: true only where Manila knows of that.
            'mount_snapshot_support': inherits,
            'snapshot_inherit_share_access_support': inherits}

    def _update_share_stats(self, data: Any = None) -> None:
        super()._update_share_stats(self._backend.stats.read())

    @driver.operation(periodic=True)
    def update_share_usage_size(self, context: Any, shares: Any,
                                **kwargs: Any) -> list[dict[str, Any]]:
        """Used GiB of the shares that VMS knows."""
        used = self._backend.shares.usage()
        return self._usage(shares, {
            ident: size / model.GiB for ident, size in used.items()})

    # -- shares ----------------------------------------------------------

    def _create(self, share: model.Share, row: Any) -> list[dict[str, Any]]:
        return self._backend.shares.create(share, self.extra_specs(row))

    def _clone(self, share: model.Share, snapshot: model.Snapshot,
               row: Any) -> dict[str, Any]:
        return self._backend.snapshots.create_share(share, snapshot,
                                                    self.extra_specs(row))

    def _set_rules(self, share: model.Share, rules: Sequence[access.Rule],
                   row: Any) -> Mapping[str, str]:
        return self._backend.shares.update_access(share, rules,
                                                  self._readable_specs(row))

    def _readable_specs(self, row: Any) -> dict[str, str] | None:
        """Extra specs of a share that exists, None if they cannot be read.

        Neither access nor a repair may hang on its type.
        """
        specs, error = exception.caught_any(lambda: self.extra_specs(row))
        if error is not None:
            LOG.warning('Backend %s: the extra specs of share %s cannot be '
                        'read: %s', self.backend_name, row.get('id'), error)
        return specs

    # -- snapshots -------------------------------------------------------

    @driver.operation
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

    # -- manage ----------------------------------------------------------

    @driver.operation
    def manage_existing(self, share: Any, driver_options: Any,
                        **kwargs: Any) -> dict[str, Any]:
        """Take over an export; its clients keep access until rules come."""
        backend = self._backend
        return backend.adoption.manage(
            model.Share.of(share), driver_options or {},
            backend.shares.closed(self.extra_specs(share)))

    @driver.operation
    def unmanage(self, share: Any, **kwargs: Any) -> None:
        """Leave everything as it is, names included."""
        value = model.Share.of(share)
        self._owed.forget(value.id)
        self._backend.shares.granted.forget(value.id)
