# SPDX-License-Identifier: Apache-2.0

"""One exec to ask a service VM for everything, one to change it."""

from collections.abc import Callable
from collections.abc import Sequence
import time

from manila_drivers.generic import guest_records
from manila_drivers.transport import command
from manila_drivers.transport import script


class Guest:
    """One service VM.

    :param runner: reaches it over SSH.
    """

    def __init__(self, runner: script.Runner, *,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._runner = runner
        self._clock = clock
        self._sleep = sleep

    def look(self, disks: Sequence[guest_records.Disk] = (), *,
             wait: float = 0.0) -> guest_records.GuestFacts:
        """Return all facts; one exec.

        :param disks: whose content is asked for as well.
        :param wait: seconds that the VM waits for them to appear.  What has
            not appeared by then is not in the facts.
        :raises Busy: the VM is at work for another operation.
        """
        raise NotImplementedError

    def run(self, commands: Sequence[command.Command], *,
            timeout: float | None = None) -> tuple[command.Result, ...]:
        """Run what was planned, alone and as root; one exec, none if there
        are no commands.

        :raises DriverError: of the command that failed.
        """
        raise NotImplementedError

    def reachable(self, *, timeout: float = 20.0) -> bool:
        """Tell if somebody can log in and run something."""
        raise NotImplementedError
