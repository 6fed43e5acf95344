# SPDX-License-Identifier: Apache-2.0

"""Locks between all processes of one host, with a deadline.

The files are those of ``manila.utils.synchronized(name, external=True)``:
same directory, same prefix, same oslo.concurrency.  So drivers inside Manila
and stand-alone wait for each other where both are given one lock_path.
"""

from collections.abc import Iterator
import contextlib
import os
import threading
import time
from typing import Any

from oslo_concurrency import lockutils
from oslo_config import cfg

from manila_drivers import exception

PREFIX = 'manila-'


@contextlib.contextmanager
def lock(name: str, *, timeout: float = 60.0,
         lock_path: str | None = None) -> Iterator[None]:
    """Hold the lock called ``name`` for the length of a ``with`` block.

    Not reentrant.  Works from the constructor on, unlike Manila's
    coordination locks, and waits only for holders of the same name.

    :param timeout: seconds to wait for it.
    :param lock_path: directory of the files; without it the one that
        ``[oslo_concurrency] lock_path`` names.
    :raises Busy: it was not free within ``timeout``.
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
        with _processes(name, deadline, timeout, lock_path):
            yield
    finally:
        threads.release()


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
    """The locked file, or None after ``timeout`` seconds."""
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


def _busy(name: str, timeout: float) -> exception.Busy:
    return exception.Busy(
        f'Lock {name} was not free within {timeout:g} s.',
        check='what else works on the same object, or holds the lock file')
