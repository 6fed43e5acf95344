# SPDX-License-Identifier: Apache-2.0

"""A driver as a share service has it: a process that goes on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as ty
import uuid

from tests.functional.lab import box

#: Seconds for the longest call of a driver, on a busy machine.
SECONDS = 300.0

ROOT = pathlib.Path(__file__).parents[3]


class Raised(Exception):
    """The driver raised; ``kinds`` are the names of its classes."""

    def __init__(self, kinds: list[str], text: str) -> None:
        super().__init__(f'{kinds[0]}: {text}')
        self.kinds = kinds
        self.text = text


class Service:
    """One driver on the Manila host.

    :param host: where it runs
    :param config: its manila.conf; whatever it keeps lies beside it
    """

    def __init__(self, host: box.Box, dotted_path: str,
                 config: pathlib.Path, section: str) -> None:
        self._config = config
        self._host = host
        self._words = [sys.executable, '-m', 'tests.functional.lab.calling',
                       dotted_path, str(config), section]
        self.trips: dict[str, int] = {}
        self.seconds = 0.0
        self._start()

    def call(self, method: str, *arguments: ty.Any,
             **named: ty.Any) -> ty.Any:
        """Call a method of the driver; what it cost is in ``trips``.

        :raises Raised: what the driver raised
        """
        process = self._process
        assert process.stdin
        process.stdin.write(json.dumps([method, arguments, named]) + '\n')
        process.stdin.flush()
        line = box.said(process, SECONDS)
        assert line, f'the driver is gone: {self.log()}'
        answer = json.loads(line)
        self.trips, self.seconds = answer['trips'], answer['seconds']
        if 'kinds' in answer:
            raise Raised(answer['kinds'], answer['text'])
        return answer['value']

    def kill(self) -> None:
        """End the process, whatever it is doing: its call ends, too."""
        # The process group is that of nsenter, which the driver is in.
        os.killpg(self._process.pid, signal.SIGKILL)

    def restart(self) -> None:
        """A fresh process, as after a crash."""
        box.end(self._process)
        self._start()

    def _start(self) -> None:
        environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
        self._process = self._host.popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment)
        self.call('do_setup', None)
        self.call('check_for_setup_error')

    def close(self) -> None:
        box.end(self._process)

    def log(self, characters: int = 4000) -> str:
        log = self._config.with_name(self._config.name + '.log')
        return log.read_text()[-characters:] if log.exists() else ''


def configure(directory: pathlib.Path, section: str,
              options: ty.Mapping[str, ty.Any]) -> pathlib.Path:
    """A manila.conf with one backend, in a directory that is its own."""
    lines = ['[DEFAULT]', f'state_path = {directory / "state"}',
             '[oslo_concurrency]', f'lock_path = {directory / "locks"}',
             f'[{section}]',
             *(f'{name} = {value}' for name, value in options.items())]
    (directory / 'state').mkdir(exist_ok=True)
    config = directory / f'{section}-{uuid.uuid4().hex[:8]}.conf'
    config.write_text('\n'.join(lines) + '\n')
    return config
