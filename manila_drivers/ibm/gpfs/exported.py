# SPDX-License-Identifier: Apache-2.0

"""Exports of all servers, and whom they let into which share.  Pure."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import pathlib
import posixpath

from manila_drivers import access
from manila_drivers import inventory
from manila_drivers import networks
from manila_drivers.nas import exports

Listed = exports.Listed

# Entries by which levels may be cut where they overlap; more than any export.
_CUTS = 4096

SeenOfShare = tuple[tuple[inventory.SeenClients, ...], list[str], list[str]]


def normal(listed: Listed, here: Callable[[str], str]) -> Listed:
    """Return the same with paths as the operator names the base.

    By another name of it clients get in beside the rules.
    """
    def told(path: str) -> str:
        return here(posixpath.normpath(path))
    foreign = {told(path): line for path, line in listed.foreign.items()}
    for path in {*listed.levels, *listed.files}:
        if told(path) != path:
            foreign[told(path)] = f'is exported as {path} as well'
    return Listed(
        {path: levels for path, levels in listed.levels.items()
         if told(path) == path}, listed.names,
        {told(path): file for path, file in listed.files.items()}, foreign)


@dataclasses.dataclass(frozen=True)
class Exported:
    """Hold all that servers export.

    :param linked: where filesets are linked, whosever they are.
    :param names: other names of the base.
    """

    servers: Mapping[str, Listed]
    base: str
    linked: Collection[str]
    names: Collection[str] = ()

    @functools.cached_property
    def _inside(self) -> dict[str, dict[str, list[str]]]:
        """Exports by the server, and each directory that they are in."""
        found: dict[str, dict[str, list[str]]] = {}
        for server, listed in self.servers.items():
            places = found.setdefault(server, {})
            for path in sorted({*listed.levels, *listed.files,
                                *listed.foreign}):
                for above in map(str, pathlib.PurePosixPath(path).parents):
                    places.setdefault(above, []).append(path)
        return found

    def of(self, path: str) -> SeenOfShare:
        """Return whom servers let into a share, what of that is not told,
        and what nobody can tell the right of."""
        clients, unseen, odd = [], [], []
        for server, listed in self.servers.items():
            levels = listed.levels.get(path, {})
            if levels is None:
                unseen.append(f'whom NFS server {server} lets in')
            else:
                clients.append(seen(server, levels, listed.names.get(
                    path, ())))
            inside = self._inside[server].get(path, ())
            odd += [f'NFS server {server} exports {other}, which is in it, '
                    'as well' for other in inside
                    if other in listed.levels or other in listed.files]
            odd += [f'{other} of NFS server {server} {listed.foreign[other]}'
                    for other in (path, *inside) if other in listed.foreign]
        return tuple(clients), unseen, odd

    def objects(self) -> Iterator[inventory.SeenObject]:
        """Yield exports of no share, and those that lead into all."""
        above = {name for base in (self.base, *self.names) for name in (
            base, *map(str, pathlib.PurePosixPath(base).parents))}
        for server, listed in self.servers.items():
            places: dict[str, str] = dict.fromkeys(listed.levels, 'exported')
            places.update({path: line for path, line
                           in listed.foreign.items() if path not in places})
            for path, file in listed.files.items():
                places.setdefault(path, f'exported after a restart by {file}')
            for path, how in sorted(places.items()):
                name = f'export {path} of NFS server {server}'
                if path in above:
                    yield inventory.SeenObject(
                        name, f'{how}, and all shares are below it',
                        leads=True)
                elif path.startswith(self.base + '/') \
                        and not self._is_in_a_fileset(path):
                    yield inventory.SeenObject(
                        name, f'{how}, and no share is there')

    def _is_in_a_fileset(self, path: str) -> bool:
        return path in self.linked or any(
            str(each) in self.linked and str(each).startswith(self.base + '/')
            for each in pathlib.PurePosixPath(path).parents)


def seen(server: str, levels: exports.Levels,
         names: Sequence[str]) -> inventory.SeenClients:
    """Return whom a server lets in, so that no two of them overlap."""
    apart = networks.separate(levels, _CUTS)
    write, read = (frozenset(map(networks.canonical, apart.of(level)))
                   for level in (access.RW, access.RO))
    return inventory.SeenClients('ip', write | frozenset(names), read, server)
