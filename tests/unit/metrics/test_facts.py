# SPDX-License-Identifier: Apache-2.0

"""Facts about a backend become samples."""

import pytest

from manila_drivers.metrics import facts

GIB = 2 ** 30


def samples(**told):
    return {(metric.name.removeprefix('manila_drivers_'), *labels): value
            for metric, labels, value
            in facts.BackendFacts(**told).samples('one')}


def test_what_is_not_known_is_left_out():
    assert samples(driver='D', version='1') == {
        ('backend_info', 'one', 'D', '', '1'): 1.0}


def test_counts_have_their_labels():
    found = samples(shares={'available': 3, 'error': 1}, owed={'check': 0},
                    pending={'nfs1': 2})

    assert found['shares', 'one', 'available'] == 3
    assert found['shares', 'one', 'error'] == 1
    assert found['owed_checks', 'one', 'check'] == 0
    assert found['pending_changes', 'one', 'nfs1'] == 2


def test_a_backend_without_pools_is_one_of_its_name():
    found = samples(stats_time=5.0, stats={
        'pools': None, 'total_capacity_gb': 10, 'free_capacity_gb': 2.5})

    assert found['statistics_timestamp_seconds', 'one'] == 5.0
    assert found['pool_total_bytes', 'one', 'one'] == 10 * GIB
    assert found['pool_free_bytes', 'one', 'one'] == 2.5 * GIB
    assert ('pool_provisioned_bytes', 'one', 'one') not in found


def test_each_pool_is_told():
    found = samples(stats_time=5.0, stats={'total_capacity_gb': 99, 'pools': [
        {'pool_name': 'a', 'total_capacity_gb': 1,
         'provisioned_capacity_gb': 7},
        {'pool_name': 'b', 'total_capacity_gb': 2}]})

    assert found['pool_total_bytes', 'one', 'a'] == GIB
    assert found['pool_total_bytes', 'one', 'b'] == 2 * GIB
    assert found['pool_provisioned_bytes', 'one', 'a'] == 7 * GIB


@pytest.mark.parametrize('value', [
    'unknown', 'infinite', None, True, float('inf'), float('nan')])
def test_a_capacity_that_is_no_number_is_left_out(value):
    found = samples(stats_time=5.0, stats={'total_capacity_gb': value,
                                           'free_capacity_gb': 1})

    assert ('pool_total_bytes', 'one', 'one') not in found
    assert found['pool_free_bytes', 'one', 'one'] == GIB


def test_capacities_before_the_first_answer_are_not_told():
    assert len(samples(stats={'total_capacity_gb': 10})) == 1
