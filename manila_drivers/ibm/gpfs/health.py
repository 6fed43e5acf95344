# SPDX-License-Identifier: Apache-2.0

"""Find and repair what is wrong with shares: ``ensure_shares``.

Two lists of GPFS and one of every NFS server tell all about any number of
shares; the decision about each is pure.  Lists are old by the time that a
repair's turn comes: the share is locked, what GPFS has is read once more, and
the decision is made anew.  Who changes the share meanwhile is not waited for;
its check is owed then (``manila_drivers.owed``).
"""

from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import itertools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.nas import exports

LOG = logging.getLogger(__name__)

ShareHealth = assessment.ShareHealth
Shares = Mapping[str, model.Share]


class HealthService:
    """Checks and repairs the shares of one backend."""

    def __init__(self, gpfs: client.GpfsClient, steps: executor.GpfsExecutor,
                 access: access.AccessService,
                 sizes: known.GivenSizes) -> None:
        self._client = gpfs
        self._cluster = gpfs.cluster
        self._executor = steps
        self._access = access
        self._sizes = sizes

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
        shares = {path: call.share for path, call in wanted.items()}
        listed = self._listed([share.name for share in shares.values()])
        drifted = self._drifted(wanted)
        found = {path: assessment.assess(
            share, path, listed.filesets.get(share.name),
            listed.quotas.get(share.name), self._gib(share))
                 for path, share in shares.items()}
        broken = [path for path, health in found.items() if health]
        failed: dict[str, str] = {}

        def work(some: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
            if isinstance(some, str):
                return shares[some].id, {
                    **self._answer(some, found[some], drifted),
                    **({owed.OWED: failed[some]} if some in failed else {})}
            failed.update(self._repair({
                path: shares[path] for path in some}, found))
            return None
        # Several shares in a round trip; one that fails does so alone.  The
        # answers come last, also in a dry run.
        answers = dict(filter(None, plan.for_each(work, [
            *(broken[start:start + client.BATCH]
              for start in range(0, len(broken), client.BATCH)), *shares])))
        self._tell(shares, found, failed)
        return answers

    def _gib(self, share: model.Share, *, look: bool = False) -> int:
        """Return the quota of a share, with the size it has got since.

        :param look: for what other hosts have given it, too.
        """
        return self._cluster.filesystem.quota_gib(
            self._sizes.of(share, look=look))

    # Facts

    def _listed(self, names: Sequence[str]) -> records.ListedShares:
        listed, _ = self._client.listed()
        missing = [name for name in names if name in listed.filesets
                   and name not in listed.quotas]
        return dataclasses.replace(listed, quotas={
            **listed.quotas, **self._client.quotas_of(missing)})

    def _drifted(self, wanted: Mapping[str, Call]) -> set[str] | None:
        def known() -> list[exports.Export]:
            return [self._export(path, call)
                    for path, call in wanted.items()]

        found, error = exception.caught(lambda: self._access.drifted({
            path: call.share.id for path, call in wanted.items()}, known))
        if error is not None:
            LOG.error('Exports cannot be checked: %s', error)
        return found

    def _export(self, path: str, call: Call) -> exports.Export:
        share = call.share
        export, error = self._access.helper.chosen(
            exports.Export(path, share.name, share.id, {}), call.specs)
        if error is not None:
            # A server that was away can still be told what to take away.
            LOG.error('Share %s: %s', share.id, error)
        return export

    # Repairs

    def _repair(self, batch: Shares,
                found: dict[str, ShareHealth]) -> dict[str, str]:
        """Repair shares with no other call about them under way.

        :param found: is brought up to date, by path.
        :returns: by path, why a share could not be repaired.
        """
        with contextlib.ExitStack() as held:
            failed = self._hold(held, batch)
            free = {path: share for path, share in batch.items()
                    if path not in failed}
            now, error = exception.caught(functools.partial(
                self._again, free))
            if now is None:
                return {**failed, **dict.fromkeys(free, str(error))}
            found.update(now)
            failed |= self._run({
                path: planning.repair(free[path].name, path, health)
                for path, health in now.items() if health})
            return self._seen({path: free[path] for path, health in
                               now.items() if health}) | failed

    def _seen(self, repaired: Shares) -> dict[str, str]:
        """:returns: by path, what a repair has not changed."""
        now, error = exception.caught(functools.partial(
            self._again, repaired))
        if now is None:
            return dict.fromkeys(repaired, str(error))
        return {path: f'GPFS answered success to '
                f'{planning.repair(repaired[path].name, path, health)}, and '
                f'did not do it' for path, health in now.items() if health}

    def _hold(self, held: contextlib.ExitStack,
              batch: Shares) -> dict[str, str]:
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

    def _again(self, shares: Shares) -> dict[str, ShareHealth]:
        """Decide about shares once more."""
        if not shares:
            return {}
        names = [share.name for share in shares.values()]
        filesets = self._client.each(names)
        quotas = self._client.quotas_of(names)
        now = {}
        for path, share in shares.items():
            health, error = exception.caught(functools.partial(
                self._judge, path, share, filesets[share.name],
                quotas.get(share.name)))
            now[path] = (ShareHealth(unknown=str(error))
                         if health is None else health)
        return now

    def _judge(self, path: str, share: model.Share,
               fileset: records.Fileset | exception.DriverError | None,
               quota: records.FilesetQuota | None) -> ShareHealth:
        if isinstance(fileset, exception.DriverError):
            raise fileset
        health = assessment.assess(share, path, fileset, quota,
                                   self._gib(share, look=True))
        # It was there just now: somebody is deleting it.
        return dataclasses.replace(
            health, lost='', unknown=health.unknown or health.lost)

    def _run(self, repairs: Mapping[str, plan.Plan]) -> dict[str, str]:
        """:returns: by path, why a repair failed."""
        everything = plan.Plan(tuple(itertools.chain(*repairs.values())))
        plan.show(everything)
        for path, steps in repairs.items():
            LOG.warning('Share at %s is repaired: %s', path, steps)
        _, error = exception.caught(lambda: self._executor.run(everything))
        failed: dict[str, str] = {}
        for path, steps in repairs.items() if error is not None else ():
            _, error = exception.caught(functools.partial(
                self._executor.run, steps))
            if error is not None:
                failed[path] = str(error)
        return failed

    # Answers

    @staticmethod
    def _tell(wanted: Shares, found: Mapping[str, ShareHealth],
              failed: Mapping[str, str]) -> None:
        for path, why in failed.items():
            LOG.error('Share %s could not be repaired: %s', wanted[path].id,
                      why)
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
