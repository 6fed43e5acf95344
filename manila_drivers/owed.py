# SPDX-License-Identifier: Apache-2.0

"""Shares that a start of the service could not go through.

Manila asks ``get_backend_info`` when the service starts, checks all shares
with ``ensure_shares`` if the answer is another than the one that it stored,
and then stores the answer, however the check went.  So what a check could not
finish would never be looked at again.  Here it is *owed*:

* ``ensure_shares`` writes down each share whose answer is empty, is missing,
  or says under :data:`OWED` why the check did not come to its end;
* while anything is owed, :meth:`Owed.token`, which is part of
  ``get_backend_info``, has a value that no process has told before, so that
  the next start checks all shares again;
* after each statistics read (every 60 s) a few shares are checked again, those
  that have waited longest first (:meth:`Owed.due`, :meth:`Owed.checked`);
* what a later check finds out that only ``ensure_shares`` can tell Manila (new
  export locations, ``reapply_access_rules``, a status) stays owed until the
  next start tells it;
* rules that a check asked Manila for are owed until ``update_access`` has
  set them.

Which shares are owed is kept in Manila's private storage, since the next
process has to know it.

What Manila makes of the answer for an owed share: without a status it becomes
``available`` as before, and nothing else of it is changed.  No status is
given, because none that a driver could give is taken back by anything but an
operator or the next check: ``ensuring`` has users refused until then,
``error`` calls data lost that is not.  Where a check found that access is not
what the rules say, and could not mend it, the answer asks for the rules
nevertheless: Manila sends them at once, and if that fails as well shows them
in error.

A driver on :class:`manila_drivers.driver.ShareDriver` has all this.  Its
``backend.health.ensure`` can be called for a few shares as well as for all,
leaves the answer of what it could not check empty or returns
:func:`unfinished`, and does not ask one share after the other once its
backend has stopped to answer.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import itertools
import logging
import threading
import time
from typing import Any
import uuid

from manila_drivers import model
from manila_drivers import owed_debt
from manila_drivers import owed_store
from manila_drivers import plan

LOG = logging.getLogger(__name__)

Answer = owed_debt.Answer
Debt = owed_debt.Debt

OWED = owed_debt.OWED
RULES = owed_debt.RULES
unfinished = owed_debt.unfinished

#: Shares that one periodic call checks again.
BATCH = 20
#: Seconds after which rules that were asked for, and that Manila has not sent,
#: are taken for none: it does not call for a share without rules.
RULES_EXPECTED = 600.0


class Owed:
    """Checks that are owed to the shares of one backend.  Thread-safe.

    Making one does no I/O.  A storage that fails is logged and tried again
    with the next change.

    :param storage: Manila's private storage; None remembers nothing beyond
        this process.
    :param owner: what no other backend of the same storage is called.
    :param backend: its name in the log.
    :param clock: monotonic seconds.
    """

    def __init__(self, storage: Any, owner: str, backend: str = '',
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._store = owed_store.OwedStore(storage, owner)
        self._backend = backend or owner
        self._clock = clock
        self._lock = threading.RLock()
        self._loaded = False
        self._debts: dict[str, Debt] = {}
        # The token that Manila has stored, what it was given last, and what
        # it is given while anything is owed.
        self._told = ''
        self._given: str | None = None
        self._fresh = _fresh()
        self._rules_expected = 0.0
        # Shares of which calls that take them away are under way; those that
        # went before what is owed could be read; and checks of all shares
        # that are under way, with what became of shares meanwhile: None for
        # one that went, else its size.
        self._leaving: list[str] = []
        self._gone: set[str] = set()
        self._checks = 0
        self._meanwhile: dict[str, int | None] = {}

    def token(self) -> str:
        """Return what ``get_backend_info`` has to say about this.

        It is new as long as anything is owed, and afterwards what Manila has
        stored already, so that the next start checks nothing in vain.
        """
        with self._lock:
            # Where it cannot be read what is owed, all may be.
            owed = self._known() or not self._loaded
            self._given = self._fresh if owed else self._told
            return self._given

    def waiting(self) -> dict[str, str]:
        """Return why each owed share is owed, by its id, oldest first."""
        with self._lock:
            return {ident: debt.why for ident, debt in self._known().items()}

    def kinds(self) -> dict[str, int] | None:
        """Count shares by what they are owed: check, tell or rules.

        Waits for nobody: a storage may be asked under the lock.

        :returns: None if it has not been read yet what is owed.
        """
        if not self._loaded:
            return None
        found = dict.fromkeys(owed_debt.KINDS, 0)
        for debt in list(self._debts.values()):
            found[debt.kind] += 1
        return found

    def ensuring(self) -> None:
        """A check of all shares begins, which :meth:`ensured` ends.

        Its rows are as old as this, and calls about shares go on meanwhile.
        A dry run ends without telling.
        """
        with self._lock:
            self._checks += not plan.is_dry()

    def ensured(self, rows: Iterable[Any], answers: Mapping[str, Answer],
                ) -> dict[str, dict[str, Any]]:
        """Write down what a check of all shares left unfinished.

        :returns: the answers for Manila, one for each row.
        """
        passed = {str(row['id']): row for row in rows}
        found = {ident: owed_debt.after_start(row, answers.get(ident) or {})
                 for ident, row in passed.items()}
        with self._lock:
            debts = self._known()
            for ident, debt in found.items():
                debts.pop(ident, None)
                debt = found[ident] = self._up_to_date(ident, debt)
                if debt is not None:
                    debts[ident] = debt
            self._checks = max(0, self._checks - 1)
            if not self._checks:
                self._meanwhile.clear()
            if self._given is not None:
                self._told = self._given
            self._fresh = _fresh()
            self._rules_expected = self._clock() + RULES_EXPECTED
            self._save()
        self._report(found)
        return {ident: {key: value for key, value
                        in (answers.get(ident) or {}).items() if key != OWED}
                for ident in passed}

    def due(self, limit: int = BATCH) -> dict[str, Any]:
        """Return rows of shares to check again by id, oldest first."""
        with self._lock:
            debts = self._known()
            self._give_up_rules(debts)
            waiting = ((ident, debt.row) for ident, debt in debts.items()
                       if debt.unchecked and debt.row is not None
                       and ident not in self._leaving)
            return dict(itertools.islice(waiting, limit))

    def checked(self, rows: Mapping[str, Any],
                answers: Mapping[str, Answer]) -> None:
        """Write down how another check went.

        :param rows: of :meth:`due`; a share whose row has changed meanwhile
            is left for the next time.
        """
        with self._lock:
            debts = self._known()
            for ident, row in rows.items():
                debt = debts.get(ident)
                if debt is None or debt.row is not row:
                    continue
                # Behind the others: none has to wait for this one for ever.
                del debts[ident]
                left = owed_debt.after_retry(debt, answers.get(ident) or {})
                if left is not None:
                    debts[ident] = left
                self._log_retry(ident, left)
            self._save()

    @contextlib.contextmanager
    def leaving(self, ident: str) -> Iterator[None]:
        """Owe nothing to a share once a call has taken it away.

        It is not checked while the call goes on.  If that fails the share is
        still there, maybe for others than its rules say, and stays owed.
        """
        with self._lock:
            self._leaving.append(ident)
        try:
            yield
            self.forget(ident)
        finally:
            with self._lock:
                self._leaving.remove(ident)

    @contextlib.contextmanager
    def away(self, row: Any, server: Any, *, closes: bool) -> Iterator[None]:
        """Owe a share a check until a call that may close it has ended well.

        A process that is ended meanwhile leaves that to the next one.  It is
        not checked while the call goes on.

        :param server: the share server that it is on, or None.
        :param closes: False if this driver does not close it.
        """
        if plan.is_dry() or not closes:
            yield
            return
        ident = str(row['id'])
        debt = Debt('a call that may have closed it did not end well', {
            **model.Share.of(row).row(), 'share_server': server,
            'export_locations': row.get('export_locations')})
        with self._lock:
            self._leaving.append(ident)
            new = self._known().setdefault(ident, debt) is debt
            if new:
                self._save()
        try:
            yield
            if new:
                self._change(ident, lambda now: None if now is debt else now)
        finally:
            with self._lock:
                self._leaving.remove(ident)

    def forget(self, ident: str) -> None:
        """Owe nothing to a share that has gone."""
        with self._lock:
            self._change(ident, lambda debt: None)
            if not self._loaded:
                self._gone.add(ident)
            if self._checks:
                self._meanwhile[ident] = None

    def resized(self, ident: str, gib: int) -> None:
        """Remember that a share has another size than Manila's row says."""
        with self._lock:
            self._change(ident, lambda debt: owed_debt.resized(debt, gib))
            if self._checks:
                self._meanwhile[ident] = gib

    def rules_set(self, ident: str) -> None:
        """Owe a share its rules no more."""
        with self._lock:
            self._expect_rules()
            self._change(ident, owed_debt.without_rules)

    def rules_failed(self, ident: str, why: object) -> None:
        """Keep a share whose rules were asked for and could not be set."""
        if plan.is_dry():
            return
        with self._lock:
            # Manila is still sending those of others.
            self._expect_rules()
            self._change(ident, lambda debt: debt if not debt.asked else
                         dataclasses.replace(debt, untold=frozenset({RULES}),
                                             asked=False, why=str(why)))

    # -- below the lock --------------------------------------------------

    def _up_to_date(self, ident: str, debt: Debt | None) -> Debt | None:
        """A debt with what became of the share while it was checked."""
        if debt is None or ident not in self._meanwhile:
            return debt
        size = self._meanwhile[ident]
        return None if size is None else owed_debt.resized(debt, size)

    def _expect_rules(self) -> None:
        self._rules_expected = max(self._rules_expected,
                                   self._clock() + RULES_EXPECTED)

    def _change(self, ident: str,
                change: Callable[[Debt], Debt | None]) -> None:
        with self._lock:
            debts = self._known()
            before = debts.get(ident)
            if before is None:
                return
            after = change(before)
            if after is not None:
                debts[ident] = after
                return
            del debts[ident]
            if self._loaded and not self._store.without(ident):
                self._save()

    def _known(self) -> dict[str, Debt]:
        """Return all debts, those of earlier processes included."""
        if not self._loaded:
            stored = self._store.load()
            if stored is not None:
                self._loaded = True
                self._told, idents = stored
                for ident in idents:
                    if ident not in self._gone:
                        self._debts.setdefault(ident, Debt(
                            'an earlier start could not check it'))
                if not self._gone.isdisjoint(idents):
                    self._save()
                self._gone.clear()
        return self._debts

    def _give_up_rules(self, debts: dict[str, Debt]) -> None:
        if self._clock() < self._rules_expected:
            return
        silent = [ident for ident, debt in debts.items() if debt.asked]
        for ident in silent:
            del debts[ident]
        if silent:
            self._save()

    def _save(self) -> None:
        if self._loaded:
            self._store.save(self._told, self._debts)

    def _report(self, found: Mapping[str, Debt | None]) -> None:
        left = [ident for ident, debt in found.items()
                if debt is not None and debt.unchecked]
        if left:
            LOG.error(
                'Backend %s: %d of %d shares could not be checked, the first '
                'is %s: %s. They are tried again %d at a time with the '
                'statistics, and at the next start of the service',
                self._backend, len(left), len(found), left[0],
                getattr(found[left[0]], 'why', ''), BATCH)

    def _log_retry(self, ident: str, left: Debt | None) -> None:
        if left is None:
            LOG.info('Backend %s: share %s has been checked now',
                     self._backend, ident)
        elif left.untold:
            LOG.warning(
                'Backend %s: share %s has been checked now, but %s. Check: '
                '"openstack share service ensure shares", or restart the '
                'service', self._backend, ident, left.why)
        else:
            LOG.warning('Backend %s: share %s could still not be checked: '
                        '%s', self._backend, ident, left.why)


def _fresh() -> str:
    return uuid.uuid4().hex
