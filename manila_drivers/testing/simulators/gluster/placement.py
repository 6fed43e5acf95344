# SPDX-License-Identifier: Apache-2.0

"""Which brick has which files.

What is in a brick that does not run is not seen, and comes back with it.  A
copy that has missed something is healed, which takes its time; until then it
shows what it had when the others are away.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import itertools
from typing import Protocol
import zlib

Content = bytes | int
Files = dict[str, Content]

_PIDS = itertools.count(1000)


@dataclasses.dataclass
class Placement:
    """Hold what is in bricks that cannot be seen in their volume.

    :param offline: content of the bricks that do not run.
    :param stale: content of those that run and are to be healed.
    """

    offline: dict[str, Files] = dataclasses.field(default_factory=dict)
    stale: dict[str, Files] = dataclasses.field(default_factory=dict)
    _pids: dict[str, int] = dataclasses.field(default_factory=dict,
                                              compare=False)

    def pid(self, brick: str) -> int:
        """Of its process; another one whenever it was started anew."""
        if brick in self.offline:
            return -1
        if brick not in self._pids:
            self._pids[brick] = next(_PIDS)
        return self._pids[brick]

    def restarted(self, brick: str = '') -> None:
        """A brick, or all of them, have other processes now."""
        if brick:
            self._pids.pop(brick, None)
        else:
            self._pids.clear()

    def heal(self) -> None:
        """Copies have what the others have."""
        self.stale.clear()


class Bricks(Protocol):
    """Hold what is looked at of a volume."""

    bricks: list[str]
    files: Files
    replica: int
    arbiter: bool
    placed: Placement


def members(volume: Bricks, brick: str) -> list[str]:
    """The bricks that hold the same files, itself included."""
    at = volume.bricks.index(brick) // volume.replica * volume.replica
    return volume.bricks[at:at + volume.replica]


def _is_arbiter(volume: Bricks, brick: str) -> bool:
    return volume.arbiter and brick == members(volume, brick)[-1]


def _held(volume: Bricks, brick: str, paths: Iterable[str]) -> Iterator[str]:
    """The paths that belong into the set of a brick."""
    sets = max(1, len(volume.bricks) // volume.replica)
    mine = volume.bricks.index(brick) // volume.replica
    return (path for path in paths
            if zlib.crc32(path.encode()) % sets == mine)


def _now(volume: Bricks, brick: str) -> Files:
    """Return what is seen of the files that belong into the set of a brick."""
    return {path: volume.files[path]
            for path in _held(volume, brick, volume.files)}


def _others(volume: Bricks, brick: str,
            away: Collection[str] = ()) -> list[str]:
    """Bricks that have the same data and can be read from."""
    return [each for each in members(volume, brick)
            if each != brick and each not in volume.placed.offline
            and each not in volume.placed.stale and each not in away
            and not _is_arbiter(volume, each)]


def down(volume: Bricks, brick: str) -> None:
    """The process of a brick ends."""
    placed = volume.placed
    if brick in placed.offline:
        return
    own, was_stale = _now(volume, brick), brick in placed.stale
    placed.offline[brick] = placed.stale.pop(brick, own)
    if was_stale or _is_arbiter(volume, brick) or _others(volume, brick):
        return
    # Nobody is left who has them, but perhaps somebody who had others.
    for path in own:
        del volume.files[path]
    left = next((each for each in members(volume, brick)
                 if each in placed.stale), None)
    if left is not None:
        volume.files.update(placed.stale.pop(left))


def up(volume: Bricks, brick: str) -> None:
    """The process of a brick is started."""
    placed = volume.placed
    if brick not in placed.offline:
        return
    own = placed.offline.pop(brick)
    placed.restarted(brick)
    if not _others(volume, brick):
        if not _is_arbiter(volume, brick):
            volume.files.update(own)
    elif own != _now(volume, brick):
        placed.stale[brick] = own


def seen(volume: Bricks, away: Collection[str]) -> Files:
    """Return what a client sees that does not reach some of the bricks."""
    if not away:
        return dict(volume.files)
    found: Files = {}
    for brick in volume.bricks[::volume.replica]:
        if any(each not in away for each in members(volume, brick)
               if each not in volume.placed.offline):
            found |= _now(volume, brick)
    return found


def missed(volume: Bricks, away: Collection[str]) -> None:
    """A client that does not reach some bricks is about to change files."""
    for brick in away:
        if brick in volume.bricks and brick not in volume.placed.offline \
                and _others(volume, brick, away):
            volume.placed.stale.setdefault(brick, _now(volume, brick))


def entries(volume: Bricks, brick: str) -> int:
    """How many files others of its set lack, or have too many."""
    if brick in volume.placed.stale:
        return 0
    now = _now(volume, brick)
    lacking = [
        content for other in members(volume, brick)
        for content in (volume.placed.offline.get(other),
                        volume.placed.stale.get(other))
        if content is not None and content != now]
    return len({path for content in lacking
                for path in content.keys() ^ now.keys()}) or len(lacking)
