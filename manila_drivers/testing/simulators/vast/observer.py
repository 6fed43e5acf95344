# SPDX-License-Identifier: Apache-2.0

"""Tell what can be seen from outside: access, contents, differences."""

import copy

from manila_drivers.testing.simulators.vast import access
from manila_drivers.testing.simulators.vast.core import Core
from manila_drivers.testing.simulators.vast.operator import KINDS
from manila_drivers.testing.simulators.vast.wire import Record

AUDITED = ('view', 'policy', 'quota', 'snapshot', 'stream')

Item = tuple[str, str, str]


class Observer(Core):
    """Questions about the cluster.  None of them counts as a call."""

    def can_mount(self, client_ip: str, path: str, tenant: str = 'default',
                  vip: str | None = None) -> str | None:
        """Return what a client can do with a path: ``rw``, ``ro`` or nothing.

        All views at or above the path count, and with several the widest
        level; ``<path>/.snapshot/<name>`` is read only.  Where a policy is
        ambiguous (:meth:`ambiguous`) the wider level is answered.

        :param vip: the address it mounts from; None is any that is usable.
        """
        levels = {way.level for way in self.ways(client_ip, path, tenant,
                                                 vip)}
        return 'rw' if 'rw' in levels else 'ro' if levels else None

    def ways(self, client_ip: str, path: str, tenant: str = 'default',
             vip: str | None = None) -> list[access.Way]:
        """The views through which a client gets there, nearest first."""
        with self.lock:
            self.state.timeline.settle()
            return list(access.ways(self.state, client_ip, path,
                                    self._tenant(tenant), vip))

    def mounted_as(self, name: str, tenant: str = 'default') -> str:
        """Return the path by which a view is mounted with NFSv3.

        Its alias, if it has one, which NFSv4 does not know.
        """
        view = self.record('view', name, tenant) or {}
        alias = view.get('alias') if 'NFS' in view['protocols'] else None
        return str(alias or view['path'])

    def ambiguous(self, path: str,
                  tenant: str = 'default') -> list[access.Ambiguity]:
        """Host strings that overlap between the rw and the ro list.

        Of the policies of all views at or above the path.  A deny entry
        that covers the common part settles a pair; several that only
        together cover it are not recognised.
        """
        with self.lock:
            return list(access.ambiguities(self.state, path,
                                           self._tenant(tenant)))

    def squash(self, client_ip: str, path: str,
               tenant: str = 'default') -> tuple[str, ...]:
        """Squash lists that name a client, in the nearest view's policy."""
        ways = self.ways(client_ip, path, tenant)
        return ways[0].squash if ways else ()

    def snapshots_on(self, path: str, tenant: str = 'default') -> list[str]:
        """Return what a client sees in ``<path>/.snapshot``."""
        with self.lock:
            self.state.timeline.settle()
            return access.snapshots_on(self.state, path,
                                       self._tenant(tenant))

    def inventory(self) -> frozenset[Item]:
        """Everything there is: (kind, tenant, name, or path without one).

        Kinds are view, policy, quota, snapshot, stream and directory.  What
        lies in the trash is gone.  An object that serves all tenants has
        the tenant ''.
        """
        with self.lock:
            self.state.timeline.settle()
            names = {record['id']: record['name']
                     for record in self.state.tables['tenants']}
            items = {(kind, names.get(record['tenant_id'], ''),
                      record['name'] or record['path'])
                     for kind in AUDITED
                     for record in self.state.tables[KINDS[kind]]}
            items.update(('directory', names[tenant_id], path)
                         for tenant_id, tree in self.state.trees.items()
                         for path in tree)
            return frozenset(items)

    def records(self, kind: str) -> list[Record]:
        """Copies of all records of a kind, by id; for comparisons."""
        with self.lock:
            self.state.timeline.settle()
            return copy.deepcopy(list(self.state.tables[KINDS[kind]]))

    def record(self, kind: str, name: str,
               tenant: str = 'default') -> Record | None:
        """A copy of one record, by name or else by path."""
        with self.lock:
            self.state.timeline.settle()
            tenant_id = self._tenant(tenant)
            table = self.state.tables[KINDS[kind]]
            for field in ('name', 'path'):
                for found in table.by(field, name):
                    if found.get('tenant_id') in (None, tenant_id):
                        return copy.deepcopy(found)
        return None

    def directories(self, tenant: str = 'default') -> dict[str, int]:
        """Every directory of a tenant, and the bytes directly in it."""
        with self.lock:
            self.state.timeline.settle()
            tree = self.state.trees[self._tenant(tenant)]
            return {path: tree[path].used for path in tree}

    def _tenant(self, name: str) -> int:
        return int(self.state.tenant(name)['id'])
