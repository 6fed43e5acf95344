# SPDX-License-Identifier: Apache-2.0

"""Every step of every plan, to the last argument, as operators read it."""

import dataclasses

import pytest

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import settings

KIB = records.GIB_IN_KIB
SHARE = model.Share('1', name='share', size=2, proto='NFS')
CHOSEN = settings.GpfsSettings('b', '/gpfs0', (), owner='0:0', mode='0770',
                               independent=True)
PLACE = paths.SnapshotPlace('share', 'snap')
PATH = '/gpfs0/share'
OURS = records.Fileset('share', PATH, linked=True, comment='manila:1')
SNAPSHOT = records.FilesetSnapshot('snap', 'share')


def told(steps):
    """Return a plan as lines: what people read, arguments, the way back."""
    return [(str(step), dict(step.args)) for step in steps]


def undone(steps):
    return [step.undo and (step.undo.action, step.undo.target,
                           dict(step.undo.args)) for step in steps]


LIMITED = ('limit fileset share (to 3 GiB)', {'limit': '3G'})
LINKED = ('link fileset share (at /gpfs0/share)', {'path': PATH})
SHUT = [('unlink fileset share', {}), ('delete fileset share', {})]


@pytest.mark.parametrize(('source', 'mark'), [
    ('', 'manila:1'), ('a:b', 'manila:1 from a:b')])
def test_a_new_share(source, mark):
    steps = planning.create(
        planning.WantedShare(SHARE, 3, CHOSEN, '7', source),
        records.FilesetFacts(None))
    assert told(steps) == [
        (f'create fileset share ({mark!r})', {
            'comment': mark, 'independent': True, 'inode_limit': '7'}),
        LIMITED, LINKED,
        ('set owner /gpfs0/share (0:0)', {'owner': '0:0'}),
        ('set mode /gpfs0/share (0770)', {'mode': '0770'})]
    assert undone(steps) == [('delete fileset', 'share', {}),
                             None, None, None, None]


def test_a_share_goes():
    assert told(planning.delete(SHARE, PATH, records.FilesetFacts(
        OURS))) == SHUT
    filled = dataclasses.replace(OURS, comment='manila:1 from a:b')
    assert told(planning.delete(SHARE, PATH, records.FilesetFacts(
        filled))) == [('end copy share', {}), *SHUT]


@pytest.mark.parametrize(('comment', 'allowed'), [
    ('', True), ('manila:1', True), ('manila:2', False), ('theirs', True)])
def test_whose_fileset_is_taken_for_a_share(comment, allowed):
    found = records.Fileset('share', PATH, linked=True, comment=comment)
    refused(None if allowed else 'belongs to share 2 and not to 1',
            lambda: planning.require_owner(SHARE, found))


def refused(text, call, kind=exception.DriverError):
    if text is None:
        return call()
    with pytest.raises(kind, match=text):
        call()
    return None


@pytest.mark.parametrize(('call', 'kind', 'text'), [
    (lambda: planning.check_protocol(dataclasses.replace(
        SHARE, proto='CIFS')), exception.InvalidRequest,
     'Share 1 asks for protocol CIFS'),
    (lambda: planning.check_protocol(dataclasses.replace(SHARE, proto='')),
     exception.InvalidRequest, r'protocol \(none\);'),
    (lambda: planning.delete(SHARE, '/gpfs0/b', records.FilesetFacts(OURS)),
     exception.Conflict, 'Fileset share is linked at /gpfs0/share and not'),
    (lambda: planning.delete(SHARE, PATH, records.FilesetFacts(
        OURS, snapshots=('x', 'y'))), exception.Busy, 'snapshots: x, y'),
    (lambda: planning.resize(SHARE, 3, records.FilesetFacts(None),
                             shrink=False), exception.NotFound,
     'no fileset share'),
    (lambda: planning.create_snapshot(PLACE, records.SnapshotFacts(
        None, None)), exception.NotFound, 'no fileset share'),
    (lambda: planning.delete_snapshot(PLACE, records.SnapshotFacts(
        OURS, SNAPSHOT, ('a', 'b'))), exception.Busy, 'to a, b'),
    (lambda: planning.renewal(SHARE, OURS, 'a:b'), exception.Conflict,
     'Fileset share is not being filled from a:b'),
    (lambda: planning.renewal(SHARE, dataclasses.replace(
        OURS, comment='manila:2 from a:b'), 'a:b'), exception.Conflict,
     'not being filled'),
    (lambda: planning.adopt_snapshot(PLACE, records.SnapshotFacts(
        None, None)), exception.NotManageable, 'no fileset share'),
    (lambda: planning.adopt_snapshot(PLACE, records.SnapshotFacts(
        OURS, None)), exception.NotManageable, 'no valid snapshot snap'),
    (lambda: planning.source_of(PLACE, records.SnapshotFacts(
        OURS, None)), exception.NotFound, 'no valid snapshot share:snap'),
    (lambda: planning.source_of(PLACE, records.SnapshotFacts(
        None, SNAPSHOT)), exception.NotFound, 'no valid'),
    (lambda: planning.source_of(PLACE, records.SnapshotFacts(
        dataclasses.replace(OURS, linked=False), SNAPSHOT)),
     exception.NotFound, 'no valid')])
def test_what_is_refused_says_why(call, kind, text):
    refused(text, call, kind)


def test_what_is_well_is_let_pass():
    planning.check_protocol(SHARE)
    found = records.SnapshotFacts(OURS, SNAPSHOT)
    assert planning.source_of(PLACE, found) is OURS
    assert not planning.adopt_snapshot(PLACE, found)
    assert not planning.renewal(SHARE, None, 'a:b')


@pytest.mark.parametrize('shrink', [False, True])
def test_another_size(shrink):
    action = 'shrink fileset' if shrink else 'extend fileset'
    quota = records.FilesetQuota('share', 2 * KIB, 0, 9 * KIB)
    assert told(planning.resize(SHARE, 3, records.FilesetFacts(
        OURS, quota=quota), shrink=shrink)) == [
            (f'{action} share (to 3 GiB)', {'limit': '3G'})]


def test_a_shrink_is_taken_back():
    full = records.FilesetQuota('share', 3 * KIB, 1, 9 * KIB)
    steps, why = planning.back_to(SHARE, 3, full, 4096)
    assert told(steps) == [
        ('limit fileset share (to 4096 KiB)', {'limit': '4096k'})]
    assert isinstance(why, exception.PossibleDataLoss)
    assert 'Share 1 uses 3145729 KiB, and 3 GiB' in why.what
    assert why.answer == '1 KiB of these are in doubt'
    fits = records.FilesetQuota('share', 3 * KIB, 0, 9 * KIB)
    assert planning.back_to(SHARE, 3, fits, 4096) == (planning.Plan(), None)


@pytest.mark.parametrize(('health', 'steps'), [
    (assessment.ShareHealth(), []),
    (assessment.ShareHealth(link=True), [LINKED]),
    (assessment.ShareHealth(resize=3), [LIMITED]),
    (assessment.ShareHealth(link=True, resize=3), [LIMITED, LINKED])])
def test_a_repair(health, steps):
    assert told(planning.repair('share', PATH, health)) == steps


MARKED = ("mark fileset share ('manila:1')", {'comment': 'manila:1'})
FILLING = dataclasses.replace(OURS, comment='manila:1 from a:b')


def test_a_copy():
    parent = records.Fileset('a', '/gpfs0/a', linked=True)
    for number in 1, 2:
        assert told(planning.start_copy(
            SHARE, PATH, 'a:b', parent, '.snapshots', number)) == [
                ('start copy share (of a:b)', {
                    'number': number, 'source': '/gpfs0/a/.snapshots/b',
                    'path': PATH, 'owner': '1'})]
    first, = planning.start_copy(SHARE, PATH, 'a:b', parent, '.snapshots')
    assert first.args['number'] == 1
    assert told(planning.renewal(SHARE, FILLING, 'a:b')) == [
        ('renew copy share (of a:b)', {'source': 'a:b'}), *SHUT]


@pytest.mark.parametrize(('fileset', 'state', 'steps'), [
    (FILLING, 'done', [MARKED, ('end copy share', {})]),
    (FILLING, 'none', [MARKED]),
    (OURS, 'done', [('end copy share', {})]), (OURS, 'none', [])])
def test_a_share_is_filled(fileset, state, steps):
    assert told(planning.filled(SHARE, fileset, state)) == steps


def test_a_snapshot():
    half = records.FilesetSnapshot('snap', 'share', valid=False, half=True)
    gone = ('delete snapshot share:snap', {})
    taken = ('create snapshot share:snap', {})
    assert told(planning.create_snapshot(
        PLACE, records.SnapshotFacts(OURS, None))) == [taken]
    assert told(planning.create_snapshot(
        PLACE, records.SnapshotFacts(OURS, half))) == [gone, taken]
    assert told(planning.delete_snapshot(
        PLACE, records.SnapshotFacts(OURS, SNAPSHOT))) == [gone]
    assert told(planning.restore(
        PLACE, 3, records.SnapshotFacts(OURS, SNAPSHOT))) == [
            ('restore snapshot share:snap', {}), LIMITED]


def test_a_share_is_opened_again():
    rules = [access.Rule('1', 'ip', '10.0.0.1', 'rw'),
             access.Rule('2', 'ip', '10.0.0.2', 'ro')]
    assert told(planning.open_again(SHARE, rules)) == [
        ('set rules share (10.0.0.1 rw, 10.0.0.2 ro)',
         {'rules': tuple(rules)})]
    assert told(planning.open_again(SHARE, ())) == [
        ('set rules share (none)', {'rules': ()})]


ROOT = records.Fileset('root', '/gpfs0', linked=True)
OUTER = records.Fileset('outer', '/gpfs0/a', linked=True)
INNER = records.Fileset('in', '/gpfs0/a/in', linked=True)


def adopted(found, filesets=(), limit=3 * KIB, target=PATH):
    return planning.adopt(SHARE, found, target, filesets,
                          records.FilesetQuota(found.name, limit=limit), 3)


def test_a_fileset_is_renamed_moved_limited_and_marked():
    steps = adopted(records.Fileset(
        'theirs', '/gpfs0/theirs', linked=True, comment='of before'),
        [ROOT, OUTER], limit=7)
    assert told(steps) == [
        ('rename fileset theirs (to share)', {'new': 'share'}),
        ('move junction /gpfs0/theirs (to /gpfs0/share)', {'to': PATH}),
        LIMITED, MARKED]
    assert undone(steps) == [
        ('rename fileset', 'share', {'new': 'theirs'}),
        ('move junction', PATH, {'to': '/gpfs0/theirs'}),
        ('limit fileset', 'share', {'limit': '7k'}),
        ('mark fileset', 'share', {'comment': 'of before'})]


@pytest.mark.parametrize(('path', 'filesets', 'target'), [
    # Out of another fileset, and out of the innermost of several.
    ('/gpfs0/a/x', [ROOT, OUTER], PATH),
    ('/gpfs0/a/in/x', [OUTER, INNER, ROOT], '/gpfs0/a/share'),
    ('/gpfs0/a/in/x', [ROOT, INNER, OUTER], '/gpfs0/a/share'),
    # Its own junction is none that it lies in.
    ('/gpfs0/a', [ROOT, OUTER], '/gpfs0/a/share'),
    # A slash at the end counts for nothing, and a letter does.
    ('/gpfs0/a/x', [ROOT, dataclasses.replace(OUTER, path='/gpfs0/a/')],
     PATH),
    ('/gpfs0/X/x', [dataclasses.replace(OUTER, path='/gpfs0/X')], PATH)])
def test_a_junction_is_made_anew_in_another_fileset(path, filesets, target):
    steps = adopted(records.Fileset('share', path, linked=True), filesets,
                    target=target)
    assert told(steps) == [
        ('unlink fileset share', {'force': False}),
        (f'link fileset share (at {target})', {'path': target}), MARKED]
    assert undone(steps)[:2] == [
        ('link fileset', 'share', {'path': path}),
        ('unlink fileset', 'share', {'force': False})]


@pytest.mark.parametrize('filesets', [
    [], [ROOT], [records.Fileset('root', '/', linked=True)],
    [records.Fileset('x'), ROOT, INNER]])
def test_a_junction_moves_within_its_fileset(filesets):
    step, _ = adopted(records.Fileset('share', '/gpfs0/ab', linked=True),
                      filesets)
    assert step.action == 'move junction'


def test_a_fileset_that_is_not_linked_is():
    steps = adopted(records.Fileset('share'))
    assert told(steps) == [LINKED, MARKED]
    assert undone(steps)[0] == ('unlink fileset', 'share', {'force': False})


def test_a_share_is_released():
    assert told(planning.release(SHARE, records.FilesetFacts(OURS))) == [
        ("mark fileset share ('was manila:1')",
         {'comment': 'was manila:1'})]
    for other in None, dataclasses.replace(OURS, comment='manila:2'):
        assert not planning.release(SHARE, records.FilesetFacts(other))
