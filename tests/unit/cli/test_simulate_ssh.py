# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate gluster`` and ``gpfs``, used by their drivers.

What is printed goes into a configuration file as it is.
"""

import os
import pathlib
import signal
import stat
import uuid

import pytest

from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.ibm import gpfs
from manila_drivers.standalone import configuration
from manila_drivers.standalone import private_data
from tests.unit.cli.process import ended
from tests.unit.cli.process import refused
from tests.unit.cli.process import running

DRIVERS = {'gluster': glusterfs_native.GlusterfsNativeShareDriver,
           'gpfs': gpfs.GPFSShareDriver}


def started(kind, text, path, section=None):
    """A driver with the configuration that was printed."""
    file = path / 'manila.conf'
    file.write_text(text.replace('[DEFAULT]', f'[DEFAULT]\nroot_helper = env'
                                              f'\nstate_path = {path}'))
    driver = DRIVERS[kind](
        configuration=configuration.Configuration.from_file(
            file, section or kind),
        private_storage=private_data.PrivateData(str(path / 'private')))
    driver.do_setup(None)
    driver.check_for_setup_error()
    return driver


def share(proto):
    ident = str(uuid.uuid4())
    return {'id': ident, 'share_id': ident, 'name': f'share-{ident}',
            'size': 2, 'share_proto': proto, 'host': 'h@b#p'}


def rule(kind, to):
    return {'access_id': 'r', 'access_type': kind, 'access_to': to,
            'access_level': 'rw'}


@pytest.fixture
def simulated_programs(monkeypatch):
    """Put the programs that the output names first."""
    def use(text):
        line = next(line for line in text.splitlines()
                    if line.startswith('# manila-share: '))
        monkeypatch.setenv('PATH', os.pathsep.join(
            [line.partition(': ')[2], os.environ['PATH']]))
    return use


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_gluster_share_lives(number, tmp_path, simulated_programs):
    with running('gluster', '--volumes', '2x3') as (process, text):
        simulated_programs(text)
        assert 'made up for this run' in text
        driver = started('gluster', text, tmp_path)
        one = share('GLUSTERFS')
        export = driver.create_share(None, one)[0]['path']
        assert export.startswith('127.0.0.1:/manila-share-volume-3G-')
        rules = [rule('cert', 'alice')]
        assert driver.update_access(None, one, rules, rules, []) == {}
        driver.delete_share(None, one)
        known = driver.configuration.safe_get('glusterfs_known_hosts')[0]
        status, output, errors = ended(process, number)
    assert (status, errors) == (0, '')
    assert ' commands, 1 logins in ' in output
    assert not pathlib.Path(known).exists()


@pytest.mark.parametrize('nfs', ['CES', 'KNFS', 'GNFS'])
def test_a_gpfs_share_lives(nfs, tmp_path):
    with running('gpfs', '--nfs', nfs, '--base', '/gpfs0/own') \
            as (process, text):
        driver = started('gpfs', text, tmp_path)
        one = share('NFS')
        assert driver.create_share(None, one)[0]['path'] == (
            f'127.0.0.1:/gpfs0/own/{one["name"]}')
        rules = [rule('ip', '10.0.0.0/24')]
        assert driver.update_access(None, one, rules, rules, []) == {}
        driver.delete_share(None, one)
        status, output, errors = ended(process)
    assert (status, errors) == (0, '')
    assert f' commands, {1 if nfs == "CES" else 3} logins in ' in output


def test_secrets_go_where_they_are_wanted(tmp_path):
    target, keys = tmp_path / 'section', tmp_path / 'known_hosts'
    with running('gpfs', '--password-env', 'PASSWORD_OF_TEST',
                 '--write-config', str(target), '--backend', 'lab',
                 '--known-hosts', str(keys), '--user', 'me', '--requests',
                 PASSWORD_OF_TEST='hush-hush') as (process, text):
        started('gpfs', target.read_text(), tmp_path, 'lab')
        line = process.stdout.readline()
        status, _, _ = ended(process)
    assert status == 0
    assert line == '127.0.0.1: mmgetstate 0\n'
    assert 'hush-hush' not in text
    assert 'gpfs_ssh_login = me' in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert keys.read_text().startswith('[127.0.0.1]:')


@pytest.mark.parametrize(('arguments', 'text'), [
    (('gluster', '--volumes', 'many'), 'COUNTxGIB'),
    (('gluster', '--set', 'nonsense=1'), 'nonsense'),
    (('gpfs', '--set', 'copy_seconds=soon'), 'copy_seconds'),
    (('gpfs', '--nfs', 'SMB'), '--nfs'),
    (('gpfs', '--port', 'x'), '--port')])
def test_arguments_that_make_no_sense(arguments, text):
    status, errors = refused('simulate', *arguments)
    assert status == 2
    assert text in errors
