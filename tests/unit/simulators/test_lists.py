# SPDX-License-Identifier: Apache-2.0

"""Filters and pages."""

from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest


@pytest.fixture
def shares(sim):
    for name in ('alpha', 'beta', 'Gamma'):
        sim.make_share(name, size=len(name))
    sim.add_tenant('blue')
    sim.make_share('delta', path='/manila/manila-beta', tenant='blue')
    return sim


def names(api, path):
    return [record['name'] for record in api.get(path)]


@pytest.mark.parametrize(('query', 'expected'), [
    ('', ['alpha', 'beta', 'Gamma', 'delta']),
    ('name=beta', ['beta']),
    ('name=bet', []),
    ('path=/manila/manila-beta', ['beta', 'delta']),
    ('path=/manila/manila-beta&tenant_id=2', ['delta']),
    ('name=beta&path=/manila/manila-alpha', []),
    ('tenant_id=1', ['alpha', 'beta', 'Gamma']),
    ('tenant__name=blue', ['delta']),
    ('policy__name=alpha', ['alpha']),
    ('policy__id__in=2,4', ['alpha', 'Gamma']),
    ('name__contains=a&name__startswith=al', ['alpha']),
    ('name__icontains=GAM', ['Gamma']),
    ('name__contains=GAM', []),
    ('path__startswith=/manila/manila-b', ['beta', 'delta']),
    ('path__endswith=Gamma', ['Gamma']),
    ('name__regex=^.{5}$', ['alpha', 'Gamma', 'delta']),
    ('name__iregex=^g', ['Gamma']),
    ('name__in=alpha,delta', ['alpha', 'delta']),
    ('name__not_in=alpha,delta', ['beta', 'Gamma']),
    ('name__not_contains=a', []),
    ('name__not_startswith=a', ['beta', 'Gamma', 'delta']),
    ('id__gt=2', ['Gamma', 'delta']),
    ('id__gte=2&id__lt=4', ['beta', 'Gamma']),
    ('id__lte=1', ['alpha']),
    ('id__not_lte=1', ['beta', 'Gamma', 'delta']),
    ('id=2', ['beta']),
    ('internal=FALSE&name=beta', ['beta']),
    ('internal=true', []),
    ('share=null&name=beta', ['beta']),
    ('nonsense=beta', ['alpha', 'beta', 'Gamma', 'delta']),
    ('nonsense__in=beta', ['alpha', 'beta', 'Gamma', 'delta']),
    ('name__nonsense=beta', ['alpha', 'beta', 'Gamma', 'delta']),
])
def test_filters_of_views(api, shares, query, expected):
    assert names(api, f'views/?{query}') == expected


@pytest.mark.parametrize('query', ['id__gt=x', 'name__regex=(',
                                   'id__in=1&id__lt='])
def test_filters_that_make_no_sense(api, shares, query):
    api.refused('GET', f'views/?{query}')


def test_filters_of_other_resources(api, shares):
    snapshot = api.post('snapshots/', name='s', path='/manila/manila-alpha/')
    api.post(f'snapshots/{snapshot["id"]}/clone/', name='c',
             loanee_root_path='/manila/clone')
    gib = 2 ** 30
    for query, expected in (
            (f'quotas/?hard_limit__gt={4 * gib}',
             ['alpha', 'Gamma']),
            ('quotas/?path__contains=alp', ['alpha']),
            ('snapshots/?path__startswith=/manila/manila-alpha/', ['s']),
            ('snapshots/?path=/manila/manila-alpha', []),
            ('snapshots/?state=SUCCEED', ['s']),
            (f'globalsnapstreams/?loanee_snapshot__id={snapshot["id"]}',
             ['c']),
            ('globalsnapstreams/?loanee_root_path__startswith=/manila/c',
             ['c']),
            ('globalsnapstreams/?loanee_snapshot__id=99', []),
            ('vippools/?name=vippool-1', ['vippool-1']),
            ('tenants/?name__icontains=BL', ['blue']),
            ('versions/?status=success', ['installed', 'before'])):
        assert names(api, query) == expected, query


def test_vips_are_listed_by_pool(api):
    api.sim.add_pool('lab', '10.1.0.1-10.1.0.3', 'fd00::9', '10.0.0.1')
    found = api.get('vips/?vippool__name=lab')
    assert [vip['ip'] for vip in found] == [
        '10.1.0.1', '10.1.0.2', '10.1.0.3', 'fd00::9', '10.0.0.1']
    assert len(api.get('vips/')) == 9


def test_a_server_may_ignore_filters(api, shares):
    shares.options.ignore_filters = True
    assert len(api.get('views/?name=beta')) == 4
    assert len(api.get('vips/?vippool__name=none')) == 4
    assert len(api.get('viewpolicies/?serves_tenant=99')) == 5


# Pages

def test_without_page_size_a_list_is_bare(api, shares):
    assert isinstance(api.get('views/?page=2'), list)


@pytest.mark.parametrize('size', ['0', '-1', 'many', ''])
def test_a_page_size_that_makes_no_sense_is_none(api, shares, size):
    assert len(api.get(f'views/?page_size={size}')) == 4


def test_pages_lead_to_each_other(api, shares):
    first = api.get('views/?name__contains=a&page_size=3')
    assert first['count'] == 4
    assert first['previous'] is None
    assert [view['name'] for view in first['results']] == [
        'alpha', 'beta', 'Gamma']
    link = urlsplit(first['next'])
    assert link.netloc == 'vms.cluster.invalid'
    assert link.path == '/api/v1/views/'
    assert parse_qs(link.query) == {'name__contains': ['a'],
                                    'page_size': ['3'], 'page': ['2']}
    second = api.get(f'views/?{link.query}')
    assert [view['name'] for view in second['results']] == ['delta']
    assert second['next'] is None
    assert parse_qs(urlsplit(second['previous']).query)['page'] == ['1']


def test_an_empty_list_has_one_empty_page(api):
    assert api.get('views/?page_size=5') == {
        'count': 0, 'next': None, 'previous': None, 'results': []}


@pytest.mark.parametrize('page', ['2', '0', 'x', ''])
def test_pages_that_are_not_there(api, page):
    assert api.call('GET', f'views/?page_size=5&page={page}') == (
        404, {'detail': 'Invalid page.'})


def test_bare_lists_may_be_cut_silently(api, shares):
    shares.options.page_cap = 2
    assert names(api, 'views/') == ['alpha', 'beta']
    assert api.get('views/?page_size=9')['count'] == 4


def test_page_sizes_may_be_reduced(api, shares):
    shares.options.max_page_size = 1
    assert len(api.get('views/?page_size=9')['results']) == 1


def test_all_of_many_are_there(api):
    api.sim.make_shares(2345)
    seen, page = [], 1
    while page:
        content = api.get(f'views/?page_size=1000&page={page}')
        seen += [view['id'] for view in content['results']]
        page = page + 1 if content['next'] else 0
    assert seen == list(range(1, 2346))
