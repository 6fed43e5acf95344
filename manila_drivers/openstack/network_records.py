# SPDX-License-Identifier: Apache-2.0

"""Networks, subnets, ports and groups of Neutron as values.  Pure.

None is: not told.  Fields: the API reference of Neutron v2.0.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from manila_drivers.openstack import fields

_HOST = 'binding:host_id'
_KIND = 'binding:vif_type'


def _project(found: fields.Fields) -> str | None:
    return found.text('project_id') or found.text('tenant_id')


@dataclasses.dataclass(frozen=True)
class Net:
    """A network; ``subnets`` are ids."""

    id: str
    name: str | None = None
    project_id: str | None = None
    subnets: tuple[str, ...] | None = None
    shared: bool | None = None
    status: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Net':
        found = fields.Fields(data, 'network')
        return cls(id=found.ident(), name=found.text('name'),
                   project_id=_project(found), subnets=found.texts('subnets'),
                   shared=found.flag('shared'), status=found.text('status'))


@dataclasses.dataclass(frozen=True)
class Subnet:
    """A subnet.

    :param gateway_ip: '' is: it has none; None is: not told.
    :param name: '' is: it has none.
    """

    id: str
    name: str | None = None
    network_id: str | None = None
    cidr: str | None = None
    gateway_ip: str | None = None
    ip_version: int | None = None
    project_id: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Subnet':
        found = fields.Fields(data, 'subnet')
        # Here null is told: without a gateway.
        gateway = found.text('gateway_ip')
        if gateway is None and 'gateway_ip' in found.data:
            gateway = ''
        return cls(id=found.ident(), name=found.text('name'),
                   network_id=found.text('network_id'),
                   cidr=found.text('cidr'), gateway_ip=gateway,
                   ip_version=found.number('ip_version'),
                   project_id=_project(found))


@dataclasses.dataclass(frozen=True)
class FixedIp:
    """An address of a port."""

    subnet_id: str
    ip_address: str

    @classmethod
    def of(cls, found: fields.Fields) -> 'FixedIp':
        return cls(subnet_id=found.ident('subnet_id'),
                   ip_address=found.ident('ip_address'))


@dataclasses.dataclass(frozen=True)
class Port:
    """A port.

    Nova writes ``device_id`` and ``device_owner`` when a server uses it, and
    empties both when the server goes; the port stays.

    :param fixed_ips: () is: none.
    :param security_groups: ids.
    :param binding_host: '' is: unbound; told to administrators alone.
    :param plugged: how it is plugged in on that host; ``binding_failed`` is:
        no agent there could.
    """

    id: str
    name: str | None = None
    network_id: str | None = None
    project_id: str | None = None
    mac_address: str | None = None
    fixed_ips: tuple[FixedIp, ...] | None = None
    device_id: str | None = None
    device_owner: str | None = None
    security_groups: tuple[str, ...] | None = None
    port_security: bool | None = None
    binding_host: str | None = None
    tags: tuple[str, ...] | None = None
    status: str | None = None
    plugged: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Port':
        found = fields.Fields(data, 'port')
        addresses = found.rows('fixed_ips', 'address of a port')
        return cls(
            id=found.ident(), name=found.text('name'),
            network_id=found.text('network_id'), project_id=_project(found),
            mac_address=found.text('mac_address'),
            fixed_ips=None if addresses is None else tuple(
                FixedIp.of(each) for each in addresses),
            device_id=found.text('device_id'),
            device_owner=found.text('device_owner'),
            security_groups=found.texts('security_groups'),
            port_security=found.flag('port_security_enabled'),
            binding_host=found.text(_HOST), tags=found.texts('tags'),
            status=found.text('status'),
            plugged=found.text(_KIND))


@dataclasses.dataclass(frozen=True)
class Router:
    """A router."""

    id: str
    name: str | None = None
    project_id: str | None = None
    status: str | None = None

    @classmethod
    def of(cls, data: Any) -> 'Router':
        found = fields.Fields(data, 'router')
        return cls(id=found.ident(), name=found.text('name'),
                   project_id=_project(found), status=found.text('status'))


@dataclasses.dataclass(frozen=True)
class SecurityRule:
    """A rule of a security group; all but the id say what it lets through.

    :param direction: ``ingress`` or ``egress``.
    :param ethertype: ``IPv4`` or ``IPv6``.
    :param protocol: such as tcp, udp, icmp; None for any.
    :param port_min: with ``port_max`` the ports; None for all.
    :param remote: network that it holds for; None for any, unless
        ``remote_group`` names a group, of ports or of addresses.
    """

    direction: str
    ethertype: str = 'IPv4'
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote: str | None = None
    remote_group: str | None = None
    id: str | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def of(cls, data: Any) -> 'SecurityRule':
        found = fields.Fields(data, 'rule of a security group')
        for each in ('protocol', 'port_range_min', 'port_range_max',
                     'remote_ip_prefix', 'remote_group_id'):
            if each not in found.data:
                # Taken for "any", it would pass for a wider rule than it is.
                raise fields.untold(found, each)
        return cls(id=found.ident(), direction=found.ident('direction'),
                   ethertype=found.ident('ethertype'),
                   protocol=found.text('protocol'),
                   port_min=found.number('port_range_min'),
                   port_max=found.number('port_range_max'),
                   remote=found.text('remote_ip_prefix'),
                   remote_group=found.text('remote_group_id')
                   or found.text('remote_address_group_id'))

    def body(self, group: str) -> Mapping[str, Any]:
        """Return the rule as it is asked for; Neutron wants no nulls."""
        told = {'protocol': self.protocol, 'port_range_min': self.port_min,
                'port_range_max': self.port_max,
                'remote_ip_prefix': self.remote,
                'remote_group_id': self.remote_group}
        return {'security_group_id': group, 'direction': self.direction,
                'ethertype': self.ethertype,
                **{key: value for key, value in told.items()
                   if value is not None}}


@dataclasses.dataclass(frozen=True)
class SecurityGroup:
    """A security group with its rules; ``rules`` None is: not told."""

    id: str
    name: str | None = None
    project_id: str | None = None
    rules: tuple[SecurityRule, ...] | None = None

    @classmethod
    def of(cls, data: Any) -> 'SecurityGroup':
        found = fields.Fields(data, 'security group')
        rules = found.rows('security_group_rules',
                           'rule of a security group')
        return cls(id=found.ident(), name=found.text('name'),
                   project_id=_project(found),
                   rules=None if rules is None else tuple(
                       SecurityRule.of(each.data) for each in rules))
