# SPDX-License-Identifier: Apache-2.0

"""Test what VMS does not have, does not tell or does not store."""

import contextlib
import logging
import pickle

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.faults import Fault
from tests.unit.vastdata.conftest import made
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors
GiB = 2 ** 30
CLIENT = '10.0.0.7'


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    bench.sim.add_pool('pool-b', '10.9.1.1-10.9.1.4')
    return bench.start()


# -- routes that are not there ------------------------------------------------

@pytest.mark.parametrize('page', [True, False])
def test_a_directory_is_not_gone_because_a_call_is(bench, driver, page):
    one, path = made(driver)
    bench.sim.write(path, GiB // 2)
    bench.sim.options.missing_route_page = page
    bench.sim.options.missing_routes.add('folders/delete_folder')
    with pytest.raises(errors.ManilaException, match='404'):
        driver.delete_share(None, one)
    assert bench.sim.directories()[path] == GiB // 2
    assert bench.sim.record('quota', one['id'])
    bench.sim.options.missing_routes.clear()
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    assert not bench.sim.record('quota', one['id'])


def test_an_old_version_deletes_nothing_and_says_so(bench, driver):
    one, path = made(driver)
    bench.sim.options.sw_version = '4.6.0-1'
    with pytest.raises(errors.ManilaException, match='version of VMS'):
        driver.delete_share(None, one)
    assert path in bench.sim.directories()


@pytest.mark.parametrize('page', [True, False])
def test_a_share_is_not_lost_because_a_call_is(bench, driver, page):
    one, _ = made(driver, CLIENT)
    bench.sim.remove('view', one['id'])
    bench.sim.options.missing_route_page = page
    bench.sim.options.missing_routes.add('folders/stat_path')
    assert driver.ensure_shares(None, [one]) == {one['id']: {}}


@pytest.mark.parametrize('page', [True, False])
@pytest.mark.parametrize('resource', ['views', 'quotas', 'viewpolicies'])
def test_an_object_is_not_gone_because_its_route_is(bench, driver, resource,
                                                    page):
    one, _ = made(driver, CLIENT)
    bench.sim.options.missing_route_page = page
    bench.sim.options.missing_routes.add('DELETE ' + resource)
    with pytest.raises(errors.ManilaException):
        driver.delete_share(None, one)
    bench.sim.options.missing_routes.clear()
    driver.delete_share(None, one)
    assert not [item for item in bench.sim.inventory() if one['id'] in item[2]
                and item[0] != 'directory']


def test_a_refusal_names_the_login_that_is_used(bench, driver):
    one, _ = made(driver)
    bench.sim.options.permission_denied.add('quotas')
    with pytest.raises(errors.ManilaException) as caught:
        driver.extend_share(one, 2)
    assert 'vast_mgmt_user' in str(caught.value)
    assert 'vast_api_token' not in str(caught.value)
    other = bench.start(vast_api_token=bench.sim.api_token)
    with pytest.raises(errors.ManilaException, match='vast_api_token'):
        other.extend_share(one, 2)


# -- fields that are not told -------------------------------------------------

USED = {'quotas.used_capacity', 'quotas.used_effective_capacity'}


@pytest.mark.parametrize('form', ['null_fields', 'absent_fields'])
def test_a_usage_that_is_not_told_is_not_zero(bench, driver, form):
    one, path = made(driver, size=8)
    bench.sim.write(path, 5 * GiB)
    getattr(bench.sim.options, form).update(USED)
    with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
        driver.shrink_share(one, 2)
    assert bench.sim.record('quota', one['id'])['hard_limit'] == 8 * GiB
    driver.extend_share(one, 9)
    assert driver.update_share_usage_size(None, [one]) == []


@pytest.mark.parametrize('form', ['null_fields', 'absent_fields'])
@pytest.mark.parametrize(('limit', 'fields'), [
    (None, {'views.logical_capacity'}), (0, USED)])
def test_an_export_of_unknown_size_is_managed_with_a_given_one(
        bench, driver, form, limit, fields):
    sim = bench.sim
    sim.make_share('old', path='/data')
    sim.write('/data', 5 * GiB)
    sim.change('view', 'old', logical_capacity=5 * GiB)
    if limit is None:
        sim.remove('quota', 'old')
    else:
        sim.change('quota', 'old', hard_limit=limit)
    getattr(sim.options, form).update(fields)
    one = share(None, export_locations=[{'path': '10.9.0.1:/data'}])
    before = sim.inventory()
    with pytest.raises(errors.ManageInvalidShare, match='size='):
        driver.manage_existing(one, {})
    assert sim.inventory() == before
    assert driver.manage_existing(one, {'size': '8'})['size'] == 8
    assert sim.record('quota', one['id'])['hard_limit'] == 8 * GiB


FIELDS = [
    'views.policy_id', 'views.policy', 'views.protocols', 'views.path',
    'views.name', 'viewpolicies.nfs_read_write', 'viewpolicies.nfs_no_squash',
    'viewpolicies.name', 'viewpolicies.count_views', 'quotas.hard_limit',
    'quotas.used_capacity', 'quotas.path', 'quotas.name', 'vippools.enabled',
    'vippools.ip_ranges', 'clusters.logical_space', 'clusters.drr',
    'clusters.enable_trash', 'snapshots.state', 'snapshots.path',
    'viewpolicies.permission_per_vip_pool', 'tenants.capacity_rules']


@pytest.mark.parametrize('form', ['null_fields', 'absent_fields',
                                  'text_fields'])
@pytest.mark.parametrize('field', FIELDS)
def test_no_field_is_so_important_that_a_share_suffers(bench, driver, field,
                                                       form):
    """Calls may fail while VMS answers oddly; nobody gets in, nothing goes."""
    one, path = made(driver, CLIENT)
    bench.sim.write(path, 5)
    bench.clock.sleep(400)
    getattr(bench.sim.options, form).add(field)
    answer = driver.ensure_shares(None, [one])[one['id']]
    assert answer.get('status') != 'error'
    for work in (lambda: driver.create_snapshot(None, {
                     'id': 'n', 'name': 'share-snapshot-n',
                     'share_instance_id': one['id']}),
                 lambda: driver.update_access(None, one, [
                     rule('a', CLIENT), rule('b', '10.0.0.8')]),
                 lambda: driver.get_share_stats(refresh=True),
                 lambda: driver.create_share(None, share())):
        with contextlib.suppress(errors.ManilaException):
            work()
    assert bench.sim.directories()[path] == 5
    assert bench.sim.can_mount('10.0.0.9', path) is None
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') is None
    getattr(bench.sim.options, form).clear()
    driver.ensure_shares(None, [one])
    driver.update_access(None, one, [rule('a', CLIENT)])
    assert bench.sim.can_mount(CLIENT, path) == 'rw'
    assert bench.sim.can_mount('10.0.0.8', path) is None


# -- deletions that have no effect --------------------------------------------

def test_a_view_that_stays_keeps_its_policy_and_is_told(bench, driver):
    """It costs no request: VMS deletes no policy that a view uses."""
    one, path = made(driver, CLIENT)
    bench.sim.arm(Fault('status', code=204, body='', before=True, times=None,
                        match='DELETE .*/views/'))
    with pytest.raises(errors.ManilaException):
        driver.delete_share(None, one)
    assert bench.sim.record('view', one['id'])
    bench.sim.disarm()
    driver.delete_share(None, one)
    assert not bench.sim.record('view', one['id'])
    assert path not in bench.sim.directories()


def answering_as_usual(bench, verb, resource):
    """Have VMS answer what it always does, and do nothing."""
    respond, tables = bench.sim.respond, bench.sim.state.tables

    def idle(request):
        if request.verb != verb or f'/{resource}' not in request.path:
            return respond(request)
        before = pickle.dumps([(table.rows, table._index)
                               for table in tables.values()])
        trees = pickle.dumps(bench.sim.state.trees)
        answer = respond(request)
        known = pickle.loads(before)  # noqa: S301
        for table, kept in zip(tables.values(), known, strict=True):
            table.rows, table._index = kept
        bench.sim.state.trees = pickle.loads(trees)  # noqa: S301
        return answer

    bench.sim.respond = idle
    return lambda: setattr(bench.sim, 'respond', respond)


@pytest.mark.parametrize(('verb', 'resource', 'told'), [
    ('DELETE', 'folders', 'is still there, with its data'),
    ('DELETE', 'snapshots', 'is still there, with its data'),
    ('PATCH', 'quotas', 'was set to 2147483648, and is 1073741824'),
    ('PATCH', 'viewpolicies', 'was set to for nobody'),
    ('POST', 'views', 'was made, and is not there')])
def test_what_vms_says_and_has_not_done_is_told(bench, driver, caplog, verb,
                                                resource, told):
    """By the next statistics, once: an answer that says it is believed."""
    one, _ = made(driver, CLIENT)
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': one['id']}
    driver.create_snapshot(None, snapshot)
    driver.get_share_stats(refresh=True)
    usual = answering_as_usual(bench, verb, resource)
    {('DELETE', 'folders'): lambda: (
        driver.delete_snapshot(None, snapshot),
        driver.delete_share(None, one)),
     ('DELETE', 'snapshots'): lambda: driver.delete_snapshot(None, snapshot),
     ('PATCH', 'quotas'): lambda: driver.extend_share(one, 2),
     ('PATCH', 'viewpolicies'): lambda: driver.update_access(None, one, []),
     ('POST', 'views'): lambda: made(driver)}[verb, resource]()
    usual()
    caplog.clear()
    driver.get_share_stats(refresh=True)
    assert 'Backend VAST' in caplog.text
    assert 'answered success to a change' in caplog.text
    assert told in caplog.text
    caplog.clear()
    driver.get_share_stats(refresh=True)
    assert not caplog.text


def test_what_vms_has_done_is_looked_at_once(bench, driver, caplog):
    one, _ = made(driver, CLIENT)
    driver.extend_share(one, 2)
    driver.update_access(None, one, [])
    driver.get_share_stats(refresh=True)
    calls, _ = bench.calls(driver.get_share_stats, refresh=True)
    assert calls <= 2
    driver.delete_share(None, one)
    driver.get_share_stats(refresh=True)
    assert 'answered success' not in caplog.text


# -- settings that have no effect ---------------------------------------------

BINDINGS = {'4.7.0': None, '5.0.0.25': 'vip_pools',
            '5.1.0': 'permission_per_vip_pool',
            '5.5.0': 'permission_per_vip_pool'}


@pytest.mark.parametrize('version', BINDINGS)
def test_shares_are_bound_to_the_pool_where_vms_can(bench, version):
    """Where it cannot, they work as with Manila's driver."""
    bench.sim.make_directory('/manila')
    bench.sim.add_pool('pool-b', '10.9.1.1')
    bench.sim.options.sw_version = version
    driver = bench.start()
    _, path = made(driver, CLIENT)
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.0.1') == 'rw'
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') == (
        'rw' if BINDINGS[version] is None else None)


def test_what_cannot_be_bound_is_refused_at_start_if_that_is_demanded(bench):
    bench.sim.options.sw_version = '4.7.0'
    with pytest.raises(errors.ManilaException,
                       match=r'Option vast_bind_vippool.*4\.7\.0'):
        bench.start(vast_bind_vippool=True)


def test_shares_are_bound_once_vms_can(bench):
    bench.sim.make_directory('/manila')
    bench.sim.add_pool('pool-b', '10.9.1.1')
    bench.sim.options.sw_version = '4.9.0'
    driver = bench.start()
    told = driver.get_backend_info(None)
    one, path = made(driver, CLIENT)
    bench.sim.options.sw_version = '5.3.0'
    driver = bench.start()
    assert driver.get_backend_info(None) != told
    driver.ensure_shares(None, [one])
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.0.1') == 'rw'
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') is None


def test_a_binding_that_is_not_stored_makes_no_share(bench):
    bench.sim.make_directory('/manila')
    bench.sim.options.pool_binding = 'none'
    driver = bench.start()
    before = bench.sim.inventory()
    with pytest.raises(errors.ManilaException, match='vast_bind_vippool'):
        driver.create_share(None, share())
    assert bench.sim.inventory() == before


def test_shares_that_cannot_be_bound_are_told_of(bench, caplog):
    """And are not called broken; asking for each one would be in vain."""
    bench.sim.make_directory('/manila')
    bench.sim.options.pool_binding = 'none'
    shares = [share() for _ in range(20)]
    for one in shares:
        bench.sim.make_share(one['id'], rw=[CLIENT])
    driver = bench.start()
    calls, answers = bench.calls(driver.ensure_shares, None, shares)
    assert calls < 20
    assert all(answer['export_locations'] for answer in answers.values())
    assert '20 shares can be reached through every VIP pool' in caplog.text
    assert shares[0]['id'] in caplog.text
    driver.update_access(None, shares[0], [])
    assert 'is not bound to the VIP pool' in caplog.text


@pytest.mark.parametrize('changes', [
    {'vast_vippool_name': None, 'vast_export_addresses': '10.9.0.1'},
    {'vast_vippool_name': None, 'vast_export_addresses': 'nfs.example'}])
def test_addresses_in_place_of_the_pool_unbind_nothing(bench, driver,
                                                       changes):
    one, path = made(driver, CLIENT)
    later = bench.start(**changes)
    later.ensure_shares(None, [one])
    later.update_access(None, one, [rule('r', CLIENT)])
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.0.1') == 'rw'
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') is None


@pytest.mark.parametrize('silent', [True, False])
@pytest.mark.parametrize('fields', [
    {'viewpolicies.nfs_no_squash', 'viewpolicies.nfs_root_squash'},
    {'viewpolicies.nfs_read_write'}, {'views.protocols'},
    {'quotas.hard_limit'},
    {'viewpolicies.vip_pools', 'viewpolicies.permission_per_vip_pool'}])
def test_a_share_with_a_setting_that_is_not_stored_is_not_made(
        bench, fields, silent):
    bench.sim.make_directory('/manila')
    driver = bench.start(vast_nfs_protocols='NFS4')
    bench.sim.options.ignored_fields |= fields
    bench.sim.options.silent_updates = silent
    before = bench.sim.inventory()
    with pytest.raises(errors.ManilaException):
        driver.create_share(None, share())
    assert not [item for item in bench.sim.inventory() - before
                if item[0] not in ('directory', 'quota')]


@pytest.mark.parametrize('silent', [True, False])
def test_a_size_that_is_not_stored_is_an_error(bench, driver, silent):
    one, _ = made(driver)
    bench.sim.options.ignored_fields.add('quotas.hard_limit')
    bench.sim.options.silent_updates = silent
    with pytest.raises(errors.ManilaException, match='does not have the'):
        driver.extend_share(one, 2)


def test_vms_need_not_answer_changes_with_a_record(bench, driver):
    bench.sim.options.silent_updates = True
    one, path = made(driver, CLIENT)
    driver.extend_share(one, 2)
    driver.update_access(None, one, [rule('r', '10.0.0.8')])
    assert bench.sim.can_mount(CLIENT, path) is None
    assert bench.sim.can_mount('10.0.0.8', path) == 'rw'


# -- the policy that the view really has --------------------------------------

def test_a_view_that_was_moved_is_put_back(bench, driver):
    one, path = made(driver, CLIENT)
    other, _ = made(driver)
    ident = bench.sim.record('policy', 'default')['id']
    for wanted in [rule('r', CLIENT)], []:
        bench.sim.change('view', one['id'], policy_id=ident,
                         policy='default')
        # A second view keeps the count of the policy at one.
        bench.sim.change('view', other['id'], policy=one['id'], policy_id=(
            bench.sim.record('policy', one['id'])['id']))
        assert bench.sim.can_mount('203.0.113.7', path) == 'rw'
        driver.update_access(None, one, wanted)
        assert bench.sim.can_mount('203.0.113.7', path) is None
        assert bench.sim.can_mount(CLIENT, path) == (
            'rw' if wanted else None)


def test_a_move_that_is_not_stored_is_an_error(bench, driver):
    one, _ = made(driver, CLIENT)
    bench.sim.change('view', one['id'], policy_id=1, policy='default')
    bench.sim.options.ignored_fields.add('views.policy_id')
    with pytest.raises(errors.ManilaException, match='does not have the'):
        driver.update_access(None, one, [rule('r', CLIENT)])


def test_a_view_of_others_keeps_no_share_from_being_deleted(bench, driver,
                                                            caplog):
    one, path = made(driver, CLIENT)
    bench.sim.perform('POST', 'views', {
        'name': 'by-hand', 'path': '/by-hand', 'create_dir': True,
        'policy_id': bench.sim.record('policy', one['id'])['id']})
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    assert 'view by-hand of /by-hand' in caplog.text
    driver.delete_share(None, one)
    assert bench.sim.can_mount(CLIENT, '/by-hand') == 'rw'


# -- what taking away must not depend on --------------------------------------

BROKEN = {
    'squash is no known word': lambda bench, row: row.update(
        share_type={'extra_specs': {'vast:squash': 'nonsense'}}),
    'the pool is gone': lambda bench, row: bench.sim.remove('pool', 'pool-a'),
    'pools may not be read': lambda bench, row: (
        bench.sim.options.permission_denied.add('vippools')),
    'tenants may not be read': lambda bench, row: (
        bench.sim.options.permission_denied.add('tenants')),
    'the cluster may not be read': lambda bench, row: (
        bench.sim.options.permission_denied.update({'clusters', 'versions',
                                                    'monitors'})),
    'clones may not be read': lambda bench, row: (
        bench.sim.options.permission_denied.add('globalsnapstreams')),
    'directories may not be looked at': lambda bench, row: (
        bench.sim.options.permission_denied.add('POST folders'))}


@pytest.fixture
def typed(monkeypatch):
    """Share types come along with the rows."""
    def specs(row, named=None):
        return dict((row.get('share_type') or {}).get('extra_specs') or {})
    monkeypatch.setattr(compat, 'extra_specs', specs)


@pytest.mark.parametrize('way', BROKEN)
def test_access_is_taken_away_and_a_share_deleted(bench, driver, typed, way):
    one, path = made(driver, CLIENT, '10.0.0.8')
    one['snapshot_id'] = 'it was a clone'
    bench.clock.sleep(4000)
    BROKEN[way](bench, one)
    driver.update_access(None, one, [rule('b', '10.0.0.8')],
                         delete_rules=[rule('a', CLIENT)])
    assert bench.sim.record('policy', one['id'])['nfs_read_write'] == [
        '10.0.0.8']
    driver.update_access(None, one, [])
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


def test_a_type_that_cannot_be_read_keeps_no_client_in(bench, driver,
                                                       monkeypatch):
    one, path = made(driver, CLIENT)

    def gone(*args, **kwargs):
        raise LookupError('share type not found')
    monkeypatch.setattr(compat, 'extra_specs', gone)
    driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, path) is None
    driver.delete_share(None, one)


@pytest.mark.parametrize('specs', [{'vast:squash': 'nonsense'}])
def test_an_open_policy_is_closed_whatever_the_type_says(bench, driver,
                                                         typed, specs):
    one = share(share_type={'extra_specs': specs})
    path = bench.sim.make_upstream_share(one['id'], hosts=[CLIENT])
    answer = driver.ensure_shares(None, [one])[one['id']]
    assert bench.sim.can_mount('203.0.113.7', path) is None
    assert answer['export_locations']
    with pytest.raises(errors.InvalidShare, match='vast:squash'):
        driver.create_share(None, share(share_type={'extra_specs': specs}))


def test_lists_are_written_although_the_view_cannot_be_read(bench, driver):
    one, path = made(driver, CLIENT)
    bench.sim.options.permission_denied.add('views')
    with pytest.raises(errors.ManilaException):
        driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, path) is None


# -- exports that are managed -------------------------------------------------

@pytest.fixture
def managed(bench, driver):
    bench.sim.make_share('old', size=2, path='/data', rw=[CLIENT])
    one = share(None, export_locations=[{'path': '10.9.0.1:/data'}])
    one['size'] = driver.manage_existing(one, {})['size']
    return one


def test_clients_stay_until_the_first_rules(bench, managed):
    for _ in range(2):
        later = bench.start(vast_max_export_locations=1)
        answer = later.ensure_shares(None, [managed])[managed['id']]
        assert 'reapply_access_rules' not in answer
        assert answer['export_locations']
        assert bench.sim.can_mount(CLIENT, '/data') == 'rw'
    later.update_access(None, managed, [rule('r', '10.0.0.8')])
    assert bench.sim.can_mount(CLIENT, '/data') is None
    assert bench.sim.can_mount('10.0.0.8', '/data') == 'rw'
    # From now on it is a share like any other.
    bench.sim.change('view', managed['id'], policy='old', policy_id=(
        bench.sim.record('policy', 'old')['id']))
    later.ensure_shares(None, [managed])
    assert bench.sim.can_mount(CLIENT, '/data') is None


def test_no_rules_are_rules_as_well(bench, driver, managed):
    driver.update_access(None, managed, [])
    assert bench.sim.can_mount(CLIENT, '/data') is None


def test_clients_of_an_adopted_share_of_upstream_stay_as_well(bench, driver):
    """Its policy was named by another share's id, and holds ``*``."""
    before = share()
    bench.sim.make_upstream_share(before['id'], hosts=[CLIENT])
    path = '/manila/manila-' + before['id']
    one = share(None, export_locations=[{'path': '10.9.0.1:' + path}])
    driver.unmanage(before)
    driver.manage_existing(one, {})
    driver.ensure_shares(None, [{**one, 'size': 1}])
    assert bench.sim.can_mount(CLIENT, path) == 'rw'
    driver.update_access(None, one, [rule('r', '10.0.0.8')])
    assert bench.sim.can_mount(CLIENT, path) is None
    assert bench.sim.can_mount('203.0.113.7', path) is None


def test_a_managed_share_leaves_nothing_of_its_own(bench, driver, managed):
    driver.delete_share(None, managed)
    assert not [item for item in bench.sim.inventory()
                if managed['id'] in item[2]]


@pytest.mark.parametrize('told', [True, False])
def test_a_managed_snapshot_has_the_size_of_its_share(bench, driver, told):
    one, path = made(driver, size=3)
    bench.sim.perform('POST', 'snapshots', {'name': 's', 'path': path + '/'})
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'provider_location': 's', 'share_instance_id': one['id'],
                **({'share': one} if told else {})}
    assert driver.manage_existing_snapshot(snapshot, {})['size'] == 3


# -- capacity -----------------------------------------------------------------

def test_data_below_two_quotas_is_counted_once(bench):
    sim = bench.sim
    sim.add_tenant('blue', capacity_rules={'hard_limit': 100 * GiB})
    sim.make_directory('/manila', 'blue')
    driver = bench.start(vast_tenant_name='blue')
    sim.perform('POST', 'quotas', {
        'name': 'above', 'path': '/manila', 'hard_limit': 90 * GiB,
        'tenant_id': sim.tenant_id('blue')})
    _, path = made(driver, size=50)
    sim.perform('POST', 'quotas', {
        'name': 'below', 'path': path + '/inside', 'create_dir': True,
        'hard_limit': 9 * GiB, 'tenant_id': sim.tenant_id('blue')})
    sim.write(path, 40 * GiB, tenant='blue')
    stats = driver.get_share_stats(refresh=True)
    assert stats['free_capacity_gb'] == 60
    assert stats['provisioned_capacity_gb'] == 50
    sim.options.null_fields |= USED
    bench.clock.sleep(100)
    stats = driver.get_share_stats(refresh=True)
    assert stats['free_capacity_gb'] == 'unknown'


# -- options ------------------------------------------------------------------

@pytest.mark.parametrize('text', [
    'nonsense', '10.0.0.300', 'nfs.example:2049', '10.0.0.0/24', 'a b.example',
    '-nfs.example', 'nfs..example', '10.9.0.1,nonsense', '10.0.0.1:/x'])
def test_addresses_that_nobody_can_mount_are_refused(bench, text):
    with pytest.raises(errors.ManilaException,
                       match='Option vast_export_addresses'):
        bench.start(vast_export_addresses=text)


@pytest.mark.parametrize(('text', 'hosts'), [
    ('[2001:db8::7]', ['[2001:db8::7]']), ('localhost', ['localhost']),
    ('nfs.example,10.9.0.2,nfs.example', ['nfs.example', '10.9.0.2'])])
def test_addresses_that_can_be_mounted(bench, text, hosts):
    bench.sim.make_directory('/manila')
    driver = bench.start(vast_export_addresses=text)
    assert [location['path'].partition(':/')[0] for location
            in driver.create_share(None, share())] == hosts


def test_a_version_that_binds_nothing_is_warned_of(bench, caplog):
    bench.sim.options.sw_version = '4.7.1'
    with caplog.at_level(logging.WARNING):
        bench.start()
    assert 'vast_bind_vippool = False' in caplog.text


def test_a_bundle_that_is_missing_is_told_as_missing(bench):
    with pytest.raises(errors.ManilaException, match='there is no file'):
        bench.start(vast_ssl_cert_path='/nonexistent/ca.pem')
