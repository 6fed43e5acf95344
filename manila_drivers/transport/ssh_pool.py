# SPDX-License-Identifier: Apache-2.0

"""The connections of one host, shared by every thread that talks to it.

A caller gets a place on a connection, or waits its turn.  A connection more
is made when somebody has waited for a moment, one at a time and by a thread
of its own: no caller ever logs in while it holds the lock, a login that
fails tells everybody who waits, and sshd never sees a stampede.

Where sshd does not answer, or hangs up, there is another login after a pause,
as long as somebody waits who has patience: ``connect_timeout``, or less where
``retry.patience`` says so.  Nothing of their command was sent by then.
"""

from collections import deque
from collections.abc import Iterator
import contextlib
import dataclasses
import logging
import math
import threading
import time

import paramiko

from manila_drivers import exception
from manila_drivers.transport import meter
from manila_drivers.transport import retry
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_process
from manila_drivers.transport import ssh_watch
from manila_drivers.transport.ssh_connection import Connection
from manila_drivers.transport.ssh_target import Target

LOG = logging.getLogger(__name__)

#: Seconds that a caller waits for a place before another login is made for
#: it.  Most commands are done sooner than a login.
PATIENCE = 0.1

#: Seconds after a failed login during which those who have a connection do
#: without another one.
PENALTY = 5.0

# How an opening that was refused is repeated, and a login that was not
# answered.  For how long is up to who waits.
_RETRY = retry.RetryPolicy(first=0.02, longest=1.0, total=math.inf)
_AWAY = retry.RetryPolicy(first=0.2, longest=4.0)


class _Waiter:
    """Somebody who waits for a place; served in the order of coming."""

    __slots__ = ('connection', 'error', 'ready', 'since', 'until')

    def __init__(self, deadline: float) -> None:
        self.ready = threading.Event()
        self.since = time.monotonic()
        # Of its patience with a host that does not answer.
        self.until = min(deadline, self.since + retry.present_patience())
        self.connection: Connection | None = None
        self.error: exception.DriverError | None = None


@dataclasses.dataclass
class _Outage:
    """Logins to a host that does not answer, until one succeeds.

    :param until: when the next one is due.
    """

    since: float
    error: ssh_login.Away
    tries: int = 0
    until: float = 0.0

    def told(self) -> exception.DriverError:
        """The error for a caller."""
        spent = time.monotonic() - self.since
        often = f', {self.tries} times within {spent:.0f} s' \
            if self.tries > 1 else ''
        error = exception.Unreachable(
            f'{self.error.what}{often}.', answer=self.error.answer,
            check=self.error.check)
        error.__cause__ = self.error
        return error


class SshPool(ssh_process.PerProcess):
    """At most ``target.max_connections`` connections to one host."""

    def __init__(self, target: Target, watch: ssh_watch.Watch) -> None:
        self.target = target
        self._watch = watch
        self._connections: list[Connection] = []
        super().__init__()

    def _begin(self) -> None:
        for connection in self._connections:
            connection.abandon()
        self._connections = []
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        self._logging_in = False
        self._generation = 0
        self._penalty_until = 0.0
        self._outage: _Outage | None = None
        self._reaping: ssh_watch.Alarm | None = None

    @contextlib.contextmanager
    def channel(self) -> Iterator[tuple[Connection, paramiko.Channel]]:
        """A channel that nothing was sent on yet.

        :raises Unreachable: there is none within the target's
            connect_timeout; nothing was sent.
        """
        self._check_process()
        deadline = time.monotonic() + self.target.connect_timeout
        connection, channel = self._open(deadline)
        try:
            yield connection, channel
        finally:
            # Sending the end must not wait for ever either.
            with connection.leaving(), contextlib.suppress(
                    OSError, EOFError, paramiko.SSHException):
                channel.close()
            self._release(connection)

    def _open(self, deadline: float) -> tuple[Connection, paramiko.Channel]:
        started = time.monotonic()
        attempt = 0
        while True:
            connection = self._acquire(deadline)
            try:
                return connection, connection.open(
                    max(0.1, deadline - time.monotonic()))
            except ssh_connection.NotOpenedError as exc:
                attempt += 1
                self._release(connection, refused=connection.alive)
                pause = _RETRY.pause(attempt)
                now = time.monotonic()
                if (not _RETRY.again(attempt, now - started)
                        or now + pause > deadline):
                    raise exception.Unreachable(
                        f'{self.target} opens no session for a command, '
                        f'{attempt} times.', answer=str(exc),
                        check='MaxSessions of its sshd, and its load'
                    ) from exc
                LOG.debug('No session on %s, once more in %.2f s: %s',
                          self.target, pause, exc)
            except BaseException:
                self._release(connection)
                raise
            time.sleep(pause)

    def _acquire(self, deadline: float) -> Connection:
        """A place on a connection, in turn."""
        with self._lock:
            if not self._waiters:
                connection = self._free()
                if connection is not None:
                    connection.busy += 1
                    return connection
            waiter = _Waiter(deadline)
            self._waiters.append(waiter)
            self._grow()
        try:
            self._wait(waiter, deadline)
        except BaseException:
            # Green threads can be killed while they wait.
            self._withdraw(waiter)
            raise
        if waiter.connection is None:
            raise waiter.error or self._late()
        return waiter.connection

    def _wait(self, waiter: _Waiter, deadline: float) -> None:
        if not waiter.ready.wait(PATIENCE):
            with self._lock:
                self._grow()
            # A login that began just now should tell why it failed.
            left = deadline - time.monotonic() + ssh_connection.GRACE
            waiter.ready.wait(max(0.0, left))
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _withdraw(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        if waiter.connection is not None:
            self._release(waiter.connection)

    def _late(self) -> exception.DriverError:
        outage = self._outage
        if outage is not None:
            return outage.told()
        return exception.Unreachable(
            f'No turn on a connection to {self.target} within '
            f'{self.target.connect_timeout:g} s.',
            check='what keeps its %d connections busy, and '
            'ssh_max_pool_conn' % self.target.max_connections)

    def _free(self) -> Connection | None:
        """The least busy connection with a place; called under the lock."""
        self._prune()
        return min((connection for connection in self._connections
                    if connection.busy < connection.limit
                    and not connection.worn),
                   key=lambda connection: connection.busy, default=None)

    def _prune(self) -> None:
        """Forget what is dead; called under the lock."""
        dead = [one for one in self._connections
                if not one.alive or (one.worn and not one.busy)]
        for connection in dead:
            self._connections.remove(connection)
            # Closing sends nothing and waits for nobody.
            connection.close()

    def _serve(self) -> None:
        """Give free places to those who wait; called under the lock."""
        while self._waiters:
            connection = self._free()
            if connection is None:
                break
            waiter = self._waiters.popleft()
            connection.busy += 1
            waiter.connection = connection
            waiter.ready.set()

    def _grow(self) -> None:
        """Log in once more if somebody waits; called under the lock."""
        if not self._waiters or self._logging_in:
            return
        useful = [one for one in self._connections
                  if one.alive and not one.worn]
        now = time.monotonic()
        if useful:
            if (len(self._connections) >= self.target.max_connections
                    or now < self._waiters[0].since + PATIENCE
                    or now < self._penalty_until):
                return
        elif self._outage is not None and now < self._outage.until:
            return
        self._logging_in = True
        threading.Thread(
            target=meter.carried(self._log_in), args=(self._generation,),
            name='ssh-login', daemon=True).start()

    def _log_in(self, generation: int) -> None:
        started = time.monotonic()
        connection: Connection | None = None
        error: exception.DriverError | None = None
        try:
            connection = Connection(ssh_login.log_in(self.target),
                                    self._watch)
            LOG.info('Logged in to %s within %.3f s', self.target,
                     time.monotonic() - started)
        except exception.DriverError as exc:
            error = exc
        except Exception as exc:
            LOG.exception('Login to %s failed', self.target)
            error = exception.Unreachable(
                f'No login to {self.target}.', answer=repr(exc))
        meter.count('SSH login', time.monotonic() - started, error)
        with self._lock:
            stale = generation != self._generation
            if not stale:
                self._logged_in(connection, error, started)
        if stale and connection is not None:
            connection.close()

    def _logged_in(self, connection: Connection | None,
                   error: exception.DriverError | None,
                   started: float) -> None:
        """Spread the outcome of a login; called under the lock."""
        self._logging_in = False
        if connection is not None:
            self._outage = None
            self._connections.append(connection)
            self._arm()
        elif error is not None:
            self._penalty_until = time.monotonic() + PENALTY
            self._prune()
            if self._connections:
                LOG.warning('%s has %d connections and gets no more: %s',
                            self.target, len(self._connections), error)
                # Those who wait then may have nobody else to remind us.
                self._watch.after(PENALTY, self._remind)
            elif isinstance(error, ssh_login.Away):
                self._sit_out(error, started)
            else:
                self._fail(error)
        self._serve()
        self._grow()

    def _remind(self) -> None:
        with self._lock:
            if not self._waiters:
                self._outage = None
            self._grow()

    def _sit_out(self, error: ssh_login.Away, started: float) -> None:
        """Have another login made for the patient; under the lock.

        The last one comes when the time of the most patient is over.
        """
        outage = self._outage = self._outage or _Outage(started, error)
        outage.error = error
        outage.tries += 1
        now = time.monotonic()
        longest = max((one.until for one in self._waiters), default=now)
        pause = min(_AWAY.pause(outage.tries), longest - now)
        outage.until = now + pause
        patient = [one for one in self._waiters
                   if one.until > now and one.until >= outage.until]
        for waiter in self._waiters:
            if waiter not in patient:
                waiter.error = outage.told()
                waiter.ready.set()
        self._waiters = deque(patient)
        if patient:
            LOG.log(logging.DEBUG if outage.tries > 1 else logging.WARNING,
                    'Another login to %s in %.1f s: %s', self.target, pause,
                    error)
            self._watch.after(pause, self._remind)
        else:
            self._outage = None

    def _fail(self, error: exception.DriverError) -> None:
        """Tell everybody who waits; called under the lock."""
        self._outage = None
        while self._waiters:
            waiter = self._waiters.popleft()
            waiter.error = _copy(error)
            waiter.ready.set()

    def _release(self, connection: Connection, *,
                 refused: bool = False) -> None:
        with self._lock:
            if refused:
                connection.note_refusal()
            connection.busy -= 1
            connection.idle_since = time.monotonic()
            self._prune()
            self._serve()
            self._grow()
            self._arm()

    def _arm(self) -> None:
        """Have idle connections closed in time; called under the lock."""
        if (self._reaping is None
                and len(self._connections) > self.target.min_connections):
            self._reaping = self._watch.after(self.target.idle, self._reap)

    def _reap(self) -> None:
        with self._lock:
            self._reaping = None
            self._prune()
            before = time.monotonic() - self.target.idle
            idle = sorted((one for one in self._connections if not one.busy),
                          key=lambda one: one.idle_since)
            spare = len(self._connections) - self.target.min_connections
            for connection in idle[:max(0, spare)]:
                if connection.idle_since <= before:
                    LOG.debug('Closing an idle connection to %s',
                              self.target)
                    self._connections.remove(connection)
                    connection.close()
            self._arm()

    def close(self) -> None:
        """End all sessions, and what runs on them; the next use logs in.

        Those who wait for their turn get Unreachable.
        """
        self._check_process()
        with self._lock:
            self._generation += 1
            self._logging_in = False
            ended, self._connections = self._connections, []
            self._watch.cancel(self._reaping)
            self._reaping = None
            self._fail(exception.Unreachable(
                f'The connections to {self.target} were closed.'))
        for connection in ended:
            connection.close()


def _copy(error: exception.DriverError) -> exception.DriverError:
    """Copy an error for another thread, which adds its own traceback."""
    copied = error.__class__.__new__(error.__class__)
    copied.args = error.args
    copied.__dict__.update(error.__dict__)
    copied.__cause__ = error
    return copied
