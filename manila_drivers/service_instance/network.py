# SPDX-License-Identifier: Apache-2.0

"""Networks of service instances in Neutron."""

from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any

from manila_drivers.service_instance import helper


class NeutronNetworkHelper(helper.BaseNetworkhelper):
    """The service network, its subnets, ports, groups and routers."""

    def __init__(self, service_instance_manager: Any) -> None:
        self.manager = service_instance_manager

    @property
    def NAME(self) -> str:
        return 'neutron'

    @property
    def admin_project_id(self) -> str:
        """Id of the project that the service has in Neutron."""
        raise NotImplementedError()

    @property
    def service_network_id(self) -> str:
        """Id of the service network, which is made if there is none."""
        raise NotImplementedError()

    def setup_connectivity_with_service_instances(self) -> None:
        raise NotImplementedError()

    def setup_network(self, network_info: Any,
                      made: MutableMapping[str, Any] | None = None,
                      ) -> dict[str, Any]:
        raise NotImplementedError()

    def teardown_network(self, server_details: Mapping[str, Any]) -> None:
        raise NotImplementedError()
