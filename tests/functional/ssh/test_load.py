# SPDX-License-Identifier: Apache-2.0

"""Many threads, few logins, nothing lost; and how long a command takes."""

import functools
import statistics
import threading
import time

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from tests import listening
from tests.functional.ssh import daemon

THREADS = 64
EACH = 25
#: Seconds; an acknowledgement is delayed by 0.04.
ACKNOWLEDGED = 0.03


def in_threads(number, action):
    """Run ``action(thread)`` in so many threads; what they raised."""
    caught = []

    def work(one):
        try:
            action(one)
        except BaseException as exc:
            caught.append(exc)

    threads = [threading.Thread(target=meter.carried(work), args=(one,))
               for one in range(number)]
    for one in threads:
        one.start()
    listening.join(*threads)
    return caught


def test_64_threads_lose_nothing(host, measured):
    answers = []

    def ask(thread):
        for number in range(EACH):
            said = f'{thread} {number}'
            answers.append((said, host.run(
                command.Command.of('echo', said)).stdout))

    assert in_threads(THREADS, ask) == []
    assert len(answers) == THREADS * EACH
    assert all(answer == said + '\n' for said, answer in answers)
    print(f'\n{measured}')
    assert measured.counts['SSH'] == THREADS * EACH
    assert measured.counts['SSH login'] <= host.target.max_connections


def test_64_threads_with_input_lose_nothing(host):
    """Input that is not read, and ends that cross each other."""

    def ask(thread):
        for number in range(8):
            host.run(command.Command.of('true', stdin='x' * 50_000))
            said = f'{thread} {number}' * 2000
            assert host.run(command.Command.of('cat', stdin=said)
                            ).stdout == said

    assert in_threads(THREADS, ask) == []


def test_one_login_for_a_whole_run(host, measured):
    """Also with four at a time, as long as they are short."""
    for _ in range(100):
        host.run(command.Command.of('true'))
    in_threads(4, lambda _: [host.run(command.Command.of('true'))
                             for _ in range(25)])

    assert measured.counts == {'SSH': 200, 'SSH login': 1}


def test_backends_in_one_process_share_what_they_share(hosts, sshd, target,
                                                       measured):
    first = hosts.host(target(sshd))
    second = hosts.host(target(sshd))

    first.run(command.Command.of('true'))
    second.run(command.Command.of('true'))

    assert first is second
    assert measured.counts['SSH login'] == 1


def test_everybody_gets_a_turn(hosts, sshd, target):
    """One connection, four places, forty callers that take their time."""
    host = hosts.host(target(sshd, max_connections=1))
    started = time.monotonic()

    assert in_threads(40, lambda _: host.run(
        command.Command.of('sleep', '0.1'))) == []
    assert time.monotonic() - started >= 1.0


def test_who_gets_no_turn_hears_of_it(hosts, sshd, target):
    host = hosts.host(target(sshd, max_connections=1, connect_timeout=1.0))
    host.run(command.Command.of('true'))
    busy = threading.Thread(target=in_threads, args=(
        4, lambda _: host.run(command.Command.of('sleep', '6'))))
    busy.start()
    time.sleep(0.3)
    started = time.monotonic()

    with pytest.raises(exception.Unreachable, match='No turn'):
        host.run(command.Command.of('true'))

    assert time.monotonic() - started < 5
    listening.join(busy)
    host.run(command.Command.of('true'))


def test_idle_connections_are_closed_but_for_some(hosts, make_sshd, target):
    server = make_sshd()
    host = hosts.host(target(server, idle=0.5, min_connections=1))
    # Where logins take long, the first connection does all of it meanwhile.
    for seconds in '0.8', '8':
        in_threads(12, functools.partial(
            lambda time, _: host.run(command.Command.of('sleep', time)),
            seconds))
        before = len(server.sessions())
        if before > 2:
            break
    eventually(lambda: len(server.sessions()) < before / 2, within=60)
    with_one = len(server.sessions())

    time.sleep(1)

    assert len(server.sessions()) == with_one > 0


def test_idle_connections_are_closed_to_the_last(hosts, make_sshd, target):
    server = make_sshd()
    host = hosts.host(target(server, idle=0.3, min_connections=0))
    host.run(command.Command.of('true'))

    eventually(lambda: not server.sessions())

    assert host.run(command.Command.of('echo', 'well')).stdout == 'well\n'


def eventually(condition, within=10):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_close_leaves_nothing_and_the_next_use_begins_anew(
        make_sshd, target, hosts):
    server = make_sshd()
    host = hosts.host(target(server))
    host.run(command.Command.of('true'))

    hosts.close()

    eventually(lambda: not server.sessions())
    assert not [one for one in threading.enumerate()
                if one.name in ('ssh-watch', 'ssh-login')
                and not ends(one)]
    assert host.run(command.Command.of('echo', 'well')).stdout == 'well\n'


def ends(thread):
    thread.join(5)
    return not thread.is_alive()


def test_close_while_callers_wait(hosts, sshd, target):
    host = hosts.host(target(sshd, max_connections=1))
    host.run(command.Command.of('true'))
    caught = []
    work = threading.Thread(target=lambda: caught.extend(in_threads(
        8, lambda _: host.run(command.Command.of('sleep', '20')))))
    work.start()
    time.sleep(0.5)

    host.close()
    listening.join(work)

    assert len(caught) == 8
    assert {type(one) for one in caught} == {ssh.Cut, exception.Unreachable}


@pytest.mark.timeout(180)
def test_connections_that_are_cut_all_the_time(via, hosts, tmp_path):
    """Many commands at once are all told truly."""
    between, target = via
    host = hosts.host(target)
    over = threading.Event()
    said = {}
    started = time.monotonic()
    host.run(command.Command.of('true'))
    # Where a login takes long, it is to succeed now and then all the same.
    pause = max(0.15, 2 * (time.monotonic() - started))

    def cut():
        while not over.wait(pause):
            between.cut_all()

    def work(thread):
        for number in range(12):
            trace = tmp_path / f'{thread}-{number}'
            try:
                host.run(command.Command.of(
                    'sh', '-c', 'echo here >>"$1"', 'sh', trace))
                said[trace] = None
            except exception.DriverError as exc:
                said[trace] = type(exc)

    cutting = threading.Thread(target=cut)
    cutting.start()
    assert in_threads(16, work) == []
    over.set()
    listening.join(cutting)

    time.sleep(0.3)
    for trace, outcome in said.items():
        text = trace.read_text() if trace.exists() else ''
        allowed = {None: ['here\n'], exception.Unreachable: [''],
                   ssh.Cut: ['', 'here\n']}
        assert text in allowed[outcome], (outcome, text)
    counted = {outcome: list(said.values()).count(outcome)
               for outcome in set(said.values())}
    print(f'\n{counted}')
    assert counted[None] > 0


def test_new_keys_all_the_time(hosts, make_sshd, target, measured):
    """Every megabyte; what is sent meanwhile waits, and waits for nobody."""
    host = hosts.host(target(make_sshd('RekeyLimit 1M')))
    text = 'x' * 4_000_000
    assert host.run(command.Command.of('cat', stdin=text)).stdout == text

    def ask(_):
        for _ in range(20):
            cmd = command.Command.of('head', '-c', '200000', '/dev/zero',
                                     stdin='y' * 50_000)
            assert len(host.run(cmd).stdout) == 200_000

    assert in_threads(8, ask) == []
    assert measured.counts['SSH'] == 161


def default_socket(server):
    """Commands as paramiko runs them on one connection, left to itself."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507
    client.connect(server.address, server.port, daemon.USER,
                   key_filename=server.key_file, allow_agent=False,
                   look_for_keys=False)

    def run():
        _, stdout, stderr = client.exec_command('true')
        stdout.read()
        stderr.read()
        assert stdout.channel.recv_exit_status() == 0

    return client, run


def by_turns(*ways):
    """Seconds of 100 runs of each, so that all see the same load."""
    took = {way: [] for way in ways}
    for way in ways * 4:
        for _ in range(25):
            started = time.monotonic()
            way()
            took[way].append(time.monotonic() - started)
    return [took[way] for way in ways]


@pytest.mark.timeout(300)
def test_no_command_waits_for_an_acknowledgement(host, sshd):
    """Some 40 ms that the default socket costs each of them are saved.

    Where nothing else is done, that is a quarter of the time or less.
    """
    client, theirs = default_socket(sshd)
    ours = functools.partial(host.run, command.Command.of('true'))
    theirs()
    ours()
    # What else they take is the same for both ways, and varies on a machine
    # that is busy: the best of five counts.
    best = 0.0
    for _ in range(5):
        slow, fast = map(statistics.median, by_turns(theirs, ours))
        best = max(best, slow - fast)
        print(f'\none command: default socket {slow * 1000:.1f} ms,'
              f' ours {fast * 1000:.1f} ms')
        if best > ACKNOWLEDGED:
            break
    client.close()
    assert best > ACKNOWLEDGED
