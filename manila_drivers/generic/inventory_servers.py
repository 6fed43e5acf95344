# SPDX-License-Identifier: Apache-2.0

"""All of ours that is in OpenStack, and in the instances of share servers.

Beside the lists of a backend without share servers, each share server costs
one request to Nova and one command in its instance.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers.generic import assessment
from manila_drivers.generic import client
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import inventory as listed_inventory
from manila_drivers.generic import inventory_guest
from manila_drivers.generic import inventory_share
from manila_drivers.generic import notes
from manila_drivers.generic import records
from manila_drivers.generic import transitions
from manila_drivers.service_instance import listing


@dataclasses.dataclass(frozen=True)
class _Looked:
    """The instance of one share server.

    ``server`` and ``found`` are None where they were not told, and ``gone``
    says that Nova has no such server any more.
    """

    host: records.ServiceHost
    server: records.Server | None = None
    found: guest_records.GuestFacts | None = None
    gone: bool = False


class ServersInventory(listed_inventory.GenericInventory):
    """Reads what there is of shares on share servers, and of those.

    :param section: the backend's, with which what is made is marked.
    """

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts, kept: notes.GenericNotes,
                 section: str) -> None:
        super().__init__(volumes, instances, kept)
        self._section = section

    def read(self, known: Collection[str]) -> inventory.Inventory:
        return self.read_served(known, inventory.Serving())

    def read_served(self, known: Collection[str],
                    serving: inventory.Serving) -> inventory.Inventory:
        """Return what the cloud has of these shares, and of ours beside.

        :raises DriverError: volumes cannot be listed.
        """
        chosen = self._hosts.settings
        listed = self._volumes.cloud.volumes.list()
        parts, unread = listing.read(
            self._volumes.cloud, f'{chosen.host}@{self._section}', listed)
        looked: dict[str, _Looked] = {}
        for each in serving.servers:
            instance = self._looked(each, unread)
            if instance is not None:
                looked[each.id] = instance
        kept = {ident: self._notes.share(ident) for ident in known}
        owned = self._owned(listed, kept)
        snapshots = self._told_snapshots(owned, unread)
        homes = {ident: serving.homes.get(ident) or _home(volumes, looked)
                 for ident, volumes in owned.items()}
        shares = {ident: self._share(
            ident, volumes, kept.get(ident), homes[ident], looked)
            for ident, volumes in owned.items()}
        shares = {ident: one for ident, one in shares.items() if one.parts}
        return inventory.Inventory(
            shares, snapshots=snapshots or (), unread=tuple(unread),
            clones=tuple(listed_inventory.clone(
                ident, kept.get(ident), owned[ident]) for ident in shares),
            partial=frozenset([inventory.SNAPSHOTS] if snapshots is None
                              else ()),
            topic=listed_inventory.topic, noted=True,
            servers=(*parts, *_instances(looked, parts)),
            unplaced=frozenset(one.id for one in serving.servers
                               if one.id not in looked),
            objects=tuple(each for ident, one in looked.items()
                          if one.found is not None
                          for each in inventory_guest.objects(
                              one.found, chosen.root, _places(
                                  shares.values(), ident))))

    def _looked(self, server: model.ShareServer,
                unread: list[str]) -> _Looked | None:
        """Look into the instance of a share server.

        :returns: None if nobody knows which one that is.
        """
        host, error = exception.caught(
            lambda: records.ServiceHost.of(server.details))
        if host is None:
            unread.append('share server %s: %s' % (server.id, error))
            return None
        there, error = exception.caught(
            lambda: (self._volumes.server(host.id),))
        if there is None:
            unread.append('service instance %s of share server %s: %s' % (
                host.id, server.id, error))
            return _Looked(host)
        if there[0] is None:
            return _Looked(host, gone=True)
        found, error = exception.caught(lambda: self._inside(host, unread))
        if error is not None:
            unread.append('service instance %s of share server %s: %s' % (
                host.id, server.id, error))
        return _Looked(host, there[0], found)

    def _share(self, ident: str, volumes: list[records.Volume],
               note: notes.ShareNote | None, home: str,
               looked: Mapping[str, _Looked]) -> inventory.SeenShare:
        one = looked.get(home)
        if one is None:
            # Where it is attached is as good as any other place.
            one = _Looked(records.ServiceHost(next(iter(
                transitions.servers_of(volumes[0])), '') if volumes else '',
                ()))
        seen = inventory_share.seen(
            self._placement(ident, note, one.found), note, volumes,
            host=one.host, server=one.server, found=one.found,
            helpers=self._hosts.settings.helpers)
        lost = assessment.lost_addresses(one.host, one.server) \
            if one.server is not None else ()
        blind = bool(home) and one.found is None and not one.gone
        return dataclasses.replace(seen, server=home, odd=(
            *seen.odd, *('the service instance of share server %s has no '
                         'address %s any more' % (home, address)
                         for address in lost)), unseen=(
            *seen.unseen, *(['what share server %s serves' % home]
                            if blind else ())))


def _home(volumes: Iterable[records.Volume],
          looked: Mapping[str, _Looked]) -> str:
    """Return the share server that a volume is attached to, or ''."""
    attached = {server for volume in volumes
                for server in transitions.servers_of(volume)}
    return next((ident for ident, one in looked.items()
                 if one.host.id in attached), '')


def _places(shares: Iterable[inventory.SeenShare], server: str) -> set[str]:
    return {str(name) for one in shares if one.server == server
            for name in one.names}


def _instances(looked: Mapping[str, _Looked],
               parts: Iterable[inventory.SeenPart],
               ) -> Iterable[inventory.SeenPart]:
    """Yield instances whose metadata do not say whose they are.

    Manila's own driver writes none.
    """
    marked = {one.server for one in parts if one.kind == listing.INSTANCE}
    for ident, one in looked.items():
        if ident not in marked and not one.gone:
            yield inventory.SeenPart(
                listing.INSTANCE, f'({one.host.id})', ident,
                (one.server and one.server.status) or 'not told')
