# SPDX-License-Identifier: Apache-2.0

"""The VAST driver on a simulated cluster, ready for the rig."""

from typing import Self

from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import storage
from manila_drivers.testing.manila.storage import Item
from manila_drivers.testing.simulators import vast
from manila_drivers.testing.simulators.vast import server

DRIVER = 'manila_drivers.vastdata.driver.VASTShareDriver'
POOL = 'manila'
ADDRESSES = ('10.0.0.1', '10.0.0.2')

# What the driver asks every period, whatever else happens.
_PERIODIC = frozenset({'GET clusters'})


class Cluster(storage.Cluster):
    """A simulated cluster on loopback."""

    def __init__(self, sim: vast.VmsSim | None = None) -> None:
        # Without the open view of / that a new cluster has: through it all
        # clients would reach all shares, whatever their rules.
        self.sim = sim or vast.VmsSim(open_root=False)
        self.sim.add_pool(POOL, '-'.join(ADDRESSES))
        # The first share would make it, and it would stay.
        self.sim.make_directory('/manila')
        self._server = server.VmsServer(self.sim)

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
            'vast_ssl_cert_path': self._server.ca_file,
            'vast_vippool_name': POOL,
            # Nobody likes to wait for a cluster that was switched off.
            'vast_connect_timeout': 2,
            'vast_retries': 1,
            **more}

    def secrets(self) -> dict[str, str]:
        return {'password': self.sim.password}

    # Storage

    def mark(self) -> int:
        return len(self.sim.log)

    def asked(self, mark: int) -> list[str]:
        told = [_told(entry) for entry in self.sim.log[mark:]]
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


def profile(backend: str, **changes: object) -> scene.Profile:
    """What the VAST driver can do.

    :param changes: options for the restart that changes options; by default
        fewer export locations
    """
    return scene.Profile(
        backend=backend, share_type=backend,
        changes=changes or {'vast_max_export_locations': 1})


def _told(entry: vast.sim.Entry) -> str:
    """'POST views 201', of a line of the simulator's log."""
    path = entry.path.removeprefix('/api/').partition('/')[2].strip('/')
    return '%s %s %s' % (entry.verb, path, entry.status or entry.fault)


def _path(export: str) -> str:
    return '/' + export.partition(':/')[2]
