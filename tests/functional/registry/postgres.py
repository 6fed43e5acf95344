# SPDX-License-Identifier: Apache-2.0

"""A PostgreSQL server of a test's own, on a socket in a directory."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from tests import patience

USER, PASSWORD = 'registry', 'open-sesame-9'


def programs():
    """Return the directory of the newest server programs, None if none."""
    found = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin/initdb'),
                   key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


class Postgres:
    """One server; it stays up while it is entered."""

    def __init__(self):
        self._programs = programs()
        self._home = pathlib.Path(tempfile.mkdtemp(prefix='postgres-'))
        # The server does not run as root.
        self._as = ({'user': 'postgres', 'group': 'postgres',
                     'extra_groups': []} if os.geteuid() == 0 else {})
        self._process = None

    def _run(self, *words, **more):
        return subprocess.run(
            [str(self._programs / words[0]), *map(str, words[1:])],
            check=True, capture_output=True, text=True,
            timeout=patience.seconds(60),
            cwd=self._home, **self._as, **more)

    def __enter__(self):
        if self._as:
            shutil.chown(self._home, 'postgres', 'postgres')
        self._home.chmod(0o711)
        secret = self._home / 'secret'
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run('initdb', '-D', self._home / 'data', '-U', USER, '-N',
                  '--auth=scram-sha-256', '--pwfile', secret,
                  '--encoding=UTF8', '--locale=C.UTF-8')
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self):
        with (self._home / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                [str(self._programs / 'postgres'), '-D', self._home / 'data',
                 '-c', 'listen_addresses=', '-c', 'fsync=off',
                 '-c', f'unix_socket_directories={self._home}'],
                stdout=log, stderr=log, cwd=self._home, **self._as)
        ends = time.monotonic() + patience.seconds(60)
        while subprocess.run(
                [str(self._programs / 'pg_isready'), '-q', '-h', self._home],
                check=False).returncode:
            if time.monotonic() > ends or self._process.poll() is not None:
                raise RuntimeError((self._home / 'log').read_text())
            time.sleep(0.1)

    def stop(self, number=signal.SIGINT):
        self._process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience.seconds(30))
        self._process.kill()
        self._process.wait()

    def database(self, name):
        """Make a database; return its URL."""
        self._run('createdb', '-h', self._home, '-U', USER, name,
                  env={**os.environ, 'PGPASSWORD': PASSWORD})
        return (f'postgresql+psycopg2://{USER}:{PASSWORD}@/{name}'
                f'?host={self._home}')
