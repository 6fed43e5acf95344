# SPDX-License-Identifier: Apache-2.0

"""A real smbd in a box, and clients with addresses of their own."""

from collections.abc import Sequence
import contextlib
import itertools
import os
import select
import subprocess
import time

from tests import patience
from tests.functional.lab import box

_COUNT = itertools.count(1)
_SECONDS = f'{patience.seconds(60):g}'
FILE = '/etc/samba/smb.conf'
PASSWORD = 'of-a-test'  # noqa: S105

_CONFIG = """\
[global]
    server role = standalone server
    map to guest = Bad User
    log level = 1
    load printers = no
    disable spoolss = yes
    include = registry
"""
# What smbclient says where somebody does not get in.
_REFUSALS = ('tree connect failed', 'NT_STATUS_ACCESS_DENIED',
             'NT_STATUS_LOGON_FAILURE', 'NT_STATUS_BAD_NETWORK_NAME')
_READS = ('NT_STATUS_ACCESS_DENIED', 'NT_STATUS_MEDIA_WRITE_PROTECTED')


class Smbd:
    """The daemon; its files are the box's own."""

    def __init__(self, inside: box.Box, users: Sequence[str]) -> None:
        self.box = inside
        inside.private('/run', '/etc/samba', '/var/lib/samba',
                       '/var/cache/samba', '/var/log/samba', '/srv')
        inside.shell('mkdir -p /run/samba /var/lib/samba/private;'
                     ' cp /etc/passwd /run/passwd')
        inside.write(FILE, _CONFIG)
        for number, user in enumerate(users):
            inside.shell('echo "$1:x:$2:65534::/:/bin/false" >>/run/passwd',
                         user, str(3000 + number))
        inside.shell('mount --bind /run/passwd /etc/passwd')
        for user in users:
            inside.run('smbpasswd', '-s', '-a', user,
                       stdin=f'{PASSWORD}\n{PASSWORD}\n')

    def start(self, seconds: float = 60) -> None:
        self.box.run('smbd', '-D')
        end = time.monotonic() + patience.seconds(seconds)
        while self.box.run('smbcontrol', 'smbd', 'ping',
                           check=False).returncode:
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def stop(self) -> None:
        self.box.shell('kill $(pidof smbd); while pidof smbd >/dev/null;'
                       ' do sleep 0.1; done')

    def share(self, path: str) -> None:
        self.box.run('mkdir', '-p', '--', path)
        self.box.run('chmod', '777', '--', path)

    def log(self) -> str:
        return self.box.run('tail', '-n', '40', '/var/log/samba/log.smbd',
                            check=False).stdout


class SmbUser:
    """Somebody at an address.

    :param user: None is a guest.
    """

    def __init__(self, inside: box.Box, server: str,
                 user: str | None = None) -> None:
        self._box = inside
        self._server = server
        self._login = ['-U', f'{user}%{PASSWORD}'] if user else ['-N']

    def _words(self, section: str) -> list[str]:
        return ['smbclient', f'//server/{section}', '-I', self._server,
                '-s', '/dev/null', *self._login]

    def gets(self, section: str) -> str | None:
        """rw, ro or None: by listing, and by writing a new file."""
        name = f'file-{next(_COUNT)}'
        done = self._box.run(
            'timeout', _SECONDS, *self._words(section), '-c',
            f'ls; put /etc/hostname {name}', check=False)
        said = done.stdout + done.stderr
        if 'blocks available' not in said:
            assert any(each in said for each in _REFUSALS), said
            return None
        if f'putting file /etc/hostname as \\{name}' in said:
            return 'rw'
        assert any(each in said for each in _READS), said
        return 'ro'

    def connected(self, section: str) -> 'SmbConnection':
        return SmbConnection(self._box, self._words(section))


class SmbConnection:
    """A client that stays."""

    def __init__(self, inside: box.Box, words: Sequence[str]) -> None:
        self._process = inside.popen(
            ['stdbuf', '-o0', *words], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.works()

    def works(self) -> bool:
        """Return whether it can still write a file."""
        stream, output = self._process.stdin, self._process.stdout
        assert stream is not None
        assert output is not None
        # One line at a time: of more it reads the first alone.
        with contextlib.suppress(BrokenPipeError):
            stream.write(f'put /etc/hostname file-{next(_COUNT)}\n')
            stream.flush()
        said, end = '', time.monotonic() + float(_SECONDS)
        while 'putting file ' not in said and 'NT_STATUS_' not in said:
            assert time.monotonic() < end, said
            ready, _, _ = select.select([output], [], [], 1.0)
            if ready:
                piece = os.read(output.fileno(), 65536)
                if not piece:
                    return False
                said += piece.decode()
        return 'NT_STATUS_' not in said

    def close(self) -> None:
        box.end(self._process)
