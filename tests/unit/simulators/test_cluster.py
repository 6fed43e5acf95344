# SPDX-License-Identifier: Apache-2.0

"""Versions, the cluster's record and its metrics."""

import pytest

from manila_drivers.testing.simulators.vast.state import version_of

METRICS = ('drr', 'logical_space', 'logical_space_in_use', 'physical_space',
           'physical_space_in_use')
QUERY = 'monitors/ad_hoc_query/?object_type=cluster&time_frame=1m'


def asked(*names):
    return QUERY + ''.join(f'&prop_list=Capacity,{name}' for name in names)


@pytest.mark.parametrize(('text', 'version'), [
    ('4.6.0-1.1', (4, 6, 0)), ('4.0.11.12', (4, 0, 11)), ('5.3', (5, 3)),
    ('5.4.0.20.10960402906660116571', (5, 4, 0)), ('next', ())])
def test_versions_are_their_leading_numbers(text, version):
    assert version_of(text) == version


def test_the_newest_version_comes_first_or_last(api):
    api.sim.options.sw_version = '5.4.0.20'
    assert api.get('versions/?status=success')[0]['sys_version'] == '5.4.0.20'
    api.sim.options.versions_oldest_first = True
    assert api.get('versions/')[0]['sys_version'] != '5.4.0.20'


def test_the_cluster_record_says_what_there_is(api):
    path = api.sim.make_share('s', size=3)
    api.sim.write(path, 2 ** 30)
    record = api.get('clusters/1/')
    assert record['enable_trash'] is True
    assert record['sw_version'] == api.sim.options.sw_version
    assert record['logical_space_in_use'] == 2 ** 30
    assert record['free_logical_space'] == (
        record['logical_space'] - 2 ** 30)
    assert record['quotas_allocated_capacity'] == 3 * 2 ** 30
    assert record['quotas_used_capacity'] == 2 ** 30


def test_the_record_may_keep_silent_about_the_trash(api):
    api.sim.options.trash_enabled = False
    assert api.get('clusters/')[0]['enable_trash'] is False
    api.sim.options.omit_enable_trash = True
    assert 'enable_trash' not in api.get('clusters/')[0]
    api.sim.options.omit_enable_trash = False
    assert 'enable_trash' in api.get('clusters/')[0]


def test_samples_are_newest_first_in_columns_of_their_own(api):
    path = api.sim.make_share('s')
    api.sim.write(path, 2 ** 30)
    answer = api.get(asked(*METRICS))
    assert answer['prop_list'][:2] == ['timestamp', 'object_id']
    assert answer['prop_list'][2:] != [f'Capacity,{name}' for name in METRICS]
    assert set(answer['prop_list'][2:]) == {f'Capacity,{name}'
                                            for name in METRICS}
    rows = [dict(zip(answer['prop_list'], row, strict=True))
            for row in answer['data']]
    times = [row['timestamp'] for row in rows]
    assert times == sorted(times, reverse=True)
    used = [row['Capacity,logical_space_in_use'] for row in rows]
    assert used[0] == 2 ** 30
    assert used[-1] != used[0]


def test_there_may_be_no_samples(api):
    api.sim.options.empty_samples = True
    assert api.get(asked('drr'))['data'] == []


@pytest.mark.parametrize('query', [
    'monitors/ad_hoc_query/?prop_list=Capacity,drr',
    'monitors/ad_hoc_query/?object_type=moon&prop_list=Capacity,drr',
    QUERY,
    QUERY + '&prop_list=Capacity,drr,Capacity,logical_space',
    QUERY + '&prop_list=Capacity,nonsense',
    QUERY.replace('1m', '1x') + '&prop_list=Capacity,drr',
])
def test_queries_that_make_no_sense(api, query):
    api.refused('GET', query)


def test_metrics_are_not_paged(api):
    assert 'data' in api.get(asked('drr') + '&page_size=1')
