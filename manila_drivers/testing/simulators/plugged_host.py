# SPDX-License-Identifier: Apache-2.0

"""The host of a share service that is plugged into networks of Neutron.

It knows ``ip`` and ``ovs-vsctl``, as far as a driver needs them, keeps
interfaces, addresses and routes, and tells what can be reached from here.
What it does not know is an error.
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import ipaddress
import json
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers.transport import command

Interface = ipaddress.IPv4Interface
#: Id of a port, or name of its interface -> its MAC address and addresses if
#: it is bound to this host, else None.
PortOf = Callable[[str], tuple[str, frozenset[str]] | None]


@dataclasses.dataclass
class HostNic:
    """An interface; ``port`` is what Open vSwitch knows it as."""

    name: str
    mac: str
    up: bool = False
    addresses: list[Interface] = dataclasses.field(default_factory=list)
    port: str = ''
    peer: str = ''


@dataclasses.dataclass(frozen=True)
class HostWay:
    """A route; those that came with an address are the kernel's."""

    to: str
    dev: str
    src: str = ''
    kernel: bool = True


class CommandRefused(Exception):
    """A command failed: exit code and standard error."""


class PluggedHost:
    """Commands of one host, as ``transport.local.Local`` runs them.

    :param ports: tells of a port of Neutron, by its id, what it is wired to;
        without it every port is.
    :param bridges: of Open vSwitch.
    """

    def __init__(self, ports: PortOf | None = None,
                 bridges: Iterable[str] = ('br-int',)) -> None:
        self._ports = ports
        self.bridges: dict[str, set[str]] = {each: set() for each in bridges}
        self.nics: dict[str, HostNic] = {}
        self.ways: list[HostWay] = []
        self.log: list[str] = []
        #: What the next commands say in place of being run.
        self.failures: list[str] = []
        self._made = 0
        self._lock = threading.RLock()
        self.add('eth0', '192.168.1.5/24')

    # -- an operator's hands ---------------------------------------------

    def add(self, name: str, *addresses: str) -> HostNic:
        """Add an interface that is up."""
        nic = self.nics[name] = HostNic(name, self._mac(), up=True)
        for each in addresses:
            self._add_address(nic, Interface(each))
        return nic

    def reboot(self) -> None:
        """Lose all but what Open vSwitch keeps, and the fixed interface."""
        with self._lock:
            for nic in list(self.nics.values()):
                if nic.name == 'eth0':
                    continue
                for each in list(nic.addresses):
                    self._del_address(nic, each)
                nic.up, nic.mac = False, self._mac()
                if not nic.port:
                    del self.nics[nic.name]

    def reaches(self, address: str) -> str:
        """Return the address by which packets leave for another, or ''.

        They do if the interface of the first route is up, and is wired to a
        port of Neutron that has its MAC address and its own address.
        """
        goal = ipaddress.IPv4Address(address)
        with self._lock:
            for way in self.ways:
                if goal not in ipaddress.IPv4Network(way.to):
                    continue
                nic = self.nics[way.dev]
                return self._wired(nic, goal) if nic.up else ''
        return ''

    def _wired(self, nic: HostNic, goal: ipaddress.IPv4Address) -> str:
        own = next((str(each.ip) for each in nic.addresses
                    if goal in each.network), '')
        if self._ports is None or not own:
            return own
        port = nic.port or self._veth(nic)
        told = self._ports(port) if port else None
        return own if told is not None and told[0] == nic.mac \
            and own in told[1] else ''

    def _veth(self, nic: HostNic) -> str:
        """Return the port that Neutron's bridge agent sees, by its name."""
        peer = self.nics.get(nic.peer)
        return peer.name if peer is not None and peer.up else ''

    def _mac(self) -> str:
        self._made += 1
        return f'0a:00:00:00:00:{self._made:02x}'

    # -- commands --------------------------------------------------------

    def words(self, cmd: command.Command) -> list[str]:
        return cmd.words()

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        if result.status in cmd.accept:
            return None
        return exception.BackendError(
            f'Command {cmd} failed with exit code {result.status}.',
            answer=result.stderr, status=result.status)

    def run(self, cmd: command.Command) -> command.Result:
        """Run a command; changes need root."""
        words = cmd.words()
        with self._lock:
            self.log.append(str(cmd))
            try:
                if self.failures:
                    raise CommandRefused(self.failures.pop(0))
                result = command.Result(self._run(cmd, words), '', 0)
            except CommandRefused as exc:
                result = command.Result('', str(exc), 1)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def _run(self, cmd: command.Command, words: list[str]) -> str:
        if words == ['ip', '-j', 'addr', 'show']:
            return json.dumps([self._shown(each)
                               for each in self.nics.values()])
        if words == ['ip', '-j', '-4', 'route', 'show']:
            return json.dumps([
                {'dst': 'default', 'gateway': '192.168.1.1', 'dev': 'eth0'},
                *map(_route, self.ways)])
        if not cmd.root:
            raise CommandRefused('RTNETLINK answers: Operation not '
                                 'permitted')
        if words == ['ip', '-batch', '-']:
            for number, line in enumerate((cmd.input() or '').splitlines(),
                                          1):
                try:
                    self._ip(line.split())
                except CommandRefused as exc:
                    raise CommandRefused(
                        f'{exc}\nCommand failed -:{number}') from exc
            return ''
        if words[0] == 'ip':
            self._ip(words[1:])
            return ''
        if words[0] == 'ovs-vsctl':
            self._ovs(words[1:])
            return ''
        raise CommandRefused(f'{words[0]}: command not found')

    def _shown(self, nic: HostNic) -> dict[str, Any]:
        flags = ['BROADCAST', 'MULTICAST', *(['UP'] if nic.up else [])]
        return {'ifname': nic.name, 'address': nic.mac, 'flags': flags,
                'addr_info': [
                    {'family': 'inet', 'local': str(each.ip),
                     'prefixlen': each.network.prefixlen, 'scope': 'global'}
                    for each in nic.addresses] + [
                    {'family': 'inet6', 'local': 'fe80::1', 'prefixlen': 64,
                     'scope': 'link'}]}

    def _nic(self, name: str) -> HostNic:
        if name not in self.nics:
            raise CommandRefused(f'Cannot find device "{name}"')
        return self.nics[name]

    def _ip(self, words: list[str]) -> None:
        match words:
            case ['link', 'set', 'dev', name, 'up']:
                self._up(self._nic(name))
            case ['link', 'set', 'dev', name, 'address', mac]:
                self._nic(name).mac = mac
            case ['link', 'add', name, 'type', 'veth', 'peer', 'name', peer]:
                self._veth_pair(name, peer)
            case ['link', 'delete', name]:
                self._delete(name)
            case ['addr', 'add', address, 'brd', _, 'scope', 'global', 'dev',
                  name]:
                self._add_address(self._nic(name), Interface(address))
            case ['addr', 'del', address, 'dev', name]:
                self._del_address(self._nic(name), Interface(address))
            case ['route', 'del', to, 'dev', name]:
                self._drop_route(to, name)
            case ['route', 'append', to, 'dev', name, 'proto', 'kernel',
                  'scope', 'link', *rest]:
                self._nic(name)
                self.ways.append(HostWay(to, name, rest[1] if rest else ''))
            case _:
                # Lines of a batch have no options: the whole has.
                raise CommandRefused(f'Object "{words[0]}" is unknown, try '
                                     '"ip help".')

    def _up(self, nic: HostNic) -> None:
        """Routes of addresses come when an interface goes up."""
        if nic.up:
            return
        nic.up = True
        for each in nic.addresses:
            self.ways.append(HostWay(str(each.network), nic.name,
                                     str(each.ip)))

    def _veth_pair(self, name: str, peer: str) -> None:
        if name in self.nics or peer in self.nics:
            raise CommandRefused('RTNETLINK answers: File exists')
        self.nics[name] = HostNic(name, self._mac(), peer=peer)
        self.nics[peer] = HostNic(peer, self._mac(), peer=name)

    def _add_address(self, nic: HostNic, address: Interface) -> None:
        if address in nic.addresses:
            raise CommandRefused('RTNETLINK answers: File exists')
        nic.addresses.append(address)
        if nic.up:
            self.ways.append(HostWay(str(address.network), nic.name,
                                 str(address.ip)))

    def _del_address(self, nic: HostNic, address: Interface) -> None:
        if address not in nic.addresses:
            raise CommandRefused('RTNETLINK answers: Cannot assign requested '
                                 'address')
        nic.addresses.remove(address)
        self.ways = [each for each in self.ways if not (
            each.dev == nic.name and each.src == str(address.ip))]

    def _drop_route(self, to: str, name: str) -> None:
        self._nic(name)
        found = next((each for each in self.ways
                      if (each.to, each.dev) == (to, name)), None)
        if found is None:
            raise CommandRefused('RTNETLINK answers: No such process')
        self.ways.remove(found)

    def _delete(self, name: str) -> None:
        nic = self._nic(name)
        for each in (name, nic.peer):
            self.nics.pop(each, None)
            self.ways = [way for way in self.ways if way.dev != each]

    def _ovs(self, words: list[str]) -> None:
        groups: list[list[str]] = [[]]
        for each in words:
            if each == '--':
                groups.append([])
            elif not each.startswith('--timeout'):
                groups[-1].append(each)
        for group in filter(None, groups):
            self._ovs_step(group)

    def _ovs_step(self, words: list[str]) -> None:
        match words:
            case ['--may-exist', 'add-port', bridge, name]:
                if bridge not in self.bridges:
                    raise CommandRefused(f'ovs-vsctl: no bridge named '
                                         f'{bridge}')
                self.bridges[bridge].add(name)
            case ['--if-exists', 'del-port', bridge, name]:
                self.bridges.get(bridge, set()).discard(name)
                if name in self.nics:
                    self._delete(name)
            case ['set', 'Interface', name, *columns]:
                self._interface(name, dict(
                    each.split('=', 1) for each in columns))
            case _:
                raise CommandRefused(f'ovs-vsctl: unknown command {words}')

    def _interface(self, name: str, columns: dict[str, str]) -> None:
        if all(name not in ports for ports in self.bridges.values()):
            raise CommandRefused(f'ovs-vsctl: no row "{name}" in table '
                                 f'Interface')
        if columns.get('type') == 'internal' and name not in self.nics:
            self.nics[name] = HostNic(name, self._mac())
        if 'external_ids:iface-id' in columns:
            self._nic(name).port = columns['external_ids:iface-id']


def _route(way: HostWay) -> dict[str, Any]:
    shown = {'dst': way.to, 'dev': way.dev, 'scope': 'link', 'flags': []}
    if way.kernel:
        shown['protocol'] = 'kernel'
    if way.src:
        shown['prefsrc'] = way.src
    return shown
