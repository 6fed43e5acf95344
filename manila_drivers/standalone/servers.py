# SPDX-License-Identifier: Apache-2.0

"""Share servers and their networks, for driver_handles_share_servers=True."""

import logging
from typing import Any

from manila_drivers.standalone import errors

LOG = logging.getLogger(__name__)


class Unplugged:
    """Stands where Manila has its network plug-in.

    Without Manila nobody hands out addresses: whoever drives the driver
    passes the network information to ``setup_server`` himself.
    """

    enabled_ip_versions = frozenset({4, 6})

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        raise errors.NetworkBadConfigurationException(
            reason=f'{name}: there is no network plug-in without Manila')


class ServerCalls:
    """Calls about share servers."""

    driver_handles_share_servers: Any
    network_api: Any

    @property
    def admin_network_api(self) -> Any:
        """Plug-in of the administrators' network: never without Manila."""
        return getattr(self, '_admin_network_api', None)

    def get_network_allocations_number(self) -> Any:
        """Addresses that one share server needs."""
        raise NotImplementedError()

    def get_admin_network_allocations_number(self) -> Any:
        """Addresses that it needs in the administrators' network."""
        return 0

    def allocate_network(self, context: Any, share_server: Any,
                         share_network: Any, share_network_subnet: Any,
                         count: Any = None, **kwargs: Any) -> Any:
        """Ask the plug-in for addresses, if any are needed."""
        count = (self.get_network_allocations_number() if count is None
                 else count)
        if count:
            self.network_api.allocate_network(
                context, share_server, share_network=share_network,
                share_network_subnet=share_network_subnet, count=count,
                **kwargs)

    def allocate_admin_network(self, context: Any, share_server: Any,
                               count: Any = None, **kwargs: Any) -> Any:
        """Do likewise in the administrators' network."""
        count = (self.get_admin_network_allocations_number()
                 if count is None else count)
        if not count:
            return
        if not self.admin_network_api:
            raise errors.NetworkBadConfigurationException(
                reason='there is no network plug-in for administrators')
        self.admin_network_api.allocate_network(
            context, share_server, count=count, **kwargs)

    def deallocate_network(self, context: Any, share_server_id: Any,
                           share_network: Any = None,
                           share_network_subnet: Any = None) -> Any:
        """Give addresses back, if any were needed."""
        if self.get_network_allocations_number():
            self.network_api.deallocate_network(
                context, share_server_id, share_network=share_network,
                share_network_subnet=share_network_subnet)

    def update_network_allocation(self, context: Any,
                                  share_server: Any) -> Any:
        """Tell the plug-in that the server stands."""
        self.network_api.update_network_allocation(context, share_server)

    def update_admin_network_allocation(self, context: Any,
                                        share_server: Any) -> Any:
        """Do likewise in the administrators' network."""
        if (self.get_admin_network_allocations_number()
                and self.admin_network_api):
            self.admin_network_api.update_network_allocation(
                context, share_server)

    def setup_server(self, *args: Any, **kwargs: Any) -> Any:
        """Make a share server, if the driver does such a thing."""
        if self.driver_handles_share_servers:
            return self._setup_server(*args, **kwargs)
        LOG.debug('No share server to set up: '
                  'driver_handles_share_servers is False')
        return None

    def _setup_server(self, network_info: Any, metadata: Any = None) -> Any:
        raise NotImplementedError()

    def teardown_server(self, *args: Any, **kwargs: Any) -> Any:
        """Remove a share server, if the driver does such a thing."""
        if self.driver_handles_share_servers:
            return self._teardown_server(*args, **kwargs)
        LOG.debug('No share server to tear down: '
                  'driver_handles_share_servers is False')
        return None

    def _teardown_server(self, server_details: Any,
                         security_services: Any = None) -> Any:
        raise NotImplementedError()

    def choose_share_server_compatible_with_share(
            self, context: Any, share_servers: Any, share: Any,
            snapshot: Any = None, share_group: Any = None,
            encryption_key_ref: Any = None) -> Any:
        """Take the group's server, or the first without a group."""
        if not share_group:
            return share_servers[0] if share_servers else None
        wanted = share_group.get('share_server_id')
        return next((server for server in share_servers
                     if server['id'] == wanted), None)

    def choose_share_server_compatible_with_share_group(
            self, context: Any, share_servers: Any, share_group_ref: Any,
            share_group_snapshot: Any = None) -> Any:
        """Take the first server."""
        return share_servers[0] if share_servers else None

    def get_share_server_pools(self, share_server: Any) -> Any:
        """Name the pools of a share server; none by default."""
        return []

    def get_share_server_network_info(self, context: Any, share_server: Any,
                                      identifier: Any,
                                      driver_options: Any) -> Any:
        """Return the addresses of a server that is to be managed."""
        raise NotImplementedError()

    def manage_server(self, context: Any, share_server: Any, identifier: Any,
                      driver_options: Any) -> Any:
        """Take a share server over."""
        raise NotImplementedError()

    def unmanage_server(self, server_details: Any,
                        security_services: Any = None) -> Any:
        """Let a share server go."""
        raise NotImplementedError()


class ServerChangeCalls:
    """Calls that change the network or the services of share servers."""

    def check_update_share_server_security_service(
            self, context: Any, share_server: Any, network_info: Any,
            share_instances: Any, share_instance_rules: Any,
            new_security_service: Any,
            current_security_service: Any = None) -> Any:
        """Say whether a security service may be added or exchanged."""
        raise NotImplementedError()

    def update_share_server_security_service(
            self, context: Any, share_server: Any, network_info: Any,
            share_instances: Any, share_instance_rules: Any,
            new_security_service: Any,
            current_security_service: Any = None) -> Any:
        """Add or exchange a security service."""
        raise NotImplementedError()

    def check_update_share_server_network_allocations(
            self, context: Any, share_server: Any,
            current_network_allocations: Any,
            new_share_network_subnet: Any, security_services: Any,
            share_instances: Any, share_instances_rules: Any) -> Any:
        """Say whether a subnet may be added."""
        raise NotImplementedError()

    def update_share_server_network_allocations(
            self, context: Any, share_server: Any,
            current_network_allocations: Any, new_network_allocations: Any,
            security_services: Any, shares: Any, snapshots: Any) -> Any:
        """Add the addresses of a subnet."""
        raise NotImplementedError()

    def update_share_network_subnet_from_metadata(
            self, context: Any, share_network: Any,
            share_network_subnet: Any, share_server: Any,
            metadata: Any) -> Any:
        """Act on a subnet's metadata."""
        raise NotImplementedError()


class ServerMigrationCalls:
    """Calls that move a share server to another backend."""

    def share_server_migration_check_compatibility(
            self, context: Any, share_server: Any, dest_host: Any,
            old_share_network: Any, new_share_network: Any,
            shares_request_spec: Any) -> Any:
        """Say what a migration could keep; nothing by default."""
        return dict.fromkeys(
            ('compatible', 'writable', 'nondisruptive', 'preserve_snapshots',
             'migration_cancel', 'migration_get_progress'), False)

    def share_server_migration_start(
            self, context: Any, src_share_server: Any,
            dest_share_server: Any, shares: Any, snapshots: Any) -> Any:
        """Start a migration and return at once."""
        raise NotImplementedError()

    def share_server_migration_continue(
            self, context: Any, src_share_server: Any,
            dest_share_server: Any, shares: Any, snapshots: Any) -> Any:
        """Say whether the first phase is done."""
        raise NotImplementedError()

    def share_server_migration_complete(
            self, context: Any, src_share_server: Any,
            dest_share_server: Any, shares: Any, snapshots: Any,
            new_network_info: Any) -> Any:
        """Switch over to the destination."""
        raise NotImplementedError()

    def share_server_migration_cancel(
            self, context: Any, src_share_server: Any,
            dest_share_server: Any, shares: Any, snapshots: Any) -> Any:
        """Stop a migration and remove the destination."""
        raise NotImplementedError()

    def share_server_migration_get_progress(
            self, context: Any, src_share_server: Any,
            dest_share_server: Any, shares: Any, snapshots: Any) -> Any:
        """Say how far a migration is, in percent."""
        raise NotImplementedError()
