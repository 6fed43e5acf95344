# SPDX-License-Identifier: Apache-2.0

"""A simulated VAST cluster, with the section of a driver that uses it."""

from collections.abc import Mapping
import pathlib
from typing import Self

from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.simulators import vast
from manila_drivers.testing.simulators.web import recorder

DRIVER = 'manila_drivers.vastdata.driver.VASTShareDriver'
POOL = 'manila'
ADDRESSES = ('10.0.0.1', '10.0.0.2')

# Nobody likes to wait for a cluster that was switched off.
IMPATIENT: Mapping[str, object] = {'vast_connect_timeout': 2,
                                   'vast_retries': 1}

# What the driver asks every period, whatever else happens.
_PERIODIC = frozenset({'GET clusters'})


class Cluster(storage.Cluster):
    """A simulated cluster on loopback.

    :param sim: the cluster; else a new one with the pool ``POOL``.
    :param server: what serves it.
    :param pool: where clients mount.
    :param more: options of the section that differ.
    """

    def __init__(self, sim: vast.VmsSim | None = None,
                 server: vast.VmsServer | None = None, *, pool: str = POOL,
                 more: Mapping[str, object] = IMPATIENT) -> None:
        self.sim = sim or new()
        self._server = server or vast.VmsServer(self.sim)
        self._pool = pool
        self._more = more

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return self._server.url

    def options(self, driver: str = DRIVER, **more: object
                ) -> dict[str, object]:
        """A backend section of manila.conf that uses this cluster."""
        return {
            'share_driver': driver,
            'vast_mgmt_host': self._server.host,
            'vast_mgmt_port': self._server.port,
            'vast_mgmt_user': self.sim.username,
            'vast_mgmt_password': self.sim.password,
            'vast_ssl_cert_path': pathlib.Path(
                self._server.ca_file).absolute(),
            'vast_vippool_name': self._pool,
            **self._more, **more}

    def secrets(self) -> dict[str, str]:
        return {'password': self.sim.password}

    # Storage

    def mark(self) -> int:
        return self.sim.calls

    def _since(self, mark: int) -> list[recorder.Entry]:
        new = self.sim.calls - mark
        return list(self.sim.log[-new:]) if new else []

    def requests(self, mark: int) -> list[str]:
        return [f'{entry.label} {entry.status or entry.fault}'
                for entry in self._since(mark)]

    def asked(self, mark: int) -> list[str]:
        told = [_told(entry) for entry in self._since(mark)]
        return [line for line in told
                if line.rpartition(' ')[0] not in _PERIODIC]

    def level(self, client: str, export: str) -> str | None:
        address, _, path = export.partition(':/')
        return self.sim.can_mount(client, '/' + path, vip=address)

    def inventory(self) -> frozenset[Item]:
        return frozenset(self.sim.inventory())

    def limit(self, export: str) -> int | None:
        quota = self.sim.record('quota', _path(export))
        return int(quota['hard_limit']) if quota else None

    def fill(self, export: str, used: int) -> None:
        self.sim.write(_path(export), used)

    def used(self, export: str) -> int | None:
        """The simulator does not copy what snapshots hold."""
        return None

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


def new() -> vast.VmsSim:
    """Return a cluster with one more pool, without the open view of /.

    Through that view, which a new cluster has, all clients would reach all
    shares, whatever their rules.
    """
    sim = vast.VmsSim(open_root=False)
    sim.add_pool(POOL, '-'.join(ADDRESSES))
    # The first share would make it, and it would stay.
    sim.make_directory('/manila')
    return sim


def _told(entry: recorder.Entry) -> str:
    """'POST views 201', of a line of the simulator's log."""
    path = entry.path.removeprefix('/api/').partition('/')[2].strip('/')
    return '%s %s %s' % (entry.verb, path, entry.status or entry.fault)


def _path(export: str) -> str:
    return '/' + export.partition(':/')[2]
