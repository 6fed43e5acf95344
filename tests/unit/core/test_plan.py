# SPDX-License-Identifier: Apache-2.0

"""Plans: order, references, undo, and stopping after any step."""

import pytest

from manila_drivers import plan


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
