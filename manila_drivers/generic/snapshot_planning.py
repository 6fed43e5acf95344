# SPDX-License-Identifier: Apache-2.0

"""Decide about snapshots, and shares that begin with one.  Pure."""

from collections.abc import Iterable

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import sight
from manila_drivers.generic import transitions

# -- shares from snapshots ---------------------------------------------------

def clone(new: planning.NewShare, server: records.Server | None,
          volume: records.Volume | None) -> plan.Plan:
    """Ask for a volume with a snapshot's content; it is not waited for.

    It may be larger than the share: the volume of one that was shrunk keeps
    its size, and Cinder makes no smaller one of its snapshots.
    """
    planning.check_server(server, new.host)
    assert server is not None
    assert new.snapshot is not None
    planning.check_limit(server, volume, new.limit)
    steps, _ = planning.made(new, volume)
    return plan.Plan(tuple(steps))


def finish_clone(facts: planning.ServedFacts, gib: int) -> plan.Plan:
    """Attach a copy that is complete, and mount it as a share of its own.

    :param gib: size of the share.
    """
    volume = facts.volume
    return plan.Plan((
        planning.attach(planning.called(volume), volume.id, facts.host),
        facts.step('serve clone', 'with a file system of its own name, of '
                                  '%d GiB' % gib, wanted=gib),
        plan.Step('finish clone', facts.placement.share_id)))


# -- snapshots ---------------------------------------------------------------

def create_snapshot(snapshot_id: str, name: str, volume: records.Volume,
                    present: records.VolumeSnapshot | None,
                    facts: planning.ServedFacts | None,
                    seconds: int) -> plan.Plan:
    """Take a snapshot of a volume while nothing is written to it.

    :param present: the snapshot that an earlier call has begun.
    :param facts: of the share; None if it is not served, or cannot be asked.
    :param seconds: that writes may be held back; 0 is not at all.
    """
    if present is not None:
        if transitions.is_error(present.status):
            return plan.Plan((
                delete_volume_snapshot(present),
                *create_snapshot(snapshot_id, name, volume, None, facts,
                                 seconds)))
        return plan.Plan((
            plan.Step('take snapshot', name, {
                'snapshot_id': snapshot_id, 'ident': present.id}),
            _await_snapshot(name, present.id)))
    take = plan.Step(
        'create snapshot', name,
        {'snapshot_id': snapshot_id, 'volume_id': volume.id},
        key='snapshot', detail='of volume %s' % planning.called(volume))
    ident = plan.Ref('snapshot', 'id')
    if facts is None or not seconds or not (
            facts.found and facts.found.serves(facts.served)):
        return plan.Plan((take, _await_snapshot(name, ident)))
    freeze, thaw = _frozen(facts, facts.found, seconds)
    return plan.Plan((
        freeze, take,
        plan.Step('begin snapshot', name,
                  {'ident': ident, 'seconds': seconds}),
        thaw, _await_snapshot(name, ident)))


def _frozen(facts: planning.ServedFacts, found: guest_records.GuestFacts,
            seconds: int) -> tuple[plan.Step, plan.Step]:
    """Return the steps that hold back writes, and let them go on."""
    place = facts.placement

    def step(action: str, commands: guest_planning.Commands,
             detail: str = '', undo: plan.Step | None = None) -> plan.Step:
        return plan.Step(action, place.path, {
            'share_id': place.share_id, 'host': facts.host,
            'commands': commands}, detail=detail, undo=undo)

    thaw = step('thaw share', guest_planning.thaw(found, facts.served))
    return step('freeze share', guest_planning.freeze(
        found, facts.served, seconds), 'for %d s at the most' % seconds,
        thaw), thaw


def _await_snapshot(name: str, ident: planning.Ident) -> plan.Step:
    return plan.Step('await snapshot', name, {'ident': ident},
                     key='snapshot')


def delete_volume_snapshot(found: records.VolumeSnapshot) -> plan.Step:
    return plan.Step('delete snapshot', found.name or found.id,
                     {'ident': found.id, 'status': found.status})


def delete_snapshot(snapshot_id: str,
                    found: Iterable[records.VolumeSnapshot],
                    recorded: str = '',
                    seen: sight.CinderSight | None = None) -> plan.Plan:
    """Remove all that was made for a snapshot.

    :param recorded: its id in Cinder, '' if none was written down.
    :param seen: what the login of [cinder] is shown, if that finds none.
    :raises Conflict: nobody knows that it is gone.
    """
    if recorded and seen is not None and not seen.decides:
        raise sight.doubtful('Snapshot %s cannot be deleted' % snapshot_id,
                             'snapshot', recorded, seen)
    return plan.Plan((*map(delete_volume_snapshot, found),
                      plan.Step('forget snapshot', snapshot_id)))


def adopt_snapshot(snapshot_id: str, found: records.VolumeSnapshot | None,
                   volume_id: str, wanted: str) -> plan.Plan:
    """Write down which volume snapshot a snapshot is.

    :raises NotManageable: it is none of this share's volume, or not whole.
    """
    if found is None:
        raise exception.NotManageable(
            'Cinder has no snapshot %s' % wanted,
            check='give its id in Cinder')
    if found.volume_id != volume_id:
        raise exception.NotManageable(
            'Volume snapshot %s is of volume %s, and the share is on %s'
            % (found.id, found.volume_id, volume_id))
    if found.status != 'available' or not found.size:
        raise exception.NotManageable(
            'Volume snapshot %s is not available' % found.id,
            answer='status %s, %s GiB' % (found.status, found.size))
    return plan.Plan((plan.Step('take snapshot', found.name or found.id, {
        'snapshot_id': snapshot_id, 'ident': found.id}),))


def restore(facts: planning.ServedFacts,
            snapshot: records.VolumeSnapshot) -> plan.Plan:
    """Bring a share back to its last snapshot, where Cinder can.

    Cinder refuses if it is not the last one; the share is served as before
    then.

    :raises Unsupported: the volume has another size since.
    """
    volume = facts.volume
    if volume.size != snapshot.size:
        raise exception.Unsupported(
            'Share %s cannot be brought back to snapshot %s: its volume has '
            '%s GiB by now, and the snapshot %s' % (
                facts.placement.share_id, snapshot.id, volume.size,
                snapshot.size), check='make a share of the snapshot')
    step = plan.Step('revert volume', planning.called(volume), {
        'ident': volume.id, 'snapshot_id': snapshot.id},
        detail='to snapshot %s' % (snapshot.name or snapshot.id))
    return plan.Plan(tuple(planning.away(facts, [step])))
