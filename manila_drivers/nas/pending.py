# SPDX-License-Identifier: Apache-2.0

"""Keep what NFS servers that did not answer have still to be told.

That a server has missed something is remembered in this process.  That there
is such a server at all is remembered for longer, so that the next process
has all shares checked when it starts; and so is, with each share, which
servers may still let in somebody who was turned out.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import hashlib
import logging
import threading
from typing import Any
import uuid

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.nas import exports

LOG = logging.getLogger(__name__)

Export = exports.Export
PendingChange = exports.PendingChange

# What Manila stores of one text, and what stands for any server.
_LONGEST = 1000
_ANY = '*'
_NOBODY = 'nobody'


class PersistentText:
    """A text about something that outlives the process; '' is none.

    :param storage: Manila's private storage, or None to remember nothing.
    :param entity: a UUID: what it is about.
    """

    def __init__(self, storage: Any, entity: str, key: str) -> None:
        self._storage = storage
        self._entity = entity
        self._key = key
        self._text: str | None = None
        self._stored = False

    def read(self) -> str:
        """Return it as this process knows it; '' if it cannot be read."""
        if self._text is None:
            self._text = self.look()
            self._stored = self._text is not None
        return self._text or ''

    @property
    def known(self) -> bool:
        """Tell if it has been read, or written, in this process."""
        return self._text is not None

    def look(self) -> str | None:
        """Return it as it is stored now, by whatever process.

        :returns: None if it cannot be read, which is not remembered.
        """
        if self._storage is None:
            return self._text or ''
        found, error = exception.caught_any(
            lambda: self._storage.get(self._entity, self._key, ''))
        if error is not None:
            LOG.warning('What is remembered of %s as %s cannot be read: %s',
                        self._entity, self._key, error)
            return None
        return str(found or '')

    def write(self, text: str) -> bool:
        """Also '' is remembered; nothing happens if it is no other.

        :returns: whether the next process will know it.
        """
        if text == self.read() and self._stored:
            return True
        self._text = text
        self._stored = self._store(text)
        return self._stored

    def _store(self, text: str) -> bool:
        if self._storage is None:
            return True

        def write() -> None:
            if text:
                self._storage.update(self._entity, {self._key: text})
            else:
                self._storage.delete(self._entity, [self._key])
        _, error = exception.caught_any(write)
        if error is not None:
            # Access is as it shall be all the same.
            LOG.warning('%s of %s cannot be remembered: %s', self._key,
                        self._entity, error)
        return error is None


class PendingChanges:
    """By server and path.  Thread-safe.

    :param storage: Manila's private storage, or None to remember nothing.
    :param kind: of the driver: it begins the keys of what is stored.
    :param backend: its name.
    """

    def __init__(self, storage: Any, kind: str, backend: str) -> None:
        self._storage = storage
        self._key = f'{kind}_servers_not_closed'
        # Identifiers of what is stored there have to be UUIDs.
        self._note = PersistentText(storage, str(uuid.uuid5(
            uuid.NAMESPACE_URL, f'manila-{kind}:{backend}')),
            f'{kind}_servers_in_arrears')
        self._unclosed: dict[str, PersistentText] = {}
        self._lock = threading.Lock()
        self._owed: dict[str, dict[str, PendingChange]] = {}
        # Exports of which it is not known how these servers have them.
        self._unseen: dict[str, dict[str, Export]] = {}
        self._blind = False

    @property
    def token(self) -> str:
        """Differs whenever a server has got into arrears; '' if none is."""
        with self._lock:
            return self._note.read()

    def owed(self, server: str) -> dict[str, PendingChange]:
        with self._lock:
            return dict(self._owed.get(server, {}))

    def unseen(self, server: str) -> dict[str, Export]:
        """Those whose state on that server has to be found out."""
        with self._lock:
            return dict(self._unseen.get(server, {}))

    def servers(self) -> list[str]:
        """Those in arrears."""
        with self._lock:
            return sorted(server for found in (self._owed, self._unseen)
                          for server, paths in found.items() if paths)

    def counts(self) -> dict[str, int]:
        """Return of how many exports each server in arrears has to hear."""
        with self._lock:
            return {server: len(paths) for server in {
                *self._owed, *self._unseen} if (paths := {
                    *self._owed.get(server, ()),
                    *self._unseen.get(server, ())})}

    def of(self, path: str) -> dict[str, PendingChange]:
        """Return what servers have to be told about a path."""
        with self._lock:
            return {server: changes[path] for server, changes
                    in self._owed.items() if path in changes}

    def remember(self, export: Export,
                 conclusion: exports.Conclusion) -> None:
        """Note what servers could not be told about an export."""
        for server in conclusion.done:
            self.paid(server, export)
        with self._lock:
            for server, change in conclusion.owed.items():
                self._owed.setdefault(server, {})[export.path] = change
                self._mark()
        if not conclusion.errors:
            self._note_of(export).write('')
        elif conclusion.closing:
            self._leave_open(conclusion.errors, export)

    def paid(self, server: str, export: Export) -> None:
        """That server has this export as it shall be."""
        with self._lock:
            for found in self._owed, self._unseen:
                found.get(server, {}).pop(export.path, None)
        note = self._note_of(export)
        if note.read() == _ANY:
            return
        note.write(' '.join(sorted({*note.read().split()} - {server})))

    def unclosed(self, export: Export) -> Callable[[str], bool]:
        """Says of a server whether it may still let in somebody who was
        turned out, which was reported and has not been done since."""
        note = self._note_of(export)
        text = note.read()
        # Where it cannot be read what is noted, it may be any.
        return lambda server: text == _ANY or server in text.split() \
            or not note.known

    def noted(self, ident: str) -> tuple[str, ...] | None:
        """Return servers that may let in who was turned out of a share.

        :returns: None if what is noted of that cannot be read.
        """
        text = PersistentText(self._storage, ident, self._key).look()
        return None if text is None else tuple(text.split())

    def _leave_open(self, servers: Iterable[str], export: Export) -> None:
        note = self._note_of(export)
        text = ' '.join(sorted({*note.read().split(), *servers}))
        note.write(text if len(text) <= _LONGEST else _ANY)

    def _note_of(self, export: Export) -> PersistentText:
        """Calls about one share come one after the other."""
        with self._lock:
            return self._unclosed.setdefault(export.fsid, PersistentText(
                self._storage, export.fsid, self._key))

    def surveyed(self, errors: Collection[str], seen: Collection[str],
                 paths: Iterable[str],
                 known: Callable[[], Sequence[Export]]) -> None:
        """Note which servers said how they have these paths.

        :param known: makes the exports of the paths, if one did not.
        """
        if errors and not seen:
            self.blind()
            return
        self.seen(dict.fromkeys(seen, paths))
        if errors:
            self.missed(errors, known())

    def missed(self, servers: Iterable[str],
               exports: Sequence[Export]) -> None:
        """These servers did not say how they have these exports."""
        with self._lock:
            for server in servers:
                self._unseen.setdefault(server, {}).update(
                    {export.path: export for export in exports})
                self._mark()

    def seen(self, paths: Mapping[str, Iterable[str]]) -> None:
        """Note that servers were heard about these paths."""
        with self._lock:
            self._blind = False
            for server, some in paths.items():
                for path in some:
                    self._unseen.get(server, {}).pop(path, None)

    def blind(self) -> None:
        """No server has said anything."""
        with self._lock:
            self._blind = True
            self._mark()

    def settled(self) -> None:
        """Forget what is left of arrears that are paid."""
        with self._lock:
            if not (self._blind or any(self._owed.values())
                    or any(self._unseen.values())):
                self._note.write('')

    def _mark(self) -> None:
        if not self._note.read():
            self._note.write(uuid.uuid4().hex)


class Unreached:
    """Hold what Manila said last, as far as that was nobody.  Thread-safe.

    :param storage: Manila's private storage, or None to remember nothing.
    :param kind: of the driver: it begins the key of what is stored.
    """

    def __init__(self, storage: Any, kind: str) -> None:
        self._storage = storage
        self._key = f'{kind}_access'
        self._lock = threading.Lock()
        # Of which it could not be forgotten.
        self._wrong: set[str] = set()

    def _note(self, ident: str) -> PersistentText:
        return PersistentText(self._storage, ident, self._key)

    def add(self, ident: str) -> None:
        """Remember that a share is exported nowhere, and has no rules."""
        with self._lock:
            self._wrong.discard(ident)
        self._note(ident).write(_NOBODY)

    def discard(self, ident: str) -> None:
        """Forget that, before anybody is let in."""
        if self._note(ident).write(''):
            return
        with self._lock:
            self._wrong.add(ident)

    def __contains__(self, ident: str) -> bool:
        with self._lock:
            if ident in self._wrong:
                return False
        return self._note(ident).look() == _NOBODY


class GivenAccess:
    """Digests of what shares were exported as last, by whatever host.

    Who exports a share holds its lock.

    :param storage: Manila's private storage, or None to remember nothing
        beyond this process.
    :param kind: of the driver: it begins the key of what is stored.
    """

    def __init__(self, storage: Any, kind: str) -> None:
        self._storage = storage
        self._key = f'{kind}_exported'
        self._given: dict[str, PersistentText] = {}

    def give(self, export: Export) -> bool:
        """Remember how a share is about to be exported.

        :returns: whether other hosts will know it.
        """
        if plan.is_dry():
            return False
        note = self._given[export.fsid] = self._note(export.fsid)
        return note.write(_digest(export))

    def is_last(self, export: Export) -> bool | None:
        """Tell if nobody was to export it otherwise since; None: not known.
        """
        note = self._given.get(export.fsid) or self._note(export.fsid)
        found = note.look()
        # A share that is gone is exported to nobody.
        return None if found is None else found == _digest(export) or (
            not found and not export.levels)

    def forget(self, ident: str) -> None:
        """Keep nothing about a share that is gone."""
        self._given.pop(ident, None)
        self._note(ident).write('')

    def _note(self, ident: str) -> PersistentText:
        return PersistentText(self._storage, ident, self._key)


def _digest(export: Export) -> str:
    text = repr((sorted((str(network), str(level)) for network, level
                        in export.levels.items()), export.options))
    return hashlib.sha256(text.encode()).hexdigest()
