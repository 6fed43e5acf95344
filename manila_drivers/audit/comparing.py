# SPDX-License-Identifier: Apache-2.0

"""Compare records with what a backend has.  Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import json
from typing import Any

from manila_drivers import access
from manila_drivers import inventory
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.audit import differences
from manila_drivers.audit import reach
from manila_drivers.audit import widening
from manila_drivers.audit.differences import Deviation
from manila_drivers.registry import records

_GO_ON = {'create': 'share create', 'clone': 'snapshot clone',
          'adopt': 'share adopt', 'resize': 'share resize',
          'delete': 'share delete', 'release': 'share release',
          'revert': 'share revert'}
#: The same for snapshots, by their status.
_SNAPSHOT = {'creating': 'create', 'adopting': 'adopt', 'deleting': 'delete',
             'releasing': 'release'}
#: Tasks during which a share is there, and may be reached.
_THERE = ('', 'resize', 'copy')
#: Repairs by which rules are given, or may be.
_GIVING = (differences.RULES, differences.ENSURE)
_UNUSED = ('remove it on the backend, if nobody else uses it: neither Manila '
           'nor another registry; it is never removed by this')


@dataclasses.dataclass(frozen=True)
class Recorded:
    """All that a registry has of one backend.

    ``ids`` are those of the shares of all backends, and ``snapshot_ids`` of
    all snapshots.
    """

    shares: Mapping[str, records.ShareEntry]
    rules: Mapping[str, tuple[records.RuleEntry, ...]]
    snapshots: Mapping[str, records.SnapshotEntry]
    ids: frozenset[str] = frozenset()
    snapshot_ids: frozenset[str] = frozenset()

    def of(self, ident: str) -> tuple[Any, ...]:
        """Return all that is known of one share, to be compared."""
        return (self.shares.get(ident), self.rules.get(ident, ()),
                sorted((one.id, one.version) for one in
                       self.snapshots.values() if one.share_id == ident))


@dataclasses.dataclass(frozen=True)
class StartCheck:
    """All that a driver would do at its start, and says of other shares.

    ``steps`` are by the name of the object.
    """

    steps: tuple[plan.Step, ...] = ()
    answers: Mapping[str, Mapping[str, Any]] = dataclasses.field(
        default_factory=dict)

    def about(self, share: inventory.SeenShare | None,
              ident: str) -> list[plan.Step]:
        names = {ident, *(share.names if share else ())}
        return [step for step in self.steps if step.target in names]


def task(record: records.ShareEntry) -> str:
    """Return what was begun with a share, '' for nothing."""
    return str(record.task['name']) if record.task else ''


def begun(record: records.ShareEntry | records.SnapshotEntry) -> str:
    """Return what was begun, with its arguments, to be compared."""
    if isinstance(record, records.SnapshotEntry):
        return record.status
    return json.dumps(record.task, sort_keys=True)


def compare(known: Recorded, found: inventory.Inventory,
            checked: StartCheck) -> list[Deviation]:
    """Return all that differs, the shares that are recorded first."""
    told: list[Deviation] = []
    for record in known.shares.values():
        told += _ShareAudit(known, record, found, checked).differences()
    told += _snapshots(known, found)
    return told + list(_orphans(known, found))


class _ShareAudit:
    """One share that is recorded, against what there is of it."""

    def __init__(self, known: Recorded, record: records.ShareEntry,
                 found: inventory.Inventory, checked: StartCheck) -> None:
        self.record = record
        self.rules = known.rules.get(record.id, ())
        self.found = found
        self.seen = found.shares.get(record.id)
        self.steps = checked.about(self.seen, record.id)
        self.answer = checked.answers.get(record.id, {})
        #: Why the driver's own check could not judge it, '' if it could.
        self.unchecked = str(self.answer.get(owed.OWED) or '') or (
            'the driver could not check all of it'
            if record.id in checked.answers and not self.answer else '')

    def tell(self, kind: str, expected: str, found: str, do: str,
             repair: str = '') -> Deviation:
        return Deviation(kind, f'share {self.record.name}', expected, found,
                         do, self.record.id, repair,
                         begun=begun(self.record), gives=self.gives
                         if repair in _GIVING else ())

    @functools.cached_property
    def gives(self) -> tuple[str, ...]:
        """Return who gets more if the rules are given once more."""
        return widening.decide([rule for rule in self.rules
                                if rule.state == 'active'], self.seen).gives

    def planned(self, topic: str) -> str:
        """Return how the driver repairs something, '' if it does not."""
        return differences.ENSURE if any(
            self.found.topic(step) == topic for step in self.steps) else ''

    def differences(self) -> list[Deviation]:
        name = task(self.record)
        if name not in _THERE:
            return [self.tell(
                differences.UNFINISHED_SHARE, f'{_GO_ON[name]} to end',
                f'{self.record.status}, and nobody works on it'
                + (self.record.failure and f': {self.record.failure}'),
                f'repeat {_GO_ON[name]}', differences.GO_ON)]
        unseen = list(self.unseen())
        if self.gone() and unseen:
            return unseen
        if self.gone() or self.answer.get('status') == 'error':
            return [self.lost()]
        assert self.seen is not None
        return [*unseen, *self.unfinished(), *self.copying(), *self.parts(),
                *self.size(), *self.access(), *self.owed(), *self.others()]

    def gone(self) -> bool:
        """Tell if there is nothing that clients can use, nor will be."""
        return (self.seen is None or not self.seen.served) \
            and not self.planned(inventory.PART)

    def unseen(self) -> Iterator[Deviation]:
        """Yield what could not be looked at, which is not lost by that."""
        why = [self.unchecked, *(self.seen.unseen if self.seen else ())]
        if inventory.SHARES in self.found.partial and (
                self.seen is None or self.seen.missing):
            why.append('it may be among what could not be read')
        if any(why):
            yield self.tell(
                differences.NOT_SEEN, 'all of it to be seen', '; '.join(
                    dict.fromkeys(filter(None, why))), 'audit again, once '
                'that can be read')

    def lost(self) -> Deviation:
        """Return what is said of a share that nobody can use any more."""
        have = ', '.join(self.seen.parts) if self.seen else ''
        return self.tell(
            differences.LOST_SHARE, f'{self.record.size} GiB at '
            + (', '.join(str(each['path']) for each in
                         self.record.locations[:1]) or 'some path'),
            '; '.join(self.seen.odd) if self.seen and self.seen.odd else
            f'nothing but its {have}' if have else 'nothing of it',
            'bring it back from a copy or a snapshot of the backend, or '
            'delete the share; nothing is made in its place')

    def unfinished(self) -> Iterator[Deviation]:
        if task(self.record) == 'resize':
            size = (self.record.task or {}).get('size')
            yield self.tell(
                differences.UNFINISHED_SHARE, f'{size} GiB',
                f'resizing from {self.record.size} GiB, and nobody works on '
                'it', f'repeat share resize to {size}', differences.GO_ON)
        for rule in self.rules:
            if rule.state in ('applying', 'denying'):
                word = 'allow' if rule.state == 'applying' else 'deny'
                yield self.tell(
                    differences.UNFINISHED_RULE, f'{word} {rule.level} '
                    f'{rule.target} to end', f'{rule.state}, and nobody '
                    'works on it', f'repeat share {word} for {rule.target}',
                    differences.RULES)

    def copying(self) -> Iterator[Deviation]:
        clone = next((one for one in self.found.clones
                      if one.share == self.record.id), None)
        copied = task(self.record) == 'copy'
        if clone is None and copied and self.found.copies:
            yield self.tell(
                differences.COPY, 'a copy that goes on', 'none',
                'delete the share, and make it again')
        elif clone is None or clone.state == (
                inventory.RUNNING if copied else inventory.DONE):
            return
        elif clone.state == inventory.STOPPED and copied:
            yield self.tell(
                differences.COPY, 'a copy that goes on',
                f'copy {clone.name} stopped', 'share wait takes it up again',
                differences.GO_ON)
        elif clone.state == inventory.DONE:
            yield self.tell(
                differences.COPY, 'its end recorded', 'copied, and still '
                'recorded as being copied', 'share wait',
                differences.GO_ON)
        else:
            yield self.tell(
                differences.COPY, 'content that is whole',
                f'copy {clone.name} {clone.state} at {clone.progress} %',
                'wait for its end' if clone.state == inventory.RUNNING else
                'delete the share, and make it again')

    def parts(self) -> Iterator[Deviation]:
        assert self.seen is not None
        if inventory.SHARES in self.found.partial:
            return
        for kind in self.seen.missing:
            yield self.tell(
                differences.LOST_PART, f'a {kind}', 'none',
                'the driver makes it again' if self.planned(inventory.PART)
                else 'extend the share above what is in use',
                self.planned(inventory.PART))

    def size(self) -> Iterator[Deviation]:
        assert self.seen is not None
        limit, size = self.seen.limit, self.record.size
        if task(self.record) or limit is None or size is None \
                or limit <= size * model.GiB <= limit + self.seen.slack:
            return
        yield self.tell(
            differences.SIZE, f'{size} GiB', f'{limit / model.GiB:g} GiB'
            if limit else 'no limit', 'the driver sets it; if more is in use '
            'extend the share', self.planned(inventory.SIZE)
            or (differences.EXTEND if 0 < limit < size * model.GiB
                else differences.SHRINK))

    def access(self) -> Iterator[Deviation]:
        assert self.seen is not None
        if not self.seen.served:
            return
        active, pending = (
            [access.Rule(rule.id, rule.kind, rule.target, level or rule.level)
             for rule in self.rules if rule.state in states]
            for states, level in ((('active',), ''),
                                  (('applying', 'denying'), 'rw')))
        wide: dict[str, list[str]] = {}
        less: dict[str, list[str]] = {}
        due = reach.NOBODY
        for clients in self.seen.clients:
            present, strange = reach.seen(clients)
            due = reach.wanted(active, clients.kind)
            # What is being given or taken may be there until that has ended.
            for text in (*reach.beyond(present, due.joined(reach.wanted(
                    pending, clients.kind))), *strange):
                wide.setdefault(text, []).append(clients.server)
            for text in () if pending else reach.beyond(due, present):
                less.setdefault(text, []).append(clients.server)
        for kind, told in ((differences.WIDER, wide),
                           (differences.NARROWER, less)):
            if told:
                yield self._access(kind, due, told)

    def _access(self, kind: str, due: reach.Admitted,
                told: Mapping[str, Sequence[str]]) -> Deviation:
        assert self.seen is not None
        expected = reach.several(
            reach.beyond(due, reach.NOBODY)) or 'nobody'
        everywhere = len(self.seen.clients)
        return self.tell(
            kind, expected, reach.several([
                text + (' on ' + ', '.join(servers)
                        if len(servers) < everywhere else '')
                for text, servers in told.items()])
            + (' too' if kind == differences.WIDER else ' missing'),
            'its rules are given again' + (
                ', with --widen alone' if self.gives
                and kind == differences.NARROWER else ''), differences.RULES)

    def owed(self) -> Iterator[Deviation]:
        """Yield what calls that failed have noted, and nobody has done."""
        assert self.seen is not None
        for text in self.seen.owed:
            yield self.tell(differences.OWED, 'nothing owed', text,
                            'its rules are given again', differences.RULES)

    def closed(self) -> bool:
        """Tell if nobody gets in, as it has to be without rules."""
        assert self.seen is not None
        return not self.rules and bool(self.seen.clients) and all(
            reach.seen(clients) == (reach.NOBODY, ())
            for clients in self.seen.clients)

    def others(self) -> Iterator[Deviation]:
        """Yield what the driver would repair and no other finding says."""
        assert self.seen is not None
        for text in self.seen.odd:
            yield self.tell(differences.ODD, 'one way into the share, and '
                            'one object of a kind', text,
                            'decide on the backend which one is right')
        told = {inventory.PART: bool(self.seen.missing),
                inventory.SIZE: any(self.size()),
                inventory.ACCESS: bool(self.seen.missing)
                or any(self.access()) or any(self.owed())}
        topics = [self.found.topic(step) for step in self.steps]
        if set(topics) == {inventory.ALONG}:
            told[inventory.ALONG] = False
        told.setdefault(inventory.ALONG, True)
        left = [str(step) for step, topic in zip(
            self.steps, topics, strict=True) if not told.get(topic)]
        if left:
            yield self.tell(
                differences.SETTING, 'as the driver makes it',
                'otherwise, which takes: ' + '; '.join(left),
                'the driver repairs it', differences.ENSURE)
        elif self.answer.get(owed.RULES) and not told[inventory.ACCESS] \
                and task(self.record) == '' and not self.closed():
            yield self.tell(
                differences.SETTING, 'access as its rules make it',
                'set in another way, for the clients that have it',
                'its rules are given again', differences.RULES)


def _snapshots(known: Recorded, found: inventory.Inventory,
               ) -> Iterator[Deviation]:
    there = {(word, one.share): one for one in found.snapshots
             for word in (one.name, one.id) if word}
    for ident, record in known.snapshots.items():
        def tell(kind: str, expected: str, seen: str, do: str,
                 repair: str = '', record: records.SnapshotEntry = record,
                 ) -> Deviation:
            return Deviation(kind, f'snapshot {record.name}', expected,
                             seen, do, record.id, repair,
                             begun=begun(record))
        if record.status != 'available':
            word = _SNAPSHOT[record.status]
            yield tell(
                differences.UNFINISHED_SNAPSHOT, f'snapshot {word} to end',
                f'{record.status}, and nobody works on it'
                + (record.failure and f': {record.failure}'),
                f'repeat snapshot {word}', differences.SNAPSHOT)
            continue
        # One that was adopted may have kept its name.
        one = there.get((ident, record.share_id)) or there.get(
            (record.location, record.share_id))
        wrong = 'none' if one is None else one.wrong
        untold = one.untold if one else 'snapshots could not all be read' \
            if inventory.SNAPSHOTS in found.partial else ''
        if untold:
            yield tell(differences.NOT_SEEN, 'all of it to be seen', untold,
                       'audit again, once that can be read')
        elif wrong:
            yield tell(differences.LOST_SNAPSHOT, 'a snapshot of share '
                       + record.share_id, wrong, 'snapshot delete: what it '
                       'held is not there any more')


def _orphans(known: Recorded, found: inventory.Inventory,
             ) -> Iterator[Deviation]:
    def tell(kind: str, name: str, seen: str, ident: str,
             owner: str = '') -> Deviation:
        home = found.shares.get(owner or ident)
        return Deviation(kind, name, 'nothing, since none is recorded',
                         seen, _UNUSED, ident, owner=owner,
                         server=home.server if home else '')
    orphans = [share for ident, share in found.shares.items()
               if ident not in known.ids]
    for share in orphans:
        yield tell(differences.ORPHAN_SHARE, f'share {share.id}',
                   ', '.join(share.parts), share.id)
    adopted = {(record.location, record.share_id)
               for record in known.snapshots.values()}
    for one in found.snapshots:
        # One without an id has a name that no driver gives.
        if one.id and one.id not in known.snapshot_ids \
                and (one.name, one.share) not in adopted:
            yield tell(differences.ORPHAN_SNAPSHOT, f'snapshot {one.name}',
                       f'a snapshot of share {one.share}', one.id, one.share)
    for clone in found.clones:
        if clone.share not in known.ids and clone.share not in found.shares:
            yield tell(differences.ORPHAN_CLONE, f'clone {clone.name}',
                       f'{clone.state} at {clone.progress} %', clone.share)
    for each in found.objects:
        if each.leads:
            yield Deviation(
                differences.ODD, each.name, 'no other way into shares',
                each.what, 'decide on the backend whether it is right', '')
        else:
            yield tell(differences.LEFT, each.name, each.what, '')
