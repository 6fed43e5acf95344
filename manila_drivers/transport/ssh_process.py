# SPDX-License-Identifier: Apache-2.0

"""State of one process, which is made anew in a forked child.

Manila makes its drivers in a parent process and uses them in a child.  Of
what a child inherits, sessions are still the parent's, threads are gone, and
a lock may be held for ever by a thread that is.
"""

import abc
import os
import threading


class PerProcess(abc.ABC):
    """Begins anew when it finds itself in another process."""

    def __init__(self) -> None:
        # Taken in a child's first moment only, so nobody holds it at a fork.
        self._renewing = threading.Lock()
        self._begin()
        self._pid = os.getpid()

    @abc.abstractmethod
    def _begin(self) -> None:
        """Make the state; what is there of it is another process's."""

    def _check_process(self) -> None:
        """To be called before the state is used."""
        if self._pid != os.getpid():
            with self._renewing:
                if self._pid != os.getpid():
                    self._begin()
                    self._pid = os.getpid()
