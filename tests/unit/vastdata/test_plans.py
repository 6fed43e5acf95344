# SPDX-License-Identifier: Apache-2.0

"""Plans of the VAST driver, with all that is said of each step."""

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policy
from tests.unit.vastdata import test_decisions as decisions

ClientLists = view_policy.ClientLists
ID, PATH, GiB = decisions.ID, decisions.PATH, decisions.GiB
VIEW, QUOTA, POLICY = decisions.VIEW, decisions.QUOTA, decisions.POLICY
WANTED = ClientLists(('10.0.0.1',))
SNAPSHOT = records.VastSnapshot(8, 'n', '/manila/manila-x', 'SUCCEED', 1)
STREAM = records.Stream.of({'id': 5, 'name': 'stream', 'state': 'Syncing'})


def creation(qos=None, *, clone):
    policy = plan.Ref('policy', 'id')
    return (
        plan.Step('create policy', ID, {'lists': WANTED}, 'policy',
                  plan.Step('delete policy', ID, {'ident': policy})),
        plan.Step('create quota', ID, {
            'path': PATH, 'limit': 3 * GiB, 'make_directory': not clone},
            'quota', plan.Step('delete quota', ID, {
                'ident': plan.Ref('quota', 'id')})),
        plan.Step('create view', ID, {
            'path': PATH, 'policy_id': policy, 'qos_id': qos}, 'view'))


def test_creation():
    assert planning.create(ID, PATH, 3 * GiB, WANTED, 7).steps \
        == creation(7, clone=False)


def test_creation_of_a_clone_begins_with_it_and_never_takes_it_back():
    start, *others = planning.create(ID, PATH, 3 * GiB, WANTED, None,
                                     clone_of=SNAPSHOT)
    assert start == plan.Step('start clone', 'manila-' + ID, {
        'snapshot_id': 8, 'snapshot': 'n', 'target': PATH}, 'stream')
    assert tuple(others) == creation(clone=True)


@pytest.mark.parametrize('view', [VIEW, None])
@pytest.mark.parametrize('quota', [QUOTA, None])
@pytest.mark.parametrize('policies', [{ID: POLICY.id}, {}])
@pytest.mark.parametrize('streams', [[STREAM], []])
def test_deletion(view, quota, policies, streams):
    assert planning.delete(ID, PATH, view, quota, policies, streams,
                           tenant_id=1).steps == (
        *(plan.Step('end clone', 'stream', {'ident': 5, 'finished': False})
          for _ in streams),
        *(plan.Step('delete view', ID, {'ident': 1}) for _ in [0] if view),
        plan.Step('delete directory', PATH, {'tenant_id': 1}),
        *(plan.Step('delete quota', ID, {'ident': 3}) for _ in [0] if quota),
        *(plan.Step('delete policy', ID, {'ident': 2}) for _ in policies))


def test_deletion_has_no_streams_unless_told():
    assert planning.delete(ID, PATH, None, None, {},
                           tenant_id=4).steps == (
        plan.Step('delete directory', PATH, {'tenant_id': 4}),)


def test_a_new_size():
    step, = planning.resize(ID, QUOTA, 2 * GiB, shrink=False)
    assert step == plan.Step('extend quota', ID,
                             {'quota': QUOTA, 'limit': 2 * GiB})
    with pytest.raises(exception.NotFound):
        planning.resize(ID, None, GiB, shrink=False)


UPDATE = plan.Step('update policy', ID, {
    'ident': 2, 'lists': WANTED, 'former': ''}, 'policy')
# A call that was cut off may have made it without its VIP pool.
CONFINE = plan.Step('confine policy', ID, {'policy': plan.Ref('policy')})
ELSEWHERE = decisions.but(VIEW, policy_id=9)
ATTACH = plan.Step('attach policy', ID, {'ident': 1, 'policy_id': 2})


@pytest.mark.parametrize(('facts', 'steps'), [
    # Known by its id alone, and read.
    ((VIEW, 2), [UPDATE]), ((VIEW, 2, POLICY), [UPDATE]),
    ((VIEW, 2, decisions.GRANTING), []),
    # The view is under another one, which must not be waited for.
    ((ELSEWHERE, 2), [UPDATE, ATTACH, CONFINE]),
    ((ELSEWHERE, 2, decisions.GRANTING), [ATTACH, plan.Step(
        'confine policy', ID, {'policy': decisions.GRANTING})]),
    ((None, 2), [UPDATE]), ((None, 2, decisions.GRANTING), []),
    # The first rules of a managed share.
    ((VIEW, 2, decisions.GRANTING, 'x'), [plan.Step('update policy', ID, {
        'ident': 2, 'lists': WANTED, 'former': 'x'}, 'policy')]),
    # Nobody can reach it, or it has lost its policy.
    ((None,), []),
    ((VIEW,), [
        plan.Step('create policy', ID,
                  {'lists': WANTED, 'replaces': True}, 'policy'),
        plan.Step('attach policy', ID, {
            'ident': 1, 'policy_id': plan.Ref('policy', 'id')}),
        CONFINE])])
def test_access(facts, steps):
    assert planning.access(ID, WANTED, planning.AccessFacts(*facts)).steps \
        == tuple(steps)


def test_a_policy_that_has_to_be_made_squashes_in_a_known_way():
    unknown = ClientLists(squash=None)
    made, _, _ = planning.access(ID, unknown, planning.AccessFacts(VIEW))
    assert made.args['lists'] == ClientLists(squash='root_squash')
    with pytest.raises(exception.InvalidRequest, match='squash'):
        planning.access(ID, ClientLists(('10.0.0.1',), squash=None),
                        planning.AccessFacts(VIEW))
    # One that is there keeps what it has.
    kept, = planning.access(ID, unknown, planning.AccessFacts(VIEW, 2))
    assert kept.args['lists'] == unknown


# Snapshots and adoption

def test_a_snapshot():
    assert planning.create_snapshot('s', PATH).steps == (
        plan.Step('take snapshot', 's', {'path': PATH}, 'snapshot'),)
    assert planning.delete_snapshot(SNAPSHOT, []).steps == (
        plan.Step('delete snapshot', 'n', {'ident': 8}),)
    assert not planning.delete_snapshot(None, [])
    assert not planning.adopt_snapshot('n', SNAPSHOT)
    assert planning.adopt_snapshot('s', SNAPSHOT).steps == (
        plan.Step('rename snapshot', 's', {'ident': 8}),)


def test_a_snapshot_that_feeds_a_clone_stays():
    finished = decisions.but(STREAM, state='completed')
    assert planning.delete_snapshot(SNAPSHOT, [finished])
    with pytest.raises(exception.Busy, match='stream'):
        planning.delete_snapshot(SNAPSHOT, [finished, STREAM])


def test_adoption_notes_first_and_names_the_view_last():
    facts = planning.ExportFacts(decisions.but(VIEW, name='d'), None, None, 0)
    assert planning.adopt(ID, facts, 2, WANTED).steps == (
        plan.Step('note share', ID),
        plan.Step('create quota', ID, {'path': PATH, 'limit': 2 * GiB,
                                       'make_directory': False}),
        plan.Step('create policy', ID + '-adopted', {'lists': WANTED}),
        plan.Step('rename', ID, {'resource': 'views', 'ident': 1}))
    assert planning.release(ID).steps == (plan.Step('forget share', ID),)


@pytest.mark.parametrize(('steps', 'text'), [
    (planning.create(ID, '/x', 3 * GiB, WANTED, None),
     (f'create policy {ID} (read/write 10.0.0.1; no_root_squash); create '
      f'quota {ID} (3 GiB for the new directory /x); create view {ID} (for '
      '/x)')),
    (planning.access(ID, ClientLists((), ('10.0.0.2', '10.0.1.0/24'), None),
                     planning.AccessFacts(ELSEWHERE, 2, former='x')),
     (f'update policy {ID} (read-only 10.0.0.2 10.0.1.0/24; squashing as it '
      f'is, renamed from x); attach policy {ID} (to the view for {PATH}, in '
      f'place of {ID}); confine policy {ID} (to the VIP pool)')),
    (planning.access(ID, ClientLists(), planning.AccessFacts(VIEW, 2)),
     f'update policy {ID} (for nobody; no_root_squash)'),
    (planning.resize(ID, QUOTA, 2 * GiB, shrink=False),
     f'extend quota {ID} (from 1 GiB to 2 GiB)'),
    (planning.adopt_snapshot('s', SNAPSHOT),
     'rename snapshot s (from n)')])
def test_plans_in_the_words_of_operators(steps, text):
    assert str(steps) == text


# Host lists

def test_each_list_of_a_policy_counts():
    """One that differs, or is not told, is enough for a change."""
    wanted = ClientLists(('10.0.0.1',), ('10.0.0.2',), 'root_squash')
    same = decisions.but(
        POLICY, read_write=('10.0.0.1',), read_only=('10.0.0.2/32',),
        no_squash=(), root_squash=('*',), all_squash=())
    assert wanted.equals(same)
    # Host bits of a network mean nothing.
    assert ClientLists(('10.0.0.0/24',), (), 'root_squash').equals(
        decisions.but(same, read_write=('10.0.0.7/24',), read_only=()))
    for name in ('read_write', 'read_only', 'no_squash', 'root_squash',
                 'all_squash'):
        for value in None, ('10.9.9.9',):
            other = decisions.but(same, **{name: value})
            assert not wanted.equals(other)


@pytest.mark.parametrize(('squash', 'others'), [
    ('no_root_squash', ['nfs_root_squash']),
    ('root_squash', ['nfs_all_squash']),
    ('all_squash', ['nfs_root_squash'])])
def test_the_mark_of_what_is_not_settled(squash, others):
    name = {'no_root_squash': 'nfs_no_squash'}.get(squash, 'nfs_' + squash)
    for unsettled in False, True:
        body = ClientLists(squash=squash, unsettled=unsettled).body()
        assert sorted(key for key, value in body.items()
                      if value == ['*']) == sorted(
            [name, *(others if unsettled else [])])
        policy = decisions.but(
            POLICY, no_squash=tuple(body['nfs_no_squash']),
            root_squash=tuple(body['nfs_root_squash']),
            all_squash=tuple(body['nfs_all_squash']))
        assert view_policy.settled(policy, squash) is not unsettled
        for other in {'no_root_squash', 'root_squash', 'all_squash'} - {
                squash}:
            assert not view_policy.settled(policy, other)


@pytest.mark.parametrize(('read_write', 'read_only', 'admits'), [
    ((), (), False), (('x',), (), True), ((), ('x',), True),
    (None, (), True), ((), None, True)])
def test_whether_a_policy_lets_anybody_in(read_write, read_only, admits):
    assert view_policy.admits(decisions.but(
        POLICY, read_write=read_write, read_only=read_only)) is admits


@pytest.mark.parametrize(('read_write', 'read_only', 'left'), [
    (('10.0.0.1',), ('10.0.0.2',), None), (None, None, None), ((), (), None),
    (('*', '10.0.0.1'), ('10.0.0.2',), (('10.0.0.1',), ('10.0.0.2',))),
    (('10.0.0.1',), ('*', '10.0.0.2'), (('10.0.0.1',), ('10.0.0.2',))),
    (('*',), None, ((), ())), (None, ('*',), ((), ()))])
def test_everyone_is_taken_off_a_policy(read_write, read_only, left):
    found = view_policy.without_everyone(decisions.but(
        POLICY, read_write=read_write, read_only=read_only), 'all_squash')
    assert found == (None if left is None else ClientLists(
        *left, 'all_squash', unsettled=True))


def test_what_two_have_in_common():
    """Under any spelling; what is not told is nothing."""
    wanted = ClientLists(('10.0.0.1', '10.0.0.2'), ('10.0.0.3', 'x'))
    found = wanted.within(decisions.but(
        POLICY, read_write=('10.0.0.2/32',), read_only=('x', '10.0.0.3')))
    assert found == ClientLists(('10.0.0.2',), ('10.0.0.3', 'x'))
    assert wanted.within(decisions.but(
        POLICY, read_write=None, read_only=None)) == ClientLists()


@pytest.mark.parametrize(('ipv6', 'lists'), [
    (True, (('10.0.0.1',), ('::1',))), (False, (('10.0.0.1',), ()))])
def test_versions_that_a_cluster_takes(ipv6, lists):
    granting = view_policy.wanted(
        [decisions.rule('a', '10.0.0.1'), decisions.rule('b', '::1', 'ro')],
        'all_squash', split_limit=5, ipv6=ipv6)
    found = granting.lists
    assert (found.read_write, found.read_only) == lists
    assert found.squash == 'all_squash' and not found.unsettled
    assert list(granting.errors) == ([] if ipv6 else ['b'])


def test_the_limit_of_cuts_is_the_operators():
    rules = [decisions.rule('a', '10.0.0.0/30'),
             decisions.rule('b', '10.0.0.1', 'ro')]
    for limit, refused in (0, ['a']), (1, []):
        found = view_policy.wanted(rules, 'root_squash', split_limit=limit,
                                   ipv6=False)
        assert list(found.errors) == refused
        assert found.unclear == bool(refused)
    found = view_policy.wanted(
        rules, 'root_squash', split_limit=0, ipv6=False,
        current=view_policy.levels_of(decisions.but(
            POLICY, read_write=('10.0.0.0/24',), read_only=())))
    assert list(found.errors) == ['b']
    assert found.lists.read_write == ('10.0.0.0/30',)
    assert not found.unclear


@pytest.mark.parametrize(('specs', 'squash'), [
    ({}, 'root_squash'), ({'vast:squash': 'all_squash'}, 'all_squash'),
    ({'squash': 'all_squash'}, 'root_squash')])
def test_the_squash_mode_of_a_share(specs, squash):
    assert view_policy.squash_of(specs, 'root_squash') == squash
