# SPDX-License-Identifier: Apache-2.0

"""Finds what is wrong with shares, and repairs it.

A few lists tell all about any number of shares; the decision per share is
pure (``manila_drivers.vastdata.assessment``).  Lists are old by the time that
a share's turn comes: before anything is written the share is locked, what is
about to be changed is read once more, and the decision is made anew.  What
the lists say is missing is looked up on its own, since a list that is read
page by page can skip an object while others come and go.

Once VMS does not answer, nothing more is asked in vain: what needs it is owed
(``manila_drivers.owed``).
"""

import collections
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import owed
from manila_drivers import plan
from manila_drivers.driver import call
from manila_drivers.vastdata import assessment
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)

Named = TypeVar('Named', records.View, records.Quota, records.ViewPolicy)


def _by_name(found: Sequence[Named]) -> dict[str, Named]:
    """Return objects by their names, without those of which there are several.

    Whether names are unique is not documented for every version.  What is
    left out is looked up once more on its own, where several are an error
    that names them.
    """
    names = collections.Counter(one.name for one in found)
    return {one.name: one for one in found if names[one.name] == 1}


@dataclasses.dataclass
class _Check:
    """One check of many shares.

    :param addresses: of the export locations.
    :param silent: why nothing more is asked of VMS; '' while it answers.
    :param unbound: policies that could not be bound to the VIP pool.  Their
        shares are reached as before, through every pool: that is reported,
        and no reason to call them broken.
    :param refusal: why VMS does not bind them; nobody asks again then.
    """

    addresses: tuple[str, ...]
    binding: view_policy.Binding
    silent: str = ''
    unbound: list[str] = dataclasses.field(default_factory=list)
    refusal: exception.DriverError | None = None

    def binding_for(self, policy: records.ViewPolicy | None,
                    ) -> view_policy.Binding:
        """Return what a policy is to be bound to, as far as VMS does it."""
        if self.refusal is None or policy is None:
            return self.binding
        if not self.binding.holds(policy) and policy.name not in self.unbound:
            self.unbound.append(policy.name)
        return view_policy.AS_IT_IS

    def report(self) -> None:
        if self.refusal is not None:
            LOG.error('%d shares can be reached through every VIP pool, '
                      'beginning with %s: %s', len(self.unbound),
                      ', '.join(self.unbound[:5]), self.refusal)


class Health:
    """Checks and repairs shares of one backend."""

    def __init__(self, found: repository.Repository,
                 steps: executor.Executor, notes: share_record.ShareRecord,
                 lock: share_record.Lock) -> None:
        self._found = found
        self._cluster = found.cluster
        self._settings = found.cluster.settings
        self._executor = steps
        self._notes = notes
        self._lock = lock

    def ensure(self, calls: Sequence[call.Call]) -> dict[str, dict[str, Any]]:
        """Check all shares; one that cannot be repaired stops no other.

        :returns: by instance id, what Manila is to be told; what could not be
            finished says so (:func:`manila_drivers.owed.unfinished`).
        :raises DriverError: nothing could be read.
        """
        views = _by_name(self._found.views())
        quotas = _by_name(self._found.quotas())
        policies = _by_name([policy for policy in self._found.policies()
                             if policy.tenant_id is None
                             or self._cluster.listed_here(policy)])
        now = _Check(self._cluster.addresses(), self._cluster.binding())

        def check(call: call.Call) -> tuple[str, dict[str, Any]]:
            share = call.share
            facts = assessment.ShareFacts(
                views.get(share.id), quotas.get(share.id),
                policies.get(share.id),
                adopted=policies.get(paths.adopted_policy(share.id)))
            answer, error = exception.caught(
                lambda: self._one(call, facts, now))
            if answer is None:
                # Not being able to tell is no reason to call it broken.
                LOG.error('Share %s could not be checked or repaired: %s',
                          share.id, error)
                answer = owed.unfinished(error)
            return share.id, answer

        answers = dict(plan.for_each(check, calls))
        now.report()
        return answers

    def _one(self, call: call.Call, facts: assessment.ShareFacts,
             now: _Check) -> dict[str, Any]:
        share = call.share
        health = self._assess(call, facts, now)
        if facts.complete and not health.repair:
            return self._answer(share, health, now)
        # What is known for sure is told also where the rest is owed.
        known: dict[str, Any] = {}
        if facts.complete and not health.lost:
            known['export_locations'] = paths.locations(now.addresses,
                                                        health.path)
        if now.silent:
            return owed.unfinished(now.silent, **known)
        repaired, error = exception.caught(
            lambda: self._repaired(call, facts, health, now))
        if repaired is not None:
            return self._answer(share, repaired, now)
        assert error is not None
        LOG.error('Share %s could not be checked or repaired: %s', share.id,
                  error)
        if errors.unable(error) or isinstance(error, errors.LoginRefused):
            now.silent = str(error)
        if known and health.reapply:
            known[owed.RULES] = True
        return owed.unfinished(error, **known)

    def _assess(self, call: call.Call, facts: assessment.ShareFacts,
                now: _Check, qos_id: int | None = None,
                ) -> assessment.Assessment:
        share = call.share
        if facts.policy is not None:
            facts = dataclasses.replace(facts, as_granted=self._notes.holds(
                share.id, facts.policy))
        closed = view_policy.ClientLists(squash=view_policy.present_squash(
            call.specs_or_none(), self._settings.squash))
        return assessment.assess(
            share, facts, closed,
            paths.share_path(self._settings.root, share.id), qos_id,
            now.binding_for(facts.policy), self._settings.protocols)

    def _answer(self, share: model.Share, health: assessment.Assessment,
                now: _Check) -> dict[str, Any]:
        if health.lost:
            LOG.error('Share %s is lost: %s. Nothing was made in its place. '
                      'Check: the trash folder and the snapshots in VMS',
                      share.id, health.lost)
            return {'status': 'error'}
        answer: dict[str, Any] = {'export_locations': paths.locations(
            now.addresses, health.path)}
        if health.reapply:
            answer[owed.RULES] = True
        if health.unlimited:
            LOG.warning('Share %s has no limit: %s. Check: extend the share '
                        'above what is in use', share.id, health.unlimited)
        if health.unknown:
            return owed.unfinished(health.unlimited, **answer)
        return answer

    def _repaired(self, call: call.Call, facts: assessment.ShareFacts,
                  health: assessment.Assessment,
                  now: _Check) -> assessment.Assessment:
        """Decide about a share once more, with no other call under way."""
        share = call.share
        with self._lock(paths.lock_name(share.id)):
            facts = (self._reread(share, facts, health.repair)
                     if facts.complete else self._again(share, facts))
            qos_id = (self._cluster.qos_of(call.specs_or_none() or {})
                      if facts.view is None else None)
            health = self._assess(call, facts, now, qos_id)
            if health.repair and not health.lost:
                if not plan.is_dry():
                    LOG.warning('Share %s is repaired: %s', share.id,
                                health.repair)
                self._run(health.repair, facts.policy, now)
        return health

    def _run(self, repair: plan.Plan, policy: records.ViewPolicy | None,
             now: _Check) -> None:
        try:
            self._executor.run(repair)
        except errors.NotBound as exc:
            if policy is None or repair.steps[-1].action != 'bind policy':
                raise
            now.refusal = exc
            now.unbound.append(policy.name)

    def _reread(self, share: model.Share, facts: assessment.ShareFacts,
                repair: plan.Plan) -> assessment.ShareFacts:
        """Read the records again that steps are about."""
        view, quota, policy = facts.view, facts.quota, facts.policy
        actions = {step.action for step in repair}
        if policy is not None and 'update policy' in actions:
            policy = self._now(share, 'viewpolicies', policy)
        if quota is not None and actions & {'extend quota', 'shrink quota',
                                            'limit quota'}:
            quota = self._now(share, 'quotas', quota)
        if view is not None and actions & {'attach policy',
                                           'serve protocols'}:
            view = self._now(share, 'views', view)
        return dataclasses.replace(
            self._in_time(share, facts), view=view, quota=quota,
            policy=policy)

    def _now(self, share: model.Share, resource: str, seen: Named) -> Named:
        found: Named | None = self._found.vms.get(resource, seen.id,
                                                  type(seen).of)
        if found is None or found.name != share.id:
            raise exception.Busy(
                'Share %s is being changed: its record %d of %s is gone'
                % (share.id, seen.id, resource),
                check='that the call about it ends')
        return found

    def _again(self, share: model.Share,
               facts: assessment.ShareFacts) -> assessment.ShareFacts:
        """Look for what the lists did not have, and for the directory."""
        view = self._found.view(share.id)
        quota = self._found.quota(share.id)
        policy = self._found.policy(share.id)
        adopted = None if policy is not None else self._found.policy(
            paths.adopted_policy(share.id))
        known = view or quota
        path = known.path if known is not None else paths.share_path(
            self._settings.root, share.id)
        return dataclasses.replace(
            self._in_time(share, facts), view=view, quota=quota,
            policy=policy, adopted=adopted,
            directory=self._found.is_directory(path))

    def _in_time(self, share: model.Share,
                 facts: assessment.ShareFacts) -> assessment.ShareFacts:
        """Return facts of the lists with what may have changed since."""
        return dataclasses.replace(
            facts, listed=facts.quota.hard_limit if facts.quota else None,
            resized=self._notes.outdates(share))
