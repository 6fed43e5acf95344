# SPDX-License-Identifier: Apache-2.0

"""Certificates of servers, of the Manila host and of tenants.

GlusterFS reads them from a directory that is compiled in, one set per
machine.  Here each box sees a directory of its own in that place.
"""

import pathlib
import shutil
import subprocess

from manila_drivers.testing.simulators import tls
from tests.functional.lab import box


def compiled_in() -> pathlib.Path:
    """Where OpenSSL, and so Gluster, looks: not the same on all systems."""
    answer = subprocess.run(['openssl', 'version', '-d'], check=True,
                            capture_output=True, text=True,
                            timeout=box.SECONDS).stdout
    return pathlib.Path(answer.split('"')[1])


class Identities:
    """One authority, and what it has signed.

    :param directory: where the files are; the boxes must see it
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._authorities = {'': tls.Authority('lab CA')}

    def files(self, name: str, authority: str = '') -> dict[str, bytes]:
        """New ``glusterfs.pem``, ``.key`` and ``.ca`` for a common name.

        :param authority: a stranger who signs it; '' is the lab's own
        """
        if authority not in self._authorities:
            self._authorities[authority] = tls.Authority(authority)
        signer = self._authorities[authority]
        certificate, key = signer.issue([name])
        return {'glusterfs.pem': certificate, 'glusterfs.key': key,
                'glusterfs.ca': self._authorities[''].pem}

    def wear(self, inside: box.Box, name: str, authority: str = '') -> None:
        """Make everything started in a box from now on appear as ``name``."""
        place = compiled_in()
        mine = self._directory / f'{inside.name}-as-{name}{authority}'
        if not mine.exists():
            shutil.copytree(place, mine, symlinks=True)
            for path, content in self.files(name, authority).items():
                (mine / path).write_bytes(content)
        inside.run('mount', '--bind', str(mine), str(place))
