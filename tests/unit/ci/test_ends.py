# SPDX-License-Identifier: Apache-2.0

"""Stages that hang, ignore signals and leave processes come to their end."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tests import patience
from tools.ci import __main__ as runner
from tools.ci import leftovers
from tools.ci import processes
from tools.ci import stages
from tools.ci import warden

ROOT = pathlib.Path(__file__).resolve().parents[3]
TURN = stages.Turn('commit 7', 7)

# It ignores what can be ignored; a child in a session of its own holds its
# output open, and a grandchild is an orphan.
HANGS = """
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen(['sleep', '{sleep}'], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep({sleep})
    os._exit(0)
print('begun', flush=True)
def stuck_here():
    time.sleep({sleep})
stuck_here()
"""


@pytest.fixture
def sleep():
    """Seconds that nobody else sleeps: the processes are known by them."""
    return f'9{os.getpid()}.{time.monotonic_ns() % 10**9}'


def sleepers(seconds):
    """Processes that have such a number in their arguments."""
    found = []
    for one in processes.everyone():
        try:
            words = (processes.PROC / str(one.pid) / 'cmdline').read_bytes()
        except OSError:
            continue
        if seconds.encode() in words and not one.ended:
            found.append(one)
    return found


def until(condition, seconds=60):
    end = time.monotonic() + patience.seconds(seconds)
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def patient(interrupt, terminate):
    """Code that runs a warden with less patience."""
    return ('import sys; from tools.ci import warden; '
            f'warden.INTERRUPT, warden.TERMINATE = {interrupt}, {terminate}; '
            'warden.main(sys.argv[1:])')


def warded(tmp_path, limit, *command, interrupt=1, **variables):
    """Run a command with a warden; its result and its output."""
    target = tmp_path / 'result.json'
    done = subprocess.run(
        [sys.executable, '-c', patient(interrupt, 1), str(limit), str(target),
         *command], cwd=ROOT, env={**os.environ, **variables},
        timeout=patience.seconds(100),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return warden.Result(**json.loads(target.read_text())), done.stdout


def test_a_command_that_ends(tmp_path):
    burn = ('import time; e = time.process_time() + .3\n'
            'while time.process_time() < e: pass\nraise SystemExit(3)')
    result, _ = warded(tmp_path, 60, sys.executable, '-c', burn)
    assert (result.code, result.ended, result.left) == (3, '', [])
    assert 0.3 <= result.cpu <= result.seconds


def test_a_command_that_is_not_there(tmp_path):
    result, output = warded(tmp_path, 60, '/no/such/command')
    assert result.code == 127
    assert '/no/such/command' in output


def test_what_a_command_leaves_is_ended_and_named(tmp_path, sleep):
    result, _ = warded(
        tmp_path, 60, 'sh', '-c', f'setsid sleep {sleep} & sleep 1')
    assert (result.code, result.left) == (0, ['sleep'])
    assert sleepers(sleep) == []


def test_a_command_that_hangs_is_ended_with_all_below_it(tmp_path, sleep):
    result, output = warded(
        tmp_path, 2, sys.executable, '-c', HANGS.format(sleep=sleep),
        PYTHONFAULTHANDLER='1')
    assert result.ended == 'after 2 s'
    assert result.seconds < 40
    assert result.immortal == []
    assert sleepers(sleep) == []
    # Where it was, of the process and of its orphan.
    assert 'stuck_here' in output or 'most recent call first' in output


def test_a_pytest_that_hangs_shows_its_stacks_and_tidies_up(tmp_path):
    """The fixture's end is reached, as after Ctrl-C."""
    (tmp_path / 'test_hangs.py').write_text(textwrap.dedent("""
        import pathlib, threading, time, pytest

        @pytest.fixture
        def tidy():
            yield
            pathlib.Path('tidied').touch()

        def waits_in_a_thread():
            time.sleep(999)

        def test_hangs(tidy):
            pathlib.Path('begun').touch()
            print('captured')
            threading.Thread(target=waits_in_a_thread, daemon=True).start()
            for _ in range(999):
                time.sleep(1)
    """))
    # On a machine that does much else pytest may not have come to the test.
    for seconds in 8, 60:
        result, output = warded(
            tmp_path, seconds, sys.executable, '-c',
            f'import os, sys; os.chdir({str(tmp_path)!r}); '
            f'sys.path.insert(0, {str(ROOT)!r}); import pytest; '
            'sys.exit(pytest.main(["-p", "tests.plugins.stacks", "-p", '
            '"no:cacheprovider", "--rootdir", ".", "-c", "/dev/null"]))',
            interrupt=40)
        assert result.ended == f'after {seconds} s', output
        if (tmp_path / 'begun').exists():
            break
    assert 'in waits_in_a_thread' in output
    assert 'in test_hangs' in output
    assert 'KeyboardInterrupt' in output
    assert (tmp_path / 'tidied').exists()


def test_a_warden_goes_with_the_run(tmp_path, sleep):
    """A run that is killed leaves nothing of its stages."""
    run = subprocess.Popen(
        [sys.executable, '-c',
         'import subprocess as s, sys; s.run([sys.executable, *sys.argv[1:]])',
         '-c', patient(1, 1), '999', str(tmp_path / 'result'),
         sys.executable, '-c', HANGS.format(sleep=sleep)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)
    until(lambda: len(sleepers(f'{sleep}')) >= 4)
    run.kill()
    run.wait()
    until(lambda: sleepers(sleep) == [])


def test_what_a_killed_run_has_left_is_ended_by_the_next(tmp_path, sleep):
    """Even if its warden was killed at the same moment."""
    gone = subprocess.run(['true'])
    assert gone.returncode == 0
    root = str(tmp_path)
    stale = subprocess.Popen(
        ['sleep', sleep], start_new_session=True,
        env={**os.environ, leftovers.VARIABLE: f'999999999:1:{root}'})
    other = subprocess.Popen(
        ['sleep', sleep], env={**os.environ, leftovers.VARIABLE:
                               leftovers.mark(root)})
    try:
        until(lambda: len(sleepers(sleep)) == 2)
        names = leftovers.end(root, seconds=20)
        assert names == [f'sleep ({stale.pid})']
        assert stale.wait(patience.seconds(20)) == -signal.SIGTERM
        # Its leader, this process, is there.
        assert other.poll() is None
        assert leftovers.end(root) == []
    finally:
        for process in (stale, other):
            process.kill()
            process.wait()


def stage(name, lane, code, limit=60.0):
    return stages.Stage(name, lane, limit, (sys.executable, '-c', code))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that writes down what it says."""
    said = []
    made = runner.Run(500, tmp_path, said.append)
    made.said = said
    monkeypatch.setenv('PYTHONFAULTHANDLER', '1')
    return made


def test_lanes_side_by_side_and_one_that_hangs(run, sleep, monkeypatch):
    """The others are reported, whole, with their totals."""
    monkeypatch.setattr(runner, 'TICK', 0.5)
    good = 'print("one\\ntwo\\n2 passed, 0 failed")'
    run.side_by_side([
        [stage('hangs', 'a', HANGS.format(sleep=sleep), 2.0),
         stage('after', 'a', good)],
        [stage('beside', 'b', good)]])
    outcomes = {name: report.outcome for name, report in run.reports.items()}
    assert outcomes == {'hangs': 'TOO LONG', 'after': 'ok', 'beside': 'ok'}
    assert run.reports['after'].counts.passed == 2
    assert sleepers(sleep) == []
    text = '\n'.join(run.said)
    assert ('\n=== output of beside\none\ntwo\n2 passed, 0 failed\n'
            '=== end of beside\n') in text
    assert 'stuck_here' in text
    assert 'running: hangs (' in text


def test_the_whole_run_has_a_limit(tmp_path, sleep):
    """Stages under way end; those that have not begun are told."""
    # The first time the stage may not have begun to run.
    for seconds in 1, 30:
        run = runner.Run(seconds, tmp_path, lambda text: None)
        run.side_by_side([[
            stage('long', 'a', f'import time; time.sleep({sleep})'),
            stage('later', 'a', 'print("1 passed")')]])
        assert run.reports['long'].outcome == 'FAILED'
        if run.reports['long'].notes != ['its warden is gone']:
            break
    assert f'the whole run has taken {seconds} s' in run.reports['long'].notes
    assert run.reports['later'].outcome == 'NOT RUN'
    assert sleepers(sleep) == []


def test_a_second_run_keeps_out(tmp_path):
    with runner.alone(tmp_path):
        with pytest.raises(SystemExit, match='another run is under way'):
            with runner.alone(tmp_path):
                raise AssertionError('two at once')
    with runner.alone(tmp_path):
        pass


def test_the_entry_knows_its_stages():
    done = subprocess.run([ROOT / '.ci' / 'run', '--list'], cwd='/',
                          capture_output=True, text=True,
                          timeout=patience.seconds(60))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('python3 tools/run.py test') >= 5
    wrong = subprocess.run([ROOT / '.ci' / 'run', 'nonsense'],
                           capture_output=True, text=True,
                           timeout=patience.seconds(60))
    assert wrong.returncode == 2
    assert 'no stage nonsense' in wrong.stderr
