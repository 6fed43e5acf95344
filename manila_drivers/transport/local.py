# SPDX-License-Identifier: Apache-2.0

"""Commands on this host.

Through oslo.concurrency's processutils, as Manila runs them, with whatever
root helper Manila is configured for.  Every command has a deadline and is
counted as one round trip.
"""

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import time
from typing import Any

from oslo_concurrency import processutils

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import remarks
from manila_drivers.transport import verdict

LOG = logging.getLogger(__name__)

# oslo.concurrency logs the words it runs at a level of the caller's choice.
# Below this one nothing is configured to listen, not even DEBUG.
_SILENT = 1

# Seconds to wait for a process that was killed to be gone.
_GRACE = 5.0

# What manila-rootwrap and oslo.rootwrap exit with when they refuse.
_ROOTWRAP = {
    96: 'a filter allows it, but the executable is in none of exec_dirs',
    97: 'rootwrap.conf cannot be read',
    98: 'no command was given',
    99: 'no filter in the directories of filters_path allows it'}


class Local:
    """Runs commands on this host.

    :param root_helper: what goes before commands that need root, such as
        ``sudo manila-rootwrap /etc/manila/rootwrap.conf``.
    """

    def __init__(self, root_helper: str = 'sudo -n') -> None:
        self._root_helper = root_helper

    def run(self, cmd: command.Command) -> command.Result:
        """Run one command to its end.

        :raises BackendError: it failed, or there is no such command;
            ``status`` is the exit code (127 for the latter).
        :raises AccessDenied: sudo or rootwrap refused to run it.
        :raises OutcomeUnknown: it was not done in time, or killed.
        """
        LOG.debug('Running %s', cmd)
        started = time.monotonic()
        with meter.trip('command'):
            result = self._run(cmd)
            LOG.debug('Exit code %d after %.3f s: %s', result.status,
                      time.monotonic() - started, cmd)
            error = self.judge(cmd, result)
            if error is not None:
                raise error
            return result

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        """Return the error of this result; None if it is accepted."""
        if result.status in cmd.accept:
            return None
        return self._failure(cmd, result)

    def words(self, cmd: command.Command) -> list[str]:
        """The words with the root helper's before them if it needs root."""
        if cmd.root and os.geteuid() != 0:
            return [*shlex.split(self._root_helper), *cmd.words()]
        return cmd.words()

    def __str__(self) -> str:
        return 'this host'

    def _run(self, cmd: command.Command) -> command.Result:
        processes: list[subprocess.Popen[bytes]] = []
        # Errors are made outside the handlers: those of subprocess quote
        # the words in clear, and would be printed as the context.
        failure: exception.DriverError
        try:
            stdout, stderr = processutils.execute(
                *cmd.words(), **self._arguments(cmd),
                on_execute=processes.append)
            return command.Result(stdout, remarks.without(stderr),
                                  processes[0].returncode)
        except subprocess.TimeoutExpired:
            failure = _late(cmd, killed=_kill(processes[0]))
        except OSError as exc:
            failure = exception.BackendError(
                f'Command {cmd} could not be started.', status=127,
                answer=exc.strerror or '',
                check='is it installed, and on the PATH of this service')
        raise failure

    def _arguments(self, cmd: command.Command) -> dict[str, Any]:
        return {
            'process_input': cmd.input(),
            'run_as_root': cmd.root,
            'root_helper': self._root_helper,
            'check_exit_code': False,
            'timeout': cmd.timeout,
            # oslo.concurrency masks what it recognises as a password, which
            # is less than what we know to be one.
            'loglevel': _SILENT if any(cmd.secrets()) else logging.DEBUG,
            # A group of its own, so that all its children can be ended.
            'preexec_fn': os.setsid}

    def _failure(self, cmd: command.Command,
                 result: command.Result) -> exception.DriverError:
        answer = cmd.excerpt(result.stderr or result.stdout)
        if result.status < 0:
            return exception.OutcomeUnknown(
                f'Command {cmd} was ended by signal {-result.status}.',
                answer=answer)
        if cmd.root and os.geteuid() != 0 and remarks.no_such(result):
            return exception.BackendError(
                f'There is no command {cmd}.', answer=answer, status=127,
                check='whether it is installed, and secure_path in sudoers')
        refused = self._refusal(cmd, result)
        if refused:
            return exception.AccessDenied(
                f'Command {cmd} was not run as root.', answer=answer,
                status=result.status, check=refused)
        return exception.BackendError(
            f'Command {cmd} failed with exit code {result.status}.',
            answer=answer, status=result.status)

    def _refusal(self, cmd: command.Command, result: command.Result) -> str:
        """Say what to check if the root helper, not the command, said no."""
        if not cmd.root or os.geteuid() == 0:
            return ''
        if 'rootwrap' in self._root_helper and result.status in _ROOTWRAP:
            return f'rootwrap: {_ROOTWRAP[result.status]}'
        if verdict.refused(result):
            return ('sudoers: this user must be allowed to run it without a '
                    'password')
        return ''


def _late(cmd: command.Command, *, killed: bool) -> exception.DriverError:
    fate = 'was ended' if killed else 'could not be ended and may still run'
    return exception.OutcomeUnknown(
        f'Command {cmd} was not done within {cmd.timeout:g} s and {fate}.')


def _kill(process: 'subprocess.Popen[bytes]') -> bool:
    """End a process with all its children; False if it is still there.

    A command that sudo has made root's is out of reach.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        return False
    return True
