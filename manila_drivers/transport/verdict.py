# SPDX-License-Identifier: Apache-2.0

"""Meaning of the end of a command, or of its absence."""

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import remarks

# Of a command that is not there, as every shell has it.
_NOT_FOUND = 127


class Cut(exception.OutcomeUnknown):
    """The command was sent, and its end was not seen.

    :param stdout: what it had printed by then; so is ``stderr``.
    :param late: the time was over: it may hang.
    """

    def __init__(self, what: str, *, stdout: str = '', stderr: str = '',
                 answer: str = '', check: str = '',
                 late: bool = False) -> None:
        super().__init__(what, answer=answer, check=check)
        self.late = late
        self.stdout = stdout
        self.stderr = stderr


def cut(cmd: command.Command, where: object, why: str, *, stdout: str = '',
        stderr: str = '', check: str = '', late: bool = False) -> Cut:
    """The error for a command whose end was not seen."""
    return Cut(f'Command {cmd} on {where}: {why}',
               answer=cmd.excerpt(stderr or stdout), stdout=stdout,
               stderr=stderr, check=check, late=late)


def refused(result: command.Result) -> bool:
    """Return whether sudo did not run a command that failed."""
    return bool(remarks.refusal(result))


def failure(cmd: command.Command, where: object, result: command.Result, *,
            sudo: bool) -> exception.BackendError:
    """Return what a command's exit code means that is not accepted.

    :param sudo: sudo was to make it root's.
    """
    answer = cmd.excerpt(remarks.told(result))
    if sudo and remarks.no_such(result):
        return exception.BackendError(
            f'There is no command {cmd} on {where}.', answer=answer,
            status=_NOT_FOUND, check='whether it is installed there, and '
            'secure_path in sudoers')
    if sudo and refused(result):
        return exception.AccessDenied(
            f'Command {cmd} on {where} was not run as root.', answer=answer,
            status=result.status,
            check='sudoers: this user must be allowed to run it without '
            'a password')
    return exception.BackendError(
        f'Command {cmd} on {where} failed with exit code {result.status}.',
        answer=answer, status=result.status)
