# SPDX-License-Identifier: Apache-2.0

"""Everything that Nova remembers, and its quotas."""

import dataclasses
from typing import Any

from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.hardware import Vm
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.openstack.world import World

QUOTAS = {'cores': 20, 'instances': 10, 'key_pairs': 100,
          'metadata_items': 128, 'ram': 51200, 'server_group_members': 10,
          'server_groups': 10}
STATES = {'building': 'BUILD', 'active': 'ACTIVE', 'stopped': 'SHUTOFF',
          'paused': 'PAUSED', 'error': 'ERROR', 'rescued': 'RESCUE',
          'soft-delete': 'SOFT_DELETED'}
#: Statuses of active servers that do something.
BUSY = {'rebooting': 'REBOOT', 'reboot_pending': 'REBOOT',
        'reboot_started': 'REBOOT', 'rebooting_hard': 'HARD_REBOOT',
        'reboot_pending_hard': 'HARD_REBOOT',
        'reboot_started_hard': 'HARD_REBOOT'}
POWER = {'active': 1, 'paused': 3, 'rescued': 1, 'stopped': 4}


@dataclasses.dataclass
class CloudFlavor:
    id: str
    name: str
    ram: int
    vcpus: int
    disk: int


@dataclasses.dataclass
class CloudKey:
    name: str
    user_id: str
    public_key: str
    fingerprint: str
    born: float
    number: int


@dataclasses.dataclass
class BlockMapping:
    """A volume of a server, from the request on.

    :param root: the server boots from it.
    """

    volume_id: str
    device: str
    attachment_id: str
    ident: str
    keep: bool = True
    tag: str | None = None
    root: bool = False


@dataclasses.dataclass
class InstanceEvent:
    """:param result: None while it goes on."""

    name: str
    started: float
    finished: float | None = None
    result: str | None = None


@dataclasses.dataclass
class InstanceLine:
    """An entry of a server's list of actions."""

    action: str
    request_id: str
    user_id: str
    project_id: str
    started: float
    updated: float
    event: InstanceEvent
    message: str | None = None


@dataclasses.dataclass
class Instance:
    """A server.

    :param ports: in the order of the network cards.
    :param made_ports: those of them that Nova has made.
    :param up: when its guest has booted; None while it is off.
    :param asleep: the machine that it is when a rescue is over.
    """

    id: str
    name: str
    project_id: str
    user_id: str
    flavor: CloudFlavor
    image_id: str
    key_name: str | None
    zone: str
    born: float
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    ports: list[str] = dataclasses.field(default_factory=list)
    made_ports: set[str] = dataclasses.field(default_factory=set)
    bus: str = 'virtio'
    vm_state: str = 'building'
    task_state: str | None = 'scheduling'
    host: str = ''
    fault: Record | None = None
    mappings: list[BlockMapping] = dataclasses.field(default_factory=list)
    lines: list[InstanceLine] = dataclasses.field(default_factory=list)
    machine: Vm = None
    updated: float = 0.0
    launched: float | None = None
    up: float | None = None
    asleep: Vm = None
    reservation: str = ''
    wired: bool = False

    @property
    def status(self) -> str:
        if self.vm_state == 'active' and self.task_state in BUSY:
            return BUSY[self.task_state]
        return STATES[self.vm_state]

    def mapping(self, volume_id: str) -> BlockMapping | None:
        for each in self.mappings:
            if each.volume_id == volume_id:
                return each
        return None


class ComputeStore:
    """Servers, flavors, keys and quotas."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.servers: dict[str, Instance] = {}
        self.flavors: dict[str, CloudFlavor] = {}
        #: By user and name.
        self.keys: dict[tuple[str, str], CloudKey] = {}
        self.limits: dict[str, dict[str, int]] = {}

    def server(self, ident: str, caller: Caller) -> Instance:
        """:raises Refusal: 404, none that the caller may see."""
        server = self.servers.get(ident)
        if server is None or not (
                caller.admin or server.project_id == caller.project_id):
            raise wire.compute(404, f'Instance {ident} could not be found.')
        return server

    def alive(self, server: Instance) -> bool:
        return self.servers.get(server.id) is server

    # States

    def move(self, server: Instance, vm_state: str | None = None,
             task_state: str | None = None) -> None:
        """Change states; the task is over unless there is a new one."""
        if vm_state is not None:
            server.vm_state = vm_state
        server.task_state = task_state
        server.updated = self.world.now

    def check(self, server: Instance, what: str,
              *states: str) -> None:
        """:raises Refusal: 409, the server is in no state for it."""
        about = f"Cannot '{what}' instance {server.id} while it is in"
        if server.vm_state not in states:
            raise wire.compute(409, f'{about} vm_state {server.vm_state}')
        if server.task_state is not None:
            raise wire.compute(409, f'{about} task_state {server.task_state}')

    def begin(self, server: Instance, action: str, request_id: str,
              caller: Caller | None = None,
              event: str | None = None) -> InstanceLine:
        """Open a line in the list of actions."""
        now = self.world.now
        line = InstanceLine(
            action, request_id, caller.user_id if caller else server.user_id,
            caller.project_id if caller else server.project_id, now, now,
            InstanceEvent(event or f'compute_{action}', now))
        server.lines.append(line)
        return line

    def finish(self, line: InstanceLine, *, failed: bool = False) -> None:
        line.updated = self.world.now
        line.event.finished = self.world.now
        line.event.result = 'Error' if failed else 'Success'
        if failed:
            line.message = 'Error'

    # Quotas

    def quota(self, project_id: str) -> dict[str, int]:
        return {**QUOTAS, **self.limits.get(project_id, {})}

    def usage(self, project_id: str) -> dict[str, int]:
        servers = [each for each in self.servers.values()
                   if each.project_id == project_id]
        return {'instances': len(servers),
                'cores': sum(each.flavor.vcpus for each in servers),
                'ram': sum(each.flavor.ram for each in servers)}

    def reserve(self, project_id: str, flavor: CloudFlavor) -> None:
        """:raises Refusal: 403, there is no room for such a server."""
        quota, usage = self.quota(project_id), self.usage(project_id)
        for name, more in (('instances', 1), ('cores', flavor.vcpus),
                           ('ram', flavor.ram)):
            limit = quota[name]
            if 0 <= limit < usage[name] + more:
                raise wire.compute(
                    403, f'Quota exceeded for {name}: Requested {more}, but '
                    f'already used {usage[name]} of {limit} {name}')


def required(body: Record, name: str, of: str) -> Any:
    """:raises Refusal: 400, it is not there."""
    if name not in body:
        raise wire.compute(
            400, f'Invalid input for field/attribute {of}. Value: {body}. '
            f"'{name}' is a required property")
    return body[name]
