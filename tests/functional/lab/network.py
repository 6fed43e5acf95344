# SPDX-License-Identifier: Apache-2.0

"""A switch in a box, and the hosts on it.

The addresses are those reserved for documentation, so that what is recorded
here can be shown anywhere.
"""

import subprocess

from tests.functional.lab import box

_IPV4 = '192.0.2.%d'


class Network:
    """A bridge in ``room``, which is itself the first host on it.

    :param ipv6: the first half of its addresses.
    """

    def __init__(self, room: box.Box, ipv6: str = '2001:db8') -> None:
        self.room = room
        self._ipv6 = ipv6
        self._hosts: dict[str, int] = {}
        room.shell('ip link set lo up; ip link add switch type bridge;'
                   ' ip link set switch up; hostname "$0"')
        self._address(room, 'switch')

    def ipv4(self, name: str) -> str:
        return _IPV4 % self.number(name)

    def ipv6(self, name: str) -> str:
        return f'{self._ipv6}::{self.number(name):x}'

    @property
    def networks(self) -> tuple[str, str]:
        """All of its addresses, of IPv4 and of IPv6."""
        return f'{_IPV4 % 0}/24', f'{self._ipv6}::/64'

    def number(self, name: str) -> int:
        """The last part of a host's addresses; a new name gets the next."""
        return self._hosts.setdefault(name, len(self._hosts) + 1)

    def host(self, name: str) -> box.Box:
        """A box with a network of its own, plugged into the switch."""
        inside = box.Box(name, self.room)
        # Entering the network only: the process is named by the number that
        # the machine has given it, which the room does not know.
        subprocess.run(
            ['nsenter', '--target', str(self.room.pid), '--net', 'ip', 'link',
             'add', _port(name), 'type', 'veth',
             'peer', 'name', 'eth0', 'netns', str(inside.pid)],
            check=True, timeout=box.SECONDS)
        self.room.run('ip', 'link', 'set', _port(name), 'master', 'switch',
                      'up')
        inside.shell('ip link set lo up; ip link set eth0 up; hostname "$0"')
        self._address(inside, 'eth0')
        return inside

    def tap(self, name: str) -> str:
        """The interface that a virtual machine is to be plugged into."""
        self.room.shell(
            'ip tuntap add "$1" mode tap; ip link set "$1" master switch up',
            _port(name))
        return _port(name)

    def _address(self, host: box.Box, interface: str) -> None:
        host.shell('ip address add "$2/24" dev "$1";'
                   ' ip address add "$3/64" dev "$1" nodad',
                   interface, self.ipv4(host.name), self.ipv6(host.name))


def _port(name: str) -> str:
    """Return the name of the switch's side; the kernel takes 15 characters."""
    return f'to-{name}'[:15]
