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
from manila_drivers import owed
from manila_drivers.direct import checking
from manila_drivers.direct import driving
from manila_drivers.direct import giving
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.registry import records
from manila_drivers.transport import meter

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

WHOLE, LOST, UNCHECKED, UNFINISHED, BUSY, NARROWER = (
    'whole', 'lost', 'unchecked', 'unfinished', 'busy', 'narrower')
_GONE = 'the backend has it no more, or not whole; see the log'


@dataclasses.dataclass(frozen=True)
class EnsuredShare:
    """All that a check says of one share.

    ``state`` is ``whole``, also if it had to be repaired for that; ``lost``;
    ``unchecked``, for which ``why`` is; ``narrower`` if it would have to let
    in whom it does not let in; ``unfinished`` if an operation of it has to be
    repeated first; or ``busy``.
    """

    name: str
    state: str
    why: str = ''


class Ensuring:
    """Check many shares with as few questions as a start takes.

    :param give: gives rules; by default to nobody who does not get in now.
    """

    def __init__(self, parts: 'Parts',
                 give: giving.Giving | None = None) -> None:
        self._parts = parts
        self._giving = give or parts.giving(widen=False)

    def preview(self, wanted: Sequence[records.ShareEntry],
                ) -> preview.Preview:
        """Return what a check would repair, and what it would not.

        :raises Unsupported: the driver cannot tell.
        :raises DriverError: nothing could be looked at.
        """
        found = foreseen(
            self._parts.driving, 'ensure shares', f'of {self._parts.name}',
            [rows.share(record) for record in wanted if record.task is None])
        return dataclasses.replace(found, states=(
            *(EnsuredShare(record.name, UNFINISHED, _begun(record))
              for record in wanted if record.task is not None),
            *found.states))

    def ensure(self, wanted: Sequence[records.ShareEntry],
               ) -> list[EnsuredShare]:
        """Check and repair shares; one that cannot be stops no other.

        :raises DriverError: the driver cannot be set up, or the registry not
            be used.
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
        """Keep others out of a share; return its record, or why not.

        :raises DriverError: the registry cannot be used.
        """
        leases = self._parts.registry.leases
        _, error = exception.caught(lambda: stack.enter_context(
            leases.hold([f'share {record.id}'], 0)))
        if isinstance(error, exception.Busy):
            return None, (BUSY, error.answer)
        if error is not None:
            raise error
        now = self._parts.registry.shares.get(record.id)
        if now is None:
            return None, (UNFINISHED, 'it was deleted just now')
        if now.task is not None:
            return None, (UNFINISHED, _begun(now))
        return now, ('', '')

    def _checked(self, held: Iterable[records.ShareEntry],
                 ) -> dict[str, EnsuredShare]:
        held = list(held)
        if held:
            self._giving.begin()
        chosen = [rows.share(record) for record in held]
        answers: Mapping[str, Any] = self._parts.driving.call(
            lambda driver: driver.ensure_shares(None, chosen))
        debts: Mapping[str, str] = self._parts.driving.driver.owed_checks()
        return {record.id: self._kept(
            record, answers.get(record.id) or {}, debts.get(record.id, ''))
            for record in held}

    def _kept(self, record: records.ShareEntry, answer: Mapping[str, Any],
              debt: str) -> EnsuredShare:
        """Record what a driver says of a share."""
        shares = self._parts.registry.shares
        if answer.get('status') == 'error':
            shares.change(record, status='error', failure=_GONE)
            return EnsuredShare(record.name, LOST, _GONE)
        if debt and not answer.get(owed.RULES):
            return EnsuredShare(record.name, UNCHECKED, debt)
        locations = rows.locations(answer.get('export_locations'))
        if record.status == 'error' or locations not in (
                (), record.locations):
            record = shares.change(
                record, status='available', failure='',
                locations=locations or record.locations)
        if answer.get(owed.RULES):
            _, error = exception.caught(
                lambda: self._giving.again(self._parts.rules, record))
            if isinstance(error, exception.InvalidRequest):
                return EnsuredShare(record.name, NARROWER, str(error))
            if error is not None:
                return EnsuredShare(record.name, UNCHECKED, str(error))
        return EnsuredShare(record.name, WHOLE)


def _begun(record: records.ShareEntry) -> str:
    """Return why a share is not checked of which something was begun."""
    return f'it is {record.status}: repeat that'


def foreseen(backend: driving.Driving, operation: str, subject: str,
             chosen: Sequence[dict[str, Any]]) -> preview.Preview:
    """Return what a check of shares would repair, and what it would not.

    :param chosen: rows of shares.
    :raises Unsupported: the driver cannot tell.
    :raises DriverError: nothing could be looked at.
    """
    backend.need_plans(repairs=True)
    with meter.measure() as trips:
        found, unseen = checking.start_check(backend, chosen)
    states = [_expected(row, found.answers.get(row['id'])) for row in chosen]
    return preview.Preview(operation, subject, found.steps, trips.calls, (
        *(one for one in states if one.state != WHOLE),
        *(EnsuredShare('', UNCHECKED, text) for text in unseen)))


def _expected(row: Mapping[str, Any],
              answer: Mapping[str, Any] | None) -> EnsuredShare:
    """Return what a check would say; without an answer there is a plan."""
    name = str(row.get('display_name') or row.get('name') or row['id'])
    if answer is None:
        return EnsuredShare(name, WHOLE)
    if answer.get('status') == 'error':
        return EnsuredShare(name, LOST, _GONE)
    if (not answer or owed.OWED in answer) and not answer.get(owed.RULES):
        return EnsuredShare(name, UNCHECKED, str(
            answer.get(owed.OWED) or 'it could not be checked'))
    return EnsuredShare(name, WHOLE)
