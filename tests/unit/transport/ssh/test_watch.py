# SPDX-License-Identifier: Apache-2.0

"""Alarms ring in the order of their times."""

import os
import threading
import types

from manila_drivers.transport import ssh_process
from manila_drivers.transport import ssh_watch
from tests import listening

MANY = 40


def test_alarms_that_are_due_together_ring_in_their_order():
    watch, rung, over = ssh_watch.Watch(), [], threading.Event()
    blocked, go = threading.Event(), threading.Event()

    def block():
        blocked.set()
        assert go.wait(listening.SECONDS)

    # While this one rings all the others become due.
    watch.after(0.0, block)
    assert blocked.wait(listening.SECONDS)
    # Further apart than setting one takes on a busy machine.
    times = [(number * 7) % 20 for number in range(20)]
    for time in times:
        watch.after(time * 0.05, lambda time=time: rung.append(time))
    watch.after(20 * 0.05, over.set)
    go.wait(1.1)
    go.set()
    assert over.wait(listening.SECONDS)
    assert rung == sorted(times)


def test_alarms_of_one_time_ring_in_the_order_they_were_set(monkeypatch):
    watch, rung, over = ssh_watch.Watch(), [], threading.Event()
    monkeypatch.setattr(ssh_watch, 'time', types.SimpleNamespace(
        monotonic=lambda: 5.0))
    with watch._changed:
        for number in range(MANY):
            watch.after(0.0, lambda number=number: rung.append(number))
        watch.after(0.0, over.set)
    assert over.wait(listening.SECONDS)
    assert rung == list(range(MANY))


def test_an_earlier_alarm_does_not_wait_for_a_later_one():
    watch, rung = ssh_watch.Watch(), threading.Event()
    late = watch.after(3600.0, lambda: None)
    watch.after(0.01, rung.set)
    assert rung.wait(listening.SECONDS)
    watch.cancel(late)
    watch.close()


def test_what_is_no_alarm_any_more_can_be_cancelled():
    watch, rung = ssh_watch.Watch(), threading.Event()
    watch.cancel(None)
    alarm = watch.after(0.0, rung.set)
    assert rung.wait(listening.SECONDS)
    watch.cancel(alarm)
    # Nor does it keep others from ringing.
    again = threading.Event()
    watch.after(0.0, again.set)
    assert again.wait(listening.SECONDS)


def test_a_service_can_end_while_alarms_are_set():
    watch = ssh_watch.Watch()
    watch.after(3600.0, lambda: None)
    assert watch._thread.daemon
    watch.close()


class Begun(ssh_process.PerProcess):

    def __init__(self):
        self.begun = 0
        super().__init__()

    def _begin(self):
        self.begun += 1


def test_what_belongs_to_a_process_begins_anew_in_another(monkeypatch):
    made = Begun()
    made._check_process()
    assert made.begun == 1
    for number, times in (1, 2), (2, 3), (2, 3), (1, 4):
        monkeypatch.setattr(os, 'getpid', lambda number=number: number)
        made._check_process()
        made._check_process()
        assert made.begun == times


def test_threads_of_a_child_begin_once(monkeypatch):
    made, go = Begun(), threading.Barrier(8)
    monkeypatch.setattr(os, 'getpid', lambda: 1)

    def check():
        go.wait(listening.SECONDS)
        made._check_process()

    threads = [threading.Thread(target=check) for _ in range(8)]
    for thread in threads:
        thread.start()
    listening.join(*threads)
    assert made.begun == 2
