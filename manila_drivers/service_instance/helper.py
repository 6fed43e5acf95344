# SPDX-License-Identifier: Apache-2.0

"""Network helpers: the methods that a service instance manager calls."""

import abc
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any


class BaseNetworkhelper(abc.ABC):
    """Networks of service instances; the names are Manila's.

    :param service_instance_manager: whose settings count.
    """

    @abc.abstractmethod
    def __init__(self, service_instance_manager: Any) -> None:
        """Do no I/O."""

    @property
    @abc.abstractmethod
    def NAME(self) -> str:
        """Name of the service that has the networks."""

    @abc.abstractmethod
    def setup_connectivity_with_service_instances(self) -> None:
        """Plug this host into the networks of instances.

        Repetition mends what is missing.
        """

    @abc.abstractmethod
    def setup_network(self, network_info: Any,
                      made: MutableMapping[str, Any] | None = None,
                      ) -> dict[str, Any]:
        """Make what an instance needs before it is booted.

        :param network_info: Manila's dictionary of one subnet, or
            ``model.ServerRequest``.
        :param made: details into which each id is entered as soon as there
            is one.
        :returns: ``nics`` (``{'port-id': id}`` in the order of interfaces),
            ``ip_address`` for SSH, ``public_address``, and what there is of
            ``admin_ip``, ``router_id``, ``subnet_id`` and ids of ports.
        """

    @abc.abstractmethod
    def teardown_network(self, server_details: Mapping[str, Any]) -> None:
        """Remove what :meth:`setup_network` has made.

        :param server_details: of the share server; any of them may be
            missing.
        """
