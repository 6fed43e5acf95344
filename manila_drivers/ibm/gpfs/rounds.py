# SPDX-License-Identifier: Apache-2.0

"""What becomes of a change of exports when servers have been asked."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.ibm.gpfs import debts
from manila_drivers.ibm.gpfs import exports

Debt = debts.Debt
Export = exports.Export
Found = Mapping[str, exports.Seen | exception.DriverError]


def due(owed: Mapping[str, Debt], found: Found,
         wanted: Sequence[Export]) -> Sequence[Export]:
    seen = [answer for answer in found.values()
            if isinstance(answer, exports.Seen)]
    return [debt.export.narrowed(seen[0].levels.get(debt.export.path, {}))
            if debt.narrow and seen else debt.export
            for debt in owed.values()]


class Round:
    """One change of one export, and what it becomes on the way."""

    def __init__(self, export: Export,
                 unclosed: Callable[[str], bool]) -> None:
        self._export = export
        self._unclosed = unclosed
        #: Whether it takes something away from somebody, now or since a call
        #: before this one that failed.
        self.narrowing = False
        #: Whether nothing was to be given, because a server is missing.
        self.narrowed = False
        #: What all servers that answered gave before.
        self.common: exports.Levels | None = None

    def settle(self, found: Found,
               wanted: Sequence[Export]) -> Sequence[Export]:
        """Called between the questions and the changes."""
        path = self._export.path
        seen = [answer.levels.get(path, {}) for answer in found.values()
                if isinstance(answer, exports.Seen)]
        for levels in seen:
            self.common = (dict(levels) if self.common is None
                           else networks.meet(self.common, levels))
            if networks.takes_away(levels, self._export.levels):
                self.narrowing = True
        if any(self._unclosed(server) for server, answer in found.items()
               if not isinstance(answer, exports.Seen)):
            self.narrowing = True
        if self.narrowing and len(seen) < len(found):
            self.narrowed = True
            return [self._export.narrowed(self.common or {})]
        return [self._export]
