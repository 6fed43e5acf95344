# SPDX-License-Identifier: Apache-2.0

"""known_hosts: what a line says about which host."""

import base64
import fcntl
import os
import subprocess
import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.transport import ssh_trust

KEY = b'the key of the host'
OTHER = b'the key of another'
ED = 'ssh-ed25519'


def line(names, key=KEY, kind=ED, marker=''):
    text = base64.b64encode(key).decode()
    return ' '.join(filter(None, [marker, names, kind, text, 'a comment']))


@pytest.fixture
def trust(tmp_path):
    def make(*lines, learn=False):
        path = tmp_path / 'known_hosts'
        path.write_text(''.join(one + '\n' for one in lines))
        return ssh_trust.KnownHosts((str(path),), learn=learn)
    return make


@pytest.mark.parametrize(('names', 'host', 'port', 'known'), [
    ('server.example', 'server.example', 22, True),
    ('server.example', 'SERVER.example', 22, True),
    ('Server.Example', 'server.example', 22, True),
    ('server.example', 'server.example', 2222, False),
    ('[server.example]:2222', 'server.example', 2222, True),
    ('[server.example]:2222', 'server.example', 22, False),
    ('a,server.example,b', 'server.example', 22, True),
    ('*.example', 'server.example', 22, True),
    ('*.example,!server.example', 'server.example', 22, False),
    ('!server.example,*.example', 'server.example', 22, False),
    ('serve?.example', 'server.example', 22, True),
    ('[serv]er.example', 'server.example', 22, False),
    ('server.examples', 'server.example', 22, False),
    ('Xserver.example', 'server.example', 22, False),
    ('192.0.2.1', '192.0.2.1', 22, True),
    ('192.0.2.1', '192.0.2.10', 22, False),
    ('2001:db8::1', '2001:db8::1', 22, True),
    ('[2001:db8::1]:2222', '2001:db8::1', 2222, True)])
def test_names(trust, names, host, port, known):
    made = trust(line(names))

    assert made.types(host, port) == ([ED] if known else [])
    if known:
        made.verify(host, port, ED, KEY)
    else:
        with pytest.raises(exception.NotTrusted,
                           match=r'\) is not known\. Check'):
            made.verify(host, port, ED, KEY)


def hashed(name, salt=b'0123456789abcdefghij'):
    digest = ssh_trust.hmac.new(salt, name.encode(), 'sha1').digest()
    return '|1|%s|%s' % (base64.b64encode(salt).decode(),
                         base64.b64encode(digest).decode())


def test_hashed_names(trust):
    made = trust(line(hashed('server.example')),
                 line(hashed('[server.example]:2222'), OTHER))

    made.verify('server.example', 22, ED, KEY)
    made.verify('server.example', 2222, ED, OTHER)
    with pytest.raises(exception.NotTrusted):
        made.verify('server.example', 22, ED, OTHER)


@pytest.mark.parametrize('learn', [False, True])
@pytest.mark.parametrize(('kind', 'key'), [(ED, OTHER), ('ssh-rsa', KEY)])
def test_another_key_than_the_known_one(trust, learn, kind, key):
    made = trust('# comment', line('server.example'), learn=learn)

    with pytest.raises(exception.NotTrusted, match='not the one') as caught:
        made.verify('server.example', 22, kind, key)

    assert 'line 2 of ' + made.files[0] in caught.value.check


def test_a_fingerprint_is_that_of_ssh_keygen(tmp_path):
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
                    tmp_path / 'key'], check=True)
    shown = subprocess.run(
        ['ssh-keygen', '-l', '-f', tmp_path / 'key.pub'], check=True,
        capture_output=True, text=True).stdout.split()[1]
    _, text, *_ = (tmp_path / 'key.pub').read_text().split()
    assert ssh_trust.fingerprint(base64.b64decode(text)) == shown


@pytest.mark.parametrize('odd', [
    'server.example ssh-ed25519', 'server.example', '', '@revoked',
    '#x,server.example ssh-ed25519 AAAA', 'server.example ssh-ed25519 AA!AA',
    'server.example ssh-ed25519 AAA', '|1|x ssh-ed25519 AAAA',
    '|1|x|y ssh-ed25519 AAAA', '|1|AAAA|AAA ssh-ed25519 AAAA'])
def test_odd_lines_are_left_out(trust, odd):
    made = trust(odd, line('server.example'))

    assert made.types('server.example', 22) == [ED]
    made.verify('server.example', 22, ED, KEY)


def test_keys_that_are_given():
    def text(kind, key):
        return f'{kind} {base64.b64encode(key).decode()} a comment'

    made = ssh_trust.Pinned((text(ED, KEY), text('ssh-rsa', OTHER)))
    assert made.types('any', 2222) == [ED, 'ssh-rsa']
    made.verify('any', 2222, ED, KEY)
    made.verify('any', 22, 'ssh-rsa', OTHER)
    for kind, key in (ED, OTHER), ('ssh-rsa', KEY):
        with pytest.raises(exception.NotTrusted,
                           match='any port 2222') as caught:
            made.verify('any', 2222, kind, key)
        assert 'line 2 of host_key (ssh-rsa SHA256:' in caught.value.check
    with pytest.raises(exception.NotTrusted, match='is not known'):
        ssh_trust.Pinned(()).verify('any', 22, ED, KEY)


def test_another_key_may_be_revoked(trust):
    made = trust(line('server.example'),
                 line('*', OTHER, marker='@revoked'))
    made.verify('server.example', 22, ED, KEY)


def test_one_of_several_keys(trust):
    made = trust(line('server.example', OTHER), line('server.example'))

    made.verify('server.example', 22, ED, KEY)


def test_a_revoked_key_counts_for_nothing_else(trust):
    made = trust(line('server.example'),
                 line('*', marker='@revoked'), learn=True)

    with pytest.raises(exception.NotTrusted, match='revoked') as caught:
        made.verify('server.example', 22, ED, KEY)

    assert 'line 2' in caught.value.check
    assert str(caught.value).startswith(
        'Host key of server.example port 22 (ssh-ed25519 SHA256:')


def test_authorities_of_hosts_are_not_understood(trust):
    made = trust(line('server.example', marker='@cert-authority'))

    assert made.types('server.example', 22) == []
    with pytest.raises(exception.NotTrusted, match='is not known'):
        made.verify('server.example', 22, ED, KEY)


def test_what_is_learned_is_known_afterwards(tmp_path):
    path = tmp_path / 'folder' / 'known_hosts'
    made = ssh_trust.KnownHosts((str(path),), learn=True)
    made.verify('2001:db8::1', 2222, ED, KEY)
    made.verify('server.example', 22, ED, OTHER)

    strict = ssh_trust.KnownHosts((str(path),))
    strict.verify('2001:db8::1', 2222, ED, KEY)
    strict.verify('server.example', 22, ED, OTHER)
    assert path.read_text().count('\n') == 2
    with pytest.raises(exception.NotTrusted, match='not the one'):
        made.verify('server.example', 22, ED, KEY)


def test_a_file_that_is_made_is_nobody_else_s(tmp_path, monkeypatch):
    before = os.umask(0)
    try:
        made = ssh_trust.KnownHosts((str(tmp_path / 'a' / 'known'),),
                                    learn=True)
        made.verify('server.example', 22, ED, KEY)
    finally:
        os.umask(before)
    assert (tmp_path / 'a').stat().st_mode & 0o777 == 0o700
    assert (tmp_path / 'a' / 'known').stat().st_mode & 0o777 == 0o600
    monkeypatch.chdir(tmp_path)
    ssh_trust.KnownHosts(('known',), learn=True).verify(
        'server.example', 22, ED, KEY)
    assert sorted(os.listdir()) == ['a', 'known']


def test_each_file_is_looked_at_whatever_is_in_it(tmp_path):
    (tmp_path / 'odd').write_bytes(
        b'\xff\xfe\x80 line\n' + line('odd.example').encode() + b'\n')
    (tmp_path / 'last').write_text(line('server.example') + '\n')
    made = ssh_trust.KnownHosts(tuple(
        str(tmp_path / name) for name in ('none', 'odd', 'last')))
    made.verify('odd.example', 22, ED, KEY)
    made.verify('server.example', 22, ED, KEY)


def test_somebody_else_learned_the_same_key_meanwhile(trust, monkeypatch):
    made = trust(learn=True)
    real = ssh_trust._lock

    def late(fd, path):
        real(fd, path)
        with open(path, 'a') as file:
            file.write(line('server.example') + '\n')

    monkeypatch.setattr(ssh_trust, '_lock', late)
    made.verify('server.example', 22, ED, KEY)
    assert made.types('server.example', 22) == [ED]


def test_what_cannot_be_remembered_is_not_trusted(tmp_path, monkeypatch):
    made = ssh_trust.KnownHosts((str(tmp_path / 'known'),), learn=True,
                                option='the_file')

    def full(fd):
        raise OSError('No space left')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(exception.ConfigurationError) as caught:
        made.verify('server.example', 22, ED, KEY)
    assert caught.value.option == 'the_file'
    assert caught.value.check == str(tmp_path / 'known')


def test_what_somebody_else_adds_meanwhile_stays(trust, monkeypatch):
    made = trust(learn=True)
    real = ssh_trust._lock

    def late(fd, path):
        real(fd, path)
        with open(path, 'a') as file:
            file.write(line('other.example', OTHER) + '\n')

    monkeypatch.setattr(ssh_trust, '_lock', late)
    made.verify('server.example', 22, ED, KEY)
    made.verify('other.example', 22, ED, OTHER)
    made.verify('server.example', 22, ED, KEY)


def test_somebody_else_learned_another_key_meanwhile(trust, monkeypatch):
    """Between the look and the lock: what is in the file by then counts."""
    made = trust(learn=True)
    real = ssh_trust._lock

    def late(fd, path):
        real(fd, path)
        with open(path, 'a') as file:
            file.write(line('server.example', OTHER) + '\n')

    monkeypatch.setattr(ssh_trust, '_lock', late)

    with pytest.raises(exception.NotTrusted, match='not the one'):
        made.verify('server.example', 22, ED, KEY)


def test_who_learns_waits_for_others_who_do(trust):
    made = trust(learn=True)
    with open(made.files[0], 'a') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        learning = threading.Thread(
            target=made.verify, args=('server.example', 22, ED, KEY))
        learning.start()
        learning.join(0.2)
        assert os.stat(made.files[0]).st_size == 0
        assert learning.is_alive()

    learning.join(10)
    made.verify('server.example', 22, ED, KEY)
    assert os.stat(made.files[0]).st_size > 0


def test_nobody_waits_for_ever_to_learn(trust, monkeypatch):
    monkeypatch.setattr(ssh_trust, '_LOCK_TIMEOUT', 0.05)
    made = trust(learn=True)
    with open(made.files[0], 'a') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(exception.Busy, match='Another process holds'):
            made.verify('server.example', 22, ED, KEY)


def test_no_file_is_no_known_host(tmp_path):
    made = ssh_trust.KnownHosts((str(tmp_path / 'none'),))

    with pytest.raises(exception.NotTrusted, match='is not known'):
        made.verify('server.example', 22, ED, KEY)


def test_a_file_that_cannot_be_read(tmp_path):
    made = ssh_trust.KnownHosts((str(tmp_path),), option='the_file')

    with pytest.raises(exception.ConfigurationError) as caught:
        made.types('server.example', 22)

    assert caught.value.option == 'the_file'


def test_without_files_those_of_ssh_count(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))

    assert ssh_trust.KnownHosts().paths() == [
        str(tmp_path / '.ssh' / 'known_hosts'), '/etc/ssh/ssh_known_hosts']


@given(st.lists(st.text(max_size=60), max_size=8))
def test_no_line_is_too_odd(lines):
    for entry in ssh_trust.parse(lines):
        entry.matches('server.example')


@given(st.text(st.characters(codec='ascii', categories=['Ll', 'Nd']),
               min_size=1, max_size=20),
       st.integers(1, 65535), st.binary(min_size=1, max_size=80),
       st.sampled_from(['', '\n', 'half a line', 'x y\n']))
def test_what_is_appended_is_read_again(tmp_path_factory, host, port, blob,
                                        before):
    path = tmp_path_factory.mktemp('known') / 'known_hosts'
    path.write_text(before)
    made = ssh_trust.KnownHosts((str(path),), learn=True)

    made.verify(host, port, ED, blob)

    text = path.read_text()
    assert text.startswith(before)
    assert text.endswith('\n')
    ssh_trust.KnownHosts((str(path),)).verify(host, port, ED, blob)
    os.unlink(path)
