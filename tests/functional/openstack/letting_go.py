# SPDX-License-Identifier: Apache-2.0

"""A share server that Manila lets go with its shares, and takes over."""

from collections.abc import Callable
import typing as ty

from tests.functional.openstack.life import TEXT
from tests.functional.openstack.trouble import Trouble


class Known(ty.NamedTuple):
    """A share as Manila knows it."""

    id: str
    location: str
    host: str
    server: str


class LettingGo(Trouble):
    """The chapter; it ends with no share server."""

    def let_go_and_taken_over(
            self, between: Callable[[], object] = lambda: None) -> None:
        """Shares are served all the time, and can be used and deleted then.

        :param between: called when both shares are there
        """
        self.end()
        exported, windows = (self._known(each) for each in ('NFS', 'CIFS'))
        self.client.nfs(exported.location, 'write', 'file', TEXT)
        before = self.inside(exported.location, 'ls', '/shares').split()
        between()
        machine = self.machine(exported.location)
        for each in (exported, windows):
            self.shares.let_go(each.id)
        self.shares.server_let_go(exported.server)
        assert not self.servers()
        assert self.machine(exported.location) == machine
        with self.timed('take a share server over'):
            server = self.shares.server_taken_over(
                exported.host.partition('#')[0], machine)
        with self.timed('take a share over'):
            share = self.shares.taken_over(
                exported.host, exported.location, 'NFS', server)
        other = self.shares.taken_over(windows.host, windows.location,
                                       'CIFS', server)
        assert self.inside(exported.location,
                           'ls', '/shares').split() == before
        self._all_is_well(share, exported.location, other, windows.location)
        for each in (share, other):
            self.shares.delete('shares', each)
        assert not self.volumes(machine)
        self.end()
        assert machine not in {each['id'] for each in self._machines()}

    def _known(self, protocol: str) -> Known:
        share = self.shares.create(protocol)
        self.allow(share, self.client.address)
        [location] = self.shares.locations(share)
        told = self.shares.get(share)
        return Known(share, location, told['host'], told['share_server_id'])

    def _all_is_well(self, share: str, location: str, windows: str,
                     place: str) -> None:
        """Rules decide, what was written is there, and operations work."""
        assert self.shares.locations(share) == [location]
        assert self.shares.locations(windows) == [place]
        rule = self.allow(share, self.client.address)
        self.allow(windows, self.client.address)
        assert self.client.nfs(location, 'read', 'file') == TEXT
        assert self.other.level(location) is None, 'another host'
        assert self._smb(self.client, place)
        assert not self._smb(self.other, place), 'another host'
        self._extended(share, location)
        snapshot = self.shares.snapshot(share)
        self.shares.delete('snapshots', snapshot)
        self.shares.deny(share, rule)
        assert self.client.level(location) is None, 'after the rule'
