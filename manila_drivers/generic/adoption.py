# SPDX-License-Identifier: Apache-2.0

"""Taking existing shares under management, and letting them go."""

from collections.abc import Mapping
import math
import posixpath
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.generic import assessment
from manila_drivers.generic import client
from manila_drivers.generic import doors
from manila_drivers.generic import executor
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import shares
from manila_drivers.generic import transitions


class GenericAdoption:
    """Manage and unmanage of one backend."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 steps: executor.GenericExecutor, kept: notes.GenericNotes,
                 lock: notes.Lock) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._executor = steps
        self._notes = kept
        self._lock = lock

    def adopt(self, call: call.Call,
              options: Mapping[str, Any]) -> dict[str, Any]:
        """Take what is mounted at the share's path under management.

        It stays where it is, and its clients keep access until rules come.

        :param options: ``volume_id`` names its volume in Cinder; without it
            the share is not extended and has no snapshots, unless the disk
            tells which volume it is.
        :returns: ``size`` in GiB and ``export_locations``.
        :raises NotManageable: with nothing changed.
        """
        share = call.share
        if share.proto not in self._hosts.settings.protocols:
            raise exception.NotManageable(
                'Share %s asks for protocol %s, which is not served'
                % (share.id, share.proto or '(none)'), check='share_helpers')
        unknown = sorted(set(options) - {'volume_id'})
        if unknown:
            raise exception.NotManageable(
                'Driver options %s are not known' % ', '.join(unknown),
                check='volume_id')
        with self._lock(paths.share_lock(share.id), shares.TURN):
            host = self._hosts.of(call)
            # Of two that want one place the second has to see the first.
            with self._hosts.locked(host):
                found = self._hosts.look(host, (), serving=True)
                place = self._place(share, host, found)
                self._check_place(share, host, place, found)
                _check_doors(host, place, found)
                volume = self._volume(share, host, place, found, options)
                gib = size_of(place, found, volume)
                steps = planning.adopt(
                    place, volume, self._volumes.volume_name(share.id),
                    notes.place(host.id, place.path))
                self._executor.run(steps)
        return {'size': gib,
                'export_locations': self._hosts.locations(host, place)}

    def _place(self, share: model.Share, host: records.ServiceHost,
               found: guest_records.GuestFacts) -> records.Placement:
        """Return where an export is in the service instance.

        :raises NotManageable: it is not there.
        """
        if not share.export_paths:
            raise exception.NotManageable(
                'Share %s comes without an export path' % share.id)
        export, section = share.export_paths[0], ''
        if share.proto == 'CIFS':
            address, section = paths.split_cifs(export)
            path = found.samba.path(section) or self._closed(section, found)
            if not path:
                raise exception.NotManageable(
                    'Samba of server %s has no share %s' % (host.id, section))
        else:
            address, path = paths.split_nfs(export)
        if not any(paths.same_address(address, one)
                   for one in (*host.addresses, host.admin_address)):
            raise exception.NotManageable(
                'Address %s of export path %s is none of server %s'
                % (address, export, host.id), check='tenant_net_name_or_ip')
        usual = self._hosts.placement(share, notes.ShareNote())
        return records.Placement(
            share.id, usual.name, path, section or usual.section, share.id,
            share.proto, usual.fstype)

    def _closed(self, section: str, found: guest_records.GuestFacts) -> str:
        """Return where a share is mounted that nobody may use, or ''.

        Samba has no section of a share without rules. What is served under
        another name, or over NFS, is not closed.
        """
        path = posixpath.join(self._hosts.settings.root, section)
        served = any(one.get('path') == path
                     for one in found.samba.sections.values())
        if found.mount(path) is None or served \
                or found.nfs.of(path) or found.nfs.kept.get(path):
            return ''
        return path

    def _check_place(self, share: model.Share, host: records.ServiceHost,
                     place: records.Placement,
                     found: guest_records.GuestFacts) -> None:
        """:raises NotManageable: another share is served there.

        Manila compares export paths as texts, and an instance has several
        addresses that can be written in several ways.
        """
        occupied = assessment.occupied(found, place.path)
        others = {self._notes.claimant(notes.place(host.id, path))
                  for path in occupied}
        others |= assessment.owners(found, occupied)
        for other in sorted(others - {'', share.id}):
            note = self._notes.share(other)
            if note != notes.ShareNote() and note.path in ('', *occupied):
                raise exception.NotManageable(
                    'What is mounted at %s in server %s is share %s already'
                    % (place.path, host.id, other),
                    answer=', '.join(occupied),
                    check='that share in Manila; unmanage it first')

    def _volume(self, share: model.Share, host: records.ServiceHost,
                place: records.Placement, found: guest_records.GuestFacts,
                options: Mapping[str, Any]) -> records.Volume | None:
        """Return the volume that is mounted there, None if it is none.

        :raises NotManageable: it is another one than that of the options,
            or it is another share's.
        """
        mounted = found.mount(place.path)
        if mounted is None or mounted.disk is None:
            raise exception.NotManageable(
                'Nothing is mounted at %s in server %s'
                % (place.path, host.id))
        if mounted.root != '/':
            # Its volume would be thrown away with the share.
            raise exception.NotManageable(
                'At %s in server %s a part of a file system is mounted, its '
                'directory %s' % (place.path, host.id, mounted.root),
                check='a volume of its own for each share')
        wanted = str(options.get('volume_id') or '')
        if not wanted:
            server = self._volumes.server(host.id)
            told = [ident for ident in (server and server.volumes) or ()
                    if mounted.disk.is_volume(ident)]
            wanted = told[0] if len(told) == 1 else ''
        if not wanted:
            return None
        volume = self._volumes.volume(wanted)
        if volume is None:
            raise exception.NotManageable('Cinder has no volume %s' % wanted)
        if not transitions.on_server(volume, host.id) \
                or not mounted.disk.is_volume(volume.id):
            raise exception.NotManageable(
                'Volume %s is not what is mounted at %s in server %s'
                % (wanted, place.path, host.id),
                answer='attached to: %s; mounted: disk %s' % (
                    ', '.join(transitions.servers_of(volume)) or 'nothing',
                    mounted.disk.serial))
        self._check_free(share, volume)
        return volume

    def _check_free(self, share: model.Share,
                    volume: records.Volume) -> None:
        """:raises NotManageable: a volume is that of another share."""
        for other in self._volumes.owners(volume) - {share.id}:
            if self._notes.share(other).volume_id == volume.id:
                raise exception.NotManageable(
                    'Volume %s is that of share %s already'
                    % (volume.id, other))

    def release(self, call: call.Call) -> None:
        """Leave everything as it is, names included."""
        steps = planning.release(call.share.id)
        self._executor.run(steps)


def _check_doors(host: records.ServiceHost, place: records.Placement,
                 found: guest_records.GuestFacts) -> None:
    """:raises NotManageable: rules would not be all that lets anybody in."""
    ways = doors.into(found, place)
    if ways:
        raise exception.NotManageable(
            'What is mounted at %s in server %s can be reached in another '
            'way than by %s, which no rule of the share would close'
            % (place.path, host.id, place.section if place.is_cifs
               else 'its export'), answer='; '.join(ways),
            check='close that first')


def size_of(place: records.Placement, found: guest_records.GuestFacts,
            volume: records.Volume | None) -> int:
    """Return GiB of a share that is taken over, rounded up.

    :raises NotManageable: it is not told.
    """
    if volume is not None and volume.size:
        return volume.size
    total = found.total(place.path)
    if not total:
        raise exception.NotManageable(
            'The size of what is mounted at %s is not told' % place.path,
            check='--driver-options volume_id=<id>')
    return math.ceil(total / model.GiB)
