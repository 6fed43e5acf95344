# SPDX-License-Identifier: Apache-2.0

"""Metrics of processes of their own, with threads of whatever kind."""

import contextlib
import select
import socket
import subprocess
import sys
import time

import pytest

from tests import needs
from tests.functional.metrics import counting

# Sleeps a little all the time, and says how late it was woken at the most.
SERVE = """
import sys, threading, time
from manila_drivers.metrics import facts, service

options = {'metrics_port': int(sys.argv[1]), 'metrics_address': '127.0.0.1'}
served = service.MetricsService(lambda: 'one', options.get,
                                facts.BackendFacts)
served.start()
if served.recorder is not None:
    served.recorder.begun('work')
print('serving', served.running, flush=True)
latest, until = 0.0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    before = time.monotonic()
    time.sleep(0.01)
    latest = max(latest, time.monotonic() - before)
    served.start()
print('late', latest, served.running, flush=True)
served.close()
print('closed', [one.name for one in threading.enumerate()
                 if one.name == 'metrics'], flush=True)
"""
#: What of the standard library was imported before makes a difference.
PATCHES = {
    'late': 'import eventlet\neventlet.monkey_patch()\n',
    'early': 'import logging.config, wsgiref.simple_server\n'
             'import eventlet\neventlet.monkey_patch()\n'}
KINDS = {'threads': '', **PATCHES}
# As prometheus_client would do it, for comparison.
NAIVE = """
import sys, time
import prometheus_client
print('begins', flush=True)
prometheus_client.start_http_server(int(sys.argv[1]), '127.0.0.1')
time.sleep(0.01)
print('late', flush=True)
"""


@contextlib.contextmanager
def process(code, *words):
    made = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', code, *map(str, words)],
        stdout=subprocess.PIPE, text=True)
    try:
        yield made
    finally:
        made.kill()
        made.communicate()


def line(made, seconds=60.0):
    """Return the next line of a process, '' if none comes."""
    ready, _, _ = select.select([made.stdout], [], [], seconds)
    return made.stdout.readline().strip() if ready else ''


@pytest.mark.parametrize('kind', KINDS)
def test_scrapes_stop_nobody(kind):
    if kind in PATCHES:
        needs.module('eventlet')
    port = counting.free_port()
    url = f'http://127.0.0.1:{port}/metrics'
    with process(KINDS[kind] + SERVE, port, 4) as made:
        assert line(made) == 'serving True'
        # Somebody who says nothing is no reason for others to wait.
        with socket.create_connection(('127.0.0.1', port), 10):
            started = time.monotonic()
            for _ in range(5):
                seen = counting.scraped(url)
            # Not until the silent one is cut off.
            assert time.monotonic() - started < 9
        assert seen['manila_drivers_operations_running', 'work'] == 1
        word, late, running = line(made).split()

        assert (word, running) == ('late', 'True')
        # Without an end, if the process is stopped.
        assert float(late) < 5
        assert line(made) == 'closed []'


def test_the_server_of_prometheus_client_stops_green_threads():
    """Why there is one of our own; it may go when this fails."""
    needs.module('eventlet')
    with process(PATCHES['early'] + NAIVE, counting.free_port()) as made:
        assert line(made) == 'begins'

        assert line(made, 5) == ''


def test_a_port_that_is_taken_is_opened_when_it_is_free():
    port = counting.free_port()
    with process(SERVE, port, 60) as first:
        assert line(first) == 'serving True'
        with process(SERVE, port, 8) as second:
            assert line(second) == 'serving False'
            first.kill()
            first.wait()

            assert line(second).split()[::2] == ['late', 'True']


def test_each_process_has_metrics_of_its_own():
    ports = counting.free_port(), counting.free_port()
    with process(SERVE, ports[0], 30) as one, \
            process(SERVE, ports[1], 30) as two:
        assert [line(one), line(two)] == ['serving True'] * 2
        for port in ports:
            seen = counting.scraped(f'http://127.0.0.1:{port}/metrics')
            assert seen['manila_drivers_operations_running', 'work'] == 1
