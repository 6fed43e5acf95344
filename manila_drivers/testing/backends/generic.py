# SPDX-License-Identifier: Apache-2.0

"""A simulated cloud, with the section of a driver that makes shares in it."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import time
from typing import Any

from manila_drivers import exception
from manila_drivers.generic import paths
from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
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
        #: All that were ever built.
        self.machines: list[guest.Machine] = []
        self.sim = openstack.OpenStackSim(
            clock, options=options or openstack.CloudOptions(boot=0),
            make_machine=self._machine, make_disk=guest.BlockDevice)

    def _machine(self, name: str, keys: Any, bus: str) -> guest.Machine:
        machine = guest.Machine(
            name, keys=keys, password=self._password, clock=self._clock,
            sleep=self._sleep, user=USER, bus=bus,
            seed=len(self.machines) + 1)
        self.machines.append(machine)
        return machine

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
