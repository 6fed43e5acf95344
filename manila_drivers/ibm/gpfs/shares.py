# SPDX-License-Identifier: Apache-2.0

"""Shares: independent or dependent filesets with a quota and a junction."""

import logging
import re
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records

LOG = logging.getLogger(__name__)

INODES_SPEC = 'gpfs:inode_limit'
_INODES_AT_ONCE = 1024


class ShareService:
    """Makes, resizes and removes shares."""

    def __init__(self, gpfs: client.GpfsClient, steps: executor.GpfsExecutor,
                 access: access.AccessService,
                 sizes: known.GivenSizes) -> None:
        self._client = gpfs
        self._cluster = gpfs.cluster
        self._executor = steps
        self._access = access
        self._sizes = sizes

    # Making

    def create(self, call: Call) -> list[dict[str, Any]]:
        """Make a share; what an interrupted call made is taken up.

        :raises Conflict: a fileset of that name, or something at its path,
            is not ours.
        """
        return self.make(call)

    def make(self, call: Call, source: str = '',
             then: plan.Plan | None = None) -> list[dict[str, Any]]:
        """Make a share.

        :param source: ``fileset:snapshot`` it is going to be filled from.
        :param then: what the caller does next, to be shown in a dry run.
        """
        known, share = self._client.known, call.share
        wanted = self._wanted(call, source)

        def look() -> records.FilesetFacts:
            return self._client.share(share.name, path=wanted.path)

        # Most likely nothing is there; GPFS refuses it otherwise.
        steps = planning.create(wanted, records.FilesetFacts(None))
        plan.show(steps + (then or plan.Plan()))
        known.forget(share.name)
        self._access.unseen.forget(('share', share.name))
        if source:
            # From now on nobody deletes the snapshot without a look.
            known.made(share, wanted.path, source)
        made = self._executor.run(
            steps, lambda: planning.create(wanted, look()), guessed=True,
            undo=lambda: self._discard(share, wanted.path))
        known.made(share, wanted.path, source)
        self._expect_limit(share, share.size or 1)
        if made:
            self._access.nobody.add(share.id)
        return self._cluster.locations(wanted.path)

    def _wanted(self, call: Call, source: str) -> planning.WantedShare:
        """:raises InvalidRequest: there cannot be such a share."""
        share, specs, chosen = call.share, call.specs(), self._cluster.settings
        planning.check_protocol(share)
        chosen.path(share.name)
        self._access.options(specs)
        limit = specs.get(INODES_SPEC, chosen.inode_limit)
        if limit and not re.fullmatch(r'\d+[kKmM]?(:\d+[kKmM]?)?', limit):
            raise exception.InvalidRequest(
                f'Extra spec {INODES_SPEC} is {limit!r}, which is no limit',
                check='such as 1M or 1M:10k')
        if limit and ':' not in limit:
            # Not more than there may be; GPFS would begin with all of them.
            small = limit.isdecimal() and int(limit) < _INODES_AT_ONCE
            limit += f':{limit if small else _INODES_AT_ONCE}'
        return planning.WantedShare(
            share, self._cluster.filesystem.quota_gib(share.size or 1),
            chosen, limit, source)

    def _discard(self, share: model.Share, path: str) -> None:
        """Take back what a create made that failed."""
        def discard() -> None:
            facts = self._removable(share)
            if facts.fileset is not None and facts.fileset.owner == share.id:
                self._executor.run(
                    planning.delete(share, path, facts), lambda:
                    planning.delete(share, path, self._removable(share)))
        _, error = exception.caught(discard)
        if error is not None:
            LOG.warning('Fileset %s is left behind: %s', share.name, error)

    # Removing

    def delete(self, call: Call) -> None:
        """Remove a share with its exports; what is gone is passed over.

        :raises Busy: there are snapshots that Manila does not know.
        """
        share, known = call.share, self._client.known
        path = self._cluster.settings.path(share.name)
        with self._access.alone(share.id):
            seen = known.of(share, path)
            guessed = seen is not None and not seen.source
            facts = records.FilesetFacts(seen) if guessed \
                else self._removable(share)
            steps = planning.delete(share, path, facts)
            closing = self._access.closing(share)
            there = facts.fileset is not None
            tidying = planning.end_copy(share) \
                if not there and self._cluster.copies else plan.Plan()
            plan.show(closing.followed_by(steps + tidying))
            # The data goes only after nobody can reach it, on any server.
            self._access.run(closing)
            known.forget(share.name)
            _, error = exception.caught(lambda: self._executor.run(
                steps, lambda: planning.delete(
                    share, path, self._removable(share)), guessed=guessed))
            if guessed and isinstance(error, exception.Busy):
                error.add_note('Nobody has access any more.')
                self._try(plan.Plan((planning.link(share.name, path),)),
                          'A fileset that could not be deleted')
            if error is not None:
                raise error
            # A copy whose fileset was being made anew has left files.
            self._try(tidying, 'What a copy may have left')
            self._expect_gone(share)
            self._access.nobody.discard(share.id)
            self._access.given.forget(share.id)
            self._sizes.forget(share.id)

    def _try(self, steps: plan.Plan, what: str) -> None:
        _, error = exception.caught(lambda: self._executor.run(steps))
        if error is not None:
            LOG.warning('%s is not put in order: %s: %s', what, steps, error)

    def _removable(self, share: model.Share) -> records.FilesetFacts:
        return self._client.share(share.name, snapshots=True)

    # Size

    def resize(self, call: Call, gib: int, *, shrink: bool) -> None:
        """Change the quota.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: there is no such share.
        """
        share, filesystem = call.share, self._cluster.filesystem
        limit = filesystem.quota_gib(gib)
        # Not while a check of all shares sets it to what it shall be.
        with self._access.alone(share.id):
            self._access.unseen.forget(('share', share.name))
            seen = None if shrink else self._client.known.of(
                share, self._cluster.settings.path(share.name))
            facts = records.FilesetFacts(seen) if seen else self._sized(share)
            steps, error = planning.resize(share, limit, facts,
                                           shrink=shrink), None
            before = max(facts.quota.limit if facts.quota else 0,
                         filesystem.quota_gib(share.size or 0)
                         * records.GIB_IN_KIB)
            if shrink and not steps:
                # A call that was cut off has set it, and more may be in use.
                steps, error = planning.back_to(share, limit, facts.quota,
                                                before)
            self._executor.run(
                steps, lambda: planning.resize(
                    share, limit, self._sized(share), shrink=shrink),
                guessed=seen is not None)
            if shrink and error is None:
                # The new limit may have been passed just before it was set.
                quota = self._client.quota(share.name)
                steps, error = planning.back_to(share, limit, quota, before)
                self._executor.run(steps)
                if error is None:
                    assessment.require_limit(share.name, limit, quota)
            if error is not None:
                raise error
            self._sizes.given(share, gib)
            if not shrink:
                self._expect_limit(share, gib)

    def _sized(self, share: model.Share) -> records.FilesetFacts:
        facts = self._client.share(share.name, quota=True)
        if facts.fileset is not None:
            planning.require_owner(share, facts.fileset)
            self._client.known.there_is(facts.fileset)
        return facts

    # What is seen later

    def _expect_limit(self, share: model.Share, gib: int) -> None:
        """Have the next statistics see that a share has its quota."""
        def look() -> str:
            # Another host notes the size before it lets the share go.
            with self._access.alone(share.id, 0.0):
                now = self._sizes.latest(share.id) or gib
                _, error = exception.caught(lambda: assessment.require_limit(
                    share.name, self._cluster.filesystem.quota_gib(now),
                    self._client.quota(share.name)))
                if isinstance(error, exception.TransportError):
                    raise error
                if error is not None and self._gone(share):
                    return ''
            return '' if error is None else (
                f'share {share.id}: {error} It is set again by the next '
                f'check of all shares, or by another size')
        self._access.unseen.expect(('share', share.name), look)

    def _expect_gone(self, share: model.Share) -> None:
        def look() -> str:
            # No share gets the id of another one.
            return '' if self._gone(share) else unseen.Certain(
                f'fileset {share.name} of the deleted share {share.id} is '
                f'still there, with its data. Check: mmdelfileset '
                f'{share.name} -f')
        self._access.unseen.expect(('share', share.name), look)

    def _gone(self, share: model.Share) -> bool:
        fileset = self._client.share(share.name).fileset
        return fileset is None or fileset.owner != share.id

    # Usage

    def usage(self) -> dict[str, float]:
        """Return used GiB by the fileset's name."""
        each = self._cluster.filesystem.replicas * records.GIB_IN_KIB
        return {name: quota.usage / each
                for name, quota in self._client.quotas().items()}
