# SPDX-License-Identifier: Apache-2.0

"""Chapters in which the cloud does not do what is wanted of it."""

import contextlib
import itertools
import random
import re
import subprocess
import time
import typing as ty

from tests.functional.openstack import services
from tests.functional.openstack import tenancy
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import eventually
from tests.functional.openstack.api import Unexpected
from tests.functional.openstack.life import Life
from tests.functional.openstack.life import TEXT

#: Disks that a machine takes beside its own, on PCI and virtio-blk.
DISKS = 26
#: Who has an account in a machine, and with what.
USERS = {'writer': 'Secret-1', 'reader': 'Secret-2', 'stranger': 'Secret-3'}
#: Seconds that a switch may be without its agent while a machine is made.
AWAY = 60.0


def _shuffled(volumes: list[str]) -> ty.Iterator[list[str]]:
    """Yield orders of the same, each once, none as it is."""
    orders = list(itertools.permutations(volumes))[1:]
    random.Random(2026).shuffle(orders)
    return map(list, orders)


class Trouble(Life):
    """The chapters; each ends with everything as it was."""

    def machine(self, location: str) -> str:
        """Return the id of the server that serves an export."""
        address = location.partition(':')[0]
        for server in self._machines():
            if any(each['addr'] == address for network in
                   server['addresses'].values() for each in network):
                return str(server['id'])
        raise Unexpected(f'no server has {address}')

    def volumes(self, machine: str) -> list[str]:
        """Return what is attached, in the order of the devices."""
        found = self.api.listed(
            'compute', f'/servers/{machine}/os-volume_attachments',
            'volumeAttachments')
        return [each['volumeId'] for each in sorted(
            found, key=lambda each: str(each['device']))]

    def _power(self, machine: str, action: str, state: str) -> None:
        self.api.do('compute', 'POST', f'/servers/{machine}/action',
                    {action: None})
        self.api.settled('compute', f'/servers/{machine}', state)

    @contextlib.contextmanager
    def several(self, count: int) -> ty.Iterator[list[tuple[str, str]]]:
        """Have some shares, each with a file that says which it is."""
        with contextlib.ExitStack() as stack:
            found = [stack.enter_context(self.share())
                     for _ in range(count)]
            for number, (share, location) in enumerate(found):
                self.allow(share, self.client.address)
                self.client.nfs(location, 'write', 'which', f'{number}')
            yield found

    def _right(self, found: list[tuple[str, str]], seconds: float = 300
               ) -> None:
        """Every export has the file that it had, once its server is back."""
        for number, (_, location) in enumerate(found):
            assert eventually(
                lambda location=location: self._read(location),
                f'{location} can be read', seconds, pause=2) == f'{number}'

    def _read(self, location: str) -> str:
        try:
            return self.client.nfs(location, 'read', 'which')
        except (AssertionError, subprocess.TimeoutExpired):
            return ''

    def disks_in_another_order(self, orders: int = 5) -> None:
        """After a boot the devices have other names; the shares do not."""
        with self.several(4) as found:
            machine = self.machine(found[0][1])
            before = self.volumes(machine)
            seen = [before]
            for order in itertools.islice(_shuffled(before), orders):
                self._power(machine, 'os-stop', 'SHUTOFF')
                for volume in before:
                    self._detach(machine, volume)
                for volume in order:
                    self._attach(machine, volume)
                self.api.do('compute', 'POST', f'/servers/{machine}/action',
                            {'reboot': {'type': 'HARD'}})
                self.api.settled('compute', f'/servers/{machine}', 'ACTIVE')
                seen.append(self.volumes(machine))
                with self.timed('back after a hard reboot'):
                    self._right(found)
            assert len({tuple(each) for each in seen}) == orders + 1, seen

    def _detach(self, machine: str, volume: str) -> None:
        self.api.delete('compute', f'/servers/{machine}/'
                        f'os-volume_attachments/{volume}')
        self.api.settled('volumev3', f'/volumes/{volume}', 'available')

    def _attach(self, machine: str, volume: str) -> None:
        self.api.post('compute', f'/servers/{machine}/os-volume_attachments',
                      {'volumeAttachment': {'volumeId': volume}})
        self.api.settled('volumev3', f'/volumes/{volume}', 'in-use')

    def killed(self) -> None:
        """A machine that was killed serves again when it is started."""
        with self.several(2) as found:
            machine = self.machine(found[0][1])
            self._room.run('virsh', '-c', 'qemu:///system', 'destroy',
                           machine)
            self.api.settled('compute', f'/servers/{machine}', 'SHUTOFF')
            self._power(machine, 'os-start', 'ACTIVE')
            with self.timed('back after it was killed'):
                self._right(found)

    def deleted_while_it_is_down(self) -> None:
        """Shares of a machine that is off can be deleted all the same."""
        found = []
        for _ in range(2):
            share = self.shares.create()
            found.append((share, self.shares.locations(share)[0]))
        machine = self.machine(found[0][1])
        self._power(machine, 'os-stop', 'SHUTOFF')
        try:
            for share, _ in found:
                with self.timed('delete, machine off'):
                    self.shares.delete('shares', share)
            assert not self.volumes(machine)
        finally:
            with contextlib.suppress(Unexpected):
                self._power(machine, 'os-start', 'ACTIVE')
                # Until then nothing can be made there.
                eventually(lambda: self._lets_in(found[0][1]),
                           'the machine lets in again', 300, pause=2)

    def _lets_in(self, location: str) -> bool:
        try:
            return bool(self.inside(location, 'uptime'))
        except (AssertionError, subprocess.TimeoutExpired):
            return False

    def extended_although_refused(self) -> None:
        """The storage refuses to extend what is in use: the share is still
        extended, or at the least served as before."""
        with self.several(1) as found:
            share, location = found[0]
            with self.timed('extend, refused in use'):
                state = self.shares.resize(share, 2, 'available',
                                           'extending_error')
            self._right(found)
            assert state == 'available'
            assert self.shares.get(share)['size'] == 2
            eventually(lambda: self.size(location) > 1.8 * 2**30,
                       'clients see the new size', 60)
            self.client.nfs(location, 'write', 'more', TEXT)

    def crowded(self) -> None:
        """The machine takes no more disks: that is said, and nothing of the
        share is left; those that are there go on."""
        # Cinder allows ten.
        self.api.put('volumev3', '/os-quota-sets/'
                     + Api('manila', 'service').project,
                     {'quota_set': {'volumes': 2 * DISKS}})
        with self.several(2) as found, self._crowd() as more:
            machine = self.machine(found[0][1])
            for share in more:
                self.shares.settled('shares', share, 'available', 900)
            assert len(self.volumes(machine)) == DISKS
            more.append(self.shares.asked_for())
            with self.timed('create, no room for a disk'):
                eventually(lambda: self.shares.get(more[-1])[
                    'status'] == 'error', 'the share is in error', 300)
            self._right(found, 60)
            said = self.served.log()
            assert re.search(
                r'(could not be|have not been) attached|[Ff]ailed to attach',
                said), said[-2000:]
        eventually(lambda: not self.volumes(machine), 'no disk is left', 60)

    @contextlib.contextmanager
    def _crowd(self) -> ty.Iterator[list[str]]:
        """Ask for as many shares as there is room for, beside two; delete
        them, and those that come to them."""
        more: list[str] = []
        try:
            more.extend(self.shares.asked_for() for _ in range(DISKS - 2))
            yield more
        finally:
            for share in more:
                self.api.delete('sharev2', f'/shares/{share}')
            for share in more:
                self.shares.settled('shares', share, '404', 600)

    def cifs_by_user(self) -> None:
        """Who has a rule comes in with his password, and does what it says.

        The accounts are the operator's: they are there before.
        """
        with self.share('CIFS') as (share, location):
            self._accounts(location)
            for user in USERS:
                assert self._level(location, user) is None, 'without a rule'
            rule = self.allow(share, 'writer', 'rw', 'user')
            self.allow(share, 'reader', 'ro', 'user')
            assert self._level(location, 'writer') == 'rw'
            assert self._level(location, 'reader') == 'ro'
            assert self._level(location, 'stranger') is None
            assert self._level(location, 'writer', 'wrong') is None
            with self.timed('deny'):
                self.shares.deny(share, rule)
            assert self._level(location, 'writer') is None
            assert self._level(location, 'reader') == 'ro'

    def _accounts(self, location: str) -> None:
        server = location.strip('\\').partition('\\')[0]
        for user, password in USERS.items():
            tenancy.ssh(self._room, server, (
                f'sudo sh -c "id {user} || useradd -M {user}; printf '
                f"'%s\\n%s\\n' {password} {password} |"
                f' smbpasswd -s -a {user}"'))

    def _level(self, location: str, user: str, password: str = ''
               ) -> str | None:
        """Return what a user can do: rw, ro or None."""
        account = user, password or USERS[user]
        name = f'of-{user}'
        if 'NT_STATUS' in self.client.smb(location, 'ls', *account,
                                          check=False):
            return None
        said = self.client.smb(location, f'put /etc/hostname {name}',
                               *account, check=False)
        assert 'NT_STATUS' not in said or 'ACCESS_DENIED' in said \
            or 'MEDIA_WRITE_PROTECTED' in said, said
        return 'ro' if 'NT_STATUS' in said else 'rw'

    def without_the_agent(self, name: str) -> None:
        """One that a machine needs is away for a while as it is made.

        :param name: of a daemon of the cloud
        """
        self.end()
        before = {each['id'] for each in self._machines()}
        with self._away_for(name):
            begin = time.monotonic()
            share = self.shares.asked_for()
            eventually(lambda: {each['id'] for each in self._machines()}
                       - before, 'a machine is made', 180)
            time.sleep(max(0.0, begin + AWAY - time.monotonic()))
        with self.timed(f'create, {name} away for a minute'):
            self.shares.settled('shares', share, 'available', 900)
        [location] = self.shares.locations(share)
        self.allow(share, self.client.address)
        assert self.client.level(location) == 'rw'
        self.shares.delete('shares', share)
        self.nothing_is_left()

    def given_up_by_its_service(self, name: str) -> None:
        """It is away until its own service takes it for dead: the set-up
        fails and leaves nothing, and the next one is whole.

        :param name: of a daemon of the cloud
        """
        self.end()
        with self._away_for(name):
            eventually(lambda: name in self._dead(), f'{name} is dead', 300)
            share = self.shares.asked_for()
            with self.timed(f'set-up fails, {name} dead'):
                eventually(lambda: self.shares.get(share)['status'] == 'error',
                           'the share is in error', 1200)
        eventually(lambda: name not in self._dead(), f'{name} is back', 300)
        self.shares.delete('shares', share)
        self.nothing_is_left()
        self.nfs()

    @contextlib.contextmanager
    def _away_for(self, name: str) -> ty.Iterator[None]:
        """Have a daemon killed, and started again in the end."""
        self._room.stop(name, 'KILL')
        try:
            yield
        finally:
            services.again(self._room, name)

    def _dead(self) -> set[str]:
        """Return the agents and compute services that are taken for dead."""
        return {each['binary'] for each in self.api.listed(
            'network', '/agents', 'agents') if not each['alive']} | {
            each['binary'] for each in self.api.listed(
                'compute', '/os-services', 'services')
            if each['state'] != 'up'}

    def used_size(self) -> None:
        """Manila tells others how much of a share is used."""
        with self.share(size=2) as (share, location):
            path = location.partition(':')[2]
            self.inside(location, 'sudo', 'fallocate', '-l', '700M',
                        f'{path}/much')
            with self.timed('until the used size is told'):
                used = eventually(lambda: [
                    each for each in self._told(share) if each > 0.6],
                    'the used size is told', 300)
            assert used[-1] < 1, used

    def _told(self, share: str) -> list[float]:
        """Return the used sizes that Manila has told of a share, in GiB."""
        return [float(re.search(r'"used_size": ([0-9.]+)', line)[1])
                for line in self.served.log().splitlines()
                if 'share.consumed.size' in line and share in line]

    def _machines(self) -> list[dict[str, ty.Any]]:
        return self.api.listed('compute', '/servers/detail?all_tenants=1',
                               'servers')
