# SPDX-License-Identifier: Apache-2.0

"""Removal from Neutron of all that belonged to an instance.

Everything may be missing: details after an interruption, objects after an
earlier tear-down.  A subnet that others use stays as it is.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers.openstack import networks
from manila_drivers.openstack import records
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network_steps
from manila_drivers.service_instance import subnets

LOG = logging.getLogger(__name__)

#: What begins the names of our service subnets.
_OURS = names.subnet('')


def ports_of(neutron: networks.Networks, server_id: str,
             parts: Iterable[str] = names.PORTS,
             ) -> list[tuple[str, records.Port]]:
    """Return the ports of a share server that exist, with their part.

    They have names from the moment they are made; who owns and uses them is
    changed by Nova.  One may be there twice, after an answer that was lost.
    """
    wanted = {names.port(part, server_id): part for part in parts}
    return [(wanted[each.name or ''], each) for each in neutron.ports(
        name=list(wanted), project_id=neutron.project_id())]


def addresses_of_router(neutron: networks.Networks,
                        router: str) -> tuple[subnets.IPv4, ...]:
    """Return the networks that a router is connected to."""
    idents = {each.subnet_id for port in neutron.ports(device_id=router)
              for each in port.fixed_ips or ()}
    found = (subnets.network_of(neutron.subnet(ident))
             for ident in sorted(idents))
    return tuple(each for each in found if each is not None)


class Teardown:
    """Removes ports, and frees the subnet if nobody else is in it."""

    def __init__(self, neutron: networks.Networks) -> None:
        self._neutron = neutron

    def run(self, details: Mapping[str, Any]) -> None:
        """Remove what the details name, and what carries the server's name.

        One object that cannot be removed does not keep the others.

        :raises DriverError: the first failure.
        """
        failures: list[exception.DriverError] = []
        subnet_ids = self._ports(details, failures)
        for ident in subnet_ids:
            _, error = exception.caught(
                lambda ident=ident: self._subnet(  # type: ignore[misc]
                    ident, str(details.get(names.ROUTER_ID) or '')))
            if error is not None:
                failures.append(error)
        if failures:
            for each in failures[1:]:
                failures[0].add_note(str(each))
            raise failures[0]

    def _ports(self, details: Mapping[str, Any],
               failures: list[exception.DriverError]) -> list[str]:
        """Delete the ports; return subnets that they, or details, name."""
        idents = [str(details[key]) for key in names.PORTS.values()
                  if details.get(key)]
        subnet_ids = [str(details[names.SUBNET_ID])] if details.get(
            names.SUBNET_ID) else []
        server_id = str(details.get(names.SERVER_ID) or '')
        if server_id:
            for part, port in ports_of(self._neutron, server_id):
                idents.append(port.id)
                if part == 'service':
                    subnet_ids += [each.subnet_id
                                   for each in port.fixed_ips or ()]
        for ident in dict.fromkeys(idents):
            _, error = exception.caught(
                lambda ident=ident: self._neutron.delete_port(  # type: ignore[misc]
                    ident))
            if error is not None:
                failures.append(error)
        return list(dict.fromkeys(subnet_ids))

    def _subnet(self, ident: str, router: str) -> None:
        """Free a subnet unless somebody is in it; one that is gone is fine.

        The name goes last: a subnet that has none is not looked at again.
        """
        try:
            found = self._neutron.subnet(ident)
        except exception.NotFound:
            return
        if not (found.name or '').startswith(_OURS):
            LOG.info("Subnet %s, called %r, is nobody's service subnet any "
                     'more, and stays as it is', ident, found.name)
            return
        ports = self._neutron.ports(subnet_id=ident)
        users = [each for each in ports if not is_equipment(each)]
        if users:
            LOG.info('Service subnet %s is used by %d ports, and stays',
                     ident, len(users))
            return
        routers = {each.device_id for each in ports if each.device_id
                   and is_router(each)}
        for each in sorted(filter(None, routers | {router})):
            self._neutron.remove_router_interface(each, ident)
        network_steps.delete_ssh_group(self._neutron, ident)
        self._neutron.update_subnet(ident, name='')


def is_router(port: records.Port) -> bool:
    """Tell if a port is a router's."""
    owner = port.device_owner or ''
    return owner.startswith('network:') and 'router' in owner


def is_equipment(port: records.Port) -> bool:
    """Tell if a port belongs to the network itself: not to an instance.

    One whose owner is not told counts as an instance's.
    """
    owner = port.device_owner
    return owner is not None and (
        owner.startswith('network:') or owner == names.HOST_OWNER
        or port.device_id in (names.HOST_DEVICE, names.ADMIN_HOST_DEVICE))
