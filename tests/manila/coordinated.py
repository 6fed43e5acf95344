# SPDX-License-Identifier: Apache-2.0

"""Tell what our locks do with a Redis that comes and goes, as JSON.

Inside Manila, with the coordinator that tooz makes of it.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from oslo_config import cfg

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import locks
from tests import patience


class Redis:
    """A server that keeps nothing when it ends."""

    def __init__(self, directory):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        self._directory = directory
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            ['redis-server', '--port', str(self.port), '--bind', '127.0.0.1',
             '--requirepass', 'open-sesame', '--save', '', '--dir',
             self._directory], stdout=subprocess.DEVNULL)
        ends = time.monotonic() + patience.seconds(30)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(
                    ('127.0.0.1', self.port), 1):
                return
            if time.monotonic() > ends:
                raise RuntimeError('redis-server does not start')
            time.sleep(0.02)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)


class Told(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def attempt(timeout=0.3):
    """Return what taking the lock came to, and seconds."""
    started = time.monotonic()
    try:
        with compat.lock('one', timeout=timeout):
            answer = 'held'
    except exception.DriverError as exc:
        answer = f'{type(exc).__name__}: {exc}'
    return [answer, time.monotonic() - started]


def held(meanwhile):
    """Return what was logged of a lock during which something happens."""
    told = Told()
    locks.LOG.addHandler(told)
    started = time.monotonic()
    try:
        with compat.lock('one', timeout=5):
            meanwhile()
    finally:
        locks.LOG.removeHandler(told)
    return [told.lines, time.monotonic() - started]


def in_child(take=attempt):
    """Return what a forked child came to, and how many it has started."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(write, json.dumps(
            [take(), len(compat._coordinators._started)]).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return json.loads(os.read(read, 10000))


def eventually(wanted='held'):
    ends = time.monotonic() + patience.seconds(30)
    while True:
        answer = attempt()
        if answer[0] == wanted or time.monotonic() > ends:
            return answer[0]


def play(redis):
    locks.ANSWER = 1.0
    told = {'down': attempt()}
    redis.start()
    # What was asked while it was down may get the lock for a moment.
    told['up'] = eventually('held')
    told['kept'] = held(lambda: None)
    with compat.lock('one'):
        told['child while held'] = in_child()
    told['child'] = in_child(eventually)
    redis.freeze()
    told['frozen'] = attempt()
    redis.thaw()
    told['thawed'] = eventually('held')
    told['frozen meanwhile'] = held(redis.freeze)
    redis.thaw()
    told['thawed again'] = eventually('held')

    def restart():
        redis.stop()
        redis.start()
    told['lost'] = held(restart)
    told['gone meanwhile'] = held(redis.stop)
    told['gone'] = attempt()
    redis.start()
    told['back'] = eventually('held')
    return told


def main():
    from manila import coordination  # noqa: F401 - registers the option
    with tempfile.TemporaryDirectory() as state:
        cfg.CONF([], project='manila', default_config_files=[])
        redis = Redis(state)
        cfg.CONF.set_override('state_path', state)
        cfg.CONF.set_override('lock_path', state, 'oslo_concurrency')
        cfg.CONF.set_override(
            'backend_url', f'redis://:open-sesame@127.0.0.1:{redis.port}'
            '?socket_timeout=20', 'coordination')
        try:
            json.dump(play(redis), sys.stdout)
        finally:
            redis.stop()


if __name__ == '__main__':
    from manila.common import config  # noqa: F401 - registers options
    main()
    sys.stdout.flush()
    # Threads that wait for a server that froze need not be waited for.
    os._exit(0)
