# SPDX-License-Identifier: Apache-2.0

"""Share servers that are taken over: the instance is there already."""

from collections.abc import Callable
from collections.abc import Mapping
import logging
from typing import Any
from typing import TYPE_CHECKING

from oslo_utils import uuidutils

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.service_instance import adoption_planning
from manila_drivers.service_instance import denials
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network
from manila_drivers.service_instance import share_servers

if TYPE_CHECKING:
    from manila_drivers.service_instance import manager

LOG = logging.getLogger(__name__)


def adopt(managed: 'manager.ServiceInstanceManager', server_id: str,
          ident: str) -> dict[str, Any]:
    """Take an instance over; see the manager's method."""
    helper = managed.network_helper
    with managed.locked(network.LOCK):
        found = _decided(managed, server_id, ident)
        plan.run(found.steps, _Executor(managed).perform)
        made: dict[str, Any] = {
            names.SERVER_ID: server_id, names.INSTANCE_ID: ident,
            names.HOME: denials.home(managed.cloud.compute),
            **{names.PORTS[part]: port.id
               for part, port in found.ports.items()}}
        if found.volume:
            made[names.BOOT_VOLUME] = found.volume
        service = found.ports.get('service')
        if service is not None and service.fixed_ips:
            made[names.SUBNET_ID] = service.fixed_ips[0].subnet_id
        helper.plug(str(made.get(names.SUBNET_ID) or ''))
    wired = network.network_result(helper.network_settings, found.ports, made)
    made.update(managed._get_new_instance_details(
        share_servers.new(managed, wired, made)))
    managed.until_reachable(made)
    key = managed.logins.host_key(made)
    if key:
        made[names.HOST_KEY] = key
    return made


def addresses(managed: 'manager.ServiceInstanceManager', server_id: str,
              ident: str) -> list[str]:
    """Return the addresses of an instance that is to be taken over."""
    found = _decided(managed, server_id, ident)
    return [each.ip_address for port in found.ports.values()
            for each in port.fixed_ips or ()]


def _decided(managed: 'manager.ServiceInstanceManager', server_id: str,
             ident: str) -> adoption_planning.Adoption:
    conf = managed.instance_settings()
    if not uuidutils.is_uuid_like(ident):
        # Manila keeps a server from being managed twice by its identifier,
        # which therefore has to be the same text each time.
        raise exception.NotManageable(
            f'{ident} is no id of a server in Nova',
            check='give the id as identifier, not the name')
    return adoption_planning.adopt(
        _look(managed, ident), ident, server_id, conf,
        managed.network_helper.network_settings)


def _look(managed: 'manager.ServiceInstanceManager',
          ident: str) -> adoption_planning.AdoptionFacts:
    server = managed.instances.find(ident)
    if server is None:
        return adoption_planning.AdoptionFacts(None)
    mark = (server.metadata or {}).get(names.SHARE_SERVER)
    helper = managed.network_helper
    return adoption_planning.AdoptionFacts(
        server, tuple(helper.neutron_api.ports(device_id=ident)),
        helper.known_network() if helper.use_service_network else '',
        tuple(managed.cloud.volumes.list(
            metadata={names.SHARE_SERVER: mark})) if mark else ())


class _Executor:
    """Carries out the steps of ``adoption_planning``."""

    def __init__(self, managed: 'manager.ServiceInstanceManager') -> None:
        neutron, services = managed.network_helper.neutron_api, managed.cloud
        self._actions: Mapping[str, Callable[..., object]] = {
            'rename port': neutron.update_port,
            'mark volume': services.volumes.mark,
            'mark server': services.compute.mark}

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        """Carry out one step."""
        self._actions[action](target, **args)
        return plan.Done()
