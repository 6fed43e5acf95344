# SPDX-License-Identifier: Apache-2.0

"""Simulated hosts behind an SSH server in the process."""

import pytest

from manila_drivers import exception
from manila_drivers.testing.simulators import ssh as simulated
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests import doors
from tests import patience


class TestSshServer(doors.Contract):
    """See there."""


@pytest.fixture
def server():
    with simulated.SshServer(doors.Hosts().all()) as made:
        yield made


@pytest.fixture
def door(server):
    return server


@pytest.fixture
def host(server, tmp_path):
    """Makes what runs commands on one of the hosts."""
    hosts = ssh.Hosts()
    known = tmp_path / 'known_hosts'
    server.write_known_hosts(known)

    def make(address=doors.ADDRESSES[0], sudo=(), **login):
        values = {'password': command.Secret(server.password), **login}
        return hosts.host(ssh.Target(
            address, ssh.Login(values.pop('user', server.user), **values),
            ssh.KnownHosts((str(known),)), port=server.port,
            connect_timeout=patience.seconds(5.0), sudo=sudo))

    yield make
    hosts.close()


@pytest.mark.parametrize('login', [
    {'password': command.Secret('guess')}, {'user': 'somebody'}])
def test_nobody_else_gets_in(host, server, login):
    with pytest.raises(exception.AccessDenied):
        host(**login).run(command.Command.of('echo'))
    assert server.logins == 0


def test_a_host_that_is_another_is_not_trusted(server, tmp_path):
    with simulated.SshServer(doors.Hosts().all(),
                             password=server.password) as other:
        known = tmp_path / 'known_hosts'
        known.write_text(server.known_hosts.replace(
            f':{server.port} ', f':{other.port} '))
        hosts = ssh.Hosts()
        with pytest.raises(exception.NotTrusted):
            hosts.host(ssh.Target(
                doors.ADDRESSES[0], ssh.Login(
                    other.user, password=command.Secret(other.password)),
                ssh.KnownHosts((str(known),)), port=other.port,
                connect_timeout=patience.seconds(5.0))).run(command.Command.of('echo'))
        hosts.close()


def test_a_port_that_is_taken(server):
    with pytest.raises(OSError, match='in use'):
        simulated.SshServer(doors.Hosts().all(),
                            port=server.port).start()
