# SPDX-License-Identifier: Apache-2.0

"""How far Nova's word goes that an instance is not there.

It says so of instances of other projects and regions as well, which would go
on for ever once Manila has forgotten them.
"""

from collections.abc import Mapping
from typing import Any

from manila_drivers import exception
from manila_drivers.openstack import cloud as clouds
from manila_drivers.openstack import compute
from manila_drivers.service_instance import names

#: The role by which Nova shows what all projects have.
_ADMIN = 'admin'


def home(nova: compute.Compute) -> str:
    """Return where instances are made: the project, then the regions."""
    return ' '.join((nova.project_id(), *sorted(nova.regions())))


def check(cloud: clouds.Cloud, ident: str,
          details: Mapping[str, Any]) -> None:
    """Raise Conflict if an instance that Nova denies may be elsewhere.

    :param details: of its share server.  Where they do not say in which
        project it was made, as those of Manila's own driver, a port that is
        still plugged in to it tells.
    """
    project, *regions = str(details.get(names.HOME) or '').split(' ')
    nova = cloud.compute
    if project:
        near = not regions or not nova.regions().isdisjoint(regions)
        away = not near or project != nova.project_id() and _ADMIN not in (
            nova.roles() or ())
    else:
        away = any(_is_plugged(cloud, ident, str(details.get(key) or ''))
                   for key in names.PORTS.values())
    if away:
        raise exception.Conflict(
            f'Nova says that there is no server {ident}, and says so of '
            f'those of other projects and regions as well; the login is of '
            f'project {nova.project_id()}, '
            + (f'and that server was made in project {project}, region '
               f'{", ".join(regions) or "(not told)"}' if project
               else 'and a port of the share server is plugged in to it'),
            check='project_name, region_name and roles in [nova]; if the '
                  'server is really gone, delete its ports, or unmanage the '
                  'share server')


def _is_plugged(cloud: clouds.Cloud, ident: str, port: str) -> bool:
    if not port:
        return False
    try:
        return cloud.networks.port(port).device_id == ident
    except exception.NotFound:
        return False
