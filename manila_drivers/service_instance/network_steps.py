# SPDX-License-Identifier: Apache-2.0

"""Steps in Neutron, carried out: each finds what it has already made."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import errors
from manila_drivers.openstack import networks
from manila_drivers.openstack import polling
from manila_drivers.openstack import records
from manila_drivers.service_instance import groups
from manila_drivers.service_instance import names
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets
from manila_drivers.service_instance import tear_down_planning

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: Seconds for something to show up that may have been asked for.  Nova has
#: been seen to take 24 s for one request.
APPEARING = 60.0

_NO_GUARDS = 'PortSecurityAndIPRequiredForSecurityGroups'


@dataclasses.dataclass(frozen=True)
class Once:
    """Makes things once, though an answer may be lost.

    A look that finds nothing at once proves nothing: a service may still be
    at work on a request whose answer a proxy, or nobody, has given.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], object]

    def make(self, make: Callable[[], T], look: Callable[[], Sequence[T]], *,
             again: bool) -> T:
        """Make something; look for it if nobody knows if it was made.

        :param again: make it once more if it does not show up.  Only for
            what may be there twice.
        """
        try:
            return make()
        except exception.OutcomeUnknown as exc:
            found, error = exception.caught(lambda: self._shown(look))
            if error is not None and not isinstance(error, exception.Busy):
                LOG.warning('It could not be found out if something was '
                            'made: %s', error)
                raise
            if found:
                return found[0]
            if not again:
                raise
            LOG.info('It was not made, and is asked for again: %s', exc)
        return make()

    def _shown(self, look: Callable[[], Sequence[T]]) -> Sequence[T]:
        return polling.until(look, bool, limit=APPEARING,
                             what='Something that was asked for',
                             clock=self.clock, sleep=self.sleep)


class NetworkExecutor:
    """Carries out the steps of ``planning.network``.

    :param made: details of the share server; ids are entered as they exist.
    """

    def __init__(self, neutron: networks.Networks,
                 conf: settings.NetworkSettings,
                 made: MutableMapping[str, Any], once: Once) -> None:
        self._neutron = neutron
        self._once = once
        self._conf = conf
        self._made = made
        self._actions: Mapping[str, Callable[..., plan.Done]] = {
            'create network': self._create_network,
            'create group': self._create_group,
            'add rules': self._add_rules,
            'guard subnet': self._guard_subnet,
            'take subnet': self._take_subnet,
            'free subnet': self._free_subnet,
            'create subnet': self._create_subnet,
            'delete subnet': self._delete_subnet,
            'note subnet': self._note_subnet,
            'add router interface': self._add_interface,
            'remove router interface': self._remove_interface,
            'create port': self._create_port,
            'delete port': self._delete_port}

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        """Carry out one step."""
        return self._actions[action](target, **args)

    # -- networks and groups ---------------------------------------------

    def _create_network(self, name: str) -> plan.Done:
        project = self._neutron.project_id()
        made = self._once.make(
            lambda: self._neutron.create_network(name),
            lambda: self._neutron.networks(name, project), again=False)
        return plan.Done(made)

    def _create_group(self, name: str) -> plan.Done:
        def make() -> records.SecurityGroup:
            return self._neutron.create_security_group(
                name, 'Service instances of Manila')
        try:
            made = self._once.make(
                make, lambda: self._neutron.security_groups(name),
                again=False)
        except exception.NoRoom as exc:
            raise _quota(exc, 'security groups') from exc
        return plan.Done(made)

    def _add_rules(self, name: str, *, group: str,
                   rules: Sequence[records.SecurityRule]) -> plan.Done:
        for last in (False, True):
            try:
                self._neutron.add_rules(group, rules)
                break
            except exception.OutcomeUnknown:
                # Those that are there are passed over.
                if last:
                    raise
            except exception.NoRoom as exc:
                raise _quota(exc, 'rules of security groups') from exc
        return plan.Done()

    def _guard_subnet(self, target: str, *,
                      subnet: records.Subnet) -> plan.Done:
        name = names.ssh_group(subnet.id)
        made = self._create_group(name).value
        rule = groups.ssh_rule(self._conf.ssh_port, str(subnet.cidr))
        self._add_rules(name, group=made.id, rules=(rule,))
        return plan.Done(made)

    # -- subnets and routers ---------------------------------------------

    def _take_subnet(self, ident: str, *, name: str) -> plan.Done:
        return plan.Done(self._neutron.update_subnet(ident, name=name))

    def _free_subnet(self, ident: str, *, name: str) -> plan.Done:
        if tear_down_planning.occupied(self._neutron.ports(subnet_id=ident)):
            # A router that could not be disconnected would be in the way of
            # whoever takes it next.
            return plan.Done()
        # Without a coordinator another host may have taken it as well.
        if self._neutron.subnet(ident).name == name:
            self._neutron.update_subnet(ident, name='')
        self._made.pop(names.SUBNET_ID, None)
        return plan.Done()

    def _create_subnet(self, name: str, *, network: str,
                       blocks: Sequence[subnets.IPv4],
                       gateway: bool) -> plan.Done:
        """Make a subnet of the first block that nobody has taken."""
        error: exception.DriverError | None = None
        for block in blocks:
            try:
                made = self._once.make(
                    lambda block=block: self._neutron.create_subnet(  # type: ignore[misc]
                        network, cidr=str(block), name=name,
                        gateway_ip=None if gateway else ''),
                    lambda: self._neutron.subnets(network, name),
                    again=True)
                self._made[names.SUBNET_ID] = made.id
                return plan.Done(made)
            except exception.NoRoom as exc:
                raise _quota(exc, 'subnets') from exc
            except errors.ServiceError as exc:
                if exc.status not in (400, 409):
                    raise
                LOG.info('Block %s was taken meanwhile: %s', block, exc)
                error = exc
        assert error is not None
        raise error

    def _delete_subnet(self, name: str, *, subnet: str) -> plan.Done:
        self._neutron.delete_subnet(subnet)
        self._made.pop(names.SUBNET_ID, None)
        if self._conf.limit_ssh:
            delete_ssh_group(self._neutron, subnet)
        return plan.Done()

    def _note_subnet(self, name: str, *, subnet: str) -> plan.Done:
        self._made[names.SUBNET_ID] = subnet
        return plan.Done()

    def _add_interface(self, router: str, *, subnet: str) -> plan.Done:
        self._made[names.ROUTER_ID] = router
        self._neutron.add_router_interface(router, subnet)
        return plan.Done()

    def _remove_interface(self, router: str, *, subnet: str) -> plan.Done:
        self._neutron.remove_router_interface(router, subnet)
        self._made.pop(names.ROUTER_ID, None)
        return plan.Done()

    # -- ports -----------------------------------------------------------

    def _create_port(self, name: str, *, part: str, network: str,
                     subnet: str, group: str, ssh_group: str) -> plan.Done:
        guards = tuple(filter(None, (group, ssh_group)))
        try:
            made = self._port(name, network, subnet, guards or None)
        except errors.ServiceError as exc:
            if exc.kind != _NO_GUARDS:
                raise _full(exc, part, self._conf) from exc
            if self._conf.limit_ssh:
                raise exception.ConfigurationError(
                    'limit_ssh_access', f'has no effect: network {network} '
                    f'has no port security, so that everybody in it could '
                    f'log in by port {name}', answer=exc.answer,
                    check='openstack network set --enable-port-security'
                ) from exc
            LOG.warning('Port %s gets no security groups, since its network '
                        '%s has no port security', name, network)
            made = self._port(name, network, subnet, None)
        self._made[names.PORTS[part]] = made.id
        return plan.Done(made)

    def _port(self, name: str, network: str, subnet: str,
              guards: Sequence[str] | None) -> records.Port:
        return self._once.make(
            lambda: self._neutron.create_port(
                network, name=name, device_owner=names.PORT_OWNER,
                fixed_ips=[{'subnet_id': subnet}], security_groups=guards),
            lambda: self._neutron.ports(
                name=name, project_id=self._neutron.project_id()),
            again=True)

    def _delete_port(self, name: str, *, part: str, port: str) -> plan.Done:
        self._neutron.delete_port(port)
        self._made.pop(names.PORTS[part], None)
        return plan.Done()


def delete_ssh_group(neutron: networks.Networks, subnet_id: str) -> None:
    """Delete the group that lets one subnet log in, unless it is used."""
    for each in neutron.security_groups(names.ssh_group(subnet_id)):
        try:
            neutron.delete_security_group(each.id)
        except exception.Busy as exc:
            LOG.info('Security group %s stays: %s', each.id, exc)


def _quota(exc: exception.NoRoom, of: str) -> exception.NoRoom:
    exc.check = (f'quota of {of} of the project of the user in [neutron], '
                 f'and what is left there of older share servers')
    return exc


def _full(exc: errors.ServiceError, part: str,
          conf: settings.NetworkSettings) -> errors.ServiceError:
    """Say what to check when there is no address, or no port, left."""
    if isinstance(exc, exception.NoRoom):
        if exc.kind.lower() == 'overquota':
            _quota(exc, 'ports')
        elif part == 'service':
            exc.check = (f'service_network_division_mask: the service subnet '
                         f'of these users, a /{conf.prefix}, is full')
        else:
            exc.check = f'free addresses in the subnet of the {part} port'
    return exc
