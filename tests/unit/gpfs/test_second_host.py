# SPDX-License-Identifier: Apache-2.0

"""A second management host goes on when the first one does not answer."""

import pytest

from manila_drivers import compat
from manila_drivers.ibm.gpfs import cloning

errors = compat.errors


@pytest.fixture
def place(make_place):
    return make_place(gpfs_management_hosts='n1,n2')


def clone_under_way(place, seconds=1000.0, dies=0):
    place.driver.check_for_setup_error()
    share = place.manager.create(size=2)
    place.lab.write(share.export, 4711)
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_seconds = seconds
    place.sim.options.copy_dies = dies
    return place.manager.create_from_snapshot(
        place.manager.new_clone(snapshot), snapshot)


def fileset(place, clone):
    return place.sim.state.filesets[f'share-{clone.id}']


def copies(place, clone):
    return len(place.sim.state.jobs[f'share-{clone.id}'].attempts)


def test_a_copy_goes_on_while_its_host_misses_a_turn(place):
    """No second one runs beside it, and none comes behind the end."""
    clone = clone_under_way(place)
    for _ in range(9):
        place.lab.dead = {'n1'}
        assert place.manager.poll(clone) == 'creating_from_snapshot'
        place.lab.dead = set()
        place.lab.advance(100)
        assert place.manager.poll(clone) == 'creating_from_snapshot'
        assert copies(place, clone) == 1
    place.lab.advance(101)
    assert place.manager.poll(clone) == 'available'
    place.lab.write(clone.export, 12345)
    place.lab.advance(10_000)
    assert fileset(place, clone).used == 12345


def test_a_copy_of_a_dead_host_is_taken_up_when_its_heart_stood_still(place):
    clone = clone_under_way(place)
    before = fileset(place, clone).ident
    place.sim.freeze('n1')
    place.lab.dead = {'n1'}
    place.manager.poll(clone)
    place.lab.advance(cloning.DEAD_AFTER - 1)
    assert place.manager.poll(clone) == 'creating_from_snapshot'
    assert copies(place, clone) == 1
    place.lab.advance(2)
    assert place.manager.poll(clone) == 'creating_from_snapshot'
    assert copies(place, clone) == 2
    assert fileset(place, clone).ident != before
    place.lab.advance(1001)
    assert place.manager.poll(clone) == 'available'
    # What was believed dead comes to life again, over data of users.
    place.lab.write(clone.export, 12345)
    place.lab.dead = set()
    place.sim.thaw('n1')
    place.lab.advance(10_000)
    assert fileset(place, clone).used == 12345


def test_a_host_that_can_be_asked_says_that_a_copy_died(place):
    """Nobody waits for a heart to stand still then."""
    clone = clone_under_way(place)
    place.sim.options.copy_dies = 1
    place.lab.dead = {'n1'}
    place.manager.poll(clone)
    place.lab.dead = set()
    place.lab.advance(1001)
    ident = fileset(place, clone).ident
    place.manager.poll(clone)
    place.manager.poll(clone)
    assert copies(place, clone) == 2
    assert fileset(place, clone).ident == ident


def test_a_renewal_that_was_cut_off_is_gone_on_with(place):
    clone = clone_under_way(place)
    place.sim.freeze('n1')
    place.lab.dead = {'n1'}
    place.manager.poll(clone)
    place.lab.advance(cloning.DEAD_AFTER + 1)
    make = place.driver._backend.client.make

    def failing(*words, **parts):
        raise KeyboardInterrupt

    made, make.create_fileset = make.create_fileset, failing
    with pytest.raises(KeyboardInterrupt):
        place.manager.poll(clone)
    assert f'share-{clone.id}' not in place.sim.state.filesets
    make.create_fileset = made
    place.manager.restart()
    place.lab.dead = {'n1'}
    assert place.manager.poll(clone) == 'creating_from_snapshot'
    place.lab.advance(1001)
    assert place.manager.poll(clone) == 'available'
    assert fileset(place, clone).used == 4711


def test_a_share_whose_copy_runs_elsewhere_can_be_deleted(place):
    clone = clone_under_way(place)
    place.sim.freeze('n1')
    place.lab.dead = {'n1'}
    place.manager.delete(clone)
    assert f'share-{clone.id}' not in place.sim.state.filesets
    assert place.sim.state.jobs == {}


def test_a_copy_that_never_gets_on_is_given_up_after_a_time(place):
    clone = clone_under_way(place, seconds=0.0, dies=10_000)
    for _ in range(cloning.ATTEMPTS + 5):
        assert place.manager.poll(clone) == 'creating_from_snapshot'
    place.lab.advance(cloning.NO_PROGRESS)
    assert place.manager.poll(clone) == 'error'


@pytest.mark.parametrize('new_process', [False, True])
def test_a_spell_in_which_nobody_answers_ends_no_copy(place, new_process):
    """Manila takes an error of the driver for the end of the share."""
    clone = clone_under_way(place)
    if new_process:
        place.manager.restart()
    place.lab.dead = {'n1', 'n2'}
    for _ in range(5):
        assert place.manager.poll(clone) == 'creating_from_snapshot'
        place.lab.advance(60)
    place.lab.dead = set()
    place.sim.options.down_nodes = ('n1', 'n2')
    assert place.manager.poll(clone) == 'creating_from_snapshot'
    place.sim.options.down_nodes = ()
    place.lab.advance(1000)
    assert place.manager.poll(clone) == 'available'


def test_a_copy_of_which_nothing_is_seen_for_long_is_an_error(place):
    clone = clone_under_way(place)
    place.lab.dead = {'n1', 'n2'}
    assert place.manager.poll(clone) == 'creating_from_snapshot'
    place.lab.advance(cloning.UNSEEN + 1)
    with pytest.raises(errors.ManilaException):
        place.manager.poll(clone)


def test_a_share_that_was_being_made_anew_can_be_deleted(place):
    clone = clone_under_way(place)
    place.sim.freeze('n1')
    place.lab.dead = {'n1'}
    place.manager.poll(clone)
    place.lab.advance(cloning.DEAD_AFTER + 1)
    place.driver._backend.client.make.create_fileset = None
    with pytest.raises(TypeError):
        place.manager.poll(clone)
    assert place.sim.state.jobs
    place.manager.restart()
    place.manager.delete(clone)
    assert place.sim.state.jobs == {}


def test_a_list_from_before_hides_no_copy(place):
    """A check of all shares is under way while a share is begun."""
    place.driver.check_for_setup_error()
    share = place.manager.create(size=2)
    snapshot = place.manager.create_snapshot(share)
    place.sim.options.copy_seconds = 1000.0
    execute = place.driver._backend.execute
    ask, clones = execute.ask, []

    def slow(commands):
        answers = ask(commands)
        if not clones:
            clones.append(place.manager.new_clone(snapshot))
            place.manager.create_from_snapshot(clones[0], snapshot)
        return answers

    execute.ask = slow
    place.manager.ensure([share])
    with pytest.raises(errors.ManilaException, match='being copied'):
        place.manager.delete_snapshot(snapshot)
    place.lab.advance(1001)
    assert place.manager.poll(clones[0]) == 'available'
    place.manager.delete_snapshot(snapshot)
