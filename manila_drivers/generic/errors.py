# SPDX-License-Identifier: Apache-2.0

"""Answers of Cinder about volumes, as errors that say what to do.  Pure."""

from manila_drivers import exception
from manila_drivers.generic import transitions
from manila_drivers.openstack import records
from manila_drivers.transport import script

#: Answers to an extension of a volume in use that say nothing about one that
#: is detached: the version or the storage does not know it, or the right for
#: it is missing.
_ONLINE = frozenset({400, 403, 406})


class NotWhileAttached(exception.BackendError):
    """A volume could not be extended while it is attached.

    :ivar broken: the volume is left in ``error_extending``.
    """

    broken = False


def failed(what: str, status: str | None,
           why: str) -> exception.BackendError:
    """Return the error for something that ended in an error.

    :param why: of Cinder, or ''.
    """
    kind = exception.NoRoom if 'weighted backend' in why \
        else exception.BackendError
    return kind(what, answer=why or 'its status is %s' % status,
                check='the log of cinder-volume')


def extension(error: exception.BackendError,
              volume: records.Volume) -> exception.DriverError:
    """Return what the refusal of an extension is."""
    if error.status in _ONLINE and volume.status == 'in-use' \
            and not isinstance(error, exception.NoRoom):
        return NotWhileAttached(error.what, status=error.status,
                                answer=error.answer, check=error.check)
    return error


def broken_extension(volume: records.Volume,
                     why: str) -> exception.DriverError:
    """Return the error for a volume that could not be extended."""
    found = NotWhileAttached(
        'Volume %s could not be extended' % volume.id,
        answer=why or 'its status is %s' % volume.status,
        check='the log of cinder-volume')
    found.broken = True
    return found if volume.attachments else failed(
        found.what, volume.status, why)


def stuck(volume: records.Volume,
          refused: exception.DriverError) -> exception.DriverError:
    """Return the error for a volume whose status is in the way.

    :param refused: what could not be done for it.
    """
    kind = exception.AccessDenied if isinstance(
        refused, exception.AccessDenied) else exception.BackendError
    return kind(
        '%s. Volume %s is %s, and only an administrator can end that'
        % (refused.what, volume.id, volume.status), answer=refused.answer,
        check='once nothing works on that volume: openstack volume set '
              '--state %s %s' % (transitions.rest_of(volume), volume.id))


def no_room(volume: records.Volume, gib: int,
            why: str) -> exception.DriverError:
    """Return the error for an extension that changed nothing."""
    if volume.size is None:
        return exception.BackendError(
            'Cinder does not tell the size of volume %s, which was to be '
            'extended to %d GiB' % (volume.id, gib), answer=why,
            check='the answer about that volume, and who changes it on its '
                  'way')
    return exception.NoRoom(
        'Volume %s has still %s GiB and not %d' % (volume.id, volume.size,
                                                   gib),
        answer=why, check='the room in the pool of the volume')


def is_gone(error: exception.DriverError | None) -> bool:
    return isinstance(error, exception.NotFound)


def is_alive(error: exception.DriverError | None) -> bool:
    """Tell if a service instance has begun to answer, and does not hang."""
    return isinstance(error, script.Interrupted) and error.alive


def is_silent(error: exception.DriverError | None) -> bool:
    """Tell if a service instance did not answer, whatever the reason."""
    return isinstance(error, (exception.TransportError,
                              exception.AccessDenied))
