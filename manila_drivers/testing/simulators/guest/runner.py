# SPDX-License-Identifier: Apache-2.0

"""The way to a service VM: what SSH would do, inside the process."""

from collections.abc import Callable
from concurrent import futures
import hashlib
import pathlib
import threading
import time
from typing import Any

from manila_drivers import exception
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators.guest import programs
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import ssh_target
from manila_drivers.transport import verdict

Result = command.Result

_KIND = 'ssh-ed25519'


def host_key(name: str, seed: int) -> bytes:
    """Return a key as SSH passes it on."""
    digest = hashlib.sha256(f'{name} {seed}'.encode()).digest()
    kind = _KIND.encode()
    return b''.join(len(part).to_bytes(4, 'big') + part
                    for part in (kind, digest))


class GuestRunner:
    """Runs commands in a machine; a ``script.Runner``.

    :param machine: a ``Machine``.
    :param target: how one would log in, or None.
    """

    def __init__(self, machine: Any,
                 target: ssh_target.Target | None) -> None:
        self._machine = machine
        self.target = target
        self._known = False

    def __str__(self) -> str:
        return str(self.target) if self.target else str(self._machine.name)

    def words(self, cmd: command.Command) -> list[str]:
        return [*(('sudo', '-n') if cmd.root else ()), *cmd.words()]

    def judge(self, cmd: command.Command,
              result: Result) -> exception.DriverError | None:
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=cmd.root)

    def close(self) -> None:
        """Log out."""
        self._known = False

    def run(self, cmd: command.Command) -> Result:
        """One round trip.

        :raises DriverError: as ``ssh.Host`` does.
        """
        machine = self._machine
        started = time.monotonic()
        machine.execs += 1
        try:
            result = self._run(cmd)
        finally:
            meter.count('simulated', time.monotonic() - started)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def _run(self, cmd: command.Command) -> Result:
        machine = self._machine
        fault = machine.faults.strike('exec')
        if not machine.running or machine.stuck \
                or fault is not None and fault.kind == 'refused':
            raise exception.Unreachable(f'{self} does not answer.',
                                        answer='Connection refused')
        if machine.hung:
            machine.sleep(cmd.timeout)
            raise (verdict.cut(cmd, self, 'not done in time.', late=True)
                   if self._known else exception.Unreachable(
                       f'{self} does not answer.'))
        self._log_in()
        if fault is not None and fault.prevents:
            raise verdict.cut(cmd, self, 'the connection was lost.')
        result = self._lost_or_executed(cmd) if machine.pauses \
            else self._in_turn(cmd)
        if machine.hung:
            machine.sleep(cmd.timeout)
            raise verdict.cut(cmd, self, 'not done in time.', late=True)
        if fault is not None:
            raise verdict.cut(cmd, self, 'the connection was lost.')
        return result

    def _in_turn(self, cmd: command.Command) -> Result:
        with self._machine.turn, self._machine.lock:
            return self._executed(cmd)

    def _lost_or_executed(self, cmd: command.Command) -> Result:
        """Execute something whose connection may be lost while it goes on."""
        found: futures.Future[Result] = futures.Future()

        def work() -> None:
            try:
                found.set_result(self._in_turn(cmd))
            except BaseException as exc:  # noqa: BLE001
                found.set_exception(exc)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        while not found.done():
            futures.wait([found], timeout=0.01)
            if any(pause.lost.is_set() and pause.by is worker
                   for pause in self._machine.pauses):
                raise verdict.cut(cmd, self, 'the connection was lost.')
        return found.result()

    def _executed(self, cmd: command.Command) -> Result:
        machine = self._machine
        try:
            result: Result = machine.programs.execute(
                self.words(cmd), lambda: cmd.input() or '', root=False)
        except programs.StruckError:
            stdout, stderr = machine.programs.said()
            raise verdict.cut(cmd, self, 'the connection was lost.',
                              stdout=stdout, stderr=stderr) from None
        return result

    def _log_in(self) -> None:
        """:raises DriverError: it is not the host, or lets nobody in."""
        if self._known or self.target is None:
            return
        machine, login = self._machine, self.target.login
        self.target.trust.verify(self.target.host, self.target.port, _KIND,
                                 machine.host_key)
        if not self._admitted(login):
            raise exception.AccessDenied(
                f'{self} does not let {login.user} in.',
                check=login.options())
        self._known = True

    def _admitted(self, login: ssh_target.Login) -> bool:
        machine = self._machine
        if login.user != machine.user:
            return False
        if not machine.keys and machine.password is None:
            return True
        if login.key_file:
            public = pathlib.Path(f'{login.key_file}.pub').expanduser()
            if public.exists() and _blob(public.read_text()) in map(
                    _blob, machine.keys):
                return True
        return (machine.password is not None and login.password is not None
                and login.password.reveal() == machine.password)


def _blob(key: str) -> tuple[str, ...]:
    return tuple(key.split()[:2])


def host(machine: Any, *, root: bool = True) -> ssh.Host:
    """Return a machine for an SSH server to offer.

    :param root: whether the server has taken sudo away already.
    """
    def run(words: list[str], read: Callable[[], str]) -> ssh.Done:
        if not machine.answers:
            return ssh.Done(status=None)
        machine.execs += 1
        began = time.thread_time()
        try:
            with machine.turn, machine.lock:
                done = machine.programs.execute(words, read, root=root)
        except programs.StruckError:
            return ssh.Done(status=None)
        finally:
            machine.computed += time.thread_time() - began
        return ssh.Done(done.stdout, done.stderr, done.status)
    return run


