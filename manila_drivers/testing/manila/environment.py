# SPDX-License-Identifier: Apache-2.0

"""Where Manila comes from: one interpreter, and a directory per release.

All releases run on the interpreter that has the newest one installed.  Of
the others only the wheel is fetched, without its requirements, and unpacked
into a cache; PYTHONPATH then selects the release.  What is in the cache is
never fetched again.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as ty
import zipfile

from manila_drivers.testing.manila import releases

CACHE_VARIABLE = 'MANILA_DRIVERS_WHEELS'
REQUIREMENTS = ('manila==' + releases.NEWEST.wheel, 'python-manilaclient',
                'python-openstackclient')


class EnvironmentFailure(Exception):
    """Manila could not be provided; the text says what to do."""


def cache_directory() -> pathlib.Path:
    """$MANILA_DRIVERS_WHEELS, else a directory of ours in the user's cache."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return pathlib.Path(own).absolute()
    base = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return pathlib.Path(base).expanduser().absolute() / 'manila_drivers'


@dataclasses.dataclass(frozen=True)
class Environment:
    """An interpreter with Manila's requirements, and where wheels go.

    installed: the version of Manila that the interpreter itself has.
    """

    python: pathlib.Path
    cache: pathlib.Path
    installed: str

    def path(self, release: releases.Release) -> list[str]:
        """Return the PYTHONPATH that selects the release; fetch it if need be.

        :raises EnvironmentFailure: the wheel is not cached and could not be
            downloaded
        """
        if release.wheel == self.installed:
            return []
        return [str(self._unpacked(release))]

    def tool(self, name: str) -> pathlib.Path:
        """A command installed beside the interpreter."""
        return self.python.parent / name

    def _unpacked(self, release: releases.Release) -> pathlib.Path:
        home = self.cache / release.wheel
        if not home.is_dir():
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache) as scratch:
                tree = self._fetch(release, pathlib.Path(scratch))
                _settle(tree, home)
        return home

    def _fetch(self, release: releases.Release,
               scratch: pathlib.Path) -> pathlib.Path:
        _run([self.python, '-m', 'pip', 'download', '--quiet', '--no-deps',
              '--only-binary', ':all:', '--dest', scratch,
              'manila==' + release.wheel])
        tree = scratch / 'tree'
        with zipfile.ZipFile(next(scratch.glob('*.whl'))) as wheel:
            wheel.extractall(tree)
        return tree


def provide(cache: pathlib.Path | None = None,
            tell: ty.Callable[[str], None] = lambda text: None
            ) -> Environment:
    """The running interpreter if it has Manila, else one made in the cache.

    :param tell: called with a line before something slow starts
    """
    cache = cache or cache_directory()
    here = _installed()
    if here is not None:
        return Environment(pathlib.Path(sys.executable), cache, here)
    home = cache / ('venv-' + releases.NEWEST.wheel)
    if not home.is_dir():
        tell('Installing Manila %s into %s (once)'
             % (releases.NEWEST.wheel, home))
        _build(home)
    return Environment(home / 'bin' / 'python', cache, releases.NEWEST.wheel)


def native() -> releases.Release:
    """Return the release that is installed, else the newest one.

    Its requirements are there: an older one runs with those of the newest,
    and not the other way round.
    """
    here = _installed()
    return next((release for release in releases.RELEASES.values()
                 if release.wheel == here), releases.NEWEST)


def _installed() -> str | None:
    try:
        return importlib.metadata.version('manila')
    except importlib.metadata.PackageNotFoundError:
        return None


def _build(home: pathlib.Path) -> None:
    # A virtual environment knows its own path, so it cannot be moved into
    # place when finished; a failed one is removed instead.
    try:
        _run([sys.executable, '-m', 'venv', home])
        _run([home / 'bin' / 'python', '-m', 'pip', 'install', '--quiet',
              *REQUIREMENTS])
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _settle(tree: pathlib.Path, home: pathlib.Path) -> None:
    """Move the tree to its name; somebody else may have been faster."""
    try:
        tree.rename(home)
    except OSError:
        if not home.is_dir():
            raise


def _run(command: list[str | pathlib.Path]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise EnvironmentFailure('%s failed (%d): %s' % (
            ' '.join(words), done.returncode, done.stderr.strip()[-2000:]))
