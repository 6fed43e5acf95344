# SPDX-License-Identifier: Apache-2.0

"""Several commands in one round trip, and how far they came.

::

    results = script.run(host, [first, second])     # or a Local

One shell runs the commands one after the other, each with its own input and
as its own user, and after each says on both outputs that it is done, and
with which exit code.  So the answer tells the commands apart, and after a
lost connection it tells which of them were done.  What marks the ends is
made anew for each run, so that no output can contain it.

The shell reads the commands from its input: nothing of them shows in the
list of processes before they run, and half a script runs nothing at all.
"""

from collections.abc import Collection
from collections.abc import Sequence
import dataclasses
import itertools
import logging
import re
import secrets
import shlex
import signal
from typing import Protocol

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import command
from manila_drivers.transport import remarks
from manila_drivers.transport import verdict

LOG = logging.getLogger(__name__)

# What a shell adds to 128 for a command that a signal ended.
_SIGNALS = frozenset(signal.value for signal in signal.Signals)

# What flock exits with when it has waited in vain; no command of a script is
# seen by it.
_TAKEN = 75

# What a part of a script exits with behind a command that failed.
_STOPPED = 3

# Of a command and its exit code, behind the marker of a run.
_NUMBERS = re.compile(r'(\d+) (\d+)\n')


class Runner(Protocol):
    """Run commands: ``ssh.Host`` and ``local.Local`` do."""

    def run(self, cmd: command.Command) -> command.Result:
        """Run one command to its end."""

    def words(self, cmd: command.Command) -> list[str]:
        """The words of a command with what makes it root's."""

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        """Return what run() would raise after this result."""


class Interrupted(exception.OutcomeUnknown):
    """The end of a script was not seen.

    :param done: results of the commands that certainly ran to their end;
        whether those behind them ran, or still run, is not known.
    :param alive: something of it was heard, and then the connection was lost
        before its time was over: the host does not hang.
    """

    def __init__(self, what: str, done: tuple[command.Result, ...] = (), *,
                 answer: str = '', check: str = '',
                 alive: bool = False) -> None:
        super().__init__(what, answer=answer, check=check)
        self.done = done
        self.alive = alive


@dataclasses.dataclass(frozen=True)
class Lock:
    """A file on the host that one script has at a time.

    The whole script is root's then, and what it leaves running in the
    background does not have the lock.

    :param path: made if it is not there.
    :param patience: seconds to wait for it.
    :param shared: whether others may have it that share it as well.
    """

    path: str
    patience: int = 60
    shared: bool = False

    def words(self) -> tuple[str, ...]:
        return ('flock', *(['-s'] if self.shared else []), '-o', '-w',
                str(self.patience), '-E', str(_TAKEN), self.path)


@dataclasses.dataclass(frozen=True)
class Answer:
    """How far a script came.

    :param results: of the commands that ran, in order; the last one may be
        the one that failed.
    :param error: what the first one that failed would have raised alone.
    """

    results: tuple[command.Result, ...]
    error: exception.DriverError | None = None


def run(runner: Runner, commands: Sequence[command.Command], *,
        timeout: float | None = None,
        lock: Lock | None = None) -> tuple[command.Result, ...]:
    """Run the commands until one fails; the results of all of them.

    :param timeout: seconds for all; else the sum of theirs.
    :raises DriverError: what the command that failed would have raised if
        it had been run alone.  Those behind it were not run.
    :raises Interrupted: the end was not seen.
    :raises Busy: somebody else has the lock; nothing was run.
    """
    answer = attempt(runner, commands, timeout=timeout, lock=lock)
    if answer.error is not None:
        raise answer.error
    return answer.results


def attempt(runner: Runner, commands: Sequence[command.Command], *,
            timeout: float | None = None,
            keep_going: bool = False, lock: Lock | None = None,
            outside: Collection[int] = ()) -> Answer:
    """Run the commands and say how far they came.

    :param keep_going: run all of them, also behind one that failed.
    :param lock: held meanwhile.
    :param outside: which commands, from 0, are run without it, since they may
        take long; it is let go for them, and taken again.
    :raises Interrupted: the end was not seen.
    :raises Busy: somebody else has the lock; nothing was run.
    :raises NotPlanned: this is a dry run, and one of them changes something.
    """
    if not commands:
        return Answer(())
    for one in commands:
        if not one.reads:
            plan.before_change(one)
    marker = secrets.token_hex(16)
    # Under a lock everything is root's already.
    text = build(commands, marker, [
        runner.words(dataclasses.replace(one, root=False) if lock else one)
        for one in commands], keep_going=keep_going, lock=lock,
        outside=outside)
    LOG.debug('One script on %s: %s', runner,
              '; '.join(str(one) for one in commands))
    whole = command.Command.of(
        *(lock.words() if lock and not outside else ()), 'sh', '-s',
        root=lock is not None,
        stdin=command.Secret(text), reads=all(one.reads for one in commands),
        timeout=(timeout or sum(one.timeout for one in commands))
        + (lock.patience * (1 + len(outside)) if lock else 0))
    results = parse(*_answer(runner, whole, commands, marker, lock), marker)
    return _judged(runner, commands, results, keep_going=keep_going)


def _answer(runner: Runner, whole: command.Command,
            commands: Sequence[command.Command],
            marker: str, lock: Lock | None) -> tuple[str, str]:
    """Both outputs of the shell."""
    try:
        result = runner.run(whole)
    except exception.OutcomeUnknown as exc:
        stdout, stderr = ((exc.stdout, exc.stderr)
                          if isinstance(exc, verdict.Cut) else ('', ''))
        done = parse(stdout, stderr, marker)
        late = isinstance(exc, verdict.Cut) and exc.late
        failure: exception.DriverError = Interrupted(
            f'The end of {_listed(commands)} was not seen; {len(done)} of '
            f'{len(commands)} are known to be done.', done,
            answer=_masked(exc.what, commands), check=exc.check,
            alive=marker in stdout and not late)
    except exception.BackendError as exc:
        # The shell may quote what it did not understand.
        exc.answer = _masked(exc.answer, commands)
        failure = exc
        if exc.status == _TAKEN and lock is not None:
            failure = exception.Busy(
                f'{runner} is busy with something else: '
                f'{_listed(commands)} did not begin, or not all of them',
                status=_TAKEN)
    else:
        return result.stdout, result.stderr
    raise failure


def _judged(runner: Runner, commands: Sequence[command.Command],
            results: tuple[command.Result, ...], *,
            keep_going: bool) -> Answer:
    errors = (_verdict(runner, one, result)
              for one, result in zip(commands, results, strict=False))
    error = next((error for error in errors if error is not None), None)
    if len(results) < len(commands) and (error is None or keep_going):
        raise Interrupted(
            f'{_listed(commands)} ended early: {len(results)} of '
            f'{len(commands)} are known to be done.', results,
            check=f'whether sh runs on {runner}', alive=bool(results))
    return Answer(results, error)


def _verdict(runner: Runner, one: command.Command,
             result: command.Result) -> exception.DriverError | None:
    """As if it had been run alone, when a signal leaves no exit code."""
    number = result.status - 128
    if number in _SIGNALS and result.status not in one.accept:
        return verdict.cut(one, runner, f'ended by signal {number}.',
                           stdout=result.stdout, stderr=result.stderr)
    return runner.judge(one, result)


def _listed(commands: Sequence[command.Command]) -> str:
    return 'commands ' + '; '.join(str(one) for one in commands)


def _masked(text: str, commands: Sequence[command.Command]) -> str:
    for one in commands:
        text = one.masked(text)
    return text


def build(commands: Sequence[command.Command], marker: str,
          words: Sequence[Sequence[str]], *, keep_going: bool,
          lock: Lock | None = None, outside: Collection[int] = ()) -> str:
    """The script for a POSIX shell: secrets in clear.

    :param words: of each command, with what makes it root's.
    :param lock: taken by those that are not ``outside``, if any is.
    """
    # The shell reads up to the closing brace before it runs anything, so a
    # connection that ends in the middle cannot leave half a command to it.
    # Answers are read, and so have to be in a language that is known.
    begin = ['{', 'LC_ALL=C', 'export LC_ALL', 'mark() {',
             f"printf '\\n%s %s %s\\n' {marker} \"$1\" \"$2\"",
             f"printf '\\n%s %s %s\\n' {marker} \"$1\" \"$2\" >&2", '}']
    lines = [*begin, 'mark 0 0']
    groups = [(False, range(len(commands)))] if not outside else [
        (inside, list(group)) for inside, group in itertools.groupby(
            range(len(commands)), lambda number: number not in outside)]
    for locked, group in groups:
        some = [] if not locked else [*begin]
        for number in group:
            one = commands[number]
            some += [_line(one, words[number]), 'status=$?',
                     f'mark {number + 1} $status']
            if not keep_going:
                accepted = '|'.join(map(str, sorted(one.accept))) or "''"
                some.append(f'case $status in {accepted}) ;; '
                            f'*) exit {_STOPPED if locked else 0} ;; esac')
        if locked and lock is not None:
            text = '\n'.join([*some, 'exit 0', '}', ''])
            shell = shlex.join([*lock.words(), 'sh', '-s'])
            some = [
                f'printf %s {shlex.quote(text)} | {shell}', 'status=$?',
                f'case $status in 0) ;; {_TAKEN}) exit {_TAKEN} ;; esac',
                '[ $status -eq 0 ] || exit 0']
        lines += some
    return '\n'.join([*lines, 'exit 0', '}', ''])


def _line(one: command.Command, words: Sequence[str]) -> str:
    """One command with its own input, in a shell of its own."""
    said = f'( {shlex.join(words)} )'
    text = one.input()
    if text is None:
        return said + ' </dev/null'
    if '\0' in text:
        raise ValueError('the input of a command in a script has no NUL')
    # printf is built in: what it prints shows in no list of processes.
    return f'printf %s {shlex.quote(text)} | {said}'


def parse(stdout: str, stderr: str,
          marker: str) -> tuple[command.Result, ...]:
    """The results of the commands that were done, in order.

    What comes before the first mark is somebody else's, such as that of the
    login shell's start-up files.
    """
    outs = _split(stdout, marker)
    errs = _split(stderr, marker)
    return tuple(
        command.Result(text, remarks.without(errs[number][1])
                       if number < len(errs) else '', status)
        for number, (status, text) in enumerate(outs) if number)


def _split(text: str, marker: str) -> list[tuple[int, str]]:
    """(exit code, output) by number, with the one of the start at 0."""
    begin = f'\n{marker} '
    output, *pieces = text.split(begin)
    found: list[tuple[int, str]] = []
    for piece in pieces:
        mark = _NUMBERS.match(piece)
        if mark is None:
            output += begin + piece
            continue
        if int(mark[1]) != len(found):
            break
        found.append((int(mark[2]), output))
        output = piece[mark.end():]
    return found
