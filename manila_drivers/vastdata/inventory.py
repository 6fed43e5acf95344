# SPDX-License-Identifier: Apache-2.0

"""All of ours that is in VMS, from five lists."""

import collections
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers import plan
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository

Record = TypeVar('Record', records.View, records.Quota, records.ViewPolicy,
                 records.VastSnapshot, records.Stream)

VIEW, QUOTA, POLICY = 'view', 'quota', 'policy'
_SNAPSHOT, _CLONE, _ADOPTED = 'share-snapshot-', 'manila-', '-adopted'

_TOPICS = {
    'create view': inventory.PART, 'create quota': inventory.PART,
    'create policy': inventory.PART, 'extend quota': inventory.SIZE,
    'shrink quota': inventory.SIZE, 'limit quota': inventory.SIZE,
    'update policy': inventory.ACCESS, 'attach policy': inventory.ACCESS,
    'confine policy': inventory.ACCESS}


@dataclasses.dataclass(frozen=True)
class VmsLists:
    """All records of our tenant; policies of all tenants' as well."""

    views: Sequence[records.View]
    quotas: Sequence[records.Quota]
    policies: Sequence[records.ViewPolicy]
    snapshots: Sequence[records.VastSnapshot]
    streams: Sequence[records.Stream]


class VastInventory:
    """Reads what there is of our shares."""

    def __init__(self, found: repository.Repository) -> None:
        self._vms = found.vms
        self._cluster = found.cluster

    def read(self, known: Collection[str]) -> inventory.Inventory:
        """Return what VMS has of these shares, and of ours beside them.

        :raises DriverError: a list could not be read.
        """
        unread: list[tuple[str, str]] = []
        here, scope = self._cluster.here, self._cluster.scope()
        lists = VmsLists(
            self._all('views', records.View.of, here, unread, **scope),
            self._all('quotas', records.Quota.of, here, unread,
                      show_user_rules='false', **scope),
            self._all('viewpolicies', records.ViewPolicy.of,
                      self._cluster.serves_here, unread),
            self._all('snapshots', records.VastSnapshot.of, here, unread,
                      **scope),
            self._all('globalsnapstreams', records.Stream.of,
                      self._cluster.fills_here, unread))
        return dataclasses.replace(
            arranged(lists, self._cluster.settings.root, known),
            unread=tuple(text for _, text in unread),
            partial=frozenset(
                inventory.SNAPSHOTS if resource == 'snapshots'
                else inventory.SHARES for resource, _ in unread))

    def read_one(self, ident: str) -> inventory.Inventory:
        """Return the view and the policy of one share, in two requests.

        :raises DriverError: a list could not be read.
        """
        unread: list[tuple[str, str]] = []
        here, scope = self._cluster.here, self._cluster.scope()
        views = self._all('views', records.View.of, here, unread, name=ident,
                          **scope)
        policies = self._all('viewpolicies', records.ViewPolicy.of,
                             self._cluster.serves_here, unread, name=ident)
        if unread or not {view.policy_id for view in views} <= {
                policy.id for policy in policies}:
            # It is under a policy that is not its own.
            return self.read([ident])
        return arranged(VmsLists(views, (), policies, (), ()),
                        self._cluster.settings.root, [ident])

    def _all(self, resource: str, parse: Callable[[Any], Record],
             ours: Callable[[Record], bool],
             unread: list[tuple[str, str]],
             **filters: object) -> list[Record]:
        """Return the records that are ours; note those that do not tell."""
        def one(row: Any) -> Record | None:
            def read() -> Record | None:
                record = errors.parsed(resource, parse, row)
                return record if ours(record) else None
            found, error = exception.caught(read)
            if error is not None:
                if not isinstance(error, exception.BackendError):
                    raise error
                unread.append((resource, 'a record of %s: %s' % (
                    resource, error)))
            return found
        return [record for record in self._vms.list(resource, one, **filters)
                if record is not None]


def arranged(lists: VmsLists, root: str,
             known: Collection[str]) -> inventory.Inventory:
    """Return what lists have of our shares, by share.  Pure.

    A share that is not known counts as ours where it is named as one, and
    its directory is where this backend makes them: another backend of the
    cluster may have other shares elsewhere.
    """
    views, quotas = _named(lists.views), _named(lists.quotas)
    policies = _named(lists.policies)
    idents = set(known)
    placed = [*((view.name, view.path) for view in lists.views),
              *((quota.name, quota.path) for quota in lists.quotas)]
    idents.update(name for name, path in placed if paths.is_instance_id(name)
                  and path == paths.share_path(root, name))
    # A policy has no path: it is another backend's where its share is.
    idents.update(ident for ident in (
        name.removesuffix(_ADOPTED) for name in policies)
        if paths.is_instance_id(ident) and ident not in views
        and ident not in quotas)
    by_id = {policy.id: policy for policy in lists.policies}
    shares = {}
    for ident in sorted(idents):
        share = _share(ident, views.get(ident, []), quotas.get(ident, []),
                       policies, by_id)
        if share.parts:
            shares[ident] = share
    _mark_second_views(shares, lists.views, views)
    homes = {record.path: ident for ident in shares
             for record in (*quotas.get(ident, ()), *views.get(ident, ()))}
    return inventory.Inventory(
        shares, tuple(_snapshots(lists.snapshots, root, homes)),
        tuple(_clone(stream, homes) for stream in lists.streams
              if _is_ours(stream)), topic=_topic, copies=True)


def _topic(step: plan.Step) -> str:
    return _TOPICS.get(step.action, inventory.SETTING)


def _named(found: Iterable[Record]) -> dict[str, list[Record]]:
    names: dict[str, list[Record]] = collections.defaultdict(list)
    for record in found:
        names[record.name].append(record)
    return dict(names)


def _share(ident: str, views: Sequence[records.View],
           quotas: Sequence[records.Quota],
           policies: Mapping[str, Sequence[records.ViewPolicy]],
           by_id: Mapping[int, records.ViewPolicy]) -> inventory.SeenShare:
    adopted = paths.adopted_policy(ident)
    own = policies.get(ident, ())
    waiting = not own and adopted in policies
    parts = {VIEW: views, QUOTA: quotas, POLICY: own or policies.get(
        adopted, ())}
    odd = ['VMS has %d objects %s of that name' % (len(found), kind)
           for kind, found in parts.items() if len(found) > 1]
    if views and quotas and views[0].path != quotas[0].path:
        odd.append('its view is for %s and its quota for %s' % (
            views[0].path, quotas[0].path))
    if views and views[0].alias:
        odd.append('its view has the alias %s, which clients of NFSv3 mount '
                   'in place of its path' % views[0].alias)
    others = sorted({*(views[0].protocols or ())} - {'NFS', 'NFS4'}
                    ) if views else []
    if others:
        odd.append('its view serves ' + ', '.join(others)
                   + ' as well, for which there are no rules')
    return inventory.SeenShare(
        ident, frozenset((ident, adopted)),
        tuple(kind for kind, found in parts.items() if found),
        tuple(kind for kind, found in parts.items() if not found),
        served=bool(views), limit=quotas[0].hard_limit if quotas else None,
        clients=() if waiting or not own or not views
        else _clients(by_id.get(views[0].policy_id or 0)), odd=tuple(odd))


def _clients(policy: records.ViewPolicy | None,
             ) -> tuple[inventory.SeenClients, ...]:
    """Return whom a policy lets in; lists that are not told let in all."""
    if policy is None:
        return ()
    everyone = ('*',)
    return (inventory.SeenClients(
        'ip', frozenset(everyone if policy.read_write is None
                        else policy.read_write),
        frozenset(everyone if policy.read_only is None
                  else policy.read_only)),)


def _mark_second_views(shares: dict[str, inventory.SeenShare],
                       all_views: Iterable[records.View],
                       named: Mapping[str, Sequence[records.View]]) -> None:
    """Note views by which clients get into a share beside its own."""
    homes = {view.path: ident for ident in shares
             for view in named.get(ident, ())}
    for view in all_views:
        for path in (view.path, *paths.parents(view.path)):
            ident = homes.get(path)
            if ident is not None and view.name != ident:
                share = shares[ident]
                shares[ident] = dataclasses.replace(share, odd=(
                    *share.odd, 'view %s for %s leads into it as well, '
                    'under policy %s' % (view.name or '(no name)', view.path,
                                         view.policy or '(not told)')))


def _snapshots(found: Iterable[records.VastSnapshot], root: str,
               homes: Mapping[str, str],
               ) -> Iterable[inventory.SeenSnapshot]:
    """Yield snapshots that drivers have taken of directories of shares."""
    for snapshot in found:
        ident = snapshot.path.rpartition('/' + _CLONE)[2]
        if not paths.is_instance_id(ident) \
                or snapshot.path != paths.share_path(root, ident):
            ident = ''
        ident = homes.get(snapshot.path, ident)
        if ident and snapshot.name.startswith(_SNAPSHOT) \
                and paths.is_instance_id(
                    snapshot.name.removeprefix(_SNAPSHOT)) \
                and snapshot.state not in snapshot.LEAVING:
            yield inventory.SeenSnapshot(
                snapshot.name.removeprefix(_SNAPSHOT), ident, snapshot.name)


def _is_ours(stream: records.Stream) -> bool:
    return paths.is_instance_id(stream.name.removeprefix(_CLONE)) \
        and stream.name.startswith(_CLONE)


def _clone(stream: records.Stream,
           homes: Mapping[str, str]) -> inventory.SeenClone:
    """Return a clone, with the share of the directory that it fills.

    A share that was adopted is not the one that the clone was made for.
    """
    return inventory.SeenClone(
        stream.name, homes.get(stream.target)
        or stream.name.removeprefix(_CLONE),
        inventory.DONE if stream.finished else
        inventory.FAILED if stream.failed else inventory.RUNNING,
        stream.progress)
