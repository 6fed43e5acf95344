# SPDX-License-Identifier: Apache-2.0

"""A real pool of connections, and made up what it logs in to.

So each moment can be chosen.
"""

import dataclasses
import threading
import time

import paramiko

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_pool
from tests import listening

#: Seconds that what has to happen may take on a busy machine.
SOON = min(30.0, listening.SECONDS)


class Session:
    """Stands for paramiko's transport of one login."""

    sock = None

    def __init__(self):
        self.up = True
        self.refuses = 0
        self.breaks = None
        self.timeouts = []

    def is_active(self):
        return self.up

    def open_session(self, timeout):
        self.timeouts.append(timeout)
        if self.breaks is not None:
            raise self.breaks
        if self.refuses:
            self.refuses -= 1
            raise paramiko.ChannelException(1, 'Administratively prohibited')
        return Channel()

    def close(self):
        self.up = False


class Channel:
    """Stands for paramiko's channel, whose end is never in peace."""

    ends = EOFError()

    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1
        raise self.ends


class Alarms:
    """A watch whose alarms ring when a test says so."""

    def __init__(self):
        self.set = []

    def after(self, seconds, action):
        self.set.append((seconds, action))
        return self.set[-1]

    def cancel(self, alarm):
        if alarm in self.set:
            self.set.remove(alarm)

    def ring(self):
        (_, action), = self.set
        self.set.clear()
        action()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Caller(threading.Thread):
    """Somebody who wants a place, and keeps it until told to go."""

    def __init__(self, pool, *, daemon=True):
        super().__init__(daemon=daemon)
        self._pool = pool
        self._served, self._leave = threading.Event(), threading.Event()
        self.connection = self.error = self.channel = None
        self.start()

    def run(self):
        try:
            with self._pool.channel() as (self.connection, self.channel):
                self._served.set()
                self._leave.wait(SOON * 2)
        except exception.DriverError as exc:
            self.error = exc
        self._served.set()

    @property
    def waits(self):
        return not self._served.is_set()

    def served(self):
        assert self._served.wait(SOON)
        return self.connection

    def leave(self):
        self._leave.set()
        self.join(SOON)
        assert not self.is_alive()


def until(true):
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Place:
    """A pool, and all that was made by it."""

    def __init__(self, monkeypatch):
        self.sessions, self.callers = [], []
        self.alarms = Alarms()
        self.failure = None
        self.begun = 0
        self.open = threading.Event()
        self.open.set()
        monkeypatch.setattr(ssh_login, 'log_in', self._log_in)

    def _log_in(self, target):
        self.begun += 1
        self.open.wait(SOON)
        if self.failure is not None:
            raise self.failure
        self.sessions.append(Session())
        return self.sessions[-1]

    def make(self, **parts):
        self.pool = ssh_pool.SshPool(ssh.Target(
            'nfs1', ssh.Login('manila', password=command.Secret('x')),
            None, **parts), self.alarms)
        return self.pool

    def call(self, *, queued=None):
        """Somebody comes; ``queued``: and is number so many who waits."""
        caller = Caller(self.pool)
        self.callers.append(caller)
        if queued is None:
            caller.served()
        else:
            until(lambda: len(self.pool._waiters) == queued)
        return caller

    def fill(self, number=ssh_connection.CHANNELS):
        return [self.call() for _ in range(number)]

    def hurry(self, seconds):
        """From now on nobody has more time."""
        self.pool.target = dataclasses.replace(
            self.pool.target, connect_timeout=seconds)

    def busy(self):
        return [one.busy for one in self.pool._connections]
