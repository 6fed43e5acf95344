# SPDX-License-Identifier: Apache-2.0

"""Processes as /proc shows them: who descends from whom, who can tell what."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import os
import pathlib
import signal
import time

PROC = pathlib.Path('/proc')


@dataclasses.dataclass(frozen=True)
class Process:
    """A process; a later one with the same number has another start."""

    pid: int
    parent: int
    name: str
    state: str
    start: int

    @property
    def ended(self) -> bool:
        return self.state in 'ZX'


def read(pid: int) -> Process | None:
    """Return a process, None if there is none with that number."""
    try:
        text = (PROC / str(pid) / 'stat').read_text(errors='replace')
    except OSError:
        return None
    # The name is in brackets and may hold anything, brackets as well.
    head, _, tail = text.rpartition(')')
    words = tail.split()
    return Process(pid, int(words[1]), head.partition('(')[2], words[0],
                   int(words[19]))


def everyone() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            found = read(int(entry.name))
            if found is not None:
                yield found


def descendants(root: int, processes: Iterable[Process]) -> list[Process]:
    """Return what descends from a process, parents before children.

    Processes that have ended and only wait to be noticed are left out.
    """
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    todo = [root]
    while todo:
        for child in children.get(todo.pop(0), ()):
            todo.append(child.pid)
            if not child.ended:
                found.append(child)
    return found


def below(root: int) -> list[Process]:
    """Return what descends from a process now."""
    return descendants(root, everyone())


def send(processes: Iterable[Process], number: int) -> None:
    """Signal processes, unless their number has been given to another."""
    for process in processes:
        now = read(process.pid)
        if now is not None and now.start == process.start:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)


def catches(pid: int, number: int) -> bool:
    """Tell whether a process has a handler for a signal."""
    try:
        text = (PROC / str(pid) / 'status').read_text()
    except OSError:
        return False
    for line in text.splitlines():
        if line.startswith('SigCgt:'):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def is_python(pid: int) -> bool:
    try:
        return os.path.basename(
            os.readlink(PROC / str(pid) / 'exe')).startswith('python')
    except OSError:
        return False


def ask_for_stacks(processes: list[Process], last: bool = False) -> int:
    """Let Python programs write where their threads are; return how many.

    A program that has a handler for SIGUSR1, as our pytest has, goes on.
    Others that were started with PYTHONFAULTHANDLER=1 write on SIGABRT, and
    end; of these only programs that have no Python below them are asked, so
    that a tox above a pytest stays, unless it is the last chance.
    """
    pythons = {one.pid: one for one in processes if is_python(one.pid)}
    parents = () if last else {one.parent for one in pythons.values()}
    asked = 0
    for pid, process in pythons.items():
        if catches(pid, signal.SIGUSR1) and not last:
            send([process], signal.SIGUSR1)
            asked += 1
        elif pid not in parents and catches(pid, signal.SIGABRT):
            send([process], signal.SIGABRT)
            asked += 1
    return asked


def environment(pid: int) -> dict[str, str]:
    """Return what a process was started with; nothing if that is secret."""
    try:
        raw = (PROC / str(pid) / 'environ').read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition('=')
             for entry in raw.decode('utf-8', 'replace').split('\0'))
    return {name: value for name, equals, value in pairs if equals}


def wait_until_gone(processes: Iterable[Process], seconds: float) -> bool:
    """Wait for processes that are not ours to reap; tell if all are gone."""
    end = time.monotonic() + seconds
    left = list(processes)
    while left:
        left = [one for one in left
                if (now := read(one.pid)) is not None
                and now.start == one.start and not now.ended]
        if left and time.monotonic() > end:
            return False
        if left:
            time.sleep(0.1)
    return True
