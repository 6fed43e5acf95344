# SPDX-License-Identifier: Apache-2.0

"""The commands that a host gets, and the meaning of its answers."""

from concurrent import futures
import threading
import time

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import retry
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_exec
from tests import listening
from tests.unit.transport.ssh import server

ECHO = command.Command.of('echo', 'well')


def ending(status, stdout=b'', stderr=b''):
    """A command that prints something and ends."""
    def answer(channel, text):
        if stdout:
            channel.sendall(stdout)
        if stderr:
            channel.sendall_stderr(stderr)
        server.end(channel, status)

    return answer


@pytest.mark.parametrize('status', [124, 137])
def test_the_host_ends_a_command_if_it_is_told_to(hosts, serve, status):
    made = serve(ending(status, b'out', b'err'))
    with pytest.raises(ssh.Cut) as caught:
        hosts.host(made.target(reap=True)).run(
            command.Command.of('sleep', '9', timeout=2.5))
    assert 'not done within 2.5 s, and was ended.' in caught.value.what
    assert 'sleep 9 on manila@127.0.0.1:' in caught.value.what
    assert (caught.value.stdout, caught.value.stderr) == ('out', 'err')


@pytest.mark.parametrize(('status', 'reap'), [
    (124, False), (137, False), (125, True)])
def test_else_such_a_code_is_the_command_s(hosts, serve, status, reap):
    made = serve(ending(status))
    host = hosts.host(made.target(reap=reap))
    with pytest.raises(exception.BackendError) as caught:
        host.run(ECHO)
    assert caught.value.status == status
    assert host.run(command.Command.of(
        'x', accept=frozenset({status}))).status == status


@pytest.mark.parametrize(('user', 'root'), [
    ('manila', False), ('root', True), ('root', False)])
def test_nobody_but_sudo_refuses(hosts, serve, user, root):
    """A command that it did not run may say the same of something else."""
    made = serve(ending(1, stderr=b'sudo: a password is required\n'))
    login = ssh.Login(user, password=command.Secret(server.PASSWORD))
    with pytest.raises(exception.BackendError) as caught:
        hosts.host(made.target(login=login)).run(
            command.Command.of('list', root=root))
    assert type(caught.value) is exception.BackendError
    assert f'Command list on {user}@127.0.0.1:' in caught.value.what


def test_words_that_are_no_text_are_sent_as_they_are(hosts, serve,
                                                     monkeypatch):
    texts = []
    made = serve(lambda channel, text: server.end(channel))
    real = server.Session.check_channel_exec_request

    def noted(session, channel, raw):
        texts.append(raw)
        return real(session, channel, b'x')

    monkeypatch.setattr(server.Session, 'check_channel_exec_request', noted)
    hosts.host(made.target()).run(command.Command.of('rm', 'a\udcff'))
    assert texts == [b"rm 'a\xff'"]


def test_remarks_of_others_are_no_answer(hosts, serve):
    made = serve(ending(
        0, stderr=b'sudo: unable to resolve host x\nwarning of ours\n'))
    assert hosts.host(made.target()).run(ECHO).stderr == 'warning of ours\n'


@pytest.mark.parametrize(('word', 'fits'), [
    ('x' * 99_995, True), ('x' * 99_996, False),
    ('\xe9' * 49_996, True), ('\xe9' * 49_997, False)])
def test_a_command_has_its_length(hosts, serve, word, fits):
    """In bytes, the name of the command and quotes included."""
    host = hosts.host(serve(ending(0)).target())
    cmd = command.Command.of('echo', word)
    if fits:
        assert host.run(cmd).status == 0
    else:
        with pytest.raises(exception.InvalidRequest,
                           match='too long for manila@127'):
            host.run(cmd)


@pytest.mark.parametrize(('size', 'fits'), [(10, True), (11, False)])
def test_half_an_output_is_not_taken_for_all(hosts, serve, size, fits):
    made = serve(ending(3, b'x' * size, b'e' * 9 + b'end of it'))
    host = hosts.host(made.target(max_output=10))
    cmd = command.Command.of('list', accept=frozenset({3}))
    if fits:
        # Of the errors the end is what matters.
        assert host.run(cmd) == command.Result('x' * 10, 'eend of it', 3)
    else:
        with pytest.raises(exception.BackendError,
                           match='printed 11 bytes') as caught:
            host.run(cmd)
        assert caught.value.status == 3


def test_what_is_no_text_goes_there_and_back(hosts, serve):
    def mirror(channel, text):
        data = b''
        while piece := channel.recv(4096):
            data += piece
        channel.sendall(data)
        server.end(channel)

    text = '\udcff\xe9' * 3
    assert hosts.host(serve(mirror).target()).run(
        command.Command.of('cat', stdin=text)).stdout == text


class Sent:
    """Stands for what runs a command; says how long it may take."""

    seen = []
    lost = 0

    def __init__(self, connection, channel, cmd, text, where, *, timeout,
                 max_output):
        self.seen.append((cmd, text, where, timeout, max_output))

    def run(self):
        if len(self.seen) <= self.lost:
            raise ssh_exec.NotSentError
        return command.Result('', '', 0)


@pytest.fixture
def sent(monkeypatch):
    class Made(Sent):
        seen = []

    monkeypatch.setattr(ssh_exec, 'Execution', Made)
    return Made


@pytest.mark.parametrize(('reap', 'timeout'), [(False, 9.0), (True, 16.0)])
def test_the_host_may_end_a_command_first(hosts, serve, sent, reap, timeout):
    target = serve().target(reap=reap, max_output=77)
    hosts.host(target).run(command.Command.of(
        'list', 'a b', root=True, timeout=9.0))
    [(_, text, where, given, most)] = sent.seen
    assert text == ('sudo -n timeout -k 5 9 ' if reap else 'sudo -n ') + (
        "list 'a b'")
    assert (where, given, most) == (target, timeout, 77)


def test_what_was_not_sent_is_sent_elsewhere(hosts, serve, sent):
    sent.lost = 5
    assert hosts.host(serve().target()).run(ECHO).status == 0
    assert len(sent.seen) == 6


@pytest.mark.parametrize('bound', [
    {'patience': 0.3}, {'connect_timeout': 0.3}])
def test_what_is_never_sent_ends_with_the_time(hosts, serve, sent, bound):
    sent.lost = 10 ** 9
    parts = dict(bound)
    patience = parts.pop('patience', 60.0)
    host = hosts.host(serve().target())
    if parts:
        # The login itself may take its time.
        with pytest.raises(exception.Unreachable), retry.patience(0.0):
            host.run(ECHO)
        object.__setattr__(host.target, 'connect_timeout', 0.3)
    began = time.monotonic()
    with retry.patience(patience), pytest.raises(
            exception.Unreachable, match='ended before the command was sent'):
        host.run(ECHO)
    assert 0.25 < time.monotonic() - began < 20


def test_a_command_is_counted_when_it_was_sent(hosts, serve):
    host = hosts.host(serve().target())
    with meter.measure() as trips:
        host.run(ECHO)
    assert trips.counts == {'SSH': 1, 'SSH login': 1}
    assert 0 < trips.waited < listening.SECONDS


def test_all_hosts_are_closed_and_may_be_used_again(hosts, serve):
    one, other = serve(), serve()
    for made in one, other:
        assert hosts.host(made.target()).run(ECHO).stdout == 'echo well\n'
    hosts.close()
    for made in one, other:
        made.transports[0].join(10)
        assert not made.transports[0].is_active()
        assert hosts.host(made.target()).run(ECHO).stdout == 'echo well\n'
    assert (one.logins, other.logins) == (2, 2)


def test_one_host_is_forgotten_and_no_other(hosts, serve):
    one, other = serve().target(), serve().target()
    kept = hosts.host(other)
    hosts.host(one)
    hosts.forget(one)
    hosts.forget(one)
    assert hosts.host(other) is kept
    assert str(kept) == str(other)


def test_who_is_held_up_at_his_end_cuts_nobody_off(hosts, serve, monkeypatch):
    """As in a process that has no time for a moment."""
    monkeypatch.setattr(ssh_connection, 'GRACE', 0.2)
    close, began, over = paramiko.Channel.close, threading.Event(), []

    def held_up(channel):
        if channel.transport is client and not over:
            over.append(True)
            time.sleep(1.0)
        return close(channel)

    def answer(channel, text):
        if 'long' in text:
            began.set()
            time.sleep(2.0)
        server.end(channel)

    made = serve(answer)
    host = hosts.host(made.target())
    host.run(ECHO)
    client = host._pool._connections[0]._transport
    with futures.ThreadPoolExecutor() as threads:
        long = threads.submit(host.run, command.Command.of('long'))
        assert began.wait(20)
        monkeypatch.setattr(paramiko.Channel, 'close', held_up)
        host.run(ECHO)
        assert long.result(20).status == 0
    assert over
