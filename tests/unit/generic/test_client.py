# SPDX-License-Identifier: Apache-2.0

"""Volumes in a simulated cloud: asked for, waited for, and what goes wrong."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import client
from manila_drivers.generic import errors
from manila_drivers.testing.simulators import openstack
from manila_drivers.transport import meter
from tests.unit.generic.conftest import SETTINGS

ID = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'
OTHER = '11111111-58a1-4b1e-9a51-0d6a8c8e7a11'


@pytest.fixture
def volume(site):
    made = site.client.create(ID, 1, '').value
    return site.client.created(made.id, 1)


@pytest.fixture
def attached(site, volume):
    return site.client.attach(volume.id, site.server)


def test_a_volume_says_whose_it_is(site, volume):
    told = site.volume(volume.id)

    assert told['name'] == f'manila-share-{ID}'
    assert told['metadata'] == {'manila_share_instance_id': ID,
                                'manila_host': 'host@generic'}
    assert site.client.volume_of(ID) == volume
    assert site.client.volume_of(ID, volume.id) == volume
    assert site.client.volume_of(OTHER) is None


def test_a_volume_whose_answer_was_lost_is_found(site):
    site.sim.arm(openstack.Fault('reset_after', match=r'POST .*/volumes$'))
    done = site.client.create(ID, 1, '')

    assert not done.created
    assert site.client.volume_of(ID).id == done.value.id


def test_a_volume_that_was_not_asked_for_is_asked_for_again(site):
    site.sim.arm(openstack.Fault('reset_before', match=r'POST .*/volumes$'))

    assert site.client.create(ID, 1, '').created
    assert site.client.volume_of(ID) is not None


def test_a_volume_of_that_name_may_be_another_share(site):
    site.sim.ask('POST', '/volume/v3/volumes', {'volume': {
        'size': 1, 'name': f'manila-share-{ID}',
        'metadata': {'manila_share_instance_id': OTHER}}}, user='manila')
    assert site.client.volume_of(ID) is None
    assert site.client.volume_of(OTHER) is None
    assert site.client.volume_of(OTHER, everywhere=True) is not None


def test_two_volumes_are_not_guessed_about(site, volume):
    site.sim.ask('POST', '/volume/v3/volumes', {'volume': {
        'size': 1, 'name': volume.name,
        'metadata': {'manila_share_instance_id': ID}}}, user='manila')
    with pytest.raises(exception.Conflict, match='has 2 volumes'):
        site.client.volume_of(ID)


def test_a_volume_recorded_wrongly_is_not_touched(site, volume):
    with pytest.raises(exception.Conflict, match='recorded for share'):
        site.client.volume_of(OTHER, volume.id)


def test_a_volume_that_could_not_be_made_is_told(site):
    site.sim.spoil('create_volume')
    made = site.client.create(ID, 1, '').value
    with pytest.raises(exception.BackendError, match='could not be made'):
        site.client.created(made.id)


@pytest.mark.parametrize('code', [500, 503])
def test_a_cinder_that_is_away_has_not_failed(site, code):
    """Patience is the operator's time, not that of one request."""
    long = client.VolumeClient(
        site.cloud, dataclasses.replace(SETTINGS, create_timeout=600.0),
        clock=site.clock, sleep=site.clock.sleep)
    made = long.create(ID, 1, '').value
    site.sim.arm(openstack.Fault('status', code=code, lasts=400,
                                 match='/volume/', times=None))
    assert long.created(made.id).status == 'available'


def test_a_cinder_that_stays_away_is_not_waited_for_without_end(site):
    made = site.client.create(ID, 1, '').value
    site.sim.arm(openstack.Fault('status', code=503, match='/volume/',
                                 times=None))
    before = site.clock()
    with pytest.raises(exception.Busy):
        site.client.created(made.id)
    assert site.clock() - before < SETTINGS.create_timeout + 150


def test_a_quota_is_told_in_the_words_of_cinder(site):
    with pytest.raises(exception.NoRoom, match='exceed'):
        site.client.create(ID, 100_000, '')


# Attachments

def test_a_volume_is_attached_once(site, attached):
    assert attached.status == 'in-use'
    posts = site.sim.calls
    assert site.client.attach(attached.id, site.server).status == 'in-use'
    assert [line for line in site.sim.asked(posts) if 'POST' in line] == []


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after',
                                  'timeout_after'])
def test_an_attachment_whose_answer_was_lost_comes_about(site, volume, kind):
    site.sim.arm(openstack.Fault(kind, match=r'POST .*os-volume_attachments'))

    assert site.client.attach(volume.id, site.server).status == 'in-use'


def test_an_attachment_that_fails_in_silence_is_noticed(site, volume):
    site.sim.spoil('attach')
    before = site.clock()
    with pytest.raises(exception.NoRoom, match='could not be attached'):
        site.client.attach(volume.id, site.server)
    assert site.clock() - before < 30


def test_a_volume_of_another_server_is_not_taken(site, attached):
    other = site.add_server('10.31.0.0/24')
    with pytest.raises(exception.BackendError, match='already attached'):
        site.client.attach(attached.id, other)
    assert site.volume(attached.id)['attachments'][0]['server_id'] \
        == site.server


def test_a_volume_that_is_on_its_way_is_detached_then(site, volume):
    """Nova refuses it meanwhile, and says nothing when it could."""
    site.sim.ask('POST', f'/compute/v2.1/servers/{site.server}/'
                 'os-volume_attachments', {'volumeAttachment': {
                     'volumeId': volume.id}}, user='manila')
    while site.volume(volume.id)['status'] != 'attaching':
        site.clock.sleep(0.1)
    site.client.detach(volume.id, site.server)
    assert site.volume(volume.id)['status'] == 'available'


def test_a_volume_is_detached_once(site, attached):
    site.client.detach(attached.id, site.server)
    assert site.volume(attached.id)['status'] == 'available'
    site.client.detach(attached.id, site.server)


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after'])
def test_a_detachment_whose_answer_was_lost_comes_about(site, attached,
                                                        kind):
    site.sim.arm(openstack.Fault(kind,
                                 match=r'DELETE .*os-volume_attachments'))
    site.client.detach(attached.id, site.server)
    assert site.volume(attached.id)['status'] == 'available'


def test_a_hung_guest_keeps_its_volume_and_that_is_told(site, attached):
    site.sim.machine(site.server).freeze()
    with pytest.raises(exception.Busy, match='could not be detached'):
        site.client.detach(attached.id, site.server)
    assert site.volume(attached.id)['status'] == 'in-use'


def test_a_volume_of_a_server_that_is_gone_is_free(site, attached):
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{site.server}',
                 user='manila')
    site.client.detach(attached.id, site.server)
    assert site.volume(attached.id)['status'] == 'available'


# Sizes

def test_a_volume_grows_while_it_is_attached(site, attached):
    assert site.client.extend(attached.id, 3).size == 3
    assert site.client.extend(attached.id, 3).size == 3
    assert site.client.extend(attached.id, 2).size == 3


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after'])
def test_an_extension_whose_answer_was_lost_comes_about(site, attached,
                                                        kind):
    site.sim.arm(openstack.Fault(kind, match=r'POST .*/action'))
    assert site.client.extend(attached.id, 3).size == 3


def test_a_storage_that_cannot_extend_attached_volumes(site, attached):
    site.sim.spoil('extend')
    with pytest.raises(errors.NotWhileAttached) as failure:
        site.client.extend(attached.id, 3)
    assert failure.value.broken
    site.client.restore_status(attached)
    assert site.volume(attached.id)['status'] == 'in-use'


def test_a_cloud_that_refuses_to_extend_attached_volumes(site, attached):
    site.sim.arm(openstack.Fault('status', code=403, match=r'POST .*/action'))
    with pytest.raises(errors.NotWhileAttached) as failure:
        site.client.extend(attached.id, 3)
    assert not failure.value.broken


def test_an_extension_for_which_there_is_no_room_changes_nothing(site,
                                                                 attached):
    site.sim.spoil('extend', how='no room')
    before = site.clock()
    with pytest.raises(exception.NoRoom, match='weighted backend'):
        site.client.extend(attached.id, 3)
    assert site.clock() - before < 10
    assert site.volume(attached.id)['status'] == 'in-use'


# Ends

def test_a_deletion_is_waited_for_and_repeated(site, volume):
    site.client.delete(volume.id)
    assert site.volume(volume.id) is None
    site.client.delete(volume.id)


def test_a_deletion_that_failed_is_told_and_can_be_repeated(site, volume):
    site.sim.spoil('delete_volume')
    with pytest.raises(exception.BackendError, match='could not be deleted'):
        site.client.delete(volume.id)
    site.client.delete(volume.id)
    assert site.volume(volume.id) is None


@pytest.mark.parametrize('kind', ['volume', 'snapshot'])
def test_what_is_being_deleted_is_waited_for(site, volume, kind):
    """The call that asked for it was cut off, or its time was over."""
    if kind == 'volume':
        ident, delete = volume.id, site.client.delete
        ask, look = site.cloud.volumes.delete, site.client.volume
        site.sim.options.delete_volume = 100.0
    else:
        ident = site.client.create_snapshot(volume.id, OTHER).value.id
        site.client.snapshot_created(ident)
        delete, look = site.client.delete_snapshot, site.client.snapshot
        ask = site.cloud.volumes.delete_snapshot
        site.sim.options.delete_snapshot = 100.0
    ask(ident)
    assert look(ident).status == 'deleting'
    delete(ident)
    assert look(ident) is None


# Snapshots

def test_a_snapshot_of_a_volume_in_use(site, attached):
    made = site.client.create_snapshot(attached.id, OTHER).value
    taken = site.client.snapshot_created(made.id)

    assert (taken.status, taken.volume_id) == ('available', attached.id)
    assert site.client.snapshot_of(OTHER) == taken
    site.client.delete_snapshot(taken.id)
    assert site.client.snapshot_of(OTHER) is None
    site.client.delete_snapshot(taken.id)


def test_a_snapshot_whose_answer_was_lost_is_found(site, attached):
    site.sim.arm(openstack.Fault('reset_after', match=r'POST .*/snapshots'))
    done = site.client.create_snapshot(attached.id, OTHER)

    assert site.client.snapshot_of(OTHER).id == done.value.id


def test_a_snapshot_that_could_not_be_taken_is_told(site, attached):
    site.sim.spoil('create_snapshot')
    made = site.client.create_snapshot(attached.id, OTHER).value
    with pytest.raises(exception.BackendError, match='could not be made'):
        site.client.snapshot_created(made.id)


def test_a_snapshot_whose_deletion_failed_is_deleted_again(site, attached):
    made = site.client.create_snapshot(attached.id, OTHER).value
    site.client.snapshot_created(made.id)
    site.sim.spoil('delete_snapshot')
    with pytest.raises(exception.BackendError, match='could not be deleted'):
        site.client.delete_snapshot(made.id)
    site.client.delete_snapshot(made.id)
    assert site.client.snapshot(made.id) is None


@pytest.mark.parametrize(('listed', 'asked'), [
    ('available', 3), (None, 4), ('creating', 4)])
def test_a_snapshot_that_was_just_listed_is_not_asked_for(
        site, attached, listed, asked):
    made = site.client.create_snapshot(attached.id, OTHER).value
    site.client.snapshot_created(made.id)
    with meter.measure() as counted:
        site.client.delete_snapshot(made.id, listed)
    assert site.client.snapshot(made.id) is None
    assert counted.calls == asked
    site.client.delete_snapshot(made.id, listed)


def test_a_snapshot_that_is_still_being_taken_can_be_deleted(site, attached):
    """Its making took longer than the operator's time, for instance."""
    made = site.client.create_snapshot(attached.id, OTHER).value
    assert site.client.snapshot(made.id).status == 'creating'
    site.client.delete_snapshot(made.id)
    assert site.client.snapshot(made.id) is None


def test_a_volume_goes_back_to_its_last_snapshot(site, volume):
    made = site.client.create_snapshot(volume.id, OTHER).value
    site.client.snapshot_created(made.id)
    site.client.revert(volume.id, made.id)
    assert site.volume(volume.id)['status'] == 'available'


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after'])
def test_a_way_back_whose_answer_was_lost_is_waited_for(site, volume, kind):
    """Cinder refuses to begin what it is doing already."""
    made = site.client.create_snapshot(volume.id, OTHER).value
    site.client.snapshot_created(made.id)
    site.sim.options.revert = 30.0
    site.sim.arm(openstack.Fault(kind, match=r'POST .*/action'))
    site.client.revert(volume.id, made.id)
    assert site.volume(volume.id)['status'] == 'available'
