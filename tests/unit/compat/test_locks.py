# SPDX-License-Identifier: Apache-2.0

"""Locks between threads and processes."""

import contextlib
import gc
import os
import pathlib
import subprocess
import sys
import threading
import time

from oslo_concurrency import lockutils
import pytest

from manila_drivers import exception
from manila_drivers import locks

ROOT = pathlib.Path(__file__).resolve().parents[3]

HOLDER = """
import sys
from manila_drivers import locks
with locks.lock(sys.argv[1], lock_path=sys.argv[2]):
    print('held', flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def another_process(name, path):
    """Somebody else who holds the lock."""
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', HOLDER, name, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT)})
    try:
        assert process.stdout.readline() == 'held\n'
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def another_thread(name, path):
    inside = threading.Event()
    done = threading.Event()

    def hold():
        with locks.lock(name, lock_path=str(path)):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()


def free(name, path, timeout=0.05):
    try:
        with locks.lock(name, timeout=timeout, lock_path=str(path)):
            return True
    except exception.Busy:
        return False


def free_for_others(name, path):
    """Tell if another process would get the file's lock at once."""
    code = ('import fcntl, sys\n'
            'fcntl.lockf(open(sys.argv[1], "a"), '
            'fcntl.LOCK_EX | fcntl.LOCK_NB)\n')
    return subprocess.run(
        [sys.executable, '-c', code, str(path / f'manila-{name}')],
        capture_output=True).returncode == 0


@pytest.mark.parametrize('holder', [another_thread, another_process])
def test_one_holder_at_a_time(tmp_path, holder):
    with holder('one', tmp_path):
        assert not free('one', tmp_path)
        assert free('two', tmp_path)

    assert free('one', tmp_path)


def test_a_dead_holder_does_not_hold(tmp_path):
    with another_process('one', tmp_path) as process:
        process.kill()
        process.wait()
        assert free('one', tmp_path, timeout=5)


def test_waiting_ends_with_the_holder(tmp_path):
    with another_process('one', tmp_path) as process:
        threading.Timer(0.1, process.kill).start()
        assert free('one', tmp_path, timeout=30)


def test_the_deadline_is_kept(tmp_path):
    with another_process('one', tmp_path):
        started = time.monotonic()
        with (pytest.raises(exception.Busy) as caught,
              locks.lock('one', timeout=0.2, lock_path=str(tmp_path))):
            pass
        assert 0.2 <= time.monotonic() - started < 5
    assert 'Lock one was not free within 0.2 s.' in str(caught.value)


def test_giving_up_leaves_the_holder_its_lock(tmp_path):
    """Closing any descriptor of a file frees the process's lock on it."""
    with another_process('one', tmp_path) as process:
        errors = []
        with (pytest.raises(exception.Busy) as caught,
              locks.lock('one', timeout=0.01, lock_path=str(tmp_path))):
            pass
        errors.append(caught.value)  # keeps the frames, hence the file
        process.kill()
        process.wait()
        with locks.lock('one', timeout=5, lock_path=str(tmp_path)):
            errors.clear()
            del caught
            gc.collect()
            assert not free_for_others('one', tmp_path)
        assert free_for_others('one', tmp_path)


def test_a_descriptor_left_open_would_free_the_lock(tmp_path):
    """The control of the test above: this is the trap it looks for."""
    stray = (tmp_path / 'manila-one').open('a')
    with locks.lock('one', lock_path=str(tmp_path)):
        assert not free_for_others('one', tmp_path)
        stray.close()
        assert free_for_others('one', tmp_path)


def test_names_that_share_a_file_share_a_lock(tmp_path):
    with another_thread('a/b', tmp_path):
        assert not free('a_b', tmp_path)
    assert sorted(os.listdir(tmp_path)) == ['manila-a_b']


def test_an_error_inside_frees_it(tmp_path):
    with (pytest.raises(ZeroDivisionError),
          locks.lock('one', lock_path=str(tmp_path))):
        raise ZeroDivisionError

    assert free('one', tmp_path)
    assert free_for_others('one', tmp_path)


def test_oslo_concurrency_means_the_same_lock(tmp_path):
    with lockutils.lock('one', lock_file_prefix='manila-', external=True,
                        lock_path=str(tmp_path)):
        assert not free_for_others('one', tmp_path)
        assert not free_in_thread('one', tmp_path)


def free_in_thread(name, path):
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(free(name, path)))
    thread.start()
    thread.join()
    return answers[0]


def test_no_directory_names_the_option():
    with (pytest.raises(exception.ConfigurationError) as caught,
          locks.lock('one')):
        pass
    assert caught.value.option == 'lock_path'


def test_a_bad_directory_names_the_option(tmp_path):
    (tmp_path / 'file').write_text('')

    with (pytest.raises(exception.ConfigurationError) as caught,
          locks.lock('one', lock_path=str(tmp_path / 'file' / 'below'))):
        pass
    assert caught.value.option == 'lock_path'
    assert free('one', tmp_path)


def test_64_threads_take_turns(tmp_path):
    inside = []
    most = []

    def work():
        with locks.lock('one', timeout=60, lock_path=str(tmp_path)):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 64
