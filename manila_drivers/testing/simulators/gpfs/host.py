# SPDX-License-Identifier: Apache-2.0

"""Hosts of a simulated cluster, inside the process: what runs commands.

A script is taken apart into its commands, so that each of them can be looked
at, counted and disturbed.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import time

from manila_drivers import exception
from manila_drivers.testing.simulators.gpfs.sim import FAILED
from manila_drivers.testing.simulators.gpfs.sim import GpfsSim
from manila_drivers.testing.simulators.gpfs.sim import TakesTooLongError
from manila_drivers.testing.simulators.nfs import shell
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import verdict

# What Ganesha answers, with exit code 0, if it does not do it.
_NOT_ADDED = (
    'method return time=1.5 sender=:1.0 -> destination=:1.1 serial=1 '
    'reply_serial=2\n   string "0 exports added. Errors found:\n'
    'a disturbance\n"\n')


def _name(words: Sequence[str]) -> str:
    return words[0].rpartition('/')[2]


def _changes_exports(words: Sequence[str]) -> bool:
    return _name(words) == 'dbus-send' and any(
        word.endswith(('.AddExport', '.UpdateExport')) for word in words)


@dataclasses.dataclass(frozen=True)
class Strike:
    """Hold what goes wrong with one command, or with the connection.

    :param kind: ``unreachable`` (nothing is sent), ``cut`` (the connection
        ends, and the rest is not run), ``lost`` (all is run, and the answer
        lost), ``fails`` (it says no, with no effect), ``broken`` (it has its
        effect and then fails), ``silent`` (fails with exit code 0).
    :param at: which command of a script, 1-based; one that is not there
        strikes the last.
    """

    kind: str
    at: int = 1


class SimHost:
    """Runs commands on a simulated host.

    :param strike: asked before each round trip for what goes wrong.
    :param told: called after each command.
    :param counted: called before each round trip with the names of its
        commands.
    """

    def __init__(self, sim: GpfsSim, name: str = '', *,
                 strike: Callable[[str], Strike | None] | None = None,
                 told: Callable[[], None] | None = None,
                 counted: Callable[[tuple[str, ...]], None] | None = None,
                 ) -> None:
        self.sim = sim
        self.name = name
        self._strike = strike or (lambda host: None)
        self._told = told or (lambda: None)
        self._counted = counted or (lambda names: None)
        self.down = False
        self.execs = 0

    def __str__(self) -> str:
        return self.name or 'this host'

    def words(self, cmd: command.Command) -> list[str]:
        return cmd.words()

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=False)

    def run(self, cmd: command.Command) -> command.Result:
        """One round trip."""
        self.execs += 1
        started = time.monotonic()
        try:
            result = self._sent(cmd)
        finally:
            meter.count('simulated', time.monotonic() - started)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def _sent(self, cmd: command.Command) -> command.Result:
        struck = self._strike(self.name)
        if self.down or struck and struck.kind == 'unreachable':
            raise exception.Unreachable(f'{self} does not answer.')
        if cmd.words() != ['sh', '-s']:
            return self._single(cmd, struck)
        return self._script(cmd, struck)

    def _single(self, cmd: command.Command,
                struck: Strike | None) -> command.Result:
        self._counted((_name(cmd.words()),))
        if struck and struck.kind == 'cut':
            raise verdict.cut(cmd, self, 'the connection was lost.')
        result = self._command(cmd.words(), cmd.input() or '', struck)
        if struck and struck.kind == 'lost':
            raise verdict.cut(cmd, self, 'the connection was lost.')
        return result

    def _script(self, cmd: command.Command,
                struck: Strike | None) -> command.Result:
        text = cmd.input() or ''
        marker, steps = shell.marker(text), list(shell.steps(text))
        self._counted(tuple(_name(step.words) for step in steps))
        out = err = f'\n{marker} 0 0\n'
        at = min(struck.at, len(steps)) if struck else 0
        for number, step in enumerate(steps, 1):
            here = struck if number == at else None
            if here and here.kind == 'cut':
                raise verdict.cut(cmd, self, 'the connection was lost.',
                                  stdout=out, stderr=err)
            try:
                result = self._command(list(step.words), step.stdin, here)
            except TakesTooLongError:
                raise verdict.cut(cmd, self, 'not done in time.',
                                  stdout=out, stderr=err) from None
            mark = f'\n{marker} {number} {result.status}\n'
            out += result.stdout + mark
            err += result.stderr + mark
            if step.accepted is not None \
                    and result.status not in step.accepted:
                break
        if struck and struck.kind == 'lost':
            raise verdict.cut(cmd, self, 'the connection was lost.')
        return command.Result(out, err, 0)

    def _command(self, words: list[str], stdin: str,
                 struck: Strike | None) -> command.Result:
        kind = struck.kind if struck else ''
        name = _name(words)
        said = f'{name}: a disturbance\n{name}: {FAILED}\n'
        try:
            if kind == 'fails':
                return command.Result('', said, 1)
            if kind == 'silent' and name.startswith('mm'):
                return command.Result('', said, 0)
            if kind == 'silent' and _changes_exports(words):
                return command.Result(_NOT_ADDED, '', 0)
            result = self.sim.run(words, stdin, self.name)
            if kind == 'broken':
                return command.Result(result.stdout, said, 1)
            return result
        finally:
            self._told()
