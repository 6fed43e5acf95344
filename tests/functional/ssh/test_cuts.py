# SPDX-License-Identifier: Apache-2.0

"""Connections that end at every stage, and those that stop moving.

The command leaves a trace, so what the transport says about it can be held
against what happened: "certainly not sent" with a trace would be a lie, and
so would be success without one; two traces would be a repetition.
"""

import collections
from concurrent import futures
import dataclasses
import threading
import time

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import ssh
from tests import listening
from tests import patience
from tests.functional.ssh import proxy

POINTS = 48
#: Logins at a time that none has to wait for.
FEW = 4


@pytest.fixture
def trace(tmp_path):
    return tmp_path / 'trace'


def leave(trace, **parts):
    return command.Command.of(
        'sh', '-c', 'echo here >>"$1"; echo done', 'sh', trace,
        **{'timeout': 10.0} | parts)


def traces(trace):
    return trace.read_text().count('here') if trace.exists() else 0


def outcome(host, cmd):
    try:
        host.run(cmd)
    except exception.DriverError as exc:
        return type(exc)
    return None


def settled(trace, wanted):
    """The traces, once a command that was sent has had time to run."""
    deadline = time.monotonic() + 1
    while traces(trace) < wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return traces(trace)


@pytest.fixture
def length(via, hosts, trace):
    """Bytes that one login and one command take, by direction."""
    between, target = via
    made = hosts.host(target)
    made.run(leave(trace))
    made.close()
    trace.unlink()
    return dict(between.carried)


@pytest.fixture
def behind(sshd, target):
    """The target behind a proxy of its own; nobody has to learn its key."""
    trust = ssh.Pinned((sshd.public_key(),))
    return lambda between, **parts: target(sshd, port=between.port,
                                           trust=trust, **parts)


@pytest.mark.timeout(300)
@pytest.mark.parametrize('direction', [proxy.UP, proxy.DOWN])
def test_cut_once_anywhere(sshd, behind, trace, length, direction):
    """Before the command: nobody notices.  After it: nobody knows."""
    whole = length[direction]

    def cut(point):
        where = whole * point // POINTS
        # Its own trace each time: what was cut off may run later.
        mine = trace.with_name(f'trace{point}')
        with proxy.Proxy(sshd.port) as between:
            between.cut_after(where, direction, times=1)
            said = tried(behind(between), leave(mine))
        happened = settled(mine, 1 if said is None else 0)
        assert happened in ([1] if said is None else [0, 1]), (where, said)
        assert said in (None, ssh.Cut), (where, said)
        return said

    seen = side_by_side(cut, POINTS, FEW)
    print(f'\n{POINTS} cuts of {whole} bytes {direction}: {seen}')
    assert seen[None] > POINTS / 4
    assert seen[ssh.Cut] > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize('stall', [False, True])
def test_cut_or_stalled_always(sshd, behind, trace, length, stall):
    """Nobody gets through, and nobody waits longer than was said."""
    # A cut is noticed at once, so that a login may take its time; one that is
    # stalled is waited for.
    limit = 3.0 if stall else 20.0

    def wait(point):
        # The last one is in the exit code, or in what follows it: there the
        # command has been sent, whatever the server says before.
        where = min(length[proxy.DOWN] * point * 4 // POINTS,
                    length[proxy.DOWN] - 120)
        mine = trace.with_name(f'trace{point}')
        started = time.monotonic()
        with proxy.Proxy(sshd.port) as between:
            between.cut_after(where, proxy.DOWN, stall=stall)
            with retry.patience(3.0):
                said = tried(behind(between, connect_timeout=limit),
                             leave(mine, timeout=1.0))
        assert time.monotonic() - started < limit + 7, where
        if said is exception.Unreachable:
            time.sleep(0.05)
            assert traces(mine) == 0, where
        else:
            assert said is ssh.Cut, where
            assert traces(mine) <= 1
        return said

    # They do hardly anything but wait.
    seen = side_by_side(wait, POINTS // 4 + 1, POINTS // 4 + 1)
    assert seen[exception.Unreachable] > 0
    assert seen[ssh.Cut] > 0


def tried(target, cmd):
    """Return what a process that has no connection yet hears of a command."""
    fresh = ssh.Hosts()
    try:
        return outcome(fresh.host(target), cmd)
    finally:
        fresh.close()


def side_by_side(action, number, at_once):
    """How often ``action(0)``, ``action(1)``, ... returned what."""
    with futures.ThreadPoolExecutor(at_once) as threads:
        return collections.Counter(threads.map(action, range(number)))


def test_cut_in_the_middle_of_a_command(via, hosts, trace):
    between, target = via
    host = hosts.host(target)
    host.run(command.Command.of('true'))
    cmd = command.Command.of('sh', '-c', 'echo begun; sleep 30')
    ends = cut_soon(between.cut_all)

    with pytest.raises(ssh.Cut, match='was lost') as caught:
        host.run(cmd)

    listening.join(ends)
    assert caught.value.stdout == 'begun\n'
    # The next one gets a connection of its own.
    assert host.run(leave(trace)).stdout == 'done\n'


def cut_soon(action, after=0.5):
    timer = threading.Timer(after, action)
    timer.start()
    return timer


def test_kill_of_sshd_in_the_middle_of_a_command(make_sshd, target, hosts,
                                                 trace):
    server = make_sshd()
    host = hosts.host(target(server))
    host.run(command.Command.of('true'))
    ends = cut_soon(server.end_sessions)

    with pytest.raises(exception.OutcomeUnknown):
        host.run(command.Command.of('sleep', '30'))

    listening.join(ends)
    assert host.run(leave(trace)).stdout == 'done\n'
    assert traces(trace) == 1


def test_a_connection_that_died_unnoticed_is_replaced(via, hosts, trace,
                                                      measured):
    between, target = via
    host = hosts.host(target)
    for number in range(1, 6):
        assert host.run(leave(trace)).stdout == 'done\n'
        assert traces(trace) == number
        between.cut_all()

    assert measured.counts['SSH login'] == 5


def test_a_restart_of_sshd_is_survived(make_sshd, target, hosts, trace):
    server = make_sshd()
    host = hosts.host(target(server))
    host.run(leave(trace))
    server.cut()

    with retry.patience(0), pytest.raises(exception.Unreachable):
        host.run(leave(trace))

    starting = threading.Timer(1.0, server.start)
    starting.start()
    host.run(leave(trace))
    listening.join(starting)
    assert traces(trace) == 2


def test_a_connection_that_stopped_moving(via, hosts, trace):
    """An idle connection swallows what is sent: nothing was begun."""
    between, target = via
    host = hosts.host(dataclasses.replace(target, connect_timeout=2.0))
    host.run(leave(trace))
    between.freeze()
    started = time.monotonic()

    with pytest.raises(exception.Unreachable):
        host.run(leave(trace))

    assert time.monotonic() - started < 8
    between.thaw()
    assert host.run(leave(trace)).stdout == 'done\n'
    assert traces(trace) == 2


def test_a_server_that_stops_in_the_middle(make_sshd, target, hosts):
    server = make_sshd()
    host = hosts.host(target(server, connect_timeout=3.0))
    host.run(command.Command.of('true'))
    server.pause()
    started = time.monotonic()

    with pytest.raises(exception.TransportError):
        host.run(command.Command.of('true', timeout=1.0))

    assert time.monotonic() - started < 10
    server.resume()


def test_large_input_into_a_connection_that_stops(via, hosts, length):
    """The sending itself waits for ever; somebody has to end it."""
    between, target = via
    # Just behind the request, so that hardly any input gets through.
    between.cut_after(length[proxy.UP] + 5000, proxy.UP, stall=True)
    host = hosts.host(target)
    started = time.monotonic()

    threads = [threading.Thread(target=outcome, args=(
        host, command.Command.of('sleep', '30', stdin='x' * 8_000_000,
                                 timeout=1.5))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(15)

    assert not [one for one in threads if one.is_alive()]
    assert time.monotonic() - started < 10


def test_one_host_that_is_gone_does_not_hold_up_another(hosts, sshd, target,
                                                        trace):
    away = patience.seconds(3.0)
    gone = hosts.host(target(sshd, host='192.0.2.1', connect_timeout=away))
    well = hosts.host(target(sshd))
    well.run(leave(trace))
    waits = threading.Thread(target=outcome, args=(gone, leave(trace)))
    waits.start()
    started = time.monotonic()

    well.run(leave(trace))

    assert time.monotonic() - started < away / 2
    listening.join(waits)
    assert traces(trace) == 2
