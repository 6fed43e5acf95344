# SPDX-License-Identifier: Apache-2.0

"""Alarms ring in the order of their times."""

import threading
import types

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
