# SPDX-License-Identifier: Apache-2.0

"""Decide about the size of a share.  Pure."""

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.generic import guest_planning
from manila_drivers.generic import planning
from manila_drivers.generic import transitions


def extend(facts: planning.ServedFacts, gib: int, *,
           offline: bool = False) -> plan.Plan:
    """Extend a volume and its file system.

    The volume may be large enough, after a shrink or a call that was cut
    off: the file system alone grows then.  A share that such a call has left
    away comes back first.

    :param offline: the share is away meanwhile, since its volume cannot be
        extended while it is attached.
    :raises Conflict: its volume is attached to another server.
    :raises Busy: it is away, and cannot come back.
    """
    volume = facts.volume
    planning.check_holders(facts.placement.share_id, facts.host, volume)
    grow = planning.in_guest(
        'grow file system', facts.placement, facts.host, volume.id,
        max(gib, volume.size or 0), 'to %d GiB' % gib, wanted=gib)
    step = plan.Step('extend volume', planning.called(volume),
                     {'ident': volume.id, 'gib': gib},
                     detail='from %s to %d GiB' % (volume.size, gib))
    if offline:
        return plan.Plan((*planning.away(facts, [step]), grow))
    steps = planning.back(facts) if transitions.is_away(volume) else []
    if volume.size is None or volume.size < gib or (
            volume.status != 'in-use' and not steps):
        steps.append(step)
    return plan.Plan((*steps, grow))


def shrink(facts: planning.ServedFacts, gib: int) -> plan.Plan:
    """Shrink a file system; its volume keeps its size, which Cinder wants.

    :raises PossibleDataLoss: more is in use, or it is not known how much.
    """
    placement, found = facts.placement, facts.found
    assert found is not None
    used = found.used(placement.path)
    if used is None or used >= gib * model.GiB:
        raise exception.PossibleDataLoss(
            'Share %s cannot shrink to %d GiB' % (placement.share_id, gib),
            answer='it is not told how much is in use' if used is None
            else '%d bytes are in use' % used)
    return plan.Plan((shrinking(
        placement.path, gib, host=facts.host, commands=guest_planning.shrink(
            found, facts.served, gib)),))


def shrinking(path: str, gib: int, **args: object) -> plan.Step:
    """Return the step that shrinks a file system; people need no more."""
    return plan.Step('shrink file system', path, args,
                     detail='to %d GiB' % gib)
