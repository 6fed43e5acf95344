# SPDX-License-Identifier: Apache-2.0

"""Filesets that this process has seen, and the sizes that shares have got.

It need not ask again: what is known is acted on; where that is refused it is
asked what there is.
"""

from collections.abc import Iterable
import dataclasses
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import records
from manila_drivers.nas import pending

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
                    if one.source == source or one.unreadable]


# Of the sizes before, how many are remembered.
_SIZES = 50


class GivenSizes:
    """Sizes in GiB that shares were given last, by whatever process.

    Whoever checks all shares meanwhile has older rows of Manila's.  A row
    with a size that was never given comes from somebody else, and is newer.
    Who gives a size holds the share's lock.

    :param storage: Manila's private storage, or None to remember nothing
        beyond this process.
    """

    def __init__(self, storage: Any = None) -> None:
        self._storage = storage
        # By id, the last one first; and those of which it is not stored.
        self._given: dict[str, tuple[int, ...]] = {}
        self._unstored: set[str] = set()

    def of(self, share: model.Share, *, look: bool) -> int:
        """Return the size that a share shall have by now.

        :param look: for what other hosts and earlier processes have given.
        :raises BackendError: that cannot be read.
        """
        given = self._given.get(share.id, ())
        if look and share.id not in self._unstored:
            stored = self._note(share.id).look()
            if stored is None:
                raise exception.BackendError(
                    f'The size of share {share.id} cannot be read',
                    check="Manila's database")
            given = _numbers(stored) or given
        return given[0] if share.size in given[1:] else share.size or 0

    def latest(self, ident: str) -> int | None:
        """Return the size that was given last; None if none was."""
        stored = _numbers(self._note(ident).look() or '') \
            if ident not in self._unstored else ()
        return next(iter(stored or self._given.get(ident, ())), None)

    def given(self, share: model.Share, size: int) -> None:
        """Remember the size that a share has got."""
        note = self._note(share.id)
        last = _numbers(note.read()) or self._given.get(share.id, ())
        now = (size, *dict.fromkeys((share.size or 0, *last)))[:_SIZES]
        self._given[share.id] = now
        if note.write(' '.join(map(str, now))):
            self._unstored.discard(share.id)
        else:
            self._unstored.add(share.id)

    def forget(self, ident: str) -> None:
        """Keep nothing about a share that is gone."""
        self._given.pop(ident, None)
        self._unstored.discard(ident)
        self._note(ident).write('')

    def _note(self, ident: str) -> pending.PersistentText:
        return pending.PersistentText(self._storage, ident, 'gpfs_sizes')


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))
