# SPDX-License-Identifier: Apache-2.0

"""Test that what conformance.rst tells authors to write works as it is."""

import re

import pytest

from manila_drivers.testing.conformance import example
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import summary
from manila_drivers.testing.conformance import verdict
from tests.conformance import catching
from tests.conformance import page

pytest_plugins = ['pytester']


class OpensFirst(example.Driver):
    """Lets everybody in before each change."""

    def write_clients(self, share, clients):
        everybody = example.access.ip_grants([example.access.Rule(
            'a', 'ip', '0.0.0.0/0', 'rw')]).levels
        super().write_clients(share, everybody)
        super().write_clients(share, clients)


class KeepsTheDenied(example.Driver):
    def update_access(self, context, share, access_rules, add_rules,
                      delete_rules, update_rules=None, share_server=None):
        return super().update_access(
            context, share, [*access_rules, *delete_rules], add_rules,
            delete_rules)


class LeavesAShare(example.Driver):
    def delete_share(self, context, share, share_server=None, **more):
        self.update_access(context, share, [], [], [])


class TellsItsPassword(example.Driver):
    def extend_share(self, share, new_size, share_server=None, **more):
        example.LOG.debug('store %s', self.password)
        super().extend_share(share, new_size)


class TellsWhatFailed(example.Driver):
    def create_share(self, context, share, share_server=None, **more):
        try:
            return super().create_share(context, share)
        except example.compat.errors.ManilaException as exc:
            raise example.compat.errors.ShareBackendException(
                msg=f'{exc} ({self.password})') from exc


class StatisticsFail(example.Driver):
    def get_share_stats(self, refresh=False):
        self.store.used(self.password)
        return super().get_share_stats(refresh)


class MakesItOnce(example.Driver):
    def create_share(self, context, share, share_server=None, **more):
        if share['id'] in self.store.used(self.password):
            raise ValueError('twice')
        return super().create_share(context, share)


class FourMethods(page.ExampleLab):
    """Without what goes beyond the four methods."""

    faults = ()
    secrets = ()

    def external(self, backend):
        return backend


def with_driver(lab_class, driver_class):
    return type('Lab', (lab_class,), {'driver_class': driver_class})


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', '1')
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', '0.002')


def test_the_page_as_it_stands(pytester):
    pytester.makepyfile(test_example=page.LAB + '\n\n' + page.TESTS)
    result = pytester.runpytest_subprocess('-p', 'no:cacheprovider')
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {'passed', 'skipped'}
    text = result.stdout.str()
    counted = re.search(
        r'TestExample: (\d+) of (\d+) promises shown, (\d+) not tried', text)
    shown, number, untried = map(int, counted.groups())
    assert shown == outcomes['passed']
    assert number == shown + untried
    # What the page says that it says; checks come and go.
    assert re.search(r'TestExample: \d+ of \d+ promises shown, \d+ not tried',
                     page.PAGE.read_text(encoding='utf-8'))
    assert 'the lab cannot plant_strangers()\n' in text
    assert not re.search(r' 0 cases', text)


@pytest.mark.parametrize(('driver_class', 'scenario', 'check'), [
    (KeepsTheDenied, 'without_rules_nobody_gets_in', 'access.too-wide'),
    (LeavesAShare, 'a_share_lives_from_creation_to_deletion',
     'delete.leftover'),
    (TellsItsPassword, 'secrets_stay_secret', 'log.secret'),
    (TellsWhatFailed, 'secrets_stay_secret_in_failures', 'error.secret'),
    (StatisticsFail, 'statistics_never_fail', 'stats.raised'),
    (MakesItOnce, 'every_call_may_be_repeated', 'raised')])
def test_a_broken_driver_fails_in_the_lab_of_the_page(
        driver_class, scenario, check):
    lab_class = with_driver(page.ExampleLab, driver_class)
    assert catching.failed(
        lambda: catching.play(lab_class, scenario)) == check
    assert catching.failed(
        lambda: catching.play(page.ExampleLab, scenario)) == ''


def test_a_door_that_stands_open_for_a_moment_is_seen():
    report = running.histories(with_driver(page.ExampleLab, OpensFirst), 20)
    with pytest.raises(verdict.Violation) as caught:
        report.verify()
    assert caught.value.check == 'access.too-wide-meanwhile'
    running.histories(page.ExampleLab, 20).verify()


def test_four_methods_alone_say_that_they_cannot_see_it():
    report = running.histories(with_driver(FourMethods, OpensFirst), 20)
    report.verify_ends()
    for verify in (report.verify, report.verify_between):
        with pytest.raises(verdict.NotTried, match='between the changes'):
            verify()
    assert 'not tried: nobody could look between' in str(report)


def test_four_methods_alone_sweep_nothing():
    report = running.faults(FourMethods)
    assert report.cases == 0
    with pytest.raises(verdict.NotTried, match=r'external\(\)'):
        report.verify()


def test_a_sweep_without_faults_says_so():
    lab_class = type('Lab', (page.ExampleLab,), {'faults': ()})
    report = running.faults(lab_class, ['create', 'extend'])
    assert report.cases > 0
    with pytest.raises(verdict.NotTried, match='names no faults'):
        report.verify()


def test_a_sweep_of_faults_that_never_happen_says_so():
    lab_class = type('Lab', (page.ExampleLab,), {
        'arm': lambda self, fault, nth, lasting: None})
    report = running.faults(lab_class, ['create', 'extend'])
    with pytest.raises(verdict.NotTried, match='whatever arm'):
        report.verify()


def test_what_the_last_lines_say():
    kept = summary.Promises(['a', 'b'], ['c'], [
        ('d', 'no lab'), ('e', 'no time'), ('f', 'no lab')])
    assert kept.lines('TestIt') == [
        'TestIt: 2 of 6 promises shown, 1 broken, 3 not tried',
        '  no lab', '    d, f', '  no time', '    e']
