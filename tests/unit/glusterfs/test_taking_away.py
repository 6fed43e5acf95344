# SPDX-License-Identifier: Apache-2.0

"""Access is taken away, and shares are deleted, whatever else is wrong."""

import logging

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.gluster import Fault
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import snapshot_of

Failed = compat.errors.ManilaException
NAME = 'pool-2G-1'


@pytest.fixture
def share(world):
    """A share for two tenants, whose list an operator has overwritten."""
    world.one.make_volume(NAME)
    made = row()
    world.driver().create_share(None, made)
    world.driver().update_access(None, made, rules('alice', 'bob'))
    world.storage.delete(made['id'], ['gluster_names'])
    world.one.change(NAME, auth__ssl_allow='alice,bob,mallory*')
    return made


def may(world):
    return {name for name in ('alice', 'bob', 'mallory1')
            if world.one.can_mount(name, NAME)}


@pytest.mark.parametrize('left', [[], ['bob']])
def test_denying_needs_no_names_of_servers(world, share, left, caplog):
    caplog.set_level(logging.WARNING)
    assert may(world) == {'alice', 'bob', 'mallory1'}
    world.driver().update_access(None, share, rules(*left), [],
                                 rules('alice'))
    assert may(world) == set(left)
    assert 'has no name of a server' in caplog.text


def test_who_is_to_get_in_waits_for_them(world, share):
    with pytest.raises(Failed, match='has no name of a server'):
        world.driver().update_access(None, share, rules('bob', 'carol'))
    assert may(world) == {'bob'}
    assert not world.one.can_mount('carol', NAME)
    world.one.change(NAME, auth__ssl_allow='glusterfs-server-1')
    world.driver().update_access(None, share, rules('bob', 'carol'))
    assert world.one.can_mount('carol', NAME)


def test_a_check_asks_for_the_rules_then(world, share):
    answer = world.driver().ensure_shares(None, [share])[share['id']]
    assert answer['reapply_access_rules'] is True


def test_a_snapshot_that_stays_active_keeps_no_share(world, caplog):
    world.one.make_volume(NAME)
    parent, child = row(), row()
    driver = world.driver()
    driver.create_share(None, parent)
    snapshot = snapshot_of(parent)
    driver.create_snapshot(None, snapshot)
    fault = Fault('status', code=30800, times=None,
                  match='snapshot deactivate')
    world.one.arm(fault)
    with pytest.raises(Failed):
        driver.create_share_from_snapshot(None, child, snapshot)
    driver.delete_share(None, child)
    assert world.one.volume('manila-' + child['id']) is None
    assert 'stays active' in caplog.text


def test_nobody_has_access_to_a_share_that_is_not_there(world):
    """Said with one voice by all drivers; see the promises."""
    world.one.make_volume(NAME)
    absent, one = row(), rules('alice')
    assert not world.driver().update_access(None, absent, [], [], one, [])
    with pytest.raises(compat.errors.ShareResourceNotFound):
        world.driver().update_access(None, absent, one, one, [], [])
