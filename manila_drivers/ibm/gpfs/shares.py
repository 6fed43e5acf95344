# SPDX-License-Identifier: Apache-2.0

"""Shares: independent or dependent filesets with a quota and a junction."""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import logging
import re
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Results = Sequence[command.Result]
ShareFacts = records.ShareFacts
INODES_SPEC = 'gpfs:inode_limit'
_INODES_AT_ONCE = 1024


class ShareService:
    """Makes, resizes and removes shares."""

    def __init__(self, gpfs: cluster.GpfsCluster,
                 access: access.AccessService) -> None:
        self._cluster = gpfs
        self._access = access
        #: Makes what ends a copy to a share, and removes what is left of it.
        self.end_copy: Callable[[model.Share], command.Command] | None = None

    # Making

    def create(self, call: Call, source: str = '') -> list[dict[str, Any]]:
        """Make a share; what an interrupted call made is taken up.

        :param source: ``fileset:snapshot`` it is going to be filled from.
        :raises Conflict: a fileset of that name, or something at its path,
            is not ours.
        """
        gpfs, share, specs = self._cluster, call.share, call.specs()
        check_protocol(share)
        path = gpfs.settings.path(share.name)
        self._access.options(specs)
        wanted = planning.WantedShare(
            share, path, gpfs.filesystem.quota_gib(share.size or 1),
            gpfs.settings.independent, self._inode_limit(specs), source)

        def undo(first: ShareFacts) -> None:
            if first.fileset is None:
                self._discard(share, path)

        gpfs.known.forget(share.name)
        if source:
            # From now on nobody deletes the snapshot without a look.
            gpfs.known.made(share, path, source)
        before = gpfs.converge(
            self._question(share.name, path), functools.partial(
                planning.create_share, gpfs.commands, gpfs.device, wanted),
            likely=ShareFacts(None), undo=undo)
        gpfs.known.made(share, path, source)
        if before.fileset is None:
            self._access.nobody.add(share.id)
        return gpfs.locations(path)

    def _question(self, name: str, path: str) -> cluster.Question[ShareFacts]:
        make, device = self._cluster.commands, self._cluster.device
        commands = [make.fileset(device, name), make.kind(path)]

        def understand(results: Results) -> ShareFacts:
            fileset, kind = results
            return ShareFacts(
                self._cluster.fileset(commands[0], fileset, name),
                kind.stdout.strip() if kind.status == 0 else '')

        return cluster.Question(commands, understand)

    def _inode_limit(self, specs: model.Specs) -> str:
        limit = specs.get(INODES_SPEC, self._cluster.settings.inode_limit)
        if limit and not re.fullmatch(r'\d+[kKmM]?(:\d+[kKmM]?)?', limit):
            raise exception.InvalidRequest(
                f'Extra spec {INODES_SPEC} is {limit!r}, which is no limit',
                check='such as 1M or 1M:10k')
        if not limit or ':' in limit:
            return limit
        # Not more than there may be; GPFS would begin with all of them.
        small = limit.isdecimal() and int(limit) < _INODES_AT_ONCE
        return f'{limit}:{limit if small else _INODES_AT_ONCE}'

    def _discard(self, share: model.Share, path: str) -> None:
        """Take back what a create made that failed."""
        def discard() -> None:
            facts = self._cluster.ask(self._removal_question(share.name))
            if facts.fileset is not None and facts.fileset.owner == share.id:
                self._remove(share, path, first=facts)
        _, error = exception.caught(discard)
        if error is not None:
            LOG.warning('Fileset %s is left behind: %s', share.name, error)

    # Removing

    def delete(self, call: Call) -> None:
        """Remove a share with its exports; what is gone is passed over.

        :raises Busy: there are snapshots that Manila does not know.
        """
        share, known = call.share, self._cluster.known
        path = self._cluster.settings.path(share.name)
        with self._access.alone(share.id):
            found = known.of(share, path)
            if found is not None and not found.source:
                self._delete_known(share, path, found)
            else:
                self._delete(share, path)
            known.forget(share.name)
            self._access.nobody.discard(share.id)
            self._cluster.sizes.forget(share.id)

    def _delete(self, share: model.Share, path: str) -> None:
        facts = self._cluster.ask(self._removal_question(share.name))
        self._removal(share, path, facts)
        # The data goes only after nobody can reach it, on any server.
        self._access.withdraw(share)
        self._remove(share, path, first=facts)
        if facts.fileset is None:
            self._tidy_copy(share)

    def _tidy_copy(self, share: model.Share) -> None:
        """Remove files of a copy whose fileset was being made anew."""
        if not self._cluster.copies or self.end_copy is None:
            return
        end = self.end_copy(share)
        _, error = exception.caught(lambda: self._cluster.do([end]))
        if error is not None:
            LOG.warning('What a copy to share %s may have left below %s is '
                        'not removed: %s', share.id,
                        self._cluster.settings.state_directory, error)

    def _delete_known(self, share: model.Share, path: str,
                      known: records.Fileset) -> None:
        """The same without a question, unless GPFS refuses."""
        self._access.withdraw(share)
        self._cluster.known.forget(share.name)
        try:
            self._remove(share, path, likely=ShareFacts(known))
        except exception.Busy as exc:
            exc.add_note('Nobody has access any more.')
            self._link_again(share, path)
            raise

    def _link_again(self, share: model.Share, path: str) -> None:
        """A fileset that could not be deleted is where it was."""
        gpfs = self._cluster
        _, error = exception.caught(lambda: gpfs.do([
            gpfs.commands.link(gpfs.device, share.name, path)]))
        if error is not None:
            LOG.warning('Fileset %s, which could not be deleted, is not '
                        'linked again: %s', share.name, error)

    def _removal_question(self, name: str) -> cluster.Question[ShareFacts]:
        make, device = self._cluster.commands, self._cluster.device
        commands = [make.fileset(device, name), make.snapshots(device, name)]

        def understand(results: Results) -> ShareFacts:
            fileset = self._cluster.fileset(commands[0], results[0], name)
            # Snapshots of the whole file system are nobody's business here.
            found = records.snapshots(commands[1], results[1], name) \
                if fileset else []
            return ShareFacts(fileset, snapshots=tuple(
                snapshot.name for snapshot in found
                if snapshot.fileset == name))

        return cluster.Question(commands, understand)

    def _remove(self, share: model.Share, path: str, *,
                first: ShareFacts | None = None,
                likely: ShareFacts | None = None) -> None:
        self._cluster.converge(
            self._removal_question(share.name),
            functools.partial(self._removal, share, path), first=first,
            likely=likely)

    def _removal(self, share: model.Share, path: str,
                 facts: ShareFacts) -> planning.Commands:
        return planning.delete_share(
            self._cluster.commands, self._cluster.device, share, path, facts,
            self.end_copy(share) if self.end_copy else None)

    # Size

    def resize(self, call: Call, gib: int, *, shrink: bool) -> None:
        """Change the quota.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: there is no such share.
        """
        # Not while a check of all shares sets it to what it shall be.
        with self._access.alone(call.share.id):
            self._resize(call.share, gib, shrink=shrink)
            self._cluster.sizes.given(call.share, gib)

    def _resize(self, share: model.Share, gib: int, *, shrink: bool) -> None:
        gpfs = self._cluster
        limit = gpfs.filesystem.quota_gib(gib)
        known = None if shrink else gpfs.known.of(
            share, gpfs.settings.path(share.name))
        before = gpfs.converge(
            self._size_question(share), functools.partial(
                planning.resize_share, gpfs.commands, gpfs.device, share,
                limit, shrink=shrink),
            likely=ShareFacts(known) if known else None)
        if shrink:
            # A call that was cut off may have set the new one already.
            self._check_again(share, limit, max(
                before.quota.limit if before.quota else 0,
                gpfs.filesystem.quota_gib(share.size or 0)
                * records.GIB_IN_KIB))

    def _size_question(self, share: model.Share,
                       ) -> cluster.Question[ShareFacts]:
        gpfs, name = self._cluster, share.name
        commands = [gpfs.commands.fileset(gpfs.device, name),
                    gpfs.commands.quota(gpfs.device, name)]

        def understand(results: Results) -> ShareFacts:
            fileset = gpfs.fileset(commands[0], results[0], name)
            if fileset is None:
                raise planning.lost(name)
            planning.require_owner(share, fileset)
            gpfs.known.there_is(fileset)
            return ShareFacts(fileset, quota=records.quotas(
                commands[1], results[1]).get(name))

        return cluster.Question(commands, understand)

    def _check_again(self, share: model.Share, gib: int, before: int) -> None:
        """Nobody may have passed the new limit just before it was set.

        :param before: the limit in KiB to go back to.
        """
        make, device = self._cluster.commands, self._cluster.device
        quota = self._quotas(make.quota(device, share.name)).get(share.name)
        try:
            planning.check_fits(share, quota, gib)
        except exception.PossibleDataLoss:
            self._cluster.do([make.limit_kib(device, share.name, before)])
            raise

    # Usage

    def usage(self) -> dict[str, float]:
        """Return used GiB by the fileset's name."""
        gpfs = self._cluster
        found = self._quotas(gpfs.commands.quotas(gpfs.device))
        each = gpfs.filesystem.replicas * records.GIB_IN_KIB
        return {name: quota.usage / each for name, quota in found.items()}

    def _quotas(self, cmd: command.Command,
                ) -> dict[str, records.FilesetQuota]:
        return self._cluster.ask(cluster.Question(
            [cmd], lambda results: records.quotas(cmd, results[0])))


def check_protocol(share: model.Share) -> None:
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            f'Share {share.id} asks for protocol {share.proto or "(none)"}; '
            f'this backend serves NFS')
