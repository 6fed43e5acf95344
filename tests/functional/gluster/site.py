# SPDX-License-Identifier: Apache-2.0

"""Data centres: a Gluster server, the Manila host, tenants."""

import contextlib
import pathlib
import tempfile
import typing as ty

from tests.functional.lab import box
from tests.functional.lab import gluster
from tests.functional.lab import guest
from tests.functional.lab import image
from tests.functional.lab import network
from tests.functional.lab import service
from tests.functional.lab import sshd
from tests.functional.lab import tenant
from tests.functional.lab import tls

DRIVER = 'manila_drivers.glusterfs.glusterfs_native.GlusterfsNativeShareDriver'
SERVER = 'glusterfs-server-1'
MANILA = 'manila-host-1'


class Site:
    """The room, which is the Manila host, and a server on its network.

    Everything in it ends with :meth:`close`.
    """

    node: gluster.Host
    gluster: gluster.Gluster
    door: sshd.Door

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._stack = contextlib.ExitStack()

    def build(self) -> None:
        """Start all that there is before the first volume."""
        self.room = self._stack.enter_context(box.Box('manila'))
        self.room.private('/run', '/var/log/glusterfs', '/mnt')
        self.net = network.Network(self.room)
        self.identities = tls.Identities(self.directory)
        self.identities.wear(self.room, MANILA)

    def volume(self, name: str, size: int = gluster.GIB, bricks: int = 1,
               allow: bool = True, start: bool = True) -> str:
        """A new volume of the pool, and what tenants mount it by.

        :param bricks: how many hold a copy each
        :param allow: as operators prepare it; without, as it is when new
        """
        places = [self.brick(name, number, size) for number in range(bricks)]
        layout = ('replica', str(bricks)) if bricks > 1 else ()
        self.gluster.create(name, places, *layout, allow=allow)
        if start:
            self.gluster.do('volume', 'start', name)
        return f'{self.gluster.address}:/{name}'

    def brick(self, name: str, number: int, size: int) -> str:
        """A directory for a brick, in a file system of this size."""
        raise NotImplementedError

    def allow(self, volume: str, *names: str) -> None:
        """Let servers, the Manila host and these names in, and no others."""
        self.gluster.do('volume', 'set', volume, 'auth.ssl-allow',
                        ','.join((*gluster.INFRASTRUCTURE, *names)))

    def tenant(self, name: str, authority: str = '') -> tenant.Tenant:
        """A client with a certificate; close it to be rid of it."""
        return tenant.Tenant(self.room, name, self.identities, authority)

    def service(self, host: box.Box | None = None,
                **options: ty.Any) -> service.Service:
        """The driver, with directories of its own.

        :param host: where it runs; the Manila host, unless it is said
        :param options: instead of those for the server over SSH
        """
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        config = service.configure(directory, 'gluster', {
            'driver_handles_share_servers': 'false',
            'glusterfs_servers': f'root@{self.gluster.address}',
            'glusterfs_path_to_private_key': self.door.key,
            'glusterfs_known_hosts': self.door.known_hosts,
            'glusterfs_mount_point_base': directory / 'mounts',
            **options})
        made = service.Service(host or self.room, DRIVER, config, 'gluster')
        self._stack.callback(made.close)
        return made

    def healing(self, volume: str) -> bool:
        """The self-heal daemon reaches every brick of a replicated volume."""
        result = self.node.run('gluster', 'volume', 'heal', volume, 'info',
                               check=False)
        statuses = [line for line in result.stdout.splitlines()
                    if line.startswith('Status:')]
        return bool(statuses) and not result.returncode and all(
            line == 'Status: Connected' for line in statuses)

    def healed(self, volume: str) -> bool:
        """No copy lacks anything that another one has."""
        result = self.node.run('gluster', 'volume', 'heal', volume, 'info')
        counts = [line for line in result.stdout.splitlines()
                  if line.startswith('Number of entries:')]
        return bool(counts) and all(
            line == 'Number of entries: 0' for line in counts)

    def kill_brick(self, volume: str) -> None:
        """End the process of one copy, as a failing server would."""
        status = self.gluster.do('volume', 'status', volume).tree
        pid = next(node.findtext('pid', '') for node in
                   status.iterfind('.//node')
                   if node.findtext('path', '').startswith('/'))
        self.node.run('kill', '-9', pid)

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> ty.Self:
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BoxSite(Site):
    """The server is a box: fast, but without thin volumes."""

    node: box.Box

    def build(self) -> None:
        super().build()
        self.node = self.net.host('node')
        gluster.prepare(self.node)
        self.node.private('/srv')
        self.identities.wear(self.node, SERVER)
        address = self.net.ipv4('node')
        self.door = sshd.start(self.node, address, self.directory)
        self.gluster = gluster.Gluster(self.node, address)
        self.gluster.start('glusterd', '-p', '/run/glusterd.pid')

    def brick(self, name: str, number: int, size: int) -> str:
        image = self.directory / f'{name}-{number}.img'
        return gluster.brick(self.node, image, f'/srv/{name}/{number}', size)


class GuestSite(Site):
    """The server is a virtual machine whose bricks are on thin volumes."""

    node: guest.Guest

    #: Bytes of the disk that all volumes and snapshots share.
    POOL = 8 * gluster.GIB

    def build(self) -> None:
        system = image.build()
        super().build()
        self.node = guest.Guest(self.net, 'store', system,
                                self.directory)
        self._stack.callback(self.node.kill)
        self.node.start()
        self.node.wait()
        self.door = sshd.Door(self.node.system.key, self.node.known_hosts)
        for file, content in self.identities.files(SERVER).items():
            self.node.write(tls.compiled_in() / file, content.decode())
        gluster.thin_pool(self.node, self.node.plug('thin', self.POOL))
        self.gluster = gluster.Gluster(self.node, self.node.address)
        self.gluster.start('systemctl', 'start', 'glusterd')

    def brick(self, name: str, number: int, size: int) -> str:
        return gluster.thin_brick(self.node, f'{name}-{number}', size)

    def clear(self) -> None:
        """Remove all volumes and snapshots."""
        for each in self.gluster.snapshots():
            self.gluster.do('snapshot', 'delete', each)
        for each in self.gluster.volumes():
            self.gluster.ask('volume', 'stop', each)
            self.gluster.do('volume', 'delete', each)

    def active(self, snapshot: str) -> bool:
        """Return whether a snapshot can be mounted."""
        status = self.gluster.do('snapshot', 'info', snapshot).tree.findtext(
            './/snapVolume/status')
        return status == 'Started'
