# SPDX-License-Identifier: Apache-2.0

"""Counters and the request log."""

import requests

from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import Options
from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api


def test_an_entry_says_what_was_asked_and_answered(api, clock):
    api.call('POST', 'viewpolicies/?a=b', {'name': 'p'})
    entry = api.sim.log[-1]
    assert entry[:3] == ('POST', '/api/v1/viewpolicies/', 'a=b')
    assert entry.label == 'POST /api/v1/viewpolicies/?a=b'
    assert (entry.body, entry.status) == ({'name': 'p'}, 201)
    assert (entry.at, entry.fault, entry.scheme) == (clock.now, '',
                                                     'Api-Token')


def test_bodies_that_are_no_json_are_none(api):
    api.get('views/')
    api.send('POST', 'views/', data='{', headers={
        **api.headers, 'Content-Type': 'application/json'})
    assert [entry.body for entry in api.sim.log] == [None, None]


def test_refusals_are_logged_too(api):
    api.call('GET', 'nothing/')
    api.call('GET', 'views/', headers={})
    assert [entry.status for entry in api.sim.log] == [404, 401]


def test_secrets_are_not_logged(api):
    pair = api.call('POST', 'token/', {
        'username': 'admin', 'password': api.sim.password}, headers={})[1]
    api.call('POST', 'token/refresh/', {'refresh': pair['refresh']})
    text = repr(api.sim.log)
    for secret in (api.sim.password, api.sim.api_token, *pair.values()):
        assert secret not in text


def test_what_a_fault_struck(api):
    for kind in ('reset_before', 'reset_after', 'status'):
        api.sim.arm(Fault(kind))
        try:
            api.send('POST', 'viewpolicies/', {'name': kind})
        except requests.ConnectionError:
            pass
        api.sim.disarm()
    assert [(entry.fault, entry.status) for entry in api.sim.log] == [
        ('reset_before', None), ('reset_after', 201), ('status', 500)]
    assert api.sim.calls == 3


def test_the_log_is_bounded_and_can_be_cleared_the_count_goes_on():
    sim = VmsSim(options=Options(log_limit=3))
    api = Api(sim)
    for _ in range(5):
        api.get('views/')
    assert (len(sim.log), sim.calls) == (3, 5)
    sim.clear_log()
    assert (sim.log, sim.calls) == ([], 5)
    api.close()
