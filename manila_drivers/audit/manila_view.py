# SPDX-License-Identifier: Apache-2.0

"""Manila's lists as what should be on a backend.  Pure.

Three things are kept apart: what should be there, what Manila works on (which
is no damage), and what was not told (which is neither lost nor an orphan).
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import functools

from manila_drivers import inventory
from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from manila_drivers.audit.differences import Deviation
from manila_drivers.manila_api import records as api
from manila_drivers.registry import records

#: States in which nobody works on a share.  Those of failures are told by
#: their names; any other one, also of releases to come, is work.
STEADY = frozenset({'available', 'awaiting_transfer'})
_FAILED = 'error'
_RULES_AT_REST = frozenset({'', 'active', _FAILED})
_LEAVING = frozenset({'queued_to_deny', 'denying'})

_ENSURE = ('have Manila check its shares: a restart of the share service, or '
           '`openstack share service ensure shares`')
#: What helps where Manila is the one who has to do it.
_DO = {
    differences.ORPHAN_SHARE: 'have Manila manage it, or remove it on the '
    'backend, if nobody else uses it: neither another Manila nor a registry',
    differences.ORPHAN_SNAPSHOT: 'have Manila manage it, or remove it on the '
    'backend, if nobody else uses it',
    differences.ORPHAN_CLONE: 'remove it on the backend, if nobody else uses '
    'it',
    differences.LOST_SHARE: 'bring it back from a copy or a snapshot of the '
    'backend, or delete the share in Manila; nothing is made in its place',
    differences.LOST_SNAPSHOT: 'delete the snapshot in Manila: what it held '
    'is not there any more',
    differences.LOST_PART: _ENSURE,
    differences.SETTING: _ENSURE,
    differences.SIZE: _ENSURE + '; if more is in use extend the share',
    differences.WIDER: _ENSURE + '; any change of its rules mends it as well',
    differences.NARROWER: _ENSURE + '; any change of its rules mends it as '
    'well',
    differences.COPY: 'wait for its end, or delete the share and make it '
    'again'}
#: Repairs that take nothing but what Manila tells.
REPAIRS = frozenset({differences.ENSURE, differences.RULES,
                     differences.EXTEND, differences.SHRINK})
_ORPHANS = frozenset({differences.ORPHAN_SHARE, differences.ORPHAN_SNAPSHOT,
                      differences.ORPHAN_CLONE})
_ACCESS = frozenset({differences.WIDER, differences.NARROWER})


@dataclasses.dataclass(frozen=True)
class ManilaView:
    """All that Manila has told of one backend.

    ``instances`` are those of all hosts.  ``shares`` and ``rules`` are by the
    id of the share, and what is not in there was not told; nor were export
    locations and extra specs that are not in ``paths`` and ``types``.

    :param host: host@backend.
    :param whole: every share instance was told.
    :param snapshots_whole: every snapshot instance was told.
    """

    host: str
    instances: Mapping[str, api.ApiInstance]
    shares: Mapping[str, api.ApiShare] = dataclasses.field(
        default_factory=dict)
    rules: Mapping[str, tuple[api.ApiRule, ...]] = dataclasses.field(
        default_factory=dict)
    snapshots: Mapping[str, api.ApiSnapshot] = dataclasses.field(
        default_factory=dict)
    types: Mapping[str, Mapping[str, str]] = dataclasses.field(
        default_factory=dict)
    paths: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict)
    whole: bool = True
    snapshots_whole: bool = True

    @functools.cached_property
    def here(self) -> tuple[api.ApiInstance, ...]:
        """Share instances of this backend, whatever the pool."""
        return tuple(one for one in self.instances.values()
                     if one.host.partition('#')[0] == self.host)

    @functools.cached_property
    def pools(self) -> tuple[str, ...]:
        return tuple(sorted({one.host for one in self.here}))

    def name(self, instance: api.ApiInstance) -> str:
        """Return a share's name with its id, since names are not unique."""
        share = self.shares.get(instance.share_id)
        return f'{printable(share.name)} ({instance.share_id})' \
            if share and share.name else instance.share_id

    def stamps(self) -> dict[str, tuple[object, ...]]:
        """Return what a change of an instance, or its snapshots, changes."""
        found: dict[str, tuple[object, ...]] = {
            one.id: (one.status, one.rules_status, one.host, one.updated_at,
                     one.removed) for one in self.here}
        taken: dict[str, set[tuple[str, ...]]] = {}
        for one in self.snapshots.values():
            taken.setdefault(one.instance_id, set()).add(
                (one.id, one.status, one.updated_at))
        return {ident: (*stamp, frozenset(taken.get(ident, ())))
                for ident, stamp in found.items()}

    def checkable(self) -> list[api.ApiInstance]:
        """Return those of which a driver's check is told all it needs."""
        return [one for one in self.here if one.status in STEADY
                and not untold(self, one)]

    def unchecked(self) -> list[api.ApiInstance]:
        """Return steady ones of which something was not told.

        Nobody is told the export locations of what is in the recycle bin.
        """
        told = {one.id for one in self.checkable()}
        return [one for one in self.here if one.status in STEADY
                and one.id not in told and not one.removed]


def left_out(view: ManilaView, after: ManilaView) -> list[str]:
    """Say that lists of instances lack some of which other lists tell."""
    known = {**view.instances, **after.instances}
    shares = {one.share_id for one in known.values()}
    missing = sorted({*view.paths, *view.shares} - known.keys() - shares)
    return [f'share instances: {len(missing)} left out, such as of {one}, of '
            'which another list tells' for one in missing[:1]]


def repairable(view: ManilaView, instance: api.ApiInstance) -> bool:
    """Tell if Manila has told all of a share, and works on none of it."""
    return instance.status in STEADY and not untold(view, instance) \
        and instance.share_id in view.rules and not _pending(view, instance)


def untold(view: ManilaView, instance: api.ApiInstance) -> str:
    """Return what Manila has not told of a share but for rules, '' for none.

    Without it a driver would take the defaults of its section.
    """
    return ', '.join(what for what, known in (
        ('its size and project', instance.share_id in view.shares),
        ('its export locations', instance.id in view.paths),
        ('the extra specs of its type', instance.type_id in view.types))
        if not known)


def printable(text: str) -> str:
    """Return a name of users without what would steer a terminal."""
    return ''.join(one if one.isprintable() else '\ufffd' for one in text)


def work(instance: api.ApiInstance) -> str:
    """Return what Manila does with an instance, '' for nothing."""
    if instance.status not in STEADY and _FAILED not in instance.status:
        return instance.status
    return ''


def recorded(view: ManilaView, backend: str) -> comparing.Recorded:
    """Return what should be there, without what is in work."""
    steady = [one for one in view.here if not work(one)]
    return comparing.Recorded(
        {one.id: entry(view, one, backend) for one in steady},
        {one.id: rules(view, one) or () for one in steady},
        {one.id: records.SnapshotEntry(
            one.id, backend, one.snapshot_id, one.instance_id, None,
            'available', one.location)
         for one in view.snapshots.values() if one.status == 'available'
         and one.instance_id in {each.id for each in steady}},
        frozenset(view.instances), frozenset(view.snapshots))


def entry(view: ManilaView, instance: api.ApiInstance,
          backend: str) -> records.ShareEntry:
    """Return one share in the words of the registry."""
    share = view.shares.get(instance.share_id)
    return records.ShareEntry(
        instance.id, backend, view.name(instance),
        share.proto if share else '', share.size if share else None,
        instance.status, locations=tuple(
            {'path': path, 'is_admin_only': False, 'preferred': False}
            for path in view.paths.get(instance.id, ())),
        specs=view.types.get(instance.type_id))


def rules(view: ManilaView, instance: api.ApiInstance,
          ) -> tuple[records.RuleEntry, ...] | None:
    """Return the rules of an instance, None if they were not told."""
    found = view.rules.get(instance.share_id)
    return None if found is None else tuple(
        _rule(instance, rule) for rule in found)


def _rule(instance: api.ApiInstance,
          rule: api.ApiRule) -> records.RuleEntry:
    state = rule.state if rule.state in ('active', _FAILED) else \
        'denying' if rule.state in _LEAVING else 'applying'
    return records.RuleEntry(
        rule.id, instance.id, rule.kind, rule.target,
        'ro' if instance.read_only else rule.level, state)


def in_work(view: ManilaView, changed: Iterable[str]) -> dict[str, str]:
    """Return instances that cannot be judged now, each with the reason."""
    found = {one.id: work(one) for one in view.here if work(one)}
    for one in view.here:
        if one.id not in found and one.rules_status not in _RULES_AT_REST \
                and not _pending(view, one):
            found[one.id] = f'its rules are {one.rules_status}'
    for ident in changed:
        found.setdefault(ident, 'it was changed meanwhile')
    return found


def rules_in_work(view: ManilaView) -> Iterator[api.ApiInstance]:
    """Yield those some of whose rules are being given or taken."""
    for one in view.here:
        if not work(one) and _pending(view, one):
            yield one


def _pending(view: ManilaView, instance: api.ApiInstance) -> bool:
    return pending(view.rules.get(instance.share_id, ()))


def pending(rules: Iterable[api.ApiRule]) -> bool:
    """Tell if Manila works on one of some rules."""
    return any(rule.state not in ('active', _FAILED) for rule in rules)


def judged(told: Iterable[Deviation], view: ManilaView,
           found: inventory.Inventory, away: Iterable[str],
           ) -> list[Deviation]:
    """Return differences as far as Manila has told enough to say so.

    :param away: instances that are in work.
    """
    kept = differences.judged(told, away, recorded(view, '').snapshots)
    return [*filter(None, (_judged(one, view, found) for one in kept)),
            *_failed(view, set(away))]


def _judged(one: Deviation, view: ManilaView,
            found: inventory.Inventory) -> Deviation | None:
    instance = view.instances.get(one.ident)
    if one.kind in _ORPHANS and not (
            view.snapshots_whole if one.kind == differences.ORPHAN_SNAPSHOT
            else view.whole):
        return None
    if one.kind == differences.UNFINISHED_RULE:
        # It is work, and told as that.
        return None
    if instance is not None and not _known(one, view, instance, found):
        return None
    repair = one.repair if one.repair in REPAIRS and instance is not None \
        and repairable(view, instance) else ''
    return dataclasses.replace(
        one, repair=repair, do=_DO.get(one.kind, one.do)
        if one.do != 'audit again' else one.do,
        expected='nothing, since Manila has none'
        if one.kind in _ORPHANS else one.expected)


def _known(one: Deviation, view: ManilaView, instance: api.ApiInstance,
           found: inventory.Inventory) -> bool:
    """Tell if what was told of an instance is enough to say this."""
    if one.kind in _ACCESS and instance.share_id not in view.rules:
        return False
    if instance.status not in STEADY:
        # Nobody knows what there should be of it, but for who gets in.
        return one.kind in (differences.WIDER, differences.ODD,
                            differences.NOT_SEEN)
    if (one.kind, one.repair) == (differences.SETTING, differences.RULES):
        # Whether access was emptied, or nobody ever had any, a driver knows
        # by its notes, which Manila keeps for itself.
        return not (found.noted or _pending(view, instance)) and any(
            rule.state == 'active'
            for rule in view.rules.get(instance.share_id, ()))
    if one.kind in (differences.LOST_SHARE, differences.LOST_PART):
        # Whether the driver can make a part again, its check alone can tell.
        return instance.id not in found.shares or any(
            each.id == instance.id for each in view.checkable())
    return True


def _failed(view: ManilaView, away: set[str]) -> Iterator[Deviation]:
    for one in view.here:
        if _FAILED in one.status and one.id not in away:
            yield Deviation(
                differences.UNFINISHED_SHARE, f'share {view.name(one)}',
                'available', f'{one.status} in Manila',
                'see its messages; reset its state, or delete it in Manila',
                one.id)
    there = {one.id for one in view.here} - away
    for each in view.snapshots.values():
        if _FAILED in each.status and each.instance_id in there:
            yield Deviation(
                differences.UNFINISHED_SNAPSHOT,
                f'snapshot {each.snapshot_id}', 'available',
                f'{each.status} in Manila', 'see its messages; reset its '
                'state, or delete it in Manila', each.id)
