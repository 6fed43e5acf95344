# SPDX-License-Identifier: Apache-2.0

"""The directories of one tenant and what they hold."""

from collections.abc import Iterator
import dataclasses


def parent_of(path: str) -> str:
    """``/a/b`` -> ``/a`` -> ``/``."""
    return path.rpartition('/')[0] or '/'


def lineage(path: str) -> Iterator[str]:
    """A path and everything above it, deepest first."""
    while path != '/':
        yield path
        path = parent_of(path)
    yield '/'


@dataclasses.dataclass(slots=True)
class Directory:
    """``used`` is what lies directly in it, ``total`` includes what is below
    (both bytes); ``children`` are whole paths."""

    created: str
    owner: str = 'root'
    group: str = 'root'
    mode: int = 0o755
    used: int = 0
    total: int = 0
    read_only: bool = False
    children: set[str] = dataclasses.field(default_factory=set)


class Tree:
    """Paths are absolute, without a trailing slash."""

    def __init__(self, created: str) -> None:
        self._dirs = {'/': Directory(created)}

    def __contains__(self, path: str) -> bool:
        return path in self._dirs

    def __iter__(self) -> Iterator[str]:
        return iter(self._dirs)

    def __getitem__(self, path: str) -> Directory:
        return self._dirs[path]

    def make(self, path: str, created: str, mode: int = 0o755) -> None:
        """Make a directory and those missing above it; repeatable."""
        if path in self._dirs:
            return
        above = parent_of(path)
        self.make(above, created)
        self._dirs[path] = Directory(created, mode=mode)
        self._dirs[above].children.add(path)

    def hold(self, path: str, used: int) -> None:
        """Let a directory hold this many bytes.

        :raises FileNotFoundError: there is no such directory.
        """
        if path not in self._dirs:
            raise FileNotFoundError(path)
        self._grow(path, used - self._dirs[path].used)
        self._dirs[path].used = used

    def remove(self, path: str) -> int:
        """Remove a directory and what is below it; how many bytes it held."""
        total = self._dirs[path].total
        self._grow(path, -total)
        self._dirs[parent_of(path)].children.discard(path)
        pending = [path]
        while pending:
            gone = self._dirs.pop(pending.pop())
            pending.extend(gone.children)
        return total

    def _grow(self, path: str, by: int) -> None:
        for above in lineage(path):
            self._dirs[above].total += by
