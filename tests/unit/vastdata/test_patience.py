# SPDX-License-Identifier: Apache-2.0

"""A management service that is away, silent or slow."""

from concurrent import futures
import threading
import time
import uuid

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import flight
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsAdapter
from manila_drivers.transport import retry
from tests import patience
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share


def snapshot_of(one):
    ident = str(uuid.uuid4())
    return {'id': ident, 'name': 'share-snapshot-' + ident, 'size': 1,
            'share_instance_id': one['id'], 'share': one}


CALLS = {
    'create': lambda driver, one: driver.create_share(None, share()),
    'delete': lambda driver, one: driver.delete_share(None, one),
    'extend': lambda driver, one: driver.extend_share(one, 2),
    'access': lambda driver, one: driver.update_access(
        None, one, [rule('r', '10.0.0.7')]),
    'snapshot': lambda driver, one: driver.create_snapshot(
        None, snapshot_of(one))}


@pytest.mark.parametrize('fault', [
    {'kind': 'status', 'code': 503}, {'kind': 'refused'},
    {'kind': 'reset_before'}, {'kind': 'status', 'code': 429},
    {'kind': 'status', 'code': 503, 'before': False}],
    ids=lambda fault: f'{fault["kind"]} {fault.get("code", "")}')
@pytest.mark.parametrize('seconds', [4, 100])
@pytest.mark.parametrize('call', CALLS.values(), ids=CALLS)
def test_a_service_that_moves_is_waited_for(bench, call, seconds, fault):
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    bench.sim.arm(Fault(lasts=seconds, **fault))
    call(driver, one)


def test_a_service_that_stays_away_is_not_waited_for_for_ever(bench):
    driver = bench.start()
    bench.sim.arm(Fault('refused', times=None))
    before = bench.clock.now
    with pytest.raises(compat.errors.ManilaException):
        driver.create_share(None, share())
    assert 119 <= bench.clock.now - before <= 130


def test_statistics_do_not_wait_long(bench):
    driver = bench.start()
    driver.get_share_stats(refresh=True)
    bench.sim.arm(Fault('refused', times=None))
    before = bench.clock.now
    assert driver.get_share_stats(refresh=True)['total_capacity_gb'] > 0
    assert bench.clock.now - before <= 20


def test_a_spell_does_not_end_the_wait_for_a_snapshot(bench):
    bench.sim.options.snapshot_delay = 400
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    bench.sim.arm(Fault('status', code=503, lasts=250,
                        match='GET .*snapshots/'))
    assert driver.create_snapshot(None, snapshot_of(one))


def test_a_wait_for_a_snapshot_ends(bench):
    bench.sim.options.snapshot_delay = 10 ** 6
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    before = bench.clock.now
    with pytest.raises(compat.errors.ManilaException, match='600'):
        driver.create_snapshot(None, snapshot_of(one))
    assert 600 <= bench.clock.now - before <= 620


def test_a_spell_does_not_put_a_share_into_error(bench):
    """Manila ends a clone for good if asking for its progress fails."""
    bench.sim.options.clone_delay = 100
    driver = bench.start()
    one, two = share(), share(snapshot_id='s')
    driver.create_share(None, one)
    snapshot = snapshot_of(one)
    driver.create_snapshot(None, snapshot)
    driver.create_share_from_snapshot(None, two, snapshot)
    bench.sim.arm(Fault('status', code=503, times=None))
    assert driver.get_share_status(two) == {
        'status': 'creating_from_snapshot'}
    bench.sim.disarm()
    bench.clock.sleep(200)
    assert driver.get_share_status(two)['status'] == 'available'


# Threads and real time

SILENT = {'kind': 'timeout_before', 'times': None}
REFUSED = {'kind': 'status', 'code': 401, 'times': None,
           'seconds': patience.seconds(0.3), 'match': '/token/'}


@pytest.mark.parametrize('fault', [SILENT, REFUSED], ids=['silent', 'login'])
@pytest.mark.parametrize('call', ['create', 'extend', 'access'])
def test_no_thread_waits_for_the_failures_of_others(bench, fault, call):
    driver = bench.make(vast_read_timeout=patience.seconds(0.4),
                        vast_retry_timeout=0)
    driver.injected.update(clock=time.monotonic, sleep=time.sleep,
                           adapter=VmsAdapter(bench.sim, time.sleep))
    driver.do_setup(None)
    driver.check_for_setup_error()
    backend = driver._backend
    backend.cluster.tenant.forget()
    bench.sim.expire_tokens(refresh=True)
    bench.sim.arm(Fault(**fault))

    def go(number):
        begun = time.monotonic()
        with pytest.raises(compat.errors.ManilaException):
            CALLS[call](driver, share())
        return time.monotonic() - begun

    with futures.ThreadPoolExecutor(8) as pool:
        spent = list(pool.map(go, range(8)))
    # One login or look-up for all, and at most one request of one's own.
    assert max(spent) < patience.seconds(1.7), spent


def test_who_waited_has_an_error_of_his_own():
    single, begun, go = flight.SingleFlight(), threading.Event(), \
        threading.Event()
    calls = []

    def call():
        calls.append(1)
        begun.set()
        go.wait(5)
        raise exception.ConfigurationError('vast_x', 'is wrong', check='it')

    def ask():
        with pytest.raises(exception.ConfigurationError) as caught:
            single.do(call)
        return caught.value

    with futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask)]
        begun.wait(5)
        asked += [pool.submit(ask), pool.submit(ask)]
        time.sleep(0.1)
        go.set()
        errors = [one.result(5) for one in asked]
    assert len(calls) == 1
    assert len(set(map(id, errors))) == 3
    assert len(set(map(str, errors))) == 1
    assert {one.option for one in errors} == {'vast_x'}


def test_nobody_gives_up_because_somebody_in_a_hurry_did():
    """Statistics give up a login soon; a call of a user goes on."""
    shared: flight.SingleFlight[str] = flight.SingleFlight()
    begun, waiting = threading.Event(), threading.Event()

    def give_up():
        begun.set()
        waiting.wait(5)
        raise exception.Unreachable('no answer in time')

    def hurried():
        with retry.patience(retry.PERIODIC):
            shared.do(give_up)

    with futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(hurried)
        assert begun.wait(5)
        second = pool.submit(shared.do, lambda: 'an answer')
        time.sleep(0.05)
        waiting.set()
        assert second.result(5) == 'an answer'
        assert isinstance(first.exception(5), exception.Unreachable)


# -- nobody waits twice -------------------------------------------------------

def silent(bench, match=None, nth=1):
    bench.sim.arm(Fault('status', code=503, times=None, match=match, nth=nth))


@pytest.mark.parametrize('nth', [1, 2, 3])
def test_what_is_undone_is_not_waited_for_once_more(bench, nth):
    driver = bench.start()
    silent(bench, nth=nth)
    before = bench.clock.now
    with pytest.raises(compat.errors.ManilaException):
        driver.create_share(None, share())
    assert bench.clock.now - before <= 150


def test_rules_of_a_silent_service_are_not_waited_for_once_more(bench):
    driver = bench.start()
    one = share()
    driver.create_share(None, one)
    driver.update_access(None, one, [rule('r', '10.0.0.7')])
    silent(bench)
    before = bench.clock.now
    with pytest.raises(compat.errors.ManilaException):
        driver.update_access(None, one, [])
    assert bench.clock.now - before <= 150


def test_many_clones_of_a_silent_service_are_not_waited_for_long(bench):
    """Manila asks for one after the other, in one thread."""
    bench.sim.options.clone_delay = 600
    driver = bench.start()
    parent, child = share(), share(2)
    driver.create_share(None, parent)
    snapshot = snapshot_of(parent)
    driver.create_share_from_snapshot(
        None, child, {**snapshot, **driver.create_snapshot(None, snapshot)})
    silent(bench)
    before = bench.clock.now
    assert driver.get_share_status(child) == {
        'status': 'creating_from_snapshot'}
    assert bench.clock.now - before <= 20


def test_a_check_waits_for_a_silent_service_once(bench):
    """Not once for each share that needs something; the rest is owed."""
    shares = [share() for _ in range(20)]
    paths = [bench.sim.make_upstream_share(one['id']) for one in shares]
    driver = bench.start()
    driver.get_backend_info(None)
    bench.sim.arm(Fault('timeout_before', times=None, match='PATCH'))
    before, calls = bench.clock.now, bench.sim.calls
    driver.ensure_shares(None, shares)
    assert bench.clock.now - before <= 150
    assert bench.sim.calls - calls < len(shares)
    bench.sim.disarm()
    bench.clock.sleep(61)
    driver.get_share_stats(refresh=True)
    assert {bench.sim.can_mount('203.0.113.7', path) for path in paths} == {
        None}
