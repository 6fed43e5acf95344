# SPDX-License-Identifier: Apache-2.0

"""Logging in, finding a service and its version, and what may go wrong."""

import logging
import threading

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.openstack import cloud
from manila_drivers.openstack import errors
from manila_drivers.testing.simulators import openstack
from manila_drivers.transport import meter
from manila_drivers.transport import retry

SERVICES = ('compute', 'volumes', 'networks', 'images')
Fault = openstack.Fault


@pytest.mark.parametrize('name', SERVICES)
def test_each_service_is_found_by_the_catalogue(bench, clients, name):
    getattr(clients, name).check()
    assert {line.split()[0] for line in bench.asked()} == {
        {'volumes': 'volume', 'networks': 'network', 'images': 'image'}.get(
            name, name)}


def test_a_cloud_that_is_made_has_asked_nothing(bench, clients):
    clients.close()
    assert bench.sim.asked(0) == []


def test_what_was_found_is_kept(bench, clients):
    clients.volumes.check()
    mark = bench.sim.mark()
    clients.volumes.check()
    assert bench.sim.asked(mark) == ['volume GET /limits 200']


def test_after_a_close_everything_is_found_again(bench, clients):
    clients.volumes.check()
    clients.close()
    clients.volumes.check()
    assert bench.sim.logins == 2


def test_the_project_is_that_of_the_login(bench, clients):
    found = {getattr(clients, name).project_id() for name in SERVICES}
    assert found == {bench.sim.keystone.project('service').id}


def test_logins_to_two_projects_are_told(bench, clients, caplog):
    auth = bench.sim.auth('admin', 'admin')
    clients.check()
    bench.cloud(neutron=auth).check()
    assert 'two projects' not in caplog.text
    bench.cloud(cinder=auth).check()
    assert '[nova] and [cinder] log in to two projects' in caplog.text


# Versions

@pytest.mark.parametrize(('options', 'nova', 'spoken'), [
    ({}, {}, ((2, 79), (3, 66))),
    ({'compute_max': '2.60', 'volume_max': '3.50'}, {}, ((2, 60), (3, 50))),
    ({'compute_max': '2.15'}, {}, ((2, 15), (3, 66))),
    ({'compute_min': '2.90'}, {}, ((2, 90), (3, 66))),
    ({}, {'api_microversion': '2.10'}, ((2, 10), (3, 66))),
    ({}, {'api_microversion': '2.101'}, ((2, 101), (3, 66))),
    ({}, {'api_microversion': '2.999'}, ((2, 104), (3, 66)))])
def test_the_version_is_the_wanted_one_or_the_nearest(
        make_bench, options, nova, spoken):
    clients = make_bench(**options).cloud(nova=nova)
    clients.compute.check()
    clients.volumes.check()
    assert (clients.compute._connection.version(),
            clients.volumes._connection.version()) == spoken


@pytest.mark.parametrize('told', ['latest', '2', 'x'])
def test_a_version_that_is_none_is_an_error_of_the_option(bench, told):
    clients = bench.cloud(nova={'api_microversion': told})
    with pytest.raises(exception.ConfigurationError,
                       match=r'\[nova\] api_microversion'):
        clients.compute.check()


@pytest.mark.parametrize('fault', [
    {'kind': 'status', 'code': 404}, {'kind': 'html', 'code': 404},
    {'kind': 'status', 'code': 405}])
def test_versions_are_looked_for_at_the_root_as_well(
        make_bench, fault, caplog):
    bench = make_bench(volume_max='3.50')
    bench.sim.arm(Fault(**fault, match=r'GET /volume/v3/$'))
    clients = bench.cloud()
    clients.volumes.check()
    assert clients.volumes._connection.version() == (3, 50)
    assert 'does not tell' not in caplog.text


def test_a_service_that_hides_its_versions_is_asked_for_the_wanted_one(
        bench, clients, caplog):
    bench.sim.arm(Fault('html', code=404, times=None,
                        match=r'GET /volume/(v3/)?$'))
    clients.volumes.check()
    assert clients.volumes._connection.version() == (3, 66)
    assert 'does not tell its versions' in caplog.text


def test_a_version_that_is_refused_names_the_option(make_bench):
    bench = make_bench(compute_max='2.50')
    bench.sim.arm(Fault('html', code=404, times=None,
                        match=r'GET /compute/(v2.1/)?$'))
    with pytest.raises(errors.ServiceError, match='api_microversion') as info:
        bench.cloud().compute.check()
    assert info.value.status == 406


def test_versions_that_cannot_be_told_now_are_asked_for_again(
        bench, clients):
    bench.sim.arm(Fault('status', code=503, times=3,
                        match=r'GET /compute/v2.1/$'))
    clients.compute.check()
    assert clients.compute._connection.version() == (2, 79)


def test_a_failure_to_find_the_way_is_not_kept(bench, clients):
    bench.sim.arm(Fault('status', code=500, match=r'GET /compute/v2.1/$'))
    with pytest.raises(errors.ServiceError):
        clients.compute.check()
    clients.compute.check()


# Regions

def test_a_service_in_two_regions_is_not_chosen_among(make_bench):
    bench = make_bench(regions=('RegionOne', 'RegionTwo'))
    with pytest.raises(exception.ConfigurationError,
                       match=r'\[nova\] region_name.*RegionOne.*RegionTwo'):
        bench.cloud().compute.check()
    told = bench.cloud(nova={'region_name': 'RegionOne'})
    told.compute.check()


def test_a_region_that_is_not_there_is_named_with_those_that_are(
        make_bench):
    bench = make_bench(regions=('Here',))
    with pytest.raises(exception.ConfigurationError, match='regions Here'):
        bench.cloud(glance={'region_name': 'RegionOne'}).images.check()


def test_another_interface_is_taken_if_it_is_asked_for(bench):
    clients = bench.cloud(nova={'endpoint_type': 'internalURL'})
    clients.compute.check()


def test_the_address_of_neutron_can_be_given(bench):
    url = bench.sim.url + '/network'
    clients = bench.cloud(neutron={'url': url, 'region_name': 'Nowhere'})
    clients.networks.check()
    wrong = bench.cloud(neutron={'url': 'ftp://x'})
    with pytest.raises(exception.ConfigurationError, match=r'\[neutron\] url'):
        wrong.networks.check()


def test_a_catalogue_without_the_service_says_so(bench):
    bench.altered['POST .*/auth/tokens'] = lambda data: {'token': {
        **data['token'], 'catalog': [
            each for each in data['token']['catalog']
            if each['type'] != 'image']}}
    clients = bench.cloud()
    clients.compute.check()
    with pytest.raises(exception.BackendError, match='no image service'):
        clients.images.check()


# Tokens

def test_a_token_that_is_refused_is_renewed_also_for_what_changes(
        bench, clients):
    clients.volumes.check()
    bench.sim.expire_tokens()
    made = clients.volumes.create(name='a', size=1)
    assert bench.sim.logins == 2
    assert [each.id for each in clients.volumes.list('a')] == [made.id]


def test_a_login_that_is_always_refused_ends(bench, clients):
    bench.sim.arm(Fault('status', code=401, times=None,
                        match='GET /volume'))
    with pytest.raises(exception.AccessDenied, match=r'\[cinder\]') as info:
        clients.volumes.check()
    assert info.value.status == 401
    assert bench.sim.logins == 2


def test_a_missing_role_renews_nothing(bench, clients):
    bench.sim.arm(Fault('status', code=403, match='GET /volume.*limits'))
    with pytest.raises(exception.AccessDenied):
        clients.volumes.check()
    assert bench.sim.logins == 1


def test_threads_that_find_a_token_expired_get_one_together(bench, clients):
    clients.volumes.check()
    bench.sim.expire_tokens()
    found = []
    start = threading.Barrier(8)

    def ask():
        start.wait()
        found.append(clients.volumes.limits())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(found) == 8
    assert bench.sim.logins == 2


def test_a_wrong_password_is_refused_once_and_not_quoted(bench, caplog):
    caplog.set_level(logging.DEBUG)
    clients = bench.cloud(nova={'password': 'geheim-7'})
    with pytest.raises(exception.AccessDenied, match=r'\[nova\]') as info:
        clients.compute.check()
    assert 'geheim-7' not in str(info.value) + caplog.text
    assert len(bench.sim.asked(0)) == 2


@pytest.mark.parametrize('match', ['GET .*identity', 'identity', ''])
@pytest.mark.timeout(60)
def test_keystone_that_refuses_to_tell_its_versions(bench, clients, match):
    bench.sim.arm(Fault('status', code=401, times=None, match=match))
    for _ in range(2):
        with pytest.raises(exception.AccessDenied, match=r'\[nova\]') as info:
            clients.compute.check()
        assert info.value.status == 401
    with pytest.raises(exception.AccessDenied):
        clients.compute.project_id()


def test_keystone_that_is_away_is_waited_for(bench, clients):
    begin = bench.clock()
    bench.sim.arm(Fault('refused', lasts=30, times=None, match='identity'))
    clients.compute.check()
    assert 30 <= bench.clock() - begin < 60


@pytest.mark.parametrize('fault', [
    Fault('refused', times=None, match='identity'),
    Fault('status', code=503, times=None, match='identity'),
    Fault('timeout_before', times=None, match='identity'),
    Fault('html', code=502, times=None, match='identity')])
def test_keystone_that_stays_away_is_given_up(bench, clients, fault):
    bench.sim.arm(fault)
    begin = bench.clock()
    with retry.patience(20), pytest.raises(
            exception.Unreachable, match=r'login of \[nova\].*auth_url'):
        clients.compute.create_server(name='a', flavor='1', image='i',
                                      ports=('p',))
    assert bench.clock() - begin < 200


@pytest.mark.parametrize('body', [
    '', '{"token": ', 'null', '[]', '{}', '{"token": null}', '{"token": []}',
    '{"token": {"expires_at": "tomorrow"}}'])
def test_keystone_that_answers_nonsense_is_no_login(bench, clients, body):
    bench.altered['POST .*/auth/tokens'] = body
    with retry.patience(1), pytest.raises(exception.DriverError,
                                          match=r'\[nova\]'):
        clients.compute.check()


@pytest.mark.parametrize('kind', ['cut_off', 'truncated', 'reset_after'])
def test_a_token_that_is_lost_on_the_way_is_asked_for_again(
        bench, clients, kind):
    bench.sim.arm(Fault(kind, match='POST .*/auth/tokens'))
    clients.compute.check()
    assert bench.sim.logins == 2


def test_keystone_is_asked_for_nothing_that_has_to_be_unpacked(
        bench, clients):
    seen = []
    keep = bench.sim.handle

    def handle(request):
        seen.append((request.headers['Accept-Encoding'],
                     request.headers['User-Agent'].split()[0]))
        return keep(request)

    bench.sim.handle = handle
    clients.compute.check()
    assert set(seen) == {('identity', 'manila_drivers')}


def test_an_application_credential_logs_in(bench):
    credential = bench.sim.add_application_credential(
        'manila', 'service', 'c')
    clients = bench.cloud(nova={
        'auth_type': 'v3applicationcredential', 'username': None,
        'password': None, 'project_name': None, 'user_domain_name': None,
        'project_domain_name': None,
        'application_credential_id': credential.id,
        'application_credential_secret': credential.secret})
    clients.compute.check()
    assert clients.compute.project_id() == clients.volumes.project_id()


def test_an_endpoint_can_be_fixed(bench):
    clients = bench.cloud(neutron={
        'auth_type': 'none', 'endpoint': bench.sim.url + '/network'})
    # Without a token the answer is no.
    with pytest.raises(exception.AccessDenied):
        clients.networks.check()
    with pytest.raises(exception.ConfigurationError, match='no project'):
        clients.networks.project_id()


def test_no_secret_is_logged(bench, caplog):
    caplog.set_level(logging.DEBUG)
    tokens = []
    keep = bench.sim.handle

    def handle(request):
        tokens.append(request.headers.get('X-Auth-Token') or 'none')
        return keep(request)

    bench.sim.handle = handle
    bench.altered[r'POST /compute/v2.1/servers'] = (
        '{"server": {"id": "a", "adminPass": "S3cret"}}')
    clients = bench.cloud()
    clients.networks.create_network('n')
    clients.compute.create_server(name='a', flavor='nope', image='i',
                                  ports=('p',), user_data='dXNlcg==')
    bench.altered[r'POST /compute/v2.1/servers'] = '{"adminPass": "S3cret'
    with pytest.raises(exception.OutcomeUnknown) as info:
        clients.compute.create_server(name='a', flavor='nope', image='i',
                                      ports=('p',), user_data='dXNlcg==')
    assert 'S3cret' not in str(info.value)
    assert len(set(tokens)) > 2
    for word in (*set(tokens) - {'none'}, bench.sim.auth()['password'],
                 'S3cret', 'dXNlcg=='):
        assert word not in caplog.text


# Configuration

@pytest.mark.parametrize(('changes', 'named'), [
    ({'auth_type': None}, r'\[cinder\] auth_type: is not set'),
    ({'auth_type': 'nosuch'}, r'\[cinder\] auth_type: no such plug-in'),
    ({'auth_url': None}, r'\[cinder\] auth_url')])
def test_a_login_that_is_not_configured_names_the_option(
        bench, changes, named):
    clients = bench.cloud(cinder=changes)
    with pytest.raises(exception.ConfigurationError, match=named):
        clients.volumes.check()
    clients.compute.check()


def test_a_login_of_another_section(bench, tmp_path):
    clients = bench.cloud(
        nova={'auth_section': 'cinder', 'password': None,
              'auth_type': None, 'auth_url': None})
    clients.compute.check()


def test_older_names_of_options_are_read(bench):
    auth = bench.sim.auth()
    clients = bench.cloud(nova={
        'auth_type': None, 'auth_plugin': auth['auth_type'],
        'username': None, 'user-name': auth['username'],
        'project_name': None, 'tenant_name': auth['project_name']})
    clients.compute.check()


def test_a_short_timeout_does_not_give_up_what_succeeds(make_bench, caplog):
    caplog.set_level(logging.INFO)
    bench = make_bench(create_server_takes=24)
    clients = bench.cloud(nova={'timeout': 5})
    image = clients.images.images('manila-service-image')[0]
    network = clients.networks.create_network('n')
    subnet = clients.networks.create_subnet(network.id, cidr='10.1.0.0/28')
    port = clients.networks.create_port(
        network.id, fixed_ips=[{'subnet_id': subnet.id}])
    made = clients.compute.create_server(
        name='a', flavor='100', image=image.id, ports=[port.id])
    assert [each.id for each in clients.compute.servers()] == [made.id]
    assert 'timeout is 5.0 s' in caplog.text


# The transport's promises

def test_round_trips_are_counted(clients):
    with meter.measure() as measured:
        clients.volumes.check()
    # Versions of Keystone, token, versions of Cinder, limits.
    assert measured.counts == {'REST': 4}


def test_a_dry_run_logs_in_and_reads_and_changes_nothing(bench, clients):
    def operation():
        with plan.dry_run():
            clients.volumes.check()
            clients.volumes.create(name='a', size=1)

    with pytest.raises(plan.NotPlanned, match='/volumes'):
        operation()
    assert not [line for line in bench.asked() if ' POST ' in line]


def test_a_spell_of_failures_is_sat_out(bench, clients):
    clients.volumes.check()
    bench.sim.arm(Fault('status', code=503, lasts=40, times=None,
                        match='/volume/'))
    begin = bench.clock()
    clients.volumes.check()
    assert 40 <= bench.clock() - begin < 60


@pytest.mark.parametrize('kind', [
    'reset_after', 'timeout_after', 'truncated', 'cut_off', 'empty'])
def test_something_made_whose_answer_is_lost_is_not_made_again(
        bench, clients, kind):
    clients.volumes.check()
    bench.sim.arm(Fault(kind, match='POST /volume/.*/volumes$'))
    with pytest.raises((exception.OutcomeUnknown, exception.BackendError)
                       if kind == 'empty' else exception.OutcomeUnknown):
        clients.volumes.create(name='a', size=1, metadata={'k': 'v'})
    assert len(clients.volumes.list('a', {'k': 'v'})) == 1


@pytest.mark.parametrize('code', [500, 502, 503, 504])
def test_a_failure_leaves_open_what_a_post_has_done(bench, clients, code):
    clients.volumes.check()
    bench.sim.arm(Fault('status', code=code, before=False,
                        match='POST /volume/.*/volumes$'))
    with pytest.raises(exception.OutcomeUnknown):
        clients.volumes.create(name='a', size=1)
    assert len(clients.volumes.list('a')) == 1


def test_a_post_that_was_never_sent_is_sent_again(bench, clients):
    clients.volumes.check()
    bench.sim.arm(Fault('refused', times=2, match='POST /volume'))
    clients.volumes.create(name='a', size=1)
    assert len(clients.volumes.list('a')) == 1


def test_a_post_is_sent_again_after_a_pause_that_is_asked_for(
        bench, clients):
    clients.volumes.check()
    bench.sim.arm(Fault('status', code=429, headers={'Retry-After': '7'},
                        match='POST /volume'))
    begin = bench.clock()
    clients.volumes.create(name='a', size=1)
    assert bench.clock() - begin >= 7


@pytest.mark.parametrize('kind', ['truncated', 'cut_off', 'html', 'empty'])
def test_a_list_that_cannot_be_read_is_not_an_empty_one(
        bench, clients, kind):
    clients.volumes.check()
    bench.sim.arm(Fault(kind, match='GET /volume/.*detail'))
    clients.volumes.create(name='a', size=1)
    assert len(clients.volumes.list()) == 1
    bench.sim.arm(Fault(kind, times=None, match='GET /volume/.*detail'))
    with retry.patience(5), pytest.raises(exception.OutcomeUnknown):
        clients.volumes.list()


# A real connection

@pytest.mark.parametrize('options', [{}, {'insecure': 'true'},
                                     {'tls_min_version': '1.2'}])
def test_over_tls(bench, options):
    with openstack.CloudServer(bench.sim) as server:
        told = {'cafile': server.ca_file, **options}
        if 'insecure' in options:
            del told['cafile']
        conf = bench.conf(nova=told, cinder=told)
        clients = cloud.Cloud(conf)
        clients.compute.check()
        clients.volumes.check()
        clients.close()


def test_a_certificate_that_nobody_knows_ends_it_at_once(bench):
    with openstack.CloudServer(bench.sim):
        clients = cloud.Cloud(bench.conf())
        with pytest.raises(exception.NotTrusted, match=r'cafile in \[nova\]'):
            clients.compute.check()
        clients.close()
