# SPDX-License-Identifier: Apache-2.0

"""Locks with a deadline and a known reach.

How far a lock reaches depends on what it is made of:

* this process: ``threading.Lock``, for what an object remembers;
* this host: a file, the same that ``manila.utils.synchronized(name,
  external=True)`` uses (same directory, same prefix, same oslo.concurrency),
  so that drivers inside Manila and stand-alone wait for each other where both
  are given one lock_path;
* all hosts of a backend: the file, and then a lock of a coordinator, which
  hosts share.  Inside Manila ``[coordination] backend_url`` names it
  (``compat.lock``); stand-alone a caller may hand one in.

Names are made of the kind of driver and the id of an object, such as
``vast-SHARE_ID``: ids are never used twice, so backends of one Manila do not
wait for each other, and all hosts of one backend do.
"""

from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
import enum
import logging
import os
import re
import threading
import time
from typing import Any
from typing import Protocol
from typing import TypeVar

from oslo_concurrency import lockutils
from oslo_config import cfg

from manila_drivers import exception
from manila_drivers import plan

LOG = logging.getLogger(__name__)

T = TypeVar('T')

PREFIX = 'manila-'
#: Begins names at a coordinator.  Another than that of the files, since tooz
#: may keep files of its own in the same directory.
SHARED_PREFIX = 'manila-drivers-'

#: Seconds that a coordinator has to answer, whatever it is asked for.
ANSWER = 15.0
# Seconds between two tries to get a lock of a coordinator: from, to.
_PAUSES = 0.02, 0.5
# Seconds that a lock is tried to be given back, with nobody waiting for it.
_RELEASING = 600.0


class Reach(enum.Enum):
    """Who is kept out by a lock that somebody holds."""

    HOST = 'the processes of this host alone'
    HOSTS = 'all hosts that have the same coordinator'

    @classmethod
    def of(cls, backend_url: str, state_path: str) -> 'Reach':
        """Return how far the coordinator at a URL of tooz reaches.

        Files in the state path are Manila's default, and of one host; a
        directory that somebody has chosen may be one that hosts share.
        """
        scheme, _, rest = backend_url.partition('://')
        directory = rest.partition('?')[0].rstrip('/')
        if scheme in ('', 'ipc') or scheme == 'file' and os.path.realpath(
                directory) == os.path.realpath(state_path):
            return cls.HOST
        return cls.HOSTS


class SharedLock(Protocol):
    """A lock of a coordinator, as tooz makes them."""

    def acquire(self, blocking: bool) -> bool:
        """Take the lock if it is free, and return whether it was."""
        ...

    def release(self) -> bool:
        """Give the lock back; False says that it was not held any more."""
        ...


class Coordinator(Protocol):
    """Keep locks for several hosts: a started one of tooz, say."""

    def get_lock(self, name: bytes) -> Any:
        """Return the lock of a name (:class:`SharedLock`)."""
        ...


#: Returns a started coordinator.  It may take its time, and raise anything.
MakeCoordinator = Callable[[], Coordinator]


@contextlib.contextmanager
def lock(name: str, *, timeout: float = 60.0, lock_path: str | None = None,
         coordinator: MakeCoordinator | None = None) -> Iterator[None]:
    """Hold the lock called ``name`` for the length of a ``with`` block.

    Reach: all processes of this host, and all hosts of a coordinator if one
    is given.  Not reentrant.  Works from the constructor of a driver on.

    A coordinator that is lost while the lock is held ends nothing: what the
    block does goes on, the log says that other hosts may have done something
    at the same time, and releasing takes :data:`ANSWER` seconds at the most.
    Only leases of a registry end what they are lost to, at its next change.

    :param timeout: seconds to wait until it is free; 0 tries once.
    :param lock_path: directory of the files; without it the one that
        ``[oslo_concurrency] lock_path`` names.
    :raises Busy: it was not free within ``timeout``.
    :raises Unreachable: the coordinator does not answer, which takes at most
        :data:`ANSWER` seconds more.
    :raises ConfigurationError: there is no directory for the files.
    """
    deadline = time.monotonic() + timeout
    # Threads and processes must agree on what is one name, and separators
    # are replaced in file names: a process-wide file lock is lost when any
    # thread closes the file.
    name = name.replace(os.sep, '_')
    threads: threading.Semaphore = lockutils.internal_lock(name)
    if not threads.acquire(timeout=max(0.0, timeout)):
        raise _busy(name, timeout)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                _processes(name, deadline, timeout, lock_path))
            if coordinator is not None:
                stack.enter_context(
                    _hosts(name, deadline, timeout, coordinator))
            yield
    finally:
        threads.release()


# -- this host ------------------------------------------------------------

@contextlib.contextmanager
def _processes(name: str, deadline: float, timeout: float,
               lock_path: str | None) -> Iterator[None]:
    if cfg.CONF.oslo_concurrency.disable_process_locking:
        yield
        return
    file = _acquired(name, max(0.0, deadline - time.monotonic()), lock_path)
    if file is None:
        raise _busy(name, timeout)
    try:
        yield
    finally:
        file.release()


def _acquired(name: str, timeout: float, lock_path: str | None) -> Any:
    """Return the locked file, or None after ``timeout`` seconds."""
    try:
        file = lockutils.external_lock(name, PREFIX, lock_path)
        if file.acquire(timeout=timeout):
            return file
    except (cfg.RequiredOptError, OSError) as exc:
        raise exception.ConfigurationError(
            'lock_path', 'a writable directory for lock files is needed',
            # Older oslo.config cannot turn its own error into a text.
            answer=repr(exc), check='[oslo_concurrency] lock_path') from exc
    # Closed at once and not by the garbage collector: closing any
    # descriptor of the file frees the lock of the whole process, and by
    # then another thread may hold it.
    if file.lockfile is not None:
        file.lockfile.close()
    return None


# -- all hosts of a coordinator -------------------------------------------

@contextlib.contextmanager
def _hosts(name: str, deadline: float, timeout: float,
           coordinator: MakeCoordinator) -> Iterator[None]:
    shared = _shared(name, deadline, timeout, coordinator)
    since = time.monotonic()
    # Leases of a registry are asked for before each change.
    need, again = (getattr(shared, each, lambda: None)
                   for each in ('need', 'again'))
    try:
        with plan.guarded(need, again):
            yield
    finally:
        _give_back(shared, name, since)


def _shared(name: str, deadline: float, timeout: float,
            coordinator: MakeCoordinator) -> SharedLock:
    """Return the lock, held."""
    given_up = threading.Event()

    def acquire() -> SharedLock | None:
        client = coordinator()
        return _tried(lambda: client.get_lock((SHARED_PREFIX + name).encode()),
                      deadline, given_up)

    found = _aside(acquire)
    try:
        held = found.result(max(0.0, deadline - time.monotonic()) + ANSWER)
    except BaseException as exc:
        given_up.set()
        # It may yet be got, and nobody would give it back.
        found.add_done_callback(_returned)
        if not isinstance(exc, Exception):
            raise
        raise exception.Unreachable(
            f'The coordinator did not give lock {name}; nothing was done',
            answer=_told(exc), check='[coordination] backend_url, and '
            'whether the service that it names runs') from None
    if held is None:
        raise _busy(name, timeout)
    return held


def _tried(make: Callable[[], SharedLock], deadline: float,
           given_up: threading.Event) -> SharedLock | None:
    """Try to get a lock until the deadline, whatever hinders it meanwhile.

    The waiting is done here: coordinators that wait on their own do it for
    ever, for whole seconds, or raise what none of their documents names.
    Each try is one of a new lock, since those of files count tries that
    failed as if they held it.

    :raises Exception: what the last try raised.
    """
    pause, longest = _PAUSES
    broken: float | None = None
    while not given_up.is_set():
        try:
            shared = make()
            if shared.acquire(blocking=False):
                return shared
            broken = None
        except Exception:
            now = time.monotonic()
            broken = now if broken is None else broken
            if now + pause > min(deadline, broken + ANSWER):
                raise
        if given_up.wait(pause) or time.monotonic() > deadline:
            return None
        pause = min(2 * pause, longest)
    return None


def _give_back(shared: SharedLock, name: str, since: float) -> None:
    """Release a lock, and say so if it was not held any more."""
    seconds = time.monotonic() - since
    _, error = exception.caught_any(
        lambda: _aside(lambda: _released(shared)).result(ANSWER))
    if isinstance(error, _Lost):
        LOG.warning(
            'The coordinator has given lock %s away while it was held, for '
            '%.0f s. Another host may have changed the same object at the '
            'same time. Check: whether the coordinator that [coordination] '
            'backend_url names was down, and the time limits of its locks; '
            'the access rules of the share', name, seconds)
    elif error is not None:
        LOG.warning(
            'Lock %s could not be given back to the coordinator, and other '
            'hosts have to wait until it can, or its time is over there: %s. '
            'Check: [coordination] backend_url', name, _told(error))


class _Lost(Exception):
    """A lock had another holder, or none, when it was released."""


def _released(shared: SharedLock) -> None:
    """Release a lock, for up to :data:`_RELEASING` seconds.

    One that is not released is kept alive for ever by the heartbeat of the
    coordinator's client.

    :raises _Lost: it was not held any more.
    """
    ends = time.monotonic() + _RELEASING
    while True:
        try:
            # Some cannot tell, and know it when they release.
            held = _is_held(shared)
            if not shared.release() or not held:
                raise _Lost
            return
        except _Lost:
            raise
        except Exception:
            if time.monotonic() > ends:
                raise
            time.sleep(_PAUSES[-1])


def _is_held(shared: SharedLock) -> bool:
    try:
        held: bool = shared.is_still_owner()  # type: ignore[attr-defined]
    except (AttributeError, NotImplementedError):
        return True
    return held


def _returned(found: 'futures.Future[SharedLock | None]') -> None:
    """Release a lock that was got when nobody waited any more."""
    held = None if found.exception() is not None else found.result()
    if held is not None:
        _aside(lambda: _released(held))


def _aside(work: Callable[[], T]) -> 'futures.Future[T]':
    """Do something in a thread, which may never come back from it."""
    future: futures.Future[T] = futures.Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - for whoever waits
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, daemon=True, name='coordinator').start()
    return future


def _told(error: Exception) -> str:
    """Return what a coordinator said, without what is secret of its URL."""
    if isinstance(error, futures.TimeoutError):
        return 'none in time'
    return re.sub(r'//[^@/\s]*@', '//***@', f'{type(error).__name__}: {error}')


def _busy(name: str, timeout: float) -> exception.Busy:
    return exception.Busy(
        f'Lock {name} was not free within {timeout:g} s.',
        check='what else works on the same object, or holds the lock file')
