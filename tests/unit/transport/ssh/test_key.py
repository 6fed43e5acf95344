# SPDX-License-Identifier: Apache-2.0

"""Private keys in every form, and what is said of those that do not do."""

import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_key
from manila_drivers.transport import ssh_trust

PRIVATE = serialization.PrivateFormat
KEYS = {
    'rsa': lambda: rsa.generate_private_key(65537, 2048),
    'ecdsa-256': lambda: ec.generate_private_key(ec.SECP256R1()),
    'ecdsa-521': lambda: ec.generate_private_key(ec.SECP521R1()),
    'ed25519': ed25519.Ed25519PrivateKey.generate}
FORMS = {'PKCS#8': PRIVATE.PKCS8, 'openssl': PRIVATE.TraditionalOpenSSL,
         'OpenSSH': PRIVATE.OpenSSH}


def written(path, key, form, phrase=''):
    method = serialization.BestAvailableEncryption(phrase.encode()) \
        if phrase else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form,
                                       method))
    return str(path)


def load(path, phrase=''):
    return ssh_key.load(ssh.Login(
        'manila', key_file=str(path), key_option='the_option',
        passphrase=command.Secret(phrase) if phrase else None))


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.OpenSSH,
        serialization.PublicFormat.OpenSSH).decode()


@pytest.mark.turns
@pytest.mark.parametrize('phrase', ['', 'a passphrase'])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('kind', KEYS)
def test_every_form_is_read(tmp_path, kind, form, phrase):
    if (kind, form) == ('ed25519', 'openssl'):
        pytest.skip('there is no such form')
    key = KEYS[kind]()
    path = written(tmp_path / 'key', key, FORMS[form], phrase)
    found = load(path, phrase)
    assert f'{found.get_name()} {found.get_base64()}' == public(key)
    if phrase:
        with pytest.raises(exception.ConfigurationError,
                           match=r'the_option.*encrypted.*no passph') as no:
            load(path)
        assert no.value.check == path
        with pytest.raises(exception.ConfigurationError,
                           match='passphrase does not fit') as no:
            load(path, 'another one')
        assert 'another one' not in str(no.value)
        assert no.value.check == path
    else:
        assert load(path, 'not needed') == found


def test_blocks_before_the_key(tmp_path):
    """openssl ecparam -genkey writes the parameters as well."""
    path = tmp_path / 'key'
    subprocess.run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey',
                    '-out', path], check=True, capture_output=True)
    assert '-----BEGIN EC PARAMETERS' in path.read_text()
    assert load(path).get_name() == 'ecdsa-sha2-nistp256'


def test_lines_of_windows(tmp_path):
    path = tmp_path / 'key'
    written(path, KEYS['rsa'](), PRIVATE.PKCS8)
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    assert load(path).get_name() == 'ssh-rsa'


@pytest.mark.parametrize(('content', 'why'), [
    (b'', 'empty'), (b'\n ', 'empty'),
    (b'ssh-ed25519 AAAA manila', 'public key'),
    (b'\n ssh-ed25519 AAAA manila', 'public key'),
    (b'PuTTY-User-Key-File-3: ssh-ed25519', 'puttygen'),
    (b'something', 'no private key in it'),
    (b'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
     'damaged'),
    ((b'-----BEGIN OPENSSH PRIVATE KEY-----\nAAA!\n'
     b'-----END OPENSSH PRIVATE KEY-----\n'), 'damaged'),
    ((b'-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n'
     b'-----END OPENSSH PRIVATE KEY-----\n'), 'damaged')])
def test_what_is_no_key(tmp_path, content, why):
    (tmp_path / 'key').write_bytes(content)
    with pytest.raises(exception.ConfigurationError,
                       match=f'the_option.*{why}') as caught:
        load(tmp_path / 'key')
    assert caught.value.check == str(tmp_path / 'key')


def test_kinds_that_nobody_takes_any_more(tmp_path):
    path = written(tmp_path / 'key', dsa.generate_private_key(2048),
                   PRIVATE.PKCS8)
    with pytest.raises(exception.ConfigurationError,
                       match='RSA, ECDSA and') as caught:
        load(path)
    assert caught.value.check == path


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(exception.ConfigurationError, match='directory'):
        load(tmp_path)
    with pytest.raises(exception.ConfigurationError, match='No such file'):
        load(tmp_path / 'none')


def test_a_file_without_an_end():
    with pytest.raises(exception.ConfigurationError, match='no private key'):
        load('/dev/zero')


def test_a_login_with_a_key_in_pkcs8(tmp_path, hosts, serve):
    made = serve()
    made.methods = ['publickey']
    path = written(tmp_path / 'key', KEYS['ecdsa-256'](), PRIVATE.PKCS8)
    login = ssh.Login('nobody', key_file=path)
    done = hosts.host(made.target(login=login)).run(command.Command.of('true'))
    assert done.stdout == 'true\n'
    assert made.logins == 1


@pytest.mark.parametrize('files', [('none',), ('none', 'there')])
def test_a_file_of_host_keys_that_is_missing(tmp_path, files):
    (tmp_path / 'there').write_text('')
    trust = ssh.KnownHosts(tuple(str(tmp_path / name) for name in files))
    with pytest.raises(exception.NotTrusted,
                       match=f'there is no file {tmp_path}/none'):
        trust.verify('h', 22, 'ssh-ed25519', b'key')
    trust = ssh.KnownHosts((str(tmp_path / 'there'),))
    with pytest.raises(exception.NotTrusted) as no:
        trust.verify('h', 22, 'ssh-ed25519', b'key')
    assert 'no file' not in str(no.value)


@pytest.mark.parametrize('there', [(), ('system',), ('own', 'system')])
def test_files_of_host_keys_where_ssh_looks(tmp_path, monkeypatch, there):
    """Nobody has named them, so that one of them is enough."""
    files = tuple(str(tmp_path / name) for name in ('own', 'system'))
    monkeypatch.setattr(ssh_trust, 'DEFAULT_FILES', files)
    for name in there:
        (tmp_path / name).write_text('')
    with pytest.raises(exception.NotTrusted) as no:
        ssh.KnownHosts().verify('h', 22, 'ssh-ed25519', b'key')
    told = '' if there else f': there is no file {", ".join(files)}'
    assert f') is not known{told}.' in str(no.value)
