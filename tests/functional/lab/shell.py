# SPDX-License-Identifier: Apache-2.0

"""A shell that goes on, for many commands one after the other.

A session of sshd for each of them would cost an emulated machine more than
most of the commands do.
"""

import os
import select
import shlex
import subprocess
import time
import typing as ty
import uuid

from tests import patience
from tests.functional.lab import box

#: What ssh says when it has lost the other side.
LOST = 255


class Shell:
    """A process that reads commands of a Bourne shell.

    :param process: with pipes for its input and output, in binary; this
        object ends it
    """

    def __init__(self, process: 'subprocess.Popen[ty.Any]') -> None:
        self._process = process
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(self._in, False)
        #: Nothing that a command says looks like this.
        self._mark = f'\n{uuid.uuid4().hex}\n'.encode()
        self._ready = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, words: ty.Sequence[str], stdin: str, seconds: float
            ) -> 'subprocess.CompletedProcess[str]':
        """Run a command to its end.

        What becomes of one that takes too long, or of which the connection
        is lost, is not known; this shell has ended then.

        :returns: with the status :data:`LOST`, if the connection is
        :raises subprocess.TimeoutExpired: it was not done in time
        """
        try:
            said = self._exchange(self._script(words, stdin), seconds) \
                if self.alive else None
        except TimeoutError:
            self.close()
            raise subprocess.TimeoutExpired(words, seconds) from None
        except BaseException:
            self.close()
            raise
        if said is None:
            self.close()
            return subprocess.CompletedProcess(
                words, LOST, '', 'the connection was lost')
        self._ready = True
        first, err, _ = said.split(self._mark)
        status, _, out = first.partition(b'\n')
        return subprocess.CompletedProcess(words, int(status), out.decode(),
                                           err.decode())

    def close(self) -> None:
        box.end(self._process)

    def _script(self, words: ty.Sequence[str], stdin: str) -> bytes:
        """The command, and what tells its outputs and its end apart."""
        lines = [] if self._ready else [
            'd=$(mktemp -d /tmp/lab.XXXXXX)',
            f'printf %s {shlex.quote(self._mark.decode())} >"$d/mark"']
        source = '/dev/null'
        if stdin:
            source, end = '$d/in', uuid.uuid4().hex
            lines += [f"cat <<'{end}' >\"$d/in\"",
                      stdin.removesuffix('\n'), end]
            if not stdin.endswith('\n'):
                # A here-document ends with a line.
                lines.append('truncate -s -1 "$d/in"')
        lines += [
            # What it does to the shell itself stays in here.
            f'({shlex.join(words)}) <"{source}" >"$d/out" 2>"$d/err"',
            'echo $?', 'cat "$d/out" "$d/mark" "$d/err" "$d/mark"', '']
        return '\n'.join(lines).encode()

    def _exchange(self, data: bytes, seconds: float) -> bytes | None:
        """Send a script and return its answer; None: nobody is there.

        :raises TimeoutError: it is not complete in time
        """
        limit, said = time.monotonic() + patience.seconds(seconds), b''
        while said.count(self._mark) < 2:
            left = max(0.0, limit - time.monotonic())
            told, room, _ = select.select(
                [self._out], [self._in] if data else [], [], left)
            if not told and not room:
                raise TimeoutError
            try:
                if room:
                    data = data[os.write(self._in, data[:32768]):]
            except BrokenPipeError:
                return None
            if told:
                more = os.read(self._out, 65536)
                if not more:
                    return None
                said += more
        return said
