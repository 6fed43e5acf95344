# SPDX-License-Identifier: Apache-2.0

"""Shares: their life and their size.

Each operation reads facts, lets ``manila_drivers.generic.planning`` decide
and runs the plan.  Each may be repeated after any interruption.
"""

from collections.abc import Mapping
import dataclasses
import functools
import logging
import posixpath
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.driver import call
from manila_drivers.generic import client
from manila_drivers.generic import errors
from manila_drivers.generic import executor
from manila_drivers.generic import guest_codes
from manila_drivers.generic import guest_records
from manila_drivers.generic import hosts
from manila_drivers.generic import leaving_planning
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.generic import size_planning
from manila_drivers.generic import transitions

LOG = logging.getLogger(__name__)

#: Seconds for which a call waits for others about the same share.
TURN = 900.0


class GenericShares:
    """Operations on shares of one backend."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 steps: executor.GenericExecutor, kept: notes.GenericNotes,
                 lock: notes.Lock) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._executor = steps
        self._notes = kept
        self._lock = lock
        self._settings: settings.GenericSettings = instances.settings

    def create(self, call: call.Call) -> list[dict[str, Any]]:
        """Make an empty share that nobody can reach yet.

        :returns: its export locations.
        :raises InvalidRequest: its protocol is not served.
        :raises NoRoom: there is no room for its volume, or its service
            instance takes no more.
        """
        share = call.share
        planning.check_protocol(share, self._settings.protocols)
        host = self._hosts.of(call)
        with self._lock(paths.share_lock(share.id), TURN):
            note = self._notes.share(share.id)
            volume = self._volumes.volume_of(share.id, note.volume_id)
            server = self._volumes.server(host.id)
            new = self.new(call, host, note)
            steps = planning.create(new, server, volume)
            self._executor.run(steps)
        return self._hosts.locations(host, new.placement)

    def new(self, call: call.Call, host: records.ServiceHost,
            note: notes.ShareNote,
            snapshot: records.VolumeSnapshot | None = None,
            ) -> planning.NewShare:
        """Return what a share that is to be made has."""
        share, chosen = call.share, self._settings
        if not share.size:
            raise exception.InvalidRequest(
                'Share %s is to be made without a size' % share.id)
        return planning.NewShare(
            self._hosts.placement(share, note), host,
            self._volumes.volume_name(share.id), share.size,
            share.availability_zone, chosen.max_volumes, snapshot)

    def delete(self, call: call.Call) -> None:
        """Remove a share, also if what served it is gone or hangs."""
        share = call.share
        with self._lock(paths.share_lock(share.id), TURN):
            note = self._notes.share(share.id)
            volume = self._volumes.volume_of(share.id, note.volume_id,
                                             everywhere=True, leaving=True)
            twins = self._volumes.twins(share.id, volume)
            facts = dataclasses.replace(
                self._leaving(call, volume), twins=tuple(twins),
                recorded=note.volume_id, leaving=note.leaving,
                by_path=bool(note.path and not note.volume_id))
            if volume is None and note.volume_id:
                facts = dataclasses.replace(
                    facts, seen=self._volumes.sight(facts.server))
            placement = planning.leaving(
                self._hosts.placement(share, note), volume, facts.found)
            steps = leaving_planning.delete(placement, facts)
            self._executor.run(steps)

    def _leaving(self, call: call.Call, volume: records.Volume | None,
                 ) -> leaving_planning.LeavingFacts:
        host = self._hosts.of_or_none(call)
        server = None if host is None else self._volumes.server(host.id)
        found: guest_records.GuestFacts | None = None
        silence: exception.DriverError | None = None
        if host is not None and server is not None \
                and host.reachable and server.status != 'SHUTOFF':
            found, silence = self._hosts.glance(host, ())
            if silence is not None and errors.is_alive(silence):
                # It serves the share, and may go on with it.
                raise silence
            if silence is not None:
                LOG.warning('Share %s is deleted although its service '
                            'instance does not answer. What is left of it '
                            'there goes with the next check of all shares: '
                            '%s', call.share.id, silence)
        return leaving_planning.LeavingFacts(
            volume, host, server, found, refused=isinstance(
                silence, (exception.AccessDenied, exception.NotTrusted)),
            strangers=() if host is not None or volume is None else tuple(
                ident for ident in transitions.servers_of(volume)
                if self._volumes.server(ident) is not None))

    # -- sizes -----------------------------------------------------------

    def resize(self, call: call.Call, gib: int, *, shrink: bool) -> None:
        """Change the size to ``gib`` GiB.

        :raises PossibleDataLoss: more than that is in use.
        :raises NotFound: the share has no volume.
        """
        with self._lock(paths.share_lock(call.share.id), TURN):
            if shrink:
                self._shrink(call, gib)
            else:
                self._extend(call, gib)

    def _extend(self, call: call.Call, gib: int) -> None:
        facts = self.served(call.share, self._hosts.of(call))
        steps = size_planning.extend(facts, gib)
        _, refused = exception.caught(lambda: self._executor.run(steps))
        if refused is None:
            return
        if not isinstance(refused, (errors.NotWhileAttached,
                                    guest_codes.NotGrown)):
            raise refused
        LOG.warning('The volume of share %s cannot be extended while it is '
                    'attached, so that the share is away for a moment: %s',
                    call.share.id, refused)
        if isinstance(refused, errors.NotWhileAttached) and refused.broken:
            # Nothing else can be done with it before, snapshots included.
            self._volumes.restore_status(facts.volume)
        steps = size_planning.extend(facts, gib, offline=True)
        self._executor.run(steps)

    def _shrink(self, call: call.Call, gib: int) -> None:
        facts = self.served(call.share, self._hosts.of(call))
        away = self._shrunk(facts, gib)
        if away is None:
            return
        LOG.warning('Share %s is not mounted, as a call that was cut off '
                    'leaves it, and is brought back before it is shrunk',
                    call.share.id)
        back = plan.Plan(tuple(planning.back(away)))
        # What is in use nobody knows before.
        plan.show(back + plan.Plan((size_planning.shrinking(
            facts.placement.path, gib),)))
        self._executor.run(back)
        away = self._shrunk(facts, gib)
        if away is not None:
            planning.check_served(away)

    def _shrunk(self, facts: planning.ServedFacts,
                gib: int) -> planning.ServedFacts | None:
        """Shrink a share if it is in its place; if not, return what is."""
        # Who has access must not change until it is back.
        with self._hosts.deciding(facts.served.ident):
            found = self._hosts.look_free(facts.host, [facts.served],
                                          content=False)
            facts = dataclasses.replace(facts, found=found)
            if not found.serves(facts.served):
                return facts
            self._executor.run(size_planning.shrink(facts, gib))
        return None

    def served(self, share: model.Share, host: records.ServiceHost, *,
               look: bool = False) -> planning.ServedFacts:
        """Return a share with its volume.

        :param look: into its service instance as well.
        :raises NotFound: there is no volume.
        """
        note = self._notes.share(share.id)
        volume = self._volumes.volume_of(share.id, note.volume_id)
        if volume is None:
            raise exception.NotFound(
                'Share %s has no volume' % share.id,
                check='volume %s in Cinder' % (
                    note.volume_id or self._volumes.volume_name(share.id)))
        placement = self._hosts.placement(share, note)
        found = self._hosts.look(host, ()) if look else None
        return planning.ServedFacts(placement, host, volume, found)

    def usage(self) -> Mapping[str, float]:
        """Return GiB in use by the names of shares.

        Manila does not tell here which share servers there are: those that
        are known, and run, are asked.  One that does not answer is left out.
        """
        if not self._settings.handles_servers:
            return self._used(self._hosts.look(self._hosts.common(), ()))
        found: dict[str, float] = {}
        for host in self._hosts.running():
            used, error = exception.caught(functools.partial(
                self._used_or_silent, host))
            if error is not None:
                LOG.warning('What shares use on service instance %s is not '
                            'known: %s', host.id, error)
            found.update(used or {})
        return found

    def _used_or_silent(self, host: records.ServiceHost) -> dict[str, float]:
        """Return what :meth:`_used` does; a dead instance costs little.

        :raises Unreachable: it does not answer.
        """
        found, silent = self._hosts.glance(host, ())
        if silent is not None:
            raise silent
        return self._used(found) if found else {}

    def _used(self, found: guest_records.GuestFacts) -> dict[str, float]:
        return {posixpath.basename(path): space.used / model.GiB
                for path, space in found.spaces.items()
                if posixpath.dirname(path) == self._settings.root}
