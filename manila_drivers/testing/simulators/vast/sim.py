# SPDX-License-Identifier: Apache-2.0

"""The simulated cluster, put together."""

from collections.abc import Callable
import time

from manila_drivers.testing.simulators.vast.observer import Observer
from manila_drivers.testing.simulators.vast.operator import Operator
from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.web import recorder
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response


class VmsSim(Operator, Observer, recorder.Recorder):
    """A VAST cluster's management service, in memory.  Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time, *,
                 options: Options | None = None, open_root: bool = True,
                 username: str = 'admin',
                 password: str | None = None) -> None:
        Operator.__init__(self, clock, options=options, open_root=open_root,
                          username=username, password=password)
        recorder.Recorder.__init__(self, clock, self.lock,
                                   self.options.log_limit)

    @property
    def logins(self) -> int:
        """Successful logins with a password at ``token/``."""
        return self.auth.logins

    @property
    def refreshes(self) -> int:
        return self.auth.refreshes

    def settle(self) -> None:
        self.state.timeline.settle()

    def respond(self, request: Request) -> Response:
        return self.router.answer(request)
