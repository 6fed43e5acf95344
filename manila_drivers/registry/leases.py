# SPDX-License-Identifier: Apache-2.0

"""Locks between all processes of all hosts that have one registry.

A lock is a row with the name of its holder and the time at which it ends, by
the clock of the database.  The holder's process puts that time off as long as
it lives.  A holder that is known to have ended, because it was a process of
this host, is replaced at once; any other one when its time is over.  One that
was suspended for longer, and wakes up, changes nothing any more: it asks for
its lease before each change.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import contextvars
import logging
import os
import threading
import time
from typing import Any

from sqlalchemy import exc

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.registry import engine
from manila_drivers.registry import holders
from manila_drivers.registry import schema

LOG = logging.getLogger(__name__)

# Seconds between two tries to get a lease: from, to.
_PAUSES = 0.02, 0.5
#: Seconds for which it is good that a lease was seen to be held.
FRESH = 1.0
_TABLE = schema.LEASES


class Leases:
    """Leases of one registry.  Thread-safe, and safe to be forked.

    Is a coordinator as ``manila_drivers.locks`` wants one, and does so for
    drivers.

    :param seconds: how long a lease is good for unless it is put off.
    :param sleep: waits for some seconds.
    """

    def __init__(self, database: engine.Database, seconds: float,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._database = database
        self._milliseconds = round(seconds * 1000)
        self._sleep = sleep
        self._keeper = Keeper(self)
        self._guard = threading.Lock()
        self._mine: contextvars.ContextVar[tuple[Lease, ...]] = \
            contextvars.ContextVar('manila_drivers_leases', default=())
        self._pid = os.getpid()

    @contextlib.contextmanager
    def hold(self, names: Iterable[str], seconds: float) -> Iterator[None]:
        """Hold leases for the length of a ``with`` block.

        Several are taken in the order of their names, as by everybody.

        :param seconds: how long to wait for all of them.
        :raises Busy: somebody else held one all the time; it says who.
        """
        ends = time.monotonic() + seconds
        with contextlib.ExitStack() as stack:
            for name in sorted(set(names)):
                stack.enter_context(self._held(name, ends, seconds))
            yield

    @contextlib.contextmanager
    def _held(self, name: str, ends: float, seconds: float,
              ) -> Iterator[None]:
        lease = self.get_lock(name.encode())
        pause, longest = _PAUSES
        while not lease.acquire(blocking=False):
            if time.monotonic() + pause > ends:
                raise exception.Busy(
                    f'{name} was in use for {seconds:g} s',
                    answer=f'it is held by {holders.told(lease.holder)}',
                    check='what that process does; a lease of a host that '
                    'has failed ends within registry_lease')
            self._sleep(pause)
            pause = min(2 * pause, longest)
        try:
            with self._guarding(lease):
                yield
        finally:
            _, error = exception.caught_any(lambda: lease.release())
            if error is not None:
                LOG.warning('The lease of %s could not be given back, and '
                            'others have to wait until it ends: %s', name,
                            error)
            elif lease.lost:
                LOG.warning('The lease of %s has ended while it was held. '
                            'Another host may have changed the same object '
                            'at the same time. Check: registry_lease', name)

    @contextlib.contextmanager
    def _guarding(self, lease: 'Lease') -> Iterator[None]:
        """Have each change in the block ask for all leases of this context."""
        before = self._mine.get()
        token = self._mine.set((*before, lease))
        try:
            with contextlib.nullcontext() if before else plan.guarded(
                    lambda: self.need(self._mine.get()),
                    lambda: self.again(self._mine.get())):
                yield
        finally:
            self._mine.reset(token)

    def get_lock(self, name: bytes) -> 'Lease':
        """Return the lease of a name, not held."""
        return Lease(self, name.decode()[:255])

    # -- for leases ------------------------------------------------------

    def keeper(self) -> 'Keeper':
        """Return what puts off the leases of this very process."""
        with self._guard:
            if self._pid != os.getpid():
                self._pid, self._keeper = os.getpid(), Keeper(self)
            return self._keeper

    def take(self, name: str, holder: str) -> str:
        """Take a lease if it is free; return who has it then."""
        def work(connection: Any) -> str:
            now = self._database.now(connection)
            found = connection.execute(_TABLE.select().where(
                _TABLE.c.name == name)).mappings().first()
            values = {'owner': holder, 'expires': now + self._milliseconds}
            if found is None:
                connection.execute(_TABLE.insert().values(name=name,
                                                          **values))
                return holder
            if found['expires'] > now and not holders.is_dead(
                    found['owner']):
                return str(found['owner'])
            done = connection.execute(_TABLE.update().where(
                _TABLE.c.name == name, _TABLE.c.owner == found['owner'],
                _TABLE.c.expires == found['expires']).values(values))
            return holder if done.rowcount == 1 else ''
        try:
            return self._database.transact(work)
        except exc.IntegrityError:
            # It comes and goes all the time: somebody has it.
            return ''

    def holder(self, name: str) -> str:
        """Return who has a lease, '' for nobody who is known to live."""
        owner, left = self._all().get(name, ('', 0))
        return owner if left > 0 and not holders.is_dead(owner) else ''

    def _all(self) -> dict[str, tuple[str, int]]:
        """Return who has each lease, and for how many milliseconds."""
        def work(connection: Any) -> dict[str, tuple[str, int]]:
            now = self._database.now(connection)
            return {row['name']: (row['owner'], row['expires'] - now)
                    for row in connection.execute(_TABLE.select()).mappings()}
        return self._database.transact(work)

    def put_off(self, name: str, holder: str) -> bool:
        """Let a lease last longer; tell if it was held at all."""
        def work(connection: Any) -> bool:
            now = self._database.now(connection)
            done = connection.execute(_TABLE.update().where(
                _TABLE.c.name == name, _TABLE.c.owner == holder).values(
                    expires=now + self._milliseconds))
            return bool(done.rowcount == 1)
        return self._database.transact(work)

    def need(self, held: 'Iterable[Lease]') -> None:
        """Raise Busy unless leases are held, and for a while, in one question.

        :raises DriverError: that cannot be asked.
        """
        there = self._all()
        for lease in held:
            owner, left = there.get(lease.name, ('', 0))
            if not lease.is_kept(owner, left > self._milliseconds / 3):
                raise exception.Busy(
                    f'The lease of {lease.name} has ended while it was held, '
                    'and nothing more is changed', answer='it is held by '
                    + holders.told(owner) if owner else 'nobody holds it now',
                    check='whether this process or its host was suspended, '
                    'and registry_lease; audit, then repeat the command')

    def again(self, held: 'Iterable[Lease]') -> None:
        """Do as :meth:`need`, unless all leases were seen just now."""
        held = list(held)
        if any(time.monotonic() - lease.seen > FRESH for lease in held):
            self.need(held)

    def give(self, name: str, holder: str) -> bool:
        """Give a lease back; tell if it was held."""
        return self._database.transact(lambda connection: bool(
            connection.execute(_TABLE.delete().where(
                _TABLE.c.name == name,
                _TABLE.c.owner == holder)).rowcount == 1))

    @property
    def period(self) -> float:
        """Seconds after which leases are put off."""
        return self._milliseconds / 3000


class Lease:
    """One name's lease, as ``manila_drivers.locks`` wants locks.

    ``holder`` is who had it when it was last tried; ``lost`` that it ended
    while it was held here, and ``seen`` when it was last seen that it had
    not.
    """

    def __init__(self, leases: Leases, name: str) -> None:
        self._leases = leases
        self.name = name
        self.holder = ''
        self.lost = False
        self.seen = 0.0
        self._mine = ''

    def acquire(self, blocking: bool = False) -> bool:
        """Take the lease if it is free, and return whether it was.

        It never waits; whoever calls does, with a deadline.
        """
        mine = holders.new()
        self.holder = self._leases.take(self.name, mine)
        if self.holder != mine:
            return False
        self._mine, self.lost = mine, False
        self.seen = time.monotonic()
        self._leases.keeper().keep(self)
        return True

    def release(self) -> bool:
        """Give the lease back; False says that it was not held any more."""
        self._leases.keeper().leave(self)
        held = self._leases.give(self.name, self._mine)
        self.lost = self.lost or not held
        return held

    def is_still_owner(self) -> bool:
        """Tell if it is still held, as far as has been seen."""
        return not self.lost

    def need(self) -> None:
        """Raise Busy unless it is held, and for a while."""
        self._leases.need([self])

    def again(self) -> None:
        """Raise Busy unless it is held, or was seen to be just now."""
        self._leases.again([self])

    def is_kept(self, owner: str, long: bool) -> bool:
        """Tell if it is held by us, and see to it that it is for a while.

        :param owner: who has it, and ``long`` if that is for a while yet.
        """
        now = time.monotonic()
        self.lost = owner != self._mine or not (long or self.put_off())
        self.seen = self.seen if self.lost else now
        return not self.lost

    def put_off(self) -> bool:
        """Let it last longer; tell if it was held."""
        return self._leases.put_off(self.name, self._mine)


class Keeper:
    """Puts off leases from a thread, as long as there are any."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._held: list[Lease] = []
        self._changed = threading.Condition()
        self._running = False

    def keep(self, lease: Lease) -> None:
        with self._changed:
            self._held.append(lease)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, daemon=True,
                                 name='leases').start()

    def leave(self, lease: Lease) -> None:
        with self._changed:
            if lease in self._held:
                self._held.remove(lease)
            if not self._held:
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._held,
                                       self._leases.period)
                held = list(self._held)
                if not held:
                    self._running = False
                    return
            for lease in held:
                self._put_off(lease)

    def _put_off(self, lease: Lease) -> None:
        still, error = exception.caught_any(lease.put_off)
        if error is not None:
            LOG.warning('The lease of %s could not be put off, and will be '
                        'tried again: %s', lease.name, error)
        with self._changed:
            # One that is given back meanwhile was not lost.
            if error is None and not still and lease in self._held:
                self._held.remove(lease)
                lease.lost = True
