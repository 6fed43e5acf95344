# SPDX-License-Identifier: Apache-2.0

"""All of ours that is in Cinder, and in the service instance.

Two lists of Cinder have all volumes and snapshots; one request to Nova and one
command tell all of the instance.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import functools
import re

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.generic import client
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import inventory_guest
from manila_drivers.generic import inventory_share
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import records

_ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_PARTS = frozenset({'serve share again', 'attach volume', 'detach volume',
                    'evict disk'})
#: Statuses of snapshots, and what they say of those that are recorded.
_WHOLE, _COMING = 'available', ('creating', None)


class GenericInventory:
    """Reads what there is of our shares; without share servers."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 kept: notes.GenericNotes) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._notes = kept

    def read(self, known: Collection[str]) -> inventory.Inventory:
        """Return what the cloud has of these shares, and of ours beside.

        :raises DriverError: volumes cannot be listed, or there is no one
            service instance.
        """
        unread: list[str] = []
        listed = self._volumes.cloud.volumes.list()
        host = self._hosts.common()
        server, found = self._instance(host, unread)
        kept = {ident: self._notes.share(ident) for ident in known}
        of = functools.partial(
            inventory_share.seen, host=host, server=server, found=found,
            helpers=self._hosts.settings.helpers)
        owned = self._owned(listed, kept)
        snapshots = self._told_snapshots(owned, unread)
        shares = {ident: of(self._placement(ident, kept.get(ident), found),
                            kept.get(ident), volumes)
                  for ident, volumes in owned.items()}
        shares = {ident: one for ident, one in shares.items() if one.parts}
        places = {str(name) for one in shares.values() for name in one.names}
        return inventory.Inventory(
            shares, noted=True,
            snapshots=snapshots or (),
            clones=tuple(
                clone(ident, kept.get(ident), volumes)
                for ident, volumes in owned.items() if ident in shares),
            unread=tuple(unread), topic=topic, partial=frozenset(
                [inventory.SNAPSHOTS] if snapshots is None else ()),
            objects=() if found is None else tuple(inventory_guest.objects(
                found, self._hosts.settings.root, places)))

    def _instance(self, host: records.ServiceHost, unread: list[str],
                  ) -> tuple[records.Server | None,
                             guest_records.GuestFacts | None]:
        """Return the instance, and what is in it; note why it is not told."""
        def look() -> tuple[records.Server, guest_records.GuestFacts]:
            server = self._volumes.server(host.id)
            if server is None:
                raise exception.NotFound('it is gone')
            return server, self._inside(host, unread)
        both, error = exception.caught(look)
        if both is None:
            unread.append('service instance %s: %s' % (host.id, error))
            return None, None
        return both

    def _inside(self, host: records.ServiceHost,
                unread: list[str]) -> guest_records.GuestFacts:
        """Return what is in an instance; note what it does not tell.

        :raises DriverError: it tells nothing.
        """
        found, error = self._hosts.glance(host, ())
        if found is None:
            raise error or exception.BackendError('it tells nothing')
        for what, told in (('exports', found.exported),
                           ('shares of Samba', found.shared)):
            if isinstance(told, exception.DriverError) and (
                    what == 'exports' or 'CIFS'
                    in self._hosts.settings.protocols):
                unread.append('%s of service instance %s: %s' % (
                    what, host.id, told))
        return found

    def _placement(self, ident: str, note: notes.ShareNote | None,
                   found: guest_records.GuestFacts | None,
                   ) -> records.Placement:
        """Return where a share is; by which protocol, its section tells."""
        name = 'share-' + ident
        section = (note.section if note else '') or name
        samba = found.samba_or_none() if found else None
        cifs = samba is not None and samba.section(section) is not None
        return self._hosts.placement(model.Share(
            id=ident, name=name, proto='CIFS' if cifs else 'NFS'),
            note or notes.ShareNote())

    # -- whose they are --------------------------------------------------

    def _owned(self, listed: Iterable[records.Volume],
               kept: Mapping[str, notes.ShareNote],
               ) -> dict[str, list[records.Volume]]:
        """Return volumes by share, the one that is recorded first.

        A share that is not known counts as ours if its volume has our mark,
        and no other host's.  A known one has a place without any volume.
        """
        found: dict[str, list[records.Volume]] = {
            ident: [] for ident in kept}
        recorded = {note.volume_id: ident for ident, note in kept.items()
                    if note.volume_id}
        for volume in listed:
            ident = recorded.get(volume.id) or self._owner(volume, kept)
            if ident:
                found.setdefault(ident, []).append(volume)
        for ident, volumes in found.items():
            mine = kept[ident].volume_id if ident in kept else ''
            volumes.sort(key=lambda one, mine=mine: (  # type: ignore[misc]
                one.id != mine, not one.attachments, one.id))
        return found

    def _owner(self, volume: records.Volume,
               known: Collection[str]) -> str:
        """Return the share that a volume is marked or named for, or ''."""
        marks = volume.metadata or {}
        marked, host = marks.get(paths.SHARE_MARK), marks.get(paths.HOST_MARK)
        ident = _ident(volume.name, self._volumes.volume_name)
        if marked:
            return marked if marked in known or host in (
                None, '', self._hosts.settings.host) else ''
        # Manila's own driver has left no mark.
        return ident if ident in known else ''

    def _told_snapshots(self, owned: Mapping[str, Iterable[records.Volume]],
                        unread: list[str],
                        ) -> tuple[inventory.SeenSnapshot, ...] | None:
        """Return snapshots of these volumes, None if they are not told."""
        listed, error = exception.caught(self._volumes.cloud.volumes.snapshots)
        if listed is None:
            unread.append('the list of volume snapshots: %s' % error)
            return None
        return tuple(self._snapshots(listed, {
            volume.id: ident for ident, volumes in owned.items()
            for volume in volumes}))

    def _snapshots(self, listed: Iterable[records.VolumeSnapshot],
                   homes: Mapping[str, str],
                   ) -> Iterable[inventory.SeenSnapshot]:
        for one in listed:
            ident = (one.metadata or {}).get(paths.SNAPSHOT_MARK) or _ident(
                one.name, self._volumes.snapshot_name)
            owner = homes.get(one.volume_id or '', '')
            if ident and owner:
                told = one.status in (_WHOLE, *_COMING)
                yield inventory.SeenSnapshot(
                    ident, owner, one.name or one.id,
                    '' if told else 'in status %s' % one.status,
                    'its status is %s' % (one.status or 'not told')
                    if one.status in _COMING else '')


def _ident(name: str | None, template: object) -> str:
    """Return the id in a name that was made of a template, or ''."""
    match = _ID.search(name or '')
    return match[0] if match and callable(template) \
        and template(match[0]) == name else ''


def clone(ident: str, note: notes.ShareNote | None,
          volumes: Iterable[records.Volume]) -> inventory.SeenClone:
    """Return how far a share is that is, or was, made of a snapshot."""
    volume = next(iter(volumes), None)
    state = inventory.DONE if note is None or not note.cloning else \
        inventory.FAILED if volume and volume.status == 'error' else \
        inventory.RUNNING
    return inventory.SeenClone(
        'of volume %s' % (volume.id if volume else '(none)'), ident, state,
        100 if state == inventory.DONE else 0)


def topic(step: plan.Step) -> str:
    """Return what a step of the check of shares is about."""
    return inventory.PART if step.action in _PARTS else inventory.SETTING
