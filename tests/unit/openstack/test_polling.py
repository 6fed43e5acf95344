# SPDX-License-Identifier: Apache-2.0

"""Waiting with a deadline."""

import itertools

import pytest

from manila_drivers import exception
from manila_drivers.openstack import polling
from manila_drivers.testing.conformance import clock


@pytest.fixture
def time():
    return clock.Clock(0)


def wait(time, look, limit=60, done=bool, **more):
    return polling.until(look, done, limit=limit, what='The volume',
                         clock=time, sleep=time.sleep, **more)


def test_what_is_done_at_once_is_not_waited_for(time):
    assert wait(time, lambda: 7) == 7
    assert time() == 0


def test_pauses_grow_from_half_a_second_to_five(time):
    seen = []
    wait(time, lambda: seen.append(time()) or time() > 60, 120)
    pauses = [after - before for before, after
              in itertools.pairwise(seen)]
    assert pauses[0] == 0.5 and max(pauses) == 5
    assert pauses == sorted(pauses)


def test_the_time_is_over_when_it_is_over(time):
    seen = []
    with pytest.raises(exception.Busy, match=r'The volume.*60 s.*creating'):
        wait(time, lambda: seen.append(time()) or 'creating',
             done=lambda status: status == 'available')
    assert time() == pytest.approx(60)
    # It is looked once more at the end.
    assert seen[-1] == pytest.approx(60)


def test_a_look_that_takes_long_counts(time):
    looks = []

    def look():
        looks.append(time.sleep(50))

    with pytest.raises(exception.Busy):
        wait(time, look)
    assert len(looks) == 2


def test_without_time_it_is_looked_at_once(time):
    looks = []
    with pytest.raises(exception.Busy):
        wait(time, lambda: looks.append(1), limit=0)
    assert looks == [1]


def test_a_state_out_of_which_nothing_leads_ends_the_wait(time):
    def done(status):
        if status == 'error':
            raise exception.BackendError('No')
        return False

    with pytest.raises(exception.BackendError, match='No'):
        wait(time, lambda: 'error', done=done)
    assert time() == 0


def test_the_last_sight_is_described(time):
    with pytest.raises(exception.Busy, match='last seen: red'):
        wait(time, lambda: 3, limit=1, done=lambda seen: False,
             describe=lambda seen: 'red')
