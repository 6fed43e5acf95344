# SPDX-License-Identifier: Apache-2.0

"""One backend: its parts, put together."""

from collections.abc import Callable
import functools
import importlib
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import unseen
from manila_drivers import version
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import adoption
from manila_drivers.ibm.gpfs import checks
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import cloning
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import health
from manila_drivers.ibm.gpfs import inventory
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import privileges
from manila_drivers.ibm.gpfs import restoring
from manila_drivers.ibm.gpfs import settings
from manila_drivers.ibm.gpfs import shares
from manila_drivers.ibm.gpfs import snapshots
from manila_drivers.ibm.gpfs import stats
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.ibm.gpfs.helpers import ces
from manila_drivers.nas import pending


class GpfsBackend:
    """Everything that operations need; connects when it is first used."""

    def __init__(self, settings: settings.GpfsSettings, configuration: Any,
                 root_helper: str, *, lock: access.Lock,
                 private_storage: Any = None,
                 make_runner: execute.MakeRunner | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.execute = execute.Execute(settings, root_helper, make_runner,
                                       clock, sleep)
        self.cluster = cluster.GpfsCluster(settings, self.execute)
        self.client = client.GpfsClient(self.cluster, self.execute)
        self.unseen = unseen.Unseen(settings.backend, clock)
        self.helper = load_helper(settings, self.execute, configuration)
        self.helper.names = self.cluster.names
        if isinstance(self.helper, ces.CESHelper):
            self.helper.here = self.cluster.here
        restores = restoring.RestoreService(self.client, private_storage,
                                            clock, sleep)
        changes = pending.PendingChanges(private_storage, 'gpfs',
                                         settings.backend)
        self.pending_changes = changes.counts
        self.access = access.AccessService(
            self.helper, functools.partial(paths.share_path, settings.base),
            changes, lock, pending.Unreached(private_storage, 'gpfs'),
            restores.require_ended, self.unseen,
            pending.GivenAccess(private_storage, 'gpfs'))
        steps = executor.GpfsExecutor(self.client)
        parts = (self.client, steps, self.access,
                 known.GivenSizes(private_storage))
        self.shares = shares.ShareService(*parts)
        clones = cloning.CloneService(self.client, steps, self.shares, clock)
        self.snapshots = snapshots.SnapshotService(*parts, clones, restores)
        self.adoption = adoption.AdoptionService(*parts)
        self.health = health.HealthService(*parts)
        self.inventory = inventory.GpfsInventory(self.client, self.access)
        self.stats = stats.StatsService(self.client, clock)

    def check(self) -> None:
        checks.check(self.client, self.helper)

    def check_options(self) -> None:
        """Read what the settings leave to the kind of NFS servers.

        :raises ConfigurationError: an option is refused.
        """
        self.helper.check_options()

    def probes(self) -> tuple[privileges.Probe, list[privileges.Probe]]:
        """Return the look without which there is none, and the others.

        Whoever logs in as root, and whoever needs no login, may do all.
        """
        given = self.settings
        if given.local or not given.sudo or given.login is None \
                or given.login.user == 'root':
            return self.check, []
        rights = privileges.Privileges(self.execute, given.servers)
        look, others = rights.probes(self.check)

        def gate() -> None:
            with checks.reaching():
                look()
        return gate, others

    def server_times(self) -> dict[str, Callable[[], str]]:
        """Return what asks each management host for its seconds since 1970."""
        asked = self.client.make.look('date', '+%s', root=False)

        def ask(host: str) -> str:
            answer, = self.execute.ask_one(host, [asked])
            return answer.stdout.strip()
        return {host: functools.partial(ask, host)
                for host in self.execute.hosts}

    def info(self) -> dict[str, str]:
        """Return the values whose change has all shares checked.

        A server that was restarted may have forgotten exports.
        """
        settings = self.settings
        return {
            'driver_version': version.version_string(),
            'addresses': ' '.join(self.cluster.addresses),
            'base': settings.base, 'filesystem': settings.filesystem,
            'server_type': settings.server_type,
            'mode': settings.mode, 'owner': settings.owner,
            # Servers that missed something may be back.
            'arrears': self.access.arrears,
            **{f'boot of {server}': boot
               for server, boot in sorted(self.helper.boots().items())}}

    def close(self) -> None:
        self.execute.close()


def load_helper(settings: settings.GpfsSettings,
                execute: execute.Execute, configuration: Any,
                ) -> 'base.NASHelperBase[Any]':
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
            kind, base.NASHelperBase):
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
    made: base.NASHelperBase[Any] = kind(execute, configuration)
    return made
