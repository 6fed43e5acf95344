# SPDX-License-Identifier: Apache-2.0


"""Drivers with one fault each, in the lab of the documentation."""

import base64
import time

import pytest

from manila_drivers.testing.conformance import example
from manila_drivers.testing.conformance import secrets
from tests.conformance import catching
from tests.conformance import page

PASSWORD = example.PASSWORD
CHANGED = {
    'statistics_are_complete': (
        'stats.values', [
            {'free_capacity_gb': -5}, {'free_capacity_gb': 99999},
            {'free_capacity_gb': 'lots'}, {'total_capacity_gb': '10'},
            {'free_capacity_gb': float('inf')}, {'free_capacity_gb': True},
            {'provisioned_capacity_gb': -1}, {'reserved_percentage': 150},
            {'storage_protocol': 'CIFS'},
            {'driver_handles_share_servers': 'False'},
            {'pools': [{**page.ExampleLab().make_driver().get_share_stats(),
                        'pool_name': 'a'}] * 2}]),
    'what_is_advertised_is_there': (
        'stats.features', [{'revert_to_snapshot_support': True}])}


class Base(example.Driver):
    def _every(self, how):
        for ident in self.store.used(self.password):
            self._change('change', {'id': ident}, how)


class LeavesSnapshots(Base):
    def delete_snapshot(self, context, snapshot, share_server=None):
        pass


class MakesNoSnapshots(Base):
    def create_snapshot(self, context, snapshot, share_server=None):
        return {'provider_location': snapshot['id']}


class ExtendsNothing(Base):
    def extend_share(self, share, new_size, share_server=None, **more):
        self._change('extend_share', share, lambda found: None)


class SaysThatAllIsWell(Base):
    def ensure_shares(self, context, shares):
        return {share['id']: {'export_locations': example.exports(share)}
                for share in shares}


class ResetsSizes(Base):
    def ensure_shares(self, context, shares):
        self._every(lambda found: setattr(found, 'limit', 1))
        return super().ensure_shares(context, shares)


class AsksForEachShare(Base):
    def ensure_shares(self, context, shares):
        self._every(lambda found: found.used)
        return super().ensure_shares(context, shares)


class EmptiesWithRules(Base):
    def write_clients(self, share, clients):
        super().write_clients(share, clients)
        self._change('update_access', share,
                     lambda found: setattr(found, 'used', 0))


class SaysTheSameOfAll(Base):
    def update_share_usage_size(self, context, shares):
        return [{**row, 'used_size': 3.0} for row in
                super().update_share_usage_size(context, shares)]


class Sleeps(Base):
    def create_share(self, context, share, share_server=None, **more):
        time.sleep(0.6)
        return super().create_share(context, share)


class TellsWithStatistics(Base):
    def get_share_stats(self, refresh=False):
        example.LOG.debug('store %s', self.password)
        return super().get_share_stats(refresh)


class TellsEncoded(Base):
    def do_setup(self, context):
        example.LOG.debug('Basic %s', base64.b64encode(
            f'admin:{self.password}'.encode()).decode())


class Prints(Base):
    def do_setup(self, context):
        print('store', self.password)  # noqa: T201 - that is the fault


class TellsWhenADeletionFails(Base):
    def delete_share(self, context, share, share_server=None, **more):
        try:
            super().delete_share(context, share)
        except Exception:
            example.LOG.debug('store %s', self.password)
            raise


@pytest.mark.parametrize(('driver_class', 'scenario', 'check'), [
    (LeavesSnapshots, 'a_snapshot_comes_and_goes', 'delete.leftover'),
    (MakesNoSnapshots, 'a_snapshot_comes_and_goes', 'snapshot.nothing'),
    (ExtendsNothing, 'a_share_gets_the_size_that_is_asked_for',
     'extend.nothing'),
    (SaysThatAllIsWell, 'a_share_that_is_gone_is_told', 'ensure.lost'),
    (ResetsSizes, 'what_is_in_a_share_stays', 'content.ensure'),
    (EmptiesWithRules, 'what_is_in_a_share_stays', 'content.access'),
    (AsksForEachShare, 'a_check_of_more_shares_costs_no_more',
     'budget.ensure'),
    (SaysTheSameOfAll, 'usage_is_told', 'usage'),
    (Sleeps, 'no_operation_sits_idle', 'budget.seconds'),
    (TellsWithStatistics, 'secrets_stay_secret', 'log.secret'),
    (TellsEncoded, 'secrets_stay_secret', 'log.secret'),
    (Prints, 'secrets_stay_secret', 'log.secret'),
    (TellsWhenADeletionFails, 'secrets_stay_secret_in_failures',
     'log.secret')])
def test_a_fault_is_found(driver_class, scenario, check):
    lab_class = type('Lab', (page.ExampleLab,),
                     {'driver_class': driver_class})
    assert catching.failed(
        lambda: catching.play(lab_class, scenario)) == check
    assert catching.failed(
        lambda: catching.play(page.ExampleLab, scenario)) == ''


@pytest.mark.parametrize(('scenario', 'check', 'change'), [
    (scenario, check, change) for scenario, (check, changes)
    in CHANGED.items() for change in changes], ids=str)
def test_statistics_that_cannot_be_worked_with_are_found(
        scenario, check, change):
    class Tells(Base):
        def get_share_stats(self, refresh=False):
            return {**super().get_share_stats(refresh), **change}
    lab_class = type('Lab', (page.ExampleLab,), {'driver_class': Tells})
    found = catching.failed(lambda: catching.play(lab_class, scenario))
    assert found in (check, 'stats.json')


@pytest.mark.parametrize('before', ['', 'a', 'ab', 'abc', 'user:'])
@pytest.mark.parametrize('secret', [PASSWORD, PASSWORD + 'x', PASSWORD + 'xy'])
def test_a_secret_is_found_whatever_is_around_it(before, secret):
    told = base64.b64encode(f'{before}{secret}:more'.encode()).decode()
    assert any(form in told for form in secrets.forms(secret))
    other = base64.b64encode(f'{before}open-nothing-at-all'.encode()).decode()
    assert not any(form in other for form in secrets.forms(secret))
