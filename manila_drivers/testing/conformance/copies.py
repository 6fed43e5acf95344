# SPDX-License-Identifier: Apache-2.0

"""Work in copies of this process, so that a situation is made once for many.

A copy has all of it, to the last counter, and nothing that is done in the copy
is seen by the next one.
"""

from collections.abc import Callable
import contextlib
import os
import pickle
import signal
import threading
import traceback
from typing import Any

from manila_drivers.testing.conformance import verdict


def possible() -> bool:
    """Tell if this process can be copied: threads are not."""
    return hasattr(os, 'fork') and threading.active_count() == 1


def apart(work: Callable[[], Any]) -> Any:
    """Return what work returns in a copy of this process.

    :raises Violation: as work does.
    :raises RuntimeError: it ended in any other way; the text says how.
    """
    reading, writing = os.pipe()
    ident = os.fork()
    if not ident:
        os.close(reading)
        _child(work, writing)
    os.close(writing)
    try:
        with open(reading, 'rb') as pipe:
            told = pipe.read()
    finally:
        # It has ended, unless this process is being ended.
        with contextlib.suppress(ProcessLookupError):
            os.kill(ident, signal.SIGKILL)
        os.waitpid(ident, 0)
    kind: str
    value: Any
    kind, value = pickle.loads(told) if told else (  # noqa: S301
        'raised', 'the process ended without a word')
    if kind == 'violation':
        raise value
    if kind == 'raised':
        raise RuntimeError(value)
    return value


def _child(work: Callable[[], Any], pipe: int) -> None:
    """Tell what becomes of work, and end: nothing else is tidied up here."""
    try:
        try:
            answer = 'done', work()
        except verdict.Violation as found:
            answer = 'violation', found
        except BaseException:  # noqa: BLE001 - told to the other process
            answer = 'raised', traceback.format_exc()
        with open(pipe, 'wb') as told:
            pickle.dump(answer, told)
    finally:
        os._exit(0)
