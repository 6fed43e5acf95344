# SPDX-License-Identifier: Apache-2.0

"""Tenants by name, each of whom holds on to what it has mounted."""

import contextlib
import fnmatch

from tests.functional.gluster import site as sites
from tests.functional.gluster.waiting import eventually
from tests.functional.lab import box
from tests.functional.lab import tenant

MANILA = 'manila-host-1'

# Exit codes: it wrote, it only read, it did neither.
_TRY = ('ls "$1" >/dev/null || exit 2; : >"$1/.trial" || exit 1;'
        ' rm "$1/.trial" || exit 1')
_FOUND = {0: 'rw', 1: 'ro'}

# Seconds that a server may take to end connections.
_CUT = 10


class Crowd:
    """Everybody that labs of one site have asked about."""

    def __init__(self, site: sites.Site) -> None:
        self._site = site
        self._tenants: dict[str, tenant.Tenant] = {}
        self._mounted: dict[str, str] = {}

    def level(self, export: str, name: str) -> str | None:
        """Return somebody's level on a volume, through an old mount or a new
        one: ``rw``, ``ro`` or None."""
        client = self._client(name)
        if self._mounted.get(name) != export:
            self._leave(name)
        elif self._tried(client) and not eventually(
                lambda: not self._cut_off(export, name)
                or not self._tried(client), _CUT):
            # It should have been, and goes on.
            return self._tried(client)
        found = self._tried(client) if name in self._mounted else None
        if found is None:
            self._leave(name)
            with contextlib.suppress(tenant.Refused):
                client.mount(export)
                self._mounted[name] = export
                found = self._tried(client)
        return found

    def _tried(self, client: tenant.Tenant) -> str | None:
        if not client.mounted():
            return None
        status = client.box.shell(_TRY, tenant.POINT,
                                  check=False).returncode
        return _FOUND.get(status)

    def _cut_off(self, export: str, name: str) -> bool:
        """Return whether the servers are about to end its connection: only how
        long it is waited for depends on this."""
        volume = export.rpartition(':/')[2]
        if volume not in self._site.gluster.volumes():
            return True
        allowed = self._site.gluster.options(volume).get('auth.ssl-allow')
        return allowed is not None and not any(
            fnmatch.fnmatchcase(name, each) for each in allowed.split(','))

    def fill(self, export: str, size: int) -> None:
        """A file of so many bytes in a volume, instead of an earlier one."""
        manila = self._client(MANILA)
        self._leave(MANILA)
        manila.mount(export)
        try:
            manila.box.shell(
                'mkdir -p "$1/directory"; : >"$1/directory/file";'
                ' fallocate -l "$2" "$1/directory/file"', tenant.POINT,
                str(size), seconds=120)
        finally:
            manila.unmount()

    def go(self) -> None:
        """Everybody unmounts what they have."""
        for name in list(self._mounted):
            self._leave(name)

    def close(self) -> None:
        """Everybody leaves for good."""
        for each in self._tenants.values():
            each.close()
        self._tenants.clear()
        self._mounted.clear()

    def _client(self, name: str) -> tenant.Tenant:
        if name not in self._tenants:
            self._tenants[name] = self._site.tenant(name)
        return self._tenants[name]

    def _leave(self, name: str) -> None:
        if self._mounted.pop(name, None):
            with contextlib.suppress(box.CommandFailed):
                self._tenants[name].unmount()
