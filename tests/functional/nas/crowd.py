# SPDX-License-Identifier: Apache-2.0

"""A host that has all the addresses of the world, for asking servers."""

from collections.abc import Iterable
import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import threading
import typing as ty

from tests import patience
from tests.functional.lab import box
from tests.functional.lab import network

# For a thousand addresses, asked of a guest on a busy machine.
_SECONDS = patience.seconds(500.0)

ROOT = pathlib.Path(__file__).parents[3]


class NotAnswered(AssertionError):
    """A server did not answer, or not what can be understood."""


class Crowd:
    """Clients of any address, behind one host of the network.

    Servers have to send what is for them to ``ipv4`` and ``ipv6``; see
    :meth:`routes`.
    """

    def __init__(self, net: network.Network, name: str = 'crowd') -> None:
        self.ipv4, self.ipv6 = net.ipv4(name), net.ipv6(name)
        self.box = net.host(name)
        self._lock = threading.Lock()
        # All addresses are its own but those of the network it is in, and
        # its ports are those that servers want of clients.
        self.box.shell("""
            echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
            echo 100 1023 > /proc/sys/net/ipv4/ip_local_port_range
            echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
            ip route add "$1" dev eth0 table local
            ip route add local 0.0.0.0/1 dev lo table local
            ip route add local 128.0.0.0/1 dev lo table local
            ip -6 route add "$2" dev eth0 table local
            ip -6 route add local ::/1 dev lo table local
            ip -6 route add local 8000::/1 dev lo table local
            """, *net.networks)
        self._process = self.box.popen(
            [sys.executable, '-m', 'tests.functional.nas.asker'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT)})

    def routes(self) -> str:
        """A script for servers."""
        return (f'ip route replace default via {self.ipv4};'
                f' ip -6 route replace default via {self.ipv6}')

    def gets(self, server: str, path: str, sources: Iterable[str],
             server6: str) -> dict[str, str | None]:
        """Return what addresses get there: rw, ro or None, tried by writing.

        :raises NotAnswered: the server is not there.
        """
        found: dict[str, str | None] = {}
        for here, version in ((server, 4), (server6, 6)):
            some = [source for source in dict.fromkeys(sources)
                    if ipaddress.ip_address(source).version == version]
            if some:
                found.update(zip(some, self._ask(
                    'gets', here, path, some), strict=True))
        return found

    def handle(self, server: str, path: str, source: str) -> str:
        return str(self._ask('handle', server, path, source))

    def holds(self, server: str, handle: str, source: str) -> str | None:
        found: str | None = self._ask('holds', server, handle, source)
        return found

    def _ask(self, *request: ty.Any) -> ty.Any:
        assert self._process.stdin
        with self._lock:
            self._process.stdin.write(json.dumps(request) + '\n')
            self._process.stdin.flush()
            line = box.said(self._process, _SECONDS)
        if not line:
            raise NotAnswered('the crowd is gone')
        outcome, value = json.loads(line)
        if outcome != 'ok':
            raise NotAnswered(f'{request[1]}: {value}')
        return value


def possible(source: str) -> bool:
    """Return whether a client can have this address at all."""
    address = ipaddress.ip_address(source)
    special = ('0.0.0.0/32', '255.255.255.255/32', '127.0.0.0/8',
               '224.0.0.0/4', '::/128', '::1/128', 'ff00::/8', 'fe80::/10')
    return not any(
        address in network for network in map(ipaddress.ip_network, special)
        if network.version == address.version)
