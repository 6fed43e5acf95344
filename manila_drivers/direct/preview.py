# SPDX-License-Identifier: Apache-2.0

"""Plans of operations as data, for whoever asks before anything is done."""

from collections.abc import Iterator
import dataclasses
from typing import TYPE_CHECKING

from manila_drivers import plan

if TYPE_CHECKING:
    from manila_drivers.direct import ensuring


@dataclasses.dataclass(frozen=True)
class Preview:
    """Everything that one operation would change on the backend.

    ``operation`` is its name and ``subject`` what it is about; ``steps`` are
    carried out in order, and none are needed if the backend is as it should
    be.  ``asked`` is how many round trips it took to find that out.  It holds
    for the moment: what others change meanwhile may change it.  Of a check of
    shares ``states`` say what no step mends: shares that are lost, that are
    not finished, or that could not be looked at.
    """

    operation: str
    subject: str
    steps: tuple[plan.Step, ...]
    asked: int = 0
    states: 'tuple[ensuring.EnsuredShare, ...]' = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __iter__(self) -> Iterator[plan.Step]:
        return iter(self.steps)

    def __str__(self) -> str:
        told = '; '.join(map(str, self.steps)) or 'nothing to do'
        return f'{self.operation} {self.subject}: {told}'
