# SPDX-License-Identifier: Apache-2.0

"""Simulated hosts behind a real sshd, with the drivers' own transport."""

import socket
import subprocess
import threading

import pytest

from manila_drivers import exception
from manila_drivers.testing.simulators import sshd
from manila_drivers.testing.simulators.gate import Gate
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests import doors
from tests import listening
from tests import needs
from tests import patience


class TestGate(doors.Contract):
    """See there."""


@pytest.fixture
def heard():
    return doors.Hosts()


@pytest.fixture
def gate(heard):
    needs.ssh_server()
    with Gate(heard.all()) as made:
        yield made


@pytest.fixture
def door(gate):
    return gate


@pytest.fixture
def known_hosts(gate, tmp_path):
    gate.write_known_hosts(tmp_path / 'known_hosts')
    return str(tmp_path / 'known_hosts')


@pytest.fixture
def host(gate, known_hosts):
    """Makes what runs commands on one of the hosts."""
    hosts = ssh.Hosts()

    def make(address=doors.ADDRESSES[0], sudo=()):
        return hosts.host(ssh.Target(
            address, ssh.Login(gate.user, key_file=gate.key_file),
            ssh.KnownHosts((known_hosts,)), port=gate.port,
            connect_timeout=patience.seconds(5.0), sudo=sudo))

    yield make
    hosts.close()


def test_nothing_of_this_machine_is_run(host, tmp_path):
    target = tmp_path / 'made'
    with pytest.raises(exception.BackendError) as failure:
        host().run(command.Command.of('touch', target))
    assert failure.value.status == 127
    assert not target.exists()


def test_commands_at_once(host):
    done = []

    def one(number):
        text = f'{number}\n' * 1000
        done.append(host(doors.ADDRESSES[number % 2]).run(
            command.Command.of('cat', stdin=text)).stdout == text)

    threads = [threading.Thread(target=one, args=(number,))
               for number in range(16)]
    for thread in threads:
        thread.start()
    listening.join(*threads)
    assert done == [True] * 16


def _ssh(gate, known_hosts, *options):
    return subprocess.run(
        ['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-p', str(gate.port),
         '-o', f'UserKnownHostsFile={known_hosts}',
         '-i', gate.key_file, *options], capture_output=True, text=True,
        timeout=patience.seconds(60), stdin=subprocess.DEVNULL, check=False)


def test_people_may_look_around_but_get_no_shell(gate, heard, known_hosts):
    done = _ssh(gate, known_hosts, doors.ADDRESSES[0], 'echo', 'me')
    assert (done.stdout, done.returncode) == ("127.0.0.1 ['me']\n", 0)
    done = _ssh(gate, known_hosts, doors.ADDRESSES[0])
    assert (done.returncode, 'no shell' in done.stderr) == (1, True)
    assert heard.heard == [(doors.ADDRESSES[0], ['echo', 'me'])]


def test_nobody_else_gets_in(gate, known_hosts, tmp_path):
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
                    str(tmp_path / 'key')], check=True)
    done = subprocess.run(
        ['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o',
         f'UserKnownHostsFile={known_hosts}', '-p', str(gate.port),
         '-o', 'IdentitiesOnly=yes', '-i', str(tmp_path / 'key'),
         doors.ADDRESSES[0], 'echo'], capture_output=True, text=True,
        timeout=patience.seconds(60), stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (255, '')
    assert 'Permission denied' in done.stderr


@pytest.fixture
def taken():
    """A port that a connection of somebody's has at one of the addresses."""
    with (socket.create_server((doors.ADDRESSES[0], 0)) as listening,
          socket.create_connection(listening.getsockname()) as connection):
        yield connection.getsockname()[1]


def test_a_port_that_is_taken_at_one_address(heard, taken):
    needs.ssh_server()
    made = Gate(heard.all(), port=taken)
    with pytest.raises(sshd.CannotStart, match='already in use'), made:
        pass


def test_another_port_is_taken_if_it_may_be_any(heard, taken, monkeypatch):
    """It was free when it was looked for."""
    needs.ssh_server()
    free = sshd.free_port(doors.ADDRESSES)
    ports = iter([taken, free])
    monkeypatch.setattr(sshd, 'free_port', lambda addresses: next(ports))
    with Gate(heard.all()) as made:
        assert made.port == free


def test_nothing_is_left_behind(heard):
    needs.ssh_server()
    with Gate({'127.0.0.1': heard.at('127.0.0.1')}) as made:
        assert made.directory.is_dir()
    assert not made.directory.exists()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(
            ('127.0.0.1', made.port), timeout=5):
        pass


@pytest.mark.parametrize(('ci', 'outcome'), [
    ('true', pytest.fail.Exception), ('', pytest.skip.Exception)])
def test_without_sshd_these_tests_fail_where_it_matters(
        monkeypatch, ci, outcome):
    monkeypatch.setattr(sshd, 'program', lambda: None)
    monkeypatch.setenv('CI', ci)
    with pytest.raises(outcome, match='openssh-server'):
        needs.ssh_server()
    made = Gate(doors.Hosts().all())
    with pytest.raises(sshd.CannotStart, match='openssh-server'), made:
        pass
    assert not made.directory.exists()
