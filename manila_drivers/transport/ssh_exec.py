# SPDX-License-Identifier: Apache-2.0

"""One command on one channel, from sending it to its exit code."""

from collections import deque
import contextlib
import threading
import time
from typing import Any

import paramiko

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import ssh_channel
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import verdict
from manila_drivers.transport.ssh_connection import Connection

_CHUNK = 256 * 1024

# Seconds of silence after the exit code, with the outputs still open, until
# the command counts as ended: it left something behind that holds them.
LINGER = 2.0


class NotSentError(Exception):
    """The channel was gone before the command was sent."""


class Kept:
    """The end of an output: at most ``limit`` bytes, the rest counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self.total = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.total += len(piece)
        self._held += len(piece)
        while self._held - len(self._pieces[0]) >= self._limit:
            self._held -= len(self._pieces.popleft())

    @property
    def complete(self) -> bool:
        return self.total <= self._limit

    def text(self) -> str:
        data = b''.join(self._pieces)
        return data[-self._limit:].decode('utf-8', 'surrogateescape')


class _Wake:
    """Be set by paramiko when there is output or its end.

    It would also clear it when one of the outputs is empty; the other one
    may have something.
    """

    def __init__(self, event: threading.Event) -> None:
        self.set = event.set

    def clear(self) -> None:
        """Left to the reader."""


class Execution:
    """A command that runs on a channel.

    :param text: the command for the login shell of the host.
    :param timeout: seconds from now, for everything.
    """

    def __init__(self, connection: Connection, channel: paramiko.Channel,
                 cmd: command.Command, text: str, where: object, *,
                 timeout: float, max_output: int) -> None:
        self._connection = connection
        self._channel = channel
        self._cmd = cmd
        self._text = text
        self._where = where
        self._started = time.monotonic()
        self._deadline = self._started + timeout
        self._outputs = Kept(max_output), Kept(max_output)
        self._event = threading.Event()

    def run(self) -> command.Result:
        """Run it to its end; both outputs are read as they come.

        :raises NotSentError: it certainly was not sent.
        :raises Cut: the end was not seen.
        :raises BackendError: its output is longer than may be kept, or the
            host refuses to run any.
        """
        wake: Any = _Wake(self._event)
        self._channel.in_buffer.set_event(wake)
        self._channel.in_stderr_buffer.set_event(wake)
        left = self._deadline - time.monotonic() + ssh_connection.GRACE
        # Ends any wait of paramiko's own; that on the outputs ends itself.
        with self._connection.closed_after(left):
            if self._channel.closed or not self._connection.alive:
                raise NotSentError
            with meter.trip('SSH'):
                self._send()
                self._feed()
                self._read()
                return self._result()

    def _send(self) -> None:
        try:
            self._channel.exec_command(
                self._text.encode('utf-8', 'surrogateescape'))
        except (paramiko.SSHException, OSError, EOFError) as exc:
            if time.monotonic() >= self._deadline:
                raise self._cut(
                    f'no sign that it was begun within '
                    f'{self._cmd.timeout:g} s.', late=True) from exc
            if self._connection.confirmed_lost():
                raise self._cut('the connection was lost.') from exc
            raise exception.BackendError(
                f'{self._where} refuses to run commands.', answer=str(exc),
                check='log of sshd there, ForceCommand, login shell'
            ) from exc

    def _feed(self) -> None:
        """Send the input, beside the reading, and then its end."""
        data = self._cmd.input()
        if data is None:
            self._end_input()
        else:
            threading.Thread(
                target=self._feeder, name='ssh-input', daemon=True,
                args=(data.encode('utf-8', 'surrogateescape'),)).start()

    def _feeder(self, data: bytes) -> None:
        # A command need not read what it is given; and the end of the
        # channel ends the wait for room.
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            ssh_channel.send(self._channel, data)
        self._end_input()

    def _end_input(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            ssh_channel.send_end(self._channel)

    def _read(self) -> None:
        """Read both outputs until they end, and see the exit code."""
        channel = self._channel
        heard = time.monotonic()
        while True:
            self._event.clear()
            ended = bool(channel.eof_received) or channel.closed
            done = channel.status_event.is_set()
            try:
                if self._drain():
                    heard = time.monotonic()
                    continue
            except (paramiko.SSHException, OSError, EOFError):
                return
            now = time.monotonic()
            if done and (ended or now - heard >= LINGER):
                return
            if now >= self._deadline:
                self._connection.note_stall()
                raise self._cut(
                    f'not done within {self._cmd.timeout:g} s and may still '
                    f'run.', late=True)
            if ended:
                channel.status_event.wait(self._deadline - now)
            else:
                # The exit code alone does not wake us: look now and then.
                self._event.wait(min(self._deadline - now, 0.5))

    def _drain(self) -> int:
        """Take what has come of both outputs; how many bytes."""
        taken = 0
        stdout, stderr = self._outputs
        if self._channel.recv_ready():
            piece = self._channel.recv(_CHUNK)
            stdout.add(piece)
            taken += len(piece)
        if self._channel.recv_stderr_ready():
            piece = self._channel.recv_stderr(_CHUNK)
            stderr.add(piece)
            taken += len(piece)
        return taken

    def _result(self) -> command.Result:
        stdout, stderr = self._outputs
        status = self._channel.exit_status
        if status == -1:
            raise self._cut('the connection was lost, or a signal ended it: '
                            'no exit code came.')
        if not stdout.complete:
            raise exception.BackendError(
                f'Command {self._cmd} on {self._where} ended with exit code '
                f'{status} and printed {stdout.total} bytes, which is too '
                f'much to be of use.', status=status)
        return command.Result(stdout.text(), stderr.text(), status)

    def _cut(self, why: str, *, late: bool = False) -> verdict.Cut:
        stdout, stderr = self._outputs
        return verdict.cut(self._cmd, self._where, why, late=late,
                           stdout=stdout.text(), stderr=stderr.text())
