# SPDX-License-Identifier: Apache-2.0

"""Decisions as tables: facts and what is wanted, and what follows."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import settings
from manila_drivers.nas import exports

PATH = '/gpfs0/share'
AWAY = exception.Unreachable('away')
FAILED = exception.BackendError('no')
KIB = records.GIB_IN_KIB


def levels(text):
    """From a text such as ``1:rw 2:ro``: the last number of an address."""
    return {ipaddress.ip_network(f'10.0.0.{host}'): level for host, _, level
            in (each.partition(':') for each in text.split())}


def export(text):
    return exports.Export(PATH, 'share', '1', levels(text))


def seen(text):
    return exports.Seen({PATH: levels(text)} if text else {})


def test_nobody_answers():
    decision = exports.decide(export('1:rw'), {'one': AWAY, 'two': AWAY},
                              lambda server: False)
    assert (decision.common, decision.narrowing) == (None, False)
    conclusion = exports.conclude(decision, {
        server: exports.Outcome(error=AWAY) for server in ('one', 'two')}, {})
    assert conclusion.fatal
    assert conclusion.back is None
    assert conclusion.owed['one'] == exports.PendingChange(
        export('1:rw'), narrow=True)


@pytest.mark.parametrize(
    ('wanted', 'before', 'two', 'fatal', 'closing', 'owed', 'back'), [
        # It is down, and nobody loses anything: it is told later.
        ('1:rw', '', exports.Outcome(error=AWAY), False, False, '1:rw', None),
        # It is down, and somebody loses something: what others were told is
        # less already.
        ('2:rw', '1:rw', exports.Outcome(error=AWAY), True, True, '', None),
        # It answers, and does not do it: what it gives is taken back.
        ('1:rw 2:rw', '1:rw', exports.Outcome(seen('1:rw'), FAILED), True,
         False, '1:rw', '1:rw'),
        # It was lost on the way, while others did it.
        ('2:rw', '1:rw', exports.Outcome(seen('1:rw'), AWAY), True, True, '',
         ''),
        # All is well.
        ('2:rw', '1:rw', exports.Outcome(seen('1:rw'), changed=True), False,
         False, None, None)])
def test_what_is_concluded(wanted, before, two, fatal, closing, owed, back):
    found = {'one': seen(before), 'two': two.before or AWAY}
    decision = exports.decide(export(wanted), found, lambda server: False)
    done = exports.Outcome(seen(before), changed=True)
    conclusion = exports.conclude(decision, {'one': done, 'two': two}, {})
    assert (conclusion.fatal, conclusion.closing) == (fatal, closing)
    assert conclusion.owed == (
        {} if owed is None else {'two': exports.PendingChange(export(owed))})
    assert conclusion.back == (None if back is None else export(back))
    assert ('may still be let in' in conclusion.what) == closing
    assert set(conclusion.done) == {'one', 'two'} - conclusion.errors.keys()


def test_what_was_owed_before_is_the_most_that_is_owed():
    """Nobody is to get more by it than was owed."""
    decision = exports.decide(export('1:rw 2:rw'), {'one': AWAY},
                              lambda server: False)
    conclusion = exports.conclude(decision, {
        'one': exports.Outcome(error=AWAY)}, {
            'one': exports.PendingChange(export('1:ro'))})
    assert conclusion.owed == {'one': exports.PendingChange(export('1:ro'))}


@pytest.mark.parametrize(('narrow', 'now', 'told'), [
    (False, '', '1:rw'), (True, '', ''), (True, '1:ro 2:rw', '1:ro'),
    (True, None, '1:rw')])
def test_what_is_due(narrow, now, told):
    assert exports.due(
        [exports.PendingChange(export('1:rw'), narrow)],
        AWAY if now is None else seen(now)) == [export(told)]


SHARE = model.Share('1', name='share', size=2)
CHOSEN = settings.GpfsSettings('b', '/gpfs0', ())
OURS = records.Fileset('share', PATH, linked=True, comment='manila:1')
UNLINKED = records.Fileset('share', comment='manila:1')
OTHERS = records.Fileset('share', PATH, linked=True, comment='manila:2')
PLACE = paths.SnapshotPlace('share', 'snap')
SNAPSHOT = records.FilesetSnapshot('snap', 'share')


def names(steps):
    return [step.action for step in steps]


def created(facts):
    return planning.create(planning.WantedShare(SHARE, 2, CHOSEN), facts)


@pytest.mark.parametrize(('facts', 'steps'), [
    (records.FilesetFacts(None), [
        'create fileset', 'limit fileset', 'link fileset', 'set mode']),
    (records.FilesetFacts(UNLINKED), [
        'limit fileset', 'link fileset', 'set mode']),
    (records.FilesetFacts(OURS, 'directory'), ['limit fileset', 'set mode']),
    (records.FilesetFacts(None, 'directory'), exception.Conflict),
    (records.FilesetFacts(UNLINKED, 'directory'), exception.Conflict),
    (records.FilesetFacts(OTHERS), exception.Conflict),
    (records.FilesetFacts(records.Fileset(
        'share', '/other', linked=True, comment='manila:1')),
     exception.Conflict),
    (records.FilesetFacts(records.Fileset(
        'share', comment='manila:1 from a:b')), exception.Conflict)])
def test_how_a_share_is_made(facts, steps):
    expect(lambda: created(facts), steps)


def expect(planned, steps):
    if isinstance(steps, list):
        assert names(planned()) == steps
    else:
        with pytest.raises(steps):
            planned()


def test_what_is_made_can_be_taken_back():
    first, *others = created(records.FilesetFacts(None))
    assert first.undo and not any(step.undo for step in others)


@pytest.mark.parametrize(('facts', 'steps'), [
    (records.FilesetFacts(None), []),
    (records.FilesetFacts(OURS), ['unlink fileset', 'delete fileset']),
    (records.FilesetFacts(UNLINKED), ['delete fileset']),
    (records.FilesetFacts(records.Fileset(
        'share', comment='manila:1 from a:b')),
     ['end copy', 'delete fileset']),
    (records.FilesetFacts(OURS, snapshots=('x',)), exception.Busy),
    (records.FilesetFacts(OTHERS), exception.Conflict)])
def test_how_a_share_is_removed(facts, steps):
    expect(lambda: planning.delete(SHARE, PATH, facts), steps)


@pytest.mark.parametrize(('quota', 'shrink', 'steps'), [
    (None, False, ['extend fileset']), (None, True, exception.BackendError),
    (records.FilesetQuota('share', 0, 0, 3 * KIB), True, []),
    (records.FilesetQuota('share', 3 * KIB, 0, 4 * KIB), True,
     ['shrink fileset']),
    (records.FilesetQuota('share', 3 * KIB, 1, 4 * KIB), True,
     exception.PossibleDataLoss),
    (records.FilesetQuota('share', 0, None, 4 * KIB), True,
     exception.BackendError),
    (records.FilesetQuota('share', 3 * KIB, 1, 4 * KIB), False,
     ['extend fileset'])])
def test_how_a_share_is_resized(quota, shrink, steps):
    expect(lambda: planning.resize(
        SHARE, 3, records.FilesetFacts(OURS, quota=quota), shrink=shrink),
        steps)


TAKEN, REMOVED = ['create snapshot'], ['delete snapshot']
RESTORED = ['restore snapshot', 'limit fileset']


@pytest.mark.parametrize(('facts', 'taken', 'removed', 'restored'), [
    (records.SnapshotFacts(OURS, None), TAKEN, [], exception.NotFound),
    (records.SnapshotFacts(OURS, SNAPSHOT), [], REMOVED, RESTORED),
    (records.SnapshotFacts(OURS, SNAPSHOT, ('other',)), [], exception.Busy,
     RESTORED),
    (records.SnapshotFacts(OURS, records.FilesetSnapshot(
        'snap', 'share', valid=False, half=True)),
     REMOVED + TAKEN, REMOVED, exception.NotFound),
    (records.SnapshotFacts(OURS, records.FilesetSnapshot(
        'snap', 'share', valid=False)), exception.BackendError,
     REMOVED, exception.NotFound),
    (records.SnapshotFacts(None, None), exception.NotFound, [],
     exception.NotFound),
    (records.SnapshotFacts(UNLINKED, SNAPSHOT), [], REMOVED,
     exception.Busy),
    (records.SnapshotFacts(records.Fileset(
        'share', PATH, linked=True, independent=False), None),
     exception.Unsupported, [], exception.NotFound),
    (records.SnapshotFacts(records.Fileset(
        'share', PATH, linked=True, restorable=False), SNAPSHOT), [],
     REMOVED, exception.Unsupported)])
def test_what_is_done_to_a_snapshot(facts, taken, removed, restored):
    expect(lambda: planning.create_snapshot(PLACE, facts), taken)
    expect(lambda: planning.delete_snapshot(PLACE, facts), removed)
    expect(lambda: planning.restore(PLACE, 2, facts), restored)


FOUND = records.Fileset('theirs', '/gpfs0/theirs', linked=True,
                        comment='of before', ident='7')


@pytest.mark.parametrize(('found', 'filesets', 'limit', 'steps'), [
    (FOUND, [FOUND], 0, ['rename fileset', 'move junction', 'limit fileset',
                         'mark fileset']),
    (records.Fileset('share', PATH, linked=True), [], 2 * KIB,
     ['mark fileset']),
    (records.Fileset('share'), [], 2 * KIB,
     ['link fileset', 'mark fileset'])])
def test_how_a_fileset_becomes_a_share(found, filesets, limit, steps):
    moves = planning.adopt(SHARE, found, PATH, filesets,
                           records.FilesetQuota(found.name, 0, 0, limit), 2)
    assert names(moves) == steps
    assert all(step.undo for step in moves)


def test_a_junction_between_two_filesets_is_made_anew():
    found = records.Fileset('share', '/gpfs0/a/theirs', linked=True)
    moves = planning.adopt(
        SHARE, found, PATH, [found, records.Fileset('a', '/gpfs0/a')],
        records.FilesetQuota('share', 0, 0, 2 * KIB), 2)
    assert names(moves) == ['unlink fileset', 'link fileset', 'mark fileset']
    assert moves.steps[0].undo.args == {'path': found.path}


def test_each_action_is_a_command():
    """In a plan of any kind."""
    make = commands.Commands(CHOSEN)
    for steps in (
            created(records.FilesetFacts(None)),
            planning.delete(SHARE, PATH, records.FilesetFacts(records.Fileset(
                'share', PATH, linked=True, comment='manila:1 from a:b'))),
            planning.restore(PLACE, 2, records.SnapshotFacts(OURS, SNAPSHOT)),
            planning.start_copy(SHARE, PATH, 'a:b', OURS, '.snapshots'),
            planning.adopt(SHARE, FOUND, PATH, [FOUND], records.FilesetQuota(
                'theirs'), 2)):
        for step in (*steps, *(one.undo for one in steps if one.undo)):
            made = getattr(make, step.action.replace(' ', '_'))(
                'gpfs0', step.target, **step.args)
            assert not made.reads
