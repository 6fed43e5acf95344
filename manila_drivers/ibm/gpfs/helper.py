# SPDX-License-Identifier: Apache-2.0

"""What a NAS helper is: it makes servers export exactly what is wanted.

A helper does nothing but four pure things: it says what to ask a server
(:meth:`~NASHelperBase.questions`), reads the answers
(:meth:`~NASHelperBase.understand`), says what has to be run there
(:meth:`~NASHelperBase.plan`) and whether that came out right
(:meth:`~NASHelperBase.verdict`).  The base class carries it out: all servers
at once, one round trip for the questions and one for the changes, however
many rules there are; a third only after a failure, to see what became of it.
"""

import abc
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import time
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import export_options
from manila_drivers.ibm.gpfs import exports
from manila_drivers.ibm.gpfs import rule_by_rule
from manila_drivers.ibm.gpfs import servers
from manila_drivers.ibm.gpfs import settings
from manila_drivers.nas import directory
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
    """Exports of all servers of one kind.

    :param execute: runs commands; a callable ``execute(*words)`` for the
        management host, whose ``server(name)`` is what runs commands on an
        NFS server (:class:`manila_drivers.ibm.gpfs.execute.Execute`).
    :param config_object: the backend's configuration.

    The constructor does no I/O.  All methods may be called by many threads.
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

        All are run, also behind one that fails.
        """

    @abc.abstractmethod
    def understand(self, server: str,
                   results: Sequence[command.Result]) -> Facts:
        """Read what the questions were answered with.

        :raises DriverError: it cannot be read, or something failed that
            must not.
        """

    @abc.abstractmethod
    def seen(self, facts: Facts) -> exports.Seen:
        """What clients get from that server, whoever gave it to them."""

    def agree(self, facts: Mapping[str, Facts],
              wanted: Sequence[Export]) -> Any:
        """What all servers must have in common, such as export numbers.

        :param facts: of all servers that answered, by server.
        :returns: handed to :meth:`plan` and :meth:`verdict`.
        """

    @abc.abstractmethod
    def plan(self, facts: Facts, wanted: Sequence[Export],
             agreed: Any) -> Commands:
        """What has to be run there, in order; nothing if all is well.

        What takes access away goes before what gives it.  The first that
        fails is the last that is run.
        """

    def verdict(self, server: str, wanted: Sequence[Export], agreed: Any,
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

        Known only once it was asked, when others may have been changed; the
        caller then makes all of them do without.
        """
        return {}

    # What a helper may write.

    def warn(self, server: str, paths: Sequence[str],
             exported: Iterable[str]) -> None:
        """Tell of exports by which everything below them is reached."""
        found = directory.above(paths, exported)
        if found:
            LOG.error(
                'NFS server %s also exports %s, and so the shares below it: '
                'whoever may mount that reaches all of them, whatever their '
                'access rules say. It is not of this driver. Remove it.',
                server, ', '.join(found))

    def scraps(self, export: Export) -> Sequence[str]:
        """Files that a call which was cut off may have left half written.

        They are removed whenever the export is looked at.
        """
        return ()

    def expect(self, wanted: Sequence[Export]) -> None:
        """What is going to be asked about."""

    def learn(self, failure: exception.BackendError) -> bool:
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
        servers.check_names(self.servers)
        seen = self.survey()
        errors = {server: found for server, found in seen.items()
                  if isinstance(found, exception.DriverError)}
        for server, error in errors.items():
            LOG.error('NFS server %s cannot be used: %s', server, error)
        if len(errors) == len(seen):
            raise exception.ConfigurationError(
                'gpfs_nfs_server_list', f'no {self.TYPE} server can be '
                f'used', answer=exports.report(errors, 'failed').answer,
                check='gpfs_nfs_server_type, gpfs_nfs_server_list and that '
                'the NFS servers run')

    # What every helper does.

    def options(self, specs: Mapping[str, str]) -> tuple[str, ...]:
        """Options for the exports of a share type.

        :raises InvalidRequest: the extra spec has options that are refused.
        """
        text = specs.get(self.OPTIONS_SPEC, '') if self.OPTIONS_SPEC else ''
        return export_options.parse(text, self.KNOWN_OPTIONS,
                                    f'extra spec {self.OPTIONS_SPEC}',
                                    self.OPPOSITES)

    def survey(self, paths: Sequence[str] = (),
               ) -> dict[str, exports.Seen | exception.DriverError]:
        """What every server exports: one round trip each, all at once."""
        return {server: found if isinstance(found, exception.DriverError)
                else self.seen(found)
                for server, found in self._ask(self.servers, paths).items()}

    def boots(self) -> dict[str, str]:
        """What changes with every boot of a server; '' if it is down."""
        return servers.everywhere(self.servers, lambda server: servers.boot(
            self.runner(server), server, self.limit))

    def reconcile(self, wanted: Sequence[Export], *,
                  only: Sequence[str] = (), asking: Sequence[str] = (),
                  before_changes: Callable[
                      [Mapping[str, exports.Seen | exception.DriverError],
                       Sequence[Export]], Sequence[Export]] | None = None,
                  ) -> dict[str, Outcome]:
        """Make every server export these as wanted, and nothing else of
        their paths.

        :param only: servers to do this on; else all.
        :param asking: servers to come to an agreement with; else those.
        :param before_changes: may replace what is wanted when all servers
            have been asked.
        :returns: what became of it, for every server; none stops another.
        """
        chosen = tuple(only) or self.servers
        asked = tuple(dict.fromkeys((*chosen, *asking)))
        self.expect(wanted)
        facts = self._ask(asked, [export.path for export in wanted],
                          existing=[export.path for export in wanted
                                    if export.levels],
                          scraps=[file for export in wanted
                                  for file in self.scraps(export)])
        if before_changes is not None:
            wanted = before_changes(
                {server: found if isinstance(found, exception.DriverError)
                 else self.seen(found) for server, found in facts.items()
                 if server in chosen}, wanted)
        known = {server: found for server, found in facts.items()
                 if not isinstance(found, exception.DriverError)}
        try:
            agreed = self.agree(known, wanted)
        except exception.DriverError as exc:
            return {server: Outcome(error=exc) for server in chosen}

        def one(server: str) -> Outcome:
            found = facts[server]
            if isinstance(found, exception.DriverError):
                return Outcome(error=found)
            return self._change(server, found, wanted, agreed)

        return servers.everywhere(chosen, one)

    def _ask(self, chosen: Sequence[str], paths: Sequence[str],
             existing: Sequence[str] = (), scraps: Sequence[str] = (),
             ) -> dict[str, Facts | exception.DriverError]:
        def one(server: str) -> Facts | exception.DriverError:
            try:
                return self._facts(server, paths, existing, scraps)
            except exception.DriverError as exc:
                return exc

        return servers.everywhere(chosen, one)

    def _facts(self, server: str, paths: Sequence[str],
               existing: Sequence[str] = (),
               scraps: Sequence[str] = ()) -> Facts:
        """Ask one server.

        :param existing: what has to be a directory there: an export of
            something else would be taken for the share's.
        :raises NotFound: it is none.
        """
        questions = self.questions(paths)
        looks = [command.Command.of('stat', '-c', '%F', path, root=True,
                                    accept=frozenset(range(256)))
                 for path in existing]
        tidy = [command.Command.of('rm', '-f', '--', *scraps, root=True)] \
            if scraps else []
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
                agreed: Any) -> Outcome:
        before = self.seen(facts)
        refused: dict[str, Mapping[access.Network, str]] = {}
        try:
            refused = {export.path: found for export in wanted if (
                found := {**self.refused(export),
                          **self.refused_by(facts, export)})}
            commands = self.plan(facts, wanted, agreed)
            error = (self._carried_out(server, commands, wanted, agreed)
                     if commands else None)
        except exception.DriverError as exc:
            return Outcome(before, exc, refused)
        return Outcome(before, error, refused, changed=bool(commands))

    def _carried_out(self, server: str, commands: Commands,
                     wanted: Sequence[Export],
                     agreed: Any) -> exception.DriverError | None:
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
            failure = self._once(server, commands, wanted, agreed)
            if failure is None:
                return None
            LOG.warning('NFS server %s: looking again, for %s', server,
                        failure)
            refused = isinstance(failure, exception.BackendError) \
                and not self.busy(failure)
            again = isinstance(failure, exception.BackendError) \
                and refused and not learned and self.learn(failure)
            learned = learned or refused
            try:
                facts = self._facts(server, [each.path for each in wanted])
                commands = self.plan(facts, wanted, agreed)
            except exception.DriverError as exc:
                failure.add_note(f'It could not be done again: {exc}')
                return failure
            if not commands:
                return None
            if not (again if refused else attempts.again()):
                return failure

    def _once(self, server: str, commands: Commands,
              wanted: Sequence[Export],
              agreed: Any) -> exception.DriverError | None:
        try:
            results = self.done(server, commands)
            wrong = self.verdict(server, wanted, agreed, results)
        except exception.DriverError as exc:
            return exc
        return exception.BackendError(
            f'NFS server {server} did not do what it was told',
            answer=wrong) if wrong else None
