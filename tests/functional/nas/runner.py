# SPDX-License-Identifier: Apache-2.0

"""Hosts as transports, for helpers that run in the tests' process."""

from collections.abc import Callable
import subprocess
import time
import typing as ty

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import verdict

# What ssh ends with when it does not come through.
_NO_WAY = 255


class Host(ty.Protocol):
    """A box, or a guest."""

    name: str

    def run(self, *words: str, stdin: str = '', check: bool = True,
            seconds: float = 60) -> 'subprocess.CompletedProcess[str]': ...

    def shell(self, script: str, *arguments: str,
              **options: ty.Any) -> 'subprocess.CompletedProcess[str]': ...


class BoxRunner:
    """A host as what commands are run on; a ``script.Runner``.

    :param ran: called before and after each round trip.
    """

    def __init__(self, inside: Host,
                 ran: Callable[[], None] = lambda: None) -> None:
        self._inside = inside
        self._ran = ran
        self.execs = 0
        #: Seconds that any command may take, where that is less than its own.
        self.patience = 1000.0

    def run(self, cmd: command.Command) -> command.Result:
        self.execs += 1
        self._ran()
        started = time.monotonic()
        try:
            done = self._inside.run(
                *cmd.words(), stdin=cmd.input() or '', check=False,
                seconds=min(cmd.timeout, self.patience))
        except subprocess.TimeoutExpired:
            raise verdict.cut(cmd, self, 'it took too long.') from None
        finally:
            meter.count('host', time.monotonic() - started)
            self._ran()
        if done.returncode == _NO_WAY:
            raise exception.Unreachable(f'{self} does not answer')
        result = command.Result(done.stdout, done.stderr, done.returncode)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def words(self, cmd: command.Command) -> list[str]:
        return cmd.words()

    def judge(self, cmd, result):
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=False)

    def __str__(self) -> str:
        return self._inside.name
