# SPDX-License-Identifier: Apache-2.0

"""Ways into a share beside its own export.  Pure.

Rules of a share change its export and nothing else: who comes in another way
keeps access, whatever the rules say.
"""

from collections.abc import Collection
from collections.abc import Iterator

from manila_drivers import exception
from manila_drivers.generic import assessment
from manila_drivers.generic import guest_records
from manila_drivers.generic import records
from manila_drivers.nas import exports_text
from manila_drivers.nas import samba

Facts = guest_records.GuestFacts

# What makes an export show file systems that are mounted below it.
_CROSSES = frozenset({'crossmnt', 'nohide'})


def beside(found: Facts, placement: records.Placement) -> Iterator[str]:
    """Yield exports and sections that lead into a share and are not its own.
    """
    return _into(found, placement, {placement.path})


def into(found: Facts, placement: records.Placement) -> tuple[str, ...]:
    """Return all of these, and what leads there from elsewhere.

    That is what has its disk under another path, or a directory above it.

    :param found: with what smb.conf comes to.
    """
    places = set(assessment.occupied(found, placement.path))
    shared = found.samba_or_none()
    return (
        *_untold(found), *_into(found, placement, places),
        *_in_file(found, placement, places),
        *('%s, which it is in, is exported with it' % path for path in sorted(
            {entry.path for entry in _entries(found)
             if _CROSSES & set(entry.options)
             and _is_above(entry.path, places)})),
        *('section %s of Samba leads into it as well' % name
          for name, section in (shared.sections.items() if shared else ())
          if _is_above(section.get('path', ''), places)))


def _untold(found: Facts) -> Iterator[str]:
    """Yield what nobody knows; a server without Samba shares nothing."""
    told = found.shared
    if isinstance(told, exception.DriverError) \
            and not isinstance(told, samba.NoSamba):
        yield 'what Samba shares is not told: %s' % told
    if isinstance(found.exported, exception.DriverError):
        yield 'what NFS exports is not told: %s' % found.exported


def _into(found: Facts, placement: records.Placement,
          places: Collection[str]) -> Iterator[str]:
    for path in sorted({entry.path for entry in _entries(found)}):
        if path == placement.path:
            if placement.is_cifs:
                yield 'it is exported over NFS as well'
        elif _is_in(path, places):
            yield '%s, which is in it, is exported as well' % path
    shared = found.samba_or_none()
    for name, section in shared.sections.items() if shared else ():
        if _is_in(section.get('path', ''), places) and (
                name != placement.section.lower() or not placement.is_cifs):
            yield 'section %s of Samba leads into it as well' % name


def _in_file(found: Facts, placement: records.Placement,
             places: Collection[str]) -> Iterator[str]:
    """Yield what smb.conf says of a share, or instead of the registry."""
    shared, serving = found.samba_or_none(), found.serving
    if shared is None:
        return
    if not isinstance(serving, samba.SambaInForce):
        yield 'what smb.conf comes to is not told: %s' % (
            serving or 'it was not asked')
        return
    for name, section in serving.sections.items():
        path = section.get('path', '')
        # The file may lead another way than the registry by the same name.
        if shared.sections.get(name, {}).get('path', '') != path and (
                _is_in(path, places) or _is_above(path, places)):
            yield 'section %s of smb.conf leads into it as well' % name
    kept = shared.section(placement.section) if placement.is_cifs else None
    over = '' if kept is None \
        else serving.overrides(placement.section, kept)
    if over:
        yield 'smb.conf has another say in section %s: %s' % (
            placement.section, over)
    elif placement.is_cifs and not serving.registry:
        yield 'Samba does not read its registry (include = registry)'


def _entries(found: Facts) -> Iterator[exports_text.ExportEntry]:
    """Yield all exports, also those that a restart brings."""
    exported = found.nfs_or_none()
    if exported is not None:
        yield from exported.live
        yield from exported.others
        for entries in exported.kept.values():
            yield from entries


def _is_in(path: str, places: Collection[str]) -> bool:
    """Tell if a path is one of some directories, or below one."""
    return any((path + '/').startswith(place + '/') for place in places)


def _is_above(path: str, places: Collection[str]) -> bool:
    start = path.rstrip('/') + '/'
    return path.startswith('/') and any(
        place != path and place.startswith(start) for place in places)
