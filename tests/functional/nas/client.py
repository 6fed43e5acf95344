# SPDX-License-Identifier: Apache-2.0

"""NFS clients without a kernel client: what they really get."""

import itertools

from tests import patience
from tests.functional.lab import box

_COUNT = itertools.count(1)
_SECONDS = f'{patience.seconds(30):g}'
# The last one is how libnfs says that the kernel takes no call at all from
# an address that may reach nothing; a server that is down reads otherwise.
_REFUSALS = ('NFS4ERR_NOENT', 'NFS4ERR_ACCES', 'NFS4ERR_PERM',
             'mount_cb: (null)')


class Client:
    """A host with addresses of its own, and libnfs."""

    def __init__(self, inside: box.Box, ipv4: str, ipv6: str) -> None:
        self.box = inside
        self.ipv4 = ipv4
        self.ipv6 = ipv6

    def gets(self, server: str, path: str) -> str | None:
        """rw, ro or None: by listing, and by writing a new file.

        :raises AssertionError: an answer that says none of these.
        """
        url = f'nfs://{server}{path}'
        listed = self._run('nfs-ls', f'{url}?version=4')
        if listed.returncode:
            text = listed.stdout + listed.stderr
            assert any(each in text for each in _REFUSALS), text
            return None
        name = f'{self.box.name}-{next(_COUNT)}'
        written = self._run('nfs-cp', '/etc/hostname',
                            f'{url}/{name}?version=4')
        if not written.returncode:
            return 'rw'
        text = written.stdout + written.stderr
        assert 'NFS4ERR_ROFS' in text, text
        return 'ro'

    def _run(self, *words: str):
        return self.box.run('timeout', _SECONDS, *words, check=False)
