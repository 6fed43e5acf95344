# SPDX-License-Identifier: Apache-2.0

"""Decide what is wrong with a share.  Pure.

A share is healthy if its own disk is mounted in its place, will be after the
next boot, and is exported as its rules were carried out last.
"""

from collections.abc import Collection
import dataclasses
import posixpath
import re

from manila_drivers.generic import exporting
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import records

# With which names of shares end.
_IDENT = re.compile(r'[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$')


@dataclasses.dataclass(frozen=True)
class GuestHealth:
    """A share as its service instance has it.

    :param served: its disk is mounted in its place, also after a boot.
    :param reapply: its rules have to be carried out again.
    :param away: its disk is not there.
    """

    served: bool
    reapply: bool
    away: bool = False


def in_guest(found: guest_records.GuestFacts, placement: records.Placement,
             note: notes.ShareNote, helper: str) -> GuestHealth:
    """Return how a share is, as far as its instance tells."""
    if note.volume_id:
        served = placement.served(note.volume_id, 1)
        mounted = found.serves(served)
        away = not mounted and found.disk(note.volume_id) is None
    else:
        # Taken over by its path alone: what is mounted there is it.
        mount = found.mount(placement.path)
        mounted = mount is not None and mount.disk is not None
        away = not mounted
    lasting = guest_fstab.lasts(found, placement.path)
    # Until its first rules, a share that was taken over keeps its clients.
    reapply = not note.adopted and not _exported(found, placement, note,
                                                 helper)
    return GuestHealth(mounted and (lasting or not note.volume_id), reapply,
                       away)


def _exported(found: guest_records.GuestFacts, placement: records.Placement,
              note: notes.ShareNote, helper: str) -> bool:
    """Tell if a share is exported as its rules were carried out last."""
    levels = exporting.seen(found, placement, helper)
    # Without a note it never had any rules, as far as is known.
    return levels is not None and notes.digest(levels) == (
        note.rules or notes.digest({}))


def lost_addresses(host: records.ServiceHost,
                   server: records.Server) -> tuple[str, ...]:
    """Return addresses of a share server that its instance has no more.

    Somebody has deleted a port of it.  None, if that is not told.
    """
    if server.addresses is None:
        return ()
    return tuple(address for address in dict.fromkeys((
        *host.addresses, *filter(None, (host.admin_address,))))
        if not any(paths.same_address(address, one.ip)
                   for one in server.addresses))


def intruder(found: guest_records.GuestFacts,
             served: guest_records.Served) -> guest_records.Mounted | None:
    """Return what is mounted in the place of a share, and is alive.

    Its disk may be the share's all the same, if its number is not told.
    """
    mount = found.mount(served.path)
    return None if mount is None or mount.gone or found.serves(served) \
        else mount


def abandoned(found: guest_records.GuestFacts, root: str,
              path: str) -> bool:
    """Tell if nothing is mounted where something was to be, or a dead disk.

    A partition or a volume of LVM is no whole disk, and is alive.
    """
    mount = found.mount(path)
    return posixpath.dirname(path) == root and (mount is None or mount.gone)


def occupied(found: guest_records.GuestFacts,
             path: str) -> tuple[str, ...]:
    """Return all directories where what is mounted at a path is mounted."""
    mount = found.mount(path)
    return (path,) if mount is None else tuple(sorted({path, *(
        one.path for one in found.mounts if one.number == mount.number)}))


def owners(found: guest_records.GuestFacts,
           places: Collection[str]) -> set[str]:
    """Return ids of shares that are or were served from some directories.

    They are those that directories, exports and sections are called after.
    """
    exported, shared = found.nfs_or_none(), found.samba_or_none()
    names = {posixpath.basename(path) for path in places}
    if exported is not None:
        names |= {name.removesuffix('.exports')
                  for name, entries in exported.stored.items()
                  if any(entry.path in places for entry in entries)}
    if shared is not None:
        names |= {name for name, section in shared.sections.items()
                  if section.get('path') in places}
    return {match[0] for match in map(_IDENT.search, names)
            if match is not None}


def remains(found: guest_records.GuestFacts, root: str,
            known: Collection[str]) -> dict[str, str]:
    """Return ids of shares of which something is left, by its path.

    A share that was deleted while its instance did not answer leaves a line
    in fstab, exports, or the mount of a disk that is gone.

    :param known: paths of shares that are there.
    """
    exported = found.nfs_or_none()
    paths = {*(line.path for line in found.lines),
             *(mount.path for mount in found.mounts),
             *(exported.kept if exported is not None else ())} - {*known}
    ids = {path: _IDENT.search(path) for path in sorted(paths)
           if abandoned(found, root, path)}
    return {path: match[0] for path, match in ids.items()
            if match is not None}
