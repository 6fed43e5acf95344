# SPDX-License-Identifier: Apache-2.0

"""Decide how a share goes.  Pure."""

import dataclasses

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import guest_records
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import sight
from manila_drivers.generic import transitions

Placement = records.Placement
ServiceHost = records.ServiceHost

#: Statuses of a server that goes on later where it has stopped.
_ASLEEP = ('PAUSED', 'SUSPENDED')


@dataclasses.dataclass(frozen=True)
class LeavingFacts:
    """All there is of a share that goes.

    :param host: where it is; None if that is gone.
    :param server: of Nova; None if it is gone.
    :param found: in the instance; None if it does not answer.
    :param twins: volumes that were made for it as well, and never used.
    :param refused: the instance answers, and lets nobody in: it does not
        hang, and serves other shares.
    :param strangers: servers that have the volume, where ``host`` is not
        known: another name of it, or something else altogether.
    :param recorded: id of the volume, as it was written down; '' if none was.
    :param leaving: an earlier call saw that volume, and began to delete it.
    :param seen: what the login is shown that was told of no such volume;
        None if nobody has looked.
    :param by_path: it was taken over without a volume that is known.
    """

    volume: records.Volume | None = None
    host: ServiceHost | None = None
    server: records.Server | None = None
    found: guest_records.GuestFacts | None = None
    twins: tuple[records.Volume, ...] = ()
    refused: bool = False
    strangers: tuple[str, ...] = ()
    recorded: str = ''
    leaving: bool = False
    seen: sight.CinderSight | None = None
    by_path: bool = False


def delete(placement: Placement, facts: LeavingFacts) -> plan.Plan:
    """Remove a share: access first, then data, and the records last.

    A service instance that is gone or does not answer keeps nobody from
    deleting: its volume is detached by Nova, and what it exported is not
    there any more.

    :raises Conflict: the volume is attached where nobody looked, or Cinder
        denies one that is in use, or nobody knows which it is.
    :raises Busy: it is attached to an instance that somebody has paused.
    """
    volume, host = facts.volume, facts.host
    _check_gone(placement, facts)
    steps = []
    if host is not None and facts.found is not None:
        steps.append(planning.in_guest(
            'release share', placement, host, volume.id if volume else '',
            volume.size if volume else None))
    if volume is not None:
        silent = host if facts.found is None and facts.server \
            and not facts.refused else None
        holders = _holders(volume, facts)
        if holders and facts.server and facts.server.status in _ASLEEP:
            # It lets go of no disk, or does not wake up without it; a reboot
            # would lose what clients of others wrote into its memory.
            raise exception.Busy(
                'Volume %s cannot be taken from service instance %s, which is '
                '%s' % (planning.called(volume), facts.server.id,
                        facts.server.status),
                check='resume it in Nova')
        steps += [planning.detach(volume, server, host=silent, leaving=True)
                  for server in holders]
        if facts.recorded and not facts.leaving:
            # Who finds nothing after that may take it for gone.
            steps.append(plan.Step('note share', placement.share_id, {
                'changes': {'leaving': True}}, detail='as being deleted'))
        steps.append(planning.delete_volume(volume))
    steps += map(planning.delete_volume, facts.twins)
    return plan.Plan((*steps, plan.Step('forget share', placement.share_id)))


def _check_gone(placement: Placement, facts: LeavingFacts) -> None:
    """Raise Conflict unless somebody knows that a volume is gone.

    A login of another project, or another region, is told so of any volume.
    An instance that answers knows which disks it has; of one that does not,
    Nova knows.  Neither knows of a volume that is attached to nothing.
    """
    ident = facts.recorded
    if facts.volume is not None:
        return
    if not ident:
        _check_empty(placement, facts)
        return
    if facts.found is not None:
        there = facts.found.disk(ident) is not None
    else:
        there = facts.server is not None and ident in (
            facts.server.volumes or ())
    what = 'Share %s cannot be deleted' % placement.share_id
    if there:
        raise exception.Conflict(
            '%s: Cinder says that there is no volume %s, and server %s has it'
            % (what, ident, facts.host and facts.host.id),
            check=sight.CHECK + '; if the volume is really gone, take its '
                  'disk from that server first')
    if not facts.leaving and (facts.seen is None
                              or not facts.seen.decides):
        raise sight.doubtful(what, 'volume', ident,
                             facts.seen or sight.CinderSight())


def _check_empty(placement: Placement, facts: LeavingFacts) -> None:
    """:raises Conflict: a share has data, and no volume that is known."""
    found = facts.found
    if found is None and facts.server is not None and facts.by_path:
        raise exception.Conflict(
            'Share %s cannot be deleted: it was taken over without a volume '
            'that is known, and server %s does not tell what is mounted at %s'
            % (placement.share_id, facts.server.id, placement.path),
            check='unmanage the share; or that server')
    mount = found.mount(placement.path) if found is not None else None
    if mount is not None and not mount.gone:
        raise exception.Conflict(
            'Share %s cannot be deleted: it is not known which volume is '
            'mounted at %s, and its data would stay' % (
                placement.share_id, placement.path), answer=mount.device,
            check='unmanage the share; or unmount that in the service '
                  'instance, and delete its volume yourself')


def _holders(volume: records.Volume, facts: LeavingFacts) -> list[str]:
    """Return the servers that a volume has to be taken from."""
    found = list(transitions.servers_of(volume))
    host = facts.host.id if facts.host else None
    if len(found) > 1 or facts.strangers or (
            host is not None and found not in ([], [host])):
        raise exception.Conflict(
            'Volume %s is attached to %s, where nothing of it was released'
            % (planning.called(volume), ', '.join(found)),
            check='detach it, once nobody uses it there')
    if not found and host is not None and volume.status in (
            'in-use', 'reserved', 'attaching', 'detaching'):
        return [host]
    return found
