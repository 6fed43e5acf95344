# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate`` as a process of its own."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def running(*arguments, **environment):
    """The process, and what it printed until it listened."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'manila_drivers.cli.main', 'simulate',
         *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, **environment})
    try:
        lines = []
        for line in process.stdout:
            if line.startswith('Listening'):
                break
            lines.append(line)
        yield process, ''.join(lines)
    finally:
        process.kill()
        process.communicate()


def ended(process, number=signal.SIGTERM):
    process.send_signal(number)
    output, errors = process.communicate(timeout=patience.seconds(20))
    return process.returncode, output, errors


def refused(*arguments, **environment):
    """Exit code and what it says of arguments that make no sense."""
    done = subprocess.run(
        [sys.executable, '-m', 'manila_drivers.cli.main', *arguments],
        capture_output=True, text=True, cwd=ROOT,
        timeout=patience.seconds(60), check=False,
        env={**os.environ, **environment})
    assert 'Traceback' not in done.stderr
    return done.returncode, done.stderr
