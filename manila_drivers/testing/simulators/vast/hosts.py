# SPDX-License-Identifier: Apache-2.0

"""Host strings of a view policy: which exist, and whom they mean.

An address matches ``address & mask == value``; that covers single addresses,
networks, wildcards per octet and ``*`` alike.
"""

import functools
import ipaddress
import re
from typing import NamedTuple

_OCTET = re.compile(r'[0-9]{1,3}|\*')
_NETGROUP = re.compile(r'@[\w.:-]+')


class Entry(NamedTuple):
    """:param version: 4, 6, or 0 for both; -1 is a netgroup."""

    deny: bool
    version: int
    mask: int
    value: int
    netgroup: str = ''

    def matches(self, version: int, number: int) -> bool:
        return (self.version in (0, version)
                and number & self.mask == self.value)

    def meets(self, other: 'Entry') -> 'Entry | None':
        """The hosts that both mean, or None."""
        versions = {self.version, other.version} - {0}
        if len(versions) > 1 or -1 in versions:
            return None
        if (self.value ^ other.value) & self.mask & other.mask:
            return None
        return Entry(False, max(self.version, other.version),
                     self.mask | other.mask, self.value | other.value)

    def covers(self, other: 'Entry') -> bool:
        """Return whether it means every host that ``other`` means."""
        return (self.version in (0, other.version)
                and not self.mask & ~other.mask
                and other.value & self.mask == self.value)


@functools.lru_cache(maxsize=65536)
def number_of(address: str) -> tuple[int, int]:
    """Version and number of an address."""
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


@functools.lru_cache(maxsize=65536)
def parse(text: str) -> Entry:
    """:raises ValueError: not a host string."""
    deny = text.startswith('~')
    body = text[1:] if deny else text
    if body.startswith('@'):
        if deny or not _NETGROUP.fullmatch(body):
            raise ValueError(text)
        return Entry(False, -1, 0, 0, body[1:])
    if body == '*':
        if deny:
            raise ValueError(text)
        return Entry(False, 0, 0, 0)
    if '*' in body:
        return _wildcard(deny, body)
    return _network(deny, body)


def _wildcard(deny: bool, body: str) -> Entry:
    octets = body.split('.')
    if len(octets) != 4 or not all(map(_OCTET.fullmatch, octets)):
        raise ValueError(body)
    mask = value = 0
    for octet in octets:
        number = 0 if octet == '*' else int(octet)
        if number > 255:
            raise ValueError(body)
        mask = mask << 8 | (0 if octet == '*' else 255)
        value = value << 8 | number
    return Entry(deny, 4, mask, value)


def _network(deny: bool, body: str) -> Entry:
    address, slash, length = body.partition('/')
    if slash and not length.isdecimal():   # no 10.0.0.0/255.0.0.0
        raise ValueError(body)
    if '%' in address:
        raise ValueError(body)
    network = ipaddress.ip_network(body, strict=False)
    return Entry(deny, network.version, int(network.netmask),
                 int(network.network_address))
