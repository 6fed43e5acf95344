# SPDX-License-Identifier: Apache-2.0

"""The work in a service VM, done here: real shell, disks, file systems.

Disks are loop devices, to which lsblk ascribes serial numbers.  They cannot
grow while they are mounted unless the machine lets root do so, which a guest
is needed for.
"""

import dataclasses
import os
import subprocess
import time

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.nas import samba
from tests import patience
from tests.functional.lab import box
from tests.functional.lab import need
from tests.functional.nas import runner
from tests.functional.nas import smbd

pytestmark = pytest.mark.timeout(600)

VOLUMES = ('7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11',
           '8a2d3c0e-58a1-4b1e-9a51-0d6a8c8e7a22')
IDENTS = ('11111111-2222-3333-4444-555555555555',
          '22222222-2222-3333-4444-555555555555')
PATH = '/srv/shares'
_GIB = 1 << 30

# What knows the serial numbers of loop devices, instead of lsblk.
_LSBLK = r"""#!/bin/sh
serial() { cat "/run/serial-${1##*/}" 2>/dev/null; }
for last; do :; done
case $* in
*SERIAL\ /dev/*) serial "$last"; exit 0 ;;
*NAME,*) ;;
*) exec /run/lsblk.real "$@" ;;
esac
for each in /run/serial-*; do
    disk=/dev/${each##*-}
    echo "$disk $(/run/lsblk.real -dnro MAJ:MIN "$disk")" \
        "$(blockdev --getsize64 "$disk") disk $(cat "$each")"
done
"""


class RealHouse:
    """A box that has disks as a service VM has them."""

    def __init__(self) -> None:
        self.box = box.Box('service-vm')
        # Samba wants an address.
        self.box.shell('ip link set lo up; ip link add any type bridge;'
                       ' ip address add 192.0.2.1/24 dev any;'
                       ' ip link set any up')
        smbd.Smbd(self.box, ())
        self.box.shell(
            'mkdir /run/up /run/work; mount -t overlay overlay -o'
            ' lowerdir=/etc,upperdir=/run/up,workdir=/run/work /etc;'
            ' cp /usr/bin/lsblk /run/lsblk.real; cat >/run/lsblk;'
            ' chmod 755 /run/lsblk; mount --bind /run/lsblk /usr/bin/lsblk',
            stdin=_LSBLK)
        self.guest = guest.Guest(runner.BoxRunner(self.box))
        self._loops: list[str] = []

    def plug(self, volume: str, *, size: str = '1G', copy_of: str = '',
             ) -> None:
        self.box.shell(
            'if [ -n "$3" ]; then cp "/srv/$3" "/srv/$1";'
            ' else truncate -s "$2" "/srv/$1"; fi', volume, size, copy_of)
        loop = self.box.run('losetup', '--find', '--show',
                            f'/srv/{volume}').stdout.strip()
        self._loops.append(loop)
        self.box.write(f'/run/serial-{os.path.basename(loop)}',
                       volume[:20] + '\n')

    def served(self, number: int = 0, name: str = 'share-1',
               fstype: str = 'ext4') -> guest_records.Served:
        return guest_records.Served(
            name, IDENTS[number], f'{PATH}/{name}',
            guest_records.Disk(VOLUMES[number], 1), fstype)

    def do(self, operation, served, *arguments, **parts):
        return self.guest.run(operation(
            self.guest.look([served.disk]), served, *arguments, **parts))

    def sees(self, served) -> guest_records.GuestFacts:
        return self.guest.look([served.disk])

    def close(self) -> None:
        for each in self._loops:
            self.box.run('losetup', '-d', each, check=False)
        self.box.close()


@pytest.fixture
def house():
    need.programs(*need.BOXES, 'mkfs.ext4', 'smbd')
    made = RealHouse()
    yield made
    made.close()


def test_a_life(house):
    house.plug(VOLUMES[0])
    served = house.served()
    for _ in range(2):
        house.do(guest_planning.serve, served, fresh=True)
    facts = house.sees(served)
    assert facts.serves(served)
    assert facts.mount(served.path).uuid == served.ident
    assert facts.fstab(served.path).spec == f'UUID={served.ident}'
    assert 0 < facts.used(served.path) < 1 << 20
    assert facts.total(served.path) > 900 << 20
    assert guest_planning.serve(facts, served) == []
    assert house.box.run('stat', '-c', '%a', served.path).stdout == '777\n'
    house.box.write(f'{served.path}/file', 'data\n')
    house.guest.share(facts, samba.SambaShare(served.name, served.path,
                                         users={}))
    result, = house.do(guest_planning.grow, served, 1)
    assert result.stdout == f'size={_GIB}\n'

    house.do(guest_planning.suspend, served)
    facts = house.sees(served)
    assert facts.mount(served.path) is None
    assert facts.samba.section(served.name)['available'] == 'no'
    house.do(guest_planning.serve, served)
    house.do(guest_planning.resume, served)
    assert house.sees(served).samba.section(served.name)[
        'available'] == 'yes'

    for _ in range(2):
        house.do(guest_planning.release, served)
    facts = house.sees(served)
    assert facts.mount(served.path) is facts.fstab(served.path) is None
    assert facts.samba.section(served.name) is None
    assert house.box.run('test', '-e', served.path, check=False).returncode


def test_shrinking(house):
    house.plug(VOLUMES[0], size='2G')
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)
    house.box.run('dd', 'if=/dev/zero', f'of={served.path}/file', 'bs=1M',
                  'count=300')
    house.do(guest_planning.shrink, served, 1)
    assert house.sees(served).serves(served)
    assert house.sees(served).total(served.path) < _GIB
    # Somebody is in it.
    plan = guest_planning.shrink(house.sees(served), served, 1)
    house.box.popen(['sh', '-c', f'cd {served.path} && exec sleep 600'])
    end = time.monotonic() + patience.seconds(30)
    while house.box.run('fuser', '-m', served.path,
                        check=False).returncode:
        assert time.monotonic() < end
    guest_planning.PATIENCE, usual = 1, guest_planning.PATIENCE
    try:
        plan = guest_planning.shrink(house.sees(served), served, 1)
    finally:
        guest_planning.PATIENCE = usual
    with pytest.raises(exception.Busy, match='in use'):
        house.guest.run(plan)
    assert house.sees(served).serves(served)


@pytest.mark.parametrize('lines', [0, 1])
def test_nobody_who_listens(house, lines):
    """The connection is lost, at once or after the check; all comes back.

    What says something then is ended by that, if it does not ignore it.
    """
    house.plug(VOLUMES[0], size='2G')
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)
    one, = guest_planning.shrink(house.sees(served), served, 1)
    process = house.box.popen(one.words(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(lines):
        assert process.stderr.readline()
    process.stdout.close()
    process.stderr.close()
    process.wait(patience.seconds(60))
    assert house.sees(served).serves(served)


def test_a_share_that_is_too_full(house):
    house.plug(VOLUMES[0], size='2G')
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)
    plan = guest_planning.shrink(house.sees(served), served, 1)
    house.box.run('dd', 'if=/dev/zero', f'of={served.path}/file', 'bs=1M',
                  'count=1000')
    with pytest.raises(exception.PossibleDataLoss):
        house.guest.run(plan)
    facts = house.sees(served)
    assert facts.serves(served)
    assert facts.total(served.path) > 1.5 * _GIB


def test_a_clone_of_what_is_in_use(house):
    house.plug(VOLUMES[0])
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)
    house.box.write(f'{served.path}/file', 'data\n')
    house.box.run('sync')
    house.plug(VOLUMES[1], copy_of=VOLUMES[0])
    clone = house.served(1, 'share-2')
    assert house.sees(clone).disk(VOLUMES[1]).uuid == served.ident
    for _ in range(2):
        house.do(guest_planning.reidentify, clone)
        house.do(guest_planning.serve, clone)
    facts = house.guest.look([served.disk, clone.disk])
    assert facts.mount(clone.path).uuid == clone.ident
    assert facts.mount(served.path).uuid == served.ident
    assert house.box.run('cat', f'{clone.path}/file').stdout == 'data\n'


def test_a_clone_that_is_larger_than_its_share(house):
    """It is made smaller before its name is changed and it is mounted."""
    house.plug(VOLUMES[0], size='3G')
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)
    house.box.write(f'{served.path}/file', 'data\n')
    house.box.run('sync')
    house.plug(VOLUMES[1], copy_of=VOLUMES[0])
    clone = dataclasses.replace(
        house.served(1, 'share-2'),
        disk=guest_records.Disk(VOLUMES[1], 3))
    house.do(guest_planning.reidentify, clone, 2)
    house.do(guest_planning.serve, clone)
    result, = house.do(guest_planning.grow, clone, 2)
    assert result.stdout == f'size={2 * _GIB}\n'
    assert house.sees(clone).mount(clone.path).uuid == clone.ident
    assert house.box.run('cat', f'{clone.path}/file').stdout == 'data\n'


@pytest.mark.parametrize('made', ['mkfs.ext4 -q "$1"', 'mkswap "$1"'])
def test_what_holds_something_is_not_formatted(house, made):
    house.plug(VOLUMES[0])
    served = house.served()
    facts = house.sees(served)
    house.box.shell(made, facts.disk(VOLUMES[0]).name)
    with pytest.raises(exception.Conflict, match='not empty'):
        house.do(guest_planning.serve, served, fresh=True)
    # Also where it was made after the look.
    with pytest.raises(exception.Conflict, match='something else'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))
    house.box.shell('for each in /run/serial-*; do echo x >"$each"; done')
    with pytest.raises(exception.NotFound, match='not there any more'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))


@pytest.mark.parametrize('left', ['0', '32M', '1000M'])
def test_what_cannot_be_read_is_not_formatted(house, left):
    """The kernel answers behind the end of a file with I/O errors."""
    house.plug(VOLUMES[0])
    served = house.served()
    facts = house.sees(served)
    disk = facts.disk(VOLUMES[0])
    assert disk.empty
    house.box.shell('losetup --direct-io=on "$1"; truncate -s "$2" "$3";'
                    ' echo 3 >/proc/sys/vm/drop_caches', disk.name, left,
                    f'/srv/{VOLUMES[0]}')
    with pytest.raises(exception.BackendError, match='cannot be read'):
        house.guest.run(guest_planning.serve(facts, served, fresh=True))
    seen = house.sees(served)
    assert not seen.disk(VOLUMES[0]).looked
    with pytest.raises(exception.BackendError, match='does not say what'):
        guest_planning.serve(seen, served, fresh=True)


def test_freezing(house):
    house.plug(VOLUMES[0])
    served = house.served()
    house.do(guest_planning.serve, served, fresh=True)

    def writes() -> bool:
        # Whoever wrote to it would have to wait, and could not be ended.
        frozen = house.box.run('fsfreeze', '-f', served.path,
                               check=False).returncode
        if not frozen:
            house.box.run('fsfreeze', '-u', served.path)
        return not frozen

    assert writes()
    house.do(guest_planning.freeze, served, 60)
    assert not writes()
    assert house.do(guest_planning.thaw, served)[0].stdout == 'thawed\n'
    assert writes()
    house.do(guest_planning.freeze, served, 2)
    time.sleep(4)
    assert writes()
    assert house.do(guest_planning.thaw, served)[0].stdout == 'late\n'


@pytest.mark.parametrize('name', ["a b'c", '$(touch pwned)', 'x;touch y',
                                  'a"b', '*', '#x', '-rf'])
def test_hostile_paths(house, name):
    house.plug(VOLUMES[0])
    served = house.served()
    served = guest_records.Served(served.name, served.ident,
                                  f'{PATH}/{name}', served.disk)
    house.do(guest_planning.serve, served, fresh=True)
    facts = house.sees(served)
    assert facts.serves(served)
    assert guest_planning.serve(facts, served) == []
    house.do(guest_planning.suspend, served)
    house.box.run('mount', served.path)
    assert house.sees(served).serves(served)
    house.do(guest_planning.release, served)
    assert house.sees(served).fstab(served.path) is None
    assert 'pwned' not in house.box.shell('ls / /run /srv "$1"',
                                          PATH).stdout
