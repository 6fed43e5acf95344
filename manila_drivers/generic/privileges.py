# SPDX-License-Identifier: Apache-2.0

"""Look at each service of the cloud, and at each right to see what is in it.

Nothing is changed for it: the right to make and delete things a service only
tells when it is used.
"""

from collections.abc import Callable
from collections.abc import Iterable
import functools
import logging

from manila_drivers import exception
from manila_drivers.openstack import cloud

LOG = logging.getLogger(__name__)

Probe = Callable[[], object]

_NOTHING = 'manila-drivers-preflight'


class Privileges:
    """Rights of the logins of one backend.

    :param servers: share servers are made, which takes more of them.
    """

    def __init__(self, services: cloud.Cloud, *, servers: bool) -> None:
        self._cloud = services
        self._servers = servers
        #: Groups of services that do not answer, and of rights that miss.
        self._down: set[str] = set()
        self._refused: set[str] = set()
        #: Options that name what is not there, with the words about it.
        self._told: set[tuple[str, str]] = set()

    def probes(self, check: Probe, supplies: Iterable[tuple[str, Probe]] = (),
               ) -> tuple[Probe, list[Probe]]:
        """Return the look without which there is none, and the others.

        :param check: the look at all else, which is of no use without the
            services.
        :param supplies: looks at what it takes to make things, with the group
            of the service that is asked.
        """
        found = self._cloud
        services: list[tuple[str, Probe]] = [
            ('nova', found.compute.check), ('cinder', found.volumes.check)]
        rights: list[tuple[str, str, Probe]] = [
            ('nova', 'list servers', lambda: found.compute.servers(_NOTHING)),
            ('cinder', 'list volumes', lambda: found.volumes.list(_NOTHING)),
            ('cinder', 'list volume snapshots',
             lambda: found.volumes.snapshots(_NOTHING))]
        if self._servers:
            networks = found.networks
            services += [('neutron', networks.check),
                         ('glance', found.images.check)]
            rights += [
                ('nova', 'list key pairs', found.compute.keypairs),
                ('neutron', 'list networks',
                 lambda: networks.networks(_NOTHING)),
                ('neutron', 'list subnets',
                 lambda: networks.subnets(name=_NOTHING)),
                ('neutron', 'list ports',
                 lambda: networks.ports(name=_NOTHING)),
                ('neutron', 'list security groups',
                 lambda: networks.security_groups(_NOTHING))]
        return self._same_project, [
            *(functools.partial(self._service, *one) for one in services),
            *(functools.partial(self._right, *one) for one in rights),
            *(functools.partial(self._supply, *one) for one in supplies),
            functools.partial(self._rest, check)]

    def _same_project(self) -> None:
        """Nothing has to be asked before the services are, one by one."""

    def _service(self, group: str, look: Probe) -> None:
        """:raises ConfigurationError: a service refuses the login, or is not
        there."""
        try:
            look()
        except exception.ConfigurationError:
            self._down.add(group)
            raise
        except (exception.AccessDenied, exception.TransportError) as exc:
            self._down.add(group)
            refused = isinstance(exc, exception.AccessDenied)
            raise exception.ConfigurationError(
                f'[{group}] ' + ('username' if refused else 'auth_url'),
                exc.what, answer=exc.answer, check=exc.check) from exc
        except exception.DriverError:
            self._down.add(group)
            raise

    def _right(self, group: str, what: str, look: Probe) -> None:
        """:raises ConfigurationError: the login may not see that."""
        if group in self._down:
            return
        try:
            look()
        except exception.AccessDenied as exc:
            self._refused.add(group)
            raise exception.ConfigurationError(
                f'[{group}] username', f'may not {what}', answer=exc.answer,
                check=f'roles of this login in its project, and the policy '
                f'of the service; it has to {what}, and to make, change and '
                'delete them as well') from exc

    def _supply(self, group: str, look: Probe) -> None:
        """:raises ConfigurationError: something that options name is not
        there."""
        if group in self._down:
            return
        _, error = exception.caught(look)
        if isinstance(error, exception.AccessDenied):
            LOG.warning('[%s] username: %s. Check: the policy of the service: '
                        'it is not known if that would do', group, error)
        elif error is not None:
            if isinstance(error, exception.ConfigurationError):
                self._told.add((error.option, error.what))
            raise error

    def _rest(self, check: Probe) -> None:
        if self._down:
            return
        try:
            check()
        except exception.AccessDenied:
            # What may not be seen has been told.
            if not self._refused:
                raise
        except exception.ConfigurationError as exc:
            if (exc.option, exc.what) not in self._told:
                raise
