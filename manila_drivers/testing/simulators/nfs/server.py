# SPDX-License-Identifier: Apache-2.0

"""A simulated server as a transport: scripts, faults, counts."""

import abc
from collections.abc import Callable
from collections.abc import Sequence
import functools
import ipaddress
import threading

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.testing.simulators.nfs import shell
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import verdict

Result = command.Result


class Server(abc.ABC):
    """A host that commands are run on; a ``script.Runner``.

    Faults strike round trips, whose label is ``exec``, and single commands,
    whose label begins with ``command`` and goes on with their words.

    :param name: what it is called in errors.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.files = files.Files()
        self.faults = faults.FaultPlan()
        #: Whether nobody answers.
        self.dead = False
        #: Round trips, and the commands within them.
        self.execs = 0
        self.ran: list[tuple[str, ...]] = []
        #: Called after every command, such as to look who has access.
        self.observer: Callable[[], None] = lambda: None
        self._lock = threading.RLock()

    # What it is

    @abc.abstractmethod
    def access(self, client: str, path: str) -> str | None:
        """Return what an address gets of a directory: rw, ro or None."""

    @abc.abstractmethod
    def named(self, path: str) -> frozenset[str]:
        """Addresses and networks that an export names."""

    @abc.abstractmethod
    def reboot(self) -> None:
        """Forget everything that is not in a file."""

    @abc.abstractmethod
    def inventory(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of all exports and files, for audits."""

    @abc.abstractmethod
    def special(self, words: Sequence[str], stdin: str) -> Result | None:
        """Run a command that is not on files; None if it is not known."""

    # The transport

    def execute(self, words: Sequence[str], stdin: str = '') -> Result:
        """Run one command, as a shell would."""
        with self._lock:
            self.ran.append(tuple(words))
            result = self.special(words, stdin)
            if result is None:
                result = self.files.command(words, stdin)
            self.observer()
        if result is None:
            return files.failed(f'sh: {words[0]}: not found', 127)
        return result

    def run(self, cmd: command.Command) -> Result:
        """Run one command, or the script that ``sh -s`` is fed with."""
        meter.count('simulated', 0.0)
        self.execs += 1
        fault = self.faults.strike('exec')
        if self.dead or (fault is not None and fault.kind == 'refused'):
            raise exception.Unreachable(f'{self.name} does not answer')
        if fault is not None and fault.prevents:
            raise self._cut(cmd, '', '')
        if cmd.words() == ['sh', '-s']:
            result = self._script(cmd)
        else:
            result = self.execute(cmd.words(), cmd.input() or '')
        if fault is not None:
            # Half of what was said may have arrived.
            half = len(result.stdout) // 2 if fault.kind == 'cut_off' else 0
            raise self._cut(cmd, result.stdout[:half], '')
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def words(self, cmd: command.Command) -> list[str]:
        return cmd.words()

    def judge(self, cmd: command.Command,
              result: Result) -> exception.DriverError | None:
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=False)

    def __str__(self) -> str:
        return self.name

    def _cut(self, cmd: command.Command, stdout: str,
             stderr: str) -> exception.DriverError:
        return verdict.cut(cmd, self, 'the connection was lost.',
                           stdout=stdout, stderr=stderr)

    def _script(self, cmd: command.Command) -> Result:
        text = cmd.input() or ''
        mark = shell.marker(text)
        out = err = f'\n{mark} 0 0\n'
        for number, step in enumerate(shell.steps(text), 1):
            fault = self.faults.strike('command ' + ' '.join(step.words))
            if fault is not None and fault.kind != 'status':
                if not fault.prevents:
                    self.execute(step.words, step.stdin)
                raise self._cut(cmd, out, err)
            result = (files.failed('simulated failure', fault.code or 1)
                      if fault is not None
                      else self.execute(step.words, step.stdin))
            end = f'\n{mark} {number} {result.status}\n'
            out += result.stdout + end
            err += result.stderr + end
            if (step.accepted is not None
                    and result.status not in step.accepted):
                break
        return Result(out, err, 0)


# Of the same few clients, after every call of a random history.
@functools.lru_cache(maxsize=65536)
def address(client: str) -> networks.Address:
    return ipaddress.ip_address(client)
