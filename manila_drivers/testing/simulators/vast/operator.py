# SPDX-License-Identifier: Apache-2.0

"""Tell what an operator, or the world outside, does to the cluster."""

from collections.abc import Iterable
import ipaddress
from typing import Any
import uuid

from manila_drivers.testing.simulators.vast.auth import User
from manila_drivers.testing.simulators.vast.core import Core
from manila_drivers.testing.simulators.vast.resources import policies
from manila_drivers.testing.simulators.vast.resources import streams
from manila_drivers.testing.simulators.vast.wire import Record

GiB = 2 ** 30

# Kind in an inventory -> table
KINDS = {'view': 'views', 'policy': 'viewpolicies', 'quota': 'quotas',
         'snapshot': 'snapshots', 'stream': 'globalsnapstreams',
         'pool': 'vippools', 'tenant': 'tenants', 'qos': 'qospolicies'}

Rule = str | tuple[str, str]


class Operator(Core):
    """Set-up and mischief.  None of it counts as a call."""

    # The cluster

    def add_tenant(self, name: str, **fields: Any) -> int:
        """Its id.  The tenant has a file tree of its own."""
        with self.lock:
            return int(self.new_tenant(name, **fields)['id'])

    def add_user(self, name: str, password: str,
                 tenant: str | None = None) -> None:
        """An administrator of one tenant, or of the cluster."""
        with self.lock:
            self.auth.users.append(User(
                name, password, self.tenant_id(tenant) if tenant else None))

    def add_api_token(self, lifetime: float, name: str | None = None) -> str:
        """A token for a user, the main one unless named; in seconds."""
        with self.lock:
            users = [user for user in self.auth.users
                     if name in (None, user.name)]
            return self.auth.new_api_token(users[0], lifetime)

    def revoke_api_token(self, token: str) -> None:
        with self.lock:
            del self.auth.api_tokens[token]

    def expire_tokens(self, *, refresh: bool = False) -> None:
        """End every access token now; the refresh tokens too if told."""
        with self.lock:
            self.auth.expire(refresh=refresh)

    def add_pool(self, name: str, *ranges: str, tenant: str | None = None,
                 **fields: Any) -> int:
        """A VIP pool; its id.

        :param ranges: ``'10.0.0.1-10.0.0.9'``, or a single address.
        :param fields: of the record, as ``enabled=False``.
        """
        with self.lock:
            bound = ({} if tenant is None else
                     {'tenant_id': self.tenant_id(tenant),
                      'tenant_name': tenant})
            pairs = [_pair(text) for text in ranges]
            return int(self.new_pool(name, pairs, **bound, **fields)['id'])

    def add_qos_policy(self, name: str, policy_type: str = 'VIEW',
                       tenant: str | None = None) -> int:
        with self.lock:
            return int(self.state.tables['qospolicies'].add({
                'name': name, 'guid': self.state.guid(), 'mode': 'STATIC',
                'policy_type': policy_type, 'limit_by': 'BW_IOPS',
                'static_limits': {'max_reads_bw_mbps': 100},
                'tenant_id': self.tenant_id(tenant) if tenant else None,
                'tenant_name': tenant})['id'])

    def add_netgroup(self, name: str, addresses: Iterable[str]) -> None:
        with self.lock:
            self.state.netgroups[name] = frozenset(addresses)

    # Data

    def write(self, path: str, used_bytes: int,
              tenant: str = 'default') -> None:
        """A directory now holds so many bytes itself; counters follow.

        Nothing enforces a quota here: real clusters do so with a lag.

        :raises FileNotFoundError: there is no such directory.
        """
        with self.lock:
            self.state.timeline.settle()
            self.state.hold(self.tenant_id(tenant), path, used_bytes)

    def make_directory(self, path: str, tenant: str = 'default') -> None:
        with self.lock:
            self.state.trees[self.tenant_id(tenant)].make(
                path, self.state.now())

    # Shares

    def make_share(self, share_id: str, size: int = 1, *,
                   rw: Iterable[str] = (), ro: Iterable[str] = (),
                   root: str = 'manila', tenant: str = 'default',
                   pool: str | None = None, path: str | None = None,
                   **policy: Any) -> str:
        """Policy, quota and view of a healthy share; its path.

        :param size: GiB.
        :param rw, ro: host strings.
        :param pool: name of a VIP pool that the policy is bound to.
        :param policy: other fields of the policy.
        """
        bound = ([self._id('pool', pool, tenant)] if pool else [])
        levels = {str(ident): 'RW' for ident in bound}
        return self._make(share_id, size, root, tenant, path, {
            'nfs_read_write': list(rw), 'nfs_read_only': list(ro),
            'nfs_no_squash': ['*'], 'nfs_root_squash': [],
            'nfs_all_squash': [], 'vip_pools': bound,
            'permission_per_vip_pool': levels, **policy})

    def make_shares(self, shares: int | Iterable[str],
                    **settings: Any) -> list[str]:
        """Many of them: so many new ones, or those with these ids."""
        ids = ([str(uuid.uuid4()) for _ in range(shares)]
               if isinstance(shares, int) else list(shares))
        with self.lock:
            for share_id in ids:
                self.make_share(share_id, **settings)
        return ids

    def make_upstream_share(self, share_id: str, size: int = 1,
                            hosts: Iterable[Rule] = (), *,
                            root: str = 'manila',
                            tenant: str = 'default') -> str:
        """A share as upstream's driver leaves it; its path.

        Without rules the policy is the product's open default.  With rules
        both squash lists hold ``*``, networks were expanded host by host,
        and ``*`` stays in whichever list no rule went to.

        :param hosts: addresses or networks, or pairs of one and ``rw`` or
            ``ro``.
        """
        rules = [rule if isinstance(rule, tuple) else (rule, 'rw')
                 for rule in hosts]
        policy: Record = {'nfs_read_write': ['*'], 'nfs_read_only': ['*']}
        if rules:
            policy.update(nfs_no_squash=['*'], nfs_root_squash=['*'])
        for level, field in (('rw', policies.WRITE), ('ro', policies.READ)):
            single = [host for text, wanted in rules if wanted == level
                      for host in _expanded(text)]
            policy[field] = single or ['*']
        return self._make(share_id, size, root, tenant, None, policy)

    def _make(self, name: str, size: int, root: str, tenant: str,
              path: str | None, policy: Record) -> str:
        with self.lock:
            tenant_id = self.tenant_id(tenant)
            above = '/' + root.strip('/')
            path = path or f'{above.rstrip("/")}/manila-{name}'
            self.perform('POST', 'viewpolicies', {
                'name': name, 'tenant_id': tenant_id, **policy})
            self.perform('POST', 'quotas', {
                'name': name, 'path': path, 'hard_limit': size * GiB,
                'create_dir': True, 'tenant_id': tenant_id})
            self.perform('POST', 'views', {
                'name': name, 'path': path, 'protocols': ['NFS'],
                'policy_id': self._id('policy', name, tenant),
                'tenant_id': tenant_id, 'create_dir': True})
        return path

    # Behind everybody's back

    def remove(self, kind: str, name: str, tenant: str = 'default') -> None:
        """Take an object away, whatever still refers to it.

        :param kind: as in the inventory; ``name`` likewise.
        :raises KeyError: there is none.
        """
        with self.lock:
            self.state.timeline.settle()
            tenant_id = self.tenant_id(tenant)
            if kind == 'directory':
                if name not in self.state.trees[tenant_id]:
                    raise KeyError(f'No directory {name!r}')
                self.state.discard(tenant_id, name)
                return
            record = self._find(kind, name, tenant)
            if kind == 'stream':
                streams.forget(self.state, record)
                return
            self.state.tables[KINDS[kind]].remove(record)
            self._settle_references(kind, record)

    def change(self, kind: str, name: str, /, tenant: str = 'default',
               **fields: Any) -> None:
        """Set fields of a record without any of VMS's checks."""
        with self.lock:
            record = self._find(kind, name, tenant)
            before = dict(record)
            self.state.tables[KINDS[kind]].update(record, fields)
            if kind == 'view':
                self._count(before['policy_id'], -1)
                self._count(record['policy_id'], +1)

    def tenant_id(self, name: str) -> int:
        """:raises KeyError: no such tenant."""
        return int(self.state.tenant(name)['id'])

    def _settle_references(self, kind: str, record: Record) -> None:
        if kind == 'view':
            self._count(record['policy_id'], -1)
        elif kind == 'policy':
            resource = self.router.resources['viewpolicies']
            assert isinstance(resource, policies.Policies)
            resource.account(record['id'], (0, 0))
        elif kind == 'snapshot':
            self.state.snapshot_bytes.pop(record['id'], None)

    def _count(self, policy_id: int, by: int) -> None:
        policy = self.state.tables['viewpolicies'].get(policy_id)
        if policy is not None:
            policy['count_views'] += by

    def _id(self, kind: str, name: str, tenant: str) -> int:
        return int(self._find(kind, name, tenant)['id'])

    def _find(self, kind: str, name: str, tenant: str) -> Record:
        """By name, or for nameless ones by path."""
        table = self.state.tables[KINDS[kind]]
        tenant_id = self.tenant_id(tenant)
        for field in ('name', 'path'):
            for record in table.by(field, name):
                if record.get('tenant_id') in (None, tenant_id):
                    return record
        raise KeyError(f'No {kind} {name!r} in tenant {tenant}')


def _pair(text: str) -> list[str]:
    start, _, end = text.partition('-')
    return [str(ipaddress.ip_address(part.strip()))
            for part in (start, end or start)]


def _expanded(text: str) -> list[str]:
    network = ipaddress.ip_network(text, strict=False)
    if network.num_addresses > 2 ** 16:
        raise ValueError(f'{text} is too large to be written host by host')
    return [str(host) for host in network.hosts()]
