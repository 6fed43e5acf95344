# SPDX-License-Identifier: Apache-2.0

"""Whether shares are as they should be, and what repairs them.

A few lists tell all about any number of shares; the decision per share is
pure.  Lists are old by the time that a share's turn comes: before anything is
written the share is locked, what is about to be changed is read once more, and
the decision is made anew.  What the lists say is missing is looked up on its
own, since a list that is read page by page can skip an object while others
come and go.

Once VMS does not answer, nothing more is asked in vain: what needs it is owed
(``manila_drivers.owed``).
"""

import collections
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import functools
import logging
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import pool_binder
from manila_drivers.vastdata import records
from manila_drivers.vastdata import shares as shares_module
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

Named = TypeVar('Named', records.View, records.Quota, records.Policy)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What VMS has of one share.

    :param directory: None if nobody looked.
    :param adopted: the policy that a managed share has until its first rules.
    :param listed: the limit of the quota when the lists were read; None if
        this is what they say.
    :param resized: the share has another size than Manila's row says.
    :param as_granted: the policy holds what the share's rules made of it.
    """

    view: records.View | None
    quota: records.Quota | None
    policy: records.Policy | None
    directory: bool | None = None
    adopted: records.Policy | None = None
    listed: int | None = None
    resized: bool = False
    as_granted: bool = True

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


def judge(share: model.Share, facts: Facts, closed: view_policy.ClientLists,
          usual_path: str, qos_id: int | None = None) -> Verdict:
    """Decide about one share.  Pure.

    Never makes a directory: an empty share in place of a lost one would be
    taken for the data's end.
    """
    view, quota, policy = facts.view, facts.quota, facts.policy
    told = [record.path for record in (view, quota) if record is not None]
    if len(set(told)) > 1:
        return Verdict(lost='its view is for %s and its quota for %s'
                       % tuple(told))
    path = told[0] if told else usual_path
    if not facts.complete and facts.directory is False:
        return Verdict(lost='its directory %s does not exist' % path)
    steps: list[plan.Step] = []
    ident: object
    reapply = False
    if facts.waiting:
        # Its clients are those of the time before, until rules come.
        ident = facts.adopted.id if facts.adopted is not None else None
    elif policy is None:
        # Marked as waiting for its rules, also for whoever comes after a
        # process that ends before it has asked for them.
        steps.append(plan.Step(
            'create policy', share.id,
            {'hosts': dataclasses.replace(closed, unsettled=True)},
            key='policy'))
        ident, reapply = plan.Ref('policy', 'id'), True
    else:
        ident = policy.id
        reapply = (_judge_policy(steps, policy, closed)
                   or not facts.as_granted)
    if quota is None:
        steps.append(plan.Step('create quota', share.id, {
            'path': path, 'limit': share.size_bytes,
            'make_directory': False}))
    elif not facts.resized and _limit_is_wrong(share, quota, facts.listed):
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
                  closed: view_policy.ClientLists) -> bool:
    """Add what a policy needs; whether the rules are needed as well."""
    narrowed = view_policy.without_everyone(policy, closed.squash)
    if narrowed is not None:
        # Made by upstream's driver, or by hand: open to everyone.
        steps.insert(0, plan.Step('update policy', policy.name, {
            'ident': policy.id, 'hosts': narrowed}))
        return True
    # Squashed in another way than the option says now, or waiting for rules.
    return not view_policy.settled(policy, closed.squash)


def _limit_is_wrong(share: model.Share, quota: records.Quota,
                    listed: int | None) -> bool:
    """Tell if a quota has to get the share's size.

    Not if it has been set since the lists were read: Manila's row is older
    than that.  And no limit ever goes below what is in use, or what is not
    known to be in use.
    """
    size, limit = share.size_bytes, quota.hard_limit
    if not size or limit == size or listed not in (None, limit):
        return False
    grows = limit is not None and 0 < limit < size
    return grows or quota.used is not None and quota.used <= size


def _by_name(found: Sequence[Named]) -> dict[str, Named]:
    """Objects by their names, without those of which there are several.

    Whether names are unique is not documented for every version.  What is
    left out is looked up once more on its own, where several are an error
    that names them.
    """
    names = collections.Counter(one.name for one in found)
    return {one.name: one for one in found if names[one.name] == 1}


class Health:
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
        :returns: by instance id, what Manila is to be told; what could not be
            finished says so (:func:`manila_drivers.owed.unfinished`).
        :raises DriverError: nothing could be read.
        """
        views = _by_name(self._objects.views())
        quotas = _by_name(self._objects.quotas())
        policies = _by_name([policy for policy in self._objects.policies()
                             if policy.tenant_id is None
                             or self._site.listed_here(policy)])
        work = _Work(self._site.addresses(),
                     pool_binder.Binder(
                         self._objects, self._site.binding()))
        answers = {}
        for share, specs in shares:
            facts = Facts(views.get(share.id), quotas.get(share.id),
                          policies.get(share.id),
                          adopted=policies.get(
                              paths.adopted_policy(share.id)),
                          resized=self._shares.resized(share, look=False))
            answer, error = exception.caught(functools.partial(
                self._one, share, facts, specs, work))
            if answer is None:
                # Not being able to tell is no reason to call it broken.
                LOG.error('Share %s could not be checked or repaired: %s',
                          share.id, error)
                answer = owed.unfinished(error)
            answers[share.id] = answer
        work.binder.report()
        return answers

    def _one(self, share: model.Share, facts: Facts,
             specs: model.Specs | None, work: '_Work') -> dict[str, Any]:
        verdict = self._judge(share, facts, specs)
        bound = work.binder.holds(facts.policy)
        if facts.complete and not verdict.steps and bound:
            return self._answer(share, verdict, work)
        # What is known for sure is told also where the rest is owed.
        known: dict[str, Any] = {}
        if facts.complete and not verdict.lost:
            known['export_locations'] = paths.locations(work.hosts,
                                                         verdict.path)
        if work.silent:
            return owed.unfinished(work.silent, **known)
        def repair() -> dict[str, Any]:
            nonlocal verdict
            if not facts.complete or verdict.steps:
                verdict = self._repaired(share, facts, verdict, specs)
            if not bound:
                work.binder.bind(facts.policy)
            return self._answer(share, verdict, work)
        answer, error = exception.caught(repair)
        if answer is not None:
            return answer
        assert error is not None
        LOG.error('Share %s could not be checked or repaired: %s', share.id,
                  error)
        if errors.unable(error) or isinstance(error, errors.LoginRefused):
            work.silent = str(error)
        if known and verdict.reapply:
            known[owed.RULES] = True
        return owed.unfinished(error, **known)

    def _judge(self, share: model.Share, facts: Facts,
               specs: model.Specs | None, qos_id: int | None = None,
               ) -> Verdict:
        if facts.policy is not None:
            facts = dataclasses.replace(
                facts, as_granted=self._shares.granted.holds(share.id,
                                                             facts.policy))
        return judge(share, facts, self._shares.closed_as_it_is(specs),
                     paths.share_path(self._root, share.id), qos_id)

    def _answer(self, share: model.Share, verdict: Verdict,
                work: '_Work') -> dict[str, Any]:
        if verdict.lost:
            LOG.error('Share %s is lost: %s. Nothing was made in its place. '
                      'Check: the trash folder and the snapshots in VMS',
                      share.id, verdict.lost)
            return {'status': 'error'}
        answer: dict[str, Any] = {
            'export_locations': paths.locations(work.hosts, verdict.path)}
        if verdict.reapply:
            answer[owed.RULES] = True
        return answer

    def _repaired(self, share: model.Share, facts: Facts, verdict: Verdict,
                  specs: model.Specs | None) -> Verdict:
        """Decide about a share once more, with no other call under way."""
        with self._shares.locked(share.id):
            now = (self._reread(share, facts, verdict.steps)
                   if facts.complete else self._again(share, facts))
            qos_id = (self._shares.qos_id(specs or {}) if now.view is None
                      else None)
            verdict = self._judge(share, now, specs, qos_id)
            if verdict.steps and not verdict.lost:
                LOG.warning('Share %s is repaired: %s', share.id,
                            verdict.steps)
                self._objects.run(verdict.steps)
        return verdict

    def _reread(self, share: model.Share, facts: Facts,
                steps: plan.Plan) -> Facts:
        """Read the records again that steps are about."""
        view, quota, policy = facts.view, facts.quota, facts.policy
        actions = {step.action for step in steps}
        if policy is not None and 'update policy' in actions:
            policy = self._now(share, 'viewpolicies', policy)
        if quota is not None and 'extend quota' in actions:
            quota = self._now(share, 'quotas', quota)
        if view is not None and 'attach policy' in actions:
            view = self._now(share, 'views', view)
        return dataclasses.replace(
            self._in_time(share, facts), view=view, quota=quota,
            policy=policy)

    def _now(self, share: model.Share, resource: str, seen: Named) -> Named:
        found: Named | None = self._objects.vms.get(resource, seen.id,
                                                    type(seen).of)
        if found is None or found.name != share.id:
            raise exception.Busy(
                'Share %s is being changed: its record %d of %s is gone'
                % (share.id, seen.id, resource),
                check='that the call about it ends')
        return found

    def _again(self, share: model.Share, facts: Facts) -> Facts:
        """Look for what the lists did not have, and for the directory."""
        view = self._objects.view(share.id)
        quota = self._objects.quota(share.id)
        policy = self._objects.policy(share.id)
        adopted = None if policy is not None else self._objects.policy(
            paths.adopted_policy(share.id))
        known = view or quota
        path = known.path if known is not None else paths.share_path(
            self._root, share.id)
        return dataclasses.replace(
            self._in_time(share, facts), view=view, quota=quota,
            policy=policy, adopted=adopted,
            directory=self._objects.is_directory(path))

    def _in_time(self, share: model.Share, facts: Facts) -> Facts:
        """Return facts of the lists with what may have changed since."""
        return dataclasses.replace(
            facts, listed=facts.quota.hard_limit if facts.quota else None,
            resized=self._shares.resized(share, look=True))


@dataclasses.dataclass
class _Work:
    """One check of many shares.

    :param hosts: addresses of the export locations.
    :param silent: why nothing more is asked of VMS; '' while it answers.
    """

    hosts: tuple[str, ...]
    binder: pool_binder.Binder
    silent: str = ''
