# SPDX-License-Identifier: Apache-2.0

"""Hosts whose sshd is away for a while, or for good."""

import math
import re
import socket
import threading
import time

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_pool
from tests import listening
from tests.unit.transport.ssh import places

REFUSED = ssh_login.Away('No connection to nfs1 port 22',
                         answer='192.0.2.1: refused', check='sshd')


@pytest.fixture
def clock(monkeypatch):
    made = places.Clock()
    monkeypatch.setattr(ssh_pool, 'time', made)
    return made


class Impatient(places.Caller):
    """Somebody who has so many seconds for a host that is away."""

    def __init__(self, pool, seconds):
        self._seconds = seconds
        super().__init__(pool)

    def run(self):
        with retry.patience(self._seconds):
            super().run()


def come(place, seconds=math.inf):
    """Somebody comes, and is waiting for a host that is away."""
    before = len(place.pool._waiters)
    place.callers.append(Impatient(place.pool, seconds))
    places.until(lambda: len(place.pool._waiters) > before
                 or not place.callers[-1].waits)
    return place.callers[-1]


def pass_time(place, clock, till):
    """Let alarms ring at their times; returns when there is none, or later.

    An alarm that is set leads to a login, and that to the next alarm, or to
    the end of all waiting.
    """
    while True:
        places.until(lambda: place.alarms.set or not place.pool._waiters)
        if not place.alarms.set:
            return
        seconds, _ = place.alarms.set[0]
        if clock.now + seconds > till:
            return
        clock.now += seconds
        place.alarms.ring()
        places.until(lambda: not place.pool._logging_in)


def test_a_host_that_comes_back_is_waited_for(place, clock):
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    waiting = come(place)
    pass_time(place, clock, 1004.0)
    assert waiting.waits and place.begun > 3
    place.failure = None
    pass_time(place, clock, 1060.0)
    assert waiting.served() is place.pool._connections[0]
    assert 1004.0 <= clock.now <= 1008.0


def test_a_host_that_stays_away_is_given_up(place, clock):
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    waiting = come(place)
    pass_time(place, clock, math.inf)
    waiting.served()
    # The last try comes when the time is over, and not one after it.
    assert clock.now == pytest.approx(1060.0)
    assert 14 <= place.begun <= 45
    assert type(waiting.error) is exception.Unreachable
    assert waiting.error.what == (
        f'No connection to nfs1 port 22, {place.begun} times within 60 s.')
    assert waiting.error.answer == '192.0.2.1: refused'
    assert waiting.error.check == 'sshd'
    # The next one starts anew.
    begun = place.begun
    again = come(place)
    pass_time(place, clock, math.inf)
    assert clock.now == pytest.approx(1120.0)
    assert again.served() is None
    assert f'{place.begun - begun} times within 60 s' in str(again.error)


def test_without_patience_there_is_one_try(place, clock):
    place.make()
    place.failure = REFUSED
    caller = come(place, 0.0)
    caller.served()
    assert place.begun == 1
    assert caller.error.what == 'No connection to nfs1 port 22.'
    assert clock.now == 1000.0
    assert place.alarms.set == []


def test_everybody_has_their_own_patience(place, clock):
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    short, long = come(place, 15.0), come(place)
    pass_time(place, clock, 1016.0)
    short.served()
    # When the next try would be too late for it.
    assert re.search(r'within 1[0-5] s', short.error.what)
    assert long.waits
    place.failure = None
    pass_time(place, clock, 1060.0)
    assert long.served() is place.pool._connections[0]


def test_who_comes_later_shares_the_tries(place, clock):
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    first = come(place)
    pass_time(place, clock, 1030.0)
    second = come(place)
    begun = place.begun
    # Nobody hammers the host because one more waits.
    time.sleep(2 * ssh_pool.PATIENCE)
    assert place.begun == begun
    pass_time(place, clock, 1061.0)
    first.served()
    assert first.error and second.waits
    place.failure = None
    pass_time(place, clock, 1080.0)
    assert second.served() is place.pool._connections[0]


@pytest.mark.parametrize('failure', [
    exception.AccessDenied('no'), exception.NotTrusted('no'),
    exception.ConfigurationError('key', 'no'), exception.Unreachable('no')])
def test_what_does_not_pass_is_told_at_once(place, clock, failure):
    place.make()
    place.failure = REFUSED
    waiting = come(place)
    places.until(lambda: place.alarms.set)
    place.failure = failure
    pass_time(place, clock, math.inf)
    waiting.served()
    assert type(waiting.error) is type(failure)
    assert place.begun == 2


def test_who_closes_the_pool_ends_the_waiting(place, clock):
    place.make()
    place.failure = REFUSED
    waiting = come(place)
    places.until(lambda: place.alarms.set)
    place.pool.close()
    waiting.served()
    assert 'were closed' in str(waiting.error)
    place.alarms.ring()
    assert place.begun == 1


def test_nobody_who_waits_is_no_reason_to_try(place, clock):
    """All have left: the outage is over for us, whenever it really is."""
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    waiting = come(place)
    places.until(lambda: place.alarms.set)
    with place.pool._lock:
        gone = place.pool._waiters.pop()
    gone.ready.set()
    waiting.served()
    # Its own time is over: it is told why there was no turn.
    assert 'No connection to nfs1' in str(waiting.error)
    place.alarms.ring()
    assert place.begun == 1
    clock.now += 3600.0
    place.failure = None
    assert place.call().connection is place.pool._connections[0]
    assert place.begun == 2


def test_nobody_is_told_if_nobody_waits(place, clock):
    """All have left while somebody logged in for them."""
    place.make(connect_timeout=60.0)
    place.failure = REFUSED
    place.open.clear()
    waiting = come(place)
    with place.pool._lock:
        gone = place.pool._waiters.pop()
    gone.ready.set()
    waiting.served()
    place.open.set()
    places.until(lambda: not place.pool._logging_in)
    with place.pool._lock:
        assert place.pool._outage is None
    assert place.alarms.set == []
    place.failure = None
    assert place.call().connection is place.pool._connections[0]


@pytest.mark.parametrize(('tries', 'what'), [
    (1, 'No connection to nfs1 port 22.'),
    (2, 'No connection to nfs1 port 22, 2 times within 3 s.')])
def test_what_is_told_of_an_outage(clock, tries, what):
    clock.now += 3.0
    error = ssh_pool._Outage(1000.0, REFUSED, tries).told()
    assert error.what == what
    assert error.__cause__ is REFUSED


def test_a_slow_login_is_not_cut_short_by_little_patience(place, clock):
    """Patience is for repetitions; one try has all of connect_timeout."""
    place.make(connect_timeout=60.0)
    place.open.clear()
    waiting = come(place, 3.0)
    clock.now += 10.0
    place.open.set()
    assert waiting.served() is place.pool._connections[0]


def test_a_real_host_that_comes_back(hosts, serve):
    """Nothing listens at first, and every try is refused."""
    made = serve()
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        target = made.target(port=listener.getsockname()[1])
        answers = []
        asking = threading.Thread(target=lambda: answers.append(
            hosts.host(target).run(command.Command.of('echo', 'well'))))
        asking.start()
        asking.join(0.5)
        assert asking.is_alive()
        listener.listen()
        client, _ = listener.accept()
        made._accept(client)
        listening.join(asking)
    assert [one.stdout for one in answers] == ['echo well\n']
    assert made.logins == 1


def test_a_real_host_that_stays_away(hosts, serve):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        target = serve().target(port=port, connect_timeout=0.7)
        began = time.monotonic()
        with pytest.raises(exception.Unreachable) as caught:
            hosts.host(target).run(command.Command.of('true'))
    assert 0.6 < time.monotonic() - began < 10
    assert f'No connection to 127.0.0.1 port {port}, ' in caught.value.what
    assert 'times within 1 s' in caught.value.what
    assert 'refused' in caught.value.answer
