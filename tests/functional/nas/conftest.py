# SPDX-License-Identifier: Apache-2.0

import types

import pytest

from manila_drivers.ibm.gpfs.helpers import gnfs
from tests import leftovers
from tests.functional.lab import box
from tests.functional.lab import guest
from tests.functional.lab import image
from tests.functional.lab import need
from tests.functional.lab import network
from tests.functional.nas import client
from tests.functional.nas import crowd
from tests.functional.nas import ganesha
from tests.functional.nas import real
from tests.functional.nas import runner
from tests.functional.nas import speaker

_CLIENTS = ('one', 'two', 'three')
# Seconds; other machines may be started at the same time.
_BOOT = 400.0
# Clients of the conformance suite have addresses beside these.
_IPV6 = '2001:db8:7'


class Place:
    """A network, clients and their servers."""

    def __init__(self) -> None:
        self.room = box.Box('nas')
        self.room.private('/run')
        self.net = network.Network(self.room, _IPV6)
        self.clients = {name: client.Client(
            self.net.host(name), self.net.ipv4(name), self.net.ipv6(name))
            for name in _CLIENTS}
        self.crowd = crowd.Crowd(self.net)

    def gets(self, server: str, path: str) -> dict[str, str | None]:
        return {name: each.gets(server, path)
                for name, each in self.clients.items()}


@pytest.fixture(scope='package')
def place():
    need.programs(*need.BOXES, 'nfs-ls')
    made = Place()
    yield made
    made.room.close()


class GaneshaSite:
    """Two Ganesha servers and the helper for them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.servers = {name: ganesha.Ganesha(place.net.host(name))
                        for name in ('ganesha1', 'ganesha2')}
        self.runners = {name: runner.BoxRunner(each.box)
                        for name, each in self.servers.items()}
        for each in self.servers.values():
            each.box.shell(place.crowd.routes())
        self.real = [real.Ganesha(each, place.crowd, place.net.ipv4(name),
                                  place.net.ipv6(name))
                     for name, each in self.servers.items()]
        self.forget()

    def forget(self) -> None:
        """Know as little as a new process of the driver: nothing."""
        self.helper = gnfs.GNFSHelper(
            types.SimpleNamespace(server=self.runners.__getitem__),
            types.SimpleNamespace(
                gpfs_nfs_server_list=list(self.servers),
                ganesha_export_dir=ganesha.EXPORT_DIR,
                ganesha_fsal_name='VFS',
                ganesha_nfs_export_options='protocols=4'))

    def gets(self, path: str) -> list[dict[str, str | None]]:
        return [self.place.gets(self.place.net.ipv4(name), path)
                for name in self.servers]


@pytest.fixture(scope='package')
def ganeshas(place):
    need.programs('ganesha.nfsd', 'dbus-daemon', 'dbus-send')
    # What boxes mount over has to be there on the machine.
    with leftovers.place(ganesha.CLUSTER):
        made = GaneshaSite(place)
        for each in made.servers.values():
            each.start()
        yield made


class KernelSite:
    """A guest with kernel NFS, and the helper beside it, over SSH."""

    def __init__(self, place: Place, directory) -> None:
        self.place = place
        self.guest = guest.Guest(place.net, 'kernel',
                                 image.build(), directory,
                                 units=['nfs-server.service'])
        self.guest.start()
        self.guest.wait(_BOOT)
        self.settle()
        self.real = real.kernel(self.guest, place.crowd,
                                place.net.ipv6('kernel'))
        self.helper = speaker.Speaker(place.room, {
            'server': self.guest.address,
            'known_hosts': str(self.guest.known_hosts),
            'key': str(self.guest.system.key)})

    def settle(self) -> None:
        """Wait for its NFS server, which comes up after sshd."""
        # Nobody has anything to reclaim, so nobody has to wait for it.
        self.guest.shell(
            'systemctl start nfs-server;'
            ' echo Y > /proc/fs/nfsd/v4_end_grace || true;'
            + self.place.crowd.routes(), seconds=_BOOT)

    def share(self, path: str) -> None:
        self.guest.run('mkdir', '-p', '--', path)
        self.guest.run('chmod', '777', '--', path)
        self.guest.write(f'{path}/readme', 'read me\n')

    def gets(self, path: str) -> dict[str, str | None]:
        return self.place.gets(self.guest.address, path)

    def etab(self) -> list[str]:
        """All entries; networks that overlap have the same level."""
        return sorted(self.guest.run(
            'cat', '/var/lib/nfs/etab').stdout.splitlines())

    def asked(self, path: str, *clients: str) -> dict[str, str | None]:
        """Return what these addresses get."""
        return self.place.crowd.gets(self.guest.address, path, clients,
                                     self.place.net.ipv6('kernel'))

    def handle(self, path: str, client: str) -> str:
        """Return what a client remembers of a directory."""
        return self.place.crowd.handle(self.guest.address, path, client)

    def holds(self, handle: str, *clients: str) -> list[str | None]:
        """Return what clients can do with that."""
        return [self.place.crowd.holds(self.guest.address, handle, client)
                for client in clients]


@pytest.fixture(scope='package')
def kernel(place, tmp_path_factory):
    need.programs(*need.GUESTS)
    need.devices('/dev/net/tun')
    made = KernelSite(place, tmp_path_factory.mktemp('kernel'))
    yield made
    made.helper.close()
    made.guest.kill()
