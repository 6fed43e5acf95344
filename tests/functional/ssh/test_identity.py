# SPDX-License-Identifier: Apache-2.0

"""Who the host is: known, unknown, changed, first seen."""

import re
import subprocess
import threading

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests import listening
from tests.functional.ssh import daemon

ECHO = command.Command.of('echo', 'well')


@pytest.fixture
def known(tmp_path):
    return tmp_path / 'known_hosts'


@pytest.fixture
def strict(target, known):
    def make(server, **parts):
        return target(server, trust=ssh.KnownHosts((str(known),),
                                                   option='gluster_hosts'),
                      **parts)
    return make


def line(server, key=None):
    return f'[127.0.0.1]:{server.port} {key or server.public_key()}\n'


def test_an_unknown_host_gets_nothing(hosts, sshd, strict, measured):
    host = hosts.host(strict(sshd))

    with pytest.raises(exception.NotTrusted, match='is not known') as caught:
        host.run(ECHO)

    assert 'gluster_hosts' in caught.value.check
    shown = re.search(r'SHA256:\S+?(?=\))', str(caught.value))[0]
    listed = subprocess.run(
        ['ssh-keygen', '-l', '-f', sshd.folder / 'host_key.pub'],
        check=True, capture_output=True, text=True).stdout
    assert shown in listed
    assert 'SSH' not in measured.counts


def test_a_known_host_is_trusted(hosts, sshd, strict, known):
    known.write_text('# a comment\n\nbroken line\n' + line(sshd))

    assert hosts.host(strict(sshd)).run(ECHO).stdout == 'well\n'


def test_what_ssh_keyscan_writes_is_understood(hosts, sshd, strict, known):
    scanned = subprocess.run(
        ['ssh-keyscan', '-H', '-p', str(sshd.port), '127.0.0.1'],
        check=True, capture_output=True, text=True).stdout
    assert scanned.startswith('|1|')
    known.write_text(scanned)

    assert hosts.host(strict(sshd)).run(ECHO).stdout == 'well\n'


@pytest.mark.parametrize('learn', [False, True])
def test_a_changed_key_is_refused_with_the_line_to_look_at(
        hosts, sshd, target, known, tmp_path, learn):
    daemon.keygen(tmp_path / 'other')
    key = (tmp_path / 'other.pub').read_text()
    known.write_text('# first line\n' + line(sshd, key))
    host = hosts.host(target(
        sshd, trust=ssh.KnownHosts((str(known),), learn=learn)))

    with pytest.raises(exception.NotTrusted, match='not the one') as caught:
        host.run(ECHO)

    assert f'line 2 of {known}' in caught.value.check
    assert known.read_text() == '# first line\n' + line(sshd, key)


def test_a_key_of_another_type_is_no_first_use(hosts, sshd, target, known,
                                               tmp_path):
    """Else whoever is in between offers a type that is not known yet."""
    daemon.keygen(tmp_path / 'other', kind='rsa')
    known.write_text(line(sshd, (tmp_path / 'other.pub').read_text()))

    with pytest.raises(exception.NotTrusted, match='not the one'):
        hosts.host(target(sshd)).run(ECHO)


def test_the_type_that_is_known_is_asked_for(hosts, make_sshd, strict,
                                             known, tmp_path):
    daemon.keygen(tmp_path / 'rsa', kind='rsa')
    server = make_sshd(f'HostKey {tmp_path}/rsa')
    known.write_text(line(server, (tmp_path / 'rsa.pub').read_text()))

    assert hosts.host(strict(server)).run(ECHO).stdout == 'well\n'


def test_a_revoked_key_is_refused(hosts, sshd, target, known):
    known.write_text('@revoked * ' + sshd.public_key() + '\n')

    with pytest.raises(exception.NotTrusted, match='is revoked'):
        hosts.host(target(sshd)).run(ECHO)


def test_first_use_is_remembered_for_others(sshd, target, strict, known):
    for make in (target, strict):
        with_others = ssh.Hosts()
        assert with_others.host(make(sshd)).run(ECHO).stdout == 'well\n'
        with_others.close()

    assert known.read_text() == line(sshd)
    assert known.stat().st_mode & 0o777 == 0o600


def test_who_takes_the_place_of_a_learned_host_is_refused(
        hosts, make_sshd, target, known):
    first = make_sshd()
    hosts.host(target(first)).run(ECHO)
    first.cut()
    second = make_sshd(port=first.port)
    new = target(first, key_file=second.key_file)

    with pytest.raises(exception.NotTrusted, match='not the one'):
        hosts.host(new).run(ECHO)


def test_many_learn_at_once_and_remember_once(sshd, target, known):
    known.write_text('half a line of somebody who crashed')
    makers = [ssh.Hosts() for _ in range(12)]
    failures = []

    def learn(made):
        try:
            made.host(target(sshd)).run(ECHO)
        except exception.DriverError as exc:
            failures.append(exc)

    threads = [threading.Thread(target=learn, args=(one,)) for one in makers]
    for one in threads:
        one.start()
    listening.join(*threads)
    for made in makers:
        made.close()

    assert failures == []
    assert known.read_text().splitlines()[1:] == [line(sshd).strip()]


def test_what_cannot_be_remembered_is_not_trusted(hosts, sshd, target):
    host = hosts.host(target(sshd, trust=ssh.KnownHosts(
        ('/proc/version/known_hosts',), learn=True, option='hosts_file')))

    with pytest.raises(exception.ConfigurationError) as caught:
        host.run(ECHO)

    assert caught.value.option == 'hosts_file'


def test_a_pinned_key(hosts, sshd, target):
    host = hosts.host(target(sshd, trust=ssh.Pinned((sshd.public_key(),))))

    assert host.run(ECHO).stdout == 'well\n'


def test_another_key_than_the_pinned_one(hosts, sshd, target):
    pinned = ssh.Pinned((sshd.public_key('user_key'),), option='pinned')

    with pytest.raises(exception.NotTrusted):
        hosts.host(target(sshd, trust=pinned)).run(ECHO)
