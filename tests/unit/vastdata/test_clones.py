# SPDX-License-Identifier: Apache-2.0

"""Shares that begin as a snapshot, deleted while they are filled."""

import pytest

from manila_drivers import compat
from manila_drivers.standalone import private_data
from tests.unit.vastdata.conftest import share

errors = compat.errors


@pytest.fixture
def driver(bench):
    bench.sim.make_directory('/manila')
    bench.sim.options.clone_delay = 60
    return bench.start()


@pytest.mark.parametrize('told', [
    {'snapshot_id': 'n'}, {'source_share_group_snapshot_member_id': 'm'},
    {}], ids=['by its snapshot', 'by its group', 'by nobody'])
@pytest.mark.parametrize('finished', [True, False])
def test_a_clone_is_deleted_whoever_tells_that_it_is_one(
        bench, driver, told, finished):
    before = bench.sim.inventory()
    parent, child = share(), share(2)
    driver.create_share(None, parent)
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': parent['id']}
    snapshot.update(driver.create_snapshot(None, snapshot))
    driver.create_share_from_snapshot(None, child, snapshot)
    if finished:
        bench.clock.sleep(61)
    driver.delete_share(None, {**child, **told})
    driver.delete_snapshot(None, snapshot)
    driver.delete_share(None, parent)
    assert bench.sim.inventory() == before


def snapshot_of(driver, parent):
    driver.create_share(None, parent)
    snapshot = {'id': 'n', 'name': 'share-snapshot-n',
                'share_instance_id': parent['id']}
    return {**snapshot, **driver.create_snapshot(None, snapshot)}


def test_a_member_of_a_group_is_made_when_it_is_filled(bench, driver):
    # Manila calls members available when the driver returns from the last.
    parent = share()
    snapshot = snapshot_of(driver, parent)
    alone = share()
    assert driver.create_share_from_snapshot(
        None, alone, snapshot)['status'] == 'creating_from_snapshot'
    member = share(source_share_group_snapshot_member_id='m')
    started = bench.clock()
    answer = driver.create_share_from_snapshot(None, member, snapshot)
    assert bench.clock() - started >= 60
    assert answer['status'] == 'available' and answer['export_locations']
    # A repeated call finds it filled.
    assert driver.create_share_from_snapshot(
        None, member, snapshot) == answer


def test_a_member_that_is_not_filled_in_time_is_not_called_available(
        bench, driver):
    driver = bench.start(vast_task_timeout=30)
    snapshot = snapshot_of(driver, share())
    member = share(source_share_group_snapshot_member_id='m')
    with pytest.raises(compat.errors.ShareBackendException,
                       match='vast_task_timeout'):
        driver.create_share_from_snapshot(None, member, snapshot)
    bench.clock.sleep(60)
    assert driver.create_share_from_snapshot(
        None, member, snapshot)['status'] == 'available'


@pytest.fixture
def noting(bench):
    """A driver that has Manila's private storage."""
    bench.sim.make_directory('/manila')
    bench.sim.options.clone_delay = 60
    bench.storage = private_data.PrivateData(str(bench.directory / 'private'))
    return bench.start()


def test_a_snapshot_that_fed_no_clone_is_deleted_with_two_calls(
        bench, noting):
    snapshot = snapshot_of(noting, share())
    # By another process, too.
    calls, _ = bench.calls(bench.start().delete_snapshot, None, snapshot)
    assert calls == 2
    assert bench.sim.record('snapshot', snapshot['name']) is None


def test_a_snapshot_that_fed_a_clone_is_asked_for_it(bench, noting):
    snapshot = snapshot_of(noting, share())
    noting.create_share_from_snapshot(None, share(2), snapshot)
    # VMS does not help: it lets go of a snapshot that it reads from.
    bench.sim.options.clone_keeps_snapshot = False
    with pytest.raises(errors.ShareSnapshotIsBusy, match='still feeds'):
        bench.start().delete_snapshot(None, snapshot)
    bench.clock.sleep(61)
    calls, _ = bench.calls(noting.delete_snapshot, None, snapshot)
    assert calls == 3
    assert bench.sim.record('snapshot', snapshot['name']) is None


def test_a_clone_of_somebody_elses_keeps_a_snapshot(bench, noting):
    """The driver has begun none, and is told by the refusal."""
    snapshot = snapshot_of(noting, share())
    driver = bench.start()
    bench.storage = None
    bench.start().create_share_from_snapshot(None, share(2), snapshot)
    with pytest.raises(errors.ShareSnapshotIsBusy, match='still feeds'):
        driver.delete_snapshot(None, snapshot)
    assert bench.sim.record('snapshot', snapshot['name'])


def test_no_clone_begins_that_cannot_be_written_down(bench, noting):
    snapshot = snapshot_of(noting, share())
    before = bench.sim.inventory()

    class Failing(type(bench.storage)):
        def update(self, *args, **kwargs):
            raise OSError('disk full')

    bench.storage = Failing('unused')
    with pytest.raises(errors.ShareBackendException, match='disk full'):
        bench.start().create_share_from_snapshot(None, share(2), snapshot)
    assert bench.sim.inventory() == before
