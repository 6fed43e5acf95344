# SPDX-License-Identifier: Apache-2.0

"""SSH servers of simulated virtual machines, each at its own address."""

import contextlib
import ipaddress
import logging
import socket
import threading
from typing import Any

from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.guest import runner

LOG = logging.getLogger(__name__)

#: Seconds until a machine that has booted can be connected to, at most.
EVERY = 0.1
# Connections come from here, whichever part of 127.0.0.0/8 they go to.
_SOURCE = '127.0.0.1'


class VmDoors:
    """SSH servers for the machines of a cloud that run.

    All listen on one port, at the addresses that the machines have in a part
    of 127.0.0.0/8; no address has to be set up for that.  One that is built
    anew has another host key.

    :param network: whose addresses are meant.
    :param guarded: whether security groups are looked at, as of a machine
        that is connected to from elsewhere.
    """

    def __init__(self, sim: openstack.OpenStackSim, network: str, *,
                 guarded: bool) -> None:
        self._sim = sim
        self._network = ipaddress.ip_network(network)
        self._guarded = guarded
        # No other process gets the port as long as this one has it here.
        self._port = socket.create_server(
            (str(self._network.broadcast_address), 0))
        self._doors: dict[str, tuple[guest.Machine, ssh.SshServer]] = {}
        self._past = 0
        self._past_commands = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._port.getsockname()[1])

    @property
    def logins(self) -> int:
        """Logins to the machines that run now."""
        with self._lock:
            return sum(door.logins for _, door in self._doors.values())

    @property
    def ever(self) -> int:
        """Logins to all machines that ever ran."""
        return self._past + self.logins

    @property
    def commands(self) -> int:
        """Commands that were begun on all machines that ever ran."""
        with self._lock:
            return self._past_commands + sum(
                door.commands for _, door in self._doors.values())

    def start(self) -> None:
        """Let the machines be logged in to."""
        self._ended.clear()
        for machine, door in self._doors.values():
            if machine.answers:
                door.start()
        self._look()
        self._thread = threading.Thread(target=self._watch, daemon=True,
                                        name='vm-doors')
        self._thread.start()

    def stop(self) -> None:
        """Cut the way to all of them."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for _, door in self._doors.values():
            door.stop()

    def close(self) -> None:
        self.stop()
        self._port.close()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            self._look()

    def _look(self) -> None:
        """Open and close doors as machines come and go."""
        wanted = self._machines()
        with self._lock:
            for address, (machine, door) in list(self._doors.items()):
                if wanted.get(address) is not machine:
                    door.close()
                    self._past += door.logins
                    self._past_commands += door.commands
                    del self._doors[address]
            for address, machine in wanted.items():
                if address not in self._doors:
                    with contextlib.suppress(OSError):
                        self._doors[address] = machine, self._opened(
                            address, machine)

    def _machines(self) -> dict[str, guest.Machine]:
        """Return the machines that take connections, by address."""
        found: dict[str, guest.Machine] = {}
        sim = self._sim
        with sim.lock:
            sim.settle()
            for port in list(sim.neutron.store.rows['port'].values()):
                for each in port['fixed_ips']:
                    address = each['ip_address']
                    machine: Any = self._at(address)
                    if machine is not None and machine.answers:
                        found[address] = machine
        return found

    def _at(self, address: str) -> Any:
        if ipaddress.ip_address(address) not in self._network:
            return None
        if self._guarded and not self._sim.lets_in(
                address, 'tcp', self.port, _SOURCE):
            return None
        return self._sim.machine_at(address)

    def _opened(self, address: str, machine: guest.Machine) -> ssh.SshServer:
        door = ssh.SshServer(
            {address: runner.host(machine, root=False)}, user=machine.user,
            password=machine.password or '', port=self.port, reads=ssh.typed,
            key=' '.join(machine.keys[0].split()[:2]) if machine.keys else '')
        door.start()
        return door
