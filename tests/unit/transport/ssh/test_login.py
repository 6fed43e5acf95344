# SPDX-License-Identifier: Apache-2.0

"""Logging in to servers that OpenSSH is hard to turn into."""

import socket
import subprocess
import threading
import time

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_key
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_trust
from tests import listening
from tests.unit.transport.ssh import places
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
    assert 'uthentication' in caught.value.answer


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
    assert caught.value.answer in (
        'accepted, but needed besides: publickey, password',
        'accepted, but needed besides: password, publickey')

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
    assert f'No login to {target}: ' in caught.value.what
    assert caught.value.answer not in ('', 'None')
    assert 'sshd' in caught.value.check


def test_nothing_that_listens(serve):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        with pytest.raises(ssh_login.Away) as caught:
            ssh_login.log_in(serve().target(port=port))
    assert caught.value.what == f'No connection to 127.0.0.1 port {port}'
    assert caught.value.answer == (
        '127.0.0.1: [Errno 111] Connection refused')
    assert 'sshd runs' in caught.value.check


def test_a_connection_that_ends_while_a_password_is_sent(serve,
                                                         monkeypatch):
    def reset(*args):
        raise ConnectionResetError('reset by peer')

    monkeypatch.setattr(paramiko.Transport, 'auth_password', reset)
    target = serve().target()
    with pytest.raises(ssh_login.Away) as caught:
        ssh_login.log_in(target)
    assert f'No login to {target}: the connection' in caught.value.what
    assert caught.value.answer == 'reset by peer'


def test_an_exchange_of_keys_that_did_not_end(serve, monkeypatch):
    """paramiko returns as if all were well when the time is over."""
    monkeypatch.setattr(paramiko.Transport, 'start_client',
                        lambda transport, timeout: None)
    target = serve().target()
    with pytest.raises(ssh_login.Away) as caught:
        ssh_login.log_in(target)
    assert f'No login to {target}: ' in caught.value.what
    assert caught.value.answer == 'no key exchange within 10 s'


def test_an_end_without_a_word():
    assert ssh_login._dropped(TARGET, EOFError()).answer == 'end of file'


class Trust:
    """Notes of whom the key was asked for."""

    def __init__(self):
        self.asked = []

    def types(self, host, port):
        self.asked.append((host, port))
        return []

    def verify(self, host, port, kind, blob):
        self.asked.append((host, port))
        assert (kind, blob) == (server.KEY.get_name(), server.KEY.asbytes())


def test_a_key_is_that_of_the_host_and_its_port(serve):
    trust, made = Trust(), serve()
    ssh_login.close(ssh_login.log_in(made.target(trust=trust)))
    assert trust.asked == [('127.0.0.1', made.port)] * 2


def test_a_login_may_take_its_time(serve, monkeypatch):
    real = server.Session.check_auth_password

    def slow(*args):
        time.sleep(0.5)
        return real(*args)

    monkeypatch.setattr(server.Session, 'check_auth_password', slow)
    ssh_login.close(ssh_login.log_in(serve().target()))


def test_no_login_before_the_host_proved_who_it_is(serve):
    made = serve()
    other = ssh_trust.Pinned(('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',))

    with pytest.raises(exception.NotTrusted):
        ssh_login.log_in(made.target(trust=other))

    assert not made.transports[0].is_authenticated()
    assert made.transports[0].auth_handler is None or (
        made.transports[0].auth_handler.username is None)


class Socket:
    """A peer of which each connect takes all the time that it has."""

    clock = None
    answers = frozenset()
    seen = []

    def __init__(self, family, kind, proto):
        self.open = True
        self.seen.append(self)

    def setsockopt(self, *option):
        pass

    def settimeout(self, seconds):
        self.seconds = seconds

    def connect(self, address):
        self.clock.now += self.seconds
        if address[0] not in self.answers:
            raise TimeoutError('timed out')

    def close(self):
        self.open = False


@pytest.fixture
def addresses(monkeypatch):
    """Three addresses, of which none answers."""
    clock = places.Clock()

    class Made(Socket):
        seen = []

    Made.clock = clock
    monkeypatch.setattr(ssh_login, 'time', clock)
    monkeypatch.setattr(ssh_login.socket, 'socket', Made)
    monkeypatch.setattr(ssh_login.socket, 'getaddrinfo', lambda *args, **kw: [
        (1, 2, 3, '', (f'192.0.2.{number}', 22)) for number in (1, 2, 3)])
    return Made


TARGET = ssh.Target('nfs1', ssh.Login('manila', agent=True),
                    ssh_trust.Pinned(()), port=2222)


def test_each_address_has_its_share_of_the_time(addresses):
    with pytest.raises(ssh_login.Away) as caught:
        ssh_login.connect(TARGET, 1030.0)
    assert [one.seconds for one in addresses.seen] == [10.0, 10.0, 10.0]
    assert not any(one.open for one in addresses.seen)
    assert caught.value.what == 'No connection to nfs1 port 2222'
    assert caught.value.answer == '; '.join(
        f'192.0.2.{number}: timed out' for number in (1, 2, 3))


def test_the_first_address_that_answers_is_taken(addresses):
    addresses.answers = {'192.0.2.2', '192.0.2.3'}
    found = ssh_login.connect(TARGET, 1030.0)
    assert [one.open for one in addresses.seen] == [False, True]
    assert found is addresses.seen[1]


def test_no_time_left_is_hardly_any(addresses):
    with pytest.raises(ssh_login.Away):
        ssh_login.connect(TARGET, 1000.0)
    assert [one.seconds for one in addresses.seen] == [0.05] * 3


@pytest.mark.parametrize(('code', 'kind'), [
    (socket.EAI_AGAIN, ssh_login.Away),
    (socket.EAI_NONAME, exception.Unreachable)])
def test_a_name_may_be_known_in_a_moment(monkeypatch, code, kind):
    def fail(*args, **kwargs):
        raise socket.gaierror(code, 'no')

    monkeypatch.setattr(ssh_login.socket, 'getaddrinfo', fail)
    with pytest.raises(exception.Unreachable, match='nfs1') as caught:
        ssh_login.connect(TARGET, 1e9)
    assert type(caught.value) is kind
    assert caught.value.answer == f'[Errno {code}] no'
    assert 'DNS' in caught.value.check


@pytest.mark.parametrize(('keepalive', 'milliseconds', 'seconds'), [
    (30.0, 30_000, 30), (7.6, 7600, 8), (0.2, 1000, 1)])
def test_a_peer_that_is_gone_is_noticed(serve, keepalive, milliseconds,
                                        seconds):
    transport = ssh_login.log_in(serve().target(keepalive=keepalive))
    try:
        options = [transport.sock.getsockopt(*option) for option in (
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))]
        assert [bool(options[0]), bool(options[1]), options[2]] == [
            True, True, milliseconds]
        assert transport.packetizer._Packetizer__keepalive_interval == seconds
    finally:
        ssh_login.close(transport)
    assert transport.sock.fileno() == -1


@pytest.mark.parametrize(('known', 'first'), [
    (['ssh-rsa'], ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']),
    (['ecdsa-sha2-nistp521'], ['ecdsa-sha2-nistp521']), ([], []),
    (['something-else'], [])])
def test_a_key_of_a_known_type_is_asked_for(known, first):
    one, other = socket.socketpair()
    transport = paramiko.Transport(one)
    options = transport.get_security_options()
    before = list(options.key_types)
    ssh_login._prefer(transport, known)
    after = list(options.key_types)
    # What paramiko does not offer at all cannot be asked for.
    assert after == [*(one for one in before if one in first),
                     *(one for one in before if one not in first)]
    assert (after == before) is (not first)
    ssh_login.close(transport)
    other.close()


@pytest.mark.parametrize('said', [b'', b'SSH-2.0-OpenSSH_9.2\r\n'])
def test_silence_ends_with_the_time(serve, said):
    held = []

    def silent(client):
        client.sendall(said)
        held.append(client)

    began = time.monotonic()
    with listening.Listener(silent) as listener:
        target = serve().target(port=listener.port, connect_timeout=0.4)
        with pytest.raises(ssh_login.Away) as caught:
            ssh_login.log_in(target)
        assert time.monotonic() - began < 8
        assert caught.value.what == (
            f'No login to {target}: the connection ended before it was done')
        assert caught.value.answer not in ('', 'None')
        for client in held:
            client.close()


def test_silence_about_a_password_ends_with_the_time(serve, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(server.Session, 'check_auth_password',
                        lambda *args: go.wait(20) and 2)
    began = time.monotonic()
    target = serve().target(connect_timeout=1.0)
    with pytest.raises(ssh_login.Away) as caught:
        ssh_login.log_in(target)
    go.set()
    assert caught.value.what == (
        f'No login to {target}: the connection ended before it was done')
    assert caught.value.answer == 'Authentication timeout.'
    assert time.monotonic() - began < 15


def test_nothing_is_left_of_a_login_that_fails(serve):
    made = serve()
    other = ssh_trust.Pinned(('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',))
    wrong = ssh.Login('manila', password=command.Secret('wrong one'))
    closed = []
    for parts in {'trust': other}, {'login': wrong}:
        with pytest.raises(exception.DriverError):
            ssh_login.log_in(made.target(**parts))
        made.transports[-1].join(10)
        closed.append(made.transports[-1].is_active())
    assert closed == [False, False]


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
    # Nor are they written where nobody debugs.
    caplog.clear()
    caplog.set_level('INFO')
    with talk(b'') as listener, pytest.raises(exception.Unreachable):
        ssh_login.log_in(serve().target(port=listener.port))
    assert not [record for record in caplog.records
                if 'banner' in record.getMessage()]
    caplog.set_level('INFO', 'manila_drivers.paramiko')
    caplog.set_level('DEBUG')
    with talk(b'') as listener, pytest.raises(exception.Unreachable):
        ssh_login.log_in(serve().target(port=listener.port))
    assert not [record for record in caplog.records
                if 'banner' in record.getMessage()]
    # What is no error of paramiko's stays what it is.
    ssh_login.close(ssh_login.log_in(serve().target()))
    assert {record.levelname for record in caplog.records
            if record.name == 'manila_drivers.paramiko'} == {'INFO'}
