# SPDX-License-Identifier: Apache-2.0

"""Whole plans of the Generic driver, argument by argument."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.generic import guest_records
from manila_drivers.generic import leaving_planning
from manila_drivers.generic import notes
from manila_drivers.generic import planning
from manila_drivers.generic import size_planning
from manila_drivers.generic import snapshot_planning
from manila_drivers.nas import samba
from manila_drivers.openstack import records as cloud
from tests.unit.generic import test_planning as facts

ID, VOLUME, NAME, PATH = facts.ID, facts.VOLUME, facts.NAME, facts.PATH
HOST, SERVER, PLACE, NEW = facts.HOST, facts.SERVER, facts.PLACE, facts.NEW
ATTACHED, FREE, SNAPSHOT = facts.ATTACHED, facts.FREE, facts.SNAPSHOT
AT, served, found = facts.AT, facts.served, facts.found
but = dataclasses.replace
ELSEWHERE = cloud.VolumeAttachment('server-2')
#: Written down for a share that is made.
WHERE = {'path': PATH, 'section': PLACE.section}
NEW_VOLUME, NEW_SNAPSHOT = plan.Ref('volume', 'id'), plan.Ref('snapshot', 'id')


# -- steps as they shall be --------------------------------------------------

def inside(action, gib=2, volume=VOLUME, place=PLACE, undo=None, **args):
    return plan.Step(action, place.path, {
        'placement': place, 'host': HOST, 'volume_id': volume, 'gib': gib,
        **args}, undo=undo)


def attach(name=NAME, volume=VOLUME):
    return plan.Step('attach volume', name,
                     {'ident': volume, 'server_id': 'server-1'})


def detach(name=NAME, silent=None, leaving=False, server='server-1',
           undo=None):
    return plan.Step('detach volume', name, {
        'ident': VOLUME, 'server_id': server, 'silent': silent,
        'leaving': leaving}, undo=undo)


def make(gib=2, zone='', snapshot=''):
    return plan.Step('create volume', NAME, {
        'share_id': ID, 'gib': gib, 'zone': zone, 'snapshot_id': snapshot,
        'place': WHERE}, 'volume')


def take(clone=False):
    return plan.Step('take volume', NAME, {
        'share_id': ID, 'ident': VOLUME, 'clone': clone, 'place': WHERE})


def wait(volume, gib=2):
    return plan.Step('await volume', NAME, {'ident': volume, 'gib': gib})


def delete(name=NAME, ident=VOLUME):
    return plan.Step('delete volume', name, {'ident': ident})


FORGET = plan.Step('forget share', ID)
AGAIN = inside('serve share again')


def is_plan(steps, wanted, *says):
    assert list(steps) == wanted
    told = [str(step) for step in steps]
    for each in says:
        assert any(each in one for one in told), told


# -- making ------------------------------------------------------------------

@pytest.mark.parametrize(('new', 'volume', 'steps', 'says'), [
    (NEW, None, [make(), wait(NEW_VOLUME), attach(volume=NEW_VOLUME), inside(
        'serve share', volume=NEW_VOLUME)], f'create volume {NAME} (2 GiB)'),
    (but(NEW, zone='az', gib=3), None, [
        make(3, 'az'), wait(NEW_VOLUME, 3), attach(volume=NEW_VOLUME),
        inside('serve share', 3, NEW_VOLUME)], '(3 GiB)'),
    (NEW, FREE, [take(), wait(VOLUME), attach(), inside('serve share')],
     f'({VOLUME}, which an earlier call has made)'),
    (NEW, but(FREE, size=None), [
        take(), wait(VOLUME), attach(), inside('serve share')], 'ext4'),
    (NEW, but(FREE, status='error'), [
        delete(), make(), wait(NEW_VOLUME), attach(volume=NEW_VOLUME),
        inside('serve share', volume=NEW_VOLUME)], ''),
    # Something holds it, or it is not told that nothing does.
    (NEW, but(ATTACHED, status='error'), [
        take(), wait(VOLUME), attach(), inside('serve share')], ''),
    (NEW, but(FREE, status='error', attachments=None), [
        take(), wait(VOLUME), attach(), inside('serve share')], ''),
    (NEW, but(FREE, status=None), [
        take(), wait(VOLUME), attach(), inside('serve share')], '')])
def test_making(new, volume, steps, says):
    is_plan(planning.create(new, SERVER, volume), steps, says)


OF = but(NEW, snapshot=SNAPSHOT)


@pytest.mark.parametrize(('new', 'volume', 'steps', 'says'), [
    (OF, None, [make(snapshot='snap-1')], '(2 GiB, of snapshot snap-1)'),
    (but(OF, gib=1), None, [make(snapshot='snap-1')], '(2 GiB, of'),
    (but(OF, gib=5, zone='az'), None, [make(5, 'az', 'snap-1')], '(5 GiB'),
    (OF, but(FREE, snapshot_id='snap-1'), [take(clone=True)], 'earlier'),
    (OF, but(FREE, snapshot_id='snap-1', status='error'),
     [delete(), make(snapshot='snap-1')], '')])
def test_copying(new, volume, steps, says):
    is_plan(snapshot_planning.clone(new, SERVER, volume), steps, says)


@pytest.mark.parametrize('limit', [26, 1])
def test_a_copy_needs_a_server_with_room_as_well(limit):
    for server, kind in ((None, exception.BackendError),
                         (but(SERVER, status='ERROR'), exception.Busy),
                         (but(SERVER, volumes=('x',) * limit),
                          exception.NoRoom)):
        with pytest.raises(kind) as caught:
            snapshot_planning.clone(but(OF, limit=limit), server, None)
        assert type(caught.value) is kind
    # One that is attached already takes no more room.
    assert list(snapshot_planning.clone(
        but(OF, limit=1), but(SERVER, volumes=(VOLUME,)),
        but(ATTACHED, snapshot_id='snap-1'))) == [take(clone=True)]


def test_a_server_takes_as_many_volumes_as_nova_can_name():
    assert NEW.limit == 26
    full = but(SERVER, volumes=('x',) * 25)
    planning.check_limit(full, None, NEW.limit)
    with pytest.raises(exception.NoRoom):
        planning.check_limit(but(full, volumes=('x',) * 26), FREE, NEW.limit)


def test_a_copy_that_is_complete():
    unnamed = but(FREE, name=None)
    is_plan(snapshot_planning.finish_clone(served(unnamed), 1), [
        attach(VOLUME), inside('serve clone', wanted=1),
        plan.Step('finish clone', ID)], 'of 1 GiB', 'to server server-1')


# -- deleting ----------------------------------------------------------------

RELEASE = inside('release share')
TWIN = but(FREE, id='twin', name=None)


@pytest.mark.parametrize(('told', 'steps', 'says'), [
    ({}, [RELEASE, detach(leaving=True), delete(), FORGET],
     '(from server server-1)'),
    # It hangs, and may have to be rebooted; who is let in there does not.
    ({'found': None}, [detach(silent=HOST, leaving=True), delete(), FORGET],
     '(from server server-1, which is rebooted if it does not'),
    ({'found': None, 'refused': True}, [
        detach(leaving=True), delete(), FORGET], '(from server server-1)'),
    ({'found': None, 'server': None}, [
        detach(leaving=True), delete(), FORGET], ''),
    ({'volume': FREE}, [RELEASE, delete(), FORGET], ''),
    ({'volume': None, 'found': found(mounted=False)}, [
        inside('release share', 1, ''), FORGET], ''),
    ({'volume': None, 'host': None, 'found': None}, [FORGET], ''),
    ({'volume': None, 'found': None}, [FORGET], ''),
    ({'volume': but(ATTACHED, name=None)}, [
        RELEASE, detach(VOLUME, leaving=True), delete(VOLUME), FORGET], ''),
    ({'volume': but(ATTACHED, size=None)}, [
        inside('release share', 1), detach(leaving=True), delete(), FORGET],
     ''),
    ({'twins': (TWIN, but(TWIN, id='other', name='n'))}, [
        RELEASE, detach(leaving=True), delete(), delete('twin', 'twin'),
        delete('n', 'other'), FORGET], ''),
    # Nobody noted where it was, and nothing else is there.
    ({'host': None, 'found': None, 'server': None}, [
        detach(leaving=True), delete(), FORGET], ''),
    *(({'volume': but(FREE, status=status)}, [
        RELEASE, detach(leaving=True), delete(), FORGET], '')
      for status in ('in-use', 'reserved', 'attaching', 'detaching')),
    *(({'volume': but(FREE, status=status)}, [RELEASE, delete(), FORGET], '')
      for status in ('available', 'error', 'error_deleting', None)),
    ({'volume': but(FREE, status='in-use'), 'host': None, 'found': None}, [
        delete(), FORGET], '')])
def test_deleting(told, steps, says):
    is_plan(leaving_planning.delete(PLACE, facts.leaving(**told)), steps, says)


@pytest.mark.parametrize('status', ['PAUSED', 'SUSPENDED'])
@pytest.mark.parametrize(('volume', 'refused'), [
    (ATTACHED, True), (FREE, False), (but(FREE, status='reserved'), True),
    (None, False)])
def test_a_server_that_somebody_has_paused_keeps_its_disks(
        status, volume, refused):
    told = facts.leaving(volume=volume, found=None,
                         server=but(SERVER, status=status))
    if refused:
        with pytest.raises(exception.Busy, match='cannot be taken from'):
            leaving_planning.delete(PLACE, told)
    else:
        leaving_planning.delete(PLACE, told)


@pytest.mark.parametrize('status', ['SHUTOFF', 'ERROR', 'BUILD', None])
def test_any_other_server_has_its_disks_taken(status):
    steps = leaving_planning.delete(PLACE, facts.leaving(
        found=None, server=but(SERVER, status=status)))
    assert steps.steps[0] == detach(silent=HOST, leaving=True)


@pytest.mark.parametrize('told', [
    {'volume': but(ATTACHED, attachments=(ELSEWHERE,))},
    {'volume': but(ATTACHED, attachments=(ELSEWHERE,)), 'found': None},
    {'volume': but(ATTACHED, attachments=(AT, ELSEWHERE))},
    {'volume': but(ATTACHED, attachments=(AT, ELSEWHERE)), 'host': None},
    {'host': None, 'found': None, 'strangers': ('server-1',)},
    {'volume': FREE, 'host': None, 'strangers': ('server-1',)}])
def test_what_was_not_released_is_not_taken(told):
    with pytest.raises(exception.Conflict, match='nothing of it was'):
        leaving_planning.delete(PLACE, facts.leaving(**told))


# Where a share is that nobody noted

OTHER = '/legacy/data'
CIFS = but(PLACE, proto='CIFS')


def elsewhere(*places, sections=(), **parts):
    """Facts with the disk mounted in other places than the usual one."""
    seen = found()
    disk, = seen.disks
    return but(seen, mounts=tuple(guest_records.Mounted(
        path, disk.number, disk.name, 'ext4', disk=disk) for path in places),
        shared=samba.SambaFacts(dict(sections)), **parts)


UNTOLD = exception.BackendError('not told')


@pytest.mark.parametrize(('place', 'told', 'path', 'section'), [
    (PLACE, {'found': elsewhere(OTHER)}, OTHER, PLACE.section),
    (PLACE, {'found': elsewhere(PATH)}, PATH, PLACE.section),
    # Both: it is where it should be.
    (PLACE, {'found': elsewhere(OTHER, PATH)}, PATH, PLACE.section),
    # Nobody knows which of two it is.
    (PLACE, {'found': elsewhere(OTHER, '/b')}, PATH, PLACE.section),
    (PLACE, {'found': elsewhere()}, PATH, PLACE.section),
    (PLACE, {'found': None}, PATH, PLACE.section),
    (PLACE, {'found': elsewhere(OTHER), 'volume': None}, PATH,
     PLACE.section),
    (PLACE, {'found': elsewhere(OTHER), 'volume': but(
        ATTACHED, id='another')}, PATH, PLACE.section),
    (PLACE, {'found': elsewhere(OTHER), 'volume': but(
        ATTACHED, size=None)}, OTHER, PLACE.section),
    (CIFS, {'found': elsewhere(OTHER, sections={
        'old': {'path': OTHER}, 'more': {'path': '/x'}, 'no': {}}.items())},
     OTHER, 'old'),
    (CIFS, {'found': elsewhere(OTHER, sections={
        'a': {'path': OTHER}, 'b': {'path': OTHER}}.items())}, OTHER,
     PLACE.section),
    (CIFS, {'found': elsewhere(OTHER)}, OTHER, PLACE.section),
    (CIFS, {'found': but(elsewhere(OTHER), shared=UNTOLD)}, OTHER,
     PLACE.section),
    (PLACE, {'found': elsewhere(OTHER, sections={
        'old': {'path': OTHER}}.items())}, OTHER, PLACE.section)])
def test_where_a_share_is(place, told, path, section):
    told = facts.leaving(**told)
    assert planning.leaving(place, told.volume, told.found) == but(
        place, path=path, section=section)


NOTED = notes.ShareNote(VOLUME)
OLD = f'/old/share-{ID}'
#: Called after a share, but the directory above it.
BY_HAND = f'/old/share-{ID}/data'


@pytest.mark.parametrize(('note', 'seen', 'path'), [
    (NOTED, elsewhere(OLD), OLD), (NOTED, elsewhere(OLD, BY_HAND), OLD),
    # It is written down where it is, or nothing tells which disk it has.
    (but(NOTED, path='/p'), elsewhere(OLD), PATH),
    (notes.ShareNote(), elsewhere(OLD), PATH),
    (notes.ShareNote('another'), elsewhere(OLD), PATH),
    (NOTED, elsewhere(PATH), PATH), (NOTED, elsewhere(OLD, PATH), PATH),
    (NOTED, elsewhere(), PATH),
    # Somebody else's mount, nobody knows which of two, and a part of it.
    (NOTED, elsewhere(BY_HAND), PATH),
    (NOTED, elsewhere(OLD, OLD + '-b'), PATH),
    (NOTED, but(elsewhere(OLD), mounts=tuple(
        but(one, root='/part') for one in elsewhere(OLD).mounts)), PATH)])
def test_where_a_share_stays(note, seen, path):
    assert planning.stays(PLACE, note, seen) == but(PLACE, path=path)
    seen = but(seen, shared=samba.SambaFacts({'old': {'path': OLD}}))
    assert planning.stays(CIFS, note, seen) == but(
        CIFS, path=path, section='old' if path == OLD else PLACE.section)


# -- coming back -------------------------------------------------------------

@pytest.mark.parametrize(('volume', 'seen', 'steps'), [
    # Its disk is there already, whatever Cinder says.
    (ATTACHED, found(mounted=False), [AGAIN]),
    (FREE, found(mounted=False), [AGAIN]),
    (but(ATTACHED, attachments=(ELSEWHERE,)), found(), [AGAIN]),
    (FREE, elsewhere(), [AGAIN]),
    (but(FREE, id='other'), found(), None),
    *((but(FREE, status=status), None, [attach(), AGAIN])
      for status in ('available', 'reserved', 'attaching', 'reverting')),
    *((but(each, status=status), None, [detach(), attach(), AGAIN])
      for status in ('in-use', 'detaching', 'extending', 'error_extending')
      for each in (ATTACHED, FREE)),
    (but(FREE, name=None), None, [attach(VOLUME), AGAIN]),
    (but(FREE, attachments=None), None, [attach(), AGAIN]),
    (but(FREE, size=None), None, [attach(), inside('serve share again', 1)])])
def test_coming_back(volume, seen, steps):
    told = planning.ServedFacts(PLACE, HOST, volume, seen)
    if steps is None:
        steps = [attach(volume='other'),
                 inside('serve share again', volume='other')]
    is_plan(planning.back(told), steps, '(in server server-1)')


@pytest.mark.parametrize(('volume', 'says'), [
    (but(ATTACHED, attachments=(ELSEWHERE,)), 'attached to server-2'),
    (but(ATTACHED, attachments=(AT, ELSEWHERE)), 'server-1, server-2'),
    (but(FREE, attachments=(ELSEWHERE,)), 'attached to server-2'),
    *((but(FREE, status=status), f'is {status}') for status in (
        'error', 'error_restoring', 'error_deleting', 'backing-up',
        'maintenance', 'deleting', 'creating', None))])
@pytest.mark.parametrize('seen', [None, but(found(), disks=())])
def test_what_somebody_uses_does_not_come_back(volume, says, seen):
    with pytest.raises(exception.Busy, match='is not served') as caught:
        planning.back(served(volume, seen))
    assert says in str(caught.value)


def away(*steps):
    return [inside('suspend share', undo=AGAIN),
            detach(undo=attach()), *steps, attach(), AGAIN]


GROW = inside('grow file system', 5, wanted=5)
EXTEND = plan.Step('extend volume', NAME, {'ident': VOLUME, 'gib': 5})
LARGE = but(ATTACHED, size=5)


@pytest.mark.parametrize(('volume', 'parts', 'steps', 'says'), [
    (ATTACHED, {}, [EXTEND, GROW], '(from 2 to 5 GiB)'),
    (but(ATTACHED, size=None), {}, [EXTEND, GROW], 'to 5 GiB'),
    (but(ATTACHED, size=4), {}, [EXTEND, GROW], 'from 4'),
    (LARGE, {}, [GROW], 'grow file system'),
    (but(ATTACHED, size=6), {}, [inside(
        'grow file system', 6, wanted=5)], '(to 5 GiB)'),
    # Something is under way with it, and has to be waited for.
    *((but(LARGE, status=status), {}, [EXTEND, GROW], '')
      for status in ('extending', 'error_extending', 'error')),
    # A call that was cut off has left it away.
    (but(LARGE, status='available', attachments=()), {}, [
        attach(), inside('serve share again', 5), GROW], ''),
    (FREE, {}, [attach(), AGAIN, EXTEND, GROW], ''),
    (but(LARGE, status='detaching'), {}, [
        detach(), attach(), inside('serve share again', 5), GROW], ''),
    (ATTACHED, {'offline': True}, [*away(EXTEND), GROW],
     '(until its volume is attached again)'),
    (LARGE, {'offline': True}, [
        inside('suspend share', 5, undo=inside('serve share again', 5)),
        detach(undo=attach()), EXTEND, attach(),
        inside('serve share again', 5), GROW], '')])
def test_extending(volume, parts, steps, says):
    is_plan(size_planning.extend(served(volume), 5, **parts), steps, says)


@pytest.mark.parametrize('attachments', [(ELSEWHERE,), (AT, ELSEWHERE)])
def test_what_others_have_does_not_grow(attachments):
    for offline in True, False:
        with pytest.raises(exception.Conflict, match=f'Share {ID} is not on'):
            size_planning.extend(served(but(
                ATTACHED, attachments=attachments)), 5, offline=offline)


@pytest.mark.parametrize(('used', 'fits'), [
    (0, True), ((1 << 30) - 1, True), (1 << 30, False),
    ((1 << 30) + 1, False), (None, False)])
def test_shrinking(used, fits):
    seen = found(used=used or 0)
    if used is None:
        seen = but(seen, spaces={})
    if not fits:
        with pytest.raises(exception.PossibleDataLoss) as caught:
            size_planning.shrink(served(seen=seen), 1)
        assert caught.value.answer == (
            'it is not told how much is in use' if used is None
            else f'{used} bytes are in use')
        return
    step, = size_planning.shrink(served(seen=seen), 1)
    assert (step.action, step.target) == ('shrink file system', PATH)
    assert step.args['host'] is HOST and len(step.args) == 2
    command, = step.args['commands']
    # The size that it is given, and the disk that it is given to.
    assert str(1 << 30) in command.words()
    assert VOLUME[:20] in command.words()
    assert 'to 1 GiB' in str(step)


# -- snapshots ---------------------------------------------------------------

SNAP = plan.Step('create snapshot', 'n',
                 {'snapshot_id': 's', 'volume_id': VOLUME}, 'snapshot')


def awaited(ident=NEW_SNAPSHOT):
    return plan.Step('await snapshot', 'n', {'ident': ident}, 'snapshot')


@pytest.mark.parametrize(('present', 'steps'), [
    (None, [SNAP, awaited()]),
    (SNAPSHOT, [plan.Step('take snapshot', 'n', {
        'snapshot_id': 's', 'ident': 'snap-1'}), awaited('snap-1')]),
    *((but(SNAPSHOT, status=status, name=name), [
        plan.Step('delete snapshot', name or 'snap-1', {
            'ident': 'snap-1', 'status': status}),
        SNAP, awaited()]) for status in ('error', 'error_deleting')
      for name in ('n', None))])
@pytest.mark.parametrize('seen', [None, served(seen=found(mounted=False))])
def test_taking_a_snapshot(present, steps, seen):
    is_plan(snapshot_planning.create_snapshot(
        's', 'n', ATTACHED, present, seen, 20), steps)


def test_taking_a_snapshot_while_nothing_is_written():
    steps = list(snapshot_planning.create_snapshot(
        's', 'n', ATTACHED, None, served(seen=found()), 20))
    freeze, snap, begin, thaw, last = steps
    assert (snap, last) == (SNAP, awaited())
    assert begin == plan.Step('begin snapshot', 'n', {
        'ident': NEW_SNAPSHOT, 'seconds': 20})
    assert freeze.undo == thaw and thaw.undo is None
    for step, action in ((freeze, 'freeze share'), (thaw, 'thaw share')):
        assert (step.action, step.target) == (action, PATH)
        assert step.args['share_id'] == ID and step.args['host'] is HOST
        command, = step.args['commands']
        assert PATH in command.words() and len(step.args) == 3
    assert '20' in freeze.args['commands'][0].words()
    assert 'for 20 s at the most' in str(freeze)
    assert f'of volume {NAME}' in str(snap)


def test_a_snapshot_that_failed_is_taken_again_with_writes_held_back():
    steps = snapshot_planning.create_snapshot(
        's', 'n', ATTACHED, but(SNAPSHOT, status='error'),
        served(seen=found()), 20)
    assert facts.actions(steps) == [
        'delete snapshot', 'freeze share', 'create snapshot',
        'begin snapshot', 'thaw share', 'await snapshot']
    assert list(steps)[3].args['seconds'] == 20


def test_the_end_of_a_snapshot():
    gone = plan.Step('forget snapshot', 's')
    assert list(snapshot_planning.delete_snapshot('s', [])) == [gone]
    assert list(snapshot_planning.delete_snapshot('s', [
        SNAPSHOT, but(SNAPSHOT, id='snap-2', name=None, status=None)])) == [
        plan.Step('delete snapshot', 'n', {
            'ident': 'snap-1', 'status': SNAPSHOT.status}),
        plan.Step('delete snapshot', 'snap-2', {
            'ident': 'snap-2', 'status': None}), gone]


@pytest.mark.parametrize(('name', 'target'), [('n', 'n'), (None, 'snap-1')])
def test_a_snapshot_that_is_taken_over(name, target):
    assert list(snapshot_planning.adopt_snapshot(
        's', but(SNAPSHOT, name=name), VOLUME, 'x')) == [plan.Step(
            'take snapshot', target,
            {'snapshot_id': 's', 'ident': 'snap-1'})]


@pytest.mark.parametrize(('name', 'says'), [('n', 'n'), (None, 'snap-1')])
def test_going_back(name, says):
    is_plan(snapshot_planning.restore(served(), but(SNAPSHOT, name=name)),
            away(plan.Step('revert volume', NAME, {
                'ident': VOLUME, 'snapshot_id': 'snap-1'})),
            f'(to snapshot {says})')


# -- managing ----------------------------------------------------------------

@pytest.mark.parametrize(('volume', 'ident', 'says'), [
    (ATTACHED, VOLUME, None), (None, '', None),
    (but(ATTACHED, name='by-hand'), VOLUME, '(from by-hand)'),
    (but(ATTACHED, name=None), VOLUME, '(from no name)'),
    (but(ATTACHED, name=''), VOLUME, '(from no name)')])
def test_taking_over(volume, ident, says):
    place = but(PLACE, path=OTHER, section='old')
    steps = planning.adopt(place, volume, NAME, 'claim')
    is_plan(steps, [
        plan.Step('note share', ID, {'changes': {
            'volume_id': ident, 'path': OTHER, 'section': 'old',
            'adopted': True, 'claim': 'claim'}}),
        *([plan.Step('rename volume', NAME, {'ident': VOLUME})]
          if says else [])], f'(at {OTHER})', says or '')


def test_letting_go():
    assert list(planning.release(ID)) == [FORGET]


def test_only_what_is_mounted_from_its_own_disk_is_served():
    for seen, served_ in ((None, True), (found(), True),
                          (found(mounted=False), False),
                          (elsewhere(OTHER), False)):
        told = served(seen=seen)
        if served_:
            planning.check_served(told)
        else:
            with pytest.raises(exception.BackendError):
                planning.check_served(told)
    assert served().served == guest_records.Served(
        PLACE.section, ID, PATH, guest_records.Disk(VOLUME, 2), 'ext4', 'NFS')
    assert served(but(ATTACHED, size=None)).served.disk.gib == 1


@pytest.mark.parametrize('status', ['SHUTOFF', '', None])
def test_a_server_that_does_not_run_says_why(status):
    with pytest.raises(exception.Busy) as caught:
        planning.check_server(but(SERVER, status=status, fault='no host'),
                              HOST)
    assert caught.value.answer == 'no host'
    assert (status or 'in an unknown state') in str(caught.value)
    with pytest.raises(exception.BackendError, match='server-1 is gone'):
        planning.check_server(None, HOST)
    planning.check_server(SERVER, HOST)
