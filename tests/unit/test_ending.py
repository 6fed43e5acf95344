# SPDX-License-Identifier: Apache-2.0

"""Whatever a test hangs in ends, and a run that is killed leaves nothing."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from manila_drivers.testing.simulators import sshd
from tests import leftovers
from tests import needs
from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONFTEST = """
from tests import ending
pytest_plugins = ['tests.ending']
ending.GRACE = ending.END = %f
"""
IN_PYTHON = 'def test_it():\n    time.sleep(600)\n'
IN_A_PROCESS = """
def test_it():
    subprocess.run(['sleep', '600'])
"""
IN_C = 'def test_it():\n    all(itertools.repeat(True))\n'
IN_TEARDOWN = """
@pytest.fixture(scope='session')
def slow():
    yield
    time.sleep(600)

def test_it(slow):
    time.sleep(600)
"""
AT_EXIT = """
def test_it():
    threading.Thread(target=time.sleep, args=(600,)).start()
"""
AFTER = '\ndef test_another():\n    pass\n'
IMPORTS = ('import itertools, pytest, subprocess, sys, threading, time\n'
           'from manila_drivers.testing.simulators import sshd\n')


@pytest.fixture
def start(tmp_path):
    """Start tests in a process of their own, each with two seconds."""
    started = []

    def begin(text, grace=90.0):
        (tmp_path / 'conftest.py').write_text(CONFTEST % grace)
        (tmp_path / 'test_it.py').write_text(IMPORTS + text)
        (tmp_path / 'pytest.ini').write_text('[pytest]\ntimeout = 2\n')
        environment = {name: value for name, value in os.environ.items()
                       if name != leftovers.VARIABLE}
        started.append(subprocess.Popen(
            [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider',
             '--basetemp', str(tmp_path / 'base'), str(tmp_path)],
            env={**environment, 'PYTHONPATH': str(ROOT)}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT))
        return started[-1]

    yield begin
    for process in started:
        with process:
            process.kill()


@pytest.mark.parametrize('text', [IN_PYTHON, IN_A_PROCESS])
def test_a_test_that_hangs_fails_and_the_next_one_runs(start, text):
    said, _ = start(text + AFTER).communicate(timeout=patience.seconds(100))
    assert 'Timeout' in said
    assert '1 failed, 1 passed' in said


@pytest.mark.parametrize('text', [IN_C, IN_TEARDOWN, AT_EXIT])
def test_what_its_limit_cannot_end_ends_with_all_stacks(start, text):
    process = start(text, grace=2.0)
    said, _ = process.communicate(timeout=patience.seconds(100))
    assert process.returncode == 1
    assert 'most recent call first' in said, said


OPEN = """
def test_it(tmp_path):
    with sshd.Sshd(tmp_path / 'sshd'):
        one = subprocess.Popen([sys.executable, '-c',
                                'import time; time.sleep(600)'])
        (tmp_path / 'ready').write_text(str(one.pid))
        time.sleep(600)
"""
EMPTY = 'def test_it():\n    pass\n'


def test_the_next_run_ends_what_a_killed_one_has_left(start, tmp_path):
    needs.ssh_server()
    first = start(OPEN.replace('def', '@pytest.mark.timeout(900)\ndef', 1))
    ready = tmp_path / 'base/test_it0/ready'
    end = time.monotonic() + patience.seconds(60)
    while not ready.exists() or not ready.read_text():
        assert time.monotonic() < end
        assert first.poll() is None, first.stdout.read()
        time.sleep(0.05)
    pid = int(ready.read_text())
    assert [each for each in leftovers.processes() if each.pid == pid] == []
    first.send_signal(signal.SIGKILL)
    first.wait(patience.seconds(30))
    left = {each.pid: each for each in leftovers.processes()
            if each.pid == pid or str(tmp_path) in each.words}
    assert len(left) == 2, left
    said, _ = start(EMPTY).communicate(timeout=patience.seconds(100))
    assert f'ended {pid}' in said, said
    assert not [each for each in left.values() if sshd.lives(each.born)]
    assert not (tmp_path / 'base/test_it0/sshd').exists()


def test_who_has_no_mark_is_left_alone():
    environment = {name: value for name, value in os.environ.items()
                   if name != leftovers.VARIABLE}
    with subprocess.Popen(['sleep', '600'], env=environment) as one:
        found = [each.pid for each in leftovers.processes()]
        one.kill()
    assert one.pid not in found


def test_a_number_that_is_somebody_elses_now_is_not_the_owner():
    mine = sshd.owner()
    assert sshd.lives(mine)
    assert not sshd.lives(mine + '1')
    assert not sshd.lives('')


class TestAPlaceToMountOver:
    def test_is_made_and_removed(self, tmp_path):
        path = tmp_path / 'place'
        with leftovers.place(str(path)):
            assert path.is_dir()
        assert not path.exists()

    def test_of_somebody_else_is_kept(self, tmp_path):
        with leftovers.place(str(tmp_path)):
            pass
        assert list(tmp_path.iterdir()) == []

    def test_that_a_killed_run_has_left_is_removed_by_the_next(
            self, tmp_path):
        path = tmp_path / 'place'
        path.mkdir()
        (path / leftovers.SIGN).touch()
        with leftovers.place(str(path)):
            assert path.is_dir()
        assert not path.exists()

    def test_with_something_in_it_is_kept(self, tmp_path):
        path = tmp_path / 'place'
        with contextlib.suppress(OSError), leftovers.place(str(path)):
            (path / 'data').touch()
        assert (path / 'data').exists()
