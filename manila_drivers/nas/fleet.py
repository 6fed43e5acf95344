# SPDX-License-Identifier: Apache-2.0

"""Several NFS servers of one kind, all of which export the same.

A kind of server says what to ask it, reads the answers, says what has to be
run there and whether that came out right.  The rest is the same for all: one
round trip for questions and one for changes, whatever the rules; a third only
after a failure.  Nothing is changed before everything was planned.
"""

import abc
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import missing
from manila_drivers.nas import server_kind
from manila_drivers.nas import servers
from manila_drivers.nas.servers import Answers
from manila_drivers.nas.servers import ServerFacts
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

Facts = TypeVar('Facts')
Commands = server_kind.Commands
Export = exports.Export
Outcome = exports.Outcome
FleetPlan = exports.FleetPlan
AccessPlan = exports.AccessPlan

Affords = Callable[[Any, Export], bool]

_ANY = frozenset(range(256))


class Fleet(server_kind.ServerKind[Facts], Generic[Facts]):
    """Servers of one kind.  Thread-safe."""

    # How servers are reached

    @property
    @abc.abstractmethod
    def servers(self) -> tuple[str, ...]:
        """The servers, as the operator named them."""

    @property
    @abc.abstractmethod
    def limit(self) -> float:
        """Seconds that the operator gives a server for one round trip."""

    @abc.abstractmethod
    def runner(self, server: str) -> script.Runner:
        """Return a runner for a server; does not connect yet."""

    @abc.abstractmethod
    def attempts(self) -> retry.Attempts:
        """Attempts at one round trip, with the pauses between them."""

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

    # Facts

    def survey(self, paths: Sequence[str] = ()) -> exports.Found:
        """Return what every server exports: a round trip each, all at once."""
        return self.look(self._ask(self.servers, paths))

    def ask(self, wanted: Sequence[Export],
            only: Sequence[str] = ()) -> Answers[Facts]:
        """Ask servers all that it takes to export these as wanted."""
        self.expect(wanted)
        return self._ask(tuple(only) or self.servers,
                         [export.path for export in wanted],
                         existing=[export.path for export in wanted
                                   if export.levels and not export.keep],
                         stale=[file for export in wanted
                                for file in self.stale_files(export)])

    def look(self, answers: Answers[Facts]) -> exports.Found:
        """Return what clients get from each server that answered."""
        return {server: self.seen(found.told)
                if isinstance(found, ServerFacts) else found
                for server, found in answers.items()}

    def servable(self, answers: Answers[Facts], wanted: Export,
                 ) -> tuple[Export, Mapping[access.Network, str]]:
        """Return what all servers can be told, and what is left out.

        What one server cannot serve none shall: its rule counts as refused.

        :param answers: of servers, that say who reaches it now.
        :returns: networks that do not get what they shall, and why.
        """
        def refused(levels: exports.Levels) -> Mapping[access.Network, str]:
            export = dataclasses.replace(wanted, levels=levels)
            found = dict(self.refused(export))
            for answer in servers.told(answers).values():
                found.update(self.refused_by(answer.told, export))
            return found

        given = access.servable(wanted.levels, exports.common(
            self.look(answers), wanted.path) or {}, refused)
        return (dataclasses.replace(wanted, levels=given.levels),
                given.refused)

    def _ask(self, chosen: Sequence[str], paths: Sequence[str],
             existing: Sequence[str] = (), stale: Sequence[str] = (),
             ) -> Answers[Facts]:
        def one(server: str) -> ServerFacts[Facts] | exception.DriverError:
            try:
                return self._server(server, paths, existing, stale)
            except exception.DriverError as exc:
                return exc

        return servers.everywhere(chosen, one)

    def _server(self, server: str, paths: Sequence[str],
                existing: Sequence[str] = (),
                stale: Sequence[str] = ()) -> ServerFacts[Facts]:
        """Ask one server.

        :param existing: what has to be a directory there: an export of
            something else would be taken for the share's.
        """
        questions = self.questions(paths)
        looks = [command.Command.of('stat', '-c', '%F', path, root=True,
                                    accept=_ANY, reads=True)
                 for path in (*existing, *stale)]
        results = self.asked(server, [*questions, *looks])
        found = dict(zip((*existing, *stale), results[len(questions):],
                         strict=True))
        facts = self.understand(server, results[:len(questions)])
        return ServerFacts(
            self.completed(server, facts, paths),
            # What could not be looked at is taken away like what is there.
            tuple(path for path in stale if not found[path].status
                  or directory.objection(found[path])),
            {path: why for path in existing
             if (why := missing.why(server, path, found[path])) is not None})

    def completed(self, server: str, facts: Facts,
                  paths: Sequence[str]) -> Facts:
        """Ask for more, where answers do not tell enough."""
        return facts

    # A plan, and its run

    def planned(self, answers: Answers[Facts], wanted: Sequence[Export],
                only: Sequence[str] = (), *,
                short: Mapping[str, exception.DriverError] | None = None,
                affords: Affords | None = None) -> FleetPlan:
        """Plan how servers come to export these as wanted, and nothing else
        of their paths.

        :param answers: of servers, all of which have to have things in
            common.
        :param only: servers to do this on; else all of these.
        :param short: why servers cannot do all of it, if that is known.
        :param affords: says where it is seen at once what was done; else
            somebody looks later.
        """
        chosen = tuple(only) or tuple(answers)
        known = servers.told(answers)
        try:
            allocated = self.allocate({
                server: found.told for server, found in known.items()},
                wanted)
        except exception.DriverError as exc:
            return FleetPlan(wanted, plan.Plan(), {}, {
                server: Outcome(error=exc) for server in chosen})
        outcomes = {server: Outcome(error=found) for server in chosen
                    if isinstance(found := answers[server],
                                  exception.DriverError)}
        steps, before = [], {}
        for server in (each for each in chosen if each in known):
            found = known[server]
            seen = self.seen(found.told)
            here, lacks = missing.possible(wanted, found.lacking, seen)
            error = (short or {}).get(server, lacks)
            try:
                for export in here:
                    exports.require_readers(export.path, export.levels, {
                        **self.refused(export),
                        **self.refused_by(found.told, export)})
                changes = self.plan(found.told, here, allocated)
            except exception.DriverError as exc:
                outcomes[server] = Outcome(seen, exc)
                continue
            if changes or found.stale:
                before[server] = seen
                looks = self.questions([each.path for each in here]) \
                    if affords is None or all(
                        affords(found.told, each) for each in here) else ()
                steps.append(server_kind.step(
                    server, here, found.stale, changes, looks, error))
            else:
                outcomes[server] = Outcome(None if error else seen, error)
        return FleetPlan(wanted, plan.Plan(tuple(steps)), before, outcomes,
                         allocated)

    def planned_access(self, answers: Answers[Facts], wanted: Export,
                       unclosed: Callable[[str], bool], *,
                       affords: Affords | None = None) -> AccessPlan:
        """Plan what all are told; less than is wanted if one is missing.

        :param unclosed: see :func:`exports.decide`.
        :param affords: see :meth:`planned`.
        """
        found = self.look(answers)
        short = missing.short(wanted, {
            server: answer.lacking for server, answer
            in servers.told(answers).items()}, found)
        decision = exports.decide(wanted, found, unclosed, short)
        return AccessPlan(decision, self.planned(
            answers, [decision.sent], short=short, affords=affords))

    def run(self, todo: FleetPlan) -> dict[str, Outcome]:
        """Carry out a plan on all servers at once.

        :returns: what became of it, for every server; none stops another.
        """
        plan.show(todo.steps)
        steps = {step.args['server']: step.args for step in todo.steps}
        errors = servers.everywhere(
            tuple(steps), lambda server: self._carried_out(
                todo.allocated, **steps[server]))
        return {**todo.outcomes, **{
            server: Outcome(todo.before[server], error, changed=True)
            for server, error in errors.items()}}

    def reconcile(self, wanted: Sequence[Export], *,
                  only: Sequence[str] = ()) -> dict[str, Outcome]:
        """Ask servers, plan, and do it; on all, or some only."""
        return self.run(self.planned(self.ask(wanted, only), wanted, only))

    def _carried_out(self, allocated: Any, server: str,
                     wanted: Sequence[Export], commands: Commands,
                     looks: Commands, verify: bool,
                     lacking: exception.DriverError | None,
                     ) -> exception.DriverError | None:
        """Run the changes; after a failure look whether it still is one.

        What was cut off, and what a server is too busy for, is tried again
        as long as one round trip may take; what a failure says how to do
        better, once.
        """
        attempts, learned = self.attempts(), False
        while True:
            failure = self._once(allocated, server, wanted, commands, looks,
                                 verify)
            if failure is None:
                return lacking
            LOG.warning('NFS server %s: looking again, for %s', server,
                        failure)
            refused = isinstance(failure, exception.BackendError) \
                and not self.busy(failure)
            adapted = refused and not learned and self.adapt(failure)
            learned |= refused
            try:
                facts = self._server(server, [each.path for each in wanted])
                commands = self.plan(facts.told, wanted, allocated)
                verify, looks = True, self.questions(
                    [each.path for each in wanted])
            except exception.DriverError as exc:
                failure.add_note(f'It could not be done again: {exc}')
                return failure
            if not commands:
                return lacking
            if not (adapted if refused else attempts.again()):
                return self.closing(server, facts.told, wanted, allocated,
                                    failure)

    def _once(self, allocated: Any, server: str, wanted: Sequence[Export],
              commands: Commands, looks: Commands,
              verify: bool) -> exception.DriverError | None:
        try:
            results = self.done(server, [*commands, *looks])
            number = len(commands)
            wrong = verify and (self.verify(
                server, wanted, allocated, results[:number]) or looks
                and self._left(server, wanted, allocated, results[number:]))
        except exception.DriverError as exc:
            return exc
        return exception.BackendError(
            f'NFS server {server} did not do what it was told',
            answer=wrong) if wrong else None

    def _left(self, server: str, wanted: Sequence[Export], allocated: Any,
              results: Sequence[command.Result]) -> str:
        """Return what it still lacks, by what it was asked behind changes.

        Whoever answers success may have done nothing.
        """
        facts = self.understand(server, results)
        return server_kind.left(self.plan(facts, wanted, allocated), wanted,
                                self.seen(facts))
