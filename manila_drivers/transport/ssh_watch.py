# SPDX-License-Identifier: Apache-2.0

"""Alarms: what has to happen at a time although nobody is there to do it.

paramiko waits without a limit for the answer to an exec request and for room
to write.  Somebody else has to end such a wait, and to close connections
that nobody uses any more: one thread, which lives only while there is
something to wait for.
"""

from collections.abc import Callable
import logging
import threading
import time

from manila_drivers.transport import ssh_process

LOG = logging.getLogger(__name__)


class Alarm:
    """Something to be done at a time, unless it is cancelled before."""

    __slots__ = ('action', 'at')

    def __init__(self, at: float, action: Callable[[], object]) -> None:
        self.at = at
        self.action = action


class Watch(ssh_process.PerProcess):
    """Runs alarms on a thread of its own.

    Actions have to be short and must not wait.
    """

    def _begin(self) -> None:
        self._changed = threading.Condition()
        # As they were set; of those for one time the first rings first.
        self._alarms: dict[Alarm, None] = {}
        self._thread: threading.Thread | None = None
        self._next = 0.0

    def after(self, seconds: float, action: Callable[[], object]) -> Alarm:
        """Have ``action`` called in ``seconds`` from now."""
        self._check_process()
        alarm = Alarm(time.monotonic() + seconds, action)
        with self._changed:
            self._alarms[alarm] = None
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name='ssh-watch', daemon=True)
                self._next = alarm.at
                self._thread.start()
            elif alarm.at < self._next:
                self._changed.notify()
        return alarm

    def cancel(self, alarm: Alarm | None) -> None:
        """Forget an alarm; it may be over, or running right now."""
        if alarm is not None:
            self._check_process()
            # The thread is not told: waking once too often is cheaper than
            # waking for each command that ends in time.
            with self._changed:
                self._alarms.pop(alarm, None)

    def close(self) -> None:
        """Forget all alarms and let the thread end."""
        self._check_process()
        with self._changed:
            self._alarms.clear()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                due = self._due()
                if due is None:
                    self._thread = None
                    return
                for alarm in due:
                    del self._alarms[alarm]
            for alarm in due:
                try:
                    alarm.action()
                except Exception:
                    # The other alarms still have to ring.
                    LOG.exception('An alarm failed: %r', alarm.action)

    def _due(self) -> list[Alarm] | None:
        """Wait for the next alarms, the earliest first; None: none left."""
        while self._alarms:
            now = time.monotonic()
            due = [alarm for alarm in self._alarms if alarm.at <= now]
            if due:
                return sorted(due, key=lambda alarm: alarm.at)
            self._next = min(alarm.at for alarm in self._alarms)
            self._changed.wait(self._next - now)
        return None
