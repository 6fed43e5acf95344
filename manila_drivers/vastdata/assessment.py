# SPDX-License-Identifier: Apache-2.0

"""Assess a share, and plan what repairs it.  Pure."""

from collections.abc import Sequence
import dataclasses

from manila_drivers import model
from manila_drivers import plan
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy


@dataclasses.dataclass(frozen=True)
class ShareFacts:
    """Hold what VMS has of one share.

    :param directory: None if nobody looked.
    :param adopted: the policy that a managed share has until its first rules.
    :param listed: the limit of the quota when the lists were read; None if
        this is what they say.
    :param resized: the share has another size than Manila's row says.
    :param as_granted: the policy holds what the share's rules made of it.
    """

    view: records.View | None
    quota: records.Quota | None
    policy: records.ViewPolicy | None
    directory: bool | None = None
    adopted: records.ViewPolicy | None = None
    listed: int | None = None
    resized: bool = False
    as_granted: bool = True

    @property
    def waiting(self) -> bool:
        """Return whether a managed share has not had any rules yet."""
        return self.policy is None and self.adopted is not None

    @property
    def complete(self) -> bool:
        return (None not in (self.view, self.quota)
                and (self.policy is not None or self.waiting))


@dataclasses.dataclass(frozen=True)
class Assessment:
    """Hold what to do about one share.

    ``lost`` says why the share cannot be used, '' if it can; ``unlimited``
    why it gets no limit although it has none, and ``unknown`` that this is
    because its use is not told.
    """

    path: str = ''
    repair: plan.Plan = dataclasses.field(default_factory=plan.Plan)
    reapply: bool = False
    lost: str = ''
    unlimited: str = ''
    unknown: bool = False


def assess(share: model.Share, facts: ShareFacts,
           closed: view_policy.ClientLists, usual_path: str,
           qos_id: int | None = None,
           binding: view_policy.Binding = view_policy.AS_IT_IS,
           protocols: Sequence[str] = (),
           ) -> Assessment:
    """Decide about one share.

    :param protocols: that its view has to serve at least.  None is taken
        away, since somebody may have mounted with it.

    Never makes a directory: an empty share in place of a lost one would be
    taken for the data's end.
    """
    view, quota, policy = facts.view, facts.quota, facts.policy
    told = [record.path for record in (view, quota) if record is not None]
    if len(set(told)) > 1:
        return Assessment(lost='its view is for %s and its quota for %s'
                           % tuple(told))
    path = told[0] if told else usual_path
    if not facts.complete and facts.directory is False:
        return Assessment(lost='its directory %s does not exist' % path)
    steps: list[plan.Step] = []
    ident: int | plan.Ref
    reapply = False
    if facts.adopted is not None and facts.waiting:
        # Its clients are those of the time before, until rules come.
        ident = facts.adopted.id
    elif policy is None:
        # Marked as waiting for its rules, also for whoever comes after a
        # process that ends before it has asked for them.
        lists = dataclasses.replace(closed, unsettled=True)
        steps.append(plan.Step(
            'create policy', share.id,
            {'lists': lists, 'replaces': view is not None},
            key='policy', detail=str(lists)))
        ident, reapply = plan.Ref('policy', 'id'), True
    else:
        ident = policy.id
        reapply = (_assess_policy(steps, policy, closed)
                   or not facts.as_granted)
    unlimited, unknown = _assess_quota(steps, share, facts, path)
    if view is None:
        steps.append(plan.Step('create view', share.id, {
            'path': path, 'policy_id': ident, 'qos_id': qos_id},
            detail='for ' + path))
    elif not facts.waiting and (policy is None
                                or view.policy_id != policy.id):
        steps.append(planning.attach_policy(share.id, view, ident))
        reapply = True
    served = view.protocols if view is not None else None
    if view is not None and served and not set(protocols) <= set(served):
        wanted = tuple(sorted({*served, *protocols}))
        steps.append(plan.Step(
            'serve protocols', share.id,
            {'ident': view.id, 'protocols': wanted},
            detail='%s, until now %s' % (', '.join(wanted),
                                         ', '.join(served))))
    if view is not None and isinstance(ident, plan.Ref):
        steps.append(planning.confine_policy(share.id, plan.Ref('policy')))
    if policy is not None and not binding.holds(policy):
        # Last: VMS may refuse it, and all else is in order then.
        steps.append(plan.Step('bind policy', policy.name, {
            'policy': policy, 'binding': binding},
            detail='to the VIP pools %s' % (binding.pools,)))
    return Assessment(path, plan.Plan(tuple(steps)), reapply,
                      unlimited=unlimited, unknown=unknown)


def _assess_policy(steps: list[plan.Step], policy: records.ViewPolicy,
                   closed: view_policy.ClientLists) -> bool:
    """Add what a policy needs; tell if the rules are needed as well."""
    narrowed = view_policy.without_everyone(policy, closed.squash)
    if narrowed is not None:
        # Made by upstream's driver, or by hand: open to everyone.
        steps.insert(0, planning.update_policy(policy.name, policy.id,
                                               narrowed))
        return True
    # Squashed in another way than the option says now, or waiting for rules.
    return not view_policy.settled(policy, closed.squash)


def _assess_quota(steps: list[plan.Step], share: model.Share,
                  facts: ShareFacts, path: str) -> tuple[str, bool]:
    """Add what the quota needs; return why there is none to be made."""
    quota = facts.quota
    if quota is None:
        unlimited, unknown = _why_unlimited(share, facts.view)
        if not unlimited:
            steps.append(planning.create_quota(share.id, path,
                                               share.size_bytes))
        return unlimited, unknown
    if not facts.resized and _limit_is_wrong(share, quota, facts.listed):
        steps.append(planning.set_quota(
            share.id, quota, share.size_bytes,
            shrink=(quota.hard_limit or 0) > share.size_bytes))
    elif quota.hard_limit == 0 and share.size_bytes and not facts.resized:
        return _too_full(share, quota.used, 'its quota has no limit')
    return '', False


def _why_unlimited(share: model.Share,
                   view: records.View | None) -> tuple[str, bool]:
    """Return why a share whose quota is lost gets none, '' if it does.

    A limit below what is in use would stop all writers at once.  Without a
    view there are none, and what is in use is nowhere told.

    :returns: and whether it may get one when its use is told.
    """
    if view is None:
        return '', False
    return _too_full(share, view.capacity, 'its quota is lost')


def _too_full(share: model.Share, used: int | None,
              what: str) -> tuple[str, bool]:
    if used is None:
        return what + ', and VMS does not tell what is in use', True
    if used > share.size_bytes:
        return ('%s, and %d bytes are in use, which is more than its %s GiB'
                % (what, used, share.size)), False
    return '', False


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
