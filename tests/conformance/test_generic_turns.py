# SPDX-License-Identifier: Apache-2.0

"""Long work on one share keeps nobody from changing another.

Programs of a service instance take their time here, while others run theirs.
"""

import contextlib
import threading

import pytest

from manila_drivers import compat
from manila_drivers.generic import hosts
from manila_drivers.generic import shares
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import stage as stages
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.guest import machine

errors = compat.errors
HOURS = 3 * 3600.0
#: Seconds that others may take of the time that passes in there.
SOON = 3.0
LABS = {'nfs': generic.GenericLabs(), 'address': generic_kinds.cifs_labs(),
        'user': generic_kinds.user_labs()}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody has to wait for minutes to see that somebody waits."""
    monkeypatch.setattr(hosts, 'TURN', 2.0)
    monkeypatch.setattr(shares, 'TURN', 2.0)


class Long:
    """A call that is at a program which takes its time."""

    def __init__(self, stage, match, work):
        self.lab = stage.lab
        self.error = None
        self.pause = self.lab.machine.pause(match)
        self.thread = threading.Thread(target=self._run, args=(work,),
                                       daemon=True)
        self.thread.start()
        while not self.pause.reached.wait(0.05):
            assert self.thread.is_alive(), self.error

    def _run(self, work):
        try:
            work()
        except BaseException as exc:
            self.error = exc

    def lose(self):
        """End the process that waits for it; the script goes on."""
        self.pause.lost.set()
        self.thread.join(30)
        assert isinstance(self.error, errors.ManilaException)

    def end(self):
        self.pause.over.set()
        self.pause.by.join(30)
        self.thread.join(30)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def during(stage, match, work):
    """Do something while a call is at a program, and end it then."""
    long = Long(stage, match, work)
    try:
        yield long
    finally:
        long.end()
    assert long.error is None or long.pause.lost.is_set(), long.error


@contextlib.contextmanager
def soon(stage, calls=None):
    """Check that something takes no longer than with nobody else there."""
    clock, seam = stage.lab.clock, stage.lab.seam
    began, before = clock(), seam.calls
    yield
    assert clock() - began <= SOON
    assert calls is None or seam.calls - before <= calls


@pytest.fixture(params=LABS)
def stage(request):
    lab = LABS[request.param]()
    yield stages.Stage(lab)
    lab.close()


@pytest.fixture
def nfs():
    lab = generic.GenericLab()
    yield stages.Stage(lab)
    lab.close()


def levels(stage, share, *rules):
    return [stage.lab.effective(share.export, stage.client(one))
            for one in rules]


def machine_path(share):
    return f'/shares/share-{share.id}'


def shrunk(stage, share):
    mounted = stage.lab.machine.system.mounts.at(machine_path(share))
    return mounted is not None and mounted.content.size == GiB


def others_go_on(stage, other, rule, more):
    """Take away, let in, make and delete; each at once."""
    manager = stage.manager
    with soon(stage, 2):
        manager.update(other, delete=[rule])
    assert levels(stage, other, rule, more) == [None, 'rw']
    with soon(stage, 2):
        manager.update(other, add=[rule])
    stage.exact(other)
    made = stage.shared(stage.rule())
    stage.exact(made)
    manager.delete(made)
    manager.delete(other)


@pytest.mark.parametrize('program', ['e2fsck', 'resize2fs /dev', 'umount',
                                     'mount -t'])
def test_a_shrink_of_hours_keeps_nobody_else(stage, program):
    manager, lab = stage.manager, stage.lab
    mine, also, theirs, more = (stage.rule() for _ in range(4))
    share, other = stage.shared(mine, also, size=2), stage.shared(theirs,
                                                                  more)
    lab.machine.write(machine_path(share), 'mine', b'1')
    with during(stage, program, lambda: manager.resize(share, 1)):
        lab.advance(HOURS)
        assert levels(stage, share, mine, also) == [None, None]
        others_go_on(stage, other, theirs, more)
        assert levels(stage, share, mine, also) == [None, None]
    assert shrunk(stage, share)
    stage.exact(share)
    assert lab.machine.read(machine_path(share), 'mine') == b'1'


@pytest.mark.parametrize('lost', [False, True])
@pytest.mark.parametrize('program', ['e2fsck', 'umount'])
def test_access_to_a_share_that_shrinks_is_changed_at_once(stage, program,
                                                          lost):
    """It is closed meanwhile, and is opened for whom it is to be then."""
    manager = stage.manager
    mine, also, more = (stage.rule() for _ in range(3))
    share = stage.shared(mine, also, size=2)
    with during(stage, program, lambda: manager.resize(share, 1)) as long:
        stage.lab.advance(HOURS)
        if lost:
            long.lose()
            manager.restart()
        with soon(stage, None if lost else 3):
            manager.update(share, add=[more], delete=[mine])
        assert levels(stage, share, mine, also, more) == [None] * 3
    assert shrunk(stage, share)
    stage.exact(share, mine)
    # And after the next boot.
    stage.lab.machine.reboot(orderly=False)
    stage.lab.advance(120.0)
    stage.exact(share, mine)


@pytest.mark.parametrize('lost', [False, True])
def test_nobody_is_let_in_after_all_were_turned_out(stage, lost):
    manager = stage.manager
    rules = [stage.rule() for _ in range(3)]
    share = stage.shared(*rules, size=2)
    with during(stage, 'e2fsck', lambda: manager.resize(share, 1)) as long:
        if lost:
            long.lose()
            manager.restart()
        with soon(stage, None if lost else 3):
            manager.update(share, delete=rules)
    assert shrunk(stage, share)
    stage.exact(share, *rules)
    manager.update(share, add=rules)
    stage.exact(share)


class Denied:
    """Programs of a service instance that fail, and a pause behind them."""

    def __init__(self, lab, match, then):
        self.pause = machine.Pause(then)
        self._match, self._lab = match, lab
        self._told, lab.machine.programs._told = (
            lab.machine.programs._told, self)

    def __call__(self, words):
        found = self._told(words)
        if not ' '.join(words).startswith(self._match):
            return found
        if self.pause not in self._lab.machine.pauses:
            self._lab.machine.pauses.append(self.pause)
        return faults.Fault('status', code=1)


def test_nobody_is_turned_out_of_a_share_that_cannot_be_closed(nfs):
    """It is about to be opened again, and would be for whom it was."""
    manager, lab = nfs.manager, nfs.lab
    mine, also = nfs.rule(), nfs.rule()
    share = nfs.shared(mine, also, size=2)
    # Scripts let others have their turn.
    lab.machine.pause('nothing')
    denied = Denied(lab, 'exportfs -u', 'cat /proc/self/mountinfo')

    def shrink():
        with pytest.raises(errors.ManilaException):
            manager.resize(share, 1)

    shrinking = threading.Thread(target=shrink, daemon=True)
    shrinking.start()
    assert denied.pause.reached.wait(30)
    with pytest.raises(errors.ManilaException, match='worked on'):
        manager.update(share, delete=[mine])
    denied.pause.over.set()
    shrinking.join(30)
    assert levels(nfs, share, mine, also) == ['rw', 'rw']
    lab.machine.programs._told = denied._told
    manager.update(share, delete=[mine])
    nfs.exact(share, mine)


def test_nobody_works_beside_a_script_that_goes_on(stage):
    """The service was killed; what it began is not repeated beside it."""
    manager, lab = stage.manager, stage.lab
    rule = stage.rule()
    share = stage.shared(rule, size=2)
    lab.machine.write(machine_path(share), 'mine', b'1')
    with during(stage, 'resize2fs /dev',
                lambda: manager.resize(share, 1)) as long:
        long.lose()
        manager.restart()
        for work in (lambda: manager.resize(share, 1),
                     lambda: manager.resize(share, 3),
                     lambda: manager.create_snapshot(share),
                     lambda: manager.delete_only(share)):
            with pytest.raises(errors.ManilaException, match='work'):
                work()
        before = lab.records()
        answer = manager.ensure([share])[share.id]
        assert answer.get('status') != 'error'
        assert lab.records() == before
        assert levels(stage, share, rule) == [None]
    assert shrunk(stage, share)
    manager.resize(share, 1)
    manager.ensure([share])
    stage.exact(share)
    assert lab.machine.read(machine_path(share), 'mine') == b'1'
    manager.delete(share)


@pytest.mark.parametrize('program', ['e2fsck', 'umount', 'mount -t'])
def test_a_check_meanwhile_touches_nothing(stage, program):
    manager, lab = stage.manager, stage.lab
    share, other = (stage.shared(stage.rule(), size=2) for _ in range(2))
    with during(stage, program, lambda: manager.resize(share, 1)):
        before = lab.records()
        with soon(stage):
            answers = manager.ensure([share, other])
        assert answers[share.id].get('status') != 'error'
        assert lab.records() == before
        manager.stats()
        manager.usage()
        stage.exact(other)
    stage.exact(share)


def copied(stage, share):
    """Return what mounts a copy for the first time."""
    manager = stage.manager
    snapshot = manager.create_snapshot(share)
    copy = manager.new_clone(snapshot, size=3)
    manager.create_from_snapshot(copy, snapshot)
    return lambda: manager.finish_clone(copy)


def made(stage, share):
    return stage.manager.create


def grown(stage, share):
    return lambda: stage.manager.resize(share, 3)


def remounted(stage, share):
    stage.lab.machine.unmount(machine_path(share))
    return lambda: stage.manager.ensure([share])


def frozen(stage, share):
    return lambda: stage.manager.create_snapshot(share)


def deleted(stage, share):
    return lambda: stage.manager.delete_only(share)


def late(stage, share):
    """Its disk is seen after a while."""
    stage.lab.machine.system.disks.late = (8.0, 9.0)
    return stage.manager.create


def small(stage, share):
    """Its disk has grown after a while."""
    stage.lab.machine.system.disks.late = (8.0, 9.0)
    return lambda: stage.manager.resize(share, 3)


@pytest.mark.parametrize(('play', 'program'), [
    (made, 'mkfs'), (made, 'mount -t'), (made, 'blkid'), (late, 'sleep'),
    (copied, 'e2fsck'), (copied, 'tune2fs'), (copied, 'mount -t'),
    (copied, 'resize2fs'), (grown, 'resize2fs'), (small, 'sleep'),
    (remounted, 'e2fsck'), (remounted, 'mount -t'), (frozen, 'fsfreeze -f'),
    (deleted, 'umount'), (deleted, 'sync -f')])
def test_other_long_work_keeps_nobody_else(nfs, play, program):
    stage = nfs
    theirs, more = stage.rule(), stage.rule()
    share, other = stage.shared(stage.rule(), size=2), stage.shared(theirs,
                                                                    more)
    with during(stage, program, play(stage, share)):
        stage.lab.advance(HOURS)
        stage.lab.machine.system.disks.late = (0.2, 3.0)
        others_go_on(stage, other, theirs, more)


@pytest.mark.parametrize('program', ['resize2fs', 'sleep'])
def test_who_is_turned_out_of_a_share_that_grows_is(nfs, program):
    stage = nfs
    manager = stage.manager
    mine, also = stage.rule(), stage.rule()
    share = stage.shared(mine, also, size=2)
    with during(stage, program, small(stage, share)):
        with soon(stage, 2):
            manager.update(share, delete=[mine])
        assert levels(stage, share, mine, also) == [None, 'rw']
    stage.exact(share, mine)


@pytest.mark.parametrize('program', ['e2fsck', 'resize2fs /dev'])
@pytest.mark.parametrize('orderly', [False, True])
def test_a_reboot_meanwhile(stage, program, orderly):
    manager, lab = stage.manager, stage.lab
    mine, also = stage.rule(), stage.rule()
    share = stage.shared(mine, also, size=2)
    with during(stage, program, lambda: manager.resize(share, 1)) as long:
        with soon(stage, 3):
            manager.update(share, delete=[mine])
        long.lose()
        lab.machine.reboot(orderly=orderly)
    lab.advance(120.0)
    manager.restart()
    assert levels(stage, share, mine) == [None]
    # Samba has written down that it is closed.
    manager.ensure([share])
    stage.exact(share, mine)
    manager.resize(share, 1)
    stage.exact(share, mine)
    assert shrunk(stage, share)


def rebooted(stage, share):
    """Have a shrink be cut off by a reboot; Samba has noted it as closed."""
    with during(stage, 'e2fsck', lambda: stage.manager.resize(
            share, 1)) as long:
        long.lose()
        stage.lab.machine.reboot(orderly=False)
    stage.lab.advance(120.0)


def test_the_next_start_opens_what_a_reboot_has_left_closed(stage):
    manager = stage.manager
    share, other = (stage.shared(stage.rule(), size=2) for _ in range(2))
    manager.restart()
    manager.start()
    rebooted(stage, share)
    manager.restart()
    assert manager.start()
    stage.exact(share)
    stage.exact(other)
    manager.restart()
    assert not manager.start()


def test_what_a_reboot_has_left_closed_is_told(stage, caplog):
    """With the statistics, by the process whose call was cut off."""
    manager = stage.manager
    share = stage.shared(stage.rule(), size=2)
    manager.start()
    rebooted(stage, share)
    assert list(manager.driver.owed_checks()) == [share.id]
    manager.stats()
    closed = manager.row(share)['share_proto'] != 'NFS'
    assert ('ensure shares' in caplog.text) is closed
    assert bool(manager.driver.owed_checks()) is closed
    manager.ensure([share])
    stage.exact(share)


def test_nothing_is_owed_after_a_shrink(stage):
    manager = stage.manager
    share = stage.shared(stage.rule(), size=2)
    manager.start()
    with during(stage, 'e2fsck', lambda: manager.resize(share, 1)):
        # It is not checked while the call goes on.
        before = len(stage.lab.machine.ran)
        assert list(manager.driver.owed_checks()) == [share.id]
        manager.stats()
        assert not [words for words in stage.lab.machine.ran[before:]
                    if words[0] == 'mount']
    assert not manager.driver.owed_checks()
    manager.restart()
    assert not manager.start()


def test_a_script_of_the_version_before_is_waited_for(nfs):
    """It has the lock of all, while it is at work on one."""
    stage = nfs
    mine, theirs = stage.rule(), stage.rule()
    share, other = stage.shared(mine), stage.shared(theirs)
    locked = stage.lab.machine.programs.locked
    locked['/run/manila-share.lock'] = stage.lab.clock() + 30
    stage.manager.update(other, delete=[theirs])
    stage.exact(other, theirs)
    locked['/run/manila-share.lock'] = stage.lab.clock() + 600
    with pytest.raises(errors.ManilaException, match='busy'):
        stage.manager.update(share, delete=[mine])
    stage.lab.advance(600)
    stage.manager.update(share, delete=[mine])
    stage.exact(share, mine)
