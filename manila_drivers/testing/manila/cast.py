# SPDX-License-Identifier: Apache-2.0

"""The clients of a play, and how access rules name them."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import ipaddress

from manila_drivers import networks

# Addresses that are reserved for examples.
NETWORK = '198.51.100.0/24'
HOST = '198.51.100.7'
NEIGHBOUR = '198.51.100.9'
SINGLE = '192.0.2.10'
STRANGER = '203.0.113.5'
PROBES = (HOST, NEIGHBOUR, SINGLE, STRANGER)

# Common names of certificates.
TENANTS = tuple('tenant-%s.example.org' % name for name in 'abcde')

# Accounts in the directory that Samba asks.
_USERS = ('alice', 'robert', 'carol', 'dave', 'erin')


def decided(rules: Mapping[str, str], address: str) -> str | None:
    """Return what the rules give an address: the most specific one decides."""
    return networks.level_for({ipaddress.ip_network(to): level
                               for to, level in rules.items()}, address)


def named(rules: Mapping[str, str], name: str) -> str | None:
    """Return what the rules give a user or certificate: its own one."""
    return rules.get(name)


@dataclasses.dataclass(frozen=True)
class Cast:
    """Who plays which part.

    kind: type of the rules; wide, narrow, single, late, stranger: targets of
    rules, of which the first two may overlap; probes: clients whose access is
    looked at; mixed: whether one share can have rules of both levels; decide:
    what rules (level by target) give a client.
    """

    kind: str
    wide: str
    narrow: str
    single: str
    late: str
    stranger: str
    probes: tuple[str, ...]
    mixed: bool
    decide: Callable[[Mapping[str, str], str], str | None]


ADDRESSES = Cast(
    'ip', wide=NETWORK, narrow=HOST, single=SINGLE, late=NEIGHBOUR,
    stranger=STRANGER, probes=PROBES, mixed=True, decide=decided)
USERS = Cast(
    'user', wide=_USERS[0], narrow=_USERS[1], single=_USERS[2],
    late=_USERS[3], stranger=_USERS[4], probes=_USERS, mixed=True,
    decide=named)
CERTIFICATES = Cast(
    'cert', wide=TENANTS[0], narrow=TENANTS[1], single=TENANTS[2],
    late=TENANTS[3], stranger=TENANTS[4], probes=TENANTS, mixed=False,
    decide=named)
