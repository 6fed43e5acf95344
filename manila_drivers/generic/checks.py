# SPDX-License-Identifier: Apache-2.0

"""What has to be right before the service starts.

Each misconfiguration has an error of its own that names the option.
"""

import logging
from typing import Any

from manila_drivers import exception
from manila_drivers.generic import hosts
from manila_drivers.generic import settings
from manila_drivers.service_instance import manager

LOG = logging.getLogger(__name__)


def check(cloud: Any, instances: manager.ServiceInstanceManager,
          known: hosts.ServiceHosts,
          chosen: settings.GenericSettings) -> None:
    """Look at everything once.

    :raises ConfigurationError: naming the option to correct.
    :raises DriverError: a service cannot be asked for another reason.
    """
    cloud.check()
    known.refresh()
    instances.check()
    if not chosen.handles_servers:
        _check_tools(known, chosen)


def _check_tools(known: hosts.ServiceHosts,
                 chosen: settings.GenericSettings) -> None:
    """:raises ConfigurationError: the common server cannot serve shares."""
    host = known.common()
    found = known.look(host, ())
    if 'NFS' in chosen.protocols and not found.nfsd:
        raise exception.ConfigurationError(
            'service_instance_name_or_id', 'server %s runs no NFS server'
            % host.id, check='the service nfs-server there, or leave NFS out '
            'of share_helpers')
