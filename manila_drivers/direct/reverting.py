# SPDX-License-Identifier: Apache-2.0

"""Bring a share back to a snapshot.

Whoever finds that begun, since a process was ended, repeats it; until then
the share cannot be left, and nobody new gets access.
"""

from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers.direct import preview
from manila_drivers.direct import rows
from manila_drivers.direct import taking
from manila_drivers.direct import tasks
from manila_drivers.registry import records

if TYPE_CHECKING:
    from manila_drivers.direct.parts import Parts

REVERT = 'revert'
_STRANDED = 'stranded'


def is_under_way(owner: records.ShareEntry) -> bool:
    """Tell if a share is brought back to a snapshot, or half so."""
    return tasks.name_of(owner.task) == REVERT and not is_stranded(owner)


def is_stranded(owner: records.ShareEntry) -> bool:
    """Tell if what a share was to be brought back to is gone.

    Nobody can end that: the share may leave, and so may its snapshots, and it
    may be brought back to another one.
    """
    return bool(owner.task and owner.task.get(_STRANDED))


class Reverting:
    """Have the driver bring a share back to its last snapshot."""

    def __init__(self, parts: 'Parts') -> None:
        self._parts = parts

    def last(self, owner: records.ShareEntry) -> records.SnapshotEntry:
        """Return the snapshot to which a share can be brought back.

        That is the last one that is recorded: what came after another one
        would be lost.  If a revert was begun, it is the one of that.

        :raises NotFound: the share has none.
        """
        if is_under_way(owner) and owner.task:
            found = self._parts.registry.snapshots.get(
                str(owner.task['snapshot']))
        else:
            found = next(iter(self._parts.registry.snapshots.all(
                share_id=owner.id)[::-1]), None)
        if found is None:
            raise exception.NotFound(f'Share {owner.name} has no snapshot')
        return found

    def _previewed(self, owner: records.ShareEntry,
                   snapshot: records.SnapshotEntry) -> preview.Preview:
        return self._parts.driving.preview(
            f'revert to snapshot {snapshot.name}', owner.name,
            lambda driver: self._call(driver, owner, snapshot))

    def preview(self, owner: records.ShareEntry,
                wanted: str) -> preview.Preview:
        """Return what would be done."""
        return self._previewed(owner, self._checked(owner, wanted))

    def revert(self, owner: records.ShareEntry,
               wanted: str) -> records.ShareEntry:
        """Bring a share back, with the size and the content of a snapshot.

        :param wanted: the id of the snapshot.
        """
        parts = self._parts
        parts.driving.ready()
        with parts.desk.alone([owner.id]):
            owner = parts.desk.seen(owner)
            snapshot = self._checked(owner, wanted)
            if tasks.name_of(owner.task) != REVERT \
                    and parts.driving.driver.SHOWS_PLANS:
                # All that can be told beforehand is, with nothing begun.
                self._previewed(owner, snapshot)
            task = {'name': REVERT, 'snapshot': snapshot.id}
            try:
                owner, _ = parts.desk.do(
                    owner, task, 'reverting',
                    lambda owner: parts.driving.call(
                        lambda driver: self._call(driver, owner, snapshot)))
            except exception.NotFound:
                # Repetition would find the same.
                exception.caught_any(lambda: parts.registry.shares.change(
                    parts.desk.seen(owner), task={**task, _STRANDED: True}))
                raise
            return parts.desk.ended(owner, size=snapshot.size or owner.size)

    def _checked(self, owner: records.ShareEntry,
                 wanted: str) -> records.SnapshotEntry:
        """Return the snapshot that is wanted, if that can be.

        :raises InvalidRequest: it is not the last one, or the rules that are
            recorded, which drivers give again, would let in somebody new.
        :raises Busy: something else goes on with one of them.
        """
        if tasks.name_of(owner.task) != REVERT:
            taking.steady(owner)
        snapshot = self.last(owner)
        if snapshot.id != wanted:
            raise exception.InvalidRequest(
                f'Share {owner.name} can be brought back to snapshot '
                f'{snapshot.name} alone'
                + (', which was begun' if is_under_way(owner) else
                   ', its last one'), check='delete or release later ones, '
                'or make a share of the other one')
        if snapshot.status != taking.AVAILABLE:
            raise exception.Busy(f'Snapshot {snapshot.name} is '
                                 f'{snapshot.status}', check='repeat that')
        if tasks.name_of(owner.task) != REVERT:
            # One that was begun may have closed the share.
            self._parts.rules.need_same(owner)
        return snapshot

    def _call(self, driver: Any, owner: records.ShareEntry,
              snapshot: records.SnapshotEntry) -> None:
        rules = self._parts.rules.in_force(owner)
        try:
            driver.revert_to_snapshot(
                None, rows.snapshot(snapshot, owner), rows.rules(rules), [],
                share_server=None)
        except NotImplementedError as exc:
            if exc.__cause__ is not None:
                raise
            raise exception.Unsupported(
                f'Share {owner.name} cannot be brought back to a snapshot by '
                'this driver', backend=owner.backend, check='snapshot clone, '
                'which makes a share of it') from exc
