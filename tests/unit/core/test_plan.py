# SPDX-License-Identifier: Apache-2.0

"""Plans: order, references, undo, and stopping after any step."""

import concurrent.futures
import contextlib

import pytest

from manila_drivers import plan
from manila_drivers.transport import meter


class World:
    """A store of names; some steps fail, some find things there already."""

    def __init__(self, *, failing=(), present=()):
        self.things = list(present)
        self.failing = set(failing)
        self.done = []

    def perform(self, action, target, args):
        self.done.append((action, target))
        if (action, target) in self.failing:
            raise RuntimeError('no %s of %s' % (action, target))
        if action == 'remove':
            self.things.remove(target)
            return plan.Done()
        created = target not in self.things
        if created:
            self.things.append(target)
        return plan.Done({'name': target, 'args': dict(args)}, created)


def make(name, **args):
    return plan.Step('make', name, args, key=name,
                     undo=plan.Step('remove', name))


PLAN = plan.Plan((make('a'), make('b', of=plan.Ref('a', 'name')),
                  make('c', all_of=plan.Ref('b'))))


def test_steps_run_in_order_and_see_earlier_results():
    world = World()
    results = plan.run(PLAN, world.perform)
    assert world.things == ['a', 'b', 'c']
    assert results['b']['args'] == {'of': 'a'}
    assert results['c']['args']['all_of'] is results['b']


@pytest.mark.parametrize('failing', ['a', 'b', 'c'])
def test_a_failure_leaves_nothing_behind(failing):
    world = World(failing=[('make', failing)])
    with pytest.raises(RuntimeError, match=failing):
        plan.run(PLAN, world.perform)
    assert world.things == []


def test_undo_runs_in_reverse():
    world = World(failing=[('make', 'c')])
    with pytest.raises(RuntimeError):
        plan.run(PLAN, world.perform)
    assert world.done[-2:] == [('remove', 'b'), ('remove', 'a')]


def test_what_was_there_before_is_not_undone():
    world = World(failing=[('make', 'c')], present=['a'])
    with pytest.raises(RuntimeError):
        plan.run(PLAN, world.perform)
    assert world.things == ['a']


def test_a_failing_undo_is_noted_and_stops_no_other():
    world = World(failing=[('make', 'c'), ('remove', 'b')])
    with pytest.raises(RuntimeError, match='no make of c') as caught:
        plan.run(PLAN, world.perform)
    assert world.things == ['b']
    assert 'remove b' in caught.value.__notes__[0]


@pytest.mark.parametrize('count', range(4))
def test_stopping_after_a_step_undoes_nothing(count):
    world = World()
    results = plan.run(PLAN, world.perform, stop_after=count)
    assert world.things == ['a', 'b', 'c'][:count]
    assert list(results) == world.things


def test_an_undo_sees_results_and_values_as_they_are():
    seen = []

    def perform(action, target, args):
        seen.append((action, dict(args)))
        if action == 'fail':
            raise RuntimeError
        return plan.Done({'id': 7})

    steps = plan.Plan((
        plan.Step('make', 'a', {'size': 5}, key='a', undo=plan.Step(
            'remove', 'a', {'ident': plan.Ref('a', 'id'), 'force': True})),
        plan.Step('fail', 'b')))
    with pytest.raises(RuntimeError):
        plan.run(steps, perform)
    assert seen == [('make', {'size': 5}), ('fail', {}),
                    ('remove', {'ident': 7, 'force': True})]


def test_a_reference_reads_an_attribute_or_a_key():
    results = {'a': plan.Step('x', 'y'), 'b': {'target': 'z'}}
    assert plan.Ref('a', 'target').resolve(results) == 'y'
    assert plan.Ref('b', 'target').resolve(results) == 'z'
    assert plan.Ref('b').resolve(results) is results['b']


def test_an_interrupt_undoes_nothing():
    class Killed(BaseException):
        pass

    world = World()

    def perform(action, target, args):
        if target == 'c':
            raise Killed
        return world.perform(action, target, args)

    with pytest.raises(Killed):
        plan.run(PLAN, perform)
    assert world.things == ['a', 'b']


def test_a_plan_reads_as_text_and_is_false_when_empty():
    assert str(PLAN) == 'make a; make b; make c'
    assert PLAN
    assert not plan.Plan()
    assert str(plan.Plan()) == 'nothing to do'
    assert plan.Plan((make('a'),)) + plan.Plan((make('b'),)) == plan.Plan(
        (make('a'), make('b')))


# -- dry runs

def test_a_dry_run_shows_the_plan_and_ends_the_operation_there():
    world, after = World(), []
    with plan.dry_run() as dry:
        plan.run(PLAN, world.perform)
        after.append('went on')
    assert dry.plans == [PLAN]
    assert str(dry) == str(PLAN)
    assert not world.done and not after
    assert not plan.is_dry()
    plan.run(PLAN, world.perform)
    assert world.things == ['a', 'b', 'c']


def test_nothing_to_do_is_shown_as_well():
    with plan.dry_run() as dry:
        plan.run(plan.Plan(), World().perform)
    assert str(dry) == 'nothing to do'


def test_no_handler_of_failures_keeps_a_dry_run_from_ending():
    after = []
    with plan.dry_run() as dry:
        with contextlib.suppress(Exception):
            plan.run(PLAN, World().perform)
        after.append('went on')
    assert dry.plans == [PLAN] and not after


def test_what_cannot_be_planned_is_told_as_ever():
    with pytest.raises(LookupError), plan.dry_run():
        raise LookupError
    assert not plan.is_dry()


def test_many_objects_are_shown_each_and_the_operation_ends_then():
    world, after = World(), []

    def work(name):
        if name != 'b':
            plan.run(plan.Plan((make(name),)), world.perform)
        return name

    with plan.dry_run() as dry:
        plan.for_each(work, 'abc')
        after.append('went on')
    assert [str(one) for one in dry.plans] == ['make a', 'make c']
    assert str(dry) == 'make a\nmake c'
    assert not world.done and not after
    assert plan.for_each(work, 'abc') == ['a', 'b', 'c']
    assert world.things == ['a', 'c']


def test_what_no_plan_says_ends_a_dry_run_that_does_not_pass_over_it():
    with pytest.raises(plan.NotPlanned, match='remove a'), plan.dry_run():
        plan.before_change('remove a')
    assert not plan.is_dry()


def test_what_no_plan_says_is_held_back_even_if_it_is_passed_over():
    done = []

    def change():
        plan.before_change('remove a')
        done.append('a')

    def operation():
        with contextlib.suppress(Exception):
            change()
        plan.run(PLAN, World().perform)

    with pytest.raises(plan.NotPlanned, match='remove a'), plan.dry_run():
        operation()
    assert not done
    change()
    assert done == ['a']


def test_threads_of_an_operation_take_part_in_its_dry_run():
    with plan.dry_run() as dry, \
            concurrent.futures.ThreadPoolExecutor(1) as threads:
        threads.submit(meter.carried(plan.show), PLAN).result()
    assert dry.plans == [PLAN]


def test_a_step_says_what_people_want_to_know():
    step = plan.Step('extend', 'a', {'size': 5}, detail='from 3 to 5')
    assert str(step) == 'extend a (from 3 to 5)'
    assert step == plan.Step('extend', 'a', {'size': 5})
