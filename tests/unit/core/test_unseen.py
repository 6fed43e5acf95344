# SPDX-License-Identifier: Apache-2.0

"""Looks that are left to the statistics, and what keeps none from others."""

import logging

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers import unseen


class Looks:
    """Looks by name, with what each of them finds or raises."""

    def __init__(self, *names):
        self.now = 0.0
        self.unseen = unseen.Unseen('b', lambda: self.now)
        self.answers = dict.fromkeys(names, '')
        self.taken = []
        for name in names:
            self.unseen.expect(name, lambda name=name: self.take(name))

    def take(self, name):
        self.taken.append(name)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def round(self):
        """Names of the looks that the next statistics take."""
        self.taken.clear()
        self.unseen.look()
        return list(self.taken)


def test_each_look_is_taken_once_and_told(caplog):
    looks = Looks('one', 'two', 'three', 'four')
    looks.answers['two'] = unseen.Certain('share two has 1 GiB')
    looks.answers['three'] = exception.BackendError('No answer that is one')
    looks.answers['four'] = 'share four has 1 GiB'
    assert looks.round() == ['one', 'two', 'three', 'four']
    looks.answers['three'] = ''
    assert looks.round() == ['three']
    assert looks.round() == []
    told = [(line.levelno, line.getMessage()) for line in caplog.records]
    assert [level for level, _ in told] == [
        logging.ERROR, logging.WARNING, logging.WARNING]
    assert told[0][1].endswith(': share two has 1 GiB')
    assert told[1][1].endswith(': No answer that is one.')
    # Another host may have changed it.
    assert told[2][1].endswith(
        f': share four has 1 GiB. {unseen.EITHER}')
    assert 'Backend b' in caplog.text


def test_who_is_busy_keeps_nobody_else_waiting():
    looks = Looks('one', 'two')
    looks.answers['one'] = exception.Busy('A copy goes on')
    assert looks.round() == ['one', 'two']
    looks.unseen.expect('three', lambda: looks.take('three'))
    looks.answers['three'] = ''
    assert looks.round() == ['one', 'three']
    looks.answers['one'] = ''
    assert [looks.round(), looks.round()] == [['one'], []]


def test_one_that_never_answers_is_asked_behind_the_others():
    looks = Looks('one', 'two', 'three')
    looks.answers['one'] = exception.TransportError('No answer')
    assert looks.round() == ['one']
    assert looks.round() == ['two', 'three', 'one']
    looks.answers['one'] = ''
    assert [looks.round(), looks.round()] == [['one'], []]


def test_so_many_are_taken_at_once_and_so_many_kept():
    names = list(range(unseen._MOST + 5))
    looks = Looks(*names)
    assert looks.round() == names[5:5 + unseen.BATCH]
    assert looks.round() == names[5 + unseen.BATCH:5 + 2 * unseen.BATCH]


def test_slow_looks_keep_the_statistics_for_so_long():
    """They tell the scheduler if a backend is there at all."""
    looks = Looks(*range(9))

    def slow(name):
        looks.now += unseen.LONGEST / 3
        return Looks.take(looks, name)
    looks.take = slow
    assert looks.round() == [0, 1, 2]
    assert looks.round() == [3, 4, 5]
    looks.answers[6] = exception.Busy('A copy goes on')
    assert [looks.round(), looks.round()] == [[6, 7, 8], [6]]


def test_a_later_change_voids_what_was_expected():
    looks = Looks('one', 'two')
    looks.unseen.forget('one')
    looks.unseen.expect('two', lambda: looks.take('one'))
    assert looks.round() == ['one']


def test_a_look_that_is_wrong_itself_stops_nothing(caplog):
    looks = Looks('one', 'two')
    looks.answers['one'] = KeyError('id')
    assert looks.round() == ['one', 'two']
    assert "it could not be seen if a change was made: 'id'" in caplog.text


@pytest.mark.parametrize('after', ['forget', 'expect'])
def test_what_changes_during_a_look_is_not_told(caplog, after):
    looks = Looks('one')

    def take():
        if after == 'forget':
            looks.unseen.forget('one')
        else:
            looks.unseen.expect('one', lambda: looks.take('one'))
        return 'it is not there'
    looks.unseen.expect('one', take)
    looks.unseen.look()
    assert caplog.records == []
    assert looks.round() == ([] if after == 'forget' else ['one'])


def test_a_dry_run_expects_nothing():
    with plan.dry_run():
        looks = Looks('one')
    assert looks.round() == []


def test_what_is_refused_for_a_while_is_told_once_and_seen_later(caplog):
    looks = Looks('one')
    looks.answers['one'] = exception.BackendError('GPFS is down')
    for _ in range(5):
        assert looks.round() == ['one']
        looks.now += 60
    assert [line.levelno for line in caplog.records
            if line.levelno > logging.INFO] == [logging.WARNING]
    looks.answers['one'] = 'it is not there'
    assert looks.round() == ['one']
    assert 'it is not there' in caplog.text


def test_what_is_refused_for_ever_is_not_asked_for_ever(caplog):
    looks = Looks('one')
    looks.answers['one'] = exception.BackendError('No such command')
    assert looks.round() == ['one']
    looks.now += unseen.PATIENCE
    caplog.clear()
    assert looks.round() == ['one']
    assert 'could not be seen' in caplog.text
    assert looks.round() == []
