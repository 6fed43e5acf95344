# SPDX-License-Identifier: Apache-2.0

"""Test what exports are compared by, and how failures of servers are told."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers import plan
from manila_drivers.nas import exports
from tests.unit.nas import world


def levels(*given):
    """From texts such as ``ro 10.0.0.1``."""
    return {ipaddress.ip_network(client): level
            for each in given for level, client in [each.split()]}


MEETINGS = [
    # one, other, what both give
    ([], [], []), (['rw 10.0.0.1'], [], []),
    (['rw 10.0.0.1'], ['rw 10.0.0.1'], ['rw 10.0.0.1']),
    (['rw 10.0.0.1'], ['ro 10.0.0.1'], ['ro 10.0.0.1']),
    (['rw 10.0.0.0/8'], ['ro 10.0.0.1'], ['ro 10.0.0.1']),
    (['ro 10.0.0.0/8'], ['rw 10.0.0.1'], ['ro 10.0.0.1']),
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'], ['rw 10.0.0.0/8'],
     ['rw 10.0.0.0/8', 'ro 10.0.0.1']),
    (['rw 10.0.0.0/8'], ['ro 10.0.0.0/30', 'rw 11.0.0.1'],
     ['ro 10.0.0.0/30'])]


@pytest.mark.parametrize(('one', 'other', 'both'), MEETINGS)
def test_everybody_gets_the_less_of_two(one, other, both):
    assert networks.meet(levels(*one), levels(*other)) == levels(*both)
    assert networks.meet(levels(*other), levels(*one)) == levels(*both)
    export = world.export(levels(*other))
    narrowed = export.narrowed(levels(*one))
    assert narrowed.levels == levels(*both)
    assert (narrowed.path, narrowed.name, narrowed.fsid) == (
        export.path, export.name, export.fsid)


@pytest.mark.parametrize(('given', 'refused', 'dangerous'), [
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'], ['10.0.0.1'], True),
    # Who is refused could write as well, or nobody else lets them.
    (['ro 10.0.0.0/8', 'rw 10.0.0.1'], ['10.0.0.1'], False),
    (['rw 10.0.0.0/8', 'rw 10.0.0.1'], ['10.0.0.1'], False),
    (['rw 11.0.0.0/8', 'ro 10.0.0.1'], ['10.0.0.1'], False),
    (['ro 10.0.0.0/8', 'ro 10.0.0.1'], ['10.0.0.1'], False),
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'], [], False),
    # The wider one is refused as well.
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'], ['10.0.0.1', '10.0.0.0/8'], False),
    (['rw 10.0.0.0/8', 'ro 10.0.0.0/30', 'ro 10.0.0.1'],
     ['10.0.0.0/30', '10.0.0.1'], True)])
def test_nobody_may_write_because_a_rule_is_refused(given, refused,
                                                    dangerous):
    reasons = {ipaddress.ip_network(each): f'why {each}' for each in refused}
    if not dangerous:
        exports.require_readers('/p', levels(*given), reasons)
        return
    with pytest.raises(exception.InvalidRequest,
                       match=f'{len(refused)} networks') as caught:
        exports.require_readers('/p', levels(*given), reasons)
    assert caught.value.answer == f'why {refused[0]}'


# An export

@pytest.mark.parametrize(('given', 'text'), [
    ([], '/p to nobody'), (['ro 10.0.0.1'], '/p to 10.0.0.1/32 ro'),
    (['rw 10.0.0.0/8', 'ro 10.0.0.1'],
     '/p to 10.0.0.0/8 rw, 10.0.0.1/32 ro')])
def test_an_export_in_the_words_of_operators(given, text):
    assert str(world.export(levels(*given), path='/p')) == text


@pytest.mark.parametrize(('given', 'dropped', 'left'), [
    (['rw 10.0.0.1', 'ro 10.0.0.2'], [], ['rw 10.0.0.1', 'ro 10.0.0.2']),
    (['rw 10.0.0.1', 'ro 10.0.0.2'], ['10.0.0.2'], ['rw 10.0.0.1']),
    # What holds one would decide for it.
    (['rw 10.0.0.0/8', 'ro 10.0.0.2', 'rw 11.0.0.1'], ['10.0.0.2'],
     ['rw 11.0.0.1']),
    (['rw 10.0.0.0/8'], ['10.0.0.2'], []),
    # What lies in one does not.
    (['rw 10.0.0.1'], ['10.0.0.0/8'], ['rw 10.0.0.1'])])
def test_a_network_is_dropped_with_all_that_hold_it(given, dropped, left):
    export = world.export(levels(*given), options=('all_squash',))
    assert export.without(map(ipaddress.ip_network, dropped)) \
        == world.export(levels(*left), options=('all_squash',))


@pytest.mark.parametrize(('wanted', 'servers', 'gives'), [
    (['rw 10.0.0.1'], [], False),
    (['rw 10.0.0.1'], [['rw 10.0.0.1']], False),
    (['rw 10.0.0.1'], [['rw 10.0.0.0/8']], False),
    (['ro 10.0.0.1'], [['rw 10.0.0.1']], False),
    ([], [['rw 10.0.0.1']], False), ([], [None], False),
    (['rw 10.0.0.1'], [['ro 10.0.0.1']], True),
    (['ro 10.0.0.1'], [None], True),
    # One of them is enough.
    (['rw 10.0.0.1'], [['rw 10.0.0.1'], ['rw 10.0.0.2']], True)])
def test_whether_somebody_gets_more(wanted, servers, gives):
    """None is a server that does not export it, but something else."""
    found = [exports.Seen({'/q': levels('rw 10.0.0.1')} if each is None
                          else {'/p': levels(*each)}) for each in servers]
    assert world.export(levels(*wanted), path='/p').gives(found) is gives


# What is seen of a server

def test_what_is_seen_is_looked_at_when_it_is_asked_for():
    asked = []

    def look(path):
        asked.append(path)
        return levels('rw 10.0.0.1'), path != '/bad'

    seen = exports.Seen.when_asked(['/a', '/bad'], look)
    assert asked == []
    assert len(seen.levels) == 2
    assert set(seen.levels) == {'/a', '/bad'}
    assert asked == []
    assert seen.levels['/a'] == levels('rw 10.0.0.1')
    assert '/a' not in seen.doubtful
    assert asked == ['/a']
    assert '/bad' in seen.doubtful
    assert set(seen.doubtful) == {'/bad'}
    assert len(seen.doubtful) == 1
    assert asked == ['/a', '/bad']
    # What is not known is not looked at.
    assert '/c' not in seen.doubtful
    with pytest.raises(KeyError):
        seen.levels['/c']
    assert asked == ['/a', '/bad']


# What became of it

NO = exception.NotFound('gone')
DOWN = exception.Unreachable('down', answer='no route')
UNKNOWN = exception.OutcomeUnknown('lost')
BAD = exception.BackendError('bad')


@pytest.mark.parametrize(('errors', 'kind'), [
    ([NO], exception.NotFound), ([NO, NO], exception.NotFound),
    ([DOWN, DOWN], exception.Unreachable),
    # Some server may have done something.
    ([DOWN, UNKNOWN], exception.OutcomeUnknown),
    ([DOWN, BAD], exception.OutcomeUnknown),
    ([NO, DOWN], exception.OutcomeUnknown),
    ([NO, BAD], exception.BackendError), ([BAD], exception.BackendError)])
def test_one_error_for_several_servers(errors, kind):
    found = exports.report(dict(zip(['b', 'a'], errors, strict=False)),
                           'Cannot')
    assert type(found) is kind
    names = ', '.join(sorted('ba'[:len(errors)]))
    assert found.what.rstrip('.') == f'Cannot on {names}'
    for server, error in zip('ba', errors, strict=False):
        assert f'{server}: {" ".join(str(error).split())}' in found.answer
    assert found.answer.split(': ')[0] == names[0]
    assert [each.split(': ')[0] for each in found.answer.split('; ')] == [
        *sorted('ba'[:len(errors)])]


def test_servers_that_failed():
    assert exports.failed({
        'a': exports.Outcome(), 'b': exports.Outcome(error=DOWN)}) == {
        'b': DOWN}


@pytest.mark.parametrize(('outcomes', 'living', 'done'), [
    ({'a': exports.Outcome(exports.Seen({}))}, ('a',), {'a'}),
    ({'a': exports.Outcome(exports.Seen({})), 'b': exports.Outcome(
        error=DOWN)}, ('a',), {'a'}),
    # It answers and has not done it.
    ({'a': exports.Outcome(exports.Seen({}), BAD), 'b': exports.Outcome(
        exports.Seen({}))}, ('a', 'b'), {'b'}),
    ({'a': exports.Outcome(error=DOWN)}, (), set())])
def test_who_answers_and_who_has_done_it(outcomes, living, done):
    wanted = world.export(levels('rw 10.0.0.1'))
    found = exports.conclude(
        exports.ExportDecision(wanted, wanted, False, {}), outcomes, {})
    assert (found.living, set(found.done)) == (living, done)


def seen(*given, doubtful=()):
    return exports.Seen(
        {'/p': levels(*given)} if given else {}, frozenset(doubtful))


@pytest.mark.parametrize(('servers', 'unlike'), [
    ([], False), ([seen()], False), ([seen('rw 10.0.0.1')], False),
    ([seen('rw 10.0.0.1')] * 2, False), ([seen()] * 2, False),
    ([seen('rw 10.0.0.1'), seen('ro 10.0.0.1')], True),
    ([seen('rw 10.0.0.1'), seen()], True),
    ([seen(), seen('rw 10.0.0.1')], True),
    # For nobody is not at all.
    ([seen(), exports.Seen({'/p': {}})], False),
    ([exports.Seen({'/p': {}}), seen()], False),
    # Alike, and odd.
    ([seen('rw 10.0.0.1', doubtful=['/p'])], True),
    ([seen('rw 10.0.0.1'), seen('rw 10.0.0.1', doubtful=['/p'])], True),
    # Something else is odd, or not alike.
    ([seen('rw 10.0.0.1', doubtful=['/q'])] * 2, False),
    ([exports.Seen({'/q': levels('rw 10.0.0.1')}), seen()], False)])
def test_servers_that_are_not_alike(servers, unlike):
    assert exports.unlike('/p', iter(servers)) is unlike


def test_what_is_not_told_by_all_is_told_by_none():
    one, other = seen('rw 10.0.0.1'), seen()
    assert exports.told_by_all({'a': one, 'b': other}, '/p') == {
        'a': one, 'b': other}
    assert exports.told_by_all({}, '/p') == {}
    with pytest.raises(exception.Unreachable,
                       match='who may reach /p: no answer on b') as caught:
        exports.told_by_all({'a': one, 'b': DOWN}, '/p')
    assert caught.value.answer.startswith('b: ')


@pytest.mark.parametrize(('outcomes', 'goes_on'), [
    ({}, True), ({'a': exports.Outcome()}, True),
    ({'a': exports.Outcome(error=DOWN)}, False),
    ({'a': exports.Outcome(), 'b': exports.Outcome(error=BAD)}, False)])
def test_no_more_is_done_where_a_server_cannot_follow(outcomes, goes_on):
    wanted = world.export(levels('rw 10.0.0.1'))
    here, more = plan.Step('export', 'c'), plan.Step('note', 'share')
    planned = exports.AccessPlan(
        exports.ExportDecision(wanted, wanted, False, None),
        exports.FleetPlan([wanted], plan.Plan((here,)), {}, outcomes))
    assert planned.followed_by(plan.Plan((more,))).steps == (
        here, *([more] if goes_on else []))
