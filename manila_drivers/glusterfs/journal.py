# SPDX-License-Identifier: Apache-2.0

"""The memory of shares on this side: Manila's private storage.

``volume`` is upstream's key and form.  The other keys only help after
interruptions; a share without them works.
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import plan

LOG = logging.getLogger(__name__)

_LONGEST = 1000

# Seconds for which a volume that could not be made a share is tried last.
_SUSPECT = 600.0

VOLUME = 'volume'
_CLAIM = 'gluster_claim'
_TLS = 'gluster_tls'
_NAMES = 'gluster_names'
_SNAPSHOT = 'gluster_snapshot'
_REVERT = 'gluster_revert'
_REAPPLY = 'gluster_reapply'
_SIZE = 'gluster_size'
_ID = 'gluster_id'
_CLOSING = 'gluster_closing'


@dataclasses.dataclass(frozen=True)
class JournalEntry:
    """One share.

    :param volume: ``[user@]host:/volume``; '' if nothing is known.
    :param pending: its creation has begun and not been seen to end.
    :param fresh: besides, the volume was free then, so that nothing is in
        it yet.
    :param tls: bricks have been started since TLS was switched on.
    :param infrastructure: names that the volume's list had at the start.
    :param snapshot: one that we may have left activated.
    :param reverting: snapshot to which the share is being reverted.
    :param ident: the volume's own id, which one of the same name that was
        made later does not have; '' if it is not recorded.
    :param reapply: names were taken off its list, and the rules not yet
        applied since.
    :param closing: names were taken off its list, and not every server is
        known to go by it.
    """

    volume: str = ''
    pending: bool = False
    fresh: bool = False
    tls: bool = False
    infrastructure: tuple[str, ...] = ()
    snapshot: str = ''
    reverting: str = ''
    reapply: bool = False
    ident: str = ''
    closing: bool = False


class ShareJournal:
    """Reads and writes the records of shares by instance id."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._sizes: dict[str, int | None] = {}
        # Shares of which another call of this process has to know that,
        # whether or not it could be written down.
        self._closing: set[str] = set()

    def read_or_doubt(self, share_id: str) -> tuple[
            JournalEntry, exception.BackendError | None]:
        """Return the record of a share, or an empty one and why it is that.
        """
        entry, error = exception.caught_any(lambda: self.read(share_id))
        if entry is not None:
            return entry, None
        return JournalEntry(closing=share_id in self._closing), \
            exception.BackendError(
                'What is stored of share %s cannot be read' % share_id,
                answer=str(error), check="Manila's database")

    def read(self, share_id: str) -> JournalEntry:
        found = self._storage.get(share_id) or {}
        volume = found.get(VOLUME) or ''
        claim = found.get(_CLAIM)
        return JournalEntry(
            volume=volume, pending=claim in ('pending', 'again'),
            fresh=claim == 'pending',
            # Upstream's driver has restarted what it recorded.
            tls=bool(volume) and (claim is None
                                  or found.get(_TLS) == 'on'),
            infrastructure=tuple(filter(None, (
                found.get(_NAMES) or '').split(','))),
            snapshot=found.get(_SNAPSHOT) or '',
            reverting=found.get(_REVERT) or '',
            reapply=found.get(_REAPPLY) == 'yes',
            ident=found.get(_ID) or '',
            closing=(found.get(_CLOSING) == 'yes'
                     or share_id in self._closing))

    def begin(self, share_id: str, volume: str, names: Iterable[str] = (),
              snapshot: str = '', *, fresh: bool = True) -> None:
        """A share is about to be made of a volume.

        :param fresh: it was free until now.
        """
        chosen: list[str] = []
        for name in sorted(names):
            if len(','.join([*chosen, name])) <= _LONGEST:
                chosen.append(name)
        self._storage.update(share_id, {
            VOLUME: volume, _CLAIM: 'pending' if fresh else 'again',
            _TLS: 'off', _ID: '',
            _NAMES: ','.join(chosen), _SNAPSHOT: snapshot})

    def complete(self, share_id: str, volume: str, ident: str) -> None:
        """The share has been made, and its bricks run with TLS."""
        self._storage.update(share_id, {
            VOLUME: volume, _CLAIM: 'done', _TLS: 'on', _ID: ident})

    def moved(self, share_id: str, volume: str) -> None:
        """The volume has been found elsewhere."""
        if not plan.is_dry():
            self._storage.update(share_id, {VOLUME: volume})

    def deactivated(self, share_id: str) -> None:
        self._storage.delete(share_id, [_SNAPSHOT])

    def reverting(self, share_id: str, snapshot: str) -> None:
        self._storage.update(share_id, {_REVERT: snapshot})

    def reverted(self, share_id: str) -> None:
        self._storage.delete(share_id, [_REVERT])

    def narrowed(self, share_id: str) -> None:
        self._storage.update(share_id, {_REAPPLY: 'yes'})

    def applied(self, share_id: str) -> None:
        self._storage.delete(share_id, [_REAPPLY])

    def closing(self, share_id: str) -> None:
        """Names are about to be taken off the list of its volume.

        That does not wait for the storage.
        """
        self._closing.add(share_id)
        self._try(share_id, lambda: self._storage.update(
            share_id, {_CLOSING: 'yes'}))

    def closed(self, share_id: str) -> None:
        self._closing.discard(share_id)
        self._try(share_id, lambda: self._storage.delete(
            share_id, [_CLOSING]))

    @staticmethod
    def _try(share_id: str, write: Callable[[], object]) -> None:
        _, error = exception.caught_any(write)
        if error is not None:
            LOG.warning('That access to share %s is being taken away cannot '
                        'be written down: %s', share_id, error)

    def forget(self, share_id: str) -> None:
        self._storage.delete(share_id)
        self._sizes.pop(share_id, None)
        self._closing.discard(share_id)

    # -- sizes of shares, which volumes do not tell -----------------------

    def sized(self, share_id: str, gib: int | None) -> None:
        """A share has been given a size, in GiB if it is known."""
        if gib is not None and self._sizes.get(share_id) != gib:
            self._storage.update(share_id, {_SIZE: str(gib)})
            self._sizes[share_id] = gib

    def heard(self, share_id: str, gib: int | None) -> None:
        """Manila has told how large a share is.

        What it was given here since is newer than what Manila read before.
        """
        if gib is not None and self._sizes.get(share_id) is None:
            self._sizes[share_id] = gib

    def size(self, share_id: str) -> int | None:
        """Return GiB, or None if that is not known; each is read once."""
        if share_id not in self._sizes:
            found = (self._storage.get(share_id) or {}).get(_SIZE) or ''
            self._sizes[share_id] = int(found) if found.isdecimal() else None
        return self._sizes[share_id]


class Suspects:
    """Free volumes that have lately turned out not to be usable.

    They are tried last, and told of, until it is time to try them again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}

    def add(self, qualified: str, reason: str) -> None:
        self._known[qualified] = self._clock() + _SUSPECT, reason

    def reason(self, qualified: str) -> str:
        """Return what was wrong with a volume, or ''."""
        until, reason = self._known.get(qualified, (0.0, ''))
        if reason and self._clock() >= until:
            self._known.pop(qualified, None)
            return ''
        return reason

    def clear(self, qualified: str) -> None:
        self._known.pop(qualified, None)
