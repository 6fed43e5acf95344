# SPDX-License-Identifier: Apache-2.0

"""Use shares by calls of Manila's REST API, with waits.

Everything returned is plain JSON.  Most of Manila's calls return before the
work is done; the `wait_` methods poll until it is, with a deadline.
"""

import time
import typing as ty

from manila_drivers.testing.manila import api

WAIT_SECONDS = 30.0
# A question costs Manila's API some 20 ms of processor time, so that many
# who wait must not keep it from working: they had better ask less often.
POLL_SECONDS = 0.03
POLL_GROWTH = 1.3
POLL_MOST_SECONDS = 0.5

Row = dict[str, ty.Any]
T = ty.TypeVar('T')

# States in which a rule or share is being worked on.
_BUSY_RULES = frozenset({
    'new', 'queued_to_apply', 'applying', 'queued_to_deny', 'denying',
    'queued_to_update', 'updating', 'syncing', 'out_of_sync'})


class WaitFailure(Exception):
    """Something did not happen in time, or something else happened."""


class Client:
    """Shares, rules, snapshots and services of one Manila.

    :param seconds: after which a wait is given up
    :param poll: seconds between the first two questions of a wait
    """

    def __init__(self, rest: api.Api, seconds: float = WAIT_SECONDS,
                 poll: float = POLL_SECONDS) -> None:
        self.api = rest
        self.seconds = seconds
        self.poll = poll

    # Types

    def create_type(self, name: str, extra_specs: ty.Mapping[str, object],
                    dhss: bool = False) -> Row:
        specs = {'driver_handles_share_servers': dhss, **extra_specs}
        return self._one('share_type', self.api.post('/types', {
            'share_type': {
                'name': name, 'share_type_access:is_public': True,
                'extra_specs': {key: str(specs[key]) for key in specs}}}))

    def types(self) -> list[str]:
        found = self._all('share_types', self.api.get('/types'))
        return [row['name'] for row in found]

    # Shares

    def create_share(self, protocol: str, size: int, share_type: str,
                     snapshot_id: str | None = None, **more: object) -> Row:
        share = {'share_proto': protocol, 'size': size,
                 'share_type': share_type, **more}
        if snapshot_id:
            share['snapshot_id'] = snapshot_id
        return self._one('share', self.api.post('/shares', {'share': share}))

    def share(self, share_id: str) -> Row:
        return self._one('share', self.api.get('/shares/%s' % share_id))

    def shares(self) -> list[Row]:
        return self._all('shares', self.api.get('/shares/detail'))

    def exports(self, share_id: str) -> list[str]:
        """The share's export locations, as a client mounts them."""
        found = self._all('export_locations', self.api.get(
            '/shares/%s/export_locations' % share_id))
        return [row['path'] for row in found]

    def delete_share(self, share_id: str) -> None:
        self.api.delete('/shares/%s' % share_id)

    def extend(self, share_id: str, size: int) -> None:
        self._act('shares', share_id, 'extend', new_size=size)

    def shrink(self, share_id: str, size: int) -> None:
        self._act('shares', share_id, 'shrink', new_size=size)

    def revert(self, share_id: str, snapshot_id: str) -> None:
        self._act('shares', share_id, 'revert', snapshot_id=snapshot_id)

    def reset_share(self, share_id: str, status: str) -> None:
        self._act('shares', share_id, 'reset_status', status=status)

    def manage(self, host: str, protocol: str, export: str, share_type: str,
               server: str | None = None, **driver_options: object) -> Row:
        """Take over what exists; `host` is name@backend#pool."""
        share = {'service_host': host, 'protocol': protocol,
                 'export_path': export, 'share_type': share_type,
                 'driver_options': driver_options}
        if server:
            share['share_server_id'] = server
        return self._one('share', self.api.post('/shares/manage',
                                                {'share': share}))

    def unmanage(self, share_id: str) -> None:
        self.api.post('/shares/%s/action' % share_id, {'unmanage': None})

    # Access rules

    def allow(self, share_id: str, kind: str, to: str, level: str) -> Row:
        answer = self._act('shares', share_id, 'allow_access',
                           access_type=kind, access_to=to,
                           access_level=level)
        return self._one('access', answer)

    def rules(self, share_id: str) -> list[Row]:
        return self._all('access_list', self.api.get(
            '/share-access-rules', share_id=share_id))

    def change_level(self, rule_id: str, level: str) -> None:
        """Change a rule in place, without a moment of no access (2.88)."""
        self.api.put('/share-access-rules/%s' % rule_id,
                     {'update_access': {'access_level': level}})

    def deny(self, share_id: str, rule_id: str) -> None:
        self._act('shares', share_id, 'deny_access', access_id=rule_id)

    # Snapshots

    def create_snapshot(self, share_id: str, name: str) -> Row:
        return self._one('snapshot', self.api.post('/snapshots', {
            'snapshot': {'share_id': share_id, 'name': name}}))

    def snapshot(self, snapshot_id: str) -> Row:
        return self._one('snapshot',
                         self.api.get('/snapshots/%s' % snapshot_id))

    def delete_snapshot(self, snapshot_id: str) -> None:
        self.api.delete('/snapshots/%s' % snapshot_id)

    def manage_snapshot(self, share_id: str, provider_location: str) -> Row:
        return self._one('snapshot', self.api.post('/snapshots/manage', {
            'snapshot': {'share_id': share_id,
                         'provider_location': provider_location,
                         'driver_options': {}}}))

    def unmanage_snapshot(self, snapshot_id: str) -> None:
        self.api.post('/snapshots/%s/action' % snapshot_id,
                      {'unmanage': None})

    def provider_location(self, snapshot_id: str) -> str:
        """Return what the driver calls the snapshot; '' if it said nothing."""
        return str(self.snapshot(snapshot_id).get('provider_location') or '')

    # Share networks and share servers

    def create_network(self, name: str, **where: str) -> str:
        """Return the id of a share network with a default subnet.

        :param where: Neutron's network and subnet, if it has one.
        """
        made = self._one('share_network', self.api.post(
            '/share-networks', {'share_network': {'name': name, **where}}))
        return str(made['id'])

    def add_service(self, network: str, kind: str, **what: str) -> None:
        """Add a new security service, such as ldap, to a share network."""
        made = self._one('security_service', self.api.post(
            '/security-services', {'security_service': {
                'type': kind, 'name': kind, **what}}))
        self._act('share-networks', network, 'add_security_service',
                  security_service_id=made['id'])

    def servers(self, network: str) -> list[Row]:
        return self._all('share_servers', self.api.get(
            '/share-servers', share_network_id=network))

    def server(self, server_id: str) -> Row:
        return self._one('share_server',
                         self.api.get('/share-servers/%s' % server_id))

    def server_details(self, server_id: str) -> Row:
        """Return what the driver said of a share server."""
        return self._one('details', self.api.get(
            '/share-servers/%s/details' % server_id))

    def delete_server(self, server_id: str) -> None:
        self.api.delete('/share-servers/%s' % server_id)

    def manage_server(self, host: str, network: str, identifier: str) -> Row:
        """Take over a share server; `host` is name@backend."""
        return self._one('share_server', self.api.post(
            '/share-servers/manage', {'share_server': {
                'host': host, 'share_network_id': network,
                'identifier': identifier}}))

    def unmanage_server(self, server_id: str) -> None:
        self._act('share-servers', server_id, 'unmanage', force=False)

    # Services

    def services(self) -> list[Row]:
        return self._all('services', self.api.get('/services'))

    def state(self, host: str) -> str:
        """'up' or 'down', for the share service of that host."""
        for row in self.services():
            if row['host'] == host:
                return ty.cast(str, row['state'])
        return 'unknown'

    def pools(self) -> list[Row]:
        return self._all('pools',
                         self.api.get('/scheduler-stats/pools/detail'))

    def ensure_shares(self, host: str) -> None:
        """Have the driver look at all shares of the host (2.86)."""
        path, body = '/services/ensure-shares', {'host': host}
        try:
            self.api.post(path, {'ensure_shares': body})
        except api.ApiError as error:
            # At every microversion, 21.0 and before want it unwrapped.
            if error.status != 400:
                raise
            self.api.post(path, body)

    def message(self, resource_id: str) -> str:
        """The last that users were told about a resource, or ''."""
        found = self._all('messages', self.api.get(
            '/messages', resource_id=resource_id, sort_key='created_at',
            sort_dir='desc'))
        return str(found[0]['user_message']) if found else ''

    # Waits

    def wait_share(self, share_id: str, status: str = 'available',
                   through: ty.Collection[str] = ()) -> Row:
        """Wait for the share's status.

        :param through: error states to pass over (else one is the end)
        :raises WaitFailure: another error state, or too late
        """
        return self._wait_status(lambda: self.share(share_id),
                                 'share %s' % share_id, status, through)

    def wait_snapshot(self, snapshot_id: str, status: str = 'available'
                      ) -> Row:
        return self._wait_status(lambda: self.snapshot(snapshot_id),
                                 'snapshot %s' % snapshot_id, status, ())

    def wait_share_gone(self, share_id: str,
                        through: ty.Collection[str] = ()) -> None:
        self._wait_gone(lambda: self.share(share_id), 'share %s' % share_id,
                        through)

    def wait_snapshot_gone(self, snapshot_id: str) -> None:
        self._wait_gone(lambda: self.snapshot(snapshot_id),
                        'snapshot %s' % snapshot_id)

    def wait_server(self, server_id: str, status: str = 'active') -> Row:
        return self._wait_status(lambda: self.server(server_id),
                                 'share server %s' % server_id, status, ())

    def wait_server_gone(self, server_id: str,
                         through: ty.Collection[str] = ()) -> None:
        """Wait until Manila knows the server no more.

        :param through: error states to pass over, such as its first one
        """
        self._wait_gone(lambda: self.server(server_id),
                        'share server %s' % server_id, through)

    def wait_rules(self, share_id: str) -> dict[str, str]:
        """Wait until no rule is in work: states by what they admit."""
        def settled() -> dict[str, str] | None:
            rules = self.rules(share_id)
            if any(rule['state'] in _BUSY_RULES for rule in rules):
                return None
            return {rule['access_to']: rule['state'] for rule in rules}
        return self.wait('the rules of share %s' % share_id, settled)

    def wait_state(self, host: str, state: str) -> None:
        self.wait('service %s to be %s' % (host, state),
                  lambda: self.state(host) == state or None)

    def wait(self, what: str, ask: ty.Callable[[], T | None]) -> T:
        """Ask until the answer is not None.

        :raises WaitFailure: the time is over
        """
        end = time.monotonic() + self.seconds
        pause = self.poll
        while True:
            answer = ask()
            if answer is not None:
                return answer
            if time.monotonic() > end:
                raise WaitFailure('waited %g s for %s' % (self.seconds, what))
            time.sleep(pause)
            pause = min(pause * POLL_GROWTH, POLL_MOST_SECONDS)

    def _wait_status(self, get: ty.Callable[[], Row], what: str, status: str,
                     through: ty.Collection[str]) -> Row:
        def arrived() -> Row | None:
            row = get()
            if row['status'] == status:
                return row
            if 'error' in row['status'] and row['status'] not in through:
                raise WaitFailure('%s became %s instead of %s'
                                  % (what, row['status'], status))
            return None
        return self.wait('%s to be %s' % (what, status), arrived)

    def _wait_gone(self, get: ty.Callable[[], Row], what: str,
                   through: ty.Collection[str] = ()) -> None:
        def gone() -> bool | None:
            try:
                status = get()['status']
            except api.ApiError as error:
                if error.status == 404:
                    return True
                raise
            if 'error' in status and status not in through:
                raise WaitFailure('%s became %s instead of going away'
                                  % (what, status))
            return None
        self.wait('%s to go away' % what, gone)

    def _act(self, kind: str, row_id: str, action: str, **arguments: object
             ) -> Row:
        return self.api.post('/%s/%s/action' % (kind, row_id),
                             {action: arguments})

    @staticmethod
    def _one(kind: str, answer: Row) -> Row:
        return ty.cast(Row, answer[kind])

    @staticmethod
    def _all(kind: str, answer: Row) -> list[Row]:
        return ty.cast('list[Row]', answer[kind])
