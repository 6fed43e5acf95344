# SPDX-License-Identifier: Apache-2.0

"""Removal from Neutron of all that belonged to an instance.

Everything may be missing: details after an interruption, objects after an
earlier tear-down.  ``tear_down_planning`` decides what goes.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import networks
from manila_drivers.openstack import records
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network_steps
from manila_drivers.service_instance import subnets
from manila_drivers.service_instance import tear_down_planning

LOG = logging.getLogger(__name__)

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
    """Looks, plans and carries out; the lock is the caller's."""

    def __init__(self, neutron: networks.Networks) -> None:
        self._neutron = neutron
        self._actions: Mapping[str, Callable[..., None]] = {
            'delete port': self._neutron.delete_port,
            'remove router interface': self._remove_interface,
            'delete ssh group': self._delete_group,
            'let subnet go': self._let_go}

    def planned(self, details: Mapping[str, Any]) -> plan.Plan:
        """Return the steps for what the details name and what is there."""
        return tear_down_planning.network(self.look(details), str(
            details.get(names.ROUTER_ID) or ''))

    def look(self, details: Mapping[str, Any],
             ) -> tear_down_planning.TearDownFacts:
        """Return what the details name, and what has the server's name."""
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
        return tear_down_planning.TearDownFacts(
            tuple(dict.fromkeys(idents)),
            tuple(use for each in dict.fromkeys(subnet_ids)
                  for use in self._use(each)))

    def _use(self, ident: str) -> list[tear_down_planning.SubnetUse]:
        try:
            found = self._neutron.subnet(ident)
        except exception.NotFound:
            return []
        return [tear_down_planning.SubnetUse(
            found, tuple(self._neutron.ports(subnet_id=ident)))]

    def run(self, details: Mapping[str, Any]) -> None:
        """Remove it.  A port that cannot be removed keeps no other one.

        :raises DriverError: the first failure.
        """
        failures: list[exception.DriverError] = []
        todo = self.planned(details)
        plan.show(todo)
        for step in todo:
            if failures and step.action != 'delete port':
                # The subnet may still be in use.
                break
            _, error = exception.caught(
                lambda step=step: plan.run(  # type: ignore[misc]
                    plan.Plan((step,)), self.perform))
            if error is not None:
                failures.append(error)
        if failures:
            for each in failures[1:]:
                failures[0].add_note(str(each))
            raise failures[0]

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        """Carry out one step."""
        self._actions[action](target, **args)
        return plan.Done()

    def _remove_interface(self, router: str, *, subnet: str) -> None:
        self._neutron.remove_router_interface(router, subnet)

    def _delete_group(self, name: str, *, subnet: str) -> None:
        network_steps.delete_ssh_group(self._neutron, subnet)

    def _let_go(self, ident: str, *, name: str) -> None:
        LOG.debug('Subnet %s serves nobody any more: %s', ident, name)
        self._neutron.update_subnet(ident, name='')
