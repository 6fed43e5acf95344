# SPDX-License-Identifier: Apache-2.0

"""A kind of NFS server: what to ask it and what to tell it.

None of it does any I/O.
"""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.transport import command

Facts = TypeVar('Facts')
Commands = Sequence[command.Command]
Export = exports.Export

_LONGEST = 500


class ServerKind(abc.ABC, Generic[Facts]):
    """Say how servers of one kind are asked and told."""

    @abc.abstractmethod
    def questions(self, paths: Sequence[str]) -> Commands:
        """Return the commands that ask a server how it exports these paths.

        :param paths: those of interest; empty for all there are.
        """

    @abc.abstractmethod
    def understand(self, server: str,
                   results: Sequence[command.Result]) -> Facts:
        """Read what the questions were answered with.

        :raises DriverError: it cannot be read.
        """

    @abc.abstractmethod
    def seen(self, facts: Facts) -> exports.Seen:
        """Return the access that clients have there, whoever gave it."""

    def allocate(self, facts: Mapping[str, Facts],
                 wanted: Sequence[Export]) -> Any:
        """Choose values that all servers must share, such as export numbers.

        :param facts: of all servers that answered, by server.
        :returns: handed to :meth:`plan` and :meth:`verify`.
        """

    @abc.abstractmethod
    def plan(self, facts: Facts, wanted: Sequence[Export],
             allocated: Any) -> Commands:
        """Return the commands to run there, in order; none if all is well.

        What takes access away goes before what gives it.  The first that
        fails is the last that is run.
        """

    def verify(self, server: str, wanted: Sequence[Export], allocated: Any,
               results: Sequence[command.Result]) -> str:
        """Return a complaint after all was run, '' if there is none.

        For what a server says in words while the exit code is 0.
        """
        return ''

    def refused(self, wanted: Export) -> Mapping[access.Network, str]:
        """Networks that this kind of server cannot serve, and why."""
        return {}

    def refused_by(self, facts: Facts,
                   wanted: Export) -> Mapping[access.Network, str]:
        """Return networks that one server cannot serve, and why.

        Known only once it was asked; the caller has all do without.
        """
        return {}

    def stale_files(self, export: Export) -> Sequence[str]:
        """Files that may be half written, after a call was cut off."""
        return ()

    def expect(self, wanted: Sequence[Export]) -> None:
        """Learn of exports before a server is asked about them."""

    def closing(self, server: str, facts: Facts, wanted: Sequence[Export],
                allocated: Any, failure: exception.DriverError,
                ) -> exception.DriverError:
        """Have a server that refuses changes take away what it can.

        :returns: what is to be said of it.
        """
        return failure

    def adapt(self, failure: exception.DriverError) -> bool:
        """Say if a failure tells how to do better the next time.

        The changes are then planned and made anew, once.
        """
        return False

    #: Whether a question costs as much as a change.
    COSTLY = False

    def affords(self, facts: Facts, wanted: Export) -> bool:
        """Say if a change of rules can have one more question behind it."""
        return not self.COSTLY

    def busy(self, failure: exception.DriverError) -> bool:
        """Say if a server refuses now and will do it in a moment."""
        return False


def step(server: str, wanted: Sequence[Export],
           stale: Sequence[str], changes: Commands, looks: Commands,
           lacking: exception.DriverError | None) -> plan.Step:
    """Say in the operator's words what is done on a server.

    :param looks: what is asked behind the changes.
    """
    tidy = [directory.removed(*stale)] if stale else []
    return plan.Step('export', f'on {server}', {
        'server': server, 'wanted': wanted, 'commands': (*tidy, *changes),
        'looks': looks if changes else (), 'verify': bool(changes),
        'lacking': lacking}, detail='; '.join(map(str, wanted)))


def left(commands: Commands, wanted: Sequence[Export],
         seen: exports.Seen) -> str:
    """Return what a server lacks that has answered success.

    :param commands: what would have to be done now.
    """
    if not commands:
        return ''
    found = [(dataclasses.replace(each, levels=seen.levels.get(
        each.path, {})), each) for each in wanted]
    text = '; '.join(map(str, commands))
    return '; '.join([f'it exports {now}, and was told {each}'
                      for now, each in found]) \
        + f'; still to be done: {text[:_LONGEST]}'
