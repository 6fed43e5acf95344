# SPDX-License-Identifier: Apache-2.0

"""A simulated host as programs: ``gluster``, ``mount``, ``mmnfs``, ...

::

    with Programs(sim, '/some/directory', ('gluster',)) as programs:
        ...  # put programs.directory first on the PATH of an sshd

Each program passes its words on to the process with the simulator, through a
socket in the directory, and ends as it is told: so a cluster can be had
behind a real sshd, in several processes at once.
"""

from collections.abc import Sequence
import io
import os
import pathlib
import stat
import sys
import threading
from typing import Any
from typing import Protocol
from typing import Self

from manila_drivers.testing.simulators import local_server

# Stands alone, and imports little: it is started for every command, and
# "json" and "socket" would take as long again as all else that it does.
_PROGRAM = """\
#!{python} -IS
import _socket
import os
import sys


def keep_silent():
    # Until nobody listens any more: such programs must not pile up.
    import select
    waiting = select.poll()
    waiting.register(1, 0)
    waiting.poll(3600 * 1000)
    os.kill(os.getpid(), 9)


def cut_off():
    # The connection that this came over is lost; without one, this program
    # does not end in any orderly way.
    pid = os.getpid()
    while {behind_sshd} and pid > 1:
        with open('/proc/%d/stat' % pid) as file:
            name, _, rest = file.read().partition('(')[2].rpartition(')')
        if name.startswith('sshd'):
            os.kill(pid, 9)
            break
        pid = int(rest.split()[1])
    os.kill(os.getpid(), 9)


words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
# Only a gluster without a command reads its input.
reads = words[0] == 'gluster' and all(
    word.startswith('--') for word in words[1:])
link = _socket.socket(_socket.AF_UNIX)
try:
    link.connect({socket!r})
except OSError as exc:
    sys.exit('simulator: %s' % exc)
link.sendall(b'%d\\n' % len(words)
             + b''.join(os.fsencode(word) + b'\\0' for word in words)
             + (sys.stdin.buffer.read() if reads else b''))
link.shutdown(_socket.SHUT_WR)
answer = b''
while True:
    part = link.recv(1 << 16)
    if not part:
        break
    answer += part
head, _, said = answer.partition(b'\\n')
failure, status, length = head.decode().split(' ') if head else ('reset', 0, 0)
if failure == 'silence':
    keep_silent()
if failure:
    cut_off()
for number, text in ((1, said[:int(length)]), (2, said[int(length):])):
    while text:
        text = text[os.write(number, text):]
os._exit(int(status))
"""


def _text(data: bytes) -> str:
    return data.decode('utf-8', 'surrogateescape')


def _data(text: str) -> bytes:
    return text.encode('utf-8', 'surrogateescape')


class Reply(Protocol):
    """Hold a program's output and end; ``failure`` as transports have it.

    A named tuple, so that it can be passed on.
    """

    def _asdict(self) -> dict[str, Any]: ...


class Handler(Protocol):
    """Runs the commands."""

    def handle(self, argv: list[str], stdin: str, /) -> Reply: ...


class Programs:
    """Programs for one host.

    :param handler: the simulator.
    :param directory: where they are put; made if it is not there.
    :param names: the programs.
    :param behind_sshd: a lost connection ends the sshd process that the
        program was started by; never to be set where that may be somebody's
        login.
    """

    def __init__(self, handler: Handler, directory: str | os.PathLike[str],
                 names: Sequence[str], *,
                 behind_sshd: bool = False) -> None:
        self._behind_sshd = behind_sshd
        self.directory = pathlib.Path(directory)
        self._handler = handler
        self._names = names
        self._server: local_server.LocalServer | None = None
        self._lock = threading.Lock()
        #: How many have been run.
        self.runs = 0

    @property
    def socket(self) -> str:
        return str(self.directory / 'simulator.socket')

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._server = local_server.LocalServer(self.socket, self._talk)
        text = _PROGRAM.format(python=sys.executable, socket=self.socket,
                               behind_sshd=self._behind_sshd)
        for name in self._names:
            program = self.directory / name
            program.write_text(text, encoding='utf-8')
            program.chmod(program.stat().st_mode | stat.S_IXUSR
                          | stat.S_IXGRP | stat.S_IXOTH)

    def _talk(self, said: io.BufferedIOBase,
              answers: io.BufferedIOBase) -> None:
        line = said.readline()
        if line:
            with self._lock:
                self.runs += 1
            *words, stdin = said.read().split(b'\0', int(line))
            reply = self._handler.handle(
                [_text(word) for word in words], _text(stdin))._asdict()
            stdout, stderr = _data(reply['stdout']), _data(reply['stderr'])
            answers.write(b'%s %d %d\n' % (
                (reply['failure'] or '').encode(), reply['status'],
                len(stdout)) + stdout + stderr)

    def close(self) -> None:
        """End the server; the programs stay, and fail from now on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
