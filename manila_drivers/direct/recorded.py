# SPDX-License-Identifier: Apache-2.0

"""Something of a backend that is recorded, as somebody has it in hands."""

from typing import Generic
from typing import Self
from typing import TYPE_CHECKING
from typing import TypeVar

from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

R = TypeVar('R', records.ShareEntry, records.SnapshotEntry)


class Recorded(Generic[R]):
    """A share or a snapshot, as it was recorded when last looked at."""

    def __init__(self, parts: 'Parts', record: R) -> None:
        self._parts = parts
        self._record: R = record

    @property
    def id(self) -> str:
        return self._record.id

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def size(self) -> int | None:
        """GiB, of a snapshot those that its share had; None if not known."""
        return self._record.size

    @property
    def status(self) -> str:
        """``available``, or what was begun and has not been seen to end."""
        return self._record.status

    @property
    def failure(self) -> str:
        """Why the last operation did not end well; '' if it did."""
        return self._record.failure

    @property
    def created_at(self) -> str:
        """When it was recorded first, in UTC."""
        return self._record.created_at

    def refresh(self) -> Self:
        """Read what is recorded now.

        :raises NotFound: nothing is; it was deleted or released.
        """
        self._record = self._parts.desk.seen(self._record)
        return self
