# SPDX-License-Identifier: Apache-2.0

"""Chapters in which Manila's share service is killed at what it does.

Manila itself takes up nothing of that: states that say that something is
being done stay, until an administrator says otherwise and asks again.  That
is what is done here, and then all has to be as if nothing had happened.
"""

from collections.abc import Callable
import contextlib
import typing as ty

from tests.functional.openstack import manila
from tests.functional.openstack.api import Body
from tests.functional.openstack.api import eventually
from tests.functional.openstack.life import TEXT
from tests.functional.openstack.trouble import Trouble

#: Moments of each operation, in the words of the clouds' services.
MOMENTS = {
    'set_up': ('a port', 'a server that builds', 'a server that is there'),
    'create': ('a volume', 'a volume in use'),
    'extend': ('a larger volume',),
    'clone': ('a volume', 'a volume in use'),
    'delete': ('a volume less in use', 'a volume less'),
    'tear_down': ('a server less',)}

#: Shares to be deleted until one is caught in the middle of that.
TRIES = 3


class Interrupted(Trouble):
    """The chapters; each ends with everything as it was."""

    def _all(self, service: str, path: str, key: str) -> dict[str, Body]:
        return {each['id']: each for each in self.api.listed(
            service, path, key)}

    def _volumes(self) -> dict[str, Body]:
        return self._all('volumev3', '/volumes/detail?all_tenants=1',
                         'volumes')

    def _used(self) -> set[str]:
        return {ident for ident, each in self._volumes().items()
                if each['status'] == 'in-use'}

    def _ports(self) -> set[str]:
        return set(self._all('network', '/ports', 'ports'))

    def _moment(self, moment: str) -> Callable[[], object]:
        """Return a question; its answer is true when the moment has come."""
        volumes, used, ports = self._volumes(), self._used(), self._ports()
        servers = {each['id'] for each in self._machines()}
        sizes = sum(each['size'] for each in volumes.values())
        questions: dict[str, Callable[[], object]] = {
            'a port': lambda: self._ports() - ports,
            'a server that builds': lambda: [
                each for each in self._machines()
                if each['id'] not in servers],
            'a server that is there': lambda: [
                each for each in self._machines() if each['status'] == 'ACTIVE'
                and each['id'] not in servers],
            'a volume': lambda: set(self._volumes()) - set(volumes),
            'a volume in use': lambda: self._used() - used,
            'a larger volume': lambda: sum(
                each['size'] for each in self._volumes().values()) > sizes,
            'a volume less in use': lambda: used - self._used(),
            'a volume less': lambda: set(volumes) - set(self._volumes()),
            'a server less': lambda: servers - {
                each['id'] for each in self._machines()
                if each['OS-EXT-STS:task_state'] != 'deleting'}}
        return questions[moment]

    @contextlib.contextmanager
    def _killed(self, moment: str) -> ty.Iterator[None]:
        """Have the service killed when what is begun is at that moment."""
        question = self._moment(moment)
        yield
        eventually(question, moment, 300, pause=0.05)
        self.served.kill()
        self.served.start()
        with self.timed(f'service back, killed at {moment}'):
            eventually(self.served.up, 'all backends are up', manila.UP)

    def _status(self, share: str, status: str) -> None:
        """Say what an administrator says of a share that got stuck."""
        if self.shares.get(share)['status'] != status:
            self.shares.act(share, 'reset_status', status=status)

    def _away(self, share: str) -> None:
        self._status(share, 'error')
        self.shares.delete('shares', share)

    def set_up(self, moment: str) -> None:
        """A share server that was half made goes; the next one is whole."""
        self.end()
        with self._killed(moment):
            share = self.shares.asked_for()
        self._away(share)
        for each in self.servers():
            self.server_away(each)
        self.nfs()

    def create(self, moment: str) -> None:
        """A share that was half made goes; others are made."""
        with self.several(1) as found:
            with self._killed(moment):
                share = self.shares.asked_for()
            self._right(found)
            self._away(share)
            self._right(found)

    def extend(self, moment: str) -> None:
        """A client that writes all the time notices nothing, and the share
        is extended when that is asked for again."""
        with self.share() as (share, location):
            self.allow(share, self.client.address)
            with self._written(location) as result:
                with self._killed(moment):
                    self.shares.act(share, 'extend', new_size=2)
                if self.shares.get(share)['size'] == 1:
                    self._status(share, 'available')
                    self.shares.resize(share, 2)
            assert result['wrong'] == 0, result
            assert self.shares.get(share)['size'] == 2
            eventually(lambda: self.size(location) > 1.8 * 2**30,
                       'clients see the new size', 60)

    def clone(self, moment: str) -> None:
        """A copy that was half made goes; the next has what was there."""
        with self.share() as (share, location):
            self.allow(share, self.client.address)
            self.client.nfs(location, 'write', 'file', TEXT)
            snapshot = self.shares.snapshot(share)
            with self._killed(moment):
                copy = self.shares.asked_for(snapshot=snapshot)
            self._away(copy)
            with self.share(snapshot=snapshot) as (again, place):
                self.allow(again, self.client.address)
                assert self.client.nfs(place, 'read', 'file') == TEXT
            self.shares.delete('snapshots', snapshot)
            assert self.client.nfs(location, 'read', 'file') == TEXT

    def delete(self, moment: str) -> None:
        """A share that was half deleted goes when that is asked again."""
        with self.several(1) as found:
            before = self._traces(found[0][1])
            share = self._half_deleted(moment)
            self._right(found)
            self._away(share)
            self._right(found)
            assert self._traces(found[0][1]) == before

    def _half_deleted(self, moment: str) -> str:
        """Return a share during whose deletion the service was killed.

        :raises AssertionError: all deletions were over before
        """
        for _ in range(TRIES):
            share = self.shares.create()
            with self._killed(moment):
                self.api.delete('sharev2', f'/shares/{share}')
            if share in self._all('sharev2', '/shares?all_tenants=1',
                                  'shares'):
                return share
        raise AssertionError(f'{TRIES} shares were deleted before the '
                             f'service was killed at {moment}')

    def _traces(self, location: str) -> dict[str, object]:
        """Return what there is of shares, in Cinder and in a machine."""
        said = self.inside(
            location, 'grep -h /shares /proc/self/mounts /etc/fstab;'
            ' ls /shares /etc/exports.d; sudo exportfs;'
            ' sudo net conf listshares; true')
        return {'volumes': set(self._volumes()),
                'in the machine': sorted(said.splitlines())}

    def tear_down(self, moment: str) -> None:
        """A share server that was half torn down goes, with all it had."""
        self.end()
        with self.share():
            pass
        [server] = self.servers()
        with self._killed(moment):
            self.api.delete('sharev2', f'/share-servers/{server}')
        assert server in self.servers(), f'it was gone before {moment}'
        self.server_away(server)
        self.nothing_is_left()
