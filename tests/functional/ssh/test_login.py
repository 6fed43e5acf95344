# SPDX-License-Identifier: Apache-2.0

"""Who we are: keys, users, and servers that do not let everybody in."""

import dataclasses
import socket
import threading
import time

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests import listening
from tests.functional.ssh import daemon

ECHO = command.Command.of('echo', 'well')


@pytest.mark.parametrize('kind', ['ed25519', 'rsa', 'ecdsa'])
@pytest.mark.parametrize('phrase', ['', 'open sesame'])
def test_kinds_of_keys(make_sshd, target, hosts, tmp_path, kind, phrase):
    server = make_sshd()
    key = daemon.keygen(tmp_path / 'key', kind=kind, phrase=phrase)
    (server.folder / 'authorized_keys').write_text(
        (tmp_path / 'key.pub').read_text())
    made = target(server)
    login = ssh.Login(daemon.USER, key_file=key,
                      passphrase=command.Secret(phrase) if phrase else None)

    host = hosts.host(dataclasses.replace(made, login=login))

    assert host.run(ECHO).stdout == 'well\n'


def test_a_key_that_the_host_does_not_know(sshd, target, hosts, tmp_path):
    key = daemon.keygen(tmp_path / 'stranger')

    with pytest.raises(exception.AccessDenied, match='refused') as caught:
        hosts.host(target(sshd, key_file=key)).run(ECHO)

    assert 'gluster_key' in caught.value.check
    assert 'authorized_keys' in caught.value.check


def test_a_user_that_the_host_does_not_know(sshd, target, hosts):
    with pytest.raises(exception.AccessDenied, match='no-such-user@'):
        hosts.host(target(sshd, user='no-such-user')).run(ECHO)


def test_a_refusal_reaches_everybody_and_costs_one_login(
        sshd, target, hosts, tmp_path, measured):
    host = hosts.host(target(
        sshd, key_file=daemon.keygen(tmp_path / 'stranger')))
    caught = run_together(30, lambda: host.run(ECHO))

    assert {type(one) for one in caught} == {exception.AccessDenied}
    assert len(caught) == 30
    assert len({id(one) for one in caught}) == 30


def run_together(number, action):
    """Errors of so many threads that do the same at the same time."""
    caught = []
    together = threading.Barrier(number)

    def work():
        together.wait(listening.SECONDS)
        try:
            action()
        except exception.DriverError as exc:
            caught.append(exc)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for one in threads:
        one.start()
    listening.join(*threads)
    return caught


@pytest.mark.parametrize(('content', 'phrase', 'says'), [
    (None, '', 'cannot be read'),
    ('this is no key', '', 'no private key in it'),
    ('encrypted', '', 'no passphrase'),
    ('encrypted', 'wrong', 'does not fit')])
def test_a_key_file_that_is_no_use(sshd, target, hosts, tmp_path, content,
                                   phrase, says):
    path = tmp_path / 'key'
    if content == 'encrypted':
        daemon.keygen(path, phrase='right')
    elif content:
        path.write_text(content)
    login = ssh.Login(daemon.USER, key_file=str(path),
                      passphrase=command.Secret(phrase) if phrase else None,
                      key_option='gluster_key')
    made = target(sshd)

    with pytest.raises(exception.ConfigurationError, match=says) as caught:
        hosts.host(dataclasses.replace(made, login=login)).run(ECHO)

    assert caught.value.option == 'gluster_key'
    assert 'wrong' not in str(caught.value)


def test_a_password_where_only_keys_are_taken(sshd, target, hosts):
    made = target(sshd)
    login = ssh.Login(daemon.USER, password=command.Secret('guess'),
                      password_option='gluster_password')

    with pytest.raises(exception.AccessDenied) as caught:
        hosts.host(dataclasses.replace(made, login=login)).run(ECHO)

    assert 'gluster_password' in caught.value.check
    assert 'guess' not in str(caught.value)


def test_one_session_for_each_connection(make_sshd, target, hosts):
    """MaxSessions 1: what is refused is run elsewhere, and none is lost."""
    host = hosts.host(target(make_sshd('MaxSessions 1')))
    host.run(ECHO)

    caught = run_together(16, lambda: host.run(
        command.Command.of('sleep', '0.1')))

    assert caught == []


def test_no_session_at_all(make_sshd, target, hosts):
    host = hosts.host(target(make_sshd('MaxSessions 0'),
                             connect_timeout=3.0))
    started = time.monotonic()

    with pytest.raises(exception.Unreachable, match='opens no session'):
        host.run(ECHO)

    assert time.monotonic() - started < 10


@pytest.mark.parametrize('limit', [1, 2])
def test_few_logins_at_a_time(make_sshd, target, hosts, limit):
    """MaxStartups: whoever logs in beyond it is dropped.

    sshd frees the place of a login a little after the client saw its end.
    """
    server = make_sshd(f'MaxStartups {limit}')
    host = hosts.host(target(server))

    caught = run_together(40, lambda: host.run(
        command.Command.of('sleep', '0.2')))

    assert caught == []
    if limit > 1:
        assert 'drop connection' not in server.log.read_text()


def test_logins_that_sshd_drops_are_made_again(make_sshd, target, hosts):
    """Two others hold the only place; they leave after a while."""
    server = make_sshd('MaxStartups 1', 'LoginGraceTime 1')
    with socket.create_connection(('127.0.0.1', server.port)):
        assert hosts.host(target(server)).run(ECHO).stdout == 'well\n'

    assert 'MaxStartups' in server.log.read_text()


def test_shell_noise_is_not_told_apart_but_harms_nobody(make_sshd, target,
                                                        hosts):
    """A start-up file that prints is the host's own affair."""
    server = make_sshd()
    (server.folder / 'home' / '.bashrc').write_text('echo welcome\n')

    assert hosts.host(target(server)).run(ECHO).stdout.endswith('well\n')


def test_commands_that_the_host_replaces(make_sshd, target, hosts):
    host = hosts.host(target(make_sshd('ForceCommand echo not for you; '
                                       'exit 1')))

    with pytest.raises(exception.BackendError, match='exit code 1'):
        host.run(ECHO)
