# SPDX-License-Identifier: Apache-2.0

"""Share servers as Manila's API tells them, and how they are reached.

Lists do not tell how: each share server of the backend costs a request.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import functools
from typing import Any

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers.audit import differences
from manila_drivers.audit import server_parts
from manila_drivers.manila_api import client
from manila_drivers.manila_api import records

#: The part without which a share server is lost.
INSTANCE = 'service instance'


@dataclasses.dataclass(frozen=True)
class ManilaServers:
    """Share servers of one Manila at one moment.

    ``known`` are those of all hosts.  ``rows`` are those of this backend that
    nobody works on, as Manila hands them to drivers; with their details,
    which may hold passwords.  ``unread`` says which of them were not told.
    """

    host: str
    known: Mapping[str, records.ApiServer]
    rows: Mapping[str, dict[str, Any]] = dataclasses.field(
        default_factory=dict, repr=False)
    unread: tuple[str, ...] = ()

    @classmethod
    def read(cls, lists: client.ManilaLists, host: str) -> 'ManilaServers':
        """Ask for all, and for the details of each of this backend.

        :raises DriverError: they are not told, or not all.
        """
        known = {one.id: one for one in lists.servers()}
        busy = server_parts.working(known, host)
        rows: dict[str, dict[str, Any]] = {}
        unread: list[str] = []
        for ident, one in known.items():
            if one.host != host or ident in busy:
                continue
            told, error = exception.caught(
                functools.partial(lists.server, ident))
            if told is not None and (told.details or told.status != 'error'):
                rows[ident] = _row(told)
            elif error is not None and not isinstance(
                    error, exception.NotFound):
                unread.append(f'share server {ident}: {error}')
                if isinstance(error, (exception.AccessDenied,
                                      exception.TransportError)):
                    # It would be the same for all others.
                    break
        return cls(host, known, rows, tuple(unread))

    @property
    def working(self) -> dict[str, str]:
        """Share servers that Manila works on, and its word for that."""
        return server_parts.working(self.known, self.host)

    def serving(self, instances: Iterable[records.ApiInstance],
                ) -> inventory.Serving:
        """Return which of them can be looked at, and who is on which."""
        return inventory.Serving(
            tuple(model.ShareServer.of(row) for row in self.rows.values()),
            {one.id: one.server_id for one in instances
             if one.server_id and one.server_id not in self.working})

    def usable(self, found: inventory.Inventory) -> set[str]:
        """Return those whose instance is there, as far as OpenStack tells."""
        return {*self.rows} & {one.server for one in found.servers
                               if one.kind == INSTANCE}

    def away(self, instances: Iterable[records.ApiInstance],
             ) -> dict[str, str]:
        """Return share instances that cannot be judged for their server."""
        busy = self.working
        return {one.id: f'its share server is {busy[one.server_id]}'
                for one in instances if one.server_id in busy}

    def homeless(self, instances: Collection[records.ApiInstance],
                 ) -> list[str]:
        """Say what Manila has not told of shares."""
        left = [one for one in instances if not one.server_id]
        if not left:
            return []
        return ['the share server of %d shares, such as %s' % (
            len(left), left[0].share_id)]

    def judged(self, found: inventory.Inventory,
               after: Mapping[str, records.ApiServer],
               ) -> tuple[list[differences.Deviation], list[str]]:
        """Return what is wrong with share servers, and what is in work.

        :param after: those that there were when OpenStack had been asked.
        """
        both = {**self.known, **after}
        busy = server_parts.working(after, self.host) | self.working
        busy |= {ident: 'made or removed meanwhile' for ident in both
                 if (ident in after) != (ident in self.known)
                 and both[ident].host == self.host}
        # Nobody knows which instance they have: it may have no mark.
        untold = {ident for ident, one in both.items()
                  if one.host == self.host and ident not in self.rows
                  and one.status != 'error'} if self.unread else set()
        untold |= found.unplaced
        told = server_parts.compare(
            found.servers, both, self.host, main=INSTANCE, busy=busy)
        return [one for one in told if not (
            one.kind == differences.LOST_SERVER and one.ident in untold)], [
                f'share server {ident} is in work: {status}'
                for ident, status in sorted(busy.items())]


def _row(one: records.ApiServer) -> dict[str, Any]:
    """Return a share server as Manila hands it to drivers."""
    details = dict(one.details or {})
    return {'id': one.id, 'host': one.host, 'status': one.status,
            'identifier': details.get('identifier', ''),
            'backend_details': details}


def homes(servers: 'ManilaServers | None',
          chosen: Iterable[records.ApiInstance], found: inventory.Inventory,
          ) -> Iterator[records.ApiInstance]:
    """Yield those of some shares that a driver can be asked to check."""
    usable = servers.usable(found) if servers is not None else set()
    for one in chosen:
        if servers is None or one.server_id in usable:
            yield one
