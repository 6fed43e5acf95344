# SPDX-License-Identifier: Apache-2.0

"""Private data of drivers that last as long as their process."""

import threading
from typing import Any

from manila_drivers.standalone import private_data


class PassingNotes:
    """Private data that begin with nothing.  Thread-safe.

    Those of Manila are in its database, and its API tells none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: dict[str, dict[str, str]] = {}

    def get(self, entity_id: str, key: private_data.Keys = None,
            default: Any = None) -> Any:
        private_data.check_entity(entity_id)
        with self._lock:
            return private_data.chosen(
                dict(self._pairs.get(entity_id, {})), key, default)

    def update(self, entity_id: str, details: dict[str, Any],
               delete_existing: bool = False) -> dict[str, Any]:
        private_data.check_entity(entity_id)
        private_data.check_details(details)
        with self._lock:
            if delete_existing:
                self._pairs.pop(entity_id, None)
            self._pairs.setdefault(entity_id, {}).update(
                (key, str(value)) for key, value in details.items())
        return details

    def delete(self, entity_id: str, key: private_data.Keys = None) -> None:
        private_data.check_entity(entity_id)
        with self._lock:
            pairs = self._pairs.get(entity_id, {})
            for name in list(pairs) if key is None else \
                    [key] if isinstance(key, str) else key:
                pairs.pop(name, None)
