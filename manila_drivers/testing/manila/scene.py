# SPDX-License-Identifier: Apache-2.0

"""Who plays: a Manila, a driver's abilities, clients, and storage."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from manila_drivers.testing.backends.storage import Item
from manila_drivers.testing.backends.storage import Storage
from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila.cast import ADDRESSES
from manila_drivers.testing.manila.cast import Cast
from manila_drivers.testing.manila.client import Client
from manila_drivers.testing.manila.journal import expect
from manila_drivers.testing.manila.journal import Journal
from manila_drivers.testing.manila.journal import ScenarioFailure

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Profile:
    """Hold what the driver in question can do, and how to ask for it.

    invalid: an access rule that the API accepts and the driver must refuse,
    as type, target and level; None if it takes everything;
    cast: the clients, and how rules name them;
    reverts: whether shares can be brought back to a snapshot;
    adopts_open: whether a share may be managed while clients reach it;
    servers: whether the driver handles share servers;
    changes: options of the backend that differ after a restart, and which
    the driver's `get_backend_info` must tell (none if it has no such thing).
    """

    backend: str
    protocol: str = 'NFS'
    share_type: str = 'default'
    invalid: tuple[str, str, str] | None = ('user', 'somebody', 'rw')
    snapshots: bool = True
    clones: bool = True
    manages: bool = True
    manages_snapshots: bool = True
    cast: Cast = ADDRESSES
    reverts: bool = False
    adopts_open: bool = True
    servers: bool = False
    changes: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def extra_specs(self) -> dict[str, object]:
        specs: dict[str, object] = {
            'share_backend_name': self.backend,
            'snapshot_support': self.snapshots,
            'create_share_from_snapshot_support': self.clones}
        if self.reverts:
            # False would ask for a driver that cannot.
            specs['revert_to_snapshot_support'] = True
        return specs


@dataclasses.dataclass
class Scene:
    """Everything that a step of a scenario works with.

    network: the share network of its shares, '' where there are none.
    """

    manila: process.Manila
    client: Client
    profile: Profile
    journal: Journal
    storage: Storage | None = None
    network: str = ''

    @property
    def host(self) -> str:
        return self.manila.host(self.profile.backend)

    def order(self, size: int, name: str, network: str = '') -> str:
        """Ask for a share, on this share network or the scene's."""
        profile, network = self.profile, network or self.network
        where = {'share_network_id': network} if network else {}
        return str(self.client.create_share(
            profile.protocol, size, profile.share_type, name=name,
            **where)['id'])

    def new_network(self, name: str) -> str:
        """Return a new share network, in the network of storage's users."""
        where = self.storage.share_network() if self.storage else {}
        return self.client.create_network(name, **where)

    def pool(self) -> str:
        """The backend's pool, as scheduler and `manage` name it."""
        for row in self.client.pools():
            if row['name'].startswith(self.host + '#'):
                return str(row['name'])
        raise ScenarioFailure('%s reports no pool' % self.host)

    def rules(self, share_id: str) -> dict[str, str]:
        """Wait for the rules: level by address, of those in force."""
        states = self.client.wait_rules(share_id)
        return {rule['access_to']: rule['access_level']
                for rule in self.client.rules(share_id)
                if states.get(rule['access_to']) == 'active'}

    def check_access(self, share_id: str) -> str:
        """Compare what storage lets clients do with what the rules say.

        Everything is compared: each export with each address.

        :returns: the access in words
        :raises ScenarioFailure: with the first difference
        """
        rules = self.rules(share_id)
        if self.storage is not None:
            for export in self.client.exports(share_id):
                for client in self.profile.cast.probes:
                    self._check_one(export, client, rules)
        return ', '.join('%s %s' % (to, rules[to])
                         for to in sorted(rules)) or 'nobody'

    def check_size(self, share_id: str, size: int) -> None:
        """The API and storage agree that the share has `size` GiB."""
        told = self.client.share(share_id)['size']
        expect(told == size, 'the API says %s GiB, not %s', told, size)
        if self.storage is not None:
            export = self.client.exports(share_id)[0]
            limit = self.storage.limit(export)
            expect(limit == size * GIB,
                   'storage limits %s to %s bytes, not %s GiB',
                   export, limit, size)

    def used(self, share_id: str) -> int | None:
        """How many bytes the share holds, if storage can tell."""
        if self.storage is None:
            return None
        return self.storage.used(self.client.exports(share_id)[0])

    def check_content(self, share_id: str, used: int | None) -> None:
        """The share holds so many bytes, if storage can tell."""
        found = self.used(share_id)
        expect(found == used, 'it holds %s bytes, not %s', found, used)

    def inventory(self) -> frozenset[Item]:
        return self.storage.inventory() if self.storage else frozenset()

    def check_untouched(self, before: frozenset[Item]) -> None:
        """Storage has what it had."""
        difference = differences(before, self.inventory())
        expect(not difference, '%s', '; '.join(difference))

    def _check_one(self, export: str, client: str,
                   rules: Mapping[str, str]) -> None:
        assert self.storage is not None
        wanted = self.profile.cast.decide(rules, client)
        found = self.storage.level(client, export)
        expect(found == wanted,
               '%s has access %s to %s where the rules (%s) give %s',
               client, found, export, dict(rules), wanted)


def play(manila: process.Manila, profile: Profile,
         storage: Storage | None = None, **listeners: Any) -> Scene:
    """Set the scene in a Manila that runs.

    :param listeners: `chapter`, `begin` and `tell`, as the journal takes them
    """
    rest = api.Api(manila.endpoint, manila.release.microversion)
    journal = Journal(manila, profile.backend, storage, **listeners)
    return Scene(manila, Client(rest), profile, journal, storage)


def differences(before: frozenset[Item],
                after: frozenset[Item]) -> Sequence[str]:
    """Return what differs between two inventories, in words."""
    return ([' '.join(('left behind:', *item))
             for item in sorted(after - before)]
            + [' '.join(('destroyed:', *item))
               for item in sorted(before - after)])
