# SPDX-License-Identifier: Apache-2.0

"""The services of one cloud, as the groups of the configuration tell."""

from collections.abc import Callable
import time

from oslo_config import cfg
from requests import adapters

from manila_drivers import exception
from manila_drivers.openstack import compute
from manila_drivers.openstack import images
from manila_drivers.openstack import link
from manila_drivers.openstack import networks
from manila_drivers.openstack import opts
from manila_drivers.openstack import volumes


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
        """Look if Nova and Cinder answer, and work in one project.

        Nova finds none of the volumes of another project, so that all of them
        would pass for lost.

        :raises ConfigurationError: the logins are for two projects.
        :raises DriverError: a service does not answer, or refuses the login.
        """
        self.compute.check()
        self.volumes.check()
        projects = self.compute.project_id(), self.volumes.project_id()
        if projects[0] != projects[1]:
            raise exception.ConfigurationError(
                '[cinder] project_name', 'is another project than that of '
                '[nova]', answer='projects %s and %s' % projects,
                check='project_name or project_id of both')

    def close(self) -> None:
        """Let go of all connections; whatever is asked next makes new ones.
        """
        for each in (self.compute, self.volumes, self.networks, self.images):
            each.close()
