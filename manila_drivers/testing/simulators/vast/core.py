# SPDX-License-Identifier: Apache-2.0

"""The simulated cluster as it is on the first day, and the lock around it."""

from collections.abc import Callable
import secrets
import threading
import time
from typing import Any

from manila_drivers.testing.simulators.vast.auth import Auth
from manila_drivers.testing.simulators.vast.auth import User
from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.vast.resources import policies
from manila_drivers.testing.simulators.vast.resources.tokens import Tokens
from manila_drivers.testing.simulators.vast.router import Router
from manila_drivers.testing.simulators.vast.state import DEFAULT_TENANT
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.tree import Tree
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import Record

YEAR = 365 * 86400.0


class Core:
    """State, users and routes.

    Seeded like a new cluster: tenant ``default``, view policy ``default``
    (the world reads and writes, root is squashed), one VIP pool
    ``vippool-1`` and, unless told otherwise, an NFS view of ``/`` under that
    policy, through which everybody reaches everything.

    :param clock: seconds since the epoch; only ever grows.
    :param open_root: whether the view of ``/`` is there.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *,
                 options: Options | None = None, open_root: bool = True,
                 username: str = 'admin',
                 password: str | None = None) -> None:
        self.options = options or Options()
        self.state = State(self.options, clock)
        self.auth = Auth(self.state)
        self.router = Router(self.state, self.auth)
        self.lock = threading.RLock()
        self._connect_tokens()
        admin = User(username, password or f'secret-{secrets.token_hex(8)}')
        self.admin = admin
        self.auth.users.append(admin)
        self.api_token = self.auth.new_api_token(admin, YEAR)
        self._seed(open_root)

    @property
    def username(self) -> str:
        return self.admin.name

    @username.setter
    def username(self, name: str) -> None:
        self.admin.name = name

    @property
    def password(self) -> str:
        return self.admin.password

    @password.setter
    def password(self, password: str) -> None:
        self.admin.password = password

    def perform(self, verb: str, resource: str, body: Record | None = None,
                ident: int | None = None, action: str = '') -> None:
        """Do what a request would, uncounted, unlogged, never struck.

        :raises ApiError: as the request would be refused.
        """
        call = Call(verb, resource, ident, action, '', [], body or {}, None)
        with self.lock:
            self.state.timeline.settle()
            handler = self.router.handlers[
                resource, verb, ident is not None, action]
            handler(call)

    def new_tenant(self, name: str, **fields: Any) -> Record:
        """A tenant with an empty file tree."""
        now = self.state.now()
        tenant = self.state.tables['tenants'].add({
            'name': name, 'guid': self.state.guid(), 'domain_name': '',
            'client_ip_ranges': [], 'vippool_names': [], 'vippools': [],
            'capacity_rules': {'hard_limit': None, 'soft_limit': None},
            'max_views': None, 'is_nfsv42_supported': True,
            'trash_gid': 0, 'created': now, **fields})
        self.state.trees[tenant['id']] = Tree(now)
        return tenant

    def new_pool(self, name: str, ranges: list[list[str]],
                 **fields: Any) -> Record:
        six = any(':' in start for start, _ in ranges)
        return self.state.tables['vippools'].add({
            'name': name, 'guid': self.state.guid(), 'enabled': True,
            'role': 'PROTOCOLS', 'state': 'ACTIVE', 'ip_ranges': ranges,
            'subnet_cidr': 24, 'subnet_cidr_ipv6': 64 if six else None,
            'gw_ip': '', 'gw_ipv6': None, 'vlan': 0, 'domain_name': name,
            'tenant_id': None, 'tenant_name': None, 'cnode_ids': [],
            'port_membership': 'ALL', 'cluster': 'cluster-1',
            'cluster_id': 1, **fields})

    def _connect_tokens(self) -> None:
        """Tokens made through the API log in like the operator's own."""
        tokens = self.router.resources['apitokens']
        assert isinstance(tokens, Tokens)
        tokens.issue = self._issue
        tokens.revoked = self.auth.api_tokens.__delitem__

    def _issue(self, owner: str, lifetime: float) -> str | None:
        for user in self.auth.users:
            if user.name == owner:
                return self.auth.new_api_token(user, lifetime)
        return None

    def _seed(self, open_root: bool) -> None:
        tables = self.state.tables
        tables['clusters'].add({
            'name': 'cluster-1', 'guid': self.state.guid(),
            'state': 'ONLINE', 'mgmt_vip': '127.0.0.1',
            'leader_state': 'UP'})
        for current in (False, True):
            tables['versions'].add({
                'name': 'installed' if current else 'before',
                'status': 'success', 'sys_version': '4.6.0-1.1',
                'build': '4.6.0-1.1', 'os_version': '12.14.13',
                'created': self.state.now(), 'current': current})
        self.new_tenant('default')
        self.new_pool('vippool-1', [['10.27.0.1', '10.27.0.4']])
        self.perform('POST', 'viewpolicies', {'name': 'default',
                                              **policies.WORLD})
        if open_root:
            self.perform('POST', 'views', {
                'name': 'root', 'path': '/', 'policy_id': DEFAULT_TENANT,
                'protocols': ['NFS']})
