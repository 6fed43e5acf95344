# SPDX-License-Identifier: Apache-2.0

"""Who gets a token, what it opens, and when it ends."""

from keystoneauth1 import discover
from keystoneauth1 import exceptions
from keystoneauth1 import session as sessions
from keystoneauth1.identity import v3
import pytest
import requests

from manila_drivers.testing.simulators import openstack


def http(sim, clock):
    session = requests.Session()
    for scheme in ('http://', 'https://'):
        session.mount(scheme, openstack.CloudAdapter(sim, clock.advance))
    return session


def password(sim, **more):
    auth = sim.auth()
    auth.pop('auth_type')
    return v3.Password(**{**auth, **more})


def connected(sim, clock, plugin):
    return sessions.Session(plugin, session=http(sim, clock))


def servers(session, **more):
    return session.get('/servers', endpoint_filter={
        'service_type': 'compute', **more}).status_code


def test_a_password_opens_the_services(sim, clock):
    session = connected(sim, clock, password(sim))
    assert servers(session) == 200
    assert session.get_project_id() == sim.keystone.project('service').id
    assert sim.logins == 1


def test_so_it_does_behind_a_port(sim):
    with openstack.CloudServer(sim) as server:
        session = sessions.Session(password(sim), verify=server.ca_file)
        assert servers(session) == 200
        assert session.get_endpoint(service_type='volumev3').startswith(
            server.url)


@pytest.mark.parametrize('wrong', [
    {'password': 'bad'}, {'username': 'nobody'}, {'project_name': 'nothing'},
    {'project_name': 'demo'}, {'user_domain_name': 'Other'}])
def test_anything_wrong_opens_nothing(sim, clock, wrong):
    session = connected(sim, clock, password(sim, **wrong))
    with pytest.raises(exceptions.Unauthorized,
                       match='requires authentication'):
        session.get_token()
    assert sim.logins == 0


@pytest.mark.parametrize('by_name', [False, True])
def test_an_application_credential_is_for_its_project(sim, clock, by_name):
    made = sim.add_application_credential('manila', 'service')
    told = ({'application_credential_name': made.name, 'username': 'manila',
             'user_domain_name': 'Default'} if by_name
            else {'application_credential_id': made.id})
    session = connected(sim, clock, v3.ApplicationCredential(
        f'{sim.url}/identity/v3', application_credential_secret=made.secret,
        **told))
    assert servers(session) == 200
    assert session.get_project_id() == sim.keystone.project('service').id
    bad = connected(sim, clock, v3.ApplicationCredential(
        f'{sim.url}/identity/v3', application_credential_secret='x', **told))
    with pytest.raises(exceptions.Unauthorized):
        bad.get_token()


def ask(sim, token):
    return requests.Request('GET', f'{sim.url}/compute/v2.1/servers',
                            headers={'X-Auth-Token': token}).prepare()


def test_a_token_ends_with_time_or_earlier(sim, clock):
    session = connected(sim, clock, password(sim))
    token, web = session.get_token(), http(sim, clock)
    assert web.send(ask(sim, token)).status_code == 200
    assert sim.expire_tokens('manila') == 1
    answer = web.send(ask(sim, token))
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == (
        f'Keystone uri="{sim.url}/identity/v3"')
    # keystoneauth gets another one by itself.
    assert servers(session) == 200
    token = session.get_token()
    clock.advance(sim.options.token_lifetime)
    assert web.send(ask(sim, token)).status_code == 401
    assert servers(session) == 200
    assert sim.logins == 3


def test_a_token_can_be_given_back(sim, clock):
    session = connected(sim, clock, password(sim))
    token = session.get_token()
    gone = session.delete(f'{sim.url}/identity/v3/auth/tokens',
                          headers={'X-Subject-Token': token})
    assert gone.status_code == 204
    assert http(sim, clock).send(ask(sim, token)).status_code == 401


def test_the_catalogue_has_regions_and_interfaces(sim, clock):
    sim.options.regions = ('RegionTwo', 'RegionOne')
    session = connected(sim, clock, password(sim))
    for interface in ('public', 'internal', 'admin'):
        assert servers(session, region_name='RegionOne',
                       interface=interface) == 200
    # Who does not say which region gets the first one.
    with pytest.raises(exceptions.ConnectFailure):
        servers(session)


def test_keystoneauth_finds_versions_from_the_catalogue(sim, clock):
    session = connected(sim, clock, password(sim))
    for kind, low, high in (('compute', (2, 1), (2, 104)),
                            ('volumev3', (3, 0), (3, 71))):
        data = session.get_endpoint_data(service_type=kind,
                                         discover_versions=True,
                                         min_version=low[0])
        assert (data.min_microversion, data.max_microversion) == (low, high)
    assert session.get_endpoint_data(
        service_type='image', min_version=2).url.endswith('/image/v2/')
    assert session.get_endpoint_data(
        service_type='network', min_version=2).url.endswith('/network/v2.0/')


def test_keystone_itself_is_found_without_a_version(sim, clock):
    session = sessions.Session(session=http(sim, clock))
    found = discover.Discover(session, f'{sim.url}/identity')
    assert found.url_for('3') == f'{sim.url}/identity/v3/'


def test_no_secret_is_in_the_log(sim, clock):
    servers(connected(sim, clock, password(sim)))
    logins = [entry for entry in sim.log if '/auth/tokens' in entry.path]
    assert logins and all(entry.raw == b'' for entry in logins)
    assert sim.password not in repr(sim.log)


@pytest.mark.parametrize('body', [
    {}, {'auth': {}}, {'auth': {'identity': {'methods': []}}},
    {'auth': {'identity': {'methods': ['password']}}},
    {'auth': {'identity': {'methods': ['password'], 'password': 3}}}])
def test_what_is_no_request_for_a_token_is_refused(sim, body):
    status, told = sim.ask('POST', '/identity/v3/auth/tokens', body)
    assert status == 400
    assert told['error']['title'] == 'Bad Request'
