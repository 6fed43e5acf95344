# SPDX-License-Identifier: Apache-2.0

"""Share servers of Manila against what was made for them.  Pure."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from manila_drivers import inventory
from manila_drivers.audit import differences
from manila_drivers.audit.differences import Deviation
from manila_drivers.manila_api import records as api

_UNUSED = ('remove it in OpenStack, if no other Manila uses it; it is never '
           'removed by this')


def compare(parts: Iterable[inventory.SeenPart],
            servers: Mapping[str, api.ApiServer], host: str, *,
            main: str, busy: Collection[str]) -> Iterator[Deviation]:
    """Yield what is left of share servers, and those that are lost.

    :param servers: of all hosts.
    :param main: the kind of part without which a share server is lost.
    :param busy: share servers that Manila works on; while it makes one,
        what has no server may be its.
    """
    parts = list(parts)
    for one in parts:
        if one.server in servers or not one.server and busy:
            continue
        yield Deviation(
            differences.LEFT, f'{one.kind} {one.name}',
            'nothing, since Manila has no '
            + (f'share server {one.server}' if one.server else 'use for it'),
            one.what, _UNUSED, '')
    there = {one.server for one in parts if one.kind == main}
    for ident, server in servers.items():
        if server.host != host or ident in busy:
            continue
        if server.status == 'error':
            yield Deviation(
                differences.UNFINISHED_SERVER, f'share server {ident}',
                'active', 'error in Manila', 'see the log of the share '
                'service; delete it in Manila, which removes what it has',
                ident)
        elif ident not in there:
            yield Deviation(
                differences.LOST_SERVER, f'share server {ident}',
                f'a {main}', 'none', 'volumes of its shares may be there; '
                'delete the share server in Manila once they are saved',
                ident)


def working(servers: Mapping[str, api.ApiServer], host: str,
            ) -> dict[str, str]:
    """Return share servers of a host that Manila works on, and its word."""
    return {ident: one.status for ident, one in servers.items()
            if one.host == host and one.status not in
            ('active', 'inactive', 'error')}
