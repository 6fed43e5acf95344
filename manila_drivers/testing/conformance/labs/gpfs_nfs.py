# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver with NFS servers beside the cluster, all simulated.

Who reaches an export is asked of every server, and the widest answer counts:
clients choose the server.  Where they do not agree, that is a doubt.
"""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import ipaddress
import random
from typing import Any

from manila_drivers.nas import exports
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.labs import gpfs
from manila_drivers.testing.simulators import nfs

SERVERS = ('nfs1', 'nfs2')


class NfsLab(gpfs.GpfsLab):
    """Two servers of one kind; see the subclasses."""

    budgets = lab.Budgets(
        create=1, delete=5, update_access=4, update_access_unchanged=2,
        ensure_1000=3, stats=2, resize=3)
    # Between two commands of a script somebody may have less than before and
    # after, which is what kernel NFS and Ganesha make possible.
    watched = False
    server_class: Callable[[str], nfs.Server] = nfs.KernelNfs

    def __init__(self, site: gpfs.Site | None = None,
                 **options: object) -> None:
        super().__init__(site, **options)
        self._latest: Any = None
        for name in SERVERS:
            self.sim.servers[name] = type(self).server_class(name)

    def records(self) -> dict[lab.Item, Any]:
        found = super().records()
        for name, server in self.sim.servers.items():
            for item in server.inventory():
                found[(name, *item)] = ''
            for file, text in server.files.below('/etc').items():
                found[name, 'file', file] = text
        return found

    def effective(self, export: str, client: str) -> lab.Level:
        levels = self._levels(gpfs.path_of(export), client)
        return max(levels, key=meaning.RANK.__getitem__)

    def _levels(self, path: str, client: str) -> list[lab.Level]:
        if self.sim.kind(path) != 'directory':
            return [None]
        return [server.access(client, path)
                for server in self.sim.servers.values()]

    def ambiguous(self, export: str) -> list[str]:
        path = gpfs.path_of(export)
        named = {str(ipaddress.ip_network(name, strict=False)[0])
                 for server in self.sim.servers.values()
                 for name in server.named(path)}
        return [f'{client}: {levels}' for client in sorted({
            '10.0.0.7', '10.0.0.1', '192.168.0.1', '2001:db8::1',
            '203.0.113.77', *sorted(named)[:50]})
            if len(set(levels := self._levels(path, client))) > 1]

    def make_driver(self, *, set_up: bool = True) -> Any:
        self._latest = super().make_driver(set_up=set_up)
        return self._latest

    def settle(self) -> None:
        """Servers are told what they missed, as with each statistics."""
        super().settle()
        if self._latest is not None:
            with contextlib.suppress(seam.Killed):
                self._latest._backend.access.catch_up()

    # What an administrator does

    def _set_clients(self, path: str, clients: Any) -> None:
        """On every server, as long as it runs."""
        for server in self.sim.servers.values():
            self._export(server, path, clients)

    def _export(self, server: nfs.Server, path: str, clients: Any) -> None:
        for client, level in clients.items():
            spelled = f'[{client}]' if ':' in client else client
            server.execute(['exportfs', '-i', '-o', f'{level},sync',
                            f'{spelled}:{path}'])

    def _lose_export(self, export: str, choice: random.Random) -> None:
        """One server forgets it."""
        self._forget(choice.choice(SERVERS), gpfs.path_of(export))

    def _forget(self, name: str, path: str) -> None:
        server = self.sim.servers[name]
        share = path.rpartition('/')[2]
        server.execute(['rm', '-f', '--',
                        f'/etc/exports.d/manila-{share}.exports'])
        for kind, text in server.inventory():
            if kind == 'export' and text.endswith(':' + path):
                server.execute(['exportfs', '-u', text])

    def _unexport(self, ident: str) -> None:
        self._forget(SERVERS[1], f'{gpfs.BASE}/share-{ident}')

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._open_to_all, self._lose_export]

    def _open_to_all(self, export: str, choice: random.Random) -> None:
        self._set_clients(gpfs.path_of(export), {
            choice.choice(['*', '10.0.0.0/8']): choice.choice(['rw', 'ro'])})

    def make_shares(self, ids: Sequence[str]) -> None:
        """Exported as the driver's helper would, by a restart."""
        self.make_filesets(ids)
        helper = super().make_driver()._backend.helper
        wanted = [exports.Export(
            f'{gpfs.BASE}/share-{ident}', f'share-{ident}', ident,
            {ipaddress.ip_network('10.0.0.7'): 'rw'}, helper.options({}))
            for ident in ids]
        for name, server in self.sim.servers.items():
            facts = helper._server(name, ()).told
            for cmd in helper.plan(facts, wanted,
                                   helper.allocate({name: facts}, wanted)):
                # One by one they would read all there is each time.
                if cmd.words()[0] not in ('exportfs', 'dbus-send'):
                    server.execute(cmd.words(), cmd.input() or '')
            server.reboot()


class KernelLab(NfsLab):
    """Kernel NFS."""

    name = 'gpfs with KNFS'
    server_class = nfs.KernelNfs
    ganesha = False


class GaneshaLab(NfsLab):
    """An NFS-Ganesha of one's own."""

    name = 'gpfs with GNFS'
    server_class = nfs.Ganesha

    def _set_clients(self, path: str, clients: Any) -> None:
        """Nobody exports by hand what a restart would forget."""

    def _forget(self, name: str, path: str) -> None:
        """The server was made anew."""
        self.sim.servers[name] = nfs.Ganesha(name)

    def tampers(self) -> list[Callable[[str, random.Random], None]]:
        return [self._lose_export]


def labs(kind: str) -> gpfs.GpfsLabs:
    """Labs for a server type: ``KNFS`` or ``GNFS``."""
    return gpfs.GpfsLabs(
        {'KNFS': KernelLab, 'GNFS': GaneshaLab}[kind],
        gpfs_nfs_server_type=kind, gpfs_nfs_server_list=','.join(SERVERS))


