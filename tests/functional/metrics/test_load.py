# SPDX-License-Identifier: Apache-2.0

"""Scrapes during a load: counters equal what the simulator counted."""

import itertools

import pytest

from manila_drivers.metrics import catalogue
from manila_drivers.metrics import recorder
from manila_drivers.testing.simulators import faults
from manila_drivers.transport import meter
from tests.functional.metrics import counting


@pytest.fixture
def bench(request, tmp_path, monkeypatch):
    with counting.bench(request.param, tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.timeout(400)
@pytest.mark.parametrize('bench', counting.KINDS, indirect=True)
def test_counters_equal_what_the_simulator_counted(bench):
    scrapes = []

    def scrape():
        seen = bench.scrape()
        scrapes.append(seen)
        # What is counted has been asked before.
        for transport, number in bench.counted().items():
            assert counting.told(seen, transport) <= number

    counting.load(bench, meanwhile=scrape)

    assert len(scrapes) > 2
    for earlier, later in itertools.pairwise(scrapes):
        for key, value in earlier.items():
            if key[0].endswith(('_total', '_count')):
                assert later[key] >= value
    assert sum(bench.counted().values()) > 20
    assert counting.differences(bench) == []


def forgets_deletes(monkeypatch):
    whole = recorder.MetricsRecorder.round_trip

    def round_trip(self, operation, *args):
        if operation != 'delete_share':
            whole(self, operation, *args)
    monkeypatch.setattr(recorder.MetricsRecorder, 'round_trip', round_trip)


def counts_twice(monkeypatch):
    whole = recorder.MetricsRecorder.round_trip

    def round_trip(self, operation, *args):
        whole(self, operation, *args)
        if operation == 'dry_run':
            whole(self, operation, *args)
    monkeypatch.setattr(recorder.MetricsRecorder, 'round_trip', round_trip)


def loses_threads(monkeypatch):
    monkeypatch.setattr(meter, 'carried', lambda function: function)


def calls_all_done(monkeypatch):
    whole = catalogue.outcome
    monkeypatch.setattr(
        catalogue, 'outcome', lambda error: whole(None))


def never_ends(monkeypatch):
    monkeypatch.setattr(recorder.MetricsRecorder, 'ended', lambda *args: None)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(('bench', 'broken'), [
    ('vast', forgets_deletes), ('vast', counts_twice), ('vast', never_ends),
    ('knfs', loses_threads)], indirect=['bench'])
def test_a_broken_counter_is_noticed(bench, broken, monkeypatch):
    broken(monkeypatch)

    counting.load(bench, workers=1)

    assert counting.differences(bench)


def struck(bench, kind):
    """Strike one request of each share, and return how many were struck."""
    bench.cluster.sim.arm(faults.Fault(kind, nth=3, times=1))
    counting.load(bench, workers=1, rounds=1)
    number = bench.cluster.sim.fired
    bench.cluster.sim.disarm()
    return number


@pytest.mark.timeout(300)
@pytest.mark.parametrize(('bench', 'kind'), [
    ('vast', 'reset_before'), ('vast', 'reset_after'),
    ('gluster', 'reset_before')], indirect=['bench'])
def test_transport_errors_equal_the_faults(bench, kind):
    number = struck(bench, kind)

    seen = bench.scrape()

    assert number == 1
    assert sum(value for key, value in seen.items() if key[0] ==
               'manila_drivers_transport_errors_total') == number
    assert [line for line in counting.differences(bench)
            if 'operations' not in line] == []


@pytest.mark.parametrize('bench', ['vast'], indirect=True)
def test_failures_are_counted_as_such(bench, monkeypatch):
    made = bench.call('create_share',
                      lambda: bench.backend.shares.create(size=2, name='a'))
    bench.cluster.fill(made.locations[0], 2 * 2 ** 30)

    bench.call('shrink_share', lambda: made.shrink(1))

    assert ('shrink_share', 'possible_data_loss') in bench.asked
    assert counting.differences(bench) == []
    calls_all_done(monkeypatch)
    bench.asked['shrink_share', 'possible_data_loss'] += 1
    with pytest.raises(Exception, match='shrink'):
        made.shrink(1)
    assert counting.differences(bench)


@pytest.mark.parametrize('bench', ['vast'], indirect=True)
def test_statistics_that_fail_in_silence_are_counted(bench):
    bench.backend.stats()
    before = bench.scrape()[
        'manila_drivers_statistics_timestamp_seconds',]
    bench.cluster.stop()

    bench.backend.stats()

    seen = bench.scrape()
    assert seen['manila_drivers_operations_total', 'get_share_stats',
                'unreachable'] == 1
    assert seen['manila_drivers_statistics_timestamp_seconds',] == before
    assert seen['manila_drivers_transport_errors_total', 'unreachable',
                'rest'] >= 1


@pytest.mark.parametrize('bench', ['vast'], indirect=True)
def test_shares_by_state_and_capacity_are_the_backends(bench):
    for name in ('one', 'two'):
        bench.backend.shares.create(size=1, name=name)
    bench.backend.stats()

    seen = bench.scrape()

    assert seen['manila_drivers_shares', 'available'] == 2
    assert seen['manila_drivers_pool_provisioned_bytes',
                counting.SECTION] == 2 * 2 ** 30
