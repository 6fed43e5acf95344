# SPDX-License-Identifier: Apache-2.0

"""Security groups of service instances, as they have to be.  Pure."""

from collections.abc import Sequence
import ipaddress

from manila_drivers import exception
from manila_drivers.openstack import records

_ANY = '0.0.0.0/0'
# Names that Neutron has for what TCP is of; 0 is any.
_TCP = ('tcp', '6', 'any', '0')


def rules(ssh_port: int, *, limit_ssh: bool) -> tuple[records.SecurityRule,
                                                      ...]:
    """Return what may come in: CIFS, NFSv4, ping, and SSH.

    The last one tells that the others are there, too: they are added in this
    order.
    """
    found = [_ingress('tcp', 445, 445), _ingress('tcp', 137, 139),
             _ingress('udp', 137, 139), _ingress('udp', 445, 445),
             _ingress('tcp', 2049, 2049), _ingress('udp', 2049, 2049)]
    if not limit_ssh:
        found.append(_ingress('tcp', ssh_port, ssh_port))
    return (*found, _ingress('icmp', None, None))


def ssh_rule(ssh_port: int, cidr: str) -> records.SecurityRule:
    """Return what lets one subnet log in."""
    return _ingress('tcp', ssh_port, ssh_port, cidr)


def _ingress(protocol: str, low: int | None, high: int | None,
             remote: str = _ANY) -> records.SecurityRule:
    return records.SecurityRule('ingress', 'IPv4', protocol, low, high,
                                remote)


def named(groups: Sequence[records.SecurityGroup],
          name: str) -> records.SecurityGroup | None:
    """Return the group of a name, None if there is none.

    :raises Conflict: there are several.
    """
    found = [each for each in groups if each.name == name]
    if len(found) > 1:
        raise exception.Conflict(
            f'There are {len(found)} security groups called {name} in the '
            f"service's project", answer=', '.join(
                sorted(each.id for each in found)),
            check='service_instance_security_group: rename or delete all '
            'but one')
    return found[0] if found else None


def missing(group: records.SecurityGroup | None,
            wanted: Sequence[records.SecurityRule],
            ) -> tuple[records.SecurityRule, ...]:
    """Return the rules that are to be added.

    None to a group that was finished once: what an operator has taken out of
    it stays out.
    """
    if group is None:
        return tuple(wanted)
    if group.rules is None:
        raise exception.BackendError(
            f'Security group {group.id} does not tell its rules',
            check='the roles of the user in [neutron]')
    there = {_plain(each) for each in group.rules}
    if _plain(wanted[-1]) in there:
        return ()
    return tuple(each for each in wanted if _plain(each) not in there)


def _plain(rule: records.SecurityRule) -> tuple[object, ...]:
    """Return a rule in one of the ways in which Neutron may tell it."""
    remote = rule.remote
    if remote is not None:
        network = ipaddress.ip_network(remote, strict=False)
        remote = str(network) if network.prefixlen else None
    return (rule.direction.lower(), rule.ethertype.lower(),
            (rule.protocol or '').lower(), rule.port_min, rule.port_max,
            remote, rule.remote_group)


def check_limit(group: records.SecurityGroup | None, ssh_port: int) -> None:
    """Raise ConfigurationError if a group lets everybody log in.

    For limit_ssh_access, which would have no effect then.
    """
    for rule in (group.rules or ()) if group is not None else ():
        if (_lets_in(rule, ssh_port) and rule.remote_group is None
                and _plain(rule)[5] is None):
            assert group is not None
            raise exception.ConfigurationError(
                'limit_ssh_access', f'has no effect: security group '
                f'{group.name} ({group.id}) lets everybody reach port '
                f'{ssh_port}',
                check='that rule of the group, which older instances may '
                'need; or another service_instance_security_group')


def is_closed(group: records.SecurityGroup | None, ssh_port: int) -> bool:
    """Tell if a group lets nobody at all log in; not told is no."""
    return group is not None and group.rules is not None and not any(
        _lets_in(rule, ssh_port) for rule in group.rules)


def _lets_in(rule: records.SecurityRule, port: int) -> bool:
    """Tell if a rule lets somebody reach a port of TCP."""
    return (rule.direction == 'ingress'
            and (rule.protocol or 'tcp').lower() in _TCP
            and (rule.port_min or 0) <= port
            <= (65535 if rule.port_max is None else rule.port_max))
