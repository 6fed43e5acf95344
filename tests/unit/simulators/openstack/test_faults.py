# SPDX-License-Identifier: Apache-2.0

"""Requests that fail, and what can be counted and seen of all others."""

import pytest
import requests

from manila_drivers.testing.simulators import openstack
from tests.unit.simulators.openstack.hand import PUBLIC_KEY


class Web:
    """Plain HTTP with one token."""

    def __init__(self, sim, clock):
        self.sim = sim
        self.http = requests.Session()
        self.http.mount('http://', openstack.CloudAdapter(sim, clock.advance))
        user = sim.user('manila')
        project = sim.keystone.project('service')
        self.token = sim.keystone.issue(
            user, project, 'password', frozenset(user.roles[project.id])).id

    def __call__(self, verb, path, body=None, timeout=60):
        return self.http.request(
            verb, f'{self.sim.url}/{path}', json=body, timeout=timeout,
            headers={'X-Auth-Token': self.token,
                     'OpenStack-API-Version': 'compute 2.79,volume 3.66'})


@pytest.fixture
def web(sim, clock):
    return Web(sim, clock)


VOLUME = ('POST', 'volume/v3/volumes', {'volume': {'size': 1, 'name': 'v'}})
#: A change of each service, and the body of its answer 500.
CHANGES = [
    (*VOLUME, {'computeFault': {'code': 500,
                                'message': 'Simulated error 500.'}}),
    ('POST', 'compute/v2.1/os-keypairs',
     {'keypair': {'name': 'k', 'public_key': PUBLIC_KEY}},
     {'computeFault': {'code': 500, 'message': 'Simulated error 500.'}}),
    ('POST', 'network/v2.0/networks', {'network': {'name': 'n'}},
     {'NeutronError': {'type': 'HTTPInternalServerError',
                       'message': 'Simulated error 500.', 'detail': ''}}),
    ('POST', 'image/v2/images', {'name': 'i'}, None)]


@pytest.mark.parametrize(('verb', 'path', 'body', 'told'), CHANGES,
                         ids=[each[1] for each in CHANGES])
@pytest.mark.parametrize('before', [True, False])
def test_an_error_has_the_shape_of_its_service(sim, web, verb, path, body,
                                               told, before):
    there = sim.inventory()
    sim.arm(openstack.Fault('status', code=500, match=f'{verb} /{path}$',
                            before=before))
    answer = web(verb, path, body)
    assert answer.status_code == 500
    if told is None:
        assert answer.text.startswith('<html>')
    else:
        assert answer.json() == told
    # Before its effect nothing has happened; after it, everything.
    assert bool(sim.left(there)) is not before
    assert web(verb, path, body).status_code < 300 or not before


@pytest.mark.parametrize(('kind', 'error', 'done'), [
    ('reset_before', requests.ConnectionError, False),
    ('reset_after', requests.ConnectionError, True),
    ('timeout_before', requests.ReadTimeout, False),
    ('timeout_after', requests.ReadTimeout, True),
    ('refused', requests.ConnectionError, False),
    ('cut_off', requests.exceptions.ChunkedEncodingError, True)])
def test_connections_that_are_lost(sim, web, kind, error, done):
    before = sim.inventory()
    sim.arm(openstack.Fault(kind, match=r'POST /volume/'))
    with pytest.raises(error):
        web(*VOLUME)
    assert bool(sim.left(before)) is done


def test_the_nth_request_of_a_kind_is_struck(sim, web):
    sim.arm(openstack.Fault('status', code=503, match='GET /compute/', nth=2,
                            times=2))
    found = [web('GET', 'compute/v2.1/servers').status_code
             for _ in range(4)]
    assert found == [200, 503, 503, 200]
    assert web('GET', 'volume/v3/volumes').status_code == 200
    assert sim.fired == 2


@pytest.mark.parametrize('service', ['compute/v2.1/servers',
                                     'volume/v3/volumes',
                                     'network/v2.0/ports'])
def test_a_token_that_is_suddenly_refused(sim, web, service):
    sim.arm(openstack.Fault('status', code=401))
    answer = web('GET', service)
    assert (answer.status_code, answer.json()) == (401, {'error': {
        'code': 401, 'title': 'Unauthorized', 'message':
        'The request you have made requires authentication.'}})


def test_an_answer_that_takes_longer_than_patience(sim, web, hand, clock):
    hand.sim.options.create_server_takes = 24
    body = {'server': {'name': 'x', 'flavorRef': '100',
                       'imageRef': hand.image(), 'networks': 'none'}}
    before, start = sim.inventory(), clock()
    with pytest.raises(requests.ReadTimeout):
        web('POST', 'compute/v2.1/servers', body, timeout=20)
    assert clock() - start == 20
    # It was done all the same: who asks once more has two.
    assert len(sim.left(before)) == 1
    assert web('POST', 'compute/v2.1/servers', body).status_code == 202
    assert len(sim.left(before)) == 2


@pytest.mark.parametrize('fault', [
    openstack.Fault('status', code=504, match='POST /compute/'),
    openstack.Fault('reset_before', match='POST /compute/'),
    openstack.Fault('timeout_before', match='POST /compute/')])
def test_what_was_asked_may_be_done_when_nobody_looks_any_more(
        sim, web, hand, clock, fault):
    body = {'server': {'name': 'x', 'flavorRef': '100',
                       'imageRef': hand.image(), 'networks': 'none'}}
    before = sim.inventory()
    sim.arm(fault, late=90)
    if fault.kind == 'status':
        assert web('POST', 'compute/v2.1/servers', body).status_code == 504
    else:
        with pytest.raises(requests.ConnectionError if 'reset' in fault.kind
                           else requests.ReadTimeout):
            web('POST', 'compute/v2.1/servers', body, timeout=20)
    assert web('GET', 'compute/v2.1/servers').json() == {'servers': []}
    # Who asks once more has two in the end.
    assert web('POST', 'compute/v2.1/servers', body).status_code == 202
    clock.advance(90)
    assert len(sim.left(before)) == 2
    assert len(sim.log) == 3


def test_only_what_is_kept_away_can_be_late(sim, web, clock):
    with pytest.raises(ValueError, match='keeps no request away'):
        sim.arm(openstack.Fault('reset_after'), late=1)
    before = sim.inventory()
    sim.arm(openstack.Fault('reset_before', match='POST'), late=1)
    sim.disarm()
    assert web(*VOLUME).status_code == 202
    clock.advance(10)
    assert len(sim.left(before)) == 1


# What is counted and seen

def test_requests_are_counted_by_service_and_kind(sim, web, hand):
    volume = hand.volume()
    mark = sim.mark()
    project = sim.keystone.project('service').id
    for _ in range(3):
        web('GET', f'volume/v3/{project}/volumes/{volume}')
    web('GET', f'volume/v3/volumes/{volume}')
    web('DELETE', f'volume/v3/{project}/snapshots/{volume}')
    web('GET', 'compute/v2.1/flavors/100')
    web('GET', 'compute/v2.1/os-keypairs/mine')
    assert sim.counters(mark) == {
        ('volume', 'GET /volumes/{id}'): 4,
        ('volume', 'DELETE /snapshots/{id}'): 1,
        ('compute', 'GET /flavors/{id}'): 1,
        ('compute', 'GET /os-keypairs/{id}'): 1}
    assert sim.asked(mark)[-2:] == ['compute GET /flavors/{id} 200',
                                    'compute GET /os-keypairs/{id} 404']
    assert sim.calls - mark == 7


def test_what_is_asked_behind_the_scenes_is_not_counted(sim, hand):
    hand.server()
    assert (sim.calls, sim.log, sim.logins) == (0, [], 0)


def test_what_exists_and_what_is_left(sim, hand):
    before = sim.inventory()
    assert ('image', 'image', 'admin', 'manila-service-image') in {
        thing[:4] for thing in before}
    hand.make('compute/os-keypairs', 'keypair', name='k',
              public_key=PUBLIC_KEY)
    server, volume = hand.server(name='vm'), hand.volume(name='v')
    hand.make('volume/snapshots', 'snapshot', volume_id=volume, name='s')
    hand.make('network/security-groups', 'security_group', name='g')
    assert [thing[:4] for thing in sim.left(before)] == [
        ('compute', 'keypair', 'manila', 'k'),
        ('compute', 'server', 'service', 'vm'),
        ('network', 'network', 'service', 'service'),
        ('network', 'port', 'service', ''),
        ('network', 'security_group', 'service', 'g'),
        ('network', 'subnet', 'service', ''),
        ('volume', 'snapshot', 'service', 's'),
        ('volume', 'volume', 'service', 'v')]
    assert {thing[1] for thing in sim.belongings('demo')} == {
        'network', 'subnet', 'router', 'port', 'security_group'}
    hand.ask('DELETE', f'compute/servers/{server}')
    hand.states(f'compute/servers/{server}', 'server.status', 'gone')
    sim.ask('DELETE', f'/network/v2.0/ports/{_port(sim, "manila")}')
    assert not [thing for thing in sim.left(before)
                if thing[1] in ('server', 'port')]
    gone = sim.glance.images
    gone.clear()
    assert [thing[3] for thing in sim.missing(before)] == [
        'manila-service-image']


def _port(sim, owner):
    del owner
    project = sim.keystone.project('service').id
    return next(port['id'] for port in sim.neutron.store.of(
        'port', project_id=project) if port['device_owner'] == '')


def test_mishaps_are_counted_and_forgiven(sim, hand):
    sim.spoil('create_volume', nth=2, times=None)
    ends = []
    for number in range(4):
        if number == 3:
            sim.forgive()
        ident = hand.make('volume/volumes', 'volume', size=1)['id']
        ends.append(hand.states(f'volume/volumes/{ident}', 'volume.status',
                                'available', 'error')[-1])
    assert ends == ['available', 'error', 'error', 'available']
    with pytest.raises(ValueError, match='Nothing is called'):
        sim.spoil('lunch')


@pytest.mark.parametrize('path', [
    '', 'nothing', 'compute/v2.1/nothing', 'volume/v9/volumes',
    'network/v3/ports', 'image/v1/images', 'identity/v2.0/tokens'])
def test_there_is_nothing_elsewhere(web, path):
    assert web('GET', path).status_code == 404


@pytest.mark.parametrize('service', ['compute/v2.1/servers',
                                     'volume/v3/volumes',
                                     'network/v2.0/ports', 'image/v2/images'])
@pytest.mark.parametrize('body', [b'[]', b'{', b'"x"', b'3',
                                  b'{"server": 3}'])
def test_bodies_that_are_none(sim, web, service, body):
    answer = web.http.post(f'{sim.url}/{service}', data=body, headers={
        'X-Auth-Token': web.token}, timeout=60)
    assert answer.status_code in (201, 400)
    assert answer.status_code == 400 or service.startswith('image')


def test_a_verb_that_a_resource_does_not_know(web):
    answer = web('PATCH', 'volume/v3/volumes')
    assert answer.status_code == 404
    assert '<h1>404 Not Found</h1>' in answer.text
