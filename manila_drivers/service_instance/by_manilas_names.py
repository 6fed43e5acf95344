# SPDX-License-Identifier: Apache-2.0

"""The methods that Manila's own class has, for drivers written for it.

Subclasses of Manila's class override ``get_config_option``,
``_get_service_instance_create_kwargs``, ``_get_new_instance_details`` and
``_test_server_connection``; they are asked here as well.
"""

import abc
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

from manila_drivers import model
from manila_drivers.openstack import records
from manila_drivers.service_instance import instances
from manila_drivers.service_instance import login
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network
from manila_drivers.service_instance import settings

Details = Mapping[str, Any]

# Of a new instance: what becomes details if it is there.
_KEPT = (names.PK_PATH, names.SUBNET_ID, names.ROUTER_ID, names.ADMIN_IP,
         *names.PORTS.values())


class ManilasNames(abc.ABC):
    """Thin adapters around the manager's own calls."""

    def __init__(self, read: settings.ServiceInstanceSettings,
                 made: instances.Instances, logins: login.Logins) -> None:
        self.settings = read
        self.instances = made
        self.logins = logins

    @abc.abstractmethod
    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, Any]) -> None:
        """Make an instance."""

    @abc.abstractmethod
    def delete(self, details: Details) -> None:
        """Remove an instance."""

    @abc.abstractmethod
    def common(self, *, refresh: bool = False) -> dict[str, Any]:
        """Return the details of the one server there is."""

    @abc.abstractmethod
    def alive(self, details: Details) -> bool:
        """Tell if an instance can be used."""

    @abc.abstractmethod
    def reboot(self, details: Details, hard: bool = False) -> None:
        """Reboot an instance."""

    # -- to be overridden ------------------------------------------------

    def _get_service_instance_create_kwargs(self) -> dict[str, Any]:
        """Return more arguments for Nova: ``user_data`` and ``meta``."""
        return {}

    def _get_new_instance_details(self, server: Details) -> dict[str, Any]:
        """Return the details of an instance that was made.

        The password is not among them: it is in the configuration, and
        details are shown by Manila's API.

        :param server: ``id``, ``ip``, ``public_address``, and what there is
            of ``pk_path``, ``subnet_id``, ``router_id``, ``admin_ip`` and ids
            of ports.
        """
        return {names.INSTANCE_ID: server['id'], names.IP: server['ip'],
                names.PUBLIC_ADDRESS: server[names.PUBLIC_ADDRESS],
                names.USERNAME: self.settings.login.user,
                **{key: server[key] for key in _KEPT if server.get(key)}}

    def _test_server_connection(self, server: Details) -> bool:
        """Tell if an instance can be logged in to."""
        return self.logins.test(server) is None

    def last_trouble(self, details: Details) -> str:
        """Return why an instance was last found to be dead, or ''."""
        error = self.logins.trouble(details)
        return '' if error is None else str(error)

    # -- adapters --------------------------------------------------------

    def get_common_server(self) -> dict[str, Any]:
        """Return ``{'backend_details': details}`` of :meth:`common`."""
        return {'backend_details': self.common()}

    def set_up_service_instance(self, context: Any,
                                network_info: Details) -> dict[str, Any]:
        """Return the details of a new instance.

        What is raised has ``detail_data`` with those that exist.
        """
        made: dict[str, Any] = {}
        try:
            self.create(network.asked(network_info), made)
        except Exception as exc:
            exc.detail_data = {  # type: ignore[attr-defined]
                'server_details': dict(made)}
            raise
        return made

    def ensure_service_instance(self, context: Any, server: Details) -> bool:
        """Tell if an instance can be used."""
        return self.alive(server)

    def delete_service_instance(self, context: Any,
                                server_details: Details) -> None:
        """Remove an instance with all that belongs to it."""
        self.delete(server_details)

    def wait_for_instance_to_be_active(self, instance_id: str,
                                       timeout: float) -> records.Server:
        """Return the server once it is active and has addresses.

        :raises BackendError: it went into ERROR, or was not in time.
        """
        return self.instances.until_active(instance_id, float(timeout))

    def reboot_server(self, server: Details,
                      soft_reboot: bool = False) -> None:
        """Reboot an instance and wait until it can be logged in to."""
        self.reboot(server, hard=not soft_reboot)
