# SPDX-License-Identifier: Apache-2.0

"""Whatever comes in, an answer goes out."""

import json

from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from manila_drivers.testing.simulators.vast import VmsSim
from manila_drivers.testing.simulators.web.http import render
from manila_drivers.testing.simulators.web.messages import Request

ROUTES = sorted(VmsSim().router.handlers)

NAMES = ('name', 'path', 'policy_id', 'tenant_id', 'create_dir', 'hard_limit',
         'create_dir_mode', 'nfs_read_write', 'nfs_read_only', 'vip_pools',
         'permission_per_vip_pool', 'protocols', 'loanee_root_path',
         'enabled', 'owner', 'expiry_date', 'remove_dir', 'user', 'alias',
         'qos_policy_id', 'username', 'password', 'refresh')
TEXTS = st.sampled_from(('/', '/a', '/a/b', '/manila/manila-s', '', 'x',
                         '10.0.0.1', '~10.0.0.0/8', '*', 'admin', '\ud800',
                         '\u0663', 'a\nb', '2033-01-01', '777'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (st.lists(inner, max_size=3)
                   | st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
QUERIES = st.lists(st.tuples(
    st.sampled_from(('name', 'id', 'id__gt', 'name__gt', 'path__regex',
                     'name__in', 'page_size', 'page', 'tenant_id',
                     'policy__name__not_lt', 'serves_tenant', 'path',
                     'object_type', 'prop_list', 'time_frame')),
    st.sampled_from(('', '1', '--5', '-1', '9' * 5000, '\u0663', '(', 'a,b',
                     'cluster', 'Capacity,drr', '/a')))
    .map('='.join), max_size=3).map('&'.join)


def cluster():
    sim = VmsSim()
    sim.make_share('s')
    sim.perform('POST', 'snapshots', {'name': 's', 'path': '/manila'})
    sim.perform('POST', 'snapshots', {
        'name': 'c', 'loanee_root_path': '/c'}, 1, 'clone')
    return sim


def answered(sim, verb, path, query, body):
    response = sim.handle(Request(verb, path, query, {
        'authorization': f'Api-Token {sim.api_token}',
        'content-type': 'application/json'}, body))
    assert render(response, keep=True).startswith(b'HTTP/1.1 ')
    return response


@settings(max_examples=400)
@given(st.sampled_from(ROUTES), QUERIES, BODIES, st.integers(0, 3))
@example(('viewpolicies', 'POST', False, ''), '',
         {'name': 'p', 'vip_pools': [[1]]}, 1)
@example(('views', 'GET', False, ''), 'name__gt=1&id__lt=--5', {}, 1)
def test_any_route_answers_any_body(route, query, body, ident):
    resource, verb, numbered, action = route
    parts = [resource, *([str(ident)] if numbered else []),
             *([action] if action else [])]
    sim = cluster()
    before = sim.inventory()
    response = answered(sim, verb, f'/api/{"/".join(parts)}/', query,
                        json.dumps(body).encode())
    assert response.status in (200, 201, 204, 400, 404, 503)
    if response.status >= 400 or verb == 'GET':
        assert sim.inventory() == before


@given(st.sampled_from(('GET', 'POST', 'x')), st.text(), st.text(),
       st.binary())
@example('GET', '/api/\u20ac', '', b'')
@example('GET', '/api/a\r\nX: y', '', b'')
@example('GET', f'/api/views/{"9" * 5000}/', '', b'')
@example('POST', '/api/views/', '', b'[' * 100_000)
@example('POST', '/api/views/', '', b'{"a": ' + b'9' * 5000 + b'}')
def test_any_url_is_answered(verb, path, query, body):
    sim = VmsSim()
    for start in ('', '/api/', '/api/views/'):
        response = answered(sim, verb, start + path, query, body)
        assert b'\nX: y' not in str(response.headers).encode()
        assert response.status < 500
