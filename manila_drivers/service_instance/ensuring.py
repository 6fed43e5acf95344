# SPDX-License-Identifier: Apache-2.0

"""The decorator for calls that need a service instance."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import Any
from typing import TypeVar

from manila_drivers import exception

F = TypeVar('F', bound=Callable[..., Any])


def ensure_server(function: F) -> F:
    """Decorate a method of a driver whose share lives on an instance.

    The driver has ``driver_handles_share_servers`` and
    ``service_instance_manager``.  The method gets the share server as keyword
    ``share_server``: of the common server where there are no share servers.

    :raises InvalidRequest: from the method: a share server was given where
        there are none, or none where there are.
    :raises Unreachable: the instance cannot be logged in to.
    :raises NotFound: it is gone.
    """
    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs['share_server'] = _server(self, kwargs.get('share_server'))
        return function(self, *args, **kwargs)

    return call  # type: ignore[return-value]


def _server(driver: Any, server: Any) -> Any:
    manager = driver.service_instance_manager
    if not driver.driver_handles_share_servers:
        if server:
            raise exception.InvalidRequest(
                'Share servers are not handled by this backend, and the '
                'share is on one',
                check='driver_handles_share_servers, and that no share '
                'network is used with this backend')
        server = manager.get_common_server()
    elif not server:
        raise exception.InvalidRequest(
            'The share is on no share server, and this backend makes shares '
            'on share servers alone', check='that a share network was used')
    details: Mapping[str, Any] = server.get('backend_details') or {}
    if not details:
        raise exception.InvalidRequest(
            'Share server %s has no details: its set-up did not come to its '
            'end' % server.get('id', ''), check='status of the share server')
    manager.require(details)
    return server
