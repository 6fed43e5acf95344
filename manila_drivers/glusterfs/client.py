# SPDX-License-Identifier: Apache-2.0

"""The ``gluster`` command of one cluster.

Knows how to call it, when to call it again and how to tell success; decides
nothing.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import re
import time
from typing import cast
from typing import Protocol
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.glusterfs import errors
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records
from manila_drivers.transport import command
from manila_drivers.transport import retry

LOG = logging.getLogger(__name__)

T = TypeVar('T')
Words = tuple[str, ...]

# Commands that change nothing; all others are held back in a dry run.
_READING = re.compile(
    r'(volume|snapshot|pool) (info|list|status)\b'
    r'|volume (quota \S+ list|heal \S+ info)\b')

# The exit code says nothing in XML mode; these are what gluster uses.
_CODES = frozenset({0, 1, 2})
# The helper for heals has exit codes of its own.
_ANY = frozenset(range(256))

# A command whose answer was lost within so many seconds is given again; all of
# them may be.  After a longer silence another one would add to it.
_PROMPT = 10.0


def _reads(words: Words) -> bool:
    return _READING.match(' '.join(words)) is not None


class CommandRunner(Protocol):
    """Run commands: ``local.Local`` and ``ssh.Host`` do."""

    def run(self, cmd: command.Command) -> command.Result: ...


@dataclasses.dataclass(frozen=True)
class Patience:
    """Seconds: that a command may take, and for which it is repeated.

    It is where others hold a lock, or glusterd or sshd is being restarted.
    """

    command: float = 150.0
    lock: float = 30.0


class GlusterClient:
    """Runs ``gluster`` on one server.

    :param runner: of commands there.
    """

    def __init__(self, runner: CommandRunner, where: str,
                 patience: Patience, *,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._runner = runner
        self._where = where
        self._patience = patience
        self._policy = retry.RetryPolicy(first=0.2, longest=3.0,
                                    total=patience.lock)
        self.clock = clock
        self.sleep = sleep

    # -- one command -----------------------------------------------------

    def call(self, *words: str) -> parsing.GlusterAnswer:
        """One command; that all was so already is success.

        :raises DriverError: it failed; see ``trouble``.
        """
        answer = self.ask(*words)
        if answer.ok or errors.already(answer, words):
            return answer
        raise errors.failure(answer, self._what(words))

    def ask(self, *words: str, again: bool = True) -> parsing.GlusterAnswer:
        """One command, whose failure is an answer as well.

        :param again: it may be given again when the answer is lost.
        """
        return self._patiently(
            lambda: self._answers((words,)),
            lambda given: errors.number(given[0]) == errors.LOCKED,
            again=again)[0]

    def batch(self, lines: Sequence[Words]) -> list[parsing.GlusterAnswer]:
        """Several commands in one process, each a repeatable one.

        All are given, whatever becomes of the first ones.

        :raises DriverError: about the first that failed.
        """
        if len(lines) == 1:
            return [self.call(*lines[0])]
        given = self._patiently(
            lambda: self._answers(lines), lambda given: any(
                errors.number(answer) == errors.LOCKED
                for answer in given))
        for words, answer in zip(lines, given, strict=True):
            if not answer.ok and not errors.already(answer, words):
                raise errors.failure(answer, self._what(words))
        return given

    def _patiently(self, call: Callable[[], T],
                   locked: Callable[[T], bool] = lambda given: False, *,
                   again: bool = True) -> T:
        """Repeat a call while another transaction is in its way.

        So it is while nobody is there to take it, and, if it may be given
        ``again``, when its answer was lost.
        """
        attempts = retry.Attempts(self._policy, self.clock, self.sleep)
        while True:
            started = self.clock()
            given, error = exception.caught(call)
            if error is None:
                # Only an error comes without an answer.
                answer = cast(T, given)
                if not locked(answer) or not attempts.again():
                    return answer
                LOG.debug('%s: another transaction is in progress',
                          self._where)
                continue
            lost = again and isinstance(error, exception.OutcomeUnknown) \
                and self.clock() - started <= _PROMPT
            if not (lost or _not_run(error)) or not attempts.again():
                raise error
            LOG.warning('%s: once more after: %s', self._where, error)

    def server_time(self) -> str:
        """Return the seconds since 1970 by the clock of the server."""
        return self._runner.run(command.Command.of(
            'date', '+%s', reads=True, timeout=30.0)).stdout.strip()

    def _answers(self, lines: Sequence[Words]) -> list[parsing.GlusterAnswer]:
        cmd = self._command(lines)
        for words in lines:
            if not _reads(words):
                plan.before_change(' '.join(words))
        what = self._what(lines[0])
        result = self._runner.run(cmd)
        try:
            given = parsing.answers(result.stdout)
        except parsing.NotXmlError as exc:
            raise errors.speechless(result, what, cmd) from exc
        if len(given) != len(lines):
            raise exception.OutcomeUnknown(
                what, answer='%d answers to %d commands'
                % (len(given), len(lines)))
        return given

    def _command(self, lines: Sequence[Words]) -> command.Command:
        words: Words = ('gluster', '--mode=script', '--xml')
        stdin = None
        if len(lines) == 1:
            words += lines[0]
        else:
            # Lines are split at blanks; names have none.
            stdin = ''.join(' '.join(line) + '\n' for line in lines)
        return command.Command(
            words, stdin=stdin, root=True, accept=_CODES,
            reads=all(map(_reads, lines)),
            timeout=self._patience.command * len(lines))

    def _what(self, words: Words) -> str:
        text = ' '.join(words)
        if len(text) > 200:
            text = text[:200] + '...'
        return 'gluster %s on %s failed' % (text, self._where)

    # -- reading ---------------------------------------------------------

    def version(self) -> tuple[int, ...]:
        """:raises BackendError: gluster does not tell, or is not there."""
        result = self._patiently(lambda: self._runner.run(
            command.Command.of('gluster', '--version', root=True, reads=True,
                               timeout=self._patience.command)))
        found = parsing.version(result.stdout)
        if found is None:
            raise exception.BackendError(
                'The version of gluster on %s cannot be read' % self._where,
                answer=result.stdout[:200])
        return found

    def volumes(self) -> list[records.Volume]:
        """All volumes with all that is set on them, without any lock."""
        return parsing.volumes(self.call('volume', 'info'))

    def volume(self, name: str) -> records.Volume | None:
        """A volume; None only if gluster says that it is not there."""
        answer = self.ask('volume', 'info', paths.checked(name))
        what = self._what(('volume', 'info', name))
        if errors.number(answer) == errors.NO_VOLUME:
            return None
        if not answer.ok:
            raise errors.failure(answer, what)
        return _only(answer, name, what)

    def bricks(self, volume: str = 'all') -> dict[str, list[records.Brick]]:
        """Bricks of started volumes.  Takes locks: not for every call."""
        return parsing.bricks(self.call('volume', 'status', volume,
                                        'detail'))

    def status(self, volume: str) -> list[records.Brick]:
        """Bricks of one started volume, without their sizes.

        None for what nothing is told of: no error, since it is an answer.
        """
        return parsing.bricks(self.call(*status(volume))).get(volume, [])

    def standing(self, name: str,
                 ) -> tuple[list[records.Peer], records.Volume]:
        """The servers of the cluster, and a volume, without any lock."""
        words = ('volume', 'info', paths.checked(name))
        peers, volume = self.batch([('pool', 'list'), words])
        return parsing.peers(peers), _only(volume, name, self._what(words))

    def heals(self, volume: str) -> list[records.BrickHeal] | None:
        """Return what copies lack; None for a volume without any.

        :raises DriverError: it is not told.
        """
        return self._patiently(lambda: self._heals(
            ('volume', 'heal', paths.checked(volume), 'info')))

    def _heals(self, words: Words) -> list[records.BrickHeal] | None:
        cmd = dataclasses.replace(self._command((words,)), accept=_ANY)
        result = self._runner.run(cmd)
        try:
            return parsing.heals(result.stdout)
        except parsing.NotXmlError as exc:
            raise errors.speechless(result, self._what(words),
                                     cmd) from exc

    def heal(self, volume: str) -> None:
        """Have gluster heal what copies lack now; it answers in text."""
        self._patiently(lambda: self._runner.run(dataclasses.replace(
            self._command((('volume', 'heal', paths.checked(volume)),)),
            accept=_ANY)))

    def bounded(self, volume: str,
                ) -> tuple[records.VolumeQuota | None, list[records.Brick]]:
        """Its quota, and its bricks, which alone make that true."""
        given = self.batch([limits(volume), status(volume)])
        return (parsing.quota(given[0]),
                parsing.bricks(given[1]).get(volume, []))

    def quota(self, volume: str) -> records.VolumeQuota | None:
        return parsing.quota(self.call(*limits(volume)))

    # -- writing ---------------------------------------------------------

    def set(self, volume: str, options: Mapping[str, str]) -> None:
        """Set options in one transaction; all of them or none.

        Those that this build lacks are left out if it can do without.
        """
        left = dict(options)
        while left:
            words = ['volume', 'set', paths.checked(volume)]
            for option, value in left.items():
                words += [option, value]
            answer = self.ask(*words)
            if answer.ok:
                return
            missing = errors.unknown_option(answer)
            if missing not in records.OPTIONAL or missing not in left:
                raise errors.failure(answer, self._what(tuple(words)))
            LOG.info('%s has no option %s', self._where, missing)
            del left[missing]


def _not_run(error: exception.DriverError) -> bool:
    """Tell if nobody was there to take a command, for now."""
    return isinstance(error, exception.Unreachable) \
        and not isinstance(error, exception.NotTrusted)


def _only(answer: parsing.GlusterAnswer, name: str,
          what: str) -> records.Volume:
    """:raises BackendError: it tells of none, or of another one."""
    found = parsing.volumes(answer)
    if [each.name for each in found] != [name]:
        raise exception.BackendError(what, answer='it tells of %s' % (
            ', '.join('volume %s' % each.name for each in found)
            or 'no volume, and not that there is none'))
    found[0].check_read()
    return found[0]


def status(volume: str) -> Words:
    return ('volume', 'status', paths.checked(volume))


def start(volume: str) -> Words:
    return ('volume', 'start', paths.checked(volume))


def stop(volume: str) -> Words:
    return ('volume', 'stop', paths.checked(volume))


def limit(volume: str, gib: int) -> Words:
    """Bound a volume to so many GiB."""
    return ('volume', 'quota', paths.checked(volume), 'limit-usage', '/',
            '%dGB' % gib)


def limits(volume: str) -> Words:
    """Ask how a volume is bounded."""
    return ('volume', 'quota', paths.checked(volume), 'list', '/')


def quota(volume: str, verb: str) -> Words:
    """Switch quota on (``enable``) or off (``disable``)."""
    return ('volume', 'quota', paths.checked(volume), verb)
