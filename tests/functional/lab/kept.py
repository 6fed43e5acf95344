# SPDX-License-Identifier: Apache-2.0

"""Things that take long to make, kept between runs, also of other clones.

Each is a directory with a name and a key: what it is, and what it was made
from.  One process makes something of a name at a time.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib
import shutil
import time

from tests import patience

#: Seconds that making something may take, on a busy machine.
SECONDS = 900.0
#: Seconds to wait for somebody else who makes it; two may be before us.
PATIENCE = 2 * SECONDS
#: How many of other keys are kept: other work trees may use them.
OTHERS = 2

#: A file that is there until everything else is.
_BUILDING = 'building'
#: What follows the name of one that is being removed; no key has a dash.
_GOING = '-going'


class Busy(AssertionError):
    """Somebody else has been making it for too long."""


def cache() -> pathlib.Path:
    """Return where everything is kept."""
    named = os.environ.get('MANILA_DRIVERS_LAB_CACHE')
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    if named:
        return pathlib.Path(named)
    return pathlib.Path(home).expanduser() / 'manila_drivers' / 'lab'


def place(name: str, key: str) -> pathlib.Path:
    return cache() / f'{name}-{key}'


def ready(name: str, key: str) -> bool:
    return _complete(place(name, key))


def directory(name: str, key: str, make: Callable[[pathlib.Path], None]
              ) -> pathlib.Path:
    """Return a directory; have it made if it is not there.

    :param make: fills a new directory, which is removed if that fails
    :raises Busy: somebody else holds the lock and does not finish
    """
    wanted = place(name, key)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with lock(wanted.parent / f'{name}.lock', PATIENCE):
        _sweep(name)
        if not wanted.exists():
            wanted.mkdir()
            (wanted / _BUILDING).touch()
            try:
                make(wanted)
                (wanted / _BUILDING).unlink()
            except BaseException:
                _remove(wanted)
                raise
        os.utime(wanted)
        _forget(name, wanted)
    return wanted


@contextlib.contextmanager
def lock(path: pathlib.Path, seconds: float) -> Iterator[None]:
    """Hold a lock.

    :raises Busy: somebody else does, and goes on; names the process
    """
    end = time.monotonic() + patience.seconds(seconds)
    with path.open('a+') as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    file.seek(0)
                    raise Busy(
                        f'{path} is held by process {file.read().strip()}'
                    ) from None
                time.sleep(0.2)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _complete(path: pathlib.Path) -> bool:
    return path.exists() and not (path / _BUILDING).exists()


def _all(name: str) -> list[pathlib.Path]:
    """Return all of one name, whose keys have no dash."""
    return [each for each in cache().glob(f'{name}-*')
            if '-' not in each.name.removeprefix(f'{name}-')
            and each.is_dir()]


def _sweep(name: str) -> None:
    """Remove what somebody was making who was killed; we have the lock.

    Its mounts and processes have ended with the box that they were in.
    """
    for left in _all(name):
        if not _complete(left):
            _remove(left)
    for left in cache().glob(f'{name}-*{_GOING}'):
        shutil.rmtree(left, ignore_errors=True)


def _remove(path: pathlib.Path) -> None:
    """Remove one, which nobody takes for complete from the first moment.

    Whoever is killed meanwhile has removed some of its files, and that which
    says that others are missing may be one of them.
    """
    going = path.with_name(path.name + _GOING)
    shutil.rmtree(going, ignore_errors=True)
    path.rename(going)
    shutil.rmtree(going)


def _forget(name: str, used: pathlib.Path) -> None:
    """Remove what has not been used for longest."""
    others = sorted((each for each in _all(name) if each != used),
                    key=lambda each: each.stat().st_mtime, reverse=True)
    for old in others[OTHERS:]:
        _remove(old)
