# SPDX-License-Identifier: Apache-2.0

"""Everything the simulated cluster remembers."""

from collections.abc import Callable
import datetime
import functools
import re
import uuid

from manila_drivers.testing.simulators.timeline import Timeline
from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.vast.table import Table
from manila_drivers.testing.simulators.vast.tree import lineage
from manila_drivers.testing.simulators.vast.tree import Tree
from manila_drivers.testing.simulators.vast.wire import Record

TABLES = ('apitokens', 'clusters', 'globalsnapstreams', 'qospolicies',
          'quotas', 'snapshots', 'tenants', 'versions', 'viewpolicies',
          'views', 'vippools', 'vtasks')

DEFAULT_TENANT = 1


@functools.cache
def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers: ``5.3.0-1.1`` is (5, 3, 0)."""
    found = re.match(r'\d+(\.\d+){0,2}', text)
    return tuple(map(int, found[0].split('.'))) if found else ()


class State:
    """Tables, file trees and the time.

    Not thread-safe: :class:`~.sim.VmsSim` holds one lock around each request.
    """

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options = options
        self.timeline = Timeline(clock)
        self.tables = {name: Table() for name in TABLES}
        self.trees: dict[int, Tree] = {}
        self.netgroups: dict[str, frozenset[str]] = {}
        self.in_trash = 0                          # bytes
        self.snapshot_bytes: dict[int, int] = {}   # by snapshot id
        self.capacity = 100 * 2 ** 40              # logical bytes
        self.reduction = 2.0
        self.running: set[int] = set()    # streams that copy, by id

    @property
    def version(self) -> tuple[int, ...]:
        return version_of(self.options.sw_version)

    def now(self) -> str:
        """The time as VMS writes it."""
        return self.at(self.timeline.clock())

    def at(self, seconds: float) -> str:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return moment.strftime('%Y-%m-%dT%H:%M:%SZ')

    def guid(self) -> str:
        return str(uuid.uuid4())

    def tenant(self, name: str) -> Record:
        """:raises KeyError: no tenant has that name."""
        for record in self.tables['tenants'].by('name', name):
            return record
        raise KeyError(f'No tenant is called {name!r}')

    def tenant_name(self, tenant_id: int | None) -> str | None:
        record = self.tables['tenants'].get(tenant_id)
        return record['name'] if record else None

    def used(self) -> int:
        """Logical bytes in use, trash included."""
        return self.in_trash + sum(tree['/'].total
                                   for tree in self.trees.values())

    def hold(self, tenant_id: int, path: str, used: int) -> None:
        """Data appears in a directory; counters follow after the lag."""
        self.trees[tenant_id].hold(path, used)
        self.recount_later(tenant_id, path)

    def discard(self, tenant_id: int, path: str) -> None:
        """Move a directory to the trash; its space comes back later."""
        size = self.trees[tenant_id].remove(path)
        self.in_trash += size
        self.recount_later(tenant_id, path)

        def reclaim() -> None:
            self.in_trash -= size
        self.timeline.after(self.options.trash_delay, reclaim)

    def recount_later(self, tenant_id: int, path: str) -> None:
        self.timeline.after(self.options.usage_lag,
                            lambda: self.recount(tenant_id, path))

    def recount(self, tenant_id: int, path: str) -> None:
        """Bring quotas and views on a path and above it up to date."""
        tree = self.trees[tenant_id]
        for above in lineage(path):
            total = tree[above].total if above in tree else 0
            for quota in self.tables['quotas'].in_tenant('path', above,
                                                         tenant_id):
                quota.update(usage_fields(quota, total))
            for view in self.tables['views'].in_tenant('path', above,
                                                       tenant_id):
                view.update(logical_capacity=total, physical_capacity=total)


def usage_fields(quota: Record, used: int) -> Record:
    """The fields of a quota that follow from what its directory holds."""
    hard, soft = quota.get('hard_limit'), quota.get('soft_limit')
    state = 'OK'
    if soft and used > soft:
        state = 'SOFT_EXCEEDED'
    if hard and used >= hard:
        state = 'HARD_EXCEEDED'
    terabytes = round(used / 10 ** 12, 3)
    return {'used_capacity': used, 'used_effective_capacity': used,
            'used_capacity_tb': terabytes,
            'used_effective_capacity_tb': terabytes, 'state': state}
