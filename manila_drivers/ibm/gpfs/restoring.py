# SPDX-License-Identifier: Apache-2.0

"""Shares that are brought back to a snapshot, which may take long.

``mmrestorefs`` goes on when its connection is lost, or its time is up.  Until
it certainly ended nobody may reach the share, and it must not be begun
again.  So it holds a lock on its host as long as it runs, and that it was
begun is remembered beyond this process.
"""

from collections.abc import Callable
from collections.abc import Sequence
import logging
import socket
import threading
import time
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import listing
from manila_drivers.nas import pending
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)

_KEY = 'gpfs_restore_underway'
_ON = ' on '
# A host that runs its commands itself, by its name in the cluster.
_LOCAL = 'local:'
_HERE = _LOCAL + socket.gethostname()
# State of what the cluster does not know by that name.
_NO_NODE = 'no node'
# Seconds between two looks whether it still runs.
_PAUSE = 5.0


class RestoreService:
    """Restores filesets, and knows which ones are being restored.

    :param storage: Manila's private storage, or None.
    """

    def __init__(self, gpfs: client.GpfsClient, storage: Any,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = gpfs
        self._storage = storage
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._notes: dict[str, pending.PersistentText] = {}

    def _note(self, share: model.Share) -> pending.PersistentText:
        with self._lock:
            return self._notes.setdefault(share.id, pending.PersistentText(
                self._storage, share.id, _KEY))

    def require_ended(self, share: model.Share) -> None:
        """
        :raises Busy: the share is being restored, as far as one can tell.
        """
        note = self._note(share)
        # Another process may have begun it since; where it cannot be read
        # whether one has, the hosts know.
        found = note.look()
        if found == '' and not note.read():
            return
        place, _, hosts = (found or note.read()).partition(_ON)
        running = self._where(share.name, hosts.split())
        if running:
            raise exception.Busy(
                f'Share {share.id} is being restored from '
                f'{place or "some snapshot"}, and nobody may '
                f'reach it until that has ended',
                answer=running, check='mmrestorefs on the management hosts')
        if not plan.is_dry():
            note.write('')

    @property
    def _hosts(self) -> list[str]:
        """Names of the hosts on which one may be begun from here."""
        return [host or _HERE for host in self._client.execute.hosts]

    def _where(self, fileset: str, begun: Sequence[str] = ()) -> str:
        """Where it runs, or may run; '' if it certainly does nowhere.

        :param begun: hosts on one of which it was begun, which need not be
            those of now: each tells of its own alone.
        """
        make = self._client.make
        for name in dict.fromkeys((*self._hosts, *begun)):
            try:
                result, = script.attempt(
                    self._client.execute.patient(self._reached(name)),
                    [make.restoring(fileset)], keep_going=True).results
            except (exception.TransportError,
                    exception.ConfigurationError) as exc:
                if self._is_off(name):
                    continue
                return f'{name} cannot be asked: {exc}'
            locked = make.is_locked(result)
            if locked is None:
                return f'{name} does not say: {result.stderr.strip()}'
            if locked:
                return f'it runs on {name}'
        return ''

    @staticmethod
    def _reached(name: str) -> str:
        """Return how a host is reached that was noted by its name.

        :raises Unreachable: it is another one that ran commands itself.
        """
        if name == _HERE:
            return ''
        if name.startswith(_LOCAL):
            raise exception.Unreachable(
                'It is not this host, and not one that is logged in to',
                check='a service of this backend on that host')
        return name

    def _is_off(self, name: str) -> bool:
        """Tell if GPFS certainly does not run on a host, nor a restore."""
        state = self._state(name)
        # Gone from the cluster, unless this knows hosts by other names than
        # those that they are logged in to by.
        return state == 'down' or state == _NO_NODE and any(
            self._state(other) not in ('', _NO_NODE)
            for other in self._hosts if other != name)

    def _state(self, name: str) -> str:
        """Return the state of GPFS on a host; '' if that is not told."""
        cmd = self._client.make.ask('mmgetstate', '-N',
                                    name.removeprefix(_LOCAL), '-Y')
        told, _ = exception.caught(lambda: self._client.ask(cmd))
        if not told:
            return ''
        if told[0].status and 'Incorrect node' in told[0].stderr:
            return _NO_NODE
        rows, _ = exception.caught(lambda: listing.rows(
            told[0].stdout, 'mmgetstate'))
        states = [row.get('state') or '' for row in rows or ()]
        return states[0] if len(states) == 1 else ''

    def run(self, share: model.Share, place: str, steps: plan.Plan) -> None:
        """Carry out steps, the first of which restores the fileset.

        Repeated where it was cut off, when it has ended: going back twice is
        going back.

        :param place: the snapshot, for messages.
        :raises OutcomeUnknown: it has not ended, or its end was not seen.
        :raises Busy: it could not be remembered, and was not begun.
        """
        note = self._note(share)
        if not note.write(place + _ON + ' '.join(self._hosts)):
            note.write('')
            raise exception.Busy(
                f'Share {share.id} is not restored from {place}: the next '
                f'process would not know of it, and let clients in',
                check="Manila's database, and the warning before this")
        # One that took all of its time has another turn.
        commands = self._client.commands(steps)
        ends = self._clock() + 2 * commands[0].timeout
        while True:
            told, error = exception.caught(lambda: self._client.do(commands))
            if told and not (told[0].stdout + told[0].stderr).strip():
                error = exception.BackendError(
                    f'{commands[0]} did not say that it restored anything',
                    check=f'the content of the share, and {place}')
            if error is None:
                break
            if isinstance(error, exception.OutcomeUnknown):
                self._wait(share, place, commands[0].timeout, error)
                if self._clock() >= ends:
                    note.write('')
                    raise error
                LOG.warning('Going back to %s once more, for %s', place,
                            error)
                self._sleep(_PAUSE)
                continue
            # It was not sent, or has said that it is over; unless it was
            # kept from running by one that is not.
            if isinstance(error, (exception.Unreachable,
                                  exception.BackendError)) and getattr(
                    error, 'status', None) != errors.LOCKED:
                note.write('')
            raise error
        note.write('')

    def _wait(self, share: model.Share, place: str, seconds: float,
              cause: exception.OutcomeUnknown) -> None:
        """Wait for its end.

        :raises OutcomeUnknown: it has not come.
        """
        ends = self._clock() + seconds
        while running := self._where(share.name):
            if self._clock() >= ends:
                raise exception.OutcomeUnknown(
                    f'Share {share.id} is still being restored from {place}; '
                    f'nobody may reach it until that has ended',
                    answer=running, check='repeat it when mmrestorefs has '
                    'ended') from cause
            self._sleep(_PAUSE)
