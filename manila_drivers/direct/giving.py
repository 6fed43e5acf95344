# SPDX-License-Identifier: Apache-2.0

"""Give the rules of shares once more, which nobody has just asked for."""

from collections.abc import Callable
import dataclasses
import functools

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import widening
from manila_drivers.direct import access_rules
from manila_drivers.registry import records


@dataclasses.dataclass(frozen=True)
class Giving:
    """Turn out whom no rule lets in; let in others only if that is asked for.

    :param look: returns what is on the backend; asked once.
    :param widen: those get access whom the backend does not let in now.
    """

    look: Callable[[], inventory.Inventory]
    widen: bool = False

    @functools.cached_property
    def _found(self) -> inventory.Inventory:
        return self.look()

    def begin(self) -> None:
        """Look at who gets in before a driver repairs anything.

        Some close a share whose access they do not understand, and ask for
        its rules.  If this fails, who had access is not known.
        """
        if not self.widen:
            exception.caught(lambda: self._found)

    def decide(self, ident: str, rules: widening.Rules) -> widening.Widening:
        """Return which rules of a share are given, and who does not get in.

        :raises DriverError: the backend could not be looked at.
        """
        if self.widen or not rules:
            return widening.Widening((), rules)
        return widening.decide(rules, self._found.shares.get(ident))

    def again(self, book: access_rules.Rules,
              share: records.ShareEntry) -> None:
        """Give the rules in force of a share; its caller keeps others out.

        :raises InvalidRequest: some would give access to whom the backend
            does not let in; others were given.
        """
        chosen = self.decide(share.id, book.in_force(share))
        if chosen.narrow is not None:
            book.again(share, chosen.narrow)
        chosen.need(share.name)
