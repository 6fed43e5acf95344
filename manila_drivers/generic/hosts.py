# SPDX-License-Identifier: Apache-2.0

"""Service instances as shares need them: which one, and what is in it."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
import dataclasses
import time
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.generic import errors
from manila_drivers.generic import guest
from manila_drivers.generic import guest_records
from manila_drivers.generic import notes
from manila_drivers.generic import paths
from manila_drivers.generic import records
from manila_drivers.generic import settings
from manila_drivers.service_instance import manager
from manila_drivers.transport import retry

T = TypeVar('T')

#: Seconds for which a call waits for others about the same instance.
TURN = 600.0
#: Seconds for which a call waits for what is at work on a share in there,
#: with nobody listening to it any more.
LEFT = 60.0
#: Seconds in which something is done again whose connection was lost.
PERSISTS = 20.0
#: Seconds until a volume that has been attached has to be seen in there.
APPEARS = 60.0


class ServiceHosts:
    """The service instances of one backend."""

    def __init__(self, instances: manager.ServiceInstanceManager,
                 chosen: settings.GenericSettings, lock: notes.Lock, *,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._instances = instances
        self.settings = chosen
        self._lock = lock
        self._clock = clock
        self._sleep = sleep
        # Of share servers that a call was about, by the server's id in Nova.
        self._met: dict[str, records.ServiceHost] = {}

    # -- which one -------------------------------------------------------

    def of(self, what: call.Call) -> records.ServiceHost:
        """Return the instance that a share is on.

        :raises InvalidRequest: it is on a share server where there are none,
            or on none where there are.
        """
        return self.of_server(what.server, 'share %s' % what.share.id)

    def of_server(self, server: model.ShareServer | None,
                  what: str) -> records.ServiceHost:
        if not self.settings.handles_servers:
            if server is not None:
                raise exception.InvalidRequest(
                    'The call about %s names share server %s, and this '
                    'backend has none' % (what, server.id),
                    check='that the share type has '
                          'driver_handles_share_servers = False')
            return records.ServiceHost.of(self._instances.common())
        if server is None:
            raise exception.InvalidRequest(
                'The call about %s names no share server' % what,
                check='that it has a share network')
        host = records.ServiceHost.of(server.details)
        self._met[host.id] = host
        return host

    def running(self) -> list[records.ServiceHost]:
        """Return the instances of share servers that run, as far as known.

        Those that this driver has made or taken over, and those that a call
        was about since the service was started.
        """
        found, there = self._instances.running()
        for ident in self._met.keys() - there:
            del self._met[ident]
        made = (records.ServiceHost.leaving(each) for each in found)
        return list({**{each.id: each for each in made if each},
                     **self._met}.values())

    def of_or_none(self, what: call.Call) -> records.ServiceHost | None:
        """Return the instance a share is on, None if there is none any more.

        For a share that goes: nothing else depends on it.
        """
        server = what.server
        if self.settings.handles_servers:
            return None if server is None \
                else records.ServiceHost.leaving(server.details)
        try:
            return self.of(what)
        except exception.NotFound:
            return None

    def common(self) -> records.ServiceHost:
        """Return the server that serves all shares of a backend."""
        return records.ServiceHost.of(self._instances.common())

    def configured(self) -> str:
        """Return what addresses depend on, as text.

        Options name a server and networks, and an operator may put another
        server in its place: shares are to be checked then as well.  A start
        has looked for it, so that nobody is asked again.
        """
        if self.settings.handles_servers:
            return ''
        common = self._instances.settings.common
        told = [] if common is None else [
            common.server, common.service_address, common.tenant_address]
        # A failure here would be the end of the start.
        host, _ = exception.caught_any(self.common)
        if host is not None:
            told += [host.id, host.admin_address, *host.addresses]
        return ','.join(told)

    def placement(self, share: model.Share,
                  note: notes.ShareNote) -> records.Placement:
        """Return where a share is, or is to be, in its instance."""
        name = paths.share_name(share)
        return records.Placement(
            share.id, name,
            note.path or paths.mount_path(self.settings.root, share),
            note.section or name, share.id, share.proto,
            self.settings.fstype)

    # -- what is in it ---------------------------------------------------

    def guest(self, host: records.ServiceHost) -> guest.Guest:
        return guest.Guest(self._instances.runner(host.details),
                           clock=self._clock, sleep=self._sleep)

    def locked(self, host: records.ServiceHost,
               ) -> AbstractContextManager[Any]:
        """Keep others from changing whom an instance lets in.

        Not while anything is waited for but its answer.
        """
        return self._lock(paths.server_lock(host.id), TURN)

    def deciding(self, share_id: str, timeout: float | None = None,
                 ) -> AbstractContextManager[Any]:
        """Keep others from changing who reaches a share."""
        return self._lock(paths.access_lock(share_id),
                          TURN if timeout is None else timeout)

    def look(self, host: records.ServiceHost,
             disks: Sequence[guest_records.Disk], *, wait: float = 0.0,
             timeout: float | None = None,
             partly: bool = False,
             serving: bool = False) -> guest_records.GuestFacts:
        """Return what is in an instance, in one command.

        :param disks: that are of interest.
        :param wait: seconds until they have to be there.
        :param partly: see ``guest_facts.understand``.
        :param serving: ask as well what smb.conf comes to.
        """
        return self.persist(lambda: self.guest(host).look(
            disks, wait=wait, timeout=timeout, partly=partly,
            serving=serving))

    def look_free(self, host: records.ServiceHost,
                  served: Sequence[guest_records.Served], *,
                  content: bool = True,
                  wait: float = 0.0) -> guest_records.GuestFacts:
        """Return what is in an instance, with nobody at work on some shares.

        A call that was cut off may have left somebody at work.

        :param content: ask what is on their disks as well.
        :param wait: seconds until those have to be there.
        :raises Busy: somebody still is.
        """
        attempts = retry.Attempts(dataclasses.replace(
            retry.REST, first=1.0, total=LEFT), self._clock, self._sleep)
        while True:
            found = self.look(host, [one.disk for one in served if content],
                              wait=wait)
            busy = [one.path for one in served if one.ident in found.working]
            if not busy:
                return found
            if not attempts.again():
                raise at_work(host, ', '.join(busy))

    def turns(self, seconds: float) -> retry.Attempts:
        """Return attempts, one a second, until so many seconds are over."""
        return retry.Attempts(dataclasses.replace(
            retry.POLLING, first=1.0, longest=1.0, total=seconds),
            self._clock, self._sleep)

    def persist(self, call: Callable[[], T]) -> T:
        """Do something again after a connection was lost on the way.

        :param call: looks first, or does nothing but look.
        """
        attempts = retry.Attempts(dataclasses.replace(
            retry.REST, total=PERSISTS), self._clock, self._sleep)
        while True:
            try:
                return call()
            except exception.OutcomeUnknown:
                if not attempts.again():
                    raise

    def glance(self, host: records.ServiceHost | None,
               disks: Sequence[guest_records.Disk],
               ) -> tuple[guest_records.GuestFacts | None,
                          exception.DriverError | None]:
        """Return what is in an instance, or why nobody can tell.

        One that cannot be logged in to costs ``generic_probe_timeout``, and
        one that has stopped to answer three times as much.
        """
        if host is None:
            return None, None
        limit = self.settings.probe_timeout
        with retry.patience(limit):
            found, error = exception.caught(lambda: self.look(
                host, disks, timeout=3 * limit))
        if error is not None and not errors.is_silent(error):
            raise error
        return found, error

    def reboot(self, host: records.ServiceHost) -> None:
        """Reboot an instance as with its power switch."""
        self._instances.reboot(host.details, hard=True)

    def refresh(self) -> None:
        """Forget what is remembered of the common server."""
        if not self.settings.handles_servers:
            self._instances.common(refresh=True)

    # -- where clients mount ---------------------------------------------

    def locations(self, host: records.ServiceHost,
                  placement: records.Placement) -> list[dict[str, Any]]:
        """Return the export locations of a share: for clients first."""
        def export(address: str) -> str:
            if placement.is_cifs:
                return paths.cifs_export(address, placement.section)
            return paths.nfs_export(address, placement.path)

        found = [model.export_location(export(address))
                 for address in host.addresses]
        if host.admin_address and not any(
                paths.same_address(host.admin_address, address)
                for address in host.addresses):
            found.append(model.export_location(export(host.admin_address),
                                               admin_only=True))
        return found


def at_work(host: records.ServiceHost, what: str) -> exception.Busy:
    """Return the error for a share that a script in an instance has."""
    return exception.Busy(
        'Server %s is still at work on %s for a call before this one'
        % (host.id, what), check='processes of manila in that server, such '
                                 'as e2fsck and resize2fs')


def by_server(hosts: Mapping[str, records.ServiceHost | None],
              ) -> dict[str, list[str]]:
    """Return the shares on each server, by its id."""
    found: dict[str, list[str]] = {}
    for share_id, host in hosts.items():
        if host is not None:
            found.setdefault(host.id, []).append(share_id)
    return found
