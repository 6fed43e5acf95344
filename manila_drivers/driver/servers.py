# SPDX-License-Identifier: Apache-2.0

"""Manila's calls about share servers, for driver_handles_share_servers."""

from collections.abc import Mapping
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import backend
from manila_drivers.driver import configured
from manila_drivers.driver.context import driver_call

#: The detail that names the server: a tear-down is told nothing else of it.
SERVER_ID = 'server_id'


class ShareServers(configured.Configured[configured.B]):
    """Hand share servers to ``backend.servers``.

    Manila's base class asks the network plug-in for addresses, and calls
    nothing of this where it handles no share servers.
    """

    #: Addresses that a share server needs of Manila's network plug-ins: none
    #: if the driver finds its addresses itself.
    NETWORK_ALLOCATIONS = 0
    ADMIN_NETWORK_ALLOCATIONS = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Of each thread: the server that its tear-down is about.
        self._leaving = threading.local()
        super().__init__(*args, **kwargs)

    @property
    def _servers(self) -> backend.ServersPart:
        """The part of the backend that makes share servers.

        :raises NotImplementedError: it has none.
        """
        made: Any = self._backend
        if not isinstance(made, backend.ServingBackend):
            # Manila takes it for a driver without share servers.
            raise NotImplementedError()
        return made.servers

    def get_network_allocations_number(self) -> int:
        return self.NETWORK_ALLOCATIONS

    def get_admin_network_allocations_number(self) -> int:
        return self.ADMIN_NETWORK_ALLOCATIONS

    @driver_call
    def _setup_server(self, network_info: Any, metadata: Any = None,
                      **kwargs: Any) -> dict[str, str]:
        """Make a share server and return its details.

        Whatever is raised brings the details of what was made before, which
        Manila stores, and hands to the tear-down.
        """
        servers = self._servers
        if not network_info:
            raise exception.InvalidRequest('The share server has no subnet')
        request = model.ServerRequest.of(network_info, metadata)
        made: dict[str, Any] = {SERVER_ID: request.server_id}
        try:
            servers.create(request, made)
        except Exception as exc:
            exc.detail_data = {  # type: ignore[attr-defined]
                'server_details': _texts(made)}
            raise
        return _texts(made)

    @driver_call
    def _teardown_server(self, server_details: Any,
                         security_services: Any = None,
                         **kwargs: Any) -> None:
        """Remove a share server, or what an unfinished set-up left of it.

        Where the service was killed in the middle of the set-up, Manila has
        no details; the server's id is then known from the call before.
        """
        details = dict(server_details or {})
        leaving = self._leaving.__dict__.pop(SERVER_ID, None)
        if leaving:
            details.setdefault(SERVER_ID, leaving)
        self._servers.delete(
            details,
            [model.SecurityService.of(row) for row in security_services or ()])

    def deallocate_network(self, context: Any, share_server_id: Any,
                           share_network: Any = None,
                           share_network_subnet: Any = None,
                           **kwargs: Any) -> Any:
        """Give addresses back, and remember whose.

        Manila calls this, with the id, on the same thread just before each
        tear-down, which is told nothing but the details.
        """
        self._leaving.__dict__[SERVER_ID] = str(share_server_id)
        return super().deallocate_network(
            context, share_server_id, share_network=share_network,
            share_network_subnet=share_network_subnet, **kwargs)

    @driver_call
    def choose_share_server_compatible_with_share(
            self, context: Any, share_servers: Any, share: Any,
            snapshot: Any = None, share_group: Any = None,
            encryption_key_ref: Any = None, **kwargs: Any) -> Any:
        """Return a server for a new share, or None to have one made.

        Manila has left out those whose limits (max_shares_per_share_server,
        max_share_server_size) are reached.
        """
        if self.driver_handles_share_servers:
            call, servers = self._call(share, None, context), self._servers
            share_servers = [
                row for row in share_servers
                if servers.suits(model.ShareServer.of(row), call)]
        return super().choose_share_server_compatible_with_share(
            context, share_servers, share, snapshot=snapshot,
            share_group=share_group)

    @driver_call
    def get_share_server_network_info(
            self, context: Any, share_server: Any, identifier: Any,
            driver_options: Any, **kwargs: Any) -> list[str]:
        """Return the addresses of a server that is to be managed."""
        return self._servers.addresses(
            model.ShareServer.of(share_server), str(identifier),
            driver_options or {})

    @driver_call
    def manage_server(self, context: Any, share_server: Any, identifier: Any,
                      driver_options: Any, **kwargs: Any,
                      ) -> tuple[str, dict[str, str]]:
        """Take a share server over; return its identifier and details."""
        server = model.ShareServer.of(share_server)
        details = self._servers.adopt(server, str(identifier),
                                      driver_options or {})
        return str(identifier), _texts({**details, SERVER_ID: server.id})

    @driver_call
    def unmanage_server(self, server_details: Any,
                        security_services: Any = None,
                        **kwargs: Any) -> None:
        """Let a share server go as it is."""
        self._servers.release(dict(server_details or {}))


def _texts(details: Mapping[str, Any]) -> dict[str, str]:
    """Return details as Manila stores them: text, and nothing of None."""
    return {str(key): str(value) for key, value in details.items()
            if value is not None}
