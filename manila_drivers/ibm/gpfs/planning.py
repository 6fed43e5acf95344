# SPDX-License-Identifier: Apache-2.0

"""From facts to commands, for operations on shares and snapshots.  Pure.

Each function returns what has to be run, in order; nothing if all is as it
shall be.  They are asked again after a failure, with what is there then.
"""

from collections.abc import Sequence
import dataclasses

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command

Commands = Sequence[command.Command]


@dataclasses.dataclass(frozen=True)
class WantedShare:
    """A share as it shall be.

    :param gib: of its quota, replicas counted.
    :param source: ``fileset:snapshot`` it is going to be filled from.
    """

    share: model.Share
    path: str
    gib: int
    independent: bool = True
    inode_limit: str = ''
    source: str = ''


def lost(name: str) -> exception.NotFound:
    return exception.NotFound(f'There is no fileset {name}',
                              check='mmlsfileset')


def create_share(make: commands.Commands, device: str, wanted: WantedShare,
                 facts: records.ShareFacts) -> Commands:
    """:raises Conflict: something is in its place that is not its own."""
    share, path, fileset = wanted.share, wanted.path, facts.fileset
    if (fileset is None or not fileset.linked) and facts.occupied:
        raise exception.Conflict(
            f'{path} is a {facts.occupied} already, which no share is '
            f'linked at', check=path)
    steps: list[command.Command] = []
    if fileset is None:
        steps.append(make.make(
            device, share.name, records.mark(share.id, wanted.source),
            independent=wanted.independent, inode_limit=wanted.inode_limit))
    elif fileset.owner != share.id:
        raise exception.Conflict(
            f'There is a fileset {share.name} already, and it is not marked '
            f'as that of share {share.id}',
            check=f'its comment, {fileset.comment!r}')
    elif fileset.source != wanted.source:
        # Filled, or being filled from elsewhere: it may hold data.
        raise exception.Conflict(
            f'Share {share.id} is there already, and was not begun by this '
            f'call', check=f'the comment of fileset {share.name}')
    else:
        _require_place(share, path, fileset)
    # Before it can be seen, so that nobody writes without a limit.
    steps.append(make.limit(device, share.name, wanted.gib))
    if fileset is None or not fileset.linked:
        steps.append(make.link(device, share.name, path))
    return [*steps, *make.permissions(path)]


def delete_share(make: commands.Commands, device: str, share: model.Share,
                 path: str, facts: records.ShareFacts,
                 end_copy: command.Command | None = None) -> Commands:
    """
    :param end_copy: what ends a copy to the share.
    :raises Busy: there are snapshots that Manila does not know.
    :raises Conflict: it is not the share's, or not in its place.
    """
    fileset = facts.fileset
    if fileset is None:
        return []
    require_owner(share, fileset)
    _require_place(share, path, fileset)
    if facts.snapshots:
        raise exception.Busy(
            f'Fileset {share.name} has snapshots: '
            f'{", ".join(facts.snapshots)}',
            check='delete or manage them; nothing was removed')
    # Only who is allowed to fill shares from snapshots may run scripts.
    return [*([end_copy] if end_copy and fileset.source else []),
            *([make.unlink(device, share.name)] if fileset.linked else []),
            make.delete(device, share.name)]


def require_owner(share: model.Share, fileset: records.Fileset) -> None:
    """:raises Conflict: it is another share's."""
    if fileset.owner not in ('', share.id):
        raise exception.Conflict(
            f'Fileset {share.name} belongs to share {fileset.owner} and not '
            f'to {share.id}')


def _require_place(share: model.Share, path: str,
                   fileset: records.Fileset) -> None:
    if fileset.linked and fileset.path != path:
        raise exception.Conflict(
            f'Fileset {share.name} is linked at {fileset.path} and not at '
            f'{path}')


def resize_share(make: commands.Commands, device: str, share: model.Share,
                 gib: int, facts: records.ShareFacts, *,
                 shrink: bool) -> Commands:
    """
    :param gib: of the quota, replicas counted.
    :raises PossibleDataLoss: more than that is in use.
    """
    if facts.fileset is None:
        raise lost(share.name)
    if facts.quota and facts.quota.limit == gib * records.GIB_IN_KIB:
        return []
    if shrink:
        check_fits(share, facts.quota, gib)
    return [make.limit(device, share.name, gib)]


def check_fits(share: model.Share, quota: records.FilesetQuota | None,
               gib: int) -> None:
    """
    :param gib: of the quota, replicas counted.
    :raises PossibleDataLoss: more than that is in use.
    """
    if quota is None:
        raise exception.BackendError(
            f'GPFS tells no usage of fileset {share.name}',
            check='that quotas are on: mmlsfs -Q')
    if quota.most is None:
        raise exception.BackendError(
            f'GPFS does not tell how much of the usage of fileset '
            f'{share.name} is in doubt', check='mmlsquota -j, blockInDoubt')
    if quota.most > gib * records.GIB_IN_KIB:
        raise exception.PossibleDataLoss(
            f'Share {share.id} uses {quota.most} KiB, and {gib} GiB would be '
            f'its new quota', answer=f'{quota.doubt} KiB of these are in '
            f'doubt' if quota.doubt else '')


def create_snapshot(make: commands.Commands, device: str,
                    place: paths.SnapshotPlace,
                    facts: records.SnapshotFacts) -> Commands:
    """:raises NotFound: there is no such share."""
    if facts.fileset is None:
        raise lost(place.fileset)
    if not facts.fileset.independent:
        raise exception.Unsupported(
            f'Fileset {place.fileset} is a dependent one, which cannot have '
            f'snapshots', check='gpfs_fileset_type')
    words, there = (place.fileset, place.name), facts.snapshot
    if there is not None and there.valid:
        return []
    if there is not None and not there.half:
        raise exception.BackendError(
            f'Snapshot {place} is there, and whether it is valid is not '
            f'told', check='its status in mmlssnapshot')
    return [*([make.delete_snapshot(device, *words)] if there else []),
            make.snapshot(device, *words)]


def delete_snapshot(make: commands.Commands, device: str,
                    place: paths.SnapshotPlace,
                    facts: records.SnapshotFacts) -> Commands:
    """:raises Busy: a share is being filled from it."""
    if facts.snapshot is None:
        return []
    if facts.fed:
        raise exception.Busy(f'Snapshot {place} is being copied to '
                             f'{", ".join(facts.fed)}')
    return [make.delete_snapshot(device, place.fileset, place.name)]


def restore_snapshot(make: commands.Commands, device: str,
                     place: paths.SnapshotPlace, gib: int,
                     facts: records.SnapshotFacts) -> list[command.Command]:
    """
    :raises NotFound: there is no such snapshot.
    :raises Unsupported: the fileset must not be restored.
    """
    fileset = facts.fileset
    if fileset is None or facts.snapshot is None or not facts.snapshot.valid:
        raise exception.NotFound(f'There is no valid snapshot {place}')
    if not fileset.restorable:
        raise exception.Unsupported(
            f'Fileset {place.fileset} must not be restored',
            check='its attribute preventSnapshotRestore')
    if not fileset.linked:
        raise exception.Busy(f'Fileset {place.fileset} is not linked')
    return [make.restore(device, place.fileset, place.name),
            make.limit(device, place.fileset, gib)]
