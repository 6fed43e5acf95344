# SPDX-License-Identifier: Apache-2.0

"""Statistics: complete, honest, and never an exception."""

import copy
import json
import logging
import threading
import types

import pytest

from manila_drivers import driver
from manila_drivers import exception
from manila_drivers.driver import stats
from tests.unit.driver import made

# What the scheduler reads from a pool and does not copy from the backend.
POOL_KEYS = {
    'pool_name', 'total_capacity_gb', 'free_capacity_gb',
    'allocated_capacity_gb', 'reserved_percentage',
    'reserved_snapshot_percentage', 'reserved_share_extend_percentage',
    'max_over_subscription_ratio', 'thin_provisioning', 'dedupe',
    'compression', 'qos', 'filter_function', 'goodness_function',
    'mount_point_name_support'}


@pytest.fixture
def pooled(tmp_path):
    return made.make(tmp_path, made.Pooled)


def missing(stats):
    """Keys that a pool, or the backend as a pool, lacks."""
    pools = stats['pools'] or [{**stats, 'pool_name': ''}]
    lacking = [POOL_KEYS - set(pool) - {'allocated_capacity_gb'}
               for pool in pools]
    return set().union(*lacking)


def test_every_pool_is_complete(pooled):
    stats = pooled.get_share_stats(refresh=True)

    assert missing(stats) == set()
    first, second = stats['pools']
    assert first['total_capacity_gb'] == 10
    assert second['total_capacity_gb'] == 'unknown'
    assert second['free_capacity_gb'] == 'unknown'
    assert second['vendor_speed'] == 9
    assert json.loads(json.dumps(stats)) == stats


def test_pools_say_more_than_the_backend(pooled):
    first, second = pooled.get_share_stats(refresh=True)['pools']

    assert (first['thin_provisioning'], second['thin_provisioning']) == (
        True, False)
    assert (first['reserved_percentage'],
            second['reserved_percentage']) == (40, 5)
    assert (first['filter_function'], second['filter_function']) == (
        None, 'share.size < 9')


def test_an_incomplete_pool_would_be_seen(pooled):
    stats = copy.deepcopy(pooled.get_share_stats(refresh=True))
    del stats['pools'][1]['reserved_snapshot_percentage']

    assert missing(stats) == {'reserved_snapshot_percentage'}


def test_options_are_reported(pooled):
    stats = pooled.get_share_stats(refresh=True)

    assert {key: stats[key] for key in (
        'share_backend_name', 'driver_handles_share_servers', 'vendor_name',
        'storage_protocol', 'driver_version', 'goodness_function',
        'max_over_subscription_ratio', 'reserved_percentage',
        'reserved_snapshot_percentage',
        'reserved_share_extend_percentage')} == {
            'share_backend_name': 'ALPHA',
            'driver_handles_share_servers': False,
            'vendor_name': 'V', 'storage_protocol': 'NFS',
            'driver_version': '2', 'goodness_function': '50',
            'max_over_subscription_ratio': 3.5,
            'reserved_percentage': 5, 'reserved_snapshot_percentage': 5,
            'reserved_share_extend_percentage': 2}


def test_features_are_not_claimed(pooled):
    stats = pooled.get_share_stats(refresh=True)

    assert stats['snapshot_support'] is True
    for key in ('create_share_from_snapshot_support',
                'revert_to_snapshot_support', 'mount_snapshot_support',
                'snapshot_inherit_share_access_support',
                'mount_point_name_support', 'dedupe', 'compression', 'qos',
                'thin_provisioning', 'ipv6_support', 'qos_type_support'):
        assert stats[key] is False, key
    assert stats['ipv4_support'] is True
    assert stats['encryption_support'] is None
    assert stats['share_group_stats'] == {
        'consistent_snapshot_support': None}


@pytest.mark.parametrize('pools', [[], None, ()])
def test_no_pools_are_one_pool(pooled, pools):
    pooled.ask = {'pools': pools, 'total_capacity_gb': 7}

    stats = pooled.get_share_stats(refresh=True)

    assert stats['pools'] is None
    assert stats['total_capacity_gb'] == 7
    assert missing(stats) == set()


@pytest.mark.parametrize('failure', [
    exception.Unreachable('No answer.'), ValueError('a bug'),
    NotImplementedError()])
def test_the_last_statistics_stand(pooled, failure, caplog):
    good = pooled.get_share_stats(refresh=True)
    pooled.failure = failure

    assert pooled.get_share_stats(refresh=True) == good
    assert pooled.get_share_stats() == good
    warnings = [record.getMessage() for record in caplog.records
                if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert 'Backend ALPHA: no new statistics' in warnings[0]


def test_before_the_first_answer_capacity_is_unknown(pooled):
    good = pooled.get_share_stats(refresh=True)
    pooled._stats = {}
    pooled.failure = exception.Unreachable('No answer.')

    stats = pooled.get_share_stats(refresh=True)

    assert missing(stats) == set()
    assert set(good) - {'vendor_speed'} == set(stats)
    assert (stats['total_capacity_gb'], stats['free_capacity_gb']) == (
        'unknown', 'unknown')
    assert stats['storage_protocol'] == 'NFS'
    assert stats['share_group_stats'] == {
        'consistent_snapshot_support': None}


def test_recovery_is_immediate(pooled):
    pooled.failure = exception.Unreachable('No answer.')
    pooled.get_share_stats(refresh=True)
    pooled.failure = None

    stats = pooled.get_share_stats(refresh=True)
    assert stats['pools'][0]['total_capacity_gb'] == 10


def test_without_refresh_nothing_is_asked(pooled):
    first = pooled.get_share_stats(refresh=True)
    pooled.ask = {'total_capacity_gb': 1}

    assert pooled.get_share_stats() is first


def test_64_threads_never_see_half(pooled):
    pooled.get_share_stats(refresh=True)
    lacking = []

    def ask(refresh):
        lacking.append(missing(pooled.get_share_stats(refresh=refresh)))

    threads = [threading.Thread(target=ask, args=(number % 2 == 0,))
               for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lacking == [set()] * 64


@pytest.mark.parametrize(('options', 'expected'), [
    ({}, (0, 0, 0)),
    ({'reserved_share_percentage': 7}, (7, 7, 7)),
    ({'reserved_share_percentage': 7,
      'reserved_share_from_snapshot_percentage': 3}, (7, 3, 7)),
    ({'reserved_share_extend_percentage': 2}, (0, 0, 2))])
def test_reserved_percentages(options, expected):
    assert tuple(stats.reserved(options.get).values()) == expected


def test_ipv6_is_said_by_the_driver(pooled):
    assert pooled.get_configured_ip_versions() == [4]
    pooled.ipv6_implemented = True
    assert pooled.get_configured_ip_versions() == [4, 6]
    assert pooled.get_share_stats(refresh=True)['ipv6_support'] is True


class Used(driver.ShareDriver):
    """Knows some shares by id, and some by name."""

    def build_backend(self):
        return types.SimpleNamespace(shares=types.SimpleNamespace(
            usage=lambda: {'a': 1.23456, 'share-b': 0.0}))


def test_usage_is_found_by_id_or_name_and_unknown_shares_are_left_out(
        tmp_path):
    used = made.make(tmp_path, Used)
    used.do_setup(None)
    told = used.update_share_usage_size(None, [
        {'id': 'a', 'name': 'share-a'}, {'id': 'b', 'name': 'share-b'},
        {'id': 'c', 'name': 'share-c'}, {'id': 'd'}])

    assert [(one['id'], one['used_size']) for one in told] == [
        ('a', 1.235), ('b', 0.0)]
    assert len({one['gathered_at'] for one in told}) == 1
