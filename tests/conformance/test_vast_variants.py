# SPDX-License-Identifier: Apache-2.0

"""The life of shares on clusters that behave differently.

Where the product differs by version or setting, or where nothing is
documented, the driver has to survive either way.
"""

import pytest

from manila_drivers.testing.conformance import history
from manila_drivers.testing.conformance import lifecycle
from manila_drivers.testing.conformance import rules
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import service
from manila_drivers.testing.conformance.labs import vast

# What the simulated cluster does, and with which options the driver runs.
VARIANTS = {
    'filters are ignored': ({'ignore_filters': True}, {}),
    'an empty list means everybody': (
        {'empty_list_means_default': True}, {}),
    'lists are cut': ({'page_cap': 3}, {}),
    'pages are small': ({'max_page_size': 3}, {'vast_page_size': 10}),
    'a second quota is a bad request': ({'duplicate_quota_status': 400}, {}),
    'versions come oldest first': (
        {'versions_oldest_first': True, 'omit_enable_trash': True}, {}),
    'a stop removes the stream': ({'stop_deletes_stream': True}, {}),
    'streams outlive folders': ({'streams_outlive_folder': True}, {}),
    'tasks take their time': (
        {'task_delay': 3.0, 'snapshot_delay': 5.0, 'clone_delay': 60.0,
         'clone_init_delay': 5.0, 'usage_lag': 1.0}, {}),
    'tokens are short-lived': ({'access_token_lifetime': 1.0,
                                'refresh_token_lifetime': 2.0}, {}),
    'views may share a path': ({'allow_views_on_same_path': True}, {}),
    'shares lie in the root': ({}, {'vast_root_export': '/'}),
    'shares lie deeper': ({}, {'vast_root_export': '/a/b/c/'}),
    'version 4 of NFS': ({}, {'vast_nfs_protocols': 'NFS,NFS4'}),
    'every pool serves': ({}, {'vast_bind_vippool': False}),
    'root is squashed': ({}, {'vast_squash': 'root_squash',
                              'vast_share_dir_mode': '777'}),
    'pools are bound as in 5.0': ({'sw_version': '5.0.0.25'}, {}),
    'pools are bound as from 5.1 on': ({'sw_version': '5.1.0.3'}, {}),
    'pools cannot be bound': ({'sw_version': '4.7.0'}, {}),
    'links name the page alone': (
        {'max_page_size': 3, 'links': 'page'}, {}),
    'no link leads to pages': ({'max_page_size': 3, 'links': 'none'}, {}),
    'changes are answered without a record': ({'silent_updates': True}, {}),
    'a missing route is a page': ({'missing_route_page': True}, {}),
    'tenants may not be read': ({'permission_denied': {'tenants'}}, {}),
    'little is told': ({'null_fields': {
        'viewpolicies.count_views', 'views.logical_capacity', 'views.policy',
        'vippools.role', 'clusters.drr', 'clusters.enable_trash',
        'quotas.used_capacity', 'snapshots.state'}}, {}),
    'much is absent': ({'absent_fields': {
        'viewpolicies.count_views', 'viewpolicies.tenant_name',
        'views.logical_capacity', 'views.policy', 'views.tenant_name',
        'quotas.used_capacity', 'clusters.logical_space'}}, {}),
    'numbers are told as text': ({'text_fields': {
        'views.id', 'views.policy_id', 'views.tenant_id', 'quotas.id',
        'quotas.hard_limit', 'quotas.used_effective_capacity',
        'viewpolicies.id', 'viewpolicies.count_views', 'tenants.id',
        'vippools.id', 'clusters.logical_space'}}, {}),
    'the tenant is named': ({}, {'vast_tenant_name': 'default'})}

# Those of which the lab knows where shares lie.
USUAL_ROOT = [name for name, (_, options) in VARIANTS.items()
              if 'vast_root_export' not in options]

EVERYWHERE = lifecycle.SCENARIOS


def labs(name):
    behaviour, options = VARIANTS[name]

    class VariantLab(vast.VastLab):
        def __init__(self, site=None):
            super().__init__(site)
            for option, value in behaviour.items():
                assert hasattr(self.sim.options, option)
                setattr(self.sim.options, option, value)
    return vast.VastLabs(VariantLab, **options)


MAKERS = {name: labs(name) for name in VARIANTS}


@pytest.fixture
def lab(variant):
    made = MAKERS[variant]()
    yield made
    made.close()


# The next slice has the next variant with a scenario: 28 is no multiple of 5.
@pytest.mark.turns
@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('scenario', EVERYWHERE,
                         ids=[one.name for one in EVERYWHERE])
def test_life(lab, scenario):
    scenario.run(lab)


@pytest.mark.turns
@pytest.mark.parametrize('variant', USUAL_ROOT)
@pytest.mark.parametrize('scenario', [
    service.each_drift_is_repaired_or_reported,
    service.what_is_healthy_is_left_alone, rules.a_resync_removes_strangers,
    rules.the_narrower_rule_decides])
def test_repairs(lab, scenario):
    service.Scenario(scenario).run(lab)


@pytest.mark.parametrize('variant', [
    'filters are ignored', 'an empty list means everybody',
    'pages are small', 'tokens are short-lived'])
def test_histories(variant, monkeypatch, record_property):
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', '1')
    report = running.histories(MAKERS[variant], 25, first=900_000)
    record_property('played', str(report))
    report.verify()


def test_histories_name_every_kind_of_step():
    """A generator that never tampers would prove nothing about it."""
    import random
    made = MAKERS['every pool serves']()
    kinds = {step.kind for seed in range(60)
             for step in history.make(random.Random(seed), made)}
    made.close()
    assert kinds == {'update', 'resync', 'reapply', 'repeat', 'restart',
                     'tamper'}
