# SPDX-License-Identifier: Apache-2.0

"""Every misconfiguration has an error of its own when the service starts."""

import logging

import pytest

from manila_drivers import compat
from manila_drivers.testing.simulators.vast import Fault
from manila_drivers.testing.simulators.vast import VmsServer
from tests.unit.vastdata.conftest import path_of
from tests.unit.vastdata.conftest import share


def start(driver):
    driver.do_setup(None)
    driver.check_for_setup_error()


def message(bench, adapter=True, **changes):
    """Return what the operator reads after a start that failed."""
    driver = bench.make(adapter, **changes)
    with pytest.raises(compat.errors.ManilaException) as caught:
        start(driver)
    text = str(caught.value)
    assert 'VAST' in text
    assert bench.sim.password not in text
    assert bench.sim.api_token not in text
    return text


@pytest.mark.parametrize(('changes', 'option'), [
    ({'vast_mgmt_host': None}, 'vast_mgmt_host'),
    ({'vast_mgmt_user': None}, 'vast_mgmt_user'),
    ({'vast_mgmt_password': None}, 'vast_mgmt_password'),
    ({'vast_vippool_name': None}, 'vast_vippool_name'),
    ({'vast_root_export': 'a/../b'}, 'vast_root_export'),
    ({'vast_nfs_protocols': ''}, 'vast_nfs_protocols'),
    ({'vast_ssl_cert_path': '/nonexistent/ca.pem'}, 'vast_ssl_cert_path')])
def test_what_can_be_seen_without_traffic_makes_none(bench, changes, option):
    assert 'Option ' + option in message(bench, **changes)
    assert bench.sim.calls == 0


def test_a_file_that_is_no_bundle_of_certificates(bench, tmp_path):
    path = tmp_path / 'ca.pem'
    path.write_text('not a certificate')
    assert 'Option vast_ssl_cert_path' in message(
        bench, vast_ssl_cert_path=path)


def start_up_faults():
    """Ways to be misconfigured, and what the error has to name."""
    return {
        'wrong password': (
            lambda bench: {'vast_mgmt_password': 'not-it'},
            ['vast_mgmt_password', "'admin'"]),
        'wrong token': (
            lambda bench: {'vast_api_token': 'not-it'},
            ['vast_api_token']),
        'missing pool': (
            lambda bench: {'vast_vippool_name': 'pool-b'},
            ['vast_vippool_name', "'pool-b'"]),
        'disabled pool': (
            lambda bench: bench.sim.change('pool', 'pool-a', enabled=False),
            ['vast_vippool_name', 'disabled']),
        'pool for replication': (
            lambda bench: bench.sim.change('pool', 'pool-a',
                                           role='REPLICATION'),
            ['vast_vippool_name', 'REPLICATION']),
        'pool of another tenant': (
            lambda bench: bench.sim.change(
                'pool', 'pool-a', tenant_id=bench.sim.add_tenant('other')),
            ['vast_vippool_name', 'tenant']),
        'pools not readable': (
            lambda bench: bench.sim.options.permission_denied.add('vippools'),
            ['vast_vippool_name', 'vast_export_addresses']),
        'trash off': (
            lambda bench: setattr(bench.sim.options, 'trash_enabled', False),
            ['Trash Folder Access', 'Settings > Cluster > General']),
        'old version': (
            lambda bench: setattr(bench.sim.options, 'sw_version',
                                  '4.6.0-1.1'),
            ['4.6.0-1.1', '4.7', 'vast_mgmt_host']),
        'unknown tenant': (
            lambda bench: {'vast_tenant_name': 'nobody'},
            ['vast_tenant_name', "'nobody'"]),
        'unknown qos policy': (
            lambda bench: {'vast_qos_policy': 'gold'},
            ['vast_qos_policy', "'gold'"]),
        'unreachable': (
            lambda bench: bench.sim.arm(Fault('refused', times=None)),
            ['vast_mgmt_host', 'vms.example']),
        'silent': (
            lambda bench: bench.sim.arm(Fault('timeout_before', times=None)),
            ['vast_mgmt_host', 'vms.example']),
        'open parent view': (
            lambda bench: (bench.sim.make_directory('/manila'),
                           bench.sim.make_share('parent', path='/manila',
                                                rw=['*']))[0] or {
                'vast_open_parent_view': 'refuse'},
            ['vast_open_parent_view', '/manila']),
    }


@pytest.mark.parametrize('name', start_up_faults())
def test_each_misconfiguration_is_named(bench, name):
    arrange, words = start_up_faults()[name]
    changes = arrange(bench)
    text = message(bench, **(changes if isinstance(changes, dict) else {}))
    for word in words:
        assert word in text


def test_no_two_misconfigurations_read_alike(tmp_path):
    from tests.unit.vastdata.conftest import Bench
    texts = {}
    for name, (arrange, _) in start_up_faults().items():
        bench = Bench(tmp_path)
        changes = arrange(bench)
        text = message(bench,
                       **(changes if isinstance(changes, dict) else {}))
        if name != 'silent':
            texts[name] = text.split(' Answer:')[0]
    assert len(set(texts.values())) == len(texts)


def test_the_wrong_authority_is_named_and_gets_no_password(bench):
    with VmsServer(bench.sim) as server:
        text = message(bench, adapter=False, vast_mgmt_host=server.host,
                       vast_mgmt_port=server.port)
    assert 'Option vast_ssl_cert_path' in text
    assert bench.sim.calls == 0


def test_the_right_authority_is_accepted(bench):
    with VmsServer(bench.sim) as server:
        driver = bench.start(adapter=False, vast_mgmt_host=server.host,
                             vast_mgmt_port=server.port,
                             vast_ssl_cert_path=server.ca_file)
        assert driver.create_share(None, share())


def test_an_open_parent_is_warned_of_by_default(bench, caplog):
    bench.sim.make_directory('/manila')
    bench.sim.make_share('parent', path='/manila', rw=['*'])
    bench.start()
    assert 'walk into every share' in caplog.text


def test_a_closed_parent_is_no_matter(bench, caplog):
    bench.sim.make_directory('/manila')
    bench.sim.make_share('parent', path='/manila')
    bench.start(vast_open_parent_view='refuse')
    assert 'walk into' not in caplog.text


def test_setting_up_again_after_a_failure_works(bench):
    driver = bench.make()
    bench.sim.arm(Fault('refused', times=None))
    for _ in range(2):
        driver.do_setup(None)
        with pytest.raises(compat.errors.ManilaException):
            driver.check_for_setup_error()
    bench.sim.disarm()
    driver.do_setup(None)
    driver.check_for_setup_error()
    assert driver.create_share(None, share())


def test_a_token_needs_no_login(bench):
    driver = bench.start(vast_api_token=bench.sim.api_token,
                         vast_mgmt_user=None, vast_mgmt_password=None)
    driver.create_share(None, share())
    assert bench.sim.logins == 0
    assert not [entry for entry in bench.sim.log if 'token' in entry.path]


def test_a_start_does_not_wait_long_for_a_server(bench):
    """Manila repeats it; a wrong address is to be told at once."""
    driver = bench.make(vast_read_timeout=1)
    bench.sim.arm(Fault('timeout_before', times=None))
    driver.do_setup(None)
    before = bench.clock.now
    with pytest.raises(compat.errors.ManilaException):
        driver.check_for_setup_error()
    assert bench.clock.now - before <= 5


@pytest.mark.parametrize(('changes', 'calls'), [
    ({'vast_retries': 0}, 1), ({'vast_retries': 2}, 3),
    ({'vast_retry_timeout': 0}, 1)])
def test_an_operator_may_want_less_patience(bench, changes, calls):
    driver = bench.start(**changes)
    bench.sim.arm(Fault('refused', times=None))
    before = bench.sim.calls
    with pytest.raises(compat.errors.ManilaException):
        driver.extend_share(share(), 2)
    assert bench.sim.calls == before + calls


def test_the_constructor_and_set_up_talk_to_nobody(bench):
    bench.make().do_setup(None)
    assert bench.sim.calls == 0


@pytest.mark.parametrize(('text', 'root'), [
    ('manila', '/manila'), ('/manila', '/manila'), ('//a//b/', '/a/b'),
    ('/', ''), ('', '')])
def test_the_root_is_normalised(bench, text, root):
    driver = bench.start(vast_root_export=text)
    one = share()
    assert path_of(driver.create_share(None, one)) == (
        root + '/manila-' + one['id'])


def test_explicit_addresses_need_no_pool(bench):
    bench.sim.options.permission_denied.add('vippools')
    driver = bench.start(
        vast_vippool_name=None,
        vast_export_addresses='nfs.example,2001:db8::7')
    locations = driver.create_share(None, share())
    assert [location['path'].partition('/')[0] for location in locations] \
        == ['nfs.example:', '[2001:db8::7]:']


def test_addresses_are_few_stable_and_bracketed(bench):
    bench.sim.add_pool('wide', '2001:db8::1-2001:db8:ffff::1',
                       '10.8.0.1-10.8.255.255')
    driver = bench.start(vast_vippool_name='wide',
                         vast_max_export_locations=3)
    locations = driver.create_share(None, share())
    assert [location['path'].partition('/')[0] for location in locations] \
        == ['[2001:db8::1]:', '[2001:db8::2]:', '[2001:db8::3]:']
    assert [location['metadata']['preferred'] for location in locations] \
        == [True, False, False]


def test_a_pool_that_grows_changes_the_backend_info(bench):
    driver = bench.start()
    before = driver.get_backend_info(None)
    bench.sim.change('pool', 'pool-a',
                     ip_ranges=[['10.9.0.1', '10.9.0.9']])
    bench.clock.sleep(301)
    after = driver.get_backend_info(None)
    assert before != after
    assert all(isinstance(value, str) for value in after.values())


def test_secrets_are_in_no_log_and_no_text(bench, caplog):
    with caplog.at_level(logging.DEBUG):
        driver = bench.start()
        one = share()
        driver.create_share(None, one)
        bench.sim.expire_tokens()
        driver.delete_share(None, one)
    assert bench.sim.password not in caplog.text
    assert 'eyJ' not in caplog.text.replace('keyJ', '')
    assert bench.sim.password not in repr(driver._backend.settings)
