# SPDX-License-Identifier: Apache-2.0

"""Names and paths of what the driver makes.  Pure."""

import dataclasses
import ipaddress
import posixpath
import re

from manila_drivers import exception
from manila_drivers import model

# What mmcrfileset and a file name both take, and no shell looks at.
_NAME = re.compile(r'[A-Za-z0-9_.][A-Za-z0-9_.@+=-]{0,254}')
# Others make snapshots as well; what Windows shows begins with an @.
_SNAPSHOT = re.compile(r'[A-Za-z0-9_.@][A-Za-z0-9_.@+=-]{0,254}')
_RESERVED = frozenset({'root', 'new', '.', '..', '.manila', '.snapshots'})


def fileset_name(name: str) -> str:
    """The name, if a fileset can have it.

    :raises InvalidRequest: it cannot.
    """
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise exception.InvalidRequest(
            f'{name!r} cannot be the name of a fileset',
            check='share_name_template')
    return name


def share_path(base: str, name: str) -> str:
    """Return where the fileset of a share is linked.

    :raises InvalidRequest: the name cannot be a fileset's.
    """
    return f'{base}/{fileset_name(name)}'


def check_home(share: model.Share, place: str) -> None:
    """Raise Conflict if a share was made below another base directory.

    There it would go on with its data, and let in whom it did.  Another name
    of the same directory is another one: servers have exports by their names.

    :param place: its path below the base directory of now.
    """
    found = {posixpath.normpath('/' + path.partition(':/')[2])
             for path in share.export_paths}
    elsewhere = sorted(path for path in found
                       if posixpath.basename(path) == share.name)
    if elsewhere and posixpath.normpath(place) not in found:
        raise exception.Conflict(
            f'Share {share.id} was made at {elsewhere[0]}, and would be '
            f'looked for at {place}',
            check='gpfs_mount_point_base and gpfs_filesystem, which have '
                  'been changed; put them back')


def snapshot_name(name: str) -> str:
    """The name, if a fileset's snapshot can have it.

    :raises InvalidRequest: it cannot.
    """
    if not _SNAPSHOT.fullmatch(name) or name in _RESERVED:
        raise exception.InvalidRequest(
            f'{name!r} cannot be the name of a snapshot',
            check='share_snapshot_name_template')
    return name


@dataclasses.dataclass(frozen=True)
class SnapshotPlace:
    """Which snapshot of which fileset."""

    fileset: str
    name: str

    @classmethod
    def of(cls, snapshot: model.Snapshot) -> 'SnapshotPlace':
        """Return where a snapshot is; upstream's driver recorded nothing.

        :raises InvalidRequest: GPFS could not have made it.
        """
        fileset, colon, name = snapshot.provider_location.rpartition(':')
        return cls(fileset_name(fileset if colon else snapshot.share_name),
                   snapshot_name(name or snapshot.name))

    @classmethod
    def parse(cls, text: str) -> 'SnapshotPlace':
        fileset, _, name = text.partition(':')
        return cls(fileset_name(fileset), snapshot_name(name))

    def __str__(self) -> str:
        return f'{self.fileset}:{self.name}'


def bracketed(address: str) -> str:
    """An address as it goes before the colon of an export location."""
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return address
    return f'[{address}]' if version == 6 else address
