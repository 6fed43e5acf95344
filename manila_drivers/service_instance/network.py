# SPDX-License-Identifier: Apache-2.0

"""Networks of service instances in Neutron."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.driver import observing
from manila_drivers.openstack import errors
from manila_drivers.openstack import networks
from manila_drivers.openstack import records
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import helper
from manila_drivers.service_instance import host
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network_steps
from manila_drivers.service_instance import network_teardown
from manila_drivers.service_instance import planning
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets
from manila_drivers.service_instance import tear_down_planning

LOG = logging.getLogger(__name__)

#: Keeps set-ups, tear-downs and the plugging of hosts apart; on all hosts of
#: a coordinator.
LOCK = 'generic-service-network'


class NeutronNetworkHelper(helper.BaseNetworkhelper):
    """The service network, its subnets, ports, groups and routers.

    :param service_instance_manager: has ``settings``, ``cloud``, ``locked``,
        ``execute`` and ``once``.
    """

    def __init__(self, service_instance_manager: Any) -> None:
        self.manager = service_instance_manager
        conf = service_instance_manager.settings.network
        if conf is None:
            raise exception.ConfigurationError(
                'driver_handles_share_servers', 'is False: the one server '
                'that there is has its networks already')
        self._conf: settings.NetworkSettings = conf
        self._once = service_instance_manager.once
        self._host = host.HostConnection(
            self.neutron_api, conf, service_instance_manager.execute,
            self._once)
        self._service_network = ''

    @property
    def NAME(self) -> str:
        return 'neutron'

    @property
    def neutron_api(self) -> networks.Networks:
        """The client of Neutron."""
        found: networks.Networks = self.manager.cloud.networks
        return found

    @property
    def admin_project_id(self) -> str:
        """Id of the project that the service has in Neutron."""
        return self.neutron_api.project_id()

    @property
    def use_admin_port(self) -> bool:
        """Tell if instances get a port in a network of administrators."""
        return self._conf.use_admin_port

    @property
    def use_service_network(self) -> bool:
        """Tell if there is a service network at all."""
        return self._conf.use_service_network

    @property
    def service_network_id(self) -> str:
        """Id of the service network, which is made if there is none."""
        found = self.known_network()
        if not found:
            with self.manager.locked(LOCK):
                found = self._service_network = (
                    self.known_network() or self._made_network())
        return found

    def known_network(self) -> str:
        """Return the id of the service network, '' if there is none."""
        if not self._service_network:
            found = planning.one_network(
                self.neutron_api.networks(self._conf.name,
                                          self.admin_project_id),
                self._conf.name)
            self._service_network = found.id if found else ''
        return self._service_network

    def _made_network(self) -> str:
        made: records.Net = self._executor({}).perform(
            'create network', self._conf.name, {}).value
        return made.id

    def get_network_name(self, network_info: Any) -> str:
        """Return the name of the network of users."""
        request = asked(network_info)
        found = self.neutron_api.network(request.networks[0].neutron_net_id)
        return found.name or ''

    @property
    def network_settings(self) -> settings.NetworkSettings:
        """Return the options about networks of instances."""
        return self._conf

    # -- this host -------------------------------------------------------

    @property
    def observer(self) -> Any:
        """Be told what Manila has done here, see ``driver.observing``."""
        return getattr(self.manager, 'observer', None)

    @observing.told
    def setup_connectivity_with_service_instances(self) -> None:
        """Plug this host into the networks of instances.

        Repetition mends what is missing.  With NoopInterfaceDriver the host
        is in there anyway.  The group of all instances is made here, too,
        so that no set-up has to wait for it.
        """
        network = (self.service_network_id if self.use_service_network
                   else '')
        with self.manager.locked(LOCK):
            self._prepare_group()
            if self._host.needed:
                self._host.connect(network, self._service_subnets(network))

    def plug(self, subnet: str) -> None:
        """Plug this host into the subnet of an instance, if need be.

        The caller holds :data:`LOCK`.

        :param subnet: id, '' where instances have none of their own.
        """
        if self._host.needed:
            network = (self.service_network_id if self.use_service_network
                       else '')
            self._host.connect(network, self._service_subnets(network),
                               subnet)

    def _prepare_group(self) -> None:
        """Make the group of all instances, if that is possible now.

        A start does not fail for it: instances that are there have theirs.
        """
        _, error = exception.caught(lambda: plan.run(
            planning.common_group(self._groups(), self._conf),
            self._executor({}).perform))
        if isinstance(error, exception.ConfigurationError):
            raise error
        if error is not None:
            LOG.warning('Security group %s could not be looked after: %s',
                        self._conf.group, error)

    def _executor(self, made: MutableMapping[str, Any],
                  ) -> network_steps.NetworkExecutor:
        return network_steps.NetworkExecutor(self.neutron_api, self._conf,
                                             made, self._once)

    def _groups(self) -> tuple[records.SecurityGroup, ...]:
        """Return the groups that matter, with one request at the most."""
        if self._conf.limit_ssh:
            return tuple(self.neutron_api.security_groups())
        if self._conf.group:
            return tuple(self.neutron_api.security_groups(self._conf.group))
        return ()

    def _service_subnets(self, network: str) -> tuple[records.Subnet, ...]:
        return (tuple(self.neutron_api.subnets(network_id=network))
                if network else ())

    # -- set-up ----------------------------------------------------------

    def setup_network(self, network_info: Any,
                      made: MutableMapping[str, Any] | None = None,
                      ) -> dict[str, Any]:
        """Make subnet, ports and groups of an instance; plug this host in.

        What a failure leaves is in ``made``; what this call had made, and
        could take back, is not there any more.
        """
        request = asked(network_info)
        made = {} if made is None else made
        with self.manager.locked(LOCK):
            return self._set_up(request, made)

    def planned(self, request: model.ServerRequest,
                ) -> tuple[plan.Plan, Mapping[str, records.Port]]:
        """Return what would be made in Neutron, and the ports there are."""
        wanted = wanted_of(request)
        facts = self.look(wanted)
        return planning.network(facts, wanted, self._conf), facts.ports

    def _set_up(self, request: model.ServerRequest,
                made: MutableMapping[str, Any]) -> dict[str, Any]:
        wanted = wanted_of(request)
        facts, results = self._run(wanted, made)
        self._warn_of_closed(facts.groups)
        ports = {part: results.get(part) or facts.ports[part]
                 for part in self._conf.parts}
        for part, port in ports.items():
            made[names.PORTS[part]] = port.id
        if self._host.needed:
            network = results['network'].id if 'network' in results \
                else facts.service_network
            new = (results['subnet'],) if 'subnet' in results else ()
            self._host.connect(network, (*facts.service_subnets, *new),
                               str(made.get(names.SUBNET_ID) or ''))
        return network_result(self._conf, ports, made)

    def _warn_of_closed(self,
                        found: Sequence[records.SecurityGroup]) -> None:
        """Say that instances may not be reached, before they are waited for.

        A group that was made with limit_ssh_access has no rule for it, and
        what an operator has taken out stays out.
        """
        if self._conf.group and not self._conf.limit_ssh \
                and groups.is_closed(groups.named(found, self._conf.group),
                                     self._conf.ssh_port):
            LOG.warning('Security group %s lets nobody reach port %d, so that '
                        'no new service instance can be logged in to. Check: '
                        'limit_ssh_access, with which it may have been made; '
                        'a rule for this host, or another '
                        'service_instance_security_group', self._conf.group,
                        self._conf.ssh_port)

    def _run(self, wanted: planning.NetworkWanted,
             made: MutableMapping[str, Any],
             ) -> tuple[planning.NetworkFacts, dict[str, Any]]:
        """Look, plan and carry out; a second time beside another subnet."""
        again = False
        while True:
            facts = self.look(wanted)
            todo = planning.network(facts, wanted, self._conf)
            try:
                return facts, plan.run(todo, self._executor(made).perform)
            except errors.ServiceError as exc:
                if again:
                    raise
                wanted = self._otherwise(exc, facts, wanted)
                LOG.info('Share server %s: another try, since %s',
                         wanted.server_id, exc)
                again = True

    def _otherwise(self, exc: errors.ServiceError,
                   facts: planning.NetworkFacts,
                   wanted: planning.NetworkWanted,
                   ) -> planning.NetworkWanted:
        """Return what to want instead; raise the error if nothing helps."""
        if exc.status == 404 and facts.service_network:
            # It was remembered, and may be gone.
            self._service_network = ''
            return wanted
        if exc.status == 400 and facts.router_id:
            around = network_teardown.addresses_of_router(
                self.neutron_api, facts.router_id)
            if around:
                return dataclasses.replace(wanted, avoid=around)
        raise exc

    def look(self, wanted: planning.NetworkWanted) -> planning.NetworkFacts:
        """Return what the network of an instance depends on.

        The number of requests does not depend on how many subnets there are.
        """
        neutron, conf = self.neutron_api, self._conf
        network = self.known_network() if self.use_service_network else ''
        users, router = None, ''
        if self.use_service_network:
            users = neutron.subnet(wanted.users_subnet)
        if users is not None and conf.use_router:
            subnets.check_users(users)
            router = subnets.router_of(users, neutron.ports(
                network_id=wanted.users_network,
                ip_address=users.gateway_ip))
        there = self._service_subnets(network)
        return planning.NetworkFacts(
            network, there, users, router, self._groups(),
            dict(network_teardown.ports_of(neutron, wanted.server_id,
                                           conf.parts)),
            self._occupied(network, there, wanted))

    def _occupied(self, network: str, there: Iterable[records.Subnet],
                  wanted: planning.NetworkWanted) -> frozenset[str]:
        """Return the service subnets with somebody in them, if it matters.

        It does where a subnet that was let go may be taken.
        """
        found = {each.name for each in there}
        if '' not in found or names.subnet(wanted.users_subnet) in found:
            return frozenset()
        return tear_down_planning.occupied(
            self.neutron_api.ports(network_id=network))

    # -- tear-down -------------------------------------------------------

    def teardown_network(self, server_details: Mapping[str, Any]) -> None:
        """Remove ports; let go of the subnet unless others use it.

        :param server_details: any of them may be missing; ports are found by
            ``server_id`` as well.
        """
        with self.manager.locked(LOCK):
            network_teardown.Teardown(self.neutron_api).run(server_details)

    def planned_tear_down(self, server_details: Mapping[str, Any],
                          ) -> plan.Plan:
        """Return what a tear-down would do now."""
        return network_teardown.Teardown(self.neutron_api).planned(
            server_details)


def asked(network_info: Any) -> model.ServerRequest:
    """Return a request for a share server, also of Manila's dictionary."""
    if isinstance(network_info, model.ServerRequest):
        return network_info
    return model.ServerRequest.of([network_info])


def wanted_of(request: model.ServerRequest) -> planning.NetworkWanted:
    """Return the network that a request asks for.

    :raises InvalidRequest: it is in none or in several subnets, or in such
        as Neutron does not know.
    """
    if len(request.networks) != 1:
        raise exception.InvalidRequest(
            f'Share server {request.server_id} is asked for in '
            f'{len(request.networks)} subnets, and can be in one',
            check='subnets of the share network in this availability zone')
    found = request.networks[0]
    if not (found.neutron_net_id and found.neutron_subnet_id
            and request.server_id):
        raise exception.InvalidRequest(
            f'The share network of share server {request.server_id} names no '
            f'network and subnet of Neutron',
            check='network_config_group of this backend, and neutron_net_id '
            'and neutron_subnet_id of the share network')
    return planning.NetworkWanted(
        request.server_id, found.neutron_net_id, found.neutron_subnet_id)


def network_result(conf: settings.NetworkSettings,
                   ports: Mapping[str, records.Port],
                   made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``setup_network`` promises."""
    addresses = {part: _address(part, port) for part, port in ports.items()}
    found: dict[str, Any] = {
        'nics': [{'port-id': ports[part].id} for part in conf.parts],
        'ports': dict(ports),
        'ip_address': addresses['service' if conf.use_service_network
                                else 'admin'],
        names.PUBLIC_ADDRESS: addresses['public' if conf.to_tenant
                                        else 'service']}
    if conf.use_admin_port:
        found[names.ADMIN_IP] = addresses['admin']
    for key in (names.SUBNET_ID, names.ROUTER_ID, *names.PORTS.values()):
        if made.get(key):
            found[key] = made[key]
    return found


def _address(part: str, port: records.Port) -> str:
    if not port.fixed_ips:
        raise exception.BackendError(
            f'The {part} port {port.id} has no address',
            check=f'subnets of network {port.network_id} in Neutron')
    return port.fixed_ips[0].ip_address


#: Makes a network helper for a manager.
MakeHelper = Callable[[Any], helper.BaseNetworkhelper]
