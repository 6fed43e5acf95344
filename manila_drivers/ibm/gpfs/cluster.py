# SPDX-License-Identifier: Apache-2.0

"""One file system and the base directory in it: what all operations need."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import ipaddress
import logging
import re
import threading
from typing import Any
from typing import Generic
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import execute
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Facts = TypeVar('Facts')
Commands = Sequence[command.Command]
Results = Sequence[command.Result]

FileSystem = records.FileSystem

# Releases differ in whether they put the file system's name in quotes, and
# newer ones have a line for the snapshots of the whole of it.
_SNAPDIR = re.compile(r'^(?!Global).* is "?([^\s"/]+)"?', re.MULTILINE)


class GpfsCluster:
    """A backend's commands, and where they run."""

    def __init__(self, settings: settings.Settings,
                 execute: execute.Execute,
                 private_storage: Any = None) -> None:
        self.settings = settings
        self.execute = execute
        self.commands = execute.commands
        self._lock = threading.Lock()
        self._known: FileSystem | None = None
        self._addresses: tuple[str, ...] = settings.addresses
        #: Whether there is what copies snapshots.
        self.copies = True
        #: Filesets that were seen.
        self.known = known.KnownFilesets()
        #: Sizes that shares have got.
        self.sizes = known.GivenSizes(private_storage)

    # The file system

    @property
    def filesystem(self) -> FileSystem:
        """Found out once; two round trips then, none later."""
        with self._lock:
            if self._known is None:
                self._known = self.look_up()
            return self._known

    @property
    def device(self) -> str:
        return self.filesystem.device

    def forget(self) -> None:
        with self._lock:
            self._known = None
            self._addresses = self.settings.addresses

    def look_up(self) -> FileSystem:
        device = self.settings.filesystem or self._device()
        make = self.commands
        questions = [make.ask('mmlsfs', device, '-Y'),
                     make.ask('mmsnapdir', device, '-q'),
                     make.real_path(self.settings.base),
                     make.mount_point(self.settings.base)]
        attributes, snapdir, real, mount = self.execute.ask(questions)
        try:
            told = records.attributes(questions[0], attributes)
        except exception.BackendError as exc:
            if records.missing(attributes, device) \
                    or 'not known' in exc.answer:
                raise exception.ConfigurationError(
                    'gpfs_filesystem', f'there is no file system {device}',
                    answer=exc.answer) from exc
            raise
        counted = self.settings.account_replicas
        match = _SNAPDIR.search(snapdir.stdout)
        return FileSystem(
            device, quotas='fileset' in told.get('quotasenforced', ''),
            replicas=records.replicas(device, told) if counted else 1,
            shows_quota=told.get('filesetdfenabled', '').lower() == 'yes',
            snapshots=match[1] if match and snapdir.status == 0
            else '.snapshots',
            base=records.name_of_base(
                _one_line(real) or self.settings.base, _one_line(mount),
                told.get('defaultmountpoint', '')), mount=_one_line(mount))

    def here(self, path: str) -> str:
        """A path as GPFS lists it, as the operator named it."""
        there = self.filesystem.base
        if there and path.startswith(there + '/'):
            return self.settings.base + path[len(there):]
        return path

    def fileset(self, cmd: command.Command, result: command.Result,
                name: str) -> records.Fileset | None:
        """The one that was asked for; None if it is not there."""
        found = records.fileset(cmd, result, name)
        return found and self._here(found)

    def filesets(self, cmd: command.Command,
                 result: command.Result) -> list[records.Fileset]:
        """All that a list has; they are known from now on."""
        found = [self._here(one) for one in records.filesets(cmd, result)]
        if cmd == self.commands.filesets(self.device):
            self.known.all_are(found)
        return found

    def _here(self, fileset: records.Fileset) -> records.Fileset:
        return dataclasses.replace(fileset, path=self.here(fileset.path))

    def _device(self) -> str:
        base = self.settings.base
        cmd = self.commands.unix('df', '-P', base,
                                 accept=frozenset(range(256)))
        result, = self.execute.ask([cmd])
        lines = result.stdout.splitlines()
        if result.status or len(lines) < 2:
            raise exception.ConfigurationError(
                'gpfs_mount_point_base', f'{base} is in no file system',
                answer=cmd.excerpt(result.stderr or result.stdout))
        device = lines[1].split()[0].removeprefix('/dev/')
        if not re.fullmatch(r'[A-Za-z0-9_][A-Za-z0-9_.-]*', device):
            raise exception.ConfigurationError(
                'gpfs_mount_point_base', f'{base} is on {device!r}, which is '
                f'no GPFS file system', check='gpfs_filesystem')
        return device

    # Snapshots

    def snapshot(self, place: paths.SnapshotPlace, *,
                 everything: bool = False,
                 ) -> 'Question[records.SnapshotFacts]':
        """Make the question what there is of a snapshot.

        :param everything: look at all filesets and not just at one.
        """
        make, device = self.commands, self.device
        commands = [make.filesets(device) if everything
                    else make.fileset(device, place.fileset),
                    make.snapshots(device, place.fileset)]

        def understand(results: Results) -> records.SnapshotFacts:
            # All of a list are known from then on.
            everyone = self.filesets(commands[0], results[0]) \
                if everything else []
            fileset = self.fileset(commands[0], results[0], place.fileset)
            found = records.snapshots(
                commands[1], results[1], place.fileset) if fileset else []
            return records.SnapshotFacts(fileset, next((
                one for one in found if one.name == place.name
                and one.fileset == place.fileset), None), tuple(
                    one.name for one in everyone
                    if one.source == str(place)))

        return Question(commands, understand)

    # Export locations

    @property
    def addresses(self) -> tuple[str, ...]:
        """What clients mount, the preferred one first.

        Where the cluster has to be asked for them, that is done once.
        """
        with self._lock:
            if not self._addresses:
                self._addresses = self._look_up_addresses()
            return self._addresses

    def _look_up_addresses(self) -> tuple[str, ...]:
        cmd = self.commands.addresses()
        result, = self.execute.ask([cmd])
        found = [str(one) for one in records.addresses(cmd, result)]
        if not found:
            raise exception.ConfigurationError(
                'gpfs_export_addresses', 'is auto, but CES has no addresses',
                answer=cmd.excerpt(result.stdout), check='mmces address list')
        main = self.settings.main
        return tuple(sorted(found, key=lambda one: one != main))

    @property
    def ip_versions(self) -> frozenset[int]:
        """Of what clients mount, as far as it is known; names may be any."""
        return frozenset().union(*map(_versions, self._addresses or ('',)))

    def locations(self, path: str) -> list[dict[str, Any]]:
        return [model.export_location(f'{paths.bracketed(address)}:{path}',
                                      preferred=number == 0)
                for number, address in enumerate(self.addresses)]

    # Query, act, verify

    def ask(self, question: 'Question[Facts]') -> Facts:
        """One round trip."""
        try:
            return question.understand(self.execute.ask(question.commands))
        except exception.BackendError as exc:
            if 'not known to the GPFS cluster' in exc.answer:
                # It has got another name; the next call finds it.
                self.forget()
            raise

    def do(self, commands: Commands) -> tuple[command.Result, ...]:
        """Run all of them until one fails, in one round trip.

        :raises Stopped: one failed; knows how many were done before it.
        """
        answer = self.execute.do(commands)
        for number, (cmd, result) in enumerate(
                zip(commands, answer.results, strict=False)):
            wrong = records.failure(cmd, result)
            if wrong is not None and result.status not in cmd.accept - {0}:
                raise stopped(wrong, number, len(answer.results))
        if answer.error is not None:
            raise answer.error
        return answer.results

    def converge(self, question: 'Question[Facts]',
                 plan: Callable[[Facts], Commands], *,
                 first: Facts | None = None, likely: Facts | None = None,
                 undo: Callable[[Facts], None] | None = None) -> Facts:
        """Ask, act; where that fails ask again, and judge by what is there.

        What was cut off is taken up again where it was cut off, as long as
        the slowest of its commands may take.

        :param plan: what is missing, as commands; none if nothing is.
        :param first: what was asked already.
        :param likely: what is most likely there: acted on without asking,
            which is done if GPFS refuses something.
        :param undo: called with what was there in the beginning when GPFS
            refused something for good.
        :returns: what was there in the beginning.
        """
        started = self.execute.clock()
        if likely is not None:
            failure = self._attempt(plan(likely))
            if failure is None:
                return likely
            first = self._again(question, failure)
            if isinstance(failure, Stopped) and failure.done:
                # It was as was thought; what is there now is our own doing.
                return self._converge(question, plan, likely, first, undo,
                                      started)
        if first is None:
            first = self.ask(question)
        return self._converge(question, plan, first, first, undo, started)

    def _converge(self, question: 'Question[Facts]',
                  plan: Callable[[Facts], Commands], first: Facts,
                  now: Facts, undo: Callable[[Facts], None] | None,
                  started: float) -> Facts:
        failure: exception.DriverError | None = None
        try:
            commands = plan(now)
            attempts = self.execute.attempts(dataclasses.replace(
                execute.PATIENCE, total=started + max(
                    (cmd.timeout for cmd in commands), default=0.0)
                - self.execute.clock()))
            while commands:
                failure = self._attempt(commands)
                if failure is None:
                    return first
                commands = plan(self._again(question, failure))
                if commands and (isinstance(failure, exception.BackendError)
                                 or not attempts.again()):
                    break
            else:
                return first
        except exception.DriverError as exc:
            if now is first or isinstance(exc, exception.TransportError):
                raise
            failure = exc
        assert failure is not None
        if undo is not None and not isinstance(failure,
                                               exception.TransportError):
            undo(first)
        raise failure

    def _attempt(self, commands: Commands) -> exception.DriverError | None:
        if not commands:
            return None
        _, error = exception.caught(lambda: self.do(commands))
        if isinstance(error, (exception.BackendError,
                              exception.OutcomeUnknown)):
            LOG.warning('Looking again, for %s', error)
        elif error is not None:
            raise error
        return error

    def _again(self, question: 'Question[Facts]',
               failure: exception.DriverError) -> Facts:
        try:
            return self.ask(question)
        except exception.DriverError as exc:
            failure.add_note(f'It could not be looked at: {exc}')
            raise failure from exc


@dataclasses.dataclass(frozen=True)
class Question(Generic[Facts]):
    """Commands that change nothing, and what their answers mean."""

    commands: Commands
    understand: Callable[[Results], Facts]


class Stopped(exception.BackendError):
    """One command of several failed.

    :param done: how many before it were done.
    :param ran: how many were run at all.
    """

    done = 0
    ran = 0


def stopped(error: exception.BackendError, done: int, ran: int) -> Stopped:
    made = Stopped(error.what, answer=error.answer, check=error.check,
                   status=error.status)
    made.done, made.ran = done, ran
    return made


def _one_line(result: command.Result) -> str:
    """What a command printed; '' if it failed."""
    return result.stdout.strip() if result.status == 0 else ''


def _versions(address: str) -> frozenset[int]:
    try:
        return frozenset({ipaddress.ip_address(address).version})
    except ValueError:
        return frozenset({4, 6})
