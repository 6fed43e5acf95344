# SPDX-License-Identifier: Apache-2.0

"""Single rules of the contract, on the simulator."""

import pytest

from manila_drivers import compat
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    return bench.start()


def snapshot_of(driver, one, **fields):
    made = {'id': 'n', 'name': 'share-snapshot-n',
            'share_instance_id': one['id'], **fields}
    return {**made, **driver.create_snapshot(None, made)}


def test_rules_of_another_protocol_are_refused(bench, driver):
    one = share()
    driver.create_share(None, one)
    other = {**one, 'share_proto': 'CIFS'}
    with pytest.raises(errors.InvalidShare, match='CIFS'):
        driver.update_access(None, other, [rule('r', '10.0.0.7')])
    assert bench.sim.can_mount(
        '10.0.0.7', '/manila/manila-' + one['id']) is None
    # Manila takes all rules away before it deletes.
    assert driver.update_access(None, other, [], delete_rules=[
        rule('r', '10.0.0.7')]) == {}


@pytest.mark.parametrize('field', ['path', 'tenant_id'])
def test_an_id_that_now_is_anothers_snapshot_is_not_believed(bench, driver,
                                                             field):
    """Ids are used again by a cluster that was installed anew."""
    one, other = share(), share()
    for each in (one, other):
        driver.create_share(None, each)
    ours = snapshot_of(driver, one)
    value = {'path': f'/manila/manila-{other["id"]}/',
             'tenant_id': bench.sim.add_tenant('other')}[field]
    bench.sim.change('snapshot', ours['name'], **{field: value})
    before = bench.sim.inventory()
    driver.delete_snapshot(None, ours)
    assert bench.sim.inventory() == before


def test_deleting_a_snapshot_takes_three_calls(bench, driver):
    one = share()
    driver.create_share(None, one)
    ours = snapshot_of(driver, one)
    calls, _ = bench.calls(driver.delete_snapshot, None, ours)
    assert calls == 3
    assert bench.sim.record('snapshot', ours['name']) is None


def test_clones_and_snapshots_stay_within_their_budgets(bench, driver):
    one, clone = share(), share(2)
    row = {**one, 'export_locations': driver.create_share(None, one)}
    calls, ours = bench.calls(snapshot_of, driver, one, share=row)
    assert calls == 1
    calls, _ = bench.calls(driver.create_share_from_snapshot, None, clone,
                           ours)
    assert calls == 5


@pytest.mark.parametrize(('export', 'wanted'), [
    ('10.0.0.1:{path}', 3), ('[2001:db8::1]:{path}', 3), ('nonsense', 4)])
def test_a_share_of_another_root_is_found_by_its_export(bench, driver,
                                                        export, wanted):
    one = share()
    path = driver.create_share(None, one)[0]['path'].partition(':')[2]
    ours = snapshot_of(driver, one)
    row = {**ours, 'share': {**one, 'export_locations': [
        {'path': export.format(path=path)}]}}
    later = bench.start(vast_root_export='other')
    calls, _ = bench.calls(later.delete_snapshot, None, row)
    assert calls == wanted
    assert not [item for item in bench.sim.inventory()
                if item[0] == 'snapshot']


def test_nobody_has_access_to_a_share_that_is_not_there(bench, driver):
    """Said with one voice by all drivers; see the promises."""
    absent, one = share(), [rule('1', '10.0.0.1')]
    assert not driver.update_access(None, absent, [], [], one, [])
    with pytest.raises(errors.ShareResourceNotFound):
        driver.update_access(None, absent, one, one, [], [])
