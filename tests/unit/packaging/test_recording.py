# SPDX-License-Identifier: Apache-2.0

"""Test that stestr's own commands show what a run leaves in .stestr."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests import patience
from tests.plugins import recording

ROOT = pathlib.Path(__file__).resolve().parents[3]
STESTR = (shutil.which('stestr', path=pathlib.Path(sys.executable).parent)
          or shutil.which('stestr'))

TESTS = """
import time
import pytest

@pytest.mark.parametrize('path', ['a/b.py::c', ''])
def test_passes(path):
    time.sleep(0.3 if path else 0)

def test_fails():
    print('said before')
    assert 1 == 2

def test_is_skipped():
    pytest.skip('no lab here')

@pytest.mark.xfail(reason='known')
def test_is_expected_to_fail():
    assert 0

@pytest.fixture
def broken():
    raise RuntimeError('no such fixture')

def test_cannot_start(broken):
    pass

@pytest.fixture
def bad_end():
    yield
    raise RuntimeError('left open')

class TestClass:
    def test_cannot_end(self, bad_end):
        pass
"""


def needs_stestr():
    """It is in test-requirements.txt, so only half an environment has none."""
    if STESTR is None:
        (pytest.fail if os.environ.get('CI') else pytest.skip)('no stestr')


def record(place, *words):
    """Run pytest there with our plugin; its output."""
    needs_stestr()
    return subprocess.run(
        [sys.executable, '-m', 'pytest', '-p', 'tests.plugins.recording',
         '--stestr', '--rootdir', '.', '-c', '/dev/null', *words], cwd=place,
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, text=True,
        timeout=patience.seconds(100),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def stestr(place, *words):
    return subprocess.run([STESTR, *words], cwd=place, text=True,
                          timeout=patience.seconds(100),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False).stdout


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """A directory in which a run of these tests has been recorded."""
    made = tmp_path_factory.mktemp('recorded')
    (made / 'test_six.py').write_text(textwrap.dedent(TESTS))
    done = record(made)
    assert done.returncode == 1
    assert '1 failed, 3 passed, 1 skipped, 1 xfailed, 2 errors' in done.stdout
    return made


def test_last(place):
    shown = stestr(place, 'last')
    for what in ('Passed: 2', 'Skipped: 1', 'Expected Fail: 1', 'Failed: 3',
                 'test_six.test_is_skipped ... SKIPPED: no lab here'):
        assert what in shown
    for name, text in (('test_fails', 'assert 1 == 2'),
                       ('test_cannot_start', 'no such fixture'),
                       ('TestClass.test_cannot_end', 'left open')):
        assert re.search(r'test_six\.%s \[[\d.]+s\] \.\.\. FAILED' % name,
                         shown)
        assert text in shown
    assert 'said before' in shown


def test_slowest(place):
    lines = [line.split() for line in stestr(place, 'slowest').splitlines()]
    seconds = {line[0]: float(line[1]) for line in lines[2:] if line}
    assert list(seconds.values()) == sorted(seconds.values(), reverse=True)
    # On a busy machine any of the others may take longer.
    assert 0.3 <= seconds['test_six.test_passes(a/b.py::c)'] < 30
    assert 'test_six.test_fails' in seconds


def test_failing(place):
    assert set(re.findall(r'test_six\.\S+', stestr(
        place, 'failing', '--list'))) == {
        'test_six.test_fails', 'test_six.test_cannot_start',
        'test_six.TestClass.test_cannot_end'}


def test_the_stream_can_be_collected(place, tmp_path):
    """Another repository takes it, as a job that collects streams does."""
    raw = subprocess.run([STESTR, 'last', '--subunit'], cwd=place,
                         capture_output=True, check=False).stdout
    stream = tmp_path / 'stream'
    stream.write_bytes(raw)
    stestr(tmp_path, 'load', '--force-init', str(stream))
    assert 'Failed: 3' in stestr(tmp_path, 'last')


def test_a_module_that_cannot_be_read_is_a_failure(tmp_path):
    (tmp_path / 'test_odd.py').write_text('import no_such_module\n')
    assert record(tmp_path).returncode == 2
    shown = stestr(tmp_path, 'last')
    assert 'test_odd' in shown
    assert 'no_such_module' in shown
    assert 'Failed: 1' in shown


def test_runs_are_kept_one_by_one(tmp_path):
    (tmp_path / 'test_one.py').write_text('def test_one(): pass\n')
    for number in (1, 2):
        assert record(tmp_path).returncode == 0
        assert recording.number(tmp_path) == number
    record(tmp_path, '--collect-only')
    assert recording.number(tmp_path) == 2


def test_a_run_that_cannot_be_recorded_fails(tmp_path):
    (tmp_path / 'test_one.py').write_text('def test_one(): pass\n')
    (tmp_path / '.stestr').write_text('in the way')
    done = record(tmp_path)
    assert done.returncode not in (0, 1)
    assert 'not recorded in .stestr' in done.stdout


@pytest.mark.parametrize(('nodeid', 'name'), [
    ('tests/unit/test_x.py::test_y', 'tests.unit.test_x.test_y'),
    ('test_x.py::TestY::test_z[a.py::b/c[d]-e]',
     'test_x.TestY.test_z(a.py::b/c<d>-e)'),
    ('test_x.py::test_y[]', 'test_x.test_y()'),
    ('tests/unit/test_x.py', 'tests.unit.test_x')])
def test_names(nodeid, name):
    assert recording.identity(nodeid) == name


def test_every_run_of_tox_is_recorded():
    text = (ROOT / 'tox.ini').read_text()
    commands = re.findall(r'^    pytest .*$', text, re.MULTILINE)
    assert len(commands) >= 6
    assert all('pytest --stestr ' in command for command in commands)
    assert '.stestr/' in (ROOT / '.gitignore').read_text().splitlines()
