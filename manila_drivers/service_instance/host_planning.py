# SPDX-License-Identifier: Apache-2.0

"""Interfaces, addresses and routes of this host in the networks of instances.

Pure: what ``ip -j`` said goes in, lines for ``ip -batch`` come out.  Open
vSwitch and Neutron's bridge agent find an interface by its name, which is
made of the id of the port.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import ipaddress
import json
from typing import Any

from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.transport import command

Interface = ipaddress.IPv4Interface

#: How the interface that has the addresses begins, by the kind of plugging.
PREFIXES = {'ovs': 'tap', 'bridge': 'ns-'}
#: Seconds for one command of this host.
TIMEOUT = 30.0


@dataclasses.dataclass(frozen=True)
class HostDevice:
    """An interface; ``addresses`` are those of IPv4 that stay."""

    name: str
    mac: str = ''
    up: bool = False
    addresses: tuple[Interface, ...] = ()


@dataclasses.dataclass(frozen=True)
class HostRoute:
    """A route of the main table, in the order in which they are tried.

    :param kernel: it came with an address.
    """

    to: str
    device: str
    kernel: bool = False
    source: str = ''


@dataclasses.dataclass(frozen=True)
class HostPort:
    """A port of this host and the addresses that it has in Neutron.

    :param only: no other old interface may lead there: the network of
        administrators.
    """

    id: str
    mac: str
    addresses: tuple[Interface, ...]
    only: bool = False

    def device(self, kind: str) -> str:
        """Return the name of its interface."""
        return names.device(PREFIXES[kind], self.id)


def devices(text: str) -> tuple[HostDevice, ...]:
    """Read the answer of ``ip -j addr show``."""
    return tuple(
        HostDevice(str(row['ifname']), str(row.get('address') or '').lower(),
               'UP' in row.get('flags', ()),
               tuple(Interface((str(each['local']), int(each['prefixlen'])))
                     for each in row.get('addr_info', ())
                     if each.get('family') == 'inet'
                     and each.get('scope') == 'global'
                     and not each.get('dynamic')))
        for row in _rows(text, 'addresses'))


def routes(text: str) -> tuple[HostRoute, ...]:
    """Read the answer of ``ip -j -4 route show``."""
    return tuple(
        HostRoute(str(row['dst']), str(row.get('dev') or ''),
              row.get('protocol') == 'kernel', str(row.get('prefsrc') or ''))
        for row in _rows(text, 'routes'))


def _rows(text: str, what: str) -> list[Any]:
    try:
        found = json.loads(text or '[]')
        # Empty records stand for what a filter has left out.
        return [row for row in found if row]
    except (ValueError, TypeError) as exc:
        raise exception.BackendError(
            f'The answer about {what} of this host is not understood',
            answer=text[:200], check='ip -j, which needs iproute2 of 2018 '
            'or later') from exc


def plug(port: HostPort, kind: str, bridge: str) -> command.Command:
    """Return the command that makes the interface of a port."""
    device = port.device(kind)
    if kind == 'bridge':
        return command.Command.of(
            'ip', 'link', 'add', names.device('tap', port.id), 'type', 'veth',
            'peer', 'name', device, root=True, timeout=TIMEOUT)
    return command.Command.of(
        'ovs-vsctl', '--timeout=20', '--', '--may-exist', 'add-port', bridge,
        device, '--', 'set', 'Interface', device, 'type=internal',
        f'external_ids:iface-id={port.id}',
        'external_ids:iface-status=active',
        f'external_ids:attached-mac={port.mac}', root=True, timeout=TIMEOUT)


def unplug(device: str, kind: str, bridge: str) -> command.Command:
    """Return the command that removes an interface; none is fine."""
    if kind == 'bridge':
        return command.Command.of('ip', 'link', 'delete', device, root=True,
                                  timeout=TIMEOUT)
    return command.Command.of(
        'ovs-vsctl', '--timeout=20', '--', '--if-exists', 'del-port', bridge,
        device, root=True, timeout=TIMEOUT)


def stale(found: Sequence[HostDevice], port: HostPort, kind: str,
          living: Collection[str]) -> list[str]:
    """Return interfaces of ports that are gone, with our addresses.

    :param living: ids of all ports of Manila's hosts: another service on
        this machine may have a port of its own.
    """
    keep = {names.device(prefix, ident) for ident in living
            for prefix in ('tap', 'ns-')} | {port.device(kind)}
    nets = {each.network for each in port.addresses}
    return [each.name for each in found
            if each.name.startswith(PREFIXES[kind]) and each.name not in keep
            and any(one.network in nets for one in each.addresses)]


def configure(found: Sequence[HostDevice], ways: Sequence[HostRoute],
              port: HostPort, kind: str) -> list[str]:
    """Return lines for ``ip -batch`` that make an interface as wanted.

    Lines of a batch have no options; the addresses tell the family.

    None if it is so already.
    """
    name = port.device(kind)
    device = next((each for each in found if each.name == name),
                  HostDevice(name))
    return [*_link(found, device, port, kind), *_addresses(device, port),
            *_routes(ways, port, name)]


def _link(found: Sequence[HostDevice], device: HostDevice, port: HostPort,
          kind: str) -> Iterator[str]:
    if device.mac != port.mac.lower():
        yield f'link set dev {device.name} address {port.mac}'
    if not device.up:
        yield f'link set dev {device.name} up'
    if kind == 'bridge':
        tap = names.device('tap', port.id)
        if not any(each.name == tap and each.up for each in found):
            yield f'link set dev {tap} up'


def _addresses(device: HostDevice, port: HostPort) -> Iterator[str]:
    for each in port.addresses:
        if each not in device.addresses:
            brd = each.network.broadcast_address
            yield (f'addr add {each} brd {brd} scope global '
                   f'dev {device.name}')
    for each in device.addresses:
        if each not in port.addresses:
            yield f'addr del {each} dev {device.name}'


def _routes(ways: Sequence[HostRoute], port: HostPort,
            name: str) -> Iterator[str]:
    """Let our interface be the way into each of its networks.

    A rival that is tried before ours is put behind it.  The kernel adds ours
    together with its address, behind what is there.
    """
    for each in port.addresses:
        to = str(each.network)
        for way in ways:
            if way.to != to:
                continue
            if way.device == name:
                break
            if port.only and way.device.startswith(('tap', 'ns-')):
                yield f'route del {to} dev {way.device}'
            elif way.kernel:
                source = f' src {way.source}' if way.source else ''
                yield f'route del {to} dev {way.device}'
                yield (f'route append {to} dev {way.device} proto kernel '
                       f'scope link{source}')


def batch(lines: Sequence[str]) -> command.Command:
    """Return the one command that carries out the lines."""
    return command.Command.of(
        'ip', '-batch', '-', stdin='\n'.join([*lines, '']), root=True,
        timeout=TIMEOUT)


def look_devices() -> command.Command:
    """Return the question for all interfaces with their addresses."""
    return command.Command.of('ip', '-j', 'addr', 'show', timeout=TIMEOUT)


def look_routes() -> command.Command:
    """Return the question for all routes of IPv4."""
    return command.Command.of('ip', '-j', '-4', 'route', 'show',
                              timeout=TIMEOUT)
