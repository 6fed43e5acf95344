# SPDX-License-Identifier: Apache-2.0

"""Whose an export is, and how large it is said to be."""

import pytest

from manila_drivers import compat
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors


def again(one, host='10.9.0.2'):
    """Return the export by another address, under another id."""
    path = one['export_locations'][0]['path'].partition(':')[2]
    return share(size=None, export_locations=[{'path': f'{host}:{path}'}])


@pytest.fixture
def served(bench):
    bench.sim.make_directory('/manila')
    driver = bench.start()
    one = share(size=2)
    one['export_locations'] = driver.create_share(None, one)
    return driver, one


def test_a_share_that_is_served_is_not_managed_again(bench, served):
    driver, one = served
    with pytest.raises(errors.ManageInvalidShare,
                       match=f'is share {one["id"]}, which this'):
        driver.manage_existing(again(one), {})
    driver.update_access(None, one, [rule('a', '10.1.0.1')], [], [], [])
    driver.delete_share(None, one)
    assert not bench.sim.records('view')


def test_a_share_that_was_let_go_keeps_its_clients(bench, served):
    driver, one = served
    driver.update_access(None, one, [rule('a', '10.1.0.1')], [], [], [])
    for _ in range(2):
        driver.unmanage(one)
    other = again(one)
    assert driver.manage_existing(other, {})['size'] == 2
    path = other['export_locations'][0]['path'].partition(':')[2]
    assert bench.sim.can_mount('10.1.0.1', path) == 'rw'
    driver.delete_share(None, other)
    assert not bench.sim.records('view')
    assert not bench.sim.records('quota')


@pytest.mark.parametrize('size', ['x', '-1', '1.5', '', '²'])
def test_a_size_is_a_number_also_where_there_is_a_limit(served, size):
    driver, one = served
    driver.unmanage(one)
    with pytest.raises(errors.ManageInvalidShare, match='not a number'):
        driver.manage_existing(again(one), {'size': size})


def test_a_size_is_a_number_where_there_is_no_limit(bench, served):
    bench.sim.make_share('loose', path='/loose')
    bench.sim.remove('quota', 'loose')
    loose = share(size=None,
                  export_locations=[{'path': '10.9.0.1:/loose'}])
    for size in ('0', '²', 'NaN'):
        with pytest.raises(errors.ManageInvalidShare, match='size'):
            served[0].manage_existing(loose, {'size': size})


def test_a_share_that_was_let_go_can_be_deleted(bench, served):
    """Manila may not have heard of it: the call was cut off."""
    driver, one = served
    driver.unmanage(one)
    driver.delete_share(None, one)
    assert not [item for item in bench.sim.inventory()
                if one['id'] in item[2]]


def test_what_another_share_has_become_is_not_deleted(bench, served):
    driver, one = served
    path = one['export_locations'][0]['path'].partition(':')[2]
    bench.sim.write(path, 12345)
    driver.unmanage(one)
    other = again(one)
    driver.manage_existing(other, {})
    try:
        driver.delete_share(None, one)
    except errors.ManilaException:
        pass
    assert bench.sim.directories()[path] == 12345
    driver.delete_share(None, other)
    assert path not in bench.sim.directories()
