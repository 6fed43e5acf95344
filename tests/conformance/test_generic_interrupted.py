# SPDX-License-Identifier: Apache-2.0

"""Calls of the Generic driver that are cut off are taken up by repetition.

The fault sweep plays a part of its cases in each run.  What is played here
is about calls that have a share away when they end.
"""

import contextlib

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.generic import planning
from manila_drivers.generic import transitions
from manila_drivers.model import GiB
from manila_drivers.testing.conformance import lab as labs
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.labs import generic_kinds
from manila_drivers.testing.conformance.stage import Stage


class Cut:
    """A share, and calls about it that are cut off.

    ``away`` counts those that left it without its own disk.
    """

    def __init__(self, make_lab):
        self.lab = make_lab()
        self.stage = Stage(self.lab)
        self.manager = self.stage.manager
        self.share = self.manager.create(size=2)
        self.manager.update(self.share, add=[self.stage.rule(),
                                             self.stage.rule(level='ro')])
        self.path = self.share.export.partition(':')[2]
        self.lab.machine.write(self.path, 'mine', b'1')
        self.away = 0

    def calls(self, work):
        """Return how many external calls a new process makes for it."""
        self.manager.restart()
        before = self.lab.seam.calls
        work()
        return self.lab.seam.calls - before

    def served(self):
        mounted = self.lab.machine.system.mounts.at(self.path)
        return mounted is not None and not mounted.gone

    def killed(self, nth, work):
        """Have a new process end behind its nth call."""
        self.manager.restart()
        self.lab.seam.kill(nth, after=True)
        with contextlib.suppress(seam.Killed):
            work()
        self._over()

    def cut(self, nth, program, work):
        """Have the script of its nth call end behind a program."""
        self.manager.restart()
        self.lab.arm(labs.Fault(f'cut at program {program}'), nth,
                     lasting=False)
        with contextlib.suppress(compat.errors.ManilaException):
            work()
        self._over()

    def _over(self):
        self.lab.seam.spare()
        self.lab.heal()
        self.away += not self.served()
        self.manager.restart()

    def verify(self, gib):
        """Check that all is as an undisturbed call leaves it."""
        assert self.served()
        assert self.lab._file_system(self.share.export).size == gib * GiB
        assert self.lab.machine.read(self.path, 'mine') == b'1'
        self.stage.exact(self.share)


def shrinks(cut):
    """Cut off a shrink behind programs of its script, and repeat it."""
    def shrink():
        cut.manager.resize(cut.share, 1)
    calls = cut.calls(shrink)
    for program in range(5, 17):
        cut.manager.resize(cut.share, 2)
        cut.cut(calls, program, shrink)
        shrink()
        cut.verify(1)


def extensions(cut):
    """Cut off extensions that have the share away, and repeat them."""
    def extend(gib):
        # The storage extends nothing that is attached.
        cut.lab.sim.spoil('extend')
        cut.manager.resize(cut.share, gib)
    calls = cut.calls(lambda: extend(3))
    for gib, nth in enumerate(range(13, calls, 5), 4):
        cut.killed(nth, lambda gib=gib: extend(gib))
        cut.manager.resize(cut.share, gib)
        cut.lab.sim.forgive()
        cut.verify(gib)


def checks(cut):
    """Cut off checks that attach a volume again, and repeat them."""
    def detached():
        cut.lab._detach(cut.share.id)
        cut.manager.ensure()
    calls = cut.calls(detached)
    for nth in range(8, calls + 1, 2):
        cut.killed(nth, detached)
        cut.manager.ensure()
        cut.verify(2)


def _refuses(facts):
    raise exception.BackendError('It is not mounted')


PLAYED = [
    (shrinks, generic.GenericLabs(), planning, 'back', _refuses),
    (extensions, generic.GenericLabs(), transitions, 'is_away',
     lambda volume: False),
    (checks, generic_kinds.server_labs(), transitions, 'RETURNING',
     frozenset({'available', 'in-use'}))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ('play', 'make_lab', 'owner', 'name', 'broken'), PLAYED,
    ids=[one[0].__name__ for one in PLAYED])
def test_what_is_cut_off_is_taken_up(monkeypatch, play, make_lab, owner,
                                     name, broken):
    cut = Cut(make_lab)
    try:
        play(cut)
        assert cut.away
        cut.manager.delete(cut.share)
        monkeypatch.setattr(owner, name, broken)
        with pytest.raises((AssertionError, compat.errors.ManilaException)):
            play(Cut(lambda: cut.lab))
    finally:
        cut.lab.close()
