# SPDX-License-Identifier: Apache-2.0

"""Chapters of the life of shares, for any driver that serves from machines.

Each looks at what a client in a tenant's network can do, not at what Manila
says of it.  A chapter leaves nothing of its own, unless it fails.
"""

from collections.abc import Callable
import contextlib
import json
import subprocess
import sys
import time
import typing as ty

from tests.functional.lab import box
from tests.functional.openstack import manila
from tests.functional.openstack import tenancy
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import eventually
from tests.functional.openstack.api import Unexpected
from tests.functional.openstack.room import Room

TEXT = 'what a tenant has written'
MIB = 2**20
#: Seconds for what a chapter that failed has left.
CLEARED = 180.0
#: What the share service says of a machine that does not come up.
SILENT = 'could not be logged in to'


class Life:
    """Shares of one backend, and two hosts of one tenant.

    :param other: a host that nobody allows anything
    """

    #: As the section of manila.conf is called.
    backend: str
    #: Manila, where it is killed, or the log of its driver matters.
    served: manila.Manila
    #: What was in the cloud before Manila was.
    before: dict[str, set[str]]

    def __init__(self, room: Room, api: Api, shares: manila.Shares,
                 client: tenancy.Host, other: tenancy.Host) -> None:
        self._room = room
        self.api = api
        self.shares = shares
        self.client = client
        self.other = other
        #: Seconds of what Manila was asked to do, in order.
        self.times: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def timed(self, what: str) -> ty.Iterator[None]:
        begin = time.monotonic()
        yield
        self.times.append((what, time.monotonic() - begin))

    @contextlib.contextmanager
    def share(self, protocol: str = 'NFS', size: int = 1,
              snapshot: str = '') -> ty.Iterator[tuple[str, str]]:
        """Have a share: its id, and where clients find it."""
        what = f'clone {protocol}' if snapshot else f'create {protocol}'
        with self.timed(what):
            ident = self._made(protocol, size, snapshot)
        locations = self.shares.locations(ident)
        assert len(locations) == 1, locations
        try:
            yield ident, locations[0]
        except BaseException:
            # Others are to be tried without it.
            with contextlib.suppress(Unexpected):
                self.api.delete('sharev2', f'/shares/{ident}')
            raise
        with self.timed(f'delete {protocol}'):
            self.shares.delete('shares', ident)

    def _made(self, *order: ty.Any) -> str:
        """Have a share made; once more if its machine never answers.

        In software emulation one boot of very many does not come to its end.
        What it has said is in ``console-*.log`` beside the other logs; a
        second one that does not is no accident.
        """
        begin, mark = time.monotonic(), len(self.served.log())
        share = self.shares.asked_for(*order)
        try:
            self.shares.settled('shares', share, 'available', 900)
        except Unexpected:
            said = self.served.log()
            if SILENT in said[:mark] or SILENT not in said[mark:]:
                raise
        else:
            return share
        self.times.append(('a machine that never answered',
                           time.monotonic() - begin))
        self.api.delete('sharev2', f'/shares/{share}')
        return self.shares.create(*order)

    def allow(self, share: str, to: str, level: str = 'rw',
              kind: str = 'ip') -> str:
        with self.timed(f'allow {level} {kind}'):
            return self.shares.allow(share, to, level, kind)

    def nfs(self) -> None:
        """Rules decide who reads and who writes."""
        with self.share() as (share, location):
            self._rules_decide(share, location)

    def nfs_extended(self) -> None:
        """Rules decide, and a share becomes larger while it is written."""
        with self.share() as (share, location):
            self._rules_decide(
                share, location, lambda: self._extended(share, location))

    def _rules_decide(self, share: str, location: str,
                      meanwhile: Callable[[], object] = lambda: None
                      ) -> None:
        """Look what clients can do with different rules.

        :param meanwhile: called when the client may write
        """
        assert self.client.level(location) is None, 'without a rule'
        rule = self.allow(share, self.client.address)
        assert self.client.level(location) == 'rw'
        assert self.other.level(location) is None, 'another host'
        self.client.nfs(location, 'write', 'file', TEXT)
        assert self.client.nfs(location, 'read', 'file') == TEXT
        meanwhile()
        with self.timed('deny'):
            self.shares.deny(share, rule)
        assert self.client.level(location) is None, 'after the rule'
        self.allow(share, self.client.address, 'ro')
        assert self.client.level(location) == 'ro'
        assert self.client.nfs(location, 'read', 'file') == TEXT

    def cifs_by_address(self) -> None:
        """A host that has a rule writes; no other gets in."""
        with self.share('CIFS') as (share, location):
            assert not self._smb(self.client, location), 'without a rule'
            rule = self.allow(share, self.client.address)
            assert self._smb(self.client, location)
            assert not self._smb(self.other, location), 'another host'
            with self.timed('deny'):
                self.shares.deny(share, rule)
            assert not self._smb(self.client, location), 'after the rule'

    def _smb(self, host: tenancy.Host, location: str) -> bool:
        """Write a file and read it again, as somebody without a name.

        That a share cannot be had is an answer; that its server is not there
        is none.
        """
        said = host.smb(location, 'put /etc/hostname trial; get trial -;'
                        ' rm trial', check=False)
        refused = ('NT_STATUS_ACCESS_DENIED', 'NT_STATUS_BAD_NETWORK_NAME',
                   'NT_STATUS_INVALID_NETWORK_RESPONSE')
        if any(each in said for each in refused):
            return False
        assert 'NT_STATUS' not in said and 'failed' not in said, said
        return True

    def extend_while_written(self) -> None:
        """A client that writes all the time notices nothing."""
        with self.share() as (share, location):
            self.allow(share, self.client.address)
            self._extended(share, location)

    def _extended(self, share: str, location: str) -> None:
        with self._written(location) as result:
            with self.timed('extend'):
                self.shares.resize(share, 2)
        assert result['wrong'] == 0, result
        self.times.append(('longest wait of a client', result['slowest']))
        eventually(lambda: self.size(location) > 1.8 * 1024 * MIB,
                   'clients see the new size', 60)

    @contextlib.contextmanager
    def _written(self, location: str) -> ty.Iterator[dict[str, float]]:
        """Have a file written all the time; fills in what became of it."""
        result: dict[str, float] = {}
        process = self._writer(location)
        try:
            yield result
            process.stdin.close()
            said = box.said(process, 180)
            assert said.startswith('{'), f'the client was told: {said}'
            result.update(json.loads(said))
        finally:
            box.end(process)

    def _writer(self, location: str) -> ty.Any:
        """Start a client that holds a file open, and writes it."""
        server, _, path = location.partition(':')
        process = self.client.popen(
            sys.executable, '-m', 'tests.functional.openstack.nfs_client',
            server, path, 'keep', 'kept', 600, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(5)
        assert process.poll() is None, process.stdout.read()
        return process

    def client_that_vanished(self) -> None:
        """A client that went away with a file open does not keep a share."""
        with self.share() as (share, location):
            self.allow(share, self.client.address)
            box.end(self._writer(location))

    def inside(self, location: str, *words: str) -> str:
        """Run a command in the machine that serves an NFS export.

        Manila's host can log in to it, as its driver does.
        """
        server = location.partition(':')[0]
        return str(tenancy.ssh(self._room, server, *words).stdout)

    def size(self, location: str) -> int:
        """Return how many bytes the file system has, as a client sees it."""
        return int(self.client.nfs(location, 'size'))

    def shrink(self) -> None:
        """Not below what is in it; smaller, when that has gone."""
        with self.share(size=3) as (share, location):
            self.allow(share, self.client.address)
            self.client.nfs(location, 'write', 'file', TEXT)
            much = f'{location.partition(":")[2]}/much'
            self.inside(location, 'sudo', 'fallocate', '-l', '1400M', much)
            with self.timed('shrink refused'):
                state = self.shares.resize(
                    share, 1, 'available',
                    'shrinking_possible_data_loss_error')
            assert self.shares.get(share)['size'] == 3
            assert self.client.level(location) == 'rw', state
            if state != 'available':
                self.shares.act(share, 'reset_status', status='available')
            # ext4 needs far more room to become smaller than its files.
            self.inside(location, 'sudo', 'rm', much)
            with self.timed('shrink'):
                self.shares.resize(share, 2)
            assert self.shares.get(share)['size'] == 2
            assert self.client.nfs(location, 'read', 'file') == TEXT
            assert self.size(location) < 2.1 * 1024 * MIB

    def copies(self) -> None:
        """A snapshot keeps what was there; a share made from it has it."""
        with self.share() as (share, location):
            self.allow(share, self.client.address)
            self.client.nfs(location, 'write', 'file', TEXT)
            with self.timed('snapshot'):
                snapshot = self.shares.snapshot(share)
            self.client.nfs(location, 'write', 'later', 'too late')
            with self.share(snapshot=snapshot) as (clone, place):
                assert self.client.level(place) is None, 'the new share'
                self.allow(clone, self.client.address)
                assert self.client.nfs(place, 'read', 'file') == TEXT
                assert 'too late' not in self.client.nfs(
                    place, 'read', 'later', check=False)
                assert self.client.nfs(location, 'read', 'later') \
                    == 'too late'
            with self.timed('delete snapshot'):
                self.shares.delete('snapshots', snapshot)

    def servers(self) -> list[str]:
        """Return the share servers that there are."""
        return [each['id'] for each in self.api.listed(
            'sharev2', '/share-servers', 'share_servers')]

    def end(self) -> None:
        """Tear all share servers down, when all shares are gone."""
        eventually(lambda: not self.api.listed(
            'sharev2', '/shares?all_tenants=1', 'shares'),
            'all shares are deleted', 180)
        for each in self.servers():
            with self.timed('delete server'):
                self.server_away(each)

    def nothing_is_left(self) -> None:
        """When all shares and servers are gone, all that they had is."""
        self.end()
        left = self.left()
        assert not left, left

    def left(self) -> dict[str, list[str]]:
        """Return what is in the cloud now, and should not be."""
        return manila.left(self.before, manila.inventory(self.api))

    def cleared(self) -> list[str]:
        """Delete what a chapter that failed has left; return what stays.

        Snapshots come before their shares, and servers after them.
        """
        stay: list[str] = []
        for kind, key in (('snapshots', 'snapshots'), ('shares', 'shares'),
                          ('share-servers', 'share_servers')):
            every = '' if kind == 'share-servers' else '?all_tenants=1'
            asked = [str(each['id']) for each in self.api.listed(
                'sharev2', f'/{kind}{every}', key)]
            for ident in asked:
                self._told_to_go(kind, ident)
            for ident in asked:
                try:
                    self.api.settled('sharev2', f'/{kind}/{ident}', '404',
                                     seconds=CLEARED)
                except Unexpected as wrong:
                    stay.append(str(wrong)[:300])
        return stay

    def _told_to_go(self, kind: str, ident: str) -> None:
        """Ask for a deletion, whatever state it is in."""
        with contextlib.suppress(Unexpected):
            if kind == 'share-servers':
                self.api.do('sharev2', 'POST', f'/{kind}/{ident}/action',
                            {'reset_status': {'status': 'active'}})
                self.api.delete('sharev2', f'/{kind}/{ident}')
            else:
                self.api.do('sharev2', 'POST', f'/{kind}/{ident}/action',
                            {'force_delete': None})

    def server_away(self, server: str) -> None:
        """Tear a share server down, also one that got stuck before."""
        # One in error stays so until its deletion begins.
        self.api.do('sharev2', 'POST', f'/share-servers/{server}/action',
                    {'reset_status': {'status': 'active'}})
        self.shares.delete('share-servers', server)
