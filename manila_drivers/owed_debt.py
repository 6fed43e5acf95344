# SPDX-License-Identifier: Apache-2.0

"""Checks that are owed to one share, and what becomes of them.  Pure.

See :mod:`manila_drivers.owed`.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

Answer = Mapping[str, Any]

#: Key of an answer that says why a check did not come to its end.  Taken out
#: before Manila sees it.
OWED = 'owed'
RULES = 'reapply_access_rules'
#: Kinds of debts: a share has to be checked, Manila has to be told something
#: at the next start, rules were asked for and have not come.
CHECK, TELL, ASKED = KINDS = ('check', 'tell', 'rules')


def unfinished(why: object, **answer: Any) -> dict[str, Any]:
    """Return the answer for a share that was not checked to the end.

    :param why: for the log.
    :param answer: what Manila is to be told all the same.
    """
    return {**answer, OWED: str(why)}


@dataclasses.dataclass(frozen=True)
class Debt:
    """A check that is owed to one share.

    :param why: what was not finished.
    :param row: Manila's of the share; None if another process owed it.
    :param told: what Manila was told about the share last.
    :param untold: keys of the answer that only the next ``ensure_shares``
        can tell Manila; empty for a share that has to be checked.
    :param asked: the rules were asked for and have not come; nothing else is
        owed.
    """

    why: str
    row: Any = None
    told: Answer = dataclasses.field(default_factory=dict)
    untold: frozenset[str] = frozenset()
    asked: bool = False

    @property
    def kind(self) -> str:
        if self.unchecked:
            return CHECK
        return TELL if self.untold else ASKED

    @property
    def unchecked(self) -> bool:
        return not (self.untold or self.asked)


def after_start(row: Any, answer: Answer) -> Debt | None:
    """Return what is owed to a share after ``ensure_shares``.  Pure."""
    told = {key: value for key, value in answer.items() if key != OWED}
    if not answer or OWED in answer:
        return Debt(str(answer.get(OWED) or 'it could not be checked'), row,
                    told)
    if answer.get(RULES):
        return Debt('its access rules were asked for', row, told, asked=True)
    return None


def after_retry(debt: Debt, answer: Answer) -> Debt | None:
    """Return what is owed to a share after another check.  Pure."""
    if not answer or OWED in answer:
        return dataclasses.replace(
            debt, why=str(answer.get(OWED) or debt.why))
    untold = frozenset(key for key, value in answer.items()
                       if value and not _is_known(debt, key, value))
    if not untold:
        return None
    return dataclasses.replace(
        debt, untold=untold,
        why='Manila has to be told its %s' % ', '.join(sorted(untold)))


def _is_known(debt: Debt, key: str, value: Any) -> bool:
    if key in debt.told:
        return bool(value == debt.told[key])
    if key == 'status':
        # Shares that are checked are available, or become so afterwards.
        return bool(value == 'available')
    return key == 'export_locations' and debt.row is not None \
        and _places(value) == _places(debt.row.get(key))


def _places(locations: Any) -> list[tuple[str, bool]]:
    """Return what tells export locations apart, in any form."""
    if isinstance(locations, str):
        locations = [locations]
    return sorted(
        (each, False) if isinstance(each, str) else
        (str(each['path']), bool(each.get('is_admin_only')))
        for each in locations or ())


def without_rules(debt: Debt) -> Debt | None:
    """Return what is owed after the share's rules were set.  Pure."""
    if debt.asked or debt.untold == {RULES}:
        return None
    return dataclasses.replace(debt, untold=debt.untold - {RULES})


class Resized:
    """A row of Manila's with the size that the share has got since."""

    def __init__(self, row: Any, size: int) -> None:
        self._row = row
        self._size = size

    def get(self, key: str, default: Any = None) -> Any:
        return self._size if key == 'size' else self._row.get(key, default)

    def __getitem__(self, key: str) -> Any:
        return self._size if key == 'size' else self._row[key]


def resized(debt: Debt, gib: int) -> Debt:
    return debt if debt.row is None else dataclasses.replace(
        debt, row=Resized(debt.row, gib))
