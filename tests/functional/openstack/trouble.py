# SPDX-License-Identifier: Apache-2.0

"""Chapters in which the cloud does not do what is wanted of it."""

import contextlib
import subprocess
import typing as ty

from tests.functional.openstack.api import eventually
from tests.functional.openstack.api import Unexpected
from tests.functional.openstack.life import Life
from tests.functional.openstack.life import TEXT


class Trouble(Life):
    """The chapters; each ends with everything as it was."""

    def machine(self, location: str) -> str:
        """Return the id of the server that serves an export."""
        address = location.partition(':')[0]
        for server in self.api.listed('compute', '/servers/detail?'
                                      'all_tenants=1', 'servers'):
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

    def disks_in_another_order(self) -> None:
        """After a boot the devices have other names; the shares do not."""
        with self.several(3) as found:
            machine = self.machine(found[0][1])
            before = self.volumes(machine)
            self._power(machine, 'os-stop', 'SHUTOFF')
            for volume in before:
                self.api.delete('compute', f'/servers/{machine}/'
                                f'os-volume_attachments/{volume}')
                self.api.settled('volumev3', f'/volumes/{volume}',
                                 'available')
            for volume in reversed(before):
                self.api.post(
                    'compute', f'/servers/{machine}/os-volume_attachments',
                    {'volumeAttachment': {'volumeId': volume}})
                self.api.settled('volumev3', f'/volumes/{volume}', 'in-use')
            self._power(machine, 'os-start', 'ACTIVE')
            assert self.volumes(machine) == before[::-1]
            with self.timed('back after a boot'):
                self._right(found)

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
