# SPDX-License-Identifier: Apache-2.0

"""From facts to plans, for every operation.  Pure.

The actions of steps are what ``commands.Commands`` makes.  After a failure a
plan is made once more, of what is there then; it is empty if all is as it
shall be.
"""

from collections.abc import Sequence
import dataclasses

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import settings
from manila_drivers.plan import Plan
from manila_drivers.plan import Step

Snapshot = paths.SnapshotPlace


@dataclasses.dataclass(frozen=True)
class WantedShare:
    """A share as it shall be.

    :param gib: of its quota, replicas counted.
    :param source: ``fileset:snapshot`` it is going to be filled from.
    """

    share: model.Share
    gib: int
    chosen: settings.GpfsSettings
    inode_limit: str = ''
    source: str = ''

    @property
    def path(self) -> str:
        return self.chosen.path(self.share.name)


def lost(name: str) -> exception.NotFound:
    return exception.NotFound(f'There is no fileset {name}',
                              check='mmlsfileset')


def check_protocol(share: model.Share) -> None:
    """:raises InvalidRequest: it is to be served otherwise than by NFS."""
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            f'Share {share.id} asks for protocol {share.proto or "(none)"}; '
            f'this backend serves NFS')


# Steps

def _limit(name: str, gib: int, action: str = 'limit fileset') -> Step:
    return Step(action, name, {'limit': f'{gib}G'}, detail=f'to {gib} GiB')


def link(name: str, path: str) -> Step:
    return Step('link fileset', name, {'path': path}, detail=f'at {path}')


def _mark(name: str, comment: str) -> Step:
    return Step('mark fileset', name, {'comment': comment},
                detail=repr(comment))


def permissions(chosen: settings.GpfsSettings, path: str) -> Plan:
    """Give a share's root directory the owner and mode of new ones."""
    owner, mode = chosen.owner, chosen.mode
    return Plan((*([Step('set owner', path, {'owner': owner}, detail=owner)]
                   if owner else []),
                 Step('set mode', path, {'mode': mode}, detail=mode)))


# Shares

def create(wanted: WantedShare, facts: records.FilesetFacts) -> Plan:
    """:raises Conflict: something is in its place that is not its own."""
    share, path, fileset = wanted.share, wanted.path, facts.fileset
    if (fileset is None or not fileset.linked) and facts.occupied:
        raise exception.Conflict(
            f'{path} is a {facts.occupied} already, which no share is '
            f'linked at', check=path)
    steps: list[Step] = []
    if fileset is None:
        mark = records.mark(share.id, wanted.source)
        steps.append(Step(
            'create fileset', share.name, {
                'comment': mark, 'independent': wanted.chosen.independent,
                'inode_limit': wanted.inode_limit}, detail=repr(mark),
            undo=Step('delete fileset', share.name)))
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
    steps.append(_limit(share.name, wanted.gib))
    if fileset is None or not fileset.linked:
        steps.append(link(share.name, path))
    return Plan(tuple(steps)) + permissions(wanted.chosen, path)


def delete(share: model.Share, path: str, facts: records.FilesetFacts) -> Plan:
    """
    :raises Busy: there are snapshots that Manila does not know.
    :raises Conflict: it is not the share's, or not in its place.
    """
    fileset = facts.fileset
    if fileset is None:
        return Plan()
    require_owner(share, fileset)
    _require_place(share, path, fileset)
    if facts.snapshots:
        raise exception.Busy(
            f'Fileset {share.name} has snapshots: '
            f'{", ".join(facts.snapshots)}',
            check='delete or manage them; nothing was removed')
    # Only who is allowed to fill shares from snapshots may run scripts.
    return (end_copy(share) if fileset.source else Plan()) + _removal(fileset)


def _removal(fileset: records.Fileset) -> Plan:
    name = fileset.name
    return Plan((*([Step('unlink fileset', name)] if fileset.linked else []),
                 Step('delete fileset', name)))


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


def resize(share: model.Share, gib: int, facts: records.FilesetFacts, *,
           shrink: bool) -> Plan:
    """
    :param gib: of the quota, replicas counted.
    :raises NotFound: there is no such fileset.
    :raises PossibleDataLoss: more than that is in use.
    """
    if facts.fileset is None:
        raise lost(share.name)
    require_owner(share, facts.fileset)
    if facts.quota and facts.quota.limit == gib * records.GIB_IN_KIB:
        return Plan()
    if shrink:
        check_fits(share, facts.quota, gib)
    return Plan((_limit(share.name, gib, 'shrink fileset' if shrink
                        else 'extend fileset'),))


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


def back_to(share: model.Share, gib: int, quota: records.FilesetQuota | None,
            before: int) -> tuple[Plan, exception.PossibleDataLoss | None]:
    """Take a shrink back if the new limit was passed just before it was set.

    :param before: the limit in KiB that it had.
    :returns: why it is taken back, too.
    """
    try:
        check_fits(share, quota, gib)
    except exception.PossibleDataLoss as exc:
        return Plan((Step('limit fileset', share.name, {
            'limit': f'{before}k'}, detail=f'to {before} KiB'),)), exc
    return Plan(), None


def repair(name: str, path: str, health: assessment.ShareHealth) -> Plan:
    return Plan((*([_limit(name, health.resize)] if health.resize else []),
                 *([link(name, path)] if health.link else [])))


# Copies

def start_copy(share: model.Share, path: str, source: str,
               parent: records.Fileset, directory: str,
               number: int = 1) -> Plan:
    """Begin an attempt to fill a share.

    :param parent: whose snapshot the source is.
    :param directory: name of that with a fileset's snapshots.
    """
    name = Snapshot.parse(source).name
    return Plan((Step('start copy', share.name, {
        'number': number, 'source': f'{parent.path}/{directory}/{name}',
        'path': path, 'owner': share.id}, detail=f'of {source}'),))


def end_copy(share: model.Share) -> Plan:
    return Plan((Step('end copy', share.name),))


def filled(share: model.Share, fileset: records.Fileset, state: str) -> Plan:
    """In this order: behind the comment no command that comes late can begin
    anything, and without the job's files nothing holds it back."""
    marked = Plan((_mark(share.name, records.mark(share.id)),)
                  if fileset.source else ())
    return marked + (end_copy(share) if state != 'none' else Plan())


def renewal(share: model.Share, fileset: records.Fileset | None,
            source: str) -> Plan:
    """Remove a fileset that is to be made anew; see ``cloning``.

    :raises Conflict: it is not being filled from there.
    """
    if fileset is None:
        return Plan()
    if fileset.owner != share.id or fileset.source != source:
        raise exception.Conflict(
            f'Fileset {share.name} is not being filled from {source}',
            check=f'its comment, {fileset.comment!r}')
    return Plan((Step('renew copy', share.name, {'source': source},
                      detail=f'of {source}'),)) + _removal(fileset)


# Snapshots

def source_of(place: Snapshot,
              facts: records.SnapshotFacts) -> records.Fileset:
    """Return the fileset that a snapshot is to be copied from.

    :raises NotFound: there is no such snapshot.
    """
    fileset = facts.fileset
    if fileset is None or not fileset.linked or not facts.valid:
        raise exception.NotFound(f'There is no valid snapshot {place}')
    return fileset


def create_snapshot(place: Snapshot, facts: records.SnapshotFacts) -> Plan:
    """:raises NotFound: there is no such share."""
    if facts.fileset is None:
        raise lost(place.fileset)
    if not facts.fileset.independent:
        raise exception.Unsupported(
            f'Fileset {place.fileset} is a dependent one, which cannot have '
            f'snapshots', check='gpfs_fileset_type')
    if facts.valid:
        return Plan()
    there, step = facts.snapshot, Step('create snapshot', str(place))
    if there is not None and not there.half:
        raise exception.BackendError(
            f'Snapshot {place} is there, and whether it is valid is not '
            f'told', check='its status in mmlssnapshot')
    return Plan((Step('delete snapshot', str(place)), step) if there
                else (step,))


def delete_snapshot(place: Snapshot, facts: records.SnapshotFacts) -> Plan:
    """:raises Busy: a share is being filled from it."""
    if facts.snapshot is None:
        return Plan()
    if facts.fed:
        raise exception.Busy(f'Snapshot {place} is being copied to '
                             f'{", ".join(facts.fed)}')
    return Plan((Step('delete snapshot', str(place)),))


def restore(place: Snapshot, gib: int, facts: records.SnapshotFacts) -> Plan:
    """
    :raises NotFound: there is no such snapshot.
    :raises Unsupported: the fileset must not be restored.
    """
    fileset = facts.fileset
    if fileset is None or not facts.valid:
        raise exception.NotFound(f'There is no valid snapshot {place}')
    if not fileset.restorable:
        raise exception.Unsupported(
            f'Fileset {place.fileset} must not be restored',
            check='its attribute preventSnapshotRestore')
    if not fileset.linked:
        raise exception.Busy(f'Fileset {place.fileset} is not linked')
    return Plan((Step('restore snapshot', str(place)),
                 _limit(place.fileset, gib)))


def adopt_snapshot(place: Snapshot, facts: records.SnapshotFacts) -> Plan:
    """Plan nothing: a snapshot keeps its name.

    :raises NotManageable: there is none that can be used.
    """
    if facts.fileset is None:
        raise exception.NotManageable(
            f'There is no fileset {place.fileset}')
    if not facts.valid:
        raise exception.NotManageable(
            f'Fileset {place.fileset} has no valid snapshot {place.name}',
            check='provider_location: the name that mmlssnapshot shows')
    return Plan()


def open_again(share: model.Share, rules: Sequence[access.Rule]) -> Plan:
    """Say that rules are set when a restore has ended, in whatever way."""
    return Plan((Step('set rules', share.name, {'rules': tuple(rules)},
                      detail=', '.join(f'{rule.to} {rule.level}'
                                       for rule in rules) or 'none'),))


# Adoption

def adopt(share: model.Share, found: records.Fileset, target: str,
          filesets: Sequence[records.Fileset], quota: records.FilesetQuota,
          gib: int) -> Plan:
    """Give a fileset the name, place, quota and mark of a share's.

    Each step has one that takes it back.

    :param gib: of the quota, replicas counted.
    """
    name, steps = share.name, []
    if found.name != name:
        steps.append(Step(
            'rename fileset', found.name, {'new': name}, detail=f'to {name}',
            undo=Step('rename fileset', name, {'new': found.name})))
    if found.path != target:
        steps += _relocation(name, found.path, target, filesets)
    if quota.limit != gib * records.GIB_IN_KIB:
        steps.append(dataclasses.replace(
            _limit(name, gib), undo=Step('limit fileset', name, {
                'limit': f'{quota.limit}k'})))
    # Last: who has the mark is managed.
    steps.append(dataclasses.replace(
        _mark(name, records.mark(share.id)), undo=_mark(name, found.comment)))
    return Plan(tuple(steps))


def _relocation(name: str, path: str, target: str,
                filesets: Sequence[records.Fileset]) -> list[Step]:
    """Move a junction from one place to another."""
    unlink = Step('unlink fileset', name, {'force': False})
    if not path:
        return [dataclasses.replace(link(name, target), undo=unlink)]
    if _parent(path, filesets) == _parent(target, filesets):
        # Within one fileset a junction moves like a directory, and whoever
        # has files open keeps them.
        return [Step('move junction', path, {'to': target},
                     detail=f'to {target}',
                     undo=Step('move junction', target, {'to': path}))]
    return [dataclasses.replace(unlink, undo=link(name, path)),
            dataclasses.replace(link(name, target), undo=unlink)]


def _parent(path: str, filesets: Sequence[records.Fileset]) -> str:
    """The fileset in which a junction lies."""
    above = [one for one in filesets
             if one.path and path != one.path
             and path.startswith(one.path.rstrip('/') + '/')]
    return max(above, key=lambda one: len(one.path)).name if above else ''


def release(share: model.Share, facts: records.FilesetFacts) -> Plan:
    """Take the mark from a fileset, if it is this share's."""
    if facts.fileset is None or facts.fileset.owner != share.id:
        return Plan()
    return Plan((_mark(share.name, f'was manila:{share.id}'),))
