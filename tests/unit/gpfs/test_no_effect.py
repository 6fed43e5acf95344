# SPDX-License-Identifier: Apache-2.0

"""Commands that exit with 0 and have done nothing; lists that tell nothing."""

import copy

import pytest

from manila_drivers import compat
from manila_drivers.transport import command
from tests.unit.gpfs.test_odd import answering
from tests.unit.gpfs.test_odd import without_rows

errors = compat.errors
Result = command.Result
ALICE, BOB = '10.0.0.1', '10.0.0.2'
GIB_IN_KIB = 1024 ** 2


def without_effect(place, name, times=1000):
    """Have a command of the cluster do nothing, and say nothing."""
    run, left = place.sim.run, [times]

    def idle(words, *more):
        if words[0] == 'flock':
            words = words[5:]
        if words[0].rpartition('/')[2] != name or 'list' in words \
                or not left[0]:
            return run(words, *more)
        left[0] -= 1
        return Result('', '', 0)

    place.sim.run = idle


def silently(place, name):
    """Have a command do what it shall and say nothing."""
    answering(place, name, lambda text: '' if 'HEADER' not in text else text)


class Life:
    """A share with all that can be done to it."""

    def __init__(self, place):
        self.manager, self.lab = place.manager, place.lab
        self.sim, self.driver = place.sim, place.driver
        self.share = self.manager.create(size=3)
        self.rules = [self.manager.rule(ALICE), self.manager.rule(BOB)]
        self.manager.update(self.share, add=self.rules)
        self.snapshot = self.manager.create_snapshot(self.share)
        self.unmanaged = self.lab.make_unmanaged('by-hand')
        self.lab.write(self.share.export, 4711)

    @property
    def fileset(self):
        return self.sim.state.filesets.get(f'share-{self.share.id}')

    def deny(self):
        self.manager.update(self.share, delete=self.rules[:1])
        return self.lab.effective(self.share.export, ALICE) is None

    def deny_all(self):
        self.manager.update(self.share, delete=self.rules)
        return self.lab.effective(self.share.export, ALICE) is None

    def shrink(self):
        self.manager.resize(self.share, 2)
        return self.fileset.limit_kib == 2 * GIB_IN_KIB

    def take_snapshot(self):
        self.manager.create_snapshot(self.share)
        return len(self.fileset.snapshots) == 2

    def delete_snapshot(self):
        self.manager.delete_snapshot(self.snapshot)
        return not self.fileset.snapshots

    def restore(self):
        self.driver.revert_to_snapshot(
            None, self.manager.snapshot_row(self.snapshot),
            self.manager.rule_rows(self.share, self.rules), [])
        return not self.fileset.used

    def manage(self):
        share = self.manager.manage(self.unmanaged)
        found = self.sim.state.filesets.get(f'share-{share.id}')
        return found is not None and found.path.endswith(found.name) \
            and share.id in found.comment

    def delete(self):
        self.manager.delete_snapshot(self.snapshot)
        self.manager.delete_only(self.share)
        return self.fileset is None

    def create(self):
        share = self.manager.create(size=2)
        return self.sim.state.filesets[f'share-{share.id}'].path


CHANGES = [
    ('deny', 'mmnfs'), ('deny_all', 'mmnfs'), ('shrink', 'mmsetquota'),
    ('take_snapshot', 'mmcrsnapshot'), ('delete_snapshot', 'mmdelsnapshot'),
    ('manage', 'mmchfileset'), ('manage', 'mv'), ('delete', 'mmdelfileset'),
    ('delete', 'mmunlinkfileset'), ('create', 'mmcrfileset'),
    ('create', 'mmlinkfileset'), ('restore', 'mmrestorefs')]


@pytest.mark.parametrize(('change', 'name'), CHANGES)
def test_what_was_not_done_is_not_believed(place, change, name):
    life = Life(place)
    without_effect(place, name)
    with pytest.raises(errors.ManilaException):
        getattr(life, change)()


@pytest.mark.parametrize(('change', 'name'), [
    one for one in CHANGES if one[0] not in (
        'shrink', 'manage', 'restore', 'delete_snapshot')])
def test_what_was_not_done_is_done_again(place, change, name):
    life = Life(place)
    without_effect(place, name, 1)
    assert getattr(life, change)()


@pytest.mark.parametrize(('change', 'name'), [
    one for one in CHANGES if one[0] != 'restore'])
def test_what_was_done_without_a_word_is_believed_when_seen(place, change,
                                                            name):
    life = Life(place)
    silently(place, name)
    assert getattr(life, change)()


# Lists

def test_a_list_without_the_root_fileset_tells_nothing(place):
    """Every file system has one, so that shares may lack as well."""
    share = place.manager.create()
    answering(place, 'mmlsfileset', without_rows)
    assert place.manager.ensure() == {share.id: {}}
    assert list(place.driver._owed.waiting()) == [share.id]


@pytest.mark.parametrize('whole', [False, True])
def test_a_fileset_that_is_not_told_of_is_not_gone(place, whole):
    share = place.manager.create()
    place.manager.restart()
    answering(place, 'mmlsfileset', lambda text: text if not whole and (
        ':root:' in text) else without_rows(text))
    if whole:
        with pytest.raises(errors.ManilaException, match='root fileset'):
            place.manager.delete_only(share)
        assert f'share-{share.id}' in place.sim.state.filesets
    else:
        place.manager.delete_only(share)
        assert f'share-{share.id}' not in place.sim.state.filesets


def cut_marks(text):
    """Builds that do not escape colons cut the driver's mark in two."""
    return text.replace('manila%3A', 'manila:')


def test_a_copy_is_not_done_because_its_mark_cannot_be_read(place):
    share = place.manager.create()
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_seconds = 100
    clone = place.manager.create_from_snapshot(
        place.manager.new_clone(snapshot), snapshot)
    answering(place, 'mmlsfileset', cut_marks)
    for _ in range(3):
        assert place.driver.get_share_status(place.manager.row(clone))[
            'status'] == 'creating_from_snapshot'
    place.manager.restart()
    place.driver.check_for_setup_error()
    with pytest.raises(errors.ManilaException):
        place.manager.delete_snapshot(snapshot)


@pytest.mark.parametrize('told', [
    'No snapshots in file system gpfs0\n', 'mmlssnapshot: daemon\n',
    'The daemon did not answer. No snapshots were listed.\n'])
def test_words_about_snapshots_that_are_not_an_answer(place, told):
    share = place.manager.create()
    snapshot = place.manager.create_snapshot(share)
    place.manager.restart()
    answering(place, 'mmlssnapshot', lambda text: told)
    if 'in file system' in told:
        place.manager.delete_snapshot(snapshot)
        return
    with pytest.raises(errors.ManilaException):
        place.manager.delete_snapshot(snapshot)
    assert place.sim.state.filesets[f'share-{share.id}'].snapshots


# What the next statistics see

def answering_as_usual(place, name, times=1):
    """Have a command answer as if it had done what it shall."""
    run, state, left = place.sim.run, place.sim.state, [times]

    def idle(words, *more):
        if words[0].rpartition('/')[2] != name or 'list' in words \
                or not left[0]:
            return run(words, *more)
        left[0] -= 1
        before = copy.deepcopy((state.exports, state.filesets))
        answer = run(words, *more)
        state.exports, state.filesets = before
        return answer

    place.sim.run = idle


def test_a_rule_that_was_not_taken_away_is_taken_with_the_statistics(
        place, caplog):
    life = Life(place)
    answering_as_usual(place, 'mmnfs')
    assert not life.deny()
    place.driver.get_share_stats(refresh=True)
    assert life.lab.effective(life.share.export, ALICE) is None
    assert life.lab.effective(life.share.export, BOB) == 'rw'
    assert 'this was made again' in caplog.text
    assert life.share.id in caplog.text
    caplog.clear()
    place.driver.get_share_stats(refresh=True)
    assert not caplog.text


def test_who_loses_access_with_others_is_seen_at_once(place):
    life = Life(place)
    answering_as_usual(place, 'mmnfs', 1000)
    with pytest.raises(errors.ManilaException, match='did not do what'):
        life.deny_all()


def test_rules_of_another_host_are_left_as_they_are(place, caplog):
    """It has changed them since."""
    life = Life(place)
    answering_as_usual(place, 'mmnfs')
    assert not life.deny()
    place.lab._set_clients('/' + life.share.export.partition(':/')[2],
                           {'10.0.0.9': 'rw'})
    place.driver.get_share_stats(refresh=True)
    assert life.lab.effective(life.share.export, '10.0.0.9') == 'rw'
    assert 'change its access rules' in caplog.text


def test_nobody_is_let_in_again_by_what_was_wanted_before(place, caplog):
    """Another host has turned out since who was let in here."""
    life = Life(place)
    before = {ALICE: 'rw', BOB: 'rw'}
    life.manager.update(life.share, add=[life.manager.rule('10.0.0.9')])
    place.lab._set_clients('/' + life.share.export.partition(':/')[2], before)
    place.driver.get_share_stats(refresh=True)
    assert life.lab.effective(life.share.export, '10.0.0.9') is None
    assert life.lab.effective(life.share.export, ALICE) == 'rw'
    assert 'change its access rules' in caplog.text


def test_nobody_is_let_in_with_the_statistics(place, caplog, monkeypatch):
    """Another host may have turned them out, and failed to note it."""
    life = Life(place)
    one = place.driver
    life.manager.update(life.share, add=[life.manager.rule('10.0.0.9')])
    assert life.lab.effective(life.share.export, '10.0.0.9') == 'rw'
    life.manager.restart()
    two = life.manager.driver

    def away(*args, **kwargs):
        raise RuntimeError('database away')
    monkeypatch.setattr(two.private_storage, 'update', away)
    rule = next(rule for rule in life.share.rules.values()
                if rule.to == '10.0.0.9')
    life.manager.update(life.share, delete=[rule])
    monkeypatch.undo()
    one.get_share_stats(refresh=True)
    assert life.lab.effective(life.share.export, '10.0.0.9') is None
    assert 'change its access rules' in caplog.text


@pytest.mark.parametrize('when', ['denied', 'looked at'])
def test_what_hosts_cannot_tell_each_other_is_not_made_again(
        place, caplog, monkeypatch, when):
    """Another one may have let the client in since."""
    life = Life(place)
    answering_as_usual(place, 'mmnfs')

    def away(*args, **kwargs):
        raise RuntimeError('database away')
    for call in 'get', 'update':
        if when == 'denied':
            monkeypatch.setattr(place.driver.private_storage, call, away)
    assert not life.deny()
    monkeypatch.undo()
    if when == 'looked at':
        monkeypatch.setattr(place.driver.private_storage, 'get', away)
    place.driver.get_share_stats(refresh=True)
    monkeypatch.undo()
    assert life.lab.effective(life.share.export, ALICE) == 'rw'
    assert 'change its access rules' in caplog.text
    assert 'or somebody else has changed this since' in caplog.text


@pytest.mark.parametrize(('change', 'name', 'told'), [
    ('extend', 'mmsetquota', 'was set to 7 GiB'),
    ('delete_snapshot', 'mmdelsnapshot', 'is still there'),
    ('take_snapshot', 'mmcrsnapshot', 'shows no valid one'),
    ('delete', 'mmdelfileset', 'is still there, with its data')])
def test_what_was_not_done_is_told_with_the_statistics(place, caplog, change,
                                                       name, told):
    life = Life(place)
    place.driver.get_share_stats(refresh=True)
    answering_as_usual(place, name)
    if change == 'extend':
        life.manager.resize(life.share, 7)
    else:
        getattr(life, change)()
    assert 'answered success' not in caplog.text
    place.sim.log.clear()
    place.driver.get_share_stats(refresh=True)
    assert 'Backend gpfs' in caplog.text
    assert 'answered success to a change' in caplog.text
    assert told in caplog.text
    caplog.clear()
    place.driver.get_share_stats(refresh=True)
    assert not caplog.text


def test_nothing_is_asked_again_that_was_seen(place):
    life = Life(place)
    life.manager.resize(life.share, 7)
    place.driver.get_share_stats(refresh=True)
    assert place.spent(
        lambda: place.driver.get_share_stats(refresh=True)) == (0, 1)


def test_what_cannot_be_asked_is_asked_the_next_time(place, caplog):
    life = Life(place)
    place.driver.get_share_stats(refresh=True)
    answering_as_usual(place, 'mmsetquota')
    life.manager.resize(life.share, 7)
    place.lab.dead = set(place.driver._backend.execute.hosts)
    place.driver.get_share_stats(refresh=True)
    place.lab.dead = set()
    assert 'answered success' not in caplog.text
    place.driver.get_share_stats(refresh=True)
    assert 'was set to 7 GiB' in caplog.text


@pytest.mark.parametrize(('change', 'name', 'told'), [
    ('extend', 'mmsetquota', 'was set to 7 GiB'),
    ('deny', 'mmnfs', 'was to be exported'),
    ('delete', 'mmdelfileset', 'is still there, with its data')])
def test_a_cluster_that_is_down_tells_later(place, caplog, change, name,
                                            told):
    life = Life(place)
    place.driver.get_share_stats(refresh=True)
    answering_as_usual(place, name)
    if change == 'extend':
        life.manager.resize(life.share, 7)
    else:
        getattr(life, change)()
    place.sim.options.down_nodes = tuple(place.driver._backend.execute.hosts)
    place.driver.get_share_stats(refresh=True)
    assert 'answered success to a change' not in caplog.text
    assert 'was to be exported' not in caplog.text
    place.sim.options.down_nodes = ()
    place.driver.get_share_stats(refresh=True)
    assert told in caplog.text
