# SPDX-License-Identifier: Apache-2.0

"""Decide about a server of Nova that becomes a share server.  Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import re

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import records
from manila_drivers.service_instance import names
from manila_drivers.service_instance import settings

_UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
#: Options that say in which network each port of an instance is.
_OPTIONS = {'service': 'service_network_name',
            'public': 'connect_share_server_to_tenant_network',
            'admin': 'admin_network_id'}


@dataclasses.dataclass(frozen=True)
class AdoptionFacts:
    """A server, and what there is of it.

    :param server: None if Nova has none of that id.
    :param ports: all that Neutron has for it.
    :param service_network: id of the service network, '' if there is none.
    :param volumes: those that carry the same share server's id as it does.
    """

    server: records.Server | None
    ports: tuple[records.Port, ...] = ()
    service_network: str = ''
    volumes: tuple[records.Volume, ...] = ()


@dataclasses.dataclass(frozen=True)
class Adoption:
    """Hold what belongs to a server, and the steps that say whose it is.

    :param ports: by part, see ``names.PORTS``.
    :param volume: that it has booted from, '' if that is the image's.
    """

    ports: Mapping[str, records.Port]
    volume: str
    steps: plan.Plan


def adopt(facts: AdoptionFacts, ident: str, server_id: str,
          instances: settings.InstanceSettings,
          network: settings.NetworkSettings) -> Adoption:
    """Give a server, its ports and its boot volume to a share server.

    The server's own mark goes last: by it the volume is found again.

    :raises NotManageable: it is no service instance, or not one of a backend
        like this one.
    """
    server = checked(facts.server, ident, instances)
    ports = _parts(facts, server, network)
    marks = {names.SHARE_SERVER: server_id, names.MADE_BY: instances.made_by}
    if facts.volumes and server.volumes is None:
        raise exception.NotManageable(
            f'Nova does not tell the volumes of server {server.id}',
            check=f'whether it has booted from {facts.volumes[0].id}')
    volumes = [each for each in facts.volumes
               if each.id in (server.volumes or ())]
    if len(volumes) > 1:
        raise exception.NotManageable(
            f'Server {server.id} has {len(volumes)} boot volumes',
            answer=', '.join(each.id for each in volumes),
            check=f'metadata {names.SHARE_SERVER} of these volumes')
    steps = [plan.Step('rename port', port.id, {
        'name': names.port(part, server_id)}, detail=names.port(
            part, server_id)) for part, port in ports.items()
        if port.name != names.port(part, server_id)]
    steps += [plan.Step('mark volume', each.id, {'marks': marks})
              for each in volumes if not _marked(each.metadata, marks)]
    if not _marked(server.metadata, marks):
        steps.append(plan.Step('mark server', server.id, {'marks': marks}))
    return Adoption(ports, volumes[0].id if volumes else '',
                    plan.Plan(tuple(steps)))


def _marked(metadata: Mapping[str, str] | None,
            marks: Mapping[str, str]) -> bool:
    return marks.items() <= (metadata or {}).items()


def checked(server: records.Server | None, ident: str,
            conf: settings.InstanceSettings) -> records.Server:
    """Return a server that is a service instance and runs.

    The end of a share server deletes its instance, so that no other machine
    may ever become one.

    :raises NotManageable: it is none, or does not run.
    """
    if server is None:
        raise exception.NotManageable(
            f'Nova has no server {ident}',
            check='the identifier, which is the id of the server, and the '
            'project in [nova]')
    if not (server.metadata or {}).get(names.SHARE_SERVER) \
            and not _is_named(server.name or '', conf):
        raise exception.NotManageable(
            f'Server {ident} is no service instance',
            answer=f'it is called {server.name!r}',
            check='service_instance_name_template, or metadata '
            f'{names.SHARE_SERVER} of the server')
    if server.status != 'ACTIVE':
        raise exception.NotManageable(
            f'Service instance {ident} does not run',
            answer=f'status {server.status}', check='start it')
    return server


def _is_named(name: str, conf: settings.InstanceSettings) -> bool:
    """Tell if a name is one that an instance gets, of Manila's driver too."""
    return any(name == names.instance(conf.template, section, ident)
               for ident in _UUID.findall(name)
               for section in ('', conf.section))


def _parts(facts: AdoptionFacts, server: records.Server,
           conf: settings.NetworkSettings) -> dict[str, records.Port]:
    """Return the port of each part.

    :raises NotManageable: one is missing or there twice, or there is one
        more, which nobody would remove.
    """
    found: dict[str, list[records.Port]] = {part: [] for part in conf.parts}
    for port in facts.ports:
        part = _part_of(port, facts, conf)
        if part not in found:
            raise exception.NotManageable(
                f'Service instance {server.id} has port {port.id} in network '
                f'{port.network_id}, where those of this backend have none',
                check=', '.join(_OPTIONS.values()))
        found[part].append(port)
    for part, ports in found.items():
        if len(ports) != 1 or not ports[0].fixed_ips:
            raise exception.NotManageable(
                f'Service instance {server.id} has no single port with an '
                f'address in the {part} network',
                answer=_listed(ports), check=_OPTIONS[part])
    return {part: ports[0] for part, ports in found.items()}


def _part_of(port: records.Port, facts: AdoptionFacts,
             conf: settings.NetworkSettings) -> str:
    if conf.admin_network and port.network_id == conf.admin_network:
        return 'admin'
    if facts.service_network and port.network_id == facts.service_network:
        return 'service'
    return 'public'


def _listed(ports: Sequence[records.Port]) -> str:
    return ', '.join(port.id for port in ports) or 'none'
