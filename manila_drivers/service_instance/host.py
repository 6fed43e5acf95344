# SPDX-License-Identifier: Apache-2.0

"""The way of this host into the networks of instances.

It has one port in the service network, with an address in each of its
subnets, and one in the network of administrators.
"""

from collections.abc import Sequence
import ipaddress
import logging

from manila_drivers import exception
from manila_drivers.openstack import networks
from manila_drivers.openstack import records
from manila_drivers.service_instance import host_planning
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network_steps
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import subnets
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)


class HostConnection:
    """Ports of this host, and its interfaces for them.

    :param runner: runs commands here.
    """

    def __init__(self, neutron: networks.Networks,
                 conf: settings.NetworkSettings,
                 runner: script.Runner, once: network_steps.Once) -> None:
        self._once = once
        self._neutron = neutron
        self._conf = conf
        self._runner = runner
        self._admin_subnet: records.Subnet | None = None

    @property
    def needed(self) -> bool:
        """Tell if this host is not in these networks anyway."""
        return self._conf.interface != 'noop'

    def connect(self, network: str, nets: Sequence[records.Subnet],
                needed: str = '') -> None:
        """Give this host what is missing of ports, addresses and routes.

        :param network: id of the service network, '' if there is none.
        :param nets: all of its subnets.
        :param needed: id of the one without which this is of no use.
        :raises DriverError: this host cannot reach instances.
        """
        conf = self._conf
        if network:
            self._connect(network, nets, names.HOST_DEVICE, needed,
                          only=False)
        if conf.use_admin_port:
            if self._admin_subnet is None:
                self._admin_subnet = self._neutron.subnet(conf.admin_subnet)
            self._connect(conf.admin_network, [self._admin_subnet],
                          names.ADMIN_HOST_DEVICE, conf.admin_subnet,
                          only=True)

    def _connect(self, network: str, nets: Sequence[records.Subnet],
                 device_id: str, needed: str, *, only: bool) -> None:
        known = self._neutron.ports(device_id=device_id)
        nets = [each for each in nets if subnets.network_of(each)]
        port = self._port(network, device_id, known)
        port = self._addressed(port, nets, needed)
        if port.plugged == 'binding_failed':
            # It is tried again once an agent there has seen the interface.
            LOG.warning('Neutron could not plug in port %s on host %s: this '
                        'host reaches no instance in network %s. Check: '
                        'service_network_host, which is what Neutron calls '
                        'this host, and its agent there', port.id,
                        self._conf.host, network)
        self._plug(host_planning.HostPort(
            port.id, _mac(port), _interfaces(port, nets), only),
            [each.id for each in (*known, port)])

    # -- the port --------------------------------------------------------

    def _port(self, network: str, device_id: str,
              known: Sequence[records.Port]) -> records.Port:
        mine = [each for each in known if each.network_id == network
                and _host(each) == self._conf.host]
        if len(mine) > 1:
            raise exception.Conflict(
                f'This host, {self._conf.host}, has {len(mine)} ports in '
                f'network {network}',
                answer=', '.join(sorted(each.id for each in mine)),
                check=f'ports with device_id {device_id}: delete all but one '
                f'of them')
        return mine[0] if mine else self._create(network, device_id)

    def _create(self, network: str, device_id: str) -> records.Port:
        """Make the port, without addresses: any subnet may be full."""
        aliases = self._neutron.extensions()
        if 'binding' not in aliases:
            raise exception.BackendError(
                'Neutron cannot bind a port to this host: it has no '
                'extension "binding"', check='interface_driver: '
                'NoopInterfaceDriver with a host that reaches the networks '
                'of instances otherwise')
        guarded = None if 'port-security' not in aliases else False

        def make() -> records.Port:
            return self._neutron.create_port(
                network, name=f'{device_id}-{self._conf.host}',
                device_id=device_id, device_owner=names.HOST_OWNER,
                binding_host=self._conf.host, port_security=guarded,
                security_groups=(), fixed_ips=())
        made = self._once.make(make, lambda: [
            each for each in self._neutron.ports(device_id=device_id)
            if each.network_id == network
            and _host(each) == self._conf.host], again=False)
        LOG.info('This host, %s, has port %s in network %s', self._conf.host,
                 made.id, network)
        return made

    def _addressed(self, port: records.Port, nets: Sequence[records.Subnet],
                   needed: str) -> records.Port:
        """Give the port an address in each subnet.

        One that has none left for this host does not keep it from others.
        """
        has = {each.subnet_id for each in port.fixed_ips or ()}
        lacks = [each.id for each in nets if each.id not in has]
        if not lacks:
            return port
        whole, full = self._as_far(port, lacks)
        if full is None:
            return whole
        LOG.warning('This host does not get addresses in all of %d service '
                    'subnets, and tries one by one: %s', len(lacks), full)
        for each in lacks:
            port, full = self._as_far(port, [each])
            if full is not None and each == needed:
                full.check = ('service_network_division_mask, and '
                              f'addresses in use in subnet {each}')
                raise full
            if full is not None:
                LOG.warning('This host has no address in service subnet %s, '
                            'and does not reach its instances: %s', each,
                            full)
        return port

    def _as_far(self, port: records.Port, lacks: Sequence[str],
                ) -> tuple[records.Port, exception.NoRoom | None]:
        """Return the port with more addresses, or why there is no room."""
        found, error = exception.caught(lambda: self._with(port, lacks))
        if isinstance(error, exception.NoRoom):
            return port, error
        if error is not None:
            raise error
        return found or port, None

    def _with(self, port: records.Port,
              more: Sequence[str]) -> records.Port:
        have = [{'subnet_id': each.subnet_id, 'ip_address': each.ip_address}
                for each in port.fixed_ips or ()]
        return self._neutron.update_port(
            port.id, fixed_ips=[*have, *({'subnet_id': each}
                                         for each in more)])

    # -- the interface ---------------------------------------------------

    def _plug(self, port: host_planning.HostPort,
              living: Sequence[str]) -> None:
        kind, bridge = self._conf.interface, self._conf.bridge
        found = self._devices()
        if all(each.name != port.device(kind) for each in found):
            self._run_plug(port)
            found = self._devices()
        for old in host_planning.stale(found, port, kind, living):
            LOG.warning('Interface %s is left over of a port that is gone, '
                        'and is removed', old)
            self._runner.run(host_planning.unplug(old, kind, bridge))
        lines = host_planning.configure(found, (), port, kind)
        if lines:
            self._runner.run(host_planning.batch(lines))
        ways = host_planning.routes(self._runner.run(
            host_planning.look_routes()).stdout)
        later = host_planning.configure(self._devices() if lines else found,
                                        ways, port, kind)
        if later:
            self._runner.run(host_planning.batch(later))

    def _devices(self) -> tuple[host_planning.HostDevice, ...]:
        return host_planning.devices(self._runner.run(
            host_planning.look_devices()).stdout)

    def _run_plug(self, port: host_planning.HostPort) -> None:
        try:
            self._runner.run(host_planning.plug(
                port, self._conf.interface, self._conf.bridge))
        except exception.BackendError as exc:
            if 'no bridge named' in exc.answer:
                raise exception.ConfigurationError(
                    'ovs_integration_bridge', f'there is no bridge '
                    f'{self._conf.bridge} on this host', answer=exc.answer,
                    check="Neutron's agent on this host; interface_driver"
                ) from exc
            raise


def _host(port: records.Port) -> str:
    if port.binding_host is None:
        raise exception.AccessDenied(
            f'Neutron does not tell which host port {port.id} is bound to',
            check='roles of the user in [neutron]: it has to be an '
            'administrator')
    return port.binding_host


def _mac(port: records.Port) -> str:
    if not port.mac_address:
        raise exception.BackendError(
            f'Port {port.id} of this host tells no MAC address')
    return port.mac_address.lower()


def _interfaces(port: records.Port, nets: Sequence[records.Subnet],
                ) -> tuple[host_planning.Interface, ...]:
    lengths = {each.id: found.prefixlen for each in nets
               if (found := subnets.network_of(each)) is not None}
    return tuple(
        ipaddress.IPv4Interface((each.ip_address, lengths[each.subnet_id]))
        for each in port.fixed_ips or () if each.subnet_id in lengths)
