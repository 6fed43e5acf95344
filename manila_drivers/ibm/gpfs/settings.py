# SPDX-License-Identifier: Apache-2.0

"""The driver's options as one immutable value, checked as a whole."""

import dataclasses
import ipaddress
import os
import posixpath
import re
from typing import Any

from manila_drivers import exception
from manila_drivers.ibm.gpfs import opts
from manila_drivers.ibm.gpfs import paths
from manila_drivers.transport import command
from manila_drivers.transport import ssh


@dataclasses.dataclass(frozen=True)
class GpfsSettings:
    """Hold the options of a backend, normalised.

    ``base`` starts with a slash and ends with none.  ``addresses`` are what
    clients mount, empty where the cluster is to be asked for them.  ``main``
    is the address that upstream's driver puts before every path.  ``hosts``
    are the management hosts, empty where commands run on this host.
    ``timeout`` is in seconds.
    """

    backend: str
    base: str
    addresses: tuple[str, ...]
    main: str = ''
    server_type: str = 'CES'
    servers: tuple[str, ...] = ()
    helper: str = opts.DEFAULT_HELPERS['CES']
    local: bool = False
    hosts: tuple[str, ...] = ()
    login: ssh.Login | None = None
    trust: ssh.KnownHosts = dataclasses.field(
        default_factory=ssh.KnownHosts)
    port: int = 22
    sudo: bool = False
    connect_timeout: float = 60.0
    connections: tuple[int, int] = (1, 10)
    filesystem: str = ''
    directory: str = '/usr/lpp/mmfs/bin'
    timeout: float = 300.0
    mode: str = '777'
    owner: str = ''
    independent: bool = True
    inode_limit: str = ''
    account_replicas: bool = True

    def path(self, name: str) -> str:
        """Where the fileset of a share is linked.

        :raises InvalidRequest: the name cannot be a fileset's.
        """
        return paths.share_path(self.base, name)

    @property
    def state_directory(self) -> str:
        """Where the driver keeps files of its own; tenants cannot reach
        it, since the base itself is never exported."""
        return self.base + '/.manila'


def read(conf: Any, backend: str) -> GpfsSettings:
    """Read and check the options of one backend; no network traffic.

    :param conf: Manila's configuration object of the backend's section.
    :raises ConfigurationError: naming the option at fault, and in its
        ``check`` all others.
    """
    problems: list[exception.ConfigurationError] = []

    def get(reader: Any, *arguments: Any, default: Any = None) -> Any:
        try:
            return reader(conf, *arguments)
        except exception.ConfigurationError as exc:
            problems.append(exc)
            return default

    base = get(_base, default='/')
    server_type, helper = get(_helper, default=('CES', ''))
    addresses = get(_addresses, server_type, default=('',))
    servers = get(_servers, server_type, default=())
    login = get(_login, servers)
    trust = get(_trust, default=ssh.KnownHosts())
    get(_sudo)
    if problems:
        raise _together(problems)
    return GpfsSettings(
        backend=backend, base=base, addresses=addresses,
        main=str(conf.gpfs_share_export_ip or ''),
        server_type=server_type, servers=servers, helper=helper,
        local=bool(conf.is_gpfs_node), hosts=_hosts(conf), login=login,
        trust=trust, port=conf.gpfs_ssh_port, sudo=conf.gpfs_ssh_use_sudo,
        connect_timeout=float(conf.ssh_conn_timeout),
        connections=(conf.ssh_min_pool_conn, conf.ssh_max_pool_conn),
        filesystem=_device(conf.gpfs_filesystem or ''),
        directory=(conf.gpfs_command_directory or '').rstrip('/'),
        timeout=float(conf.gpfs_command_timeout), mode=conf.gpfs_share_mode,
        owner=conf.gpfs_share_owner or '',
        independent=conf.gpfs_fileset_type == 'independent',
        inode_limit=conf.gpfs_inode_limit or '',
        account_replicas=conf.gpfs_quota_account_replicas)


def _together(problems: list[exception.ConfigurationError],
              ) -> exception.ConfigurationError:
    first, *others = problems
    if others:
        first.check = '; '.join(filter(None, [
            first.check, *(str(other) for other in others)]))
    return first


def _addresses(conf: Any, server_type: str) -> tuple[str, ...]:
    given = [text.strip().strip('[]')
             for text in conf.gpfs_export_addresses or () if text.strip()]
    main = conf.gpfs_share_export_ip
    if not main:
        raise exception.ConfigurationError(
            'gpfs_share_export_ip', 'is not set')
    if 'auto' in map(str.lower, given):
        if server_type != 'CES' or len(given) > 1:
            raise exception.ConfigurationError(
                'gpfs_export_addresses', 'is auto, which is for CES and '
                'stands alone', check='gpfs_nfs_server_type')
        return ()
    for text in given:
        if not _is_host(text):
            raise exception.ConfigurationError(
                'gpfs_export_addresses',
                f'{text!r} is neither an address nor a name')
    return tuple(dict.fromkeys(given)) or (str(main),)


def _base(conf: Any) -> str:
    text = conf.gpfs_mount_point_base or ''
    if not text.startswith('/'):
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'{text!r} is not an absolute path')
    if text == '/' or text.startswith('//') \
            or posixpath.normpath(text) != text:
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'{text!r} must be a directory below '
            f'/, without . or .. or a slash at its end')
    if not re.fullmatch(r'[\w/.@+=,-]+', text):
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'{text!r} has characters that not '
            f'every NFS server understands')
    return str(text)


def _helper(conf: Any) -> tuple[str, str]:
    """The server type and the dotted path of its class."""
    chosen = str(conf.gpfs_nfs_server_type or '').upper()
    known = {**opts.DEFAULT_HELPERS,
             **{str(key).upper(): str(value) for key, value in _pairs(
                 conf.gpfs_share_helpers)}}
    if chosen not in known:
        raise exception.ConfigurationError(
            'gpfs_nfs_server_type', f'{chosen!r} is none of '
            f'{", ".join(sorted(known))}', check='gpfs_share_helpers')
    # Who comes from upstream may have its class in the configuration.
    path = known[chosen].replace('manila.share.drivers.ibm.gpfs.',
                                 'manila_drivers.ibm.gpfs.')
    return chosen, path


def _pairs(value: Any) -> list[tuple[str, str]]:
    """The helpers: a list of pairs, or upstream's dictionary."""
    if isinstance(value, dict):
        return list(value.items())
    found = [re.fullmatch(r'\s*(\w+)\s*[=:]\s*([\w.]+)\s*', str(text))
             for text in value or ()]
    if not all(found):
        raise exception.ConfigurationError(
            'gpfs_share_helpers', f'{value!r} is not a list of '
            f'TYPE=dotted.path')
    return [(match[1], match[2]) for match in found if match]


def server_names(conf: Any) -> tuple[str, ...]:
    """The NFS servers, each once; upper and lower case are the same."""
    names: dict[str, str] = {}
    for text in conf.gpfs_nfs_server_list or ():
        name = text.strip().strip('[]')
        if name:
            names.setdefault(_comparable(name), name)
    return tuple(names.values())


def _comparable(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip('.')


def _servers(conf: Any, server_type: str) -> tuple[str, ...]:
    names = server_names(conf)
    if not names and server_type != 'CES':
        raise exception.ConfigurationError(
            'gpfs_nfs_server_list', f'is not set, but {server_type} needs '
            f'it')
    for name in names:
        if not _is_host(name):
            raise exception.ConfigurationError(
                'gpfs_nfs_server_list',
                f'{name!r} is neither an address nor a name')
    return names


def _hosts(conf: Any) -> tuple[str, ...]:
    if conf.is_gpfs_node:
        return ()
    named = [name.strip().strip('[]')
             for name in conf.gpfs_management_hosts or () if name.strip()]
    return tuple(dict.fromkeys(named)) or (str(conf.gpfs_share_export_ip),)


def _login(conf: Any, servers: tuple[str, ...]) -> ssh.Login | None:
    if conf.is_gpfs_node and not conf.gpfs_ssh_login:
        # Servers that are not this host show up when they are needed.
        return None
    if not conf.gpfs_ssh_login:
        raise exception.ConfigurationError(
            'gpfs_ssh_login', 'is not set, but commands are run over SSH',
            check='is_gpfs_node')
    key = conf.gpfs_ssh_private_key or ''
    if key and not os.access(os.path.expanduser(key), os.R_OK):
        raise exception.ConfigurationError(
            'gpfs_ssh_private_key', f'{key} cannot be read')
    if not key and not conf.gpfs_ssh_password:
        raise exception.ConfigurationError(
            'gpfs_ssh_private_key', 'is not set, and neither is '
            'gpfs_ssh_password')
    return ssh.Login(
        conf.gpfs_ssh_login, key_file=key,
        password=(command.Secret(conf.gpfs_ssh_password)
                  if conf.gpfs_ssh_password else None),
        key_option='gpfs_ssh_private_key',
        password_option='gpfs_ssh_password')  # noqa: S106 (a name)


def _trust(conf: Any) -> ssh.KnownHosts:
    file = conf.gpfs_ssh_known_hosts or ''
    learn = conf.gpfs_ssh_host_key_policy == 'learn'
    if file and not learn and not os.access(
            os.path.expanduser(file), os.R_OK):
        raise exception.ConfigurationError(
            'gpfs_ssh_known_hosts', f'{file} cannot be read')
    return ssh.KnownHosts((file,) if file else (), learn=learn,
                          option='gpfs_ssh_known_hosts')


def _sudo(conf: Any) -> None:
    login = conf.gpfs_ssh_login
    if not conf.is_gpfs_node and login and login != 'root' \
            and not conf.gpfs_ssh_use_sudo:
        raise exception.ConfigurationError(
            'gpfs_ssh_use_sudo', f'is off, but {login} is not root, and GPFS '
            f'commands need root', check='gpfs_ssh_login')


def _device(text: str) -> str:
    name = text.removeprefix('/dev/')
    if name and not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', name):
        raise exception.ConfigurationError(
            'gpfs_filesystem', f'{text!r} is not the name of a file system')
    return name


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9.-]{0,252}', text))
    return True
