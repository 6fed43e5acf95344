# SPDX-License-Identifier: Apache-2.0

"""Answers of GPFS commands, in the words of any release, as errors.  Pure."""

from collections.abc import Iterable
from collections.abc import Sequence
import re

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import remarks

GONE, DOWN, FAILED, RENAMED = 'gone', 'down', 'failed', 'renamed'

#: What is said, and how.
TEXTS = {
    # There is no such object; the second way names none, for there is only
    # one that was asked for.
    GONE: re.compile(
        r'not found|does not exist|no such file|no such fileset|'
        r'cannot find', re.IGNORECASE),
    GONE + ' without a name': re.compile(
        r'no filesets? (were )?found', re.IGNORECASE),
    # GPFS does not run on a node, which says nothing of what was asked.
    DOWN: re.compile(
        r'GPFS is down on this node|'
        r'Failed to connect to file system daemon|'
        r'mmremote: .* is down|daemon is not running', re.IGNORECASE),
    # There are builds that say so in words only, with exit code 0.
    FAILED: re.compile(
        r'Command failed\.\s+Examine previous error messages'),
    # The file system has got another name.
    RENAMED: re.compile('not known to the GPFS cluster')}

#: What a shell exits with that cannot run a command, in the words of what is
#: not there.
_NOT_RUN = frozenset({126, 127})
_SHELL = re.compile(r'([\w./-]*/)?(ba|da|k|z)?sh: |.*: command not found$')

#: What flock exits with where somebody else holds the lock.
LOCKED = 75
#: What a copy exits with that could not see whether it is in time.
UNREADABLE = 4

# Commands that say so when they have done something.
_SPEAKING = frozenset({
    'mmcrfileset', 'mmlinkfileset', 'mmunlinkfileset', 'mmdelfileset',
    'mmchfileset', 'mmcrsnapshot', 'mmdelsnapshot', 'mmnfs'})

_ROW = re.compile(r'\w+:\w*:(HEADER|\d+):')


class Stopped(exception.BackendError):
    """One command of several failed.

    :ivar done: how many before it were done.
    """

    done = 0


def says(what: str, result: command.Result) -> bool:
    """Tell if an answer says something, on either of its outputs."""
    return TEXTS[what].search(result.stderr + result.stdout) is not None


def failure(cmd: command.Command,
            result: command.Result) -> exception.BackendError | None:
    """Return the error for the result of a GPFS command, if it is one."""
    if result.status == 0 and not _says_failed(result):
        return None
    return exception.BackendError(
        f'{cmd} failed with exit code {result.status}',
        status=result.status,
        answer=cmd.excerpt(result.stderr or result.stdout))


def first(commands: Sequence[command.Command],
          results: Sequence[command.Result]) -> Stopped | None:
    """Return the error for the first of several commands that failed."""
    for number, (cmd, result) in enumerate(
            zip(commands, results, strict=False)):
        wrong = failure(cmd, result)
        if wrong is not None and result.status not in cmd.accept - {0}:
            made = Stopped(wrong.what, answer=wrong.answer,
                           status=wrong.status)
            made.done = number
            return made
    return None


def silent(commands: Sequence[command.Command],
           results: Sequence[command.Result]) -> Stopped | None:
    """Return a doubt about the first command that did not say what it did.

    It may have done nothing, although it exits with 0; so whoever can look
    has to.
    """
    for number, (cmd, result) in enumerate(
            zip(commands, results, strict=False)):
        name = cmd.words()[0].rpartition('/')[2]
        if name in _SPEAKING and not remarks.without(
                result.stdout + result.stderr).strip():
            made = Stopped(f'{cmd} exited with {result.status}, and did not '
                           f'say what it had done', status=result.status)
            made.done = number
            return made
    return None


def checked(cmd: command.Command, result: command.Result) -> str:
    """Return what a command printed.

    :raises BackendError: it failed.
    """
    wrong = failure(cmd, result)
    if wrong is not None:
        raise wrong
    return result.stdout


def missing(result: command.Result, name: str) -> bool:
    """Tell if a command failed because the object is not there.

    Other things may be missing as well, such as the socket of a daemon that
    is down; so the answer has to say what it is about.
    """
    if result.status in _NOT_RUN or remarks.refusal(result) or not (
            result.status or _says_failed(result)):
        return False
    said = remarks.without(result.stderr).strip()
    lines = (said or result.stdout).splitlines()
    return not any(map(_SHELL.match, lines)) and any(
        name in line and TEXTS[GONE].search(line)
        or TEXTS[GONE + ' without a name'].search(line) for line in lines)


def tells_down(commands: Iterable[command.Command],
               results: Iterable[command.Result]) -> bool:
    """Tell if an answer says that GPFS is down on that host.

    Or that its commands are not there, or not for this user.
    """
    return any(
        TEXTS[DOWN].search(result.stderr) or result.status in _NOT_RUN
        or remarks.refusal(result) or (
            result.status and TEXTS[DOWN].search(result.stdout))
        for cmd, result in zip(commands, results, strict=False)
        if cmd.words()[0].rpartition('/')[2].startswith('mm'))


def _says_failed(result: command.Result) -> bool:
    """Tell if a failure is told in words, outside of the rows of a list,
    which may hold any."""
    return any(TEXTS[FAILED].search(line) and not _ROW.match(line)
               for line in (result.stderr + '\n' + result.stdout).splitlines())
