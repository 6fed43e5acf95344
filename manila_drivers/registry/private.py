# SPDX-License-Identifier: Apache-2.0

"""Private data of drivers in the registry, for all hosts that have it.

Behaves as ``standalone.private_data.PrivateData``, which keeps them in a file.
"""

from typing import Any

from manila_drivers.registry import engine
from manila_drivers.registry import schema
from manila_drivers.standalone import private_data

_TABLE = schema.PRIVATE


class SharedPrivateData:
    """Key-value pairs for each entity, which is a UUID."""

    def __init__(self, database: engine.Database) -> None:
        self._database = database

    def get(self, entity_id: str, key: private_data.Keys = None,
            default: Any = None) -> Any:
        """Return one value, or all or the listed pairs as a dictionary.

        ``default`` is only for a single key that is not there.
        """
        private_data.check_entity(entity_id)
        pairs = self._database.transact(lambda connection: {
            row.name: row.value for row in connection.execute(
                _TABLE.select().where(_TABLE.c.entity_id == entity_id))})
        return private_data.chosen(pairs, key, default)

    def update(self, entity_id: str, details: dict[str, Any],
               delete_existing: bool = False) -> dict[str, Any]:
        """Write pairs; with ``delete_existing`` they replace all others."""
        private_data.check_entity(entity_id)
        private_data.check_details(details)

        def work(connection: Any) -> None:
            gone = _TABLE.delete().where(_TABLE.c.entity_id == entity_id)
            if not delete_existing:
                gone = gone.where(_TABLE.c.name.in_(list(details)))
            connection.execute(gone)
            for name, value in details.items():
                connection.execute(_TABLE.insert().values(
                    entity_id=entity_id, name=name, value=str(value)))
        self._database.transact(work)
        return details

    def delete(self, entity_id: str, key: private_data.Keys = None) -> None:
        """Remove one, the listed or all pairs; absent ones are no error."""
        private_data.check_entity(entity_id)
        gone = _TABLE.delete().where(_TABLE.c.entity_id == entity_id)
        if key is not None:
            gone = gone.where(_TABLE.c.name.in_(
                [key] if isinstance(key, str) else key))
        self._database.transact(lambda connection: connection.execute(gone))
