# SPDX-License-Identifier: Apache-2.0

"""From what a service VM has to what it shall have.  Pure.

Each function returns the commands of one script, in order, which ``Guest.run``
runs as root and alone; none if nothing has to be done.  Names of disks are of
the moment of the look, so that each command which touches a disk looks at its
serial number again.
"""

from manila_drivers.generic import guest_records
from manila_drivers.nas import exports
from manila_drivers.nas import samba
from manila_drivers.transport import command

Commands = list[command.Command]
Facts = guest_records.GuestFacts
Served = guest_records.Served


def serve(facts: Facts, served: Served, *, fresh: bool = False) -> Commands:
    """Mount a share's disk, now and after each boot.

    :param fresh: the volume was made for this share just now and holds
        nothing: format it, if that is what is seen, and let everybody write.
        Repetition finds its own file system and formats nothing.
    :raises NotFound: the disk is not there, or has nothing on it although
        it should.
    :raises Conflict: the disk, or the directory, holds something else.
    """
    raise NotImplementedError


def reidentify(facts: Facts, served: Served) -> Commands:
    """Give the file system of a clone its own UUID, before it is mounted.

    :raises Busy: it is mounted under its parent's UUID.
    """
    raise NotImplementedError


def grow(facts: Facts, served: Served, gib: int) -> Commands:
    """Wait until the disk has grown, and then grow what is mounted.

    :raises NotFound: the share is not mounted from its own disk.
    """
    raise NotImplementedError


def shrink(facts: Facts, served: Served, gib: int) -> Commands:
    """Take the share offline, make its file system smaller, bring it back.

    Whatever fails, mount and exports are brought back in the same script.

    :raises PossibleDataLoss: more is used than that.
    :raises Unsupported: of this kind of file system.
    """
    raise NotImplementedError


def suspend(facts: Facts, served: Served) -> Commands:
    """Close exports and unmount, so that the disk can be detached.

    Who had access stays written down: :func:`resume` brings it back.
    """
    raise NotImplementedError


def resume(facts: Facts, served: Served) -> Commands:
    """Export again what :func:`suspend` or a lost :func:`shrink` closed.

    The share has to be mounted: see :func:`serve`.
    """
    raise NotImplementedError


def release(facts: Facts, served: Served) -> Commands:
    """Take the share out of the VM for good; its disk may be detached then.

    :raises Busy: the disk is mounted elsewhere as well.
    """
    raise NotImplementedError


def freeze(facts: Facts, served: Served, seconds: int) -> Commands:
    """Hold writes back; the VM itself goes on after that time."""
    raise NotImplementedError


def thaw(facts: Facts, served: Served) -> Commands:
    """Let writes go on; prints ``late`` if they went on before."""
    raise NotImplementedError


def nfs(facts: Facts, export: exports.Export) -> Commands:
    """Export to the clients of an export and nobody else, for ever.

    Lines of /etc/exports that Manila's own driver left are taken over.
    """
    raise NotImplementedError


def cifs(facts: Facts, share: samba.Share) -> Commands:
    """Share with those of a share and nobody else, for ever."""
    raise NotImplementedError
