# SPDX-License-Identifier: Apache-2.0

"""Cinder: volumes and snapshots, what they cost, and how they fail."""

import pytest


def place(volume):
    return f'volume/volumes/{volume}'


def quota(hand, **limits):
    project = hand.sim.keystone.project('service').id
    assert hand.ask('PUT', f'volume/os-quota-sets/{project}',
                    {'quota_set': limits})[0] == 200


def snapshot(hand, volume, **fields):
    ident = hand.make('volume/snapshots', 'snapshot', volume_id=volume,
                      **fields)['id']
    hand.states(f'volume/snapshots/{ident}', 'snapshot.status', 'available')
    return ident


@pytest.mark.parametrize(('work', 'status'), [
    ('create_volume', 'error'), ('delete_volume', 'error_deleting')])
def test_what_goes_wrong_with_a_volume(hand, sim, work, status):
    sim.spoil(work, name='unlucky')
    hand.volume(name='lucky')
    ident = hand.make('volume/volumes', 'volume', size=1,
                      name='unlucky')['id']
    if work == 'delete_volume':
        hand.states(place(ident), 'volume.status', 'available')
        assert hand.ask('DELETE', place(ident)) == (202, None)
    hand.states(place(ident), 'volume.status', status)
    told = hand.ask('DELETE', place(ident))[0]
    # error_deleting is not deleted again until somebody resets it.
    assert told == (202 if status == 'error' else 400)


@pytest.mark.parametrize(('work', 'status'), [
    ('create_snapshot', 'error'), ('delete_snapshot', 'error_deleting')])
def test_what_goes_wrong_with_a_snapshot(hand, sim, work, status):
    volume = hand.volume()
    if work == 'create_snapshot':
        sim.spoil(work)
        ident = hand.make('volume/snapshots', 'snapshot',
                          volume_id=volume)['id']
    else:
        ident = snapshot(hand, volume)
        sim.spoil(work)
        hand.ask('DELETE', f'volume/snapshots/{ident}')
    seen = hand.states(f'volume/snapshots/{ident}', 'snapshot.status', status)
    assert seen[-1] == status


def test_what_failed_counts_until_it_is_deleted(hand, sim):
    quota(hand, volumes=1, gigabytes=5)
    sim.spoil('create_volume')
    ident = hand.make('volume/volumes', 'volume', size=2)['id']
    hand.states(place(ident), 'volume.status', 'error')
    told, body = hand.ask('POST', 'volume/volumes', {'volume': {'size': 1}})
    assert (told, body['overLimit']['message']) == (
        413, ("VolumeLimitExceeded: Maximum number of volumes allowed (1) "
             "exceeded for quota 'volumes'."))
    hand.ask('DELETE', place(ident))
    hand.states(place(ident), 'volume.status', 'gone')
    hand.volume(3)


def test_snapshots_count_with_their_size(hand):
    quota(hand, gigabytes=5, snapshots=1)
    volume = hand.volume(2)
    snapshot(hand, volume)
    told, body = hand.ask('POST', place(volume) + '/action',
                          {'os-extend': {'new_size': 4}})
    assert told == 413
    assert body['overLimit']['message'].endswith(
        'Requested 2G, quota is 5G and 4G has been consumed.')
    told, body = hand.ask('POST', 'volume/snapshots',
                          {'snapshot': {'volume_id': volume}})
    assert body['overLimit']['message'].startswith(
        'VolumeSizeExceedsAvailableQuota')
    quota(hand, gigabytes=50)
    told, body = hand.ask('POST', 'volume/snapshots',
                          {'snapshot': {'volume_id': volume}})
    assert body['overLimit']['message'] == (
        'SnapshotLimitExceeded: Maximum number of snapshots allowed (1) '
        'exceeded')
    used = hand.get('volume/limits', 'limits.absolute')
    assert (used['totalGigabytesUsed'], used['totalSnapshotsUsed']) == (4, 1)


def test_a_clone_has_the_contents_of_its_snapshot(hand, sim):
    volume = hand.volume(2)
    sim.disk(volume).mark = 'before'
    ident = snapshot(hand, volume)
    sim.disk(volume).mark = 'after'
    clone = hand.volume(3, snapshot_id=ident)
    told = hand.get(place(clone), 'volume')
    assert (told['snapshot_id'], told['size']) == (ident, 3)
    assert sim.disk(clone).id == clone
    assert sim.disk(clone).gib == 3
    assert sim.disk(clone) is not sim.disk(volume)


def test_a_size_is_taken_from_the_snapshot(hand):
    ident = snapshot(hand, hand.volume(2))
    made = hand.make('volume/volumes', 'volume', snapshot_id=ident)
    assert made['size'] == 2


def test_a_snapshot_of_nfs_in_use_takes_its_time(hand):
    server, volume = hand.server(), hand.volume(volume_type='nfs1')
    hand.attach(server, volume)
    ident = hand.make('volume/snapshots', 'snapshot', volume_id=volume)['id']
    assert hand.states(
        f'volume/snapshots/{ident}',
        'snapshot.os-extended-snapshot-attributes:progress', '100%') == [
        '0%', '90%', '100%']


@pytest.mark.parametrize(('version', 'force', 'told'), [
    ('3.65', None, 400), ('3.65', False, 400), ('3.65', True, 202),
    ('3.66', None, 202), ('3.66', True, 202), ('3.66', False, 400)])
def test_snapshots_of_what_is_in_use(hand, version, force, told):
    server, volume = hand.server(), hand.volume()
    hand.attach(server, volume)
    body = {'volume_id': volume, 'name': 's'}
    if force is not None:
        body['force'] = force
    assert hand.ask('POST', 'volume/snapshots', {'snapshot': body},
                    version=version)[0] == told


def test_going_back_needs_a_detached_volume(hand, sim):
    server, volume = hand.server(), hand.volume()
    ident = snapshot(hand, volume)
    hand.attach(server, volume)
    told, body = hand.ask('POST', place(volume) + '/action',
                          {'revert': {'snapshot_id': ident}})
    assert told == 400 and 'available' in body['badRequest']['message']
    hand.ask('DELETE',
             f'compute/servers/{server}/os-volume_attachments/{volume}')
    hand.states(place(volume), 'volume.status', 'available')
    sim.spoil('revert')
    hand.ask('POST', place(volume) + '/action',
             {'revert': {'snapshot_id': ident}})
    assert hand.states(place(volume), 'volume.status', 'error') == [
        'reverting', 'error']


def test_a_snapshot_with_a_clone_goes_slowly(hand, clock):
    volume = hand.volume()
    ident = snapshot(hand, volume)
    clone = hand.volume(snapshot_id=ident)
    start = clock()
    hand.ask('DELETE', f'volume/snapshots/{ident}')
    hand.states(f'volume/snapshots/{ident}', 'snapshot.status', 'gone')
    assert clock() - start == pytest.approx(6, abs=0.2)
    assert hand.get(place(clone), 'volume.status') == 'available'


def test_a_volume_that_is_renamed_is_found_by_its_name(hand):
    volume = hand.volume(name='old')
    assert hand.ask('PUT', place(volume), {'volume': {'name': 'new'}}
                    )[1]['volume']['name'] == 'new'
    for name, count in (('old', 0), ('new', 1), ('ne', 0)):
        assert len(hand.get(f'volume/volumes/detail?name={name}',
                            'volumes')) == count


def test_metadata_is_a_filter(hand):
    volume = hand.volume(metadata={'share': 'a', 'host': 'h'})
    hand.volume(metadata={'share': 'b'})
    for told, count in (("{'share':'a'}", 1), ("{'share':'c'}", 0),
                        ("{'share':'a','host':'h'}", 1), ('rubbish', 0)):
        found = hand.get(f'volume/volumes/detail?metadata={told}', 'volumes')
        assert [each['id'] for each in found] == [volume] * count


def test_nothing_passes_an_unknown_filter(hand, sim):
    """To administrators; others are refused, from 3.31 on."""
    sim.add_user('plain', 'service', 'member')
    hand.volume()
    path = 'volume/volumes?colour=red'
    assert hand.get(path, 'volumes') == []
    assert hand.ask('GET', path, user='plain')[0] == 400
    assert len(hand.get(path, 'volumes', user='plain', version='3.30')) == 1


def test_in_use_is_not_said_of_what_is_attached_nowhere(hand):
    volume = hand.volume()
    told, body = hand.ask('POST', place(volume) + '/action',
                          {'os-reset_status': {'status': 'in-use'}})
    assert (told, body['badRequest']['message']) == (
        400, ('Cannot reset-state to in-use because volume does not have any '
              'attachments.'))


def test_all_projects_are_for_administrators_and_nobody_says_so(hand, sim):
    sim.add_user('plain', 'service', 'member')
    sim.ask('POST', '/volume/v3/volumes', {'volume': {'size': 1}},
            user='demo')
    hand.volume()
    for user, count in (('manila', 2), ('plain', 1)):
        assert len(hand.get('volume/volumes?all_tenants=1', 'volumes',
                            user=user)) == count
    assert len(hand.get('volume/volumes', 'volumes')) == 1


def test_the_project_in_the_url_is_that_of_the_token(hand, sim):
    mine, other = (sim.keystone.project(name).id
                   for name in ('service', 'demo'))
    assert sim.ask('GET', f'/volume/v3/{mine}/volumes',
                   user='manila')[0] == 200
    told, body = sim.ask('GET', f'/volume/v3/{other}/volumes', user='manila')
    assert (told, 'Malformed' in body['badRequest']['message']) == (400, True)


@pytest.mark.parametrize('fields', [
    {'size': '1x'}, {'size': True}, {'size': -1}, {}, {'size': 1, 'name': 3},
    {'size': 1, 'name': 'x' * 256}, {'size': 1, 'metadata': {'a': 1}}])
def test_what_is_no_volume_is_refused(hand, fields):
    assert hand.ask('POST', 'volume/volumes', {'volume': fields})[0] == 400


@pytest.mark.parametrize('size', [1, 0, 'x', True])
def test_what_is_no_extension_is_refused(hand, size):
    volume = hand.volume()
    assert hand.ask('POST', place(volume) + '/action',
                    {'os-extend': {'new_size': size}})[0] == 400
    assert hand.get(place(volume), 'volume.status') == 'available'


def test_fields_come_with_versions_and_roles(hand, sim):
    sim.add_user('plain', 'service', 'member')
    volume = hand.volume()
    old = hand.get(place(volume), 'volume', version='3.0')
    new = hand.get(place(volume), 'volume', version='3.71')
    assert 'volume_type_id' in new and 'volume_type_id' not in old
    assert 'os-vol-host-attr:host' in new
    assert 'os-vol-host-attr:host' not in hand.get(place(volume), 'volume',
                                                   user='plain')


def test_messages_are_filtered_from_3_5_on(hand, sim):
    sim.options.pool_gib = 1
    hand.make('volume/volumes', 'volume', size=2)
    other = hand.make('volume/volumes', 'volume', size=3)['id']
    hand.states(place(other), 'volume.status', 'error')
    path = f'volume/messages?resource_uuid={other}'
    assert len(hand.get(path, 'messages', version='3.5')) == 1
    assert len(hand.get(path, 'messages', version='3.4')) == 2
    assert hand.ask('GET', path, version='3.2')[0] == 404


def test_a_volume_may_say_late_that_it_grows(hand, sim):
    sim.options.extend_lag = 2
    volume = hand.volume()
    hand.ask('POST', place(volume) + '/action', {'os-extend': {'new_size': 2}})
    assert hand.states(place(volume), 'volume.status', 'extending') == [
        'available', 'extending']
    assert hand.states(place(volume), 'volume.size', 2) == [1, 2]
    assert hand.get(place(volume), 'volume.status') == 'available'


def test_a_type_may_encrypt(hand, sim):
    sim.add_volume_type('secret', encrypted=True)
    volume = hand.volume(volume_type='secret')
    assert hand.get(place(volume), 'volume.encrypted') is True
    assert hand.get(place(hand.volume()), 'volume.encrypted') is False
