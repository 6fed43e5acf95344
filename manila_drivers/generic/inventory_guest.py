# SPDX-License-Identifier: Apache-2.0

"""Things in a service instance that are of no share.  Pure."""

from collections.abc import Collection
from collections.abc import Iterator
import pathlib

from manila_drivers import inventory
from manila_drivers.generic import guest_records

Facts = guest_records.GuestFacts


def objects(found: Facts, root: str,
            places: Collection[str]) -> Iterator[inventory.SeenObject]:
    """Yield what was left, and what leads into all shares.

    :param root: directory that shares are mounted in.
    :param places: paths of shares that there are, and their names.
    """
    above = {root, *map(str, pathlib.PurePosixPath(root).parents)}
    told: dict[str, list[str]] = {}
    for path, what in _places(found):
        told.setdefault(path, []).append(what)
    for path, kinds in sorted(told.items()):
        reached = [what for what in kinds if what.startswith((_NFS, _SAMBA))]
        if path in above:
            if reached:
                yield inventory.SeenObject(
                    '%s in server %s' % (path, found.server),
                    '%s, and all shares are below it' % ', '.join(
                        dict.fromkeys(reached)), leads=True)
        elif path.startswith(root + '/') and not _is_in(path, places):
            yield inventory.SeenObject(
                '%s in server %s' % (path, found.server),
                '%s, and no share is there' % ', '.join(
                    dict.fromkeys(kinds)))


_NFS, _SAMBA = 'exported', 'section'


def _places(found: Facts) -> Iterator[tuple[str, str]]:
    """Yield directories, and what is said of each."""
    for mount in found.mounts:
        yield mount.path, 'mounted from %s' % mount.device
    for line in found.lines:
        yield line.path, 'a line of fstab'
    exported, shared = found.nfs_or_none(), found.samba_or_none()
    if exported is not None:
        for entry in exported.live:
            yield entry.path, _NFS
        for path in exported.kept:
            yield path, _NFS + ' after a restart'
        for entry in exported.others:
            yield entry.path, _NFS + ' by a line that is not of a driver'
    for name, section in shared.sections.items() if shared else ():
        if section.get('path'):
            yield section['path'], '%s %s of Samba' % (_SAMBA, name)


def _is_in(path: str, places: Collection[str]) -> bool:
    return path in places or any(
        str(each) in places for each in pathlib.PurePosixPath(path).parents)
