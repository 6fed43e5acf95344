# SPDX-License-Identifier: Apache-2.0

"""Cinder: volumes and their snapshots."""

from collections.abc import Mapping
from typing import Any

from manila_drivers.openstack import errors
from manila_drivers.openstack import records
from manila_drivers.openstack import service

#: From here on volumes in use need no force for a snapshot.
UNFORCED = (3, 66)

# The class has a method that is called list.
_Volumes = list[records.Volume]
_Snapshots = list[records.VolumeSnapshot]
_Messages = list[records.Message]
_Types = list[records.VolumeType]


class Volumes(service.CloudService):
    """The block storage service.

    Sizes are GiB.  Nearly everything goes on in the background: status and
    size say how far it is, :meth:`messages` why it failed.
    """

    def check(self) -> None:
        """Raise unless the service answers and the login is accepted."""
        self.limits()

    # Volumes

    def volume(self, ident: str) -> records.Volume:
        """Return a volume.

        :raises NotFound: there is none of that id.
        """
        what = 'Volume %s' % ident
        data = self._get('/volumes/' + service.part(ident, 'volume'), what)
        return service.same(ident, records.Volume.of(
            service.within(data, 'volume', what)), what)

    def list(self, name: str | None = None,
             metadata: Mapping[str, str] | None = None, *,
             all_projects: bool = False) -> _Volumes:
        """Return volumes with that very name and at least that metadata.

        A login that is no administrator's gets its own project's, without a
        word, also if it asks for all.
        """
        query = []
        if name is not None:
            query.append(('name', name))
        if metadata:
            query.append(('metadata', repr(dict(metadata))))
        if all_projects:
            query.append(('all_tenants', '1'))
        found = [records.Volume.of(each) for each in self._rows(
            '/volumes/detail', 'volumes', 'The list of volumes', query)]
        wanted = dict(metadata or {}).items()
        return service.matching(found, lambda each: (
            (name is None or each.name == name)
            and wanted <= dict(each.metadata or {}).items()))

    def create(self, *, name: str, size: int,
               volume_type: str | None = None, zone: str | None = None,
               snapshot_id: str | None = None, source: str | None = None,
               metadata: Mapping[str, str] | None = None,
               description: str = '') -> records.Volume:
        """Ask for a volume.

        :param snapshot_id: of the snapshot that it is a copy of.
        :param source: id of the volume that it is a copy of.
        :raises NotFound: no such type, snapshot or source; ``message`` says
            which.
        :raises NoRoom: the quota has not that much left.
        :raises OutcomeUnknown: it may have been made: look by its metadata.
        """
        volume: dict[str, Any] = {'name': name, 'size': size,
                                  'metadata': dict(metadata or {})}
        volume.update({key: value for key, value in (
            ('volume_type', volume_type), ('availability_zone', zone),
            ('snapshot_id', snapshot_id), ('source_volid', source),
            ('description', description)) if value})
        what = 'Creation of volume %s' % name
        answer = self._post('/volumes', {'volume': volume}, what)
        made = records.Volume.of(service.within(answer.data, 'volume', what))
        service.made(what, (made.name, name))
        return made

    def rename(self, ident: str, name: str) -> records.Volume:
        """Give a volume another name; repetition does nothing."""
        what = 'New name of volume %s' % ident
        data = self._put('/volumes/' + service.part(ident, 'volume'),
                        {'volume': {'name': name}}, what)
        return service.same(ident, records.Volume.of(
            service.within(data, 'volume', what)), what)

    def mark(self, ident: str, marks: Mapping[str, str]) -> None:
        """Add metadata to a volume, or change it; repetition does nothing."""
        self._post('/volumes/%s/metadata' % service.part(ident, 'volume'),
                   {'metadata': dict(marks)}, 'Metadata of volume %s' % ident)

    def extend(self, ident: str, gib: int) -> str:
        """Ask for a larger volume; a success may still fail later.

        Then the volume is in error_extending, or is as it was before, with
        the cause in :meth:`messages`.

        :returns: the id of the request, as messages tell it; '' if none was
            told.
        :raises BackendError: status 400: it is that large, or is in a status
            in which it cannot grow.
        :raises NoRoom: the quota has not that much left.
        """
        return self._act(ident, {'os-extend': {'new_size': gib}},
                         'Extension of volume %s to %d GiB' % (ident, gib))

    def delete(self, ident: str, *, cascade: bool = False) -> None:
        """Ask for the end of a volume; one that is not there is fine.

        :param cascade: its snapshots go with it.
        :raises BackendError: status 400: it is attached, has snapshots, or
            something is being done with it.
        """
        self._remove('/volumes/' + service.part(ident, 'volume'),
                       'Deletion of volume %s' % ident,
                       [('cascade', 'true')] if cascade else [])

    def reset_status(self, ident: str, status: str) -> None:
        """Say which status a volume is in.

        :raises AccessDenied: the login is no administrator's.
        """
        self._act(ident, {'os-reset_status': {'status': status}},
                  'Reset of volume %s to %s' % (ident, status))

    def revert(self, ident: str, snapshot_id: str) -> None:
        """Take a volume back to its last snapshot; it has to be detached.

        :raises BackendError: status 400: it is not the last one, or the
            volume has grown since.
        """
        self._act(ident, {'revert': {'snapshot_id': snapshot_id}},
                  'Return of volume %s to snapshot %s' % (
                      ident, snapshot_id))

    def _act(self, ident: str, body: Any, what: str) -> str:
        return errors.request_id(self._post(
            '/volumes/%s/action' % service.part(ident, 'volume'), body,
            what).headers)

    # Snapshots

    def snapshot(self, ident: str) -> records.VolumeSnapshot:
        """Return a snapshot.

        :raises NotFound: there is none of that id.
        """
        what = 'Snapshot %s' % ident
        data = self._get('/snapshots/' + service.part(ident, 'snapshot'), what)
        return service.same(ident, records.VolumeSnapshot.of(
            service.within(data, 'snapshot', what)), what)

    def snapshots(self, name: str | None = None,
                  volume_id: str | None = None,
                  ) -> _Snapshots:
        """Return the project's snapshots of that very name, of a volume."""
        query = [(key, value) for key, value in (
            ('name', name), ('volume_id', volume_id)) if value is not None]
        found = [records.VolumeSnapshot.of(each) for each in self._rows(
            '/snapshots/detail', 'snapshots', 'The list of snapshots',
            query)]
        return service.matching(found, lambda each: (
            name in (None, each.name)
            and volume_id in (None, each.volume_id)))

    def create_snapshot(self, volume_id: str, *, name: str,
                        metadata: Mapping[str, str] | None = None,
                        description: str = '') -> records.VolumeSnapshot:
        """Ask for a snapshot, also of a volume that is in use.

        :raises NotFound: there is no such volume.
        :raises NoRoom: the quota has not that much left.
        :raises OutcomeUnknown: it may have been made: look by its name.
        """
        service.part(volume_id, 'volume')
        snapshot: dict[str, Any] = {
            'volume_id': volume_id, 'name': name,
            'metadata': dict(metadata or {})}
        if description:
            snapshot['description'] = description
        spoken = self._connection.version()
        if spoken is None or spoken < UNFORCED:
            snapshot['force'] = True
        what = 'Snapshot %s of volume %s' % (name, volume_id)
        answer = self._post('/snapshots', {'snapshot': snapshot}, what)
        made = records.VolumeSnapshot.of(
            service.within(answer.data, 'snapshot', what))
        service.made(what, (made.volume_id, volume_id), (made.name, name))
        return made

    def delete_snapshot(self, ident: str) -> None:
        """Ask for the end of a snapshot; one that is not there is fine."""
        self._remove('/snapshots/' + service.part(ident, 'snapshot'),
                       'Deletion of snapshot %s' % ident)

    def reset_snapshot(self, ident: str, status: str) -> None:
        """Say which status a snapshot is in.

        :raises AccessDenied: the login is no administrator's.
        """
        self._post('/snapshots/%s/action' % service.part(ident, 'snapshot'),
                   {'os-reset_status': {'status': status}},
                   'Reset of snapshot %s to %s' % (ident, status))

    # Types, quota and causes

    def types(self) -> _Types:
        """Return the volume types that the project may use."""
        return [records.VolumeType.of(each) for each in self._rows(
            '/types', 'volume_types', 'The list of volume types')]

    def limits(self) -> records.VolumeLimits:
        """Return the quota of the project and what is used of it."""
        what = 'The limits of the volume service'
        inner = service.within(self._get('/limits', what), 'limits', what)
        return records.VolumeLimits.of(
            service.within(inner, 'absolute', what))

    def messages(self, resource_id: str) -> _Messages:
        """Return the causes told of a volume or snapshot, newest first.

        :returns: none either where the service is older than 3.5.
        """
        spoken = self._connection.version()
        if spoken is None or spoken < (3, 5):
            return []
        found = [records.Message.of(each) for each in self._rows(
            '/messages', 'messages', 'The messages about %s' % resource_id,
            [('resource_uuid', resource_id)])]
        return sorted(
            service.matching(found, lambda each: (
                each.resource_id == resource_id)),
            key=lambda each: each.created or '', reverse=True)
