#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Simulated hosts behind an SSH server in the process."""

import pytest

from manila_drivers import exception
from manila_drivers.simulators import ssh as simulated
from manila_drivers.transport import command
from manila_drivers.transport import ssh

ADDRESSES = ('127.0.0.1', '127.0.0.2')


def host_at(address):
    """A host that repeats what it hears, and breaks when told to."""
    def run(words, read):
        if words[0] == 'echo':
            return simulated.Done(f'{address} {words[1:]}\n', 'said\n')
        if words[0] == 'cat':
            return simulated.Done(read())
        if words[0] == 'cut':
            return simulated.Done('half of it', status=None)
        if words[0] == 'break':
            raise ZeroDivisionError
        return simulated.Done('', f'no {words[0]}\n', 127)
    return run


@pytest.fixture
def server():
    with simulated.SshServer({address: host_at(address)
                              for address in ADDRESSES}) as made:
        yield made


@pytest.fixture
def host(server, tmp_path):
    """Makes what runs commands on one of the hosts."""
    hosts = ssh.Hosts()
    known = tmp_path / 'known_hosts'
    server.write_known_hosts(known)

    def make(address=ADDRESSES[0], sudo=(), **login):
        values = {'password': command.Secret(server.password), **login}
        return hosts.host(ssh.Target(
            address, ssh.Login(values.pop('user', server.user), **values),
            ssh.KnownHosts((str(known),)), port=server.port,
            connect_timeout=20.0, sudo=sudo))

    yield make
    hosts.close()


def test_each_address_is_a_host_of_its_own(host, server):
    for address in ADDRESSES:
        done = host(address).run(command.Command.of('echo', 'a b', '$x é'))
        assert done == command.Result(f"{address} ['a b', '$x é']\n",
                                      'said\n', 0)
    assert server.logins == 2


def test_input_arrives_whole_and_only_if_it_is_read(host):
    text = 'a line\n' * 100_000 + 'é'
    assert host().run(command.Command.of('cat', stdin=text)).stdout == text
    assert host().run(command.Command.of('echo', stdin='unread')).status == 0


def test_words_that_make_a_command_root_s_are_no_part_of_it(host):
    done = host(sudo=('sudo', '-n')).run(command.Command.of(
        'echo', 'sudo', root=True))
    assert done.stdout == "127.0.0.1 ['sudo']\n"


@pytest.mark.parametrize('login', [
    {'password': command.Secret('guess')}, {'user': 'somebody'}])
def test_nobody_else_gets_in(host, server, login):
    with pytest.raises(exception.AccessDenied):
        host(**login).run(command.Command.of('echo'))
    assert server.logins == 0


def test_a_host_that_is_another_is_not_trusted(server, tmp_path):
    with simulated.SshServer({ADDRESSES[0]: host_at(ADDRESSES[0])},
                             password=server.password) as other:
        known = tmp_path / 'known_hosts'
        known.write_text(server.known_hosts.replace(
            f':{server.port} ', f':{other.port} '))
        hosts = ssh.Hosts()
        with pytest.raises(exception.NotTrusted):
            hosts.host(ssh.Target(
                ADDRESSES[0], ssh.Login(
                    other.user, password=command.Secret(other.password)),
                ssh.KnownHosts((str(known),)), port=other.port,
                connect_timeout=20.0)).run(command.Command.of('echo'))
        hosts.close()


def test_a_host_that_fails_says_so_and_goes_on(host, server):
    with pytest.raises(exception.BackendError, match='simulator failed'):
        host().run(command.Command.of('break'))
    with pytest.raises(exception.BackendError, match='127'):
        host().run(command.Command.of('touch', 'x'))
    assert host().run(command.Command.of('echo')).status == 0
    assert server.logins == 1


def test_a_connection_that_is_cut(host, server):
    with pytest.raises(exception.OutcomeUnknown):
        host().run(command.Command.of('cut'))
    assert host().run(command.Command.of('echo')).status == 0
    assert server.logins == 2


def test_switched_off_and_on_again(host, server):
    """At the same port, and with the same key: the host is still trusted."""
    assert host().run(command.Command.of('echo')).status == 0
    port, keys = server.port, server.known_hosts
    server.stop()
    with pytest.raises(exception.Unreachable):
        host().run(command.Command.of('echo'))
    server.start()
    assert (server.port, server.known_hosts) == (port, keys)
    assert host().run(command.Command.of('echo')).status == 0


def test_a_port_that_is_taken(server):
    with pytest.raises(OSError, match='in use'):
        simulated.SshServer({ADDRESSES[0]: host_at(ADDRESSES[0])},
                            port=server.port).start()
