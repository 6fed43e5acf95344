# SPDX-License-Identifier: Apache-2.0

"""What is remembered of a share on this side: Manila's private storage.

``volume`` is upstream's key and form.  The other keys only help after
interruptions; a share without them works.
"""

import dataclasses
from typing import Any

_LONGEST = 1000

VOLUME = 'volume'
_CLAIM = 'gluster_claim'
_TLS = 'gluster_tls'
_NAMES = 'gluster_names'
_SNAPSHOT = 'gluster_snapshot'
_REVERT = 'gluster_revert'
_REAPPLY = 'gluster_reapply'
_SIZE = 'gluster_size'
_ID = 'gluster_id'


@dataclasses.dataclass(frozen=True)
class Record:
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


class Diary:
    """Reads and writes the records of shares by instance id."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def read(self, share_id: str) -> Record:
        found = self._storage.get(share_id) or {}
        volume = found.get(VOLUME) or ''
        claim = found.get(_CLAIM)
        return Record(
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
            ident=found.get(_ID) or '')

    def begin(self, share_id: str, volume: str, names: tuple[str, ...] = (),
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

    def sized(self, share_id: str, gib: int) -> None:
        self._storage.update(share_id, {_SIZE: str(gib)})

    def size(self, share_id: str) -> int | None:
        """GiB that a share was last given; None if that is not recorded."""
        found = (self._storage.get(share_id) or {}).get(_SIZE) or ''
        return int(found) if found.isdecimal() else None

    def forget(self, share_id: str) -> None:
        self._storage.delete(share_id)
