# SPDX-License-Identifier: Apache-2.0

"""A command that waits for its host is not sent once its lease is another's.

The host is away when the command is to be sent, and comes back after somebody
else has taken the lease.
"""

import threading
import time

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.ibm.gpfs import execute
from manila_drivers.registry import leases
from manila_drivers.registry import registry
from manila_drivers.registry import schema
from manila_drivers.testing.simulators import ssh as simulated
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script
from manila_drivers.transport import ssh

HERE = '127.0.0.1'
CHANGE = command.Command.of('rm', '-rf', '/share')
READ = command.Command.of('ls', '/share', reads=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(leases, 'FRESH', 0.1)


@pytest.fixture
def made(tmp_path):
    return registry.Registry(f'sqlite:///{tmp_path}/registry.sqlite3')


@pytest.fixture
def server(tmp_path):
    with simulated.SshServer(
            {HERE: lambda words, read: simulated.Done(read())}) as door:
        door.write_known_hosts(tmp_path / 'known_hosts')
        yield door


@pytest.fixture
def host(server, tmp_path):
    hosts = ssh.Hosts()
    yield hosts.host(ssh.Target(
        HERE, ssh.Login(server.user, password=command.Secret(
            server.password)),
        ssh.KnownHosts((str(tmp_path / 'known_hosts'),)), port=server.port,
        connect_timeout=60.0))
    hosts.close()


@pytest.fixture
def away(made, server):
    """Have the host come back after somebody else has taken all leases."""
    def back(steal):
        time.sleep(0.3)
        if steal:
            with made.database.begin() as connection:
                connection.execute(schema.LEASES.update().values(
                    owner='far/boot-1/77/1234/abcd'))
        server.start()

    def leave(*, steal=True):
        server.stop()
        waiting.append(threading.Thread(target=back, args=(steal,)))
        waiting[-1].start()
    waiting = []
    yield leave
    for one in waiting:
        one.join(60)


def patient(host):
    """A runner that tries again by itself, as helpers of GPFS have it."""
    def patiently(work, passing):
        attempts = retry.Attempts(retry.HOSTS, time.monotonic, time.sleep)
        while True:
            answer, error = exception.caught(work)
            if not isinstance(error, passing):
                if error is not None:
                    raise error
                return answer
            assert attempts.again()
    return execute.Patient(host, patiently)


WAYS = {
    'one command': lambda host, cmd: host.run(cmd),
    'a script': lambda host, cmd: script.attempt(host, [READ, cmd]),
    'another try': lambda host, cmd: patient(host).run(cmd),
    'a script and another try': lambda host, cmd: script.attempt(
        patient(host), [cmd])}


@pytest.mark.parametrize('way', WAYS)
def test_it_is_not_sent_once_the_lease_is_lost(made, server, host, away, way):
    with made.leases.hold(['share one'], 1):
        plan.before_change(CHANGE)
        away()
        with pytest.raises(exception.Busy, match='has ended while it was'):
            WAYS[way](host, CHANGE)
    assert server.commands == 0


@pytest.mark.parametrize('way', ['one command', 'another try'])
def test_it_is_sent_while_the_lease_is_ours(made, server, host, away, way):
    with made.leases.hold(['share one'], 1):
        plan.before_change(CHANGE)
        away(steal=False)
        assert WAYS[way](host, CHANGE).status == 0
    assert server.commands == 1


@pytest.mark.parametrize('way', ['one command', 'another try'])
def test_what_changes_nothing_asks_for_no_lease(made, server, host, away,
                                                way):
    with made.leases.hold(['share one'], 1):
        plan.before_change(CHANGE)
        away()
        assert WAYS[way](host, READ).status == 0
    assert server.commands == 1
