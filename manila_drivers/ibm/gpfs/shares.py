# SPDX-License-Identifier: Apache-2.0

"""Shares: independent or dependent filesets with a quota and a junction."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import functools
import logging
import re
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import exporting
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import site as site_module
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Commands = Sequence[command.Command]
Results = Sequence[command.Result]
INODES_SPEC = 'gpfs:inode_limit'
_INODES_AT_ONCE = 1024


@dataclasses.dataclass(frozen=True)
class Facts:
    """What there is of one share.

    :param occupied: what is at its path if no fileset is linked there, in
        stat's words; '' is nothing.
    """

    fileset: records.Fileset | None
    occupied: str = ''
    snapshots: tuple[str, ...] = ()
    quota: records.Quota | None = None


class Shares:
    """Makes, resizes and removes shares."""

    def __init__(self, site: site_module.Site,
                 exports: exporting.Exporting) -> None:
        self._site = site
        self._exports = exports
        #: Makes what ends a copy to a share, and removes what is left of it.
        self.end_copy: Callable[[model.Share], command.Command] | None = None

    # Making

    def create(self, share: model.Share, specs: model.Specs,
               source: str = '') -> list[dict[str, Any]]:
        """Make a share; what an interrupted call made is taken up.

        :param source: ``fileset:snapshot`` it is going to be filled from.
        :raises Conflict: a fileset of that name, or something at its path,
            is not ours.
        """
        check_protocol(share)
        path = self._site.settings.path(share.name)
        self._exports.options(specs)
        plan = functools.partial(self._missing, share, path, source,
                                 self._inode_limit(specs))

        def undo(first: Facts) -> None:
            if first.fileset is None:
                self._discard(share, path)

        self._site.known.forget(share.name)
        if source:
            # From now on nobody deletes the snapshot without a look.
            self._site.known.made(share, path, source)
        before = self._site.converge(self._question(share.name, path), plan,
                                     likely=Facts(None), undo=undo)
        self._site.known.made(share, path, source)
        if before.fileset is None:
            self._exports.nobody.add(share.id)
        return self._site.locations(path)

    def _question(self, name: str,
                  path: str) -> site_module.Question[Facts]:
        make, device = self._site.commands, self._site.device
        commands = [make.fileset(device, name), make.kind(path)]

        def understand(results: Results) -> Facts:
            fileset, kind = results
            return Facts(self._site.fileset(commands[0], fileset, name),
                         kind.stdout.strip() if kind.status == 0 else '')

        return site_module.Question(commands, understand)

    def _missing(self, share: model.Share, path: str, source: str,
                 inode_limit: str, facts: Facts) -> Commands:
        """What has to be run for the share to be there."""
        make, device = self._site.commands, self._site.device
        fileset, size = facts.fileset, share.size or 1
        if fileset is None or not fileset.linked:
            if facts.occupied:
                raise exception.Conflict(
                    f'{path} is a {facts.occupied} already, which no share '
                    f'is linked at', check=path)
        commands: list[command.Command] = []
        if fileset is None:
            commands.append(make.make(
                device, share.name, records.mark(share.id, source),
                independent=self._site.settings.independent,
                inode_limit=inode_limit))
        elif fileset.owner != share.id:
            raise exception.Conflict(
                f'There is a fileset {share.name} already, and it is not '
                f'marked as that of share {share.id}',
                check=f'its comment, {fileset.comment!r}')
        elif fileset.source != source:
            # Filled, or being filled from elsewhere: it may hold data.
            raise exception.Conflict(
                f'Share {share.id} is there already, and was not begun by '
                f'this call', check=f'the comment of fileset {share.name}')
        elif fileset.linked and fileset.path != path:
            raise exception.Conflict(
                f'Fileset {share.name} is linked at {fileset.path} and not '
                f'at {path}')
        # Before it can be seen, so that nobody writes without a limit.
        commands.append(make.limit(
            device, share.name, self._site.filesystem.quota_gib(size)))
        if fileset is None or not fileset.linked:
            commands.append(make.link(device, share.name, path))
        return [*commands, *make.permissions(path)]

    def _inode_limit(self, specs: model.Specs) -> str:
        limit = specs.get(INODES_SPEC, self._site.settings.inode_limit)
        if limit and not re.fullmatch(r'\d+[kKmM]?(:\d+[kKmM]?)?', limit):
            raise exception.InvalidRequest(
                f'Extra spec {INODES_SPEC} is {limit!r}, which is no limit',
                check='such as 1M or 1M:10k')
        if not limit or ':' in limit:
            return limit
        # Not more than there may be; GPFS would begin with all of them.
        return f'{limit}:{limit if _is_small(limit) else _INODES_AT_ONCE}'

    def _discard(self, share: model.Share, path: str) -> None:
        """Take back what a create made that failed."""
        def discard() -> None:
            facts = self._site.ask(self._removal_question(share.name))
            if facts.fileset is not None and facts.fileset.owner == share.id:
                self._remove(share, path, facts)
        _, error = exception.caught(discard)
        if error is not None:
            LOG.warning('Fileset %s is left behind: %s', share.name, error)

    # Removing

    def delete(self, share: model.Share) -> None:
        """Remove a share with its exports; what is gone is passed over.

        :raises Busy: there are snapshots that Manila does not know.
        """
        path = self._site.settings.path(share.name)
        known = self._site.known.of(share, path)
        if known is not None and not known.source:
            self._delete_known(share, path, known)
            self._exports.nobody.discard(share.id)
            return
        facts = self._site.ask(self._removal_question(share.name))
        self._removal(share, path, facts)
        # The data goes only after nobody can reach it, on any server.
        self._exports.withdraw(share, path)
        self._remove(share, path, facts)
        if facts.fileset is None:
            self._tidy_copy(share)
        self._site.known.forget(share.name)
        self._exports.nobody.discard(share.id)

    def _tidy_copy(self, share: model.Share) -> None:
        """Remove files of a copy whose fileset was being made anew."""
        if not self._site.copies or self.end_copy is None:
            return
        end = self.end_copy(share)
        _, error = exception.caught(lambda: self._site.do([end]))
        if error is not None:
            LOG.warning('What a copy to share %s may have left below %s is '
                        'not removed: %s', share.id,
                        self._site.settings.state_directory, error)

    def _delete_known(self, share: model.Share, path: str,
                      known: records.Fileset) -> None:
        """The same without a question, unless GPFS refuses."""
        self._exports.withdraw(share, path)
        self._site.known.forget(share.name)
        try:
            self._site.converge(
                self._removal_question(share.name),
                functools.partial(self._removal, share, path),
                likely=Facts(known))
        except exception.Busy as exc:
            exc.add_note('Nobody has access any more.')
            self._link_again(share, path)
            raise

    def _link_again(self, share: model.Share, path: str) -> None:
        """A fileset that could not be deleted is where it was."""
        _, error = exception.caught(lambda: self._site.do([
            self._site.commands.link(self._site.device, share.name, path)]))
        if error is not None:
            LOG.warning('Fileset %s, which could not be deleted, is not '
                        'linked again: %s', share.name, error)

    def _removal_question(self, name: str) -> site_module.Question[Facts]:
        make, device = self._site.commands, self._site.device
        commands = [make.fileset(device, name), make.snapshots(device, name)]

        def understand(results: Results) -> Facts:
            fileset = self._site.fileset(commands[0], results[0], name)
            # Snapshots of the whole file system are nobody's business here.
            found = records.snapshots(commands[1], results[1], name) \
                if fileset else []
            return Facts(fileset, snapshots=tuple(
                snapshot.name for snapshot in found
                if snapshot.fileset == name))

        return site_module.Question(commands, understand)

    def _remove(self, share: model.Share, path: str,
                facts: Facts | None = None) -> None:
        self._site.converge(
            self._removal_question(share.name),
            functools.partial(self._removal, share, path), first=facts)

    def _removal(self, share: model.Share, path: str,
                 facts: Facts) -> Commands:
        make, device = self._site.commands, self._site.device
        fileset = facts.fileset
        if fileset is None:
            return []
        if fileset.owner not in ('', share.id):
            raise exception.Conflict(
                f'Fileset {share.name} belongs to share {fileset.owner} and '
                f'not to {share.id}')
        if fileset.linked and fileset.path != path:
            raise exception.Conflict(
                f'Fileset {share.name} is linked at {fileset.path} and not '
                f'at {path}')
        if facts.snapshots:
            raise exception.Busy(
                f'Fileset {share.name} has snapshots: '
                f'{", ".join(facts.snapshots)}',
                check='delete or manage them; nothing was removed')
        # Only who is allowed to fill shares from snapshots may run scripts.
        return [*([self.end_copy(share)] if self.end_copy
                  and fileset.source else []),
                *([make.unlink(device, share.name)] if fileset.linked
                  else []), make.delete(device, share.name)]

    # Size

    def resize(self, share: model.Share, size: int, *,
               shrink: bool) -> None:
        """Change the quota.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: there is no such share.
        """
        site, make = self._site, self._site.commands
        name, device = share.name, self._site.device
        path = site.settings.path(name)
        limit = site.filesystem.quota_gib(size)
        commands = [make.fileset(device, name), make.quota(device, name)]

        def understand(results: Results) -> Facts:
            fileset = self._site.fileset(commands[0], results[0], name)
            if fileset is None:
                raise lost(name)
            if fileset.owner not in ('', share.id):
                raise exception.Conflict(
                    f'Fileset {name} belongs to share {fileset.owner} and '
                    f'not to {share.id}')
            found = records.quotas(commands[1], results[1])
            return Facts(fileset, quota=found.get(name))

        def plan(facts: Facts) -> Commands:
            quota = facts.quota
            if facts.fileset is None:
                raise lost(name)
            site.known.there_is(facts.fileset)
            if quota and quota.limit == limit * records.GIB_IN_KIB:
                return []
            if shrink:
                check_fits(share, quota, limit)
            return [make.limit(device, name, limit)]

        known = None if shrink else site.known.of(share, path)
        with site.sizes.resized(share, size):
            before = site.converge(
                site_module.Question(commands, understand), plan,
                likely=Facts(known) if known else None)
        if shrink:
            # A call that was cut off may have set the new one already.
            self._check_again(share, limit, max(
                before.quota.limit if before.quota else 0,
                site.filesystem.quota_gib(share.size or 0)
                * records.GIB_IN_KIB))

    def _check_again(self, share: model.Share, limit: int,
                     before: int) -> None:
        """Nobody may have passed the new limit just before it was set.

        :param before: the limit in KiB to go back to.
        """
        make, device = self._site.commands, self._site.device
        quota = self._quotas(make.quota(device, share.name)).get(share.name)
        try:
            check_fits(share, quota, limit)
        except exception.PossibleDataLoss:
            self._site.do([make.limit_kib(device, share.name, before)])
            raise

    # Usage

    def usage(self) -> dict[str, float]:
        """Used GiB by the fileset's name."""
        found = self._quotas(self._site.commands.quotas(self._site.device))
        each = self._site.filesystem.replicas * records.GIB_IN_KIB
        return {name: quota.usage / each for name, quota in found.items()}

    def _quotas(self, cmd: command.Command) -> dict[str, records.Quota]:
        return self._site.ask(site_module.Question(
            [cmd], lambda results: records.quotas(cmd, results[0])))


def _is_small(limit: str) -> bool:
    return limit.isdecimal() and int(limit) < _INODES_AT_ONCE


def check_fits(share: model.Share, quota: records.Quota | None,
               limit: int) -> None:
    """:param limit: GiB, replicas counted."""
    if quota is None:
        raise exception.BackendError(
            f'GPFS tells no usage of fileset {share.name}',
            check='that quotas are on: mmlsfs -Q')
    if quota.most is None:
        raise exception.BackendError(
            f'GPFS does not tell how much of the usage of fileset '
            f'{share.name} is in doubt', check='mmlsquota -j, blockInDoubt')
    if quota.most > limit * records.GIB_IN_KIB:
        raise exception.PossibleDataLoss(
            f'Share {share.id} uses {quota.most} KiB, and {limit} GiB would '
            f'be its new quota', answer=f'{quota.doubt} KiB of these are in '
            f'doubt' if quota.doubt else '')


def check_protocol(share: model.Share) -> None:
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            f'Share {share.id} asks for protocol {share.proto or "(none)"}; '
            f'this backend serves NFS')


def lost(name: str) -> exception.NotFound:
    return exception.NotFound(f'There is no fileset {name}',
                              check='mmlsfileset')
