# SPDX-License-Identifier: Apache-2.0

"""A simulated Storage Scale cluster, with the section of a driver for it.

The driver logs in to a node of the cluster, and for KNFS and GNFS to two NFS
servers beside it: all over SSH, each at a loopback address of its own.
"""

from collections.abc import Callable
from collections.abc import Mapping

from manila_drivers.testing.backends.door import Make
from manila_drivers.testing.backends.door import SshCluster
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.gpfs import shell

DRIVER = 'manila_drivers.ibm.gpfs.GPFSShareDriver'
NODE = '127.0.0.1'
SERVERS = ('127.0.0.2', '127.0.0.3')
BASE = '/gpfs0/shares'
# Long enough for Manila to ask how far a copy is.
COPY_SECONDS = 1.5

KINDS: Mapping[str, Callable[[str], nfs.Server] | None] = {
    'CES': None, 'KNFS': nfs.KernelNfs, 'GNFS': nfs.Ganesha}


class Cluster(SshCluster):
    """A simulated cluster behind SSH.

    :param kind: ``CES``, ``KNFS`` or ``GNFS``
    :param sim: the cluster; else a new one.
    :param door: makes what the driver logs in to.
    """

    def __init__(self, kind: str = 'CES', sim: gpfs.GpfsSim | None = None,
                 door: Make = ssh.SshServer, *,
                 known_hosts: str | None = None,
                 more: Mapping[str, object] | None = None) -> None:
        self.kind = kind
        if sim is None:
            sim = gpfs.GpfsSim(base=BASE)
            sim.options.copy_seconds = COPY_SECONDS
        self.sim = sim
        make = KINDS[kind]
        if make is not None:
            for address in SERVERS:
                self.sim.servers[address] = make(address)
        super().__init__(door({
            address: shell.host(gpfs.SimHost(
                self.sim, address if address in self.sim.servers else ''))
            for address in (NODE, *self.sim.servers)}), NODE, known_hosts,
            more)

    def options(self, driver: str = DRIVER, **more: object
                ) -> dict[str, object]:
        """A backend section of manila.conf that uses this cluster."""
        return {
            'share_driver': driver,
            'gpfs_share_export_ip': NODE,
            'gpfs_mount_point_base': self.sim.base,
            'gpfs_nfs_server_type': self.kind,
            'gpfs_nfs_server_list': ','.join(self.sim.servers) or None,
            'gpfs_ssh_login': self.ssh.user,
            'gpfs_ssh_use_sudo': True,
            'gpfs_ssh_private_key': self.ssh.key_file,
            'gpfs_ssh_password': self.ssh.password,
            'gpfs_ssh_port': self.ssh.port,
            'gpfs_ssh_known_hosts': self._known_hosts,
            **self._more, **more}

    # Storage

    def mark(self) -> int:
        return len(self.sim.log)

    def requests(self, mark: int) -> list[str]:
        with self.sim.lock:
            return [f'{entry.host or NODE}: {entry.name} {entry.status}'
                    for entry in self.sim.log[mark:]]

    def asked(self, mark: int) -> list[str]:
        return ['%s %d' % (entry.name, entry.status)
                for entry in self.sim.log[mark:]
                if entry.name.startswith('mm')]

    def level(self, client: str, export: str) -> str | None:
        """Return a client's level; where servers differ, what each says."""
        path = _path(export)
        if not self.sim.servers:
            return self.sim.can_mount(client, path)
        if self.sim.kind(path) != 'directory':
            return None
        found = {server.access(client, path)
                 for server in self.sim.servers.values()}
        return found.pop() if len(found) == 1 else str(found)

    def inventory(self) -> frozenset[Item]:
        with self.sim.lock:
            state = self.sim.state
            found: set[Item] = {('export', path) for path in state.exports}
            for name, fileset in state.filesets.items():
                found.add(('fileset', name, fileset.path))
                found.update(('snapshot', name, snapshot)
                             for snapshot in fileset.snapshots)
            found.update(('copy', name) for name in state.jobs)
        for name, server in self.sim.servers.items():
            found.update((name, *item) for item in server.inventory())
        return frozenset(found)

    def limit(self, export: str) -> int | None:
        found = self.sim.state.at(_path(export))
        return found.limit_kib * 1024 if found else None

    def fill(self, export: str, used: int) -> None:
        self.sim.write(_path(export), used)

    def used(self, export: str) -> int | None:
        found = self.sim.state.at(_path(export))
        return found.used if found else None


def _path(export: str) -> str:
    return '/' + export.partition(':/')[2]
