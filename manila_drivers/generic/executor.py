# SPDX-License-Identifier: Apache-2.0

"""Carries out the steps of plans: volumes, attachments, file systems.

A step is done by the method of its name, ``attach volume`` by
``attach_volume``.  Each can be repeated.  What is done inside a service
instance is decided by ``guest_planning`` from a look that is taken for that
step, with everybody else kept out: a disk that has just been attached was not
there before.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import assessment
from manila_drivers.generic import client
from manila_drivers.generic import exporting
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import notes
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.nas import exports
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Commands = list[command.Command]
#: Decides what to do in an instance from what there is in it.
Decide = Callable[[guest_records.GuestFacts], Commands]


class GenericExecutor:
    """Does what plans say.

    :param volumes: of the shares.
    :param instances: what serves them.
    """

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts, kept: notes.GenericNotes,
                 chosen: settings.GenericSettings) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._notes = kept
        self._chosen = chosen

    def run(self, steps: plan.Plan) -> dict[str, Any]:
        """Carry out a plan; see :func:`manila_drivers.plan.run`."""
        return plan.run(steps, self.perform)

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        method = getattr(self, action.replace(' ', '_'))
        done = method(target, **args)
        return done if isinstance(done, plan.Done) else plan.Done(done)

    # -- volumes ---------------------------------------------------------

    def create_volume(self, name: str, share_id: str, gib: int, zone: str,
                      snapshot_id: str,
                      place: Mapping[str, str]) -> plan.Done:
        """Ask for a volume; write down which it is, at once.

        :param place: where it will be served, which no later option changes.
        """
        done = self._volumes.create(share_id, gib, zone, snapshot_id or None)
        self._notes.update(share_id, volume_id=done.value.id,
                           cloning=bool(snapshot_id), **place)
        return done

    def take_volume(self, name: str, share_id: str, ident: str,
                    clone: bool, place: Mapping[str, str]) -> None:
        self._notes.update(share_id, volume_id=ident, cloning=clone, **place)

    def await_volume(self, name: str, ident: str, gib: int) -> None:
        self._volumes.created(ident, gib)

    def delete_volume(self, name: str, ident: str) -> None:
        self._volumes.delete(ident)

    def attach_volume(self, name: str, ident: str, server_id: str) -> None:
        self._volumes.attach(ident, server_id)

    def detach_volume(self, name: str, ident: str, server_id: str,
                      silent: records.ServiceHost | None,
                      leaving: bool) -> None:
        """Take a volume from a server.

        :param silent: the server, if it did not answer before.
        :param leaving: the volume is deleted then.
        """
        _, error = exception.caught(lambda: self._volumes.detach(
            ident, server_id, leaving=leaving))
        if error is None:
            return
        if silent is None or not isinstance(error, exception.Busy):
            raise error
        # Nova has waited for it for minutes, and SSH as well: it hangs, and
        # serves nobody.
        LOG.warning('Server %s does not let go of volume %s and does not '
                    'answer: it is rebooted. %s', server_id, name, error)
        _, failure = exception.caught(lambda: self._hosts.reboot(silent))
        if failure is not None:
            LOG.warning('Server %s: %s', server_id, failure)
        self._volumes.detach(ident, server_id, leaving=leaving)

    def extend_volume(self, name: str, ident: str, gib: int) -> None:
        self._volumes.extend(ident, gib)

    def rename_volume(self, name: str, ident: str) -> None:
        self._volumes.rename(ident, name)

    def revert_volume(self, name: str, ident: str, snapshot_id: str) -> None:
        self._volumes.revert(ident, snapshot_id)

    # -- snapshots -------------------------------------------------------

    def create_snapshot(self, name: str, snapshot_id: str,
                        volume_id: str) -> plan.Done:
        """Ask for a snapshot and write down which it is, at once."""
        done = self._volumes.create_snapshot(volume_id, snapshot_id)
        self._notes.remember_snapshot(snapshot_id, done.value.id)
        return done

    def take_snapshot(self, name: str, snapshot_id: str, ident: str) -> None:
        self._notes.remember_snapshot(snapshot_id, ident)

    def begin_snapshot(self, name: str, ident: str, seconds: int) -> None:
        self._volumes.snapshot_begun(ident, seconds)

    def await_snapshot(self, name: str,
                       ident: str) -> records.VolumeSnapshot:
        return self._volumes.snapshot_created(ident)

    def delete_snapshot(self, name: str, ident: str,
                        status: str | None) -> None:
        self._volumes.delete_snapshot(ident, status)

    def forget_snapshot(self, snapshot_id: str) -> None:
        self._notes.forget(snapshot_id)

    # -- notes -----------------------------------------------------------

    def note_share(self, share_id: str, changes: Mapping[str, Any]) -> None:
        self._notes.update(share_id, **changes)

    def finish_clone(self, share_id: str) -> None:
        self._notes.update(share_id, cloning=False)

    def forget_share(self, share_id: str) -> None:
        self._notes.forget(share_id)

    # -- inside service instances ----------------------------------------

    def serve_share(self, path: str, placement: records.Placement,
                    host: records.ServiceHost, volume_id: str,
                    gib: int) -> None:
        """Format the volume if it is empty, and mount it."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.serve(
            found, served, fresh=True, reserve=not self._chosen.no_reserve))

    def serve_clone(self, path: str, placement: records.Placement,
                    host: records.ServiceHost, volume_id: str,
                    gib: int, wanted: int) -> None:
        """Give a copy a name of its own, mount and grow it.

        It carries the name of what it is a copy of, which may be mounted in
        the same instance.

        :param wanted: GiB of the share; the volume may have more.
        """
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.reidentify(
            found, served, wanted))
        self._inside(host, served, lambda found: guest_planning.serve(
            found, served))
        self._inside(host, served, lambda found: guest_planning.grow(
            found, served, wanted))

    def serve_share_again(self, path: str, placement: records.Placement,
                          host: records.ServiceHost, volume_id: str,
                          gib: int) -> None:
        """Mount a share that is there, and export it as it was."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: served_again(
            found, served))

    def serve_shares_again(self, target: str, host: records.ServiceHost,
                           served: Sequence[guest_records.Served]) -> None:
        """Mount several shares that are there, in two round trips."""
        def once() -> None:
            found = self._hosts.look(host, [one.disk for one in served])
            self._hosts.guest(host).run([
                command for one in served
                for command in served_again(found, one)])

        with self._hosts.locked(host):
            self._hosts.persist(once)

    def evict_disk(self, path: str, placement: records.Placement,
                   host: records.ServiceHost, volume_id: str,
                   gib: int) -> None:
        """Unmount another disk that is in the place of a share."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.evict(
            found, served) if assessment.intruder(found, served) else [],
            wait=0.0)

    def suspend_share(self, path: str, placement: records.Placement,
                      host: records.ServiceHost, volume_id: str,
                      gib: int) -> None:
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.suspend(
            found, served), wait=0.0)

    def release_share(self, path: str, placement: records.Placement,
                      host: records.ServiceHost, volume_id: str,
                      gib: int) -> None:
        """Close a share and unmount it, for good."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.release(
            found, served), wait=0.0)

    def clear_away(self, path: str, host: records.ServiceHost,
                   name: str, ident: str) -> None:
        """Take away what is left of a share that was deleted."""
        served = guest_records.Served(
            name, ident, path, guest_records.Disk(ident, 1),
            self._chosen.fstype)
        self._inside(host, served, lambda found: guest_planning.release(
            found, served) if assessment.abandoned(
                found, self._chosen.root, path) else [], wait=0.0)

    def grow_file_system(self, path: str, placement: records.Placement,
                         host: records.ServiceHost, volume_id: str, gib: int,
                         wanted: int) -> None:
        """Grow what is on a volume; a share that is away is mounted first."""
        served = placement.served(volume_id, gib)

        def once() -> None:
            guest = self._hosts.guest(host)
            found = self._look(host, served)
            if not found.serves(served):
                # Its disk may not have grown yet.
                guest.run(served_again(found, placement.served(volume_id,
                                                               1)))
                found = self._look(host, served)
            guest.run(guest_planning.grow(found, served, wanted))

        with self._hosts.locked(host):
            self._hosts.persist(once)

    def _look(self, host: records.ServiceHost, served: guest_records.Served,
              wait: float = hosts.APPEARS) -> guest_records.GuestFacts:
        return self._hosts.look(host, [served.disk], wait=wait)

    def shrink_file_system(self, path: str, host: records.ServiceHost,
                           commands: Commands) -> None:
        """Shrink a file system, as was decided before."""
        self._hosts.guest(host).run(commands)

    def freeze_share(self, path: str, share_id: str,
                     host: records.ServiceHost,
                     commands: Commands) -> plan.Done:
        """Hold back writes to a share; if that fails, they are not."""
        _, error = exception.caught(
            lambda: self._hosts.guest(host).run(commands))
        if error is None:
            return plan.Done()
        LOG.warning('Share %s is written to while its snapshot is taken: %s',
                    share_id, error)
        # A command whose end was not seen may have frozen it.
        return plan.Done(created=isinstance(error,
                                            exception.OutcomeUnknown))

    def thaw_share(self, path: str, share_id: str, host: records.ServiceHost,
                   commands: Commands) -> None:
        """Let writes go on; they do by themselves, if this fails."""
        _, error = exception.caught(
            lambda: self._hosts.guest(host).run(commands))
        if error is not None:
            LOG.warning('Share %s is written to again a little later: %s',
                        share_id, error)

    def export_share(self, path: str, host: records.ServiceHost,
                     found: guest_records.GuestFacts,
                     goal: exporting.Goal) -> None:
        """Say who may reach a share, and see that it is so."""
        guest = self._hosts.guest(host)
        if isinstance(goal, exports.Export):
            guest.export(found, goal)
        else:
            guest.share(found, goal)

    def _inside(self, host: records.ServiceHost,
                served: guest_records.Served, decide: Decide, *,
                wait: float = hosts.APPEARS) -> tuple[command.Result, ...]:
        """Look into an instance and do what follows: two round trips.

        :param wait: seconds until the disk has to be there.
        """
        def once() -> tuple[command.Result, ...]:
            found = self._look(host, served, wait)
            return self._hosts.guest(host).run(decide(found))

        with self._hosts.locked(host):
            return self._hosts.persist(once)


def served_again(found: guest_records.GuestFacts,
                 served: guest_records.Served) -> Commands:
    """Return what mounts a share that is there, and exports it as it was.

    What is left of a disk that has gone is closed before that.
    """
    dead = found.mount(served.path) is not None \
        and not found.serves(served)
    return [*guest_planning.serve(found, served),
            *guest_access.reopened(found, served, always=dead)]
