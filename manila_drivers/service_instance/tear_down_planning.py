# SPDX-License-Identifier: Apache-2.0

"""Plans for what goes with an instance.  Pure.

A subnet that others use stays as it is; one that nobody uses loses its name
and waits for the next users, as Manila's own driver leaves it.
"""

from collections.abc import Iterable
import dataclasses

from manila_drivers import plan
from manila_drivers.openstack import records
from manila_drivers.service_instance import names

#: What begins the names of our service subnets.
_OURS = names.subnet('')


@dataclasses.dataclass(frozen=True)
class SubnetUse:
    """A service subnet, and all ports that have an address in it."""

    subnet: records.Subnet
    ports: tuple[records.Port, ...] = ()


@dataclasses.dataclass(frozen=True)
class TearDownFacts:
    """All that may be there of an instance.

    :param ports: ids of its own ports; some may be gone.
    """

    ports: tuple[str, ...] = ()
    subnets: tuple[SubnetUse, ...] = ()


def network(facts: TearDownFacts, router: str) -> plan.Plan:
    """Plan the end of ports, and of the subnet unless somebody is in it.

    The name goes last: a subnet that has none is not looked at again.

    :param router: that the details name; it may be disconnected already.
    """
    steps = [plan.Step('delete port', each) for each in facts.ports]
    for use in facts.subnets:
        steps += _subnet(use, facts.ports, router)
    return plan.Plan(tuple(steps))


def _subnet(use: SubnetUse, own: tuple[str, ...],
            router: str) -> list[plan.Step]:
    ident, name = use.subnet.id, use.subnet.name or ''
    if not name.startswith(_OURS):
        # Let go before, or somebody else's.
        return []
    if not all(each.id in own or is_equipment(each) for each in use.ports):
        return []
    routers = {each.device_id or '' for each in use.ports
               if is_router(each)} | {router}
    return [*(plan.Step('remove router interface', each, {'subnet': ident})
              for each in sorted(routers - {''})),
            plan.Step('delete ssh group', names.ssh_group(ident),
                      {'subnet': ident}),
            plan.Step('let subnet go', ident, {'name': name}, detail=name)]


def is_router(port: records.Port) -> bool:
    """Tell if a port is a router's."""
    owner = port.device_owner or ''
    return owner.startswith('network:') and 'router' in owner


def is_equipment(port: records.Port) -> bool:
    """Tell if a port belongs to the network itself: not to an instance.

    One whose owner is not told counts as an instance's.
    """
    owner = port.device_owner
    return owner is not None and (
        owner.startswith('network:') or owner == names.HOST_OWNER
        or port.device_id in (names.HOST_DEVICE, names.ADMIN_HOST_DEVICE))


def occupied(ports: Iterable[records.Port]) -> frozenset[str]:
    """Return ids of subnets that a router or an instance is in."""
    return frozenset(
        each.subnet_id for port in ports
        if is_router(port) or not is_equipment(port)
        for each in port.fixed_ips or () if each.subnet_id)


def whole(servers: list[str], details_plan: plan.Plan,
          volume: str) -> plan.Plan:
    """Return all that is done for a share server that goes."""
    return plan.Plan((
        *(plan.Step('delete server', each) for each in servers),
        *details_plan,
        *([plan.Step('delete volume', volume)] if volume else [])))
