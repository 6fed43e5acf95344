# SPDX-License-Identifier: Apache-2.0

"""Commands on servers that leave out, refuse or delay what they owe."""

import contextlib
import signal
import threading
import time

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_watch
from tests import listening
from tests.unit.transport.ssh import server

ECHO = command.Command.of('echo', 'well')


def test_refused_channels_are_opened_again(hosts, serve, measured):
    made = serve()
    made.refuses = 2

    assert hosts.host(made.target()).run(ECHO).stdout == 'echo well\n'
    assert measured.counts == {'SSH': 1, 'SSH login': 1}


def test_a_connection_that_only_refuses_is_replaced(hosts, serve, measured):
    made = serve()
    made.refuses = ssh_connection.REFUSED + 1

    assert hosts.host(made.target()).run(ECHO).stdout == 'echo well\n'
    assert measured.counts == {'SSH': 1, 'SSH login': 2}


def test_what_a_refusal_tells_depends_on_who_else_is_there(serve):
    """With others: how many there may be.  Alone: that it is full."""
    target = serve().target()
    made = ssh_connection.Connection(ssh_login.log_in(target),
                                     ssh_watch.Watch())
    made.busy = 3
    made.note_refusal()
    assert (made.limit, made.worn) == (2, False)
    made.busy = 1
    for _ in range(ssh_connection.REFUSED):
        assert not made.worn
        made.note_refusal()
    assert (made.limit, made.worn) == (2, True)
    made.close()
    assert not made.alive


def test_close_while_somebody_logs_in(hosts, serve, monkeypatch):
    """The session that comes too late is closed, and not used."""
    go = threading.Event()
    real = server.Session.check_auth_password

    def slow(*args):
        go.wait(10)
        return real(*args)

    monkeypatch.setattr(server.Session, 'check_auth_password', slow)
    made = serve()
    host = hosts.host(made.target())
    caught = []

    def ask():
        try:
            host.run(ECHO)
        except exception.Unreachable as exc:
            caught.append(exc)

    asking = threading.Thread(target=ask)
    asking.start()
    while not (made.transports and made.transports[0].is_alive()):
        asking.join(0.01)
    host.close()
    listening.join(asking)
    go.set()

    assert 'were closed' in str(caught[0])
    made.transports[0].join(10)
    assert not made.transports[0].is_active()
    assert host._pool._connections == []
    assert host.run(ECHO).stdout == 'echo well\n'


def test_a_connection_does_not_last_for_ever(hosts, serve, measured,
                                             monkeypatch):
    monkeypatch.setattr(ssh_connection, 'LIFETIME', 3)
    host = hosts.host(serve().target())

    for _ in range(7):
        host.run(ECHO)

    assert measured.counts == {'SSH': 7, 'SSH login': 3}


def test_a_server_that_runs_nothing(hosts, serve):
    made = serve()
    made.denies = True

    with pytest.raises(exception.BackendError, match='refuses to run'):
        hosts.host(made.target()).run(ECHO)


def test_no_exit_code(hosts, serve):
    def vanish(channel, text):
        channel.sendall(b'partly\n')
        channel.close()

    with pytest.raises(ssh.Cut, match='no exit code') as caught:
        hosts.host(serve(vanish).target()).run(ECHO)

    assert caught.value.stdout == 'partly\n'


def test_an_exit_code_that_comes_after_the_end(hosts, serve):
    def late(channel, text):
        channel.shutdown_write()
        time.sleep(0.2)
        server.end(channel, 3)

    with pytest.raises(exception.BackendError) as caught:
        hosts.host(serve(late).target()).run(ECHO)

    assert caught.value.status == 3


def test_output_that_comes_after_the_exit_code(hosts, serve):
    def early(channel, text):
        channel.send_exit_status(0)
        for _ in range(5):
            time.sleep(0.1)
            channel.sendall(b'more ')
        channel.close()

    assert hosts.host(serve(early).target()).run(ECHO).stdout == 'more ' * 5


def test_exit_code_without_end_nor_silence_for_long(hosts, serve):
    """Something was left behind that holds the output and talks on."""
    over = threading.Event()

    def chatter(channel, text):
        channel.send_exit_status(0)
        while not over.wait(0.1):
            channel.sendall(b'x')

    host = hosts.host(serve(chatter).target())
    with pytest.raises(exception.OutcomeUnknown):
        host.run(command.Command.of('service', 'start', timeout=1.0))
    over.set()


def test_a_server_that_never_answers_the_request(hosts, serve):
    started = time.monotonic()
    release = threading.Event()

    class Slow(server.Session):
        def check_channel_exec_request(self, channel, command):
            release.wait(20)
            return False

    made = serve()
    host = hosts.host(made.target())
    host.run(ECHO)
    made.transports[0].server_object.__class__ = Slow

    with pytest.raises(ssh.Cut, match='no sign that it was begun'):
        host.run(command.Command.of('true', timeout=0.5))

    assert time.monotonic() - started < 15
    release.set()
    assert host.run(ECHO).stdout == 'echo well\n'


def test_input_larger_than_the_window_while_output_is_larger_too(hosts,
                                                                 serve):
    """Who first writes all and then reads would never end."""
    def mirror(channel, text):
        while data := channel.recv(4096):
            channel.sendall(data)
        server.end(channel)

    text = 'abcdefgh' * 100_000
    host = hosts.host(serve(mirror, window=64 * 1024).target())

    assert host.run(command.Command.of('cat', stdin=text)).stdout == text


def test_outputs_by_turns(hosts, serve):
    def both(channel, text):
        for _ in range(200):
            channel.sendall(b'o' * 1000)
            channel.sendall_stderr(b'e' * 1000)
        server.end(channel)

    result = hosts.host(serve(both).target()).run(ECHO)

    assert result == command.Result('o' * 200_000, 'e' * 200_000, 0)


def test_sudo_that_says_no(hosts, serve):
    def sudo(channel, text):
        assert text.startswith('sudo -n gluster')
        channel.sendall_stderr(b'sudo: a password is required\n')
        server.end(channel, 1)

    with pytest.raises(exception.AccessDenied, match='not run as root') as no:
        hosts.host(serve(sudo).target()).run(
            command.Command.of('gluster', 'pool', 'list', root=True))

    assert 'sudoers' in no.value.check
    assert no.value.status == 1


def test_what_sudo_minds_is_no_refusal(hosts, serve):
    def sudo(channel, text):
        channel.sendall_stderr(b'sudo: unable to resolve host x\nfull\n')
        server.end(channel, 1)

    with pytest.raises(exception.BackendError, match='full') as no:
        hosts.host(serve(sudo).target()).run(
            command.Command.of('gluster', 'pool', 'list', root=True))

    assert not isinstance(no.value, exception.AccessDenied)


def test_a_failed_login_more_does_not_harm_those_who_have_one(hosts, serve):
    made = serve(lambda channel, text: (time.sleep(0.4),
                                        server.done(channel, text)))
    host = hosts.host(made.target())
    host.run(ECHO)
    made.methods = []
    answers = []
    threads = [threading.Thread(
        target=lambda: answers.append(host.run(ECHO).stdout))
        for _ in range(9)]
    for one in threads:
        one.start()
    listening.join(*threads)

    assert answers == ['echo well\n'] * 9
    assert made.logins == 2


class Killed(BaseException):
    pass


def test_who_is_killed_while_it_waits_leaves_no_gap(hosts, serve):
    """Else its place would be given to nobody, for ever."""
    go = threading.Event()

    def slow(channel, text):
        go.wait(20)
        server.done(channel, text)

    host = hosts.host(serve(slow).target(max_connections=1))
    threads = [threading.Thread(target=host.run, args=(ECHO,))
               for _ in range(4)]
    for one in threads:
        one.start()
    with pytest.raises(Killed), killed_after(0.7):
        host.run(ECHO)
    go.set()
    listening.join(*threads)

    [connection] = host._pool._connections
    assert connection.busy == 0
    assert host.run(ECHO).stdout == 'echo well\n'


@contextlib.contextmanager
def killed_after(seconds):
    def kill(number, frame):
        raise Killed

    before = signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_bytes_that_are_no_text(hosts, serve):
    def raw(channel, text):
        channel.sendall(b'\xff\xfe')
        server.end(channel)

    assert hosts.host(serve(raw).target()).run(ECHO).stdout == '\udcff\udcfe'


def test_a_host_that_is_forgotten(hosts, serve):
    made = serve()
    first = hosts.host(made.target())
    first.run(ECHO)

    hosts.forget(made.target())

    assert hosts.host(made.target()) is not first
    assert isinstance(first, ssh.Host)
    deadline = time.monotonic() + 5
    while made.transports[0].is_active():
        assert time.monotonic() < deadline
        made.transports[0].join(0.05)


def test_paramiko_has_what_is_used_of_it():
    """Attributes that its documentation does not promise."""
    channel = paramiko.Channel(1)

    for name in ('lock', 'closed', 'eof_sent', 'eof_received', 'exit_status',
                 'in_buffer', 'in_stderr_buffer', 'out_buffer_cv',
                 'out_max_packet_size', 'out_window_size', 'remote_chanid',
                 'status_event'):
        assert hasattr(channel, name), name
