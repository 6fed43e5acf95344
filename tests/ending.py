# SPDX-License-Identifier: Apache-2.0

"""An end for tests that their own time limit does not end.

pytest-timeout raises in the main thread: once for each test, and not before
the thread is back in Python's own loop.  A test that never comes back from C,
a teardown that hangs after that, and threads that the interpreter waits for
at its exit, would go on for ever.  Behind all of these the watchdog of
``faulthandler`` stands: it needs no lock of the interpreter, prints all
stacks and ends the process.  Boxes and guests end with it; other processes
are ended by the next run.

The watchdog is one for the process: pytest's own option
``faulthandler_timeout`` would take it away.
"""

import faulthandler
import os
import time

import pytest

from tests import leftovers
from tests import patience

#: Seconds that a test may overdraw its limit by, to clean up after itself.
GRACE = patience.seconds(120.0)
#: Seconds for collecting, for anything between two tests, and for the end.
BETWEEN = patience.seconds(600.0)
END = patience.seconds(120.0)

#: To wind the watchdog up starts a thread, which costs a fast test a tenth of
#: its time: it may end so many seconds early instead.
EARLY = 5.0

_stderr: list[int] = []
_until = [0.0]


def pytest_configure(config):
    leftovers.mark()
    capture = config.pluginmanager.getplugin('capturemanager')
    with capture.global_and_fixture_disabled():
        _stderr[:] = [os.dup(2)]
    _within(BETWEEN)


def pytest_report_header():
    return leftovers.sweep()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    _within(limit(item) + GRACE)
    try:
        return (yield)
    finally:
        _within(BETWEEN, least=END / 2)


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node):
    """Wind it up again: pytest has just stopped it, for debuggers.

    What is left of this test is its teardown.
    """
    _until[0] = 0.0
    _within(GRACE if isinstance(node, pytest.Item) else BETWEEN)


def pytest_sessionfinish():
    _within(END)


def pytest_unconfigure():
    """Watch the interpreter's exit, which is all that is left."""
    _within(END)


def limit(item):
    """Seconds that pytest-timeout gives a test; 0 for no limit."""
    marker = item.get_closest_marker('timeout')
    if marker is not None:
        said = marker.args[0] if marker.args else marker.kwargs.get('timeout')
        return float(said or 0)
    option = item.config.getoption('timeout', None)
    if option is None:
        option = os.environ.get('PYTEST_TIMEOUT') or item.config.getini(
            'timeout')
    return float(option or 0)


def _within(seconds, least=None):
    """Have the watchdog end the process after so many seconds.

    :param least: seconds that are enough if it already waits for as long
    """
    now = time.monotonic()
    if (seconds - EARLY if least is None else least
            ) <= _until[0] - now <= seconds:
        return
    _until[0] = now + seconds
    faulthandler.dump_traceback_later(seconds, exit=True, file=_stderr[0])
