# SPDX-License-Identifier: Apache-2.0

"""Notes about shares and snapshots, in Manila's private storage.

``volume_id`` and ``volume_snapshot_id`` are those of Manila's own driver, so
that its shares are found here and ours there.  The others are ours, and what
they say can be found out otherwise, or is only needed until a copy has ended.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import dataclasses
import hashlib
import logging
from typing import Any
import uuid

from manila_drivers import exception

LOG = logging.getLogger(__name__)

#: Makes a lock, as far as the backend is shared, by its name.
Lock = Callable[..., contextlib.AbstractContextManager[Any]]

VOLUME = 'volume_id'
SNAPSHOT = 'volume_snapshot_id'
_PATH = 'mount_path'
_SECTION = 'samba_section'
_CLONE = 'clone_phase'
_SINCE = 'clone_since'
_WAITS = 'clone_waits'
_RULES = 'generic_rules'
_ADOPTED = 'generic_adopted'
_CLAIM = 'generic_place'
_CLAIMANT = 'generic_place_of'
_LEAVING = 'generic_leaving'


@dataclasses.dataclass(frozen=True)
class ShareNote:
    """All that is written down about a share.

    :param path: where its volume is mounted, '' for the usual place.
    :param section: its name in Samba, '' for the usual one.
    :param cloning: it is still being made of a snapshot.
    :param since: when it was first asked how far that is, in seconds since
        1970; '' if it was not yet.
    :param waits: since when nothing has been told of it, or it could not go
        on, likewise; '' if that is not so.
    :param rules: digest of what its rules made, '' if that is not known.
    :param adopted: it was taken over and has had no rules of Manila's yet.
    :param claim: of the place where it was taken over; see :func:`place`.
    :param leaving: its volume was seen, and its deletion was begun.
    """

    volume_id: str = ''
    path: str = ''
    section: str = ''
    cloning: bool = False
    since: str = ''
    rules: str = ''
    adopted: bool = False
    claim: str = ''
    leaving: bool = False
    waits: str = ''

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> 'ShareNote':
        found = {key: str(value) for key, value in (stored or {}).items()
                 if value not in (None, '', 'None')}
        return cls(found.get(VOLUME, ''), found.get(_PATH, ''),
                   found.get(_SECTION, ''), _CLONE in found,
                   found.get(_SINCE, ''), found.get(_RULES, ''),
                   _ADOPTED in found, found.get(_CLAIM, ''),
                   _LEAVING in found, found.get(_WAITS, ''))

    def stored(self) -> dict[str, str]:
        """Return what is to be stored; what is not in it, is not."""
        told = {VOLUME: self.volume_id, _PATH: self.path,
                _SECTION: self.section, _CLONE: 'volume' * self.cloning,
                _SINCE: self.since * self.cloning,
                _WAITS: self.waits * self.cloning,
                _RULES: self.rules, _ADOPTED: 'yes' * self.adopted,
                _CLAIM: self.claim, _LEAVING: 'yes' * self.leaving}
        return {key: value for key, value in told.items() if value}


def place(server_id: str, path: str) -> str:
    """Return the id of a directory of a service instance, as shares have one.

    What is stored of it says which share was taken over there.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL,
                          'manila-generic:%s:%s' % (server_id, path)))


def digest(levels: Mapping[Any, str]) -> str:
    """Return a short text for who has which level, whatever the order."""
    text = '\n'.join(sorted('%s %s' % one for one in levels.items()))
    return hashlib.sha256(text.encode()).hexdigest()


class GenericNotes:
    """The notes of one backend.

    What has to be known for sure raises BackendError where the storage
    fails; what only helps is logged.

    :param storage: Manila's private storage; None remembers nothing beyond
        this process.
    """

    def __init__(self, storage: Any = None) -> None:
        self._storage = storage
        self._memory: dict[str, dict[str, str]] = {}

    def share(self, share_id: str) -> ShareNote:
        """Return what is known of a share.

        :raises BackendError: the storage cannot be read.
        """
        return ShareNote.of(self._read(share_id))

    def update(self, share_id: str, **changes: Any) -> ShareNote:
        """Change the note of a share, and return it.

        :raises BackendError: the storage cannot be written.
        """
        before = self.share(share_id)
        after = dataclasses.replace(before, **changes)
        if after != before:
            if after.claim not in ('', before.claim):
                self._write(after.claim, {_CLAIMANT: share_id})
            stored, wanted = before.stored(), after.stored()
            gone = [key for key in stored if key not in wanted]
            if wanted:
                self._write(share_id, wanted)
            if gone:
                self._drop(share_id, gone)
        return after

    def claimant(self, place_id: str) -> str:
        """Return the share that was taken over at a place, '' if none was.

        It may be gone: then nothing else is known of it.

        :raises BackendError: the storage cannot be read.
        """
        return str(self._read(place_id).get(_CLAIMANT) or '')

    def remember_rules(self, share_id: str, rules: str,
                       known: ShareNote | None = None) -> None:
        """Write down what the rules of a share made; only logs failures.

        :param known: its note from before.  If there is none any more, the
            share was deleted or let go meanwhile, and nothing is written.
        """
        def write() -> None:
            none = ShareNote()
            if self.share(share_id) != none or known in (None, none):
                self.update(share_id, rules=rules, adopted=False)

        _, failure = exception.caught(write)
        if failure is not None:
            LOG.warning('What the rules of share %s made cannot be stored, '
                        'so that the next start asks for them: %s', share_id,
                        failure)

    def forget(self, ident: str) -> None:
        """Keep nothing of a share or a snapshot that is gone.

        :raises BackendError: the storage cannot be written.
        """
        claim = self.share(ident).claim
        if claim and self.claimant(claim) == ident:
            self._drop(claim, [_CLAIMANT])
        self._drop(ident, [VOLUME, SNAPSHOT, _PATH, _SECTION, _CLONE, _SINCE,
                           _WAITS, _RULES, _ADOPTED, _CLAIM, _LEAVING])

    def snapshot(self, snapshot_id: str) -> str:
        """Return the id of the volume snapshot of a snapshot, or ''."""
        found = self._read(snapshot_id).get(SNAPSHOT)
        return '' if found in (None, 'None') else str(found)

    def remember_snapshot(self, snapshot_id: str, ident: str) -> None:
        self._write(snapshot_id, {SNAPSHOT: ident})

    # -- below -----------------------------------------------------------

    def _read(self, ident: str) -> Mapping[str, Any]:
        if self._storage is None:
            return self._memory.get(ident, {})
        found: Mapping[str, Any] = self._need(
            ident, 'read', lambda: self._storage.get(ident) or {})
        return found

    def _write(self, ident: str, pairs: Mapping[str, str]) -> None:
        if self._storage is None:
            self._memory.setdefault(ident, {}).update(pairs)
            return
        self._need(ident, 'written', lambda: self._storage.update(
            ident, dict(pairs)))

    def _drop(self, ident: str, keys: list[str]) -> None:
        if self._storage is None:
            for key in keys:
                self._memory.get(ident, {}).pop(key, None)
            return
        self._need(ident, 'removed', lambda: self._storage.delete(
            ident, keys))

    def _need(self, ident: str, done: str, call: Callable[[], Any]) -> Any:
        said, failure = exception.caught_any(call)
        if failure is not None:
            raise exception.BackendError(
                'What is stored of %s cannot be %s' % (ident, done),
                answer=str(failure), check="Manila's database")
        return said
