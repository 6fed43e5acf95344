# SPDX-License-Identifier: Apache-2.0

"""Options of service instances as one immutable value, checked as a whole."""

from collections.abc import Callable
import dataclasses
import ipaddress
import logging
import os
from typing import Any

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_target

LOG = logging.getLogger(__name__)

#: Kinds of plugging by the last part of interface_driver.
INTERFACES = {'OVSInterfaceDriver': 'ovs',
              'BridgeInterfaceDriver': 'bridge',
              'NoopInterfaceDriver': 'noop'}

KEY = 'path_to_private_key'
PASSWORD = 'service_instance_password'  # noqa: S105 (a name)

#: Returns the value of an option, None if it is not set.
Option = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class LoginSettings:
    """How service instances are logged in to."""

    user: str
    key_file: str = ''
    password: command.Secret | None = None
    port: int = 22
    known_hosts: tuple[str, ...] = ()
    connect_timeout: float = 60.0
    min_connections: int = 1
    max_connections: int = 10


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """Networks of service instances.

    :param prefix: length of that of each service subnet.
    :param host: what Neutron knows this host as.
    :param group: name of the security group, '' for none.
    :param interface: one of the values of :data:`INTERFACES`.
    """

    name: str
    cidr: ipaddress.IPv4Network
    prefix: int
    host: str
    group: str = ''
    limit_ssh: bool = False
    ssh_port: int = 22
    interface: str = 'ovs'
    bridge: str = 'br-int'
    to_tenant: bool = False
    admin_network: str = ''
    admin_subnet: str = ''

    @property
    def use_admin_port(self) -> bool:
        """Tell if instances get a port in a network of administrators."""
        return bool(self.admin_network)

    @property
    def use_service_network(self) -> bool:
        """Tell if there is a service network at all."""
        return not (self.use_admin_port and self.to_tenant)

    @property
    def use_router(self) -> bool:
        """Tell if users reach instances through their own router."""
        return not self.to_tenant

    @property
    def parts(self) -> tuple[str, ...]:
        """Ports of an instance, in the order of its interfaces."""
        return (*(('public',) if self.to_tenant else ()),
                *(('service',) if self.use_service_network else ()),
                *(('admin',) if self.use_admin_port else ()))


@dataclasses.dataclass(frozen=True)
class BootSettings:
    """Volumes that instances boot from.

    :param base: id of a volume to clone, '' to have one made of the image.
    """

    base: str = ''
    size: int = 10
    volume_type: str = ''
    delete: bool = True
    template: str = 'manila-share-%s-boot'


@dataclasses.dataclass(frozen=True)
class InstanceSettings:
    """Servers to be made, for driver_handles_share_servers = True.

    :param section: name of the backend's section, '' if there is none.
    :param made_by: this host and backend, as metadata of what is made.
    :param key_name: how names of key pairs begin.
    :param public_key: a line of OpenSSH, '' if the image knows the key.
    :param boot: None to boot from the image itself.
    """

    image: str
    flavor: str
    template: str
    section: str
    made_by: str
    zone: str
    key_name: str
    public_key: str
    boot: BootSettings | None


@dataclasses.dataclass(frozen=True)
class CommonSettings:
    """The one server, for driver_handles_share_servers = False."""

    server: str
    service_address: str
    tenant_address: str


@dataclasses.dataclass(frozen=True)
class ServiceInstanceSettings:
    """All that operators say of service instances.

    :param instances: with ``network``; None in the other mode.
    :param common: None in the other mode.
    :param patience: max_time_to_build_instance.
    """

    login: LoginSettings
    patience: float
    instances: InstanceSettings | None = None
    network: NetworkSettings | None = None
    common: CommonSettings | None = None


def read(option: Option, *, section: str = '') -> ServiceInstanceSettings:
    """Read and check the options; no network traffic.

    :param option: returns the value of an option of the backend's section.
    :raises ConfigurationError: naming the option at fault.
    """
    login = _login(option)
    patience = float(option('max_time_to_build_instance') or 300)
    if not option('driver_handles_share_servers'):
        return ServiceInstanceSettings(login, patience,
                                       common=_common(option))
    network = _network(option)
    return ServiceInstanceSettings(
        login, patience, network=network,
        instances=_instances(option, section, login))


def _login(option: Option) -> LoginSettings:
    user = _text(option, 'service_instance_user')
    if not user:
        raise exception.ConfigurationError(
            'service_instance_user', 'is not set: it logs in to service '
            'instances')
    password = option(PASSWORD)
    key = _existing(KEY, _path(option, KEY), needed=not password)
    if not (key or password):
        raise exception.ConfigurationError(
            KEY, 'is not set, nor is service_instance_password: one of them '
            'is needed to log in to service instances')
    return LoginSettings(
        user=user, key_file=key,
        password=command.Secret(str(password)) if password else None,
        port=int(option('service_instance_ssh_port') or 22),
        known_hosts=tuple(map(
            str, option('service_instance_known_hosts') or ())),
        connect_timeout=float(option('ssh_conn_timeout') or 60),
        min_connections=int(option('ssh_min_pool_conn') or 1),
        max_connections=int(option('ssh_max_pool_conn') or 10))


def _existing(name: str, path: str, *, needed: bool) -> str:
    if path and not os.path.isfile(path):
        if needed:
            raise exception.ConfigurationError(
                name, f'there is no file {path}')
        LOG.warning('Option %s: there is no file %s; the password is used '
                    'alone', name, path)
        return ''
    return path


def _common(option: Option) -> CommonSettings:
    found = CommonSettings(_text(option, 'service_instance_name_or_id'),
                           _text(option, 'service_net_name_or_ip'),
                           _text(option, 'tenant_net_name_or_ip'))
    for name, value in (
            ('service_instance_name_or_id', found.server),
            ('service_net_name_or_ip', found.service_address),
            ('tenant_net_name_or_ip', found.tenant_address)):
        if not value:
            raise exception.ConfigurationError(
                name, 'is not set, and is needed with '
                'driver_handles_share_servers = False')
    if option('limit_ssh_access'):
        LOG.warning('limit_ssh_access has no effect with '
                    'driver_handles_share_servers = False')
    return found


def _network(option: Option) -> NetworkSettings:
    cidr = _cidr(option)
    admin = (_text(option, 'admin_network_id'),
             _text(option, 'admin_subnet_id'))
    if any(admin) and not all(admin):
        name = 'admin_subnet_id' if admin[0] else 'admin_network_id'
        raise exception.ConfigurationError(
            name, 'is not set: admin_network_id and admin_subnet_id go '
            'together')
    found = NetworkSettings(
        name=_required(option, 'service_network_name'), cidr=cidr,
        prefix=_prefix(option, cidr),
        host=_text(option, 'service_network_host') or compat.service_host(),
        group=_text(option, 'service_instance_security_group'),
        limit_ssh=bool(option('limit_ssh_access')),
        ssh_port=int(option('service_instance_ssh_port') or 22),
        interface=_interface(option),
        bridge=_required(option, 'ovs_integration_bridge'),
        to_tenant=bool(option('connect_share_server_to_tenant_network')),
        admin_network=admin[0], admin_subnet=admin[1])
    _check_network(found)
    return found


def _check_network(found: NetworkSettings) -> None:
    if found.limit_ssh and not found.use_service_network:
        raise exception.ConfigurationError(
            'limit_ssh_access', 'needs a service subnet, and there is none '
            'with admin_network_id and '
            'connect_share_server_to_tenant_network')
    if not found.host and found.interface != 'noop':
        raise exception.ConfigurationError(
            'service_network_host', 'is not set, and this host has no name '
            'otherwise')


def _cidr(option: Option) -> ipaddress.IPv4Network:
    text = _required(option, 'service_network_cidr')
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as exc:
        raise exception.ConfigurationError(
            'service_network_cidr', f'{text!r} is no IPv4 network',
            answer=str(exc)) from exc


def _prefix(option: Option, cidr: ipaddress.IPv4Network) -> int:
    found = int(option('service_network_division_mask') or 28)
    # Network, gateway, DHCP, this host and one instance, and broadcast.
    if not cidr.prefixlen <= found <= 29:
        raise exception.ConfigurationError(
            'service_network_division_mask', f'is {found}, and not from '
            f'{cidr.prefixlen}, as service_network_cidr has it, to 29')
    return found


def _interface(option: Option) -> str:
    text = _required(option, 'interface_driver')
    kind = INTERFACES.get(text.rpartition('.')[2])
    if kind is None:
        raise exception.ConfigurationError(
            'interface_driver', f'{text!r} is none of those that there are: '
            + ', '.join(INTERFACES))
    return kind


def _instances(option: Option, section: str,
               login: LoginSettings) -> InstanceSettings:
    boot = _boot(option)
    template = _template(option, 'service_instance_name_template')
    return InstanceSettings(
        image='' if boot and boot.base else _required(
            option, 'service_image_name'),
        flavor=_required(option, 'service_instance_flavor_id'),
        template=template, section=section,
        made_by='%s@%s' % (compat.service_host(), section),
        zone=_text(option, 'backend_availability_zone')
        or _text(option, 'storage_availability_zone'),
        key_name=_text(option, 'manila_service_keypair_name'),
        public_key=_public_key(option) if login.key_file else '', boot=boot)


def _boot(option: Option) -> BootSettings | None:
    if not option('service_instance_boot_from_volume'):
        return None
    return BootSettings(
        base=_text(option, 'service_instance_base_boot_volume_id'),
        size=int(option('service_instance_boot_volume_size') or 10),
        volume_type=_text(option, 'service_instance_boot_volume_type'),
        delete=bool(option(
            'service_instance_boot_volume_delete_on_termination')),
        template=_template(option,
                           'service_instance_boot_volume_name_template'))


def _public_key(option: Option) -> str:
    """Return the line of the key that goes to Nova.

    Without the file a private key is enough: the image knows the key.
    """
    name = 'path_to_public_key'
    path = _path(option, name)
    if not path or not os.path.isfile(path):
        LOG.warning('Option %s: there is no file %s; the image of service '
                    'instances has to know the key already', name, path)
        return ''
    try:
        with open(path, encoding='ascii') as file:
            line = file.read().strip()
        names.key_blob(line)
    except (OSError, ValueError) as exc:
        raise exception.ConfigurationError(
            name, f'{path} is no public key of OpenSSH',
            answer=str(exc)) from exc
    return line


def _template(option: Option, name: str) -> str:
    """Return a template with exactly one %s."""
    text = _required(option, name)
    try:
        one, two = text % '1', text % '2'
    except (TypeError, ValueError) as exc:
        raise exception.ConfigurationError(
            name, f'{text!r} needs one %s', answer=str(exc)) from exc
    if one == two:
        raise exception.ConfigurationError(
            name, f'{text!r} has no %s, so that all would be called the same')
    return text


def _path(option: Option, name: str) -> str:
    return os.path.expanduser(_text(option, name))


def _text(option: Option, name: str) -> str:
    return str(option(name) or '').strip()


def _required(option: Option, name: str) -> str:
    found = _text(option, name)
    if not found:
        raise exception.ConfigurationError(name, 'is empty')
    return found


def target(login: LoginSettings, host: str, trust: ssh_target.Trust, *,
           user: str = '', key_file: str = '') -> ssh.Target:
    """Return how an instance at an address is talked to.

    :param user: as details of the instance say, in place of the option.
    """
    return ssh.Target(
        host, ssh.Login(user or login.user,
                        key_file=key_file or login.key_file,
                        password=login.password, key_option=KEY,
                        password_option=PASSWORD),
        trust, port=login.port, connect_timeout=login.connect_timeout,
        min_connections=login.min_connections,
        max_connections=login.max_connections)
