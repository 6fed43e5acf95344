# SPDX-License-Identifier: Apache-2.0

"""Tell what a set of rules means: the model that backends are held against.

For addresses the most specific rule decides
(:func:`manila_drivers.networks.level_for`); a name has what the rule for it
says.  Rules that cannot be honoured are to be refused one by one, and what
is refused must be refused for a reason.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import functools
import ipaddress

from manila_drivers import access
from manila_drivers import networks
from manila_drivers.testing.conformance import lab

Level = lab.Level
Rule = access.Rule

#: Addresses that no history has a narrow rule for.
STRANGERS = ('203.0.113.77', '10.200.3.4', '2001:db8:ffff::77')
RANK = {None: 0, 'ro': 1, 'rw': 2}


def impossible(rule: Rule, able: lab.Access) -> str:
    """Why a rule can never be honoured, or ''."""
    if rule.type not in able.types:
        return f'type {rule.type}'
    if rule.level not in able.levels:
        return f'level {rule.level}'
    if rule.type == 'ip':
        network = network_of(rule)
        if network is None:
            return 'no network'
        if network.version not in able.ip_versions:
            return f'IPv{network.version}'
    return ''


def network_of(rule: Rule) -> networks.Network | None:
    network = networks.parse(rule.to)
    return None if network is None else networks.plain(network)


def rivals(rule: Rule, rules: Iterable[Rule]) -> bool:
    """Tell if another rule names the same network with another level."""
    network = network_of(rule) if rule.type == 'ip' else None
    return network is not None and any(
        other.type == 'ip' and other.level != rule.level
        and network_of(other) == network for other in rules)


def level(rules: Iterable[Rule], client: str) -> Level:
    """Return what rules that are all honoured give a client."""
    address = _address(client)
    if address is None:
        found = {rule.level for rule in rules
                 if rule.type != 'ip' and rule.to == client}
        return 'rw' if 'rw' in found else 'ro' if found else None
    return networks.level_for(granted(rules), address)


def expected(rules: Iterable[Rule], kept_out: Iterable[Rule],
             clients: Iterable[str], able: lab.Access) -> dict[str, Level]:
    """Return what clients shall have after a change of rules.

    :param kept_out: rules of it that may only read, and were refused.
    """
    rules = tuple(rules)
    found = levels(rules, clients)
    if able.keeps_out:
        narrow = levels((*rules, *kept_out), found)
        found = {client: None if narrow[client] == 'ro' else given
                 for client, given in found.items()}
    return found


def granted(rules: Iterable[Rule]) -> Mapping[networks.Network, str]:
    return access.ip_grants(
        rule for rule in rules if rule.type == 'ip').levels


def levels(rules: Iterable[Rule],
           clients: Iterable[str]) -> dict[str, Level]:
    kept = tuple(rules)
    grants = granted(kept)
    found: dict[str, Level] = {}
    for client in clients:
        address = _address(client)
        found[client] = (level(kept, client) if address is None
                         else networks.level_for(grants, address))
    return found


def clients(rules: Iterable[Rule], able: lab.Access,
            ) -> tuple[str, ...]:
    """Whom to ask about: the edges of every network, and outsiders.

    Between two edges nothing changes, so that they stand for everybody.
    """
    found = dict.fromkeys(
        address for address in STRANGERS
        if ipaddress.ip_address(address).version in able.ip_versions) \
        if 'ip' in able.types else {}
    for rule in rules:
        if rule.type == 'ip':
            network = network_of(rule)
            if network is not None and 'ip' in able.types \
                    and network.version in able.ip_versions:
                found.update(dict.fromkeys(_edges(network)))
        elif rule.type in able.types:
            found.update(dict.fromkeys((rule.to, rule.to + '-stranger')))
    if not able.types <= {'ip'}:
        found['nobody.example.org'] = None
    return tuple(found)


def _edges(network: networks.Network) -> list[str]:
    first = int(network.network_address)
    last = int(network.broadcast_address)
    kind = type(network.network_address)
    top = 2 ** network.max_prefixlen - 1
    return [str(kind(number)) for number in
            (first - 1, first, last, last + 1) if 0 <= number <= top]


@functools.lru_cache(maxsize=65536)
def _address(client: str) -> networks.Address | None:
    try:
        return ipaddress.ip_address(client)
    except ValueError:
        return None
