# SPDX-License-Identifier: Apache-2.0

"""One backend with all that its shares and snapshots need."""

from collections.abc import Callable
import dataclasses
import functools
from typing import TYPE_CHECKING

from manila_drivers import inventory
from manila_drivers.direct import access_rules
from manila_drivers.direct import driving
from manila_drivers.direct import giving
from manila_drivers.direct import tasks

if TYPE_CHECKING:
    from manila_drivers.registry.registry import Registry


@dataclasses.dataclass(frozen=True)
class Parts:
    """A backend's name, its registry and its driver.

    :param seconds: how long to wait for others who work on the same share.
    :param need: as of :class:`manila_drivers.direct.tasks.Desk`.
    """

    name: str
    registry: 'Registry'
    driving: driving.Driving
    seconds: float
    need: Callable[[], None] = lambda: None

    @functools.cached_property
    def desk(self) -> tasks.Desk:
        return tasks.Desk(self.registry, self.seconds, self.need)

    @functools.cached_property
    def rules(self) -> access_rules.Rules:
        return access_rules.Rules(self.registry, self.driving, self._look)

    def giving(self, *, widen: bool) -> giving.Giving:
        """Return what gives rules once more; see there."""
        return giving.Giving(self._look, widen)

    def _look(self, only: str = '') -> inventory.Inventory:
        """Return what is on the backend, or at least of one share."""
        known = [one.id for one in self.registry.shares.all(backend=self.name)]
        found: inventory.Inventory = self.driving.call(
            lambda driver: driver.take_inventory(known, only=only))
        return found
