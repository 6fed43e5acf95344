# SPDX-License-Identifier: Apache-2.0

"""The GlusterFS driver on a simulated cluster behind a real sshd."""

import contextlib
import os
import pathlib
import uuid

import pytest

from manila_drivers import compat
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.standalone import configuration
from manila_drivers.standalone import private_data
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import programs
from tests import needs
from tests.functional.gluster.waiting import eventually
from tests.functional.ssh import daemon

ADDRESS = '127.0.0.1'
CONFIG = """\
[DEFAULT]
state_path = {path}
root_helper = env
[gluster]
driver_handles_share_servers = False
glusterfs_servers = {user}@127.0.0.1
glusterfs_volume_pattern = pool-#{{size}}G-\\d+$
glusterfs_path_to_private_key = {key}
glusterfs_ssh_port = {port}
glusterfs_known_hosts = {path}/known_hosts
glusterfs_host_keys = {keys}
glusterfs_command_timeout = {seconds}
"""


@pytest.fixture
def sim():
    made = gluster.GlusterSim()
    for number in range(3):
        made.make_volume(f'pool-2G-{number}', started=number > 0)
    return made


@pytest.fixture
def sshd(sim, tmp_path):
    needs.ssh_server()
    servers = programs.Programs(sim, tmp_path / 'server', gluster.SERVER,
                                behind_sshd=True)
    # Found before anything else of that name, whatever the login shell is.
    # Others than root are told to use sudo, which is taken away again.
    command = (f'PATH={servers.directory}:$PATH '
               'sh -c "${SSH_ORIGINAL_COMMAND#sudo -n }"')
    with servers, daemon.Sshd(tmp_path / 'sshd',
                              f'ForceCommand {command}') as started:
        yield started


@pytest.fixture
def make_driver(sim, sshd, tmp_path, monkeypatch):
    host = gluster.ManilaHost({ADDRESS: sim})
    with programs.Programs(host, tmp_path / 'manila',
                           gluster.MANILA_HOST) as made:
        monkeypatch.setenv('PATH', f'{made.directory}:'
                                   + os.environ['PATH'])
        yield lambda **options: _driver(sshd, tmp_path, **options)


def _driver(sshd, path, keys='accept-new', seconds=60):
    """The driver.

    :param seconds: that a command may take; so many, where none is kept
        from answering, that no load of the machine makes up for them.
    """
    file = path / 'manila.conf'
    file.write_text(CONFIG.format(
        path=path, user=daemon.USER, key=sshd.key_file, port=sshd.port,
        keys=keys, seconds=seconds))
    return glusterfs_native.GlusterfsNativeShareDriver(
        configuration=configuration.Configuration.from_file(file, 'gluster'),
        private_storage=private_data.PrivateData(str(path / 'private')))


def share(size=2):
    return {'id': str(uuid.uuid4()), 'share_id': str(uuid.uuid4()),
            'size': size, 'share_proto': 'GLUSTERFS', 'host': 'h@b#p'}


def rule(name):
    return {'access_id': name, 'access_type': 'cert', 'access_to': name,
            'access_level': 'rw'}


def started(driver):
    driver.do_setup(None)
    driver.check_for_setup_error()
    return driver


def test_a_share_lives_over_one_login(sim, sshd, make_driver):
    driver = started(make_driver())
    one = share()
    export = driver.create_share(None, one)[0]['path']
    assert export == f'{ADDRESS}:/pool-2G-0'
    driver.update_access(None, one, [rule('alice')], [rule('alice')], [])
    assert sim.can_mount('alice', 'pool-2G-0') == 'rw'
    sim.write('pool-2G-0', '/a/b', b'secret')
    snapshot = {'id': str(uuid.uuid4()), 'share_instance_id': one['id'],
                'share': one}
    driver.create_snapshot(None, snapshot)
    clone = share()
    driver.create_share_from_snapshot(None, clone, snapshot)
    assert sim.volume(f'manila-{clone["id"]}').files == {'/a/b': b'secret'}
    assert sim.can_mount('alice', f'manila-{clone["id"]}') is None
    driver.delete_share(None, clone)
    driver.delete_snapshot(None, snapshot)
    driver.delete_share(None, one)
    assert sim.volume('pool-2G-0').files == {}
    assert sim.can_mount('alice', 'pool-2G-0') is None
    assert {name for kind, name in sim.inventory()} == {
        'pool-2G-0', 'pool-2G-1', 'pool-2G-2'}
    assert sshd.log.read_text().count('Accepted publickey') == 1


def running(directory):
    """Simulated programs that still run; they are called by their paths."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / 'cmdline').read_bytes()
                if f'{directory}/server/'.encode() in words:
                    found.append(entry.name)
    return found


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after'])
def test_a_lost_answer_is_asked_for_again(sim, make_driver, tmp_path, kind):
    driver = started(make_driver())
    sim.arm(gluster.Fault(kind, match='volume set'))
    one = share()
    driver.create_share(None, one)
    assert sim.fired == 1
    assert sim.volume('pool-2G-0').options['user.manila-share'] == one['id']
    assert eventually(lambda: not running(tmp_path))


def test_silence_ends_and_the_repeated_call_converges(sim, make_driver,
                                                      tmp_path):
    started(make_driver())
    impatient = make_driver(seconds=4)
    impatient.do_setup(None)
    sim.arm(gluster.Fault('timeout_after', times=None, match='volume set'))
    one = share()
    with pytest.raises(compat.errors.ShareBackendException,
                       match='not done within'):
        impatient.create_share(None, one)
    assert sim.fired > 0
    sim.disarm()
    # What nobody waits for any more does not go on for ever.
    assert eventually(lambda: not running(tmp_path))
    patient = started(make_driver())
    patient.create_share(None, one)
    marks = [sim.volume(f'pool-2G-{number}').options.get('user.manila-share')
             for number in range(3)]
    assert marks.count(one['id']) == 1


def test_an_unknown_host_key_is_refused(make_driver):
    driver = make_driver(keys='strict')
    driver.do_setup(None)
    with pytest.raises(compat.errors.ManilaException,
                       match='glusterfs_known_hosts'):
        driver.check_for_setup_error()
