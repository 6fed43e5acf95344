# SPDX-License-Identifier: Apache-2.0

"""A tempest run leaves no process behind, however it ends."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.tempest import layout
from tests.tempest import processes
from tests.tempest import services

# A server with a child of its own; it says both numbers.
FAMILY = 'sleep 300 & echo $$ $! > "$0"; wait'
# A run: it starts a family and waits until it is told to stop.
RUN = """
import pathlib, sys, time
from tests.tempest import processes
where = pathlib.Path(sys.argv[1])
processes.stop_on_signals()
with processes.server(['sh', '-c', sys.argv[2], where / 'numbers'],
                      where / 'log' / 'x', ready=(where / 'numbers').exists):
    print('up', flush=True)
    time.sleep(300)
"""


def place(work: pathlib.Path) -> layout.Layout:
    return layout.Layout(home=work, work=work, manila=work)


def alive(number: int) -> bool:
    """Return whether it runs; what waits to be reaped does not."""
    try:
        stat = pathlib.Path('/proc/%d/stat' % number).read_text()
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'


def numbers(file: pathlib.Path) -> list[int]:
    processes.wait_until('family', lambda: file.exists()
                         and len(file.read_text().split()) == 2)
    return [int(word) for word in file.read_text().split()]


def gone(members: list[int]) -> None:
    processes.wait_until('end of the family', lambda: not any(
        alive(member) for member in members), 20)


@pytest.fixture
def run(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-c', RUN, str(tmp_path), FAMILY],
        stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == 'up\n'
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    processes.end_left_over(processes.sessions(tmp_path))


def test_a_session_ends_with_its_children(tmp_path):
    with processes.session(['sh', '-c', FAMILY, tmp_path / 'n'],
                           tmp_path / 'sessions'):
        members = numbers(tmp_path / 'n')
        assert all(alive(member) for member in members)
    gone(members)
    assert list((tmp_path / 'sessions').iterdir()) == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_ends_its_servers(run, tmp_path, number):
    members = numbers(tmp_path / 'numbers')
    run.send_signal(number)
    assert run.wait(30) == 128 + number
    gone(members)


def test_what_a_killed_run_left_is_ended_by_the_next(
        run, monkeypatch, tmp_path):
    """Also where no server's tools were ever installed."""
    monkeypatch.setenv('PATH', str(tmp_path / 'nothing'))
    members = numbers(tmp_path / 'numbers')
    run.kill()
    run.wait()
    assert all(alive(member) for member in members)
    with services.alone(place(tmp_path)):
        gone(members)
        assert list(tmp_path.iterdir()) == []


def test_a_number_that_went_to_another_process_is_left_alone(tmp_path):
    with subprocess.Popen(['sleep', '300'], start_new_session=True) as other:
        try:
            entry = tmp_path / str(other.pid)
            entry.write_text('1')
            assert processes.end_left_over(tmp_path) == []
            assert alive(other.pid) and not entry.exists()
        finally:
            other.kill()


def test_two_runs_do_not_share_a_directory(tmp_path):
    with services.alone(
            place(tmp_path / 'work')), pytest.raises(
            processes.ServerFailure, match='another run'):
        with services.alone(place(tmp_path / 'work')):
            pass


def test_a_port_that_is_taken_is_not_taken_for_our_server(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(processes.ServerFailure, match=str(port)):
            with processes.server(['sleep', '300'], tmp_path / 'log' / 'x',
                                  port=port, ready=lambda: True):
                pass


def test_a_server_that_dies_is_reported_with_its_log(tmp_path):
    log = tmp_path / 'log' / 'x'
    started = time.monotonic()
    with pytest.raises(processes.ServerFailure, match='ended with 3'):
        with processes.server(['sh', '-c', 'echo no; exit 3'], log,
                              ready=lambda: False):
            pass
    assert log.read_text() == 'no\n'
    assert time.monotonic() - started < 60
    assert not (os.listdir(processes.sessions(tmp_path)))
