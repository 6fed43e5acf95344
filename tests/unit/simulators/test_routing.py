# SPDX-License-Identifier: Apache-2.0

import pytest


@pytest.mark.parametrize('prefix', ['/api/v1/', '/api/v5/', '/api/latest/',
                                    '/api/'])
def test_every_version_and_none_lead_to_the_resource(api, prefix):
    api.base = f'https://vms{prefix}'
    assert [view['name'] for view in api.get('viewpolicies/')] == ['default']


@pytest.mark.parametrize('path', ['/api', '/views/', '/apiv1/'])
def test_anything_else_is_a_page_that_is_not_json(api, path):
    api.base = 'https://vms'
    response = api.send('GET', path)
    assert response.status_code == 404
    assert response.headers['Content-Type'] == 'text/html'


def test_without_slash_a_get_is_redirected_with_its_query(api):
    response = api.send('GET', 'views?name=x', allow_redirects=False)
    assert response.status_code == 301
    assert response.headers['Location'] == '/api/v1/views/?name=x'
    assert api.call('GET', 'views?name=x') == (200, [])


def test_without_slash_a_write_is_lost(api):
    status, _ = api.call('POST', 'viewpolicies', {'name': 'x'})
    assert status == 404
    assert len(api.get('viewpolicies/')) == 1


@pytest.mark.parametrize(('verb', 'path', 'status'), [
    ('GET', 'nothing/', 404),
    ('GET', 'views/77/', 404),
    ('GET', 'views/x/y/', 404),
    ('GET', 'views/1/2/3/', 404),
    ('PATCH', 'views/1/clone/', 404),
    ('PUT', 'views/', 405),
    ('POST', 'clusters/', 405),
    ('DELETE', 'vippools/1/', 405),
    ('GET', 'token/', 405),
    ('POST', 'token/elsewhere/', 404),
])
def test_what_is_not_there_or_not_allowed(api, verb, path, status):
    assert api.call(verb, path)[0] == status


def test_a_body_must_be_announced_as_json(api):
    headers = {**api.headers, 'Content-Type': 'text/plain'}
    response = api.send('POST', 'viewpolicies/', headers=headers,
                        data='{"name": "x"}')
    assert response.status_code == 415


@pytest.mark.parametrize('body', ['{"name": ', '[1]', '"x"', '\xff'])
def test_a_body_must_be_a_json_object(api, body):
    headers = {**api.headers, 'Content-Type': 'application/json'}
    response = api.send('POST', 'viewpolicies/', headers=headers, data=body)
    assert response.status_code == 400


def test_the_interface_describes_itself(api):
    description = api.get('?format=openapi')
    assert description['openapi'] == '3.0.3'
    assert set(description['paths']['/snapshots/{id}/clone/']) == {'post'}
