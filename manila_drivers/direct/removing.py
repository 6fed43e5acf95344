# SPDX-License-Identifier: Apache-2.0

"""Remove orphans, with their data, that somebody has named.

An orphan is what nobody has recorded here: somebody else may have, such as
another Manila.  So nothing is removed that was not named by its id, and each
is looked for in the records once more before.
"""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
from contextlib import AbstractContextManager
import dataclasses
import functools
from typing import Any

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers.audit import differences
from manila_drivers.direct import driving
from manila_drivers.direct import rows
from manila_drivers.registry import records

#: Snapshots go before their shares.
REMOVABLE = (differences.ORPHAN_SNAPSHOT, differences.ORPHAN_SHARE)
AGAIN = 'audit again'
STAYS = ('it is there after a deletion that did not fail: it may be called '
         'otherwise than the driver calls what it makes. Remove it on the '
         'backend')

UNSEEN = 'nobody has seen it gone: %s'

Failures = list[tuple[differences.Deviation, str]]


@dataclasses.dataclass(frozen=True)
class Removing:
    """Remove what is on one backend and recorded nowhere.

    :param recorded: tells if an orphan is recorded by now.
    :param alone: keeps others of this registry out while one is removed.
    :param server: returns the share server of an id, None for none.
    """

    driving: driving.Driving
    recorded: Callable[[differences.Deviation], bool]
    alone: Callable[[str], AbstractContextManager[object]] = \
        contextlib.nullcontext
    server: Callable[[str], Any] = lambda ident: None

    def plan(self, report: differences.AuditReport,
             names: Iterable[str]) -> list[str]:
        """Return what would be done, a line each; changes nothing.

        :raises InvalidRequest: one of them is no orphan.
        :raises DriverError: the driver cannot be set up.
        """
        lines = []
        for one in chosen(report, names):
            words = f'remove {one.subject} with its data'
            steps, error = exception.caught(functools.partial(
                self._steps, one))
            if error is not None:
                # With its snapshots, which are still there, for one.
                lines.append(f'{words}, which is not possible yet: {error}')
            else:
                lines += [words + step for step in steps or ()]
        return lines

    def _steps(self, one: differences.Deviation) -> list[str]:
        if not self.driving.driver.SHOWS_PLANS:
            return ['']
        return [f': {step}' for step in self.driving.preview(
            'remove', one.subject, self._call(one))]

    def run(self, report: differences.AuditReport,
            names: Iterable[str]) -> Failures:
        """Do what :meth:`plan` says; one failure stops no other.

        :returns: what could not be removed, with the reason.
        :raises InvalidRequest: one of them is no orphan.
        """
        failed, done = [], []
        orphans, kept = chosen(report, names), None
        for one in orphans:
            if one.kind == differences.ORPHAN_SHARE and kept is None:
                # The snapshots that were named are gone by now.
                kept = self._kept([each for each in orphans
                                   if each.kind == one.kind])
            error = (kept or {}).get(one.ident)
            if error is None:
                _, error = exception.caught(
                    functools.partial(self._remove, one))
            if error is not None:
                failed.append((one, str(error)))
            else:
                done.append(one)
        return failed + self._left(done)

    def _kept(self, shares: list[differences.Deviation],
              ) -> dict[str, exception.DriverError]:
        """Return why shares stay: they have snapshots that nobody has named.
        """
        found, error = exception.caught(lambda: self._look(
            {one.server for one in shares if one.server}))
        if found is None:
            assert error is not None
            return {one.ident: error for one in shares}
        kept: dict[str, exception.DriverError] = {}
        for one in shares:
            there = [each.name for each in found.snapshots
                     if each.share == one.ident]
            if there:
                kept[one.ident] = exception.Busy(
                    f'{one.subject} has snapshots, which would go with it',
                    answer=', '.join(there), check='name them as well, or '
                    'remove them on the backend')
            elif inventory.SNAPSHOTS in found.partial:
                kept[one.ident] = exception.Busy(
                    f'It is not known if {one.subject} has snapshots',
                    answer='; '.join(found.unread), check=AGAIN)
        return kept

    def _left(self, removed: Iterable[differences.Deviation]) -> Failures:
        """Look for what a driver has removed, by whatever name it is there.

        What is missing where not all was read has not been seen gone.
        """
        removed = list(removed)
        if not removed:
            return []
        found, error = exception.caught(lambda: self._look(
            {one.server for one in removed if one.server}))
        if found is None:
            return [(one, UNSEEN % error) for one in removed]
        idents = {*found.shares, *(one.id for one in found.snapshots)}
        untold = '; '.join(found.unread) or 'a list was not read whole'
        return [(one, STAYS if one.ident in idents else UNSEEN % untold)
                for one in removed if one.ident in idents
                or _doubtful(one, found)]

    def _look(self, servers: Iterable[str]) -> inventory.Inventory:
        """:raises DriverError: the backend, or a share server, is not told.
        """
        rows = [self.server(ident) for ident in sorted(servers)]
        serving = inventory.Serving(tuple(
            model.ShareServer.of(row) for row in rows if row is not None))
        found: inventory.Inventory = self.driving.call(
            lambda driver: driver.take_inventory(
                [], serving if serving.servers else None))
        return found

    def _remove(self, one: differences.Deviation) -> None:
        with self.alone(one.owner or one.ident):
            if self.recorded(one):
                raise exception.Busy(
                    f'{one.subject} has been recorded since the audit',
                    check=AGAIN)
            self.driving.call(self._call(one))

    def _call(self, one: differences.Deviation) -> Callable[[Any], object]:
        """Return the call with which Manila would have a driver delete it.

        :raises DriverError: its share server cannot be used now.
        """
        server = self.server(one.server)
        owner = records.ShareEntry(one.owner or one.ident, '', '', '', None,
                                   'deleting')
        if one.kind == differences.ORPHAN_SHARE:
            return lambda driver: driver.delete_share(
                None, rows.share(owner), share_server=server)
        row = rows.snapshot(records.SnapshotEntry(
            one.ident, '', '', owner.id, None, 'deleting'), owner)
        return lambda driver: driver.delete_snapshot(
            None, row, share_server=server)


def _doubtful(one: differences.Deviation,
              found: inventory.Inventory) -> bool:
    """Tell if an orphan may be there although no list has it.

    A share may be served by what could not be looked into.
    """
    if one.kind == differences.ORPHAN_SNAPSHOT:
        return inventory.SNAPSHOTS in found.partial
    return inventory.SHARES in found.partial or bool(found.unread)


def chosen(report: differences.AuditReport,
           names: Iterable[str]) -> list[differences.Deviation]:
    """Return the orphans of these ids, in the order in which they can go.

    :raises InvalidRequest: one of them is no orphan, or a share has orphan
        snapshots that are not named.
    """
    orphans = {one.ident: one for one in report.differences
               if one.kind in REMOVABLE and one.ident}
    wanted = list(dict.fromkeys(names))
    others = [name for name in wanted if name not in orphans]
    if others:
        raise exception.InvalidRequest(
            f'{", ".join(others)} cannot be removed: no orphan of '
            f'{report.backend} has this id', answer=', '.join(
                sorted(orphans)) or '(there are none)',
            check='the ids that the audit tells of orphan shares and '
            'snapshots; anything else is removed on the backend')
    unnamed = [f'{one.ident} of share {one.owner}'
               for one in report.differences
               if one.kind == differences.ORPHAN_SNAPSHOT
               and one.owner in wanted and one.ident not in wanted]
    if unnamed:
        raise exception.InvalidRequest(
            'Snapshots would go with their shares: ' + ', '.join(unnamed),
            check='name them as well')
    return sorted((orphans[name] for name in wanted),
                  key=lambda one: REMOVABLE.index(one.kind))
