# SPDX-License-Identifier: Apache-2.0

"""Volumes, servers and what serves shares on them, wired together."""

from collections.abc import Callable
import time
from typing import Any

from oslo_config import cfg
from requests import adapters

from manila_drivers import version
from manila_drivers.generic import access
from manila_drivers.generic import adoption
from manila_drivers.generic import checks
from manila_drivers.generic import client
from manila_drivers.generic import executor
from manila_drivers.generic import health
from manila_drivers.generic import hosts
from manila_drivers.generic import inventory
from manila_drivers.generic import inventory_servers
from manila_drivers.generic import notes
from manila_drivers.generic import privileges
from manila_drivers.generic import servers
from manila_drivers.generic import settings
from manila_drivers.generic import shares
from manila_drivers.generic import snapshots
from manila_drivers.generic import stats
from manila_drivers.generic import supplies
from manila_drivers.openstack import cloud
from manila_drivers.service_instance import manager
from manila_drivers.transport import local
from manila_drivers.transport import script
from manila_drivers.transport import ssh

DRIVER_VERSION = '1.0'


class GenericBackend:
    """The parts of the driver below the class that Manila sees.

    Making one does no I/O.

    :param configuration: the section of the backend.
    :param conf: that has the sections of the services.
    :param lock: makes a lock by its name, for all hosts of the backend.
    :param private_storage: Manila's.
    :param root_helper: what goes before commands as root on this host.
    :param cloud_adapter: how requests travel, for a simulator.
    :param make_runner: makes what runs commands on a service instance.
    :param host_runner: runs commands on this host.
    :param now: seconds since 1970.
    """

    def __init__(self, chosen: settings.GenericSettings, configuration: Any,
                 conf: cfg.ConfigOpts, *, lock: notes.Lock,
                 private_storage: Any = None, root_helper: str = '',
                 cloud_adapter: adapters.BaseAdapter | None = None,
                 make_runner: Callable[[ssh.Target], script.Runner]
                 | None = None,
                 host_runner: script.Runner | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 now: Callable[[], float] = time.time) -> None:
        self.settings = chosen
        self.cloud = cloud.Cloud(conf, adapter=cloud_adapter, clock=clock,
                                 sleep=sleep)
        self.manager = manager.ServiceInstanceManager(
            configuration, cloud=self.cloud, make_runner=make_runner,
            lock=lock, clock=clock, sleep=sleep,
            execute=host_runner or local.Local(root_helper),
            private_storage=private_storage)
        self.notes = notes.GenericNotes(private_storage)
        self.volumes = client.VolumeClient(self.cloud, chosen, clock=clock,
                                           sleep=sleep)
        self.hosts = hosts.ServiceHosts(self.manager, chosen, lock,
                                        clock=clock, sleep=sleep)
        self.executor = executor.GenericExecutor(self.volumes, self.hosts,
                                                 self.notes, chosen)
        parts = self.volumes, self.hosts, self.executor, self.notes
        self.shares = shares.GenericShares(*parts, lock)
        self.access = access.GenericAccess(*parts, lock)
        self.snapshots = snapshots.GenericSnapshots(
            *parts, lock, self.shares, self.access.update, now)
        self.health = health.GenericHealth(*parts, lock)
        self.adoption = adoption.GenericAdoption(*parts, lock)
        self.inventory = inventory.GenericInventory(
            self.volumes, self.hosts, self.notes)
        if chosen.handles_servers:
            self.inventory = inventory_servers.ServersInventory(
                self.volumes, self.hosts, self.notes, section=str(
                    getattr(configuration, 'config_group', '')))
        self.servers = servers.GenericServers(self.manager, self.volumes,
                                              self.notes)
        self.stats = stats.GenericStats(self.cloud, chosen)

    def close(self) -> None:
        self.manager.close()
        self.cloud.close()

    def check(self) -> None:
        """See :func:`manila_drivers.generic.checks.check`."""
        checks.check(self.cloud, self.manager, self.hosts, self.settings)

    def probes(self) -> tuple[privileges.Probe, list[privileges.Probe]]:
        """Return the look without which there is none, and the others."""
        made = self.manager.settings
        needed = supplies.Supplies(self.cloud, self.settings, made.instances,
                                   made.network)
        looks = [*needed.probes(), *self.manager.looks()]
        return privileges.Privileges(
            self.cloud, servers=self.settings.handles_servers).probes(
                self.check, looks)

    def info(self) -> dict[str, str]:
        """Return what shares and their export locations depend on, as text.

        Manila checks all shares when this differs from what it was.
        """
        chosen = self.settings
        return {'driver_version': DRIVER_VERSION,
                'library_version': version.version_string(),
                'share_servers': str(chosen.handles_servers),
                'mount_path': chosen.root,
                'helpers': ','.join('%s=%s' % one for one
                                    in sorted(chosen.helpers.items())),
                'addresses': self.hosts.configured()}
