# SPDX-License-Identifier: Apache-2.0

"""Processes that a killed run has left: found by a mark, and ended.

Whatever a run starts carries the mark in its environment.  It names the
checkout and the process that leads the run; when that one is gone, nobody
waits for the others any more.
"""

import os
import signal

from tools.ci import processes

VARIABLE = 'MANILA_DRIVERS_CI_RUN'


def mark(root: str) -> str:
    """Return the mark of a run that this process leads."""
    me = processes.read(os.getpid())
    assert me is not None
    return f'{me.pid}:{me.start}:{root}'


def led(text: str) -> bool:
    """Tell if the leader that a mark names is still there."""
    pid, start, _ = text.split(':', 2)
    leader = processes.read(int(pid))
    return leader is not None and str(leader.start) == start


def find(root: str) -> list[processes.Process]:
    """Return what earlier runs of this checkout have left."""
    found = []
    for process in processes.everyone():
        text = processes.environment(process.pid).get(VARIABLE, '')
        if (text.count(':') >= 2 and text.split(':', 2)[2] == root
                and not process.ended and not led(text)):
            found.append(process)
    return found


def end(root: str, seconds: float = 10.0) -> list[str]:
    """End what earlier runs have left; return the names of it."""
    first = find(root)
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = find(root)
        processes.send(left, number)
        if processes.wait_until_gone(left, seconds):
            left = find(root)
            if not left:
                break
    return [f'{one.name} ({one.pid})' for one in first]
