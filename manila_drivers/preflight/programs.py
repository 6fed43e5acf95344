# SPDX-License-Identifier: Apache-2.0

"""Programs that a driver has run as root on this host: are they there, and
does rootwrap allow them?

Nothing is run: what a root helper would say is read from its files.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import configparser
import dataclasses
import itertools
import os
import pathlib
import shlex
import shutil
from typing import Any

from manila_drivers.preflight.findings import Finding

#: By the blocks of ``etc/manila/rootwrap.d/manila_drivers.filters``.
MOUNTS = ('find', 'mkdir', 'mount', 'rmdir', 'stat', 'umount')
GPFS = ('mmchfileset', 'mmcrfileset', 'mmcrsnapshot', 'mmdelfileset',
        'mmdelsnapshot', 'mmgetstate', 'mmlinkfileset', 'mmlsattr',
        'mmlsconfig', 'mmlsfileset', 'mmlsfs', 'mmlsquota', 'mmlssnapshot',
        'mmrepquota', 'mmrestorefs', 'mmsetquota', 'mmsnapdir',
        'mmunlinkfileset', 'chmod', 'chown', 'df', 'mv', 'sh', 'stat')
CES = ('mmces', 'mmnfs')
PLUGGING = {'OVSInterfaceDriver': ('ip', 'ovs-vsctl'),
            'BridgeInterfaceDriver': ('ip',)}
FILTERS = 'manila_drivers.filters of this library'
# Where root finds programs, whatever the PATH of others.
_ROOTS = ('/usr/local/sbin', '/usr/sbin', '/sbin')
_WRAPPERS = ('rootwrap', 'manila-rootwrap')

# Options that decide what is run here.
_DECIDING = frozenset({'is_gpfs_node', 'interface_driver'})

Option = Callable[[str], Any]


@dataclasses.dataclass(frozen=True)
class Needs:
    """Programs for root on this host, and the option that has them run."""

    option: str
    programs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Rootwrap:
    """All that rootwrap's configuration says.

    ``allowed`` has the names of programs that some filter lets root run.
    """

    file: str
    directories: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()


def needs(kind: type, option: Option) -> Needs | None:
    """Return what a driver has run here, None for nothing.

    :param kind: its class, or one that is made of it.
    """
    found = next((_BY_DRIVER[each.__name__] for each in kind.__mro__
                  if each.__name__ in _BY_DRIVER), None)
    return found(option) if found else None


def _gluster(option: Option) -> Needs:
    # A server without a user is this host.
    here = any('@' not in str(one) for one in
               option('glusterfs_servers') or ())
    return Needs('glusterfs_mount_point_base',
                 (*MOUNTS, *(('gluster',) if here else ())))


def _gpfs(option: Option) -> Needs | None:
    if not option('is_gpfs_node'):
        return None
    kind = str(option('gpfs_nfs_server_type') or '').upper()
    return Needs('is_gpfs_node', (*GPFS, *(CES if kind == 'CES' else ())))


def _generic(option: Option) -> Needs | None:
    if not option('driver_handles_share_servers'):
        return None
    kind = str(option('interface_driver') or '').rpartition('.')[2]
    programs = PLUGGING.get(kind, ())
    return Needs('interface_driver', programs) if programs else None


_BY_DRIVER: dict[str, Callable[[Option], Needs | None]] = {
    'GlusterfsNativeShareDriver': _gluster, 'GPFSShareDriver': _gpfs,
    'GenericShareDriver': _generic}


def look(driver: Any, passed: Iterable[str] = ()) -> list[Finding]:
    """Return what is missing on this host for a driver.

    :param passed: options that are wrong, whose values say nothing.
    """
    wanted = needs(type(driver), driver.option)
    if wanted is None or wanted.option in _DECIDING.intersection(passed):
        return []
    more = [str(driver.option('gpfs_command_directory') or '')] \
        if wanted.option == 'is_gpfs_node' else []
    wrap, findings = rootwrap(shlex.split(driver.root_helper))
    if wrap is not None:
        findings += not_allowed(wrap, wanted)
    return findings + missing(wanted, wrap, more)


def missing(wanted: Needs, wrap: Rootwrap | None,
            more: Sequence[str] = ()) -> list[Finding]:
    """Return a finding for each program that root would not find."""
    places = list(wrap.directories) if wrap and wrap.directories else [
        *os.environ.get('PATH', os.defpath).split(os.pathsep), *_ROOTS, *more]
    gone = [name for name in wanted.programs
            if shutil.which(name, path=os.pathsep.join(places)) is None]
    if len(gone) == len(wanted.programs) and len(gone) > len(CES):
        # The driver itself says what is wrong with a host that has none.
        return []
    return [Finding(
        wanted.option, f'{name} is missing on this host, where root has to '
        'run it', 'it is in none of ' + ', '.join(dict.fromkeys(
            filter(None, places))),
        'install it' + (f'; exec_dirs in {wrap.file}' if wrap else ''))
        for name in gone]


def not_allowed(wrap: Rootwrap, wanted: Needs) -> list[Finding]:
    """Return the finding for programs that no filter allows."""
    refused = sorted(set(wanted.programs) - wrap.allowed)
    if not refused:
        return []
    return [Finding(
        'root_helper', 'no filter of rootwrap lets root run '
        + ', '.join(refused), 'filters are in '
        + (', '.join(wrap.filters) or f'no directory of {wrap.file}'),
        f'put {FILTERS} into one of them')]


def rootwrap(words: Sequence[str]) -> tuple[Rootwrap | None, list[Finding]]:
    """Return what rootwrap is configured for, None if it is not used.

    :param words: the root helper.
    """
    file = next((after for word, after in itertools.pairwise(words)
                 if os.path.basename(word) in _WRAPPERS), '')
    if not file:
        return None, []
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(pathlib.Path(file).read_text('utf-8'))
        places = _listed(parser.get('DEFAULT', 'filters_path', fallback=''))
        directories = _listed(parser.get('DEFAULT', 'exec_dirs', fallback='')
                              ) or tuple(os.environ.get(
                                  'PATH', os.defpath).split(os.pathsep))
    except (OSError, UnicodeError, configparser.Error) as exc:
        return None, [Finding(
            'root_helper', f'{file} cannot be read as the configuration of '
            'rootwrap', str(exc).replace('\n', ' '), 'its path, its content, '
            'and who may read it')]
    return Rootwrap(file, directories, places, _allowed(places)), []


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(',') if part.strip())


def _allowed(places: Iterable[str]) -> frozenset[str]:
    """Return the names of programs in files of filters, as rootwrap reads."""
    names: set[str] = set()
    for place in places:
        directory = pathlib.Path(place)
        files = sorted(directory.iterdir()) if directory.is_dir() else []
        for file in files:
            if file.suffix == '.filters' and not file.name.startswith('.'):
                names |= _named(file)
    return frozenset(names)


def _named(file: pathlib.Path) -> set[str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(file.read_text('utf-8'))
        lines = [value for _, value in parser.items('Filters')]
    except (OSError, UnicodeError, configparser.Error):
        # Rootwrap passes over it, or refuses all; neither allows anything.
        return set()
    found = set()
    for line in lines:
        words = [word.strip() for word in line.split(',')]
        # Of those that let root run it.
        if len(words) > 2 and words[2] == 'root':
            found.add(os.path.basename(words[1]))
    return found
