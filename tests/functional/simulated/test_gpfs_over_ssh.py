# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver on a simulated node behind a real sshd.

Filesets are real directories there, and copies are made by a real rsync.
"""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import uuid

import pytest

from manila_drivers import compat
from manila_drivers.ibm import gpfs as gpfs_driver
from manila_drivers.standalone import configuration
from manila_drivers.standalone import private_data
from manila_drivers.testing.simulators import gpfs
from manila_drivers.testing.simulators import sshd
from tests import patience

FILES = 10_000


def missing(what):
    (pytest.fail if os.environ.get('CI') else pytest.skip)(what)


@pytest.fixture
def node(tmp_path):
    if shutil.which('setfacl') is None:
        missing('setfacl is missing: package acl')
    made = gpfs.GpfsNode(tmp_path / 'node')
    try:
        made.start()
    except sshd.CannotStart as exc:
        missing(str(exc))
    yield made
    made.close()


@pytest.fixture
def base(node):
    return node.base


@pytest.fixture
def sim(node):
    return node.sim


@pytest.fixture
def logins(node):
    """How many there were."""
    return lambda: node.sshd.log.read_text().count('Accepted publickey')


@pytest.fixture
def driver(node, tmp_path):
    file = tmp_path / 'manila.conf'
    file.write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n'
                    + node.section('gpfs'))
    made = gpfs_driver.GPFSShareDriver(
        configuration=configuration.Configuration.from_file(file, 'gpfs'),
        private_storage=private_data.PrivateData(str(tmp_path / 'private')))
    made.do_setup(None)
    made.check_for_setup_error()
    yield made
    made._backend.close()


def share(size=2):
    ident = str(uuid.uuid4())
    return {'id': ident, 'share_id': ident, 'name': f'share-{ident}',
            'size': size, 'share_proto': 'NFS', 'host': 'h@b#p'}


def snapshot(of):
    ident = str(uuid.uuid4())
    return {'id': ident, 'name': f'share-snapshot-{ident}',
            'share_instance_id': of['id'], 'share_name': of['name'],
            'share': of}


def filled(path):
    """Files of every kind, with names that a shell would misread."""
    for number in range(FILES):
        folder = path / f'd{number % 100}'
        folder.mkdir(exist_ok=True)
        (folder / f'f{number}').write_bytes(b'%d' % number * 3)
    odd = path / 'odd'
    odd.mkdir(mode=0o2750)
    for name in ("it's", '$(touch pwned)', '; touch pwned', 'a\nb', '-rf',
                 ' ', '*', '\\', '`touch pwned`'):
        (odd / name).write_text(name)
    (odd / 'bytes').touch()
    os.rename(os.fsencode(odd / 'bytes'), os.fsencode(odd) + b'/\xff\xfe')
    os.link(path / 'd0' / 'f0', odd / 'hard')
    os.symlink('/etc/passwd', odd / 'outside')
    os.symlink('nowhere', odd / 'dangling')
    os.mkfifo(odd / 'fifo')
    with open(odd / 'sparse', 'wb') as file:
        file.seek(50 * 1024 ** 2)
        file.write(b'end')
    os.chown(odd / 'sparse', 12345, 54321)
    os.chmod(odd / 'sparse', 0o4711)
    os.utime(odd / 'sparse', ns=(1, 1_234_567_890_123_456_789))
    os.chmod(path / 'd1', 0o500)
    os.utime(path / 'd1', ns=(1, 987_654_321_000_000_000))
    os.setxattr(odd / 'sparse', 'user.color', b'blue')
    subprocess.run(['setfacl', '-m', 'u:4711:rwx', odd / 'sparse'],
                   check=True)


def picture(path):
    """Everything there is to know of a tree but its inode numbers."""
    found, groups = {}, {}
    for folder, folders, files in os.walk(os.fsencode(path)):
        if b'.snapshots' in folders:
            folders.remove(b'.snapshots')
        for name in [b'.', *folders, *files]:
            place = os.path.join(folder, name)
            one = os.lstat(place)
            key = os.path.relpath(place, os.fsencode(path))
            what = [one.st_mode, one.st_uid, one.st_gid, one.st_mtime_ns]
            if os.path.islink(place):
                what.append(os.readlink(place))
            elif os.path.isfile(place):
                what += [one.st_size, hashlib.sha256(
                    pathlib.Path(os.fsdecode(place)).read_bytes()).digest(),
                    one.st_blocks * 512 < one.st_size]
                groups.setdefault(one.st_ino, set()).add(key)
            what.append(sorted(
                (name, os.getxattr(place, name, follow_symlinks=False))
                for name in os.listxattr(place, follow_symlinks=False)))
            found[key] = what
    return found, {frozenset(group) for group in groups.values()
                   if len(group) > 1}


def wait(driver, clone):
    deadline = time.monotonic() + patience.seconds(400)
    while True:
        answer = driver.get_share_status(clone)
        if answer['status'] != 'creating_from_snapshot':
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def interrupted(path, state, name):
    """Kill the copy when something has been copied; how much by then."""
    deadline = time.monotonic() + patience.seconds(60)
    while True:
        here = sum(len(files) for _, _, files in os.walk(path))
        if here > 50:
            break
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(int((state / name / '1' / 'pid').read_text()),
              signal.SIGKILL)
    return here


@pytest.mark.timeout(900)
def test_a_share_of_ten_thousand_files_from_a_snapshot(driver, base, sim,
                                                       logins):
    one = share()
    driver.create_share(None, one)
    filled(base / one['name'])
    snap = snapshot(one)
    snap.update(driver.create_snapshot(None, snap) or {})
    before = picture(base / one['name'] / '.snapshots' / snap['name'])
    shutil.rmtree(base / one['name'] / 'd2')
    clone = share()
    answer = driver.create_share_from_snapshot(None, clone, snap)
    assert answer['status'] == 'creating_from_snapshot'
    here = interrupted(base / clone['name'], base / '.manila', clone['name'])
    assert here < FILES
    assert wait(driver, clone)['status'] == 'available'
    found = picture(base / clone['name'])
    assert found[1] == before[1]
    assert len(found[0]) > FILES
    assert {key for key in {*found[0], *before[0]}
            if found[0].get(key) != before[0].get(key)} == set()
    assert not list(base.rglob('pwned'))
    assert list((base / '.manila').iterdir()) == []
    assert (base / '.manila').stat().st_mode & 0o777 == 0o700
    # A deleted share takes a copy under way with it.
    other = share()
    driver.create_share_from_snapshot(None, other, snap)
    driver.delete_share(None, other)
    assert not (base / other['name']).exists()
    driver.delete_snapshot(None, snap)
    driver.delete_share(None, clone)
    driver.delete_share(None, one)
    assert set(sim.state.filesets) == {'root'}
    assert list((base / '.manila').iterdir()) == []
    assert logins() == 1


def test_a_life_over_one_login(driver, base, sim, logins):
    one = share()
    driver.create_share(None, one)
    path = base / one['name']
    assert path.stat().st_mode & 0o777 == 0o777
    rule = {'access_id': 'r', 'access_type': 'ip', 'access_to': '10.0.0.1',
            'access_level': 'rw'}
    driver.update_access(None, one, [rule], [rule], [])
    assert sim.can_mount('10.0.0.1', str(path)) == 'rw'
    (path / 'file').write_text('before')
    snap = snapshot(one)
    driver.create_snapshot(None, snap)
    (path / 'file').write_text('after')
    driver.revert_to_snapshot(None, snap, [rule], [])
    assert (path / 'file').read_text() == 'before'
    assert sim.can_mount('10.0.0.1', str(path)) == 'rw'
    driver.extend_share(one, 5)
    driver.shrink_share(one, 1)
    assert driver.get_share_stats(refresh=True)['total_capacity_gb'] > 0
    driver.delete_snapshot(None, snap)
    driver.delete_share(None, one)
    assert not path.exists()
    assert sim.state.exports == {}
    assert logins() == 1


@pytest.mark.parametrize('plant', [
    lambda place, victim: place.mkdir(),
    lambda place, victim: place.symlink_to(victim)])
def test_what_users_call_a_snapshot_is_not_copied(driver, base, sim, plant):
    """They can make something of that name before there is any."""
    victim = share()
    driver.create_share(None, victim)
    one = share()
    driver.create_share(None, one)
    plant(base / one['name'] / '.snapshots', base / victim['name'])
    snap = snapshot(one)
    driver.create_snapshot(None, snap)
    fake = base / one['name'] / '.snapshots' / snap['name']
    fake.mkdir()
    (fake / 'loot').write_text('of somebody else')
    clone = share()
    with pytest.raises(compat.errors.ManilaException,
                       match=r'no (snapshot|directory)'):
        driver.create_share_from_snapshot(None, clone, snap)
    assert list((base / clone['name']).iterdir()) == []
    driver.delete_share(None, clone)
    assert not (base / '.manila').exists()
