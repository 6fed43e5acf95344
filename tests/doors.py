# SPDX-License-Identifier: Apache-2.0

"""Common parts of the doors to simulated hosts: sshd, server in Python.

A module of tests has fixtures ``door``, which is open to ``Hosts`` at
``ADDRESSES``, and ``host``, which makes what runs commands at one of them.
"""

import pytest

from manila_drivers import exception
from manila_drivers.testing.simulators import ssh
from manila_drivers.transport import command

ADDRESSES = ('127.0.0.1', '127.0.0.2')


class Hosts:
    """Hosts that repeat what they hear, and break when told to."""

    def __init__(self):
        self.heard = []

    def at(self, address):
        def run(words, read):
            self.heard.append((address, words))
            if words[0] == 'echo':
                return ssh.Done(f'{address} {words[1:]}\n', 'said\n')
            if words[0] == 'cat':
                return ssh.Done(read())
            if words[0] == 'cut':
                return ssh.Done('half of it', status=None)
            if words[0] == 'break':
                raise ZeroDivisionError
            return ssh.Done('', f'no {words[0]}\n', 127)
        return run

    def all(self):
        return {address: self.at(address) for address in ADDRESSES}


class Contract:
    def test_each_address_is_a_host_of_its_own(self, host, door):
        for address in ADDRESSES:
            done = host(address).run(
                command.Command.of('echo', "it's", 'a b', 'é $x'))
            assert done == command.Result(
                f"""{address} ["it's", 'a b', 'é $x']\n""", 'said\n', 0)
        assert door.logins == 2

    def test_input_arrives_whole_and_only_if_it_is_read(self, host):
        text = 'a line\n' * 100_000 + 'é'
        assert host().run(
            command.Command.of('cat', stdin=text)).stdout == text
        assert host().run(
            command.Command.of('echo', stdin='unread')).status == 0

    def test_words_that_make_a_command_root_s_are_no_part_of_it(self, host):
        done = host(sudo=('sudo', '-n')).run(command.Command.of(
            'echo', 'sudo', root=True))
        assert done.stdout == "127.0.0.1 ['sudo']\n"

    def test_a_connection_that_is_cut(self, host, door):
        with pytest.raises(exception.OutcomeUnknown):
            host().run(command.Command.of('cut'))
        assert host().run(command.Command.of('echo')).status == 0
        assert door.logins == 2

    def test_a_host_that_fails_says_so_and_goes_on(self, host, door):
        with pytest.raises(exception.BackendError, match='simulator failed'):
            host().run(command.Command.of('break'))
        with pytest.raises(exception.BackendError) as failure:
            host().run(command.Command.of('touch', 'x'))
        assert failure.value.status == 127
        assert host().run(command.Command.of('echo')).status == 0
        assert door.logins == 1

    def test_switched_off_and_on_again(self, host, door):
        """At the same port, and with the same key: it is still trusted."""
        assert host().run(command.Command.of('echo')).status == 0
        port, keys = door.port, door.known_hosts
        door.stop()
        with pytest.raises(exception.Unreachable):
            host().run(command.Command.of('echo'))
        door.start()
        assert (door.port, door.known_hosts) == (port, keys)
        assert host().run(command.Command.of('echo')).status == 0
