# SPDX-License-Identifier: Apache-2.0

"""Filesets that this process has seen, so that it need not ask again.

What is known is acted on; where that is refused it is asked what there is.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import threading

from manila_drivers import model
from manila_drivers.ibm.gpfs import records

Fileset = records.Fileset


class KnownFilesets:
    """By name, as they were seen last.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filesets: dict[str, Fileset] = {}
        # Those that this process has begun to fill: a list that was asked
        # for before does not have them.
        self._filling: dict[str, Fileset] = {}
        self._listed = False

    def all_are(self, filesets: Iterable[Fileset]) -> None:
        """These are all that there are."""
        with self._lock:
            self._filesets = {**self._filling, **{
                one.name: one for one in filesets if not one.deleted}}
            self._listed = True

    def there_is(self, fileset: Fileset) -> None:
        with self._lock:
            self._filesets[fileset.name] = fileset

    def made(self, share: model.Share, path: str, source: str = '') -> None:
        """This process has made the fileset of a share.

        :param source: what it is going to be filled from.
        """
        fileset = Fileset(share.name, path, linked=True,
                          comment=records.mark(share.id, source))
        self.there_is(fileset)
        if source:
            with self._lock:
                self._filling[share.name] = fileset

    def full(self, share: model.Share) -> None:
        """A share has been filled."""
        with self._lock:
            self._filling.pop(share.name, None)
            known = self._filesets.get(share.name)
            if known is not None:
                self._filesets[share.name] = dataclasses.replace(
                    known, comment=records.mark(share.id))

    def forget(self, name: str) -> None:
        with self._lock:
            self._filling.pop(name, None)
            self._filesets.pop(name, None)

    def of(self, share: model.Share, path: str) -> Fileset | None:
        """The fileset of a share, if it is known to be all right."""
        with self._lock:
            known = self._filesets.get(share.name)
        if known is None or known.doubt or known.owner not in (
                '', share.id) or not known.linked or known.path != path:
            return None
        return known

    def fed_from(self, source: str) -> list[str] | None:
        """Filesets that are being filled from a snapshot.

        :returns: None if they were never listed.
        """
        with self._lock:
            if not self._listed:
                return None
            return [one.name for one in self._filesets.values()
                    if one.source == source]


class GivenSizes:
    """Sizes in GiB that this process has given to shares.  Thread-safe.

    Whoever checks all shares meanwhile has older rows of Manila's.  A row
    with a size that this process has not seen comes from another one, and is
    newer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By id, with the sizes before.
        self._given: dict[str, tuple[int, frozenset[int]]] = {}

    def of(self, share: model.Share) -> int:
        """Return the size that a share shall have by now."""
        with self._lock:
            size, before = self._given.get(share.id, (0, frozenset()))
        return size if share.size in before else share.size or 0

    def given(self, share: model.Share, size: int) -> None:
        with self._lock:
            last, before = self._given.get(share.id, (0, frozenset()))
            self._given[share.id] = size, before | {last, share.size or 0}

    @contextlib.contextmanager
    def resized(self, share: model.Share, size: int) -> Iterator[None]:
        """Remember the size that a share is given, unless that fails."""
        with self._lock:
            known = self._given.get(share.id)
        self.given(share, size)
        try:
            yield
        except BaseException:
            with self._lock:
                self._given.pop(share.id, None)
                if known is not None:
                    self._given[share.id] = known
            raise
