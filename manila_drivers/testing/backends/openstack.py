# SPDX-License-Identifier: Apache-2.0

"""A simulated cloud on loopback, with the sections of the Generic driver.

The driver asks the cloud over HTTPS and logs in to its virtual machines over
SSH, as in production: their service network is a part of 127.0.0.0/8, all of
which is this machine, and each of them has an SSH server at its address for
as long as it runs.
"""

from collections.abc import Mapping
import pathlib
import secrets
import shutil
import tempfile
from typing import Self

import paramiko

from manila_drivers.testing.backends import generic
from manila_drivers.testing.backends import storage
from manila_drivers.testing.backends import vm_doors
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators.guest import disk

DRIVER = generic.DRIVER
#: Where this host gets to virtual machines, and where users do.
SERVICE = '127.30.0.0/16'
USERS = '10.30.0.0/24'
TENANT = '10.7.0.0/24'
SERVICE_NAME, USERS_NAME = 'service', 'users'

# What a cloud does at once that has nothing else to do: its times are in
# tests of the driver.  Copies take long enough for Manila to ask about them.
SPEED: Mapping[str, float] = {
    'create_server_takes': 0.1, 'attach_takes': 0.1, 'build_idle': 0.1,
    'build_schedule': 0.1, 'build': 0.4, 'build_failure': 0.5, 'boot': 0.3,
    'attach': 0.2, 'detach': 0.2, 'delete_server': 0.2, 'create_volume': 0.3,
    'clone_volume': 1.5, 'snapshot': 0.2, 'guest_resize': 0.2, 'dhcp': 0.2,
    'bind': 0.2}

_MOUNTS = '/shares'
# What every machine has.
_ROOT = ('fstab', '/')
# Where users of Samba come from.
_ANYWHERE = '198.51.100.99'
# What the driver asks every period, whatever else happens.
_PERIODIC = frozenset({'volume GET /limits'})
# What service networks have in common stays when servers go.
_KEPT = frozenset({
    ('network', 'manila_service_network'), ('port', 'manila-share'),
    ('security_group', 'manila-service'), ('keypair', 'manila-service'),
    ('subnet', '')})


class CloudCluster(storage.Cluster):
    """A cloud, and the section of a driver that makes shares in it.

    :param serves: whether the driver makes share servers; else there is one
        virtual machine for all shares.
    :param more: options of the section that differ.
    """

    def __init__(self, *, serves: bool = False,
                 more: Mapping[str, object] | None = None) -> None:
        self.serves = serves
        self._more = more or {}
        self._password = secrets.token_urlsafe(12)
        self.cloud = generic.SimulatedCloud(
            password=self._password, options=openstack.CloudOptions(
                **SPEED))  # type: ignore[arg-type]
        self.sim = self.cloud.sim
        self.sim.password = secrets.token_urlsafe(12)
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix='cloud-'))
        self._web = openstack.CloudServer(self.sim)
        self.doors = vm_doors.VmDoors(self.sim, SERVICE, guarded=serves)

    def __enter__(self) -> Self:
        self._write_key()
        self._web.start()
        self.start()
        if not self.serves:
            self.cloud.add_server(networks={
                SERVICE_NAME: SERVICE, USERS_NAME: USERS})
        self._before = self.sim.inventory()
        return self

    def __exit__(self, *_: object) -> None:
        self.doors.close()
        self._web.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _write_key(self) -> None:
        key = paramiko.ECDSAKey.generate()
        key.write_private_key_file(str(self.key_file))
        self.key_file.with_suffix('.pub').write_text(
            '%s %s manila@host\n' % (key.get_name(), key.get_base64()))

    @property
    def key_file(self) -> pathlib.Path:
        return self._directory / 'id'

    # What Manila has to know

    @property
    def url(self) -> str:
        return self.sim.url

    def options(self, driver: str = DRIVER, **more: object
                ) -> dict[str, object]:
        """A backend section of manila.conf that uses this cloud."""
        return {
            'share_driver': driver,
            'driver_handles_share_servers': self.serves,
            'service_instance_user': generic.USER,
            'service_instance_ssh_port': self.doors.port,
            **(self._serving() if self.serves else self._plain()),
            **self._more, **more}

    def _plain(self) -> dict[str, object]:
        return {'service_instance_password': self._password,
                'service_instance_name_or_id': generic.SERVER,
                'service_net_name_or_ip': SERVICE_NAME,
                'tenant_net_name_or_ip': USERS_NAME}

    def _serving(self) -> dict[str, object]:
        return {'path_to_private_key': self.key_file,
                'path_to_public_key': self.key_file.with_suffix('.pub'),
                'service_network_cidr': SERVICE,
                # This host is in all of it anyway.
                'interface_driver': 'NoopInterfaceDriver'}

    def sections(self) -> dict[str, dict[str, object]]:
        """Return the sections of OpenStack's services."""
        login = {**self.sim.auth(), 'cafile': self._web.ca_file}
        return {name: {**login} for name in generic.GROUPS}

    def share_network(self) -> dict[str, str]:
        tenant = self.sim.tenant
        return {'neutron_net_id': tenant.network_id,
                'neutron_subnet_id': tenant.subnet_id}

    def secrets(self) -> dict[str, str]:
        lines = self.key_file.read_text().splitlines()
        return {'password of the cloud': self.sim.password,
                'password of instances': self._password,
                'SSH key': lines[2]}

    # Storage

    def mark(self) -> int:
        return self.sim.mark()

    def requests(self, mark: int) -> list[str]:
        return self.sim.requests(mark)

    def asked(self, mark: int) -> list[str]:
        return [line for line in self.sim.asked(mark)
                if line.rpartition(' ')[0] not in _PERIODIC]

    def level(self, client: str, export: str) -> str | None:
        """Return an address's level, or that of a user of Samba."""
        if client[:1].isdigit():
            return self.cloud.level(client, export)
        return self.cloud.level(_ANYWHERE, export, client)

    def inventory(self) -> frozenset[Item]:
        """Return what shares leave: in Cinder, and in virtual machines."""
        found: set[Item] = {
            thing for thing in self.sim.inventory() if thing[0] == 'volume'}
        for server in list(self.sim.nova.store.servers.values()):
            machine: guest.Machine | None = server.machine
            if machine is not None:
                with machine.lock:
                    found.update((server.name, *item)
                                 for item in machine.inventory()
                                 if item != _ROOT)
        return frozenset(found)

    def servers(self) -> frozenset[Item]:
        """Return what share servers leave, in Nova and Neutron."""
        return frozenset(
            thing for thing in self.sim.left(self._before)
            if thing[0] != 'volume' and not _kept(thing))

    def limit(self, export: str) -> int | None:
        found = self._file_system(export)
        return found.size if found else None

    def fill(self, export: str, used: int) -> None:
        found = self._file_system(export)
        assert found is not None
        found.ballast = used

    def used(self, export: str) -> int | None:
        found = self._file_system(export)
        return found.ballast if found else None

    def _file_system(self, export: str) -> disk.FileSystem | None:
        machine, protocol, where = self.cloud.place(export)
        if machine is None:
            return None
        # A share that nobody may use is none to Samba.
        path = where if protocol == 'NFS' else f'{_MOUNTS}/{where}'
        with machine.lock:
            mounted = machine.system.mounts.at(path)
            return None if mounted is None else mounted.content

    def stop(self) -> None:
        """Cut the way to the virtual machines; the cloud goes on answering.

        One that does not is asked again for two minutes, whatever is done.
        """
        self.doors.stop()

    def start(self) -> None:
        self.doors.start()

    def breaks(self, really: bool) -> None:
        """Have virtual machines fail to be built, or no more."""
        if really:
            self.sim.spoil('build', times=None)
        else:
            self.sim.forgive()


def _kept(thing: Item) -> bool:
    _, kind, _, name, _ = thing
    return any(kind == one and (name == start or start and
                                name.startswith(start + '-'))
               for one, start in _KEPT)
