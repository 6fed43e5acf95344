# SPDX-License-Identifier: Apache-2.0

"""The vocabulary of faults, and each of them on both fronts."""

import threading

import pytest
import requests

from manila_drivers.testing.simulators.faults import FaultPlan
from manila_drivers.testing.simulators.faults import KINDS
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsAdapter
from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api


def struck(plan, labels):
    return [label for label in labels if plan.strike(label)]


# Which calls

@pytest.mark.parametrize(('fault', 'expected'), [
    (Fault('empty'), 'a'),
    (Fault('empty', nth=3), 'c'),
    (Fault('empty', nth=2, times=2), 'bc'),
    (Fault('empty', nth=4, times=None), 'defg'),
    (Fault('empty', match='[bdf]'), 'b'),
    (Fault('empty', nth=2, match='[bdf]'), 'd'),
    (Fault('empty', times=None, match=lambda label: label > 'e'), 'fg'),
    (Fault('empty', nth=9), ''),
])
def test_a_fault_strikes_the_calls_it_says(fault, expected):
    plan = FaultPlan()
    plan.arm(fault)
    assert ''.join(struck(plan, 'abcdefg')) == expected
    assert plan.fired == len(expected)


def test_of_two_the_one_armed_first_is_carried_out():
    plan = FaultPlan()
    plan.arm(Fault('empty', nth=2))
    plan.arm(Fault('html', nth=2, times=2))
    kinds = [found.kind if found else '' for found in map(plan.strike, 'abc')]
    assert kinds == ['', 'empty', 'html']
    assert plan.fired == 2
    plan.disarm()
    assert plan.fired == 0
    assert plan.strike('d') is None


@pytest.mark.parametrize('wrong', [
    {'kind': 'nonsense'}, {'kind': 'empty', 'nth': 0},
    {'kind': 'empty', 'times': 0}, {'kind': 'reset_before', 'before': False},
    {'kind': 'refused', 'before': True}])
def test_faults_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=r'fault|counted|itself'):
        Fault(**wrong)


# What happens; the call makes a policy

def make(api, **settings):
    return api.send('POST', 'viewpolicies/', {'name': 'p'}, **settings)


def made(api):
    """Return whether the call had its effect, once the server has read it."""
    for _ in range(1000):
        if api.sim.calls:
            break
        threading.Event().wait(0.01)
    return ('policy', 'default', 'p') in api.sim.inventory()


@pytest.mark.parametrize(('kind', 'done'), [
    ('reset_before', False), ('reset_after', True)])
def test_a_reset_is_a_connection_error(front, kind, done):
    front.get('views/')
    front.sim.arm(Fault(kind))
    with pytest.raises(requests.ConnectionError) as caught:
        make(front)
    assert not isinstance(caught.value, requests.Timeout)
    assert made(front) is done


@pytest.mark.parametrize(('kind', 'done'), [
    ('timeout_before', False), ('timeout_after', True)])
def test_silence_is_a_read_timeout(front, kind, done):
    front.sim.arm(Fault(kind))
    with pytest.raises(requests.ReadTimeout):
        make(front, timeout=(5, 0.05))
    assert made(front) is done
    assert front.get('views/') == []


def test_a_late_answer(front):
    front.sim.arm(Fault('delay', seconds=0.2))
    with pytest.raises(requests.ReadTimeout):
        make(front, timeout=(5, 0.05))
    assert made(front)
    front.sim.disarm()
    front.sim.arm(Fault('delay', seconds=0.05))
    assert front.get('views/') == []


def test_nobody_listens(front):
    front.sim.arm(Fault('refused', times=None))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            make(front)
    assert not made(front)
    front.sim.disarm()
    assert make(front).status_code == 201


@pytest.mark.parametrize('code', [401, 403, 404, 409, 429, 500, 502, 503,
                                  504])
@pytest.mark.parametrize('before', [None, True, False])
def test_an_error_answer_with_and_without_effect(front, code, before):
    front.sim.arm(Fault('status', code=code, before=before,
                        headers={'Retry-After': '0'}))
    response = make(front)
    assert response.status_code == code
    assert response.headers['Retry-After'] == '0'
    assert str(code) in response.json()['detail']
    assert made(front) is (before is False)


@pytest.mark.parametrize(('body', 'text'), [
    ('busy', 'busy'), ({'a': 1}, '{"a": 1}'), (['x'], '["x"]')])
def test_an_error_answer_may_say_something(front, body, text):
    front.sim.arm(Fault('status', code=503, body=body))
    assert make(front).text == text


def test_a_truncated_answer_is_no_json(front):
    front.sim.arm(Fault('truncated'))
    response = make(front)
    assert response.status_code == 201
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()
    assert made(front)


def test_an_answer_cut_off_is_neither_connection_error_nor_timeout(front):
    front.sim.arm(Fault('cut_off'))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        make(front)
    assert made(front)


@pytest.mark.parametrize(('code', 'status'), [(None, 200), (502, 502)])
def test_a_page_of_a_proxy(front, code, status):
    front.sim.arm(Fault('html', code=code))
    response = make(front)
    assert (response.status_code, response.text[:6]) == (status, '<html>')
    assert response.headers['Content-Type'] == 'text/html'
    assert not made(front)


@pytest.mark.parametrize('before', [None, True])
def test_an_empty_answer(front, before):
    front.sim.arm(Fault('empty', before=before))
    response = make(front)
    assert (response.status_code, response.content) == (200, b'')
    assert made(front) is (before is None)


def test_a_fault_concerns_the_route_it_names(front):
    front.sim.arm(Fault('status', code=500, nth=2, match='^GET .*/quotas/'))
    seen = [front.call('GET', path)[0]
            for path in ('quotas/', 'views/', 'views/', 'quotas/?name=x',
                         'quotas/')]
    assert seen == [200, 200, 200, 500, 200]
    assert front.sim.fired == 1


def test_every_kind_says_whether_the_effect_happens(api):
    for kind in KINDS:
        fault = Fault(kind, code=500 if kind == 'status' else None)
        api.sim.arm(fault)
        try:
            make(api)
        except requests.RequestException:
            pass
        assert made(api) is not fault.prevents, kind
        api.sim.disarm()
        if made(api):
            api.sim.remove('policy', 'p')


# The adapter never waits

def test_a_client_without_a_timeout_would_hang(sim):
    api = Api(sim)
    sim.arm(Fault('timeout_before', times=None))
    for timeout in (None, (5, None)):
        with pytest.raises(RuntimeError, match='timeout'):
            make(api, timeout=timeout)
    api.close()


def test_somebody_may_be_told_how_long_it_would_have_taken():
    waited: list[float] = []
    sim = VmsSim()
    api = Api(sim)
    api.session.mount('https://', VmsAdapter(sim, waited.append))
    sim.arm(Fault('timeout_after'))
    sim.arm(Fault('delay', nth=2, seconds=3))
    with pytest.raises(requests.ReadTimeout):
        api.get('views/')
    api.get('views/')
    assert waited == [5.0, 3]
    api.close()
