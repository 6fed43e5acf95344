# SPDX-License-Identifier: Apache-2.0

"""What is wrong with shares, and the repair: ``ensure_shares``.

Two lists of GPFS and one of every NFS server tell all about any number of
shares; the decision about each is pure.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import records
from manila_drivers.nas import exports
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

# Commands in one round trip; each may have to wait for a busy file system.
_BATCH = 50


@dataclasses.dataclass(frozen=True)
class ListedShares:
    """What GPFS lists, by the fileset's name.

    :param quotas: a fileset whose usage is not told is not in it.
    """

    filesets: Mapping[str, records.Fileset]
    quotas: Mapping[str, records.FilesetQuota]


@dataclasses.dataclass(frozen=True)
class ShareHealth:
    """What is wrong with one share.

    :param link: whether its fileset has to be linked again.
    :param resize: whether its quota has to be set again.
    :param lost: why it cannot be used, '' if it can.
    :param unknown: why it cannot be judged.
    :param left: what is wrong and is left as it is.
    """

    link: bool = False
    resize: bool = False
    lost: str = ''
    unknown: str = ''
    left: str = ''

    def __bool__(self) -> bool:
        return self.link or self.resize


def assess(share: model.Share, path: str, listed: ListedShares,
           gib: int) -> ShareHealth:
    """Decide about one share.  Pure.

    Never makes a fileset: an empty share in place of a lost one would be
    taken for the data's end.

    :param gib: what its quota has to be, replicas counted.
    """
    name, fileset = share.name, listed.filesets.get(share.name)
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
    quota = listed.quotas.get(name)
    if quota is None:
        return ShareHealth(
            unknown=f'GPFS tells no usage of fileset {name}')
    limit = gib * records.GIB_IN_KIB
    if quota.limit > limit and (quota.most is None or quota.most > limit):
        return ShareHealth(not fileset.linked, left=(
            f'it has a quota of {quota.limit} KiB and not of {gib} GiB, '
            f'which is less than what is in use, {quota.most} KiB: nothing '
            f'was changed. Extend the share.'))
    return ShareHealth(not fileset.linked, quota.limit != limit)


class HealthService:
    """Checks and repairs the shares of one backend."""

    def __init__(self, gpfs: cluster.GpfsCluster,
                 access: access.AccessService) -> None:
        self._cluster = gpfs
        self._access = access

    def ensure(self, calls: Sequence[Call]) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        :returns: by instance id, what Manila is to be told.
        """
        wanted = {}
        for call in calls:
            path, error = exception.caught(functools.partial(
                self._cluster.settings.path, call.share.name))
            if path is not None:
                wanted[path] = call
            else:
                LOG.error('Share %s: %s', call.share.id, error)
        listed = self._listed([call.share.name for call in wanted.values()])
        drifted = self._drifted(wanted)
        shares = {path: call.share for path, call in wanted.items()}
        found = {path: assess(share, path, listed, self._gib(share))
                 for path, share in shares.items()}
        self._tell(shares, found)
        failed = self._repair([(shares[path], health)
                               for path, health in found.items() if health])
        return {share.id: self._answer(path, found[path], drifted)
                if share not in failed else {}
                for path, share in shares.items()}

    def _gib(self, share: model.Share) -> int:
        """Return the quota of a share, with the size it has got since."""
        return self._cluster.filesystem.quota_gib(
            self._cluster.sizes.of(share))

    # Facts

    def _listed(self, names: Sequence[str]) -> ListedShares:
        make, device = self._cluster.commands, self._cluster.device
        commands = [make.filesets(device), make.quotas(device)]

        def understand(results: Sequence[command.Result]) -> ListedShares:
            return ListedShares(
                {one.name: one for one in self._cluster.filesets(
                    commands[0], results[0]) if not one.deleted},
                records.quotas(commands[1], results[1]))

        listed = self._cluster.ask(cluster.Question(commands, understand))
        missing = [name for name in names if name in listed.filesets
                   and name not in listed.quotas]
        return dataclasses.replace(listed, quotas={
            **listed.quotas, **self._asked_for(missing)})

    def _asked_for(self, names: Sequence[str],
                   ) -> dict[str, records.FilesetQuota]:
        """Ask for quotas that the list of all does not have."""
        make, device = self._cluster.commands, self._cluster.device
        found: dict[str, records.FilesetQuota] = {}
        for start in range(0, len(names), _BATCH):
            commands = [make.quota(device, name)
                        for name in names[start:start + _BATCH]]
            answers = self._cluster.execute.ask(commands)
            for cmd, result in zip(commands, answers, strict=True):
                quotas, error = exception.caught(functools.partial(
                    records.quotas, cmd, result))
                found.update(quotas or {})
                if error is not None:
                    LOG.warning('A quota is not known: %s', error)
        return found

    def _drifted(self, wanted: Mapping[str, Call]) -> set[str] | None:
        def known() -> list[exports.Export]:
            return [export for path, call in wanted.items()
                    for export in self._export(path, call)]

        found, error = exception.caught(lambda: self._access.drifted({
            path: call.share.id for path, call in wanted.items()}, known))
        if error is not None:
            LOG.error('Exports cannot be checked: %s', error)
        return found

    def _export(self, path: str, call: Call) -> Iterable[exports.Export]:
        share = call.share
        options, error = exception.caught(
            lambda: self._access.options(call.specs()))
        if options is None:
            LOG.error('Share %s: %s', share.id, error)
            return ()
        return (exports.Export(path, share.name, share.id, {}, options),)

    # Repairs

    def _repair(self, found: Sequence[tuple[model.Share, ShareHealth]],
                ) -> list[model.Share]:
        """Several shares in one round trip; one that fails alone.

        :returns: those that could not be repaired.
        """
        failed: list[model.Share] = []
        for start in range(0, len(found), _BATCH):
            batch = found[start:start + _BATCH]
            for share, health in batch:
                LOG.warning('Share %s is repaired: %s', share.id, '; '.join(
                    map(str, self._commands(share, health))))
            _, error = exception.caught(functools.partial(
                self._cluster.do, [cmd for share, health in batch
                                for cmd in self._commands(share, health)]))
            if error is not None:
                failed += self._one_by_one(batch)
        return failed

    def _commands(self, share: model.Share,
                  health: ShareHealth) -> list[command.Command]:
        """Return what repairs it, with the size that it has got since."""
        make, device = self._cluster.commands, self._cluster.device
        return [
            *([make.limit(device, share.name, self._gib(share))]
              if health.resize else []),
            *([make.link(device, share.name, self._cluster.settings.path(
                share.name))] if health.link else [])]

    def _one_by_one(self, batch: Sequence[tuple[model.Share, ShareHealth]],
                    ) -> list[model.Share]:
        failed = []
        for share, health in batch:
            _, error = exception.caught(functools.partial(
                self._cluster.do, self._commands(share, health)))
            if error is not None:
                LOG.error('Share %s could not be repaired: %s', share.id,
                          error)
                failed.append(share)
        return failed

    # Answers

    @staticmethod
    def _tell(wanted: Mapping[str, model.Share],
              found: Mapping[str, ShareHealth]) -> None:
        for path, health in found.items():
            ident = wanted[path].id
            if health.lost:
                LOG.error('Share %s is lost: %s. Nothing was made in its '
                          'place.', ident, health.lost)
            if health.unknown:
                LOG.error('Share %s cannot be checked: %s', ident,
                          health.unknown)
            if health.left:
                LOG.error('Share %s: %s', ident, health.left)

    def _answer(self, path: str, health: ShareHealth,
                drifted: set[str] | None) -> dict[str, Any]:
        """Not being able to tell is no reason to call a share broken, nor to
        call it whole: the answer is empty then."""
        if health.lost:
            return {'status': 'error'}
        if health.unknown or drifted is None:
            return {}
        return {'export_locations': self._cluster.locations(path),
                **({'reapply_access_rules': True} if path in drifted
                   else {})}
