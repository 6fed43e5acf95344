# SPDX-License-Identifier: Apache-2.0

"""Clones that end in other ways than by themselves."""

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.vast import Fault
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import share


def cloned(bench, **changes):
    """A driver, and a share that is being filled from a snapshot."""
    bench.sim.options.clone_delay = 100.0
    driver = bench.start(**changes)
    parent, child = share(), share(snapshot_id='n')
    driver.create_share(None, parent)
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': parent['id']}
    snapshot.update(driver.create_snapshot(None, snapshot))
    assert driver.create_share_from_snapshot(
        None, child, snapshot)['status'] == 'creating_from_snapshot'
    return driver, child


def stop(bench, child, deletes):
    """As an administrator does in VMS."""
    bench.sim.options.stop_deletes_stream = deletes
    record = bench.sim.record('stream', 'manila-' + child['id'])
    bench.sim.perform('PATCH', 'globalsnapstreams', {}, record['id'], 'stop')


@pytest.mark.parametrize('deletes', [False, True])
@pytest.mark.parametrize('seen', [0, 30, 80])
@pytest.mark.parametrize('restarted', [False, True])
def test_a_clone_that_was_stopped_is_not_complete(bench, deletes, seen,
                                                  restarted):
    driver, child = cloned(bench)
    bench.clock.sleep(seen)
    assert driver.get_share_status(child)[
        'status'] == 'creating_from_snapshot'
    stop(bench, child, deletes)
    if restarted:
        driver = bench.start()
    assert driver.get_share_status(child)['status'] == 'error'


def test_what_became_of_a_clone_is_told_with_what_to_do(bench, caplog):
    driver, child = cloned(bench)
    bench.clock.sleep(30)
    driver.get_share_status(child)
    stop(bench, child, True)
    driver.get_share_status(child)
    for word in ('manila-' + child['id'], 'activities', 'quota',
                 'openstack share set --status available', 'snapshot again'):
        assert word in caplog.text


def test_a_state_that_nobody_knows_is_waited_for_and_told(bench, caplog):
    driver, child = cloned(bench)
    bench.sim.change('stream', 'manila-' + child['id'], state='Paused')
    assert driver.get_share_status(child)[
        'status'] == 'creating_from_snapshot'
    [told] = [line.getMessage() for line in caplog.records
              if line.levelname == 'WARNING']
    assert 'paused' in told
    assert 'manila-' + child['id'] in told
    assert 'global snapshot clones' in told


def test_a_snapshot_of_a_directory_that_is_gone_finds_none(bench):
    driver, parent = bench.start(), share()
    driver.create_share(None, parent)
    bench.sim.remove('directory', '/manila/manila-' + parent['id'])
    with pytest.raises(compat.errors.ShareResourceNotFound):
        driver.create_snapshot(None, {
            'id': 'n', 'name': 'share-snapshot-n',
            'share_instance_id': parent['id'], 'share': parent})


def test_a_clone_that_failed_is_told_of(bench, caplog):
    bench.sim.options.clone_fails = True
    driver, child = cloned(bench)
    bench.clock.sleep(200)
    assert driver.get_share_status(child)['status'] == 'error'
    assert 'suspended' in caplog.text
    assert 'activities' in caplog.text


def test_a_clone_that_was_seen_whole_is_complete(bench):
    driver, child = cloned(bench)
    bench.sim.change('stream', 'manila-' + child['id'], sync_progress=100)
    assert driver.get_share_status(child)[
        'status'] == 'creating_from_snapshot'
    bench.sim.remove('stream', 'manila-' + child['id'])
    assert driver.get_share_status(child)['status'] == 'available'


def test_a_clone_is_where_it_was_begun(bench):
    """The service is started again with another vast_root_export."""
    _, child = cloned(bench)
    usual = '/manila/manila-' + child['id']
    after = bench.start(vast_root_export='/elsewhere')
    answer = after.get_share_status(child)
    assert path_of(answer['export_locations']) == usual
    bench.clock.sleep(200)
    answer = after.get_share_status(child)
    assert answer['status'] == 'available'
    assert path_of(answer['export_locations']) == usual
    before = bench.sim.calls
    after.delete_share(None, child)
    assert bench.sim.calls > before
    assert not [item for item in bench.sim.inventory()
                if child['id'] in str(item)]


def test_a_task_that_is_gone_has_not_ended_well_for_that(bench):
    """A delete waits for the clone itself then."""
    driver, child = cloned(bench)
    bench.sim.options.task_delay = 20.0
    bench.sim.arm(Fault('status', code=404, times=None, match='vtasks/[0-9]',
                        body={'detail': 'Not found.'}))
    bench.sim.arm(Fault('status', code=200, times=None, match='vtasks/[?]',
                        body=[]))
    begun = bench.clock.now
    driver.delete_share(None, child)
    assert bench.clock.now - begun >= 20
    assert not [item for item in bench.sim.inventory()
                if child['id'] in str(item)]
