# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate openstack`` as a process of its own."""

import configparser
import pathlib
import stat

from keystoneauth1 import session as sessions
from keystoneauth1.identity import v3
import pytest

from tests import patience
from tests.unit.cli import process as processes

GROUPS = ('nova', 'cinder', 'neutron', 'glance')


def running(*arguments, **environment):
    return processes.running('openstack', '--port', '0', *arguments,
                             **environment)


def groups(text):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert parser.sections() == list(GROUPS)
    assert len({tuple(sorted(parser[group].items()))
                for group in GROUPS}) == 1
    return parser['nova']


def session(group, password=None):
    return sessions.Session(v3.Password(
        group['auth_url'], username=group['username'],
        password=password or group['password'],
        project_name=group['project_name'],
        user_domain_name=group['user_domain_name'],
        project_domain_name=group['project_domain_name']),
        verify=group.get('cafile', True))


def networks(client):
    return client.get('/v2.0/networks', endpoint_filter={
        'service_type': 'network', 'region_name': 'RegionOne'}).json()


def test_what_is_printed_works_and_a_signal_ends_it():
    with running('--network', 'red=10.9.0.0/24', '--image', 'other') as (
            process, text):
        group = groups(text)
        assert (group['auth_type'], group['region_name']) == (
            'password', 'RegionOne')
        client = session(group)
        found = networks(client)['networks']
        assert len(found) == 2
        images = client.get('/v2/images?name=other', endpoint_filter={
            'service_type': 'image', 'region_name': 'RegionOne'}).json()
        assert len(images['images']) == 1
        status, output, errors = processes.ended(process)
    assert (status, errors) == (0, '')
    assert output.strip().startswith('Stopped: ')
    assert '1 logins in' in output
    assert not pathlib.Path(group['cafile']).exists()


def test_a_password_from_a_file_is_not_printed(tmp_path):
    secret, target = tmp_path / 'secret', tmp_path / 'manila.conf'
    secret.write_text('hush-hush\n')
    with running('--password-file', str(secret), '--http',
                 '--user', 'me') as (process, text):
        group = groups(text)
        assert 'password' not in group and 'cafile' not in group
        assert networks(session(group, 'hush-hush'))['networks']
        _, output, _ = processes.ended(process)
    assert 'hush-hush' not in text + output
    with running('--password-file', str(secret), '--write-config',
                 str(target), '--requests') as (process, text):
        assert 'hush-hush' not in text
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        group = groups(target.read_text())
        assert networks(session(group))['networks']
        _, output, _ = processes.ended(process)
    assert 'hush-hush' not in output


@pytest.mark.parametrize(('arguments', 'word'), [
    (['--network', 'red'], '--network red'),
    (['--network', '=10.0.0.0/24'], 'no project'),
    (['--host', 'nowhere'], '--host nowhere'),
    (['--user', 'admin'], 'already'),
    (['--set', 'colour=red'], 'colour')])
def test_arguments_that_make_no_sense(arguments, word):
    status, errors = processes.refused('simulate', 'openstack', *arguments)
    assert status == 2
    assert word in errors


def test_every_switch_is_explained():
    with processes.running('openstack', '--settings') as (process, text):
        assert process.wait(patience.seconds(20)) == 0
    lines = text.splitlines()
    assert 'detach_hung = 201.0' in lines
    for at, line in enumerate(lines):
        if ' = ' in line and not line.startswith(' '):
            assert lines[at + 1].startswith('    '), line
            assert lines[at + 1].strip(), line
