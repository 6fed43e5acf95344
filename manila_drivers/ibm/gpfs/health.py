# SPDX-License-Identifier: Apache-2.0

"""What is wrong with shares, and the repair: ``ensure_shares``.

Two lists of GPFS and one of every NFS server tell all about any number of
shares; the decision about each is pure.  Lists are old by the time that a
repair's turn comes: the share is locked, what GPFS has is read once more, and
the decision is made anew.  Who changes the share meanwhile is not waited for;
its check is owed then (``manila_drivers.owed``).
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
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
        failed = self._repair(shares, found)
        self._tell(shares, found)
        return {share.id: {**self._answer(path, found[path], drifted),
                           **({owed.OWED: failed[path]} if path in failed
                              else {})}
                for path, share in shares.items()}

    def _gib(self, share: model.Share, *, look: bool = False) -> int:
        """Return the quota of a share, with the size it has got since.

        :param look: for what other hosts have given it, too.
        """
        return self._cluster.filesystem.quota_gib(
            self._cluster.sizes.of(share, look=look))

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

    def _repair(self, shares: Mapping[str, model.Share],
                found: dict[str, ShareHealth]) -> dict[str, str]:
        """Several shares in a round trip; one that fails does so alone.

        :param found: is brought up to date, by path.
        :returns: by path, why a share could not be repaired.
        """
        failed: dict[str, str] = {}
        broken = [path for path, health in found.items() if health]
        for start in range(0, len(broken), _BATCH):
            batch = {path: shares[path]
                     for path in broken[start:start + _BATCH]}
            with contextlib.ExitStack() as held:
                failed.update(self._hold(held, batch))
                free = {path: share for path, share in batch.items()
                        if path not in failed}
                now, error = exception.caught(functools.partial(
                    self._again, free))
                if now is None:
                    failed.update(dict.fromkeys(free, str(error)))
                    continue
                found.update(now)
                failed.update(self._run({
                    path: self._commands(free[path], path, health)
                    for path, health in now.items() if health}))
        for path, why in failed.items():
            LOG.error('Share %s could not be repaired: %s', shares[path].id,
                      why)
        return failed

    def _hold(self, held: contextlib.ExitStack,
              batch: Mapping[str, model.Share]) -> dict[str, str]:
        """Keep other calls about shares out, and wait for none.

        :returns: by path, why a share is not held.
        """
        failed: dict[str, str] = {}
        for path, share in batch.items():
            _, error = exception.caught(functools.partial(
                held.enter_context, self._access.alone(share.id, 0.0)))
            if error is not None:
                failed[path] = str(error)
            if error is not None and not isinstance(error, exception.Busy):
                # The coordinator does not answer for the others either.
                return {**dict.fromkeys(batch, str(error)), **failed}
        return failed

    def _again(self, shares: Mapping[str, model.Share],
               ) -> dict[str, ShareHealth]:
        """Decide about shares once more, with no other call under way."""
        if not shares:
            return {}
        make, device = self._cluster.commands, self._cluster.device
        commands = [make.fileset(device, share.name)
                    for share in shares.values()]
        answers = self._cluster.execute.ask(commands)
        quotas = self._asked_for([share.name for share in shares.values()])
        now = {}
        for (path, share), cmd, answer in zip(
                shares.items(), commands, answers, strict=True):
            health, error = exception.caught(functools.partial(
                self._judge, path, share, quotas, cmd, answer))
            now[path] = (ShareHealth(unknown=str(error))
                         if health is None else health)
        return now

    def _judge(self, path: str, share: model.Share,
               quotas: Mapping[str, records.FilesetQuota],
               cmd: command.Command, answer: command.Result) -> ShareHealth:
        fileset = self._cluster.fileset(cmd, answer, share.name)
        health = assess(share, path, ListedShares(
            {share.name: fileset} if fileset and not fileset.deleted else {},
            quotas), self._gib(share, look=True))
        # It was there just now: somebody is deleting it.
        return dataclasses.replace(
            health, lost='', unknown=health.unknown or health.lost)

    def _run(self, repairs: Mapping[str, Sequence[command.Command]],
             ) -> dict[str, str]:
        """:returns: by path, why a repair failed."""
        for path, commands in repairs.items():
            LOG.warning('Share at %s is repaired: %s', path,
                        '; '.join(map(str, commands)))
        if not repairs:
            return {}
        _, error = exception.caught(functools.partial(
            self._cluster.do, [cmd for commands in repairs.values()
                               for cmd in commands]))
        if error is None:
            return {}
        failed: dict[str, str] = {}
        for path, commands in repairs.items():
            _, error = exception.caught(functools.partial(
                self._cluster.do, commands))
            if error is not None:
                failed[path] = str(error)
        return failed

    def _commands(self, share: model.Share, path: str,
                  health: ShareHealth) -> list[command.Command]:
        make, device = self._cluster.commands, self._cluster.device
        return [
            *([make.limit(device, share.name, health.resize)]
              if health.resize else []),
            *([make.link(device, share.name, path)] if health.link else [])]

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
        if health.unknown:
            return owed.unfinished(health.unknown)
        if drifted is None:
            return {}
        return {'export_locations': self._cluster.locations(path),
                **({'reapply_access_rules': True} if path in drifted
                   else {})}
