# SPDX-License-Identifier: Apache-2.0

"""Leases between threads, processes, and hosts that have failed."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import time

import pytest

from manila_drivers import exception
from manila_drivers import locks
from manila_drivers.registry import holders
from manila_drivers.registry import registry
from manila_drivers.registry import schema


@pytest.fixture
def url(tmp_path):
    return f'sqlite:///{tmp_path}/registry.sqlite3'


@pytest.fixture
def made(url):
    return registry.Registry(url, lease=60)


def owner_of(made, name):
    with made.database.begin() as connection:
        return connection.execute(schema.LEASES.select().where(
            schema.LEASES.c.name == name)).mappings().first()


def plant(made, holder, name='a', seconds=60):
    with made.database.begin() as connection:
        connection.execute(schema.LEASES.insert().values(
            name=name, owner=holder,
            expires=made.database.now(connection) + seconds * 1000))


def test_one_at_a_time_holds_a_lease(made):
    inside, most = [], []

    def work(number):
        with made.leases.hold(['a', 'b'], 60):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.002)
            inside.remove(number)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(40)))
    assert most == [1] * 40
    assert owner_of(made, 'a') is None


def test_who_waits_too_long_hears_who_has_it(made):
    with made.leases.hold(['a'], 1):
        with pytest.raises(exception.Busy, match=f'process {os.getpid()} '):
            with made.leases.hold(['a'], 0.1):
                pass
        with made.leases.hold(['b'], 0.1):
            pass
    with made.leases.hold(['a'], 0.1):
        pass


def test_several_are_taken_in_one_order(made):
    def work(names):
        for _ in range(20):
            with made.leases.hold(names, 60):
                pass
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [['a', 'b'], ['b', 'a']] * 2))


ELSEWHERE = 'far/boot-1/77/1234/abcd'


def test_a_lease_of_another_host_lasts_until_its_time(made):
    plant(made, ELSEWHERE, seconds=0.6)
    with pytest.raises(exception.Busy, match='process 77 of host far'):
        with made.leases.hold(['a'], 0.1):
            pass
    with made.leases.hold(['a'], 10):
        assert owner_of(made, 'a')['owner'] != ELSEWHERE


def test_a_process_of_this_host_that_was_killed_keeps_nobody_out(made, url):
    script = ('import sys, time; from manila_drivers.registry import '
              'registry\n'
              'with registry.Registry(sys.argv[1]).leases.hold(["a"], 5):\n'
              '    print("held", flush=True); time.sleep(60)')
    child = subprocess.Popen([sys.executable, '-c', script, url],
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == 'held\n'
    with pytest.raises(exception.Busy, match=f'process {child.pid} '):
        with made.leases.hold(['a'], 0.2):
            pass
    child.send_signal(signal.SIGKILL)
    # Also before anybody has asked how it ended.
    with made.leases.hold(['a'], 5):
        pass
    child.communicate()


def mine(**parts):
    words = holders.new().split('/')
    for place, text in parts.items():
        words[int(place[1:])] = text
    return '/'.join(words)


@pytest.mark.parametrize(('holder', 'dead'), [
    (lambda: mine(), False),
    (lambda: mine(_3='1'), True),
    (lambda: mine(_2='4194304'), True),
    # Where nothing is known nobody is dead.
    (lambda: mine(_3=''), False),
    (lambda: mine(_1='another-boot', _2='4194304'), False),
    (lambda: mine(_1='', _2='4194304'), False),
    (lambda: mine(_2='0', _3='1'), False),
    (lambda: mine(_2='x', _3='1'), False),
    (lambda: 'nonsense', False), (lambda: ELSEWHERE, False)])
def test_only_what_is_known_to_be_dead_is(holder, dead):
    assert holders.is_dead(holder()) is dead


def test_a_holder_fits_its_column():
    assert len(holders.new()) <= 200
    assert holders.new() != holders.new()


def test_a_lease_lasts_as_long_as_its_holder(url, monkeypatch):
    made = registry.Registry(url, lease=0.3)
    monkeypatch.setattr(holders, 'is_dead', lambda holder: False)
    with made.leases.hold(['a'], 1):
        first = owner_of(made, 'a')['expires']
        time.sleep(0.8)
        assert owner_of(made, 'a')['expires'] > first + 300
        with pytest.raises(exception.Busy):
            with made.leases.hold(['a'], 0.2):
                pass


def test_one_that_was_lost_is_told(url, caplog):
    made = registry.Registry(url, lease=0.3)
    with made.leases.hold(['a'], 1):
        with made.database.begin() as connection:
            connection.execute(schema.LEASES.update().values(
                owner=ELSEWHERE))
        time.sleep(0.4)
    assert 'has ended while it was held' in caplog.text
    assert owner_of(made, 'a')['owner'] == ELSEWHERE


def test_one_that_is_given_back_is_not_told_as_lost(made, caplog):
    for _ in range(20):
        with made.leases.hold(['a'], 1):
            pass
    assert caplog.text == ''


def test_a_forked_child_puts_off_its_own(made, url):
    with made.leases.hold(['parent'], 1):
        pid = os.fork()
        if not pid:
            try:
                with made.leases.hold(['child'], 1):
                    keeper = made.leases.keeper()
                    ok = [one.name for one in keeper._held] == ['child']
                os._exit(0 if ok else 2)
            finally:
                os._exit(3)
        assert os.waitpid(pid, 0)[1] == 0


def test_drivers_take_their_locks_there(made, tmp_path):
    """As a coordinator, beside the file of this host."""
    def lock(path, timeout=5.0):
        return locks.lock('vast-x', timeout=timeout, lock_path=str(path),
                          coordinator=lambda: made.leases)
    with lock(tmp_path / 'host-1'):
        assert owner_of(made, 'manila-drivers-vast-x') is not None
    assert owner_of(made, 'manila-drivers-vast-x') is None
    plant(made, ELSEWHERE, 'manila-drivers-vast-x')
    with pytest.raises(exception.Busy), lock(tmp_path / 'host-2', 0.2):
        pass
