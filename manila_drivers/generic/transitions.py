# SPDX-License-Identifier: Apache-2.0

"""Decide from the status of a volume how far a change of it is.  Pure.

What the services answered was seen on Nova and Cinder of 2026.2.  A request
is accepted before anything happens, and what fails later is shown by the
status alone: a volume that could not be attached is ``available`` again, one
that could not be detached ``in-use``, and one for which there was no room is
what it was, with its old size.
"""

import enum

from manila_drivers.openstack import records

#: Seconds during which a volume may still show what it was before.
GRACE = 30.0


class ChangeState(enum.Enum):
    """How far a change is."""

    GOING = 'going on'
    DONE = 'done'
    FAILED = 'failed'
    #: It looks as before: it may have failed, or not have been begun.
    UNCHANGED = 'unchanged'


_MOVING = frozenset({'reserved', 'attaching'})
#: Statuses in which a volume is being filled or made.
BEING_MADE = frozenset({'creating', 'downloading'})
#: Statuses that a volume has between changes.
AT_REST = frozenset({'available', 'in-use'})
#: Statuses that a change of ours has, and which end by themselves: the
#: service goes on with it, whatever becomes of the one who has asked.
WORKED_ON = BEING_MADE | {'extending', 'reverting'}
#: The same of snapshots: Cinder deletes none of these.
SNAPSHOT_WORKED_ON = frozenset({'creating', 'backing-up', 'restoring'})
#: Statuses in which a server has a volume, or had it just now.
HELD = frozenset({'in-use', 'detaching', 'extending', 'error_extending'})
#: Statuses out of which the volume of a share gets back to its server.
RETURNING = HELD | _MOVING | {'available', 'reverting'}
#: Statuses from which Cinder deletes a volume.
DELETABLE = frozenset({
    'available', 'error', 'error_restoring', 'error_extending',
    'error_managing', 'error_deleting'})


def is_error(status: str | None) -> bool:
    return status is not None and 'error' in status


def is_stuck(status: str | None) -> bool:
    """Tell if a status may be left over from something that has ended.

    ``maintenance`` is none of those: somebody has said so.
    """
    return is_error(status) or status == 'reserved'


def is_forgotten(volume: records.Volume) -> bool:
    """Tell if Cinder calls a volume in use, and knows of nobody who uses it.

    A detachment that was cut off has left it so, and nothing ends that.
    """
    return volume.status == 'in-use' and volume.attachments == ()


def rest_of(volume: records.Volume) -> str:
    """Return the status that a volume has if nothing is done with it.

    Cinder refuses ``in-use`` if nothing uses it, and takes ``available``
    whatever does.
    """
    return 'available' if volume.attachments == () else 'in-use'


def on_server(volume: records.Volume, server_id: str) -> bool:
    return any(one.server_id == server_id
               for one in volume.attachments or ())


def is_away(volume: records.Volume) -> bool:
    """Tell if no server has a volume, or not yet, or not for long."""
    return volume.attachments == () or is_moving(volume) \
        or volume.status == 'available'


def servers_of(volume: records.Volume) -> tuple[str, ...]:
    """Return the ids of the servers that a volume is attached to."""
    return tuple(dict.fromkeys(
        one.server_id for one in volume.attachments or () if one.server_id))


def creating(volume: records.Volume, gib: int | None = None) -> ChangeState:
    """Tell how far a new volume is.

    :param gib: size that it has to have; a copy of a snapshot may be
        available before it has grown.
    """
    if is_error(volume.status):
        return ChangeState.FAILED
    if volume.status in AT_REST and (
            gib is None or volume.size is None or volume.size >= gib):
        return ChangeState.DONE
    return ChangeState.GOING


def attaching(volume: records.Volume, server_id: str, *,
              moved: bool) -> ChangeState:
    """Tell how far an attachment is.

    :param moved: the volume has been seen on its way.
    """
    if volume.status == 'in-use':
        # Cinder may say so before it names the server.
        if on_server(volume, server_id):
            return ChangeState.DONE
        return ChangeState.FAILED if servers_of(volume) else ChangeState.GOING
    if volume.status == 'available':
        return ChangeState.FAILED if moved else ChangeState.UNCHANGED
    return ChangeState.FAILED if is_error(volume.status) else ChangeState.GOING


def detaching(volume: records.Volume | None, server_id: str, *,
              moved: bool) -> ChangeState:
    """Tell how far a detachment is.

    :param volume: None if it is gone.
    :param moved: the volume has been seen on its way.
    """
    if volume is None or volume.status == 'available':
        return ChangeState.DONE
    if volume.status == 'in-use':
        if volume.attachments is not None \
                and not on_server(volume, server_id):
            return ChangeState.DONE
        return ChangeState.FAILED if moved else ChangeState.UNCHANGED
    # In "error" nothing holds it, if nothing is named.
    if is_error(volume.status) and volume.attachments == ():
        return ChangeState.DONE
    return ChangeState.GOING


def is_moving(volume: records.Volume | None) -> bool:
    """Tell if a volume is being attached or detached."""
    return volume is not None and (
        volume.status in _MOVING or volume.status == 'detaching')


def extending(volume: records.Volume, gib: int) -> ChangeState:
    """Tell how far an extension is.

    Cinder shows ``error_extending`` where the storage refused, and what was
    before where no room was found.
    """
    if is_error(volume.status):
        return ChangeState.FAILED
    if volume.status not in AT_REST:
        return ChangeState.GOING
    if volume.size is not None and volume.size >= gib:
        return ChangeState.DONE
    return ChangeState.UNCHANGED


def deleting(status: str | None) -> ChangeState:
    """Tell how far a deletion is of what is still there."""
    return (ChangeState.FAILED if status == 'error_deleting'
            else ChangeState.GOING)


def reverting(volume: records.Volume) -> ChangeState:
    if is_error(volume.status):
        return ChangeState.FAILED
    return (ChangeState.DONE if volume.status in AT_REST
            else ChangeState.GOING)
