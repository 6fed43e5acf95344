# SPDX-License-Identifier: Apache-2.0

"""Who gets which connection, and when there is one more or less.

The pool is the real one; what it logs in to is made up, so that each moment
can be chosen.
"""

import threading
import time

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import meter
from manila_drivers.transport import retry
from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_pool
from tests.unit.transport.ssh import places

# One connection more

def test_a_place_that_is_free_in_time_costs_no_login(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 30.0)
    place.make()
    first, *_ = place.fill()
    waiting = place.call(queued=1)
    first.leave()
    assert waiting.served() is place.pool._connections[0]
    assert place.begun == 1
    assert place.busy() == [4]
    assert not place.pool._waiters


def test_who_has_waited_for_a_moment_gets_a_login(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.2)
    place.make()
    place.fill()
    began = time.monotonic()
    waiting = place.call(queued=1)
    assert waiting.served() is place.pool._connections[1]
    assert time.monotonic() - began >= 0.2
    assert place.begun == 2
    assert place.busy() == [4, 1]


def test_no_more_connections_than_allowed(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    place.make(max_connections=2)
    place.fill(8)
    assert place.busy() == [4, 4]
    waiting = place.call(queued=1)
    time.sleep(0.1)
    assert waiting.waits and place.begun == 2
    place.callers[5].leave()
    assert waiting.served() is place.pool._connections[1]
    assert place.begun == 2


def test_the_least_busy_connection_is_chosen(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    place.make()
    place.fill(5)
    assert place.call().connection is place.pool._connections[1]
    for caller in place.callers[:3]:
        caller.leave()
    assert place.busy() == [1, 2]
    assert place.call().connection is place.pool._connections[0]
    # Of two that are as busy as each other it is the older one.
    assert place.call().connection is place.pool._connections[0]
    assert place.busy() == [3, 2]
    assert place.begun == 2


def test_those_who_wait_are_served_in_the_order_of_coming(place):
    place.make(max_connections=1)
    held = place.fill()
    waiting = [place.call(queued=number) for number in (1, 2, 3)]
    for caller in waiting:
        assert all(one.waits for one in waiting[waiting.index(caller):])
        held.pop().leave()
        caller.served()
        assert place.busy() == [4]


def test_one_login_at_a_time_however_many_wait(place):
    place.make()
    place.open.clear()
    waiting = [place.call(queued=number) for number in range(1, 5)]
    time.sleep(3 * ssh_pool.PATIENCE)
    assert place.begun == 1
    place.open.set()
    for caller in waiting:
        assert caller.served() is place.pool._connections[0]
    assert place.begun == 1


def test_who_gives_up_leaves_the_queue(place, monkeypatch):
    monkeypatch.setattr(ssh_connection, 'GRACE', 0.1)
    place.make(max_connections=1)
    held = place.fill()
    place.hurry(0.3)
    began = time.monotonic()
    late = place.call(queued=1)
    late.served()
    assert 0.4 <= time.monotonic() - began < places.SOON
    assert isinstance(late.error, exception.Unreachable)
    assert 'No turn on a connection to manila@nfs1 within 0.3 s' in str(
        late.error)
    assert not place.pool._waiters
    held.pop().leave()
    assert place.busy() == [3]


# Logins that fail

def test_a_login_that_fails_is_told_to_everybody_who_waits(place):
    place.make()
    place.open.clear()
    place.failure = exception.AccessDenied('no', answer='really')
    waiting = [place.call(queued=number) for number in (1, 2)]
    place.open.set()
    errors = [(caller.served(), caller.error)[1] for caller in waiting]
    assert [type(each) for each in errors] == [exception.AccessDenied] * 2
    assert all(each.answer == 'really' for each in errors)
    # Each has one of their own, which they may add to.
    assert errors[0] is not errors[1]
    assert all(each.__cause__ is place.failure for each in errors)
    assert place.begun == 1
    # The next one tries again at once.
    place.failure = None
    assert place.call().connection is not None
    assert place.begun == 2


def test_an_error_that_nobody_expects_ends_a_login_too(place, caplog):
    place.make()
    place.failure = ZeroDivisionError('odd')
    caller = place.call()
    assert isinstance(caller.error, exception.Unreachable)
    assert 'ZeroDivisionError' in str(caller.error.answer)
    assert 'Login to manila@nfs1 failed' in caplog.text


def test_after_a_failed_login_those_who_have_one_do_without(place,
                                                            monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    monkeypatch.setattr(ssh_pool, 'PENALTY', 3600.0)
    place.make()
    place.fill()
    place.failure = exception.Unreachable('no')
    first = place.call(queued=1)
    places.until(lambda: place.pool._penalty_until)
    second = place.call(queued=2)
    time.sleep(0.1)
    assert place.begun == 2
    assert first.waits and second.waits
    place.failure = None
    place.pool._penalty_until = time.monotonic()
    # Whether it is seen waiting before it is served is chance.
    third = places.Caller(place.pool)
    place.callers.append(third)
    for caller in first, second, third:
        assert caller.served() is place.pool._connections[1]
    assert place.begun == 3


def test_those_who_do_without_get_a_login_when_that_is_over(place,
                                                            monkeypatch):
    """Although nobody comes or goes who would remind the pool of it."""
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    monkeypatch.setattr(ssh_pool, 'PENALTY', 0.2)
    place.make()
    place.fill()
    place.failure = exception.Unreachable('no')
    waiting = place.call(queued=1)
    places.until(lambda: place.begun == 2)
    places.until(lambda: len(place.alarms.set) == 1)
    assert place.alarms.set[0][0] == 0.2
    time.sleep(0.3)
    place.failure = None
    place.alarms.ring()
    assert waiting.served() is place.pool._connections[1]
    assert place.begun == 3


def test_nobody_is_kept_waiting_behind_the_last_connection(place,
                                                           monkeypatch):
    """It is lost while another login fails: there is none any more."""
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    place.make()
    place.fill()
    place.open.clear()
    place.failure = exception.Unreachable('no')
    waiting = place.call(queued=1)
    places.until(lambda: place.begun == 2)
    place.sessions[0].up = False
    place.open.set()
    waiting.served()
    assert isinstance(waiting.error, exception.Unreachable)


def test_a_login_that_hangs_keeps_no_service_from_ending(place):
    place.make()
    place.open.clear()
    # Else the login would be like it.
    place.callers.append(places.Caller(place.pool, daemon=False))
    places.until(lambda: place.begun)
    logging_in = [one for one in threading.enumerate()
                  if one.name == 'ssh-login']
    assert [one.daemon for one in logging_in] == [True]


def test_a_login_is_counted_for_whom_it_is_made(place):
    place.make()
    with meter.measure() as trips, place.pool.channel():
        pass
    assert trips.counts == {'SSH login': 1}
    assert 0 <= trips.waited < places.SOON


# Connections that end

def test_a_dead_connection_is_forgotten(place):
    place.make()
    caller = place.call()
    place.sessions[0].up = False
    other = place.call()
    assert other.connection is not caller.connection
    assert place.busy() == [1]
    caller.leave()
    assert place.busy() == [1]


def test_a_worn_connection_gets_no_more_and_ends_with_its_last(place,
                                                               monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 30.0)
    monkeypatch.setattr(ssh_connection, 'LIFETIME', 2)
    place.make(max_connections=2)
    first, second = place.fill(2)
    # Nobody waits for it, though it has places.
    assert place.call().connection is not first.connection
    assert place.begun == 2
    assert place.busy() == [2, 1]
    first.leave()
    assert place.sessions[0].up
    second.leave()
    assert not place.sessions[0].up
    assert place.busy() == [1]


def test_a_worn_connection_counts_as_one_while_it_lasts(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    monkeypatch.setattr(ssh_connection, 'STALLED', 1)
    place.make(max_connections=2)
    worn, *others = place.fill(5)
    worn.connection.note_stall()
    place.fill(3)
    waiting = place.call(queued=1)
    time.sleep(0.1)
    assert place.begun == 2
    for caller in [worn, *others[:3]]:
        caller.leave()
    assert waiting.served() is place.pool._connections[-1]
    assert place.begun == 3
    assert [one.up for one in place.sessions] == [False, True, True]


def idle(place, monkeypatch, number, **parts):
    """A pool with so many connections that nobody uses."""
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    monkeypatch.setattr(ssh_connection, 'CHANNELS', 1)
    place.make(idle=100.0, **parts)
    callers = place.fill(number)
    clock = places.Clock()
    monkeypatch.setattr(ssh_pool, 'time', clock)
    place.alarms.set = [alarm for alarm in place.alarms.set
                        if alarm[1] == place.pool._reap]
    return callers, clock


def up(place):
    return [one.up for one in place.sessions]


def test_idle_connections_end_the_longest_idle_first(place, monkeypatch):
    callers, clock = idle(place, monkeypatch, 4, min_connections=2)
    for number, caller in enumerate([callers[2], callers[0], callers[1]]):
        clock.now = 1000.0 + 10 * number
        caller.leave()
    assert [seconds for seconds, _ in place.alarms.set] == [100.0]
    clock.now = 1099.9
    place.alarms.ring()
    assert up(place) == [True] * 4
    clock.now = 1100.0
    place.alarms.ring()
    assert up(place) == [True, True, False, True]
    # All three have been idle for long enough, but two are kept.
    clock.now = 1200.0
    place.alarms.ring()
    assert up(place) == [False, True, False, True]
    assert len(place.pool._connections) == 2
    # Nothing is left that could be closed one day.
    assert place.alarms.set == []
    clock.now = 5000.0
    callers[3].leave()
    assert up(place) == [False, True, False, True]
    assert place.alarms.set == []


def test_a_busy_connection_is_not_idle(place, monkeypatch):
    callers, clock = idle(place, monkeypatch, 2, min_connections=0)
    callers[0].leave()
    clock.now = 9000.0
    place.alarms.ring()
    assert up(place) == [False, True]
    assert len(place.alarms.set) == 1
    callers[1].leave()
    assert len(place.alarms.set) == 1
    clock.now = 9100.0
    place.alarms.ring()
    assert up(place) == [False, False]
    assert place.pool._connections == []
    assert place.alarms.set == []


def test_a_use_makes_a_connection_young_again(place, monkeypatch):
    (first, second), clock = idle(place, monkeypatch, 2)
    first.leave()
    second.leave()
    clock.now = 1090.0
    again = place.call()
    assert again.connection is place.pool._connections[0]
    again.leave()
    clock.now = 1100.0
    place.alarms.set = place.alarms.set[:1]
    place.alarms.ring()
    assert up(place) == [True, False]


def test_dead_connections_are_not_counted_among_the_idle(place, monkeypatch):
    (first, second), clock = idle(place, monkeypatch, 2)
    first.leave()
    second.leave()
    place.sessions[0].up = False
    clock.now = 9000.0
    place.alarms.ring()
    assert up(place) == [False, True]


# Channels

def test_a_refusal_is_tried_again_elsewhere_or_later(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, '_RETRY', retry.RetryPolicy(
        retries=2, first=0.004, longest=0.004, jitter=lambda: 1.0))
    clock = places.Clock()
    clock.monotonic = time.monotonic
    monkeypatch.setattr(ssh_pool, 'time', clock)
    place.make()
    first = place.call()
    place.sessions[0].refuses = 2
    second = place.call()
    assert second.connection is not None
    assert clock.slept == [0.004]
    # With another one on it: that is how many it takes.
    assert first.connection.limit == 1 and not first.connection.worn
    assert second.connection is place.pool._connections[1]
    first.leave()
    second.leave()
    assert set(place.busy()) == {0}


def test_refusals_without_end_are_an_error(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, '_RETRY', retry.RetryPolicy(
        retries=2, first=0.004, longest=0.004))
    monkeypatch.setattr(ssh_connection, 'REFUSED', 99)
    place.make()
    place.call().leave()
    place.sessions[0].refuses = 99
    error = place.call().error
    assert isinstance(error, exception.Unreachable)
    assert 'opens no session for a command, 3 times' in str(error)
    assert 'prohibited' in error.answer
    assert place.busy() == [0]


def test_nobody_sleeps_past_their_deadline(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, '_RETRY', retry.RetryPolicy(
        retries=9, first=11.0, longest=11.0, jitter=lambda: 1.0))
    clock = places.Clock()
    place.make(connect_timeout=10.0)
    place.call().leave()
    monkeypatch.setattr(ssh_pool, 'time', clock)
    place.sessions[0].refuses = 1
    error = place.call().error
    assert 'a command, 1 times' in str(error)
    assert clock.slept == []
    assert place.sessions[0].timeouts[-1] == 10.0


def test_little_time_is_time_enough_to_open_a_channel(place, monkeypatch):
    """Somebody may get their turn at the last moment."""
    place.make()
    place.call()
    place.hurry(0.05)
    place.call()
    assert 0.05 < place.sessions[0].timeouts[-1] <= 0.1


def test_a_place_is_given_back_whatever_happens(place):
    place.make()
    caller = place.call()
    assert place.busy() == [1]
    caller.leave()
    assert place.busy() == [0]
    assert caller.channel.closed == 1
    with pytest.raises(KeyError), place.pool.channel():
        raise KeyError
    assert place.busy() == [0]
    place.sessions[0].breaks = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), place.pool.channel():
        pass
    assert place.busy() == [0]
    # No alarm is left that would end the connection.
    assert place.alarms.set == []


@pytest.mark.parametrize('ends', [
    OSError('gone'), EOFError(), paramiko.SSHException('gone')])
def test_a_channel_that_does_not_end_in_peace_is_over(place, monkeypatch,
                                                      ends):
    monkeypatch.setattr(places.Channel, 'ends', ends)
    place.make()
    with place.pool.channel() as (_, channel):
        assert place.busy() == [1]
    assert channel.closed == 1
    assert place.busy() == [0]


class Killed(BaseException):
    pass


@pytest.mark.parametrize('served', [False, True])
def test_who_is_killed_leaves_no_gap(place, monkeypatch, served):
    """In the queue, and with a place of which it does not know yet."""
    place.make(max_connections=1)
    held = place.fill()
    real = ssh_pool.SshPool._wait

    def killed(pool, waiter, deadline):
        if served:
            held.pop().leave()
            real(pool, waiter, deadline)
            assert waiter.connection is not None
        raise Killed

    monkeypatch.setattr(ssh_pool.SshPool, '_wait', killed)
    with pytest.raises(Killed), place.pool.channel():
        pass
    assert not place.pool._waiters
    assert place.busy() == [3 if served else 4]


# The end

def test_each_end_is_one_of_its_own(place):
    """Logins that began before the last one are too late as well."""
    place.make()
    place.open.clear()
    for number in (1, 2, 3):
        late = place.call(queued=1)
        places.until(lambda number=number: place.begun == number)
        place.pool.close()
        late.served()
        assert 'were closed' in str(late.error)
    place.open.set()
    places.until(lambda: up(place) == [False] * 3)
    assert place.pool._connections == []


def test_closing_tells_those_who_wait_and_ends_the_rest(place, monkeypatch):
    monkeypatch.setattr(ssh_pool, 'PATIENCE', 0.01)
    place.make(min_connections=0, max_connections=1)
    held = place.fill()
    waiting = place.call(queued=1)
    reaping = place.pool._reaping
    assert reaping in place.alarms.set
    place.pool.close()
    waiting.served()
    assert isinstance(waiting.error, exception.Unreachable)
    assert 'The connections to manila@nfs1 were closed' in str(waiting.error)
    assert up(place) == [False]
    assert reaping not in place.alarms.set
    assert place.pool._reaping is None
    # Nobody who leaves afterwards does any harm.
    for caller in held:
        caller.leave()
    assert place.call().connection is place.pool._connections[0]
    assert place.busy() == [1]


def test_a_login_that_is_too_late_is_closed(place):
    place.make()
    place.open.clear()
    late = place.call(queued=1)
    place.pool.close()
    late.served()
    assert 'were closed' in str(late.error)
    # The next one does not wait for it.
    again = place.call(queued=1)
    places.until(lambda: place.begun == 2)
    place.open.set()
    assert again.served() is place.pool._connections[0]
    places.until(lambda: sorted(up(place)) == [False, True])
    assert len(place.pool._connections) == 1
