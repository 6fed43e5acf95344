#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What belongs to one process and is made anew in a forked child.

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
