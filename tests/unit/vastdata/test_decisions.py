# SPDX-License-Identifier: Apache-2.0

"""The pure parts of the VAST driver, as tables."""

import dataclasses

import pytest

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.vastdata import answers
from manila_drivers.vastdata import assessment
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import stats
from manila_drivers.vastdata import view_policy

ClientLists = view_policy.ClientLists
ID = '7f6e1c8e-7a55-4d5e-9b39-0c3b6f0e8a11'
PATH = '/manila/manila-' + ID
GiB = model.GiB
CLOSED = ClientLists()

VIEW = records.View(id=1, name=ID, path=PATH, policy_id=2, policy=ID,
                    protocols=('NFS',), tenant_id=1)
POLICY = records.ViewPolicy(id=2, name=ID, read_write=(), read_only=(),
                        no_squash=('*',), root_squash=(), all_squash=())
QUOTA = records.Quota(id=3, name=ID, path=PATH, hard_limit=GiB, used=0,
                      tenant_id=1)
SHARE = model.Share(id=ID, size=1, proto='NFS')


def but(record, **changes):
    return dataclasses.replace(record, **changes)


def told(steps):
    """Steps without their details."""
    return '; '.join('%s %s' % (step.action, step.target)
                     for step in steps) or 'nothing to do'


def rule(ident, to, level='rw', kind='ip'):
    return access.Rule(ident, kind, to, level)


# -- versions and records ------------------------------------------------


@pytest.mark.parametrize(('text', 'version'), [
    ('4.6.0-1.1', (4, 6, 0)), ('4.0.11.12', (4, 0, 11)),
    ('3.4.6.123.1', (3, 4, 6)), ('5.0.0.25', (5, 0, 0)),
    ('5.4.0.20.10960402906660116571', (5, 4, 0)), ('5.3', (5, 3)),
    ('5', (5,)), ('', ()), ('trunk', ())])
def test_versions(text, version):
    assert cluster_records.version_of(text) == version


def test_a_missing_field_is_named():
    with pytest.raises(exception.BackendError, match="'path'"):
        records.View.of({'id': 1, 'name': 'n'})
    with pytest.raises(exception.BackendError, match="'id'"):
        records.Quota.of({'path': '/x'})


def test_unknown_fields_and_nulls_do_not_matter():
    quota = records.Quota.of({
        'id': '5', 'name': None, 'path': '/a/', 'hard_limit': None,
        'used_effective_capacity': None, 'used_capacity': 7, 'colour': 'red'})
    assert quota == records.Quota(5, '', '/a', 0, None,
                                  records.UNTOLD)


def test_a_list_that_is_not_told_is_not_empty():
    policy = records.ViewPolicy.of({'id': 1, 'name': 'p',
                                'nfs_read_write': []})
    assert policy.read_write == ()
    assert policy.read_only is None
    assert view_policy.admits(policy)
    assert not CLOSED.equals(policy)


@pytest.mark.parametrize(('data', 'finished', 'failed'), [
    ({'state': 'Syncing'}, False, False),
    ({'state': 'COMPLETED'}, True, False),
    ({'state': 'Active', 'status': {'state': 'FINISHED'}}, True, False),
    ({'state': 'Suspended'}, False, True),
    ({'state': 'Suspended', 'status': {'state': 'FINISHED'}}, True, False),
    ({}, False, False)])
def test_streams(data, finished, failed):
    stream = records.Stream.of({'id': 1, **data})
    assert (stream.finished, stream.failed) == (finished, failed)


@pytest.mark.parametrize(('data', 'state'), [
    ({'id': 9, 'async_task': {'id': 4, 'state': 'RUNNING'}}, 'running'),
    ({'id': 4, 'state': 'Completed', 'messages': []}, 'completed'),
    ({'id': 9, 'state': 'Completed'}, None), (None, None), ([], None)])
def test_tasks_are_found_in_answers(data, state):
    task = answers.Task.within(data)
    assert (task and task.state) == state


# -- host lists ----------------------------------------------------------


@pytest.mark.parametrize(('rules', 'rw', 'ro', 'refused'), [
    ([], [], [], ''),
    ([rule('a', '10.0.0.1')], ['10.0.0.1'], [], ''),
    ([rule('a', '10.0.0.1/32', 'ro')], [], ['10.0.0.1'], ''),
    ([rule('a', '0.0.0.0/0')], ['0.0.0.0/0'], [], ''),
    ([rule('a', '10.0.0.9'), rule('b', '10.0.0.10')],
     ['10.0.0.9', '10.0.0.10'], [], ''),
    ([rule('a', '10.0.0.0/30'), rule('b', '10.0.0.1', 'ro')],
     ['10.0.0.0', '10.0.0.2/31'], ['10.0.0.1'], ''),
    ([rule('a', '10.0.0.0/30', 'ro'), rule('b', '10.0.0.3')],
     ['10.0.0.3'], ['10.0.0.0/31', '10.0.0.2'], ''),
    ([rule('a', '::1'), rule('b', 'x', kind='user'), rule('c', '10.0.0.1')],
     ['10.0.0.1'], [], 'ab')])
def test_rules_as_lists(rules, rw, ro, refused):
    found = view_policy.wanted(rules, 'root_squash', split_limit=200,
                               ipv6=False)
    body = found.lists.body()
    assert body == {'nfs_read_write': rw, 'nfs_read_only': ro,
                    'nfs_no_squash': [], 'nfs_root_squash': ['*'],
                    'nfs_all_squash': []}
    assert ''.join(sorted(found.errors)) == refused
    assert not found.withheld and not found.unclear


def test_ipv6_rules_where_the_cluster_takes_them():
    found = view_policy.wanted(
        [rule('a', '::/0', 'ro')], 'no_root_squash', split_limit=0, ipv6=True)
    assert (found.lists.read_only, found.errors) == (('::/0',), {})


@pytest.mark.parametrize(('present', 'same'), [
    ({'read_write': ('10.0.0.0/24', '10.0.1.1')}, True),
    ({'read_write': ('10.0.1.1/32', '10.0.0.0/255.255.255.0')}, True),
    ({'read_write': ('10.0.0.0/24',)}, False),
    ({'read_write': ('10.0.0.0/24', '10.0.1.1', '*')}, False),
    ({'read_write': None}, False),
    ({'read_write': ('10.0.0.0/24', '10.0.1.1'), 'root_squash': ('*',)},
     False)])
def test_lists_are_compared_by_meaning(present, same):
    wanted = ClientLists(('10.0.0.0/24', '10.0.1.1'), ())
    assert wanted.equals(but(POLICY, **present)) is same


def test_narrowing_is_within_both():
    narrow = ClientLists(('10.0.0.1', '10.0.0.2'), ('10.0.0.3',)).within(
        but(POLICY, read_write=('10.0.0.2', '*'), read_only=None))
    assert (narrow.read_write, narrow.read_only) == (('10.0.0.2',), ())


@pytest.mark.parametrize('specs', [
    {'vast:squash': 'none'}, {'vast:squash': ''}])
def test_a_bad_squash_is_named(specs):
    with pytest.raises(exception.InvalidRequest, match='vast:squash'):
        view_policy.squash_of(specs, 'no_root_squash')


@pytest.mark.parametrize(('specs', 'squash'), [
    ({'vast:squash': 'all_squash'}, 'all_squash'), ({}, 'root_squash'),
    # Nobody can say what it should be: what is there stays.
    (None, None), ({'vast:squash': 'nonsense'}, None)])
def test_the_squash_of_a_share_that_is_there(specs, squash):
    assert view_policy.present_squash(specs, 'root_squash') == squash


def test_what_else_fails_where_a_squash_is_read_is_told():
    class Specs(dict):
        def get(self, *args):
            raise exception.Unreachable('The database is away.')

    with pytest.raises(exception.Unreachable, match='database'):
        view_policy.present_squash(Specs(), 'root_squash')


@pytest.mark.parametrize(('lists', 'text'), [
    (view_policy.ClientLists(), 'for nobody; no_root_squash'),
    (view_policy.ClientLists(('10.0.0.1', '10.0.0.2'), ('10.0.0.3',), None),
     'read/write 10.0.0.1 10.0.0.2, read-only 10.0.0.3; squashing as it is')])
def test_lists_read_as_text(lists, text):
    assert str(lists) == text


def test_a_closed_policy_has_its_squash():
    assert view_policy.closed({'vast:squash': 'all_squash'}, 'root_squash') \
        == view_policy.ClientLists(squash='all_squash')
    assert view_policy.closed({}, 'root_squash').squash == 'root_squash'


@pytest.mark.parametrize(('pools', 'version', 'body'), [
    (None, (5, 1, 0), {}), ((), (5, 0, 0), {'vip_pools': []}),
    ((1, 2), (5, 0, 9), {'vip_pools': [1, 2]}),
    ((1, 2), view_policy.LEVELS_VERSION,
     {'vip_pools': [1, 2],
      'permission_per_vip_pool': {'1': 'RW', '2': 'RW'}})])
def test_pools_are_told_in_the_fields_of_a_version(pools, version, body):
    assert view_policy.Binding(pools, version).body() == body


@pytest.mark.parametrize(('lists', 'squash', 'settled'), [
    ((('*',), (), ()), 'no_root_squash', True),
    ((('*',), (), ()), 'root_squash', False),
    (((), ('*',), ()), 'root_squash', True),
    (((), (), ('*',)), 'all_squash', True),
    ((('*',), ('*',), ()), 'no_root_squash', False),
    (((), (), ()), 'all_squash', False),
    (((), ('*', '10.0.0.1'), ()), 'root_squash', False),
    # Which it should be is not known: any will do.
    ((('*',), ('*',), ()), None, True)])
def test_everyone_is_in_the_one_squash_list(lists, squash, settled):
    no_squash, root, everybody = lists
    assert view_policy.settled(records.ViewPolicy(
        id=1, name='p', read_write=(), read_only=(), no_squash=no_squash,
        root_squash=root, all_squash=everybody), squash) is settled


# -- names, paths, addresses ---------------------------------------------


@pytest.mark.parametrize(('path', 'root', 'allowed'), [
    (PATH, '/manila', True), ('/other/x', '/manila', True),
    ('/', '/manila', False), ('', '/manila', False),
    ('/manila', '/manila', False), ('/manila/', '/manila', False),
    ('/a', '/a/b', False), ('/', '', False), ('/manila-x', '', True),
    ('relative', '/manila', False)])
def test_what_may_be_deleted(path, root, allowed):
    assert paths.deletable(path, root) is allowed


@pytest.mark.parametrize(('text', 'parts'), [
    ('10.0.0.1:/a/b', ('10.0.0.1', '/a/b')),
    ('[2001:db8::1]:/a/', ('2001:db8::1', '/a')),
    ('nfs.example:/', ('nfs.example', '/'))])
def test_export_paths_are_taken_apart(text, parts):
    assert paths.split_export(text) == parts


@pytest.mark.parametrize('text', [
    '', '/a', '10.0.0.1', '10.0.0.1:a', ':/a', '2001:db8::1:/a', '[::1:/a'])
def test_what_is_no_export_path(text):
    with pytest.raises(exception.NotManageable):
        paths.split_export(text)


def test_ranges_are_walked_and_not_expanded():
    assert paths.first_addresses(
        [('10.0.0.254', '10.0.1.1'), ('::1', 'ffff::')], 6) == (
            '10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1', '::1', '::2')
    assert paths.in_ranges('8000::', [('::1', 'ffff::')])
    assert not paths.in_ranges('10.0.0.1', [('::1', 'ffff::')])
    assert not paths.in_ranges('nfs.example', [('::1', 'ffff::')])
    with pytest.raises(exception.BackendError, match='unreadable range'):
        paths.first_addresses([('10.0.0.x', '10.0.0.9')], 1)


def test_parents():
    assert paths.parents('/a/b/c') == ['/', '/a', '/a/b']
    assert paths.parents('/a') == ['/']


# -- plans ---------------------------------------------------------------


@pytest.mark.parametrize(('clone', 'text'), [
    (None, f'create policy {ID}; create quota {ID}; create view {ID}'),
    (records.VastSnapshot(8, 'n', '/manila/manila-x', 'SUCCEED', 1),
     (f'start clone manila-{ID}; create policy {ID}; create quota {ID}; '
     f'create view {ID}'))])
def test_creation_closes_before_it_exports(clone, text):
    steps = planning.create(ID, PATH, GiB, CLOSED, None, clone_of=clone)
    assert told(steps) == text
    quota = next(step for step in steps if step.action == 'create quota')
    assert quota.args['make_directory'] is (clone is None)


@pytest.mark.parametrize(('view', 'quota', 'policy', 'text'), [
    (VIEW, QUOTA, {ID: 2}, (f'delete view {ID}; delete directory {PATH}; '
                            f'delete quota {ID}; delete policy {ID}')),
    (None, QUOTA, {ID: 2}, (f'delete directory {PATH}; delete quota {ID}; '
                            f'delete policy {ID}')),
    (None, None, {ID: 2, 'x': 3}, (f'delete directory {PATH}; '
                                   f'delete policy {ID}; delete policy x')),
    (None, None, {}, f'delete directory {PATH}')])
def test_deletion_goes_on_where_it_was_cut_off(view, quota, policy, text):
    assert str(planning.delete(ID, PATH, view, quota, policy,
                               tenant_id=1)) == text


@pytest.mark.parametrize(('view', 'quota', 'tenant'), [
    (but(VIEW, tenant_id=7), None, 7), (None, but(QUOTA, tenant_id=7), 7),
    (None, None, 1)])
def test_a_directory_is_deleted_in_the_tenant_of_its_record(view, quota,
                                                            tenant):
    steps = planning.delete(ID, PATH, view, quota, {}, tenant_id=1)
    assert [step.args['tenant_id'] for step in steps
            if step.action == 'delete directory'] == [tenant]


def test_a_view_and_a_quota_of_two_tenants_are_not_one_share():
    with pytest.raises(exception.Conflict, match='nothing was done'):
        planning.path_of(VIEW, but(QUOTA, tenant_id=7), PATH)


def test_the_recorded_path_goes_before_the_configured_one():
    elsewhere = but(VIEW, path='/old/manila-x')
    assert planning.path_of(elsewhere, None, PATH) == '/old/manila-x'
    assert planning.path_of(None, but(QUOTA, path='/q'), PATH) == '/q'
    assert planning.path_of(None, None, PATH) == PATH
    with pytest.raises(exception.Conflict, match='nothing was done'):
        planning.path_of(elsewhere, QUOTA, PATH)


@pytest.mark.parametrize(('used', 'limit', 'shrink', 'steps'), [
    (0, 2 * GiB, False, 1), (0, GiB, False, 0), (5 * GiB, 2 * GiB, False, 1),
    (GiB // 2, GiB // 2, True, 1), (GiB // 2, GiB // 2 - 1, True, None)])
def test_resizing(used, limit, shrink, steps):
    quota = but(QUOTA, used=used)
    if steps is None:
        with pytest.raises(exception.PossibleDataLoss):
            planning.resize(ID, quota, limit, shrink=shrink)
    else:
        made = planning.resize(ID, quota, limit, shrink=shrink)
        assert len(made.steps) == steps


WANTED = ClientLists(('10.0.0.1',))
GRANTING = but(POLICY, read_write=('10.0.0.1',))
OPEN = but(POLICY, read_write=('*',), read_only=('*',), root_squash=('*',))


# -- ensure --------------------------------------------------------------


@pytest.mark.parametrize(('facts', 'text', 'reapply'), [
    (assessment.ShareFacts(VIEW, QUOTA, GRANTING), 'nothing to do', False),
    # Without rules nobody has to be let in.
    (assessment.ShareFacts(VIEW, QUOTA, POLICY), 'nothing to do', False),
    (assessment.ShareFacts(VIEW, QUOTA, None, True),
     f'create policy {ID}; attach policy {ID}; confine policy {ID}',
     True),
    (assessment.ShareFacts(VIEW, QUOTA, OPEN), f'update policy {ID}', True),
    (assessment.ShareFacts(VIEW, QUOTA, but(GRANTING, root_squash=('*',))),
     'nothing to do', True),
    (assessment.ShareFacts(but(VIEW, policy_id=7), QUOTA, POLICY),
     f'attach policy {ID}', True),
    (assessment.ShareFacts(VIEW, but(QUOTA, hard_limit=5), GRANTING),
     f'extend quota {ID}', False),
    (assessment.ShareFacts(VIEW, but(QUOTA, hard_limit=2 * GiB), GRANTING),
     f'shrink quota {ID}', False),
    (assessment.ShareFacts(VIEW, but(QUOTA, hard_limit=0), GRANTING),
     f'limit quota {ID}', False),
    (assessment.ShareFacts(but(VIEW, capacity=GiB), None, GRANTING, True),
     f'create quota {ID}', False),
    (assessment.ShareFacts(but(VIEW, capacity=GiB + 1), None, GRANTING, True),
     'nothing to do', False),
    (assessment.ShareFacts(VIEW, None, GRANTING, True), 'nothing to do',
     False),
    (assessment.ShareFacts(None, QUOTA, GRANTING, True), f'create view {ID}',
     False),
    (assessment.ShareFacts(None, None, None, True),
     f'create policy {ID}; create quota {ID}; create view {ID}', True)])
def test_what_repairs_a_share(facts, text, reapply):
    verdict = assessment.assess(SHARE, facts, CLOSED, PATH)
    assert (told(verdict.repair), verdict.reapply, verdict.lost) == (
        text, reapply, '')
    assert not [step for step in verdict.repair
                if step.args.get('make_directory')]


@pytest.mark.parametrize('facts', [
    assessment.ShareFacts(None, None, None, False),
    assessment.ShareFacts(VIEW, None, POLICY, False),
    assessment.ShareFacts(None, QUOTA, POLICY, False),
    assessment.ShareFacts(VIEW, but(QUOTA, path='/other'), POLICY)])
def test_a_lost_share_is_reported_and_not_replaced(facts):
    verdict = assessment.assess(SHARE, facts, CLOSED, PATH)
    assert verdict.lost
    assert not verdict.repair


def test_binding_to_the_pool_comes_last():
    binding = view_policy.Binding((4,))
    facts = assessment.ShareFacts(but(VIEW, policy_id=7), QUOTA, GRANTING)
    health = assessment.assess(SHARE, facts, CLOSED, PATH, binding=binding)
    assert told(health.repair) == f'attach policy {ID}; bind policy {ID}'
    bound = dataclasses.replace(facts, view=VIEW,
                                policy=but(GRANTING, pools=((4, 'RW'),)))
    assert not assessment.assess(SHARE, bound, CLOSED, PATH,
                                 binding=binding).repair


def test_an_open_policy_is_narrowed_to_its_hosts():
    policy = but(OPEN, read_write=('10.0.0.1', '10.0.0.2'))
    verdict = assessment.assess(
        SHARE, assessment.ShareFacts(VIEW, QUOTA, policy), CLOSED, PATH)
    assert verdict.repair == plan.Plan((plan.Step(
        'update policy', ID, {'ident': policy.id, 'lists': ClientLists(
            ('10.0.0.1', '10.0.0.2'), (), 'no_root_squash',
            unsettled=True), 'former': ''}, 'policy'),))


# -- manage --------------------------------------------------------------


@pytest.mark.parametrize(('quota', 'used', 'options', 'gib'), [
    (QUOTA, 0, {}, 1), (but(QUOTA, hard_limit=GiB + 1), 0, {}, 2),
    (QUOTA, 0, {'size': 9}, 1), (None, 0, {}, 1), (None, GiB + 1, {}, 2),
    (None, 0, {'size': '7'}, 7), (but(QUOTA, hard_limit=0), 3 * GiB, {}, 3),
    (None, 3 * GiB, {'size': 2}, None), (None, 0, {'size': 'big'}, None),
    (None, 0, {'size': 0}, None), (None, 0, {'size': -1}, None)])
def test_the_size_of_a_managed_share(quota, used, options, gib):
    facts = planning.ExportFacts(VIEW, quota, None, used)
    if gib is None:
        with pytest.raises(exception.NotManageable, match='size'):
            planning.size_of(facts, options)
    else:
        assert planning.size_of(facts, options) == gib


def test_managing_renames_and_does_not_touch_access():
    facts = planning.ExportFacts(
        but(VIEW, name='data', policy='default'),
        but(QUOTA, name='q', hard_limit=GiB + 1), None, 0)
    steps = planning.adopt(ID, facts, 2, CLOSED)
    assert told(steps) == (
        f'note share {ID}; extend quota q; rename {ID}; '
        f'create policy {ID}-adopted; rename {ID}')
    assert not [step for step in steps if 'attach' in step.action]


def test_managing_again_does_nothing():
    facts = planning.ExportFacts(VIEW, QUOTA, POLICY, 0)
    assert told(planning.adopt(ID, facts, 1, CLOSED)) == f'note share {ID}'


# -- capacity ------------------------------------------------------------


def test_only_our_quotas_are_promised():
    quotas = [QUOTA, but(QUOTA, name='x', path='/else'),
              but(QUOTA, path='/managed'), but(QUOTA, hard_limit=0)]
    assert stats.promised(quotas, '/manila') == 2 * GiB


@pytest.mark.parametrize(('limit', 'used', 'total', 'free'), [
    (0, 0, 100.0, 40.0), (50 * GiB, 20 * GiB, 50.0, 30.0),
    (50 * GiB, 60 * GiB, 50.0, 0.0), (500 * GiB, 0, 100.0, 40.0)])
def test_capacity_within_what_the_tenant_may_have(limit, used, total, free):
    cluster = cluster_records.Cluster((5,), '5', True, 1.0, 100 * GiB,
                                      40 * GiB)
    assert stats.bounded(cluster, limit, used) == (total, free)


def test_capacity_that_is_not_told_is_unknown():
    cluster = cluster_records.Cluster.of({'sw_version': '5.3'})
    assert stats.bounded(cluster, 0, 0) == ('unknown', 'unknown')


def test_the_newest_sample_counts_whatever_the_order():
    data = {'prop_list': ['timestamp', 'Capacity,drr'],
            'data': [['2024-04-13T14:47:38Z', 1.0],
                     ['2024-04-13T14:47:48Z', 2.0],
                     ['2024-04-13T14:47:28Z', 3.0]]}
    assert stats.newest(data)['Capacity,drr'] == 2.0
    assert stats.newest({'prop_list': [], 'data': []}) == {}
    assert stats.newest(None) == {}
