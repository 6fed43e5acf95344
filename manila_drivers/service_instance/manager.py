# SPDX-License-Identifier: Apache-2.0

"""Service instances: made, found, logged in to, and removed."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
import time
from typing import Any
from typing import Protocol

from manila_drivers import compat
from manila_drivers import model
from manila_drivers.service_instance import settings
from manila_drivers.transport import script
from manila_drivers.transport import ssh

#: Holds a lock of a name for so many seconds of waiting: ``driver.lock``.
Lock = Callable[[str, float], AbstractContextManager[None]]
Details = Mapping[str, Any]


class HostRegistry(Protocol):
    """Connections to instances: ``ssh.Hosts``, or what stands for it."""

    def host(self, target: ssh.Target) -> script.Runner:
        """Return what runs commands there; connects later."""

    def forget(self, target: ssh.Target) -> None:
        """Close the connections to a host that is gone."""

    def close(self) -> None:
        """Close all of them."""


class ServiceInstanceManager:
    """Servers in Nova that serve shares.

    :param driver_config: the backend's section; without one options are
        those of [DEFAULT].
    :param cloud: clients of OpenStack's services (``openstack.cloud.Cloud``);
        without it those that [nova], [cinder], [neutron] and [glance] name.
    :param hosts: connections over SSH.
    :param make_runner: makes them in place of ``hosts``.
    :param lock: as ``driver.lock``.
    :param execute: runs commands on this host.
    :param private_storage: Manila's, for host keys of instances whose details
        have none.

    The constructor does no I/O but to look at key files.
    """

    def __init__(self, driver_config: Any = None, *, cloud: Any = None,
                 hosts: HostRegistry | None = None,
                 make_runner: Callable[[ssh.Target], script.Runner]
                 | None = None,
                 lock: Lock = compat.lock,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 execute: script.Runner | None = None,
                 private_storage: Any = None) -> None:
        self.driver_config = driver_config

    # -- what drivers ask ------------------------------------------------

    @property
    def settings(self) -> settings.ServiceInstanceSettings:
        """The options, read once."""
        raise NotImplementedError()

    @property
    def network_helper(self) -> Any:
        """Networks of instances: setup_connectivity_with_service_instances()
        plugs this host in.
        """
        raise NotImplementedError()

    def check(self) -> None:
        """Raise an error for what is configured and not there.

        Image, flavor and networks, or the common server with a login.
        """
        raise NotImplementedError()

    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, Any]) -> None:
        """Make an instance for a share server, or find what there is of it.

        :param made: gets the details, each as soon as it is known.
        :raises DriverError: what was made is in ``made``, and is removed by
            :meth:`delete`.
        """
        raise NotImplementedError()

    def delete(self, details: Details) -> None:
        """Remove an instance with all that belongs to it.

        :param details: what :meth:`create` entered, or Manila's own driver;
            any of them may be missing.
        """
        raise NotImplementedError()

    def common(self, *, refresh: bool = False) -> dict[str, Any]:
        """Return the details of the one server of a backend without share
        servers.

        Asked for once; again with ``refresh``, and after it could not be
        logged in to.

        :raises NotFound: there is no such server (any more).
        :raises ConfigurationError: it has no such address, or there are
            several of that name.
        """
        raise NotImplementedError()

    def runner(self, details: Details) -> script.Runner:
        """Return what runs commands on an instance.

        :raises NotTrusted: from the runner: it has another host key than the
            one it was first seen with.
        """
        raise NotImplementedError()

    def alive(self, details: Details) -> bool:
        """Tell if commands can be run on an instance now.

        A dead one costs a few seconds, and for some seconds more nothing.
        """
        raise NotImplementedError()

    def require(self, details: Details) -> None:
        """Raise an error that says why an instance cannot be used.

        :raises NotFound: Nova does not have it any more.
        :raises Unreachable: it is not active, or cannot be logged in to.
        """
        raise NotImplementedError()

    def last_trouble(self, details: Details) -> str:
        """Return why an instance was last found to be dead, or ''."""
        raise NotImplementedError()

    def reboot(self, details: Details, hard: bool = False) -> None:
        """Reboot an instance and wait until it can be logged in to."""
        raise NotImplementedError()

    def close(self) -> None:
        """Let go of connections."""
        raise NotImplementedError()

    # -- as subclasses of Manila's class change it -----------------------

    def get_config_option(self, key: str) -> Any:
        """Return the value of an option, None if it is not set."""
        raise NotImplementedError()

    def _get_service_instance_create_kwargs(self) -> dict[str, Any]:
        """Return more arguments for Nova: ``user_data`` and ``meta``."""
        return {}

    def _get_new_instance_details(self, server: Mapping[str, Any],
                                  ) -> dict[str, Any]:
        """Return the details of an instance that was made."""
        raise NotImplementedError()

    def _test_server_connection(self, server: Mapping[str, Any]) -> bool:
        """Tell if an instance can be logged in to."""
        raise NotImplementedError()

    # -- by Manila's names -----------------------------------------------

    def get_common_server(self) -> dict[str, Any]:
        """Return ``{'backend_details': details}`` of :meth:`common`."""
        raise NotImplementedError()

    def set_up_service_instance(self, context: Any,
                                network_info: Mapping[str, Any],
                                ) -> dict[str, Any]:
        """Return the details of a new instance.

        What is raised has ``detail_data`` with those that exist.
        """
        raise NotImplementedError()

    def ensure_service_instance(self, context: Any, server: Details) -> bool:
        """Return :meth:`alive`."""
        raise NotImplementedError()

    def delete_service_instance(self, context: Any,
                                server_details: Details) -> None:
        """Do what :meth:`delete` does."""
        raise NotImplementedError()

    def wait_for_instance_to_be_active(self, instance_id: str,
                                       timeout: float) -> Any:
        """Return the server once it is active and has addresses.

        :raises BackendError: it went into ERROR, or was not in time.
        """
        raise NotImplementedError()

    def reboot_server(self, server: Details,
                      soft_reboot: bool = False) -> None:
        """Do what :meth:`reboot` does."""
        raise NotImplementedError()
