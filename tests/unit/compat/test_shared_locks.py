# SPDX-License-Identifier: Apache-2.0

"""Locks of a coordinator, between hosts with lock files of their own."""

import logging
import threading
import time

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import locks


class Table:
    """A coordinator in memory; each client sees it through a member.

    :ivar down: what every call raises while it is not None.
    :ivar stuck: calls wait for this event.
    """

    def __init__(self):
        self.holders = {}
        self.down = None
        self.stuck = threading.Event()
        self.stuck.set()
        self.names = []

    def member(self):
        return Member(self)

    def asked(self):
        assert self.stuck.wait(60)
        if self.down is not None:
            raise self.down


class Member:
    def __init__(self, table):
        self.table = table

    def get_lock(self, name):
        self.table.names.append(name)
        return TableLock(self.table, name)


class TableLock:
    def __init__(self, table, name):
        self.table, self.name = table, name

    def acquire(self, blocking):
        assert blocking is False
        self.table.asked()
        return self.table.holders.setdefault(self.name, self) is self

    def release(self):
        self.table.asked()
        if self.table.holders.get(self.name) is not self:
            return False
        del self.table.holders[self.name]
        return True


class AskedLock(TableLock):
    """One that can tell whether it is held, and releases blindly."""

    def is_still_owner(self):
        self.table.asked()
        return self.table.holders.get(self.name) is self

    def release(self):
        self.table.asked()
        self.table.holders.pop(self.name, None)
        return True


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(locks, 'ANSWER', 0.5)
    return Table()


@pytest.fixture
def host(table, tmp_path):
    """Take a lock on a host, which has lock files of its own."""
    def take(number, name='one', timeout=0.1):
        return locks.lock(
            name, timeout=timeout, lock_path=str(tmp_path / str(number)),
            coordinator=table.member)
    return take


def in_thread(work):
    """Do it in a thread: on one host, threads would keep each other out."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def is_free(table, name='one'):
    return (locks.SHARED_PREFIX + name).encode() not in table.holders


def eventually(told):
    ends = time.monotonic() + 20
    while not told():
        assert time.monotonic() < ends
        time.sleep(0.01)


class Another:
    """Another host: it holds the coordinator's lock and nothing else."""

    def __init__(self, table, name='one'):
        self.lock = table.member().get_lock(
            (locks.SHARED_PREFIX + name).encode())

    def __enter__(self):
        assert self.lock.acquire(blocking=False)
        return self

    def __exit__(self, *args):
        self.lock.release()


def test_another_host_is_kept_out(table, host):
    with Another(table), pytest.raises(exception.Busy) as caught, host(1):
        pass
    assert 'Lock one was not free within 0.1 s' in str(caught.value)
    with host(1):
        pass


def test_files_alone_keep_no_other_host_out(tmp_path):
    """The control: what the coordinator is for."""
    inside = []
    with locks.lock('one', lock_path=str(tmp_path / '1')):
        # The same process: threads would wait for each other in memory.
        with locks._processes('one', time.monotonic(), 0.0,
                              str(tmp_path / '2')):
            inside.append('two')
    assert inside


def test_other_names_are_free(table, host):
    with Another(table, 'two'), host(1):
        pass


def test_waiting_ends_with_the_holder(table, host):
    with Another(table) as other:
        threading.Timer(0.1, other.lock.release).start()
        with host(1, timeout=20):
            assert not is_free(table)
    assert is_free(table)


def test_the_deadline_is_kept(table, host):
    started = time.monotonic()
    with Another(table), pytest.raises(exception.Busy), host(1, timeout=0.3):
        pass
    assert 0.3 <= time.monotonic() - started < 5


def test_trying_once_waits_for_nobody(table, host):
    with Another(table), pytest.raises(exception.Busy), host(1, timeout=0):
        pass
    with host(1, timeout=0):
        assert not is_free(table)


def test_an_error_inside_frees_it(table, host):
    with pytest.raises(ZeroDivisionError), host(1):
        raise ZeroDivisionError
    assert is_free(table)


def test_names_never_meet_files_of_the_host(table, host, tmp_path):
    """As tooz keeps them, in a directory that may be the same."""
    with host(1, 'a/b'):
        pass
    assert table.names == [b'manila-drivers-a_b']
    assert [path.name for path in (tmp_path / '1').iterdir()] == [
        'manila-a_b']


@pytest.mark.parametrize('timeout', [0, 1, 30])
def test_a_coordinator_that_is_down_names_its_option(table, host, timeout):
    table.down = OSError('redis://user:secret@10.0.0.1:6379 refused it')
    started = time.monotonic()
    with pytest.raises(exception.Unreachable) as caught:
        with host(1, timeout=timeout):
            pass
    assert time.monotonic() - started < 5
    told = str(caught.value)
    assert '[coordination] backend_url' in told
    assert '10.0.0.1:6379 refused it' in told
    assert 'secret' not in told
    table.down = None
    with host(1):
        pass


def test_a_short_outage_is_waited_for(table, host):
    table.down = OSError('refused')
    threading.Timer(0.1, setattr, (table, 'down', None)).start()
    with host(1, timeout=20):
        assert not is_free(table)


def test_a_coordinator_that_hangs_names_its_option(table, host):
    table.stuck.clear()
    started = time.monotonic()
    with pytest.raises(exception.Unreachable) as caught, host(1):
        pass
    assert time.monotonic() - started < 5
    assert 'Answer: none in time' in str(caught.value)
    # What it gives when nobody waits any more is given back.
    table.stuck.set()
    eventually(lambda: table.names and is_free(table))
    with host(1, timeout=20):
        pass


def test_a_coordinator_that_cannot_be_made_names_its_option(tmp_path):
    def unmade():
        raise ValueError('no driver for file+redis')

    with pytest.raises(exception.Unreachable) as caught:
        with locks.lock('one', lock_path=str(tmp_path), coordinator=unmade):
            pass
    assert 'no driver for file+redis' in str(caught.value)
    assert '[coordination] backend_url' in str(caught.value)


@pytest.mark.parametrize('kind', [TableLock, AskedLock])
def test_a_lock_that_was_lost_is_told(table, host, caplog, monkeypatch,
                                      kind):
    monkeypatch.setattr(Member, 'get_lock', lambda self, name: kind(
        self.table, name))
    with caplog.at_level(logging.WARNING), host(1):
        table.holders.clear()
    assert 'given lock one away while it was held' in caplog.text
    assert '[coordination] backend_url' in caplog.text


def test_a_lock_that_was_kept_is_not_told(table, host, caplog):
    with caplog.at_level(logging.WARNING), host(1):
        pass
    assert not caplog.text


def test_a_coordinator_lost_meanwhile_hangs_nothing(table, host, caplog):
    done = []
    started = time.monotonic()
    with caplog.at_level(logging.WARNING), host(1):
        table.stuck.clear()
        done.append('the work')
    assert done
    assert time.monotonic() - started < 5
    assert 'Lock one could not be given back' in caplog.text
    # It is given back as soon as that can be.
    table.stuck.set()
    eventually(lambda: is_free(table))


def test_an_error_of_the_work_goes_before_one_of_the_lock(table, host):
    def work():
        with host(1):
            table.down = OSError('refused')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    table.down = None
    eventually(lambda: is_free(table))


def test_a_lock_is_given_back_after_a_short_outage(table, host, caplog):
    with caplog.at_level(logging.WARNING), host(1):
        table.down = OSError('refused')
        threading.Timer(0.1, setattr, (table, 'down', None)).start()
    eventually(lambda: is_free(table))
    assert 'given lock one away' not in caplog.text


def test_threads_of_hosts_take_turns(table, tmp_path):
    """Each of them on a host of its own: the coordinator alone decides."""
    inside, most = [], []

    def work(number):
        shared = locks._hosts('one', time.monotonic() + 60, 60.0,
                              table.member)
        with shared:
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.002)
            inside.remove(number)

    threads = [in_thread(lambda number=number: work(number))
               for number in range(8)]
    for thread in threads:
        thread.join(60)
    assert most == [1] * 8


def test_a_driver_without_manila_takes_what_it_is_handed(table, tmp_path):
    member = table.member()
    with compat.lock('one', 1.0, str(tmp_path), member):
        assert not is_free(table)
    assert compat.lock_reach() is locks.Reach.HOST


@pytest.mark.parametrize(('url', 'reach'), [
    ('file:///var/lib/manila', locks.Reach.HOST),
    ('file:///var/lib/manila/', locks.Reach.HOST),
    ('file:///var/lib/manila?timeout=5', locks.Reach.HOST),
    ('file:///var/lib/other/../manila', locks.Reach.HOST),
    ('ipc://', locks.Reach.HOST),
    ('', locks.Reach.HOST),
    ('file:///mnt/shared/locks', locks.Reach.HOSTS),
    ('file:///var/lib/manila/locks', locks.Reach.HOSTS),
    ('redis://:secret@10.0.0.1:6379', locks.Reach.HOSTS),
    ('etcd3+http://10.0.0.1:2379', locks.Reach.HOSTS),
    ('memcached://10.0.0.1', locks.Reach.HOSTS),
    ('zookeeper://10.0.0.1', locks.Reach.HOSTS)])
def test_how_far_a_coordinator_reaches(url, reach):
    assert locks.Reach.of(url, '/var/lib/manila') is reach
