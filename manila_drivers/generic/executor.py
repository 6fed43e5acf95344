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
import contextlib
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import assessment
from manila_drivers.generic import client
from manila_drivers.generic import exporting
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
        self._again(host, [placement.served(volume_id, gib)])

    def serve_shares_again(self, target: str, host: records.ServiceHost,
                           served: Sequence[guest_records.Served]) -> None:
        """Mount several shares that are there, all at once."""
        self._again(host, served, wait=0.0)

    def _again(self, host: records.ServiceHost,
               served: Sequence[guest_records.Served],
               wait: float = hosts.APPEARS) -> None:
        """Mount shares, and then export them as it is written down by then.

        What is left of a disk that has gone is closed before that.
        """
        guest = self._hosts.guest(host)

        def mount() -> None:
            found = self._hosts.look_free(host, served, wait=wait)
            guest.run([command for one in served
                       for command in guest_planning.serve(found, one)])

        def reopen() -> None:
            found = self._hosts.look_free(host, served, content=False)
            guest.run([command for one in served
                       for command in guest_planning.resume(found, one)])

        self._hosts.persist(mount)
        with contextlib.ExitStack() as stack:
            for one in sorted(served, key=lambda one: one.ident):
                stack.enter_context(self._hosts.deciding(one.ident))
            self._hosts.persist(reopen)

    def evict_disk(self, path: str, placement: records.Placement,
                   host: records.ServiceHost, volume_id: str,
                   gib: int) -> None:
        """Unmount another disk that is in the place of a share."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.evict(
            found, served) if assessment.intruder(found, served) else [],
            wait=0.0, closes=True)

    def suspend_share(self, path: str, placement: records.Placement,
                      host: records.ServiceHost, volume_id: str,
                      gib: int) -> None:
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.suspend(
            found, served), wait=0.0, closes=True)

    def release_share(self, path: str, placement: records.Placement,
                      host: records.ServiceHost, volume_id: str,
                      gib: int) -> None:
        """Close a share and unmount it, for good."""
        served = placement.served(volume_id, gib)
        self._inside(host, served, lambda found: guest_planning.release(
            found, served), wait=0.0, closes=True)

    def clear_away(self, path: str, host: records.ServiceHost,
                   name: str, ident: str) -> None:
        """Take away what is left of a share that was deleted."""
        served = guest_records.Served(
            name, ident, path, guest_records.Disk(ident, 1),
            self._chosen.fstype)
        self._inside(host, served, lambda found: guest_planning.release(
            found, served) if assessment.abandoned(
                found, self._chosen.root, path) else [], wait=0.0,
            closes=True)

    def grow_file_system(self, path: str, placement: records.Placement,
                         host: records.ServiceHost, volume_id: str, gib: int,
                         wanted: int) -> None:
        """Grow what is on a volume; a share that is away is mounted first."""
        served = placement.served(volume_id, gib)

        def once() -> None:
            found = self._look(host, served)
            if not found.serves(served):
                # Its disk may not have grown yet.
                self._again(host, [placement.served(volume_id, 1)])
                found = self._look(host, served)
            self._hosts.guest(host).run(guest_planning.grow(found, served,
                                                            wanted))

        self._hosts.persist(once)

    def _look(self, host: records.ServiceHost, served: guest_records.Served,
              wait: float = hosts.APPEARS) -> guest_records.GuestFacts:
        return self._hosts.look_free(host, [served], wait=wait)

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
                     found: guest_records.GuestFacts, goal: exporting.Goal,
                     closed: str) -> None:
        """Say who may reach a share, and see that it is so.

        :param closed: id of the share, if a script has it closed, and opens
            it at its end; else ''.
        """
        guest = self._hosts.guest(host)
        if closed:
            guest.while_closed(found, goal, closed)
        elif isinstance(goal, exports.Export):
            guest.export(found, goal)
        else:
            guest.share(found, goal)

    def _inside(self, host: records.ServiceHost,
                served: guest_records.Served, decide: Decide, *,
                wait: float = hosts.APPEARS,
                closes: bool = False) -> tuple[command.Result, ...]:
        """Look into an instance and do what follows: two round trips.

        Others go on with other shares of it.

        :param wait: seconds until the disk has to be there.
        :param closes: who reaches the share is changed, and by nobody else
            meanwhile.
        """
        def once() -> tuple[command.Result, ...]:
            found = self._look(host, served, wait)
            return self._hosts.guest(host).run(decide(found))

        with self._hosts.deciding(served.ident) if closes \
                else contextlib.nullcontext():
            return self._hosts.persist(once)
