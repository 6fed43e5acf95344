# SPDX-License-Identifier: Apache-2.0

"""A simulated GlusterFS cluster, with the section of a driver that uses it.

The driver logs in to the cluster's server over SSH.  Volumes are emptied
through mounts on the Manila host, whose programs are simulated as well.
"""

from collections.abc import Mapping
import pathlib
from typing import Self

from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends.door import Make
from manila_drivers.testing.backends.door import SshCluster
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import programs
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gluster import shell

DRIVER = ('manila_drivers.glusterfs.glusterfs_native.'
          'GlusterfsNativeShareDriver')
SERVER = '127.0.0.1'
PATTERN = r'manila-volume-\d+$'
# Volumes of the pool, and what each holds: enough for shares that grow.
VOLUMES = 8
SIZE = 10 * storage.GIB

# What the driver asks every period, whatever else happens.
_PERIODIC = frozenset({'volume info 0'})


class Cluster(SshCluster):
    """A simulated cluster behind SSH.

    :param sim: the cluster; else a new one with a pool of volumes.
    :param door: makes what the driver logs in to.
    :param pattern: names of the pool's volumes.
    """

    def __init__(self, sim: gluster.GlusterSim | None = None,
                 door: Make = ssh.SshServer, *,
                 pattern: str = PATTERN, known_hosts: str | None = None,
                 more: Mapping[str, object] | None = None) -> None:
        self.sim = sim or new()
        self._pattern = pattern
        super().__init__(door({SERVER: shell.host(self.sim)}), SERVER,
                         known_hosts, more)
        self._host = programs.Programs(
            gluster.ManilaHost({SERVER: self.sim}),
            self._directory / 'programs', gluster.MANILA_HOST)

    def __enter__(self) -> Self:
        self._host.start()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        self._host.close()
        super().__exit__()

    @property
    def remarks(self) -> list[str]:
        return ['# Volumes are emptied through mounts on the Manila host. Put',
                "# this cluster's programs first on the PATH of its service.",
                f'# manila-share: {self._host.directory}']

    @property
    def programs(self) -> list[pathlib.Path]:
        return [self._host.directory]

    def options(self, driver: str = DRIVER, **more: object
                ) -> dict[str, object]:
        """A backend section of manila.conf that uses this cluster."""
        return {
            'share_driver': driver,
            'glusterfs_servers': '%s@%s' % (self.ssh.user, SERVER),
            'glusterfs_path_to_private_key': self.ssh.key_file,
            'glusterfs_server_password': self.ssh.password,
            'glusterfs_ssh_port': self.ssh.port,
            'glusterfs_known_hosts': self._known_hosts,
            'glusterfs_volume_pattern': self._pattern,
            'glusterfs_mount_point_base': self._directory / 'mnt',
            'glusterfs_quota': True,
            **self._more, **more}

    # Storage

    def mark(self) -> int:
        return self.sim.calls

    def _since(self, mark: int) -> 'list[gluster.sim.Entry]':
        new = self.sim.calls - mark
        return list(self.sim.log[-new:]) if new else []

    def requests(self, mark: int) -> list[str]:
        return [f'{entry.label} {entry.status}'
                for entry in self._since(mark)]

    def asked(self, mark: int) -> list[str]:
        told = [_told(entry) for entry in self._since(mark)]
        return [line for line in told if line not in _PERIODIC]

    def level(self, client: str, export: str) -> str | None:
        return self.sim.can_mount(client, _volume(export))

    def inventory(self) -> frozenset[Item]:
        found: set[Item] = set(self.sim.inventory())
        for kind, name in self.sim.inventory():
            volume = self.sim.volume(name) if kind == 'volume' else None
            if volume is not None:
                owner = volume.options.get('user.manila-share', 'NONE')
                found.add(('owner', name, owner))
                found.update(('file', name, path) for path in volume.files)
        return frozenset(found)

    def limit(self, export: str) -> int | None:
        volume = self.sim.volume(_volume(export))
        return volume.limit if volume else None

    def fill(self, export: str, used: int) -> None:
        self.sim.write(_volume(export), '/data', used)

    def used(self, export: str) -> int | None:
        volume = self.sim.volume(_volume(export))
        return volume.used if volume else None


def new() -> gluster.GlusterSim:
    """Return a cluster with a pool of volumes."""
    sim = gluster.GlusterSim()
    for number in range(VOLUMES):
        sim.make_volume('manila-volume-%d' % number, size=SIZE)
    return sim


def _told(entry: 'gluster.sim.Entry') -> str:
    """'volume set 0', of a line of the simulator's log."""
    words = [word for word in entry.label.split()[1:]
             if not word.startswith('--')]
    kept = words[:3 if words[:2] == ['volume', 'quota'] else 2]
    end = entry.fault if entry.status is None else entry.status
    return '%s %s' % (' '.join(kept) or 'several commands', end)


def _volume(export: str) -> str:
    return export.partition(':/')[2]
