# SPDX-License-Identifier: Apache-2.0

"""Who may reach which share: rules of Manila handed to the NAS helper.

What is decided here is what happens when some of several servers do not
answer.  Nobody may be left with access that is believed to be revoked, so a
change that takes something away fails unless it is done everywhere; what it
gives is then not given anywhere, because Manila counts it as refused.  A
change that only gives succeeds where servers answer.  In either case the
others get it as soon as they answer again.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
from contextlib import AbstractContextManager
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import debts
from manila_drivers.ibm.gpfs import exports
from manila_drivers.ibm.gpfs import helper as helper_module
from manila_drivers.ibm.gpfs import rounds
from manila_drivers.ibm.gpfs import unreached

LOG = logging.getLogger(__name__)

Export = exports.Export
Debt = debts.Debt
Alone = Callable[[str], AbstractContextManager[None]]
Found = rounds.Found

# Shares that a server is told about in one round trip; all are locked.
_BATCH = 50


class Exporting:
    """The exports of all shares of one backend.

    :param helper: does it.
    :param owed: what servers have missed, also before this process.
    :param alone: keeps everybody else from changing who may reach a share,
        given its id; raises ``Busy`` if somebody does at the moment.
    :param nobody: ids of shares that are known to have no rules.
    """

    def __init__(self, helper: helper_module.NASHelperBase[Any],
                 owed: debts.Debts, alone: Alone,
                 nobody: unreached.Unreached | None = None) -> None:
        self.helper = helper
        self._alone = alone
        self._debts = owed
        #: Shares that have no rules, as far as Manila has said so.
        self.nobody = nobody or unreached.Unreached(None)
        #: Raises if nobody may reach a share at the moment.
        self.may_open: Callable[[model.Share], None] = lambda share: None

    def options(self, specs: model.Specs) -> tuple[str, ...]:
        """:raises InvalidRequest: an option is refused."""
        return self.helper.options(specs)

    # One share

    def update(self, share: model.Share, path: str,
               rules: Iterable[access.Rule],
               specs: model.Specs) -> Mapping[str, str]:
        """Make access exactly what the rules say.

        :returns: the rules that cannot be honoured, with the reason.
        :raises DriverError: it is not so on every server.
        """
        rules = tuple(rules)
        grants = access.ip_grants(rules)
        if grants.levels:
            self.opening(share)
        export = Export(path, share.name, share.id, grants.levels,
                        self.helper.options(specs))
        refused = self.helper.refused(export)
        if refused:
            grants = grants.without(refused)
            export = Export(path, share.name, share.id, grants.levels,
                            export.options)
        outcomes = self._apply(export)
        refused = {network: why for outcome in outcomes.values()
                   for network, why in outcome.refused.get(path, {}).items()}
        if refused:
            # One server cannot serve them, so none shall: Manila counts
            # their rules as refused.
            grants = grants.without(refused)
            self._apply(Export(path, share.name, share.id, grants.levels,
                               export.options))
        if not rules:
            self.nobody.add(share.id)
        return grants.errors

    def opening(self, share: model.Share) -> None:
        """Prepare for letting somebody in.

        :raises Busy: nobody may reach the share at the moment.
        """
        self.may_open(share)
        self.nobody.discard(share.id)

    def require_answers(self, path: str) -> None:
        """:raises DriverError: a server does not say who may reach it."""
        errors = {server: found for server, found
                  in self.helper.survey([path]).items()
                  if isinstance(found, exception.DriverError)}
        if errors:
            raise exports.report(errors, f'It is not known who may reach '
                                 f'{path}: no answer')

    def withdraw(self, share: model.Share, path: str) -> None:
        """Let nobody reach it any more.

        :raises DriverError: some server may still let them.
        """
        self._apply(Export(path, share.name, share.id, {}))

    def _apply(self, export: Export) -> Mapping[str, exports.Outcome]:
        round_ = rounds.Round(export, self._debts.unclosed(export))
        outcomes = self.helper.reconcile(
            [export], before_changes=round_.settle)
        errors = exports.failed(outcomes)
        fatal = bool(errors) and (
            round_.narrowing or not export.levels
            or len(errors) == len(outcomes)
            # It answers, so it is not down: nobody would look after it.
            or any(outcomes[server].before is not None for server in errors))
        self._remember(export, outcomes, fatal=fatal, common=round_.common)
        if not errors:
            self._debts.all_closed(export)
        if not fatal:
            self._tell(errors, export)
            return outcomes
        what = f'Access to {export.path} could not be changed'
        if round_.narrowing or not export.levels:
            what += ', and who was to be kept out may still be let in,'
            for server in errors:
                self._debts.leave_open(server, export)
        self._take_back(export, round_, outcomes)
        raise exports.report(errors, what)

    def _take_back(self, export: Export, round_: rounds.Round,
                   outcomes: Mapping[str, exports.Outcome]) -> None:
        """Leave nobody with what Manila is about to count as refused.

        A server was lost on the way, or did half of it, while others were
        given everything.
        """
        living = [server for server, outcome in outcomes.items()
                  if outcome.before is not None]
        if round_.narrowed or round_.common is None or not living:
            return
        for server, outcome in self.helper.reconcile(
                [export.narrowed(round_.common)], only=living).items():
            if outcome.error is not None:
                LOG.error('NFS server %s: %s', server, outcome.error)

    def _remember(self, export: Export,
                  outcomes: Mapping[str, exports.Outcome], *, fatal: bool,
                  common: exports.Levels | None) -> None:
        """Note what servers have to be told that could not be told now."""
        for server, outcome in outcomes.items():
            if outcome.error is None:
                self._debts.paid(server, export)
                continue
            owed = self._debts.owed(server)
            before = common
            if before is None and export.path in owed:
                before = owed[export.path].export.levels
            self._debts.owe(server, (
                Debt(export) if not fatal else
                Debt(export, narrow=True) if before is None else
                Debt(export.narrowed(before))))

    @staticmethod
    def _tell(errors: Mapping[str, exception.DriverError],
              export: Export) -> None:
        for server, error in errors.items():
            LOG.error('NFS server %s does not export %s as the others do, '
                      'and will be told when it answers: %s', server,
                      export.path, error)

    # Servers that come back

    @property
    def arrears(self) -> str:
        """What, if it changes, says that servers have missed something."""
        return self._debts.token

    def catch_up(self) -> None:
        """Tell servers what they missed; never raises a DriverError.

        Shares that something else is done to at the moment have to wait.
        """
        for server in self._debts.servers():
            _, error = exception.caught(functools.partial(
                self._brought_up, server))
            if error is not None:
                LOG.error('NFS server %s has missed changes of %d shares, '
                          'and cannot be told: %s', server,
                          len(self._debts.owed(server)), error)
        self._debts.settled()

    def _brought_up(self, server: str) -> None:
        self._pay(server)
        self._compare(server)

    def _pay(self, server: str) -> None:
        """:raises TransportError: the server does not answer."""
        self._in_batches(
            server, [debt.export for debt in
                     self._debts.owed(server).values()], self._settle)

    def _settle(self, server: str, batch: Sequence[Export]) -> None:
        """:raises DriverError: the server does not do it."""
        with self._held(batch) as free:
            # What was owed may have been paid, or be something else by now.
            now = self._debts.owed(server)
            owed = {path: now[path] for path in free if path in now}
            if not owed:
                return
            self._reconcile(server, [
                debt.export for debt in owed.values()],
                functools.partial(rounds.due, owed))
            LOG.warning('NFS server %s was told what it missed about %d '
                        'shares', server, len(owed))

    def _in_batches(self, server: str, wanted: Sequence[Export],
                    tell: Callable[[str, Sequence[Export]], None],
                    size: int = _BATCH) -> None:
        """Tell a server about all; one that it does not do stops no other.

        :raises TransportError: the server does not answer.
        """
        for start in range(0, len(wanted), size):
            batch = wanted[start:start + size]
            _, error = exception.caught(functools.partial(tell, server,
                                                          batch))
            if isinstance(error, exception.TransportError):
                raise error
            if error is not None and len(batch) > 1:
                self._in_batches(server, batch, tell, 1)
            elif error is not None:
                LOG.error('NFS server %s has missed changes of %s, and '
                          'cannot be told: %s', server, batch[0].path, error)

    def _compare(self, server: str) -> None:
        """Find out how a server that is back has its exports.

        The others say how they shall be.

        :raises DriverError: the server does not say.
        """
        unseen = self._debts.unseen(server)
        if not unseen:
            return
        found = self.helper.survey()
        mine = found[server]
        if isinstance(mine, exception.DriverError):
            raise mine
        other = self._model(server, found)
        if other is None:
            return
        wrong = [
            export for path, export in unseen.items()
            if path in mine.doubtful
            or mine.levels.get(path, {}) != other.levels.get(path, {})]
        self._debts.seen({server: unseen.keys() - {
            export.path for export in wrong}})
        self._in_batches(server, wrong, self._copy)

    def _copy(self, server: str, batch: Sequence[Export]) -> None:
        with self._held(batch) as free:
            other = self._model(server, self.helper.survey())
            now = self._debts.unseen(server)
            wanted = [dataclasses.replace(
                now[path], levels=other.levels.get(path, {}))
                for path in free if path in now] if other else []
            if wanted:
                self._reconcile(server, wanted)
                LOG.warning('NFS server %s was told what it missed about %d '
                            'shares', server, len(wanted))

    def _model(self, server: str, found: Found) -> exports.Seen | None:
        """What a server that has missed nothing exports."""
        return next((answer for name, answer in found.items()
                     if name != server and isinstance(answer, exports.Seen)
                     and not self._debts.unseen(name)), None)

    def _reconcile(self, server: str, wanted: Sequence[Export],
                   before_changes: Any = None) -> None:
        """:raises DriverError: the server does not do it."""
        error = self.helper.reconcile(
            wanted, only=[server], asking=self.helper.servers,
            before_changes=before_changes)[server].error
        if error is not None:
            raise error
        for export in wanted:
            self._debts.paid(server, export)

    @contextlib.contextmanager
    def _held(self, wanted: Sequence[Export]) -> Iterator[list[str]]:
        """Keep everybody else from changing these, and say which are free.

        Whoever holds one of the others is telling the server about it.
        """
        with contextlib.ExitStack() as stack:
            free = []
            for export in wanted:
                with contextlib.suppress(exception.Busy):
                    stack.enter_context(self._alone(export.fsid))
                    free.append(export.path)
            yield free

    # All shares

    def drifted(self, paths: Mapping[str, str],
                known: Callable[[], Sequence[Export]] = tuple) -> set[str]:
        """Paths that are not exported, or not alike, on every server.

        One that is exported nowhere, as it shall be, is none of them.

        Servers that do not answer are not counted; they are compared with
        the others when they do.

        :param paths: with the id of the share that each is of.
        :param known: makes the exports of the paths, without levels; called
            if a server does not answer.
        :raises DriverError: none of them answers.
        """
        found = self.helper.survey()
        errors = {server: answer for server, answer in found.items()
                  if isinstance(answer, exception.DriverError)}
        seen = {server: answer for server, answer in found.items()
                if isinstance(answer, exports.Seen)}
        if errors and not seen:
            self._debts.blind()
            raise exports.report(errors, 'It is not known who exports what: '
                                 'no answer')
        self._debts.seen(dict.fromkeys(seen, paths))
        for server, error in errors.items():
            LOG.error('NFS server %s does not tell what it exports, and will '
                      'be compared with the others when it does: %s', server,
                      error)
        if errors:
            self._debts.missed(errors, known())
        first = next(iter(seen.values()), exports.Seen({}))
        # What is owed may be less than the rules say, if they were refused.
        owed = {path for server in self._debts.servers()
                for path in self._debts.owed(server)}
        return {path for path, ident in paths.items() if path in owed or any(
            path in one.doubtful
            or one.levels.get(path, {}) != first.levels.get(path, {})
            for one in seen.values()) or (
                not first.levels.get(path) and ident not in self.nobody)}

    def exported_below(self, path: str) -> dict[str, list[str]]:
        """Exports at or below a directory, by server.

        Also those that no address has by its own name: a netgroup or a host
        may be let in, or be when the server is restarted.

        :raises DriverError: a server does not say.
        """
        found = self.helper.survey()
        errors = {server: answer for server, answer in found.items()
                  if isinstance(answer, exception.DriverError)}
        if errors:
            raise exports.report(errors, f'It is not known who exports '
                                 f'{path}: no answer')
        return {server: sorted(
            one for one in answer.levels
            if (one == path or one.startswith(path + '/'))
            and (answer.levels[one] or one in answer.doubtful))
            for server, answer in found.items()
            if isinstance(answer, exports.Seen)}
