# SPDX-License-Identifier: Apache-2.0

"""Facts about a share and what follows from them, as values."""

import dataclasses

import pytest

from manila_drivers import plan
from manila_drivers.vastdata import assessment
from manila_drivers.vastdata import view_policy
from tests.unit.vastdata import test_decisions as decisions

ID, PATH, GiB, but = (decisions.ID, decisions.PATH, decisions.GiB,
                      decisions.but)
VIEW, QUOTA, POLICY = decisions.VIEW, decisions.QUOTA, decisions.POLICY
GRANTING, OPEN, SHARE = decisions.GRANTING, decisions.OPEN, decisions.SHARE
CLOSED = decisions.CLOSED
ClientLists = view_policy.ClientLists
#: A managed share's policy until its first rules, and a view under it.
ADOPTED = but(POLICY, id=5, name=ID + '-adopted')
UNDER_IT = but(VIEW, policy_id=5, policy=ADOPTED.name)
USUAL = '/usual'


def assess(*facts, share=SHARE, qos=None, binding=view_policy.AS_IT_IS,
           closed=CLOSED, protocols=(), **more):
    return assessment.assess(share, assessment.ShareFacts(*facts, **more),
                             closed, USUAL, qos, binding, protocols)


def create_policy(closed=CLOSED, *, replaces=False):
    return plan.Step('create policy', ID, {
        'lists': dataclasses.replace(closed, unsettled=True),
        'replaces': replaces}, 'policy')


def create_view(policy, path=PATH, qos=None):
    return plan.Step('create view', ID, {
        'path': path, 'policy_id': policy, 'qos_id': qos})


def create_quota(path=PATH, limit=GiB):
    return plan.Step('create quota', ID, {
        'path': path, 'limit': limit, 'make_directory': False})


CONFINE = plan.Step('confine policy', ID, {'policy': plan.Ref('policy')})


def attach(policy):
    return plan.Step('attach policy', ID, {'ident': 1, 'policy_id': policy})


def set_quota(action, quota, limit=GiB):
    return plan.Step(action + ' quota', ID, {'quota': quota, 'limit': limit})


MADE = plan.Ref('policy', 'id')


@pytest.mark.parametrize(('facts', 'path', 'steps', 'reapply'), [
    ((VIEW, QUOTA, GRANTING), PATH, [], False),
    # All that is lost, or one thing.
    ((None, None, None, True), USUAL, [
        create_policy(), create_quota(USUAL), create_view(MADE, USUAL)],
     True),
    ((None, QUOTA, None, True), PATH, [create_policy(), create_view(MADE)],
     True),
    ((None, QUOTA, GRANTING, True), PATH, [create_view(2)], False),
    ((but(VIEW, capacity=GiB), None, GRANTING, True), PATH,
     [create_quota()], False),
    ((None, None, GRANTING, True), USUAL, [
        create_quota(USUAL), create_view(2, USUAL)], False),
    ((VIEW, QUOTA, None, True), PATH, [
        create_policy(replaces=True), attach(MADE), CONFINE], True),
    ((but(VIEW, policy_id=9), QUOTA, GRANTING), PATH, [attach(2)], True),
    # A managed share waits for its rules under the policy that it has.
    ((UNDER_IT, QUOTA, None, None, ADOPTED), PATH, [], False),
    ((VIEW, QUOTA, None, None, ADOPTED), PATH, [], False),
    ((None, QUOTA, None, True, ADOPTED), PATH, [create_view(5)], False),
    # Those of one that has its own are for nobody any more.
    ((VIEW, QUOTA, GRANTING, None, ADOPTED), PATH, [], False),
    ((None, QUOTA, GRANTING, True, ADOPTED), PATH, [create_view(2)], False),
    ((UNDER_IT, QUOTA, GRANTING, None, ADOPTED), PATH, [attach(2)], True)])
def test_a_share_is_repaired(facts, path, steps, reapply):
    assert assess(*facts) == assessment.Assessment(
        path, plan.Plan(tuple(steps)), reapply)


def test_who_may_come_is_asked_for_if_the_policy_is_not_as_granted():
    assert assess(VIEW, QUOTA, GRANTING, as_granted=False).reapply is True


def test_what_is_made_is_as_the_share_type_says():
    closed = ClientLists(squash='all_squash')
    found = assess(None, None, None, True, qos=7, closed=closed)
    assert found.repair.steps == (
        create_policy(closed), create_quota(USUAL),
        create_view(MADE, USUAL, 7))


# What is missing, and what that leaves

@pytest.mark.parametrize(('facts', 'lost'), [
    ((VIEW, but(QUOTA, path='/other'), POLICY), '/other'),
    ((None, None, None, False), USUAL), ((VIEW, None, POLICY, False), PATH),
    ((None, QUOTA, POLICY, False), PATH), ((VIEW, QUOTA, None, False), PATH),
    ((UNDER_IT, None, None, False, ADOPTED), PATH)])
def test_a_share_that_is_lost(facts, lost):
    found = assess(*facts)
    assert lost in found.lost
    assert found == assessment.Assessment(lost=found.lost)


@pytest.mark.parametrize('facts', [
    (VIEW, QUOTA, GRANTING, False), (UNDER_IT, QUOTA, None, False, ADOPTED)])
def test_a_share_that_has_all_is_not_lost(facts):
    """Its directory may be said to be missing by who cannot see it."""
    assert assess(*facts) == assessment.Assessment(PATH)


@pytest.mark.parametrize(('view', 'words', 'unknown'), [
    (VIEW, 'does not tell', True),
    (but(VIEW, capacity=GiB + 1), f'{GiB + 1} bytes', False)])
def test_a_share_gets_no_limit_that_may_be_too_low(view, words, unknown):
    found = assess(view, None, GRANTING, True)
    assert words in found.unlimited
    assert found == assessment.Assessment(
        PATH, unlimited=found.unlimited, unknown=unknown)


@pytest.mark.parametrize('capacity', [0, GiB])
def test_a_share_that_gets_one_is_not_said_to_have_none(capacity):
    found = assess(but(VIEW, capacity=capacity), None, GRANTING, True)
    assert (found.unlimited, found.unknown) == ('', False)
    assert found.repair.steps == (create_quota(),)


LIMITS = [
    # limit, used, step
    (GiB, 0, None), (GiB, 2 * GiB, None), (GiB, None, None),
    # A higher one is no harm, whatever is in use.
    (1, 2 * GiB, 'extend'), (GiB - 1, 2 * GiB, 'extend'),
    (GiB - 1, None, 'extend'),
    # A lower one, or one where there was none, holds what is in use.
    (2 * GiB, 0, 'shrink'), (2 * GiB, GiB, 'shrink'),
    (2 * GiB, GiB + 1, None), (2 * GiB, None, None),
    (0, 0, 'limit'), (0, GiB, 'limit'), (0, GiB + 1, None), (0, None, None),
    (None, 0, 'limit'), (None, GiB + 1, None), (None, None, None)]


@pytest.mark.parametrize(('limit', 'used', 'action'), LIMITS)
def test_a_limit_never_goes_below_what_is_in_use(limit, used, action):
    quota = but(QUOTA, hard_limit=limit, used=used)
    steps = () if action is None else (set_quota(action, quota),)
    found = assess(VIEW, quota, GRANTING)
    # Where there was none, there still is none, and that is told.
    unlimited = limit == 0 and action is None
    assert (bool(found.unlimited), found.unknown) == (
        unlimited, unlimited and used is None)
    assert found == assessment.Assessment(
        PATH, plan.Plan(steps), unlimited=found.unlimited,
        unknown=found.unknown)


@pytest.mark.parametrize(('limit', 'more', 'action'), [
    (5, {'listed': 5}, 'extend'), (5, {}, 'extend'),
    # Somebody has set it since the lists were read, or is about to.
    (5, {'listed': 6}, None), (5, {'listed': GiB}, None),
    (5, {'listed': 0}, None), (5, {'resized': True}, None),
    (5, {'listed': 5, 'resized': True}, None)])
def test_a_limit_that_has_been_set_since_stays(limit, more, action):
    quota = but(QUOTA, hard_limit=limit)
    steps = () if action is None else (set_quota(action, quota),)
    assert assess(VIEW, quota, GRANTING, **more).repair.steps == steps


def test_a_share_of_no_size_has_no_limit_to_be_set():
    share = dataclasses.replace(SHARE, size=0)
    assert not assess(VIEW, but(QUOTA, hard_limit=5), GRANTING,
                      share=share).repair


# The order, and the policy

def test_an_open_policy_is_narrowed_before_anything_else():
    found = assess(None, but(QUOTA, hard_limit=5), OPEN, True)
    assert found.reapply is True
    assert [step.action for step in found.repair] == [
        'update policy', 'extend quota', 'create view']
    # What was closed is bounded without it.
    assert [step.action for step in assess(
        None, but(QUOTA, hard_limit=5), GRANTING, True).repair] == [
        'extend quota', 'create view']


def test_a_policy_is_bound_as_what_it_was_seen_to_be():
    binding = view_policy.Binding((4,))
    found = assess(VIEW, QUOTA, GRANTING, binding=binding)
    assert found == assessment.Assessment(PATH, plan.Plan((plan.Step(
        'bind policy', ID, {'policy': GRANTING, 'binding': binding}),)))
    assert str(found.repair) == (
        f'bind policy {ID} (to the VIP pools (4,))')


def test_repairs_in_the_words_of_operators():
    assert str(assess(None, None, None, True).repair) == (
        f'create policy {ID} (for nobody; no_root_squash); create quota {ID} '
        f'(1 GiB for {USUAL}); create view {ID} (for {USUAL})')


@pytest.mark.parametrize(('served', 'wanted', 'then'), [
    (('NFS',), ('NFS',), None), (('NFS', 'NFS4'), ('NFS',), None),
    (('NFS',), ('NFS', 'NFS4'), ('NFS', 'NFS4')),
    (('NFS4',), ('NFS',), ('NFS', 'NFS4')), (('NFS',), (), None),
    # It does not tell, or has none at all.
    (None, ('NFS',), None), ((), ('NFS',), None)])
def test_protocols_are_added_and_none_is_taken_away(served, wanted, then):
    found = assess(but(VIEW, protocols=served), QUOTA, GRANTING,
                   protocols=wanted)
    assert found.repair.steps == (() if then is None else (plan.Step(
        'serve protocols', ID, {'ident': 1, 'protocols': then}),))
    assert then is None or str(found.repair) == (
        'serve protocols %s (%s, until now %s)' % (
            ID, ', '.join(then), ', '.join(served)))
