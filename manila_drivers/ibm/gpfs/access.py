# SPDX-License-Identifier: Apache-2.0

"""Who may reach which share: rules of Manila handed to the NAS helper.

Nobody may be left with access that is believed to be revoked, so a change
that takes something away fails unless it is done everywhere; what it gives is
then not given anywhere, because Manila counts it as refused.  A change that
only gives succeeds where servers answer.  In either case the others get it
as soon as they answer again.  :func:`exports.decide` and
:func:`exports.conclude` say so.
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
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.nas import exports
from manila_drivers.nas import pending

LOG = logging.getLogger(__name__)

Export = exports.Export
Lock = Callable[[str, float], AbstractContextManager[None]]

# Seconds to wait for another call about the same share.
_PATIENCE = 600.0
# Shares that a server is told about in one round trip; all are locked.
_BATCH = 50


class AccessService:
    """The exports of all shares of one backend.

    :param helper: does it.
    :param path: where a share of some name is exported.
    :param changes: what servers have missed, also before this process.
    :param lock: keeps everybody else from changing who may reach a share,
        given its name and for how many seconds to wait; raises ``Busy``.
        Reach: all processes that serve the backend.
    :param nobody: ids of shares that are known to have no rules.
    :param may_open: raises if nobody may reach a share at the moment.
    """

    def __init__(self, helper: base.NASHelperBase[Any],
                 path: Callable[[str], str], changes: pending.PendingChanges,
                 lock: Lock, nobody: pending.Unreached | None = None,
                 may_open: Callable[[model.Share], None] = lambda share: None,
                 ) -> None:
        self.helper = helper
        self._path = path
        self._lock = lock
        self._pending = changes
        #: Shares that have no rules, as far as Manila has said so.
        self.nobody = nobody or pending.Unreached(None, 'gpfs')
        self._may_open = may_open

    def alone(self, ident: str, patience: float = _PATIENCE,
              ) -> AbstractContextManager[None]:
        """Keep everybody else from changing who may reach a share.

        :raises Busy: somebody does, and goes on for that many seconds.
        """
        return self._lock(f'gpfs-{ident}', patience)

    def options(self, specs: model.Specs) -> tuple[str, ...]:
        """:raises InvalidRequest: an option is refused."""
        return self.helper.options(specs)

    # One share

    def update(self, call: Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say.

        :returns: the rules that cannot be honoured, with the reason.
        :raises DriverError: it is not so on every server.
        """
        with self.alone(call.share.id):
            return self.set_rules(call.share, rules, call.specs)

    def set_rules(self, share: model.Share, rules: Iterable[access.Rule],
                  specs: Callable[[], model.Specs]) -> Mapping[str, str]:
        """Make access what the rules say, for who holds the share's lock.

        :param specs: the extra specs; asked for if anybody is let in.
        """
        rules = tuple(rules)
        grants = access.ip_grants(rules)
        options: tuple[str, ...] = ()
        if grants.levels:
            self._opening(share)
            options = self.options(specs())
        wanted = Export(self._path(share.name), share.name, share.id,
                        grants.levels, options)
        grants = grants.without(self.helper.refused(wanted))
        wanted = dataclasses.replace(wanted, levels=grants.levels)
        facts = self.helper.ask([wanted])
        # What one server cannot serve none shall: Manila counts its rule as
        # refused.
        grants = grants.without(self.helper.refused_anywhere(facts, wanted))
        self._apply(facts, dataclasses.replace(wanted, levels=grants.levels))
        if not rules:
            self.nobody.add(share.id)
        return grants.errors

    def _opening(self, share: model.Share) -> None:
        """:raises Busy: nobody may reach the share at the moment."""
        self._may_open(share)
        self.nobody.discard(share.id)

    def allow(self, row: Any, rule: Any) -> None:
        """Add one rule, and leave the others as servers have them."""
        share = model.Share.of(row)
        with self.alone(share.id):
            self._opening(share)
            self.helper.allow_access(self._path(share.name), row, rule)

    def deny(self, row: Any, rule: Any) -> None:
        """Take one rule away; pass over one that never was."""
        share = model.Share.of(row)
        with self.alone(share.id):
            self.helper.deny_access(self._path(share.name), row, rule)

    def require_answers(self, path: str) -> None:
        """:raises DriverError: a server does not say who may reach it."""
        self._seen_by_all(path, [path])

    def withdraw(self, share: model.Share) -> None:
        """Close a share on every server.

        :raises DriverError: some server may still let somebody in.
        """
        export = Export(self._path(share.name), share.name, share.id, {})
        self._apply(self.helper.ask([export]), export)

    def _apply(self, facts: Mapping[str, Any], wanted: Export) -> None:
        """:raises DriverError: it is not done, and what is owed is noted."""
        decision = exports.decide(wanted, self.helper.look(facts),
                                  self._pending.unclosed(wanted))
        outcomes = self.helper.apply(facts, [decision.sent])
        conclusion = exports.conclude(decision, outcomes,
                                      self._pending.of(wanted.path))
        self._pending.remember(wanted, conclusion)
        for server, error in conclusion.errors.items():
            LOG.error('NFS server %s does not export %s as the others do, '
                      'and will be told when it answers: %s', server,
                      wanted.path, error)
        if not conclusion.fatal:
            return
        if conclusion.back is not None:
            for server, outcome in self.helper.reconcile(
                    [conclusion.back], only=conclusion.living).items():
                if outcome.error is not None:
                    LOG.error('NFS server %s: %s', server, outcome.error)
        raise exports.report(conclusion.errors, conclusion.what)

    # Servers that come back

    @property
    def arrears(self) -> str:
        """What, if it changes, says that servers have missed something."""
        return self._pending.token

    def catch_up(self) -> None:
        """Tell servers what they missed; never raises a DriverError.

        Shares that something else is done to at the moment have to wait.
        """
        for server in self._pending.servers():
            _, error = exception.caught(functools.partial(
                self._brought_up, server))
            if error is not None:
                LOG.error('NFS server %s has missed changes of %d shares, '
                          'and cannot be told: %s', server,
                          len(self._pending.owed(server)), error)
        self._pending.settled()

    def _brought_up(self, server: str) -> None:
        """:raises TransportError: the server does not answer."""
        self._in_batches(
            server, [change.export for change in
                     self._pending.owed(server).values()], self._settle)
        self._compare(server)

    def _settle(self, server: str, batch: Sequence[Export]) -> None:
        """:raises DriverError: the server does not do it."""
        with self._held(batch) as free:
            # What was owed may be done, or be something else by now.
            now = self._pending.owed(server)
            changes = [now[path] for path in free if path in now]
            if not changes:
                return
            facts = self.helper.ask([change.export for change in changes])
            self._told(server, facts, exports.due(
                changes, self.helper.look(facts)[server]))

    def _told(self, server: str, facts: Mapping[str, Any],
              wanted: Sequence[Export]) -> None:
        """:raises DriverError: the server does not do it."""
        error = self.helper.apply(facts, wanted, [server])[server].error
        if error is not None:
            raise error
        for export in wanted:
            self._pending.paid(server, export)
        LOG.warning('NFS server %s was told what it missed about %d shares',
                    server, len(wanted))

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
        unseen = self._pending.unseen(server)
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
        self._pending.seen({server: unseen.keys() - {
            export.path for export in wrong}})
        self._in_batches(server, wrong, self._copy)

    def _copy(self, server: str, batch: Sequence[Export]) -> None:
        with self._held(batch) as free:
            other = self._model(server, self.helper.survey())
            now = self._pending.unseen(server)
            wanted = [dataclasses.replace(
                now[path], levels=other.levels.get(path, {}))
                for path in free if path in now] if other else []
            if wanted:
                self._told(server, self.helper.ask(wanted), wanted)

    def _model(self, server: str,
               found: exports.Found) -> exports.Seen | None:
        """Return what a server that has missed nothing exports."""
        return next((answer for name, answer in found.items()
                     if name != server and isinstance(answer, exports.Seen)
                     and not self._pending.unseen(name)), None)

    @contextlib.contextmanager
    def _held(self, wanted: Sequence[Export]) -> Iterator[list[str]]:
        """Keep everybody else from changing these, and say which are free.

        Whoever holds one of the others is telling the server about it.
        """
        with contextlib.ExitStack() as stack:
            free = []
            for export in wanted:
                with contextlib.suppress(exception.Busy):
                    stack.enter_context(self.alone(export.fsid, 0.0))
                    free.append(export.path)
            yield free

    # All shares

    def drifted(self, paths: Mapping[str, str],
                known: Callable[[], Sequence[Export]] = tuple) -> set[str]:
        """Return paths that are not exported, or not alike, on every server.

        One that is exported nowhere, as it shall be, is none of them.

        Servers that do not answer are not counted; they are compared with
        the others when they do.

        :param paths: with the id of the share that each is of.
        :param known: makes the exports of the paths, without levels; called
            if a server does not answer.
        :raises DriverError: none of them answers.
        """
        found = self.helper.survey()
        errors, seen = exports.apart(found)
        if errors and not seen:
            self._pending.blind()
            raise exports.report(errors, 'It is not known who exports what: '
                                 'no answer')
        self._pending.seen(dict.fromkeys(seen, paths))
        for server, error in errors.items():
            LOG.error('NFS server %s does not tell what it exports, and will '
                      'be compared with the others when it does: %s', server,
                      error)
        if errors:
            self._pending.missed(errors, known())
        # What is owed may be less than the rules say, if they were refused.
        owed = {path for server in self._pending.servers()
                for path in self._pending.owed(server)}
        return {path for path, ident in paths.items()
                if path in owed or exports.unlike(path, seen.values())
                or not any(one.levels.get(path) for one in seen.values())
                and ident not in self.nobody}

    def exported_below(self, path: str) -> dict[str, list[str]]:
        """Return exports at or below a directory, by server.

        Also those that no address has by its own name: a netgroup or a host
        may be let in, or be when the server is restarted.

        :raises DriverError: a server does not say.
        """
        return {server: sorted(
            one for one in answer.levels
            if (one == path or one.startswith(path + '/'))
            and (answer.levels[one] or one in answer.doubtful))
            for server, answer in self._seen_by_all(path).items()}

    def _seen_by_all(self, path: str, paths: Sequence[str] = (),
                     ) -> Mapping[str, exports.Seen]:
        """:raises DriverError: a server does not say."""
        errors, seen = exports.apart(self.helper.survey(paths))
        if errors:
            raise exports.report(errors, f'It is not known who may reach '
                                 f'{path}: no answer')
        return seen
