# SPDX-License-Identifier: Apache-2.0

"""Processes that belong to one run, and end with it.

Each has a session of its own, so that its children can be ended with it, and
is entered in a register while it lives: a run that was killed could not end
its servers, and the next one does it from there.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from typing import Any


class ServerFailure(Exception):
    """A server did not start or has died; the text names its log."""


def wait_until(what: str, check: Callable[[], bool],
               seconds: float = 60.0) -> None:
    """Wait for a condition.

    :raises ServerFailure: it did not hold within that many seconds.
    """
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise ServerFailure('%s: not ready after %g s' % (what, seconds))
        time.sleep(0.2)


def stop_on_signals() -> None:
    """Leave all blocks, and thereby end all processes, when asked to stop.

    The first SIGINT or SIGTERM raises SystemExit; further ones are ignored,
    for they would cut off the tidying up.
    """
    def stop(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        # print() may be what was interrupted, and cannot be entered twice.
        os.write(1, b'Stopping\n')
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def listening(port: int) -> bool:
    """Return whether somebody accepts connections on a port of this host."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=1):
            return True
    except OSError:
        return False


def sessions(work: pathlib.Path) -> pathlib.Path:
    """The register of a run that works in that directory."""
    return work / 'sessions'


def _birth(process: int) -> str:
    """When a process began, in the kernel's ticks; empty if there is none."""
    try:
        stat = pathlib.Path('/proc/%d/stat' % process).read_text()
    except OSError:
        return ''
    return stat.rpartition(')')[2].split()[19]


def end_left_over(register: pathlib.Path) -> list[int]:
    """End what a killed run had started; the process groups that were.

    A number that has gone to another process since is left alone.
    """
    found = []
    for entry in sorted(register.glob('*')) if register.is_dir() else ():
        group = int(entry.name)
        if _birth(group) == entry.read_text():
            _end_group(group)
            found.append(group)
        entry.unlink()
    return found


def _end_group(group: int, seconds: float = 20.0) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + seconds
        while _birth(group) and time.monotonic() < deadline:
            time.sleep(0.1)
    # The leader may go before its children do.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@contextlib.contextmanager
def session(command: Sequence[object], register: pathlib.Path,
            **options: Any) -> 'Iterator[subprocess.Popen[bytes]]':
    """Start a command in a session that ends, to a man, with the block.

    :param register: directory where living sessions are entered.
    :param options: those of :class:`subprocess.Popen`.
    """
    register.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([str(word) for word in command],
                               stdin=subprocess.DEVNULL,
                               start_new_session=True, **options)
    entry = register / str(process.pid)
    try:
        entry.write_text(_birth(process.pid))
        yield process
    finally:
        _end(process)
        entry.unlink(missing_ok=True)


@contextlib.contextmanager
def server(command: Sequence[object], log: pathlib.Path, *,
           ready: Callable[[], bool], seconds: float = 300.0,
           port: int | None = None,
           environment: Mapping[str, object] | None = None,
           cwd: pathlib.Path | None = None) -> Iterator[None]:
    """Run a server, with all its children, until the block ends.

    :param port: where it is going to listen; nobody may do so yet.
    :param environment: variables added to ours.
    :raises ServerFailure: it did not start, or the port is taken.
    """
    if port is not None and listening(port):
        raise ServerFailure('%s: port %d of 127.0.0.1 is taken' % (
            command[0], port))
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = dict(os.environ)
    variables.update((name, str(value)) for name, value
                     in (environment or {}).items())
    with log.open('ab') as output, session(
            command, sessions(log.parent.parent), stdout=output,
            stderr=output, env=variables, cwd=cwd) as process:
        def check() -> bool:
            if process.poll() is not None:
                raise ServerFailure('%s ended with %d; see %s' % (
                    command[0], process.returncode, log))
            return ready()

        wait_until(str(command[0]), check, seconds)
        yield


def _end(process: 'subprocess.Popen[bytes]') -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
            break
    # What is left when the leader has gone.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run(command: Sequence[object], log: pathlib.Path,
        environment: Mapping[str, object] | None = None) -> None:
    """Run a command to its end.

    :raises ServerFailure: with the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = dict(os.environ)
    variables.update((name, str(value)) for name, value
                     in (environment or {}).items())
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, env=variables)
    with log.open('a') as output:
        output.write(done.stdout + done.stderr)
    if done.returncode:
        raise ServerFailure('%s ended with %d: %s' % (
            ' '.join(map(str, command)), done.returncode,
            (done.stderr or done.stdout)[-2000:]))
