# SPDX-License-Identifier: Apache-2.0

"""Decide what has to be done from what is known.  Pure.

Every function takes facts (records of VMS and Manila's values) and returns a
plan for ``executor.Executor``, or raises why there is none.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy

ClientLists = view_policy.ClientLists


# -- shares ------------------------------------------------------------------

def check_protocol(share: model.Share) -> None:
    """Raise InvalidRequest if a share is not to be served by NFS."""
    if share.proto != 'NFS':
        raise exception.InvalidRequest(
            'Share %s asks for protocol %s; this backend serves NFS'
            % (share.id, share.proto or '(none)'))


def create(share_id: str, path: str, limit: int, closed: ClientLists,
           qos_id: int | None, *,
           clone_of: records.VastSnapshot | None = None) -> plan.Plan:
    """Make a share: nobody can reach it before its policy is closed.

    :param limit: size in bytes.
    :param clone_of: snapshot whose content the share starts with.  The clone
        makes the directory, which must not exist before.  It is not taken
        back, as a repeated call could not tell that it is about to be stopped.
    """
    steps = []
    if clone_of is not None:
        name = paths.stream_name(share_id)
        steps.append(plan.Step(
            'start clone', name, {'snapshot_id': clone_of.id,
                                  'snapshot': clone_of.name, 'target': path},
            key='stream', detail='of snapshot %s, to %s' % (clone_of.name,
                                                            path)))
    return plan.Plan((
        *steps,
        plan.Step('create policy', share_id, {'lists': closed}, key='policy',
                  undo=plan.Step('delete policy', share_id,
                                 {'ident': plan.Ref('policy', 'id')}),
                  detail=str(closed)),
        dataclasses.replace(
            create_quota(share_id, path, limit,
                         make_directory=clone_of is None), key='quota',
            undo=plan.Step('delete quota', share_id,
                           {'ident': plan.Ref('quota', 'id')})),
        plan.Step('create view', share_id,
                  {'path': path, 'policy_id': plan.Ref('policy', 'id'),
                   'qos_id': qos_id}, key='view', detail='for ' + path)))


def create_quota(share_id: str, path: str, limit: int, *,
                 make_directory: bool = False) -> plan.Step:
    """Limit a directory to so many bytes."""
    return plan.Step(
        'create quota', share_id,
        {'path': path, 'limit': limit, 'make_directory': make_directory},
        detail='%s for %s%s' % (_gib(limit), 'the new directory '
                                if make_directory else '', path))


def set_quota(name: str, quota: records.Quota, limit: int, *,
              shrink: bool = False) -> plan.Step:
    """Give a quota another limit, in bytes.

    :param shrink: refuse what does not hold what is in use.
    """
    before = quota.hard_limit or 0
    action = 'shrink quota' if shrink else (
        'extend quota' if 0 < before < limit else 'limit quota')
    return plan.Step(action, name, {'quota': quota, 'limit': limit},
                     detail='from %s to %s' % (_gib(before), _gib(limit)))


def _gib(size: int) -> str:
    return '%g GiB' % (size / model.GiB) if size else 'no limit'


def path_of(view: records.View | None, quota: records.Quota | None,
            otherwise: str) -> str:
    """Return the directory of a share: as recorded, else as configured.

    What is recorded stays right after ``vast_root_export`` has changed, and
    for managed shares.

    :raises Conflict: view and quota do not agree.
    """
    if view is not None and quota is not None and (
            (view.path, view.tenant_id) != (quota.path, quota.tenant_id)):
        raise exception.Conflict(
            'View %s is for %s, but the quota of that name is for %s '
            '(tenants %s and %s)' % (view.name, view.path, quota.path,
                                     view.tenant_id, quota.tenant_id),
            check='which of the two belongs to the share; nothing was done')
    if view is not None:
        return view.path
    return quota.path if quota is not None else otherwise


def delete(share_id: str, path: str, view: records.View | None,
           quota: records.Quota | None, policies: Mapping[str, int],
           streams: Sequence[records.Stream] = (), *,
           tenant_id: int) -> plan.Plan:
    """Remove a share: access first, then data, the records of it last.

    The quota and the policies outlive the directory, so that a delete that
    was cut off still finds the path when it is repeated.

    :param policies: ids by name of those that were made for the share.
    :param tenant_id: of the share where there is no record that tells it.
    """
    for record in (quota, view):
        if record is not None and record.tenant_id is not None:
            tenant_id = record.tenant_id
    steps = [plan.Step('end clone', stream.name,
                       {'ident': stream.id, 'finished': stream.finished})
             for stream in streams]
    if view is not None:
        steps.append(plan.Step('delete view', share_id, {'ident': view.id}))
    steps.append(plan.Step('delete directory', path,
                           {'tenant_id': tenant_id}))
    if quota is not None:
        steps.append(plan.Step('delete quota', share_id,
                               {'ident': quota.id}))
    return plan.Plan(tuple(steps)) + delete_policies(policies)


def delete_policies(policies: Mapping[str, int]) -> plan.Plan:
    """Remove policies; ids by name."""
    return plan.Plan(tuple(
        plan.Step('delete policy', name, {'ident': ident})
        for name, ident in policies.items()))


def check_holds_no_share(share_id: str, path: str,
                         quotas: Sequence[records.Quota]) -> None:
    """Raise Conflict if other shares lie in the directory of one.

    :param quotas: of the directory and of directories in it.
    """
    others = [quota for quota in quotas
              if quota.path != path and quota.name != share_id
              and paths.is_instance_id(quota.name)]
    if others:
        raise exception.Conflict(
            'Share %s cannot be deleted: %s, its directory, holds %s, the '
            'first of %d other shares, of %s' % (
                share_id, path, others[0].path, len(others), others[0].name),
            check='vast_root_export of other backends; delete or move those '
                  'shares first')


def resize(share_id: str, quota: records.Quota | None, limit: int, *,
           shrink: bool) -> plan.Plan:
    """Change a quota to ``limit`` bytes; nothing if it is that already.

    :raises NotFound: there is no quota.
    :raises PossibleDataLoss: a shrink below what is in use.  Growing never
        looks at usage: a full share must be extendable.
    """
    if quota is None:
        raise exception.NotFound(
            'Share %s has no quota of that name' % share_id,
            check='whether the share exists in VMS')
    if shrink and quota.used is None:
        raise exception.PossibleDataLoss(
            'Share %s cannot shrink: VMS does not tell how much of it is in '
            'use' % share_id, check='used_effective_capacity of the quota; '
            'a new one is counted after a while')
    if shrink and quota.used is not None and quota.used > limit:
        raise exception.PossibleDataLoss(
            'Share %s cannot shrink to %d bytes: %d are in use'
            % (share_id, limit, quota.used))
    if quota.hard_limit == limit:
        return plan.Plan()
    return plan.Plan((set_quota(share_id, quota, limit, shrink=shrink),))


def release(share_id: str) -> plan.Plan:
    """Let a share go; everything in VMS stays."""
    return plan.Plan((plan.Step('forget share', share_id),))


# -- access ------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class AccessFacts:
    """The policy that a share's rules are written to, as far as it is known.

    :param view: None if there is none, or it cannot be read.
    :param policy_id: of the share's own policy, None if there is none.
    :param policy: that policy, None if nobody has read it.
    :param former: its name until the first rules of a managed share, with
        which it becomes the share's own.
    """

    view: records.View | None = None
    policy_id: int | None = None
    policy: records.ViewPolicy | None = None
    former: str = ''


def access(share_id: str, wanted: ClientLists,
           facts: AccessFacts) -> plan.Plan:
    """Write the share's own policy first, and put its view under that.

    :raises InvalidRequest: a policy has to be made for clients, and nothing
        says how these are to be squashed.
    """
    view, ident = facts.view, facts.policy_id
    if ident is None:
        return plan.Plan() if view is None else plan.Plan((
            plan.Step('create policy', share_id,
                      {'lists': _squashed(wanted), 'replaces': True},
                      key='policy', detail=str(wanted)),
            attach_policy(share_id, view, plan.Ref('policy', 'id')),
            confine_policy(share_id, plan.Ref('policy'))))
    steps: list[plan.Step] = []
    policy: object = facts.policy
    if facts.policy is None or facts.former \
            or not wanted.equals(facts.policy):
        policy = plan.Ref('policy')
        steps.append(update_policy(share_id, ident, wanted, facts.former))
    if view is not None and view.policy_id != ident:
        steps += [attach_policy(share_id, view, ident),
                  confine_policy(share_id, policy)]
    return plan.Plan(tuple(steps))


def update_policy(name: str, ident: int, wanted: ClientLists,
                  former: str = '') -> plan.Step:
    return plan.Step(
        'update policy', name,
        {'ident': ident, 'lists': wanted, 'former': former}, 'policy',
        detail=str(wanted) + (former and ', renamed from ' + former))


def confine_policy(name: str, policy: object) -> plan.Step:
    """Bind it last: access is taken away though nothing tells the pool."""
    return plan.Step('confine policy', name, {'policy': policy},
                     detail='to the VIP pool')


def attach_policy(name: str, view: records.View,
                  policy_id: int | plan.Ref) -> plan.Step:
    return plan.Step('attach policy', name,
                     {'ident': view.id, 'policy_id': policy_id},
                     detail='to the view for %s, in place of %s' % (
                         view.path, view.policy or 'another'))


def _squashed(wanted: ClientLists) -> ClientLists:
    """Return lists for a policy that has to be made."""
    if wanted.squash is not None:
        return wanted
    if wanted.read_write or wanted.read_only:
        raise exception.InvalidRequest(
            'The squashing of clients is not known',
            check='vast:squash in the extra specs of the share type')
    return dataclasses.replace(wanted, squash='root_squash')


# -- snapshots ---------------------------------------------------------------

def create_snapshot(name: str, path: str) -> plan.Plan:
    return plan.Plan((plan.Step('take snapshot', name, {'path': path},
                                key='snapshot', detail='of ' + path),))


def delete_snapshot(found: records.VastSnapshot | None,
                    streams: Sequence[records.Stream]) -> plan.Plan:
    """Remove a snapshot, if it is there.

    :param streams: clones that are fed by it.
    :raises Busy: one is still being filled.
    """
    if found is None:
        return plan.Plan()
    check_feeds_nothing(found.name, streams)
    return plan.Plan((plan.Step('delete snapshot', found.name,
                                {'ident': found.id}),))


def check_feeds_nothing(name: str, streams: Sequence[records.Stream]) -> None:
    """Raise Busy if a snapshot still feeds a clone."""
    busy = [stream.name for stream in streams if not stream.finished]
    if busy:
        raise exception.Busy(
            'Snapshot %s still feeds %s' % (name, ', '.join(busy)),
            check='the progress of these clones; try again afterwards')


def adopt_snapshot(name: str, found: records.VastSnapshot) -> plan.Plan:
    """Give a snapshot the name that Manila gives its snapshots."""
    return plan.Plan() if found.name == name else plan.Plan((plan.Step(
        'rename snapshot', name, {'ident': found.id},
        detail='from ' + found.name),))


# -- adoption ----------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class ExportFacts:
    """Hold what VMS has at the path that is to be managed.

    ``policy`` is the share's own, by one of its two names
    (:func:`~manila_drivers.vastdata.paths.adopted_policy`), or the one that
    another share id left on this view when it was unmanaged.  ``used`` is in
    bytes, None if VMS does not tell.
    """

    view: records.View
    quota: records.Quota | None
    policy: records.ViewPolicy | None
    used: int | None


def size_of(facts: ExportFacts, options: Mapping[str, Any]) -> int:
    """Return the size in GiB that a share will have.

    The quota rounded up; without one, ``size`` of the driver options, which
    must hold what is there; without that, what is used, rounded up.

    :raises NotManageable: ``size`` is needed, is no number, or does not hold
        what is there.
    """
    given = options.get('size')
    if given is not None and not str(given).strip().isdecimal():
        raise exception.NotManageable(
            'Driver option size is %r, not a number of GiB' % given)
    if facts.quota is not None and facts.quota.hard_limit:
        return -(-facts.quota.hard_limit // model.GiB)
    untold = facts.quota is not None and facts.quota.hard_limit is None
    if given is None and (untold or facts.used is None):
        what = ('the limit of %s' if untold else
                'how much is in %s, and no limit for it') % facts.view.path
        raise exception.NotManageable(
            'VMS does not tell ' + what, check='give the size in GiB, with '
            '--driver-options size=<GiB>')
    least = max(1, -(-(facts.used or 0) // model.GiB))
    if given is None:
        return least
    if int(given) < least:
        raise exception.NotManageable(
            'Driver option size is %r; %d GiB are the least for what is in '
            'the directory' % (given, least))
    return int(given)


def adopt(share_id: str, facts: ExportFacts, gib: int,
          closed: ClientLists) -> plan.Plan:
    """Rename, bound and prepare; the clients of today are not cut off.

    They stay until the first update_access, which is when the rules are
    known, whatever comes in between: a policy that is called after that state
    tells everybody of it, health checks too.
    """
    view, quota, policy = facts.view, facts.quota, facts.policy
    adopted = paths.adopted_policy(share_id)
    steps = [plan.Step('note share', share_id)]
    if quota is None:
        steps.append(create_quota(share_id, view.path, gib * model.GiB))
    elif quota.hard_limit != gib * model.GiB:
        steps.append(set_quota(quota.name, quota, gib * model.GiB))
    if quota is not None and quota.name != share_id:
        steps.append(_rename(share_id, 'quotas', quota))
    if policy is None:
        steps.append(plan.Step('create policy', adopted, {'lists': closed},
                               detail=str(closed)))
    elif policy.name not in (share_id, adopted):
        steps.append(_rename(adopted, 'viewpolicies', policy))
    # The view last: it is by the view's name that a share counts as ours.
    if view.name != share_id:
        steps.append(_rename(share_id, 'views', view))
    return plan.Plan(tuple(steps))


def _rename(name: str, resource: str,
            record: records.View | records.Quota | records.ViewPolicy,
            ) -> plan.Step:
    return plan.Step('rename', name,
                     {'resource': resource, 'ident': record.id},
                     detail='from %s in %s' % (record.name or 'no name',
                                               resource))
