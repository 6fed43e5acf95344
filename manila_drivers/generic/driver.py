# SPDX-License-Identifier: Apache-2.0

"""The Generic driver: the class that Manila loads."""

import ipaddress
from typing import Any

from manila_drivers import driver
from manila_drivers.driver import options
from manila_drivers.generic import backend
from manila_drivers.generic import opts
from manila_drivers.generic import settings
from manila_drivers.service_instance import opts as instance_opts


class GenericShareDriver(driver.ExecuteMixin,
                         driver.ShareDriver[backend.GenericBackend]):
    """NFS and CIFS shares on volumes of Cinder, served by servers of Nova.

    With share servers each share network has a service instance of its own,
    which the driver makes; without, one that an operator has made serves all
    shares.

    The constructor also takes, for simulators: ``cloud_adapter``, how
    requests to OpenStack travel; ``make_runner``, what runs commands on a
    service instance, given the target of SSH; ``host_runner``, what runs
    commands on this host; ``clock`` (monotonic seconds), ``sleep`` and
    ``now`` (seconds since 1970, for what outlasts this process).
    """

    MODES = (True, False)
    # Without it Manila would keep back rules that nobody is told of.
    IPV6 = True
    OPTS = [*opts.GENERIC_OPTS, *instance_opts.SERVICE_INSTANCE_OPTS]
    INJECTED = ('cloud_adapter', 'make_runner', 'host_runner', 'clock',
                'sleep', 'now')
    DRIVER_VERSION = backend.DRIVER_VERSION
    SHOWS_PLANS = True
    AWAY_MEANWHILE = True
    STORAGE_PROTOCOL = 'NFS_CIFS'
    CAPABILITIES = {
        'snapshot_support': True,
        'create_share_from_snapshot_support': True,
        # The last one, as far as Cinder's storage goes back.
        'revert_to_snapshot_support': True}

    @property
    def backend_name(self) -> str:
        return str(self.option('share_backend_name') or 'Cinder_Volumes')

    @property
    def service_instance_manager(self) -> Any:
        """The manager of service instances.

        Manila has it plug this host into the network of the instances when
        the service starts.
        """
        return self._backend.manager

    def get_configured_ip_versions(self) -> list[int]:
        """Return those of the addresses that clients mount; 4 and 6 where a
        network is named, whose addresses only Nova knows.

        Rules of another one are kept, and let nobody in.
        """
        if self.driver_handles_share_servers:
            return [4]
        try:
            return [ipaddress.ip_address(
                self.option('tenant_net_name_or_ip') or '').version]
        except ValueError:
            return [4, 6]

    @property
    def max_shares_per_share_server(self) -> int:
        """Return how many shares a share server may have.

        Manila makes a new server for those that come after that.
        """
        chosen = self.option('max_shares_per_share_server') or -1
        limit = self.option('generic_max_volumes_per_server') or -1
        known = [int(number) for number in (chosen, limit) if number > 0]
        return min(known, default=-1)

    def build_backend(self) -> backend.GenericBackend:
        made = backend.GenericBackend(
            settings.read(self.configuration, self.backend_name,
                          self.service_host),
            self.configuration, options.config_of(self.configuration),
            lock=self.lock, private_storage=self.private_storage,
            root_helper=self.root_helper, **self.injected)
        made.manager.observer = self.observer
        return made
