# SPDX-License-Identifier: Apache-2.0
"""Host lists that are not what a share's rules made of them."""

import contextlib

import pytest

from manila_drivers import compat
from manila_drivers.testing.conformance.labs import site
from manila_drivers.testing.simulators.vast import Fault
from tests.unit.vastdata.conftest import rule
from tests.unit.vastdata.conftest import share

errors = compat.errors
CLIENT = '10.0.0.7'
GiB = 2 ** 30


@pytest.fixture
def driver(bench):
    bench.storage = site.Memory()
    bench.sim.make_directory('/manila')
    return bench.start()


def made(driver, *rules):
    one = share()
    driver.create_share(None, one)
    if rules:
        driver.update_access(None, one, list(rules))
    return one


def change(bench, one, **lists):
    """Change lists of a policy by hand."""
    for field, hosts in lists.items():
        bench.sim.change('policy', one['id'], **{
            field: hosts, 'nfs_' + field: hosts})


def asked(bench, *shares):
    """Ids of shares whose rules the next start asks for."""
    answers = bench.start().ensure_shares(None, list(shares))
    assert all('status' not in answer for answer in answers.values())
    return {ident for ident, answer in answers.items()
            if answer.get('reapply_access_rules')}


@pytest.mark.parametrize('lists', [
    {'read_write': []}, {'read_write': ['10.0.0.9']},
    {'read_write': ['10.0.0.0/24']}, {'read_only': ['10.0.0.9']},
    {'read_write': [], 'read_only': [CLIENT]}])
def test_lists_changed_by_hand_are_noticed(bench, driver, lists):
    changed = made(driver, rule('a', CLIENT))
    kept = made(driver, rule('a', CLIENT), rule('b', '10.1.0.0/16', 'ro'))
    closed = made(driver)
    emptied = made(driver, rule('a', CLIENT))
    driver.update_access(None, emptied, [])
    change(bench, changed, **lists)
    assert asked(bench, changed, kept, closed, emptied) == {changed['id']}


def test_hosts_for_a_share_without_rules_are_noticed(bench, driver):
    one = made(driver)
    change(bench, one, read_write=[CLIENT])
    assert asked(bench, one) == {one['id']}


def test_the_same_hosts_in_other_words_are_the_same(bench, driver):
    one = made(driver, rule('a', CLIENT), rule('b', '10.0.0.8'))
    change(bench, one, read_write=['10.0.0.8/32', CLIENT + '/32'])
    assert asked(bench, one) == set()


def test_a_change_that_was_cut_off_is_noticed(bench, driver):
    one = made(driver, rule('a', CLIENT))
    bench.sim.arm(Fault(kind='reset_after', lasts=1000, match='PATCH'))
    with pytest.raises(errors.ManilaException):
        driver.update_access(None, one, [rule('b', '10.0.0.9')])
    bench.sim.disarm()
    assert asked(bench, one) == {one['id']}


def test_what_is_not_known_is_asked_for_until_it_is(bench, driver):
    """As for shares of an earlier version of the library."""
    closed, shared = made(driver), made(driver, rule('a', CLIENT))
    bench.storage.data.clear()
    assert asked(bench, closed, shared) == {closed['id']}
    bench.start().update_access(None, closed, [])
    assert asked(bench, closed, shared) == set()


def test_nothing_is_kept_of_a_share_that_is_gone(bench, driver):
    one, two = made(driver, rule('a', CLIENT)), made(driver)
    assert bench.storage.get(one['id'])
    driver.delete_share(None, one)
    driver.unmanage(two)
    assert not bench.storage.get(one['id'])
    assert not bench.storage.get(two['id'])


class Away:
    def __getattr__(self, name):
        def call(*args):
            raise OSError('no database')
        return call


def test_rules_do_not_hang_on_the_storage(bench, driver, caplog):
    bench.storage = Away()
    driver = bench.start()
    one = made(driver, rule('a', CLIENT))
    path = '/manila/manila-' + one['id']
    assert bench.sim.can_mount(CLIENT, path) == 'rw'
    driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, path) is None
    driver.delete_share(None, one)
    assert 'no database' in caplog.text


# Rules that another host has set

def test_what_another_host_made_counts(bench, driver):
    one = made(driver, rule('a', CLIENT))
    other = bench.start()
    other.update_access(None, one, [])
    # As if somebody had taken the change back by hand.
    change(bench, one, read_write=[CLIENT])
    assert driver.ensure_shares(None, [one])[one['id']][
        'reapply_access_rules']


def test_what_is_made_once_more_after_another_host_is_written_down(
        bench, driver):
    one = made(driver, rule('a', CLIENT))
    bench.start().update_access(None, one, [])
    driver.update_access(None, one, [rule('a', CLIENT)])
    assert asked(bench, one) == set()


# Round trips of the first change after a start

def test_the_first_change_takes_no_more_than_the_others(bench, driver):
    one = made(driver, rule('a', CLIENT))
    driver = bench.start()
    for rules in [rule('b', '10.0.0.9')], [rule('b', '10.0.0.9')], []:
        calls, _ = bench.calls(driver.update_access, None, one, rules)
        assert calls == 2
    assert bench.sim.can_mount(CLIENT, '/manila/manila-' + one['id']) is None


@pytest.mark.parametrize('told', ['views.policy', 'views.policy_id'])
def test_a_view_that_tells_little_stops_no_revoking(bench, driver, told):
    one = made(driver, rule('a', CLIENT))
    bench.sim.options.null_fields = {told}
    driver = bench.start()
    with contextlib.suppress(errors.ManilaException):
        driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, '/manila/manila-' + one['id']) is None


def test_a_view_that_cannot_be_read_stops_no_revoking(bench, driver):
    one = made(driver, rule('a', CLIENT))
    driver = bench.start()
    bench.sim.options.absent_fields = {'views.path'}
    with pytest.raises(errors.ManilaException, match='path'):
        driver.update_access(None, one, [])
    assert bench.sim.can_mount(CLIENT, '/manila/manila-' + one['id']) is None


def limit(bench, one):
    return bench.sim.record('quota', one['id'])['hard_limit'] // 2 ** 30


def test_a_row_of_before_a_resize_elsewhere_sets_no_limit_back(bench, driver):
    one = made(driver)
    driver.extend_share(one, 3)
    # Another process, with the row that Manila had until then.
    bench.start().ensure_shares(None, [one])
    assert limit(bench, one) == 3


def test_a_limit_changed_by_hand_is_set_back_elsewhere(bench, driver):
    one = made(driver)
    driver.extend_share(one, 3)
    bench.sim.change('quota', one['id'], hard_limit=7 * 2 ** 30)
    bench.start().ensure_shares(None, [{**one, 'size': 3}])
    assert limit(bench, one) == 3


def test_sizes_that_cannot_be_read_set_no_limit(bench, driver, monkeypatch):
    one = made(driver)
    driver.extend_share(one, 3)
    other = bench.start()

    def fail(*args):
        raise RuntimeError('the database is away')
    monkeypatch.setattr(bench.storage, 'get', fail)
    assert other.ensure_shares(None, [one])[one['id']].keys() <= {
        'export_locations', 'reapply_access_rules'}
    assert limit(bench, one) == 3


def test_nothing_is_kept_of_a_share_that_went(bench, driver):
    one = made(driver)
    driver.extend_share(one, 3)
    driver.delete_share(None, {**one, 'size': 3})
    assert not bench.storage.get(one['id'])


def test_a_size_that_another_host_has_set_hides_no_lost_limit(bench, driver):
    one = share(1)
    driver.create_share(None, one)
    driver.extend_share(one, 2)
    bench.start().extend_share({**one, 'size': 2}, 3)
    bench.sim.change('quota', one['id'], hard_limit=2 * GiB)
    driver.ensure_shares(None, [{**one, 'size': 3}])
    assert bench.sim.record('quota', one['id'])['hard_limit'] == 3 * GiB


@pytest.mark.parametrize('what', ['size', 'rules'])
def test_what_could_not_be_noted_is_not_what_another_host_did(
        bench, driver, monkeypatch, caplog, what):
    """An older note says the same as VMS, which has not made the change."""
    one = made(driver, rule('a', CLIENT))
    driver.extend_share(one, 2)
    driver.get_share_stats(refresh=True)
    usual = bench.sim.respond

    def idle(request):
        answer = usual(request)
        if request.verb == 'PATCH':
            if what == 'size':
                bench.sim.change('quota', one['id'], hard_limit=2 * GiB)
            else:
                change(bench, one, read_write=[CLIENT])
        return answer

    def away(*args, **kwargs):
        raise RuntimeError('database away')
    monkeypatch.setattr(bench.sim, 'respond', idle)
    monkeypatch.setattr(bench.storage, 'update', away)
    if what == 'size':
        driver.extend_share(one, 3)
    else:
        driver.update_access(None, one, [])
    monkeypatch.undo()
    caplog.clear()
    driver.get_share_stats(refresh=True)
    assert 'answered success to a change' in caplog.text
