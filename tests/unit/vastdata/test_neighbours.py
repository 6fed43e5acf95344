# SPDX-License-Identifier: Apache-2.0

"""Others where a share is, or under its names."""

import pytest

from manila_drivers import compat
from manila_drivers.vastdata import paths
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors
GiB = 2 ** 30
CLIENT = '10.0.0.7'


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    return bench.start()


def managed(driver, path, **fields):
    one = share(None, export_locations=[{'path': '10.9.0.1:' + path}])
    one['size'] = driver.manage_existing(one, fields)['size']
    return one


# -- shares in the directory of one -------------------------------------------

@pytest.mark.parametrize('cut', [None, 'view', 'quota'])
def test_a_directory_with_shares_of_another_backend_stays(bench, driver, cut):
    """Which began to make them when this one was managed already."""
    bench.sim.make_share('old', path='/data')
    one = managed(driver, '/data')
    other = bench.start(vast_root_export='/data/other')
    two = share()
    path = path_of(other.create_share(None, two))
    bench.sim.write(path, 7)
    if cut:
        bench.sim.remove(cut, one['id'])
    before = bench.sim.inventory()
    with pytest.raises(errors.ManilaException, match=two['id']):
        driver.delete_share(None, one)
    assert bench.sim.inventory() == before
    assert bench.sim.directories()[path] == 7
    other.delete_share(None, two)
    driver.delete_share(None, one)
    assert '/data' not in bench.sim.directories()


def test_quotas_of_users_in_a_share_go_with_it(bench, driver):
    one = share()
    path = path_of(driver.create_share(None, one))
    bench.sim.perform('POST', 'quotas', {
        'name': 'mine', 'path': path + '/mine', 'create_dir': True,
        'hard_limit': GiB})
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()


def test_a_delete_takes_no_more_requests_than_manilas_driver(bench, driver):
    one = share()
    driver.create_share(None, one)
    assert bench.calls(driver.delete_share, None, one)[0] == 7


@pytest.mark.parametrize('left', ['quota', 'view'])
def test_what_another_share_has_become_is_not_deleted(bench, driver, left):
    one = share()
    path = path_of(driver.create_share(None, one))
    bench.sim.write(path, 7)
    driver.unmanage(one)
    two = managed(driver, path)
    driver.update_access(None, two, [rule('r', CLIENT)])
    bench.sim.remove('quota' if left == 'view' else 'view', two['id'])
    driver.delete_share(None, one)
    assert bench.sim.directories()[path] == 7
    assert bench.sim.record(left, two['id'])


def test_a_view_that_was_renamed_goes_with_its_share(bench, driver):
    one = share()
    path = path_of(driver.create_share(None, one))
    driver.update_access(None, one, [rule('r', CLIENT)])
    bench.sim.change('view', one['id'], name='by-hand')
    driver.delete_share(None, one)
    assert path not in bench.sim.directories()
    assert not bench.sim.record('view', 'by-hand')
    assert not bench.sim.record('policy', one['id'])


@pytest.mark.parametrize(('one', 'other', 'apart'), [
    ('/a', '/b', True), ('/a', '/ab', True), ('/a', '/a', False),
    ('/a', '/a/b', False), ('/a/b/', '/a', False), ('/', '/a', False),
    ('/a', '/', False), ('/a//b', '/a/b/c', False), ('/a/b', '/a/c', True)])
def test_directories_that_have_nothing_in_common(one, other, apart):
    assert paths.apart(one, other) == apart


# -- views beside the one that is managed -------------------------------------

@pytest.mark.parametrize('field', ['protocols', 'logical_capacity'])
@pytest.mark.parametrize(('path', 'refused'), [
    ('/data/inside', True), ('/elsewhere', False)])
def test_a_view_that_cannot_be_read_may_be_in_the_way(bench, driver, field,
                                                      path, refused):
    bench.sim.make_share('old', path='/data')
    bench.sim.make_share('strange', path=path)
    bench.sim.change('view', 'strange', **{field: 'odd'})
    if refused:
        with pytest.raises(errors.ManilaException, match='cannot be read'):
            managed(driver, '/data')
    else:
        assert managed(driver, '/data')['size'] == 1


@pytest.mark.parametrize('inside', [True, False])
def test_a_view_of_nobody_knows_which_tenant(bench, driver, inside):
    bench.sim.make_share('old', path='/data')
    bench.sim.make_share('strange', path='/data/in' if inside else '/else')
    bench.sim.change('view', 'strange', tenant_id=None)
    bench.sim.options.ignore_filters = True
    if inside:
        with pytest.raises(errors.ManilaException, match='which tenant'):
            managed(driver, '/data')
    else:
        assert managed(driver, '/data')['size'] == 1


@pytest.mark.parametrize('path', ['/data', '/exports/d'])
def test_an_export_under_another_name_is_not_managed(bench, driver, path):
    """Clients of NFSv3 mount the alias, and a share has its path."""
    bench.sim.make_share('old', path='/data')
    bench.sim.change('view', 'old', alias='/exports/d')
    assert bench.sim.mounted_as('old') == '/exports/d'
    before = bench.sim.inventory()
    with pytest.raises(errors.ManageInvalidShare, match='alias /exports/d'):
        managed(driver, path)
    assert bench.sim.inventory() == before
    bench.sim.change('view', 'old', protocols=['NFS4'])
    assert bench.sim.mounted_as('old') == '/data'
    assert managed(driver, '/data')['size'] == 1


def test_a_path_that_is_the_alias_of_another_is_not_managed(bench, driver):
    bench.sim.make_share('old', path='/data')
    bench.sim.make_share('other', path='/other')
    bench.sim.change('view', 'other', alias='/data')
    with pytest.raises(errors.ManageInvalidShare, match='2 views'):
        managed(driver, '/data')


def test_an_audit_tells_of_an_alias(bench, driver):
    one = share()
    driver.create_share(None, one)
    bench.sim.change('view', one['id'], alias='/exports/d')
    found = driver.take_inventory([one['id']])
    assert any('/exports/d' in odd for odd in found.shares[one['id']].odd)


# -- policies -----------------------------------------------------------------

@pytest.mark.parametrize('way', ['view moved', 'view unreadable'])
def test_an_id_that_is_anothers_by_now_is_not_written_to(bench, driver, way):
    """As on a cluster that was made anew, while the service went on."""
    one = share()
    path = path_of(driver.create_share(None, one))
    driver.update_access(None, one, [rule('r', CLIENT)])
    ident = bench.sim.record('policy', one['id'])['id']
    bench.sim.perform('POST', 'viewpolicies', {'name': 'spare'})
    spare = bench.sim.record('policy', 'spare')['id']
    # The names change places.
    bench.sim.change('policy', 'spare', name='x')
    bench.sim.change('policy', one['id'], name='foreign')
    bench.sim.change('policy', 'x', name=one['id'])
    if way == 'view moved':
        bench.sim.change('view', one['id'], policy='foreign', policy_id=ident)
        driver.update_access(None, one, [])
        assert bench.sim.can_mount(CLIENT, path) is None
    else:
        bench.sim.options.permission_denied.add('views')
        with pytest.raises(errors.ManilaException):
            driver.update_access(None, one, [])
    foreign, own = (next(policy for policy in bench.sim.records('policy')
                         if policy['id'] == number)
                    for number in (ident, spare))
    assert (foreign['name'], foreign['nfs_read_write']) == ('foreign',
                                                            [CLIENT])
    assert own['nfs_read_write'] == []


@pytest.mark.parametrize('denied', [{'views'}, {'views', 'GET viewpolicies'}])
def test_access_goes_also_where_little_can_be_read(bench, driver, denied):
    one = share()
    path = path_of(driver.create_share(None, one))
    driver.update_access(None, one, [rule('r', CLIENT)])
    bench.sim.options.permission_denied |= denied
    with pytest.raises(errors.ManilaException):
        driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, path) is None


POOLS = {
    'gone': lambda sim: sim.remove('pool', 'pool-a'),
    'unreadable': lambda sim: sim.options.permission_denied.add('vippools'),
    'not stored': lambda sim: setattr(sim.options, 'pool_binding', 'none')}


@pytest.mark.parametrize('pool', POOLS)
@pytest.mark.parametrize('left', [[], ['10.0.0.8']])
def test_a_policy_in_place_of_an_open_one_waits_for_no_pool(
        bench, driver, pool, left, caplog):
    """The share's own is lost, and its view under one that lets all in."""
    one = share()
    path = path_of(driver.create_share(None, one))
    driver.update_access(None, one, [rule('r', CLIENT)])
    bench.sim.remove('policy', one['id'])
    ident = bench.sim.record('policy', 'default')['id']
    bench.sim.change('view', one['id'], policy='default', policy_id=ident)
    assert bench.sim.can_mount(CLIENT, path) == 'rw'
    bench.clock.sleep(4000)
    POOLS[pool](bench.sim)
    driver.update_access(None, one, [rule(host, host) for host in left])
    assert bench.sim.can_mount(CLIENT, path) is None
    assert bench.sim.can_mount('10.0.0.8', path) == ('rw' if left else None)
    assert bench.sim.record('view', one['id'])['policy'] == one['id']
    assert 'View policy' in caplog.text


def test_an_open_policy_is_taken_off_although_none_can_be_bound(bench,
                                                                driver):
    one = share()
    path = path_of(driver.create_share(None, one))
    bench.sim.remove('policy', one['id'])
    ident = bench.sim.record('policy', 'default')['id']
    bench.sim.change('view', one['id'], policy='default', policy_id=ident)
    bench.sim.options.pool_binding = 'none'
    answer = bench.start().ensure_shares(None, [one])[one['id']]
    assert answer['reapply_access_rules']
    assert bench.sim.can_mount(CLIENT, path) is None


@pytest.mark.parametrize('told', [True, False])
@pytest.mark.parametrize('left', [[], ['10.0.0.8']])
def test_who_has_never_read_the_pool_asks_for_it(bench, driver, left, told,
                                                 caplog):
    """The policy was made by a process that nothing told the pool."""
    bench.sim.add_pool('pool-b', '10.9.1.1')
    one = share()
    path = path_of(driver.create_share(None, one))
    driver.update_access(None, one, [rule('r', CLIENT)])
    bench.sim.change('policy', one['id'], vip_pools=[],
                     permission_per_vip_pool={})
    later = bench.make()
    later.do_setup(None)
    if not told:
        bench.sim.options.permission_denied.add('vippools')
    later.update_access(None, one, [rule(host, host) for host in left])
    assert bench.sim.can_mount(CLIENT, path) is None
    for host in left:
        assert bench.sim.can_mount(host, path, vip='10.9.0.1') == 'rw'
        assert bench.sim.can_mount(host, path, vip='10.9.1.1') == (
            None if told else 'rw')
    bound = bench.sim.record('policy', one['id'])['vip_pools']
    assert bool(bound) is told
    assert ('without its VIP pool' in caplog.text) is not told


def test_a_pool_that_a_policy_has_is_not_asked_for(bench, driver):
    bench.sim.add_pool('pool-b', '10.9.1.1')
    one = share()
    path = path_of(driver.create_share(None, one))
    later = bench.make()
    later.do_setup(None)
    before = list(bench.sim.log)
    later.update_access(None, one, [rule('r', CLIENT)])
    assert not any('vippools' in entry.path
                   for entry in list(bench.sim.log)[len(before):])
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.0.1') == 'rw'
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') is None


# -- settings that existing shares follow -------------------------------------

def test_views_serve_what_the_option_has_come_to_say(bench, driver):
    one = share()
    driver.create_share(None, one)
    later = bench.start(vast_nfs_protocols='NFS, NFS4')
    later.ensure_shares(None, [one])
    assert set(bench.sim.record('view', one['id'])['protocols']) == {
        'NFS', 'NFS4'}
    # Somebody may have mounted with it.
    bench.start().ensure_shares(None, [one])
    assert 'NFS4' in bench.sim.record('view', one['id'])['protocols']


def test_a_protocol_that_is_not_stored_is_owed(bench, driver):
    one = share()
    driver.create_share(None, one)
    later = bench.start(vast_nfs_protocols='NFS, NFS4')
    bench.sim.options.ignored_fields.add('views.protocols')
    assert later.ensure_shares(None, [one])[one['id']]['export_locations']
    assert 'protocols NFS, NFS4' in later.owed_checks()[one['id']]


def test_a_limit_that_is_not_told_is_not_set_by_what_is_in_use(bench,
                                                               driver):
    bench.sim.make_share('old', path='/data', size=5)
    bench.sim.write('/data', GiB)
    bench.sim.options.absent_fields.add('quotas.hard_limit')
    with pytest.raises(errors.ManageInvalidShare, match='the limit of'):
        managed(driver, '/data')
    assert bench.sim.record('quota', 'old')['hard_limit'] == 5 * GiB
    bench.sim.options.absent_fields.clear()
    assert managed(driver, '/data')['size'] == 5
