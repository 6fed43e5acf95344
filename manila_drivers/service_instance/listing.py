# SPDX-License-Identifier: Apache-2.0

"""Everything in OpenStack that was made for share servers, as lists tell.

Five lists, however many share servers there are.  What is kept for the next
share server (the network, the group of all instances, key pairs, and subnets
without a name) is none's, and is left out.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import re
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.openstack import cloud
from manila_drivers.openstack import records
from manila_drivers.service_instance import names

T = TypeVar('T')

INSTANCE, PORT, SUBNET, GROUP, VOLUME = (
    'service instance', 'port', 'service subnet', 'security group',
    'boot volume')
_PORT = re.compile('manila-(?:%s)-(?P<server>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}'
                   '-[0-9a-f]{12})' % '|'.join(names.PORTS))


def read(services: cloud.Cloud, made_by: str, listed: Iterable[Any],
         ) -> tuple[tuple[inventory.SeenPart, ...], list[str]]:
    """Return the parts of share servers, and what could not be read.

    :param made_by: host and backend of the share service.
    :param listed: volumes of Cinder.
    """
    unread: list[str] = []

    def told(what: str, ask: Callable[[], list[T]]) -> list[T] | None:
        found, error = exception.caught(ask)
        if found is None:
            unread.append(f'the list of {what}: {error}')
        return found
    network = services.networks
    servers = told('servers of Nova', services.compute.servers)
    ports = told('ports', lambda: network.ports(
        project_id=network.project_id()))
    subnets = told('subnets', network.subnets)
    groups = told('security groups', network.security_groups)
    parts = [*_instances(servers or (), made_by), *_volumes(listed, made_by)]
    parts += _ports(ports or ())
    if ports is not None:
        parts += _subnets(subnets or (), ports)
    if subnets is not None:
        parts += _groups(groups or (), {one.id for one in subnets})
    return tuple(parts), unread


def _instances(found: Iterable[records.Server],
               made_by: str) -> Iterator[inventory.SeenPart]:
    for one in found:
        marks = one.metadata or {}
        if marks.get(names.MADE_BY) == made_by:
            yield inventory.SeenPart(
                INSTANCE, f'{one.name or ""} ({one.id})',
                marks.get(names.SHARE_SERVER) or '',
                one.status or 'in no status that is told')


def _volumes(found: Iterable[Any],
             made_by: str) -> Iterator[inventory.SeenPart]:
    for one in found:
        marks = one.metadata or {}
        if marks.get(names.SHARE_SERVER) and marks.get(
                names.MADE_BY, made_by) == made_by:
            yield inventory.SeenPart(
                VOLUME, f'{one.name or ""} ({one.id})',
                marks[names.SHARE_SERVER], one.status or 'not told')


def _ports(found: Iterable[records.Port]) -> Iterator[inventory.SeenPart]:
    for one in found:
        match = _PORT.fullmatch(one.name or '')
        if match:
            yield inventory.SeenPart(
                PORT, f'{one.name} ({one.id})', match['server'],
                'with ' + ', '.join(each.ip_address or '?' for each
                                    in one.fixed_ips or ()) or 'without any')


def _subnets(found: Iterable[records.Subnet],
             ports: Iterable[records.Port]) -> Iterator[inventory.SeenPart]:
    """Yield those that are named for users, and serve no share server."""
    used = {fixed.subnet_id for port in ports
            if _PORT.fullmatch(port.name or '')
            for fixed in port.fixed_ips or ()}
    for one in found:
        if one.id not in used and (one.name or '').startswith(
                names.subnet('')):
            yield inventory.SeenPart(
                SUBNET, f'{one.name} ({one.id})', '',
                f'{one.cidr}, with no port of a share server')


def _groups(found: Iterable[records.SecurityGroup],
            subnets: Iterable[str]) -> Iterator[inventory.SeenPart]:
    """Yield those that let subnets log in that are not there."""
    there = {names.ssh_group(each) for each in subnets}
    for one in found:
        if (one.name or '').startswith(names.ssh_group('')) \
                and one.name not in there:
            yield inventory.SeenPart(
                GROUP, f'{one.name} ({one.id})', '', 'of no subnet')
