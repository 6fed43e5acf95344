# SPDX-License-Identifier: Apache-2.0

"""One connection: channels on it, and whether it is still good."""

from collections.abc import Iterator
import contextlib
import socket
import time

import paramiko

from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_watch
from manila_drivers.transport.ssh_target import CHANNELS

#: Commands after which a connection is replaced: paramiko remembers the
#: number of every channel that a connection ever had.
LIFETIME = 20_000

#: Commands given up on one connection before it is replaced.  sshd counts
#: them against MaxSessions for as long as they run.
STALLED = 3

#: Openings refused in a row, with nothing else running, before it is
#: replaced.
REFUSED = 3

#: Seconds that an orderly end may take longer than its deadline.
GRACE = 2.0

#: More of them while commands of others run beside it and none has been given
#: up: then it is this process that is held up, as by a pause of its machine.
SPARING = 28.0

# Seconds that sshd may take to open a channel.  It does so itself, without
# starting anything.
_OPENING = 10.0


class NotOpenedError(Exception):
    """No channel, so the command was not sent and may be sent elsewhere."""


class Connection:
    """A login that carries several commands at a time.

    The pool alone changes ``busy`` and ``limit``, under its lock.
    """

    def __init__(self, transport: paramiko.Transport,
                 watch: ssh_watch.Watch) -> None:
        self._transport = transport
        self._watch = watch
        self.busy = 0
        self.limit = CHANNELS
        self.idle_since = time.monotonic()
        self._opened = 0
        self._stalled = 0
        self._refused = 0

    @property
    def alive(self) -> bool:
        """Return whether the session stands, as far as is known."""
        return self._transport.is_active()

    @property
    def worn(self) -> bool:
        """Return whether it should get no more commands."""
        return (self._opened >= LIFETIME or self._stalled >= STALLED
                or self._refused >= REFUSED)

    def open(self, timeout: float) -> paramiko.Channel:
        """Open a channel.

        :raises NotOpenedError: refused, or the connection is lost.
        """
        timeout = min(timeout, _OPENING)
        try:
            # The limit of open_session() does not cover the sending.
            with self.closed_after(timeout + GRACE):
                channel = self._transport.open_session(timeout=timeout)
        except (paramiko.SSHException, OSError, EOFError) as exc:
            if self.alive and 'imeout' in str(exc):
                # It would count for an open one when it opens after all.
                self._wear_out()
            raise NotOpenedError(str(exc) or 'end of file') from exc
        self._opened += 1
        self._refused = 0
        return channel

    def _wear_out(self) -> None:
        """Give it no more commands, and let those that run on it end."""
        if self.busy > 1:
            self._opened = LIFETIME
        else:
            self.close()

    @contextlib.contextmanager
    def closed_after(self, seconds: float,
                     sparing: float = 0.0) -> Iterator[None]:
        """End the session unless the block is left within ``seconds``.

        That ends every wait of paramiko on it.

        :param sparing: seconds more, as long as others would be cut off of
            whose commands none has been given up.
        """
        def lapse() -> None:
            if self.busy < 2 or self._stalled or not sparing:
                self.close()
            else:
                alarms.append(self._watch.after(sparing, last))

        def last() -> None:
            # It may have been left while the first one rang.
            if not left:
                self.close()

        left: list[bool] = []
        alarms = [self._watch.after(seconds, lapse)]
        try:
            yield
        finally:
            left.append(True)
            for alarm in alarms:
                self._watch.cancel(alarm)

    def leaving(self) -> contextlib.AbstractContextManager[None]:
        """End the session if the end of a command cannot be sent."""
        return self.closed_after(GRACE, SPARING)

    def note_stall(self) -> None:
        """A command on it was given up."""
        self._stalled += 1

    def note_refusal(self) -> None:
        """An opening was refused; called under the pool's lock.

        With others running, there are as many sessions as the server
        allows; without, it may not have noticed the end of the last ones.
        """
        if self.busy > 1:
            self.limit = max(1, min(self.limit, self.busy - 1))
        else:
            self._refused += 1

    def confirmed_lost(self, patience: float = 0.5) -> bool:
        """Return whether the session ends within ``patience`` seconds.

        A channel learns of the end a moment before the session says so.
        """
        self._transport.join(patience)
        return not self.alive

    def close(self) -> None:
        """End the session and every command that still runs on it."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            ssh_login.close(self._transport)

    def abandon(self) -> None:
        """Let go of a session that belongs to the parent process.

        Nothing is sent, and no lock is taken, which a thread of the parent
        may have held when the process was forked.
        """
        self._transport.active = False  # type: ignore[attr-defined]
        if isinstance(self._transport.sock, socket.socket):
            self._transport.sock.close()
