# SPDX-License-Identifier: Apache-2.0

"""Check shares against their records, as Manila does at each start.

Whoever has no Manila has nobody who does that from time to time: export
locations change with options and addresses, access is changed by hand, and a
backend that was restored has shares of before.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

WHOLE, LOST, UNCHECKED, UNFINISHED, BUSY = (
    'whole', 'lost', 'unchecked', 'unfinished', 'busy')


@dataclasses.dataclass(frozen=True)
class EnsuredShare:
    """All that a check says of one share.

    ``state`` is ``whole``, also if it had to be repaired for that; ``lost``;
    ``unchecked``, for which ``why`` is; ``unfinished`` if an operation of it
    has to be repeated first; or ``busy``.
    """

    name: str
    state: str
    why: str = ''


class Ensuring:
    """Check many shares with as few questions as a start takes."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def preview(self, wanted: Sequence[records.ShareEntry],
                ) -> preview.Preview:
        """Return what a check would repair."""
        chosen = [rows.share(record) for record in wanted
                  if record.task is None]
        return self._parts.driving.preview(
            'ensure shares', f'of {self._parts.name}',
            lambda driver: driver.ensure_shares(None, chosen), repairs=True)

    def ensure(self, wanted: Sequence[records.ShareEntry],
               ) -> list[EnsuredShare]:
        """Check and repair shares; one that cannot be stops no other.

        :raises DriverError: the driver cannot be set up.
        """
        parts = self._parts
        parts.driving.ready()
        found: dict[str, EnsuredShare] = {}
        with contextlib.ExitStack() as stack:
            held = []
            for record in wanted:
                now, state = self._held(stack, record)
                if now is None:
                    found[record.id] = EnsuredShare(record.name, *state)
                else:
                    held.append(now)
            found.update(self._checked(held))
        return [found[record.id] for record in wanted]

    def _held(self, stack: contextlib.ExitStack, record: records.ShareEntry,
              ) -> tuple[records.ShareEntry | None, tuple[str, str]]:
        """Keep others out of a share; return its record, or why not."""
        leases = self._parts.registry.leases
        _, error = exception.caught(lambda: stack.enter_context(
            leases.hold([f'share {record.id}'], 0)))
        if error is not None:
            return None, (BUSY, error.answer)
        now = self._parts.registry.shares.get(record.id)
        if now is None:
            return None, (UNFINISHED, 'it was deleted just now')
        if now.task is not None:
            return None, (UNFINISHED, f'it is {now.status}: repeat that')
        return now, ('', '')

    def _checked(self, held: Iterable[records.ShareEntry],
                 ) -> dict[str, EnsuredShare]:
        held = list(held)
        chosen = [rows.share(record) for record in held]
        answers: Mapping[str, Any] = self._parts.driving.call(
            lambda driver: driver.ensure_shares(None, chosen))
        owed: Mapping[str, str] = self._parts.driving.driver.owed_checks()
        return {record.id: self._kept(
            record, answers.get(record.id) or {}, owed.get(record.id, ''))
            for record in held}

    def _kept(self, record: records.ShareEntry, answer: Mapping[str, Any],
              owed: str) -> EnsuredShare:
        """Record what a driver says of a share."""
        shares = self._parts.registry.shares
        if answer.get('status') == 'error':
            why = 'the backend has it no more, or not whole; see the log'
            shares.change(record, status='error', failure=why)
            return EnsuredShare(record.name, LOST, why)
        if owed and not answer.get('reapply_access_rules'):
            return EnsuredShare(record.name, UNCHECKED, owed)
        locations = rows.locations(answer.get('export_locations'))
        if record.status == 'error' or locations not in (
                (), record.locations):
            record = shares.change(
                record, status='available', failure='',
                locations=locations or record.locations)
        if answer.get('reapply_access_rules'):
            _, error = exception.caught(
                lambda: self._parts.rules.deny(record, None))
            if error is not None:
                return EnsuredShare(record.name, UNCHECKED, str(error))
        return EnsuredShare(record.name, WHOLE)
