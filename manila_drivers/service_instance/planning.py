# SPDX-License-Identifier: Apache-2.0

"""Plans for service instances: from facts and settings to steps.  Pure."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import records
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import names
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets


@dataclasses.dataclass(frozen=True)
class NetworkFacts:
    """Everything in Neutron that the network of one instance depends on.

    :param service_subnets: all of the service network.
    :param users: the subnet of the share network; None where it does not
        matter.
    :param router_id: that of the subnet; '' where none is needed.
    :param groups: of our project.
    :param ports: those of this share server that exist, by their part.
    :param occupied: ids of service subnets that somebody is in.
    """

    service_network: str = ''
    service_subnets: tuple[records.Subnet, ...] = ()
    users: records.Subnet | None = None
    router_id: str = ''
    groups: tuple[records.SecurityGroup, ...] = ()
    ports: Mapping[str, records.Port] = dataclasses.field(
        default_factory=dict)
    occupied: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class NetworkWanted:
    """The network of which instance is wanted.

    :param avoid: networks that the service subnet must not overlap with,
        besides that of users.
    """

    server_id: str
    users_network: str
    users_subnet: str
    avoid: tuple[subnets.IPv4, ...] = ()


def one_network(found: list[records.Net], name: str) -> records.Net | None:
    """Return the service network, None if there is none yet.

    :raises Conflict: there are several.
    """
    if len(found) > 1:
        raise exception.Conflict(
            f'There are {len(found)} networks called {name} in the '
            f"service's project",
            answer=', '.join(sorted(each.id for each in found)),
            check='service_network_name: rename or delete all but one')
    return found[0] if found else None


def common_group(found: tuple[records.SecurityGroup, ...],
                 conf: settings.NetworkSettings) -> plan.Plan:
    """Plan the group that all instances have."""
    steps: list[plan.Step] = []
    _common_group(NetworkFacts(groups=found), conf, steps)
    return plan.Plan(tuple(steps))


def network(facts: NetworkFacts, wanted: NetworkWanted,
            conf: settings.NetworkSettings) -> plan.Plan:
    """Plan groups, the subnet, its router, and ports, in this order.

    Ports come last and have their groups from the beginning: nothing is
    reachable before it is guarded.
    """
    steps: list[plan.Step] = []
    group = _common_group(facts, conf, steps)
    ssh_group: Any = ''
    places: dict[str, tuple[Any, Any]] = {
        'public': (wanted.users_network, wanted.users_subnet),
        'admin': (conf.admin_network, conf.admin_subnet)}
    if conf.use_service_network:
        network_id = _service_network(facts, conf, steps)
        subnet = _subnet(facts, wanted, conf, network_id, steps)
        places['service'] = network_id, subnet
        if conf.limit_ssh:
            ssh_group = _ssh_group(facts, conf, subnet, steps)
    for part in conf.parts:
        if part in facts.ports:
            continue
        name = names.port(part, wanted.server_id)
        steps.append(plan.Step(
            'create port', name, {
                'part': part, 'network': places[part][0],
                'subnet': places[part][1], 'group': group,
                'ssh_group': ssh_group if part == 'service' else ''},
            key=part, undo=plan.Step(
                'delete port', name,
                {'part': part, 'port': plan.Ref(part, 'id')})))
    return plan.Plan(tuple(steps))


def _service_network(facts: NetworkFacts, conf: settings.NetworkSettings,
                     steps: list[plan.Step]) -> Any:
    if facts.service_network:
        return facts.service_network
    steps.append(plan.Step('create network', conf.name, key='network'))
    return plan.Ref('network', 'id')


def _common_group(facts: NetworkFacts, conf: settings.NetworkSettings,
                  steps: list[plan.Step]) -> Any:
    """Plan the group of all ports; '' is: Neutron's default one."""
    if not conf.group:
        # Beside the group of a subnet it has to be named.
        default = groups.named(facts.groups, 'default')
        if conf.limit_ssh:
            groups.check_limit(default, conf.ssh_port)
        return default.id if conf.limit_ssh and default else ''
    found = groups.named(facts.groups, conf.group)
    if conf.limit_ssh:
        groups.check_limit(found, conf.ssh_port)
    return _group(found, conf.group, 'group', groups.rules(
        conf.ssh_port, limit_ssh=conf.limit_ssh), steps)


def _ssh_group(facts: NetworkFacts, conf: settings.NetworkSettings,
               subnet: Any, steps: list[plan.Step]) -> Any:
    """Plan the group that lets one service subnet log in."""
    if isinstance(subnet, plan.Ref):
        # Its name has the id of a subnet that is not made yet.
        steps.append(plan.Step(
            'guard subnet', 'of the new service subnet',
            {'subnet': plan.Ref(subnet.step)}, key='ssh'))
        return plan.Ref('ssh', 'id')
    cidr = next(each.cidr for each in facts.service_subnets
                if each.id == subnet)
    name = names.ssh_group(subnet)
    found = groups.named(facts.groups, name)
    groups.check_limit(found, conf.ssh_port)
    return _group(found, name, 'ssh', (
        groups.ssh_rule(conf.ssh_port, str(cidr)),), steps)


def _group(found: records.SecurityGroup | None, name: str, key: str,
           wanted: tuple[records.SecurityRule, ...],
           steps: list[plan.Step]) -> Any:
    """Plan one group; return its id."""
    ident: Any = found.id if found is not None else plan.Ref(key, 'id')
    if found is None:
        # Others may use it by the time something fails: no undo.
        steps.append(plan.Step('create group', name, key=key))
    lacking = groups.missing(found, wanted)
    if lacking:
        steps.append(plan.Step(
            'add rules', name, {'group': ident, 'rules': lacking},
            detail=', '.join(f'{rule.protocol} {rule.port_min or ""}'.strip()
                             for rule in lacking)))
    return ident


def _subnet(facts: NetworkFacts, wanted: NetworkWanted,
            conf: settings.NetworkSettings, network_id: Any,
            steps: list[plan.Step]) -> Any:
    """Plan the service subnet and its router; return its id."""
    name = names.subnet(wanted.users_subnet)
    users = subnets.network_of(facts.users) if facts.users else None
    choice = subnets.choose(facts.service_subnets, subnets.SubnetWanted(
        name, conf.cidr, conf.prefix, gateway=conf.use_router,
        avoid=(*wanted.avoid, *((users,) if users else ())),
        occupied=facts.occupied))
    ident: Any
    if choice.serving is not None:
        ident = choice.serving.id
    elif choice.free is not None:
        ident = choice.free.id
        steps.append(plan.Step(
            'take subnet', ident, {'name': name},
            undo=plan.Step('free subnet', ident, {'name': name}),
            detail=name))
    else:
        ident = plan.Ref('subnet', 'id')
        steps.append(plan.Step(
            'create subnet', name,
            {'network': network_id, 'blocks': choice.blocks,
             'gateway': conf.use_router},
            key='subnet', undo=plan.Step(
                'delete subnet', name, {'subnet': ident}),
            detail=f'{choice.blocks[0]}'))
    steps.append(plan.Step('note subnet', name, {'subnet': ident}))
    if facts.router_id:
        # Others may be behind the interface of a subnet that serves.
        undo = None if choice.serving else plan.Step(
            'remove router interface', facts.router_id, {'subnet': ident})
        steps.append(plan.Step('add router interface', facts.router_id,
                               {'subnet': ident}, undo=undo))
    return ident


@dataclasses.dataclass(frozen=True)
class InstanceFacts:
    """Everything that an instance is made of, as far as it is there.

    :param image: id; '' where none is needed.
    :param volume: the clone that it boots from.
    """

    server: records.Server | None = None
    image: str = ''
    key: bool = False
    volume: records.Volume | None = None


def keeps(server: records.Server | None,
          ports: Mapping[str, records.Port]) -> bool:
    """Tell if a server is what an interrupted set-up had asked for."""
    return (server is not None and server.status != 'ERROR'
            and (server.task_state or '') != 'deleting'
            and all(port.device_id == server.id for port in ports.values()))


def instance(facts: InstanceFacts, conf: settings.InstanceSettings,
             server_id: str, ports: Mapping[str, records.Port],
             ) -> plan.Plan:
    """Plan a server with its key and its volume, and the wait for it."""
    name = names.instance(conf.template, conf.section, server_id)
    steps: list[plan.Step] = []
    if facts.server is not None and keeps(facts.server, ports):
        steps.append(plan.Step('await server', name,
                               {'server': facts.server.id}))
        return plan.Plan(tuple(steps))
    if facts.server is not None:
        steps.append(plan.Step('delete server', name,
                               {'server': facts.server.id}))
    key = (names.key_pair(conf.key_name, conf.public_key)
           if conf.public_key else '')
    if key and not facts.key:
        steps.append(plan.Step('import key', key))
    volume: Any = ''
    if conf.boot and conf.boot.base:
        volume = _volume(facts, conf.boot, server_id, steps)
    steps.append(plan.Step(
        'create server', name,
        {'image': facts.image, 'key': key, 'volume': volume}, key='server'))
    steps.append(plan.Step('await server', name,
                           {'server': plan.Ref('server', 'id')}))
    return plan.Plan(tuple(steps))


def _volume(facts: InstanceFacts, boot: settings.BootSettings,
            server_id: str, steps: list[plan.Step]) -> Any:
    name = boot.template % server_id
    ident: Any
    if facts.volume is not None:
        ident = facts.volume.id
    else:
        ident = plan.Ref('volume', 'id')
        steps.append(plan.Step('clone volume', name, {'source': boot.base},
                               key='volume'))
    steps.append(plan.Step('await volume', name, {'volume': ident}))
    return ident
