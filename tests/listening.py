# SPDX-License-Identifier: Apache-2.0

"""A server of a few lines, which is gone when it says so."""

import contextlib
import os
import socket
import threading

#: More than any thread of a test needs to end, on whatever machine.  A mutant
#: for which it does not end is not waited for as long (``tools/mutation``).
SECONDS = float(os.environ.get('MANILA_DRIVERS_TEST_PATIENCE', '100'))


class Listener:
    """Accepts on loopback, in a thread, from the start on.

    Closing a listening socket alone does not wake who waits in ``accept()``:
    it would take one connection more, and by then that may be one of another
    test's.

    :param serve: called with each connection, one after the other; it may
        close it, or keep it. That it raises OSError ends this one only.
    :param options: to be set before the first connection, as for
        ``setsockopt``
    """

    def __init__(self, serve, *options):
        self._serve = serve
        self._socket = socket.create_server(('127.0.0.1', 0))
        for option in options:
            self._socket.setsockopt(*option)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._serve(connection)

    def close(self):
        """Accept no more; returns when the thread has ended. Repeatable."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        join(self._thread)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def join(*threads, seconds=SECONDS):
    """Wait for threads, but not for ever.

    :raises AssertionError: which of them still run
    """
    for thread in threads:
        thread.join(seconds)
    left = [thread for thread in threads if thread.is_alive()]
    assert not left, f'still running after {seconds} s: {left}'
