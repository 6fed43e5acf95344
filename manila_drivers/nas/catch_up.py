# SPDX-License-Identifier: Apache-2.0

"""Servers that come back are told what they missed."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from contextlib import AbstractContextManager
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers.nas import exports
from manila_drivers.nas import fleet
from manila_drivers.nas import pending
from manila_drivers.nas import servers

LOG = logging.getLogger(__name__)

Export = exports.Export

# Shares that a server is told about in one round trip; all are locked.
_BATCH = 50


class CatchUp:
    """Pays what servers are owed.

    :param changes: what that is.
    :param alone: keeps everybody else from changing a share, given its id
        and for how many seconds to wait; raises Busy.
    """

    def __init__(self, servers: fleet.Fleet[Any],
                 changes: pending.PendingChanges,
                 alone: Callable[[str, float], AbstractContextManager[None]],
                 ) -> None:
        self._servers = servers
        self._pending = changes
        self._alone = alone

    def run(self) -> None:
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
            answers = self._servers.ask([each.export for each in changes])
            self._told(server, answers, exports.due(
                changes, self._servers.look(answers)[server]))

    def _told(self, server: str, answers: servers.Answers[Any],
              wanted: Sequence[Export]) -> None:
        """:raises DriverError: the server does not do it."""
        error = self._servers.run(self._servers.planned(
            answers, wanted, [server]))[server].error
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
        found = self._servers.survey()
        mine = found[server]
        if isinstance(mine, exception.DriverError):
            raise mine
        told = self._models(server, found, unseen.values())
        wrong = [
            unseen[path] for path, levels in told.items()
            if path in mine.doubtful or mine.levels.get(path, {}) != levels]
        self._pending.seen({server: told.keys() - {
            export.path for export in wrong}})
        self._in_batches(server, wrong, self._copy)

    def _copy(self, server: str, batch: Sequence[Export]) -> None:
        with self._held(batch) as free:
            now = self._pending.unseen(server)
            told = self._models(server, self._servers.survey(), [
                now[path] for path in free if path in now])
            wanted = [dataclasses.replace(now[path], levels=levels)
                      for path, levels in told.items()]
            if wanted:
                self._told(server, self._servers.ask(wanted), wanted)

    def _models(self, server: str, found: exports.Found,
                wanted: Iterable[Export]) -> dict[str, exports.Levels]:
        """Return by path how a server that has missed nothing of it has it.

        Where all others have, nothing is known: one may still let in who was
        turned out.
        """
        seen = {name: (answer, {*self._pending.unseen(name),
                                *self._pending.owed(name)})
                for name, answer in exports.apart(found)[1].items()
                if name != server}
        told = {}
        for export in wanted:
            unclosed = self._pending.unclosed(export)
            for name, (answer, missed) in seen.items():
                if export.path not in missed and not unclosed(name):
                    told[export.path] = answer.levels.get(export.path, {})
                    break
        return told

    @contextlib.contextmanager
    def _held(self, wanted: Sequence[Export]) -> Iterator[list[str]]:
        """Keep everybody else from changing these, and say which are free.

        Whoever holds one of the others is telling the server about it.
        """
        with contextlib.ExitStack() as stack:
            free = []
            for export in wanted:
                with contextlib.suppress(exception.Busy):
                    stack.enter_context(self._alone(export.fsid, 0.0))
                    free.append(export.path)
            yield free
