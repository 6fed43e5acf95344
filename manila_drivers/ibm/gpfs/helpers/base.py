# SPDX-License-Identifier: Apache-2.0

"""What a NAS helper is: it makes servers export exactly what is wanted.

A helper does four pure things: it says what to ask a server (``questions``),
reads the answers (``understand``), says what has to be run there (``plan``)
and whether that came out right (``verify``).  The base class carries it out:
all servers at once, one round trip for the questions and one for the changes,
however many rules there are; a third only after a failure.
"""

import abc
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
import time
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import settings
from manila_drivers.ibm.gpfs.helpers import options
from manila_drivers.ibm.gpfs.helpers import rule_by_rule
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import servers
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

Facts = TypeVar('Facts')
Commands = Sequence[command.Command]
Export = exports.Export
Outcome = exports.Outcome

# Seconds for a round trip where no operator has said otherwise.
_LIMIT = 300.0


class NASHelperBase(rule_by_rule.RuleByRule, Generic[Facts]):
    """Exports of all servers of one kind.  Thread-safe.

    :param execute: runs commands on hosts
        (:class:`manila_drivers.ibm.gpfs.execute.Execute`).
    :param config_object: the backend's configuration.
    """

    #: What ``gpfs_nfs_server_type`` calls it.
    TYPE = ''
    #: Whether ``gpfs_nfs_server_list`` says which servers there are.
    NEEDS_SERVERS = True
    #: The extra spec with options, and the options it may contain.
    OPTIONS_SPEC = ''
    KNOWN_OPTIONS: frozenset[str] = frozenset()
    #: Sets of them of which only one can hold.
    OPPOSITES: Sequence[frozenset[str]] = ()

    def __init__(self, execute: Any, config_object: Any) -> None:
        self.execute = execute
        self.configuration = config_object

    # What a helper writes: none of it does any I/O.

    @abc.abstractmethod
    def questions(self, paths: Sequence[str]) -> Commands:
        """What to run on a server to know how it exports these paths.

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
        """What clients get from that server, whoever gave it to them."""

    def allocate(self, facts: Mapping[str, Facts],
              wanted: Sequence[Export]) -> Any:
        """What all servers must have in common, such as export numbers.

        :param facts: of all servers that answered, by server.
        :returns: handed to :meth:`plan` and :meth:`verify`.
        """

    @abc.abstractmethod
    def plan(self, facts: Facts, wanted: Sequence[Export],
             allocated: Any) -> Commands:
        """What has to be run there, in order; nothing if all is well.

        What takes access away goes before what gives it.  The first that
        fails is the last that is run.
        """

    def verify(self, server: str, wanted: Sequence[Export], allocated: Any,
                results: Sequence[command.Result]) -> str:
        """What is wrong after all was run, '' if nothing is.

        For what a server says in words while the exit code is 0.
        """
        return ''

    def refused(self, wanted: Export) -> Mapping[access.Network, str]:
        """Networks that this kind of server cannot serve, and why.

        :raises InvalidRequest: the others must not be served without them.
        """
        return {}

    def refused_by(self, facts: Facts,
                   wanted: Export) -> Mapping[access.Network, str]:
        """The same of one server, if it can do less than its kind.

        Known only once it was asked; the caller has all do without.

        :raises InvalidRequest: it cannot serve the others without them.
        """
        return {}

    def warn(self, server: str, paths: Sequence[str],
             exported: Iterable[str]) -> None:
        """Tell of exports by which everything below them is reached."""
        if found := directory.above(paths, exported):
            LOG.error(
                'NFS server %s also exports %s, and so the shares below it: '
                'whoever may mount that reaches all of them, whatever their '
                'access rules say. It is not of this driver. Remove it.',
                server, ', '.join(found))

    def stale_files(self, export: Export) -> Sequence[str]:
        """Files that may be half written, after a call was cut off."""
        return ()

    def expect(self, wanted: Sequence[Export]) -> None:
        """What is going to be asked about."""

    def adapt(self, failure: exception.BackendError) -> bool:
        """Whether a failure says how to do better the next time.

        The changes are then planned and made anew, once.
        """
        return False

    def busy(self, failure: exception.BackendError) -> bool:
        """Whether a server does not do it now, and will in a moment."""
        return False

    @property
    def limit(self) -> float:
        """Seconds that the operator gives a server for one round trip."""
        return float(getattr(self.configuration, 'gpfs_command_timeout', 0)
                     or _LIMIT)

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers, as the operator named them."""
        return settings.server_names(self.configuration)

    def runner(self, server: str) -> script.Runner:
        """What runs commands on a server; does not connect yet."""
        return self.execute.server(server)  # type: ignore[no-any-return]

    def asked(self, server: str,
              questions: Commands) -> Sequence[command.Result]:
        """Run commands that change nothing on a server, all of them."""
        return script.attempt(self.runner(server), questions,
                              timeout=self.limit, keep_going=True).results

    def done(self, server: str,
             changes: Commands) -> Sequence[command.Result]:
        """Run commands on a server until one fails.

        :raises DriverError: one did.
        """
        return script.run(
            self.runner(server), changes, timeout=self.limit + sum(max(
                0.0, cmd.timeout - directory.USUAL) for cmd in changes))

    def default_options(self) -> tuple[str, ...]:
        """Options of every export unless the extra spec says otherwise."""
        return ()

    def check(self) -> None:
        """At start-up: one server must answer, others may be down.

        :raises ConfigurationError: naming the option to correct.
        """
        execute.check_names(self.servers)
        errors, seen = exports.apart(self.survey())
        for server, error in errors.items():
            LOG.error('NFS server %s cannot be used: %s', server, error)
        if not seen:
            raise exception.ConfigurationError(
                'gpfs_nfs_server_list', f'no {self.TYPE} server can be '
                f'used', answer=exports.report(errors, 'failed').answer,
                check='gpfs_nfs_server_type, gpfs_nfs_server_list and that '
                'the NFS servers run')

    def options(self, specs: Mapping[str, str]) -> tuple[str, ...]:
        """Options for the exports of a share type.

        :raises InvalidRequest: the extra spec has options that are refused.
        """
        text = specs.get(self.OPTIONS_SPEC, '') if self.OPTIONS_SPEC else ''
        return options.parse(text, self.KNOWN_OPTIONS,
                                    f'extra spec {self.OPTIONS_SPEC}',
                                    self.OPPOSITES)

    def survey(self, paths: Sequence[str] = (),
               ) -> exports.Found:
        """What every server exports: one round trip each, all at once."""
        return self.look(self._ask(self.servers, paths))

    def boots(self) -> dict[str, str]:
        """What changes with every boot of a server; '' if it is down."""
        return servers.everywhere(self.servers, lambda server: servers.boot(
            self.runner(server), server, self.limit))

    def reconcile(self, wanted: Sequence[Export], *,
                  only: Sequence[str] = ()) -> dict[str, Outcome]:
        """Make every server export these as wanted, and nothing else of
        their paths.

        :param only: servers to do this on; else all.
        :returns: what became of it, for every server; none stops another.
        """
        return self.apply(self.ask(wanted, only), wanted, only)

    def ask(self, wanted: Sequence[Export], only: Sequence[str] = (),
            ) -> dict[str, Facts | exception.DriverError]:
        """Ask servers all that it takes to export these as wanted.

        Files that a call which was cut off has left are removed.
        """
        self.expect(wanted)
        return self._ask(tuple(only) or self.servers,
                         [export.path for export in wanted],
                         existing=[export.path for export in wanted
                                   if export.levels],
                         stale=[file for export in wanted
                                 for file in self.stale_files(export)])

    def look(self, facts: Mapping[str, Facts | exception.DriverError],
             ) -> exports.Found:
        """Return what clients get from each server that answered."""
        return {server: found if isinstance(found, exception.DriverError)
                else self.seen(found) for server, found in facts.items()}

    def refused_anywhere(
            self, facts: Mapping[str, Facts | exception.DriverError],
            wanted: Export) -> Mapping[access.Network, str]:
        """Return networks that one of the servers cannot serve, and why."""
        refused: dict[access.Network, str] = {}
        for found in facts.values():
            if not isinstance(found, exception.DriverError):
                # One that cannot do without them fails alone, later.
                more, _ = exception.caught(functools.partial(
                    self.refused_by, found, wanted))
                refused.update(more or {})
        return refused

    def apply(self, facts: Mapping[str, Facts | exception.DriverError],
              wanted: Sequence[Export], only: Sequence[str] = (),
              ) -> dict[str, Outcome]:
        """Make servers export these as wanted, and nothing else of their
        paths.

        :param facts: what servers were asked before; what they have to have
            in common is agreed on with all of these.
        :param only: servers to do this on; else all of these.
        :returns: what became of it, for every server; none stops another.
        """
        chosen = tuple(only) or tuple(facts)
        known = {server: found for server, found in facts.items()
                 if not isinstance(found, exception.DriverError)}
        try:
            allocated = self.allocate(known, wanted)
        except exception.DriverError as exc:
            return {server: Outcome(error=exc) for server in chosen}

        return {**{server: Outcome(error=found) for server in chosen
                   if isinstance(found := facts[server],
                                 exception.DriverError)},
                **servers.everywhere(
                    [server for server in chosen if server in known],
                    lambda server: self._change(server, known[server],
                                                wanted, allocated))}

    def _ask(self, chosen: Sequence[str], paths: Sequence[str],
             existing: Sequence[str] = (), stale: Sequence[str] = (),
             ) -> dict[str, Facts | exception.DriverError]:
        def one(server: str) -> Facts | exception.DriverError:
            try:
                return self._facts(server, paths, existing, stale)
            except exception.DriverError as exc:
                return exc

        return servers.everywhere(chosen, one)

    def _facts(self, server: str, paths: Sequence[str],
               existing: Sequence[str] = (),
               stale: Sequence[str] = ()) -> Facts:
        """Ask one server.

        :param existing: what has to be a directory there: an export of
            something else would be taken for the share's.
        :raises NotFound: it is none.
        """
        questions = self.questions(paths)
        looks = [command.Command.of('stat', '-c', '%F', path, root=True,
                                    accept=frozenset(range(256)))
                 for path in existing]
        tidy = [command.Command.of('rm', '-f', '--', *stale, root=True)] \
            if stale else []
        results = self.asked(server, [*questions, *looks, *tidy])
        for path, look in zip(existing, results[len(questions):],
                              strict=False):
            if look.status or look.stdout.strip() != 'directory':
                raise exception.NotFound(
                    f'{path} is not a directory on {server}',
                    answer=(look.stdout or look.stderr).strip(),
                    check='whether the share exists, and the file system is '
                    'mounted there')
        return self.understand(server, results[:len(questions)])

    def _change(self, server: str, facts: Facts, wanted: Sequence[Export],
                allocated: Any) -> Outcome:
        before = self.seen(facts)
        try:
            for export in wanted:
                self.refused(export)
                self.refused_by(facts, export)
            commands = self.plan(facts, wanted, allocated)
            error = (self._carried_out(server, commands, wanted, allocated)
                     if commands else None)
        except exception.DriverError as exc:
            return Outcome(before, exc)
        return Outcome(before, error, changed=bool(commands))

    def _carried_out(self, server: str, commands: Commands,
                     wanted: Sequence[Export],
                     allocated: Any) -> exception.DriverError | None:
        """Run the changes; after a failure look whether it still is one.

        What was cut off, and what a server is too busy for, is tried again
        as long as one round trip may take; what a failure says how to do
        better, once.
        """
        attempts = retry.Attempts(
            dataclasses.replace(execute.PATIENCE, total=self.limit),
            getattr(self.execute, 'clock', time.monotonic),
            getattr(self.execute, 'sleep', time.sleep))
        learned = False
        while True:
            failure = self._once(server, commands, wanted, allocated)
            if failure is None:
                return None
            LOG.warning('NFS server %s: looking again, for %s', server,
                        failure)
            again = False
            refused = isinstance(failure, exception.BackendError) \
                and not self.busy(failure)
            if isinstance(failure, exception.BackendError) and refused:
                again = not learned and self.adapt(failure)
                learned = True
            try:
                facts = self._facts(server, [each.path for each in wanted])
                commands = self.plan(facts, wanted, allocated)
            except exception.DriverError as exc:
                failure.add_note(f'It could not be done again: {exc}')
                return failure
            if not commands:
                return None
            if not (again if refused else attempts.again()):
                return failure

    def _once(self, server: str, commands: Commands,
              wanted: Sequence[Export],
              allocated: Any) -> exception.DriverError | None:
        try:
            results = self.done(server, commands)
            wrong = self.verify(server, wanted, allocated, results)
        except exception.DriverError as exc:
            return exc
        return exception.BackendError(
            f'NFS server {server} did not do what it was told',
            answer=wrong) if wrong else None
