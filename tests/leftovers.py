# SPDX-License-Identifier: Apache-2.0

"""Find and end what a test run that was killed has left.

Boxes end with the run that made them.  Other processes carry a mark in their
environment that says whose they are, and sshd, which overwrites its own, in
its configuration.  Nothing is touched whose owner still lives, or which has
no mark.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import re
import shutil
import signal
import time
import typing as ty

from manila_drivers.testing.simulators import sshd

VARIABLE = 'MANILA_DRIVERS_TEST_RUN'

#: In a directory of this machine that is there only to be mounted over.
SIGN = '.of-tests-of-manila-drivers'

_PROC = pathlib.Path('/proc')
_SECONDS = 10.0


class Left(ty.NamedTuple):
    """A process that nobody waits for any more."""

    pid: int
    born: str
    words: str
    directory: pathlib.Path | None = None


def mark() -> None:
    """Have all processes that are started from now on say whose they are."""
    os.environ.setdefault(VARIABLE, sshd.owner())


def sweep() -> list[str]:
    """End what is left and tell of it; repeatable."""
    found = list(processes())
    for each in found:
        _kill(each)
        if each.directory is not None:
            shutil.rmtree(each.directory, ignore_errors=True)
    return [f'ended {each.pid}: {each.words}' for each in found]


def processes() -> Iterator[Left]:
    """Everything whose owner is dead."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            # It may end, or be somebody's that we may not look at.
            with contextlib.suppress(OSError):
                found = _left(int(entry.name))
                if found is not None:
                    yield found


def _left(pid: int) -> Left | None:
    entry = _PROC / str(pid)
    words = (entry / 'cmdline').read_bytes().replace(b'\0', b' ').decode(
        errors='replace').strip()
    directory = None
    owner = re.search(rb'(?:^|\0)%s=([^\0]*)' % VARIABLE.encode(),
                      (entry / 'environ').read_bytes())
    whose = owner[1].decode() if owner else ''
    listens = re.match(r'sshd: \S+ -D -f (\S+)/config ', words)
    if listens and not whose:
        directory = pathlib.Path(listens[1])
        whose = sshd.owner_of(directory / 'config')
    if not whose or sshd.lives(whose):
        return None
    return Left(pid, sshd.owner(pid), words[:100], directory)


def _kill(left: Left) -> None:
    """End a process, unless its number has become somebody else's."""
    end = time.monotonic() + _SECONDS
    while sshd.lives(left.born):
        with contextlib.suppress(ProcessLookupError):
            os.kill(left.pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise AssertionError(f'{left.pid} does not end: {left.words}')
        time.sleep(0.02)


@contextlib.contextmanager
def place(path: str) -> Iterator[None]:
    """Have an empty directory to mount over, and remove it if it is ours.

    One that a killed run has left has our sign in it.
    """
    here = pathlib.Path(path)
    sign = here / SIGN
    ours = not here.exists() or sign.exists()
    if ours:
        here.mkdir(exist_ok=True)
        sign.touch()
    try:
        yield
    finally:
        # Another run may have it, or have removed it.
        if ours and set(here.iterdir()) == {sign}:
            sign.unlink(missing_ok=True)
            here.rmdir()
