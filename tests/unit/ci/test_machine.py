# SPDX-License-Identifier: Apache-2.0

"""A run says how fast its machine was, and what others took of it."""

import pytest

from tools.ci import machine

BEFORE = 'cpu  1000 0 500 8000 100 0 10 40 0 0'


def pace(costs, stats):
    return machine.Pace(iter(costs).__next__, iter(stats).__next__)


def test_the_work_is_told_at_the_start_in_the_median_and_at_worst():
    one = pace([20.0, 21.0, 60.4, 22.0], [BEFORE, BEFORE])
    for _ in range(3):
        one.look()
    assert '20 ms of CPU at the start, 22 in the median, 60 at worst' in str(
        one)


@pytest.mark.parametrize(('after', 'told'), [
    ('cpu  1100 0 500 8000 100 0 10 140 0 0', 'other machines took 50 %'),
    ('cpu  1100 0 500 8100 100 0 10 40 0 0', 'other machines took 0 %'),
    (BEFORE, 'the kernel does not tell'),
    # A kernel without that column, and none at all.
    ('cpu  1100 0 500 8100', 'the kernel does not tell'),
    ('', 'the kernel does not tell')])
def test_what_others_took(after, told):
    assert told in str(pace([20.0], [BEFORE, after]))


def test_it_works_here():
    one = machine.Pace(machine.work, machine.stat)
    one.look()
    assert 'a piece of work took ' in str(one)
    assert machine.work() > 0
