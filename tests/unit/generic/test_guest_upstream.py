# SPDX-License-Identifier: Apache-2.0

"""The simulated machine does what Manila's own Generic driver asks of it.

Each command is a line for the shell of a user, as over SSH: nothing is root
that was not told to be.
"""

import pytest

from manila_drivers.testing.simulators import guest
from manila_drivers.testing.simulators.guest import runner

IDENT = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'
NAME = f'share-{IDENT}'
PATH = f'/shares/{NAME}'
DISK = '/dev/vdb'
MOUNT = (f'sudo mkdir -p {PATH} && sudo mount {DISK} {PATH} && '
         f'sudo chmod 777 {PATH} && sudo umount {PATH} && '
         f'sudo e2fsck -y -f {DISK} && sudo tune2fs -U random {DISK} && '
         f'sudo mount {DISK} {PATH}')
ADD = f'sudo exportfs -o rw,no_subtree_check,no_root_squash %s:{PATH}'
KEEP = 'sudo cp /var/lib/nfs/etab /etc/exports'
OFF = f'cat /etc/exports | grep {NAME} | sudo tee {PATH}.maintenance'
ON = (f'cat {PATH}.maintenance | sudo tee -a /etc/exports && '
      f'sudo exportfs -r && sudo rm -f {PATH}.maintenance')


class House:

    def __init__(self) -> None:
        self.vm = guest.Machine('vm', clock=lambda: 0.0,
                                sleep=lambda seconds: None)
        self.vm.system.disks.orderly = True
        self.vm.system.disks.late = (0.0, 0.0)
        self.disk = guest.BlockDevice(IDENT, 2)
        self.vm.plug(self.disk)
        self._door = runner.host(self.vm, root=False)

    def tried(self, line: str) -> tuple[int | None, str]:
        done = self._door(['sh', '-c', line], str)
        return done.status, done.stdout

    def do(self, line: str) -> str:
        status, said = self.tried(line)
        assert status == 0, line
        return said

    def served(self) -> 'House':
        """Have a share, mounted now and after every boot."""
        self.do(f'sudo test -b {DISK}')
        self.do(f'sudo mkfs.ext4 {DISK}')
        self.do(f'sudo tune2fs -m 0 {DISK}')
        self.do(MOUNT)
        self.do(f'grep {IDENT} /etc/mtab | sudo tee -a /etc/fstab')
        ident = self.do(f'lsblk -o uuid -n {DISK}').strip()
        self.do(f'sudo sed -i s@{DISK}@UUID={ident}@ /etc/fstab')
        self.do('sudo mount -a')
        return self


@pytest.fixture
def house() -> House:
    return House().served()


def test_a_share_is_mounted_and_stays_so(house):
    assert f'{DISK} on {PATH} type ext4' in house.do('sudo mount')
    line = house.vm.system.tree.text['/etc/fstab'].splitlines()[-1]
    assert line.split()[:3] == [
        f'UUID={house.disk.content.uuid}', PATH, 'ext4']
    house.vm.reboot()
    house.vm.write(PATH, 'file', b'data')
    assert house.do(f'df -PBM {PATH}').splitlines()[1].split()[2] == '1M'
    assert house.do(f'df -PBG {PATH}').splitlines()[1].split()[1] == '2G'


def test_a_disk_that_is_not_there():
    house = House()
    assert house.tried('sudo test -b /dev/vdc')[0] == 1
    assert house.tried('sudo mkfs.ext4 /dev/vdc')[0] == 1


def test_nothing_is_done_without_root(house):
    assert house.tried(f'umount {PATH}')[0] == 1
    assert house.tried('grep x /etc/mtab | tee -a /etc/fstab')[0] == 1
    assert house.vm.system.mounts.at(PATH)


def test_exports_are_kept(house):
    for client in ('10.0.0.5', '10.0.0.6'):
        house.do(ADD % client)
    house.do(KEEP)
    house.do('sudo exportfs -a')
    assert house.do('sudo exportfs').count(f'{PATH}\n\t\t10.0.0.') == 2
    house.vm.reboot()
    assert house.vm.reaches('NFS', PATH, '10.0.0.6') == 'rw'
    house.do(f'sudo exportfs -u 10.0.0.6:{PATH}')
    assert house.vm.reaches('NFS', PATH, '10.0.0.6') is None
    # Still in the file, which is read again.
    house.do('sudo exportfs -a')
    assert house.vm.reaches('NFS', PATH, '10.0.0.6') == 'rw'
    assert house.vm.reaches('NFS', PATH, '10.0.0.5') == 'rw'
    assert house.do('sudo systemctl is-active nfs-kernel-server') == 'active\n'


def test_a_share_is_resized_while_nobody_may_use_it(house):
    house.do(ADD % '10.0.0.5')
    house.do(KEEP)
    house.do(OFF)
    house.do(f'sudo exportfs -u "10.0.0.5:{PATH}"')
    house.do(KEEP)
    assert house.vm.reaches('NFS', PATH, '10.0.0.5') is None
    house.do(f'sudo umount {PATH} && sudo rmdir {PATH}')
    house.do(f"sudo sed -i '/{IDENT}/d' /etc/fstab")
    assert IDENT not in house.vm.system.tree.text['/etc/fstab']
    house.do(f'sudo fsck -pf {DISK}')
    house.do(f'sudo resize2fs {DISK} 1G')
    house.do(MOUNT)
    house.do(ON)
    assert house.vm.reaches('NFS', PATH, '10.0.0.5') == 'rw'
    assert house.disk.content.size == 1 << 30


def test_sections_of_samba(house):
    assert house.tried(f'sudo net conf showshare {NAME}')[0] == 255
    house.do(f'sudo net conf addshare {NAME} {PATH} writeable=y guest_ok=y')
    house.do(f'sudo net conf setparm {NAME} "hosts deny" 0.0.0.0/0')
    house.do(f'sudo net conf setparm {NAME} "hosts allow" "10.0.0.5 10.0.0.6"')
    allowed = house.do(f'sudo net conf getparm {NAME} "hosts allow"')
    assert allowed == '10.0.0.5 10.0.0.6\n'
    house.do(f"echo '{allowed.strip()}' | sudo tee {PATH}.maintenance")
    house.do(f'sudo net conf setparm {NAME} "hosts allow" " "')
    assert house.vm.reaches('CIFS', NAME, '10.0.0.5') is None
    house.do(f'sudo net conf setparm {NAME} "hosts allow" '
             f'"{house.do(f"cat {PATH}.maintenance").strip()}"')
    assert house.vm.reaches('CIFS', NAME, '10.0.0.5') == 'rw'
    house.do(f'sudo net conf delshare {NAME}')
    assert house.vm.reaches('CIFS', NAME, '10.0.0.5') is None
