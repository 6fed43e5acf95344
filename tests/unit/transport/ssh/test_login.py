# SPDX-License-Identifier: Apache-2.0

"""Logging in to servers that OpenSSH is hard to turn into."""

import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_key
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_trust
from tests import listening
from tests.unit.transport.ssh import server

ECHO = command.Command.of('echo', 'well')


def run(hosts, target):
    return hosts.host(target).run(ECHO).stdout


@pytest.fixture
def key(tmp_path):
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
                    tmp_path / 'key'], check=True)
    return str(tmp_path / 'key')


@pytest.mark.parametrize('method', ['password', 'keyboard-interactive'])
def test_a_password(hosts, serve, method):
    made = serve()
    made.methods = [method]

    assert run(hosts, made.target()) == 'echo well\n'


@pytest.mark.parametrize('method', ['password', 'keyboard-interactive'])
def test_a_wrong_password(hosts, serve, method):
    made = serve()
    made.methods = [method]
    login = ssh.Login('manila', password=command.Secret('wrong one'),
                      password_option='the_password')

    with pytest.raises(exception.AccessDenied) as caught:
        run(hosts, made.target(login=login))

    assert 'the_password' in caught.value.check
    assert 'wrong one' not in str(caught.value)


def test_a_key_goes_before_a_password(hosts, serve, key):
    made = serve()
    made.methods = ['publickey']
    login = ssh.Login('manila', key_file=key,
                      password=command.Secret('wrong one'))

    assert run(hosts, made.target(login=login)) == 'echo well\n'


def test_a_server_that_wants_both(hosts, serve, key):
    made = serve()
    made.methods = ['publickey', 'password']
    made.needs_both = True
    password = command.Secret(server.PASSWORD)

    with pytest.raises(exception.AccessDenied, match='refused') as caught:
        run(hosts, made.target(login=ssh.Login('manila', key_file=key)))
    assert 'needed besides' in caught.value.answer

    assert run(hosts, made.target(login=ssh.Login(
        'manila', key_file=key, password=password))) == 'echo well\n'


def test_the_agent_is_asked_only_if_wanted(monkeypatch, serve, hosts, key):
    asked = []

    class Agent:
        def get_keys(self):
            asked.append(1)
            return (ssh_key.load(ssh.Login('manila', key_file=key)),)

    monkeypatch.setattr(ssh_login.paramiko, 'Agent', Agent)
    made = serve()
    run(hosts, made.target())
    assert not asked

    made.methods = ['publickey']
    assert run(hosts, made.target(login=ssh.Login('manila', agent=True)))
    assert asked


def talk(answer):
    """A server that says something and hangs up, always."""
    def serve(client):
        with client:
            client.sendall(answer)

    return listening.Listener(serve)


@pytest.mark.parametrize('answer', [
    b'', b'HTTP/1.1 400 Bad Request\r\n\r\n', b'SSH-1.5-old\r\n',
    b'Exceeded MaxStartups\r\n', b'SSH-2.0-OpenSSH_9.2\r\n' + bytes(100)])
def test_what_is_no_ssh_server(serve, answer):
    """Any may be sshd under load, apart from what says what it is."""
    with talk(answer) as listener:
        target = serve().target(port=listener.port)
        with pytest.raises(exception.Unreachable) as caught:
            ssh_login.log_in(target)

    assert isinstance(caught.value, ssh_login.Away) == (b'1.5' not in answer)


def test_no_login_before_the_host_proved_who_it_is(serve):
    made = serve()
    other = ssh_trust.Pinned(('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',))

    with pytest.raises(exception.NotTrusted):
        ssh_login.log_in(made.target(trust=other))

    assert not made.transports[0].is_authenticated()
    assert made.transports[0].auth_handler is None or (
        made.transports[0].auth_handler.username is None)


def test_a_name_that_nobody_knows(hosts, serve):
    with pytest.raises(exception.Unreachable, match='No address'):
        with retry.patience(0):
            run(hosts, serve().target(host='no-such-host.invalid'))


def test_errors_of_paramiko_are_no_errors_of_ours(serve, caplog):
    caplog.set_level('DEBUG')
    with talk(b'') as listener, pytest.raises(exception.Unreachable):
        ssh_login.log_in(serve().target(port=listener.port))

    said = [record for record in caplog.records
            if 'banner' in record.getMessage()]
    assert said
    assert {record.levelname for record in said} == {'DEBUG'}
