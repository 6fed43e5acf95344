# SPDX-License-Identifier: Apache-2.0

"""Whether shares are as they should be, and what repairs them.

Two lists of GPFS and one of every NFS server tell all about any number of
shares; the decision per share is pure.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import exporting
from manila_drivers.ibm.gpfs import exports as exports_module
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import site as site_module
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

# Commands in one round trip; each may have to wait for a busy file system.
_BATCH = 50


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What to do about one share.

    :param limit: GiB of the quota that it has to get, replicas counted; 0
        if it has it.
    :param lost: why it cannot be used, '' if it can.
    :param unknown: why it cannot be judged.
    """

    repairs: Sequence[command.Command] = ()
    limit: int = 0
    lost: str = ''
    unknown: str = ''

    def __bool__(self) -> bool:
        return bool(self.repairs or self.limit)


class Ensuring:
    """Checks and repairs the shares of one backend."""

    def __init__(self, site: site_module.Site,
                 exports: exporting.Exporting) -> None:
        self._site = site
        self._exports = exports

    def ensure(self, shares: Iterable[model.Share],
               specs: Callable[[model.Share], model.Specs],
               ) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        :param specs: the extra specs of a share; asked for if a server does
            not answer.
        :returns: by instance id, what Manila is to be told.
        """
        wanted = {}
        for share in shares:
            path, error = exception.caught(functools.partial(
                self._site.settings.path, share.name))
            if path is not None:
                wanted[path] = share
            else:
                LOG.error('Share %s: %s', share.id, error)
        filesets, quotas, untold = self._lists()
        drifted = self._drifted(wanted, specs)
        answers: dict[str, dict[str, Any]] = {}
        repairs: list[tuple[model.Share, Verdict]] = []
        for path, share in wanted.items():
            verdict = Verdict(
                unknown=f'GPFS tells no usage of fileset {share.name}') \
                if share.name in untold else self.judge(
                    share, path, filesets.get(share.name),
                    quotas.get(share.name))
            if verdict.lost:
                LOG.error('Share %s is lost: %s. Nothing was made in its '
                          'place.', share.id, verdict.lost)
                answers[share.id] = {'status': 'error'}
                continue
            if verdict.unknown:
                LOG.error('Share %s cannot be checked: %s', share.id,
                          verdict.unknown)
                answers[share.id] = {}
                continue
            if verdict:
                repairs.append((share, verdict))
            # Not being able to tell is no reason to call it broken, nor to
            # call it whole.
            answers[share.id] = {} if drifted is None else self._answer(
                path, reapply=path in drifted)
        for share in self._repair(repairs):
            answers[share.id] = {}
        return answers

    def _drifted(self, wanted: Mapping[str, model.Share],
                 specs: Callable[[model.Share], model.Specs],
                 ) -> set[str] | None:
        def known() -> list[exports_module.Export]:
            return [export for path, share in wanted.items()
                    for export in self._export(path, share, specs)]

        found, error = exception.caught(lambda: self._exports.drifted({
            path: share.id for path, share in wanted.items()}, known))
        if error is not None:
            LOG.error('Exports cannot be checked: %s', error)
        return found

    def _export(self, path: str, share: model.Share,
                specs: Callable[[model.Share], model.Specs],
                ) -> Iterable[exports_module.Export]:
        options, error = exception.caught(
            lambda: self._exports.options(specs(share)))
        if options is None:
            LOG.error('Share %s: %s', share.id, error)
            return ()
        return (exports_module.Export(path, share.name, share.id, {},
                                      options),)

    def _answer(self, path: str, *, reapply: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {
            'export_locations': self._site.locations(path)}
        if reapply:
            answer['reapply_access_rules'] = True
        return answer

    def _lists(self) -> tuple[Mapping[str, records.Fileset],
                              Mapping[str, records.Quota], frozenset[str]]:
        make, device = self._site.commands, self._site.device
        commands = [make.filesets(device), make.quotas(device)]

        def understand(results: Sequence[command.Result]) -> Any:
            return ({one.name: one for one in self._site.filesets(
                commands[0], results[0]) if not one.deleted},
                records.quotas(commands[1], results[1]),
                records.untold(commands[1], results[1]))

        return self._site.ask(  # type: ignore[no-any-return]
            site_module.Question(commands, understand))

    def judge(self, share: model.Share, path: str,
              fileset: records.Fileset | None,
              quota: records.Quota | None) -> Verdict:
        """Decide about one share.  Pure.

        Never makes a fileset: an empty share in place of a lost one would
        be taken for the data's end.
        """
        make, device = self._site.commands, self._site.device
        if fileset is None:
            return Verdict(lost=f'there is no fileset {share.name}')
        if fileset.doubt:
            return Verdict(unknown=f'what mmlsfileset says of fileset '
                                   f'{share.name} is not understood: '
                                   f'{fileset.doubt}')
        if fileset.owner not in ('', share.id):
            return Verdict(lost=f'fileset {share.name} belongs to share '
                                f'{fileset.owner}')
        if fileset.linked and fileset.path != path:
            return Verdict(lost=f'fileset {share.name} is linked at '
                                f'{fileset.path} and not at {path}')
        limit = self._site.filesystem.quota_gib(
            self._site.sizes.of(share))
        # One that has neither a limit nor any usage may not be listed.
        quota = quota or records.Quota(share.name)
        if quota.limit == limit * records.GIB_IN_KIB:
            limit = 0
        if limit and quota.limit > limit * records.GIB_IN_KIB and (
                quota.most is None
                or quota.most > limit * records.GIB_IN_KIB):
            LOG.error(
                'Share %s has a quota of %d KiB and not of %d GiB, which is '
                'less than what is in use, %s KiB: nothing was changed. '
                'Extend the share.', share.id, quota.limit, limit,
                quota.most)
            limit = 0
        return Verdict(() if fileset.linked else (make.link(
            device, share.name, path),), limit)

    def _repair(self, found: Sequence[tuple[model.Share, Verdict]],
                ) -> list[model.Share]:
        """Several shares in one round trip; one that fails alone.

        :returns: those that could not be repaired.
        """
        failed: list[model.Share] = []
        for start in range(0, len(found), _BATCH):
            batch = found[start:start + _BATCH]
            for share, verdict in batch:
                LOG.warning('Share %s is repaired: %s', share.id, '; '.join(
                    map(str, self._commands(share, verdict))))
            try:
                self._site.do([cmd for share, verdict in batch
                               for cmd in self._commands(share, verdict)])
            except exception.DriverError:
                failed += self._one_by_one(batch)
        return failed

    def _commands(self, share: model.Share,
                  verdict: Verdict) -> list[command.Command]:
        """What repairs it, with the size that it has got since."""
        make, device = self._site.commands, self._site.device
        limit = verdict.limit and self._site.filesystem.quota_gib(
            self._site.sizes.of(share))
        return [*([make.limit(device, share.name, limit)] if limit else []),
                *verdict.repairs]

    def _one_by_one(self, batch: Sequence[tuple[model.Share, Verdict]],
                    ) -> list[model.Share]:
        failed = []
        for share, verdict in batch:
            _, error = exception.caught(functools.partial(
                self._site.do, self._commands(share, verdict)))
            if error is not None:
                LOG.error('Share %s could not be repaired: %s', share.id,
                          error)
                failed.append(share)
        return failed
