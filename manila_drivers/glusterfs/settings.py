# SPDX-License-Identifier: Apache-2.0

"""The driver's options as one immutable value, checked as a whole."""

from collections.abc import Iterable
import dataclasses
import logging
import os
from typing import Any

from oslo_config import cfg

from manila_drivers import exception
from manila_drivers.glusterfs import client
from manila_drivers.glusterfs import opts
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import pool
from manila_drivers.transport import command
from manila_drivers.transport import ssh

LOG = logging.getLogger(__name__)


KEY = 'glusterfs_path_to_private_key'
PASSWORD = 'glusterfs_server_password'  # noqa: S105 (a name)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """How servers are logged in to."""

    key_file: str = ''
    password: command.Secret | None = None
    agent: bool = False
    port: int = 22
    trust: ssh.KnownHosts = dataclasses.field(default_factory=ssh.KnownHosts)
    connect_timeout: float = 60.0
    min_connections: int = 1
    max_connections: int = 10

    def target(self, address: paths.ServerAddress) -> ssh.Target:
        """:raises ConfigurationError: there is nothing to log in with."""
        return ssh.Target(
            address.host, ssh.Login(
                address.user, key_file=self.key_file,
                # With a key set, nothing else is tried.
                password=None if self.key_file else self.password,
                agent=self.agent, key_option=KEY, password_option=PASSWORD),
            self.trust, port=self.port, connect_timeout=self.connect_timeout,
            min_connections=self.min_connections,
            max_connections=self.max_connections)


@dataclasses.dataclass(frozen=True)
class GlusterSettings:
    """Hold what operators configured, normalised.

    ``mounts`` is the parent of the temporary mounts.
    """

    backend: str
    addresses: tuple[paths.ServerAddress, ...]
    pool: pool.VolumePool
    infrastructure: paths.ReservedNames
    credentials: Credentials
    pattern: str = ''
    mounts: str = '/var/lib/manila/mnt'
    patience: client.Patience = dataclasses.field(
        default_factory=client.Patience)
    wipe_timeout: float = 86400.0
    quota: bool = False


def read(conf: Any, backend: str) -> GlusterSettings:
    """Read and check the options of one backend; no network traffic.

    :param conf: Manila's configuration object of the backend's section.
    :raises ConfigurationError: naming the option at fault.
    """
    if conf.safe_get('driver_handles_share_servers'):
        raise exception.ConfigurationError(
            'driver_handles_share_servers', 'must be False: volumes have no '
            'share servers')
    _check_layout(conf.glusterfs_share_layout)
    infrastructure = paths.ReservedNames(
        _prefixes(conf, 'glusterfs_server_names'),
        _prefixes(conf, 'glusterfs_manila_names'))
    addresses, pool, pattern = _pool(conf, infrastructure)
    credentials = _credentials(conf)
    for address in addresses:
        if address.user:
            credentials.target(address)
    return GlusterSettings(
        backend=backend, addresses=addresses, pool=pool,
        infrastructure=infrastructure, credentials=credentials,
        pattern=pattern,
        mounts=_mounts(conf),
        patience=client.Patience(conf.glusterfs_command_timeout,
                                      conf.glusterfs_lock_timeout),
        wipe_timeout=conf.glusterfs_wipe_timeout, quota=conf.glusterfs_quota)


def _check_layout(layout: str | None) -> None:
    if layout and layout != opts.LAYOUT:
        raise exception.ConfigurationError(
            'glusterfs_share_layout', '%r is none; there is %s'
            % (layout, opts.LAYOUT))


def _prefixes(conf: Any, option: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in getattr(conf, option) or ()
                  if each.strip())
    if not found or not all(map(paths.is_safe, found)):
        raise exception.ConfigurationError(
            option, 'needs beginnings of common names, made of letters, '
            'digits and . _ @ : + = -')
    return found


def _pool(conf: Any, infrastructure: paths.ReservedNames,
          ) -> tuple[tuple[paths.ServerAddress, ...], pool.VolumePool, str]:
    servers = _texts(conf.glusterfs_servers)
    targets = _texts(conf.glusterfs_targets)
    if servers and targets:
        raise exception.ConfigurationError(
            'glusterfs_targets', 'cannot go together with glusterfs_servers')
    if targets:
        return *_fixed(targets, infrastructure), ''
    if not servers:
        raise exception.ConfigurationError(
            'glusterfs_servers', 'is not set (nor is glusterfs_targets)')
    text = conf.glusterfs_volume_pattern
    if not text:
        raise exception.ConfigurationError(
            'glusterfs_volume_pattern', 'is not set')
    pattern = pool.VolumePattern(text)
    if pattern.open_ended:
        LOG.warning('glusterfs_volume_pattern %s does not end in $, so that '
                    'names that go on after it belong to the pool as well',
                    text)
    addresses = tuple(map(paths.server, servers))
    _check_twice(addresses, 'glusterfs_servers')
    return addresses, pool.VolumePool(pattern, {}, infrastructure), text


def _texts(values: Iterable[str] | None) -> list[str]:
    return [each.strip() for each in values or () if each.strip()]


def _fixed(texts: list[str], infrastructure: paths.ReservedNames,
           ) -> tuple[tuple[paths.ServerAddress, ...], pool.VolumePool]:
    targets = [paths.target(text) for text in texts]
    if len(set(targets)) != len(targets):
        raise exception.ConfigurationError(
            'glusterfs_targets', 'names a volume twice')
    addresses = tuple(dict.fromkeys(each.address for each in targets))
    _check_twice(addresses, 'glusterfs_targets')
    by_host = {address.host: frozenset(
        each.volume for each in targets if each.address == address)
        for address in addresses}
    return addresses, pool.VolumePool(None, by_host, infrastructure)


def _check_twice(addresses: tuple[paths.ServerAddress, ...],
                 option: str) -> None:
    seen: set[str] = set()
    for each in addresses:
        if each.key in seen:
            raise exception.ConfigurationError(
                option, 'names the server %s twice' % each.host)
        seen.add(each.key)


def _credentials(conf: Any) -> Credentials:
    key = os.path.expanduser(conf.glusterfs_path_to_private_key or '')
    if key and not os.path.isfile(key):
        raise exception.ConfigurationError(KEY, 'there is no file %s' % key)
    password = conf.glusterfs_server_password
    given = conf.safe_get
    return Credentials(
        key_file=key,
        password=command.Secret(password) if password else None,
        agent=not key and bool(os.environ.get('SSH_AUTH_SOCK')),
        port=conf.glusterfs_ssh_port,
        trust=ssh.KnownHosts(
            tuple(_texts(conf.glusterfs_known_hosts)),
            learn=conf.glusterfs_host_keys == 'accept-new',
            option='glusterfs_known_hosts'),
        connect_timeout=float(given('ssh_conn_timeout') or 60),
        min_connections=int(given('ssh_min_pool_conn') or 1),
        max_connections=int(given('ssh_max_pool_conn') or 10))


def _mounts(conf: Any) -> str:
    given = conf.glusterfs_mount_point_base
    if given:
        path = os.path.expanduser(str(given))
        if not os.path.isabs(path):
            raise exception.ConfigurationError(
                'glusterfs_mount_point_base', '%r is not an absolute path'
                % given)
        return path
    return os.path.join(_state_path(conf), 'mnt')


def _state_path(conf: Any) -> str:
    """Where Manila, or the stand-alone configuration, keeps its state."""
    own = str(getattr(conf, 'state_path', '') or '')
    if own:
        return own
    path: str = cfg.CONF.state_path
    return path
