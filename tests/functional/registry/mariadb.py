# SPDX-License-Identifier: Apache-2.0

"""A MariaDB server of a test's own, on a socket in a directory."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pymysql

from tests import patience

USER, PASSWORD = 'registry', 'open-sesame-9'


def programs():
    """Return the directory above the server's programs, None if none."""
    path = f'{os.environ["PATH"]}:/usr/sbin'
    found = shutil.which('mariadbd', path=path)
    return pathlib.Path(found).parent.parent if found else None


class Mariadb:
    """One server; it stays up while it is entered."""

    def __init__(self):
        self._base = programs()
        self._home = pathlib.Path(tempfile.mkdtemp(prefix='mariadb-'))
        self._socket = self._home / 'socket'
        self._process = None
        self._starts = 0

    def __enter__(self):
        self._home.chmod(0o755)
        subprocess.run(
            [self._base / 'bin' / 'mariadb-install-db', '--no-defaults',
             f'--basedir={self._base}', f'--datadir={self._home}/data',
             *self._as, '--auth-root-authentication-method=normal',
             '--skip-test-db'], check=True, capture_output=True,
            timeout=patience.seconds(120))
        self.start()
        self._do(f"CREATE USER {USER}@localhost IDENTIFIED BY '{PASSWORD}'")
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _as(self):
        # It does not run as root unless it is told to.
        return ['--user=root'] if os.geteuid() == 0 else []

    def start(self):
        with (self._home / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                [self._base / 'sbin' / 'mariadbd', '--no-defaults',
                 f'--basedir={self._base}', f'--datadir={self._home}/data',
                 f'--socket={self._socket}', '--skip-networking', *self._as,
                 f'--lc-messages-dir={self._base}/share/mysql',
                 '--innodb-flush-log-at-trx-commit=0'],
                stdout=log, stderr=log)
        ends = time.monotonic() + patience.seconds(60)
        # A connection that is refused leaves a socket to the collector.
        while (self._home / 'log').read_text().count('ready for conn') \
                <= self._starts:
            if time.monotonic() > ends or self._process.poll() is not None:
                raise RuntimeError((self._home / 'log').read_text())
            time.sleep(0.1)
        self._starts += 1

    def _do(self, *statements):
        with contextlib.closing(pymysql.connect(
                unix_socket=str(self._socket), user='root',
                connect_timeout=10)) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience.seconds(30))
        self._process.kill()
        self._process.wait()

    def database(self, name):
        """Make a database; return its URL."""
        self._do(f'CREATE DATABASE {name} CHARACTER SET utf8mb4',
                 f'GRANT ALL ON {name}.* TO {USER}@localhost')
        return (f'mysql+pymysql://{USER}:{PASSWORD}@localhost/{name}'
                f'?unix_socket={self._socket}')
