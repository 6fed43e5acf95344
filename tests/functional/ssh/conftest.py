# SPDX-License-Identifier: Apache-2.0

"""Tell what the tests of the SSH transport share."""

import dataclasses

import pytest

from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from tests import needs
from tests.functional.ssh import daemon
from tests.functional.ssh import proxy


@pytest.fixture(scope='session')
def needs_sshd():
    needs.ssh_server()


@pytest.fixture(scope='session')
def sshd(needs_sshd, tmp_path_factory):
    """One with the limits that sshd comes with."""
    with daemon.Sshd(tmp_path_factory.mktemp('sshd') / 'default') as started:
        yield started


@pytest.fixture
def make_sshd(needs_sshd, tmp_path):
    """Start one with options of its own."""
    made = []

    def make(*options, **parts):
        one = daemon.Sshd(tmp_path / f'sshd{len(made)}', *options, **parts)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.cut()


@pytest.fixture
def target(tmp_path):
    """Make the target of an sshd that trusts it on first use."""

    def make(server, **parts):
        login = ssh.Login(parts.pop('user', daemon.USER),
                          key_file=parts.pop('key_file', server.key_file),
                          key_option='gluster_key')
        whole = {'host': getattr(server, 'address', '127.0.0.1'),
                 'port': server.port, 'connect_timeout': 20.0,
                 'trust': ssh.KnownHosts((str(tmp_path / 'known_hosts'),),
                                         learn=True)} | parts
        return ssh.Target(login=login, **whole)

    return make


@pytest.fixture
def hosts():
    made = ssh.Hosts()
    yield made
    made.close()


@pytest.fixture
def host(hosts, sshd, target):
    """The host that most tests talk to."""
    return hosts.host(target(sshd))


@pytest.fixture
def via(sshd, target):
    """A proxy before the sshd, and the target behind it."""
    with proxy.Proxy(sshd.port) as made:
        behind = dataclasses.replace(target(sshd), port=made.port)
        yield made, behind


@pytest.fixture
def measured():
    with meter.measure() as made:
        yield made
