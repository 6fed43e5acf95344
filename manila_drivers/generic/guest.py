# SPDX-License-Identifier: Apache-2.0

"""One exec to ask a service VM for everything, one to change it.

Both are scripts under a lock in the VM, so that what is asked is never the
middle of what another operation, or one that was given up, still does.  What
may take long has locks of its own, see ``guest_turns``.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import logging
import time

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_codes
from manila_drivers.generic import guest_facts
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import kernel_room
from manila_drivers.nas import samba
from manila_drivers.transport import command
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)


class Guest:
    """One service VM.

    :param runner: reaches it over SSH.
    """

    def __init__(self, runner: script.Runner, *,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._runner = runner
        self._clock = clock
        self._sleep = sleep

    def __str__(self) -> str:
        return str(self._runner)

    def look(self, disks: Sequence[guest_records.Disk] = (), *,
             wait: float = 0.0,
             timeout: float | None = None,
             partly: bool = False,
             serving: bool = False) -> guest_records.GuestFacts:
        """Return all facts; one exec.

        :param disks: whose content is asked for as well.
        :param wait: seconds that the VM waits for them to appear.  What has
            not appeared by then is not in the facts.
        :param timeout: seconds for the answer; else what its commands get.
        :param partly: see ``guest_facts.understand``.
        :param serving: ask as well what smb.conf comes to.
        :raises Busy: the VM is at work for another operation.
        """
        commands = [dataclasses.replace(one, reads=True) for one
                    in guest_facts.questions(
                        disks, wait, serving=serving)]
        answer = script.attempt(
            self._runner, commands, keep_going=True, timeout=timeout,
            lock=dataclasses.replace(guest_turns.LOCK, shared=True),
            # Disks are waited for, and one that cannot be read may hang.
            outside=frozenset({0} if disks else ()))
        return guest_facts.understand(str(self._runner), answer.results,
                                      partly=partly)

    def resolved(self, path: str) -> str:
        """Return a path without symbolic links, as the kernel has it."""
        answer = script.attempt(self._runner, [dataclasses.replace(
            directory.run('readlink', '-m', '--', path), reads=True)])
        if answer.error is not None:
            raise answer.error
        return answer.results[0].stdout.removesuffix('\n')

    def run(self, commands: Sequence[command.Command], *,
            timeout: float | None = None) -> tuple[command.Result, ...]:
        """Run what was planned, as root; one exec, none if there are no
        commands.

        Nobody else changes tables meanwhile, but while one of them may take
        long.

        :raises DriverError: of the command that failed; those behind it were
            not run.
        """
        answer = self._attempt(commands, timeout)
        if answer.error is not None:
            raise meaning(str(self._runner), commands, answer)
        return answer.results

    def _attempt(self, commands: Sequence[command.Command],
                 timeout: float | None = None) -> script.Answer:
        if not commands:
            return script.Answer(())
        plan.before_change('; '.join(map(str, commands)))
        return script.attempt(self._runner, commands, timeout=timeout,
                              lock=guest_turns.LOCK, outside=frozenset(
                                  number for number, one
                                  in enumerate(commands)
                                  if guest_turns.is_long(one)))

    def export(self, facts: guest_records.GuestFacts,
               export: exports.Export) -> None:
        """Have an NFS export be what it shall be, and read it back.

        What cannot be written down is taken away all the same, by a second
        exec.  The file is written by a repetition, which sees another text.

        :raises BackendError: it is not, although nothing complained.
        :raises NoRoom: the disk of the server is full.
        """
        commands = guest_access.nfs(facts, export)
        answer = self._attempt(commands)
        if answer.error is not None:
            error = meaning(str(self._runner), commands, answer)
            if isinstance(error, exception.BackendError) and not any(
                    map(guest_access.is_live,
                        commands[:len(answer.results)])):
                error = self._unwritten(facts, export, error)
            raise error
        self._settled(export.path,
                      guest_access.nfs_undone(facts, export, answer.results))

    def _unwritten(self, facts: guest_records.GuestFacts,
                   export: exports.Export,
                   error: exception.BackendError) -> exception.BackendError:
        """Take away what can be, and return what is to be said."""
        _, failure = exception.caught(lambda: self.run(
            guest_access.nfs_taken_away(facts, export)))
        if failure is not None:
            LOG.error('Who shall have less access to %s on %s has it still: '
                      '%s', export.path, self, failure)
        return kernel_room.unwritten(export.path, str(self), error, failure)

    def share(self, facts: guest_records.GuestFacts,
              share: samba.SambaShare) -> None:
        """Have a share of Samba be what it shall be, and read it back.

        :raises BackendError: it is not, although nothing complained.
        """
        results = self.run(guest_access.cifs(facts, share))
        self._settled(share.name, guest_access.cifs_undone(share, results))

    def while_closed(self, facts: guest_records.GuestFacts,
                     goal: exports.Export | samba.SambaShare,
                     ident: str) -> None:
        """Have a share be open for whom it shall be, at the end of a script
        that has closed it.

        :param ident: of the share.
        :raises Moved: no script has it closed any more; nothing was changed.
        """
        self.run(guest_access.nfs_while_closed(facts, goal, ident)
                 if isinstance(goal, exports.Export)
                 else guest_access.cifs_while_closed(facts, goal, ident))

    def _settled(self, what: str, left: str) -> None:
        if left:
            raise exception.BackendError(
                f'Access to {what} on {self} is not as it was set',
                answer=left[-500:])

    def reachable(self, *, timeout: float = 20.0) -> bool:
        """Tell if somebody can log in and run something."""
        _, error = exception.caught(lambda: self._runner.run(
            command.Command.of('true', timeout=timeout)))
        if error is not None:
            LOG.warning('Service VM %s does not answer: %s', self, error)
        return error is None


def meaning(server: str, commands: Sequence[command.Command],
            answer: script.Answer) -> exception.DriverError:
    """Return the error of a script's last command, by its exit code."""
    error = answer.error
    assert error is not None
    if not isinstance(error, exception.BackendError):
        return error
    failed = commands[len(answer.results) - 1]
    words = guest_turns.words(failed)
    if words[:2] != ['sh', '-c']:
        return error
    kind, what, check = guest_codes.MEANING.get(error.status or 0, (
        type(error), f'it failed with exit code {error.status}',
        error.check or 'the log of its kernel; room in its root file system, '
        'and whether that can be written to'))
    share = next((word for word in words[4:]
                  if word.startswith('/') and not word.startswith('/dev/')),
                 ' '.join(words[4:6]))
    return kind(f'{words[3].removeprefix("manila-")} of {share} on {server}: '
                f'{what}', answer=error.answer, check=check)
