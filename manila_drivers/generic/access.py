# SPDX-License-Identifier: Apache-2.0

"""Who may reach a share: its rules become exports of its instance."""

from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import logging

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.generic import client
from manila_drivers.generic import executor
from manila_drivers.generic import exporting
from manila_drivers.generic import guest_codes
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_turns
from manila_drivers.generic import hosts
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.generic import paths
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import shares
from manila_drivers.generic import sight
from manila_drivers.nas import samba

LOG = logging.getLogger(__name__)

# Seconds for which others who change who reaches the share are waited for
# before it is looked at all the same.
_MOMENT = 1.0


@dataclasses.dataclass(frozen=True)
class _Tried:
    """Hold what has come of one attempt.

    :param away: the share is not mounted, and nobody was let in.
    :param refused: why nobody was given more than before.
    """

    away: bool
    goal: exporting.Clients
    refused: exception.DriverError | None = None

    def verify(self) -> None:
        """:raises DriverError: somebody has less than the rules say."""
        if self.refused is not None and self.goal.withheld:
            raise self.refused


def _check_known(unread: exception.DriverError | None) -> None:
    """:raises DriverError: where a share is, is not known."""
    if unread is not None:
        raise unread


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Hold what a call asks for.

    :param usual: where the share is, if nothing else is found.
    :param unserved: why nobody is given more than before.
    :param unread: why the note is not what is stored; so that likewise.
    """

    share: model.Share
    host: records.ServiceHost
    note: notes.ShareNote
    usual: records.Placement
    wanted: exporting.Clients
    unserved: exception.DriverError | None
    unread: exception.DriverError | None


def _moved(asked: _Asked) -> guest_codes.Moved:
    return guest_codes.Moved(
        'Share %s is being worked on in server %s, and who reaches it '
        'cannot be changed now' % (asked.share.id, asked.host.id),
        check='the call that works on it, and processes of manila in that '
              'server')


class GenericAccess:
    """Access to the shares of one backend."""

    def __init__(self, volumes: client.VolumeClient,
                 instances: hosts.ServiceHosts,
                 steps: executor.GenericExecutor, kept: notes.GenericNotes,
                 lock: notes.Lock) -> None:
        self._volumes = volumes
        self._hosts = instances
        self._executor = steps
        self._notes = kept
        self._lock = lock

    def update(self, call: call.Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        A share that is not mounted is closed, whatever the rules say: there
        would be another file system in its place.

        What is not to be given keeps nothing from being taken away.

        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no volume, so nobody has access, and
            there are rules.
        :raises InvalidRequest: its protocol is not served any more, and
            somebody was to be given more than they have.
        :raises BackendError: likewise, if its instance does not tell what is
            mounted; or the share may be served elsewhere.
        """
        share = call.share
        host = self._hosts.of(call)
        note, unread = self._note(share)
        usual = self._hosts.placement(share, note)
        unserved = exception.caught(lambda: planning.check_protocol(
            share, self._hosts.settings.protocols))[1] if rules else None
        wanted = exporting.wanted(rules, self._helper(share, rules))

        asked = _Asked(share, host, note, usual, wanted, unserved, unread)
        tried, silence = None, None
        try:
            tried = self._in_turn(asked)
        except exception.TransportError as exc:
            silence = exc
        if tried is None:
            return self._nobody(share, host, note, rules, silence)
        if tried.goal.lets_in and tried.away:
            # A call that has its volume for a moment brings back who has
            # access by then: what is written down must not go before.
            with self._lock(paths.share_lock(share.id), shares.TURN):
                tried = self._in_turn(asked, last=True)
        goal = tried.goal
        if tried.away:
            _check_known(unread)
            self._check_away(share, host, usual, note, goal)
        if unserved is None:
            # Nothing is remembered: the next check of all shares asks for the
            # rules again.
            tried.verify()
        digest = goal.digest()
        if note.rules != digest or note.adopted:
            self._notes.remember_rules(share.id, digest, note)
        tried.verify()
        return goal.errors

    def _note(self, share: model.Share,
              ) -> tuple[notes.ShareNote, exception.DriverError | None]:
        """Return the note of a share, and why it is not what is stored.

        Without it the name of its volume has to do, so that somebody who
        shall be turned out does not wait for Manila's database.

        :raises DriverError: nor does Cinder show its volume.
        """
        note, unread = exception.caught(lambda: self._notes.share(share.id))
        if note is not None:
            return note, None
        assert unread is not None
        volume, _ = exception.caught(
            lambda: self._volumes.volume_of(share.id))
        if volume is None:
            raise unread
        return notes.ShareNote(volume.id), unread

    @staticmethod
    def _check_name(unread: exception.DriverError | None,
                    placement: records.Placement,
                    found: guest_records.GuestFacts) -> None:
        """:raises DriverError: a share may be served by another name."""
        if placement.is_cifs \
                and found.samba.section(placement.section) is None:
            _check_known(unread)

    def _in_turn(self, asked: _Asked, *, last: bool = False) -> _Tried:
        """Change who reaches a share while nobody else does.

        Who has closed it, and opens it at the end of long work, leaves to
        others for whom.

        :param last: do not come back if it is not mounted.
        :raises Busy: somebody does, and has not closed it.
        """
        turns = self._hosts.turns(shares.TURN)
        while True:
            try:
                return self._in_one_turn(asked, last=last)
            except guest_codes.Moved:
                if not turns.again():
                    raise

    def _in_one_turn(self, asked: _Asked, *, last: bool) -> _Tried:
        with contextlib.ExitStack() as stack:
            _, busy = exception.caught(lambda: stack.enter_context(
                self._hosts.deciding(asked.share.id, _MOMENT)))
            with self._hosts.locked(asked.host):
                return self._hosts.persist(lambda: self._once(
                    asked, last=last, alone=busy is None))

    def _once(self, asked: _Asked, *, last: bool, alone: bool) -> _Tried:
        """
        :param alone: nobody else changes who reaches the share.
        """
        share, host, note = asked.share, asked.host, asked.note
        found, untold = self._look(host, asked.unread)
        placement = planning.stays(asked.usual, note, found)
        work = found.working.get(placement.ident)
        closed = work is guest_turns.Work.CLOSED
        if work is guest_turns.Work.CLOSING or not (alone or closed):
            raise _moved(asked)
        away = not closed and untold is None and self._away(
            share, placement, note, found)
        found, unnamed = self._named(host, placement, note, found,
                                     asked.wanted)
        refused = asked.unserved or asked.unread or untold or unnamed
        self._check_name(asked.unread, placement, found)
        goal = exporting.servable(asked.wanted, found, placement)
        if refused is not None:
            goal = exporting.narrowed(goal, found, placement)
        if away and goal.lets_in and not last:
            return _Tried(away, goal)
        # It is being mounted, or it is not told by what clients know it.
        if goal.lets_in and work is not None and (
                away or closed and exporting.is_unnamed(
                    found, placement, note, self._hosts.settings.root)):
            raise _moved(asked)
        self._executor.run(exporting.plan_access(
            found, placement, host,
            dataclasses.replace(goal, levels={}) if away else goal,
            closed=closed))
        return _Tried(away, goal, refused)

    def _nobody(self, share: model.Share, host: records.ServiceHost,
                note: notes.ShareNote, rules: Sequence[access.Rule],
                silence: exception.DriverError | None) -> Mapping[str, str]:
        """Let nobody in, where there is nothing that lets anybody in.

        An instance that is stopped, or hangs, lets in whom it did when it is
        back.  Nova denies those of other projects as well.

        :raises Conflict: Nova denies an instance that has the volume.
        :raises TransportError: the instance is there, or somebody is to be
            let in.
        """
        server, error = exception.caught(
            lambda: self._volumes.server(host.id))
        assert silence is not None
        if rules or error is not None or server is not None:
            raise silence
        volume = self._volumes.volume_of(share.id, note.volume_id)
        if volume is None:
            sight.check_no_volume(share.id, host, note,
                                  self._volumes.sight(server))
        sight.check_server_gone(
            share.id, host, volume, admin=self._volumes.one_region()
            and client.ADMIN in (self._volumes.cloud.compute.roles() or ()))
        LOG.warning('Nobody reaches share %s any more, since service '
                    'instance %s is gone: %s', share.id, host.id, silence)
        return {}

    def _look(self, host: records.ServiceHost,
              unread: exception.DriverError | None,
              ) -> tuple[guest_records.GuestFacts,
                         exception.DriverError | None]:
        """Return what is in an instance, and why it is not all of it.

        Of who gets in nothing is missing: somebody may be shut out whose
        disk nobody sees at the moment.
        """
        try:
            return self._hosts.look(host, ()), None
        except exception.BackendError as exc:
            _check_known(unread)
            untold = exc
        found, _ = exception.caught(
            lambda: self._hosts.look(host, (), partly=True))
        if found is None:
            raise untold
        return found, untold

    def _named(self, host: records.ServiceHost,
               placement: records.Placement, note: notes.ShareNote,
               found: guest_records.GuestFacts, wanted: exporting.Clients,
               ) -> tuple[guest_records.GuestFacts,
                          exception.DriverError | None]:
        """Return what is in an instance with the UUID that clients know a
        share by, or why that is not told.

        Nobody has to be let in with another one for want of an answer: a disk
        that hangs keeps nobody from being turned out.
        """
        root = self._hosts.settings.root
        disk = exporting.unnamed(found, placement, note, root)
        if disk is None or not wanted.levels:
            return found, None
        named, error = exception.caught(lambda: self._hosts.look(
            host, [guest_records.Disk(note.volume_id or disk.serial, 1)]))
        mount = None if named is None else named.mount(placement.path)
        if named is None or mount is None or mount.disk is None \
                or not mount.disk.looked:
            return found, error or exception.BackendError(
                'Server %s does not tell the UUID of the file system at %s, '
                'by which clients of NFS know it' % (
                    host.id, placement.path), check='blkid %s in that server'
                % disk.name)
        return named, None

    def _helper(self, share: model.Share,
                rules: Sequence[access.Rule]) -> str:
        """Return how a share is served; one whose protocol is not served any
        more is served as its rules say, or closed as any helper does it.
        """
        return self._hosts.settings.helpers.get(
            share.proto, opts.NFS if share.proto != 'CIFS' else opts.CIFS_USER
            if any(rule.type == samba.USER for rule in rules)
            else opts.CIFS_IP)

    @staticmethod
    def _away(share: model.Share, placement: records.Placement,
              note: notes.ShareNote,
              found: guest_records.GuestFacts) -> bool:
        """Tell if a share is not mounted from its own disk."""
        if note.volume_id:
            return not found.serves(placement.served(note.volume_id, 1))
        mounted = found.mount(placement.path)
        return mounted is None or mounted.disk is None

    def _check_away(self, share: model.Share, host: records.ServiceHost,
                    placement: records.Placement, note: notes.ShareNote,
                    goal: exporting.Clients) -> None:
        """Raise unless a share that is not mounted is as it shall be.

        Nobody who is let in elsewhere has been shut out here.

        :raises Conflict: another server has its volume, or may have it.
        :raises Busy: what answers is not the system that serves shares.
        :raises BackendError: somebody shall be let in.
        """
        volume = self._volumes.volume_of(share.id, note.volume_id)
        server = self._volumes.server(host.id)
        planning.check_nowhere_else(share.id, host, volume, server)
        if volume is None:
            sight.check_no_volume(share.id, host, note,
                                  self._volumes.sight(server))
        if goal.lets_in:
            raise self._missing(share, placement, note)

    def _missing(self, share: model.Share, placement: records.Placement,
                 note: notes.ShareNote) -> exception.BackendError:
        volume = self._volumes.volume_of(share.id, note.volume_id)
        if volume is None:
            return exception.NotFound(
                'Share %s has no volume' % share.id,
                check='the volumes of Cinder')
        return exception.BackendError(
            'Share %s is not mounted at %s, and nobody can reach it'
            % (share.id, placement.path),
            check='"openstack share service ensure shares" mounts it again')
