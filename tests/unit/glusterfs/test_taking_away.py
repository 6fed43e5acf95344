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


def test_a_denial_is_not_forgotten_that_could_not_be_written_down(
        world, monkeypatch):
    """Nobody is called denied whom bricks of another server still let in."""
    world.one.make_volume(NAME, bricks=2, servers=('one', 'two'))
    driver, made = world.driver(), row()
    driver.create_share(None, made)
    driver.update_access(None, made, rules('alice'))
    held = world.one.mount('alice', NAME)

    def fails(*args, **kwargs):
        raise RuntimeError('server has gone')
    with monkeypatch.context() as patched:
        for name in ('get', 'update', 'delete'):
            patched.setattr(type(world.storage), name, fails)
        world.one.daemon_down('two')
        for _ in range(2):
            with pytest.raises(Failed, match='not on two'):
                driver.update_access(None, made, [], [], rules('alice'))
    with pytest.raises(Failed, match='not on two'):
        driver.update_access(None, made, [], [], rules('alice'))
    assert world.one.held(held) == 'rw'
    world.one.daemon_up('two')
    driver.update_access(None, made, [], [], rules('alice'))
    assert world.one.held(held) is None
    world.calls()
    driver.update_access(None, made, [], [], rules('alice'))
    assert len(world.calls()) == 1


def test_who_is_new_waits_for_what_is_stored(world, monkeypatch):
    world.one.make_volume(NAME)
    driver, made = world.driver(), row()
    driver.create_share(None, made)
    driver.update_access(None, made, rules('alice', 'bob'))

    def fails(*args, **kwargs):
        raise RuntimeError('server has gone')
    with monkeypatch.context() as patched:
        patched.setattr(type(world.storage), 'get', fails)
        with pytest.raises(Failed, match="Check: Manila's database"):
            driver.update_access(None, made, rules('bob', 'carol'))
        assert [world.one.can_mount(name, NAME) for name in (
            'alice', 'bob', 'carol')] == [None, 'rw', None]
        # One that no volume has for its mark may be any.
        with pytest.raises(Failed, match='cannot be read'):
            driver.update_access(None, row(), [], [], rules('bob'))
    driver.update_access(None, made, rules('bob', 'carol'))
    assert world.one.can_mount('carol', NAME) == 'rw'
