# SPDX-License-Identifier: Apache-2.0

"""The machine protocol of QEMU: what turns the screws of a guest."""

import json
import socket
import time
import typing as ty

from tests import patience


class QmpError(AssertionError):
    """QEMU refused a command."""


class Qmp:
    """A connection to a running machine."""

    def __init__(self, path: str, seconds: float = 60) -> None:
        self._seconds = patience.seconds(seconds)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(self._seconds)
        self._socket.connect(path)
        self._file = self._socket.makefile('r')
        self._answer()
        self.do('qmp_capabilities')

    def do(self, command: str, **arguments: ty.Any) -> ty.Any:
        """Run a command; events that come in between are passed over.

        :raises QmpError: with QEMU's own words
        """
        request = {'execute': command, 'arguments': arguments}
        self._socket.sendall(json.dumps(request).encode() + b'\n')
        while True:
            answer = self._answer()
            if 'error' in answer:
                raise QmpError(f'{command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']

    def wait_for(self, event: str, **data: str) -> None:
        """Wait until QEMU tells of an event with this data.

        :raises QmpError: it has told of others only
        """
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            answer = self._answer()
            if answer.get('event') == event and data.items() <= {
                    **answer.get('data', {})}.items():
                return
        raise QmpError(f'no {event} of {data} within {self._seconds:g} s')

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _answer(self) -> dict[str, ty.Any]:
        line = self._file.readline()
        if not line:
            raise QmpError('the machine is gone')
        answer: dict[str, ty.Any] = json.loads(line)
        return answer
