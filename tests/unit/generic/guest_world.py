# SPDX-License-Identifier: Apache-2.0

"""A service VM with shares, for tests of what is done in it."""

import ipaddress
import uuid

from manila_drivers.generic import guest
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.nas import exports
from manila_drivers.nas import samba
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import guest as simulated

CLIENTS = ('10.0.0.1', '10.0.0.10', '10.0.1.1', '192.0.2.7', '2001:db8::1',
           '2001:db8:1::1', '127.0.0.1', '::1')
RANK = {None: 0, 'ro': 1, 'rw': 2}


CHANGES = (r'^command (?!(lsblk|ls|cat|df|grep|blkid|date|mountpoint|sleep'
           r'|stat|blockdev|dd|find|dumpe2fs|fuser|pidof'
           r'|net conf (list|showshare))\b)')


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def ident(number):
    """Return the id of a volume or a share, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f'guest-{number}'))


def networks(**levels):
    return {ipaddress.ip_network(text): level
            for text, level in levels.items()}


def nets(*texts, level='rw'):
    return {ipaddress.ip_network(text): level for text in texts}


class House:
    """One VM, and the driver's view of it."""

    def __init__(self, *, seed=0, bus='virtio', **parts):
        self.clock = Clock()
        self.vm = simulated.Machine('vm', clock=self.clock,
                                    sleep=self.clock.sleep, seed=seed,
                                    bus=bus, **parts)
        self.guest = guest.Guest(self.vm.runner(), clock=self.clock,
                                 sleep=self.clock.sleep)
        self.devices = {}

    def volume(self, number, gib=1, content=None):
        device = simulated.BlockDevice(ident(f'volume {number}'), gib,
                                       content)
        self.devices[number] = device
        self.vm.plug(device)
        return device

    def served(self, number, *, fstype='ext4', path=None):
        device = self.devices[number]
        return guest_records.Served(
            f'share-{number}', ident(f'share {number}'),
            path or f'/shares/share-{number}',
            guest_records.Disk(device.id, device.gib), fstype)

    def look(self, *served, wait=60):
        return self.guest.look([each.disk for each in served], wait=wait)

    def made(self, number, gib=1, **parts):
        """Make a share as the driver does, and return it."""
        if number not in self.devices:
            self.volume(number, gib)
        served = self.served(number, **parts)
        self.guest.run(guest_planning.serve(self.look(served), served,
                                            fresh=True))
        return served

    def do(self, operation, served, *arguments, **parts):
        """Look, plan and run."""
        return self.guest.run(operation(self.look(served), served,
                                        *arguments, **parts))

    def export(self, served, levels):
        self.guest.export(self.look(), export(served, levels))

    def share(self, served, **parts):
        self.guest.share(self.look(), share(served, **parts))

    def nfs(self, served):
        return {client: self.vm.reaches('NFS', served.path, client)
                for client in CLIENTS}

    def cifs(self, served, *users):
        return {(client, user): self.vm.reaches('CIFS', served.name, client,
                                                user)
                for client in CLIENTS for user in (None, *users)}

    def cut(self, number):
        """Have the connection end behind a program that changes something.

        Behind one that only looks is behind the one before it.
        """
        self.vm.faults.arm(faults.Fault('reset_after', nth=number,
                                        match=CHANGES))

    def reboot(self, **parts):
        self.vm.reboot(**parts)
        assert not self.vm.stuck


def export(served, levels):
    return exports.Export(served.path, served.name, served.ident, levels,
                          ('no_root_squash',))


def share(served, **parts):
    return samba.SambaShare(served.name, served.path, **parts)


def fsid(house, served):
    return guest_access.fsid(house.look(), export(served, {}))
