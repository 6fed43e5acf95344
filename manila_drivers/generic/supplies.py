# SPDX-License-Identifier: Apache-2.0

"""Look if a cloud has what it takes to make shares and service instances.

Services tell who may make something only to those who make it.  What can be
asked before is: the roles of the login, what is left of quotas, and whether
there is what options name.  All of that is read.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import functools
import logging

from manila_drivers import exception
from manila_drivers.generic import settings
from manila_drivers.openstack import cloud
from manila_drivers.service_instance import settings as instance_settings

LOG = logging.getLogger(__name__)

Probe = Callable[[], object]

#: Who has no other role may only look, by the default policies.
READER = frozenset({'reader'})
#: The role that may do everything.
ADMIN = 'admin'
_QUOTA = 'quota of the project, and what is used of it'


class Supplies:
    """Ask a cloud for what the options of one backend take of it.

    :param instances: settings of share servers, None where there is one
        server for all shares; ``network`` likewise.
    """

    def __init__(self, services: cloud.Cloud,
                 chosen: settings.GenericSettings,
                 instances: instance_settings.InstanceSettings | None,
                 network: instance_settings.NetworkSettings | None) -> None:
        self._cloud = services
        self._chosen = chosen
        self._instances = instances
        self._network = network

    def probes(self) -> Iterator[tuple[str, Probe]]:
        """Yield each look, with the group of the service that it asks."""
        found = self._cloud
        services = {'nova': found.compute, 'cinder': found.volumes,
                    **({'neutron': found.networks} if self._instances else {})}
        for group, service in services.items():
            yield group, functools.partial(_makes, group, service.roles)
        if self._instances is not None:
            yield 'neutron', self._rules_networks
        yield 'cinder', self._volume_quota
        for option, name in self._types():
            yield 'cinder', functools.partial(self._type, option, name)
        if self._instances is not None:
            yield from self._of_instances(self._instances)

    def _rules_networks(self) -> None:
        """Warn of a login that only changes networks of its own project."""
        told = self._cloud.networks.roles()
        if told is not None and told != READER and ADMIN not in told:
            LOG.warning(
                '[neutron] username: the login has not the role %s, without '
                'which the default policies let nobody make ports in networks '
                'of users, nor bind them to a host. Check: %s.', ADMIN,
                'the roles ' + (', '.join(sorted(told)) or '(none)'))

    def _types(self) -> Iterator[tuple[str, str]]:
        boot = self._instances.boot if self._instances else None
        if self._chosen.volume_type:
            yield 'cinder_volume_type', self._chosen.volume_type
        if boot is not None and boot.volume_type:
            yield 'service_instance_boot_volume_type', boot.volume_type

    def _of_instances(self, conf: instance_settings.InstanceSettings,
                      ) -> Iterator[tuple[str, Probe]]:
        yield 'nova', functools.partial(self._server_quota, conf.flavor)
        if conf.zone:
            yield 'nova', functools.partial(self._zone, conf.zone)
        if conf.boot is not None and conf.boot.base:
            yield 'cinder', functools.partial(self._base, conf.boot.base)
        if self._network is not None and self._network.use_admin_port:
            yield 'neutron', functools.partial(
                self._admin, self._network.admin_network,
                self._network.admin_subnet)

    # What options name

    def _type(self, option: str, name: str) -> None:
        """:raises ConfigurationError: Cinder has no such volume type."""
        known = self._cloud.volumes.types()
        if not any(name in (one.id, one.name) for one in known):
            raise exception.ConfigurationError(
                option, f'Cinder has no volume type {name} for this project',
                answer=', '.join(sorted(one.name or one.id
                                        for one in known)) or '(none)')

    def _zone(self, zone: str) -> None:
        """:raises ConfigurationError: Nova has no such availability zone."""
        known = self._cloud.compute.zones()
        # Nova takes ZONE:HOST as well.
        if zone.partition(':')[0] not in known:
            raise exception.ConfigurationError(
                'backend_availability_zone', 'Nova has no availability zone '
                f'{zone} that is available',
                answer=', '.join(sorted(known)) or '(none)',
                check='storage_availability_zone, where this is not set')

    def _base(self, ident: str) -> None:
        """:raises ConfigurationError: there is no such volume to clone."""
        option = 'service_instance_base_boot_volume_id'
        try:
            found = self._cloud.volumes.volume(ident)
        except exception.NotFound as exc:
            raise exception.ConfigurationError(
                option, f'Cinder has no volume {ident} for this project',
                answer=exc.answer) from exc
        if found.status not in ('available', 'in-use'):
            raise exception.ConfigurationError(
                option, f'volume {ident} cannot be cloned',
                answer=found.status or 'no status')

    def _admin(self, network: str, subnet: str) -> None:
        """:raises ConfigurationError: there is no such network or subnet."""
        networks = self._cloud.networks
        for option, look, ident in (
                ('admin_network_id', networks.network, network),
                ('admin_subnet_id', networks.subnet, subnet)):
            try:
                look(ident)
            except exception.NotFound as exc:
                raise exception.ConfigurationError(
                    option, f'Neutron has no {ident} for this project',
                    answer=exc.answer) from exc

    # Quotas

    def _volume_quota(self) -> None:
        told = self._cloud.volumes.limits()
        _left('cinder', {
            'volumes': (told.volumes, told.volumes_used, 1),
            'gigabytes': (told.gigabytes, told.gigabytes_used, 1),
            'snapshots': (told.snapshots, told.snapshots_used, 1)})

    def _server_quota(self, flavor: str) -> None:
        told = self._cloud.compute.limits()
        # One that is missing is told elsewhere.
        size, _ = exception.caught(lambda: self._cloud.compute.flavor(flavor))
        _left('nova', {
            'instances': (told.instances, told.instances_used, 1),
            'cores': (told.cores, told.cores_used,
                      size.vcpus if size else None),
            'MiB of memory': (told.ram, told.ram_used,
                              size.ram if size else None)})


def _makes(group: str, roles: Callable[[], frozenset[str] | None]) -> None:
    """Warn of a login that by the usual policies can make nothing.

    Operators may have other policies: it is no error.
    """
    told = roles()
    if told == READER:
        LOG.warning('[%s] username: the login has the role reader alone, '
                    'which by the default policies may look and make nothing. '
                    'Check: the role member in that project.', group)


def _left(group: str, quotas: Mapping[
        str, tuple[int | None, int | None, int | None]]) -> None:
    """Warn of what is used up; -1 is no limit, and None not told.

    :param quotas: by name: the most, the used, and what the next one takes.
    """
    short = [f'{most - used} of {most} {name} left, and {takes} taken by the '
             'next one' for name, (most, used, takes) in quotas.items()
             if most is not None and used is not None and takes
             and most >= 0 and most - used < takes]
    if short:
        LOG.warning('[%s] project_name: the quota is used up: %s. Check: %s.',
                    group, '; '.join(short), _QUOTA)
