#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Server processes that belong to one run."""

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
import time


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


def listening(port: int) -> bool:
    """Whether somebody accepts connections on a port of this host."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=1):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def server(command: Sequence[object], log: pathlib.Path, *,
           ready: Callable[[], bool], seconds: float = 60.0,
           environment: Mapping[str, object] | None = None,
           cwd: pathlib.Path | None = None) -> Iterator[None]:
    """Run a server, with all its children, until the block ends.

    :param environment: variables added to ours.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = dict(os.environ)
    variables.update((name, str(value)) for name, value
                     in (environment or {}).items())
    with log.open('ab') as output:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, env=variables, cwd=cwd,
            start_new_session=True)
    try:
        def check() -> bool:
            if process.poll() is not None:
                raise ServerFailure('%s ended with %d; see %s' % (
                    command[0], process.returncode, log))
            return ready()

        wait_until(str(command[0]), check, seconds)
        yield
    finally:
        _end(process)


def _end(process: 'subprocess.Popen[bytes]') -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
            return


def watched(command: Sequence[object], *, cwd: pathlib.Path,
            environment: Mapping[str, str]) -> int:
    """Run a command whose output somebody watches; its exit code.

    Ends it with all its children if we are ended.
    """
    process = subprocess.Popen([str(word) for word in command], cwd=cwd,
                               env=environment, stdin=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        return process.wait()
    finally:
        if process.returncode is None:
            _end(process)


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
