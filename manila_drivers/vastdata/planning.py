# SPDX-License-Identifier: Apache-2.0

"""What has to be done, decided from what is known.  Pure.

Every function takes facts (records of VMS and Manila's values) and returns a
plan for ``manila_drivers.vastdata.objects.Objects.perform``.
"""

from collections.abc import Mapping
from collections.abc import Sequence

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy

ClientLists = view_policy.ClientLists


def create(share_id: str, path: str, limit: int, closed: ClientLists,
           qos_id: int | None, *,
           clone_of: records.Snapshot | None = None) -> plan.Plan:
    """Make a share: nobody can reach it before its policy is closed.

    :param limit: size in bytes.
    :param clone_of: snapshot whose content the share starts with.  The clone
        makes the directory then, which must not exist before.  It is never
        taken back: a repeated call could not tell whether the copying that
        it finds is about to be stopped.  Deleting the share ends it.
    """
    steps = []
    if clone_of is not None:
        name = paths.stream_name(share_id)
        steps.append(plan.Step(
            'start clone', name,
            {'snapshot_id': clone_of.id, 'target': path}, key='stream'))
    return plan.Plan((
        *steps,
        plan.Step('create policy', share_id, {'hosts': closed}, key='policy',
                  undo=plan.Step('delete policy', share_id,
                                 {'ident': plan.Ref('policy', 'id')})),
        plan.Step('create quota', share_id,
                  {'path': path, 'limit': limit,
                   'make_directory': clone_of is None}, key='quota',
                  undo=plan.Step('delete quota', share_id,
                                 {'ident': plan.Ref('quota', 'id')})),
        plan.Step('create view', share_id,
                  {'path': path, 'policy_id': plan.Ref('policy', 'id'),
                   'qos_id': qos_id}, key='view')))


def path_of(view: records.View | None, quota: records.Quota | None,
            otherwise: str) -> str:
    """The directory of a share: as recorded, else as configured.

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
    steps += [plan.Step('delete policy', name, {'ident': ident})
              for name, ident in policies.items()]
    return plan.Plan(tuple(steps))


def resize(share_id: str, quota: records.Quota, limit: int, *,
           shrink: bool) -> plan.Plan:
    """Change a quota to ``limit`` bytes; nothing if it is that already.

    :raises PossibleDataLoss: a shrink below what is in use.  Growing never
        looks at usage: a full share must be extendable.
    """
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
    return plan.Plan((plan.Step('extend quota', share_id,
                                {'quota': quota, 'limit': limit}),))


def narrowing(share_id: str, wanted: ClientLists,
              policy: records.Policy | None,
              adopted: records.Policy | None) -> plan.Plan:
    """Bring the share's own policy to what the rules say.

    :param adopted: the policy that a managed share has until its first rules;
        it becomes the share's own with them.
    """
    if policy is not None:
        if wanted.equals(policy):
            return plan.Plan()
        return written(share_id, policy.id, wanted)
    if adopted is not None:
        return written(share_id, adopted.id, wanted, adopted.name)
    return plan.Plan()


def written(share_id: str, policy_id: int, wanted: ClientLists,
            former: str = '') -> plan.Plan:
    """Write host lists to a policy.

    :param former: what it was called until now, if it is to be renamed.
    """
    return plan.Plan((plan.Step('update policy', share_id, {
        'ident': policy_id, 'hosts': wanted, 'former': former}),))


def attachment(share_id: str, wanted: ClientLists, policy_id: int | None,
               view: records.View) -> plan.Plan:
    """Put the share's view under the share's own, complete policy.

    :param policy_id: of that policy, None if it has to be made.
    """
    if policy_id is None:
        return plan.Plan((
            plan.Step('create policy', share_id, {'hosts': wanted},
                      key='policy'),
            plan.Step('attach policy', share_id, {
                'ident': view.id, 'policy_id': plan.Ref('policy', 'id')})))
    if view.policy_id == policy_id:
        return plan.Plan()
    return plan.Plan((plan.Step('attach policy', share_id, {
        'ident': view.id, 'policy_id': policy_id}),))
