# SPDX-License-Identifier: Apache-2.0

"""Targets, outputs and alarms: the parts that need no connection."""

import dataclasses
import threading
import time
import types

from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_exec
from manila_drivers.transport import ssh_watch

LOGIN = ssh.Login('manila', key_file='/key')
TARGET = ssh.Target('server.example', LOGIN, ssh.KnownHosts())


@pytest.mark.parametrize(('host', 'port', 'user', 'said'), [
    ('server.example', 22, 'manila', 'manila@server.example'),
    ('server.example', 2222, 'root', 'root@server.example:2222'),
    ('2001:db8::1', 22, 'manila', 'manila@[2001:db8::1]'),
    ('2001:db8::1', 2222, 'manila', 'manila@[2001:db8::1]:2222')])
def test_how_a_target_is_called(host, port, user, said):
    login = dataclasses.replace(LOGIN, user=user)

    assert str(dataclasses.replace(TARGET, host=host, port=port,
                                   login=login)) == said


@pytest.mark.parametrize(('parts', 'option'), [
    ({'connect_timeout': 0}, 'ssh_conn_timeout'),
    ({'min_connections': -1}, 'ssh_min_pool_conn'),
    ({'min_connections': 3, 'max_connections': 2}, 'ssh_min_pool_conn'),
    ({'min_connections': 0, 'max_connections': 0}, 'ssh_max_pool_conn')])
def test_bounds_that_cannot_be(parts, option):
    with pytest.raises(exception.ConfigurationError) as caught:
        dataclasses.replace(TARGET, **parts)

    assert caught.value.option == option


@pytest.mark.parametrize('parts', [
    {'connect_timeout': 0.5}, {'min_connections': 0},
    {'min_connections': 1, 'max_connections': 1}])
def test_bounds_that_are_just_enough(parts):
    made = dataclasses.replace(TARGET, **parts)
    assert dataclasses.asdict(made).items() >= parts.items()


@pytest.mark.parametrize('host', ['', '-oProxyCommand=reboot'])
def test_hosts_that_cannot_be(host):
    with pytest.raises(ValueError, match='a host'):
        dataclasses.replace(TARGET, host=host)


def test_a_login_without_anything_to_show():
    with pytest.raises(exception.ConfigurationError) as caught:
        ssh.Login('manila', key_option='the_key',
                  password_option='the_password')

    assert caught.value.option == 'the_key'
    assert 'the_password' in str(caught.value)


def test_a_login_without_a_user():
    with pytest.raises(ValueError, match='a user'):
        ssh.Login('', key_file='/key')


@pytest.mark.parametrize(('parts', 'said'), [
    ({'key_file': '/key'}, 'the_key'),
    ({'password': command.Secret('x')}, 'the_password'),
    ({'agent': True}, 'the keys of the SSH agent'),
    ({'key_file': '/key', 'agent': True, 'password': command.Secret('x')},
     'the_key, the keys of the SSH agent, the_password')])
def test_options_whose_values_are_tried(parts, said):
    assert ssh.Login('manila', key_option='the_key',
                     password_option='the_password',
                     **parts).options() == said


def test_secrets_of_a_login_do_not_print():
    login = ssh.Login('manila', key_file='/key',
                      passphrase=command.Secret('open sesame'),
                      password=command.Secret('correct horse'))

    for printed in (repr(login), str(dataclasses.replace(TARGET,
                                                         login=login))):
        assert 'sesame' not in printed
        assert 'horse' not in printed


@pytest.mark.parametrize(('parts', 'same'), [
    ({}, True), ({'host': 'SERVER.example'}, True), ({'idle': 5.0}, True),
    ({'port': 2222}, False), ({'host': 'other.example'}, False),
    ({'login': ssh.Login('root', key_file='/key')}, False),
    ({'login': ssh.Login('manila', key_file='/other')}, False),
    ({'login': dataclasses.replace(
        LOGIN, password=command.Secret('x'))}, False),
    ({'login': dataclasses.replace(LOGIN, agent=True)}, False),
    ({'trust': ssh.KnownHosts(learn=True)}, False)])
def test_who_shares_connections(parts, same):
    hosts = ssh.Hosts()

    other = hosts.host(dataclasses.replace(TARGET, **parts))

    assert (other is hosts.host(TARGET)) == same


@pytest.mark.parametrize(('user', 'root', 'reap', 'words'), [
    ('manila', False, False, 'gluster pool'),
    ('manila', True, False, 'sudo -n gluster pool'),
    ('root', True, False, 'gluster pool'),
    ('manila', True, True, 'sudo -n timeout -k 5 10 gluster pool'),
    ('root', True, True, 'timeout -k 5 10 gluster pool')])
def test_what_goes_before_a_command(user, root, reap, words):
    login = ssh.Login(user, key_file='/key')
    host = ssh.Hosts().host(
        dataclasses.replace(TARGET, login=login, reap=reap))

    assert host.words(command.Command.of(
        'gluster', 'pool', root=root, timeout=9.5)) == words.split()


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20),
       st.integers(1, 100))
def test_of_an_output_the_end_is_kept(pieces, limit):
    kept = ssh_exec.Kept(limit)
    for piece in pieces:
        kept.add(piece)
        assert kept._held < limit + 30, 'no more than a piece beyond'
    whole = b''.join(pieces)

    assert kept.text() == whole[-limit:].decode('utf-8', 'surrogateescape')
    assert kept.total == len(whole)
    assert kept.complete == (len(whole) <= limit)


def test_alarms_ring_in_order_and_once(monkeypatch):
    watch = ssh_watch.Watch()
    rung = []
    last = threading.Event()
    monkeypatch.setattr(ssh_watch, 'time', types.SimpleNamespace(
        monotonic=lambda: 5.0))
    with watch._changed:
        watch.after(-1.0, lambda: (rung.append('c'), last.set()))
        watch.after(-3.0, lambda: rung.append('a'))
        watch.cancel(watch.after(-4.0, lambda: rung.append('cancelled')))
        watch.after(-2.0, lambda: rung.append('b'))

    assert last.wait(10)
    assert rung == ['a', 'b', 'c']


def test_an_alarm_that_fails_does_not_silence_the_others(caplog):
    watch = ssh_watch.Watch()
    rung = threading.Event()
    watch.after(0.01, lambda: 1 / 0)
    watch.after(0.05, rung.set)

    assert rung.wait(10)
    assert 'ZeroDivisionError' in caplog.text


def watching():
    return [one for one in threading.enumerate() if one.name == 'ssh-watch']


def test_a_watch_without_alarms_has_no_thread():
    watch = ssh_watch.Watch()
    watch.after(60, lambda: None)
    mine = watching()
    assert mine
    watch.close()
    for one in mine:
        one.join(5)
    assert not [one for one in mine if one.is_alive()]

    rung = threading.Event()
    watch.after(0.01, rung.set)
    assert rung.wait(10)
    deadline = time.monotonic() + 5
    while watch._thread is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
