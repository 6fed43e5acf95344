# SPDX-License-Identifier: Apache-2.0

"""Which round trips are counted where."""

import threading
import types

import pytest

from manila_drivers import exception
from manila_drivers.transport import meter
from tests import listening


def test_what_is_counted_inside_is_counted_outside_as_well():
    meter.count('SSH', 1.0)
    with meter.measure() as outer:
        meter.count('REST', 0.5)
        with meter.measure() as inner:
            meter.count('REST', 0.25)
            meter.count('SSH', 2.0)
        with pytest.raises(KeyError), meter.measure():
            raise KeyError
        meter.count('SSH', 4.0)
    meter.count('SSH', 1.0)

    assert (inner.counts, inner.waited, inner.calls) == (
        {'REST': 1, 'SSH': 1}, 2.25, 2)
    assert (outer.counts, outer.waited, outer.calls) == (
        {'REST': 2, 'SSH': 2}, 6.75, 4)


def test_a_meter_reads_as_text(monkeypatch):
    monkeypatch.setattr(meter, 'time', types.SimpleNamespace(
        monotonic=lambda: 12.5))
    made = meter.Meter(started=10.0)
    assert made.elapsed == 2.5
    assert str(made) == 'no round trip in 0.000 s of 2.500 s'
    for kind, seconds in ('SSH', 0.5), ('REST', 0.25), ('SSH', 0.125):
        made.add(kind, seconds)
    assert str(made) == '1 REST, 2 SSH in 0.875 s of 2.500 s'


@pytest.mark.parametrize(('bind', 'counted'), [
    (meter.carried, 1), (lambda function: function, 0)])
def test_work_of_other_threads_is_counted_if_it_is_carried(bind, counted):
    """The second way is the one that forgets it."""
    returned = []

    def work(number, *, name):
        meter.count('SSH', 1.0)
        return number, name

    with meter.measure() as made:
        bound = bind(work)
        thread = threading.Thread(
            target=lambda: returned.append(bound(1, name='x')))
        thread.start()
        listening.join(thread)
    assert returned == [(1, 'x')]
    assert made.calls == counted


def test_many_threads_at_once_lose_no_count():
    with meter.measure() as made:
        threads = [threading.Thread(target=meter.carried(
            lambda: [meter.count('SSH', 1.0) for _ in range(200)]))
            for _ in range(8)]
        for thread in threads:
            thread.start()
        listening.join(*threads)
    assert (made.counts, made.waited) == ({'SSH': 1600}, 1600.0)


def test_whoever_wants_to_is_told_of_each_round_trip():
    heard, outside = [], []
    lost = exception.Unreachable('lost')
    with meter.measure(lambda *told: outside.append(told)), \
            meter.measure(lambda *told: heard.append(told)):
        meter.count('SSH', 1.0)
        meter.count('REST', 2.0, lost)
    assert heard == outside == [('SSH', 1.0, None), ('REST', 2.0, lost)]


def test_a_trip_has_the_error_that_it_ends_in(monkeypatch):
    heard, now = [], [10.0]
    monkeypatch.setattr(meter, 'time', types.SimpleNamespace(
        monotonic=lambda: now[0]))
    lost = exception.OutcomeUnknown('lost')

    def take(error=None):
        with meter.trip('REST'):
            now[0] += 2.5
            if error is not None:
                raise error
    with meter.measure(lambda *told: heard.append(told)):
        take()
        for error in lost, KeyError('a bug'):
            with pytest.raises(type(error)) as caught:
                take(error)
            assert caught.value is error
    assert heard == [('REST', 2.5, None), ('REST', 2.5, lost),
                     ('REST', 2.5, None)]
