# SPDX-License-Identifier: Apache-2.0

"""A client of NFSv4 that holds files open; runs on the host that it is.

    nfs_client SERVER PATH write NAME TEXT
    nfs_client SERVER PATH read NAME
    nfs_client SERVER PATH size
    nfs_client SERVER PATH keep NAME SECONDS

``size`` prints the bytes of the file system.  ``keep`` writes a numbered line
every tenth of a second through one open handle, reads all of them back, and
prints as JSON how many there were, and how many seconds the slowest took.  It
ends earlier when its input does.
"""

import ctypes
import json
import os
import select
import sys
import time

_LIBRARY = 'libnfs.so.13'
#: What one call of this library takes over NFSv4 without failing.
_MOST = 2000
_LINE = 16


class NfsError(Exception):
    """The text is the library's."""


class Mount:
    """A directory of a server."""

    def __init__(self, server: str, path: str) -> None:
        self._nfs = ctypes.CDLL(_LIBRARY)
        self._nfs.nfs_init_context.restype = ctypes.c_void_p
        self._nfs.nfs_get_error.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._nfs.nfs_init_context())
        self._nfs.nfs_set_version(self._context, 4)
        # Milliseconds.
        self._nfs.nfs_set_timeout(self._context, 60_000)
        self._done('nfs_mount', server.encode(), path.encode())

    def _done(self, name: str, *arguments: object) -> int:
        result = int(getattr(self._nfs, name)(self._context, *arguments))
        if result < 0:
            error = self._nfs.nfs_get_error(self._context) or b''
            raise NfsError(f'{name}: {result} {error.decode()}')
        return result

    def open(self, name: str, new: bool = False) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        path = f'/{name}'.encode()
        if new:
            # A handle that creates a file cannot write it.
            self._done('nfs_creat', path, 0o644, ctypes.byref(handle))
            self._done('nfs_close', handle)
        self._done('nfs_open', path, os.O_RDWR if new else os.O_RDONLY,
                   ctypes.byref(handle))
        return handle

    def write(self, handle: ctypes.c_void_p, offset: int, data: bytes
              ) -> None:
        for begin in range(0, len(data), _MOST):
            piece = data[begin:begin + _MOST]
            written = self._done(
                'nfs_pwrite', handle, ctypes.c_uint64(offset + begin),
                ctypes.c_uint64(len(piece)), piece)
            if written != len(piece):
                raise NfsError(f'{written} of {len(piece)} bytes written')

    def read(self, handle: ctypes.c_void_p) -> bytes:
        found, buffer = b'', ctypes.create_string_buffer(_MOST)
        while True:
            count = self._done(
                'nfs_pread', handle, ctypes.c_uint64(len(found)),
                ctypes.c_uint64(_MOST), buffer)
            if not count:
                return found
            found += buffer.raw[:count]

    def size(self) -> int:
        # struct statvfs: block size, fragment size, and blocks come first.
        values = (ctypes.c_ulong * 32)()
        self._done('nfs_statvfs', b'/', ctypes.byref(values))
        return int(values[1] or values[0]) * int(values[2])

    def close(self, handle: ctypes.c_void_p) -> None:
        self._done('nfs_close', handle)


def write(mount: Mount, name: str, text: str) -> None:
    handle = mount.open(name, new=True)
    mount.write(handle, 0, text.encode())
    mount.close(handle)


def read(mount: Mount, name: str) -> str:
    handle = mount.open(name)
    text = mount.read(handle).decode()
    # A server remembers for a day what clients had open that went away.
    mount.close(handle)
    return text


def keep(mount: Mount, name: str, seconds: float) -> dict[str, float]:
    handle = mount.open(name, new=True)
    end, count, slowest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < end:
        begin = time.monotonic()
        mount.write(handle, count * _LINE, _line(count))
        slowest = max(slowest, time.monotonic() - begin)
        count += 1
        # Told to end.
        if select.select([sys.stdin], [], [], 0.1)[0]:
            break
    mount.close(handle)
    handle = mount.open(name)
    text = mount.read(handle)
    mount.close(handle)
    wrong = [number for number in range(count) if text[
        number * _LINE:(number + 1) * _LINE] != _line(number)]
    return {'lines': count, 'slowest': round(slowest, 2),
            'wrong': len(wrong), 'bytes': len(text)}


def _line(number: int) -> bytes:
    return f'{number:015d}\n'.encode()


def main(server: str, path: str, what: str, *words: str) -> None:
    mount = Mount(server, path)
    if what == 'write':
        write(mount, *words)
    elif what == 'read':
        sys.stdout.write(read(mount, *words))
    elif what == 'size':
        sys.stdout.write(f'{mount.size()}\n')
    else:
        name, seconds = words
        sys.stdout.write(json.dumps(keep(mount, name, float(seconds))) + '\n')


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except NfsError as error:
        sys.exit(str(error))
