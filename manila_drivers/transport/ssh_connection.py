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
                self.close()
            raise NotOpenedError(str(exc) or 'end of file') from exc
        self._opened += 1
        self._refused = 0
        return channel

    @contextlib.contextmanager
    def closed_after(self, seconds: float) -> Iterator[None]:
        """End the session unless the block is left within ``seconds``.

        That ends every wait of paramiko on it.
        """
        alarm = self._watch.after(seconds, self.close)
        try:
            yield
        finally:
            self._watch.cancel(alarm)

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
