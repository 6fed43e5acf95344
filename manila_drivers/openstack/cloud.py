# SPDX-License-Identifier: Apache-2.0

"""The services of one cloud, as the groups of the configuration tell."""

from collections.abc import Callable
import logging
import time

from oslo_config import cfg
from requests import adapters

from manila_drivers.openstack import compute
from manila_drivers.openstack import images
from manila_drivers.openstack import link
from manila_drivers.openstack import networks
from manila_drivers.openstack import opts
from manila_drivers.openstack import volumes

LOG = logging.getLogger(__name__)


class Cloud:
    """Nova, Cinder, Neutron and Glance.  Making it does no I/O.

    Each service logs in with its first request, as the user of its group; a
    group whose service is never asked need not be filled.

    :param conf: oslo.config's ConfigOpts with the groups ``nova``,
        ``cinder``, ``neutron`` and ``glance``, which are registered if they
        are not.
    :param adapter: how bytes travel, to Keystone as well; a simulator may be
        put here.
    """

    def __init__(self, conf: cfg.ConfigOpts, *,
                 adapter: adapters.BaseAdapter | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        opts.register(conf)

        def connection(kind: link.ServiceKind) -> link.Link:
            return link.Link(conf, kind, adapter=adapter, clock=clock,
                             sleep=sleep)

        self.compute = compute.Compute(connection(link.COMPUTE))
        self.volumes = volumes.Volumes(connection(link.VOLUME))
        self.networks = networks.Networks(connection(link.NETWORK))
        self.images = images.Images(connection(link.IMAGE))

    def check(self) -> None:
        """Look if Nova and Cinder answer; warn if they are for two projects.

        Only an administrator can attach volumes to servers of another
        project; to others Nova says that there is no such volume.

        :raises DriverError: a service does not answer, or refuses the login.
        """
        self.compute.check()
        self.volumes.check()
        projects = self.compute.project_id(), self.volumes.project_id()
        if projects[0] != projects[1]:
            LOG.warning(
                '[nova] and [cinder] log in to two projects, %s and %s: '
                'volumes of one can be attached to servers of the other by '
                'administrators alone', *projects)

    def close(self) -> None:
        """Let go of all connections; whatever is asked next makes new ones.
        """
        for each in (self.compute, self.volumes, self.networks, self.images):
            each.close()
