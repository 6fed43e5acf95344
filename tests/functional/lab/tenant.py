# SPDX-License-Identifier: Apache-2.0

"""Somebody with a certificate who mounts Gluster volumes.

The mount point is in a file system that is read-only: when a refused client
unmounts itself, what is written there next fails, instead of landing in the
directory below and being taken for a success.
"""

import json
import subprocess
import sys
import typing as ty

from tests.functional.lab import box
from tests.functional.lab import holder
from tests.functional.lab import tls

POINT = '/mnt/volume'
#: Seconds that a file system may keep who reads or writes it.
_SECONDS = 120.0
_LOG = '/var/log/glusterfs/tenant.log'

#: Type, and the inode number that only the root of a volume has.
_PROOF = ('grep -q " $1 fuse.glusterfs " /proc/self/mounts &&'
          ' [ "$(stat -c %i "$1")" = 1 ]')


class Refused(Exception):
    """The volume was not mounted; the text has the client's log."""


class Tenant:
    """A client of its own: files, processes, certificate.

    :param room: where the servers can be reached
    """

    def __init__(self, room: box.Box, name: str, identities: tls.Identities,
                 authority: str = '') -> None:
        self.name = name
        self.box = box.Box(f'{name}{authority}', room, box.OWN_FILES)
        self.box.private('/mnt', '/var/log/glusterfs')
        self.box.shell('mkdir "$1"; mount -o remount,ro /mnt', POINT)
        identities.wear(self.box, name, authority)

    def mount(self, volume: str, seconds: float = 30) -> None:
        """Mount ``host:/volume``.

        :raises Refused: it is not there, whatever mount itself said
        """
        self.box.run('mount', '-t', 'glusterfs', '-o', f'log-file={_LOG}',
                     volume, POINT, check=False, seconds=seconds)
        if not self.mounted():
            raise Refused(f'{self.name}, {volume}: {self.log()}')

    def mounted(self) -> bool:
        """Check that the volume is at the mount point, and answers."""
        return not self.box.shell(_PROOF, POINT, check=False).returncode

    def may_mount(self, volume: str) -> bool:
        """Try it, and leave no mount behind."""
        try:
            self.mount(volume)
        except Refused:
            return False
        self.unmount()
        return True

    def unmount(self) -> None:
        self.box.run('umount', '-l', POINT)

    def write(self, name: str, text: str) -> None:
        """Make a file on the volume."""
        self._proven()
        self.box.shell('cat > "$1"; sync "$1"', f'{POINT}/{name}', stdin=text)
        self._proven()

    def fill(self, name: str, mebibytes: int) -> None:
        """Make a file that takes so much room."""
        self._proven()
        self.box.run('fallocate', '-l', f'{mebibytes}M', f'{POINT}/{name}')

    def read(self, name: str) -> str:
        self._proven()
        return self.box.run('cat', f'{POINT}/{name}').stdout

    def remove(self, name: str) -> None:
        self._proven()
        self.box.run('rm', f'{POINT}/{name}')

    def files(self) -> set[str]:
        """Paths of everything on the volume, the trash included."""
        self._proven()
        listing = self.box.run('find', POINT, '-mindepth', '1', '-printf',
                               '%P\\n').stdout
        return set(listing.splitlines())

    def size(self) -> int:
        """Bytes in all, as df has them."""
        self._proven()
        return int(self.box.shell('df -B1 --output=size "$1" | tail -1',
                                  POINT).stdout)

    def hold(self, name: str = 'held') -> 'Held':
        """Open a file on the volume and keep it open."""
        self._proven()
        return Held(self.box, name)

    def log(self) -> str:
        """Return what the client complained about."""
        return self.box.shell('grep -E " [EC] " "$1" | tail -n 5', _LOG,
                              check=False).stdout

    def close(self) -> None:
        self.box.close()

    def __enter__(self) -> ty.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _proven(self) -> None:
        assert self.mounted(), f'{self.name} has no volume mounted'


class Held:
    """A file that is open, in a process that goes on."""

    def __init__(self, inside: box.Box, name: str) -> None:
        self._process = inside.popen(
            [sys.executable, '-I', '-S', holder.__file__, POINT, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._answer() == ['ok', 'open']

    def write(self, text: str) -> str:
        """'' if it was written to the servers, else the error's name."""
        return self._ask('write', text)

    def read(self) -> str:
        """'' if the directory could be read, else the error's name."""
        return self._ask('read')

    def close(self) -> None:
        """The process ends; what it held is released."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(_SECONDS)
        finally:
            box.end(self._process)

    def _ask(self, *words: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(words) + '\n')
        self._process.stdin.flush()
        result, value = self._answer()
        return '' if result == 'ok' else str(value)

    def _answer(self) -> list[ty.Any]:
        answer: list[ty.Any] = json.loads(box.said(self._process, _SECONDS))
        return answer
