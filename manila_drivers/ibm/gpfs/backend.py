# SPDX-License-Identifier: Apache-2.0

"""One backend: its parts, put together."""

from collections.abc import Callable
import importlib
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import version
from manila_drivers.ibm.gpfs import capacity
from manila_drivers.ibm.gpfs import ces
from manila_drivers.ibm.gpfs import checks
from manila_drivers.ibm.gpfs import copying
from manila_drivers.ibm.gpfs import debts
from manila_drivers.ibm.gpfs import execute as execute_module
from manila_drivers.ibm.gpfs import exporting
from manila_drivers.ibm.gpfs import health
from manila_drivers.ibm.gpfs import helper as helper_module
from manila_drivers.ibm.gpfs import managing
from manila_drivers.ibm.gpfs import restoring
from manila_drivers.ibm.gpfs import settings as settings_module
from manila_drivers.ibm.gpfs import shares
from manila_drivers.ibm.gpfs import site
from manila_drivers.ibm.gpfs import snapshots
from manila_drivers.ibm.gpfs import unreached


class Backend:
    """Everything that operations need; connects when it is first used."""

    def __init__(self, settings: settings_module.Settings,
                 configuration: Any, root_helper: str, *,
                 make_runner: execute_module.MakeRunner | None,
                 clock: Callable[[], float], alone: exporting.Alone,
                 private_storage: Any = None,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.execute = execute_module.Execute(
            settings, root_helper, make_runner, clock, sleep)
        self.site = site.Site(settings, self.execute)
        self.helper = load_helper(settings, self.execute, configuration)
        if isinstance(self.helper, ces.CESHelper):
            self.helper.here = self.site.here
        self.exports = exporting.Exporting(
            self.helper, debts.Debts(private_storage, settings.backend), alone,
            unreached.Unreached(private_storage))
        self.shares = shares.Shares(self.site, self.exports)
        restores = restoring.Restoring(self.site, private_storage, clock,
                                       sleep)
        self.exports.may_open = restores.require_ended
        self.snapshots = snapshots.Snapshots(self.site, self.exports,
                                             restores)
        self.copying = copying.Copying(self.site, self.shares,
                                       self.snapshots, clock)
        self.shares.end_copy = self.copying.stop
        self.managing = managing.Managing(self.site, self.exports)
        self.health = health.HealthService(self.site, self.exports)
        self.capacity = capacity.Capacity(self.site, clock)

    def check(self) -> None:
        checks.check(self.site, self.helper)

    def info(self) -> dict[str, str]:
        """What, if it changes, has all shares checked.

        A server that was restarted may have forgotten exports.
        """
        settings = self.settings
        return {
            'driver_version': version.version_string(),
            'addresses': ' '.join(self.site.addresses),
            'base': settings.base, 'filesystem': settings.filesystem,
            'server_type': settings.server_type,
            'mode': settings.mode, 'owner': settings.owner,
            # Servers that missed something may be back.
            'arrears': self.exports.arrears,
            **{f'boot of {server}': boot
               for server, boot in sorted(self.helper.boots().items())}}

    def close(self) -> None:
        self.execute.close()


def load_helper(settings: settings_module.Settings,
                execute: execute_module.Execute, configuration: Any,
                ) -> 'helper_module.NASHelperBase[Any]':
    """Make the helper of the configured type, and no other.

    :raises ConfigurationError: there is no such class.
    """
    module, _, name = settings.helper.rpartition('.')
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as exc:
        raise exception.ConfigurationError(
            'gpfs_share_helpers', f'{settings.helper!r}, the class for '
            f'{settings.server_type}, cannot be imported',
            answer=str(exc)) from exc
    if not isinstance(kind, type) or not issubclass(
            kind, helper_module.NASHelperBase):
        raise exception.ConfigurationError(
            'gpfs_share_helpers', f'{settings.helper} is not derived from '
            f'manila_drivers.ibm.gpfs.NASHelperBase')
    missing = sorted(getattr(kind, '__abstractmethods__', ()))
    if missing:
        raise exception.ConfigurationError(
            'gpfs_share_helpers', f'{settings.helper} lacks methods of '
            f'NASHelperBase: {", ".join(missing)}',
            check='one that was written for the driver of Manila has to be '
            'written anew')
    made: helper_module.NASHelperBase[Any] = kind(execute, configuration)
    return made
