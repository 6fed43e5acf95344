# SPDX-License-Identifier: Apache-2.0

"""Turn GPFS's answers about its objects into values.  Pure.

Blocks are counted in KiB, as GPFS does.
"""

from collections.abc import Mapping
import contextlib
import dataclasses
import ipaddress
import re

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import listing
from manila_drivers.transport import command

Address = networks.Address

GIB_IN_KIB = 1024 ** 2

# Comments that this driver writes: whose fileset it is, and, as long as it
# is being filled from a snapshot, which one.
_MARK = re.compile(r'manila:(?P<owner>[^ ]+)(?: from (?P<source>.+))?')


@dataclasses.dataclass(frozen=True)
class Fileset:
    """One fileset.  ``path`` is '' while it is not linked.

    :param doubt: what is wrong with its row, '' if it can be relied on.
    :param afm: None if it is not told.
    """

    name: str
    path: str = ''
    linked: bool = False
    deleted: bool = False
    independent: bool = True
    comment: str = ''
    afm: bool | None = False
    ident: str = ''
    restorable: bool = True
    doubt: str = ''

    @classmethod
    def of(cls, row: listing.Row) -> 'Fileset':
        name = row.get('filesetname', '')
        status = row.get('status', '').lower()
        path = row.get('path', '')
        # Without the first column nobody can tell; then the inodes do,
        # which dependent filesets have none of.
        owner = row.get('isinodespaceowner', '')
        independent = (owner == '1' if owner in ('0', '1') else
                       bool(listing.size(row.get('allocinodes'))))
        return cls(
            name=name.strip('()') if name.startswith('(') else name,
            path=path if path.startswith('/') else '',
            linked=status == 'linked',
            deleted=status == 'deleted' or name.startswith('('),
            independent=independent,
            # A comment that is not there may be shown as what is not known.
            comment=_plain(row.get('comment', '')),
            afm=bool(_plain(row['afmtarget'])) if 'afmtarget' in row
            else None,
            ident=row.get('id', ''),
            restorable=row.get('preventsnapshotrestore',
                               '').lower() != 'yes',
            doubt=row.get(listing.WRONG) or _doubt(
                status, path, deleted=name.startswith('(')))

    @property
    def owner(self) -> str:
        """The share instance it belongs to, '' if nobody's."""
        match = _MARK.fullmatch(self.comment)
        return match['owner'] if match else ''

    @property
    def unreadable(self) -> bool:
        """Tell if it may be a share's whose mark was cut off at a colon."""
        return bool(self.doubt) and self.comment == 'manila'

    @property
    def source(self) -> str:
        """``fileset:snapshot`` it is being filled from, or ''."""
        match = _MARK.fullmatch(self.comment)
        return (match['source'] or '') if match else ''


# What a fileset can be.  A row that says something else is not understood.
_STATES = frozenset({'linked', 'unlinked', 'deleted'})


def _doubt(status: str, path: str, *, deleted: bool) -> str:
    if status not in _STATES and not deleted:
        return f'its status is {status!r}'
    if status == 'linked' and not path.startswith('/'):
        return f'it is linked, and its path is {path!r}'
    return ''


def _plain(text: str) -> str:
    return '' if text in ('-', '--') else text


def mark(owner: str, source: str = '') -> str:
    """The comment of a fileset that belongs to a share instance."""
    return f'manila:{owner}' + (f' from {source}' if source else '')


@dataclasses.dataclass(frozen=True)
class FilesetQuota:
    """Usage and limit of a fileset, in KiB; no limit is 0.

    :param doubt: what may be used besides; None if it is not told.
    """

    name: str
    usage: int = 0
    doubt: int | None = 0
    limit: int = 0

    @classmethod
    def of(cls, row: listing.Row) -> 'FilesetQuota':
        doubt = listing.number(row.get('blockindoubt'))
        return cls(row.get('name', ''), listing.size(row.get('blockusage')),
                   None if doubt is None else max(0, doubt),
                   listing.size(row.get('blocklimit')))

    @property
    def most(self) -> int | None:
        """Return the most that can be in use; None if GPFS does not tell."""
        return None if self.doubt is None else self.usage + self.doubt


@dataclasses.dataclass(frozen=True)
class FilesetSnapshot:
    """A snapshot of a fileset; '' is the whole file system.

    :param half: it is half deleted, and nobody can use it any more.  One
        that is neither valid nor half is in a state that is not understood.
    """

    name: str
    fileset: str
    valid: bool = True
    half: bool = False

    @classmethod
    def of(cls, row: listing.Row) -> 'FilesetSnapshot':
        status = row.get('status', '').lower()
        return cls(row.get('directory', ''), row.get('fileset', ''),
                   status == 'valid', status in _HALF)


# A deletion of a snapshot that was interrupted.
_HALF = frozenset({'deleterequired'})


class NothingTold(exception.BackendError):
    """A list that says neither that something is there nor that it is not."""


# What is printed instead of a header where there are no snapshots.
_NONE = re.compile(r'^(mmlssnapshot: *)?No snapshots in file system\b',
                   re.MULTILINE)


def fileset(cmd: command.Command, result: command.Result,
            name: str) -> Fileset | None:
    """The one that was asked for; None if it is not there.

    :raises NothingTold: an answer of success does not tell of it.
    """
    if errors.missing(result, name):
        return None
    told = [one for one in filesets(cmd, result)
            if one.name in (name, 'root')]
    if not told:
        raise NothingTold(
            f'mmlsfileset says neither that fileset {name} is there nor that '
            f'it is not', answer=cmd.excerpt(result.stdout))
    found = next((one for one in told
                  if one.name == name and not one.deleted), None)
    if found is not None and found.doubt:
        raise exception.BackendError(
            f'What mmlsfileset says of fileset {name} is not understood',
            answer=found.doubt, check=f'mmlsfileset ... {name} -L')
    return found


def filesets(cmd: command.Command,
             result: command.Result) -> list[Fileset]:
    return [Fileset.of(row)
            for row in listing.rows(
                errors.checked(cmd, result), 'mmlsfileset', needed=(
                    'filesetname', 'status', 'path', 'comment'), ragged=True)]


def all_filesets(cmd: command.Command,
                 result: command.Result) -> list[Fileset]:
    """:raises NothingTold: the root fileset is not among them, which every
    file system has, so that others may lack as well.
    """
    found = filesets(cmd, result)
    if not any(one.name == 'root' or one.ident == '0' for one in found):
        raise NothingTold(
            'mmlsfileset printed a list without the root fileset',
            answer=cmd.excerpt(result.stdout))
    return found


def snapshots(cmd: command.Command, result: command.Result,
              name: str = '') -> list[FilesetSnapshot]:
    """Return those of a fileset that is there, or of all.

    :param name: of the fileset; '' for all.
    :raises NothingTold: by this answer it is not there.
    """
    if name and errors.missing(result, name):
        raise NothingTold(
            f'mmlsfileset says that fileset {name} is there, and mmlssnapshot '
            f'that it is not', answer=cmd.excerpt(result.stderr))
    if not result.stdout.strip().startswith('mm') and _NONE.search(
            result.stdout + '\n' + result.stderr):
        return []
    return [FilesetSnapshot.of(row)
            for row in listing.rows(
                errors.checked(cmd, result), 'mmlssnapshot', needed=(
                    'directory', 'status', 'fileset'))]


def quotas(cmd: command.Command,
           result: command.Result) -> dict[str, FilesetQuota]:
    """Of mmlsquota or mmrepquota, by the fileset's name.

    One whose numbers GPFS does not know is left out: it is not empty.
    """
    name = _basename(cmd)
    found = [FilesetQuota.of(row) for row in listing.rows(
        errors.checked(cmd, result), name, needed=(
            'name', 'quotatype', 'blockusage', 'blocklimit'), ragged=True)
             if row.get('quotatype', '').upper() == 'FILESET'
             and listing.WRONG not in row
             and _known(row.get('blockusage'))
             and _known(row.get('blocklimit'))]
    return {quota.name: quota for quota in found}


def _known(text: str | None) -> bool:
    """Tell if it is a number of blocks."""
    found = listing.number(text)
    return found is not None and found >= 0


def attributes(cmd: command.Command,
               result: command.Result) -> dict[str, str]:
    """Of mmlsfs, by the name of the attribute in lower case."""
    return {row.get('fieldname', '').lower(): row.get('data', '')
            for row in listing.rows(errors.checked(cmd, result), 'mmlsfs')}


def addresses(cmd: command.Command,
              result: command.Result) -> list[Address]:
    """Those of CES, of "mmces address list": what stands first in a row."""
    found = []
    for text in listing.first_column(errors.checked(cmd, result)):
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_address(text))
    return sorted(found, key=lambda one: (one.version, int(one)))


def _basename(cmd: command.Command) -> str:
    return cmd.words()[0].rpartition('/')[2]


@dataclasses.dataclass(frozen=True)
class FilesetFacts:
    """Hold what exists of one share.

    :param occupied: what is at its path if no fileset is linked there, in
        stat's words; '' is nothing.
    """

    fileset: Fileset | None
    occupied: str = ''
    snapshots: tuple[str, ...] = ()
    quota: FilesetQuota | None = None


@dataclasses.dataclass(frozen=True)
class ListedShares:
    """Hold GPFS's lists of filesets and quotas, by the fileset's name.

    :param quotas: a fileset whose usage is not told is not in it.
    """

    filesets: Mapping[str, Fileset]
    quotas: Mapping[str, FilesetQuota]


@dataclasses.dataclass(frozen=True)
class SnapshotFacts:
    """The fileset, and the one snapshot that was asked for.

    :param fed: filesets that are being filled from it, if that was asked.
    """

    fileset: Fileset | None
    snapshot: FilesetSnapshot | None
    fed: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return self.snapshot is not None and self.snapshot.valid


@dataclasses.dataclass(frozen=True)
class FileSystem:
    """Hold facts of a file system that hardly ever change.

    :param replicas: how often data is stored, and counted against quotas.
    :param quotas: whether quotas of filesets are enforced.
    :param snapshots: name of the directory with a fileset's snapshots.
    :param base: what GPFS calls the base directory, which may be reached
        through a link above it, or at another mount point than the default.
    :param real: the base without links on the way to it.
    :param mount: where it is mounted, '' if that is not known.
    """

    device: str
    replicas: int = 1
    quotas: bool = True
    shows_quota: bool = True
    snapshots: str = '.snapshots'
    base: str = ''
    real: str = ''
    mount: str = ''

    def quota_gib(self, size: int) -> int:
        """The quota of a share of so many GiB."""
        return size * self.replicas


def replicas(device: str, told: Mapping[str, str]) -> int:
    """How often data is stored.

    :raises BackendError: GPFS does not say, and quotas depend on it.
    """
    text = told.get('defaultdatareplicas', '')
    if not listing.size(text):
        raise exception.BackendError(
            f'GPFS does not tell how many replicas of data {device} has',
            answer=text, check='mmlsfs -r, or '
            'gpfs_quota_account_replicas = False')
    return listing.size(text)


def name_of_base(real: str, mount: str, default: str) -> str:
    """Return the base by GPFS's name, as it lists the paths of filesets.

    :param real: the base without links; ``mount`` is where the file system
        is, and ``default`` where GPFS says it is.
    :raises ConfigurationError: it is in neither.
    """
    if not default.startswith('/') or _within(real, default):
        return real
    if not mount.startswith('/') or mount == '/' or not _within(real, mount):
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'is {real} without links, which is not '
            f'below {default}, where GPFS has the file system, nor below '
            f'another mount point of it', answer=mount,
            check='gpfs_filesystem')
    return default.rstrip('/') + real[len(mount.rstrip('/')):]


def _within(path: str, directory: str) -> bool:
    return (path + '/').startswith(directory.rstrip('/') + '/')
