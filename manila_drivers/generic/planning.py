# SPDX-License-Identifier: Apache-2.0

"""Decide what has to be done from what is known.  Pure.

Every function takes facts (records of Nova and Cinder, the facts of a service
instance, and Manila's values) and returns a plan for
``manila_drivers.generic.executor.GenericExecutor``, or raises why there is
none.  What is done inside a service instance is decided in
``manila_drivers.generic.guest_planning``.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import posixpath

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import transitions

Placement = records.Placement
ServiceHost = records.ServiceHost
Ident = str | plan.Ref


def check_protocol(share: model.Share, protocols: Sequence[str]) -> None:
    """Raise InvalidRequest if a share is to be served in another way."""
    if share.proto not in protocols:
        raise exception.InvalidRequest(
            'Share %s asks for protocol %s; this backend serves %s'
            % (share.id, share.proto or '(none)', ' and '.join(protocols)),
            check='share_helpers')


def check_server(server: records.Server | None, host: ServiceHost) -> None:
    """Raise if there is no server to serve anything."""
    if server is None:
        raise exception.BackendError('Service instance %s is gone' % host.id,
                                     check='the servers of Nova')
    if server.status != 'ACTIVE':
        raise exception.Busy(
            'Service instance %s is %s and serves no shares'
            % (host.id, server.status or 'in an unknown state'),
            answer=server.fault or '', check='start it in Nova')


def check_holders(share_id: str, host: ServiceHost,
                  volume: records.Volume) -> None:
    """:raises Conflict: other servers have the volume of a share."""
    holders = transitions.servers_of(volume)
    if holders not in ((), (host.id,)):
        raise exception.Conflict(
            'Share %s is not on server %s alone: its volume %s is attached to '
            '%s, where others may be let in' % (
                share_id, host.id, called(volume), ', '.join(holders)),
            check='which server has the shares of this backend: '
                  'service_instance_name_or_id')


def check_nowhere_else(share_id: str, host: ServiceHost,
                       volume: records.Volume | None,
                       server: records.Server | None) -> None:
    """Raise if a share that is not mounted may be served all the same.

    :raises BackendError: by another server, or by the system of this one that
        does not run at the moment.
    """
    if volume is not None:
        check_holders(share_id, host, volume)
        if volume.attachments is None and volume.status != 'available':
            raise exception.BackendError(
                'Share %s is not mounted in server %s, and Cinder does not '
                'tell which servers have its volume %s' % (
                    share_id, host.id, called(volume)),
                check='the roles of the user in [cinder]')
    if server is not None and server.status == 'RESCUE':
        raise exception.Busy(
            'Server %s has been booted for a rescue, and lets in whom it did '
            'when it is back' % host.id, check='unrescue it in Nova')


def check_limit(server: records.Server, volume: records.Volume | None,
                limit: int) -> None:
    """:raises NoRoom: a server has as many volumes as it may have."""
    if server.volumes is None or (
            volume is not None and volume.id in server.volumes):
        return
    if len(server.volumes) >= limit:
        raise exception.NoRoom(
            'Service instance %s has %d volumes already' % (
                server.id, len(server.volumes)),
            check='generic_max_volumes_per_server, if its machine type '
                  'takes more')


# -- steps -------------------------------------------------------------------

def called(volume: records.Volume) -> str:
    return volume.name or volume.id


def attach(name: str, volume: Ident, host: ServiceHost) -> plan.Step:
    return plan.Step('attach volume', name,
                     {'ident': volume, 'server_id': host.id},
                     detail='to server ' + host.id)


def detach(volume: records.Volume, server_id: str, *,
           host: ServiceHost | None = None,
           leaving: bool = False) -> plan.Step:
    """
    :param host: the server, if it does not answer: it is rebooted then,
        unless it lets go of the volume.
    """
    args = {'ident': volume.id, 'server_id': server_id, 'silent': host}
    return plan.Step(
        'detach volume', called(volume), {**args, 'leaving': leaving},
        detail='from server ' + server_id + (
            ', which is rebooted if it does not let go of it' if host
            else ''))


def delete_volume(volume: records.Volume) -> plan.Step:
    return plan.Step('delete volume', called(volume), {'ident': volume.id})


def in_guest(action: str, placement: Placement, host: ServiceHost,
             volume: Ident, gib: int | None, detail: str = '',
             **args: object) -> plan.Step:
    """Return a step that is done inside a service instance.

    :param gib: size of the volume.
    """
    return plan.Step(action, placement.path, {
        'placement': placement, 'host': host, 'volume_id': volume,
        'gib': gib or 1, **args}, detail=detail or 'in server ' + host.id)


# -- shares ------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class NewShare:
    """A share that is to be made.

    :param name: of its volume.
    :param gib: its size.
    :param limit: most volumes that a service instance may have.
    :param snapshot: the volume snapshot that it begins with.
    """

    placement: Placement
    host: ServiceHost
    name: str
    gib: int
    zone: str = ''
    limit: int = 26
    snapshot: records.VolumeSnapshot | None = None

    @property
    def volume_gib(self) -> int:
        """Return the size of its volume: no copy is smaller than that."""
        return max(self.gib, (self.snapshot and self.snapshot.size) or 0)

    @property
    def place(self) -> Mapping[str, str]:
        """Return what a note says of its place, which options may change."""
        return {'path': self.placement.path,
                'section': self.placement.section}


def create(new: NewShare, server: records.Server | None,
           volume: records.Volume | None) -> plan.Plan:
    """Make a volume, attach it and mount what is on it: an empty share.

    What a call that was cut off has made is taken up.  Nothing is taken back
    on failure: the volume is on record, and the deletion finds it.

    :param volume: that there is already.
    :raises NoRoom: the instance has as many volumes as it may have.
    """
    check_server(server, new.host)
    assert server is not None
    check_limit(server, volume, new.limit)
    steps, ident = made(new, volume)
    steps.append(plan.Step('await volume', new.name,
                           {'ident': ident, 'gib': new.gib}))
    steps.append(attach(new.name, ident, new.host))
    steps.append(in_guest(
        'serve share', new.placement, new.host, ident, new.gib,
        'with a new file system, %s, if the volume is empty'
        % new.placement.fstype))
    return plan.Plan(tuple(steps))


def made(new: NewShare, volume: records.Volume | None,
          ) -> tuple[list[plan.Step], Ident]:
    """Return the steps that make a volume, and its id."""
    steps: list[plan.Step] = []
    if volume is not None and transitions.is_error(volume.status) \
            and volume.attachments == ():
        # It has never held anything.
        steps.append(delete_volume(volume))
        volume = None
    if volume is None:
        of = new.snapshot
        steps.append(plan.Step(
            'create volume', new.name, {
                'share_id': new.placement.share_id, 'gib': new.volume_gib,
                'zone': new.zone, 'snapshot_id': of.id if of else '',
                'place': new.place},
            key='volume', detail='%d GiB%s' % (
                new.volume_gib, ', of snapshot %s' % of.id if of else '')))
        return steps, plan.Ref('volume', 'id')
    if volume.size is not None and volume.size != new.volume_gib:
        raise exception.Conflict(
            'Volume %s (%s) is there already, with %d GiB and not %d'
            % (new.name, volume.id, volume.size, new.volume_gib),
            check='whose it is; nothing was done')
    if new.snapshot is not None and not _is_copy(volume, new):
        raise exception.Conflict(
            'Volume %s (%s) is there already, and is no copy of snapshot %s'
            % (new.name, volume.id, new.snapshot.id),
            check='whose it is; nothing was done')
    steps.append(plan.Step(
        'take volume', new.name, {
            'share_id': new.placement.share_id, 'ident': volume.id,
            'clone': new.snapshot is not None,
            'place': new.place},
        detail='%s, which an earlier call has made' % volume.id))
    return steps, volume.id


def _is_copy(volume: records.Volume, new: NewShare) -> bool:
    """Tell if a volume that is there begins with the share's snapshot.

    Cinder's null is "of no snapshot", and some tell nothing: then it is a
    copy only if it is marked as what was made for this very share.
    """
    assert new.snapshot is not None
    if volume.snapshot_id is not None:
        return volume.snapshot_id == new.snapshot.id
    return records.is_marked(volume.metadata, paths.SHARE_MARK,
                             new.placement.share_id) is True


@dataclasses.dataclass(frozen=True)
class ServedFacts:
    """A share that is served, and its volume."""

    placement: Placement
    host: ServiceHost
    volume: records.Volume
    found: guest_records.GuestFacts | None = None

    @property
    def served(self) -> guest_records.Served:
        return self.placement.served(self.volume.id, self.volume.size or 1)

    def step(self, action: str, detail: str = '',
             **args: object) -> plan.Step:
        return in_guest(action, self.placement, self.host, self.volume.id,
                        self.volume.size, detail, **args)


def check_served(facts: ServedFacts) -> None:
    """:raises BackendError: the share is not mounted from its volume."""
    if facts.found is not None and not facts.found.serves(facts.served):
        raise exception.BackendError(
            'Share %s is not mounted at %s in server %s' % (
                facts.placement.share_id, facts.placement.path,
                facts.host.id),
            check='"openstack share service ensure shares" mounts it again')


def back(facts: ServedFacts) -> list[plan.Step]:
    """Return the steps that bring a share back to its place.

    A call that was cut off may have left it away, or be at work in Cinder
    and Nova for a while: what is under way with its volume is waited for.

    :raises Busy: the volume is used elsewhere, or by somebody else.
    """
    volume, host = facts.volume, facts.host
    serve = facts.step('serve share again')
    if facts.found is not None and facts.found.disk(volume.id) is not None:
        return [serve]
    odd, holders = '', transitions.servers_of(volume)
    if holders not in ((), (host.id,)):
        odd = 'volume %s is attached to %s' % (volume.id, ', '.join(holders))
    elif volume.status not in transitions.RETURNING:
        odd = 'volume %s is %s' % (volume.id, volume.status)
    if odd:
        raise exception.Busy('Share %s is not served: %s' % (
            facts.placement.share_id, odd), check='that volume in Cinder')
    place = attach(called(volume), volume.id, host)
    if volume.status in transitions.HELD:
        # A virtual machine that hung may have let go of it later.
        return [detach(volume, host.id), place, serve]
    return [place, serve]


def away(facts: ServedFacts,
          steps: Iterable[plan.Step]) -> list[plan.Step]:
    """Return steps with the volume detached meanwhile.

    It comes back, whatever becomes of them.
    """
    back = attach(called(facts.volume), facts.volume.id, facts.host)
    serve = facts.step('serve share again')
    return [
        dataclasses.replace(facts.step(
            'suspend share', 'until its volume is attached again'),
            undo=serve),
        dataclasses.replace(detach(facts.volume, facts.host.id), undo=back),
        *steps, back, serve]


# -- where it is -------------------------------------------------------------

def stays(placement: Placement, note: notes.ShareNote,
          found: guest_records.GuestFacts) -> Placement:
    """Return the place of a share that is served.

    ``share_mount_path`` and ``share_name_template`` may have been others when
    it was made, and where was not written down.  Nobody may be let in, or
    taken for shut out, at a place where it is not.

    A directory that is not called after the share is somebody else's mount.
    """
    if note.path or not note.volume_id \
            or found.mount(placement.path) is not None:
        return placement
    return _at(placement, found, [
        mount for mount in found.elsewhere(
            placement.served(note.volume_id, 1))
        if placement.share_id in posixpath.basename(mount.path)])


def leaving(placement: Placement, volume: records.Volume | None,
            found: guest_records.GuestFacts | None) -> Placement:
    """Return where a share is that goes, whatever it is called there.

    One that was taken over is in another place than the usual one, and if it
    was let go since, nothing but the name of its volume tells.
    """
    if volume is None or found is None \
            or found.mount(placement.path) is not None:
        return placement
    return _at(placement, found, found.elsewhere(
        placement.served(volume.id, volume.size or 1)))


def _at(placement: Placement, found: guest_records.GuestFacts,
        places: Sequence[guest_records.Mounted]) -> Placement:
    """Return a placement at the one place that there is."""
    if len(places) != 1 or places[0].root != '/':
        return placement
    path, section = places[0].path, placement.section
    if placement.is_cifs:
        shared = found.samba_or_none()
        names = [] if shared is None else [
            name for name, parameters in shared.sections.items()
            if parameters.get('path') == path]
        section = names[0] if len(names) == 1 else section
    return dataclasses.replace(placement, path=path, section=section)


# -- managing ----------------------------------------------------------------

def adopt(place: Placement, volume: records.Volume | None, name: str,
          claim: str) -> plan.Plan:
    """Write down where a share is, and give its volume its name.

    :param volume: None if it is on none, or it is not known which.
    :param name: that volumes of shares have.
    :param claim: of the place, see ``notes.place``.
    """
    steps = [plan.Step('note share', place.share_id, {'changes': {
        'volume_id': volume.id if volume else '', 'path': place.path,
        'section': place.section, 'adopted': True, 'claim': claim}},
        detail='at ' + place.path)]
    if volume is not None and volume.name != name:
        steps.append(plan.Step('rename volume', name, {'ident': volume.id},
                               detail='from %s' % (volume.name or 'no name')))
    return plan.Plan(tuple(steps))


def release(share_id: str) -> plan.Plan:
    """Let a share go; everything in its service instance stays."""
    return plan.Plan((plan.Step('forget share', share_id),))
