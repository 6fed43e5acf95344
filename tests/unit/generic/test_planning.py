# SPDX-License-Identifier: Apache-2.0

"""Plans of the Generic driver: which steps follow from which facts."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.generic import guest_records
from manila_drivers.generic import leaving_planning
from manila_drivers.generic import notes
from manila_drivers.generic import planning
from manila_drivers.generic import records
from manila_drivers.generic import sight
from manila_drivers.generic import size_planning
from manila_drivers.generic import snapshot_planning
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from manila_drivers.openstack import records as cloud

ID = '7f1d3c0e-58a1-4b1e-9a51-0d6a8c8e7a11'
VOLUME = 'aaaaaaaa-58a1-4b1e-9a51-0d6a8c8e7a11'
NAME, PATH = 'manila-share-' + ID, '/shares/share-' + ID
HOST = records.ServiceHost('server-1', ('10.0.0.9',))
SERVER = cloud.Server('server-1', status='ACTIVE', volumes=())
PLACE = records.Placement(ID, 'share-' + ID, PATH, 'share-' + ID, ID, 'NFS',
                          'ext4')
NEW = planning.NewShare(PLACE, HOST, NAME, 2)
AT = cloud.VolumeAttachment('server-1')
ATTACHED = cloud.Volume(VOLUME, NAME, 'in-use', 2, (AT,))
FREE = dataclasses.replace(ATTACHED, status='available', attachments=())
OURS, OTHERS = ({'manila_share_instance_id': one} for one in (ID, 'other'))
SNAPSHOT = cloud.VolumeSnapshot('snap-1', 'n', 'available', 2, VOLUME)


def actions(steps):
    return [step.action for step in steps]


def found(*, mounted=True, used=0):
    disk = guest_records.FoundDisk('/dev/vdb', '252:16', 2 * model.GiB,
                                   VOLUME[:20])
    mounts = (guest_records.Mounted(PATH, '252:16', '/dev/vdb', 'ext4',
                                    disk=disk),) if mounted else ()
    return guest_records.GuestFacts(
        'vm', (disk,), mounts, (), {PATH: guest_records.Space(
            2 * model.GiB, used)} if mounted else {},
        kernel.KernelFacts((), {}), samba.SambaFacts({}))


def served(volume=ATTACHED, seen=None):
    return planning.ServedFacts(PLACE, HOST, volume, seen)


# Making

def test_a_share_is_made_step_by_step():
    steps = planning.create(NEW, SERVER, None)

    assert actions(steps) == ['create volume', 'await volume',
                              'attach volume', 'serve share']
    assert all(step.undo is None for step in steps)
    assert str(steps) == (
        f'create volume {NAME} (2 GiB); await volume {NAME}; '
        f'attach volume {NAME} (to server server-1); serve share {PATH} '
        f'(with a new file system, ext4, if the volume is empty)')


@pytest.mark.parametrize('volume', [
    FREE, ATTACHED, dataclasses.replace(FREE, status='creating'),
    dataclasses.replace(FREE, status='reserved')])
def test_what_an_earlier_call_has_made_is_taken_up(volume):
    steps = planning.create(NEW, SERVER, volume)

    assert actions(steps) == ['take volume', 'await volume',
                              'attach volume', 'serve share']


def test_a_volume_that_could_not_be_made_is_made_again():
    broken = dataclasses.replace(FREE, status='error')

    assert actions(planning.create(NEW, SERVER, broken))[:2] == [
        'delete volume', 'create volume']


def test_a_volume_in_error_that_somebody_may_use_is_not_deleted():
    """Where it is attached is not told."""
    untold = dataclasses.replace(FREE, status='error_restoring',
                                 attachments=None)

    assert actions(planning.create(NEW, SERVER, untold))[0] == 'take volume'


@pytest.mark.parametrize(('volume', 'told'), [
    (None, ''), (FREE, ''), (ATTACHED, ''),
    (dataclasses.replace(FREE, attachments=None), ''),
    (dataclasses.replace(ATTACHED, attachments=None), 'does not tell'),
    (dataclasses.replace(ATTACHED, attachments=(
        AT, cloud.VolumeAttachment('server-2'))), 'server-2'),
    (dataclasses.replace(ATTACHED, attachments=(
        cloud.VolumeAttachment('server-2'),)), 'attached to server-2')])
def test_where_else_a_share_may_be_served(volume, told):
    def check():
        planning.check_nowhere_else(ID, HOST, volume, SERVER)
    if not told:
        check()
        return
    with pytest.raises(exception.BackendError, match=told) as caught:
        check()
    assert f'Share {ID} is not' in str(caught.value)


@pytest.mark.parametrize('status', ['RESCUE', 'ACTIVE', 'SHUTOFF', None])
def test_a_rescued_server_comes_back_with_its_shares(status):
    server = dataclasses.replace(SERVER, status=status)
    for volume in None, FREE, ATTACHED:
        planning.check_nowhere_else(ID, HOST, volume, None)
        if status == 'RESCUE':
            with pytest.raises(exception.Busy, match='for a rescue'):
                planning.check_nowhere_else(ID, HOST, volume, server)
        else:
            planning.check_nowhere_else(ID, HOST, volume, server)


def test_a_volume_of_another_size_is_another():
    with pytest.raises(exception.Conflict, match='with 3 GiB and not 2'):
        planning.create(NEW, SERVER, dataclasses.replace(FREE, size=3))


@pytest.mark.parametrize('server', [
    None, dataclasses.replace(SERVER, status='SHUTOFF'),
    dataclasses.replace(SERVER, status=None)])
def test_without_a_server_nothing_is_made(server):
    with pytest.raises(exception.BackendError, match='Service instance'):
        planning.create(NEW, server, None)


@pytest.mark.parametrize(('volumes', 'fits'), [
    (None, True), ((), True), (tuple('abc'), False),
    (('a', 'b'), True), (('a', 'b', VOLUME), True)])
def test_a_server_has_a_limit(volumes, fits):
    new = dataclasses.replace(NEW, limit=3)
    server = dataclasses.replace(SERVER, volumes=volumes)
    if fits:
        planning.create(new, server, FREE)
    else:
        with pytest.raises(exception.NoRoom, match='has 3 volumes already'):
            planning.create(new, server, None)


@pytest.mark.parametrize('proto', ['HDFS', '', 'CIFS'])
def test_another_protocol_is_refused(proto):
    with pytest.raises(exception.InvalidRequest, match='asks for protocol'):
        planning.check_protocol(model.Share(ID, proto=proto), ('NFS',))


# Deleting

def leaving(**facts):
    return leaving_planning.LeavingFacts(**{
        'volume': ATTACHED, 'host': HOST, 'server': SERVER,
        'found': found(), **facts})


def test_access_goes_first_and_records_last():
    steps = leaving_planning.delete(PLACE, leaving())

    assert actions(steps) == ['release share', 'detach volume',
                              'delete volume', 'forget share']
    assert [step.args.get('silent') for step in steps][1] is None


def test_a_hung_server_is_rebooted_if_need_be():
    steps = leaving_planning.delete(PLACE, leaving(found=None))

    assert actions(steps) == ['detach volume', 'delete volume',
                              'forget share']
    assert steps.steps[0].args['silent'] is HOST
    assert 'rebooted' in str(steps)


def test_a_server_that_is_gone_is_not_rebooted():
    steps = leaving_planning.delete(PLACE, leaving(found=None, server=None))

    assert steps.steps[0].args['silent'] is None


@pytest.mark.parametrize('facts', [
    {'volume': FREE}, {'volume': FREE, 'host': None, 'found': None}])
def test_what_is_not_attached_is_not_detached(facts):
    steps = leaving_planning.delete(PLACE, leaving(**facts))

    assert actions(steps)[-2:] == ['delete volume', 'forget share']
    assert 'detach volume' not in actions(steps)


def test_a_share_without_a_volume_is_still_released():
    steps = leaving_planning.delete(PLACE, leaving(
        volume=None, found=found(mounted=False)))

    assert actions(steps) == ['release share', 'forget share']
    with pytest.raises(exception.Conflict, match='its data would stay'):
        leaving_planning.delete(PLACE, leaving(volume=None))


def test_a_volume_in_use_where_nobody_looked_is_not_taken_away():
    other = dataclasses.replace(ATTACHED, attachments=(
        cloud.VolumeAttachment('server-2'),))
    with pytest.raises(exception.Conflict, match='nothing of it was release'):
        leaving_planning.delete(PLACE, leaving(volume=other))
    both = dataclasses.replace(ATTACHED, attachments=(
        AT, cloud.VolumeAttachment('server-2')))
    with pytest.raises(exception.Conflict, match='server-1, server-2'):
        leaving_planning.delete(PLACE, leaving(volume=both, host=None))


ADMIN = sight.CinderSight('p', admin=True, near=True)
HOME = sight.CinderSight('p', home=True)


@pytest.mark.parametrize(('facts', 'there'), [
    ({'recorded': '', 'found': found(mounted=False)}, False), ({}, True),
    ({'found': None}, True),
    ({'found': None, 'server': SERVER}, False),
    ({'found': None, 'server': dataclasses.replace(SERVER, volumes=None)},
     False),
    ({'found': dataclasses.replace(found(mounted=False), disks=())}, False)])
def test_what_cinder_denies_may_be_there_all_the_same(facts, there):
    facts = {'volume': None, 'recorded': VOLUME, 'seen': ADMIN,
             'server': dataclasses.replace(SERVER, volumes=(VOLUME,)),
             **facts}
    if not there:
        leaving_planning.delete(PLACE, leaving(**facts))
        return
    with pytest.raises(exception.Conflict, match='there is no volume'):
        leaving_planning.delete(PLACE, leaving(**facts))


@pytest.mark.parametrize(('facts', 'gone'), [
    ({'seen': None}, False), ({'seen': sight.CinderSight()}, False),
    ({'seen': sight.CinderSight('p')}, False), ({'seen': ADMIN}, True),
    ({'seen': dataclasses.replace(HOME, near=True)}, True),
    # Nobody knows whether that is the right region.
    ({'seen': HOME}, False),
    ({'seen': sight.CinderSight('p', admin=True)}, False),
    ({'seen': sight.CinderSight('p', ours=True)}, True),
    ({'leaving': True}, True)])
@pytest.mark.parametrize('server', [
    None, SERVER, dataclasses.replace(SERVER, volumes=None)])
def test_cinder_is_believed_by_whoever_is_shown_what_is_there(facts, gone,
                                                              server):
    facts = leaving(volume=None, recorded=VOLUME, found=None, server=server,
                    **facts)
    if gone:
        assert actions(leaving_planning.delete(PLACE, facts)) == [
            'forget share']
        return
    with pytest.raises(exception.Conflict, match='says so of what other pro'):
        leaving_planning.delete(PLACE, facts)


def test_a_volume_that_goes_is_noted_before():
    steps = leaving_planning.delete(PLACE, leaving(recorded=VOLUME))
    again = leaving_planning.delete(PLACE, leaving(recorded=VOLUME,
                                                   leaving=True))

    assert actions(steps)[-3:] == ['note share', 'delete volume',
                                   'forget share']
    assert 'note share' not in actions(again)


def test_a_share_without_a_volume_is_not_gone_where_nobody_answers():
    facts = leaving(volume=None, found=None, by_path=True)
    with pytest.raises(exception.Conflict, match='does not tell what is mou'):
        leaving_planning.delete(PLACE, facts)
    for facts in (leaving(volume=None, found=None, by_path=True, server=None),
                  leaving(volume=None, found=None),
                  leaving(volume=None, found=found(mounted=False),
                          by_path=True)):
        leaving_planning.delete(PLACE, facts)


@pytest.mark.parametrize(('note', 'seen', 'known'), [
    (notes.ShareNote(), sight.CinderSight('p'), True),
    (notes.ShareNote(VOLUME), sight.CinderSight('p'), False),
    (notes.ShareNote(VOLUME), ADMIN, True),
    (notes.ShareNote(VOLUME, leaving=True), sight.CinderSight('p'), True),
    (notes.ShareNote('', '/srv'), ADMIN, False),
    (notes.ShareNote('', '/srv', claim=notes.place('other', '/srv')), ADMIN,
     False),
    (notes.ShareNote('', '/srv', claim=notes.place(HOST.id, '/srv')),
     sight.CinderSight('p'), True)])
def test_where_else_a_share_may_be_that_has_no_volume(note, seen, known):
    if known:
        sight.check_no_volume(ID, HOST, note, seen)
        return
    with pytest.raises(exception.Conflict, match='is not mounted'):
        sight.check_no_volume(ID, HOST, note, seen)


def test_a_snapshot_that_is_not_shown_is_not_gone():
    for seen, recorded in ((ADMIN, 'snap'), (None, ''), (None, 'snap')):
        assert actions(snapshot_planning.delete_snapshot(
            's', (), recorded, seen)) == ['forget snapshot']
    with pytest.raises(exception.Conflict, match='there is no snapshot snap'):
        snapshot_planning.delete_snapshot('s', (), 'snap',
                                          sight.CinderSight('p'))


# Sizes

@pytest.mark.parametrize('size', [5, 6])
def test_a_file_system_grows_to_its_volume(size):
    large = dataclasses.replace(ATTACHED, size=size)
    [step] = size_planning.extend(served(large), 5)

    assert (step.args['wanted'], step.args['gib']) == (5, size)


def test_an_extension_of_what_is_away_brings_it_back_whatever_happens():
    steps = size_planning.extend(served(), 5, offline=True)

    undos = [step.undo.action if step.undo else '' for step in steps]
    assert undos == ['serve share again', 'attach volume', '', '', '', '']


def test_a_share_that_is_not_mounted_is_told():
    with pytest.raises(exception.BackendError, match='not mounted'):
        planning.check_served(served(seen=found(mounted=False)))
    planning.check_served(served(seen=found()))


# Snapshots

def test_writes_are_held_back_for_a_snapshot():
    steps = snapshot_planning.create_snapshot('s', 'n', ATTACHED, None,
                                              served(seen=found()), 20)

    assert actions(steps) == ['freeze share', 'create snapshot',
                              'begin snapshot', 'thaw share',
                              'await snapshot']
    assert steps.steps[0].undo.action == 'thaw share'


@pytest.mark.parametrize(('facts', 'seconds'), [
    (None, 20), (served(seen=found()), 0),
    (served(seen=found(mounted=False)), 20), (served(), 20)])
def test_a_share_that_cannot_be_frozen_has_snapshots_as_well(facts, seconds):
    steps = snapshot_planning.create_snapshot('s', 'n', ATTACHED, None,
                                              facts, seconds)

    assert actions(steps) == ['create snapshot', 'await snapshot']


def test_a_snapshot_that_was_begun_is_taken_up():
    steps = snapshot_planning.create_snapshot('s', 'n', ATTACHED, SNAPSHOT,
                                              None, 20)

    assert actions(steps) == ['take snapshot', 'await snapshot']


def test_a_snapshot_that_failed_is_taken_again():
    broken = dataclasses.replace(SNAPSHOT, status='error')
    steps = snapshot_planning.create_snapshot('s', 'n', ATTACHED, broken,
                                              None, 20)

    assert actions(steps) == ['delete snapshot', 'create snapshot',
                              'await snapshot']


@pytest.mark.parametrize(('snapshot', 'told'), [
    (None, 'no snapshot'),
    (dataclasses.replace(SNAPSHOT, volume_id='other'), 'of volume other'),
    (dataclasses.replace(SNAPSHOT, volume_id=None), 'of volume None'),
    (dataclasses.replace(SNAPSHOT, status='error'), 'not available'),
    (dataclasses.replace(SNAPSHOT, size=None), 'not available')])
def test_snapshots_that_are_not_taken_over(snapshot, told):
    with pytest.raises(exception.NotManageable, match=told):
        snapshot_planning.adopt_snapshot('s', snapshot, VOLUME, 'snap-1')


def test_a_share_goes_back_with_its_volume_detached():
    steps = snapshot_planning.restore(served(), SNAPSHOT)

    assert actions(steps) == ['suspend share', 'detach volume',
                              'revert volume', 'attach volume',
                              'serve share again']


@pytest.mark.parametrize('size', [3, None])
def test_a_share_of_another_size_does_not_go_back(size):
    with pytest.raises(exception.Unsupported, match='by now'):
        snapshot_planning.restore(served(dataclasses.replace(
            ATTACHED, size=size)), SNAPSHOT)


# Copies

def test_a_copy_is_asked_for_and_not_waited_for():
    new = dataclasses.replace(NEW, snapshot=SNAPSHOT)
    [step] = snapshot_planning.clone(new, SERVER, None)

    assert step.action == 'create volume'
    assert step.args['snapshot_id'] == 'snap-1'


@pytest.mark.parametrize(('gib', 'size', 'volume'), [
    (1, 2, 2), (2, 2, 2), (3, 2, 3), (3, None, 3)])
def test_the_volume_of_a_copy_is_as_large_as_its_snapshot(gib, size, volume):
    """Cinder makes none that is smaller; that of a shrunk share is not."""
    new = dataclasses.replace(NEW, gib=gib, snapshot=dataclasses.replace(
        SNAPSHOT, size=size))
    [step] = snapshot_planning.clone(new, SERVER, None)

    assert step.args['gib'] == volume
    taken = dataclasses.replace(FREE, size=volume, snapshot_id='snap-1')
    assert actions(snapshot_planning.clone(new, SERVER, taken)) == [
        'take volume']


def test_a_volume_that_is_no_copy_is_not_taken_for_one():
    new = dataclasses.replace(NEW, snapshot=SNAPSHOT)
    with pytest.raises(exception.Conflict, match='no copy of snapshot'):
        snapshot_planning.clone(new, SERVER, dataclasses.replace(
            FREE, snapshot_id='another'))


@pytest.mark.parametrize(('whose', 'taken'), [
    (None, False), ({}, False), (OTHERS, False), (OURS, True)])
def test_a_volume_of_no_snapshot_is_a_copy_only_with_our_mark(whose, taken):
    new = dataclasses.replace(NEW, snapshot=SNAPSHOT)
    volume = dataclasses.replace(FREE, snapshot_id=None, metadata=whose)
    if taken:
        assert actions(snapshot_planning.clone(new, SERVER, volume)) == [
            'take volume']
    else:
        with pytest.raises(exception.Conflict, match='no copy of snapshot'):
            snapshot_planning.clone(new, SERVER, volume)


def test_a_complete_copy_becomes_a_share():
    assert actions(snapshot_planning.finish_clone(served(FREE), 2)) == [
        'attach volume', 'serve clone', 'finish clone']


# Managing

def test_a_share_that_is_taken_over_keeps_its_place():
    place = dataclasses.replace(PLACE, path='/legacy', section='old')
    note, rename = planning.adopt(
        place, dataclasses.replace(ATTACHED, name='by-hand'), NAME,
        'claim')

    assert note.args['changes'] == {
        'volume_id': VOLUME, 'path': '/legacy', 'section': 'old',
        'adopted': True, 'claim': 'claim'}
    assert (rename.action, rename.target) == ('rename volume', NAME)
    assert actions(planning.adopt(place, ATTACHED, NAME, 'claim')) == [
        'note share']
    assert actions(planning.adopt(place, None, NAME, '')) == ['note share']
