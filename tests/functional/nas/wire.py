# SPDX-License-Identifier: Apache-2.0

"""A little of NFS 4.0 over TCP: what is needed to see who may do what.

It speaks from any address that the kernel lets it have, which no other
client without a kernel's does, and can hold on to a file handle.
"""

from collections.abc import Sequence
import contextlib
import os
import random
import socket
import struct

from tests import patience

_PROGRAM, _VERSION, _COMPOUND = 100003, 4, 1
_PORT = 2049
#: Says that calls have to come from ports that only root may have.
RESERVED = 'MANILA_DRIVERS_NFS_RESERVED_PORTS'
_SECONDS = patience.seconds(20.0)
# Somebody whom no server squashes, and who owns nothing.
_UID = 4711

OK, NOENT, IO, ACCES, ROFS, STALE = 0, 2, 5, 13, 30, 70
DELAY, GRACE, WRONGSEC, NOFILEHANDLE = 10008, 10013, 10016, 10020
PERM, FHEXPIRED, BADHANDLE = 1, 10014, 10001
#: What a server says to whom an export is not there for.
CLOSED = frozenset({PERM, NOENT, ACCES, WRONGSEC})


class Denied(Exception):
    """The server takes no call at all from this address."""


def _opaque(data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + data + b'\0' * (-len(data) % 4)


def putrootfh() -> bytes:
    return struct.pack('>I', 24)


def putfh(handle: bytes) -> bytes:
    return struct.pack('>I', 22) + _opaque(handle)


def getfh() -> bytes:
    return struct.pack('>I', 10)


def getattr_() -> bytes:
    """The type alone."""
    return struct.pack('>III', 9, 1, 2)


def lookup(name: bytes) -> bytes:
    return struct.pack('>I', 15) + _opaque(name)


def mkdir(name: bytes) -> bytes:
    """A directory: the one thing that is written without an open file."""
    mode = struct.pack('>III', 2, 0, 2) + _opaque(struct.pack('>I', 0o755))
    return struct.pack('>II', 6, 2) + _opaque(name) + mode


def remove(name: bytes) -> bytes:
    return struct.pack('>I', 28) + _opaque(name)


def path(text: str) -> list[bytes]:
    """From the root to there."""
    return [putrootfh(), *(lookup(part) for part in
                           text.encode().split(b'/') if part)]


class Connection:
    """To a server, from one address."""

    def __init__(self, server: str, source: str) -> None:
        family = socket.AF_INET6 if ':' in server else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        # Servers remember what they answered to a number from an address and
        # port, which may come again on a later connection.
        self._xid = random.getrandbits(32)
        try:
            self._socket.settimeout(_SECONDS)
            self._bind(source)
            self._socket.connect((server, _PORT))
        except BaseException:
            self._socket.close()
            raise

    def _bind(self, source: str) -> None:
        """Come from a port of root's, as kernels do, where exports want that.

        There are few of them, and they stay in use for a while.
        """
        ports = random.sample(range(600, 1024), 50)
        for port in ports if os.environ.get(RESERVED) else ():
            with contextlib.suppress(OSError):
                self._socket.bind((source, port))
                return
        # They are taken, or we are not root.
        self._socket.bind((source, 0))

    def close(self) -> None:
        self._socket.close()

    def compound(self, operations: Sequence[bytes]) -> 'Answer':
        """Carry out operations until one fails.

        :raises Denied: none was carried out, because of who we are.
        :raises OSError: the server is not there.
        """
        self._xid = (self._xid + 1) % 2**32
        name = b'client'
        credentials = (struct.pack('>I', 0) + _opaque(name)
                       + struct.pack('>III', _UID, _UID, 0))
        call = (struct.pack('>IIIIII', self._xid, 0, 2, _PROGRAM, _VERSION,
                            _COMPOUND)
                + struct.pack('>I', 1) + _opaque(credentials)
                + struct.pack('>II', 0, 0)
                + _opaque(b'') + struct.pack('>II', 0, len(operations))
                + b''.join(operations))
        self._socket.sendall(struct.pack('>I', 1 << 31 | len(call)) + call)
        return _read(self._xid, self._record())

    def _record(self) -> bytes:
        found = b''
        while True:
            mark, = struct.unpack('>I', self._exactly(4))
            found += self._exactly(mark & ~(1 << 31))
            if mark >> 31:
                return found

    def _exactly(self, size: int) -> bytes:
        found = b''
        while len(found) < size:
            some = self._socket.recv(size - len(found))
            if not some:
                raise ConnectionResetError('the server hung up')
            found += some
        return found


class Answer:
    """Of a compound.

    :param status: of the last operation that was tried.
    :param tried: how many were.
    :param handle: the last that was told.
    """

    def __init__(self, status: int, tried: int, handle: bytes) -> None:
        self.status = status
        self.tried = tried
        self.handle = handle


def _read(xid: int, data: bytes) -> Answer:
    head = struct.unpack_from('>III', data)
    if head[:2] != (xid, 1):
        raise ValueError(f'no answer to {xid}: {head}')
    if head[2]:
        raise Denied('rejected: %d %d' % struct.unpack_from('>II', data, 12))
    size, = struct.unpack_from('>I', data, 16)
    at = 20 + size + -size % 4
    accepted, = struct.unpack_from('>I', data, at)
    if accepted:
        raise Denied(f'not accepted: {accepted}')
    status, size = struct.unpack_from('>II', data, at + 4)
    at += 12 + size + -size % 4
    tried, = struct.unpack_from('>I', data, at)
    return Answer(status, tried, _handle(data, at + 4))


def _handle(data: bytes, at: int) -> bytes:
    """The handle that is told, looked for where it can be."""
    while at + 8 <= len(data):
        operation, status = struct.unpack_from('>II', data, at)
        if operation == 10 and not status:
            size, = struct.unpack_from('>I', data, at + 8)
            return data[at + 12:at + 12 + size]
        if operation not in (15, 22, 24) or status:
            break
        at += 8
    return b''
