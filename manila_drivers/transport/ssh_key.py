# SPDX-License-Identifier: Apache-2.0
"""Reading private keys, in every form that OpenSSH reads.

paramiko alone knows those of ssh-keygen and the older ones of openssl by
their first line, and tells of one failure for each type that it has tried.
"""

import base64
import binascii
import io
import os
import re

from cryptography import exceptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
import paramiko

from manila_drivers import exception
from manila_drivers.transport.ssh_target import Login

# Other blocks may be in the file, such as parameters of a curve.
_BLOCK = re.compile(
    rb'-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----.*?-----END \1-----',
    re.DOTALL)

_LONGEST = 1024 * 1024

_PUBLIC = (b'ssh-', b'ecdsa-sha2-', b'sk-', b'-----BEGIN PUBLIC',
           b'-----BEGIN SSH2 PUBLIC')


def load(login: Login) -> paramiko.PKey:
    """Read the private key of a login.

    :raises ConfigurationError: naming the option of the file, and why.
    """
    path = os.path.expanduser(login.key_file)
    try:
        with open(path, 'rb') as file:
            data = file.read(_LONGEST)
    except OSError as exc:
        raise exception.ConfigurationError(
            login.key_option, 'the private key cannot be read.',
            answer=exc.strerror or str(exc), check=path) from exc
    found = _BLOCK.search(data)
    if found is None:
        raise _refused(login, path, _what(data))
    try:
        return _converted(_parsed(found[0], found[1], login, path), login,
                          path)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm,
            paramiko.SSHException) as exc:
        # What these say may be of the key: their class has to do.
        raise _refused(login, path, 'the private key is damaged, or of a '
                       'kind that is not known (%s, %s)' % (
                           found[1].decode(), type(exc).__name__)) from None


def _refused(login: Login, path: str,
             why: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(login.key_option, why + '.',
                                        check=path)


def _what(data: bytes) -> str:
    """Return what a file is that has no private key in it."""
    start = data.lstrip()
    if not start:
        return 'the file is empty'
    if start.startswith(_PUBLIC):
        return ('the file has a public key; the private one is needed, '
                'whose file is mostly called the same without .pub')
    if start.startswith(b'PuTTY-User-Key-File'):
        return ('the private key is in the form of PuTTY; puttygen -O '
                'private-openssh makes one that OpenSSH reads, too')
    return 'the file has no private key in it'


def _parsed(block: bytes, kind: bytes, login: Login, path: str) -> object:
    phrase = login.passphrase.reveal().encode() if login.passphrase else None
    openssh = kind.startswith(b'OPENSSH')
    load = serialization.load_ssh_private_key if openssh \
        else serialization.load_pem_private_key
    encrypted = _is_encrypted(block, kind)
    if encrypted and phrase is None:
        raise _refused(login, path, 'the private key is encrypted, and no '
                       'passphrase is given')
    try:
        return load(block + b'\n', phrase if encrypted else None)
    except ValueError as exc:
        if not encrypted:
            raise
        raise _refused(login, path, 'the passphrase does not fit the private '
                       'key, or the key is damaged') from exc


def _is_encrypted(block: bytes, kind: bytes) -> bool:
    if kind.startswith(b'OPENSSH'):
        text = b''.join(block.splitlines()[1:-1])
        head = _decoded(text[:200])
        # The name of the cipher follows the magic and its length.
        return head.startswith(b'openssh-key-v1\0') \
            and head[15:23] != b'\0\0\0\4none'
    return kind.startswith(b'ENCRYPTED') or b'Proc-Type: 4,ENCRYPTED' in block


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text[:len(text) // 4 * 4])
    except binascii.Error:
        return b''


def _converted(key: object, login: Login, path: str) -> paramiko.PKey:
    """A key of paramiko's."""
    kinds: tuple[tuple[type, type[paramiko.PKey],
                       serialization.PrivateFormat], ...] = (
        (rsa.RSAPrivateKey, paramiko.RSAKey,
         serialization.PrivateFormat.TraditionalOpenSSL),
        (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey,
         serialization.PrivateFormat.TraditionalOpenSSL),
        (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key,
         serialization.PrivateFormat.OpenSSH))
    for known, made, form in kinds:
        if isinstance(key, known):
            text = key.private_bytes(  # type: ignore[attr-defined]
                serialization.Encoding.PEM, form,
                serialization.NoEncryption()).decode()
            return made.from_private_key(io.StringIO(text))
    raise _refused(login, path, 'the private key is of a kind that SSH '
                   'servers do not accept any more (%s); RSA, ECDSA and '
                   'Ed25519 are' % type(key).__name__)
