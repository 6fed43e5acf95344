# SPDX-License-Identifier: Apache-2.0

"""Which subnet of the service network serves a subnet of users.  Pure.

Freed subnets keep their addresses and lose their name, as Manila's own driver
leaves them: whoever needs a subnet takes one of those before a new one.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import ipaddress
import zlib

from manila_drivers import exception
from manila_drivers.openstack import records

IPv4 = ipaddress.IPv4Network

#: Blocks that are offered for a new subnet, should others be faster.
OFFERED = 5


@dataclasses.dataclass(frozen=True)
class SubnetWanted:
    """Properties that a service subnet has to have.

    :param gateway: it is connected to a router; otherwise it must not have a
        gateway, or instances would have two ways out.
    :param avoid: networks that it must not overlap with.
    :param occupied: ids of subnets that somebody is in: a router that could
        not be disconnected from one that was let go, or an instance.
    """

    name: str
    cidr: IPv4
    prefix: int
    gateway: bool
    avoid: tuple[IPv4, ...] = ()
    occupied: Collection[str] = ()


@dataclasses.dataclass(frozen=True)
class SubnetChoice:
    """One of: a subnet that serves already, a free one, or blocks for one.

    :param blocks: the first that nobody else takes meanwhile.
    """

    serving: records.Subnet | None = None
    free: records.Subnet | None = None
    blocks: tuple[IPv4, ...] = ()


def choose(subnets: Sequence[records.Subnet],
           wanted: SubnetWanted) -> SubnetChoice:
    """Choose among all subnets of the service network.

    Of several with the name, any does; the same one is chosen each time.

    :raises NoRoom: no block is left.
    """
    suitable = sorted((each for each in subnets if _suits(each, wanted)),
                      key=lambda each: each.id)
    for each in suitable:
        if each.name == wanted.name:
            return SubnetChoice(serving=each)
    free = [each for each in suitable
            if each.name == '' and each.id not in wanted.occupied]
    if free:
        # Not all hosts take the first one, should nothing keep them apart.
        which = zlib.crc32(wanted.name.encode()) % len(free)
        return SubnetChoice(free=free[which])
    taken = [network for each in subnets
             if (network := network_of(each)) is not None]
    blocks = free_blocks(wanted.cidr, wanted.prefix,
                         [*taken, *wanted.avoid])
    offered = tuple(block for block, _ in zip(blocks, range(OFFERED),
                                              strict=False))
    if not offered:
        raise exception.NoRoom(
            f'No block of /{wanted.prefix} is left in {wanted.cidr} for a '
            f'subnet of the service network that has {len(subnets)} of them',
            check='service_network_cidr and '
            'service_network_division_mask, and share servers that are not '
            'used any more')
    return SubnetChoice(blocks=offered)


def _suits(subnet: records.Subnet, wanted: SubnetWanted) -> bool:
    network = network_of(subnet)
    return (network is not None and subnet.gateway_ip is not None
            and bool(subnet.gateway_ip) == wanted.gateway
            and not any(network.overlaps(each) for each in wanted.avoid))


def network_of(subnet: records.Subnet) -> IPv4 | None:
    """Return the addresses of a subnet, None if they are not of IPv4."""
    if subnet.ip_version not in (None, 4) or subnet.cidr is None:
        return None
    try:
        return IPv4(subnet.cidr, strict=False)
    except ValueError:
        return None


def free_blocks(cidr: IPv4, prefix: int,
                taken: Iterable[IPv4]) -> Iterator[IPv4]:
    """Return the blocks of a length in ``cidr`` that overlap with nothing.

    In one pass over what is taken, in ascending order.
    """
    size = 1 << (32 - prefix)
    begin, end = int(cidr.network_address), int(cidr.broadcast_address)
    used = sorted((int(each.network_address), int(each.broadcast_address))
                  for each in taken)
    for first, last in [*used, (end + 1, end + 1)]:
        while begin + size - 1 < first and begin + size - 1 <= end:
            yield IPv4((begin, prefix))
            begin += size
        if last >= begin:
            begin += -(-(last + 1 - begin) // size) * size


def router_of(subnet: records.Subnet,
              ports: Collection[records.Port]) -> str:
    """Return the id of the router that is the gateway of a users' subnet.

    :param ports: those of its network that have the address of the gateway.
    :raises InvalidRequest: there is none.
    """
    for port in ports:
        owner = port.device_owner
        here = any(each.ip_address == subnet.gateway_ip
                   and each.subnet_id == subnet.id
                   for each in port.fixed_ips or ())
        if here and port.device_id and (
                owner is None or owner.startswith('network:')
                and 'router' in owner):
            return port.device_id
    raise exception.InvalidRequest(
        f'Gateway {subnet.gateway_ip} of subnet {subnet.id} is no router of '
        f'Neutron, and share servers are reached through one',
        check='that a router has an interface in this subnet of the share '
        'network; or connect_share_server_to_tenant_network')


def check_users(subnet: records.Subnet) -> None:
    """Raise InvalidRequest unless a router can lead from here to instances.
    """
    if subnet.gateway_ip is None:
        raise exception.BackendError(
            f'Subnet {subnet.id} does not tell if it has a gateway',
            check='the roles of the user in [neutron]')
    if subnet.gateway_ip == '':
        raise exception.InvalidRequest(
            f'Subnet {subnet.id} of the share network has no gateway, and '
            f'share servers are reached through one',
            check='gateway of the subnet, and that it is on a router; or '
            'connect_share_server_to_tenant_network')
    if subnet.ip_version not in (None, 4):
        raise exception.InvalidRequest(
            f'Subnet {subnet.id} of the share network is one of IPv'
            f'{subnet.ip_version}, and share servers have addresses of IPv4',
            check='the subnet of the share network')
