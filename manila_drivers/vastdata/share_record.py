# SPDX-License-Identifier: Apache-2.0
"""Records about each share beside VMS.

They say what its host lists were when its rules were set last.
Lists that were changed by hand, or by a call that was cut off, look like any
others; and lists without any host are right for a share without rules alone.
Manila's private storage says so without a request: it keeps a digest of the
lists that the rules made.

It keeps the size as well that a share was given last.  Until Manila has
written that down itself, its row has the former size, and a check of all
shares, maybe on another host, would take the new limit for a wrong one.

And it keeps that a snapshot has never fed a clone, which saves asking for
clones before it is removed.
"""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import hashlib
import logging
from typing import Any
import uuid

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

#: Makes a lock, as far as the backend is shared, by its name.
Lock = Callable[[str], contextlib.AbstractContextManager[Any]]

_KEY = 'vast_host_lists'
_ADOPTED = 'vast_adopted'
_SIZE = 'vast_size'
_CLONES = 'vast_clones'
_NONE, _BEGUN = 'none', 'begun'


def digest(read_write: Iterable[str], read_only: Iterable[str]) -> str:
    """Return a short text for two lists, whatever their order."""
    text = '%s\n%s' % (' '.join(sorted(set(read_write))),
                       ' '.join(sorted(set(read_only))))
    return hashlib.sha256(text.encode()).hexdigest()


class ShareRecord:
    """Digests of host lists by share, and what this process has seen.

    ``policy_ids`` are those of the shares' own policies, as they were last
    seen; an id is never used again.

    A storage that fails is logged: what is not known is asked for again.

    :param storage: Manila's private storage; None remembers nothing beyond
        this process.
    """

    def __init__(self, storage: Any = None) -> None:
        self._storage = storage
        self._known: dict[str, str] = {}
        self.policy_ids: dict[str, int] = {}
        # GiB that this process has set.
        self._sizes: dict[str, int] = {}
        # Share and key of what this process could not store.
        self._unstored: set[tuple[str, str]] = set()

    def remember(self, share_id: str, lists: view_policy.ClientLists) -> None:
        """Write down what a share's policy has been seen to hold."""
        made = digest(lists.read_write, lists.read_only)
        # Also what this process wrote last: another host may have since.
        _, failure = self._use(lambda kept: kept.update(share_id,
                                                        {_KEY: made}))
        self._stored(share_id, _KEY, failure)
        if failure is not None:
            LOG.warning('What the rules of share %s made cannot be stored, '
                        'so that the next start asks for them: %s', share_id,
                        failure)
        self._known[share_id] = made

    def holds(self, share_id: str, policy: records.ViewPolicy) -> bool:
        """Tell if a policy holds what the rules of its share made.

        Where that is not known, lists with hosts are taken to be right, and
        lists without any are not: they may have been emptied.
        """
        made = self._made(share_id)
        if not made:
            return view_policy.admits(policy)
        if policy.read_write is None or policy.read_only is None:
            return False
        return made in (
            digest(policy.read_write, policy.read_only),
            digest(map(view_policy.plain, policy.read_write),
                   map(view_policy.plain, policy.read_only)))

    def has_made(self, share_id: str, policy: records.ViewPolicy) -> bool:
        """Tell if it is known that rules of a share made what a policy holds.

        Those of the last call about them, on whatever host.
        """
        return (share_id, _KEY) not in self._unstored \
            and bool(self._made(share_id)) and self.holds(share_id, policy)

    def resized(self, share_id: str, gib: int) -> None:
        """Write down the size that a share has got."""
        self._sizes[share_id] = gib
        _, failure = self._use(lambda kept: kept.update(share_id,
                                                        {_SIZE: gib}))
        self._stored(share_id, _SIZE, failure)
        if failure is not None:
            LOG.warning('That share %s has %d GiB cannot be stored: %s',
                        share_id, gib, failure)

    def size(self, share_id: str) -> int | None:
        """Return the GiB that a share was given last, None if never.

        That may have been by other hosts and earlier processes.

        :raises BackendError: the storage cannot be read.
        """
        found = self._need('The size of share %s cannot be read' % share_id,
                           lambda kept: kept.get(share_id, _SIZE))
        return self._sizes.get(share_id) if found is None else int(found)

    def has_given(self, share_id: str, limit: object) -> bool:
        """Tell if it is known that a share was given a limit in bytes last.

        That may have been by another host.
        """
        if (share_id, _SIZE) in self._unstored:
            return False
        gib, _ = exception.caught(lambda: self.size(share_id))
        return gib is not None and limit == gib * model.GiB

    def outdates(self, share: model.Share) -> bool:
        """Tell if Manila's row of a share is older than its size."""
        size = self.size(share.id)
        return size is not None and size != share.size

    def adopt(self, share_id: str) -> None:
        """Write down that a share is served, before it has any rules.

        :raises BackendError: the storage cannot be written.
        """
        self._need('That share %s is served cannot be stored' % share_id,
                   lambda kept: kept.update(share_id, {_ADOPTED: 'yes'}))

    def knows(self, share_id: str) -> bool:
        """Tell if a share is one that this Manila serves.

        :raises BackendError: the storage cannot be read.
        """
        if self._known.get(share_id):
            return True
        found = self._need('Whether share %s is served is not known'
                           % share_id, lambda kept: kept.get(share_id))
        return bool(found and {_KEY, _ADOPTED} & set(found))

    def forget(self, share_id: str) -> None:
        """Keep nothing about a share that is gone."""
        for seen in self._known, self.policy_ids, self._sizes:
            seen.pop(share_id, None)
        self._unstored -= {(share_id, _KEY), (share_id, _SIZE)}
        _, failure = self._use(lambda kept: kept.delete(
            share_id, [_KEY, _ADOPTED, _SIZE]))
        if failure is not None:
            LOG.warning('What is stored of share %s cannot be removed: %s',
                        share_id, failure)

    def snapshot_taken(self, name: str) -> None:
        """Write down that a snapshot was taken now: it has fed no clone."""
        _, failure = self._use(lambda kept: kept.update(
            _snapshot(name), {_CLONES: _NONE}))
        if failure is not None:
            LOG.warning('That snapshot %s has fed no clone cannot be stored, '
                        'so that its removal asks for clones: %s', name,
                        failure)

    def clone_begun(self, name: str) -> None:
        """Write down that a snapshot is about to feed a clone.

        :raises BackendError: the storage cannot be written.
        """
        self._need('That snapshot %s feeds a clone cannot be stored' % name,
                   lambda kept: kept.update(_snapshot(name),
                                            {_CLONES: _BEGUN}))

    def fed_none(self, name: str) -> bool:
        """Tell if a snapshot is known to have fed no clone of ours."""
        made, _ = self._use(lambda kept: kept.get(_snapshot(name), _CLONES))
        return bool(made == _NONE)

    def snapshot_gone(self, name: str) -> None:
        """Keep nothing about a snapshot that is gone."""
        self._use(lambda kept: kept.delete(_snapshot(name), [_CLONES]))

    def _stored(self, share_id: str, key: str,
                failure: Exception | None) -> None:
        if failure is None:
            self._unstored.discard((share_id, key))
        else:
            self._unstored.add((share_id, key))

    def _made(self, share_id: str) -> str:
        if self._storage is None:
            return self._known.get(share_id, '')
        made, failure = self._use(lambda kept: kept.get(share_id, _KEY))
        if failure is None:
            self._known[share_id] = str(made or '')
        else:
            LOG.warning('What the rules of share %s made cannot be read: %s',
                        share_id, failure)
        return self._known.get(share_id, '')

    def _use(self, call: Callable[[Any], Any]) -> tuple[Any, Exception | None]:
        """Return what the storage says, if there is one, or why it fails."""
        if self._storage is None:
            return None, None
        return exception.caught_any(lambda: call(self._storage))

    def _need(self, what: str, call: Callable[[Any], Any]) -> Any:
        """Return what the storage says; raise BackendError if it fails."""
        said, failure = self._use(call)
        if failure is not None:
            raise exception.BackendError(what, answer=str(failure),
                                         check="Manila's database")
        return said


def _snapshot(name: str) -> str:
    """Return what a snapshot is stored under, which has to be a UUID.

    Its name in VMS has Manila's id of it, so that no other one has it; ids of
    VMS occur in each cluster.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, 'manila-vast-snapshot:' + name))
