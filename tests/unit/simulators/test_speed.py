# SPDX-License-Identifier: Apache-2.0

"""Speed is a property: 10,000 histories have to fit into a test run.

The bounds are an order of magnitude above what a quiet machine needs; the
figures are printed (``pytest -s``).
"""

import time

import pytest

from manila_drivers.testing.simulators.web.messages import Request

ROUNDS = 300


def timed(ask):
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def per_request(label, ask):
    """Seconds that a request takes where nothing else disturbs it."""
    ask()
    each = min(timed(ask) for _ in range(ROUNDS))
    print(f'\n{label}: {each * 1000:.3f} ms, {1 / each:.0f} requests/s')
    return each


@pytest.fixture
def many(sim):
    sim.make_shares(['one'])
    sim.make_shares(1000)
    return sim


def test_the_core(many):
    request = Request('GET', '/api/v1/views/', 'name=one&page_size=1000', {
        'authorization': f'Api-Token {many.api_token}'})
    assert per_request('core', lambda: many.handle(request)) < 0.002


@pytest.mark.parametrize('bound', [0.015])
def test_the_fronts(many, front, bound):
    path = 'views/?name=one&page_size=1000'
    label = front.base.partition('//')[2].partition(':')[0].rstrip('/')
    assert per_request(f'front {label}', lambda: front.get(path)) < bound


def test_an_access_question(many):
    path = many.record('view', 'one')['path']
    assert per_request('can_mount',
                       lambda: many.can_mount('10.0.0.1', path)) < 0.002


def test_a_world_wide_rule_costs_nothing(many):
    path = many.make_share('world', rw=['0.0.0.0/0'])
    assert many.can_mount('192.0.2.1', path) == 'rw'
    assert min(timed(lambda: many.can_mount('192.0.2.1', path))
               for _ in range(10)) < 0.1
