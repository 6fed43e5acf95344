# SPDX-License-Identifier: Apache-2.0

"""Test what a start makes of shares and of a changed cluster."""

import pytest

from manila_drivers.testing.simulators.vast import Fault
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

CLIENT = '10.0.0.7'


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    bench.sim.add_pool('pool-b', '10.9.1.1-10.9.1.4')
    return bench.start()


def reach(bench, one, vip):
    """Return what the client gets of a share through an address."""
    return bench.sim.can_mount(CLIENT, '/manila/manila-' + one['id'],
                               vip=vip)


def granted(driver):
    one = share()
    driver.create_share(None, one)
    driver.update_access(None, one, [rule('r', CLIENT)])
    return one


def restarted(bench, *shares, **changes):
    """The driver after a start with other options, and its answers."""
    driver = bench.start(**changes)
    return driver, driver.ensure_shares(None, list(shares))


@pytest.mark.parametrize(('changes', 'through_a', 'through_b'), [
    ({}, 'rw', None),
    ({'vast_vippool_name': 'pool-b'}, None, 'rw'),
    ({'vast_bind_vippool': False}, 'rw', 'rw')])
def test_shares_follow_the_pool(bench, driver, changes, through_a,
                                through_b):
    """Else nobody could mount what the new export locations name."""
    one = granted(driver)
    _, answers = restarted(bench, one, **changes)
    assert (reach(bench, one, '10.9.0.1'), reach(bench, one, '10.9.1.1')) == (
        through_a, through_b)
    address = answers[one['id']]['export_locations'][0]['path']
    pool = changes.get('vast_vippool_name', 'pool-a')
    assert address.startswith('10.9.1.' if pool == 'pool-b' else '10.9.0.')


def test_what_upstream_made_is_bound_to_the_pool(bench, driver):
    one = share()
    path = bench.sim.make_upstream_share(one['id'], hosts=[CLIENT])
    assert bench.sim.can_mount(CLIENT, path, vip='10.9.1.1') == 'rw'
    restarted(bench, one)
    assert reach(bench, one, '10.9.0.1') == 'rw'
    assert reach(bench, one, '10.9.1.1') is None


def test_a_policy_that_is_adopted_is_bound_as_well(bench, driver):
    one = share()
    bench.sim.perform('POST', 'viewpolicies', {'name': one['id']})
    driver.create_share(None, one)
    driver.update_access(None, one, [rule('r', CLIENT)])
    assert reach(bench, one, '10.9.0.1') == 'rw'
    assert reach(bench, one, '10.9.1.1') is None


def test_a_binding_that_is_told_in_the_newer_way_is_left_alone(bench, driver):
    one = granted(driver)
    ident = bench.sim.record('policy', one['id'])['vip_pools'][0]
    bench.sim.change('policy', one['id'], vip_pools=[],
                     permission_per_vip_pool={str(ident): 'RW'})
    before = bench.sim.record('policy', one['id'])
    restarted(bench, one)
    assert bench.sim.record('policy', one['id']) == before


def test_shares_follow_the_squashing(bench, driver):
    one = granted(driver)
    path = '/manila/manila-' + one['id']
    assert bench.sim.squash(CLIENT, path) == ('nfs_no_squash',)
    after, answers = restarted(bench, one, vast_squash='root_squash')
    assert answers[one['id']]['reapply_access_rules'] is True
    after.update_access(None, one, [rule('r', CLIENT)])
    assert bench.sim.squash(CLIENT, path) == ('nfs_root_squash',)
    _, answers = restarted(bench, one, vast_squash='root_squash')
    assert 'reapply_access_rules' not in answers[one['id']]


@pytest.mark.parametrize('kind', ['view', 'quota', 'policy'])
def test_of_two_with_one_name_none_is_touched(bench, driver, kind, caplog):
    """Where names are not unique it is not ours to guess which is meant."""
    one, twin, healthy = granted(driver), granted(driver), granted(driver)
    bench.sim.change(kind, twin['id'], name=one['id'])
    before = bench.sim.inventory()
    bench.sim.change('quota', healthy['id'], hard_limit=7)
    _, answers = restarted(bench, one, healthy)
    assert answers[one['id']] == {}
    assert 'where one was expected' in caplog.text
    assert bench.sim.inventory() == before
    assert bench.sim.record('quota', healthy['id'])['hard_limit'] == 2 ** 30


@pytest.mark.parametrize(('kind', 'garbage'), [
    ('view', {'path': None}), ('view', {'policy_id': 'many'}),
    ('quota', {'path': None}), ('policy', {'nfs_read_write': 7})])
def test_a_record_that_makes_no_sense_stops_nobody_else(bench, driver, kind,
                                                        garbage, caplog):
    strange, healthy = granted(driver), granted(driver)
    bench.sim.change(kind, strange['id'], **garbage)
    bench.sim.remove('policy' if kind == 'view' else 'view', healthy['id'])
    after, answers = restarted(bench, strange, healthy)
    assert 'assed over in a list of VMS' in caplog.text
    assert answers[strange['id']] == {}
    assert path_of(answers[healthy['id']]['export_locations'])
    after.update_access(None, healthy, [rule('r', CLIENT)])
    assert reach(bench, healthy, '10.9.0.1') == 'rw'
    assert after.get_share_stats(refresh=True)['total_capacity_gb'] > 0


@pytest.mark.parametrize('before', [True, False])
@pytest.mark.parametrize('code', [500, 400, 404])
def test_a_binding_that_was_struck_is_owed(bench, driver, code, before):
    """It is not taken for done: a periodic call makes up for it."""
    one = granted(driver)
    bench.sim.change('policy', one['id'], vip_pools=[],
                     permission_per_vip_pool={})
    assert reach(bench, one, '10.9.1.1') == 'rw'
    driver = bench.start()
    bench.sim.arm(Fault('status', code=code, before=before, match='PATCH'))
    answers = driver.ensure_shares(None, [one])
    assert bench.sim.fired == 1
    assert 'status' not in answers[one['id']]
    assert one['id'] in driver._owed.waiting()
    driver.get_share_stats(refresh=True)
    assert reach(bench, one, '10.9.0.1') == 'rw'
    assert reach(bench, one, '10.9.1.1') is None
    assert one['id'] not in driver._owed.waiting()


def test_no_limit_is_set_below_what_is_in_use(bench, driver, caplog):
    """The quota is lost, and meanwhile more was written than it allowed."""
    full, healthy = granted(driver), granted(driver)
    bench.sim.write('/manila/manila-' + full['id'], 3 * 2 ** 30)
    for one in full, healthy:
        bench.sim.remove('quota', one['id'])
    _, answers = restarted(bench, full, healthy)
    assert bench.sim.record('quota', full['id']) is None
    assert 'Share %s has no limit' % full['id'] in caplog.text
    assert path_of(answers[full['id']]['export_locations'])
    assert bench.sim.record('quota', healthy['id'])['hard_limit'] == 2 ** 30


@pytest.mark.parametrize('kept', ['null_fields', 'absent_fields'])
def test_a_limit_waits_until_the_use_is_told(bench, driver, kept):
    one = granted(driver)
    bench.sim.remove('quota', one['id'])
    setattr(bench.sim.options, kept, {'views.logical_capacity'})
    after, answers = restarted(bench, one)
    assert bench.sim.record('quota', one['id']) is None
    assert 'status' not in answers[one['id']]
    owing = after.get_backend_info(None)['owed']
    assert owing
    setattr(bench.sim.options, kept, set())
    after.get_share_stats(refresh=True)
    assert bench.sim.record('quota', one['id'])['hard_limit'] == 2 ** 30
    assert after.get_backend_info(None)['owed'] != owing
