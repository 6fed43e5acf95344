#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What has to be done, decided from what is known.  Pure.

Every function takes facts (records of VMS and Manila's values) and returns a
plan for ``manila_drivers.vastdata.objects.Objects.perform``.
"""

from collections.abc import Sequence

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import hosts as hosts_module
from manila_drivers.vastdata import layout
from manila_drivers.vastdata import records

Hosts = hosts_module.Hosts


def create(share_id: str, path: str, limit: int, closed: Hosts,
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
        name = layout.stream_name(share_id)
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
    if view is not None and quota is not None and view.path != quota.path:
        raise exception.Conflict(
            'View %s is for %s, but the quota of that name is for %s'
            % (view.name, view.path, quota.path),
            check='which of the two belongs to the share; nothing was done')
    if view is not None:
        return view.path
    return quota.path if quota is not None else otherwise


def delete(share_id: str, path: str, view: records.View | None,
           quota: records.Quota | None, policy_id: int | None,
           streams: Sequence[records.Stream] = ()) -> plan.Plan:
    """Remove a share: access first, then data, the records of it last.

    The quota and the policy outlive the directory, so that a delete that was
    cut off still finds the path when it is repeated.
    """
    steps = [plan.Step('end clone', stream.name,
                       {'ident': stream.id, 'finished': stream.finished})
             for stream in streams]
    if view is not None:
        steps.append(plan.Step('delete view', share_id, {'ident': view.id}))
    steps.append(plan.Step('delete directory', path))
    if quota is not None:
        steps.append(plan.Step('delete quota', share_id,
                               {'ident': quota.id}))
    if policy_id is not None:
        steps.append(plan.Step('delete policy', share_id,
                               {'ident': policy_id}))
    return plan.Plan(tuple(steps))


def resize(share_id: str, quota: records.Quota, limit: int, *,
           shrink: bool) -> plan.Plan:
    """Change a quota to ``limit`` bytes; nothing if it is that already.

    :raises PossibleDataLoss: a shrink below what is in use.  Growing never
        looks at usage: a full share must be extendable.
    """
    if shrink and quota.used > limit:
        raise exception.PossibleDataLoss(
            'Share %s cannot shrink to %d bytes: %d are in use'
            % (share_id, limit, quota.used))
    if quota.hard_limit == limit:
        return plan.Plan()
    return plan.Plan((plan.Step('extend quota', share_id,
                                {'quota': quota, 'limit': limit}),))


def asks_for_view(policy: records.Policy | None) -> bool:
    """Whether a policy leaves open that the share's view uses it."""
    return policy is None or not policy.views


def access(share_id: str, wanted: Hosts, policy: records.Policy | None,
           view: records.View | None) -> plan.Plan:
    """Make effective access equal to the rules.

    :param view: needed only if :func:`asks_for_view` says so; a view under
        another policy is switched to the share's own, which is complete by
        then.
    """
    steps = []
    if policy is None:
        steps.append(plan.Step('create policy', share_id,
                               {'hosts': wanted}, key='policy'))
    elif not wanted.equals(policy):
        steps.append(plan.Step('update policy', share_id,
                               {'policy': policy, 'hosts': wanted}))
    if view is not None and (policy is None or view.policy_id != policy.id):
        ident: object = plan.Ref('policy', 'id') if policy is None \
            else policy.id
        steps.append(plan.Step('attach policy', share_id,
                               {'ident': view.id, 'policy_id': ident}))
    return plan.Plan(tuple(steps))
