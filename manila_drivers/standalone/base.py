# SPDX-License-Identifier: Apache-2.0

"""The base class of share drivers, without Manila.

Every name that ``manila.share.driver.ShareDriver`` has in the newest
supported release, with the same signature and the same default; a test
compares the two for each release.  The code is ours.
"""

import time
from typing import Any

from manila_drivers.standalone import errors
from manila_drivers.standalone import executing
from manila_drivers.standalone import groups
from manila_drivers.standalone import mounting
from manila_drivers.standalone import moving
from manila_drivers.standalone import options
from manila_drivers.standalone import servers
from manila_drivers.standalone import shares


class ExecuteMixin:
    """For drivers that run commands."""

    configuration: Any
    _execute: Any

    def init_execute_mixin(self, *args: Any, **kwargs: Any) -> None:
        """Called by the constructor of ShareDriver."""
        if self.configuration:
            self.configuration.append_config_values(options.SSH_OPTS)
        self.set_execute(kwargs.pop('execute', None) or self._run)

    def set_execute(self, execute: Any) -> None:
        """Exchange what runs the commands."""
        self._execute = execute

    def _run(self, *command: Any, **kwargs: Any) -> Any:
        helper = (self.configuration.safe_get('root_helper')
                  if self.configuration else None)
        if helper:
            kwargs.setdefault('root_helper', helper)
        return executing.execute(*command, **kwargs)

    def _try_execute(self, *command: Any, **kwargs: Any) -> Any:
        """Run a command up to ``num_shell_tries`` times."""
        tries = self.configuration.num_shell_tries
        for attempt in range(1, tries + 1):
            try:
                self._execute(*command, **kwargs)
                return True
            except errors.ProcessExecutionError:
                if attempt == tries:
                    raise
            time.sleep(attempt ** 2)
        return False


class GaneshaMixin:
    """For drivers that export through NFS-Ganesha."""

    configuration: Any

    def init_ganesha_mixin(self, *args: Any, **kwargs: Any) -> None:
        """Called by the constructor of ShareDriver."""
        if self.configuration:
            self.configuration.append_config_values(options.GANESHA_OPTS)


class ShareDriver(groups.Groups, shares.AccessCalls, shares.ManageCalls,
                  shares.BackupCalls, moving.Migration,
                  moving.Replication, mounting.Mounting, servers.ServerCalls,
                  servers.ServerChangeCalls, servers.ServerMigrationCalls):
    """Answer what Manila expects of a driver, with Manila's defaults."""

    configuration: Any

    def __init__(self, driver_handles_share_servers: Any, *args: Any,
                 **kwargs: Any) -> None:
        super().__init__()
        self.configuration = kwargs.get('configuration')
        self.initialized = False
        self.ip_versions: Any = None
        self.ipv6_implemented = False
        self.pools: Any = []
        self._stats: dict[str, Any] = {}
        self._declare_features()
        if self.configuration:
            self.configuration.append_config_values(options.SHARE_OPTS)
        self._verify_share_server_handling(driver_handles_share_servers)
        if self.driver_handles_share_servers:
            self.network_api: Any = servers.Unplugged()
        for opts in kwargs.get('config_opts', ()):
            self.configuration.append_config_values(opts)
        for name in ('init_execute_mixin', 'init_ganesha_mixin'):
            if hasattr(self, name):
                getattr(self, name)(*args, **kwargs)

    def _declare_features(self) -> None:
        """Claim what a driver has to claim for itself."""
        self.security_service_update_support = False
        self.network_allocation_update_support = False
        self.restore_to_target_support = False
        self.share_replicas_migration_support = False
        self.qos_type_support = False
        self.encryption_support: Any = None
        self.dhss_mandatory_security_service_association: Any = {}

    def _option(self, name: str) -> Any:
        return self.configuration.safe_get(name) if self.configuration else (
            None)

    @property
    def driver_handles_share_servers(self) -> Any:
        """The mode the operator chose."""
        return self._option('driver_handles_share_servers')

    @property
    def replication_domain(self) -> Any:
        """Name shared by backends that replicate to each other."""
        return self._option('replication_domain')

    @property
    def max_shares_per_share_server(self) -> Any:
        """Limit for a share server, or -1."""
        return self._option('max_shares_per_share_server') or -1

    @property
    def max_share_server_size(self) -> Any:
        """Limit for a share server in GiB, or -1."""
        return self._option('max_share_server_size') or -1

    def _verify_share_server_handling(
            self, driver_handles_share_servers: Any) -> None:
        chosen = self.driver_handles_share_servers
        if not isinstance(chosen, bool):
            raise errors.ManilaException(
                'Option driver_handles_share_servers must be set to True or '
                f'False; it is {chosen!r}.')
        allowed = driver_handles_share_servers
        if isinstance(allowed, bool):
            allowed = [allowed]
        if (not isinstance(allowed, (tuple, list, set))
                or not all(isinstance(mode, bool) for mode in allowed)):
            raise errors.ManilaException(
                f'The driver declares modes that are no booleans: {allowed}')
        if chosen not in allowed:
            raise errors.ManilaException(
                'The driver does not support driver_handles_share_servers='
                f'{chosen}, only {sorted(allowed)}.')

    def do_setup(self, context: Any) -> None:
        """Connect to the backend; may be called again and again."""

    def check_for_setup_error(self) -> None:
        """Raise if the backend or the options do not allow to serve."""

    def get_share_stats(self, refresh: bool = False) -> dict[str, Any]:
        """Return the last statistics, or fresh ones."""
        if refresh:
            self._update_share_stats()
        return self._stats

    def _update_share_stats(self, data: Any = None) -> None:
        """Make new statistics of the defaults and of ``data``."""
        data = data if isinstance(data, dict) else {}
        stats = {**self._common_stats(), **data}
        if self.driver_handles_share_servers:
            stats['max_shares_per_share_server'] = (
                self.max_shares_per_share_server)
            stats['max_share_server_size'] = self.max_share_server_size
        group_stats = data.get('share_group_stats') or {}
        stats['share_group_stats'] = {
            'consistent_snapshot_support':
                group_stats.get('consistent_snapshot_support')}
        self.add_ip_version_capability(stats)
        self._stats = stats

    def _common_stats(self) -> dict[str, Any]:
        """The statistics of a driver that says nothing about itself."""
        backend = (self._option('share_backend_name')
                   or self._option_default('share_backend_name'))
        return {
            'share_backend_name': backend or 'Generic_NFS',
            'driver_handles_share_servers': self.driver_handles_share_servers,
            'vendor_name': 'Open Source',
            'driver_version': '1.0',
            'storage_protocol': None,
            'total_capacity_gb': 'unknown',
            'free_capacity_gb': 'unknown',
            'reserved_percentage': 0,
            'reserved_snapshot_percentage': 0,
            'reserved_share_extend_percentage': 0,
            'qos': False,
            'pools': self.pools or None,
            'snapshot_support': self.snapshots_are_supported,
            'create_share_from_snapshot_support':
                self.creating_shares_from_snapshots_is_supported,
            'revert_to_snapshot_support': False,
            'mount_snapshot_support': False,
            'mount_point_name_support': False,
            'snapshot_inherit_share_access_support': False,
            'replication_domain': self.replication_domain,
            'filter_function': self.get_filter_function(),
            'goodness_function': self.get_goodness_function(),
            'security_service_update_support':
                self.security_service_update_support,
            'network_allocation_update_support':
                self.network_allocation_update_support,
            'share_server_multiple_subnet_support': False,
            'share_replicas_migration_support':
                self.share_replicas_migration_support,
            'encryption_support': self.encryption_support,
            'qos_type_support': self.qos_type_support}

    def _option_default(self, name: str) -> Any:
        """The option's value in [DEFAULT], for the few looked up there."""
        look = getattr(self.configuration, 'default_get', None)
        return look(name) if look else None

    def get_filter_function(self, pool: Any = None) -> Any:
        """Expression by which the scheduler may exclude this backend."""
        return (self._option('filter_function')
                or self._option_default('filter_function')
                or self.get_default_filter_function(
                    **({'pool': pool} if pool else {})))

    def get_goodness_function(self) -> Any:
        """Expression by which the scheduler may prefer this backend."""
        return (self._option('goodness_function')
                or self._option_default('goodness_function')
                or self.get_default_goodness_function())

    def get_default_filter_function(self, pool: Any = None) -> Any:
        """The driver's own, where the operator gave none."""
        return None

    def get_default_goodness_function(self) -> Any:
        """The driver's own, where the operator gave none."""
        return None

    def get_configured_ip_versions(self) -> Any:
        """IP versions of the export locations; to be said for IPv6."""
        if self.ipv6_implemented:
            raise NotImplementedError()
        return [4]

    def add_ip_version_capability(self, data: Any) -> Any:
        """Put the two IP flags into statistics."""
        self.ip_versions = set(self.get_configured_ip_versions())
        if self.driver_handles_share_servers:
            self.ip_versions &= self.network_api.enabled_ip_versions
        data['ipv4_support'] = 4 in self.ip_versions
        data['ipv6_support'] = 6 in self.ip_versions
        return data

    def _has_redefined_driver_methods(self, methods: Any) -> bool:
        """Return whether the driver's class has all of these for itself."""
        names = methods if isinstance(methods, (set, list, tuple)) else [
            methods]
        return all(
            getattr(type(self), name, None)
            not in (None, getattr(ShareDriver, name)) for name in names)

    @property
    def snapshots_are_supported(self) -> bool:
        """Return whether the driver has the two calls."""
        return self._has_redefined_driver_methods(
            ('create_snapshot', 'delete_snapshot'))

    @property
    def creating_shares_from_snapshots_is_supported(self) -> bool:
        """Return whether the driver has the three calls."""
        return (self.snapshots_are_supported and
                self._has_redefined_driver_methods(
                    'create_share_from_snapshot'))
