# SPDX-License-Identifier: Apache-2.0

"""Filesets as shares need them: in health, and to be adopted.  Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import math
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ShareHealth:
    """Hold all that is wrong with one share.

    :param link: whether its fileset has to be linked again.
    :param resize: the GiB that its quota has to be set to; 0 if it is right.
    :param lost: why it cannot be used, '' if it can.
    :param unknown: why it cannot be judged.
    :param left: what is wrong and is left as it is.
    """

    link: bool = False
    resize: int = 0
    lost: str = ''
    unknown: str = ''
    left: str = ''

    def __bool__(self) -> bool:
        return self.link or self.resize > 0


def assess(share: model.Share, path: str, fileset: records.Fileset | None,
           quota: records.FilesetQuota | None, gib: int) -> ShareHealth:
    """Decide about one share.

    Never makes a fileset: an empty share in place of a lost one would be
    taken for the data's end.

    :param quota: None if usage is not told.
    :param gib: what its quota has to be, replicas counted.
    """
    name = share.name
    if fileset is None:
        return ShareHealth(lost=f'there is no fileset {name}')
    if fileset.doubt:
        return ShareHealth(unknown=f'what mmlsfileset says of fileset {name} '
                           f'is not understood: {fileset.doubt}')
    if fileset.owner not in ('', share.id):
        return ShareHealth(lost=f'fileset {name} belongs to share '
                                f'{fileset.owner}')
    if fileset.linked and fileset.path != path:
        return ShareHealth(lost=f'fileset {name} is linked at '
                                f'{fileset.path} and not at {path}')
    _, error = exception.caught(lambda: paths.check_home(share, path))
    if error is not None:
        # The fileset is there, and exported by another name of its place.
        return ShareHealth(unknown=str(error))
    if quota is None:
        return ShareHealth(
            unknown=f'GPFS tells no usage of fileset {name}')
    limit = gib * records.GIB_IN_KIB
    # A limit of 0 is none.
    lowered = quota.limit == 0 or quota.limit > limit
    if lowered and (quota.most is None or quota.most > limit):
        used = 'which is not told' if quota.most is None \
            else f'{quota.most} KiB'
        return ShareHealth(not fileset.linked, left=(
            f'its quota is {quota.limit or "without limit"} (KiB) and not '
            f'{gib} GiB, which may be less than what is in use, {used}: '
            f'nothing was changed. Extend the share.'))
    return ShareHealth(not fileset.linked,
                       gib if quota.limit != limit else 0)


def require_limit(name: str, gib: int,
                  quota: records.FilesetQuota | None) -> None:
    """
    :param quota: as it was read after it had been set to so many GiB.
    :raises BackendError: it is another one.
    """
    if quota is None or quota.limit != gib * records.GIB_IN_KIB:
        raise exception.BackendError(
            f'The quota of fileset {name} was set to {gib} GiB',
            answer='it is ' + (f'{quota.limit} KiB' if quota else 'not told'),
            check='mmlsquota -j')


# Adoption

def eligible(share: model.Share, path: str, target: str,
             filesets: Sequence[records.Fileset], *,
             independent: bool) -> records.Fileset:
    """Choose the fileset that is linked at an export's path.

    :param independent: whether it has to be one with inodes of its own.
    :raises NotManageable: there is none, or it cannot be taken over.
    """
    # A call that was cut off may have renamed it and moved it already, or
    # taken only one of the two back; nobody else's has such a path.
    found = next((
        one for one in filesets if one.linked and one.path == path),
        None) or next((
            one for one in filesets if one.name == share.name
            and one.owner == '' and one.path in ('', target)
            or one.path == target and one.owner in ('', share.id)), None)
    if found is None:
        raise exception.NotManageable(
            f'No fileset is linked at {path}', check='mmlsfileset')
    path = found.path or path
    below = [one.name for one in filesets if one.path.startswith(path + '/')]
    objections = [
        ('it is the root fileset', found.name == 'root'),
        ('it is a dependent fileset', independent and not found.independent),
        (found.doubt, found.doubt),
        ('it has AFM attributes', found.afm),
        ('whether it has AFM attributes is not told', found.afm is None),
        (f'it belongs to share {found.owner}',
         found.owner not in ('', share.id)),
        (f'filesets are linked below it: {", ".join(below)}', below),
        (f'there is a fileset {share.name} already',
         found.name != share.name
         and any(one.name == share.name for one in filesets)),
        (f'something is linked at {target} already', path != target
         and any(one.path == target and one is not found
                 for one in filesets))]
    for text, holds in objections:
        if holds:
            raise exception.NotManageable(
                f'Fileset {found.name} at {path} cannot be managed: {text}')
    return found


def check_type(found: records.Fileset, specs: model.Specs) -> None:
    """:raises TypeMismatch: the share type asks for what it cannot do."""
    if model.as_bool(specs.get('snapshot_support')) and not found.independent:
        raise exception.TypeMismatch(
            f'The share type has snapshots, and fileset {found.name} is a '
            f'dependent one, which cannot have any',
            check='snapshot_support of the share type')


def size_of(name: str, quota: records.FilesetQuota | None,
            options: Mapping[str, Any], replicas: int) -> int:
    """Return a size in GiB that what is there fits in.

    :param options: ``size`` in GiB, if the administrator says it.
    :raises NotManageable: it does not fit, or is not known.
    """
    if quota is None:
        raise exception.NotManageable(
            f'GPFS tells no usage of fileset {name}',
            check='that quotas are on: mmlsfs -Q')
    each = replicas * records.GIB_IN_KIB
    used = max(1, math.ceil(quota.usage / each))
    given = options.get('size')
    if given is not None:
        try:
            size = int(given)
        except (TypeError, ValueError):
            size = 0
        if not quota.limit or size * each < quota.limit:
            used = _most(quota, each)
        if size < used:
            raise exception.NotManageable(
                f'size={given!r}, but {used} GiB are needed')
        return size
    if not quota.limit:
        used = _most(quota, each)
        LOG.warning('Fileset %s has no quota; it gets one of %d GiB, '
                    'which is what it uses', quota.name, used)
        return used
    size = math.ceil(quota.limit / each)
    if size < used:
        raise exception.NotManageable(
            f'Fileset {quota.name} uses {used} GiB, more than its quota '
            f'of {size} GiB')
    return size


def _most(quota: records.FilesetQuota, each: int) -> int:
    """Return GiB that what may be in use fits in.

    :raises NotManageable: GPFS does not tell how much of it is in doubt.
    """
    if quota.most is None:
        raise exception.NotManageable(
            f'GPFS does not tell how much of the usage of fileset '
            f'{quota.name} is in doubt', check='mmlsquota -j, blockInDoubt')
    return max(1, math.ceil(quota.most / each))
