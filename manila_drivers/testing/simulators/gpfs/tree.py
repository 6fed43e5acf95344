# SPDX-License-Identifier: Apache-2.0

"""Tell what filesets hold: numbers, or real directories."""

import contextlib
import os
import pathlib
import shutil
import subprocess
from typing import Any


class Numbers:
    """Filesets hold so many bytes, and nothing else."""

    def used(self, fileset: Any) -> int:
        return int(fileset.used)

    def make(self, fileset: Any) -> None:
        """Nothing is to be done."""

    link = unlink = delete = make

    def snapshot(self, fileset: Any, name: str) -> None:
        """Nothing is to be done."""

    drop = restore = snapshot

    def shows(self, fileset: Any) -> bool:
        """Tell if its snapshots can be seen: nothing of users is in the way
        that they made before there was any."""
        return True

    def kind(self, path: str) -> str:
        """Nothing but what the cluster itself knows of."""
        return ''


class Directories(Numbers):
    """Filesets are directories; snapshots are copies of them.

    :param hidden: where filesets are that are not linked; on the same file
        system as the junctions.
    """

    def __init__(self, hidden: pathlib.Path) -> None:
        self._hidden = hidden
        # Filesets whose snapshots something of a user's hides.
        self._obscured: set[int] = set()
        hidden.mkdir(parents=True, exist_ok=True)

    def used(self, fileset: Any) -> int:
        total = 0
        for folder, folders, files in os.walk(self._place(fileset)):
            if '.snapshots' in folders:
                folders.remove('.snapshots')
            for name in files:
                # Somebody may be writing there: rsync renames what is whole.
                with contextlib.suppress(FileNotFoundError):
                    found = os.lstat(os.path.join(folder, name))
                    total += found.st_blocks * 512 // max(1, found.st_nlink)
        return total

    def make(self, fileset: Any) -> None:
        os.mkdir(self._place(fileset), 0o700)

    def link(self, fileset: Any) -> None:
        os.rename(self._store(fileset), fileset.path)

    def unlink(self, fileset: Any) -> None:
        os.rename(fileset.path, self._store(fileset))

    def delete(self, fileset: Any) -> None:
        shutil.rmtree(self._place(fileset))

    def snapshot(self, fileset: Any, name: str) -> None:
        if not fileset.snapshots and os.path.lexists(
                self._place(fileset) / '.snapshots'):
            self._obscured.add(fileset.ident)
        _copy(self._place(fileset), self._snapshot(fileset, name))

    def drop(self, fileset: Any, name: str) -> None:
        place = self._snapshot(fileset, name)
        shutil.rmtree(place)
        # With the last one the directory goes.
        with contextlib.suppress(OSError):
            place.parent.rmdir()

    def restore(self, fileset: Any, name: str) -> None:
        _copy(self._snapshot(fileset, name), self._place(fileset))

    def shows(self, fileset: Any) -> bool:
        return fileset.ident not in self._obscured

    def _snapshot(self, fileset: Any, name: str) -> pathlib.Path:
        around = (self._place(fileset) if self.shows(fileset)
                  else self._hidden / f'snapshots-{fileset.ident}')
        return around / '.snapshots' / name

    def kind(self, path: str) -> str:
        if os.path.isdir(path) and not os.path.islink(path):
            return 'directory'
        return 'regular file' if os.path.lexists(path) else ''

    def _place(self, fileset: Any) -> pathlib.Path:
        return pathlib.Path(fileset.path) if fileset.path \
            else self._store(fileset)

    def _store(self, fileset: Any) -> pathlib.Path:
        return self._hidden / str(fileset.ident)


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ['rsync', '-aHAXS', '--numeric-ids', '--delete',
         '--exclude=/.snapshots', f'{source}/', f'{target}/'], check=True)
