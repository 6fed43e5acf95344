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

"""Whether shares are as they should be, and what repairs them.

Four lists tell all about any number of shares; the decision per share is
pure.  What the lists say is missing is looked up once more on its own, since
a list that is read page by page can skip an object while others come and go.
"""

import collections
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.vastdata import binding as binding_module
from manila_drivers.vastdata import hosts as hosts_module
from manila_drivers.vastdata import layout
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import records
from manila_drivers.vastdata import shares as shares_module

LOG = logging.getLogger(__name__)

Named = TypeVar('Named', records.View, records.Quota, records.Policy)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What VMS has of one share.

    ``directory`` is None if nobody looked.  ``adopted`` is the policy that a
    managed share has until its first rules.
    """

    view: records.View | None
    quota: records.Quota | None
    policy: records.Policy | None
    directory: bool | None = None
    adopted: records.Policy | None = None

    @property
    def waiting(self) -> bool:
        """Whether a managed share has not had any rules yet."""
        return self.policy is None and self.adopted is not None

    @property
    def complete(self) -> bool:
        return (None not in (self.view, self.quota)
                and (self.policy is not None or self.waiting))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What to do about one share.

    ``lost`` says why the share cannot be used, '' if it can.
    """

    path: str = ''
    steps: plan.Plan = dataclasses.field(default_factory=plan.Plan)
    reapply: bool = False
    lost: str = ''


def judge(share: model.Share, facts: Facts, closed: hosts_module.Hosts,
          usual_path: str, qos_id: int | None = None) -> Verdict:
    """Decide about one share.  Pure.

    Never makes a directory: an empty share in place of a lost one would be
    taken for the data's end.
    """
    view, quota, policy = facts.view, facts.quota, facts.policy
    paths = [record.path for record in (view, quota) if record is not None]
    if len(set(paths)) > 1:
        return Verdict(lost='its view is for %s and its quota for %s'
                       % tuple(paths))
    path = paths[0] if paths else usual_path
    if not facts.complete and facts.directory is False:
        return Verdict(lost='its directory %s does not exist' % path)
    steps: list[plan.Step] = []
    ident: object
    reapply = False
    if facts.waiting:
        # Its clients are those of the time before, until rules come.
        ident = facts.adopted.id if facts.adopted is not None else None
    elif policy is None:
        steps.append(plan.Step('create policy', share.id,
                               {'hosts': closed}, key='policy'))
        ident, reapply = plan.Ref('policy', 'id'), True
    else:
        ident = policy.id
        reapply = _judge_policy(steps, policy, closed)
    if quota is None:
        steps.append(plan.Step('create quota', share.id, {
            'path': path, 'limit': share.size_bytes,
            'make_directory': False}))
    elif share.size and quota.hard_limit != share.size_bytes:
        steps.append(plan.Step('extend quota', share.id, {
            'quota': quota, 'limit': share.size_bytes}))
    if view is None:
        steps.append(plan.Step('create view', share.id, {
            'path': path, 'policy_id': ident, 'qos_id': qos_id}))
    elif not facts.waiting and (policy is None
                                or view.policy_id != policy.id):
        steps.append(plan.Step('attach policy', share.id, {
            'ident': view.id, 'policy_id': ident}))
        reapply = True
    return Verdict(path, plan.Plan(tuple(steps)), reapply)


def _judge_policy(steps: list[plan.Step], policy: records.Policy,
                  closed: hosts_module.Hosts) -> bool:
    """Add what a policy needs; whether the rules are needed as well."""
    narrowed = hosts_module.without_everyone(policy, closed.squash)
    if narrowed is not None:
        # Made by upstream's driver, or by hand: open to everyone.
        steps.insert(0, plan.Step('update policy', policy.name, {
            'ident': policy.id, 'hosts': narrowed}))
        return True
    # Squashed in another way than the option says now, unsettled, or closed:
    # perhaps by a start that did not live to ask for the rules.  Without
    # rules, asking costs nothing.
    return (not hosts_module.settled(policy, closed.squash)
            or not hosts_module.admits(policy))


def _by_name(found: Sequence[Named]) -> dict[str, Named]:
    """Objects by their names, without those of which there are several.

    Whether names are unique is not documented for every version.  What is
    left out is looked up once more on its own, where several are an error
    that names them.
    """
    names = collections.Counter(one.name for one in found)
    return {one.name: one for one in found if names[one.name] == 1}


class Ensurer:
    """Checks and repairs shares of one backend."""

    def __init__(self, objects: objects_module.Objects,
                 shares: shares_module.Shares) -> None:
        self._objects = objects
        self._shares = shares
        self._site = objects.site
        self._root = objects.site.settings.root

    def ensure(self, shares: Iterable[tuple[model.Share, model.Specs | None]],
               ) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        :param shares: each with the extra specs of its type, None if they
            cannot be read.
        :returns: by instance id, what Manila is to be told.
        """
        views = _by_name(self._objects.views())
        quotas = _by_name(self._objects.quotas())
        policies = _by_name([policy for policy in self._objects.policies()
                             if policy.tenant_id is None
                             or self._site.listed_here(policy)])
        binder = _Binder(self._objects, self._site.binding())
        hosts = self._site.addresses()
        answers = {}
        for share, specs in shares:
            facts = Facts(views.get(share.id), quotas.get(share.id),
                          policies.get(share.id),
                          adopted=policies.get(
                              layout.adopted_policy(share.id)))
            try:
                answers[share.id] = self._one(share, facts, specs, hosts)
                binder.bind(facts.policy)
            except exception.DriverError as exc:
                # Not being able to tell is no reason to call it broken.
                LOG.error('Share %s could not be checked or repaired: %s',
                          share.id, exc)
                answers[share.id] = {}
        binder.report()
        return answers

    def _one(self, share: model.Share, facts: Facts,
             specs: model.Specs | None,
             hosts: tuple[str, ...]) -> dict[str, Any]:
        usual = layout.share_path(self._root, share.id)
        if not facts.complete:
            facts = self._again(share, facts, usual)
        qos_id = (self._shares.qos_id(specs or {}) if facts.view is None
                  else None)
        verdict = judge(share, facts, self._shares.closed_as_it_is(specs),
                        usual, qos_id)
        if verdict.lost:
            LOG.error('Share %s is lost: %s. Nothing was made in its place. '
                      'Check: the trash folder and the snapshots in VMS',
                      share.id, verdict.lost)
            return {'status': 'error'}
        if verdict.steps:
            LOG.warning('Share %s is repaired: %s', share.id, verdict.steps)
            self._objects.run(verdict.steps)
        answer: dict[str, Any] = {
            'export_locations': layout.locations(hosts, verdict.path)}
        if verdict.reapply:
            answer['reapply_access_rules'] = True
        return answer

    def _again(self, share: model.Share, facts: Facts,
               usual: str) -> Facts:
        """Look for what the lists did not have, and for the directory."""
        view = facts.view or self._objects.view(share.id)
        quota = facts.quota or self._objects.quota(share.id)
        policy = facts.policy or self._objects.policy(share.id)
        adopted = facts.adopted
        if policy is None and adopted is None:
            adopted = self._objects.policy(layout.adopted_policy(share.id))
        known = view or quota
        path = known.path if known is not None else usual
        return Facts(view, quota, policy, adopted=adopted,
                     directory=self._objects.is_directory(path))


class _Binder:
    """Binds policies to the VIP pool, and tells of those it could not bind.

    Shares that could not be bound are reached as before, through every pool:
    that is reported, and no reason to call them broken.
    """

    def __init__(self, objects: objects_module.Objects,
                 binding: binding_module.Binding) -> None:
        self._objects = objects
        self._binding = binding
        self._failed: list[str] = []
        self._why: exception.DriverError | None = None

    def bind(self, policy: records.Policy | None) -> None:
        """Bind one policy, unless another one was refused before."""
        if policy is None or self._binding.holds(policy):
            return
        if self._why is None:
            try:
                LOG.warning('Share %s is repaired: bind policy', policy.name)
                self._objects.view_policies.bind(policy.name, policy,
                                                 self._binding)
                return
            except exception.BackendError as exc:
                self._why = exc
        self._failed.append(policy.name)

    def report(self) -> None:
        if self._why is not None:
            LOG.error('%d shares can be reached through every VIP pool, '
                      'beginning with %s: %s', len(self._failed),
                      ', '.join(self._failed[:5]), self._why)


