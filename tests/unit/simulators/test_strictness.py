# SPDX-License-Identifier: Apache-2.0

"""Clients that mocks would let pass, and the simulator does not."""

import requests

from manila_drivers.testing.simulators.vast import VmsSim
from tests.unit.simulators.client import Api


def test_one_that_trusts_the_first_page(api):
    api.sim.make_shares(30)
    assert len(api.get('views/?page_size=10')['results']) < 30
    api.sim.options.page_cap = 20
    assert len(api.get('views/')) < 30


def test_one_that_follows_the_link_as_it_stands():
    sim = VmsSim()
    sim.make_shares(3)
    api = Api(sim)
    link = api.get('views/?page_size=1')['next']
    assert not link.startswith('https://vms/')
    api.close()


def test_one_that_trusts_the_filter(api):
    api.sim.make_shares(['mine', 'foreign'])
    api.sim.options.ignore_filters = True
    assert api.get('views/?name=nobody')[0]['name'] != 'nobody'


def test_one_that_opens_a_share_between_two_calls(api):
    """A policy by name alone, to be closed later."""
    policy = api.post('viewpolicies/', name='s')
    api.post('views/', name='s', path='/s', policy_id=policy['id'],
             create_dir=True)
    assert api.sim.can_mount('192.0.2.1', '/s') == 'rw'


def test_one_that_takes_the_last_sample(api):
    query = ('monitors/ad_hoc_query/?object_type=cluster&time_frame=1m'
             '&prop_list=Capacity,logical_space_in_use')
    data = api.get(query)['data']
    used = api.get('clusters/')[0]['logical_space_in_use']
    assert data[0][-1] == used != data[-1][-1]


def test_one_that_deletes_in_the_wrong_order(api):
    api.sim.make_share('s')
    policy = api.sim.record('policy', 's')
    api.refused('DELETE', f'viewpolicies/{policy["id"]}/')


def test_one_that_takes_the_answer_for_the_end(api):
    api.sim.make_share('s')
    api.post('snapshots/', name='a', path='/manila/manila-s/')
    begun = api.post('snapshots/1/clone/', name='c', loanee_root_path='/c')
    assert begun['async_task']['state'] == 'RUNNING'


def test_one_that_logs_in_for_every_call(sim):
    """It works, and the count shows it."""
    api = Api(sim)
    for _ in range(3):
        api.call('POST', 'token/', {'username': sim.username,
                                    'password': sim.password}, headers={})
    assert sim.logins == 3
    api.close()


def test_one_that_never_logs_in_again(sim, clock):
    sim.options.access_token_lifetime = 10
    api = Api(sim)
    pair = api.call('POST', 'token/', {'username': sim.username,
                                       'password': sim.password},
                    headers={})[1]
    api.headers = {'Authorization': f'Bearer {pair["access"]}'}
    clock.advance(10)
    assert api.call('GET', 'views/')[0] == 403
    api.close()


def test_one_that_expands_networks(api):
    hosts = [f'10.{a}.{b}.1' for a in range(250) for b in range(250)]
    policies = [api.post('viewpolicies/', name=str(number),
                         nfs_read_write=hosts[:62_500])
                for number in range(6)]
    assert len(policies) == 6
    body = {'name': 'one too many', 'nfs_read_write': hosts}
    assert 'Maximum' in api.refused('POST', 'viewpolicies/', body)
    assert api.post('viewpolicies/', name='whole',
                    nfs_read_write=['10.0.0.0/8'])


def test_one_that_reads_every_answer_as_json(api):
    api.sim.make_share('s')
    ident = api.sim.record('view', 's')['id']
    response = api.send('DELETE', f'views/{ident}/')
    assert response.status_code == 204
    try:
        response.json()
    except requests.exceptions.JSONDecodeError:
        return
    raise AssertionError('an empty body is not JSON')
