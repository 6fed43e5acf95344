# SPDX-License-Identifier: Apache-2.0

"""Tell what labs of our drivers on their simulators have in common."""

import abc
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import Generic

from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.conformance.labs.site import SiteT
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.logged import Logged


class SimulatedLab(lab.Lab, Generic[SiteT]):
    """One driver with its simulator, at the same clock.

    :param site: configuration shared with other labs; else one of its own
        with the options.
    """

    #: What the driver is an instance of; negative controls exchange it.
    driver_class: Callable[..., Any]
    make_site: Callable[..., SiteT]

    def __init__(self, site: SiteT | None,
                 options: Mapping[str, object],
                 clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()
        self._shared = site is not None
        self.site = site or type(self).make_site(**options)

    def close(self) -> None:
        if not self._shared:
            self.site.close()

    def make_driver(self, *, set_up: bool = True) -> Any:
        made = type(self).driver_class(
            configuration=self.site.configuration, clock=self.clock,
            **self.wiring())
        if set_up:
            made.do_setup(None)
        return made

    @abc.abstractmethod
    def wiring(self) -> dict[str, Any]:
        """Return more that a driver is made with: its way to the simulator."""

    def advance(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class StruckLab(SimulatedLab[SiteT]):
    """One whose simulator lets :class:`faults.Fault` strike its calls."""

    sim: Logged[Any]
    #: What each fault of the lab is, but for when it strikes.
    struck: Mapping[str, Mapping[str, Any]]

    def arm(self, fault: lab.Fault, nth: int, *, lasting: bool) -> None:
        self.sim.arm(faults.Fault(nth=nth, times=None if lasting else 1,
                                  **self.struck[fault.name]))

    def heal(self) -> None:
        self.sim.disarm()
