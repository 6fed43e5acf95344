# SPDX-License-Identifier: Apache-2.0

"""Private data of a driver, which a dry run reads and does not change."""

from typing import Any

from manila_drivers import plan


class PrivateStorage:
    """Hand on to what Manila, or the command, has given a driver.

    In a dry run nothing is written: an operation that has nothing to do on
    the backend shows no plan, and goes on to what it would note afterwards.

    :param given: has ``get``, ``update`` and ``delete``, as Manila's
        ``DriverPrivateData``.
    """

    def __init__(self, given: Any) -> None:
        self._given = given

    def update(self, entity_id: str, details: dict[str, Any],
               delete_existing: bool = False) -> Any:
        if plan.is_dry():
            return details
        return self._given.update(entity_id, details, delete_existing)

    def delete(self, entity_id: str, key: Any = None) -> Any:
        if plan.is_dry():
            return None
        return self._given.delete(entity_id, key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, name)
