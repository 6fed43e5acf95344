# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate vast`` as a process of its own."""

import configparser
import pathlib
import signal
import stat
import subprocess
import sys

import pytest
import requests

from manila_drivers.testing.simulators.vast import VmsServer
from manila_drivers.testing.simulators.vast import VmsSim
from tests import patience
from tests.unit.cli.process import ended
from tests.unit.cli.process import refused
from tests.unit.cli.process import ROOT
from tests.unit.cli.process import running


def simulating(*arguments, **environment):
    return running('vast', '--port', '0', *arguments, **environment)


def backend(text, name='vast'):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert parser['DEFAULT']['enabled_share_backends'] == name
    return parser[name]


def login(section, password=None):
    host = section['vast_mgmt_host']
    host = f'[{host}]' if ':' in host else host
    return requests.post(
        f'https://{host}:{section["vast_mgmt_port"]}/api/v1/token/',
        json={'username': section['vast_mgmt_user'],
              'password': password or section['vast_mgmt_password']},
        verify=section['vast_ssl_cert_path'], timeout=patience.seconds(20))


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_what_is_printed_works_and_a_signal_ends_it(number):
    with simulating('--pool', 'lab=10.0.0.1-10.0.0.4') as (process, text):
        section = backend(text)
        assert section['share_driver'] == (
            'manila_drivers.vastdata.driver.VASTShareDriver')
        assert section['vast_vippool_name'] == 'lab'
        assert 'made up for this run' in text
        assert login(section).status_code == 200
        assert login(section, 'wrong').status_code == 401
        status, output, errors = ended(process, number)
    assert (status, errors) == (0, '')
    assert output.strip().startswith('Stopped: 2 requests, 1 logins in')
    assert not pathlib.Path(section['vast_ssl_cert_path']).exists()


def test_a_password_from_a_file_is_not_printed(tmp_path):
    secret, ca = tmp_path / 'secret', tmp_path / 'ca.pem'
    secret.write_text('hush-hush\n')
    with simulating('--password-file', str(secret), '--ca-file', str(ca),
                 '--host', '::1', '--user', 'me') as (process, text):
        section = backend(text)
        assert section['vast_mgmt_user'] == 'me'
        assert section['vast_ssl_cert_path'] == str(ca)
        assert 'vast_mgmt_password' not in section
        assert login(section, 'hush-hush').status_code == 200
        status, output, _ = ended(process)
    assert status == 0
    assert 'hush-hush' not in text + output
    assert ca.exists()


def test_the_configuration_can_go_into_a_private_file(tmp_path):
    target = tmp_path / 'manila.conf'
    with simulating('--password-env', 'PASSWORD_OF_TEST', '--write-config',
                 str(target), '--backend', 'lab', '--requests',
                 PASSWORD_OF_TEST='hush-hush') as (process, text):
        section = backend(target.read_text(), 'lab')
        assert login(section).status_code == 200
        line = process.stdout.readline()
        status, _, _ = ended(process)
    assert status == 0
    assert line == 'POST /api/v1/token/ 200\n'
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert section['vast_mgmt_password'] == 'hush-hush'
    assert 'hush-hush' not in text


def test_the_state_can_be_chosen():
    with simulating('--shares', '3', '--upstream-shares', '2', '--tenant',
                 'blue', '--set', 'page_cap=4', '--root-export',
                 'exports') as (process, text):
        section = backend(text)
        url = f'https://127.0.0.1:{section["vast_mgmt_port"]}/api/v1/'
        asked = {'auth': (section['vast_mgmt_user'],
                          section['vast_mgmt_password']),
                 'verify': section['vast_ssl_cert_path'], 'timeout': 20}
        views = requests.get(f'{url}views/?page_size=9', **asked).json()
        assert views['count'] == 5
        assert all(view['path'].startswith('/exports/manila-')
                   for view in views['results'])
        assert len(requests.get(f'{url}views/', **asked).json()) == 4
        assert len(requests.get(f'{url}tenants/', **asked).json()) == 2
        ended(process)


@pytest.mark.parametrize(('arguments', 'text'), [
    (('--set', 'nonsense=1'), 'nonsense'),
    (('--set', 'page_cap=many'), 'page_cap'),
    (('--pool', 'lab'), '--pool lab'),
    (('--pool', 'lab=banana'), 'banana'),
    (('--host', 'localhost'), 'not an address'),
    (('--password-env', 'NOT_IN_THE_ENVIRONMENT'), 'NOT_IN_THE'),
    (('--password-env', 'A', '--password-file', 'b'), 'not allowed with'),
    (('--port', 'x'), '--port'),
])
def test_arguments_that_make_no_sense(arguments, text):
    status, errors = refused('simulate', 'vast', *arguments)
    assert status == 2
    assert text in errors


def test_files_that_are_missing_or_empty(tmp_path):
    status, errors = refused('simulate', 'vast', '--password-file',
                             str(tmp_path / 'none'))
    assert (status, 'No such file' in errors) == (1, True)
    (tmp_path / 'empty').touch()
    status, errors = refused('simulate', 'vast', '--password-file',
                             str(tmp_path / 'empty'))
    assert (status, 'no first line' in errors) == (2, True)


def test_a_port_that_is_taken():
    with VmsServer(VmsSim()) as server:
        status, errors = refused('simulate', 'vast', '--port',
                                 str(server.port))
    assert status == 1
    assert 'in use' in errors


@pytest.mark.parametrize('arguments', [(), ('simulate',), ('nonsense',)])
def test_a_command_is_required(arguments):
    status, errors = refused(*arguments)
    assert status == 2
    assert 'usage' in errors


def test_the_command_line_needs_no_manila():
    script = ('import sys; from manila_drivers.cli import main; '
              'main.parser(); '
              'sys.exit("manila" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', script], cwd=ROOT,
                          check=False).returncode == 0


def test_a_client_that_keeps_cookies_may_write():
    """Manila's own driver does, and its users rehearse the migration."""
    with simulating() as (_, text):
        section = backend(text)
        url = (f'https://{section["vast_mgmt_host"]}:'
               f'{section["vast_mgmt_port"]}/api/v1/')
        with requests.Session() as session:
            token = session.post(url + 'token/', json={
                'username': section['vast_mgmt_user'],
                'password': section['vast_mgmt_password']},
                verify=section['vast_ssl_cert_path']).json()['access']
            answer = session.post(
                url + 'viewpolicies/', json={'name': 'mine'},
                headers={'Authorization': f'Bearer {token}'},
                verify=section['vast_ssl_cert_path'])
    assert answer.status_code == 201
