# SPDX-License-Identifier: Apache-2.0

"""A server whose glusterd was made anew knows nothing of its cluster."""

import pytest

from manila_drivers import compat
from manila_drivers.glusterfs import repository
from tests.unit.glusterfs.conftest import row
from tests.unit.glusterfs.conftest import rules
from tests.unit.glusterfs.conftest import volume_of

errors = compat.errors
NAMES = 'glusterfs-server-1,manila-host-1'


def made_anew(world):
    """It says that there is no volume, of any."""
    world.one.make_volume('pool-2G-1', allow=NAMES)
    driver, share = world.driver(), row()
    volume = volume_of(driver.create_share(None, share))
    given = rules('alice')
    driver.update_access(None, share, given, [], [], [])
    volumes = world.one.state.volumes
    kept = dict(volumes)
    volumes.clear()
    for call in (lambda: driver.delete_share(None, share),
                 lambda: driver.update_access(None, share, [], [], given, []),
                 lambda: driver.unmanage(share)):
        with pytest.raises(errors.ManilaException,
                           match='knows no volume at all'):
            call()
    assert 'status' not in driver.ensure_shares(None, [share])[share['id']]
    volumes.update(kept)
    assert world.one.can_mount('alice', volume) == 'rw'
    driver.update_access(None, share, [], [], given, [])
    assert world.one.can_mount('alice', volume) is None
    driver.delete_share(None, share)
    assert world.one.state.volumes[volume].options[
        'user.manila-share'] == 'NONE'


def test_a_share_is_not_gone_for_it(world):
    made_anew(world)


def test_who_believes_it_is_caught(world, monkeypatch):
    monkeypatch.setattr(repository.VolumeRepository, '_check_gone',
                        lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        made_anew(world)


def test_a_volume_is_gone_where_others_are(world):
    for number in range(2):
        world.one.make_volume(f'pool-2G-{number}', allow=NAMES)
    driver, share = world.driver(), row()
    volume = volume_of(driver.create_share(None, share))
    del world.one.state.volumes[volume]
    assert driver.ensure_shares(None, [share])[share['id']][
        'status'] == 'error'
    driver.delete_share(None, share)


def test_a_share_of_which_nothing_was_made_is_gone(world):
    world.one.make_volume('pool-2G-1', allow=NAMES)
    driver = world.driver()
    world.one.state.volumes.clear()
    driver.delete_share(None, row())
