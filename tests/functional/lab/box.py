# SPDX-License-Identifier: Apache-2.0

"""Boxes: namespaces that processes, mounts and addresses live in.

What happens in a box is gone with it: daemons, mounts, network interfaces,
loop devices.  That holds for a test run that is killed, too, because a box
lives as long as a pipe that its maker holds.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import typing as ty

from tests import patience
from tests.functional.lab import init

SECONDS = 60.0
#: Of a busy machine, until the kernel has ended all that is in a box.
LEAVING = 300.0

#: Everything but users: we are root inside because we are outside.
ALL = ('mount', 'net', 'uts', 'ipc', 'pid')

#: A view of its own on the files, in the network of the parent.
OWN_FILES = ('mount', 'pid')


class CommandFailed(AssertionError):
    """A command in a box failed; the text has what it said."""

    def __init__(self, words: Sequence[str],
                 result: 'subprocess.CompletedProcess[str]') -> None:
        self.result = result
        super().__init__('%s ended with %d: %s' % (
            ' '.join(words), result.returncode,
            (result.stderr + result.stdout).strip()))


class Silent(AssertionError):
    """A process has not said what it was asked for in time."""


class Box:
    """One set of namespaces, inside another box or on the machine itself."""

    def __init__(self, name: str, parent: 'Box | None' = None,
                 namespaces: Iterable[str] = ALL) -> None:
        self.name = name
        self.parent = parent
        self._boxes: list[Box] = []
        self._processes: list[subprocess.Popen[str]] = []
        self._entered = {'mount', 'pid', *namespaces}
        if parent:
            self._entered |= parent._entered
        words = ['unshare', '--fork', '--kill-child', '--mount-proc',
                 '--propagation', 'private',
                 *(f'--{each}' for each in sorted(namespaces)),
                 sys.executable, '-I', '-S', init.__file__]
        self._init = subprocess.Popen(
            parent.words(words) if parent else words,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        try:
            ready = said(self._init, SECONDS) == 'ready\n'
        except Silent:
            ready = False
        if not ready:
            end(self._init)
            raise AssertionError(f'box {name} did not start')
        self.pid = _innermost(self._init.pid)
        if parent:
            parent._boxes.append(self)

    def words(self, words: Sequence[str]) -> list[str]:
        """The command that runs a command in here."""
        return ['nsenter', '--target', str(self.pid),
                *(f'--{each}' for each in sorted(self._entered)), '--',
                *words]

    def popen(self, words: Sequence[str],
              **arguments: ty.Any) -> 'subprocess.Popen[str]':
        """Start a command that goes on; the box's end is its end."""
        process = subprocess.Popen(self.words(words), text=True,
                                   start_new_session=True, **arguments)
        self._processes.append(process)
        return process

    def run(self, *words: str, stdin: str = '', check: bool = True,
            seconds: float = SECONDS,
            env: Mapping[str, str] | None = None
            ) -> 'subprocess.CompletedProcess[str]':
        """Run a command to its end.

        :param env: its variables, instead of ours
        :raises CommandFailed: it failed, and ``check`` was not given as False
        :raises subprocess.TimeoutExpired: it, and its children, were killed
        """
        process = subprocess.Popen(
            self.words(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=env)
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except BaseException:
            end(process)
            raise
        result = subprocess.CompletedProcess(words, process.returncode,
                                             out, err)
        if check and result.returncode:
            raise CommandFailed(words, result)
        return result

    def shell(self, script: str, *arguments: str,
              **options: ty.Any) -> 'subprocess.CompletedProcess[str]':
        """Run a script that stops at its first failure; see :meth:`run`."""
        return self.run('sh', '-euc', script, self.name, *arguments,
                        **options)

    def write(self, path: str | pathlib.PurePath, text: str) -> None:
        self.shell('mkdir -p "${1%/*}"; cat > "$1"', str(path), stdin=text)

    def private(self, *paths: str) -> None:
        """Put an empty directory of this box's own over each of these."""
        self.shell('for each; do mkdir -p "$each";'
                   ' mount -t tmpfs -o mode=755 box "$each"; done', *paths)

    def close(self) -> None:
        """End everything in here, and in the boxes inside; repeatable.

        All is tried, also if some of it does not end in time, which then is
        what is raised.
        """
        with contextlib.ExitStack() as stack:
            for each in (*self._processes, self._init):
                stack.callback(end, each)
            stack.callback(self._finish)
            for inside in self._boxes:
                stack.callback(inside.close)

    def _finish(self) -> None:
        """Let its first process end, and the kernel all others with it."""
        assert self._init.stdin
        self._init.stdin.close()
        self._init.wait(LEAVING)

    def __enter__(self) -> ty.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def said(process: 'subprocess.Popen[str]', seconds: float) -> str:
    """Return the line that a process answers with; '' if it has ended.

    :raises Silent: there is none in time; nothing is lost, and none is read
        beyond it if it says nothing unasked
    """
    assert process.stdout
    stream, text = process.stdout.fileno(), b''
    limit = time.monotonic() + patience.seconds(seconds)
    while not text.endswith(b'\n'):
        left = max(0.0, limit - time.monotonic())
        if not select.select([stream], [], [], left)[0]:
            raise Silent('%s has not answered within %g s: %r' % (
                process.args, seconds, text))
        more = os.read(stream, 65536)
        if not more:
            break
        text += more
    return text.decode()


def end(process: 'subprocess.Popen[str]') -> None:
    """Kill a process with its children and forget it.

    :raises subprocess.TimeoutExpired: the kernel does not let it go
    """
    try:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)
    finally:
        _hang_up(process)


def _hang_up(process: 'subprocess.Popen[str]') -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            # What it has not read any more is of no interest.
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _innermost(pid: int) -> int:
    """The last of a chain of processes that each have one child."""
    while True:
        path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
        children = path.read_text().split()
        if not children:
            return pid
        pid = int(children[0])
