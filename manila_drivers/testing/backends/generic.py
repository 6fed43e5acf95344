# SPDX-License-Identifier: Apache-2.0

"""A simulated cloud, with the section of a driver that makes shares in it."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import time
from typing import Any
from typing import Self

from manila_drivers import exception
from manila_drivers.generic import paths
from manila_drivers.testing.backends.door import Make
from manila_drivers.testing.backends.door import SshCluster
from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators import ssh as ssh_server
from manila_drivers.testing.simulators.guest import disk
from manila_drivers.testing.simulators.guest import runner as guest_runner
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script
from manila_drivers.transport import ssh
from manila_drivers.transport import verdict

DRIVER = 'manila_drivers.generic.GenericShareDriver'
GROUPS = ('nova', 'cinder', 'neutron', 'glance')
#: Name of the server that serves all shares of a backend.
SERVER = 'manila-server'
USER = 'manila'


class MachineRunner:
    """Runs commands in whatever machine has an address at that moment.

    As SSH does, it tries for a while to get to one that does not answer.

    :param sim: the cloud that the machine is in.
    """

    def __init__(self, sim: openstack.OpenStackSim, target: ssh.Target,
                 clock: Callable[[], float],
                 sleep: Callable[[float], object]) -> None:
        self._sim = sim
        self.target = target
        self._clock, self._sleep = clock, sleep
        self._machine: Any = None
        self._runner: script.Runner | None = None

    def __str__(self) -> str:
        return str(self.target)

    def run(self, cmd: command.Command) -> command.Result:
        """Run a command.

        :raises Unreachable: no machine answers there.
        """
        attempts = retry.Attempts(
            dataclasses.replace(retry.REST, first=1.0, jitter=lambda: 1.0,
                                total=self.target.connect_timeout),
            self._clock, self._sleep)
        while True:
            try:
                return self._present().run(cmd)
            except exception.NotTrusted:
                raise
            except exception.Unreachable:
                if not attempts.again():
                    raise

    def words(self, cmd: command.Command) -> list[str]:
        prefix = self.target.root_prefix() if cmd.root else ()
        return [*prefix, *cmd.words()]

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=cmd.root)

    def _present(self) -> script.Runner:
        machine = self._sim.machine_at(self.target.host)
        if machine is None:
            raise exception.Unreachable(
                f'No connection to {self.target}', answer='no route to host')
        if machine is not self._machine or self._runner is None:
            self._machine = machine
            self._runner = machine.runner(self.target)
        return self._runner


class SimulatedCloud:
    """OpenStack with service VMs that run commands.

    :param clock: seconds; ``sleep`` lets them pass.
    :param password: of the user that logs in to service instances.
    """

    def __init__(self, clock: Callable[[], float] = time.time,
                 sleep: Callable[[float], object] = time.sleep, *,
                 password: str | None = None,
                 options: openstack.CloudOptions | None = None) -> None:
        self._clock, self._sleep = clock, sleep
        self._password = password
        self._made = 0
        self.sim = openstack.OpenStackSim(
            clock, options=options or openstack.CloudOptions(boot=0),
            make_machine=self._machine, make_disk=guest.BlockDevice)

    def _machine(self, name: str, keys: Any, bus: str) -> guest.Machine:
        self._made += 1
        return guest.Machine(
            name, keys=keys, password=self._password, clock=self._clock,
            sleep=self._sleep, user=USER, bus=bus, seed=self._made)

    def runner(self, target: ssh.Target) -> script.Runner:
        return MachineRunner(self.sim, target, self._clock, self._sleep)

    def add_server(self, name: str = SERVER, network: str = 'shares',
                   networks: Mapping[str, str] | None = None,
                   ) -> Mapping[str, str]:
        """Boot a server in networks of the service, as an operator does.

        :param networks: their addresses by name, in place of ``network``.
        :returns: its ``id``, and its ``address`` in the first of them.
        """
        sim = self.sim
        networks = networks or {network: '10.30.0.0/24'}
        nets = [sim.add_tenant_network('service', cidr, name=each)
                for each, cidr in networks.items()]
        status, told = sim.ask('POST', '/compute/v2.1/servers', {'server': {
            'name': name, 'flavorRef': '100', 'imageRef': self._image(),
            'networks': [{'uuid': net.network_id} for net in nets]}},
            user=USER)
        if status != 202:
            raise ValueError(f'No server: {status} {told}')
        ident = str(told['server']['id'])
        for _ in range(400):
            self._sleep(0.5)
            _, told = sim.ask('GET', f'/compute/v2.1/servers/{ident}',
                              user=USER)
            addresses = [one['addr'] for each in networks for one in told[
                'server']['addresses'].get(each, ())]
            if told['server']['status'] == 'ACTIVE' and addresses:
                return {'id': ident, 'address': addresses[0]}
        raise ValueError(f'The server does not become active: {told}')

    def _image(self) -> str:
        _, told = self.sim.ask('GET', '/image/v2/images', user=USER)
        return str(next(one['id'] for one in told['images']
                        if one['name'] == 'manila-service-image'))

    # Beside the driver's back

    def place(self, export: str) -> tuple[guest.Machine | None, str, str]:
        """Return where an export is: machine, protocol, path or section."""
        if export.startswith('\\\\'):
            address, where = paths.split_cifs(export)
            return self.sim.machine_at(address), 'CIFS', where
        address, where = paths.split_nfs(export)
        return self.sim.machine_at(address), 'NFS', where

    def level(self, client: str, export: str,
              user: str | None = None) -> str | None:
        """Return what a client can do with an export."""
        machine, proto, where = self.place(export)
        if machine is None:
            return None
        return machine.reaches(proto, where, client, user)


#: The server that serves all shares, as this host reaches it.
NODE = '127.0.0.1'
#: A server that boots while somebody waits.
FAST: Mapping[str, Any] = {
    'boot': 0, 'build': 0.1, 'build_idle': 0.1, 'build_schedule': 0.1,
    'create_server_takes': 0.0, 'attach_takes': 0.0, 'attach': 0.1,
    'create_volume': 0.1, 'snapshot': 0.1, 'clone_volume': 0.1,
    'detach': 0.1, 'extend': 0.1, 'guest_resize': 0.0}


class Cluster(SshCluster):
    """A simulated cloud on loopback, with one server that serves shares.

    OpenStack's services answer over HTTP, and the server over SSH.
    """

    def __init__(self, door: Make = ssh_server.SshServer, *,
                 known_hosts: str | None = None,
                 more: Mapping[str, object] | None = None) -> None:
        self.cloud = SimulatedCloud(options=openstack.CloudOptions(**FAST))
        self.sim = self.cloud.sim
        self._server = openstack.CloudServer(self.sim)
        self._added: Mapping[str, str] = {}
        super().__init__(door({NODE: self._host}), NODE, known_hosts, more)

    def _host(self, words: list[str],
              read: Callable[[], str]) -> ssh_server.Done:
        return guest_runner.host(self.machine)(words, read)

    @property
    def machine(self) -> guest.Machine:
        """The server that serves shares."""
        found: guest.Machine = self.sim.machine(self._added['id'])
        return found

    def __enter__(self) -> Self:
        self._server.start()
        if not self._added:
            self._added = self.cloud.add_server()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._server.close()

    def sections(self) -> dict[str, dict[str, object]]:
        """Return the sections of OpenStack's services."""
        return {group: {**self.sim.auth(), 'cafile': self._server.ca_file}
                for group in GROUPS}

    def options(self, driver: str = DRIVER, **more: object
                ) -> dict[str, object]:
        """A backend section of manila.conf that uses this cloud."""
        return {
            'share_driver': driver,
            'service_instance_name_or_id': self._added['id'],
            'service_net_name_or_ip': NODE,
            'tenant_net_name_or_ip': self._added['address'],
            'service_instance_user': self.ssh.user,
            'service_instance_password': self.ssh.password,
            'path_to_private_key': self.ssh.key_file,
            'service_instance_ssh_port': self.ssh.port,
            'service_instance_known_hosts': self._known_hosts,
            **self._more, **more}

    def secrets(self) -> dict[str, str]:
        return {**super().secrets(), 'cloud password': self.sim.password}

    # Storage

    def mark(self) -> int:
        return self.sim.mark()

    def requests(self, mark: int) -> list[str]:
        return self.sim.asked(mark)

    def asked(self, mark: int) -> list[str]:
        return [line for line in self.sim.asked(mark)
                if not line.startswith('volume GET /limits')]

    def level(self, client: str, export: str) -> str | None:
        return self.cloud.level(client, export)

    def inventory(self) -> frozenset[Item]:
        found: set[Item] = {thing[:4] for thing in self.sim.inventory()
                            if thing[0] == 'volume'}
        found.update(('server', *item)
                     for item in self.machine.inventory())
        return frozenset(found)

    def limit(self, export: str) -> int | None:
        content = self._content(export)
        return content.size if content is not None else None

    def fill(self, export: str, used: int) -> None:
        content = self._content(export)
        if content is not None:
            content.ballast = used

    def used(self, export: str) -> int | None:
        content = self._content(export)
        return content.ballast if content is not None else None

    def _content(self, export: str) -> disk.FileSystem | None:
        _, proto, where = self.cloud.place(export)
        system = self.machine.system
        path = system.smb.registry.get(where, {}).get('path', '') \
            if proto == 'CIFS' else where
        mounted = system.mounts.at(path)
        return mounted.content if mounted is not None else None
