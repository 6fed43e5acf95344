# SPDX-License-Identifier: Apache-2.0

"""Test what exports are compared by, and how failures of servers are told."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers import networks
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
    assert found.answer.count('; ') == len(errors) - 1


def test_servers_that_failed():
    assert exports.failed({
        'a': exports.Outcome(), 'b': exports.Outcome(error=DOWN)}) == {
        'b': DOWN}
