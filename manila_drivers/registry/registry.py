# SPDX-License-Identifier: Apache-2.0

"""One registry with all that is in it."""

from manila_drivers.registry import engine
from manila_drivers.registry import leases
from manila_drivers.registry import private
from manila_drivers.registry import records
from manila_drivers.registry import revisions
from manila_drivers.registry import schema
from manila_drivers.registry import store


class Registry:
    """One registry.  Thread-safe; processes may share it.

    Making one brings its tables up to date.

    :param url: of SQLAlchemy.
    :param seconds: every wait for the database, at the most.
    :param lease: seconds after which the locks of a host that has failed
        are free.
    """

    def __init__(self, url: str, *, seconds: float = 30.0,
                 lease: float = 60.0) -> None:
        self.database = engine.Database(url, seconds)
        self.upgraded = revisions.upgrade(self.database, seconds)
        self.leases = leases.Leases(self.database, lease)
        self.private_data = private.SharedPrivateData(self.database)
        self.shares = store.Records(
            self.database, schema.SHARES, records.ShareEntry, 'share')
        self.snapshots = store.Records(
            self.database, schema.SNAPSHOTS, records.SnapshotEntry,
            'snapshot')
        self.rules = store.Records(
            self.database, schema.RULES, records.RuleEntry, 'access rule')

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return self.database.url

    def close(self) -> None:
        self.database.close()
